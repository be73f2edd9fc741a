"""The new messages of a batch: whose they are, what they expect, and their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, LiteralString

from psycopg import AsyncConnection, sql
from psycopg.types.json import Json

from inbox.contract import ConversationKind
from inbox.conversations.incoming import Incoming, StoredFile
from inbox.conversations.known import Known, Orphan
from inbox.db import Row
from inbox.models import Channel, Delivery, Direction
from inbox.promptness import expectations
from inbox.promptness.expectations import Expectation, Facts

ATTACHMENTS = """
    INSERT INTO attachment (workspace_id, created_at, conversation_id, message_id, name, media_type, size, sha256, url, content_id)
    SELECT %s, %s, * FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::text[])
"""


@dataclass(slots=True)
class Arrival:
    """A message on its way into the table."""

    id: int
    conversation_id: int
    kind: ConversationKind
    external_id: str
    thread_external_id: str
    direction: Direction
    delivery: Delivery
    identity_id: int | None
    member_id: int | None
    author_name: str
    body: str
    html: str | None
    quoted: str
    envelope: dict[str, Any] | None
    permalink: str | None
    private: bool
    parent_external_id: str | None
    parent_id: int | None
    mentions_us: bool
    mentions: Sequence[str]
    at: datetime
    is_history: bool
    automatic: bool
    native: bool
    files: Sequence[StoredFile]
    event: Incoming
    answers_us: bool = False
    expectation: Expectation = Expectation.NO
    expects_since: datetime | None = None
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    hidden_at: datetime | None = None
    delivered_at: datetime | None = None
    seen_at: datetime | None = None
    error: str | None = None

    @property
    def is_plain(self) -> bool:
        """Nothing was done to it before it came."""
        return not (self.edited_at or self.deleted_at or self.hidden_at or self.error)


def build(known: Known, channel: Channel, event: Incoming, number: int, conversation_id: int, *, is_ours: bool) -> Arrival:
    """The row of a new message; `is_ours` when the connected account or a colleague wrote it in the platform's own app."""
    person = known.people.get(event.person.external_id) if event.person else None
    return Arrival(
        id=number,
        conversation_id=conversation_id,
        kind=known.places[conversation_id].kind,
        external_id=event.message_id,
        thread_external_id=event.thread_id,
        direction=Direction.OUT if is_ours else Direction.IN,
        delivery=Delivery.SENT if is_ours else Delivery.RECEIVED,
        identity_id=person.id if person else None,
        member_id=person.member_id if person and is_ours else None,
        author_name=event.person.name if event.person else "",
        body=event.text,
        html=event.html,
        quoted=event.quoted,
        envelope=event.envelope,
        permalink=event.permalink,
        private=event.private,
        parent_external_id=event.parent_id,
        parent_id=None,
        mentions_us=bool(channel.account_id) and channel.account_id in event.mentions,
        mentions=event.mentions,
        at=event.at,
        is_history=event.at < channel.connected_at.replace(microsecond=0),  # some platforms, IMAP among them, tell whole seconds
        automatic=bool(event.envelope and event.envelope["automatic"]),
        native=is_ours,
        files=event.files,
        event=event,
    )


def is_ours(known: Known, event: Incoming) -> bool:
    """Whether the connected account or a colleague wrote it."""
    if event.person is None:
        return False
    person = known.people.get(event.person.external_id)
    if event.person.is_self or event.person.is_staff:
        return True
    return person is not None and (person.is_self or person.is_staff or person.member_id is not None)


def relate(arrivals: Mapping[str, Arrival], known: Known, channel: Channel) -> None:
    """Tie the new messages to what they answer, and decide which of them expect an answer."""
    for arrival in arrivals.values():
        if arrival.parent_external_id is not None:
            parent = arrivals.get(arrival.parent_external_id) or known.messages.get(arrival.parent_external_id)
            if parent is not None:
                arrival.parent_id = parent.id
                arrival.answers_us = parent.direction == Direction.OUT
        if arrival.direction == Direction.IN and arrival.identity_id is not None and not arrival.is_history:
            arrival.expectation = expectation(arrival, channel)
            if arrival.expectation == Expectation.YES:
                arrival.expects_since = arrival.at


def expectation(arrival: Arrival, channel: Channel) -> Expectation:
    facts = Facts(
        text=arrival.body,
        is_root=arrival.parent_external_id is None,
        answers_us=arrival.answers_us,
        mentions_us=arrival.mentions_us,
        files=len(arrival.files),
        automatic=arrival.automatic,
        post=arrival.event.post.id if arrival.event.post else "",
        thread=arrival.thread_external_id,
    )
    return expectations.expects_answer(arrival.kind, channel.expects_answer, facts)


def adopted_expects_since(orphan: Orphan, parent: Arrival, channel: Channel) -> datetime | None:
    """From when a message expects an answer that came before the message of ours it answers; None: it does not, or did already."""
    is_theirs = orphan.direction == Direction.IN and not (orphan.is_history or orphan.automatic)
    if not is_theirs or parent.direction != Direction.OUT or orphan.expects_since is not None:
        return None
    facts = Facts(text=orphan.body, answers_us=True, mentions_us=orphan.mentions_us)
    answer = expectations.expects_answer(parent.kind, channel.expects_answer, facts)
    return orphan.at if answer == Expectation.YES else None


Columns = tuple[tuple[LiteralString, LiteralString], ...]

# Columns that every message fills, then those that are sent only when some message of the batch fills them.
ALWAYS: Columns = (
    ("id", "bigint"), ("conversation_id", "bigint"), ("external_id", "text"), ("thread_external_id", "text"), ("direction", "text"),
    ("delivery", "text"), ("identity_id", "bigint"), ("author_name", "text"), ("body", "text"), ("at", "timestamptz"),
)  # fmt: skip
SOMETIMES: Columns = (
    ("member_id", "bigint"), ("html", "text"), ("quoted", "text"), ("permalink", "text"), ("private", "boolean"),
    ("parent_external_id", "text"), ("parent_id", "bigint"), ("mentions_us", "boolean"), ("is_history", "boolean"),
    ("automatic", "boolean"), ("native", "boolean"), ("expects_since", "timestamptz"), ("edited_at", "timestamptz"),
    ("deleted_at", "timestamptz"), ("hidden_at", "timestamptz"), ("delivered_at", "timestamptz"), ("seen_at", "timestamptz"),
    ("error", "text"),
)  # fmt: skip
DOCUMENTS = ("envelope", "mentions")


async def insert(connection: AsyncConnection[Row], channel: Channel, arrivals: Sequence[Arrival], *, now: datetime) -> None:
    """Write the messages and their attachments; runs in a pipeline."""
    columns: list[tuple[LiteralString, LiteralString]] = list(ALWAYS)
    values: list[list[Any]] = [[getattr(arrival, name) for arrival in arrivals] for name, _ in ALWAYS]
    for column in SOMETIMES:
        filled = [getattr(arrival, column[0]) for arrival in arrivals]
        if any(filled):
            columns.append(column)
            values.append(filled)
    for name in DOCUMENTS:
        filled = [getattr(arrival, name) for arrival in arrivals]
        if any(filled):
            columns.append((name, "json"))
            values.append([None if document is None else Json(document) for document in filled])
    await connection.execute(_statement(tuple(columns)), (channel.workspace_id, channel.id, now, *values))
    files = [(arrival, file) for arrival in arrivals for file in arrival.files]
    if files:
        await connection.execute(
            ATTACHMENTS,
            (
                channel.workspace_id,
                now,
                [arrival.conversation_id for arrival, _ in files],
                [arrival.id for arrival, _ in files],
                [file.name for _, file in files],
                [file.media_type for _, file in files],
                [file.size for _, file in files],
                [file.sha256 for _, file in files],
                [file.url for _, file in files],
                [file.content_id for _, file in files],
            ),
        )


@lru_cache
def _statement(columns: Columns) -> bytes:
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
