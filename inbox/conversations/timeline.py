"""What a conversation's page shows, in order: messages, notes and what was done."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, any_, bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import questions
from inbox.conversations import said
from inbox.conversations.said import Deed, File, Happened, Line, Noted, Rated, Said
from inbox.errors import NotFound
from inbox.models import Conversation, Delivery, Direction, LogEvent, Message, Note, Rating
from inbox.models.columns import UtcDateTime
from inbox.questions import IDS, Asked, Question, Questions

PAGE = 60
AROUND = 500  # notes, and as many lines of activity, among the messages of a page
ACTIVITY = (
    "conversation.assigned", "conversation.moved", "conversation.labelled", "conversation.prioritised", "wait.closed", "wait.corrected",
    "conversation.merged", "conversation.split", "conversation.divided", "conversation.language_changed", "rating.asked",
)  # fmt: skip
Place = tuple[datetime, int]  # of a message: what came before it is shown


@dataclass(frozen=True, slots=True)
class Answered:
    """The message that a message answers."""

    id: int
    author: str
    body: str


class Entry(NamedTuple):
    """One line of the timeline: `message`, `note`, `event` or `rating` is set. Entries sort by time, kind and id."""

    kind: str
    id: int
    at: datetime
    conversation_id: int
    author: str = ""
    author_key: str = ""  # the same for things said by the same person in a row
    message: Said | None = None
    note: Noted | None = None
    event: Happened | LogEvent | None = None
    avatar: str | None = None
    answers: Answered | None = None
    attachments: Sequence[File] = ()
    reactions: Sequence[tuple[str, int]] = ()  # emoji, how many
    deeds: Sequence[Deed] = ()  # what the team does to it on its platform
    rating: Rated | None = None

    def __hash__(self) -> int:
        """Enough to find what was drawn of it; whether it is still the same is told by comparing."""
        return hash((self.kind, self.id))

    @property
    def place(self) -> tuple[float, int, int]:
        return (self.at.timestamp(), ("message", "note", "activity", "rating").index(self.kind), self.id)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The newest part of a conversation, oldest first; `before` asks for what came before it."""

    entries: Sequence[Entry]
    before: str | None

    @property
    def newest(self) -> int:
        """The id of the newest message shown; 0 when there is none."""
        return max((entry.id for entry in self.entries if entry.message is not None), default=0)


@dataclass(frozen=True, slots=True)
class Asking:
    """The questions behind a timeline, on their way."""

    messages: Asked[list[Entry]]
    notes: Asked[list[Entry]]
    activity: Asked[list[Entry]]
    ratings: Asked[list[Entry]]
    limit: int

    @property
    def timeline(self) -> Timeline:
        """The answer: what was noted and done before the messages' first is left to the page before."""
        found = self.messages.answer
        more, found = len(found) > self.limit, found[: self.limit]
        first = found[-1] if more else None
        around = [
            entry for entry in (*self.notes.answer, *self.activity.answer, *self.ratings.answer) if first is None or entry.at >= first.at
        ]
        entries = sorted([*found, *around], key=lambda entry: entry.place)
        return Timeline(entries, f"{first.at.isoformat()}_{first.id}" if first else None)


async def load(session: AsyncSession, conversation: Conversation, *, before: str | None = None, limit: int = PAGE) -> Timeline:
    """The last `limit` messages before a place, with the notes, activity and ratings among them. Four statements, however long."""
    board = Questions()
    asked = asking(board, conversation.id, before=before, limit=limit)
    await board.ask(session)
    return asked.timeline


def asking(board: Questions, conversation_id: int, *, before: str | None = None, limit: int = PAGE) -> Asking:
    """The questions behind `load`, put among others."""
    place = _parse_place(before)
    given: dict[str, Any] = {"conversation": conversation_id}
    if place is not None:
        given["at"], given["id"] = place
    is_later = place is not None
    return Asking(
        messages=board.add(Question(_page(is_later, limit + 1), given, _entries)),
        notes=board.add(Question(_notes(is_later), given, lambda found: [_note(said.noted(row)) for row in found])),
        activity=board.add(Question(_activity(is_later), given, _lines)),
        ratings=board.add(Question(_ratings(is_later), given, lambda found: [_rating(said.rated(row)) for row in found])),
        limit=limit,
    )


async def messages(session: AsyncSession, message_ids: Collection[int]) -> dict[int, Entry]:
    """These messages as the timeline shows them; an undone reply is not shown."""
    found = await questions.ask(session, Question(_these(), {"messages": list(message_ids)}, _entries))
    return {entry.id: entry for entry in found}


async def seen(session: AsyncSession, conversation_ids: Collection[int]) -> list[int]:
    """Our newest messages in these conversations that the customer has seen: one look sees everything up to the last."""
    query = select(col(Message.id)).where(col(Message.conversation_id).in_(conversation_ids), col(Message.seen_at).is_not(None))
    return list(await session.scalars(query.order_by(col(Message.at).desc()).limit(PAGE * len(conversation_ids))))


async def notes(session: AsyncSession, note_ids: Collection[int]) -> dict[int, Entry]:
    """These notes as the timeline shows them."""
    found = await session.execute(said.notes().where(col(Note.id).in_(note_ids)))
    return {entry.id: entry for entry in (_note(said.noted(tuple(row))) for row in found.all())}


async def ratings(session: AsyncSession, rating_ids: Collection[int]) -> dict[int, Entry]:
    """These answers of customers as the timeline shows them."""
    found = await session.execute(said.ratings().where(col(Rating.id).in_(rating_ids)))
    return {entry.id: entry for entry in (_rating(said.rated(tuple(row))) for row in found.all())}


def activity(event: Happened | LogEvent) -> Entry | None:
    """An event as a line of the timeline, if it is one that people look for there."""
    if event.kind not in ACTIVITY or event.conversation_id is None:
        return None
    if event.kind == "wait.closed" and event.data.get("outcome") not in ("answered", "not_needed"):
        return None
    if event.kind == "conversation.language_changed" and event.actor.startswith("channel:"):
        return None  # told by its words; the language stands beside the conversation
    return Entry("activity", event.id, event.at, event.conversation_id, event=event)


@cache  # a statement never changes, and putting it together costs more than running it
def _page(is_later: bool, limit: int) -> bytes:
    query = said.query().where(col(Message.conversation_id) == bindparam("conversation"), col(Message.delivery) != Delivery.UNDONE)
    if is_later:
        query = query.where(tuple_(col(Message.at), col(Message.id)) < tuple_(_at(), bindparam("id", type_=BigInteger)))
    return questions.compiled(query.order_by(col(Message.at).desc(), col(Message.id).desc()).limit(limit))


@cache
def _these() -> bytes:
    these = any_(bindparam("messages", type_=IDS))
    return questions.compiled(said.query().where(col(Message.id) == these, col(Message.delivery) != Delivery.UNDONE))


@cache
def _notes(is_later: bool) -> bytes:
    query = said.notes().where(col(Note.conversation_id) == bindparam("conversation"), *([col(Note.at) < _at()] if is_later else []))
    return questions.compiled(query.order_by(col(Note.at).desc()).limit(AROUND))


@cache
def _activity(is_later: bool) -> bytes:
    query = said.events().where(col(LogEvent.conversation_id) == bindparam("conversation"), col(LogEvent.kind).in_(ACTIVITY))
    query = query.where(*([col(LogEvent.at) < _at()] if is_later else []))
    return questions.compiled(query.order_by(col(LogEvent.id).desc()).limit(AROUND))


@cache
def _ratings(is_later: bool) -> bytes:
    query = said.ratings().where(col(Rating.conversation_id) == bindparam("conversation"))
    query = query.where(*([col(Rating.given_at) < _at()] if is_later else []))
    return questions.compiled(query.order_by(col(Rating.given_at).desc()).limit(AROUND))


def _at() -> Any:
    return bindparam("at", type_=UtcDateTime)


def _entries(found: Sequence[tuple[Any, ...]]) -> list[Entry]:
    return [_entry(said.line(row)) for row in found]


def _entry(line: Line) -> Entry:
    message, member, identity = line.message, line.member, line.identity
    ours = message.direction == Direction.OUT
    author = (member or message.author_name or identity or "") if ours else (message.author_name or identity or "")
    answers = None
    if message.parent_id is not None and line.parent_body is not None:
        answers = Answered(message.parent_id, line.parent_author or "", "" if line.parent_deleted_at else line.parent_body[:140])
    key = f"{message.direction}{message.identity_id or ''}/{message.member_id or ''}/{message.private}"
    of = ("message", message.id, message.at, message.conversation_id, author, key, message, None, None, line.avatar, answers)
    return Entry(*of, line.files, line.reactions, line.deeds)


def _lines(found: Sequence[tuple[Any, ...]]) -> list[Entry]:
    lines = [activity(said.happened(row)) for row in found]
    return [line for line in lines if line is not None]


def _note(note: Noted) -> Entry:
    return Entry("note", note.id, note.at, note.conversation_id, note.author_name, f"note{note.member_id}", note=note)


def _rating(rating: Rated) -> Entry:
    return Entry("rating", rating.id, rating.given_at, rating.conversation_id, rating=rating)


def _parse_place(text: str | None) -> Place | None:
    if not text:
        return None
    at, _, number = text.rpartition("_")
    try:
        moment, found = datetime.fromisoformat(at.replace(" ", "+")), int(number)
    except ValueError:
        raise NotFound("This part of the conversation does not exist.") from None
    if moment.tzinfo is None or not 0 <= found < 2**63:
        raise NotFound("This part of the conversation does not exist.")
    return moment, found
