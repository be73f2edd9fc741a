"""Texts that the platform has approved: offered where it takes no others, filled in and sent."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse

from api import able, approved
from api.deps import AccessDep, ConversationDep, HouseDep, MemberDep, NowDep, SessionDep
from api.pages.conversations import done
from api.pages.writing import OWN_KEY
from inbox.conversations import replies
from inbox.conversations.approved import variables
from inbox.models import Channel, Role

router = APIRouter(prefix="/w/{workspace_id}/conversations/{conversation_id}")


@router.get("/approved")
async def list_approved(conversation: ConversationDep, access: AccessDep, session: SessionDep, house: HouseDep) -> list[dict[str, Any]]:
    """What the platform takes outside of its window, each with the numbers of its variables."""
    access.need(Role.AGENT)
    channel = await session.get_one(Channel, conversation.channel_id)
    found = await approved.every(session, house, channel)
    return [
        {"name": template.name, "language": template.language, "text": template.text, "variables": variables(template.text)}
        for template in found
    ]


@router.post("/approved", status_code=202)
async def send_approved(
    request: Request,
    conversation: ConversationDep,
    access: AccessDep,
    member: MemberDep,
    session: SessionDep,
    house: HouseDep,
    now: NowDep,
    client_key: Annotated[str, Form(min_length=8, max_length=100, pattern=OWN_KEY)],
    name: Annotated[str, Form(max_length=600)],
    language: Annotated[str, Form(max_length=40)],
    value: Annotated[list[str] | None, Form(max_length=50)] = None,
) -> Response:
    """Queue one of them as a reply."""
    access.need(Role.AGENT)
    channel = await session.get_one(Channel, conversation.channel_id)
    template = await approved.find(session, house, channel, name, language)
    message = await replies.queue(
        session,
        conversation,
        member,
        body="",
        client_key=client_key,
        platform_template=template,
        template_values=value or (),
        capabilities=able.of(channel.platform, channel.actions),
        actor=access.actor,
        now=now,
    )
    if "text/html" in request.headers.get("accept", ""):
        return done(request, conversation.workspace_id, conversation.id)
    leaves = message.send_at.isoformat() if message.send_at else None
    return JSONResponse({"message": message.id, "send_at": leaves}, status_code=202)
