"""The list row: what a list shows of a conversation, the same for everybody; and what only its reader sees beside it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, and_, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox.contract import ConversationKind
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
    Reading,
    Status,
    Team,
)

Query = Select[*tuple[Any, ...]]
NUMBERS = ARRAY(BigInteger)


@dataclass(frozen=True, slots=True)
class Row:
    """A conversation as lists show it."""

    id: int
    workspace_id: int
    channel_id: int
    platform: str
    channel: str
    kind: ConversationKind
    status: Status
    subject: str
    post: str
    contact_id: int | None
    author: str
    last_author: str
    snippet: str
    message_count: int
    last_message_at: datetime
    last_inbound_id: int | None
    waiting_since: datetime | None
    waiting_count: int
    snoozed_until: datetime | None
    assignee_id: int | None
    assignee: str | None
    team_id: int | None
    team: str | None
    labels: Sequence[tuple[str, str]]  # name, colour
    trouble: str | None  # "failed" or "ambiguous": a reply that a person has to look at


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
        of.id, of.workspace_id, of.channel_id, channel.platform, channel.name, of.kind, of.status, of.subject,
        func.coalesce(func.nullif(Post.title, ""), func.left(Post.text, 120), ""), of.contact_id, of.author_name, of.last_author,
        of.snippet, of.message_count, of.last_message_at, of.last_inbound_id, of.waiting_since, of.waiting_count, of.snoozed_until,
        of.assignee_id, Member.name, of.team_id, Team.name, labels, trouble,
    ]  # fmt: skip
    return (
        select(*columns)
        .select_from(of)
        .join(channel, col(channel.id) == of.channel_id)
        .outerjoin(Post, col(Post.id) == of.post_id)
        .outerjoin(Member, col(Member.id) == of.assignee_id)
        .outerjoin(Team, col(Team.id) == of.team_id)
    )


async def fetch(session: AsyncSession, wanted: Query) -> list[Row]:
    """The rows of a query made from `query()`."""
    found = (await session.execute(wanted)).all()
    return [_row(*row) for row in found]


async def load(session: AsyncSession, conversation_ids: Collection[int]) -> dict[int, Row]:
    """These rows, whoever may see them: for readers that apply rights themselves."""
    found = (await session.execute(_these(), {"conversations": list(conversation_ids)})).all()
    return {row.id: row for row in (_row(*values) for values in found)}


@cache
def _these() -> Query:
    return query().where(col(Conversation.id) == any_(bindparam("conversations", type_=NUMBERS)))


async def mine(session: AsyncSession, conversation_ids: Collection[int], member_ids: Collection[int]) -> dict[tuple[int, int], Mine]:
    """What these members see beside these rows, by conversation and member, where there is anything."""
    given = {"conversations": list(conversation_ids), "members": list(member_ids)}
    return {(of, by): Mine(read, drafted) for of, by, read, drafted in (await session.execute(_mine(), given)).all()}


@cache
def _mine() -> Query:
    # Arrays, not IN lists: one statement however many ids, so that neither SQLAlchemy nor the driver reads it again.
    conversations, members = any_(bindparam("conversations", type_=NUMBERS)), any_(bindparam("members", type_=NUMBERS))
    reading = select(Reading).where(col(Reading.conversation_id) == conversations, col(Reading.member_id) == members).subquery()
    draft = (
        select(col(Draft.conversation_id), col(Draft.member_id))
        .where(col(Draft.conversation_id) == conversations, col(Draft.member_id) == members)
        .subquery()
    )
    both = and_(reading.c.conversation_id == draft.c.conversation_id, reading.c.member_id == draft.c.member_id)
    conversation = func.coalesce(reading.c.conversation_id, draft.c.conversation_id)
    member = func.coalesce(reading.c.member_id, draft.c.member_id)
    return select(conversation, member, reading.c.message_id, draft.c.member_id.is_not(None)).select_from(
        reading.outerjoin(draft, both, full=True)
    )


def _row(*values: Any) -> Row:
    *facts, labels, trouble = values
    return Row(*facts, labels=tuple((name, colour) for name, colour in labels or ()), trouble=None if trouble is None else str(trouble))
