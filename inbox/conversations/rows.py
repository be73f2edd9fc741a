"""The list row: what a list shows of a conversation, the same for everybody; and what only its reader sees beside it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, and_, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox import questions
from inbox.contract import ConversationKind
from inbox.conversations import windows
from inbox.conversations.windows import Window
from inbox.models import (
    Channel,
    Conversation,
    ConversationLabel,
    Delivery,
    Draft,
    Label,
    Member,
    Message,
    Post,
    Priority,
    Reading,
    Status,
    Team,
)
from inbox.models.conversations import KINDS, PRIORITIES, STATUSES
from inbox.questions import IDS, Question

Query = Select[*tuple[Any, ...]]


class Row(NamedTuple):
    """A conversation as lists show it. A tuple: it is made fast, and known again fast when it has not changed."""

    id: int
    workspace_id: int
    channel_id: int
    platform: str
    played: bool  # by a demonstration: the customers' side can be looked at too
    channel: str
    subject: str
    post: str
    contact_id: int | None
    author: str
    last_author: str
    snippet: str
    message_count: int
    last_inbound_id: int | None
    waiting_count: int
    assignee_id: int | None
    assignee: str | None
    team_id: int | None
    team: str | None
    answers: bool  # whether the channel can be answered at all
    answered: bool  # the one answer that the platform allows is given
    kind: ConversationKind
    status: Status
    priority: Priority
    language: str  # "": nobody knows
    last_message_at: datetime
    waiting_since: datetime | None
    next_due_at: datetime | None  # the soonest target of its open waits
    snoozed_until: datetime | None
    answer_until: datetime | None  # the platform takes answers until then; None: always
    labels: Sequence[tuple[str, str]]  # name, colour
    trouble: str | None  # "failed" or "ambiguous": a reply that a person has to look at

    @property
    def window(self) -> Window:
        """How long, and how often, the platform lets us answer."""
        return Window(self.answers, self.answered, self.answer_until)


@dataclass(frozen=True, slots=True)
class Mine:
    """The reader's own state of a conversation."""

    read: int | None = None  # the message up to which everything is read
    draft: bool = False

    def unread(self, row: Row) -> bool:
        return row.last_inbound_id is not None and row.last_inbound_id > (self.read or 0)


@cache  # a select never changes, and putting it together costs more than running it
def query() -> Query:
    """Rows, for a `where`, an order and a limit. What hangs on a row is looked up only for the rows that are returned."""
    labels = (
        select(func.json_agg(aggregate_order_by(func.json_build_array(Label.name, Label.colour), col(Label.name))))
        .join(ConversationLabel, col(ConversationLabel.label_id) == Label.id)
        .where(col(ConversationLabel.conversation_id) == Conversation.id)
        .scalar_subquery()
    )
    trouble = (
        select(func.max(Message.delivery))  # "failed" is the worse one, and the greater word
        .where(
            col(Message.conversation_id) == Conversation.id,
            col(Message.delivery).in_([Delivery.FAILED, Delivery.AMBIGUOUS]),
        )
        .scalar_subquery()
    )
    of, channel = Conversation, aliased(Channel)  # an alias, for `rights.sees` has a Channel of its own
    columns: list[Any] = [
        of.id, of.workspace_id, of.channel_id, channel.platform, col(channel.public_config)["looks_like"].is_not(None), channel.name,
        of.subject,
        func.coalesce(func.nullif(Post.title, ""), func.left(Post.text, 120), ""), of.contact_id, of.author_name, of.last_author,
        of.snippet, of.message_count, of.last_inbound_id, of.waiting_count, of.assignee_id, Member.name, of.team_id, Team.name,
        channel.answers, windows.answered(channel, of.id), of.kind, of.status, of.priority, of.language, of.last_message_at,
        of.waiting_since, of.next_due_at, of.snoozed_until,
        windows.until(channel, of.id, of.kind), labels, trouble,
    ]  # fmt: skip
    return (
        select(*columns)
        .select_from(of)
        .join(channel, col(channel.id) == of.channel_id)
        .outerjoin(Post, col(Post.id) == of.post_id)
        .outerjoin(Member, col(Member.id) == of.assignee_id)
        .outerjoin(Team, col(Team.id) == of.team_id)
    )


def with_mine() -> Query:
    """Rows, and beside each how far the member who asks has read, and whether they have a draft there."""
    member = bindparam("member", type_=BigInteger)
    read = and_(col(Reading.conversation_id) == Conversation.id, col(Reading.member_id) == member)
    drafted = and_(col(Draft.conversation_id) == Conversation.id, col(Draft.member_id) == member)
    wanted = query().outerjoin(Reading, read).outerjoin(Draft, drafted)
    return wanted.add_columns(col(Reading.message_id), col(Draft.member_id).is_not(None))


async def fetch(session: AsyncSession, wanted: Query) -> list[Row]:
    """The rows of a query made from `query()`, for filters that are not worth keeping."""
    return read((await session.execute(wanted)).all())


def listing(statement: bytes, given: Mapping[str, Any]) -> Question[list[Row]]:
    """The rows of a query made from `query()` that was compiled to be kept."""
    return Question(statement, given, read)


async def load(session: AsyncSession, conversation_ids: Collection[int]) -> dict[int, Row]:
    """These rows, whoever may see them: for readers that apply rights themselves."""
    found = await questions.ask(session, listing(_these(), {"conversations": list(conversation_ids)}))
    return {row.id: row for row in found}


def one(conversation_id: int) -> Question[list[Row]]:
    """The row of a conversation, or none, whoever may see it."""
    return listing(_these(), {"conversations": [conversation_id]})


@cache
def _these() -> bytes:
    return questions.compiled(query().where(col(Conversation.id) == any_(bindparam("conversations", type_=IDS))))


async def mine(session: AsyncSession, conversation_ids: Collection[int], member_ids: Collection[int]) -> dict[tuple[int, int], Mine]:
    """What these members see beside these rows, by conversation and member, where there is anything."""
    return await questions.ask(session, minding(conversation_ids, member_ids))


def minding(conversation_ids: Collection[int], member_ids: Collection[int]) -> Question[dict[tuple[int, int], Mine]]:
    """The question behind `mine`."""
    given = {"conversations": list(conversation_ids), "members": list(member_ids)}
    return Question(_mine(), given, lambda found: {(of, by): Mine(read, drafted) for of, by, read, drafted in found})


@cache
def _mine() -> bytes:
    conversations, members = any_(bindparam("conversations", type_=IDS)), any_(bindparam("members", type_=IDS))
    reading = select(Reading).where(col(Reading.conversation_id) == conversations, col(Reading.member_id) == members).subquery()
    draft = (
        select(col(Draft.conversation_id), col(Draft.member_id))
        .where(col(Draft.conversation_id) == conversations, col(Draft.member_id) == members)
        .subquery()
    )
    both = and_(reading.c.conversation_id == draft.c.conversation_id, reading.c.member_id == draft.c.member_id)
    conversation = func.coalesce(reading.c.conversation_id, draft.c.conversation_id)
    member = func.coalesce(reading.c.member_id, draft.c.member_id)
    columns = select(conversation, member, reading.c.message_id, draft.c.member_id.is_not(None))
    return questions.compiled(columns.select_from(reading.outerjoin(draft, both, full=True)))


def read(found: Iterable[Sequence[Any]]) -> list[Row]:
    """What `query()` selects, as rows."""
    return [_row(*values) for values in found]


def _row(*values: Any) -> Row:
    *facts, kind, status, priority, language, last, waiting, due, snoozed, until, labels, trouble = values
    waiting, due, snoozed, until = (at and at.astimezone(UTC) for at in (waiting, due, snoozed, until))
    shown = tuple([(name, colour) for name, colour in labels]) if labels else ()
    times = (last.astimezone(UTC), waiting, due, snoozed, until)
    return Row._make((*facts, KINDS[kind], STATUSES[status], PRIORITIES[priority], language, *times, shown, trouble and str(trouble)))
