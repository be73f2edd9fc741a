"""What people decide about messages on their platforms: like, hide, delete … and take back. `acting` carries it out.

Agents may like, hide, show again, approve and mark as spam, and change or delete what they wrote themselves. What somebody else wrote is
deleted by supervisors only: it cannot be brought back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.contract import Action, Capabilities, Length
from inbox.conversations import acting, changes, lengths, replies
from inbox.errors import Conflict, Forbidden, Invalid, NotFound
from inbox.models import Channel, Conversation, Delivery, Direction, Member, Message, Moderation, ModerationState, Role, Workspace
from inbox.team.rights import RANK, Access

OF_OTHERS = frozenset({Action.LIKE, Action.HIDE, Action.UNHIDE, Action.APPROVE, Action.SPAM})  # done to what a customer wrote
ON_ITS_WAY = (ModerationState.QUEUED, ModerationState.ACTING)


async def request(
    session: AsyncSession,
    access: Access,
    conversation: Conversation,
    message: Message,
    action: Action,
    *,
    client_key: str,
    now: datetime,
    capabilities: Capabilities,
    text: str = "",
) -> Moderation:
    """Queue an action; it leaves when the undo window ends. The same client key gives the same one, done once."""
    access.need(Role.AGENT)
    await session.execute(select(col(Message.id)).where(col(Message.id) == message.id).with_for_update())  # one at a time for each message
    known = select(Moderation).where(col(Moderation.workspace_id) == conversation.workspace_id, col(Moderation.client_key) == client_key)
    if (first := await session.scalar(known)) is not None:
        return _same(first, message, action, text.strip())
    await changes.hold(session, conversation)
    await _check_channel(session, conversation)
    _check_offered(message, action, capabilities)
    _check_right(access, message, action)
    text = _checked_text(action, text.strip(), capabilities.length(conversation.kind, private=message.private))
    await _check_not_on_its_way(session, message, action)
    moderation = Moderation(
        workspace_id=conversation.workspace_id,
        conversation_id=conversation.id,
        channel_id=conversation.channel_id,
        message_id=message.id,
        action=action,
        text=text,
        member_id=access.member_id,
        actor=access.actor,
        client_key=client_key,
        act_at=now + await _undo_window(session, access),
        created_at=now,
    )
    try:
        async with session.begin_nested():
            session.add(moderation)
    except IntegrityError as error:  # the same key at the same moment for another message
        raise Conflict("This key belongs to another action.", code="key_reused") from error
    acting.record(session, "moderation.requested", moderation, actor=access.actor, now=now, act_at=moderation.act_at.isoformat())
    return moderation


async def get(session: AsyncSession, conversation: Conversation, message_id: int, moderation_id: int) -> Moderation:
    """An action on this message of this conversation."""
    found = await session.scalar(
        select(Moderation).where(
            col(Moderation.id) == moderation_id,
            col(Moderation.message_id) == message_id,
            col(Moderation.conversation_id) == conversation.id,
        )
    )
    if found is None:
        raise NotFound("There is no such action on this message.")
    return found


async def every(session: AsyncSession, message: Message) -> Sequence[Moderation]:
    """What was asked for at a message, oldest first."""
    query = select(Moderation).where(col(Moderation.message_id) == message.id)
    return (await session.scalars(query.order_by(col(Moderation.id)))).all()


async def undo(session: AsyncSession, access: Access, moderation: Moderation, *, now: datetime) -> None:
    """Take an action back before it leaves, or put one aside that failed."""
    access.need(Role.AGENT)
    condition = (
        col(Moderation.state).in_([ModerationState.QUEUED, ModerationState.FAILED]),
        col(Moderation.uncertain).is_(False),
    )
    if not await _change(session, moderation, *condition, state=ModerationState.UNDONE, error=None, try_at=None):
        raise Conflict("The action is already on its way.", code="on_its_way")
    acting.record(session, "moderation.undone", moderation, actor=access.actor, now=now)


async def retry(session: AsyncSession, access: Access, moderation: Moderation, *, now: datetime) -> None:
    """Do it again: it failed, or may have been done and a person decided so."""
    access.need(Role.AGENT)
    conversation = await session.get_one(Conversation, moderation.conversation_id)
    await _check_channel(session, conversation)
    _check_right(access, await session.get_one(Message, moderation.message_id), moderation.action)
    doubt = col(Moderation.uncertain) | (col(Moderation.state) == ModerationState.AMBIGUOUS)
    ended = col(Moderation.state).in_([ModerationState.FAILED, ModerationState.AMBIGUOUS])
    if not await _change(session, moderation, ended, state=ModerationState.QUEUED, uncertain=doubt, act_at=now, error=None, try_at=None):
        raise Conflict("The action needs no second try: it is done, or on its way.", code="not_failed")
    acting.record(session, "moderation.requested", moderation, actor=access.actor, now=now, act_at=now.isoformat())


async def settle(session: AsyncSession, access: Access, moderation: Moderation, was_done: bool, *, now: datetime) -> None:
    """A person has looked on the platform: it was done, or it was not."""
    access.need(Role.AGENT)
    _check_right(access, await session.get_one(Message, moderation.message_id), moderation.action)
    doubtful = col(Moderation.state) == ModerationState.AMBIGUOUS
    reason = None if was_done else "Somebody looked: it was not done."
    state = ModerationState.DONE if was_done else ModerationState.FAILED
    values: dict[str, Any] = {"state": state, "uncertain": False, "error": reason, "try_at": None, "done_at": now if was_done else None}
    if not await _change(session, moderation, doubtful, **values):
        raise Conflict("There is nothing to decide: it is known what became of the action.", code="not_ambiguous")
    if was_done:
        await acting.took_effect(session, moderation, now=now)
    else:
        acting.record(session, "moderation.failed", moderation, actor=access.actor, now=now)


def _same(first: Moderation, message: Message, action: Action, text: str) -> Moderation:
    if (first.message_id, first.action) != (message.id, action) or (action == Action.EDIT and first.text != text):
        raise Conflict("This key belongs to another action.", code="key_reused")
    return first


async def _check_channel(session: AsyncSession, conversation: Conversation) -> None:
    channel = await session.get_one(Channel, conversation.channel_id)
    if channel.removed_at is not None:
        raise Conflict("The channel was removed: nothing can be done there any more.", code="channel_removed")


def _check_offered(message: Message, action: Action, capabilities: Capabilities) -> None:
    """The platform can do it, and this message is one that it can be done to."""
    ours = message.direction == Direction.OUT
    if action == Action.PRIVATE_REPLY:
        raise Invalid("A private answer is a reply: write one, and choose that only its reader sees it.", code="is_a_reply")
    if action not in capabilities.actions or (action in capabilities.own_only and not ours):
        raise Invalid("This platform cannot do that.", code="not_offered")
    if (action == Action.EDIT and not ours) or (action in OF_OTHERS and ours):
        raise Invalid("This cannot be done to this message.", code="not_offered")
    if message.external_id is None or message.deleted_at is not None or message.delivery not in (Delivery.RECEIVED, Delivery.SENT):
        raise Conflict("This message is not on the platform.", code="not_there")
    if action == Action.EDIT and message.html:
        raise Invalid("A letter that was sent cannot be changed.", code="not_offered")


def _check_right(access: Access, message: Message, action: Action) -> None:
    """Words of others are deleted and changed by supervisors only."""
    own = message.direction == Direction.OUT and not message.native and message.member_id == access.member_id
    if action in (Action.DELETE, Action.EDIT) and not own and RANK[access.role] < RANK[Role.SUPERVISOR]:
        raise Forbidden("Only a supervisor may change or delete what somebody else wrote.")


def _checked_text(action: Action, text: str, allowed: Length) -> str:
    if action != Action.EDIT:
        return ""
    if not text:
        raise Invalid("The reply is empty.", code="empty")
    replies.check_places(text)
    lengths.check(text, allowed)
    return text


async def _check_not_on_its_way(session: AsyncSession, message: Message, action: Action) -> None:
    in_doubt = () if action in acting.REPEATABLE else (ModerationState.AMBIGUOUS,)  # a second like may take the first back
    states = (*ON_ITS_WAY, *in_doubt)
    same = (col(Moderation.message_id) == message.id, col(Moderation.action) == action, col(Moderation.state).in_(states))
    if await session.scalar(select(col(Moderation.id)).where(*same).limit(1)) is not None:
        raise Conflict("Somebody is doing that already.", code="on_its_way")


async def _undo_window(session: AsyncSession, access: Access) -> timedelta:
    member = await session.get(Member, access.member_id) if access.member_id else None
    own = member.undo_seconds if member else None
    if own is None:
        own = (await session.get_one(Workspace, access.workspace_id)).undo_seconds
    return min(timedelta(seconds=own), replies.LONGEST_UNDO)


async def _change(session: AsyncSession, moderation: Moderation, *condition: Any, **values: Any) -> bool:
    """Change the row if the condition still holds and no other attempt has begun; bring `moderation` up to date."""
    mine = (col(Moderation.id) == moderation.id, col(Moderation.attempt) == moderation.attempt, *condition)
    change = update(Moderation).where(*mine).values(**values).returning(col(Moderation.id))
    changed = (await session.execute(change, execution_options={"synchronize_session": False})).first() is not None
    await session.refresh(moderation)
    return changed
