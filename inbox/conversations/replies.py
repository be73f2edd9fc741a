"""What people decide about replies: write, take back, try again, say what became of it. `outbox` carries them out."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.contract import Capabilities, ConversationKind, PlatformTemplate
from inbox.conversations import approved, changes, incoming, lengths, messages, newest, outbox, voices, windows
from inbox.errors import Conflict, Invalid
from inbox.models import Attachment, Channel, Conversation, Delivery, Direction, Member, Message, Thread, Workspace

LONGEST_UNDO = timedelta(seconds=60)
FARTHEST = timedelta(days=366)  # of what is scheduled
PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")


async def queue(
    session: AsyncSession,
    conversation: Conversation,
    member: Member | None,
    *,
    body: str,
    client_key: str,
    now: datetime,
    private: bool = False,
    parent_id: int | None = None,
    send_at: datetime | None = None,
    attachments: Sequence[int] = (),
    envelope: Mapping[str, Any] | None = None,
    answers_all: bool = False,
    then_resolve: bool = False,
    template_id: int | None = None,
    platform_template: PlatformTemplate | None = None,
    template_values: Sequence[str] = (),
    seen_message_id: int | None = None,
    anyway: bool = False,
    automatic: bool = False,
    capabilities: Capabilities | None = None,
    actor: str = "",
) -> Message:
    """Queue a reply; it leaves at `send_at`, or when the undo window ends. The same client key gives the same reply, sent once."""
    first = await _locked(session, conversation, client_key)
    if first is not None:
        return _same(first, conversation)
    await _check_channel(session, conversation)
    voice = await voices.voice(session, member, conversation.channel_id)
    if platform_template is not None:
        text, attachments = approved.fill(platform_template, template_values), ()
    else:
        text = voices.sign(body.strip(), voice.signature, conversation.kind)
    _check_text(text, attachments, capabilities, conversation.kind, private=private)
    await _check_unchanged(session, conversation, member, seen_message_id, anyway=anyway)
    parent = await _parent(session, conversation, parent_id)
    message = _ours(conversation, member, parent, now, author_name=voice.name, body=text, client_key=client_key, automatic=automatic)
    message.thread_external_id = await _thread(session, conversation, parent)
    message.send_at = await _leaves_at(session, conversation, member, send_at, now)
    if not anyway and platform_template is None:
        await windows.check(session, conversation, message.send_at)
    message.envelope = dict(envelope) if envelope else None
    message.platform_template = approved.stored(platform_template, template_values)
    message.private, message.answers_all, message.then_resolve, message.template_id = private, answers_all, then_resolve, template_id
    await _insert(session, message, attachments)
    await newest.show(session, message)
    _record(session, "reply.queued", message, actor or _actor(member), now, send_at=message.send_at)
    return message


async def undo(session: AsyncSession, message: Message, actor: str, now: datetime) -> str:
    """Take a reply back before it leaves, and return its text for the box."""
    condition = (col(Message.delivery) == Delivery.QUEUED, col(Message.uncertain).is_(False))
    if not await _change(session, message, *condition, delivery=Delivery.UNDONE, error=None, try_at=None):
        raise Conflict("The reply is already on its way.", code="on_its_way")
    await session.execute(update(Attachment).where(col(Attachment.message_id) == message.id).values(message_id=None))
    await newest.take_back(session, message)
    _record(session, "reply.undone", message, actor, now)
    conversation = await session.get_one(Conversation, message.conversation_id)
    member = await session.get(Member, message.member_id) if message.member_id else None
    voice = await voices.voice(session, member, message.channel_id)
    return voices.unsign(message.body, voice.signature, conversation.kind)


async def retry(session: AsyncSession, message: Message, actor: str, now: datetime) -> Message:
    """Send a reply again that failed, or, knowing the risk, one that may have been sent."""
    conversation = await session.get_one(Conversation, message.conversation_id)
    await _check_channel(session, conversation)
    decided = (col(Message.delivery).in_([Delivery.FAILED, Delivery.AMBIGUOUS]), col(Message.attempt) == message.attempt)
    doubt = col(Message.uncertain) | (col(Message.delivery) == Delivery.AMBIGUOUS)
    if not await _change(session, message, *decided, delivery=Delivery.QUEUED, uncertain=doubt, send_at=now, error=None, try_at=None):
        raise Conflict("The reply needs no second try: it is sent, or on its way.", code="not_failed")
    _record(session, "reply.queued", message, actor, now, send_at=now)
    return message


async def settle(session: AsyncSession, message: Message, was_sent: bool, actor: str, now: datetime) -> Message:
    """A person has looked on the platform: it was sent, or it was not."""
    doubtful = (col(Message.delivery) == Delivery.AMBIGUOUS, col(Message.attempt) == message.attempt)
    if was_sent:
        # The platform cannot have taken it after the lease ended: the latest moment possible, so that no figure is flattered.
        at = min(message.lease_until or now, now)
        settled = await _change(session, message, *doubtful, delivery=Delivery.SENT, uncertain=False, at=at, error=None, try_at=None)
    else:
        reason = "Somebody looked: it was not sent."
        settled = await _change(session, message, *doubtful, delivery=Delivery.FAILED, uncertain=False, error=reason, try_at=None)
    if not settled:
        raise Conflict("There is nothing to decide: it is known what became of the reply.", code="not_ambiguous")
    if was_sent:
        await outbox.answered(session, message, actor=actor, now=now)
    else:
        _record(session, "reply.failed", message, actor, now)
    return message


async def _locked(session: AsyncSession, conversation: Conversation, client_key: str) -> Message | None:
    """One writer of replies at a time for each conversation: they leave in the order of writing. Returns the reply that has the key."""
    held = select(Conversation).where(col(Conversation.id) == conversation.id).with_for_update().execution_options(populate_existing=True)
    changes.check((await session.scalars(held)).one())
    known = select(Message).where(col(Message.workspace_id) == conversation.workspace_id, col(Message.client_key) == client_key)
    return await session.scalar(known)


def _ours(conversation: Conversation, member: Member | None, parent: Message | None, now: datetime, **more: Any) -> Message:
    return Message(
        workspace_id=conversation.workspace_id,
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        direction=Direction.OUT,
        delivery=Delivery.QUEUED,
        member_id=member.id if member else None,
        parent_id=parent.id if parent else None,
        parent_external_id=parent.external_id if parent else None,
        at=now,
        received_at=now,
        **more,
    )


def _same(first: Message, conversation: Conversation) -> Message:
    if first.conversation_id != conversation.id:
        raise Conflict("This key belongs to a reply in another conversation.", code="key_reused")
    return first


async def _check_channel(session: AsyncSession, conversation: Conversation) -> None:
    channel = await session.get_one(Channel, conversation.channel_id)
    if channel.removed_at is not None:
        raise Conflict("The channel was removed: there is no way to answer here any more.", code="channel_removed")


def _check_text(text: str, attachments: Sequence[int], capabilities: Capabilities | None, kind: ConversationKind, *, private: bool) -> None:
    if not text and not attachments:
        raise Invalid("The reply is empty.", code="empty")
    check_places(text)
    if capabilities is not None:
        lengths.check(text, capabilities.length(kind, private=private))
        if attachments and not capabilities.attachments:
            raise Invalid("This platform takes no attachments.", code="no_attachments")


def check_places(text: str) -> None:
    """Raise Invalid when a blank of a template is still open."""
    if open_places := PLACEHOLDER.findall(text):
        raise Invalid("Fill in or delete {places} first.", code="placeholders", places=", ".join(sorted(set(open_places))))


async def _check_unchanged(
    session: AsyncSession, conversation: Conversation, member: Member | None, seen_message_id: int | None, *, anyway: bool
) -> None:
    if seen_message_id is None or anyway:
        return
    newer = await messages.news(session, conversation, member.id if member else None, after=seen_message_id)
    if newer:
        raise Conflict("Something new came in since you read this.", code="thread_changed", newer=list(newer))


async def _parent(session: AsyncSession, conversation: Conversation, parent_id: int | None) -> Message | None:
    """The message answered: the one named, else the newest from outside."""
    query = select(Message).where(col(Message.conversation_id) == conversation.id)
    if parent_id is not None:
        parent = await session.scalar(query.where(col(Message.id) == parent_id))
        if parent is None:
            raise Invalid("The message that this answers is not in this conversation.", code="parent_unknown")
        return parent
    inbound = query.where(col(Message.direction) == Direction.IN, col(Message.deleted_at).is_(None))
    return await session.scalar(inbound.order_by(col(Message.at).desc(), col(Message.id).desc()).limit(1))


async def _thread(session: AsyncSession, conversation: Conversation, parent: Message | None) -> str:
    if parent is not None and (parent.thread_external_id or conversation.in_room):  # outside of a room's threads there is none
        return parent.thread_external_id
    known = select(col(Thread.external_id)).where(
        col(Thread.conversation_id) == conversation.id, col(Thread.external_id).not_like(f"{incoming.IN_ROOM}%")
    )
    return await session.scalar(known.order_by(col(Thread.external_id)).limit(1)) or await _thread_of_others(session, conversation)


async def _thread_of_others(session: AsyncSession, conversation: Conversation) -> str:
    """What was split off has no thread of its own: it goes on where its messages came from."""
    named = select(col(Message.thread_external_id)).where(
        col(Message.conversation_id) == conversation.id, col(Message.thread_external_id) != ""
    )
    return await session.scalar(named.order_by(col(Message.at).desc(), col(Message.id).desc()).limit(1)) or ""


async def _leaves_at(
    session: AsyncSession, conversation: Conversation, member: Member | None, chosen: datetime | None, now: datetime
) -> datetime:
    if chosen is None:
        return await _window_ends(session, conversation, member, now)
    if chosen.tzinfo is None:
        raise Invalid("The time to send needs its time zone.", code="send_zone")
    if chosen > now + FARTHEST:
        raise Invalid("A reply can be sent a year from now at the latest.", code="send_far")
    return chosen


async def _window_ends(session: AsyncSession, conversation: Conversation, member: Member | None, now: datetime) -> datetime:
    """When the undo window ends, but not before what is already waiting in this conversation: a short window overtakes no long one."""
    own = member.undo_seconds if member else None
    if own is None:
        own = (await session.get_one(Workspace, conversation.workspace_id)).undo_seconds
    ahead = select(func.max(col(Message.send_at))).where(
        col(Message.conversation_id) == conversation.id,
        col(Message.delivery) == Delivery.QUEUED,
        col(Message.send_at) <= now + LONGEST_UNDO,  # what is scheduled for later is no reason to wait
    )
    last = await session.scalar(ahead)
    leaves = now + min(timedelta(seconds=own), LONGEST_UNDO)
    return max(leaves, last) if last else leaves


async def _insert(session: AsyncSession, message: Message, attachments: Sequence[int]) -> None:
    try:
        async with session.begin_nested():
            session.add(message)
    except IntegrityError as error:  # the same key at the same moment in another conversation
        raise Conflict("This key belongs to another reply.", code="key_reused") from error
    if attachments:
        await _attach(session, message, attachments)


async def _attach(session: AsyncSession, message: Message, attachments: Sequence[int]) -> None:
    wanted = set(attachments)
    taken = (
        update(Attachment)
        .where(
            col(Attachment.id).in_(wanted),
            col(Attachment.conversation_id) == message.conversation_id,
            col(Attachment.message_id).is_(None),
            col(Attachment.member_id).is_not_distinct_from(message.member_id),
        )
        .values(message_id=message.id)
    )
    if len((await session.scalars(taken.returning(col(Attachment.id)))).all()) != len(wanted):
        raise Invalid("An attachment is gone, or belongs to another reply. Add it again.", code="attachment_unknown")


async def _change(session: AsyncSession, message: Message, *condition: Any, **values: Any) -> bool:
    """Change the row if the condition still holds, and bring `message` up to date."""
    change = update(Message).where(col(Message.id) == message.id, *condition).values(**values).returning(col(Message.id))
    changed = (await session.execute(change, execution_options={"synchronize_session": False})).first() is not None
    await session.refresh(message)
    return changed


def _actor(member: Member | None) -> str:
    return f"member:{member.id}" if member else "system"


def _record(session: AsyncSession, kind: str, message: Message, actor: str, now: datetime, send_at: datetime | None = None) -> None:
    more = {"send_at": send_at.isoformat()} if send_at else {}
    outbox.record(session, kind, message, actor=actor, now=now, **more)
