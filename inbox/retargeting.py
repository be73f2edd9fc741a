"""Whose open waits are settled again once everything that began before a change of agreements has ended.

A transaction that read the policies before they changed may write a wait after all open ones were settled. So whoever changes what policies
ask for marks the workspace too, and the background settles it again when no such transaction can be left.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

MARK = text("INSERT INTO retargeting (workspace_id) VALUES (:workspace) ON CONFLICT (workspace_id) DO UPDATE SET horizon = NULL")

# First the horizon, from the commit of the mark on; the work when all that had begun before it has ended.
SEEN = text(
    """
    UPDATE retargeting SET horizon = pg_snapshot_xmax(pg_current_snapshot())::text::bigint
     WHERE workspace_id IN (SELECT workspace_id FROM retargeting WHERE horizon IS NULL ORDER BY workspace_id FOR UPDATE SKIP LOCKED)
    """
)
READY = text(
    """
    DELETE FROM retargeting WHERE workspace_id IN (
        SELECT workspace_id FROM retargeting WHERE horizon <= pg_snapshot_xmin(pg_current_snapshot())::text::bigint
         ORDER BY workspace_id FOR UPDATE SKIP LOCKED)
    RETURNING workspace_id
    """
)


async def mark(session: AsyncSession, workspace_id: int) -> None:
    """What policies ask for, or they themselves, changed with this transaction."""
    await session.execute(MARK, {"workspace": workspace_id})


async def take(session: AsyncSession) -> Sequence[int]:
    """The workspaces to settle now, each by one process; they are marked again when the caller's transaction fails."""
    ready = (await session.scalars(READY)).all()
    await session.execute(SEEN)
    return sorted(ready)
