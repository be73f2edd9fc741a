"""Who may come in by the website chat's doors: pages of allowed websites, and visitors to their own chat.

No cookie is read or set here: a visitor's token travels in a header, so another website's requests carry nothing. The channel's key is
public; it opens the door to a new chat, and never an old one.
"""

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.requests import HTTPConnection
from fastapi.routing import APIRoute
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api import problems
from api.deps import House, HouseDep, SessionDep
from connectors.widget import Widget, WidgetConfig
from inbox.conversations import visitors
from inbox.errors import Forbidden, NotFound, ParleyError, TooMany, Unauthorized
from inbox.models import Channel, ChannelState, Visitor
from inbox.secrets import Vault
from inbox.team import throttle
from inbox.team.throttle import Limit

FOREIGN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}  # for what everybody may have
MESSAGES = Limit(20, timedelta(minutes=1))
NEWCOMERS = Limit(30, timedelta(hours=1))  # an office shares one address
CONNECTIONS = Limit(120, timedelta(minutes=1))
UPLOADS = Limit(20, timedelta(hours=1))
UPLOADS_FROM = Limit(60, timedelta(hours=1))
ADDRESSES = Limit(5, timedelta(hours=1))
LINKS = Limit(20, timedelta(hours=1))
RATINGS = Limit(20, timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Door:
    """A widget channel that is switched on, with its settings."""

    channel: Channel
    config: WidgetConfig


async def open_door(session: AsyncSession, house: House, key: str) -> Door:
    """The channel of a key in an address; NotFound when it is none, was removed, or is switched off."""
    if not (key.isascii() and key.isprintable()):
        raise NotFound("There is no such chat.")
    found = select(Channel).where(
        col(Channel.key) == key,
        col(Channel.platform) == Widget.name,
        col(Channel.removed_at).is_(None),
        col(Channel.state) != ChannelState.PAUSED,
    )
    channel = await session.scalar(found)
    if channel is None:
        raise NotFound("There is no such chat.")
    return Door(channel, config_of(house.vault, channel))


def config_of(vault: Vault, channel: Channel) -> WidgetConfig:
    """What an admin set; the public copy wins. Settings that do not fit any more show the plainest chat, on our own pages only."""
    kept: dict[str, Any] = json.loads(vault.decrypt(channel.config)) if channel.config else {}
    try:
        return WidgetConfig.model_validate({**kept, **channel.public_config})
    except ValidationError:
        return WidgetConfig()


async def door(key: str, session: SessionDep, house: HouseDep) -> Door:
    return await open_door(session, house, key)


DoorDep = Annotated[Door, Depends(door)]


def is_welcome(connection: HTTPConnection, config: WidgetConfig, house: House) -> bool:
    """Whether the page that asks is on the list, or our own. Only browsers say `Origin`, and they do not let a page change it."""
    origin = connection.headers.get("origin", "").lower()
    scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
    public = urlsplit(house.settings.public_url)
    ours = {f"{public.scheme}://{public.netloc}".lower(), f"{scheme}://{connection.headers.get('host', '')}".lower()}
    return bool(origin) and (origin in ours or config.allows(origin))


async def welcome(request: Request, door: DoorDep, house: HouseDep) -> Door:
    if not is_welcome(request, door.config, house):
        raise Forbidden("This website may not show the chat: add its address to the channel's websites.", code="origin")
    request.state.origin = request.headers["origin"]
    return door


WelcomeDep = Annotated[Door, Depends(welcome)]


async def token(request: Request, door: WelcomeDep, house: HouseDep) -> str:
    """The bearer's token, made here for this channel; whether it has spoken yet is another question."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not visitors.genuine(house.vault, door.channel, given):
        raise Unauthorized("This chat is not open to you.", code="token")
    return given


TokenDep = Annotated[str, Depends(token)]


async def visitor(token: TokenDep, door: WelcomeDep, house: HouseDep, session: SessionDep) -> Visitor:
    found = await visitors.find(session, house.vault, door.channel, token)
    if found is None:
        raise NotFound("There is no chat yet, or it was deleted.", code="gone")
    return found


VisitorDep = Annotated[Visitor, Depends(visitor)]


async def count(house: House, name: str, who: str, limit: Limit) -> None:
    """One try more, in a transaction of its own."""
    async with house.database.transaction() as session:
        await throttle.hit(session, f"widget {name}", who, limit, now=house.clock())


def address_of(connection: HTTPConnection) -> str:
    """The caller's address, as far as the server believes it."""
    return connection.client.host if connection.client else ""


class AllowedRoute(APIRoute):
    """Tells the browser that the website may read the answer, an error too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handle(request)
            except ParleyError as error:
                headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooMany) else {}
                response = problems.answer(request, error.status, error.code, str(error), headers=headers)
            origin = getattr(request.state, "origin", None)
            if origin is not None:
                response.headers.update({"Access-Control-Allow-Origin": origin, "Cross-Origin-Resource-Policy": "cross-origin"})
            response.headers["Vary"] = "Origin"
            return response

        return answer
