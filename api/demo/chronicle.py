"""The log of the sixty days as if somebody had lived through them: everything at its own time, and in that order."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.events import Pending

# The times of what events tell of, and under which name their data has the number that these go by: none where it is the conversation's.
TIMES = {
    "conversation.created": (None, "SELECT conversation_id, min(at) FROM message WHERE workspace_id = :workspace_id GROUP BY 1"),
    "message.received": ("message", "SELECT id, at FROM message WHERE workspace_id = :workspace_id"),
    "wait.opened": ("wait", "SELECT id, opened_at FROM wait WHERE workspace_id = :workspace_id"),
    "wait.closed": ("wait", "SELECT id, closed_at FROM wait WHERE workspace_id = :workspace_id AND closed_at IS NOT NULL"),
    "wait.breached": ("wait", "SELECT id, breached_at FROM wait WHERE workspace_id = :workspace_id AND breached_at IS NOT NULL"),
    "resolution.breached": (
        "episode",
        "SELECT id, breached_at FROM episode WHERE workspace_id = :workspace_id AND breached_at IS NOT NULL",
    ),
}
CORRECTED = ("wait.retold", "wait.retargeted")  # what nobody had been told otherwise


async def put_right(session: AsyncSession, workspace_id: int) -> None:
    """Tell of everything once, at the time at which it was, and not of what only seemed so while the rest was still to be taken in."""
    times = {
        kind: (name, {row[0]: row[1] for row in await session.execute(text(statement), {"workspace_id": workspace_id})})
        for kind, (name, statement) in TIMES.items()
    }

    told: set[tuple[str, int]] = set()

    def right(event: Pending) -> Pending | None:
        if event.kind not in times:
            return event if event.kind not in CORRECTED else None
        name, known = times[event.kind]
        number = event.data[name] if name else event.conversation_id or 0
        if number not in known or (event.kind, number) in told:
            return None
        told.add((event.kind, number))
        event.at = known[number]
        return event

    events.put_right(session, right)
    events.put_in_order(session)
