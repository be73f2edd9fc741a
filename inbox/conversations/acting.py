"""The way out for actions on messages: which is done next, what became of it, and what follows here from one that was done.

As with replies (`outbox`): QUEUED, then ACTING under a lease of database time, then DONE or FAILED; what cannot be known is AMBIGUOUS. Most
actions say how a message shall be, so that one in doubt is done again; a like may be taken back by a second one, and waits for a person.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Action
from inbox.conversations import spam, summaries
from inbox.models import Conversation, Message, Moderation, ModerationState
from inbox.promptness import waits

REPEATABLE = frozenset(Action) - {Action.LIKE, Action.PRIVATE_REPLY}

# A paused channel and a held installation keep what is queued; what belongs to a removed one is taken, to fail with the reason.
# The first of each message only: hiding and showing again happen in the order in which they were asked for.
CLAIM = text(
    """
    WITH due AS (
        SELECT moderation.id
          FROM moderation JOIN channel ON channel.id = moderation.channel_id
         WHERE moderation.state = 'queued' AND moderation.act_at <= :now AND (moderation.try_at IS NULL OR moderation.try_at <= :now)
           AND (channel.state <> 'paused' OR channel.removed_at IS NOT NULL) AND channel.id <> ALL(:busy)
           AND NOT EXISTS (SELECT FROM installation WHERE held)
           AND NOT EXISTS (SELECT FROM moderation earlier
                            WHERE earlier.message_id = moderation.message_id AND earlier.state IN ('queued', 'acting')
                              AND (earlier.act_at, earlier.id) < (moderation.act_at, moderation.id))
         ORDER BY moderation.act_at, moderation.id
         LIMIT :limit
           FOR UPDATE OF moderation SKIP LOCKED)
    UPDATE moderation
       SET state = 'acting', attempt = attempt + 1, error = NULL, try_at = NULL,
           lease_owner = :owner, lease_until = clock_timestamp() + make_interval(secs => :lease)
      FROM due
     WHERE moderation.id = due.id
    RETURNING moderation.*
    """
)
EXPIRE = text(
    """
    WITH lost AS (SELECT id FROM moderation WHERE state = 'acting' AND lease_until < clock_timestamp() FOR UPDATE SKIP LOCKED)
    UPDATE moderation
       SET state = CASE WHEN action = ANY(:repeatable) THEN 'queued' ELSE 'ambiguous' END, uncertain = true, error = :reason
      FROM lost WHERE moderation.id = lost.id
    RETURNING moderation.*
    """
)
NEXT = text(
    "SELECT min(greatest(act_at, coalesce(try_at, act_at))) FROM moderation"
    " WHERE state = 'queued' AND greatest(act_at, coalesce(try_at, act_at)) > :now"
)


async def claim(
    session: AsyncSession, *, owner: str, now: datetime, limit: int, lease: float, busy: Sequence[int] = ()
) -> Sequence[Moderation]:
    """Take the actions that are due, the oldest of each message, so that no other process does them. `busy` channels wait."""
    values = {"now": now, "limit": limit, "owner": owner, "lease": lease, "busy": list(busy)}
    claimed = sorted(await _returned(session, CLAIM, values), key=lambda moderation: moderation.id)
    for moderation in claimed:
        record(session, "moderation.begun", moderation, actor="system", now=now, attempt=moderation.attempt)
    return claimed


async def next_due(session: AsyncSession, now: datetime) -> datetime | None:
    """When the next queued action leaves that is not due yet."""
    return await session.scalar(NEXT, {"now": now})


async def expire_leases(session: AsyncSession, now: datetime) -> int:
    """An action whose process died may have been done: again where that is the same as once, else a person decides. How many."""
    values = {"repeatable": sorted(REPEATABLE), "reason": "The process that did it ended before it knew the outcome."}
    lost = await _returned(session, EXPIRE, values)
    for moderation in sorted(lost, key=lambda moderation: moderation.id):
        if moderation.state == ModerationState.AMBIGUOUS:
            record(session, "moderation.ambiguous", moderation, actor="system", now=now)
        else:
            record(session, "moderation.requested", moderation, actor="system", now=now, act_at=moderation.act_at.isoformat())
    return len(lost)


def undone() -> ColumnElement[bool]:
    """Asked for, and not carried out yet."""
    return col(Moderation.state).in_([ModerationState.QUEUED, ModerationState.ACTING])


async def doubt_overdue(session: AsyncSession, reason: str, now: datetime) -> int:
    """Likes that were due before now may have been given already, and are left to a person; the rest is done again. How many."""
    due = update(Moderation).where(undone(), col(Moderation.act_at) <= now, col(Moderation.action).not_in(REPEATABLE))
    values = {"state": ModerationState.AMBIGUOUS, "uncertain": True, "error": reason}
    changed = (await session.scalars(due.values(values).returning(Moderation))).all()
    for moderation in sorted(changed, key=lambda moderation: moderation.id):
        record(session, "moderation.ambiguous", moderation, actor="system", now=now)
    return len(changed)


async def target(session: AsyncSession, moderation: Moderation) -> str | None:
    """The platform's id of the message; None when it is no longer there to be acted on."""
    there = select(col(Message.external_id)).where(col(Message.id) == moderation.message_id, col(Message.deleted_at).is_(None))
    return await session.scalar(there)


async def mark_done(session: AsyncSession, moderation: Moderation, now: datetime) -> bool:
    """The platform has done it. False when a newer attempt or a person was first."""
    values = {"state": ModerationState.DONE, "done_at": now, "uncertain": False, "error": None, "try_at": None, "lease_until": None}
    marked = await _mark(session, moderation, **values)
    if marked:
        await took_effect(session, moderation, now=now)
    return marked


async def mark_failed(session: AsyncSession, moderation: Moderation, reason: str, now: datetime) -> bool:
    """It was certainly not done, or, when an earlier attempt may have been accepted, nobody can say."""
    state = ModerationState.AMBIGUOUS if moderation.uncertain else ModerationState.FAILED
    marked = await _mark(session, moderation, state=state, error=reason, try_at=None, lease_until=None)
    if marked:
        record(session, f"moderation.{state.value}", moderation, actor="system", now=now)
    return marked


async def mark_ambiguous(session: AsyncSession, moderation: Moderation, reason: str, now: datetime) -> bool:
    """It may have been done: a person decides."""
    values = {"state": ModerationState.AMBIGUOUS, "uncertain": True, "error": reason, "try_at": None, "lease_until": None}
    marked = await _mark(session, moderation, **values)
    if marked:
        record(session, "moderation.ambiguous", moderation, actor="system", now=now)
    return marked


async def put_back(
    session: AsyncSession, moderation: Moderation, reason: str, try_at: datetime, now: datetime, *, uncertain: bool | None = None
) -> bool:
    """It is tried again at `try_at`. `uncertain`: whether it may have been accepted; None: as it was when claimed."""
    doubt = moderation.uncertain if uncertain is None else uncertain
    values = {"state": ModerationState.QUEUED, "error": reason, "try_at": try_at, "lease_until": None, "uncertain": doubt}
    marked = await _mark(session, moderation, **values)
    if marked:
        record(session, "moderation.requested", moderation, actor="system", now=now, act_at=try_at.isoformat())
    return marked


async def took_effect(session: AsyncSession, moderation: Moderation, *, now: datetime) -> None:
    """The platform shows the message differently now, and so does the page: its words, its place in lists, and who waits."""
    await session.execute(select(col(Conversation.id)).where(col(Conversation.id) == moderation.conversation_id).with_for_update())
    message = await session.get_one(Message, moderation.message_id, populate_existing=True)
    record(session, "moderation.done", moderation, actor=moderation.actor, now=now)
    match moderation.action:
        case Action.HIDE | Action.SPAM:
            message.hidden_at = message.hidden_at or now
        case Action.UNHIDE | Action.APPROVE:
            message.hidden_at = None
        case Action.DELETE:
            message.deleted_at = message.deleted_at or now
        case Action.EDIT if message.deleted_at is not None:  # meanwhile, or its author is forgotten: no words come back
            return
        case Action.EDIT:
            message.body, message.edited_at = moderation.text, now
        case Action.LIKE | Action.PRIVATE_REPLY:
            return
    await session.flush()
    await _tell(session, moderation, now)


async def _tell(session: AsyncSession, moderation: Moderation, now: datetime) -> None:
    """What others read in the log about the message itself, and what hangs on it."""
    of, actor = moderation.conversation_id, moderation.actor
    more: dict[str, Any] = {}
    kind = {Action.DELETE: "message.deleted", Action.EDIT: "message.edited"}.get(moderation.action, "message.hidden")
    if kind == "message.hidden":
        more["hidden"] = moderation.action in (Action.HIDE, Action.SPAM)
    if moderation.action == Action.SPAM:
        more["spam"] = True
    place = {"workspace_id": moderation.workspace_id, "conversation_id": of, "channel_id": moderation.channel_id}
    events.record(session, kind, at=now, actor=actor, message=moderation.message_id, **place, **more)
    if kind != "message.edited":
        await waits.refold(session, [of], now=now, actor=actor)
    await summaries.refresh(session, [of])
    if moderation.action == Action.SPAM:
        await spam.bury(session, moderation.workspace_id, moderation.channel_id, [of], actor=actor, now=now)
    elif more.get("hidden") is False:
        await spam.restore(session, moderation.workspace_id, moderation.channel_id, [of], actor=actor, now=now)


def record(session: AsyncSession, kind: str, moderation: Moderation, *, actor: str, now: datetime, **data: Any) -> None:
    """One event about an action."""
    events.record(
        session,
        kind,
        workspace_id=moderation.workspace_id,
        at=now,
        actor=actor,
        conversation_id=moderation.conversation_id,
        channel_id=moderation.channel_id,
        moderation=moderation.id,
        message=moderation.message_id,
        action=moderation.action.value,
        **data,
    )


async def _returned(session: AsyncSession, statement: Any, values: dict[str, Any]) -> Sequence[Moderation]:
    query = select(Moderation).from_statement(statement).execution_options(populate_existing=True)
    return (await session.scalars(query, values)).all()


async def _mark(session: AsyncSession, moderation: Moderation, **values: Any) -> bool:
    """Change this attempt's row, unless a newer attempt or a person was first."""
    mine = update(Moderation).where(
        col(Moderation.id) == moderation.id,
        col(Moderation.attempt) == moderation.attempt,
        col(Moderation.lease_owner) == moderation.lease_owner,
        col(Moderation.state).in_([ModerationState.ACTING, ModerationState.AMBIGUOUS]),
    )
    changed = mine.values(**values).returning(col(Moderation.id)).execution_options(synchronize_session=False)
    marked = (await session.execute(changed)).first() is not None
    for name, value in values.items() if marked else ():
        setattr(moderation, name, value)
    return marked
