"""How satisfied customers were, asked after a resolution."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field

from inbox.models.columns import Table, identity, moment, number, text_enum, within, workspace
from inbox.models.conversations import Priority


class RatingState(StrEnum):
    ASKED = "asked"
    RECENT = "recent"  # not asked: the customer was asked elsewhere a few days ago
    REFUSED = "refused"  # not asked: the customer does not want to be
    UNREACHABLE = "unreachable"  # not asked: the platform takes no message any more, or nobody is there to ask


class Rating(Table, table=True):
    """What became of asking about one episode. Its row is the claim: whoever writes it asks, and nobody asks again."""

    __table_args__ = (
        within("channel"),
        within("conversation"),
        within("episode"),
        within("contact", when_gone="SET NULL"),
        within("member", when_gone="SET NULL"),
        within("message", when_gone="SET NULL"),
        UniqueConstraint("episode_id"),
        CheckConstraint("score BETWEEN 1 AND 5", name="rating_score"),
        Index("rating_workspace_asked", "workspace_id", "asked_at"),
        Index("rating_workspace_given", "workspace_id", "given_at", postgresql_where=text("given_at IS NOT NULL")),
        Index("rating_conversation", "conversation_id"),
        Index("rating_contact", "contact_id", "asked_at"),
        Index("rating_message", "message_id", postgresql_where=text("message_id IS NOT NULL")),
    )

    id: int = identity()
    workspace_id: int = workspace()
    channel_id: int = number()
    conversation_id: int = number()
    episode_id: int = number()
    contact_id: int | None = number(nullable=True)  # who was asked
    team_id: int | None = number(nullable=True)  # whose it was when it was resolved
    member_id: int | None = number(nullable=True)  # who gave the last answer before that; None: on the platform, or by a program
    priority: Priority = text_enum(Priority, default=Priority.NORMAL)  # when it was resolved
    state: RatingState = text_enum(RatingState)
    message_id: int | None = number(nullable=True)  # the question; None: it stands in the website chat
    asked_at: datetime = moment()  # or when it was decided not to ask
    expires_at: datetime = moment()  # until then it can be answered
    score: int | None = None  # 1 to 5
    comment: str = Field(default="", sa_column_kwargs={"server_default": ""})
    given_at: datetime | None = moment(nullable=True)  # the first time; it may be changed for some days
