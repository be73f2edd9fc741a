"""Conversations by any combination of filters, for programs; the page's own lists are `views`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import languages
from inbox.conversations import rows, search, timeline, views
from inbox.conversations.timeline import Entry
from inbox.conversations.views import Page
from inbox.errors import Invalid
from inbox.models import Conversation, ConversationLabel, Delivery, Message, Status
from inbox.team import rights
from inbox.team.rights import Access

LIMIT = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """What a conversation must be; None asks for nothing. `assignee_id` and `team_id` 0: nobody."""

    view: str | None = None
    status: Status | None = None
    channel_id: int | None = None
    assignee_id: int | None = None
    team_id: int | None = None
    label_id: int | None = None
    contact_id: int | None = None
    language: str | None = None  # UNKNOWN: nobody knows
    waiting: bool | None = None
    words: str | None = None


async def page(session: AsyncSession, access: Access, filters: Filters, *, after: str | None = None, limit: int = 50) -> Page:
    """The next `limit` conversations, newest first, behind `after`. A search by words is bounded and has one page."""
    limit = max(1, min(limit, LIMIT))
    query = rows.query().where(*_conditions(access, filters))
    if filters.words is not None:
        found = await search.find(session, access, filters.words, language=filters.language, limit=limit)
        query = query.where(col(Conversation.id).in_([row.id for row in found]))
    if after is not None:
        query = query.where(tuple_(col(Conversation.last_message_at), col(Conversation.id)) < place(after))
    query = query.order_by(col(Conversation.last_message_at).desc(), col(Conversation.id).desc()).limit(limit + 1)
    shown = await rows.fetch(session, query)
    more = len(shown) > limit
    return Page(shown[:limit], cursor(shown[limit - 1].last_message_at, shown[limit - 1].id) if more else None)


async def messages(
    session: AsyncSession, conversation: Conversation, *, after: str | None = None, limit: int = 50
) -> tuple[list[Entry], str | None]:
    """The newest messages of a conversation behind `after`, newest first, and where the next page begins; no undone replies."""
    query = select(col(Message.at), col(Message.id)).where(
        col(Message.conversation_id) == conversation.id, col(Message.delivery) != Delivery.UNDONE
    )
    if after is not None:
        query = query.where(tuple_(col(Message.at), col(Message.id)) < place(after))
    query = query.order_by(col(Message.at).desc(), col(Message.id).desc()).limit(limit + 1)
    found = (await session.execute(query)).all()
    shown = await timeline.messages(session, [number for _, number in found[:limit]])
    entries = [shown[number] for _, number in found[:limit] if number in shown]
    return entries, cursor(*found[limit - 1]) if len(found) > limit else None


def cursor(at: datetime, number: int) -> str:
    """Where a page ends, for the next one to begin behind it."""
    return f"{at.isoformat()}_{number}"


def place(text: str) -> tuple[datetime, int]:
    """The place that a cursor means."""
    at, _, number = text.rpartition("_")
    try:
        moment, found = datetime.fromisoformat(at.replace(" ", "+")), int(number)
    except ValueError:
        raise Invalid("This cursor is not one that was given out.", code="cursor") from None
    if moment.tzinfo is None or not 0 <= found < 2**63:
        raise Invalid("This cursor is not one that was given out.", code="cursor")
    return moment, found


def _conditions(access: Access, filters: Filters) -> list[ColumnElement[bool]]:
    conditions = [col(Conversation.workspace_id) == access.workspace_id, rights.sees(access, col(Conversation.channel_id))]
    if filters.status is not Status.MERGED:
        conditions.append(col(Conversation.merged_into).is_(None))
    if filters.view is not None:
        view = views.parse(filters.view)
        conditions.append(views.TESTS[view.name].sql(view.argument, access.member_id))
        if view.language is not None:
            conditions.append(col(Conversation.language) == languages.stored(view.language))
    if filters.status is not None:
        conditions.append(col(Conversation.status) == filters.status)
    for column, wanted in (
        (col(Conversation.channel_id), filters.channel_id),
        (col(Conversation.assignee_id), filters.assignee_id),
        (col(Conversation.team_id), filters.team_id),
        (col(Conversation.contact_id), filters.contact_id),
    ):
        if wanted is not None:
            conditions.append(column.is_(None) if wanted == 0 else column == wanted)
    if filters.language is not None:
        conditions.append(col(Conversation.language) == languages.stored(filters.language))
    if filters.label_id is not None:
        labelled = exists().where(
            col(ConversationLabel.conversation_id) == Conversation.id, col(ConversationLabel.label_id) == filters.label_id
        )
        conditions.append(labelled)
    if filters.waiting is not None:
        waits = col(Conversation.waiting_since)
        conditions.append(waits.is_not(None) if filters.waiting else waits.is_(None))
    return conditions
