"""People outside: how they are found, and everything that is known about one."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from inbox import events
from inbox.errors import NotFound
from inbox.models import (
    Attachment,
    Channel,
    Contact,
    Conversation,
    Direction,
    Draft,
    Identity,
    Message,
    Note,
    Rating,
    Reaction,
    Role,
    Visitor,
    Wait,
)
from inbox.team import rights
from inbox.team.rights import Access

FOUND = 20
HIDDEN = frozenset({"workspace_id", "lease_owner", "lease_until", "attempt", "client_key", "try_at", "is_self"})  # of no meaning outside


async def find(session: AsyncSession, access: Access, words: str) -> Sequence[Contact]:
    """Contacts by id, e-mail address, handle, platform id, or part of a name."""
    words = words.strip()
    identities = exists().where(
        col(Identity.contact_id) == Contact.id,
        or_(col(Identity.external_id) == words, func.lower(Identity.handle) == words.lower().lstrip("@")),
    )
    conditions: list[ColumnElement[bool]] = [
        func.lower(Contact.email) == words.lower(),
        func.lower(Contact.name).contains(words.lower(), autoescape=True),
        identities,
    ]
    if words.isdecimal() and len(words) < 19:
        conditions.append(col(Contact.id) == int(words))
    query = select(Contact).where(col(Contact.workspace_id) == access.workspace_id, or_(*conditions))
    return (await session.scalars(query.order_by(col(Contact.id)).limit(FOUND))).all()


async def get(session: AsyncSession, access: Access, contact_id: int) -> Contact:
    """One contact of the workspace."""
    found = await session.scalar(select(Contact).where(col(Contact.id) == contact_id, col(Contact.workspace_id) == access.workspace_id))
    if found is None:
        raise NotFound("There is no such contact in this workspace.")
    return found


async def seen(session: AsyncSession, access: Access, contact_id: int) -> Contact:
    """One contact of the workspace, who is on a channel that the member may see."""
    contact = await get(session, access, contact_id)
    on = exists().where(col(Identity.contact_id) == contact.id, rights.sees(access, col(Identity.channel_id)))
    if not await session.scalar(select(on)):
        raise NotFound("There is no such contact in this workspace.")
    return contact


async def identities(session: AsyncSession, contact: Contact) -> Sequence[Identity]:
    """Who the contact is on each platform."""
    return (await session.scalars(select(Identity).where(col(Identity.contact_id) == contact.id).order_by(col(Identity.id)))).all()


async def own_conversations(session: AsyncSession, contact: Contact, identity_ids: Collection[int]) -> list[int]:
    """Conversations that the contact began and in which nobody else outside has written: they are about this person alone."""
    others = exists().where(
        col(Message.conversation_id) == Conversation.id,
        col(Message.direction) == Direction.IN,
        col(Message.identity_id).not_in(identity_ids),
    )
    query = select(col(Conversation.id)).where(col(Conversation.contact_id) == contact.id, ~others)
    return list(await session.scalars(query.order_by(col(Conversation.id))))


async def export(session: AsyncSession, access: Access, contact: Contact, *, now: datetime) -> dict[str, Any]:
    """Everything that is kept about a contact, as plain values. Attachments are named by their hash, under which they are stored."""
    access.need(Role.ADMIN)
    people = await identities(session, contact)
    ids = [identity.id for identity in people]
    own = await own_conversations(session, contact, ids)
    theirs = or_(col(Message.identity_id).in_(ids), col(Message.conversation_id).in_(own))
    messages = (await session.scalars(select(Message).where(theirs).order_by(col(Message.at), col(Message.id)))).all()
    where = sorted({message.conversation_id for message in messages} | set(own))
    connected = select(Channel).where(col(Channel.id).in_([identity.channel_id for identity in people])).order_by(col(Channel.id))
    rows: dict[str, Any] = {
        "contact": _plain(contact),
        "identities": [_plain(row) for row in people],
        "channels": [{"id": row.id, "platform": row.platform, "name": row.name} for row in await session.scalars(connected)],
        "conversations": await _all(session, Conversation, col(Conversation.id).in_(where)),
        "messages": [_plain(row) for row in messages],
        "attachments": await _all(session, Attachment, col(Attachment.message_id).in_([message.id for message in messages])),
        "reactions": await _all(session, Reaction, col(Reaction.identity_id).in_(ids)),
        "notes": await _all(session, Note, col(Note.conversation_id).in_(own)),
        "drafts": await _all(session, Draft, col(Draft.conversation_id).in_(own)),
        "waits": await _all(session, Wait, col(Wait.identity_id).in_(ids)),
        "ratings": await _all(session, Rating, or_(col(Rating.contact_id) == contact.id, col(Rating.conversation_id).in_(own))),
        "visits": await _all(session, Visitor, visits(people)),
    }
    events.record(session, "contact.exported", workspace_id=contact.workspace_id, at=now, actor=access.actor, contact=contact.id)
    return rows


def visits(people: Collection[Identity]) -> ColumnElement[bool]:
    """A condition: the visitors of the website chat that these identities are."""
    return tuple_(col(Visitor.channel_id), col(Visitor.external_id)).in_(
        [(identity.channel_id, identity.external_id) for identity in people]
    )


async def _all(session: AsyncSession, table: type[SQLModel], condition: ColumnElement[bool]) -> list[dict[str, Any]]:
    return [_plain(row) for row in await session.scalars(select(table).where(condition))]


def _plain(row: SQLModel) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude=set(HIDDEN), exclude_none=True)
