"""The course of a conversation: its episodes, told from its waits, moves and replies in one pure fold. The rules of docs/promptness.md.

What a customer asks counts from when it reached us, as for "first" and "next" (`timeline`); moves count from when they were made.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from inbox.models import Priority, Status
from inbox.promptness.timeline import EVER, NEVER

ENDED = (Status.RESOLVED, Status.SPAM)
PAUSED = (Status.PENDING, Status.SNOOZED)
RANK = {status: rank for rank, status in enumerate((Status.OPEN, *PAUSED, *ENDED))}


@dataclass(frozen=True, slots=True)
class Asked:
    """A wait that counts: when it began, and when we learned of it."""

    opened_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A change of status, and whose the conversation was then."""

    at: datetime
    status: Status
    assignee_id: int | None = None
    team_id: int | None = None
    priority: Priority = Priority.NORMAL


@dataclass(frozen=True, slots=True)
class Rest:
    """A stretch in which an episode was not open, so that its clock stood still. `until` is None while it lasts."""

    since: datetime
    until: datetime | None
    status: Status


@dataclass(slots=True)
class Chapter:
    """An episode as its conversation's story has it."""

    began_at: datetime
    received_at: datetime
    status: Status = Status.OPEN
    rests: list[Rest] = field(default_factory=list[Rest])
    first_resolved_at: datetime | None = None
    resolved_at: datetime | None = None
    reopened_count: int = 0
    replies_count: int = 0
    assignee_id: int | None = None
    team_id: int | None = None
    priority: Priority = Priority.NORMAL

    @property
    def resting_since(self) -> datetime | None:
        return self.rests[-1].since if self.rests and self.rests[-1].until is None else None

    @property
    def pauses(self) -> list[tuple[datetime, datetime]]:
        """The rests that are over, from and to."""
        return [(rest.since, rest.until) for rest in self.rests if rest.until is not None]

    @property
    def paused_seconds(self) -> float:
        """Seconds that it was pending or snoozed, of the pauses that are over."""
        over = (rest.until - rest.since for rest in self.rests if rest.until and rest.status in PAUSED)
        return sum(over, timedelta()).total_seconds()

    @property
    def paused_since(self) -> datetime | None:
        return self.resting_since if self.status in PAUSED else None


def tell(asked: Iterable[Asked], moves: Sequence[Moved], replies: Iterable[datetime], *, episode: timedelta) -> list[Chapter]:
    """The episodes of a conversation, in order. `moves` are in the order in which they were made, whatever the machines' clocks say."""
    steps: list[tuple[datetime, float, Asked | Moved]] = [(one.received_at, -1, one) for one in asked]
    latest = EVER
    for number, move in enumerate(moves):
        latest = max(latest, move.at)
        steps.append((latest, number, replace(move, at=latest)))
    steps.sort(key=_order)
    chapters: list[Chapter] = []
    status, last_opened = Status.OPEN, EVER
    for _, _, what in steps:
        if isinstance(what, Moved):
            status = what.status
            if chapters:
                _move(chapters[-1], what)
        else:
            if not chapters or _begins_another(chapters[-1], what, last_opened, episode):
                chapters.append(_begun(what, status))
            else:
                _join(chapters, what)
            last_opened = max(last_opened, what.opened_at)
    _count(chapters, replies)
    return chapters


def together(strands: Iterable[tuple[Sequence[Moved], datetime, datetime]]) -> list[Moved]:
    """The moves of conversations that are one now, as of one: it was open as long as any of them was, and so on down to spam.

    Each with when it began, and when it went into another one: from then on it counts no more.
    """
    steps: list[tuple[datetime, int, int, Moved | None]] = []
    for number, (moves, began, until) in enumerate(strands):
        began = min(began, until)  # a clock that was put back between the two
        steps.append((began, 0, number, Moved(began, Status.OPEN)))
        latest = began
        for move in moves:
            latest = max(latest, move.at)
            if latest < until:
                steps.append((latest, 1, number, replace(move, at=latest)))
        steps.append((until, 2, number, None))
    steps.sort(key=lambda step: step[:3])
    told: list[Moved] = []
    there: dict[int, Moved] = {}
    status = Status.OPEN
    for at, _, number, move in steps:
        if move is None:
            del there[number]
        else:
            there[number] = move
        if there and (one := min(there.values(), key=lambda one: RANK[one.status])).status != status:
            status = one.status
            told.append(replace(one, at=at))
    return told


def _order(step: tuple[datetime, float, Asked | Moved]) -> tuple[datetime, float, datetime]:
    """A question comes before the move that it makes."""
    at, number, what = step
    return at, number, what.opened_at if isinstance(what, Asked) else EVER


def _begins_another(chapter: Chapter, asked: Asked, last_opened: datetime, episode: timedelta) -> bool:
    """Whether the customer comes back so late that it is another matter: the same rule by which a wait is first."""
    ended = chapter.resting_since if chapter.status in ENDED else None
    return ended is not None and last_opened <= ended and asked.opened_at - ended > episode


def _begun(asked: Asked, status: Status) -> Chapter:
    chapter = Chapter(asked.opened_at, asked.received_at)
    if status in PAUSED:
        chapter.status = status
        chapter.rests.append(Rest(max(asked.opened_at, asked.received_at), None, status))
    return chapter


def _join(chapters: Sequence[Chapter], asked: Asked) -> None:
    """One more question in an episode; what was asked before the one that began it, and came late, lets it begin earlier."""
    chapter = chapters[-1]
    before = chapters[-2].rests[-1].since if len(chapters) > 1 else EVER
    if before < asked.opened_at < chapter.began_at:
        chapter.began_at, chapter.received_at = asked.opened_at, asked.received_at


def _move(chapter: Chapter, move: Moved) -> None:
    if move.status == chapter.status:
        return
    at = max(move.at, chapter.began_at, chapter.rests[-1].since if chapter.rests else chapter.began_at)
    if chapter.resting_since is not None:
        rest = chapter.rests.pop()
        if at > rest.since:
            chapter.rests.append(replace(rest, until=at))
    if chapter.resolved_at is not None and move.status not in ENDED:
        chapter.resolved_at = chapter.assignee_id = chapter.team_id = None
        chapter.priority = Priority.NORMAL
        chapter.reopened_count += 1
    if chapter.resolved_at is None and move.status is Status.RESOLVED:
        chapter.resolved_at, chapter.first_resolved_at = at, chapter.first_resolved_at or at
        chapter.assignee_id, chapter.team_id, chapter.priority = move.assignee_id, move.team_id, move.priority
    chapter.status = move.status
    if move.status is not Status.OPEN:
        chapter.rests.append(Rest(at, None, move.status))


def _count(chapters: Sequence[Chapter], replies: Iterable[datetime]) -> None:
    """What was said before the customer asked anything, as when the team begins a conversation, belongs to no episode."""
    ends = [*(chapter.began_at for chapter in chapters[1:]), NEVER]
    for at in replies:
        for chapter, end in zip(chapters, ends, strict=False):
            chapter.replies_count += chapter.began_at <= at < end
