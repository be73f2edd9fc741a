"""What the database knows about a batch, found and locked in one round trip.

Two batches that touch the same threads or messages go one after the other: each first takes advisory locks for them, hashed into few
numbers and in order; then the rows of its conversations, by id. Whoever else locks rows of several conversations does it by id too.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psycopg import AsyncConnection, AsyncCursor

from inbox.contract import ConversationKind, EventKind
from inbox.conversations.incoming import Incoming
from inbox.db import Row
from inbox.models import Channel, Delivery, Direction, Status
from inbox.promptness import ledger
from inbox.promptness.timeline import Waiting

BUCKETS = 64  # advisory locks of one channel: the server's lock table is small and shared

HOLD = "SELECT pg_advisory_xact_lock(%s, bucket) FROM unnest(%b::int[]) AS bucket"

CLAIM = """
    INSERT INTO inbound (workspace_id, channel_id, event_id, raw, received_at)
    SELECT %s, %s, event_id, raw::jsonb, %s FROM unnest(%b::text[], %b::text[]) AS new (event_id, raw)
    ON CONFLICT DO NOTHING RETURNING event_id
"""

CONVERSATIONS = """
    SELECT id, kind, status, post_id, contact_id, assignee_id, team_id, resolved_at, last_message_at, last_message_id, last_inbound_id,
           snippet, author_name, last_author, message_count, waiting_since, waiting_count
      FROM conversation
     WHERE id IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])
                  UNION SELECT conversation_id FROM message WHERE channel_id = %s AND external_id = ANY(%b::text[])
                  UNION SELECT conversation_id FROM message WHERE workspace_id = %s AND client_key = ANY(%b::text[]))
     ORDER BY id FOR NO KEY UPDATE
"""

# After the lock, so that what another batch has just committed is in it.
WAITS = ledger.latest_of(
    """IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])
           UNION SELECT conversation_id FROM message WHERE channel_id = %s AND external_id = ANY(%b::text[]))"""
)

NUMBERS = "SELECT nextval('message_id_seq'), (SELECT episode_days FROM workspace WHERE id = %s) FROM generate_series(1, %s)"

# Whoever settles a reply locks it before its conversation: so does a batch that may hold its echo.
UNSENT = """
    SELECT id, conversation_id, body, coalesce(send_at, at)
      FROM message
     WHERE delivery IN ('sending', 'ambiguous') AND channel_id = %s
       AND (client_key = ANY(%b::text[])
            OR conversation_id IN (SELECT conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])))
     ORDER BY id FOR NO KEY UPDATE
"""

THREADS = "SELECT external_id, conversation_id FROM thread WHERE channel_id = %s AND external_id = ANY(%b::text[])"

MESSAGES = """
    SELECT message.id, message.external_id, message.client_key, message.conversation_id, message.direction, message.delivery,
           message.identity_id, message.body, message.html, message.at, message.edited_at, message.deleted_at, message.is_history,
           message.automatic, message.mentions_us, message.expects_since, message.parent_external_id, parent.direction
      FROM message LEFT JOIN message AS parent ON parent.id = message.parent_id
     WHERE (message.channel_id = %s AND message.external_id = ANY(%b::text[]))
        OR (message.workspace_id = %s AND message.client_key = ANY(%b::text[]))
"""

PEOPLE = """
    SELECT external_id, id, contact_id, name, handle, avatar, is_self, is_staff, member_id
      FROM identity WHERE channel_id = %s AND external_id = ANY(%b::text[])
"""

POSTS = "SELECT external_id, id, title, text, url FROM post WHERE channel_id = %s AND external_id = ANY(%b::text[])"

DEFERRED = """
    SELECT id, message_external_id, kind, at, text, html, author_external_id
      FROM deferred_change WHERE channel_id = %s AND message_external_id = ANY(%b::text[])
     ORDER BY at, id FOR UPDATE
"""

ORPHANS = """
    SELECT id, parent_external_id, conversation_id, direction, body, at, automatic, is_history, mentions_us, expects_since
      FROM message WHERE channel_id = %s AND parent_id IS NULL AND parent_external_id = ANY(%b::text[])
"""


@dataclass(slots=True)
class Place:
    """A conversation that this transaction has locked: its list row, to be written back once."""

    id: int
    kind: ConversationKind
    status: Status
    post_id: int | None
    contact_id: int | None
    assignee_id: int | None
    team_id: int | None
    resolved_at: datetime | None
    last_message_at: datetime
    last_message_id: int | None
    last_inbound_id: int | None
    snippet: str
    author_name: str
    last_author: str
    message_count: int
    waiting_since: datetime | None
    waiting_count: int


@dataclass(slots=True)
class KnownMessage:
    """A message that is in the database already."""

    id: int
    external_id: str | None
    client_key: str | None
    conversation_id: int
    direction: Direction
    delivery: Delivery
    identity_id: int | None
    body: str
    html: str | None
    at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    is_history: bool
    automatic: bool
    mentions_us: bool
    expects_since: datetime | None
    parent: str | None  # the platform's id of the message answered
    parent_direction: Direction | None


@dataclass(slots=True)
class KnownPerson:
    id: int
    contact_id: int
    name: str
    handle: str | None
    avatar: str | None
    is_self: bool
    is_staff: bool
    member_id: int | None


@dataclass(slots=True)
class KnownPost:
    id: int
    title: str
    text: str
    url: str | None


@dataclass(slots=True)
class Deferred:
    """A change that came before its message."""

    id: int
    message_id: str
    kind: EventKind
    at: datetime
    text: str
    html: str | None
    author: str | None


@dataclass(slots=True)
class Orphan:
    """A message that came before the one it answers."""

    id: int
    parent: str
    conversation_id: int
    direction: Direction
    body: str
    at: datetime
    automatic: bool
    is_history: bool
    mentions_us: bool
    expects_since: datetime | None


@dataclass(slots=True)
class Unsent:
    """A reply that is on its way, or may have been sent."""

    id: int
    conversation_id: int
    body: str
    send_at: datetime


@dataclass(slots=True)
class Known:
    """Everything about the events of a batch that was there before it."""

    fresh: list[Incoming]
    duplicates: int
    places: dict[int, Place] = field(default_factory=dict[int, Place])
    threads: dict[str, int] = field(default_factory=dict[str, int])
    messages: dict[str, KnownMessage] = field(default_factory=dict[str, KnownMessage])  # by the platform's id
    replies: dict[str, KnownMessage] = field(default_factory=dict[str, KnownMessage])  # by client key
    people: dict[str, KnownPerson] = field(default_factory=dict[str, KnownPerson])
    posts: dict[str, KnownPost] = field(default_factory=dict[str, KnownPost])
    deferred: dict[str, list[Deferred]] = field(default_factory=dict[str, list[Deferred]])
    orphans: list[Orphan] = field(default_factory=list[Orphan])
    unsent: list[Unsent] = field(default_factory=list[Unsent])
    waits: dict[int, list[tuple[datetime, Waiting]]] = field(default_factory=dict[int, "list[tuple[datetime, Waiting]]"])
    met: set[int] = field(default_factory=set[int])  # conversations that another batch began meanwhile: their waits are not read
    numbers: list[int] = field(default_factory=list[int])  # ids for new messages
    episode_days: int = 7


async def look_up(connection: AsyncConnection[Row], channel: Channel, events: Sequence[Incoming], *, now: datetime) -> Known:
    """Claim the events, lock their conversations and read what is known: one pipeline, begun with a savepoint that the caller releases."""
    unique = {event.id: event for event in events}
    claimed = sorted(unique.values(), key=lambda event: event.id)
    messages = sorted({event.message_id for event in events if event.message_id})
    parents = {event.parent_id for event in events if event.parent_id}
    keys = sorted({event.client_key for event in events if event.client_key})
    threads = sorted({event.thread_id for event in events})
    people = sorted({event.person.external_id for event in events if event.person})
    posts = sorted({event.post.id for event in events if event.post})
    related = sorted(parents.union(messages))
    has_echoes = any(event.person is not None and event.person.is_self for event in events)
    here = channel.id
    async with connection.pipeline():
        await connection.execute("SAVEPOINT batch")
        await connection.execute(HOLD, (here & 0x7FFFFFFF, _buckets([*threads, *messages])))
        fresh = await connection.execute(
            CLAIM, (channel.workspace_id, here, now, [event.id for event in claimed], [event.raw for event in claimed])
        )
        unsent = await connection.execute(UNSENT, (here, keys, here, threads)) if has_echoes else None
        places = await connection.execute(CONVERSATIONS, (here, threads, here, related, channel.workspace_id, keys))
        found_threads = await connection.execute(THREADS, (here, threads))
        found_messages = await connection.execute(MESSAGES, (here, related, channel.workspace_id, keys))
        found_people = await connection.execute(PEOPLE, (here, people))
        found_posts = await connection.execute(POSTS, (here, posts)) if posts else None
        deferred = await connection.execute(DEFERRED, (here, messages))
        orphans = await connection.execute(ORPHANS, (here, messages))
        latest = await connection.execute(WAITS, (here, threads, here, related))
        numbers = await connection.execute(NUMBERS, (channel.workspace_id, len(messages)))
    ids = {row[0] for row in await fresh.fetchall()}
    fresh_events = [event for event in unique.values() if event.id in ids]
    known = Known(fresh=fresh_events, duplicates=len(events) - len(fresh_events))
    if unsent is not None:
        known.unsent = [Unsent(*row) for row in await unsent.fetchall()]
    known.places = {row[0]: place(row) for row in await places.fetchall()}
    known.threads = dict(await _pairs(found_threads))
    _index_messages(known, [_message(row) for row in await found_messages.fetchall()])
    known.people = {row[0]: KnownPerson(*row[1:]) for row in await found_people.fetchall()}
    if found_posts is not None:
        known.posts = {row[0]: KnownPost(*row[1:]) for row in await found_posts.fetchall()}
    for row in await deferred.fetchall():
        change = Deferred(*row)
        change.kind = EventKind(change.kind)
        known.deferred.setdefault(change.message_id, []).append(change)
    known.waits = await ledger.latest(latest)
    for number, episode_days in await numbers.fetchall():
        known.numbers.append(number)
        known.episode_days = episode_days
    known.orphans = [Orphan(*row) for row in await orphans.fetchall()]
    return known


def place(row: Row) -> Place:
    found = Place(*row)
    found.kind, found.status = ConversationKind(found.kind), Status(found.status)
    return found


async def _pairs(cursor: AsyncCursor[Row]) -> Mapping[str, int]:
    return {row[0]: row[1] for row in await cursor.fetchall()}


def _message(row: Row) -> KnownMessage:
    message = KnownMessage(*row)
    message.direction, message.delivery = Direction(message.direction), Delivery(message.delivery)
    return message


def _index_messages(known: Known, messages: Iterable[KnownMessage]) -> None:
    for message in messages:
        if message.external_id is not None:
            known.messages[message.external_id] = message
        if message.client_key is not None:
            known.replies[message.client_key] = message


def _buckets(names: Iterable[str]) -> list[int]:
    return sorted({zlib.crc32(name.encode()) % BUCKETS for name in names})
