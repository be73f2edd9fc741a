"""What is wrong with Parley itself, behind the bell of its admins; and backups that nobody makes."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import Member, Role, Trouble, TroubleKind, Workspace
from inbox.promptness import notices, troubles
from inbox.team import rights
from tests.make import MONDAY, Make


@pytest.fixture
async def workspace(session: AsyncSession, make: Make) -> Workspace:
    workspace = await make.workspace()
    workspace.created_at = MONDAY
    await session.flush()
    return workspace


@pytest.fixture
async def admin(workspace: Workspace, make: Make) -> Member:
    return await make.member(workspace, role=Role.ADMIN)


async def kinds(session: AsyncSession) -> list[TroubleKind]:
    return list(await session.scalars(select(col(Trouble.kind)).where(col(Trouble.ended_at).is_(None))))


@pytest.mark.parametrize(
    ("made", "after", "days", "is_told"),  # days since the workspace began, and since a backup was made
    [
        (None, 7, 7, False),
        (None, 7.1, 7, True),
        (None, 100, 0, False),  # others make them
        (92, 100, 7, False),  # one a week, and a day to make it
        (91.9, 100, 7, True),
        (1, 100, 0, False),
        (91.9, 100, 30, False),
    ],
)
async def test_a_backup_that_is_old_or_was_never_made_is_told(
    session: AsyncSession, admin: Member, made: float | None, after: float, days: int, is_told: bool
):
    at = None if made is None else MONDAY + timedelta(days=made)
    await session.execute(text("UPDATE installation SET backed_up_at = :at"), {"at": at})
    await troubles.look(session, free=0.5, backup_days=days, now=MONDAY + timedelta(days=after))
    assert await kinds(session) == ([TroubleKind.BACKUP] if is_told else [])


async def test_admins_see_a_trouble_behind_the_bell_until_they_look_or_it_ends(
    session: AsyncSession, workspace: Workspace, admin: Member, make: Make
):
    other, supervisor = await make.member(workspace, role=Role.ADMIN), await make.member(workspace, role=Role.SUPERVISOR)
    everybody = [admin.id, other.id, supervisor.id]
    for _ in range(2):
        await troubles.look(session, free=0.01, backup_days=0, now=MONDAY)
    assert dict(await notices.unseen(session, everybody, [], now=MONDAY)) == {admin.id: 1, other.id: 1}
    for _ in range(2):
        await notices.see(session, rights.of(admin), now=MONDAY)
    assert dict(await notices.unseen(session, everybody, [], now=MONDAY)) == {other.id: 1}
    assert [event.kind for event in events.recorded(session)].count("alert.seen") == 1
    await troubles.look(session, free=0.5, backup_days=0, now=MONDAY)
    assert not await notices.unseen(session, everybody, [], now=MONDAY)
