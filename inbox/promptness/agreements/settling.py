"""Agreements change one at a time in a workspace, and everybody who waits goes by the new ones when the change commits."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events, retargeting
from inbox.errors import Conflict
from inbox.models import Calendar, Policy, Role
from inbox.promptness import targets
from inbox.team.rights import Access

# Held against other changes of agreements alone: rows that merely name the workspace are written meanwhile.
HOLD = text("SELECT id FROM workspace WHERE id = :workspace FOR NO KEY UPDATE")


async def hold(session: AsyncSession, access: Access) -> None:
    """For supervisors: from here to the commit nobody else changes a calendar or a policy of the workspace."""
    access.need(Role.SUPERVISOR)
    await session.execute(HOLD, {"workspace": access.workspace_id})


async def latest(session: AsyncSession, row: Calendar | Policy, *, seen: int | None) -> None:
    """Read the row again under the hold, and raise Conflict when it is another one than its editor saw; `seen` is its revision."""
    await session.refresh(row)
    if row.removed_at is not None:
        raise Conflict("A colleague has removed it meanwhile.", code="removed_meanwhile")
    if seen is not None and seen != row.revision:
        raise Conflict("A colleague has changed it meanwhile: look at what it says now, then change it again.", code="changed_meanwhile")


async def retarget(session: AsyncSession, access: Access, kind: str, *, now: datetime, **which: int) -> int:
    """Note what changed and bring the targets of all who wait up to date; how many changed."""
    await session.flush()
    events.record(session, kind, workspace_id=access.workspace_id, at=now, actor=access.actor, **which)
    await retargeting.mark(session, access.workspace_id)
    return await targets.settle_workspace(session, access.workspace_id, now=now, actor=access.actor)


def note(session: AsyncSession, access: Access, calendar: Calendar, *, now: datetime) -> None:
    """Something about a calendar changed that moves nobody's target."""
    events.record(session, "calendar.changed", workspace_id=access.workspace_id, at=now, actor=access.actor, calendar=calendar.id)
