"""What the database knows about a batch, found and locked in one round trip; in a second one what is seldom known.

Two batches that touch the same threads or messages, answered ones too, go one after the other: each first takes advisory locks for them,
hashed into few numbers and in order; then the rows of its conversations, by id. Whoever else locks several conversations does it by id too.
"""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from psycopg import AsyncConnection, AsyncCursor

from inbox.columns import Numbers, Texts
from inbox.contract import ConversationKind, EventKind
from inbox.conversations import lookups
from inbox.conversations.incoming import Incoming, Origin
from inbox.conversations.names import Names
from inbox.db import Row
from inbox.models import Delivery, Direction, Status
from inbox.models.conversations import DELIVERIES, DIRECTIONS, KINDS, STATUSES
from inbox.pipelines import Send, pipeline
from inbox.promptness import ledger
from inbox.promptness.clocks import Waiting

BUCKETS = 64  # advisory locks of one channel: the server's lock table is small and shared


@dataclass(slots=True)
class Place:
    """A conversation that this transaction has locked, or begins: its list row, to be written once."""

    id: int
    kind: ConversationKind
    status: Status
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
    in_room: bool
    language: str = ""
    told_language: str = ""  # without anybody having chosen it by hand
    joined_at: datetime | None = None  # when another conversation last went into it


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
class Newcomer:
    """Somebody nobody knows yet: the ids that were drawn for them. `is_contact`: a contact has their address already."""

    id: int
    contact_id: int
    is_contact: bool


@dataclass(slots=True)
class KnownPost:
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
    thread: str  # the platform's, into which it goes
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
    newcomers: dict[str, Newcomer] = field(default_factory=dict[str, Newcomer])
    posts: dict[str, KnownPost] = field(default_factory=dict[str, KnownPost])
    deferred: dict[str, list[Deferred]] = field(default_factory=dict[str, list[Deferred]])
    orphans: list[Orphan] = field(default_factory=list[Orphan])
    unsent: list[Unsent] = field(default_factory=list[Unsent])
    waits: dict[int, list[tuple[datetime, Waiting]]] = field(default_factory=dict[int, "list[tuple[datetime, Waiting]]"])
    drawn_messages: Sequence[int] = ()  # ids, for those that are new
    drawn_conversations: Sequence[int] = ()
    episode_days: int = 7
    has_policies: bool = False
    spoken: Collection[str] = ()  # the languages that the workspace has met


async def look_up(connection: AsyncConnection[Row], origin: Origin, events: Sequence[Incoming], *, now: datetime, within: bool) -> Known:
    """Claim the events, lock their conversations and read what is known.

    `within`: the transaction has done something already; then a savepoint named `batch` begins, which the caller releases.
    """
    names, unique = Names.of(events), {event.id: event for event in events}
    async with pipeline(connection) as send:
        if within:
            send("SAVEPOINT batch")
        given = (origin.workspace_id, origin.id, now, origin.id & 0x7FFFFFFF, _buckets(names.threads, names.related))
        fresh = send(lookups.CLAIM, (*given, Texts(sorted(unique)), Texts([unique[name].raw for name in sorted(unique)])))
        own = (origin.id, names.keys, names.threads, origin.id, names.threads, origin.id, names.related)
        unsent = send(lookups.UNSENT, own) if names.is_own else None
        places, latest = _ask_conversations(send, origin, names)
        messages = None if names.are_plain else _ask_messages(send, origin, names)
        people = _ask_people(send, origin, names) if names.people else None
        posts = send(lookups.POSTS, (origin.id, names.posts)) if names.posts else None
        drawn = _draw_ids(send, origin, names)
    ids = {row[0] for row in await fresh.fetchall()}
    known = Known([event for event in unique.values() if event.id in ids], len(events) - len(ids))
    for row in await places.fetchall():
        found = place(row[1:])
        known.places[found.id] = found
        known.threads.update(dict.fromkeys(row[0], found.id))
    known.waits = await ledger.latest(latest)
    await _index_people(known, people)
    known.posts = {} if posts is None else {row[0]: KnownPost(*row[1:]) for row in await posts.fetchall()}
    known.unsent = [] if unsent is None else [Unsent(*row) for row in await unsent.fetchall()]
    if messages is not None:
        await _index_messages(known, messages)
    (row,) = await drawn.fetchall()
    known.drawn_messages, known.drawn_conversations, known.episode_days, known.has_policies, known.spoken, seldom = row
    if seldom:
        await _look_closer(connection, origin, known, names)
    return known


async def _look_closer(connection: AsyncConnection[Row], origin: Origin, known: Known, names: Names) -> None:
    """Read the messages of the batch that are known, and the changes and answers that came before them."""
    async with pipeline(connection) as send:
        messages = _ask_messages(send, origin, names)
        deferred = send(lookups.DEFERRED, (origin.id, names.messages))
        send(lookups.HOLD_ORPHANS, (origin.id, names.messages))
        orphans = send(lookups.ORPHANS, (origin.id, names.messages))
    await _index_messages(known, messages)
    for row in await deferred.fetchall():
        change = Deferred(*row)
        change.kind = EventKind(change.kind)
        known.deferred.setdefault(change.message_id, []).append(change)
    known.orphans = [Orphan(*row) for row in await orphans.fetchall()]


def _ask_conversations(send: Send, origin: Origin, names: Names) -> tuple[AsyncCursor[Row], AsyncCursor[Row]]:
    threads = (origin.id, names.threads)
    if names.are_plain:
        return send(lookups.CONVERSATIONS, threads), send(lookups.WAITS, threads)
    messages = (origin.id, names.related)
    places = send(lookups.RELATED_CONVERSATIONS, (*threads, *messages, origin.workspace_id, names.keys))
    return places, send(lookups.RELATED_WAITS, (*threads, *messages))


def _ask_messages(send: Send, origin: Origin, names: Names) -> AsyncCursor[Row]:
    return send(lookups.MESSAGES, (origin.id, names.related, origin.workspace_id, names.keys))


def _ask_people(send: Send, origin: Origin, names: Names) -> AsyncCursor[Row]:
    people, emails = Texts(names.people), Texts([person.email for person in names.people.values()])
    return send(lookups.PEOPLE, (origin.id, people, people, emails, origin.workspace_id))


def _draw_ids(send: Send, origin: Origin, names: Names) -> AsyncCursor[Row]:
    seldom = (origin.id, names.messages) * 3
    return send(lookups.DRAW, (len(names.messages), names.threads, origin.id, *(origin.workspace_id,) * 3, *seldom))


async def _index_people(known: Known, people: AsyncCursor[Row] | None) -> None:
    for row in [] if people is None else await people.fetchall():
        if row[1]:
            known.newcomers[row[0]] = Newcomer(row[3], row[4], row[2])
        else:
            known.people[row[0]] = KnownPerson(*row[3:])


async def _index_messages(known: Known, messages: AsyncCursor[Row]) -> None:
    for row in await messages.fetchall():
        message = KnownMessage(*row)
        message.direction, message.delivery = DIRECTIONS[message.direction], DELIVERIES[message.delivery]
        if message.external_id is not None:
            known.messages[message.external_id] = message
        if message.client_key is not None:
            known.replies[message.client_key] = message


def place(row: Row) -> Place:
    return Place(row[0], KINDS[row[1]], STATUSES[row[2]], *row[3:])


def _buckets(*names: Texts) -> Numbers:
    return Numbers(sorted({zlib.crc32(name.encode()) % BUCKETS for some in names for name in some if name is not None}))
