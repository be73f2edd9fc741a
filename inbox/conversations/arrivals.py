"""The new messages of a batch: whose they are, what they expect, and their rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, LiteralString

from psycopg import sql
from psycopg.types.json import Json

from inbox.columns import Numbers, Texts, Times, Truths
from inbox.contract import ConversationKind
from inbox.conversations.incoming import WRONG, Incoming, Origin, Person, StoredFile
from inbox.conversations.known import Known, KnownPerson, Orphan
from inbox.models import Delivery, Direction
from inbox.pipelines import Send
from inbox.promptness import expectations
from inbox.promptness.expectations import Expectation, Facts

ATTACHMENTS = """
    INSERT INTO attachment (workspace_id, created_at, conversation_id, message_id, name, media_type, size, sha256, url, content_id)
    SELECT %s, %s, * FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::text[])
"""


@dataclass(slots=True)
class Arrival:
    """A message on its way into the table: what is decided about its event, and what may have been done to it since."""

    id: int
    conversation_id: int
    kind: ConversationKind
    in_room: bool
    external_id: str
    direction: Direction
    delivery: Delivery
    identity_id: int | None
    member_id: int | None
    author_name: str
    body: str
    html: str | None
    parent_external_id: str | None
    mentions_us: bool
    at: datetime
    is_history: bool
    automatic: bool
    is_ours: bool
    event: Incoming
    parent_id: int | None = None
    answers_us: bool = False
    expectation: Expectation = Expectation.NO
    expects_since: datetime | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    hidden_at: datetime | None = None
    delivered_at: datetime | None = None
    error: str | None = None
    told_at: datetime | None = None

    @property
    def is_plainly_theirs(self) -> bool:
        """A customer's own live words."""
        return not (self.is_ours or self.is_history or self.automatic)

    @property
    def is_plain(self) -> bool:
        """Nothing was done to it before it came."""
        return not (self.edited_at or self.deleted_at or self.hidden_at or self.error)


def build(known: Known, origin: Origin, event: Incoming, message_id: int, conversation_id: int) -> Arrival:
    """The row of a new message; it is ours when the connected account or a colleague wrote it in the platform's own app."""
    described = event.person
    person = known.people.get(described.external_id) if described else None
    ours = described is not None and _is_ours(described, person)
    place = known.places[conversation_id]
    return Arrival(  # by position: names cost as much as the rest
        message_id,
        conversation_id,
        place.kind,
        place.in_room,
        event.message_id,
        Direction.OUT if ours else Direction.IN,
        Delivery.SENT if ours else Delivery.RECEIVED,
        person.id if person else None,
        person.member_id if person and ours else None,
        described.name if described else "",
        event.text,
        event.html,
        event.parent_id,
        bool(origin.account_id) and origin.account_id in event.mentions,
        event.at,
        event.at < origin.since,
        bool(event.envelope and event.envelope["automatic"]),
        ours,
        event,
        told_at=event.told_at,
    )


def relate(arrivals: Mapping[str, Arrival], known: Known, origin: Origin) -> None:
    """Tie the new messages to what they answer, and decide which of them expect an answer."""
    for arrival in arrivals.values():
        if arrival.parent_external_id is not None:
            parent = arrivals.get(arrival.parent_external_id) or known.messages.get(arrival.parent_external_id)
            if parent is not None:
                arrival.parent_id = parent.id
                arrival.answers_us = parent.direction is Direction.OUT
                _follow(arrival, parent.at)
        if arrival.direction is Direction.IN and arrival.identity_id is not None and not arrival.is_history:
            arrival.expectation = expectation(arrival, origin)
            if arrival.expectation is Expectation.YES:
                arrival.expects_since = arrival.at


def _follow(arrival: Arrival, answered_at: datetime) -> None:
    """No answer is older than what it answers: where two clocks disagree, it counts from then."""
    if arrival.at < answered_at:
        arrival.told_at = arrival.told_at or (arrival.at if answered_at - arrival.at > WRONG else None)
        arrival.at = answered_at


def expectation(arrival: Arrival, origin: Origin) -> Expectation:
    event = arrival.event
    facts = Facts(
        arrival.body,
        arrival.parent_external_id is None,
        arrival.answers_us,
        arrival.mentions_us,
        len(event.files),
        arrival.automatic,
        event.post.id if event.post else "",
        event.told_thread,
        arrival.in_room,
    )
    return expectations.expects_answer(arrival.kind, origin.expects_answer, facts)


def _is_ours(described: Person, person: KnownPerson | None) -> bool:
    """Whether the connected account or a colleague wrote it."""
    if described.is_self or described.is_staff:
        return True
    return person is not None and (person.is_self or person.is_staff or person.member_id is not None)


def adopted_expects_since(orphan: Orphan, parent: Arrival, origin: Origin) -> datetime | None:
    """From when a message expects an answer that came before the message of ours it answers; None: it does not, or did already."""
    is_theirs = orphan.direction == Direction.IN and not (orphan.is_history or orphan.automatic)
    if not is_theirs or parent.direction != Direction.OUT or orphan.expects_since is not None:
        return None
    facts = Facts(text=orphan.body, answers_us=True, mentions_us=orphan.mentions_us, in_room=parent.in_room)
    answer = expectations.expects_answer(parent.kind, origin.expects_answer, facts)
    return orphan.at if answer == Expectation.YES else None


@dataclass(frozen=True)
class Column:
    """A column of the message, where its values come from, and how they are packed."""

    name: LiteralString
    kind: LiteralString
    pack: Callable[[Iterable[Any]], list[Any]]
    of: Callable[[Arrival], Any]


def _column(name: LiteralString, pack: type[Numbers] | type[Texts] | type[Times] | type[Truths], of: str = "") -> Column:
    kinds: dict[type[Any], LiteralString] = {Numbers: "bigint", Texts: "text", Times: "timestamptz", Truths: "boolean"}
    return Column(name, kinds[pack], pack, attrgetter(of or name))


# Columns that every message fills, then those that are sent only when some message of the batch fills them.
ALWAYS = (
    _column("id", Numbers), _column("conversation_id", Numbers), _column("external_id", Texts),
    _column("thread_external_id", Texts, "event.told_thread"), _column("direction", Texts, "direction.value"),
    _column("delivery", Texts, "delivery.value"), _column("identity_id", Numbers), _column("author_name", Texts), _column("body", Texts),
    _column("at", Times), _column("expects_since", Times),
)  # fmt: skip
SOMETIMES = (
    _column("member_id", Numbers), _column("html", Texts), _column("quoted", Texts, "event.quoted"),
    _column("permalink", Texts, "event.permalink"), _column("private", Truths, "event.private"), _column("parent_external_id", Texts),
    _column("parent_id", Numbers), _column("mentions_us", Truths), _column("is_history", Truths), _column("automatic", Truths),
    _column("native", Truths, "is_ours"), _column("edited_at", Times), _column("deleted_at", Times), _column("hidden_at", Times),
    _column("delivered_at", Times), _column("error", Texts), _column("told_at", Times),
)  # fmt: skip
DOCUMENTS: tuple[tuple[LiteralString, Callable[[Arrival], Any]], ...] = (
    ("envelope", attrgetter("event.envelope")),
    ("mentions", attrgetter("event.mentions")),
)


def insert(send: Send, origin: Origin, arrivals: Sequence[Arrival], *, now: datetime) -> None:
    """Queue the messages and their attachments."""
    columns: list[tuple[LiteralString, LiteralString]] = [(column.name, column.kind) for column in ALWAYS]
    values: list[list[Any]] = [column.pack(map(column.of, arrivals)) for column in ALWAYS]
    for column in SOMETIMES:
        filled = list(map(column.of, arrivals))
        if any(filled):
            columns.append((column.name, column.kind))
            values.append(column.pack(filled))
    for name, of in DOCUMENTS:
        filled = list(map(of, arrivals))
        if any(filled):
            columns.append((name, "json"))
            values.append([None if document is None else Json(document) for document in filled])
    send(_statement(tuple(columns)), (origin.workspace_id, origin.id, now, *values))
    files = [(arrival, file) for arrival in arrivals for file in arrival.event.files]
    if files:
        _insert_files(send, origin, files, now=now)


def _insert_files(send: Send, origin: Origin, files: Sequence[tuple[Arrival, StoredFile]], *, now: datetime) -> None:
    columns = (
        Numbers([arrival.conversation_id for arrival, _ in files]),
        Numbers([arrival.id for arrival, _ in files]),
        Texts([file.name for _, file in files]),
        Texts([file.media_type for _, file in files]),
        Numbers([file.size for _, file in files]),
        Texts([file.sha256 for _, file in files]),
        Texts([file.url for _, file in files]),
        Texts([file.content_id for _, file in files]),
    )
    send(ATTACHMENTS, (origin.workspace_id, now, *columns))


@lru_cache
def _statement(columns: tuple[tuple[LiteralString, LiteralString], ...]) -> bytes:
    """The INSERT for these columns; ids were drawn before, since waits and conversations name them."""
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    arrays = sql.SQL(", ").join(sql.SQL("%b::{}[]").format(sql.SQL(kind)) for _, kind in columns)
    quoted = sql.SQL("" if ("quoted", "text") in columns else ", quoted")  # must not be NULL
    nothing = sql.SQL("" if ("quoted", "text") in columns else ", ''")
    statement = sql.SQL(
        "INSERT INTO message (workspace_id, channel_id, received_at{quoted}, {names}) OVERRIDING SYSTEM VALUE "
        "SELECT %s, %s, %s{nothing}, * FROM unnest({arrays})"
    )
    return statement.format(quoted=quoted, nothing=nothing, names=names, arrays=arrays).as_bytes()
