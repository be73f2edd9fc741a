"""The newest message in the list row of a conversation, kept true when something is written or taken back here."""

from datetime import datetime

from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import Conversation, Message

SNIPPET = 140  # characters

# What was taken back does not show.
FIND = text(
    """
    UPDATE conversation
       SET last_message_id = newest.id, last_message_at = newest.at, last_author = newest.author_name,
           snippet = left(regexp_replace(btrim(newest.body), '\\s+', ' ', 'g'), :length)
      FROM (SELECT id, at, author_name, CASE WHEN deleted_at IS NULL THEN body ELSE '' END AS body
              FROM message WHERE conversation_id = :conversation AND delivery <> 'undone'
             ORDER BY at DESC, id DESC LIMIT 1) newest
     WHERE conversation.id = :conversation
    """
)


def snippet(body: str) -> str:
    """The beginning of a text, on one line."""
    return " ".join(body.split())[:SNIPPET]


async def show(session: AsyncSession, message: Message) -> None:
    """A new message of ours is the newest thing in its conversation."""
    await session.execute(
        update(Conversation)
        .where(col(Conversation.id) == message.conversation_id)
        .values(
            last_message_at=func.greatest(col(Conversation.last_message_at), message.at),
            last_message_id=message.id,
            snippet=snippet(message.body),
            last_author=message.author_name,
            message_count=col(Conversation.message_count) + 1,
        )
    )


async def take_back(session: AsyncSession, message: Message) -> None:
    """The message is gone: the one before it shows again."""
    fewer = update(Conversation).where(col(Conversation.id) == message.conversation_id)
    await session.execute(fewer.values(message_count=col(Conversation.message_count) - 1))
    await session.execute(FIND, {"conversation": message.conversation_id, "length": SNIPPET})


async def moved(session: AsyncSession, message: Message, at: datetime) -> None:
    """The platform accepted the message at this time."""
    later = update(Conversation).where(col(Conversation.id) == message.conversation_id, col(Conversation.last_message_id) == message.id)
    await session.execute(later.values(last_message_at=func.greatest(col(Conversation.last_message_at), at)))
