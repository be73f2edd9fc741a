"""What if: the waits of the past under other policies and calendars, by the functions that count live. Pure; loads numpy.

Conditions are asked of what a conversation is now: which labels, team or priority it had then is not kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from inbox.models import WAITS, Metric, Outcome
from inbox.promptness import policies, zones
from inbox.promptness.history import OPEN, OUTCOMES, History
from inbox.promptness.policies import Facts, Rule
from inbox.promptness.zones import SECOND

Becomes = Literal["missed", "kept"]
Flags = NDArray[np.bool_]
Dues = dict[tuple[int, int, int], int]  # of a calendar, a moment and an amount: the same is not reckoned twice


@dataclass(frozen=True, slots=True)
class Judged:
    """The waits of a history under some rules. Moments in microseconds, OPEN: no target. `missed`: past due before it was answered, or
    now; `met`: answered by then. Neither: no target, not due yet, or closed without an answer before it was due."""

    policy: NDArray[np.int64]
    due: NDArray[np.int64]
    met: Flags
    missed: Flags


@dataclass(frozen=True, slots=True)
class Side:
    """How many waits met and missed their target; `share` that met it (0 … 1), None: none was decided."""

    met: int
    missed: int

    @property
    def share(self) -> float | None:
        decided = self.met + self.missed
        return self.met / decided if decided else None


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a comparison. `cut` is all, metric, channel or policy; `key` its number, 0 for no policy; metrics are 0 first, 1 next."""

    cut: str
    key: int
    waits: int
    before: Side
    after: Side


@dataclass(frozen=True, slots=True)
class Change:
    """A wait that would have been judged otherwise."""

    wait: int
    conversation: int
    channel: int
    metric: Metric
    opened_at: datetime
    closed_at: datetime | None
    due_before: datetime | None
    due_after: datetime | None
    becomes: Becomes


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rules in force and a draft over the same waits. `otherwise`: waits that the rules in force judge otherwise today than was
    recorded, since the conversation or the rules have changed since. `changes` are one page, the newest first; `next` begins the next."""

    waits: int
    otherwise: int
    recorded: Side
    lines: Sequence[Line]
    to_missed: int
    to_kept: int
    conversations: int
    changes: Sequence[Change]
    next: int | None


def compare(
    history: History,
    facts: Mapping[int, Facts],
    in_force: Sequence[Rule],
    draft: Sequence[Rule],
    now: datetime,
    *,
    after: int | None,
    limit: int,
) -> Comparison:
    """Both rules over these waits. `after` is the wait with which the page before ended."""
    at, known = zones.number(now), Dues()
    before = judge(history, facts, in_force, at, known)
    then = judge(history, facts, draft, at, known)
    changed = before.missed != then.missed
    places = np.flatnonzero(changed)[::-1]
    if after is not None:
        found = np.flatnonzero(history.id == after)
        places = places[places < (int(found[0]) if len(found) else 0)]
    page = [_change(history, before, then, int(place)) for place in places[:limit]]
    was_late = history.breached != OPEN
    in_time = (history.outcome == OUTCOMES.index(Outcome.ANSWERED)) & (history.due != OPEN) & ~was_late
    return Comparison(
        waits=len(history.id),
        otherwise=int(((before.due != history.due) | (before.missed != was_late)).sum()),
        recorded=Side(int(in_time.sum()), int(was_late.sum())),
        lines=list(_lines(history, before, then)),
        to_missed=int((changed & then.missed).sum()),
        to_kept=int((changed & before.missed).sum()),
        conversations=len(set(history.conversation[changed].tolist())),
        changes=page,
        next=page[-1].wait if len(places) > limit else None,
    )


def judge(history: History, facts: Mapping[int, Facts], rules: Sequence[Rule], now: int, known: Dues) -> Judged:
    """When each wait would have been due by these rules, and whether it would have been late, as `targets` says it live."""
    fits = {conversation: policies.first_fit(rules, of) for conversation, of in facts.items()}
    count = len(history.id)
    policy, due = np.zeros(count, np.int64), np.full(count, OPEN, np.int64)
    columns = (history.conversation.tolist(), history.metric.tolist(), history.opened.tolist())
    for place, (conversation, metric, opened) in enumerate(zip(*columns, strict=True)):
        rule = fits.get(conversation)
        if rule is None:
            continue
        policy[place] = rule.id
        seconds = rule.target(WAITS[int(metric)], facts[conversation].priority)
        if seconds is not None:
            due[place] = _due(rule.by(WAITS[int(metric)]), opened, seconds, known)
    end = np.minimum(history.closed, now)
    answered = history.outcome == OUTCOMES.index(Outcome.ANSWERED)
    missed = due < end
    return Judged(policy, due, answered & (due != OPEN) & ~missed, missed)


def _due(rule: Rule, opened: int, seconds: int, known: Dues) -> int:
    if rule.calendar is None:
        return opened + seconds * SECOND
    key = (id(rule.calendar), opened, seconds)
    if key not in known:
        at = rule.due(zones.moment(opened), seconds)
        known[key] = OPEN if at is None else zones.number(at)
    return known[key]


def _lines(history: History, before: Judged, after: Judged) -> Iterator[Line]:
    """All, then each metric, channel and policy; a policy's waits are those that it would have counted for."""
    every = np.ones(len(history.id), np.bool_)
    yield _line("all", 0, every, every, before, after)
    both: list[tuple[str, NDArray[Any], NDArray[Any]]] = [
        ("metric", history.metric, history.metric),
        ("channel", history.channel, history.channel),
        ("policy", before.policy, after.policy),
    ]
    for cut, earlier, later in both:
        for key in sorted({*np.unique(earlier).tolist(), *np.unique(later).tolist()}):
            yield _line(cut, key, earlier == key, later == key, before, after)


def _line(cut: str, key: int, earlier: Flags, later: Flags, before: Judged, after: Judged) -> Line:
    was = Side(int((before.met & earlier).sum()), int((before.missed & earlier).sum()))
    becomes = Side(int((after.met & later).sum()), int((after.missed & later).sum()))
    return Line(cut, key, int(later.sum()), was, becomes)


def _change(history: History, before: Judged, after: Judged, place: int) -> Change:
    def moment(micros: int) -> datetime | None:
        return None if micros == OPEN else zones.moment(micros)

    return Change(
        wait=int(history.id[place]),
        conversation=int(history.conversation[place]),
        channel=int(history.channel[place]),
        metric=WAITS[int(history.metric[place])],
        opened_at=zones.moment(int(history.opened[place])),
        closed_at=moment(int(history.closed[place])),
        due_before=moment(int(before.due[place])),
        due_after=moment(int(after.due[place])),
        becomes="missed" if after.missed[place] else "kept",
    )
