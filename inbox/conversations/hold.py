"""A restored installation is held: it neither reads nor sends until a person has seen what would leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import acting, outbox
from inbox.models import Channel, Delivery, Installation, Member, Message, Moderation

DOUBT = "It was waiting to be sent when the backup was made, and may have been sent since."


@dataclass(frozen=True, slots=True)
class Waiting:
    """A reply, or an action on a message, that has not left yet."""

    what: str  # "reply", or the action
    id: int
    workspace_id: int
    conversation_id: int
    channel: str
    author: str
    leaves_at: datetime
    overdue: bool  # it was due before now: whoever ran Parley after the backup may have sent it
    repeatable: bool = False  # twice is the same as once


async def since(session: AsyncSession) -> datetime | None:
    """Since when the installation is held; None when it is not."""
    return await session.scalar(select(func.coalesce(col(Installation.held_since), func.now())).where(col(Installation.held)))


async def waiting(session: AsyncSession, *, now: datetime) -> Sequence[Waiting]:
    """The replies and actions that would leave, the next one first."""
    replies = select(Message, col(Channel.name)).join(Channel, col(Channel.id) == Message.channel_id).where(_unsent())
    actions = (
        select(Moderation, col(Channel.name), col(Member.name))
        .join(Channel, col(Channel.id) == Moderation.channel_id)
        .outerjoin(Member, col(Member.id) == Moderation.member_id)
        .where(acting.undone())
    )
    found = [_reply(message, channel, now) for message, channel in (await session.execute(replies)).all()]
    found += [_action(action, channel, author or "", now) for action, channel, author in (await session.execute(actions)).all()]
    return sorted(found, key=lambda one: (one.leaves_at, one.what, one.id))


async def release(session: AsyncSession, *, send_overdue: bool, now: datetime) -> int:
    """Let the installation read and send; how many replies and actions a person has to decide about.

    A reply that was due before the restore may have been sent after the backup was made. It becomes "may have been sent", unless
    `send_overdue` says that it was not.
    """
    doubtful = 0
    if not send_overdue:
        doubt = update(Message).where(_unsent(), func.coalesce(Message.send_at, Message.at) <= now)
        values = {"delivery": Delivery.AMBIGUOUS, "uncertain": True, "error": DOUBT, "try_at": now}
        changed = (await session.scalars(doubt.values(values).returning(Message))).all()
        for message in sorted(changed, key=lambda message: message.id):
            outbox.record(session, "reply.ambiguous", message, actor="system", now=now)
        doubtful = len(changed) + await acting.doubt_overdue(session, DOUBT, now)
    await session.execute(update(Installation).values(held=False, held_since=None))
    return doubtful


def _reply(message: Message, channel: str, now: datetime) -> Waiting:
    at = message.send_at or message.at
    return Waiting("reply", message.id, message.workspace_id, message.conversation_id, channel, message.author_name, at, at <= now)


def _action(moderation: Moderation, channel: str, author: str, now: datetime) -> Waiting:
    of, at = moderation, moderation.act_at
    repeatable = of.action in acting.REPEATABLE
    return Waiting(of.action.value, of.id, of.workspace_id, of.conversation_id, channel, author, at, at <= now, repeatable)


def _unsent() -> ColumnElement[bool]:
    return col(Message.delivery).in_((Delivery.QUEUED, Delivery.SENDING))
