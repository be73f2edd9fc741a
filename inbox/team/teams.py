"""Members who share a queue."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events, retargeting
from inbox.errors import Conflict, Forbidden, NotFound
from inbox.models import ChannelAccess, Conversation, Member, Role, Team, TeamMember
from inbox.team import accounts, rights
from inbox.team.rights import Access


@dataclass(frozen=True, slots=True)
class Roster:
    """A team with the ids of its members."""

    team: Team
    member_ids: frozenset[int]


async def list_for(session: AsyncSession, access: Access) -> Sequence[Roster]:
    """Every team of the workspace, by name."""
    teams = (await session.scalars(select(Team).where(col(Team.workspace_id) == access.workspace_id).order_by(col(Team.name)))).all()
    rows = await session.execute(
        select(col(TeamMember.team_id), col(TeamMember.member_id)).where(col(TeamMember.workspace_id) == access.workspace_id)
    )
    pairs = [(team_id, member_id) for team_id, member_id in rows]
    return [Roster(team, frozenset(member for of, member in pairs if of == team.id)) for team in teams]


async def get(session: AsyncSession, access: Access, team_id: int) -> Team:
    """One team of the workspace."""
    found = await session.scalar(select(Team).where(col(Team.id) == team_id, col(Team.workspace_id) == access.workspace_id))
    if found is None:
        raise NotFound("There is no such team.")
    return found


async def create(session: AsyncSession, access: Access, *, name: str, member_ids: Collection[int] = (), now: datetime) -> Team:
    """Make a team."""
    access.need(Role.SUPERVISOR)
    team = Team(workspace_id=access.workspace_id, name="", created_at=now)
    await _rename(session, team, name)
    await _set_members(session, access, team, member_ids)
    _record(session, access, team.id, now)
    return team


async def change(session: AsyncSession, access: Access, team: Team, *, name: str, member_ids: Collection[int], now: datetime) -> None:
    """Rename a team and say who is in it."""
    access.need(Role.SUPERVISOR)
    await _check_reach(session, access, team)
    await _rename(session, team, name)
    await _set_members(session, access, team, member_ids)
    _record(session, access, team.id, now)


async def dissolve(session: AsyncSession, access: Access, team: Team, *, now: datetime) -> None:
    """Drop a team. Its conversations stay, without a team."""
    access.need(Role.SUPERVISOR)
    await _check_reach(session, access, team)
    await _free_conversations(session, access, team, now)
    await session.delete(team)
    await session.flush()
    await retargeting.mark(session, access.workspace_id)  # policies may have asked for it
    _record(session, access, team.id, now)


async def _free_conversations(session: AsyncSession, access: Access, team: Team, now: datetime) -> None:
    """Say of each that its owner changed: who had a wait when is told from the log."""
    free = (
        update(Conversation)
        .where(col(Conversation.team_id) == team.id)
        .values(team_id=None)
        .returning(col(Conversation.id), col(Conversation.channel_id), col(Conversation.assignee_id))
    )
    for conversation_id, channel_id, assignee_id in sorted((await session.execute(free)).all()):
        events.record(
            session,
            "conversation.assigned",
            workspace_id=access.workspace_id,
            at=now,
            actor=access.actor,
            conversation_id=conversation_id,
            channel_id=channel_id,
            assignee=assignee_id,
            team=None,
            before={"assignee": assignee_id, "team": team.id},
        )


async def _check_reach(session: AsyncSession, access: Access, team: Team) -> None:
    """A team may open restricted channels: only who sees those channels may say who is in it, or membership would be a way around."""
    opened = set(await session.scalars(select(col(ChannelAccess.channel_id)).where(col(ChannelAccess.team_id) == team.id)))
    if opened - await rights.channels(session, access):
        raise Forbidden("This team sees a channel that you do not see: ask an admin.", code="team_reach")


async def _rename(session: AsyncSession, team: Team, name: str) -> None:
    name = accounts.named(name)
    try:
        async with session.begin_nested():
            team.name = name
            session.add(team)
            await session.flush()
    except IntegrityError as error:
        raise Conflict("Another team has this name.", code="team_name_taken") from error


async def _set_members(session: AsyncSession, access: Access, team: Team, member_ids: Collection[int]) -> None:
    here = select(col(Member.id)).where(
        col(Member.workspace_id) == access.workspace_id, col(Member.removed_at).is_(None), col(Member.id).in_(member_ids)
    )
    wanted = sorted(await session.scalars(here))
    await session.execute(delete(TeamMember).where(col(TeamMember.team_id) == team.id))
    if wanted:
        rows = [{"workspace_id": access.workspace_id, "team_id": team.id, "member_id": member_id} for member_id in wanted]
        await session.execute(insert(TeamMember).values(rows))


def _record(session: AsyncSession, access: Access, team_id: int, now: datetime) -> None:
    events.record(session, "team.changed", workspace_id=access.workspace_id, at=now, actor=access.actor, team=team_id)
