"""Visitors of the website chat: how they are known, and what they say.

A visitor's token is 32 random bytes with this installation's signature for one channel: a guess or another channel's token is refused
without a look at the database. It is stored as a hash, and no row is written before the visitor's first message.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Attachment, Author, Batch, ConversationKind, Event, EventKind
from inbox.conversations import receive
from inbox.errors import Invalid, NotFound
from inbox.files import Files
from inbox.models import Channel, Contact, Identity, Message, Thread, Visitor, VisitorToken
from inbox.secrets import Vault, hash_token, new_token

LINK_DAYS = 30


class Gone(NotFound):
    """The visitor has deleted this chat; its token opens nothing any more."""

    code = "gone"


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a visitor. `key` is the browser's: the same key again is the same message."""

    key: str
    text: str
    page: str | None = None
    attachments: tuple[Attachment, ...] = ()


def offer_token(vault: Vault, channel: Channel) -> str:
    """A token for a browser that has none. Nothing is stored until it speaks."""
    secret = new_token()
    return f"{secret}.{vault.sign('visitor', channel.key, secret)}"


def genuine(vault: Vault, channel: Channel, token: str) -> bool:
    """Whether this installation made the token for this channel."""
    secret, _, signature = token.partition(".")
    return vault.verify(signature, "visitor", channel.key, secret)


async def find(session: AsyncSession, vault: Vault, channel: Channel, token: str) -> Visitor | None:
    """The visitor whose browser holds this token; None when it has not spoken yet, or when the chat was deleted."""
    if not genuine(vault, channel, token):
        return None
    query = (
        select(Visitor)
        .join(VisitorToken, col(VisitorToken.visitor_id) == col(Visitor.id))
        .where(
            col(VisitorToken.token_hash) == hash_token(token),
            col(Visitor.channel_id) == channel.id,
            col(Visitor.erased_at).is_(None),
        )
    )
    return await session.scalar(query)


async def begin(session: AsyncSession, channel: Channel, token: str, *, locale: str, now: datetime) -> Visitor:
    """The visitor of a genuine token, made on their first message. Two tabs that begin at once are one visitor."""
    external_id = _external_id(token)
    row = {
        "workspace_id": channel.workspace_id,
        "channel_id": channel.id,
        "external_id": external_id,
        "locale": locale,
        "created_at": now,
    }
    await session.execute(insert(Visitor).values(row).on_conflict_do_nothing())
    visitor = (
        await session.scalars(select(Visitor).where(col(Visitor.channel_id) == channel.id, col(Visitor.external_id) == external_id))
    ).one()
    if visitor.erased_at is not None:
        raise Gone("This chat was deleted.")
    await _admit(session, visitor, token, now)
    return visitor


async def was_erased(session: AsyncSession, channel: Channel, token: str) -> bool:
    """Whether the chat that began with this token was deleted."""
    query = select(col(Visitor.erased_at)).where(col(Visitor.channel_id) == channel.id, col(Visitor.external_id) == _external_id(token))
    return await session.scalar(query) is not None


async def say(session: AsyncSession, channel: Channel, visitor: Visitor, said: Said, *, files: Files, now: datetime) -> int:
    """Take a visitor's message in, once for each key; the message's id."""
    event = Event(
        id=_message_key(visitor, said.key),
        kind=EventKind.MESSAGE,
        message_id=_message_key(visitor, said.key),
        thread_id=visitor.external_id,
        at=now,
        author=_author(visitor),
        text=said.text,
        attachments=said.attachments,
        conversation_kind=ConversationKind.DIRECT,
        permalink=said.page,
    )
    await receive.receive(session, channel, Batch(events=(event,)), now=now, files=files, move_cursor=False)
    stored = select(col(Message.id)).where(col(Message.channel_id) == channel.id, col(Message.external_id) == event.message_id)
    message_id = await session.scalar(stored)
    if message_id is None:  # kept as a dead letter
        raise Invalid("This message could not be read.")
    return message_id


async def seen(session: AsyncSession, channel: Channel, visitor: Visitor, message_id: int, *, now: datetime) -> None:
    """The visitor has seen everything up to this message of their own chat; any other id says nothing."""
    query = select(col(Message.at)).where(
        col(Message.id) == message_id, col(Message.conversation_id) == await conversation_id(session, visitor)
    )
    at = await session.scalar(query)
    if at is None:
        return
    event = Event(
        id=f"{visitor.external_id}:seen:{message_id}",
        kind=EventKind.READ,
        message_id="",
        thread_id=visitor.external_id,
        at=at,
        author=_author(visitor),
        conversation_kind=ConversationKind.DIRECT,
    )
    await receive.receive(session, channel, Batch(events=(event,)), now=now, move_cursor=False)


async def conversation_id(session: AsyncSession, visitor: Visitor) -> int | None:
    """The conversation that the visitor's chat belongs to now; a merge may have moved it."""
    query = select(col(Thread.conversation_id)).where(
        col(Thread.channel_id) == visitor.channel_id, col(Thread.external_id) == visitor.external_id
    )
    return await session.scalar(query)


async def keep_address(session: AsyncSession, visitor: Visitor, email: str, *, now: datetime) -> None:
    """Send answers to this address while the visitor is away.

    The address is as typed, not proven: it never joins the visitor to a contact who is already known by it.
    """
    await session.execute(update(Visitor).where(col(Visitor.id) == visitor.id).values(email=email))
    known = exists().where(col(Contact.workspace_id) == visitor.workspace_id, func.lower(col(Contact.email)) == email.lower())
    mine = (
        select(col(Identity.contact_id))
        .where(col(Identity.channel_id) == visitor.channel_id, col(Identity.external_id) == visitor.external_id)
        .scalar_subquery()
    )
    change = update(Contact).where(col(Contact.id) == mine, ~known).values(email=email).returning(col(Contact.id))
    contact_id = await session.scalar(change)
    if contact_id is not None:
        events.record(
            session,
            "contact.changed",
            workspace_id=visitor.workspace_id,
            channel_id=visitor.channel_id,
            conversation_id=await conversation_id(session, visitor),
            at=now,
            actor=f"channel:{visitor.channel_id}",
            contact=contact_id,
            fields=["email"],
        )


def resume_link(vault: Vault, channel: Channel, visitor: Visitor, *, now: datetime) -> str:
    """What a mailed link carries: its bearer may read this chat, until it expires or the chat is deleted."""
    ends = str(int((now + timedelta(days=LINK_DAYS)).timestamp()))
    return f"{visitor.id}.{ends}.{vault.sign('resume', channel.key, str(visitor.id), ends)}"


async def resume(session: AsyncSession, vault: Vault, channel: Channel, link: str, *, now: datetime) -> str | None:
    """A token of its own for the browser that followed a mailed link; None when the link is not ours, too old, or its chat is gone."""
    visitor_id, ends, signature = (*link.split("."), "", "")[:3]
    if not vault.verify(signature, "resume", channel.key, visitor_id, ends) or int(ends) < now.timestamp():
        return None
    query = select(Visitor).where(
        col(Visitor.id) == int(visitor_id), col(Visitor.channel_id) == channel.id, col(Visitor.erased_at).is_(None)
    )
    visitor = await session.scalar(query)
    if visitor is None:
        return None
    token = offer_token(vault, channel)
    await _admit(session, visitor, token, now)
    return token


async def _admit(session: AsyncSession, visitor: Visitor, token: str, now: datetime) -> None:
    row = {
        "token_hash": hash_token(token),
        "workspace_id": visitor.workspace_id,
        "visitor_id": visitor.id,
        "created_at": now,
    }
    await session.execute(insert(VisitorToken).values(row).on_conflict_do_nothing())


def _external_id(token: str) -> str:
    return f"visitor-{hashlib.sha256(hash_token(token).encode()).hexdigest()[:24]}"


def _message_key(visitor: Visitor, key: str) -> str:
    return f"{visitor.external_id}:{key}"


def _author(visitor: Visitor) -> Author:
    return Author(id=visitor.external_id, name=f"Visitor {visitor.external_id[-4:]}")
