"""Waits: opened by customers, ended by answers. What the other rooms call; the rules themselves are in `timeline`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import chain

from psycopg import AsyncConnection
from sqlalchemy import BigInteger, Select, cast, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import ConversationKind
from inbox.db import Row, driver
from inbox.models import Conversation, LogEvent, Message, Outcome, Status
from inbox.pipelines import pipeline
from inbox.promptness import ledger, moves, retelling, strands, targets, timeline
from inbox.promptness.clocks import Decided, Said
from inbox.promptness.ledger import Changes, Subject

CONVERSATIONS_AT_ONCE = 500  # in a rebuild

HOLD = """
    SELECT conversation.id, conversation.workspace_id, channel_id, kind, status, resolved_at, assignee_id, team_id, episode_days
      FROM conversation JOIN workspace ON workspace.id = conversation.workspace_id
     WHERE conversation.id = ANY(%b::bigint[]) ORDER BY conversation.id FOR NO KEY UPDATE OF conversation
"""

# An automatic message neither opens nor closes; what failed or may not have been sent answers nobody.
SAID = """
    SELECT message.conversation_id, message.id, message.at, message.received_at,
           CASE WHEN message.direction = 'in' THEN message.identity_id END, message.expects_since, message.deleted_at, message.hidden_at,
           CASE WHEN parent.direction = 'in' THEN parent.identity_id END,
           CASE WHEN message.direction = 'out' AND message.mentions <> '[]' THEN ARRAY(
                SELECT id FROM identity
                 WHERE channel_id = message.channel_id AND NOT is_self AND NOT is_staff AND member_id IS NULL
                   AND external_id IN (SELECT jsonb_array_elements_text(message.mentions))) END,
           message.answers_all, message.member_id, message.native, message.strand_id
      FROM message LEFT JOIN message AS parent ON parent.id = message.parent_id
     WHERE message.conversation_id = ANY(%b::bigint[]) AND NOT message.is_history AND NOT message.automatic
       AND (message.direction = 'out' AND message.delivery = 'sent' OR message.direction = 'in' AND message.identity_id IS NOT NULL)
"""

DONE = """
    SELECT conversation_id, kind, at, data FROM event
     WHERE conversation_id = ANY(%b::bigint[])
       AND kind IN ('wait.opened', 'wait.closed', 'wait.corrected', 'conversation.moved', 'conversation.assigned', 'conversation.divided',
                    'conversation.merged', 'message.hidden')
     ORDER BY id
"""

WAITING = """
    UPDATE conversation SET waiting_since = new.since, waiting_count = coalesce(new.count, 0)
      FROM (SELECT told.id, min(opened_at) AS since, count(opened_at)::int AS count
              FROM unnest(%b::bigint[]) AS told (id) LEFT JOIN wait ON conversation_id = told.id AND closed_at IS NULL
             GROUP BY told.id) AS new (id, since, count)
     WHERE conversation.id = new.id
"""


async def answered(session: AsyncSession, message: Message, *, at: datetime, now: datetime) -> None:
    """A reply was accepted by the platform at `at`: end the waits of those it answers. The message must be marked as sent."""
    message.at = at
    await session.flush()
    await refold(session, [message.conversation_id], now=now, actor=_author(message))


async def close(
    session: AsyncSession, conversation: Conversation, outcome: Outcome, *, actor: str, now: datetime, identity_id: int | None = None
) -> int:
    """End the conversation's open waits, or one author's, without an answer of ours; how many."""
    connection = await driver(session)
    async with pipeline(connection):
        held = await connection.execute(HOLD, ([conversation.id],))
        found = await connection.execute(ledger.LATEST, ([conversation.id],))
    (row,) = await held.fetchall()
    subject, latest = _subject(row), (await ledger.latest(found))[conversation.id]
    clock = ledger.clock(subject, row[-1], latest)
    changes = Changes()
    timeline.fold(clock, [], [Decided(now, outcome, identity_id)])
    ledger.advance(changes, subject, [waiting for _, waiting in latest], clock.waits)
    await _save(session, connection, changes, [conversation.id], actor=actor, now=now, decided=True)
    return len(changes)


async def open_by_hand(session: AsyncSession, message: Message, *, actor: str, now: datetime) -> None:
    """A person says that a message expects an answer: since it was written if nobody answered its author since, else from now."""
    await refold(session, [message.conversation_id], now=now, actor=actor, by_hand={message.id: message.at})


async def refold(
    session: AsyncSession,
    conversation_ids: Iterable[int],
    *,
    now: datetime,
    actor: str = "system",
    by_hand: dict[int, datetime] | None = None,
    is_rebuild: bool = False,
) -> int:
    """Tell the waits and episodes of conversations of one workspace anew from what was said and done, and correct their rows.

    How many changed. `is_rebuild`: the log tells their whole story (`rebuildable`), where they stood too.
    """
    ids = sorted(set(conversation_ids))
    connection = await driver(session)
    # Each statement sees what was committed before it began: so the rows are read after the lock is held.
    async with pipeline(connection):
        held = await connection.execute(HOLD, (ids,))
        flowing = await connection.execute(strands.FLOWING, (ids,))
        found_said = await connection.execute(SAID, (ids,))
        found_done = await connection.execute(DONE, (ids,))
        found_waits = await connection.execute(ledger.EVERY, (ids,))
    flow = await strands.read(flowing)
    if others := flow.others(ids):  # in the order in which it was done, wherever
        found_done = await connection.execute(DONE, (sorted([*ids, *others]),))
    done = [*await found_done.fetchall(), *_recorded(session)]
    log, opened = _by_conversation(done), retelling.opened(done)
    spam = {data["message"] for _, kind, _, data in done if kind == "message.hidden" and data.get("spam")}
    said, rows = _said(await found_said.fetchall(), spam), await ledger.every(found_waits)
    changes = Changes()
    subjects = [(_subject(row), row[-1]) for row in await held.fetchall()]
    for subject, episode_days in subjects:
        waits = retelling.tell(subject, episode_days, said[subject.id], log, opened, flow, by_hand or {}, now=now)
        ledger.compare(changes, subject, rows[subject.id], waits)
    corrected = await moves.retell(session, ids, _recorded(session)) if is_rebuild else 0
    if changes:
        await _save(session, connection, changes, ids, actor=actor, now=now)
    settled = set(chain.from_iterable(changes.conversations.values()))
    for workspace_id in {subject.workspace_id for subject, _ in subjects}:  # a second answer changes no wait, and its episode
        corrected += await targets.settle_episodes(session, workspace_id, set(ids) - settled, now=now, actor=actor)
    return len(changes) + corrected


async def rebuild(session: AsyncSession, workspace_id: int, *, now: datetime) -> int:
    """Tell the waits and episodes of a workspace anew from messages and events; how many rows that changed: none, if all was right."""
    ids, _ = await rebuildable(session, workspace_id)
    changed = 0
    for start in range(0, len(ids), CONVERSATIONS_AT_ONCE):
        changed += sum(await retell(session, workspace_id, ids[start : start + CONVERSATIONS_AT_ONCE], now=now))
    return changed


async def retell(session: AsyncSession, workspace_id: int, conversation_ids: Sequence[int], *, now: datetime) -> tuple[int, int]:
    """Tell the waits of these conversations anew, and then their targets and segments; how many waits changed by each."""
    waits = await refold(session, conversation_ids, now=now, is_rebuild=True)
    return waits, await targets.settle(session, workspace_id, conversation_ids, now=now, anew=True)


async def rebuildable(session: AsyncSession, workspace_id: int) -> tuple[Sequence[int], int]:
    """The conversations whose whole story is in the log, and how many are older: what was decided in those is forgotten."""
    begins = await session.scalar(select(func.min(LogEvent.at)))
    mine = col(Conversation.workspace_id) == workspace_id
    is_told = true()
    if begins is not None:
        older = _with_older(begins).union(_split_from_older(begins))
        is_told = (col(Conversation.created_at) >= begins) & col(Conversation.id).not_in(older)
    ids = (await session.scalars(select(col(Conversation.id)).where(mine, is_told).order_by(col(Conversation.id)))).all()
    every = await session.scalar(select(func.count()).select_from(Conversation).where(mine)) or 0
    return ids, every - len(ids)


def _with_older(begins: datetime) -> Select[int]:
    """The conversations into which some went that are older than the log."""
    older = select(col(Conversation.id), col(Conversation.merged_into)).where(
        col(Conversation.merged_into).is_not(None),
        (col(Conversation.created_at) < begins) | col(Conversation.id).in_(_split_from_older(begins)),
    )
    flowing = older.cte("older", recursive=True)
    further = select(col(Conversation.id), col(Conversation.merged_into)).where(col(Conversation.id) == flowing.c.merged_into)
    flowing = flowing.union(further)
    return select(flowing.c.merged_into).where(flowing.c.merged_into.is_not(None))


def _split_from_older(begins: datetime) -> Select[int]:
    """The conversations that were split off from some that are older than the log."""
    origin = cast(func.jsonb_array_elements_text(col(Conversation.split_from)), BigInteger).label("origin")
    origins = select(col(Conversation.id), origin).where(col(Conversation.split_from).is_not(None)).subquery()
    older = select(col(Conversation.id)).where(col(Conversation.created_at) < begins)
    return select(origins.c.id).where(origins.c.origin.in_(older))


def _said(rows: Sequence[Row], spam: Collection[int]) -> dict[int, list[Said]]:
    said: dict[int, list[Said]] = defaultdict(list)
    for row in rows:
        deleted_at, hidden_at = row[6], row[7]
        is_deleted = deleted_at is not None and (hidden_at is None or deleted_at <= hidden_at)
        message = Said(
            id=row[1],
            at=row[2],
            received_at=row[3],
            identity_id=row[4],
            expects_since=row[5],
            gone_at=deleted_at if is_deleted else hidden_at,
            gone=_gone(row[1], is_deleted=is_deleted, is_hidden=hidden_at is not None, spam=spam),
            answered=row[8],
            mentioned=frozenset(row[9] or ()),
            answers_all=row[10],
            member_id=row[11],
            native=row[12],
            strand=row[13],
        )
        said[row[0]].append(message)
    return said


def _gone(message_id: int, *, is_deleted: bool, is_hidden: bool, spam: Collection[int]) -> Outcome | None:
    if is_deleted:
        return Outcome.DELETED
    if is_hidden:
        return Outcome.SPAM if message_id in spam else Outcome.HIDDEN
    return None


def _recorded(session: AsyncSession) -> list[Row]:
    """What this transaction has recorded and not yet written."""
    return [(event.conversation_id, event.kind, event.at, event.data) for event in events.recorded(session)]


def _by_conversation(log: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in log:
        if row[0] is not None:
            found[row[0]].append(row)
    return found


async def _save(
    session: AsyncSession,
    connection: AsyncConnection[Row],
    changes: Changes,
    ids: list[int],
    *,
    actor: str,
    now: datetime,
    decided: bool = False,
) -> None:
    async with pipeline(connection) as send:
        inserted = ledger.write(send, changes)
        send(WAITING, (ids,))
    await ledger.record(session, changes, inserted, actor=actor, now=now, decided=decided)
    await targets.settle_changed(session, changes, now=now, actor=actor)


def _subject(row: Row) -> Subject:
    return Subject(row[0], row[1], row[2], ConversationKind(row[3]), Status(row[4]), *row[5:8])


def _author(message: Message) -> str:
    return f"member:{message.member_id}" if message.member_id is not None else f"channel:{message.channel_id}"
