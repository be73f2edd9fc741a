"""The waits of conversations as rows: read for a fold, compared with what it yields, written as a set."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, LiteralString

from psycopg import AsyncCursor
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.columns import Numbers, Texts, Times, Truths
from inbox.contract import ConversationKind
from inbox.db import Row
from inbox.events import Pending
from inbox.models import Metric, Outcome, Status
from inbox.pipelines import Send
from inbox.promptness import timeline
from inbox.promptness.clocks import Clock, Waiting

COLUMNS = """wait.id, wait.identity_id, wait.metric, wait.opened_at, wait.opened_by, wait.received_at, wait.message_count, wait.by_hand,
             wait.closed_at, wait.closed_by, wait.outcome, wait.member_id, wait.assignee_id, wait.team_id, wait.native, wait.bulk"""


def latest_of(conversations: LiteralString) -> LiteralString:
    """A query for the open wait of each author, else their latest, and when they last began to wait."""
    return f"""
        SELECT DISTINCT ON (conversation_id, identity_id)
               conversation_id, max(opened_at) OVER (PARTITION BY conversation_id, identity_id), {COLUMNS}
          FROM wait WHERE conversation_id {conversations}
         ORDER BY conversation_id, identity_id, closed_at IS NULL DESC, opened_at DESC
    """  # noqa: S608  # made of constants


LATEST = latest_of("= ANY(%b::bigint[])")

EVERY = f"SELECT conversation_id, {COLUMNS} FROM wait WHERE conversation_id = ANY(%b::bigint[]) ORDER BY opened_at, id"  # noqa: S608  # same

INSERT = """
    INSERT INTO wait (workspace_id, channel_id, conversation_id, identity_id, metric, opened_at, opened_by, received_at, message_count,
                      by_hand, closed_at, closed_by, outcome, member_id, assignee_id, team_id, native, bulk)
    SELECT * FROM unnest(%b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::text[], %b::timestamptz[], %b::bigint[],
                         %b::timestamptz[], %b::bigint[], %b::bool[], %b::timestamptz[], %b::bigint[], %b::text[], %b::bigint[],
                         %b::bigint[], %b::bigint[], %b::bool[], %b::bool[])
    RETURNING id, conversation_id, identity_id, opened_by, opened_at
"""

UPDATE = """
    UPDATE wait
       SET metric = new.metric, opened_at = new.opened_at, opened_by = new.opened_by, received_at = new.received_at,
           message_count = new.message_count, by_hand = new.by_hand, closed_at = new.closed_at, closed_by = new.closed_by,
           outcome = new.outcome, member_id = new.member_id, assignee_id = new.assignee_id, team_id = new.team_id,
           native = new.native, bulk = new.bulk, segments = NULL,
           business_seconds = CASE WHEN new.closed_at IS NULL THEN NULL ELSE wait.business_seconds END
      FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[], %b::bigint[], %b::timestamptz[], %b::bigint[], %b::bool[],
                  %b::timestamptz[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bool[], %b::bool[])
           AS new (id, metric, opened_at, opened_by, received_at, message_count, by_hand, closed_at, closed_by, outcome, member_id,
                   assignee_id, team_id, native, bulk)
     WHERE wait.id = new.id
"""

GROW = """
    UPDATE wait SET message_count = new.message_count FROM unnest(%b::bigint[], %b::bigint[]) AS new (id, message_count)
     WHERE wait.id = new.id
"""

METRICS = {metric.value: metric for metric in Metric}
FIELDS = attrgetter(*(each.name for each in fields(Waiting) if each.name != "pending"))


@dataclass(slots=True)
class Subject:
    """The conversation that waits belong to."""

    id: int
    workspace_id: int
    channel_id: int
    kind: ConversationKind
    status: Status = Status.OPEN
    resolved_at: datetime | None = None
    assignee_id: int | None = None
    team_id: int | None = None


@dataclass(slots=True)
class Changes:
    """What a fold changes in the table; open waits end before others of the same author begin."""

    gone: list[tuple[Subject, Waiting]] = field(default_factory=list[tuple[Subject, Waiting]])
    updated: list[tuple[Subject, Waiting, Waiting]] = field(default_factory=list[tuple[Subject, Waiting, Waiting]])  # before, after
    inserted: list[tuple[Subject, Waiting]] = field(default_factory=list[tuple[Subject, Waiting]])
    grown: list[Waiting] = field(default_factory=list[Waiting])  # by messages, and in nothing else

    @property
    def conversations(self) -> dict[int, set[int]]:
        """Where waits began, ended or became others, by workspace; growing changes no target."""
        found: dict[int, set[int]] = defaultdict(set)
        for subject in (*(gone[0] for gone in self.gone), *(new[0] for new in self.inserted), *(each[0] for each in self.updated)):
            found[subject.workspace_id].add(subject.id)
        return found

    @property
    def has_ended(self) -> bool:
        """Whether a wait has ended, or is not over as it was: who had it when is told anew."""
        ended = (*(each[2] for each in self.updated), *(new[1] for new in self.inserted))
        return any(waiting.closed_at is not None for waiting in ended)

    @property
    def reopened(self) -> set[int]:
        """The waits whose end was taken back."""
        return {after.id for _, before, after in self.updated if after.id and before.closed_at and after.closed_at is None}

    def __len__(self) -> int:
        return len(self.gone) + len(self.updated) + len(self.inserted) + len(self.grown)


def clock(subject: Subject, episode_days: int, latest: Sequence[tuple[datetime, Waiting]]) -> Clock:
    """The clock of a conversation as its rows say, ready for what comes next. `latest`: per author, when they last began to wait."""
    shared, episode, resolved = subject.kind is not ConversationKind.COMMENTS, timedelta(days=episode_days), subject.resolved_at
    now = Clock(shared, episode, subject.assignee_id, subject.team_id, {}, {}, {}, None, [(timeline.EVER, resolved)], [], [])
    if subject.status is Status.SPAM:
        now.spam.append((timeline.EVER, None))
    for last_opened, waiting in latest:
        now.last_opened[waiting.identity_id] = last_opened
        if waiting.closed_at is None:
            now.open[waiting.identity_id] = Waiting(*FIELDS(waiting), pending=[])
    return now


async def latest(cursor: AsyncCursor[Row]) -> dict[int, list[tuple[datetime, Waiting]]]:
    """What LATEST found, by conversation."""
    found: dict[int, list[tuple[datetime, Waiting]]] = defaultdict(list)
    for row in await cursor.fetchall():
        found[row[0]].append((row[1], _waiting(row[2:])))
    return found


async def every(cursor: AsyncCursor[Row]) -> dict[int, list[Waiting]]:
    """What EVERY found, by conversation."""
    found: dict[int, list[Waiting]] = defaultdict(list)
    for row in await cursor.fetchall():
        found[row[0]].append(_waiting(row[1:]))
    return found


def advance(changes: Changes, subject: Subject, before: Iterable[Waiting], after: Iterable[Waiting]) -> None:
    """Note what a fold of only the newest messages has changed: waits without a row are new."""
    rows = {waiting.id: waiting for waiting in before}
    for waiting in after:
        if waiting.id is None:
            changes.inserted.append((subject, waiting))
        elif waiting != rows[waiting.id]:
            changes.updated.append((subject, rows[waiting.id], waiting))


def grow(changes: Changes, latest: Sequence[tuple[datetime, Waiting]], authors: Sequence[int | None]) -> bool:
    """Let the waits of these authors grow by a message each, without a fold; False, and nothing done, unless all of them wait already."""
    waiting = {one.identity_id: one for _, one in latest if one.closed_at is None}
    if not all(author in waiting for author in authors):
        return False
    for author in authors:
        waiting[author or 0].message_count += 1
    changes.grown.extend(waiting[author or 0] for author in set(authors))
    return True


def compare(changes: Changes, subject: Subject, before: Sequence[Waiting], after: Sequence[Waiting]) -> None:
    """Note how the rows differ from a fold of everything. A wait keeps its row while its author and first message are the same; what is
    left over is paired author by author, in order, so that a wait whose beginning turned out earlier stays the same wait."""
    left = list(before)
    unmatched: list[Waiting] = []
    for waiting in after:
        row = next((row for row in left if (row.identity_id, row.opened_by) == (waiting.identity_id, waiting.opened_by)), None)
        if row is None:
            unmatched.append(waiting)
        else:
            left.remove(row)
            _pair(changes, subject, row, waiting)
    for waiting in sorted(unmatched, key=lambda waiting: (waiting.opened_at, waiting.opened_by)):
        row = next((row for row in left if row.identity_id == waiting.identity_id), None)
        if row is None:
            changes.inserted.append((subject, waiting))
        else:
            left.remove(row)
            _pair(changes, subject, row, waiting)
    changes.gone.extend((subject, row) for row in left)


def write(send: Send, changes: Changes) -> AsyncCursor[Row] | None:
    """Queue the changes in a pipeline; the cursor tells the new rows' ids."""
    if changes.gone:
        send("DELETE FROM wait WHERE id = ANY(%b::bigint[])", (Numbers([waiting.id for _, waiting in changes.gone]),))
    ended = [after for _, _, after in changes.updated if after.closed_at is not None]
    going = [after for _, _, after in changes.updated if after.closed_at is None]
    for waits in (ended, going):
        if waits:
            send(UPDATE, (Numbers([waiting.id for waiting in waits]), *_columns(waits)))
    if changes.grown:
        grown = changes.grown
        send(GROW, (Numbers([waiting.id for waiting in grown]), Numbers([waiting.message_count for waiting in grown])))
    if not changes.inserted:
        return None
    subjects = [subject for subject, _ in changes.inserted]
    waits = [waiting for _, waiting in changes.inserted]
    return send(
        INSERT,
        (
            Numbers([subject.workspace_id for subject in subjects]),
            Numbers([subject.channel_id for subject in subjects]),
            Numbers([subject.id for subject in subjects]),
            Numbers([waiting.identity_id for waiting in waits]),
            *_columns(waits),
        ),
    )


async def record(
    session: AsyncSession, changes: Changes, inserted: AsyncCursor[Row] | None, *, actor: str, now: datetime, decided: bool = False
) -> None:
    """Give new waits their ids and tell the log which waits began and ended. `decided`: a person ended them without an answer."""
    ids: dict[tuple[int, int, int, datetime], int] = {}
    if inserted is not None:
        ids = {(row[1], row[2], row[3], row[4]): row[0] for row in await inserted.fetchall()}
    for subject, waiting in changes.gone:
        if waiting.closed_at is None:
            _record_closed(session, subject, waiting, actor=actor, now=now)
        else:
            _record_retold(session, subject, waiting, actor=actor, now=now)
    for subject, before, after in changes.updated:
        if after.closed_at is not None and before.closed_at is None:
            _record_closed(session, subject, after, actor=actor, now=now, decided=decided)
        elif after.closed_at is None and (before.closed_at is not None or before.opened_at != after.opened_at):
            _record_opened(session, subject, after, actor=actor, now=now)
        elif replace(before, message_count=after.message_count) != after:
            _record_retold(session, subject, after, actor=actor, now=now)
    for subject, waiting in changes.inserted:
        waiting.id = ids[subject.id, waiting.identity_id, waiting.opened_by, waiting.opened_at]
        _record_opened(session, subject, waiting, actor=actor, now=now)
        if waiting.closed_at is not None:
            _record_closed(session, subject, waiting, actor=actor, now=now)


def _pair(changes: Changes, subject: Subject, row: Waiting, waiting: Waiting) -> None:
    waiting.id, waiting.bulk = row.id, row.bulk
    if waiting != row:
        changes.updated.append((subject, row, waiting))


def _record_opened(session: AsyncSession, subject: Subject, waiting: Waiting, *, actor: str, now: datetime) -> None:
    data: dict[str, Any] = {"wait": waiting.id, "identity": waiting.identity_id, "opened_at": waiting.opened_at.isoformat()}
    if waiting.by_hand:  # a rebuild reads this
        data |= {"by_hand": True, "message": waiting.opened_by}
    _record(session, "wait.opened", subject, actor, now, data)


def _record_closed(session: AsyncSession, subject: Subject, waiting: Waiting, *, actor: str, now: datetime, decided: bool = False) -> None:
    seconds = None if waiting.closed_at is None else round((waiting.closed_at - waiting.opened_at).total_seconds(), 3)
    data: dict[str, Any] = {"wait": waiting.id, "identity": waiting.identity_id, "outcome": waiting.outcome, "seconds": seconds}
    if decided:  # a rebuild reads this
        data["decided"] = True
    _record(session, "wait.closed", subject, actor, now, data)


def _record_retold(session: AsyncSession, subject: Subject, waiting: Waiting, *, actor: str, now: datetime) -> None:
    """What neither began nor ended and is another wait all the same, or no wait any more: readers that keep waits have to hear of it."""
    _record(session, "wait.retold", subject, actor, now, {"wait": waiting.id, "identity": waiting.identity_id})


def _record(session: AsyncSession, kind: str, subject: Subject, actor: str, now: datetime, data: dict[str, Any]) -> None:
    events.note(session, Pending(kind, subject.workspace_id, now, subject.id, subject.channel_id, actor, data))


def _waiting(row: Row) -> Waiting:
    """A row of COLUMNS: in the order of the fields, but that the id comes first."""
    number, identity, metric, opened_at, opened_by, received_at, count, by_hand, closed_at, closed_by, outcome, *rest = row
    outcome = None if outcome is None else Outcome(outcome)
    fields = (identity, METRICS[metric], opened_at, opened_by, received_at, count, by_hand, closed_at, closed_by, outcome)
    member_id, assignee_id, team_id, native, bulk = rest
    return Waiting(*fields, member_id, assignee_id, team_id, native, bulk, number, [])


def _columns(waits: Sequence[Waiting]) -> tuple[Numbers | Texts | Times | Truths, ...]:
    return (
        Texts([waiting.metric.value for waiting in waits]),
        Times([waiting.opened_at for waiting in waits]),
        Numbers([waiting.opened_by for waiting in waits]),
        Times([waiting.received_at for waiting in waits]),
        Numbers([waiting.message_count for waiting in waits]),
        Truths([waiting.by_hand for waiting in waits]),
        Times([waiting.closed_at for waiting in waits]),
        Numbers([waiting.closed_by for waiting in waits]),
        Texts([None if waiting.outcome is None else waiting.outcome.value for waiting in waits]),
        Numbers([waiting.member_id for waiting in waits]),
        Numbers([waiting.assignee_id for waiting in waits]),
        Numbers([waiting.team_id for waiting in waits]),
        Truths([waiting.native for waiting in waits]),
        Truths([waiting.bulk for waiting in waits]),
    )
