"""Members: the last admin, those who leave, and those who come back."""

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.db import Database
from inbox.errors import Conflict, Forbidden, NotFound
from inbox.models import Account, Member, Role
from inbox.team import members, rights, teams, workspaces
from tests.make import MONDAY, Make


@pytest.mark.parametrize("ending", ["demote", "remove"])
async def test_two_admins_who_end_each_other_at_once_leave_one(database: Database, ending: str):
    async with database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace()
        both = [await make.member(workspace, role=Role.ADMIN) for _ in range(2)]
    ready = asyncio.Barrier(2)

    async def end(mine: Member, other: Member) -> None:
        async with database.transaction() as session:
            await ready.wait()
            if ending == "demote":
                await members.change_role(session, rights.of(mine), other.id, Role.AGENT, now=MONDAY)
            else:
                await members.remove(session, rights.of(mine), other.id, now=MONDAY)

    results = await asyncio.gather(end(both[0], both[1]), end(both[1], both[0]), return_exceptions=True)
    assert sorted(type(result) for result in results if result) == [Conflict]
    async with database.transaction() as session:
        left = [member for member, _ in await members.list_for(session, rights.of(both[0])) if member.role == Role.ADMIN]
    assert len(left) == 1


async def test_somebody_who_leaves_gives_up_conversations_teams_and_channels(session: AsyncSession, make: Make):
    workspace = await make.workspace()
    admin, agent = await make.member(workspace, role=Role.ADMIN), await make.member(workspace)
    channel = await make.channel(workspace)
    conversation = await make.conversation(channel, assignee_id=agent.id)
    team = await make.team(workspace, agent)
    await members.remove(session, rights.of(admin), agent.id, now=MONDAY)
    await session.refresh(conversation)
    (roster,) = await teams.list_for(session, rights.of(admin))
    assert (conversation.assignee_id, roster.team.id, roster.member_ids) == (None, team.id, frozenset())
    assert [event.kind for event in events.recorded(session)] == ["conversation.assigned", "member.removed"]
    with pytest.raises(NotFound):
        await members.remove(session, rights.of(admin), agent.id, now=MONDAY)


async def test_somebody_who_comes_back_is_the_member_that_they_were(session: AsyncSession, make: Make):
    workspace = await make.workspace()
    admin, agent = await make.member(workspace, role=Role.ADMIN), await make.member(workspace, role=Role.SUPERVISOR)
    account = await session.get_one(Account, agent.account_id)
    with pytest.raises(Conflict, match="member already"):
        await members.add(session, workspace.id, account, role=Role.ADMIN, now=MONDAY)
    await members.remove(session, rights.of(admin), agent.id, now=MONDAY)
    back = await members.add(session, workspace.id, account, role=Role.AGENT, now=MONDAY)
    assert (back.id, back.role, back.removed_at) == (agent.id, Role.AGENT, None)


async def test_only_an_admin_changes_roles_and_removes_others(session: AsyncSession, make: Make):
    workspace = await make.workspace()
    await make.member(workspace, role=Role.ADMIN)
    boss, agent = await make.member(workspace, role=Role.SUPERVISOR), await make.member(workspace)
    with pytest.raises(Forbidden):
        await members.change_role(session, rights.of(boss), boss.id, Role.ADMIN, now=MONDAY)
    with pytest.raises(Forbidden):
        await members.remove(session, rights.of(boss), agent.id, now=MONDAY)
    await members.remove(session, rights.of(agent), agent.id, now=MONDAY)  # leaving is everybody's right


async def test_the_demonstration_takes_its_own_accounts_along_and_no_others(session: AsyncSession, make: Make):
    demo, real = await make.workspace(is_demo=True), await make.workspace()
    admin, only_there = await make.member(real, role=Role.ADMIN), await make.member(demo, role=Role.SUPERVISOR)
    both = await session.get_one(Account, admin.account_id)
    await members.add(session, demo.id, both, role=Role.AGENT, now=MONDAY)
    gone, kept = only_there.account_id, both.id
    await workspaces.remove_demo(session, rights.of(admin), now=MONDAY)
    session.expire_all()
    assert await session.get(Account, kept) is not None
    assert await session.get(Account, gone) is None
