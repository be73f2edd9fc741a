"""Queues and filters: which conversations a view holds, in which order, and how many.

Each view is told twice, as SQL for lists and as Python for the live page, which asks for one changed row and many readers; a test holds
the two together.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, func, literal_column, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events, languages, questions
from inbox.conversations import rows
from inbox.conversations.rows import Mine, Row
from inbox.errors import NotFound
from inbox.models import Conversation, Status
from inbox.models.columns import UtcDateTime
from inbox.questions import Question
from inbox.team import rights
from inbox.team.rights import Access

PAGE = 50
ACTIVE = (Status.OPEN, Status.PENDING, Status.SNOOZED)
LAST = 100_000_000_000  # seconds: a place behind every time that there is; whole, as scripts write it too
NEVER: ColumnElement[datetime] = literal_column("'infinity'::timestamptz")
DUE = func.coalesce(col(Conversation.next_due_at), NEVER)  # as the index `conversation_next` has it
Place = tuple[float, float, int]


@dataclass(frozen=True, slots=True)
class View:
    """One entry of the left pane. `argument` is the team or channel; `language`, where only those held in it are wanted, or UNKNOWN.

    `waiting` orders by what is due, else the newest come first.
    """

    key: str
    name: str
    argument: int | None = None
    language: str | None = None

    @property
    def whole(self) -> str:
        """The key of the same view in all languages."""
        return self.key.partition(".")[0]

    @property
    def waiting(self) -> bool:
        return self.name == "next"

    @property
    def personal(self) -> bool:
        """Whether readers with the same rights see different conversations in it."""
        return self.name in ("next", "mine")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a view, and where the next part begins."""

    rows: Sequence[Row]
    after: str | None  # None: that was all
    mine: Mapping[int, Mine] = field(default_factory=dict[int, Mine])  # the reader's own state of each row


@dataclass(frozen=True, slots=True)
class Tally:
    """How many active conversations share these facts; counts of any view and any reader are sums of tallies."""

    channel_id: int
    status: Status
    assignee_id: int | None
    team_id: int | None
    waits: bool
    count: int


@dataclass(frozen=True, slots=True)
class Test:
    """A view's condition, in SQL and in Python."""

    sql: Callable[[Any, Any], ColumnElement[bool]]  # of the argument and the reader, as values or parameters
    holds: Callable[[Any, int | None, int | None], bool]  # of a row or tally, the argument and the reader


_status = col(Conversation.status)


def _of_status(status: Status) -> Test:
    return Test(lambda _argument, _member: _status == status, lambda row, _argument, _member: row.status == status)


def _is_free_for(member: Any) -> ColumnElement[bool]:
    """What a colleague holds is not this reader's to answer next; a program without a member is nobody's colleague."""
    owner = col(Conversation.assignee_id)
    return true() if member is None else or_(owner.is_(None), owner == member)


TESTS: dict[str, Test] = {
    "next": Test(
        lambda _argument, member: and_(
            _status.in_([Status.OPEN, Status.PENDING]), col(Conversation.waiting_since).is_not(None), _is_free_for(member)
        ),
        lambda row, _argument, member: (
            row.status in (Status.OPEN, Status.PENDING) and _waits(row) and (member is None or row.assignee_id in (None, member))
        ),
    ),
    "mine": Test(
        lambda _argument, member: and_(_status == Status.OPEN, col(Conversation.assignee_id) == member),
        lambda row, _argument, member: row.status == Status.OPEN and member is not None and row.assignee_id == member,
    ),
    "unassigned": Test(
        lambda _argument, _member: and_(_status == Status.OPEN, col(Conversation.assignee_id).is_(None)),
        lambda row, _argument, _member: row.status == Status.OPEN and row.assignee_id is None,
    ),
    "team": Test(
        lambda argument, _member: and_(_status == Status.OPEN, col(Conversation.team_id) == argument),
        lambda row, argument, _member: row.status == Status.OPEN and row.team_id == argument,
    ),
    "channel": Test(
        lambda argument, _member: and_(_status == Status.OPEN, col(Conversation.channel_id) == argument),
        lambda row, argument, _member: row.status == Status.OPEN and row.channel_id == argument,
    ),
    "open": _of_status(Status.OPEN),
    "pending": _of_status(Status.PENDING),
    "snoozed": _of_status(Status.SNOOZED),
    "resolved": _of_status(Status.RESOLVED),
    "spam": _of_status(Status.SPAM),
}
PLAIN = ("next", "mine", "unassigned", "open", "pending", "snoozed", "resolved", "spam")
COUNTED = ("next", "mine", "unassigned", "open", "pending", "snoozed")  # the rest only grows: nobody needs its number


def parse(key: str) -> View:
    """The view of a key: "next", "team:3", "channel:7"; "next.de" for what is held in German, "next.und" where nobody knows."""
    whole, dot, language = key.partition(".")
    name, _, argument = whole.partition(":")
    if dot and language not in languages.KNOWN and language != languages.UNKNOWN:
        raise NotFound("There is no such view.")
    if name in PLAIN and not argument:
        return View(key, name, None, language or None)
    if name in ("team", "channel") and argument.isdecimal() and len(argument) < 19:
        return View(key, name, int(argument), language or None)
    raise NotFound("There is no such view.")


def holds(view: View, row: Row | Tally, member_id: int | None) -> bool:
    """Whether a row belongs into the view of this reader, who may see its channel. Tallies are told for all languages together."""
    if view.language is not None and isinstance(row, Row) and row.language != languages.stored(view.language):
        return False
    return TESTS[view.name].holds(row, view.argument, member_id)


def place(view: View, row: Row) -> Place:
    """Where a row stands: lower comes first. Who waits: what is due soonest, then who waits longest."""
    if view.waiting:
        return (_seconds(row.next_due_at), _seconds(row.waiting_since), row.id)
    return (-row.last_message_at.timestamp(), 0, -row.id)


async def page(session: AsyncSession, access: Access, view: View, *, after: str | None = None, limit: int = PAGE) -> Page:
    """The next `limit` rows of a view behind `after`: one index scan, however deep."""
    return await questions.ask(session, paging(access, view, after=after, limit=limit))


def paging(access: Access, view: View, *, after: str | None = None, limit: int = PAGE) -> Question[Page]:
    """The question behind `page`."""
    given: dict[str, Any] = {**rights.asker(access), "argument": view.argument}
    if view.language is not None:
        given["language"] = languages.stored(view.language)
    if after is not None:
        given |= _parse_place(view, after)
    sorts = (access.sees_everything, access.member_id is None, after is not None, view.language is not None)
    statement = _page(view.name, *sorts, limit + 1)

    def read(values: Sequence[tuple[Any, ...]]) -> Page:
        more, values = len(values) > limit, values[:limit]
        found = rows.read([row[:-2] for row in values])
        mine = {row[0]: Mine(row[-2], row[-1]) for row in values if row[-2] is not None or row[-1]}
        return Page(found, _place_text(view, found[-1]) if more else None, mine)

    return Question(statement, given, read)


def newest() -> Question[int]:
    """`events.last_id`, put among others: the first of them, so that nothing falls between."""
    return Question(events.LAST_ID.encode(), {}, lambda found: found[0][0])


async def tally(session: AsyncSession, workspace_id: int) -> Sequence[Tally]:
    """All active conversations, counted once for every reader."""
    return await questions.ask(session, tallying(workspace_id))


def tallying(workspace_id: int) -> Question[Sequence[Tally]]:
    """The question behind `tally`."""
    return Question(_tally(), {"workspace": workspace_id}, lambda found: [Tally(*row) for row in found])


def counts(tallies: Sequence[Tally], views: Collection[View], channels: Collection[int], member_id: int | None) -> dict[str, int]:
    """The number behind each view for a reader who sees these channels."""
    visible = [tally for tally in tallies if tally.channel_id in channels]
    return {view.key: sum(tally.count for tally in visible if holds(view, tally, member_id)) for view in views}


class Owned:
    """The counts of personal views for every reader at once: what each member holds, and what nobody does."""

    def __init__(self, tallies: Sequence[Tally], channels: Collection[int]) -> None:
        self._open: Counter[int | None] = Counter()
        self._waiting: Counter[int | None] = Counter()
        for tally in tallies:
            if tally.channel_id in channels:
                self._open[tally.assignee_id] += tally.count if tally.status == Status.OPEN else 0
                self._waiting[tally.assignee_id] += tally.count if tally.waits and tally.status != Status.SNOOZED else 0

    def of(self, member_id: int) -> tuple[tuple[str, int], ...]:
        """The numbers of one member, by view."""
        return (("next", self._waiting[None] + self._waiting[member_id]), ("mine", self._open[member_id]))


@cache  # a statement never changes, and putting it together costs more than running it
def _page(name: str, everything: bool, nobody: bool, is_later: bool, in_language: bool, limit: int) -> bytes:
    """The statement for a view's name, for who sees every channel, who is no member, for what comes after a place, and in one language."""
    view = View(name, name)
    number = col(Conversation.id)
    key = (DUE, col(Conversation.waiting_since), number) if view.waiting else (col(Conversation.last_message_at), number)
    test = TESTS[name].sql(bindparam("argument", type_=BigInteger), None if nobody else bindparam("member", type_=BigInteger))
    visible = rights.visible(col(Conversation.channel_id), everything=everything)
    query = rows.with_mine().where(col(Conversation.workspace_id) == bindparam("workspace"), visible, test)
    if in_language:
        query = query.where(col(Conversation.language) == bindparam("language"))
    if is_later:
        at, last = bindparam("at", type_=UtcDateTime), bindparam("id", type_=BigInteger)
        due = func.coalesce(bindparam("due", type_=UtcDateTime), NEVER)
        query = query.where(tuple_(*key) > tuple_(due, at, last) if view.waiting else tuple_(*key) < tuple_(at, last))
    query = query.order_by(*(key if view.waiting else (part.desc() for part in key)))
    return questions.compiled(query.limit(limit))


@cache
def _tally() -> bytes:
    waits = col(Conversation.waiting_since).is_not(None)
    facts = (col(Conversation.channel_id), _status, col(Conversation.assignee_id), col(Conversation.team_id), waits)
    within = (col(Conversation.workspace_id) == bindparam("workspace"), _status.in_(ACTIVE))
    return questions.compiled(select(*facts, func.count()).where(*within).group_by(*facts))


def _waits(row: Row | Tally) -> bool:
    return row.waits if isinstance(row, Tally) else row.waiting_since is not None


def _seconds(at: datetime | None) -> float:
    return LAST if at is None else at.timestamp()


def _place_text(view: View, row: Row) -> str:
    at = row.waiting_since if view.waiting else row.last_message_at
    due = f"{row.next_due_at.isoformat() if row.next_due_at else ''}_" if view.waiting else ""
    return f"{due}{at.isoformat() if at else ''}_{row.id}"


def _parse_place(view: View, text: str) -> dict[str, Any]:
    """The place behind which a page begins, as the statement takes it."""
    due, _, rest = text.partition("_") if view.waiting else ("", "", text)
    at, _, number = rest.rpartition("_")
    try:
        found = int(number)
        moments = {"at": _moment(at)} | ({"due": _moment(due) if due else None} if view.waiting else {})
    except ValueError:
        raise NotFound("This page of the list does not exist.") from None
    if abs(found) >= 2**63:
        raise NotFound("This page of the list does not exist.")
    return {**moments, "id": found}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment
