"""A platform's list of reviews as a stream of batches.

The list is read from the newest backwards, as long as a page brings something unknown; what is new is then told oldest first. Whatever
stands on the pages that were read is compared with what was known: new words, a colleague's answer, a review that is gone.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from pydantic import ValidationError

from connectors.reviews import review
from connectors.reviews.place import Place
from connectors.reviews.review import Answer, Review
from inbox.contract import Author, Batch, Event, Rejected

Json = dict[str, Any]
MOST_PAGES = 100
TOGETHER = 50  # reviews of a batch
MOST_ASKED = 5  # reviews that are asked after in one look, when they are not in the list any more
SAVED = timedelta(hours=1)  # between two words that there was nothing new
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # before any review: nothing was left out
REJECTED = "!"  # before the digest of what could not be read, so that it is kept once


class Ended(Enum):
    """The end of the list, what was known before, or too many pages."""

    LIST = 1
    KNOWN = 2
    EARLY = 3


class Source(Protocol):
    """One platform: its list, one review of it, and the one answer. `reach`: how far back the list goes; None: to the first review."""

    reach: timedelta | None

    async def whoami(self) -> Author: ...

    def pages(self) -> AsyncGenerator[list[Json]]:
        """The list, newest first."""
        ...

    def read(self, told: Json) -> Review:
        """Raises ValidationError, ValueError, TypeError, KeyError or IndexError."""
        ...

    async def one(self, review_id: str) -> Json | None:
        """None when there is no such review any more."""
        ...

    async def put(self, review_id: str, text: str) -> Answer:
        """Give the answer, or replace it."""
        ...

    async def remove(self, review_id: str) -> None: ...

    async def aclose(self) -> None: ...


class Reader:
    """One stream of an account."""

    def __init__(self, source: Source, us: Author, place: Place, history: int) -> None:
        self._source, self._us, self._place, self._history = source, us, place, history
        self._saved_at: datetime | None = None

    async def look(self, now: datetime) -> AsyncGenerator[Batch]:
        """Everything that is new or has changed, oldest first."""
        place = self._place
        is_first, gap = place.since is None, self._is_out_of_reach(now)
        found, rejected, ended = await self._pages()
        gap = gap or ended is Ended.EARLY
        fresh = [one for one in found if place.watched.get(one.id) != one.state and (place.since is None or one.at >= place.since)]
        fresh = sorted(fresh, key=lambda one: one.at)
        if is_first:
            is_all = ended is Ended.LIST and len(fresh) <= self._history
            fresh = fresh[len(fresh) - min(self._history, len(fresh)) :]
            place.since = BEGINNING if is_all else fresh[0].at
        place.looked_at = now
        gone = await self._gone(found, now)
        for start in range(0, len(fresh), TOGETHER):
            events = self._told(fresh[start : start + TOGETHER], now)
            yield Batch(events, cursor=str(place), gap=gap and start == 0, rejected=rejected if start == 0 else [])
            rejected = [] if start == 0 else rejected
        is_due = self._saved_at is None or now - self._saved_at >= SAVED
        if gone or rejected or (not fresh and (is_first or gap or is_due)):
            yield Batch(gone, cursor=str(place), gap=gap and not fresh, rejected=rejected)
        self._saved_at = now if fresh or is_due or is_first else self._saved_at

    def _is_out_of_reach(self, now: datetime) -> bool:
        looked, reach = self._place.looked_at, self._source.reach
        return looked is not None and reach is not None and now - looked > reach

    async def _pages(self) -> tuple[list[Review], list[Rejected], "Ended"]:
        """What was read, what could not be, and where the reading ended."""
        found: list[Review] = []
        rejected: list[Rejected] = []
        place, pages = self._place, 0
        async with aclosing(self._source.pages()) as listed:
            async for entries in listed:
                pages += 1
                unknown = 0
                for entry in entries:
                    one = self._read(entry, rejected)
                    if one is None:
                        continue
                    found.append(one)
                    unknown += one.id not in place.watched and (place.since is None or one.at >= place.since)
                if not unknown or (place.since is None and len(found) >= self._history):
                    return found, rejected, Ended.KNOWN
                if pages >= MOST_PAGES:
                    return found, rejected, Ended.EARLY
        return found, rejected, Ended.LIST

    def _read(self, entry: Json, rejected: list[Rejected]) -> Review | None:
        try:
            return self._source.read(entry)
        except (ValidationError, ValueError, TypeError, KeyError, IndexError) as error:
            raw = json.dumps(entry).encode()
            name = REJECTED + review.digest(raw.decode())
            if name not in self._place.watched:
                self._place.watch(name, "")
                rejected.append(Rejected(raw, reason(error)))
            return None

    def _told(self, fresh: list[Review], now: datetime) -> list[Event]:
        events: list[Event] = []
        for one in fresh:
            events += review.events(one, self._place.watched.get(one.id), self._us, now)
            self._place.watch(one.id, one.state)
        return events

    async def _gone(self, found: list[Review], now: datetime) -> list[Event]:
        """Known reviews that are as new as those listed, and not listed: each is asked after, since a list may be behind."""
        if not found:
            return []
        oldest, listed = min(one.at for one in found).timestamp(), {one.id for one in found}
        missing = [
            name
            for name, state in self._place.watched.items()
            if name not in listed and not name.startswith(REJECTED) and int(state.partition("|")[0]) > oldest
        ]
        events: list[Event] = []
        for name in missing[:MOST_ASKED]:
            if await self._source.one(name) is None:
                events.append(review.deletion(name, now))
            del self._place.watched[name]
        return events


def reason(error: Exception) -> str:
    """What is wrong, without what was given."""
    if not isinstance(error, ValidationError):
        return "It is not a review as it was agreed."
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
