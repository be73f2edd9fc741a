"""A visitor's own chat: what of it the visitor may read, what changed since, and its end.

A visitor sees their conversation's messages that they wrote themselves (in the chat, or by mail) and the team's that were sent; nobody
else's, should a stranger's mail ever be filed into it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.conversations import erasing, ratings, visitors
from inbox.models import (
    Attachment,
    Contact,
    Conversation,
    Delivery,
    Direction,
    Identity,
    LogEvent,
    Message,
    Outcome,
    Reading,
    Role,
    Status,
    Visitor,
    VisitorToken,
)
from inbox.promptness import moves, targets, waits
from inbox.secrets import Vault
from inbox.team.rights import Access

SHOWN = 200  # messages of a chat that a page opens with
CHANGES = ("message.", "reply.sent", "reply.failed", "reply.ambiguous", "conversation.created")


@dataclass(frozen=True, slots=True)
class File:
    id: int
    name: str
    media_type: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One message as its visitor sees it. `key` is the browser's own, for what the visitor wrote."""

    id: int
    key: str | None
    mine: bool
    author: str
    text: str
    at: datetime
    edited: bool
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a page has to show. `last` is the log's id to ask after next time; `whole`: forget what was shown before."""

    last: int
    whole: bool = False
    lines: Sequence[Line] = ()
    gone: Sequence[int] = ()
    seen: int = 0  # the newest message that a colleague has read
    question: int | None = None  # the rating that is asked for


async def changes(session: AsyncSession, visitor: Visitor, after: int = 0, *, now: datetime) -> Changes:
    """The chat after an event of the log; from its start for 0, and for an event that is no longer kept."""
    last = await events.last_id(session)
    conversation_id = await visitors.conversation_id(session, visitor)
    if conversation_id is None:
        return Changes(last, whole=after == 0)
    seen = await session.scalar(select(func.max(col(Reading.message_id))).where(col(Reading.conversation_id) == conversation_id)) or 0
    question = await ratings.in_chat(session, conversation_id, now=now)
    if after <= 0 or after > last or after < await events.oldest_id(session) - 1:
        lines = await _lines(session, visitor, conversation_id, limit=SHOWN)
        return Changes(last, whole=True, lines=lines, seen=seen, question=question)
    changed = await _changed(session, conversation_id, after)
    lines = await _lines(session, visitor, conversation_id, among=changed) if changed else ()
    gone = sorted(changed - {line.id for line in lines})
    return Changes(last, lines=lines, gone=gone, seen=seen, question=question)


async def transcript(session: AsyncSession, visitor: Visitor) -> Sequence[Line]:
    """Everything that the visitor may read of their chat, oldest first."""
    conversation_id = await visitors.conversation_id(session, visitor)
    return await _lines(session, visitor, conversation_id) if conversation_id is not None else ()


async def file(session: AsyncSession, channel_id: int, attachment_id: int) -> Attachment | None:
    """A file of a chat on this channel, while its message is shown. The caller has checked who asks."""
    query = (
        select(Attachment)
        .join(Message, col(Message.id) == col(Attachment.message_id))
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .where(
            col(Attachment.id) == attachment_id,
            col(Conversation.channel_id) == channel_id,
            col(Attachment.sha256).is_not(None),
            col(Message.deleted_at).is_(None),
            or_(col(Message.direction) == Direction.IN, _sent()),
        )
    )
    return await session.scalar(query)


async def erase(session: AsyncSession, vault: Vault, home: Path, visitor: Visitor, *, now: datetime) -> None:
    """Delete the chat as its visitor asks: words, files, name and address go, the bare rows and the measured waits stay.

    A contact who is nobody but this visitor is forgotten as a whole. One who is known elsewhere too loses the chat alone, and one under
    legal hold keeps its words; the visitor's own access ends all the same.
    """
    actor = f"channel:{visitor.channel_id}"
    conversation_id = await visitors.conversation_id(session, visitor)
    conversation = await session.get(Conversation, conversation_id, with_for_update=True) if conversation_id is not None else None
    contact_id = await _contact(session, visitor)
    contact = await session.get(Contact, contact_id) if contact_id is not None else None
    if contact is not None and not contact.legal_hold and await _is_nobody_else(session, contact):
        access = Access(workspace_id=visitor.workspace_id, role=Role.ADMIN, actor=actor)
        await erasing.erase(session, vault, home, access, contact, now=now)
    elif conversation is not None:
        await _empty(session, conversation, actor, now, keep_words=contact is not None and contact.legal_hold)
    await session.execute(delete(VisitorToken).where(col(VisitorToken.visitor_id) == visitor.id))
    await session.execute(update(Visitor).where(col(Visitor.id) == visitor.id).values(erased_at=now, email=None))
    if conversation is not None:
        await _end(session, conversation, actor, now)


async def _is_nobody_else(session: AsyncSession, contact: Contact) -> bool:
    return await session.scalar(select(func.count()).where(col(Identity.contact_id) == contact.id)) == 1


async def _empty(session: AsyncSession, conversation: Conversation, actor: str, now: datetime, *, keep_words: bool) -> None:
    await waits.close(session, conversation, Outcome.DELETED, actor=actor, now=now)
    words: dict[str, Any] = {} if keep_words else {"body": "", "html": None, "quoted": "", "envelope": None, "permalink": None}
    here = update(Message).where(col(Message.conversation_id) == conversation.id)
    await session.execute(here.where(col(Message.delivery) == Delivery.QUEUED).values(delivery=Delivery.UNDONE))
    deleted = here.where(col(Message.deleted_at).is_(None)).values(deleted_at=now, **words)
    ids = (await session.scalars(deleted.returning(col(Message.id)))).all()
    if not keep_words:
        await ratings.forget(session, conversation_ids=[conversation.id])
        await session.execute(delete(Attachment).where(col(Attachment.conversation_id) == conversation.id))
        conversation.snippet = ""
    for message_id in sorted(ids):
        _record(session, conversation, "message.deleted", actor, now, message=message_id)


async def _end(session: AsyncSession, conversation: Conversation, actor: str, now: datetime) -> None:
    await session.refresh(conversation)
    before = conversation.status
    conversation.status, conversation.snoozed_until = Status.RESOLVED, None
    conversation.resolved_at = conversation.erased_at = now
    _record(session, conversation, "conversation.moved", actor, now, status=Status.RESOLVED.value, before=before.value)
    await session.flush()
    if before != Status.RESOLVED:
        await moves.note(session, [(conversation.id, Status.RESOLVED)], at=now)
    await targets.settle_episodes(session, conversation.workspace_id, [conversation.id], now=now, actor=actor)


def _record(session: AsyncSession, conversation: Conversation, kind: str, actor: str, now: datetime, **data: Any) -> None:
    events.record(
        session,
        kind,
        workspace_id=conversation.workspace_id,
        channel_id=conversation.channel_id,
        conversation_id=conversation.id,
        at=now,
        actor=actor,
        **data,
    )


async def _changed(session: AsyncSession, conversation_id: int, after: int) -> set[int]:
    mine = or_(*(col(LogEvent.kind).startswith(kind) for kind in CHANGES))
    named = select(col(LogEvent.data)["message"].as_integer()).where(
        col(LogEvent.conversation_id) == conversation_id, col(LogEvent.id) > after, mine
    )
    return {message_id for message_id in await session.scalars(named) if message_id}


async def _lines(
    session: AsyncSession, visitor: Visitor, conversation_id: int, *, among: set[int] | None = None, limit: int | None = None
) -> Sequence[Line]:
    """The newest that fit, oldest first: two statements, however many there are."""
    contact_id = await _contact(session, visitor)
    query = (
        select(Message)
        .outerjoin(Identity, col(Identity.id) == col(Message.identity_id))
        .where(col(Message.conversation_id) == conversation_id, col(Message.deleted_at).is_(None), _readable(contact_id))
        .order_by(col(Message.at).desc(), col(Message.id).desc())
        .limit(limit)
    )
    if among is not None:
        query = query.where(col(Message.id).in_(among))
    messages = (await session.scalars(query)).all()[::-1]
    files: dict[int | None, list[File]] = {}
    attached = select(Attachment).where(col(Attachment.message_id).in_([message.id for message in messages]))
    for row in await session.scalars(attached.order_by(col(Attachment.id))):
        files.setdefault(row.message_id, []).append(File(row.id, row.name, row.media_type, row.size))
    return [_line(visitor, message, tuple(files.get(message.id, ()))) for message in messages]


def _line(visitor: Visitor, message: Message, files: tuple[File, ...]) -> Line:
    mine = message.direction == Direction.IN
    prefix = f"{visitor.external_id}:"
    own = message.external_id if mine and message.external_id and message.external_id.startswith(prefix) else None
    return Line(
        id=message.id,
        key=own.removeprefix(prefix) if own else None,
        mine=mine,
        author="" if mine else message.author_name,
        text=message.body,
        at=message.at,
        edited=message.edited_at is not None,
        files=files,
    )


def _readable(contact_id: int | None) -> ColumnElement[bool]:
    own = and_(col(Message.direction) == Direction.IN, col(Identity.contact_id) == contact_id)
    return or_(own, and_(_sent(), col(Message.hidden_at).is_(None)))


def _sent() -> ColumnElement[bool]:
    return and_(col(Message.direction) == Direction.OUT, col(Message.delivery) == Delivery.SENT)


async def _contact(session: AsyncSession, visitor: Visitor) -> int | None:
    query = select(col(Identity.contact_id)).where(
        col(Identity.channel_id) == visitor.channel_id, col(Identity.external_id) == visitor.external_id
    )
    return await session.scalar(query)
