"""Files as members see them: kept for a reply that is being written, and read with the right to their conversation."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.errors import NotFound
from inbox.models import Attachment, Conversation
from inbox.team import rights
from inbox.team.rights import Access

LONGEST_NAME = 200
LONGEST_TYPE = 100


async def keep(
    session: AsyncSession, access: Access, conversation: Conversation, *, name: str, media_type: str, size: int, digest: str, now: datetime
) -> Attachment:
    """Name a stored file as one for a reply in this conversation."""
    kept = Attachment(
        workspace_id=conversation.workspace_id,
        conversation_id=conversation.id,
        member_id=access.member_id,
        name=name[:LONGEST_NAME] or "file",
        media_type=media_type[:LONGEST_TYPE] or "application/octet-stream",
        size=size,
        sha256=digest,
        created_at=now,
    )
    session.add(kept)
    await session.flush()
    return kept


async def get(session: AsyncSession, access: Access, attachment_id: int) -> Attachment:
    """A file that is here, of a conversation that this member may see."""
    query = (
        select(Attachment)
        .join(Conversation, col(Conversation.id) == Attachment.conversation_id)
        .where(
            col(Attachment.id) == attachment_id,
            col(Attachment.workspace_id) == access.workspace_id,
            col(Attachment.sha256).is_not(None),
            rights.sees(access, col(Conversation.channel_id)),
        )
    )
    found = await session.scalar(query)
    if found is None:
        raise NotFound("There is no such file, or you may not see it.")
    return found
