"""Who is told of an alert: assignee, team, supervisors, whoever is on call; nobody who may not see the channel."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import AccountSession, AlertPreference, AlertSetup, Member, PushSubscription, Role, TeamMember, Workspace
from inbox.team import rights
from inbox.team.rights import RANK

WEEK = timedelta(weeks=1)


@dataclass(slots=True)
class People:
    """A workspace's members as alerts see them, read once for many alerts."""

    session: AsyncSession
    workspace: Workspace
    setup: AlertSetup
    members: Mapping[int, Member]
    teams: Mapping[int, Sequence[int]]  # team: its members
    preferences: Mapping[int, AlertPreference]
    reached: Collection[int]  # members with a browser that takes push messages
    now: datetime
    _channels: dict[int, frozenset[int]] = field(default_factory=dict[int, frozenset[int]])

    async def told(self, names: Iterable[str], assignee_id: int | None, team_id: int | None, channel_id: int) -> list[int]:
        """The members behind these names. Where nobody is assigned, the team is told; without a team, the supervisors."""
        wanted = {member_id for name in names for member_id in self._behind(name, assignee_id, team_id)}
        told = [member_id for member_id in sorted(wanted) if await self._sees(member_id, channel_id)]
        if told:
            return told
        return [member_id for member_id in self.supervisors() if await self._sees(member_id, channel_id)]  # never nobody

    def supervisors(self) -> list[int]:
        """Supervisors and admins."""
        return sorted(number for number, member in self.members.items() if RANK[member.role] >= RANK[Role.SUPERVISOR])

    def admins(self) -> list[int]:
        return sorted(number for number, member in self.members.items() if member.role is Role.ADMIN)

    def on_call(self) -> list[int]:
        """Whoever is on call now: by turns, else the member or team that was named, else the supervisors."""
        turn = turn_of(self.setup.rota, self.setup.rota_from, self.now)
        if turn is not None and turn in self.members:
            return [turn]
        if (named := self.setup.on_call_member_id) is not None and named in self.members:
            return [named]
        return list(self.teams.get(self.setup.on_call_team_id or 0, ())) or self.supervisors()

    def wants(self, member_id: int) -> AlertPreference:
        return self.preferences.get(member_id) or AlertPreference(workspace_id=self.workspace.id, member_id=member_id)

    def _behind(self, name: str, assignee_id: int | None, team_id: int | None) -> Sequence[int]:
        team = self.teams.get(team_id or 0, ())
        if name == "assignee":
            return [assignee_id] if assignee_id is not None and assignee_id in self.members else team
        if name == "team":
            return team
        if name == "supervisors":
            return self.supervisors()
        if name == "on_call":
            return self.on_call()
        number = int(name.partition(":")[2])
        return [number] if number in self.members else []

    async def _sees(self, member_id: int, channel_id: int) -> bool:
        if member_id not in self._channels:
            self._channels[member_id] = await rights.channels(self.session, rights.of(self.members[member_id]))
        return channel_id in self._channels[member_id]


async def people(session: AsyncSession, workspace_id: int, *, now: datetime) -> People:
    """Read a workspace's members, teams, preferences, and who is on call."""
    workspace = await session.get_one(Workspace, workspace_id)
    there = select(Member).where(col(Member.workspace_id) == workspace_id, col(Member.removed_at).is_(None))
    members = {member.id: member for member in await session.scalars(there)}
    teams: dict[int, list[int]] = {}
    belongs = select(TeamMember).where(col(TeamMember.workspace_id) == workspace_id).order_by(col(TeamMember.member_id))
    for row in await session.scalars(belongs):
        if row.member_id in members:
            teams.setdefault(row.team_id, []).append(row.member_id)
    preferences = await session.scalars(select(AlertPreference).where(col(AlertPreference.workspace_id) == workspace_id))
    mine = col(PushSubscription.workspace_id) == workspace_id
    subscribed = select(col(PushSubscription.member_id)).where(mine, signed_in(now)).distinct()
    return People(
        session=session,
        workspace=workspace,
        setup=await setup(session, workspace_id),
        members=members,
        teams=teams,
        preferences={row.member_id: row for row in preferences},
        reached=frozenset(await session.scalars(subscribed)),
        now=now,
    )


def signed_in(now: datetime) -> ColumnElement[bool]:
    """Whether the member is still signed in in the browser of a subscription: whoever signed out there has handed it back, or lost it."""
    goes_on = (col(AccountSession.revoked_at).is_(None), col(AccountSession.expires_at) > now)
    return exists().where(col(AccountSession.id) == col(PushSubscription.session_id), *goes_on)


async def setup(session: AsyncSession, workspace_id: int) -> AlertSetup:
    """How a workspace sends alerts; the usual when nobody has said anything."""
    found = await session.get(AlertSetup, workspace_id)
    return found or AlertSetup(workspace_id=workspace_id, storm_limit=5, webhook_url="", webhook_secret="", apprise_urls="", rota=[])


def turn_of(rota: Sequence[int], since: datetime | None, now: datetime) -> int | None:
    """Whose week it is: each of the rota in turn, beginning with the first at `since`."""
    if not rota or since is None or now < since:
        return None
    return rota[int((now - since) / WEEK) % len(rota)]


def quiet_until(preference: AlertPreference, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the quiet hours end that it is now, on the member's clock; None: none now. Nights may go over midnight."""
    begin, end = clock(preference.quiet_from), clock(preference.quiet_until)
    if begin is None or end is None or begin == end:
        return None
    there = now.astimezone(zone)
    at = there.time()
    is_quiet = begin <= at < end if begin < end else at >= begin or at < end
    return next_at(end, zone, now) if is_quiet else None


def next_at(at: time, zone: ZoneInfo, now: datetime) -> datetime:
    """The next moment at which clocks there show this time. One that a change of the clocks leaves out comes as much later."""
    there = now.astimezone(zone)
    for days in range(3):
        day = there.date() + timedelta(days=days)
        moment = datetime.combine(day, at, zone).astimezone(now.tzinfo)
        if moment > now:
            return moment
    raise AssertionError("every third day has a moment that is still to come")


def clock(told: str) -> time | None:
    """The time of day of "22:00"; None of an empty word."""
    return time.fromisoformat(told) if told else None
