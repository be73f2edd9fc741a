"""Who waits, as people correct it: a message waits for an answer or needs none, and mistakes are taken back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response

from api.deps import AccessDep, ConversationDep, NowDep, Number, SessionDep
from api.pages.conversations import BOTH, DoneDep
from inbox.conversations import messages, status, waiting
from inbox.models import Message

router = APIRouter(prefix="/w/{workspace_id}/conversations/{conversation_id}")
WAIT = "/messages/{message_id}/wait"


async def message(message_id: Number, conversation: ConversationDep, session: SessionDep) -> Message:
    """One of the conversation's messages."""
    return await messages.get(session, conversation, message_id)


MessageDep = Annotated[Message, Depends(message)]


@router.api_route(WAIT, methods=BOTH)
async def put_wait(
    conversation: ConversationDep,
    message: MessageDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    done: DoneDep,
    waits: Annotated[bool, Form()],
) -> Response:
    """Whether the message waits for an answer."""
    change = waiting.begin if waits else waiting.end
    await change(session, access, conversation, message, now=now)
    return done


@router.delete(WAIT)
@router.post(WAIT + "/undo")
async def undo_wait(
    conversation: ConversationDep, message: MessageDep, access: AccessDep, session: SessionDep, now: NowDep, done: DoneDep
) -> Response:
    """What was last said about it does not hold."""
    await waiting.take_back(session, access, conversation, message, now=now)
    return done


@router.delete("/status")
@router.post("/status/undo")
async def undo_status(conversation: ConversationDep, access: AccessDep, session: SessionDep, now: NowDep, done: DoneDep) -> Response:
    """The last move was a mistake: whoever waited before it waits on."""
    await status.take_back(session, access, conversation, now=now)
    return done
