"""Whom to ask how it was, once a conversation is resolved: each episode once, and each person once in a week.

An episode is due `ask_after` minutes after its resolution; what is reopened until then has none. Its row of `rating` is the claim: a
process holds the conversation, so that nobody speaks meanwhile, and the person, so that another conversation of theirs waits its turn.
It waits for neither: what somebody else holds is asked about at the next look, so that no two of them can wait for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Capabilities, ConversationKind
from inbox.conversations import replies
from inbox.errors import Conflict, Invalid
from inbox.models import Channel, Contact, Conversation, Delivery, Direction, Episode, Identity, Message, Rating, RatingState, Workspace

KINDS = frozenset({ConversationKind.DIRECT, ConversationKind.EMAIL})  # private ones: nobody is asked in public
IN_CHAT = "widget"  # the platform whose chat shows the question itself
REST = timedelta(days=7)  # between two questions to one person
LASTS = timedelta(days=30)  # a question can be answered for so long

DUE = text(
    """
    SELECT episode.id
      FROM channel JOIN episode ON episode.channel_id = channel.id JOIN conversation ON conversation.id = episode.conversation_id
     WHERE channel.asks_since IS NOT NULL AND channel.removed_at IS NULL AND channel.state <> 'paused'
       AND episode.resolved_at <= :now - make_interval(mins => channel.ask_after)
       AND episode.resolved_at >= greatest(channel.asks_since, :now - make_interval(days => 1, mins => channel.ask_after))
       AND NOT episode.is_void AND episode.replies_count > 0 AND episode.kind IN ('direct', 'email')
       AND conversation.erased_at IS NULL AND NOT conversation.in_room
       AND NOT EXISTS (SELECT FROM rating WHERE rating.episode_id = episode.id)
       AND NOT EXISTS (SELECT FROM installation WHERE held)
       AND episode.id = coalesce(:only, episode.id)
     ORDER BY episode.resolved_at, episode.id LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Due:
    """A question that this process has claimed. `parent`: what of the customer's it is an answer to; None in the website chat."""

    rating: Rating
    conversation: Conversation
    channel: Channel
    workspace: Workspace
    parent: Message | None


async def due(session: AsyncSession, *, now: datetime, limit: int = 100, only: int | None = None) -> Sequence[int]:
    """Episodes to ask about now. What could not be asked within a day, since Parley was down, is not asked any more."""
    return (await session.scalars(DUE, {"now": now, "limit": limit, "only": only})).all()


async def claim(session: AsyncSession, episode_id: int, *, now: datetime) -> Due | None:
    """Take the question about one episode, so that no other process asks it; None when there is nothing to ask.

    A person who was asked lately, does not want to be, or whom nothing reaches is not asked, and that is kept.
    """
    held = select(Conversation).join(Episode, col(Episode.conversation_id) == col(Conversation.id)).where(col(Episode.id) == episode_id)
    held = held.with_for_update(of=Conversation, skip_locked=True).execution_options(populate_existing=True)
    conversation = await session.scalar(held)
    if conversation is None or not await due(session, now=now, only=episode_id):
        return None
    episode = await session.get_one(Episode, episode_id, populate_existing=True)
    channel = await session.get_one(Channel, conversation.channel_id)
    contact, parent = await _whom(session, conversation)
    if contact is None and conversation.contact_id is not None:
        return None  # held by somebody else
    rating = await _write(session, episode, contact, await _state(session, channel, contact, parent, now), now)
    if rating is None or rating.state != RatingState.ASKED:
        return None
    workspace = await session.get_one(Workspace, conversation.workspace_id)
    return Due(rating, conversation, channel, workspace, None if channel.platform == IN_CHAT else parent)


async def ask_in_chat(session: AsyncSession, due: Due, *, now: datetime) -> None:
    """The website chat shows the question from now on."""
    _record(session, due, now)


async def ask_by_message(session: AsyncSession, due: Due, *, body: str, capabilities: Capabilities | None, now: datetime) -> bool:
    """Queue the question as an automatic message; whether it can leave. Where the platform's window is over it is not asked.

    `capabilities`: None where nothing leaves, since the platform's package is gone.
    """
    message = await _queued(session, due, body, capabilities, now)
    if message is None:
        due.rating.state = RatingState.UNREACHABLE
    else:
        due.rating.message_id = message.id
        _record(session, due, now)
    await session.flush()
    return message is not None


async def _whom(session: AsyncSession, conversation: Conversation) -> tuple[Contact | None, Message | None]:
    """The person who began the conversation, held until the commit, and the last that they said."""
    if conversation.contact_id is None:
        return None, None
    held = select(Contact).where(col(Contact.id) == conversation.contact_id).with_for_update(key_share=True, skip_locked=True)
    contact = await session.scalar(held.execution_options(populate_existing=True))
    said = (
        select(Message)
        .join(Identity, col(Identity.id) == col(Message.identity_id))
        .where(
            col(Message.conversation_id) == conversation.id,
            col(Message.direction) == Direction.IN,
            col(Message.automatic).is_(False),
            col(Message.deleted_at).is_(None),
            col(Identity.contact_id) == conversation.contact_id,
        )
    )
    return contact, await session.scalar(said.order_by(col(Message.at).desc(), col(Message.id).desc()).limit(1))


async def _state(session: AsyncSession, channel: Channel, contact: Contact | None, parent: Message | None, now: datetime) -> RatingState:
    if contact is None or parent is None or not channel.answers:
        return RatingState.UNREACHABLE
    if contact.unasked_since is not None:
        return RatingState.REFUSED
    lately = exists().where(col(Rating.contact_id) == contact.id, col(Rating.state) == RatingState.ASKED, col(Rating.asked_at) > now - REST)
    return RatingState.RECENT if await session.scalar(select(lately)) else RatingState.ASKED


async def _write(session: AsyncSession, episode: Episode, contact: Contact | None, state: RatingState, now: datetime) -> Rating | None:
    answered = (
        select(col(Message.member_id))
        .where(
            col(Message.conversation_id) == episode.conversation_id,
            col(Message.direction) == Direction.OUT,
            col(Message.delivery) == Delivery.SENT,
            col(Message.automatic).is_(False),
            col(Message.is_history).is_(False),
        )
        .order_by(col(Message.at).desc(), col(Message.id).desc())
        .limit(1)
    )
    row = {
        "workspace_id": episode.workspace_id,
        "channel_id": episode.channel_id,
        "conversation_id": episode.conversation_id,
        "episode_id": episode.id,
        "contact_id": contact.id if contact else None,
        "team_id": episode.team_id,
        "member_id": await session.scalar(answered),
        "priority": episode.priority,
        "state": state,
        "asked_at": now,
        "expires_at": now + LASTS,
    }
    new = insert(Rating).values(row).on_conflict_do_nothing(index_elements=[col(Rating.episode_id)])
    return await session.scalar(new.returning(Rating))


async def _queued(session: AsyncSession, due: Due, body: str, capabilities: Capabilities | None, now: datetime) -> Message | None:
    """The question on its way out; None when the platform would not take it. Its longer window is for people alone."""
    if capabilities is None or due.parent is None:
        return None
    is_limited = capabilities.window_kinds is None or due.conversation.kind in capabilities.window_kinds
    hours = capabilities.window_hours if is_limited else None
    if hours is not None and due.parent.at + timedelta(hours=hours) <= now:
        return None
    try:
        async with session.begin_nested():
            return await replies.queue(
                session, due.conversation, None, body=body, client_key=f"rating-{due.rating.id}", now=now, parent_id=due.parent.id,
                send_at=now, automatic=True, capabilities=capabilities,
            )  # fmt: skip
    except (Conflict, Invalid):
        return None


def _record(session: AsyncSession, due: Due, now: datetime) -> None:
    rating = due.rating
    where = {"workspace_id": rating.workspace_id, "channel_id": rating.channel_id, "conversation_id": rating.conversation_id}
    events.record(session, "rating.asked", **where, at=now, actor="system", rating=rating.id, episode=rating.episode_id)
