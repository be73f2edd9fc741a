"""The connector: a feed as a stream. Nothing can be answered."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from connectors import http
from connectors.feed import fetching, parse
from connectors.feed.config import FeedConfig
from connectors.feed.place import Place
from inbox.contract import Author, Batch, Capabilities, ConversationKind, Event, Permanent, Receipt, Reply, Verification

MINUTE = 60.0  # seconds


class Feed:
    """One RSS or Atom feed."""

    name: ClassVar[str] = "feed"
    title: ClassVar[str] = "RSS/Atom"
    Config: ClassVar[type[BaseModel]] = FeedConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        conversation_kinds=frozenset({ConversationKind.COMMENTS}),
        replies=False,
        edits_in=True,
        history=True,
    )

    def __init__(self, config: FeedConfig) -> None:
        self._config = config
        self._client = http.Client("The feed", limit=fetching.LIMIT)

    async def check(self) -> Author:
        """Fetch it once: what is there has to be a feed."""
        feed = await asyncio.to_thread(parse.read, await fetching.fetch(self._client, self._config))
        place = urlsplit(self._config.address)
        return Author(id=f"{place.hostname}{place.path}", name=feed.title or place.hostname or "?", is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Everything that was not seen before, then a look every so often."""
        place = Place.read(cursor)
        while True:
            fetched = await fetching.fetch(self._client, self._config, etag=place.etag, modified=place.modified)
            if fetched.content:
                feed = await asyncio.to_thread(parse.read, fetched)
                place.etag, place.modified = fetched.etag, fetched.modified
                batch = self._batch(place, feed, datetime.now(UTC))
                if batch is not None:
                    yield batch
            elif place.is_new:  # an empty answer is no feed
                raise Permanent("What is there is no feed.")
            await asyncio.sleep(self._config.interval * MINUTE * random.uniform(0.9, 1.1))  # noqa: S311  # not a secret

    async def send(self, reply: Reply) -> Receipt:  # noqa: ARG002  # nothing is sent
        raise Permanent("A feed can only be read: answer on the page that it tells of.")

    async def aclose(self) -> None:
        await self._client.aclose()

    def _batch(self, place: Place, feed: parse.Read, now: datetime) -> Batch | None:
        """What is new, oldest first; None where nothing is."""
        events: list[Event] = []
        passed: Counter[str] = Counter()
        is_first, old = place.is_new, dict(place.known)
        oldest_first = sorted(feed.entries, key=lambda entry: parse.moment(entry, "published", "updated") or now)
        has_met = not old
        for entry in oldest_first:
            name = parse.name(entry)
            key, digest = parse.short(name), parse.digest(entry)
            has_met = has_met or key in old
            if name and key not in place.known:
                events.append(parse.message(entry, feed, now))
            elif name and key in old and old[key] != digest:
                events.append(parse.edit(entry, feed, now, old[key]))
            elif not name and key not in old:
                passed["an entry without words"] += 1
            place.note(key, digest)
        if is_first:
            kept = events[len(events) - self._config.history :] if self._config.history else []
            passed["an entry of before"] += len(events) - len(kept)
            events, place.is_new = kept, False
        if not (events or is_first):
            return None
        gap = not has_met and bool(feed.entries)  # more was written than a feed shows
        return Batch(events, cursor=str(place), gap=gap, passed_over={why: count for why, count in passed.items() if count})
