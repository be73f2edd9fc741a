"""Find conversations by words: newest first, bounded.

Words that many use are found among the newest messages and conversations, looked at one by one; only the others are looked up in an index,
so that nothing has to put in order all that a common word finds (docs/performance.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select, text, true, union
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import col

from inbox import languages
from inbox.conversations import rows
from inbox.conversations.rows import Row
from inbox.models import Contact, Conversation, Message, Status
from inbox.team import rights
from inbox.team.rights import Access

LIMIT = 50
NEWEST = 3000  # messages that are looked at one by one
NEWEST_OF_STATUS = 500  # conversations of each status, the same
LOOK = 2000  # messages: as far back as the index is followed
SIMPLE = text("'simple'::regconfig")

Ids = Select[int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: `query` as PostgreSQL reads it, `words` as they were written."""

    access: Access
    words: str
    query: str
    language: str | None
    limit: int

    def is_seen(self, channel_id: Any, conversation_id: Any) -> ColumnElement[bool]:
        """Whether the asking member may see it, and it is held in the language that is asked for."""
        seen = rights.sees(self.access, channel_id)
        if self.language is None:
            return seen
        one = aliased(Conversation)
        return seen & exists().where(col(one.id) == conversation_id, col(one.language) == languages.stored(self.language))


async def find(session: AsyncSession, access: Access, words: str, *, language: str | None = None, limit: int = LIMIT) -> Sequence[Row]:
    """Conversations whose messages hold all these words (the last one may be unfinished), or whose author or subject does.

    An e-mail address finds its owner's conversations, too. `language`: only those held in it, or UNKNOWN.
    """
    words = _printable(words)
    wanted = Wanted(access, words, _query(words), language, limit)
    if not wanted.query:
        return []
    ids: set[int] = set()
    for newest, indexed in ((_newest_messages, _messages), (_newest_conversations, _conversations)):
        found = (await session.scalars(newest(wanted))).all()
        ids |= {*found, *(await session.scalars(indexed(wanted)) if len(found) < limit else ())}
    query = rows.query().where(col(Conversation.id).in_(ids))
    return await rows.fetch(session, query.order_by(col(Conversation.last_message_at).desc(), col(Conversation.id).desc()).limit(limit))


def _newest_messages(wanted: Wanted) -> Ids:
    """Of the messages that reached us last."""
    one = Message
    last = select(col(one.conversation_id), col(one.channel_id), col(one.at), col(one.body), col(one.deleted_at))
    last = last.where(col(one.workspace_id) == wanted.access.workspace_id).order_by(col(one.id).desc()).limit(NEWEST).subquery()
    query = select(last.c.conversation_id).where(
        last.c.deleted_at.is_(None), _holds(last.c.body, wanted), wanted.is_seen(last.c.channel_id, last.c.conversation_id)
    )
    return query.group_by(last.c.conversation_id).order_by(func.max(last.c.at).desc()).limit(wanted.limit)


def _messages(wanted: Wanted) -> Ids:
    one = Message
    mine = (
        col(one.workspace_id) == wanted.access.workspace_id,
        col(one.deleted_at).is_(None),
        _holds(col(one.body), wanted),
        wanted.is_seen(col(one.channel_id), col(one.conversation_id)),
    )
    found = select(col(one.conversation_id), col(one.at)).where(*mine).order_by(col(one.at).desc()).limit(LOOK).subquery()
    return select(found.c.conversation_id).group_by(found.c.conversation_id).order_by(func.max(found.c.at).desc()).limit(wanted.limit)


def _newest_conversations(wanted: Wanted) -> Ids:
    """Of the conversations in which something was said last, of each status."""
    one = Conversation
    listed = array([status.value for status in Status if status is not Status.MERGED])
    statuses = func.unnest(listed).table_valued("status").render_derived()
    last = select(col(one.id), col(one.channel_id), col(one.author_name), col(one.subject), col(one.last_message_at))
    last = last.where(col(one.workspace_id) == wanted.access.workspace_id, col(one.status) == statuses.c.status)
    last = last.order_by(col(one.last_message_at).desc(), col(one.id).desc()).limit(NEWEST_OF_STATUS).lateral()
    query = select(last.c.id).select_from(statuses).join(last, true())
    query = query.where(_holds(last.c.author_name, wanted) | _holds(last.c.subject, wanted), wanted.is_seen(last.c.channel_id, last.c.id))
    return query.order_by(last.c.last_message_at.desc()).limit(wanted.limit)


def _conversations(wanted: Wanted) -> Ids:
    """By who began them, and by subject: each by an index of its own."""
    is_theirs = func.lower(col(Contact.email)) == wanted.words.strip().lower()
    people = select(col(Contact.id)).where(
        col(Contact.workspace_id) == wanted.access.workspace_id, or_(_holds(col(Contact.name), wanted), is_theirs)
    )
    titled = (col(Conversation.subject) != "", _holds(col(Conversation.subject), wanted))
    parts = [_ids(wanted, col(Conversation.contact_id).in_(people)), _ids(wanted, *titled)]
    return select(union(*(select(part.subquery().c.id) for part in parts)).subquery().c.id)


def _ids(wanted: Wanted, *conditions: ColumnElement[bool]) -> Ids:
    one = Conversation
    mine = (col(one.workspace_id) == wanted.access.workspace_id, col(one.merged_into).is_(None))
    query = select(col(one.id)).where(*mine, *conditions, wanted.is_seen(col(one.channel_id), col(one.id)))
    return query.order_by(col(one.last_message_at).desc()).limit(wanted.limit)


def _holds(words: ColumnElement[str] | Mapped[str], wanted: Wanted) -> ColumnElement[bool]:
    return func.to_tsvector(SIMPLE, words).bool_op("@@")(func.to_tsquery(SIMPLE, literal(wanted.query)))


def _printable(words: str) -> str:
    """The words without what is no writing, or no text at all to PostgreSQL: NUL, half a character of UTF-16."""
    return "".join(letter if letter.isprintable() else " " for letter in words)


def _query(words: str) -> str:
    """Every word must occur; the last may go on: an agent searches while typing."""
    parts = ["".join(letter if letter not in "'\\" else " " for letter in word) for word in words.split()[:10]]
    parts = [f"'{part}'" for part in parts if any(letter.isalnum() for letter in part)]
    return " & ".join([*parts[:-1], f"{parts[-1]}:*"]) if parts else ""
