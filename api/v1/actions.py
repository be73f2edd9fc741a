"""What is done to messages on their platforms."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api import able
from api.deps import ApiAccessDep, NowDep, Number, SessionDep
from api.schemas import ActionIn, ActionOut
from api.v1 import PROBLEMS
from inbox.conversations import messages, moderation
from inbox.models import Channel, Conversation, Message, Moderation

router = APIRouter(prefix="/messages/{message_id}/actions", tags=["actions"], responses=PROBLEMS)
KeyHeader = Annotated[
    str,
    Header(alias="Idempotency-Key", min_length=1, max_length=200, description="Yours, the same for every try of one action."),
]


async def found(message_id: Number, access: ApiAccessDep, session: SessionDep) -> tuple[Conversation, Message]:
    """The message and its conversation, if this token may see it."""
    return await messages.visible(session, access, message_id)


FoundDep = Annotated[tuple[Conversation, Message], Depends(found)]


@router.get("")
async def list_actions(found: FoundDep, session: SessionDep) -> list[ActionOut]:
    """Everything that was asked for, oldest first."""
    return [ActionOut.model_validate(each) for each in await moderation.every(session, found[1])]


@router.post("", status_code=202)
async def create_action(
    found: FoundDep, access: ApiAccessDep, wanted: ActionIn, key: KeyHeader, session: SessionDep, now: NowDep, response: Response
) -> ActionOut:
    """Queue an action. It leaves when the undo window ends; `state` tells what became of it."""
    conversation, message = found
    channel = await session.get_one(Channel, conversation.channel_id)
    queued = await moderation.request(
        session,
        access,
        conversation,
        message,
        wanted.action,
        client_key=f"{access.actor}:{key}",
        now=now,
        capabilities=able.of(channel.platform, channel.actions),
        text=wanted.text,
    )
    response.headers["Location"] = f"/api/v1/messages/{message.id}/actions/{queued.id}"
    return ActionOut.model_validate(queued)


@router.get("/{action_id}")
async def get_action(found: FoundDep, action_id: Number, session: SessionDep) -> ActionOut:
    """One action, and what became of it."""
    return ActionOut.model_validate(await _one(session, found, action_id))


@router.delete("/{action_id}")
async def undo_action(found: FoundDep, access: ApiAccessDep, action_id: Number, session: SessionDep, now: NowDep) -> ActionOut:
    """Take an action back that has not left yet."""
    action = await _one(session, found, action_id)
    await moderation.undo(session, access, action, now=now)
    return ActionOut.model_validate(action)


async def _one(session: AsyncSession, found: tuple[Conversation, Message], action_id: int) -> Moderation:
    conversation, message = found
    return await moderation.get(session, conversation, message.id, action_id)
