"""What a team does to messages on their platforms: like, hide, delete …, taken back, tried again, settled."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import JSONResponse

from api import able
from api.deps import AccessDep, ConversationDep, NowDep, Number, SessionDep
from api.pages.conversations import DoneDep, done
from api.pages.waiting import MessageDep
from api.pages.writing import OWN_KEY
from inbox.contract import Action
from inbox.conversations import moderation
from inbox.models import Channel, Moderation

router = APIRouter(prefix="/w/{workspace_id}/conversations/{conversation_id}")
ACTIONS = "/messages/{message_id}/actions"
ONE = ACTIONS + "/{moderation_id}"


@router.post(ACTIONS, status_code=202)
async def create_action(
    request: Request,
    conversation: ConversationDep,
    message: MessageDep,
    access: AccessDep,
    session: SessionDep,
    now: NowDep,
    action: Annotated[Action, Form()],
    client_key: Annotated[str, Form(min_length=8, max_length=100, pattern=OWN_KEY)],
    text: Annotated[str, Form(max_length=100_000)] = "",
) -> Response:
    """Queue an action; it leaves when its undo window ends, and the live page tells what became of it."""
    channel = await session.get_one(Channel, conversation.channel_id)
    queued = await moderation.request(
        session,
        access,
        conversation,
        message,
        action,
        client_key=client_key,
        now=now,
        capabilities=able.of(channel.platform, channel.actions),
        text=text.replace("\r\n", "\n"),
    )
    if "text/html" in request.headers.get("accept", ""):
        return done(request, conversation.workspace_id, conversation.id)
    return JSONResponse({"action": queued.id, "act_at": queued.act_at.isoformat()}, status_code=202)


async def one(message_id: Number, moderation_id: Number, conversation: ConversationDep, session: SessionDep) -> Moderation:
    """An action on a message of the conversation."""
    return await moderation.get(session, conversation, message_id, moderation_id)


ModerationDep = Annotated[Moderation, Depends(one)]


@router.delete(ONE)
@router.post(ONE + "/undo")
async def undo_action(found: ModerationDep, access: AccessDep, session: SessionDep, now: NowDep, done: DoneDep) -> Response:
    """Take an action back before it leaves, or put one aside that failed."""
    await moderation.undo(session, access, found, now=now)
    return done


@router.post(ONE + "/retry")
async def retry_action(found: ModerationDep, access: AccessDep, session: SessionDep, now: NowDep, done: DoneDep) -> Response:
    """Do it again: it failed, or may have been done and a person decided so."""
    await moderation.retry(session, access, found, now=now)
    return done


@router.post(ONE + "/settle")
async def settle_action(
    found: ModerationDep, access: AccessDep, session: SessionDep, now: NowDep, done: DoneDep, was_done: Annotated[bool, Form()]
) -> Response:
    """Say what became of an action that may have been done."""
    await moderation.settle(session, access, found, was_done, now=now)
    return done
