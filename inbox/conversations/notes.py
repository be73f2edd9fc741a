"""What the team says among itself."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import changes
from inbox.errors import Conflict, Invalid
from inbox.models import Conversation, Member, Note, Role
from inbox.team.rights import Access

LIMIT = 20_000  # characters


async def add(
    session: AsyncSession, access: Access, conversation: Conversation, *, body: str, client_key: str | None, now: datetime
) -> Note:
    """Write a note. The same client key again is the same note: a double click writes one."""
    access.need(Role.AGENT)
    body = body.strip().replace("\x00", "")
    if not body:
        raise Invalid("Write something first.", code="empty")
    if len(body) > LIMIT:
        raise Invalid("A note has at most {limit} characters.", code="too_long", limit=LIMIT)
    await changes.hold(session, conversation)
    author = await session.get(Member, access.member_id) if access.member_id is not None else None
    values = {
        "workspace_id": conversation.workspace_id,
        "conversation_id": conversation.id,
        "member_id": access.member_id,
        "author_name": author.name if author else "",
        "body": body,
        "client_key": client_key or None,
        "at": now,
    }
    new = insert(Note).values(**values).on_conflict_do_nothing(index_elements=["workspace_id", "client_key"])
    note = await session.scalar(new.returning(Note))
    if note is None:
        same = (col(Note.workspace_id) == conversation.workspace_id, col(Note.client_key) == client_key)
        first = (await session.scalars(select(Note).where(*same))).one()
        if first.conversation_id != conversation.id:
            raise Conflict("This key belongs to a note in another conversation.", code="key_reused")
        return first
    changes.record(session, conversation, "note.added", actor=access.actor, now=now, note=note.id)
    return note


async def every(session: AsyncSession, conversation: Conversation) -> Sequence[Note]:
    """What the team said among itself, oldest first."""
    query = select(Note).where(col(Note.conversation_id) == conversation.id).order_by(col(Note.at), col(Note.id))
    return (await session.scalars(query)).all()
