"""What a screen on the wall shows: who waits at this moment. Reads open waits and the answers of the last hour, never history."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.promptness import forecasts, members, targets
from inbox.promptness.forecast import LIKELY, Forecast, Method, State
from inbox.promptness.policies import WALL, Rule
from inbox.promptness.question import SMALLEST_GROUP, MemberFigures
from inbox.team.rights import Access

SOON = timedelta(minutes=15)
FORETOLD = 500  # waits that are due soonest; those behind them have time, and foretelling each takes some

OPEN = text(
    """
    SELECT wait.conversation_id, wait.channel_id, conversation.kind, wait.metric, conversation.team_id, conversation.assignee_id,
           wait.opened_at, wait.due_at, wait.target_seconds, wait.policy_id
      FROM wait JOIN conversation ON conversation.id = wait.conversation_id
     WHERE wait.workspace_id = :workspace AND wait.closed_at IS NULL
     ORDER BY coalesce(wait.due_at, 'infinity'), wait.opened_at, wait.id
    """
)
ANSWERED = text(
    """
    SELECT count(DISTINCT coalesce(member_id, 0)), count(*) FROM wait
     WHERE workspace_id = :workspace AND closed_at > :since AND closed_at <= :now AND outcome = 'answered'
    """
)
CHANNELS = text(
    "SELECT id, name, state, lag_seconds, silent_since IS NOT NULL, coalesce(public_config ->> 'looks_like', platform) FROM channel"
    " WHERE workspace_id = :workspace AND removed_at IS NULL ORDER BY name, id"
)
TEAMS = text("SELECT id, name FROM team WHERE workspace_id = :workspace ORDER BY name, id")
MEMBERS = text(
    """
    SELECT member.id, member.name, ARRAY(SELECT team_id FROM team_member WHERE member_id = member.id),
           EXISTS (SELECT FROM presence WHERE presence.member_id = member.id AND presence.until > :now)
      FROM member WHERE workspace_id = :workspace AND removed_at IS NULL AND role <> 'viewer' ORDER BY name, id
    """
)


class OpenWait(NamedTuple):
    """A wait, in the order of "answer next". `chance`: to miss its target; None: no target, late already, or nothing is foretold."""

    conversation: int
    channel: int
    team: int | None
    assignee: int | None
    opened_at: datetime
    due_at: datetime | None
    chance: float | None


class ShownChannel(NamedTuple):
    """A channel and how well it is read; `lag`: seconds that its newest message took to reach us."""

    id: int
    name: str
    state: str
    lag: float | None
    is_silent: bool
    looks_like: str


class Colleague(NamedTuple):
    """A member who answers. `here`: looks at a conversation now."""

    id: int
    name: str
    teams: Sequence[int]
    here: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """Everything that waits in a workspace at this moment, before anybody's rights."""

    now: datetime
    waits: Sequence[OpenWait]
    channels: Sequence[ShownChannel]
    teams: Mapping[int, str]
    colleagues: Sequence[Colleague]
    method: Method | None  # of the forecast; None: there is none yet


@dataclass(frozen=True, slots=True)
class Count:
    """Of some open waits: how many, the oldest, those due within a quarter of an hour, those late, and those likely to miss."""

    waiting: int = 0
    oldest_at: datetime | None = None
    soon: int = 0
    late: int = 0
    likely: int = 0


@dataclass(frozen=True, slots=True)
class Board:
    """What those see who may see the same channels."""

    all: Count
    channels: Sequence[tuple[ShownChannel, Count]]
    teams: Sequence[tuple[str | None, Count]]  # None: no team has them
    method: Method | None


@dataclass(frozen=True, slots=True)
class Load:
    """What a member, or a large team, has to answer now. `here`: how many of them look at a conversation, of `people`."""

    key: int
    name: str
    count: Count
    here: int
    people: int = 1


async def gather(session: AsyncSession, workspace_id: int, timezone: str, *, now: datetime) -> Moment:
    """Read the moment: a number of queries that does not grow."""
    given = {"workspace": workspace_id, "now": now}
    rows: Sequence[Any] = (await session.execute(OPEN, given)).all()
    channels = [ShownChannel._make(row) for row in await session.execute(CHANNELS, given)]
    teams: dict[int, str] = {row[0]: row[1] for row in await session.execute(TEAMS, given)}
    colleagues = [Colleague._make(row) for row in await session.execute(MEMBERS, given)]
    kept = await forecasts.load(session, workspace_id)
    chances: list[float | None] = [None] * len(rows)
    if kept is not None:
        rules = {rule.id: rule for rule in await targets.rules(session, workspace_id)}
        answers: Any = (await session.execute(ANSWERED, {**given, "since": now - timedelta(hours=1)})).one()
        chances = _foretell(kept[0], rows, rules, answers, ZoneInfo(timezone), now)
    waits = [OpenWait(row[0], row[1], row[4], row[5], row[6], row[7], chance) for row, chance in zip(rows, chances, strict=True)]
    return Moment(now, waits, channels, teams, colleagues, None if kept is None else kept[0].method)


def board(moment: Moment, channels: Collection[int]) -> Board:
    """The moment as those see it who may see these channels."""
    waits = [wait for wait in moment.waits if wait.channel in channels]
    by_channel, by_team = _by(waits, "channel"), _by(waits, "team")
    shown = [(channel, count(by_channel.get(channel.id, ()), moment.now)) for channel in moment.channels if channel.id in channels]
    teams: list[tuple[str | None, Count]] = [
        (name, count(by_team.get(team, ()), moment.now)) for team, name in moment.teams.items() if team in by_team
    ]
    if teams and None in by_team:
        teams.append((None, count(by_team[None], moment.now)))
    return Board(count(waits, moment.now), shown, teams, moment.method)


def foretold(moment: Moment, channels: Collection[int]) -> list[OpenWait]:
    """The open waits with a chance to miss their target, the likeliest first."""
    waits = [wait for wait in moment.waits if wait.channel in channels and wait.chance is not None]
    return sorted(waits, key=lambda wait: (-(wait.chance or 0), wait.due_at, wait.conversation))


def loads(moment: Moment, channels: Collection[int], figures: MemberFigures, member_id: int | None) -> list[Load]:
    """Who has how much to answer, as far as the installation lets this member know: nobody, themselves, large teams, or everybody."""
    owned = _by([wait for wait in moment.waits if wait.channel in channels and wait.assignee is not None], "assignee")
    if figures == "groups":
        return _of_groups(moment, owned)
    shown = [one for one in moment.colleagues if figures == "named" or (figures == "own" and one.id == member_id)]
    return [Load(one.id, one.name, count(owned.get(one.id, ()), moment.now), int(one.here)) for one in shown]


def record_look(session: AsyncSession, access: Access, moment: Moment) -> None:
    """Somebody looks at what named members have to answer: that is in the log, as every look at their figures."""
    members.record_looks(session, access, [one.id for one in moment.colleagues], now=moment.now)


def count(waits: Iterable[OpenWait], now: datetime) -> Count:
    """Count these."""
    waits = list(waits)
    return Count(
        waiting=len(waits),
        oldest_at=min((wait.opened_at for wait in waits), default=None),
        soon=sum(1 for wait in waits if wait.due_at is not None and now < wait.due_at <= now + SOON),
        late=sum(1 for wait in waits if wait.due_at is not None and wait.due_at <= now),
        likely=sum(1 for wait in waits if wait.chance is not None and wait.chance >= LIKELY),
    )


def _of_groups(moment: Moment, owned: Mapping[Any, Sequence[OpenWait]]) -> list[Load]:
    found: list[Load] = []
    for team, name in moment.teams.items():
        people = [one for one in moment.colleagues if team in one.teams]
        if len(people) >= SMALLEST_GROUP:
            waits = [wait for one in people for wait in owned.get(one.id, ())]
            found.append(Load(team, name, count(waits, moment.now), sum(one.here for one in people), len(people)))
    return found


def _by(waits: Iterable[OpenWait], name: str) -> dict[Any, list[OpenWait]]:
    found: dict[Any, list[OpenWait]] = defaultdict(list)
    for wait in waits:
        found[getattr(wait, name)].append(wait)
    return dict(found)


def _foretell(
    forecast: Forecast, rows: Sequence[Any], rules: Mapping[int, Rule], answers: tuple[int, int], zone: ZoneInfo, now: datetime
) -> list[float | None]:
    there = now.astimezone(zone)
    chances: list[float | None] = []
    told = 0
    for place, (_, channel, kind, metric, _, _, opened_at, due_at, target, policy) in enumerate(rows):
        if due_at is None or due_at <= now or told >= FORETOLD:
            chances.append(None)
            continue
        told += 1
        chances.append(
            forecast.chance(
                State(
                    channel=channel,
                    kind=kind,
                    metric=metric,
                    target=float(target or 0),
                    age=max(0.0, (now - opened_at).total_seconds()),
                    left=(due_at - now).total_seconds(),
                    left_business=rules.get(policy, WALL).elapsed(now, due_at),
                    ahead=place,
                    present=answers[0],
                    answered=answers[1],
                    hour=there.hour,
                    weekday=there.weekday(),
                )
            )
        )
    return chances
