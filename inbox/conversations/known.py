"""What the database knows about a batch, found and locked in one round trip.

Two batches that touch the same threads or messages go one after the other: each first takes advisory locks for them, hashed into few
numbers and in order; then the rows of its conversations, by id. Whoever else locks rows of several conversations does it by id too.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psycopg import AsyncConnection, AsyncCursor

from inbox.contract import ConversationKind, EventKind
from inbox.conversations import lookups
from inbox.conversations.incoming import Incoming
from inbox.db import Row
from inbox.models import Channel, Delivery, Direction, Status
from inbox.pipelines import pipeline
from inbox.promptness import ledger
from inbox.promptness.timeline import Waiting

BUCKETS = 64  # advisory locks of one channel: the server's lock table is small and shared


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
    claimed = [unique[number] for number in sorted(unique)]
    messages, related, keys, threads, people, posts = _keys(events)
    here = channel.id
    async with pipeline(connection):
        await connection.execute("SAVEPOINT batch")
        await connection.execute(lookups.HOLD, (here & 0x7FFFFFFF, _buckets([*threads, *messages])))
        fresh = await connection.execute(
            lookups.CLAIM, (channel.workspace_id, here, now, [event.id for event in claimed], [event.raw for event in claimed])
        )
        unsent = (
            await connection.execute(lookups.UNSENT, (here, keys, here, threads))
            if any(event.person and event.person.is_self for event in events)
            else None
        )
        places = await connection.execute(lookups.CONVERSATIONS, (here, threads, here, related, channel.workspace_id, keys))
        found_threads = await connection.execute(lookups.THREADS, (here, threads))
        found_messages = await connection.execute(lookups.MESSAGES, (here, related, channel.workspace_id, keys))
        found_people = await connection.execute(lookups.PEOPLE, (here, people))
        found_posts = await connection.execute(lookups.POSTS, (here, posts)) if posts else None
        deferred = await connection.execute(lookups.DEFERRED, (here, messages))
        orphans = await connection.execute(lookups.ORPHANS, (here, messages))
        latest = await connection.execute(lookups.WAITS, (here, threads, here, related))
        numbers = await connection.execute(lookups.NUMBERS, (channel.workspace_id, len(messages)))
    ids = {row[0] for row in await fresh.fetchall()}
    known = Known([event for event in unique.values() if event.id in ids], len(events) - len(ids))
    known.places = {row[0]: place(row) for row in await places.fetchall()}
    known.threads = {row[0]: row[1] for row in await found_threads.fetchall()}
    _index_messages(known, [_message(row) for row in await found_messages.fetchall()])
    known.people = {row[0]: KnownPerson(*row[1:]) for row in await found_people.fetchall()}
    known.posts = {} if found_posts is None else {row[0]: KnownPost(*row[1:]) for row in await found_posts.fetchall()}
    known.unsent = [] if unsent is None else [Unsent(*row) for row in await unsent.fetchall()]
    known.orphans = [Orphan(*row) for row in await orphans.fetchall()]
    known.waits = await ledger.latest(latest)
    await _number(known, numbers)
    await _index_deferred(known, deferred)
    return known


def _keys(events: Sequence[Incoming]) -> tuple[list[str], ...]:
    """Names to look for: messages, these and what they answer, client keys, threads, people, posts; in order, since some are locked."""
    messages = sorted({event.message_id for event in events if event.message_id})
    related = sorted({event.parent_id for event in events if event.parent_id}.union(messages))
    keys = sorted({event.client_key for event in events if event.client_key})
    threads = sorted({event.thread_id for event in events})
    people = sorted({event.person.external_id for event in events if event.person})
    return messages, related, keys, threads, people, sorted({event.post.id for event in events if event.post})


async def _number(known: Known, numbers: AsyncCursor[Row]) -> None:
    for number, episode_days in await numbers.fetchall():
        known.numbers.append(number)
        known.episode_days = episode_days


async def _index_deferred(known: Known, deferred: AsyncCursor[Row]) -> None:
    for row in await deferred.fetchall():
        change = Deferred(*row)
        change.kind = EventKind(change.kind)
        known.deferred.setdefault(change.message_id, []).append(change)


def place(row: Row) -> Place:
    found = Place(*row)
    found.kind, found.status = ConversationKind(found.kind), Status(found.status)
    return found


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
