"""The account as a stream of batches, by looking again and again: the network tells nobody when something happens.

Notifications say which posts are for us; the posts themselves are asked for with their pictures, 25 at once. Our own records say what
colleagues answered elsewhere. What was deleted nobody tells: the latest posts are looked at again from time to time (`changes`).
"""

import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from pydantic import ValidationError

from connectors.bluesky import changes, pages, parse
from connectors.bluesky.parse import Passed
from connectors.bluesky.place import Place
from connectors.bluesky.server import Server
from connectors.bluesky.shapes import Json, Notification, Post, as_dict, as_text
from connectors.bluesky.threads import Threads
from inbox.contract import Batch, Event, Rejected

IN_A_BATCH = 50
SWEEP = 300.0  # seconds between two looks for deletions
MOST_SEEN = 5000
SAYING = {"mention", "reply", "quote"}  # reasons of notifications that are messages


class Reader:
    """One stream of an account."""

    def __init__(self, server: Server, me: Json, place: Place, history: int) -> None:
        self.server, self.me, self.place, self._history = server, me, place, history
        self.did = as_text(me.get("did"))
        self.threads = Threads(server, self.did)
        self._seen: dict[str, None] = {}
        self._answers: dict[str, bool] = {}  # posts of our own that people reacted to: whether they are answers
        self._swept = float("-inf")

    async def look(self) -> AsyncGenerator[Batch]:
        """Everything that is new, oldest first."""
        is_new, place = self.place.is_new, self.place
        if is_new:
            found = await pages.latest(self.server, self._history)
            place.begun = place.notification = found.before
        else:
            found = await pages.since(self.server, place.notification, place.begun)
        entries = self._unseen(found.entries, "reason")
        for start in range(0, len(entries), IN_A_BATCH):
            some = entries[start : start + IN_A_BATCH]
            place.notification = max(place.notification, min(datetime.now(UTC), max(map(pages.moment, some))))
            yield await self._batch(some, found.gap and not start)
        async with aclosing(self._own()) as batches:
            async for batch in batches:
                yield batch
        if is_new:
            place.is_new = False
            yield Batch(cursor=str(place))
        if time.monotonic() - self._swept >= SWEEP:
            deleted = await changes.sweep(self.server, place)
            self._swept = time.monotonic()
            yield Batch(deleted, cursor=str(place))

    async def _own(self) -> AsyncGenerator[Batch]:
        """What was said from the account itself, here or elsewhere."""
        if self.place.is_new:
            records, self.place.own, self.place.own_begun = await pages.latest_own(self.server, self.did, self._history)
            unseen = self._unseen(map(self._as_post, records), "reason")
            for start in range(0, len(unseen), IN_A_BATCH):
                yield await self._batch(unseen[start : start + IN_A_BATCH])
            return
        async with aclosing(pages.own(self.server, self.did, self.place.own, self.place.own_begun)) as found:
            async for records, last in found:
                self.place.own = last
                unseen = self._unseen(map(self._as_post, records), "reason")
                if unseen:
                    yield await self._batch(unseen)

    def _as_post(self, record: Json) -> Json:
        """A record of our own as the network would show it."""
        value = as_dict(record.get("value"))
        return {**record, "author": self.me, "record": value, "indexedAt": value.get("createdAt")}

    def _unseen(self, entries: Iterable[Json], *parts: str) -> list[Json]:
        unseen: list[Json] = []
        for entry in entries:
            name = " ".join(as_text(entry.get(part)) for part in ("uri", *parts))
            if name not in self._seen:
                self._seen[name] = None
                unseen.append(entry)
        while len(self._seen) > MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        return unseen

    async def _batch(self, entries: Sequence[Json], gap: bool = False) -> Batch:
        """Read these; what cannot be read is kept, what means nothing is counted."""
        shown = await self._shown(entries)
        events, rejected, passed = list[Event](), list[Rejected](), Counter[str]()
        for entry in entries:
            try:
                events.append(await self._event(entry, shown))
            except Passed as reason:
                passed[str(reason)] += 1
            except ValidationError as error:
                rejected.append(Rejected(json.dumps(entry).encode(), reason_of(error)))
        return Batch(events, str(self.place), gap, rejected, passed)

    async def _shown(self, entries: Sequence[Json]) -> dict[str, Json]:
        """Posts as the network shows them, by address: what was said, and what people reacted to."""
        wanted = [as_text(entry.get("uri")) for entry in entries if entry.get("reason") in SAYING or "reason" not in entry]
        reactions = (entry for entry in entries if entry.get("reason") in parse.EMOJI)
        subjects = {as_text(entry.get("reasonSubject")) for entry in reactions}
        wanted += [uri for uri in subjects if uri not in self._answers]
        shown = {as_text(post.get("uri")): post for post in await changes.posts(self.server, wanted)}
        self._answers |= {uri: "reply" in as_dict(shown.get(uri, {}).get("record")) for uri in subjects if uri not in self._answers}
        while len(self._answers) > MOST_SEEN:
            del self._answers[next(iter(self._answers))]
        return shown

    async def _event(self, entry: Json, shown: dict[str, Json]) -> Event:
        reason = as_text(entry.get("reason"))
        if reason in parse.EMOJI:
            told = Notification.model_validate(entry)
            if not self._answers.get(told.reason_subject or ""):
                raise Passed("a reaction to a post of ours")
            return parse.reaction(told, self.did)
        if reason and reason not in SAYING:
            raise Passed(f"a notification of the kind {reason}")
        post = Post.model_validate(shown.get(as_text(entry.get("uri"))) or entry)
        thread = await self.threads.find(post)
        if thread.is_ours:
            raise Passed("a post of ours")
        self.place.watch(post.uri)
        return parse.message(post, thread, self.did)


def reason_of(error: ValidationError) -> str:
    """What is wrong, without what was given."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
