"""The list row of a conversation: its last words, who wrote them, how many there are and who waits. Kept right in the same transaction."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from inbox.columns import Numbers, Texts, Times
from inbox.conversations.arrivals import Arrival
from inbox.conversations.known import Place
from inbox.db import driver
from inbox.models import Direction
from inbox.pipelines import Send
from inbox.promptness.clocks import Waiting

SNIPPET = 140  # characters
READ_FOR_SNIPPET = 1000  # characters of a body: long letters are not split into words for one line

UPDATE = """
    UPDATE conversation
       SET status = new.status, snoozed_until = CASE WHEN new.status = 'snoozed' THEN snoozed_until END,
           resolved_at = CASE WHEN new.status IN ('resolved', 'spam') THEN resolved_at END, contact_id = new.contact_id,
           last_message_at = new.last_message_at, last_message_id = new.last_message_id, last_inbound_id = new.last_inbound_id,
           snippet = new.snippet, author_name = new.author_name, last_author = new.last_author, message_count = new.message_count,
           waiting_since = new.waiting_since, waiting_count = new.waiting_count
      FROM unnest(%b::bigint[], %b::text[], %b::bigint[], %b::timestamptz[], %b::bigint[], %b::bigint[], %b::text[], %b::text[],
                  %b::text[], %b::bigint[], %b::timestamptz[], %b::bigint[])
           AS new (id, status, contact_id, last_message_at, last_message_id, last_inbound_id, snippet, author_name, last_author,
                   message_count, waiting_since, waiting_count)
     WHERE conversation.id = new.id
"""

TELL = """
    SELECT conversation.id, last.at, last.id, last.body, last.author_name, last.deleted_at, last.file, inbound.id,
           coalesce(began.author_name, conversation.author_name), total.count
      FROM conversation
      JOIN LATERAL (
           SELECT message.id, at, left(body, %s) AS body, author_name, deleted_at,
                  (SELECT name FROM attachment WHERE message_id = message.id ORDER BY id LIMIT 1) AS file
             FROM message WHERE conversation_id = conversation.id AND delivery <> 'undone' ORDER BY at DESC, message.id DESC LIMIT 1
      ) AS last ON true
      LEFT JOIN LATERAL (
           SELECT max(id) AS id FROM message WHERE conversation_id = conversation.id AND direction = 'in' AND NOT is_history
      ) AS inbound ON true
      LEFT JOIN LATERAL (
           SELECT author_name FROM message WHERE conversation_id = conversation.id AND direction = 'in' ORDER BY at, id LIMIT 1
      ) AS began ON true
      JOIN LATERAL (
           SELECT count(*)::int AS count FROM message WHERE conversation_id = conversation.id AND delivery <> 'undone'
      ) AS total ON true
     WHERE conversation.id = ANY(%b::bigint[])
"""

CORRECT = """
    UPDATE conversation
       SET last_message_at = new.last_message_at, last_message_id = new.last_message_id, last_inbound_id = new.last_inbound_id,
           snippet = new.snippet, author_name = new.author_name, last_author = new.last_author, message_count = new.message_count
      FROM unnest(%b::bigint[], %b::timestamptz[], %b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::int[])
           AS new (id, last_message_at, last_message_id, last_inbound_id, snippet, author_name, last_author, message_count)
     WHERE conversation.id = new.id
"""


def snippet(body: str, *, file: str = "", is_deleted: bool = False) -> str:
    """The first words on one line; a file's name when there are none; nothing of what was deleted."""
    if is_deleted:
        return ""
    line = " ".join(body[:READ_FOR_SNIPPET].split()) or file
    return line if len(line) <= SNIPPET else line[: SNIPPET - 1] + "…"


def add(place: Place, arrival: Arrival) -> None:
    """Count a new message in."""
    place.message_count += 1
    at, last = arrival.at, place.last_message_at
    if place.last_message_id is None or at > last or (at == last and arrival.id >= place.last_message_id):
        place.last_message_at, place.last_message_id = at, arrival.id
        files = arrival.event.files
        place.snippet = snippet(arrival.body, file=files[0].name if files else "", is_deleted=arrival.deleted_at is not None)
        place.last_author = arrival.author_name
    if arrival.direction is Direction.IN:
        if not arrival.is_history:
            place.last_inbound_id = max(arrival.id, place.last_inbound_id or 0)
        if not place.author_name:
            place.author_name = arrival.author_name


def count_waits(place: Place, waits: Iterable[Waiting]) -> None:
    open_since = [waiting.opened_at for waiting in waits if waiting.closed_at is None]
    place.waiting_count, place.waiting_since = len(open_since), min(open_since, default=None)


def write(send: Send, places: Sequence[Place]) -> None:
    """Queue the rows that were there before; they are locked."""
    columns = (
        Numbers([place.id for place in places]),
        Texts([place.status.value for place in places]),
        Numbers([place.contact_id for place in places]),
        Times([place.last_message_at for place in places]),
        Numbers([place.last_message_id for place in places]),
        Numbers([place.last_inbound_id for place in places]),
        Texts([place.snippet for place in places]),
        Texts([place.author_name for place in places]),
        Texts([place.last_author for place in places]),
        Numbers([place.message_count for place in places]),
        Times([place.waiting_since for place in places]),
        Numbers([place.waiting_count for place in places]),
    )
    send(UPDATE, columns)


async def refresh(session: AsyncSession, conversation_ids: Iterable[int]) -> None:
    """Tell the rows anew from the messages: after an edit, a deletion, or something that came out of order. Lock them first."""
    connection = await driver(session)
    ids = sorted(set(conversation_ids))
    found = await connection.execute(TELL, (READ_FOR_SNIPPET, ids))
    rows = [(row[0], row[1], row[2], row[7], _snippet(row[3], row[6], row[5]), row[8], row[4], row[9]) for row in await found.fetchall()]
    if rows:
        await connection.execute(CORRECT, tuple(list(column) for column in zip(*rows, strict=True)))


def _snippet(body: str, file: str | None, deleted_at: datetime | None) -> str:
    return snippet(body, file=file or "", is_deleted=deleted_at is not None)
