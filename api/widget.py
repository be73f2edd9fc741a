"""The website chat's doors: the script tag, the modules behind it, its own pages, and what belongs to these in other modules."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

import web
from api import widget_files, widget_socket
from api.deps import House, HouseDep, SessionDep
from api.widget_access import FOREIGN, Door, DoorDep
from inbox.errors import NotFound
from inbox.models import Workspace
from web import render
from web.i18n import locale_of

router = APIRouter()
MODULES = Path(web.__file__).parent / "static" / "widget"
SCRIPT_SECONDS = 300  # a change of the settings is on every website after five minutes
PAGE_POLICY = (
    "default-src 'none'; script-src {parley}; connect-src {parley} {socket}; img-src {parley}; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)


@router.get("/widget/{key}.js")
async def script(door: DoorDep, house: HouseDep, session: SessionDep, if_none_match: Annotated[str, Header()] = "") -> Response:
    """What the one script tag loads: the settings, and the module that draws the button. The same for everybody; sets nothing."""
    workspace = await session.get_one(Workspace, door.channel.workspace_id)
    config = door.config
    settings = {
        "key": door.channel.key,
        "version": version(),
        "title": config.title or door.channel.name,
        "greeting": config.greeting,
        "colour": config.colour,
        "theme": config.theme,
        "position": config.position,
        "locale": config.locale,
        "workspace_locale": workspace.locale,  # for a page and a visitor whose languages the chat does not speak
        "base": f"{house.settings.public_url}/widget/",
        "privacy": workspace.privacy_url if workspace.privacy_url.startswith(("https://", "http://")) else "",
    }
    body = render.fragment("widget/script.js", "en", settings=json.dumps(settings).replace("<", "\\u003c"))
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={SCRIPT_SECONDS}", **FOREIGN}
    if tag in {known.strip().removeprefix("W/") for known in if_none_match.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="text/javascript", headers=headers)


@router.get("/widget/modules/{wanted}/{name}.js")
async def module(wanted: str, name: str) -> Response:
    """A module of the widget. Its address holds the version, so it may be kept for ever."""
    body = _modules().get(name)
    if body is None:
        raise NotFound("There is no such module.")
    kept = "public, max-age=31536000, immutable" if wanted == version() else "no-cache"
    return Response(body, media_type="text/javascript", headers={"Cache-Control": kept, **FOREIGN})


@router.get("/widget/{key}/try")
async def try_it(door: DoorDep, house: HouseDep, session: SessionDep, accept_language: Annotated[str, Header()] = "") -> Response:
    """A plain page that shows the chat as a website with a strict content policy does."""
    return _page("widget/try.html", door, house, await _locale(session, door, accept_language))


@router.get("/widget/{key}/chat")
async def chat(door: DoorDep, house: HouseDep, session: SessionDep, accept_language: Annotated[str, Header()] = "") -> Response:
    """The chat alone: where a mailed link leads. What the link carries stays behind the #, out of every log."""
    return _page("widget/chat.html", door, house, await _locale(session, door, accept_language))


@cache
def version() -> str:
    """Of all modules together."""
    digest = hashlib.sha256()
    for name, body in sorted(_modules().items()):
        digest.update(name.encode() + b"\0" + body)
    return digest.hexdigest()[:12]


@cache
def _modules() -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in MODULES.glob("*.js")}


async def _locale(session: AsyncSession, door: Door, accept_language: str) -> str:
    """The language of a page of ours: as set, else the visitor's, else the workspace's."""
    workspace = await session.get_one(Workspace, door.channel.workspace_id)
    return door.config.locale or locale_of(accept_language, workspace.locale)


def _page(name: str, door: Door, house: House, locale: str) -> Response:
    here = house.settings.public_url
    title = door.config.title or door.channel.name
    body = render.page(name, locale, key=door.channel.key, title=title, base=f"{here}/widget/")
    policy = PAGE_POLICY.format(parley="'self'", socket=here.replace("http", "ws", 1))
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    return HTMLResponse(body, headers=headers)


router.include_router(widget_files.router)
router.include_router(widget_socket.router)
