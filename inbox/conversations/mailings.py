"""Answers that leave by mail, since their visitor is away and has left an address.

An answer is due a minute after it was sent, when no socket of its visitor has been open for a minute and the visitor has not seen it. All
due answers of one visitor leave in one mail. A row of `visitor_mail` is the claim: its key is the message, so none is mailed twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import (
    Attachment,
    Channel,
    Delivery,
    Direction,
    Mailing,
    Message,
    Thread,
    Visitor,
    VisitorMail,
    VisitorPresence,
)

AWAY = timedelta(seconds=60)
STALE = timedelta(days=3)  # an older answer is not mailed to somebody who leaves an address later
LEASE = timedelta(minutes=5)
RETRY = timedelta(minutes=2)
ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Letter:
    """One visitor's due answers, claimed by this process."""

    visitor: Visitor
    channel: Channel
    conversation_id: int
    messages: Sequence[Message]
    attempt: int
    earlier: Sequence[str]  # Message-IDs of the mails before, oldest first
    files: Sequence[str]  # names of files that wait in the chat

    @property
    def message_ids(self) -> list[int]:
        return [message.id for message in self.messages]


async def claim(session: AsyncSession, *, now: datetime, limit: int = 20) -> Sequence[Letter]:
    """Take the answers that are due, so that no other process mails them; commit before anything is sent."""
    waiting = await _due(session, now, limit)
    if not waiting:
        return ()
    rows = [
        {
            "workspace_id": message.workspace_id,
            "message_id": message.id,
            "visitor_id": visitor.id,
            "state": Mailing.SENDING,
            "lease_until": now + LEASE,
        }
        for message, visitor in sorted(waiting, key=lambda pair: pair[0].id)
    ]
    taken = insert(VisitorMail).values(rows)
    taken = taken.on_conflict_do_update(
        index_elements=[col(VisitorMail.message_id)],
        set_={"lease_until": now + LEASE, "attempt": col(VisitorMail.attempt) + 1, "state": Mailing.SENDING},
        where=_again(now),
    )
    ours = {
        row.message_id: row.attempt for row in await session.execute(taken.returning(col(VisitorMail.message_id), col(VisitorMail.attempt)))
    }
    return await _letters(session, [(message, visitor) for message, visitor in waiting if message.id in ours], ours)


async def expect_answers(session: AsyncSession, letter: Letter, mailbox: Channel, mail_id: str) -> None:
    """Let the answer to this mail return to the chat's conversation. Before the mail leaves: a fast answer must find its way too."""
    row = {
        "workspace_id": mailbox.workspace_id,
        "channel_id": mailbox.id,
        "external_id": mail_id,
        "conversation_id": letter.conversation_id,
    }
    await session.execute(insert(Thread).values(row).on_conflict_do_nothing())


async def mark_sent(session: AsyncSession, letter: Letter, mail_id: str, *, now: datetime) -> None:
    """The mail has left."""
    await _settle(session, letter, Mailing.SENT, now=now, mail_id=mail_id)


async def mark_failed(session: AsyncSession, letter: Letter, reason: str, *, now: datetime) -> None:
    """The mail was certainly refused: colleagues see why beside the answer."""
    await _settle(session, letter, Mailing.FAILED, now=now, error=reason)
    told = f"The visitor had left, and the mail to them was refused: {reason}"
    await session.execute(update(Message).where(col(Message.id).in_(letter.message_ids)).values(error=told))


async def mark_ambiguous(session: AsyncSession, letter: Letter, reason: str, *, now: datetime) -> None:
    """The mail may have left: it is never sent again."""
    await _settle(session, letter, Mailing.AMBIGUOUS, now=now, error=reason)


async def release(session: AsyncSession, letter: Letter, reason: str, *, now: datetime) -> None:
    """The mail has certainly not left: try again later, longer each time, and give up after some hours."""
    if letter.attempt >= ATTEMPTS:
        await mark_failed(session, letter, reason, now=now)
        return
    rows = update(VisitorMail).where(col(VisitorMail.message_id).in_(letter.message_ids), col(VisitorMail.state) == Mailing.SENDING)
    await session.execute(rows.values(state=Mailing.WAITING, lease_until=now + RETRY * 2**letter.attempt, error=reason))


async def expire_leases(session: AsyncSession, *, now: datetime) -> None:
    """A process that died while it mailed may have sent."""
    lost = update(VisitorMail).where(col(VisitorMail.state) == Mailing.SENDING, col(VisitorMail.lease_until) < now)
    await session.execute(lost.values(state=Mailing.AMBIGUOUS, error="The process ended while it was mailing."))


async def mailbox(session: AsyncSession, workspace_id: int) -> Channel | None:
    """The workspace's oldest e-mail channel: chat answers come from its address, so that answers to them arrive there."""
    query = select(Channel).where(
        col(Channel.workspace_id) == workspace_id,
        col(Channel.platform) == "email",
        col(Channel.removed_at).is_(None),
        col(Channel.account_id).contains("@"),
    )
    return await session.scalar(query.order_by(col(Channel.id)).limit(1))


async def _due(session: AsyncSession, now: datetime, limit: int) -> list[tuple[Message, Visitor]]:
    there = exists().where(col(VisitorPresence.visitor_id) == col(Visitor.id), col(VisitorPresence.connected_until) > now - AWAY)
    taken = exists().where(col(VisitorMail.message_id) == col(Message.id), ~_again(now))
    query = (
        select(Message, Visitor)
        .join(Thread, col(Thread.conversation_id) == col(Message.conversation_id))
        .join(Visitor, and_(col(Visitor.channel_id) == col(Thread.channel_id), col(Visitor.external_id) == col(Thread.external_id)))
        .where(
            col(Message.direction) == Direction.OUT,
            col(Message.delivery) == Delivery.SENT,
            col(Message.channel_id) == col(Visitor.channel_id),
            col(Message.at) < now - AWAY,
            col(Message.at) > now - STALE,
            col(Message.seen_at).is_(None),
            col(Message.deleted_at).is_(None),
            col(Message.hidden_at).is_(None),
            col(Message.is_history).is_(False),
            col(Visitor.email).is_not(None),
            col(Visitor.erased_at).is_(None),
            ~there,
            ~taken,
        )
        .order_by(col(Message.at), col(Message.id))
        .limit(limit)
    )
    return [(message, visitor) for message, visitor in (await session.execute(query)).all()]


async def _letters(session: AsyncSession, taken: list[tuple[Message, Visitor]], attempts: dict[int, int]) -> Sequence[Letter]:
    letters: list[Letter] = []
    for visitor in {visitor.id: visitor for _, visitor in taken}.values():
        messages = [message for message, owner in taken if owner.id == visitor.id]
        earlier = select(col(VisitorMail.mail_id)).where(col(VisitorMail.visitor_id) == visitor.id, col(VisitorMail.state) == Mailing.SENT)
        names = select(col(Attachment.name)).where(col(Attachment.message_id).in_([message.id for message in messages]))
        letters.append(
            Letter(
                visitor=visitor,
                channel=await session.get_one(Channel, visitor.channel_id),
                conversation_id=messages[0].conversation_id,
                messages=messages,
                attempt=max(attempts[message.id] for message in messages),
                earlier=tuple(dict.fromkeys(await session.scalars(earlier.order_by(col(VisitorMail.message_id))))),
                files=tuple(await session.scalars(names.order_by(col(Attachment.id)))),
            )
        )
    return letters


async def _settle(
    session: AsyncSession, letter: Letter, state: Mailing, *, now: datetime, mail_id: str = "", error: str | None = None
) -> None:
    """Only what this claim still holds: a late process changes nothing."""
    rows = update(VisitorMail).where(col(VisitorMail.message_id).in_(letter.message_ids), col(VisitorMail.state) == Mailing.SENDING)
    settled = await session.scalars(rows.values(state=state, mail_id=mail_id, error=error).returning(col(VisitorMail.message_id)))
    for message_id in sorted(settled):
        events.record(
            session,
            "reply.mailed",
            workspace_id=letter.visitor.workspace_id,
            channel_id=letter.visitor.channel_id,
            conversation_id=letter.conversation_id,
            at=now,
            actor="system",
            message=message_id,
            state=state.value,
        )


def _again(now: datetime) -> ColumnElement[bool]:
    return and_(col(VisitorMail.state) == Mailing.WAITING, col(VisitorMail.lease_until) <= now)
