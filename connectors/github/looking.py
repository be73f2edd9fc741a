"""Looks at what has changed: issues, their comments, and discussions, oldest first.

https://docs.github.com/en/rest/issues/issues#list-repository-issues and
https://docs.github.com/en/rest/issues/comments#list-issue-comments-for-a-repository, by `since`.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from connectors.github import discussions, hooks, parse
from connectors.github.api import Api, Json
from connectors.github.place import Place
from connectors.github.shapes import Reaction, Remark, Said, Topic
from inbox.contract import Batch, Event, EventKind, Permanent, Rejected

AT_ONCE = 100
MOMENT = timedelta(seconds=1)  # some servers write a comment in two steps
NEVER, FOREVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class Looker:
    """One repository's looks."""

    def __init__(self, api: Api, repository: str, place: Place) -> None:
        self.place = place
        self._api, self._repository = api, repository
        self._events: list[Event] = []
        self._rejected: list[Rejected] = []
        self._passed: dict[str, int] = {}
        self._refused: set[bytes] = set()

    async def look(self) -> AsyncGenerator[Batch]:
        """Everything that has changed; only the last batch moves the place."""
        self._events, self._rejected, self._passed = [], [], {}
        if "issues" in self.place.since:
            await self._list("issues", state="all")
            await self._list("issues/comments")
        if "discussions" in self.place.since:
            await self._discussions()
        for batch in self._batches(str(self.place)):
            yield batch

    async def listed(self, post_id: str) -> AsyncGenerator[Batch]:
        """All that stands under an issue or a discussion now."""
        kind, number, _ = parse.split(post_id)
        if kind == parse.DISCUSSIONS:
            found = await discussions.one(self._api, self._repository, number)
            await self._take(found, kind)
            async with aclosing(discussions.comments(self._api, str(found["node_id"]))) as remarks:
                async for entry in remarks:
                    await self._take(entry, kind, found)
        else:
            found = await self._api.get(f"issues/{number}")
            await self._take(found, kind)
            async with aclosing(self._api.pages(f"issues/{number}/comments")) as pages:
                async for page in pages:
                    for entry in page:
                        await self._take(entry, kind, found)
        for batch in self._batches(None):
            yield batch

    def _batches(self, cursor: str | None) -> list[Batch]:
        events = sorted(self._events, key=lambda event: event.at)
        parts = [events[start : start + AT_ONCE] for start in range(0, len(events), AT_ONCE)] or [[]]
        last = Batch(parts[-1], cursor, rejected=self._rejected, passed_over=self._passed)
        return [*(Batch(part) for part in parts[:-1]), last]

    async def _list(self, path: str, **params: str) -> None:
        since = self.place.asked(path).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        async with aclosing(self._api.pages(path, only_news=True, since=since, sort="updated", direction="asc", **params)) as pages:
            async for page in pages:
                for entry in page:
                    await self._take(entry, parse.ISSUES)
                    self.place.reached(path, _time(entry, "updated_at", NEVER))

    async def _discussions(self) -> None:
        since = self.place.asked("discussions")
        for found in await discussions.changed(self._api, self._repository, since):
            await self._take(found, parse.DISCUSSIONS)
            async with aclosing(discussions.comments(self._api, str(found["node_id"]))) as remarks:
                async for entry in remarks:
                    if _time(entry, "changed_at", FOREVER) >= since:
                        await self._take(entry, parse.DISCUSSIONS, found)
            self.place.reached("discussions", _time(found, "changed_at", NEVER))

    async def _take(self, entry: Json, kind: str, about: Json | None = None) -> None:
        """One entry of a list: what cannot be read is kept as if it had been pushed, what means nothing is counted."""
        try:
            is_topic = about is None and entry.get("issue_url") is None
            said = Topic.model_validate(entry) if is_topic else Remark.model_validate(entry)
            if "/pull/" in said.html_url or (isinstance(said, Topic) and said.pull_request is not None):
                self._passed["a pull request"] = self._passed.get("a pull request", 0) + 1
                return
            self._said(said, kind, entry, about)
            await self._reactions(said, self._events[-1].message_id)
        except (ValueError, OverflowError) as error:  # ValidationError too
            raw = _as_pushed(entry, kind, about)
            if raw not in self._refused:  # the latest entries are listed again with each look
                self._refused.add(raw)
                self._rejected.append(Rejected(raw, hooks.reason(error)))

    def _said(self, said: Said, kind: str, entry: Json, about: Json | None) -> None:
        """The message, and its edit where its words have changed since it was written."""
        if isinstance(said, Topic):
            event = parse.topic(kind, said, entry)
            is_edited = self.place.note(event.message_id, parse.digest(said))
            edit = parse.topic(kind, said, entry, EventKind.EDIT) if is_edited else None
        else:
            assert isinstance(said, Remark)  # noqa: S101  # there are two
            topic = Topic.model_validate(about) if about else None
            number = topic.number if topic else _number(said.issue_url)
            event = parse.remark(kind, number, said, entry, topic)
            is_edited = said.updated_at is not None and said.updated_at - said.created_at >= MOMENT
            edit = parse.remark(kind, number, said, entry, topic, EventKind.EDIT) if is_edited else None
        self._events += [edit, event] if edit else [event]

    async def _reactions(self, said: Said, name: str) -> None:
        """Who has reacted: no webhook tells, and a list tells only how often."""
        kind, number, comment = parse.split(name)
        if not said.reactions.total_count or kind == parse.DISCUSSIONS:
            return
        path = f"issues/comments/{comment}" if comment else f"issues/{number}"
        try:
            found: Any = await self._api.get(f"{path}/reactions", per_page=100)
            self._events[-1:] = [*(parse.reaction(name, Reaction.model_validate(one)) for one in found), self._events[-1]]
        except (Permanent, ValidationError, TypeError):  # the words are what matters
            return


def _time(entry: Json, name: str, otherwise: datetime) -> datetime:
    """A time of an entry that nobody has checked yet."""
    try:
        found = datetime.fromisoformat(str(entry.get(name)))
    except ValueError:
        return otherwise
    return found if found.tzinfo else otherwise


def _number(issue_url: str) -> int:
    return int(issue_url.rpartition("/")[2])


def _as_pushed(entry: Json, kind: str, about: Json | None) -> bytes:
    """An entry in the shape of a delivery, to be read again as one."""
    below = about is not None or entry.get("issue_url") is not None
    names = ("issue_comment", "issue") if kind == parse.ISSUES else ("discussion_comment", "discussion")
    address = str(entry.get("issue_url") or "")
    above = about or {"number": address.rpartition("/")[2], "created_at": entry.get("created_at")}
    payload = {"action": "created", names[1]: above, "comment": entry} if below else {"action": "opened", names[1]: entry}
    name = names[0] if below else {"issue": "issues", "discussion": "discussion"}[names[1]]
    return json.dumps({"event": name, "body": json.dumps(payload)}).encode()
