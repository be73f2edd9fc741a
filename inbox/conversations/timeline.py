"""What a conversation's page shows, in order: messages, notes and what was done."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, any_, bindparam, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox.conversations.rows import NUMBERS
from inbox.models import Attachment, Conversation, Delivery, Direction, Identity, LogEvent, Member, Message, Note, Reaction

Query = Select[*tuple[Any, ...]]
PAGE = 60
ACTIVITY = ("conversation.assigned", "conversation.moved", "conversation.labelled", "wait.closed")


@dataclass(frozen=True, slots=True)
class Answered:
    """The message that a message answers."""

    id: int
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline: `message`, `note` or `activity` is set. Entries sort by time, kind and id."""

    kind: str
    id: int
    at: datetime
    conversation_id: int
    author: str = ""
    author_key: str = ""  # the same for things said by the same person in a row
    message: Message | None = None
    note: Note | None = None
    event: LogEvent | None = None
    avatar: str | None = None
    answers: Answered | None = None
    attachments: Sequence[Attachment] = ()
    reactions: Sequence[tuple[str, int]] = ()  # emoji, how many

    @property
    def place(self) -> tuple[float, int, int]:
        return (self.at.timestamp(), ("message", "note", "activity").index(self.kind), self.id)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The newest part of a conversation, oldest first; `before` asks for what came before it."""

    entries: Sequence[Entry]
    before: str | None


async def load(session: AsyncSession, conversation: Conversation, *, before: str | None = None, limit: int = PAGE) -> Timeline:
    """The last `limit` messages before a place, with the notes and activity among them. Five queries, however long."""
    query = _messages().where(col(Message.conversation_id) == conversation.id, col(Message.delivery) != Delivery.UNDONE)
    end = _parse_place(before)
    if end is not None:
        query = query.where(tuple_(col(Message.at), col(Message.id)) < end)
    found = await _entries(session, query.order_by(col(Message.at).desc(), col(Message.id).desc()).limit(limit + 1))
    more, found = len(found) > limit, found[:limit]
    start = found[-1].at if more else None
    around = [*await _notes(session, conversation.id, start, end), *await _activity(session, conversation.id, start, end)]
    entries = sorted([*found, *around], key=lambda entry: entry.place)
    first = found[-1] if more else None
    return Timeline(entries, f"{first.at.isoformat()}_{first.id}" if first else None)


async def messages(session: AsyncSession, message_ids: Collection[int]) -> dict[int, Entry]:
    """These messages as the timeline shows them; an undone reply is not shown."""
    query = _messages().where(_among(col(Message.id), message_ids), col(Message.delivery) != Delivery.UNDONE)
    return {entry.id: entry for entry in await _entries(session, query)}


async def seen(session: AsyncSession, conversation_ids: Collection[int]) -> list[int]:
    """Our newest messages in these conversations that the customer has seen: one look sees everything up to the last."""
    query = select(col(Message.id)).where(col(Message.conversation_id).in_(conversation_ids), col(Message.seen_at).is_not(None))
    return list(await session.scalars(query.order_by(col(Message.at).desc()).limit(PAGE * len(conversation_ids))))


async def notes(session: AsyncSession, note_ids: Collection[int]) -> dict[int, Entry]:
    """These notes as the timeline shows them."""
    found = await session.scalars(select(Note).where(col(Note.id).in_(note_ids)))
    return {note.id: _note(note) for note in found}


def activity(event: LogEvent) -> Entry | None:
    """An event as a line of the timeline, if it is one that people look for there."""
    if event.kind not in ACTIVITY or event.conversation_id is None:
        return None
    if event.kind == "wait.closed" and event.data.get("outcome") not in ("answered", "not_needed"):
        return None
    return Entry("activity", event.id, event.at, event.conversation_id, event=event)


@cache
def _messages() -> Query:
    parent = aliased(Message)
    columns: list[Any] = [Message, Member.name, Identity.name, Identity.avatar, parent.author_name, parent.body, parent.deleted_at]
    return (
        select(*columns)
        .outerjoin(Member, col(Member.id) == Message.member_id)
        .outerjoin(Identity, col(Identity.id) == Message.identity_id)
        .outerjoin(parent, col(parent.id) == Message.parent_id)
    )


async def _entries(session: AsyncSession, query: Query) -> list[Entry]:
    entries: list[Entry] = []
    for message, member, identity, avatar, parent_author, parent_body, parent_deleted in (await session.execute(query)).all():
        ours = message.direction == Direction.OUT
        author = (member or message.author_name or identity or "") if ours else (message.author_name or identity or "")
        answers = None
        if message.parent_id is not None and parent_body is not None:
            answers = Answered(message.parent_id, parent_author or "", "" if parent_deleted else parent_body[:140])
        key = f"{message.direction}{message.identity_id or ''}/{message.member_id or ''}/{message.private}"
        entries.append(Entry("message", message.id, message.at, message.conversation_id, author, key, message, None, None, avatar, answers))
    return await _dressed(session, entries)


async def _dressed(session: AsyncSession, entries: list[Entry]) -> list[Entry]:
    """The entries with their files and reactions."""
    ids = [entry.id for entry in entries]
    files: dict[int, list[Attachment]] = defaultdict(list)
    for file in await session.scalars(select(Attachment).where(_among(col(Attachment.message_id), ids)).order_by(col(Attachment.id))):
        files[file.message_id or 0].append(file)
    reactions: dict[int, list[tuple[str, int]]] = defaultdict(list)
    each = (col(Reaction.message_id), col(Reaction.emoji))
    query = select(*each, func.count()).where(_among(each[0], ids)).group_by(*each).order_by(func.count().desc(), each[1])
    for message_id, emoji, count in (await session.execute(query)).all():
        reactions[message_id].append((emoji, count))
    return [replace(entry, attachments=files.get(entry.id, ()), reactions=reactions.get(entry.id, ())) for entry in entries]


async def _notes(session: AsyncSession, conversation_id: int, start: datetime | None, end: tuple[datetime, int] | None) -> list[Entry]:
    query = select(Note).where(col(Note.conversation_id) == conversation_id)
    query = query.where(*([col(Note.at) >= start] if start else []), *([col(Note.at) < end[0]] if end else []))
    return [_note(note) for note in await session.scalars(query.order_by(col(Note.at)).limit(500))]


async def _activity(session: AsyncSession, conversation_id: int, start: datetime | None, end: tuple[datetime, int] | None) -> list[Entry]:
    query = select(LogEvent).where(col(LogEvent.conversation_id) == conversation_id, col(LogEvent.kind).in_(ACTIVITY))
    query = query.where(*([col(LogEvent.at) >= start] if start else []), *([col(LogEvent.at) < end[0]] if end else []))
    lines = [activity(event) for event in await session.scalars(query.order_by(col(LogEvent.id).desc()).limit(500))]
    return [line for line in lines if line is not None]


def _among(column: Any, ids: Collection[int]) -> ColumnElement[bool]:
    # One array, not an IN list: the same statement however many ids, so that neither SQLAlchemy nor the driver reads it again.
    return column == any_(bindparam(None, list(ids), type_=NUMBERS))


def _note(note: Note) -> Entry:
    return Entry("note", note.id, note.at, note.conversation_id, note.author_name, f"note{note.member_id}", note=note)


def _parse_place(text: str | None) -> tuple[datetime, int] | None:
    if not text:
        return None
    at, _, number = text.rpartition("_")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
        return (moment, int(number)) if moment.tzinfo is not None else None
    except ValueError:
        return None
