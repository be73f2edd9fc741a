"""What members have begun to write, kept for each conversation."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, delete, literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import changes
from inbox.errors import Invalid
from inbox.models import Conversation, Draft
from inbox.team.rights import Access

LIMIT = 100_000  # characters
MODES = ("reply", "private", "note")


async def find(session: AsyncSession, access: Access, conversation: Conversation) -> Draft | None:
    """The member's draft in this conversation."""
    return None if access.member_id is None else await session.get(Draft, (conversation.id, access.member_id))


async def save(
    session: AsyncSession,
    access: Access,
    conversation: Conversation,
    *,
    body: str,
    mode: str = "reply",
    options: dict[str, Any] | None = None,
    now: datetime,
) -> None:
    """Keep the text; an empty one drops the draft. The log says only when a draft begins and ends."""
    if access.member_id is None:
        return
    if mode not in MODES or len(body) > LIMIT:
        raise Invalid("This draft cannot be kept: it is too long or of an unknown kind.", code="draft")
    if not body.strip():
        await drop(session, access, conversation, now=now)
        return
    key = {"workspace_id": conversation.workspace_id, "conversation_id": conversation.id, "member_id": access.member_id}
    values: dict[str, Any] = {"mode": mode, "body": body.replace("\x00", ""), "options": options or {}, "updated_at": now}
    upsert = (
        insert(Draft)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=["conversation_id", "member_id"], set_=values)
        .returning(literal_column("xmax = 0", Boolean))  # true for a new row
    )
    if await session.scalar(upsert):
        changes.record(session, conversation, "draft.saved", actor=access.actor, now=now, member=access.member_id, kept=True)


async def drop(session: AsyncSession, access: Access, conversation: Conversation, *, now: datetime) -> None:
    """Forget the draft: it was sent, or emptied."""
    mine = (col(Draft.conversation_id) == conversation.id, col(Draft.member_id) == access.member_id)
    if await session.scalar(delete(Draft).where(*mine).returning(col(Draft.member_id))) is not None:
        changes.record(session, conversation, "draft.saved", actor=access.actor, now=now, member=access.member_id, kept=False)
