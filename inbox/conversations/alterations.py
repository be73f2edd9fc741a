"""What happened to messages after they were written: edits, deletions, reactions, moderation, deliveries, and being seen.

A message that comes with or after its alterations takes them on as it arrives; what is stored is altered as a set; what nobody has seen yet
waits in `deferred_change`. The platform's times decide, so that the order of arrival does not matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncCursor

from inbox.contract import EventKind
from inbox.conversations.arrivals import Arrival
from inbox.conversations.incoming import Incoming, Origin
from inbox.conversations.known import Deferred, Known, KnownMessage, Place
from inbox.db import Row
from inbox.models import Delivery, Direction
from inbox.pipelines import Send
from inbox.promptness import expectations
from inbox.promptness.expectations import Expectation, Facts

DELIVERED = "delivered"

EDIT = """
    UPDATE message SET body = new.body, html = new.html, edited_at = new.edited_at, expects_since = new.expects_since
      FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[])
           AS new (id, body, html, edited_at, expects_since)
     WHERE message.id = new.id
"""
DELETE = """
    UPDATE message SET deleted_at = new.at FROM unnest(%b::bigint[], %b::timestamptz[]) AS new (id, at)
     WHERE message.id = new.id AND deleted_at IS NULL
"""
HIDE = "UPDATE message SET hidden_at = new.at FROM unnest(%b::bigint[], %b::timestamptz[]) AS new (id, at) WHERE message.id = new.id"
DELIVER = """
    UPDATE message SET delivered_at = new.at FROM unnest(%b::bigint[], %b::timestamptz[]) AS new (id, at)
     WHERE message.id = new.id AND direction = 'out'
"""
FAIL = """
    UPDATE message SET delivery = 'failed', error = new.reason, lease_until = NULL, try_at = NULL
      FROM unnest(%b::bigint[], %b::text[]) AS new (id, reason) WHERE message.id = new.id AND direction = 'out'
"""
# Who has looked into a chat has seen what was split off from it, too.
SEE = """
    WITH told AS (SELECT * FROM unnest(%b::bigint[], %b::timestamptz[]) AS told (conversation_id, at)),
    new AS (
        SELECT conversation_id, at FROM told
         UNION ALL
        SELECT conversation.id, at FROM told
          JOIN conversation ON split_from IS NOT NULL AND split_from @> to_jsonb(conversation_id)),
    seen AS (
        UPDATE message SET seen_at = new.at FROM new
         WHERE message.conversation_id = new.conversation_id AND direction = 'out' AND delivery = 'sent' AND message.at <= new.at
           AND seen_at IS NULL
        RETURNING message.conversation_id, message.id)
    SELECT conversation_id, max(id) FROM seen GROUP BY conversation_id
"""
REACT = """
    INSERT INTO reaction (workspace_id, message_id, identity_id, emoji, at)
    SELECT %s, message_id, identity.id, emoji, at
      FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[]) AS new (message_id, author, emoji, at)
      JOIN identity ON identity.channel_id = %s AND identity.external_id = author
    ON CONFLICT (message_id, identity_id) DO UPDATE SET emoji = excluded.emoji, at = excluded.at WHERE reaction.at <= excluded.at
"""
# What is taken back before it was given leaves a mark, so that it does not come after all.
TAKE_BACK = """
    WITH new AS (
        SELECT message_id, gone.external_id, author, gone.at, identity.id AS identity_id
          FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::timestamptz[]) AS gone (message_id, external_id, author, at)
          JOIN identity ON identity.channel_id = %s AND identity.external_id = author),
    gone AS (
        DELETE FROM reaction USING new
         WHERE reaction.message_id = new.message_id AND reaction.identity_id = new.identity_id AND reaction.at <= new.at)
    INSERT INTO deferred_change (workspace_id, channel_id, message_external_id, kind, at, text, author_external_id, received_at)
    SELECT %s, %s, external_id, 'reaction', at, '', author, %s FROM new
     WHERE NOT EXISTS (SELECT FROM reaction WHERE reaction.message_id = new.message_id AND reaction.identity_id = new.identity_id)
"""
DEFER = """
    INSERT INTO deferred_change (workspace_id, channel_id, message_external_id, kind, at, text, html, author_external_id, received_at)
    SELECT %s, %s, message_id, kind, at, text, html, author, %s
      FROM unnest(%b::text[], %b::text[], %b::timestamptz[], %b::text[], %b::text[], %b::text[])
           AS new (message_id, kind, at, text, html, author)
"""


@dataclass(slots=True)
class Alterations:
    """What is to be written, and which conversations have to be told anew."""

    edited: dict[int, KnownMessage] = field(default_factory=dict[int, KnownMessage])
    deleted: dict[int, datetime] = field(default_factory=dict[int, datetime])
    hidden: dict[int, datetime | None] = field(default_factory=dict[int, "datetime | None"])
    delivered: dict[int, datetime] = field(default_factory=dict[int, datetime])
    failed: dict[int, str] = field(default_factory=dict[int, str])
    seen: dict[int, datetime] = field(default_factory=dict[int, datetime])  # by conversation
    reactions: dict[tuple[int, str], tuple[str, datetime, str]] = field(default_factory=dict[tuple[int, str], tuple[str, datetime, str]])
    deferred: list[Deferred] = field(default_factory=list[Deferred])
    applied: list[int] = field(default_factory=list[int])  # deferred changes that are done
    retold: set[int] = field(default_factory=set[int])  # conversations whose list row and waits have to be told anew
    spammed: set[int] = field(default_factory=set[int])  # conversations in which something is spam by the platform's word
    restored: set[int] = field(default_factory=set[int])  # and in which something is shown again
    log: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list[tuple[str, int, dict[str, Any]]])


def collect(known: Known, arrivals: dict[str, Arrival], origin: Origin) -> Alterations:
    """Sort out the alterations of a batch, and those that waited for its messages."""
    alterations = Alterations()
    changes = [change for name in arrivals for change in known.deferred.get(name, ())] if known.deferred else []
    alterations.applied = [change.id for change in changes]
    changes += [_change(event) for event in known.fresh if event.kind is not EventKind.MESSAGE]
    for change in sorted(changes, key=lambda change: change.at):
        arrival, message = arrivals.get(change.message_id), known.messages.get(change.message_id)
        if change.kind == EventKind.READ:
            _see(alterations, known, change, arrival or message)
        elif arrival is not None:
            _alter_arrival(alterations, arrival, change, origin)
        elif message is not None:
            _alter_stored(alterations, known, message, change, origin)
        else:
            alterations.deferred.append(change)
    return alterations


@dataclass(slots=True)
class _Seen(Deferred):
    thread: str = ""


def _change(event: Incoming) -> Deferred:
    author = event.person.external_id if event.person else None
    return _Seen(0, event.message_id, event.kind, event.at, event.text, event.html, author, event.thread_id)


def _see(alterations: Alterations, known: Known, change: Deferred, message: Arrival | KnownMessage | None) -> None:
    """The customer has seen everything up to a time."""
    thread = change.thread if isinstance(change, _Seen) else ""
    conversation_id = message.conversation_id if message is not None else known.threads.get(thread)
    if conversation_id is not None:
        alterations.seen[conversation_id] = max(change.at, alterations.seen.get(conversation_id, change.at))
    elif change.message_id:
        alterations.deferred.append(change)


def _alter_arrival(alterations: Alterations, arrival: Arrival, change: Deferred, origin: Origin) -> None:
    """The message is on its way in: it comes as it is by now."""
    if change.kind == EventKind.EDIT:
        _edit(arrival, change, expects=_expects(arrival, change, origin, arrival))
    elif change.kind == EventKind.DELETE:
        arrival.deleted_at = arrival.deleted_at or change.at
    elif change.kind == EventKind.MODERATION:
        arrival.hidden_at = None if change.text == "unhide" else change.at
        _log_moderation(alterations, change, arrival.conversation_id, arrival.id)
    elif change.kind == EventKind.DELIVERY and arrival.direction == Direction.OUT:
        if change.text == DELIVERED:
            arrival.delivered_at = change.at
        else:
            arrival.delivery, arrival.error = Delivery.FAILED, change.text
    elif change.kind == EventKind.REACTION:
        _react(alterations, arrival.id, change)


def _alter_stored(alterations: Alterations, known: Known, message: KnownMessage, change: Deferred, origin: Origin) -> None:
    conversation_id, data = message.conversation_id, {"message": message.id}
    if change.kind == EventKind.EDIT:
        place = known.places[conversation_id]
        if not _edit(message, change, expects=_expects(message, change, origin, place)):
            return
        alterations.edited[message.id] = message
        alterations.log.append(("message.edited", conversation_id, data))
    elif change.kind == EventKind.DELETE:
        if message.deleted_at is not None:
            return
        message.deleted_at = alterations.deleted[message.id] = change.at
        alterations.log.append(("message.deleted", conversation_id, data))
    elif change.kind == EventKind.MODERATION:
        alterations.hidden[message.id] = None if change.text == "unhide" else change.at
        _log_moderation(alterations, change, conversation_id, message.id)
    elif change.kind == EventKind.DELIVERY and message.direction == Direction.OUT:
        if change.text == DELIVERED:
            alterations.delivered[message.id] = change.at
            alterations.log.append(("reply.delivered", conversation_id, data))
            return
        alterations.failed[message.id] = change.text
        alterations.log.append(("reply.failed", conversation_id, data))
    elif change.kind == EventKind.REACTION:
        if not _taken_back(known, change):
            _react(alterations, message.id, change)
            alterations.log.append(("reaction.changed", conversation_id, data))
        return
    alterations.retold.add(conversation_id)


def _edit(message: Arrival | KnownMessage, change: Deferred, *, expects: bool) -> bool:
    """Take on the newest words; whether anything changed. A question asked in any version stays asked."""
    changed, since = False, max(change.at, message.at)
    if expects and (message.expects_since is None or since < message.expects_since):
        message.expects_since = since
        changed = True
    if (message.edited_at is None or change.at >= message.edited_at) and (message.body, message.html) != (change.text, change.html):
        message.body, message.html, message.edited_at = change.text, change.html, change.at
        changed = True
    return changed


def _expects(message: Arrival | KnownMessage, change: Deferred, origin: Origin, place: Arrival | Place) -> bool:
    if message.direction == Direction.OUT or message.is_history or message.automatic or message.identity_id is None:
        return False
    is_arrival = isinstance(message, Arrival)
    facts = Facts(
        text=change.text,
        is_root=(message.parent_external_id if is_arrival else message.parent) is None,
        answers_us=message.answers_us if is_arrival else message.parent_direction == Direction.OUT,
        mentions_us=message.mentions_us,
        files=len(message.event.files) if is_arrival else 0,
        in_room=place.in_room,
    )
    return expectations.expects_answer(place.kind, origin.expects_answer, facts) == Expectation.YES


def _log_moderation(alterations: Alterations, change: Deferred, conversation_id: int, message_id: int) -> None:
    data: dict[str, Any] = {"message": message_id, "hidden": change.text != "unhide"}
    if change.text == "spam":
        data["spam"] = True
        alterations.spammed.add(conversation_id)
    elif change.text == "unhide":
        alterations.restored.add(conversation_id)
    alterations.log.append(("message.hidden", conversation_id, data))


def _react(alterations: Alterations, message_id: int, change: Deferred) -> None:
    if change.author is not None:
        alterations.reactions[message_id, change.author] = (change.text, change.at, change.message_id)


def _taken_back(known: Known, change: Deferred) -> bool:
    """Whether the reaction was taken back before it came."""
    return any(
        mark.kind == EventKind.REACTION and mark.author == change.author and mark.at >= change.at
        for mark in known.deferred.get(change.message_id, ())
    )


def write(send: Send, origin: Origin, alterations: Alterations, *, now: datetime) -> AsyncCursor[Row] | None:
    """Queue the alterations, after the messages; the cursor tells what was seen, by conversation."""
    if alterations.edited:
        edited = list(alterations.edited.values())
        columns = [[getattr(message, name) for message in edited] for name in ("id", "body", "html", "edited_at", "expects_since")]
        send(EDIT, tuple(columns))
    if alterations.deleted:
        send(DELETE, _columns(alterations.deleted))
    if alterations.hidden:
        send(HIDE, _columns(alterations.hidden))
    if alterations.delivered:
        send(DELIVER, _columns(alterations.delivered))
    if alterations.failed:
        send(FAIL, _columns(alterations.failed))
    _write_reactions(send, origin, alterations, now=now)
    if alterations.deferred:
        names = ("message_id", "kind", "at", "text", "html", "author")
        columns = [[getattr(change, name) for change in alterations.deferred] for name in names]
        send(DEFER, (origin.workspace_id, origin.id, now, *columns))
    if alterations.applied:
        send("DELETE FROM deferred_change WHERE id = ANY(%b::bigint[])", (alterations.applied,))
    if not alterations.seen:
        return None
    return send(SEE, _columns(alterations.seen))


def _columns(values: Mapping[int, Any]) -> tuple[list[int], list[Any]]:
    return list(values), list(values.values())


def _write_reactions(send: Send, origin: Origin, alterations: Alterations, *, now: datetime) -> None:
    given = [(*key, *value) for key, value in alterations.reactions.items() if value[0]]
    taken = [(*key, *value) for key, value in alterations.reactions.items() if not value[0]]
    if given:
        message_ids, authors, emojis, times, _ = (list(column) for column in zip(*given, strict=True))
        send(REACT, (origin.workspace_id, message_ids, authors, emojis, times, origin.id))
    if taken:
        message_ids, authors, _, times, names = (list(column) for column in zip(*taken, strict=True))
        send(TAKE_BACK, (message_ids, names, authors, times, origin.id, origin.workspace_id, origin.id, now))
