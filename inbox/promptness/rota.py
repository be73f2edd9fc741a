"""What is told about arrivals and staffing, and about one more person; reckoned by `staffing`, which loads numpy."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from inbox.errors import Invalid
from inbox.promptness import zones
from inbox.promptness.question import SMALLEST_GROUP, MemberFigures
from inbox.team.rights import Access

LONGEST_DAYS = 182
Grid = Sequence[Sequence[float]]  # by weekday (Monday first) and hour


@dataclass(frozen=True, slots=True)
class Slot:
    """One more person each week on this weekday (Monday is 0), from one whole hour to another."""

    weekday: int
    start: int
    end: int

    def __post_init__(self) -> None:
        if not (0 <= self.weekday <= 6 and 0 <= self.start < self.end <= 24):
            raise Invalid("A slot is a weekday, and an hour with a later one, up to 24.", code="bad_slot")

    def holds(self, weekday: int, hour: int) -> bool:
        return weekday == self.weekday and self.start <= hour < self.end


@dataclass(frozen=True, slots=True)
class Result:
    """How prompt so many waits were: `share` met their target (0 … 1, of those decided), seconds within which half and nine in ten were
    answered (None: too many were not)."""

    waits: int
    share: float | None
    p50: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A week as it usually was. `arrivals` and `answers` an hour; `present`: people who answered around then; `rate`: answers of one of
    them an hour (nan: nobody was there)."""

    weeks: float
    arrivals: Grid
    answers: Grid
    present: Grid
    rate: Grid
    people: int  # who have answered at all


@dataclass(frozen=True, slots=True)
class Check:
    """The simulation on weeks that it has not seen, with the staffing of the weeks before, beside what was measured then."""

    since: int
    measured: Result
    simulated: Result


@dataclass(frozen=True, slots=True)
class Effect:
    """The recorded arrivals with the people who were there, and with one more; of all waits, and of those that began in the slot."""

    measured: Result
    before: Result
    after: Result
    slot_before: Result
    slot_after: Result


@dataclass(frozen=True, slots=True)
class Staffing:
    """Everything that is told; `effect` and `check` are None where too little is known. `handling`: seconds of half of the answers."""

    pattern: Pattern
    handling: float | None
    services: int
    effect: Effect | None
    check: Check | None


async def study(session: AsyncSession, access: Access, timezone: str, slot: Slot | None, *, days: int, now: datetime) -> Staffing:
    """What the waits of so many days tell, on the channels that the member may see."""
    from inbox.promptness import history, staffing  # they load numpy

    since = now - timedelta(days=days)
    waits = await history.load(session, access, since=since, until=now, now=now)
    given = {"since": zones.number(since), "until": zones.number(now)}
    return await asyncio.to_thread(staffing.study, waits, ZoneInfo(timezone), slot, **given)


def shows_people(pattern: Pattern, figures: MemberFigures) -> bool:
    """Whether figures about those who answer may be shown: of a few people they would be about each of them."""
    return figures == "named" or pattern.people >= SMALLEST_GROUP
