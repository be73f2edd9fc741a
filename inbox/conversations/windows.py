"""How long, and how often, a platform lets us answer: told by its channel's row and by when the customer last spoke.

What a platform allows is written into the channel's row by the host, so that lists can be ordered by it. Our clock is not the platform's,
and we may not have seen everything: the platform's own refusal (`WindowClosed`) is the last word.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Text, and_, case, cast, exists, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox.contract import Capabilities
from inbox.errors import Conflict
from inbox.models import Channel, Conversation, Delivery, Direction, Message

NOTHING = (Delivery.UNDONE, Delivery.FAILED)  # answers that were none


class Window(NamedTuple):
    """What is allowed in a conversation. `answers`: at all; `until`: for so long; `answered`: once only, and that is spent."""

    answers: bool = True
    answered: bool = False
    until: datetime | None = None

    def closed(self, at: datetime) -> str | None:
        """Why nothing can be answered at this time: "never", "answered" or "over"; None when it can."""
        if not self.answers:
            return "never"
        if self.answered:
            return "answered"
        return "over" if self.until is not None and self.until <= at else None


def hours(capabilities: Capabilities) -> int | None:
    """For how long people may answer after the customer spoke: the longer of the two windows."""
    return capabilities.human_window_hours or capabilities.window_hours


def until(channel: Any, conversation_id: Any, kind: Any) -> ColumnElement[Any]:
    """When the window of a conversation of this kind ends; null: never. Looked up only where the channel has a window for that."""
    ends = _spoke(conversation_id) + func.make_interval(0, 0, 0, 0, channel.answer_hours)
    is_for_all = func.jsonb_typeof(channel.answer_kinds).is_distinct_from("array")
    is_for_it = or_(is_for_all, col(channel.answer_kinds).bool_op("?")(cast(kind, Text)))
    return case((and_(col(channel.answer_hours).is_not(None), is_for_it), ends))


def answered(channel: Any, conversation_id: Any) -> ColumnElement[bool]:
    """Whether the one answer that the channel allows was given since the customer spoke."""
    ours, spoke = aliased(Message), _spoke(conversation_id)
    given = exists().where(
        and_(
            col(ours.conversation_id) == conversation_id,
            col(ours.direction) == Direction.OUT,
            col(ours.delivery).not_in(NOTHING),
            col(ours.deleted_at).is_(None),
            or_(spoke.is_(None), col(ours.at) >= spoke),
        )
    )
    return case((col(channel.one_reply_only), given), else_=false())


async def of(session: AsyncSession, conversation: Conversation) -> Window:
    """What is allowed in this conversation."""
    channel = aliased(Channel)
    facts = (col(channel.answers), answered(channel, conversation.id), until(channel, conversation.id, conversation.kind.value))
    found = (await session.execute(select(*facts).where(col(channel.id) == conversation.channel_id))).one()
    return Window(*found)


async def check(session: AsyncSession, conversation: Conversation, leaves_at: datetime) -> None:
    """Raise Conflict when the platform would not take an answer at that time."""
    closed = (await of(session, conversation)).closed(leaves_at)
    if closed == "never":
        raise Conflict("This channel takes no answers.", code="no_answers")
    if closed == "answered":
        raise Conflict("This platform takes one answer, and it was given. The customer has to write again first.", code="answered")
    if closed == "over":
        raise Conflict("The platform takes no answer any more: the customer has to write again first.", code="window_closed")


def _spoke(conversation_id: Any) -> Any:
    """When somebody outside last spoke."""
    theirs = aliased(Message)
    newest = select(col(theirs.at)).where(
        col(theirs.conversation_id) == conversation_id, col(theirs.direction) == Direction.IN, col(theirs.automatic).is_(False)
    )
    return newest.order_by(col(theirs.at).desc(), col(theirs.id).desc()).limit(1).scalar_subquery()
