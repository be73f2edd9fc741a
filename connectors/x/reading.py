"""An account as batches: each list on its own time, as often as the plan allows, for X counts and charges what is read."""

from collections.abc import AsyncGenerator, Iterable
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from connectors.polling import LONG_AGO, Pieces, Reach, now
from connectors.rest import Json, objects
from connectors.x import parse
from connectors.x.api import DIRECT, PAGE, POSTS, XApi
from connectors.x.config import XConfig
from connectors.x.parse import Passed
from connectors.x.place import Place
from connectors.x.shapes import Direct, Includes, Post
from inbox.contract import Batch, Event, Rejected

MOST_PAGES = 8  # X lists no more than the latest 800 mentions
DIRECT_PAGES = 20
FEWEST = 5  # entries that a page may be asked for
CHECKED, CHECK_AFTER = 50, timedelta(days=1)  # posts that are asked for again, and how often: each one is charged
OVERLAP = timedelta(minutes=5)
SOONEST = 1.0  # seconds


class Reader:
    """One stream of an account."""

    def __init__(self, api: XApi, config: XConfig, place: Place) -> None:
        self.api, self.me, self.place, self._history = api, config.account, place, config.history
        lists = ["mentions"] + ["tweets"] * config.own_posts + ["direct"] * config.direct_messages
        self.due = dict.fromkeys(lists, LONG_AGO)

    async def look(self) -> Iterable[Batch]:
        """What is new in the lists whose time has come, oldest first."""
        before, pieces = None if self.place.is_new else str(self.place), Pieces()
        for name in [name for name, at in self.due.items() if at <= now()]:
            if name == "direct":
                await self._direct(pieces)
            else:
                await self._posts(name, pieces)
            self.due[name] = now() + timedelta(seconds=self.api.pause())
        if now() - self.place.checked > CHECK_AFTER:
            await self._check(pieces)
        self.place.is_new = False
        pieces.events.sort(key=lambda event: event.at)
        return pieces.batches(before, str(self.place))

    def pause(self) -> float:
        """Seconds until the time of a list has come."""
        return max(SOONEST, (min(self.due.values()) - now()).total_seconds())

    async def _posts(self, name: str, pieces: Pieces) -> None:
        """https://docs.x.com/x-api/users/get-mentions, /users/get-posts: after `since_id`, the newest first."""
        since = self.place.since.get(name)
        entries, beside, pages = list[Json](), Includes(), 0
        params: dict[str, Any] = POSTS | ({"since_id": since} if since else {})
        if since is None:
            params["max_results"] = max(FEWEST, min(PAGE, self._history))
        async for told in self.api.pages(f"/2/users/{self.me}/{name}", params, MOST_PAGES):
            entries, pages = entries + objects(told.get("data")), pages + 1
            _add(beside, told)
            if since is None and len(entries) >= self._history:
                break
        pieces.gap = pieces.gap or (since is not None and pages == MOST_PAGES)
        self.place.since[name] = max([since or "", *(str(entry.get("id", "")) for entry in entries)], key=_number)
        for entry in (entries if since is not None else entries[: self._history])[::-1]:
            self._take("post", entry, beside, pieces, only_known=name == "tweets")

    async def _direct(self, pieces: Pieces) -> None:
        """https://docs.x.com/x-api/direct-messages/get-dm-events: the newest first, of the last thirty days."""
        beside = Includes()

        async def pages() -> AsyncGenerator[list[Json]]:
            async for told in self.api.pages("/2/dm_events", dict(DIRECT), DIRECT_PAGES):
                _add(beside, told)
                yield objects(told.get("data"))

        reach = Reach(self.place.direct, self._history, OVERLAP)
        entries = await reach.read(pages(), _written, DIRECT_PAGES)
        pieces.gap = pieces.gap or reach.gap
        until, self.place.direct = self.place.direct, reach.newest
        for entry in entries[::-1]:
            if until is None or (_written(entry) or until) >= until - OVERLAP:
                self._take("direct", entry, beside, pieces)

    def _take(self, kind: str, entry: Json, beside: Includes, pieces: Pieces, *, only_known: bool = False) -> None:
        try:
            for event in read(kind, entry, beside, self.me):
                if only_known and event.parent_id not in self.place.posts.known:
                    raise Passed("an answer of ours elsewhere")
                if kind == "post":
                    self.place.posts.see(event.message_id, "")
                pieces.events.append(event)
        except Passed as passed:
            pieces.pass_over(str(passed))
        except ValidationError as error:
            pieces.reject(kind, entry, error)

    async def _check(self, pieces: Pieces) -> None:
        """Which of the latest posts are gone (https://docs.x.com/x-api/posts/get-posts-by-ids)."""
        self.place.checked = now()
        names = self.place.posts.latest(CHECKED)
        if not names:
            return
        told = await self.api.get("/2/tweets", ids=",".join(names))
        for error in objects(told.get("errors")):
            name = str(error.get("resource_id") or error.get("value") or "")
            if name in names and str(error.get("type", "")).endswith("resource-not-found"):
                self.place.posts.forget(name)
                pieces.events.append(parse.deletion(name, now()))


def read(kind: str, entry: Any, beside: Includes, me: str) -> list[Event]:
    """An entry of a list as events. Raises Passed, or ValidationError."""
    if kind == "direct":
        return [parse.direct(Direct.model_validate(entry), beside, me)]
    return list(parse.message(Post.model_validate(entry), beside, me))


def reread(raw: bytes, kind: str, entry: Any, me: str) -> Batch:
    """An entry that was kept, if it can be read by now."""
    try:
        return Batch(read(kind, entry, Includes(), me))
    except Passed as passed:
        return Batch(passed_over={str(passed): 1})
    except ValidationError as error:
        pieces = Pieces()
        pieces.reject(kind, entry, error)
        return Batch(rejected=[Rejected(raw, pieces.rejected[0].reason)])


def _add(beside: Includes, told: Json) -> None:
    more = Includes.read(told.get("includes"))
    beside.users |= more.users
    beside.posts |= more.posts
    beside.media |= more.media


def _written(entry: Json) -> datetime | None:
    try:
        return Direct.model_validate(entry).created_at
    except ValidationError:
        return None


def _number(name: str) -> int:
    return int(name) if name.isdecimal() else -1
