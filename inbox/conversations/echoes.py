"""Replies of ours that come back: the same message, not another one."""

from datetime import timedelta

from psycopg import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import EventKind
from inbox.conversations.incoming import Incoming
from inbox.conversations.known import Known
from inbox.db import Row
from inbox.models import Delivery, Message

CLOSE = timedelta(minutes=15)  # between the send and an echo that is known only by its words
UNDECIDED = {Delivery.QUEUED, Delivery.SENDING, Delivery.AMBIGUOUS, Delivery.FAILED}

NAME = """
    UPDATE message SET external_id = coalesce(message.external_id, new.external_id), permalink = coalesce(message.permalink, new.permalink)
      FROM unnest(%b::bigint[], %b::text[], %b::text[]) AS new (id, external_id, permalink) WHERE message.id = new.id
"""

MARK = """
    UPDATE message SET delivery = 'sent', uncertain = false, error = NULL, try_at = NULL, lease_until = NULL,
           at = greatest(new.at, (SELECT at FROM message AS parent WHERE parent.id = message.parent_id))
      FROM unnest(%b::bigint[], %b::timestamptz[]) AS new (id, at)
     WHERE message.id = new.id AND delivery IN ('queued', 'sending', 'ambiguous', 'failed')
    RETURNING message.id
"""


def find(known: Known) -> dict[str, int]:
    """Which events are echoes of which replies: event id to message id.

    By the platform's id, else by the client key, else, where the receipt is not stored yet, by the same words in the same thread.
    """
    echoes: dict[str, int] = {}
    for event in known.fresh:
        if event.person is None or not event.person.is_self or event.kind is not EventKind.MESSAGE:
            continue
        reply = known.messages.get(event.message_id)
        if reply is None and event.client_key is not None:
            reply = known.replies.get(event.client_key)
        if reply is not None:
            if reply.external_id is None or reply.delivery in UNDECIDED:
                echoes[event.id] = reply.id
            continue
        unsent = _same_words(known, event, set(echoes.values()))
        if unsent is not None:
            echoes[event.id] = unsent
    return echoes


async def mark(session: AsyncSession, connection: AsyncConnection[Row], echoes: dict[int, Incoming]) -> list[Message]:
    """Give the replies what their echoes tell; returns those that were not known to be sent."""
    ids = sorted(echoes)
    events = [echoes[number] for number in ids]
    await connection.execute(NAME, (ids, [event.message_id for event in events], [event.permalink for event in events]))
    marked = await connection.execute(MARK, (ids, [event.at for event in events]))
    sent = [row[0] for row in await marked.fetchall()]
    return [await session.get_one(Message, number, populate_existing=True) for number in sorted(sent)]


def _same_words(known: Known, event: Incoming, taken: set[int]) -> int | None:
    parent = known.messages.get(event.parent_id) if event.parent_id is not None else None
    conversation_id = parent.conversation_id if parent is not None else known.threads.get(event.thread_id)
    words = event.text.split()
    for reply in known.unsent:
        if (
            reply.id not in taken
            and (reply.conversation_id == conversation_id or (parent is None and event.told_thread and reply.thread == event.told_thread))
            and reply.body.split() == words
            and abs(event.at - reply.send_at) <= CLOSE
        ):
            return reply.id
    return None
