"""The waits of a period in columns: what every figure is reckoned from (docs/decisions/0011-figures-from-columns.md)."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import languages
from inbox.models import Outcome
from inbox.promptness import keeping, reading, targets
from inbox.promptness.policies import Rule
from inbox.promptness.question import Filters
from inbox.promptness.reading import COUNTED, KINDS, LONG, OPEN, OUTCOMES, PRIORITIES, Column
from inbox.promptness.shelf import Shelf
from inbox.promptness.zones import number
from inbox.team import rights
from inbox.team.rights import Access

__all__ = ["KINDS", "OPEN", "OUTCOMES", "PRIORITIES", "Filters", "History", "joined", "lasting", "load"]


@dataclass(frozen=True, slots=True)
class History:
    """Waits in columns, one entry for each wait, by `opened` ascending.

    Moments are int64 microseconds since 1970 (UTC), OPEN for one that has not come; 0 in an id column is nobody or none. Business seconds
    are those of the policy's calendar, of open waits until now; a target of nan is none. Nobody changes these arrays.
    """

    id: Column
    conversation: Column
    channel: Column
    identity: Column
    team: Column  # of the answer; of an open wait: who has it now
    member: Column  # credited for the answer
    assignee: Column  # who had it when it ended, or has it
    policy: Column
    post: Column
    metric: Column  # 0 first, 1 next
    kind: Column  # index into KINDS
    language: Column  # as `reading.spelling` has it; 0 is unknown
    priority: Column  # index into PRIORITIES
    outcome: Column  # index into OUTCOMES; -1 while open
    opened: Column
    closed: Column
    received: Column
    due: Column
    breached: Column
    business: Column
    target: Column
    late_on_policy: Column
    caught_up_late: Column
    native: Column
    bulk: Column
    by_hand: Column
    labels: Mapping[int, Column]

    def __len__(self) -> int:
        return len(self.id)

    @property
    def owner(self) -> Column:
        """Whose a wait is: of the one who answered or had it when it ended; while it is open, of who has it now."""
        return np.where((self.closed == OPEN) | (self.member == 0), self.assignee, self.member)

    def take(self, which: Column | slice) -> "History":
        """These of them, in the same order."""
        columns = {name: getattr(self, name)[which] for name in NAMES}
        return History(**columns, labels={label: column[which] for label, column in self.labels.items()})


NAMES = [each.name for each in fields(History) if each.name != "labels"]


async def load(
    session: AsyncSession,
    access: Access,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    filters: Filters = Filters(),
    shelf: Shelf | None = None,
    outcomes: Sequence[Outcome] = COUNTED,
) -> History:
    """The waits that began in the period, on channels the member may see, that count. A `shelf` keeps them for the next question."""
    if shelf is None:
        columns = await reading.read(session, access.workspace_id, reading.begun(since, until), outcomes)
    else:
        key = (access.workspace_id, outcomes is not COUNTED)
        kept = await keeping.columns(session, shelf, key, outcomes, since - LONG)
        first, end = np.searchsorted(kept["opened"], [number(since), number(until)])
        columns = {name: column[first:end] for name, column in kept.items()}
    return await _history(session, access, columns, now, filters)


async def lasting(
    session: AsyncSession, access: Access, *, since: datetime, now: datetime, filters: Filters = Filters(), shelf: Shelf | None = None
) -> History:
    """The waits that had begun before `since` and had not ended by then: what a period inherits."""
    known = since - LONG
    old = await reading.read(session, access.workspace_id, reading.lasting(since, known))
    if shelf is None:
        recent = await reading.read(session, access.workspace_id, reading.begun(known, since))
    else:
        kept = await keeping.columns(session, shelf, (access.workspace_id, False), COUNTED, known)
        first, end = np.searchsorted(kept["opened"], [number(known), number(since)])
        recent = {name: column[first:end] for name, column in kept.items()}
    lasts = recent["closed"] >= number(since)
    labels = (old.keys() | recent.keys()) - set(NAMES)
    for columns in (old, recent):
        columns |= {name: np.zeros(len(columns["id"]), dtype=np.bool_) for name in labels - columns.keys()}
    both = {name: np.concatenate([old[name], column[lasts]]) for name, column in recent.items()}
    return await _history(session, access, both, now, filters)


def joined(earlier: History, later: History) -> History:
    """Both, the second's waits having begun after the first's."""
    columns = {name: np.concatenate([getattr(earlier, name), getattr(later, name)]) for name in NAMES}
    labels: dict[int, Column] = {}
    for label in {**earlier.labels, **later.labels}:
        parts = [part.labels.get(label, np.zeros(len(part), dtype=np.bool_)) for part in (earlier, later)]
        labels[label] = np.concatenate(parts)
    return History(**columns, labels=labels)


async def _history(session: AsyncSession, access: Access, columns: reading.Columns, now: datetime, filters: Filters) -> History:
    known = await targets.rules(session, access.workspace_id)
    seen = None if access.sees_everything else await rights.channels(session, access)
    return await asyncio.to_thread(_told, columns, known, now, filters, seen)


def _told(columns: reading.Columns, known: Sequence[Rule], now: datetime, filters: Filters, channels: Collection[int] | None) -> History:
    columns = {**columns, "business": reading.business_until(columns, known, now)}
    labels = {int(name.partition(":")[2]): column for name, column in columns.items() if name.startswith("label:")}
    history = History(**{name: columns[name] for name in NAMES}, labels=labels)
    chosen = matching(history, filters)
    if channels is not None:
        seen = np.isin(history.channel, np.array(sorted(channels), dtype=np.int64))
        chosen = seen if chosen is None else chosen & seen
    return history if chosen is None or chosen.all() else history.take(chosen)


def matching(history: History, filters: Filters) -> Column | None:
    """Which of them the filters mean; None: all."""
    chosen: Column | None = None
    for name, wanted in filters.chosen.items():
        column = _column(history, name)
        if name == "label":
            mine = history.labels.get(int(wanted), np.zeros(len(history), dtype=np.bool_))
        elif name in WORDS:
            mine = column == WORDS[name].index(str(wanted))
        elif name == "language":
            mine = column == reading.spelling(languages.stored(str(wanted)))
        else:
            mine = column == wanted
        chosen = mine if chosen is None else chosen & mine
    return chosen


WORDS: dict[str, list[str]] = {
    "kind": [kind.value for kind in KINDS],
    "priority": [priority.value for priority in PRIORITIES],
    "metric": ["first", "next"],
}


def _column(history: History, name: str) -> Column:
    if name == "member":
        return history.owner
    return history.id if name == "label" else getattr(history, name)
