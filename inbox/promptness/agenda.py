"""What the timer of waits, resolutions and alerts has to do, and when: one question, for it is asked many times a second."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A restored installation tells nobody anything; what was due then says afterwards that it comes late.
READ = text(
    """
    SELECT EXISTS (SELECT FROM retargeting),
           (SELECT min(due_at) FROM wait WHERE due_at IS NOT NULL AND closed_at IS NULL AND breached_at IS NULL),
           (SELECT min(due_at) FROM episode WHERE due_at IS NOT NULL AND resolved_at IS NULL AND breached_at IS NULL),
           (SELECT min(at) FROM alert WHERE state = 'planned' AND NOT held),
           (SELECT min(snoozed_until) FROM alert_notice WHERE snoozed_until IS NOT NULL),
           NOT held AND EXISTS (SELECT FROM alert WHERE acts AND state = 'raised')
      FROM (SELECT coalesce(bool_or(held), false) AS held FROM installation) AS here
    """
)


@dataclass(frozen=True, slots=True)
class Agenda:
    """The next moment of each sort; None: never, as things are."""

    is_retargeted: bool  # agreements have changed: waits are to be settled anew
    answer: datetime | None  # an open wait becomes late
    resolution: datetime | None  # an unresolved episode does
    alert: datetime | None
    snoozed: datetime | None  # an alert that was put off comes back
    acts: bool  # steps of chains have something to do now

    @property
    def next(self) -> datetime | None:
        """The soonest of all."""
        return min((at for at in (self.answer, self.resolution, self.alert, self.snoozed) if at is not None), default=None)


async def read(session: AsyncSession) -> Agenda:
    """The agenda as it is now."""
    return Agenda(*(await session.execute(READ)).one())
