"""Find conversations by words: newest first, bounded."""

from collections.abc import Sequence

from sqlalchemy import func, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import languages
from inbox.conversations import rows
from inbox.conversations.rows import Row
from inbox.models import Conversation, Message
from inbox.team import rights
from inbox.team.rights import Access

LIMIT = 50
LOOK = 2000  # messages: as far back as a common word is followed


async def find(session: AsyncSession, access: Access, words: str, *, language: str | None = None, limit: int = LIMIT) -> Sequence[Row]:
    """Conversations whose messages hold all these words (the last one may be unfinished), or whose author or subject does.

    `language`: only those held in it, or UNKNOWN.
    """
    wanted = _query(words)
    if not wanted:
        return []
    said = func.to_tsvector(text("'simple'::regconfig"), Message.body)
    mine = (
        col(Message.workspace_id) == access.workspace_id,
        rights.sees(access, col(Message.channel_id)),
        col(Message.deleted_at).is_(None),
    )
    recent = (
        select(col(Message.conversation_id), col(Message.at))
        .where(*mine, said.op("@@")(func.to_tsquery(text("'simple'::regconfig"), wanted)))
        .order_by(col(Message.at).desc())
        .limit(LOOK)
        .subquery()
    )
    held = true() if language is None else col(Conversation.language) == languages.stored(language)
    by_text = (
        select(recent.c.conversation_id)
        .join(Conversation, col(Conversation.id) == recent.c.conversation_id)
        .where(held)
        .group_by(recent.c.conversation_id)
        .order_by(func.max(recent.c.at).desc())
        .limit(limit)
    )
    named = func.lower(Conversation.author_name).contains(words.strip().lower(), autoescape=True)
    titled = func.lower(Conversation.subject).contains(words.strip().lower(), autoescape=True)
    by_name = (
        select(col(Conversation.id))
        .where(col(Conversation.workspace_id) == access.workspace_id, rights.sees(access, col(Conversation.channel_id)), named | titled)
        .where(col(Conversation.merged_into).is_(None), held)
        .order_by(col(Conversation.last_message_at).desc())
        .limit(limit)
    )
    ids = {*await session.scalars(by_text), *await session.scalars(by_name)}
    query = rows.query().where(col(Conversation.id).in_(ids))
    newest = query.order_by(col(Conversation.last_message_at).desc(), col(Conversation.id).desc()).limit(limit)
    return await rows.fetch(session, newest)


def _query(words: str) -> str:
    """Every word must occur; the last may go on: an agent searches while typing."""
    parts = ["".join(letter for letter in word if letter.isalnum() or letter in "_-") for word in words.split()[:10]]
    parts = [f"'{part}'" for part in parts if any(letter.isalnum() for letter in part)]
    return " & ".join([*parts[:-1], f"{parts[-1]}:*"]) if parts else ""
