"""Whose figures about members may be seen, by whom: one setting of the installation, PARLEY_MEMBER_FIGURES."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Forbidden
from inbox.models import Member, Role, TeamMember
from inbox.promptness.question import SMALLEST_GROUP, Cut, Filters, MemberFigures
from inbox.team.rights import Access


def cut(by: Cut, setting: MemberFigures) -> Cut:
    """What is cut by when members are asked for: with `groups`, their teams."""
    return Cut.TEAM if by == Cut.MEMBER and setting == "groups" else by


async def shown(session: AsyncSession, access: Access, by: Cut, setting: MemberFigures) -> frozenset[int] | None:
    """The keys that may be told in this cut; None: all of them."""
    if by != Cut.MEMBER or setting == "named":
        return None
    if setting == "groups":
        return await _large_teams(session, access)
    return frozenset() if setting == "off" or access.member_id is None else frozenset({access.member_id})


def check(session: AsyncSession, access: Access, filters: Filters, setting: MemberFigures, *, now: datetime) -> None:
    """Refuse the figures of one member unless they may be seen; note the look."""
    if filters.member is None or (filters.member == access.member_id and setting != "off"):
        return
    if setting != "named":
        raise Forbidden("This installation does not show figures about single members.")
    record_looks(session, access, [filters.member], now=now)


def record_looks(session: AsyncSession, access: Access, members: Iterable[int | str | None], *, now: datetime) -> None:
    """Every look at a named member's figures is in the log."""
    for member in members:
        if member and member != access.member_id:
            events.record(session, "figures.viewed", workspace_id=access.workspace_id, at=now, actor=access.actor, member=member)


async def _large_teams(session: AsyncSession, access: Access) -> frozenset[int]:
    """Teams that are large enough for nobody to be told apart."""
    teams = select(col(TeamMember.team_id)).join(Member, col(Member.id) == col(TeamMember.member_id))
    teams = teams.where(col(TeamMember.workspace_id) == access.workspace_id, col(Member.role) != Role.VIEWER)  # a viewer answers nobody
    return frozenset(await session.scalars(teams.group_by(col(TeamMember.team_id)).having(func.count() >= SMALLEST_GROUP)))
