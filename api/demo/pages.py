"""The demonstration's own doors: the printed link, the customer's window, and how fast time goes."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.demo import seed
from api.deps import COOKIE, AccessDep, ConversationDep, HouseDep, NowDep, Number, SessionDep
from api.pages.here import HereDep, LocaleDep
from connectors.demo import town
from inbox.errors import Invalid, NotFound
from inbox.models import Attachment, Channel, Conversation, Delivery, Identity, Message, Post, Workspace
from inbox.team import invitations, sessions
from web import render
from web.i18n import locale_of

router = APIRouter()
VISIBLE = (Delivery.RECEIVED, Delivery.SENT)
DELIVERED_ALL_THE_SAME = Delivery.AMBIGUOUS  # the demonstration's platform has it, as its customers see
SPEEDS = (0, 1, 4)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@router.get("/demo/{workspace_id}/{signature}")
async def sign_in(workspace_id: Number, signature: str, request: Request, house: HouseDep, session: SessionDep, now: NowDep) -> Response:
    """The printed link: signs in as the demonstration's supervisor, and as nobody else."""
    member = await seed.supervisor(session, workspace_id) if house.vault.verify(signature, "demo", str(workspace_id)) else None
    if member is None:
        raise NotFound("This demonstration is not here any more.")
    agent = request.headers.get("user-agent", "")
    token = await sessions.begin(session, member.account_id, now=now, days=house.settings.session_days, user_agent=agent)
    response = RedirectResponse(f"/w/{workspace_id}/inbox", status_code=303)
    secure = house.settings.public_url.startswith("https:")
    response.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=secure, max_age=house.settings.session_days * 86400)
    return response


async def demo_workspace(access: AccessDep, session: SessionDep) -> Workspace:
    workspace = await session.get(Workspace, access.workspace_id)
    if workspace is None or not workspace.is_demo:
        raise NotFound("Only the demonstration has a customer's side.")
    return workspace


DemoDep = Annotated[Workspace, Depends(demo_workspace)]


@router.get("/w/{workspace_id}/demo/customer/{conversation_id}")
async def customer(conversation: ConversationDep, workspace: DemoDep, request: Request, session: SessionDep) -> Response:
    """The customer's own window: what the other side sees of a conversation, and a box to answer in."""
    shown = await _shown(session, conversation)
    locale = locale_of(request.headers.get("accept-language", ""))
    name = "demo/_thread.html" if request.headers.get("x-fragment") else "demo/customer.html"
    channel = await session.get_one(Channel, conversation.channel_id)
    post = await session.get(Post, conversation.post_id) if conversation.post_id else None
    context = {
        "conversation": conversation,
        "workspace": workspace,
        "channel": channel,
        "post": post,
        "messages": shown,
        "zone": ZoneInfo(workspace.timezone),
    }
    return HTMLResponse(render.page(name, locale, **context), headers={"Cache-Control": "no-store"})


@router.post("/w/{workspace_id}/demo/customer/{conversation_id}", status_code=303)
async def speak(
    conversation: ConversationDep,
    workspace: DemoDep,
    house: HouseDep,
    session: SessionDep,
    now: NowDep,
    text: Annotated[str, Form(max_length=2200)],
) -> Response:
    """Say something as the customer; it comes back through the connector like everything that customers say."""
    if not text.strip():
        raise Invalid("Write something first.")
    channel = await session.get_one(Channel, conversation.channel_id)
    config = json.loads(house.vault.decrypt(channel.config))
    began = await session.scalar(_inbound(conversation).order_by(col(Message.at)).limit(1))
    if began is None or began.identity_id is None:
        raise Invalid("Nobody outside has spoken in this conversation yet.")
    author = await session.get_one(Identity, began.identity_id)
    said = town.Post(
        id=f"typed-{secrets.token_hex(8)}",
        thread=began.thread_external_id,
        text=text,
        at=now,
        author=author.external_id,
        parent=began.external_id,
    )
    town.Town(Path(config["folder"]), config["place"]).type(said)
    return RedirectResponse(f"/w/{workspace.id}/demo/customer/{conversation.id}", status_code=303)


@router.get("/w/{workspace_id}/demo/own", dependencies=[Depends(demo_workspace)])
async def own(here: HereDep, locale: LocaleDep, house: HouseDep, session: SessionDep, now: NowDep) -> Response:
    """How to leave the demonstration for a workspace of one's own.

    The first run makes an admin, so its link is shown on the machine itself only: a published demonstration must give it to nobody.
    """
    at_home = urlsplit(house.settings.public_url).hostname in LOOPBACK
    token = await invitations.first_run_link(session, now=now) if at_home else None
    context = {
        "here": here,
        "is_waiting": await invitations.is_waiting_for_first_run(session),
        "link": f"/first-run/{token}" if token else None,
    }
    return HTMLResponse(render.page("demo/own.html", locale, **context), headers={"Cache-Control": "no-store"})


@router.get("/w/{workspace_id}/demo/speed")
async def get_speed(workspace: DemoDep, house: HouseDep) -> dict[str, float]:
    """How fast the demonstration's time goes: 0, 1 or 4."""
    return {"speed": town.Clock(seed.folder(house.settings.home, workspace.id)).speed()}


@router.post("/w/{workspace_id}/demo/speed", status_code=303)
async def set_speed(workspace: DemoDep, house: HouseDep, speed: Annotated[int, Form(ge=0, le=1000)], request: Request) -> Response:
    """Pause the demonstration, or let it go at 1× or 4×."""
    if speed not in SPEEDS:
        raise Invalid("The demonstration runs at 0, 1 or 4 times the real time.")
    town.Clock(seed.folder(house.settings.home, workspace.id)).set_speed(speed)
    back = request.headers.get("referer", "")
    return RedirectResponse(back if back.startswith(f"{house.settings.public_url}/") else f"/w/{workspace.id}/inbox", status_code=303)


async def _shown(session: AsyncSession, conversation: Conversation) -> Sequence[tuple[Message, Sequence[Attachment]]]:
    """What the platform shows: nothing that was deleted, hidden or not delivered. With its files."""
    visible = (
        col(Message.conversation_id) == conversation.id,
        col(Message.delivery).in_([*VISIBLE, DELIVERED_ALL_THE_SAME]),
        col(Message.deleted_at).is_(None),
        col(Message.hidden_at).is_(None),
    )
    messages = (await session.scalars(select(Message).where(*visible).order_by(col(Message.at), col(Message.id)))).all()
    files = (await session.scalars(select(Attachment).where(col(Attachment.conversation_id) == conversation.id))).all()
    return [(message, [file for file in files if file.message_id == message.id]) for message in messages]


def _inbound(conversation: Conversation) -> Select[Message]:
    return select(Message).where(col(Message.conversation_id) == conversation.id, col(Message.identity_id).is_not(None))
