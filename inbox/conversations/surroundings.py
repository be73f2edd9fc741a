"""What stands around a conversation's timeline: its post, its contact, who waits, and the contact's other conversations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import any_, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import rows
from inbox.conversations.rows import NUMBERS, Query, Row
from inbox.models import Contact, Conversation, Identity, Post, Wait
from inbox.team import rights
from inbox.team.rights import Access

OTHERS = 8


@dataclass(frozen=True, slots=True)
class Waiting:
    """An author who waits, and the message that opened the wait."""

    identity_id: int
    name: str
    since: datetime
    message_id: int
    message_count: int


@dataclass(frozen=True, slots=True)
class Person:
    """The contact beside a conversation."""

    contact: Contact
    identities: Sequence[Identity]
    others: Sequence[Row]  # other conversations with the same contact that the reader may see


async def waiting(session: AsyncSession, conversation_ids: Collection[int]) -> dict[int, list[Waiting]]:
    """Who waits in each of these conversations, the longest first."""
    given = {"conversations": list(conversation_ids)}
    found: dict[int, list[Waiting]] = {conversation_id: [] for conversation_id in conversation_ids}
    for conversation_id, identity_id, name, since, message_id, count in (await session.execute(_waiting(), given)).all():
        found[conversation_id].append(Waiting(identity_id, name, since, message_id, count))
    return found


@cache
def _waiting() -> Query:
    columns = (col(Wait.conversation_id), col(Wait.identity_id), col(Identity.name), col(Wait.opened_at), col(Wait.opened_by))
    return (
        select(*columns, col(Wait.message_count))
        .join(Identity, col(Identity.id) == Wait.identity_id)
        .where(col(Wait.conversation_id) == any_(bindparam("conversations", type_=NUMBERS)), col(Wait.closed_at).is_(None))
        .order_by(col(Wait.opened_at), col(Wait.id))
    )


async def post(session: AsyncSession, conversation: Conversation) -> Post | None:
    """The post that the conversation hangs on."""
    return None if conversation.post_id is None else await session.get(Post, conversation.post_id)


async def person(session: AsyncSession, access: Access, conversation: Conversation) -> Person | None:
    """The contact who began the conversation."""
    contact = None if conversation.contact_id is None else await session.get(Contact, conversation.contact_id)
    if contact is None:
        return None
    identities = (
        await session.scalars(
            select(Identity)
            .where(col(Identity.contact_id) == contact.id, rights.sees(access, col(Identity.channel_id)))
            .order_by(col(Identity.id))
            .limit(OTHERS)
        )
    ).all()
    others = (
        rows.query()
        .where(
            col(Conversation.contact_id) == contact.id,
            col(Conversation.id) != conversation.id,
            rights.sees(access, col(Conversation.channel_id)),
        )
        .order_by(col(Conversation.last_message_at).desc())
        .limit(OTHERS)
    )
    return Person(contact, identities, await rows.fetch(session, others))
