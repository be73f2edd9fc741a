"""What notifications did not bring: everything since a time, looked up again and again; nothing is lost by a pause, nothing comes twice.

Meta repeats a notification for some hours and then drops it, and drops the subscription of a server that stays away
(https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications). So the lists are read from time to time.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

from connectors.meta.hooks import Pieces
from inbox.contract import Batch, CursorExpired

EVERY = 300.0  # seconds between two looks
OVERLAP = timedelta(minutes=10)  # lists are behind, and two clocks never agree
REPEATED = timedelta(hours=36)  # for so long Meta repeats a notification; no list tells what was edited, deleted or liked meanwhile
PORTION = 200  # events in a batch
Look = Callable[[datetime, Pieces], Awaitable[None]]


async def catch_up(look: Look, cursor: str | None, history: timedelta) -> AsyncGenerator[Batch]:
    """Batches in the order of their times; the place moves only with the last one of a look."""
    since = datetime.now(UTC) - history if cursor is None else _read(cursor) - OVERLAP
    gap = cursor is not None and datetime.now(UTC) - since > REPEATED
    while True:
        began, pieces = datetime.now(UTC), Pieces()
        await look(since, pieces)
        events = sorted(pieces.events, key=lambda event: event.at)
        while len(events) > PORTION:
            yield Batch(events[:PORTION], gap=gap)
            events, gap = events[PORTION:], False
        yield Batch(events, began.isoformat(timespec="seconds"), gap, pieces.rejected, dict(pieces.passed))
        since, gap = began - OVERLAP, False
        await asyncio.sleep(EVERY)


def _read(cursor: str) -> datetime:
    try:
        at = datetime.fromisoformat(cursor)
    except ValueError:
        raise CursorExpired("The place where reading stopped is not readable.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
