"""The way out: which reply leaves next, and what became of it.

A reply is QUEUED, then SENDING under a lease of database time, then SENT or FAILED; what cannot be known is AMBIGUOUS. Every change is
conditional on the attempt and its owner, so a process that comes back late cannot overwrite a newer attempt. Its own attempt it may
settle, late as it is: a receipt is the truth, and is better than a doubt.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Receipt
from inbox.conversations import incoming, newest, status
from inbox.conversations.incoming import WRONG
from inbox.models import Conversation, Delivery, Direction, Message, Role, Status, Wait
from inbox.promptness import waits
from inbox.team.rights import Access

APPLICATION = "parley host"  # how processes see one another: the database knows at once when one is gone
LEASE = 240.0  # seconds; clearly longer than any send may take (`connectors.host.pace`)
SKEW = timedelta(hours=1)  # what a platform's clock may be behind ours

# A paused channel and a held installation keep their replies; those of a removed one are taken, to fail with the reason.
# The first of each conversation only: none overtakes another.
CLAIM = text(
    """
    WITH due AS (
        SELECT message.id
          FROM message JOIN channel ON channel.id = message.channel_id
         WHERE message.delivery = 'queued' AND message.send_at <= :now AND (message.try_at IS NULL OR message.try_at <= :now)
           AND (channel.state <> 'paused' OR channel.removed_at IS NOT NULL) AND channel.id <> ALL(:busy)
           AND NOT EXISTS (SELECT FROM installation WHERE held)
           AND NOT EXISTS (SELECT FROM message earlier
                            WHERE earlier.conversation_id = message.conversation_id
                              AND earlier.delivery IN ('queued', 'sending', 'ambiguous')
                              AND (earlier.send_at, earlier.id) < (message.send_at, message.id))
         ORDER BY message.send_at, message.id
         LIMIT :limit
           FOR UPDATE OF message SKIP LOCKED)
    UPDATE message
       SET delivery = 'sending', attempt = attempt + 1, error = NULL, try_at = NULL,
           lease_owner = :owner, lease_until = clock_timestamp() + make_interval(secs => :lease)
      FROM due
     WHERE message.id = due.id
    RETURNING message.*
    """
)
EXPIRE = text(
    """
    WITH lost AS (SELECT id FROM message WHERE delivery = 'sending' AND lease_until < clock_timestamp() FOR UPDATE SKIP LOCKED)
    UPDATE message SET delivery = 'ambiguous', uncertain = true, try_at = :ask_at, error = :reason
      FROM lost WHERE message.id = lost.id
    RETURNING message.*
    """
)
# Whoever cannot see its own connection cannot judge about others'.
SILENT = text(
    """
    SELECT DISTINCT lease_owner FROM message
     WHERE delivery = 'sending' AND lease_owner <> :me
       AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = :application || lease_owner)
       AND EXISTS (SELECT FROM pg_stat_activity WHERE application_name = :application || :me)
    """
)
ABANDON = text(
    """
    WITH lost AS (SELECT id FROM message WHERE delivery = 'sending' AND lease_owner = ANY(:owners) FOR UPDATE SKIP LOCKED)
    UPDATE message SET delivery = 'ambiguous', uncertain = true, try_at = :ask_at, error = :reason
      FROM lost WHERE message.id = lost.id
    RETURNING message.*
    """
)
DOUBTFUL = text(
    """
    WITH due AS (SELECT id FROM message WHERE delivery = 'ambiguous' AND try_at <= :now
                    AND NOT EXISTS (SELECT FROM installation WHERE held) ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE message SET try_at = :again_at FROM due WHERE message.id = due.id
    RETURNING message.*
    """
)
NEXT = text(
    "SELECT min(greatest(send_at, coalesce(try_at, send_at))) FROM message"
    " WHERE delivery = 'queued' AND greatest(send_at, coalesce(try_at, send_at)) > :now"
)


async def claim(
    session: AsyncSession, *, owner: str, now: datetime, limit: int = 20, lease: float = LEASE, busy: Sequence[int] = ()
) -> Sequence[Message]:
    """Take the replies that are due, the oldest of each conversation, so that no other process sends them. `busy` channels wait."""
    values = {"now": now, "limit": limit, "owner": owner, "lease": lease, "busy": list(busy)}
    claimed = sorted(await _returned(session, CLAIM, values), key=lambda message: message.id)
    for message in claimed:
        record(session, "reply.sending", message, actor="system", now=now, attempt=message.attempt)
    return claimed


async def next_due(session: AsyncSession, now: datetime) -> datetime | None:
    """When the next queued reply leaves that is not due yet."""
    return await session.scalar(NEXT, {"now": now})


async def mark_sent(session: AsyncSession, message: Message, receipt: Receipt, now: datetime) -> bool:
    """The platform has it: keep its id and its time, and close the wait. False when a newer attempt or a person was first."""
    at = await _accepted(session, message, receipt, now)
    values = {
        "delivery": Delivery.SENT,
        "uncertain": False,
        "at": at,
        "told_at": incoming.told(receipt.accepted_at) if receipt.accepted_at.tzinfo and abs(receipt.accepted_at - at) > WRONG else None,
        "permalink": receipt.permalink,
        "error": None,
        "try_at": None,
        "lease_until": None,
    }
    try:
        async with session.begin_nested():
            marked = await _settle(session, message, external_id=receipt.message_id, **values)
    except IntegrityError:  # the echo came first, and was taken for a colleague's native reply
        known = await _absorb_echo(session, message, receipt, now)
        marked = await _settle(session, message, external_id=receipt.message_id if known else None, **values)
    if marked:
        await answered(session, message, actor="system", now=now)
    return marked


async def _accepted(session: AsyncSession, message: Message, receipt: Receipt, now: datetime) -> datetime:
    """The platform's time of the reply; ours where it cannot be true.

    A clock that is a little behind is the one by which the customer's question was timed too, so it is believed, unless it says that the
    answer was there before the question.
    """
    at = receipt.accepted_at
    if not at.tzinfo or at <= message.at - SKEW:
        return now
    asked_at = await session.scalar(select(col(Message.at)).where(col(Message.id) == message.parent_id)) if message.parent_id else None
    return now if asked_at is not None and at < asked_at else min(at, now)


async def mark_failed(session: AsyncSession, message: Message, reason: str, now: datetime) -> bool:
    """It was certainly not delivered, or, when an earlier attempt may have been, nobody can say. `message` is as it was claimed."""
    outcome = Delivery.AMBIGUOUS if message.uncertain else Delivery.FAILED
    marked = await _settle(session, message, delivery=outcome, uncertain=message.uncertain, error=reason, try_at=None)
    if marked:
        record(session, f"reply.{outcome.value}", message, actor="system", now=now)
    return marked


async def mark_ambiguous(session: AsyncSession, message: Message, reason: str, now: datetime, *, ask_at: datetime | None = None) -> bool:
    """It may have been delivered. `ask_at`: when to look on the platform; None leaves it to a person."""
    was = message.delivery
    # Its own sender gives it up: from here on nothing arrives late. Where nobody has, the owner stays (`may_still_arrive`).
    owner = None if was == Delivery.SENDING else message.lease_owner
    values = {"error": reason, "try_at": ask_at, "lease_owner": owner}
    marked = await _settle(session, message, delivery=Delivery.AMBIGUOUS, uncertain=True, **values)
    if marked and was != Delivery.AMBIGUOUS:
        record(session, "reply.ambiguous", message, actor="system", now=now)
    return marked


async def put_back(
    session: AsyncSession, message: Message, reason: str, try_at: datetime, now: datetime, *, uncertain: bool | None = None
) -> bool:
    """It goes again at `try_at`, with the same key. `uncertain`: whether it may have been accepted; None: as it was when claimed."""
    doubt = message.uncertain if uncertain is None else uncertain
    marked = await _settle(session, message, delivery=Delivery.QUEUED, error=reason, try_at=try_at, lease_until=None, uncertain=doubt)
    if marked:
        record(session, "reply.queued", message, actor="system", now=now, send_at=try_at.isoformat())
    return marked


async def expire_leases(session: AsyncSession, now: datetime, *, ask_at: datetime | None = None) -> int:
    """A reply whose sender died may have been sent: never simply free again. How many there were."""
    return await _lose(session, EXPIRE, {"ask_at": ask_at}, now)


async def silent(session: AsyncSession, *, me: str) -> set[str]:
    """The processes that are sending something, by their leases, and have no connection to the database. Each may be back in a moment."""
    return set(await session.scalars(SILENT, {"me": me, "application": f"{APPLICATION} "}))


async def abandon(session: AsyncSession, owners: Collection[str], now: datetime, *, ask_at: datetime) -> int:
    """What these processes were sending is in doubt, before its lease ends: they are gone. How many replies.

    One of them may live on without the database, and still be sending. So nothing follows from this that its lease would forbid: a platform
    that does not have the reply yet is asked again when the lease is over (`may_still_arrive`).
    """
    return await _lose(session, ABANDON, {"owners": sorted(owners), "ask_at": ask_at}, now)


async def may_still_arrive(session: AsyncSession, message: Message) -> bool:
    """Whether the process that sent it may still be at it: nobody has seen its end, and its lease lasts."""
    lasts = select(col(Message.id)).where(
        col(Message.id) == message.id, col(Message.lease_owner).is_not(None), col(Message.lease_until) > func.clock_timestamp()
    )
    return await session.scalar(lasts) is not None


async def doubtful(session: AsyncSession, *, now: datetime, again_at: datetime, limit: int = 20) -> Sequence[Message]:
    """Replies that may have been sent and that the platform should be asked about now; no other process asks before `again_at`."""
    return await _returned(session, DOUBTFUL, {"now": now, "again_at": again_at, "limit": limit})


async def answered(session: AsyncSession, message: Message, *, actor: str, now: datetime) -> None:
    """What follows from a sent reply: its event, the wait's end, the row's time, and "send and close"."""
    record(session, "reply.sent", message, actor=actor, now=now)
    await waits.answered(session, message, at=message.at, now=now)
    await newest.moved(session, message, message.at)
    if message.then_resolve:
        await _resolve(session, message, now)


def record(session: AsyncSession, kind: str, message: Message, *, actor: str, now: datetime, **data: Any) -> None:
    """One event about a reply."""
    events.record(
        session,
        kind,
        workspace_id=message.workspace_id,
        at=now,
        actor=actor,
        conversation_id=message.conversation_id,
        channel_id=message.channel_id,
        message=message.id,
        **data,
    )


async def _lose(session: AsyncSession, statement: Any, values: dict[str, Any], now: datetime) -> int:
    values["reason"] = "The process that sent it ended before it knew the outcome."
    lost = await _returned(session, statement, values)
    for message in sorted(lost, key=lambda message: message.id):
        record(session, "reply.ambiguous", message, actor="system", now=now)
    return len(lost)


async def _returned(session: AsyncSession, statement: Any, values: dict[str, Any]) -> Sequence[Message]:
    query = select(Message).from_statement(statement).execution_options(populate_existing=True)
    return (await session.scalars(query, values)).all()


async def _settle(session: AsyncSession, message: Message, **values: Any) -> bool:
    """Change this attempt's row, unless a newer attempt or a person was first; `message` shows what is now stored."""
    mine = update(Message).where(
        col(Message.id) == message.id,
        col(Message.attempt) == message.attempt,
        col(Message.lease_owner) == message.lease_owner,
        col(Message.delivery).in_([Delivery.SENDING, Delivery.AMBIGUOUS]),
    )
    changed = mine.values(**values).returning(Message).execution_options(synchronize_session=False, populate_existing=True)
    stored = (await session.scalars(changed)).first()
    if stored is not None and stored is not message:
        for name, value in stored.model_dump().items():
            setattr(message, name, value)
    return stored is not None


async def _absorb_echo(session: AsyncSession, message: Message, receipt: Receipt, now: datetime) -> bool:
    """Fold the native reply that is really the echo of this one into it. False when the id belongs to another message of ours."""
    twin = await session.scalar(
        select(Message)
        .where(
            col(Message.channel_id) == message.channel_id,
            col(Message.external_id) == receipt.message_id,
            col(Message.id) != message.id,
            col(Message.native),
            col(Message.direction) == Direction.OUT,
        )
        .with_for_update()
    )
    if twin is None:
        return False
    await session.execute(update(Wait).where(col(Wait.closed_by) == twin.id).values(closed_by=message.id))
    await session.execute(delete(Message).where(col(Message.id) == twin.id))
    await newest.take_back(session, twin)
    record(session, "message.deleted", twin, actor="system", now=now)
    if twin.conversation_id != message.conversation_id:  # what was split off answers into a thread of the other one
        await waits.refold(session, [twin.conversation_id], now=now)
    return True


async def _resolve(session: AsyncSession, message: Message, now: datetime) -> None:
    """ "Send and close": only now, since a reply that failed has answered nobody."""
    conversation = await session.get_one(Conversation, message.conversation_id, populate_existing=True)
    if conversation.status in {Status.RESOLVED, Status.SPAM}:
        return
    actor = f"member:{message.member_id}" if message.member_id else "system"
    access = Access(workspace_id=message.workspace_id, role=Role.AGENT, actor=actor, member_id=message.member_id)
    await status.move(session, access, conversation, Status.RESOLVED, now=now)
