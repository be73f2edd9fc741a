"""Episodes as rows: told from a conversation's waits, moves and replies (`course`), with the target that their resolution has.

`tell` is called by `targets.settle`, in every transaction that changes one of these, or what policies ask of a conversation; what is told
is compared with the rows, and the difference written as a set. `breach` is called when a due time has come.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.columns import Numbers, Texts, Times, Truths
from inbox.contract import ConversationKind
from inbox.db import Row, driver
from inbox.models import Episode, Metric, Priority, Status
from inbox.pipelines import Send, pipeline
from inbox.promptness import alerts, course, moves, resolving, strands
from inbox.promptness.alerts import Planned
from inbox.promptness.course import Asked, Chapter
from inbox.promptness.policies import Facts, Rule
from inbox.promptness.resolving import Told
from inbox.promptness.strands import Joining
from inbox.promptness.timeline import NEVER

CONVERSATIONS = """
    SELECT conversation.id, conversation.workspace_id, channel_id, kind, priority, team_id, episode_days,
           ARRAY(SELECT label_id FROM conversation_label WHERE conversation_id = conversation.id),
           coalesce((SELECT tier FROM contact WHERE contact.id = contact_id), ''), language,
           conversation.created_at
      FROM conversation JOIN workspace ON workspace.id = conversation.workspace_id
     WHERE conversation.id = ANY(%b::bigint[]) ORDER BY conversation.id FOR NO KEY UPDATE OF conversation
"""

# What was spam, deleted, hidden or belongs to another conversation now asked nothing.
ASKED = """
    SELECT conversation_id, opened_at, received_at FROM wait
     WHERE conversation_id = ANY(%b::bigint[])
       AND (outcome IS NULL OR outcome NOT IN ('spam', 'hidden', 'deleted', 'merged', 'not_needed_by_rule'))
"""

REPLIES = """
    SELECT conversation_id, at FROM message
     WHERE conversation_id = ANY(%b::bigint[]) AND direction = 'out' AND delivery = 'sent' AND NOT automatic AND NOT is_history
"""

COLUMNS = """conversation_id, ordinal, began_at, received_at, first_resolved_at, resolved_at, reopened_count, replies_count, rests,
             paused_seconds, paused_since, is_void, assignee_id, team_id, priority, policy_id, target_seconds, due_at, breached_at,
             late_on_policy, caught_up_late, first_business_seconds, business_seconds"""

PACKED: tuple[Callable[[list[Any]], Any], ...] = (
    Numbers, Numbers, Times, Times, Times, Times, Numbers, Numbers, list, list, Times, Truths, Numbers, Numbers, Texts,
    Numbers, Numbers, Times, Times, Truths, Truths, list, list,
)  # fmt: skip  # as COLUMNS

FIELDS = attrgetter(*(each.name for each in fields(Told)))

EVERY = f"SELECT id, {COLUMNS} FROM episode WHERE conversation_id = ANY(%b::bigint[]) ORDER BY ordinal FOR NO KEY UPDATE"  # noqa: S608  # made of constants

WRITE = f"""
    INSERT INTO episode (workspace_id, channel_id, kind, {COLUMNS})
    SELECT conversation.workspace_id, conversation.channel_id, conversation.kind, new.*
      FROM unnest(%b::bigint[], %b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::timestamptz[], %b::timestamptz[], %b::bigint[],
                  %b::bigint[], %s::jsonb[], %s::float8[], %b::timestamptz[], %b::bool[], %b::bigint[], %b::bigint[], %b::text[],
                  %b::bigint[], %b::bigint[], %b::timestamptz[], %b::timestamptz[], %b::bool[], %b::bool[], %s::float8[], %s::float8[])
           AS new ({COLUMNS})
      JOIN conversation ON conversation.id = new.conversation_id
    ON CONFLICT (conversation_id, ordinal) DO UPDATE SET
        {", ".join(f"{name.strip()} = excluded.{name.strip()}" for name in COLUMNS.split(",")[2:])}
    RETURNING id, conversation_id, ordinal
"""  # noqa: S608  # same

# Those that begin with their conversation: nothing but the beginning is to be said.
BEGIN = """
    INSERT INTO episode (workspace_id, channel_id, conversation_id, ordinal, kind, began_at, received_at)
    SELECT %s, %s, id, 1, kind, began_at, %s FROM unnest(%b::bigint[], %b::text[], %b::timestamptz[]) AS new (id, kind, began_at)
"""

# Each by one process only; what is locked is being resolved or settled, and comes again.
BREACH = text(
    """
    WITH due AS (SELECT id FROM episode WHERE due_at <= :now AND resolved_at IS NULL AND breached_at IS NULL
                  ORDER BY due_at, id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE episode SET breached_at = due_at FROM due WHERE episode.id = due.id
    RETURNING episode.id, episode.workspace_id, episode.conversation_id, episode.channel_id, episode.due_at
    """
)


@dataclass(slots=True)
class Subject:
    """The conversation that episodes belong to."""

    id: int
    workspace_id: int
    channel_id: int
    facts: Facts
    episode: timedelta
    created_at: datetime


async def tell(
    session: AsyncSession, conversation_ids: Sequence[int], known: Sequence[Rule], *, now: datetime, actor: str, by_policy: bool = False
) -> int:
    """Tell the episodes of these conversations anew, and correct their rows; how many changed. `known`: the workspace's policies."""
    ids = sorted(set(conversation_ids))
    connection = await driver(session)
    # Each statement sees what was committed before it began: so the rest is read after the lock is held.
    async with pipeline(connection) as send:
        held, flowing, *found = [
            send(statement, (ids,)) for statement in (CONVERSATIONS, strands.FLOWING, ASKED, moves.EVERY, REPLIES, EVERY)
        ]
    subjects = [_subject(row) for row in await held.fetchall()]
    asked, moved, replies, rows = [await cursor.fetchall() for cursor in found]
    flow = await strands.read(flowing)
    if others := flow.others(ids):
        moved += await (await connection.execute(moves.EVERY, (others,))).fetchall()
    stories = _Stories(asked, moved, replies, flow.joinings)
    before = _by_conversation(rows)
    numbers = {(row[1], row[2]): row[0] for row in rows}
    changed: list[Told] = []
    late: list[tuple[Subject, Told]] = []
    alerted: list[Told] = []
    for subject in subjects:
        for row, told in _compared(subject, stories.of(subject), before.get(subject.id, []), known, now=now, by_policy=by_policy):
            if row != told:
                changed.append(told)
                if told.breached_at is not None and (row is None or row.breached_at is None):
                    late.append((subject, told))
            # A changed policy may have another chain for the same due time.
            if (row != told or by_policy) and (told.due_at is not None or (row is not None and row.due_at is not None)):
                alerted.append(told)
    if changed:
        async with pipeline(connection) as send:
            written = send(WRITE, _columns(changed))
        numbers |= {(row[1], row[2]): row[0] for row in await written.fetchall()}
        for subject, told in late:
            episode_id = numbers[told.conversation_id, told.ordinal]
            _record(session, subject.workspace_id, subject.id, subject.channel_id, episode_id, told.due_at, actor, now)
    if alerted:
        planned = [_planned(numbers[told.conversation_id, told.ordinal], told, known) for told in alerted]
        async with pipeline(connection) as send:
            alerts.plan(send, subjects[0].workspace_id, Episode, planned, now=now)
    return len(changed)


def begin(send: Send, workspace_id: int, channel_id: int, begun: Sequence[tuple[int, str, datetime]], *, now: datetime) -> None:
    """Queue the first episodes of conversations that begin with what customers ask: id, kind, and when. `tell` would find nothing else."""
    if begun:
        ids, kinds, since = (list(column) for column in zip(*begun, strict=True))
        send(BEGIN, (workspace_id, channel_id, now, Numbers(ids), Texts(kinds), Times(since)))


async def breach(session: AsyncSession, *, now: datetime, limit: int) -> int:
    """Mark the unresolved episodes whose due time has passed as late since then, each once however many processes do it; how many."""
    rows = sorted(tuple(row) for row in await session.execute(BREACH, {"now": now, "limit": limit}))
    for episode_id, workspace_id, conversation_id, channel_id, due_at in rows:
        _record(session, workspace_id, conversation_id, channel_id, episode_id, due_at, "system", now)
    return len(rows)


class _Stories:
    """What was asked, done and answered, by conversation."""

    def __init__(
        self, asked: Iterable[Row], moved: Iterable[Row], replies: Iterable[Row], joinings: Mapping[int, Sequence[Joining]]
    ) -> None:
        self.joinings = joinings
        self.asked: dict[int, list[Asked]] = defaultdict(list)
        for conversation_id, opened_at, received_at in asked:
            self.asked[conversation_id].append(Asked(opened_at, received_at))
        self.moved = moves.read(moved)
        self.replies: dict[int, list[datetime]] = defaultdict(list)
        for conversation_id, at in replies:
            self.replies[conversation_id].append(at)

    def of(self, subject: Subject) -> list[Chapter]:
        moved = self.moved[subject.id]
        if joined := self.joinings.get(subject.id):
            merged = ((self.moved[joining.id], joining.created_at, joining.at) for joining in joined)
            moved = course.together([(moved, subject.created_at, NEVER), *merged])
        return course.tell(self.asked[subject.id], moved, self.replies[subject.id], episode=subject.episode)


def _compared(
    subject: Subject, chapters: Sequence[Chapter], rows: Sequence[Told], known: Sequence[Rule], *, now: datetime, by_policy: bool
) -> Iterable[tuple[Told | None, Told]]:
    """Each row as it was and as it should be. A row that no longer has an episode stays, without a meaning: the episode may come back."""
    for ordinal, chapter in enumerate(chapters, 1):
        row = rows[ordinal - 1] if ordinal <= len(rows) else None
        told = _told(subject, ordinal, chapter)
        resolving.settle(told, chapter, subject.facts, row, known, now=now, by_policy=by_policy)
        yield row, told
    for row in rows[len(chapters) :]:
        if not row.is_void:
            yield row, replace(row, is_void=True, due_at=None, paused_since=None)


def _told(subject: Subject, ordinal: int, chapter: Chapter) -> Told:
    return Told(
        conversation_id=subject.id,
        ordinal=ordinal,
        began_at=chapter.began_at,
        received_at=chapter.received_at,
        first_resolved_at=chapter.first_resolved_at,
        resolved_at=chapter.resolved_at,
        reopened_count=chapter.reopened_count,
        replies_count=chapter.replies_count,
        rests=_written(chapter),
        paused_seconds=chapter.paused_seconds,
        paused_since=chapter.paused_since,
        is_void=chapter.status is Status.SPAM,
        assignee_id=chapter.assignee_id,
        team_id=chapter.team_id,
        priority=chapter.priority.value,
    )


def _subject(row: Row) -> Subject:
    conversation_id, workspace_id, channel_id, kind, priority, team_id, days, label_ids, tier, language, created_at = row
    facts = Facts(channel_id, ConversationKind(kind), Priority(priority), team_id, frozenset(label_ids), tier, language)
    return Subject(conversation_id, workspace_id, channel_id, facts, timedelta(days=days), created_at)


def _by_conversation(rows: Iterable[Row]) -> dict[int, list[Told]]:
    found: dict[int, list[Told]] = defaultdict(list)
    for row in rows:
        told = Told(*row[1:])
        told.rests = json.dumps(told.rests)
        found[told.conversation_id].append(told)
    return found


def _written(chapter: Chapter) -> str:
    """Rests as JSON, moments in UTC."""
    return json.dumps([[_moment(rest.since), rest.until and _moment(rest.until), rest.status.value] for rest in chapter.rests])


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _columns(rows: Sequence[Told]) -> list[Any]:
    return [pack(list(column)) for pack, column in zip(PACKED, zip(*map(FIELDS, rows), strict=True), strict=True)]


def _planned(episode_id: int, told: Told, known: Sequence[Rule]) -> Planned:
    """What is told of a resolution: nothing while it is over or paused, nor when it was late before anybody had promised anything."""
    rests = [(datetime.fromisoformat(since), until and datetime.fromisoformat(until)) for since, until, _ in json.loads(told.rests)]
    is_told = all(until for _, until in rests) and not told.is_void and not told.late_on_policy
    rule = next((rule for rule in known if rule.id == told.policy_id), None)
    pauses = [(since, until) for since, until in rests if until]
    due_at = told.due_at if is_told else None
    return Planned(episode_id, told.began_at, told.target_seconds, due_at, rule and rule.by(Metric.RESOLUTION), pauses)


def _record(
    session: AsyncSession,
    workspace_id: int,
    conversation_id: int,
    channel_id: int,
    episode_id: int,
    due_at: datetime | None,
    actor: str,
    now: datetime,
) -> None:
    told = None if due_at is None else due_at.isoformat()
    events.record(
        session, "resolution.breached", workspace_id=workspace_id, at=now, actor=actor, conversation_id=conversation_id,
        channel_id=channel_id, episode=episode_id, due_at=told,
    )  # fmt: skip
