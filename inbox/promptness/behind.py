"""The very waits behind a number: a page of them, or all for a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.errors import Invalid
from inbox.models import WAITS, Conversation, Metric
from inbox.promptness import metrics
from inbox.promptness.history import KINDS, OPEN, OUTCOMES, PRIORITIES
from inbox.promptness.metrics import Basis, Measured
from inbox.promptness.question import MemberFigures, State
from inbox.promptness.reading import Column, spelled
from inbox.promptness.zones import SECOND, moment
from inbox.team.rights import Access

STANDINGS = {
    State.KEPT: metrics.KEPT,
    State.LATE: metrics.LATE,
    State.CAUGHT_UP_LATE: metrics.CAUGHT_UP,
    State.LATE_ON_POLICY: metrics.ON_POLICY,
}
HEADER = (
    "wait", "conversation", "channel", "team", "member", "policy", "post", "metric", "kind", "language", "priority", "opened_at",
    "closed_at", "received_at", "due_at", "outcome", "seconds", "business_seconds", "target_seconds", "standing", "native", "bulk",
    "by_hand",
)  # fmt: skip
STANDING = ("none", "kept", "late", "caught_up_late", "late_on_policy", "pending")


@dataclass(frozen=True, slots=True)
class Line:
    """One wait in a list. `business_seconds` of one still open: until now."""

    wait: int
    conversation: int
    channel: int
    opened_at: datetime
    closed_at: datetime | None
    outcome: str | None
    seconds: float
    business_seconds: float
    target_seconds: float | None
    standing: str
    author: str
    subject: str


def chosen(basis: Basis, state: State, metric: Metric | None) -> Column:
    """The places in the cohort of the waits that a number counts, by `opened` ascending."""
    told = basis.cohort
    mine = np.ones(len(told.history), dtype=np.bool_) if metric is None else told.history.metric == WAITS.index(metric)
    return np.flatnonzero(mine & _in(told, state, basis.question.within))


async def page(
    session: AsyncSession, basis: Basis, state: State, metric: Metric | None, *, before: str | None = None, limit: int = 50
) -> tuple[list[Line], str | None]:
    """The newest first, and where the next page begins; `before` is what the page before said."""
    told = basis.cohort
    rows = chosen(basis, state, metric)[::-1]
    if before is not None:
        at, number = _mark(before)
        opened, ids = told.history.opened[rows], told.history.id[rows]
        rows = rows[(opened < at) | ((opened == at) & (ids < number))]
    shown = rows[:limit]
    conversations = told.history.conversation[shown].tolist()
    query = select(col(Conversation.id), col(Conversation.author_name), col(Conversation.subject)).where(
        col(Conversation.id).in_(conversations)
    )
    names = {row[0]: (row[1], row[2]) for row in (await session.execute(query)).all()}
    lines = [_line(told, int(row), names) for row in shown]
    last = shown[-1] if len(rows) > limit else None
    return lines, None if last is None else f"{told.history.opened[last]}.{told.history.id[last]}"


def columns(basis: Basis, access: Access, member_figures: MemberFigures, rows: Column) -> dict[str, list[object]]:
    """These waits as lists by name, for files; who answered only as the installation allows."""
    told, waits = basis.cohort, basis.cohort.history.take(rows)
    shown = waits.owner if member_figures == "named" else np.where(waits.owner == (access.member_id or 0), waits.owner, 0)
    if member_figures in {"off", "groups"}:
        shown = np.zeros_like(shown)
    found: dict[str, list[object]] = {
        "wait": waits.id.tolist(),
        "conversation": waits.conversation.tolist(),
        "channel": waits.channel.tolist(),
        "team": _numbers(waits.team),
        "member": _numbers(shown),
        "policy": _numbers(waits.policy),
        "post": _numbers(waits.post),
        "metric": _words(waits.metric, WAITS),
        "kind": _words(waits.kind, KINDS),
        "language": [spelled(number) or None for number in waits.language.tolist()],
        "priority": _words(waits.priority, PRIORITIES),
    }
    found |= {f"{name}_at": [_moment(at) for at in getattr(waits, name).tolist()] for name in ("opened", "closed", "received", "due")}
    found |= {
        "outcome": _words(waits.outcome, OUTCOMES),
        "seconds": (told.microseconds[rows] / SECOND).tolist(),
        "business_seconds": waits.business.tolist(),
        "target_seconds": [None if np.isnan(seconds) else seconds for seconds in waits.target.tolist()],
        "standing": [STANDING[at] for at in told.standing[rows].tolist()],
    }
    return found | {name: getattr(waits, name).tolist() for name in ("native", "bulk", "by_hand")}


def lines(told: Mapping[str, list[object]]) -> Iterator[tuple[object, ...]]:
    """Those lists as rows in the order of HEADER."""
    return zip(*(told[name] for name in HEADER), strict=True)


def _in(told: Measured, state: State, within: float) -> Column:
    if state in STANDINGS:
        return told.standing == STANDINGS[state]
    every = {
        State.ALL: np.ones(len(told.history), dtype=np.bool_),
        State.ANSWERED: told.answered,
        State.OPEN: told.is_open,
        State.NOT_NEEDED: ~(told.answered | told.is_open),
        State.WITHIN: told.answered & (told.microseconds // SECOND <= within),
        State.NATIVE: told.answered & told.history.native,
        State.BULK: told.answered & told.history.bulk,
    }
    return every[state]


def _mark(before: str) -> tuple[int, int]:
    at, _, number = before.partition(".")
    if not (at.removeprefix("-").isdecimal() and number.isdecimal() and len(before) < 40):
        raise Invalid("This is no place in the list: take the one that the page before gave.", code="cursor")
    return int(at), int(number)


def _line(told: Measured, row: int, names: Mapping[int, tuple[str, str]]) -> Line:
    waits = told.history
    closed, target, outcome = int(waits.closed[row]), float(waits.target[row]), int(waits.outcome[row])
    author, subject = names.get(int(waits.conversation[row]), ("", ""))
    return Line(
        wait=int(waits.id[row]),
        conversation=int(waits.conversation[row]),
        channel=int(waits.channel[row]),
        opened_at=moment(int(waits.opened[row])),
        closed_at=_moment(closed),
        outcome=None if outcome < 0 else OUTCOMES[outcome].value,
        seconds=int(told.microseconds[row]) / SECOND,
        business_seconds=float(waits.business[row]),
        target_seconds=None if np.isnan(target) else target,
        standing=STANDING[int(told.standing[row])],
        author=author,
        subject=subject,
    )


def _words(column: Column, known: Sequence[StrEnum]) -> list[object]:
    places: list[int] = column.tolist()
    return [None if at < 0 else known[at].value for at in places]


def _numbers(column: Column) -> list[object]:
    return [number or None for number in column.tolist()]


def _moment(micros: int) -> datetime | None:
    return None if micros == OPEN else moment(micros)
