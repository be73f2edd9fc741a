"""The websocket that keeps a page true.

In: show {view, rows, end, views, conversation, board, after}, here {conversation, typing}, gone {conversation}, ping. Out: {id, ops: […]},
and {refresh: true} when pushing is not enough. The id is the log's: a page that comes back says the last one it knows.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, FastAPI, WebSocket
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from api import wire
from api.deps import House, RowId, SessionDep
from api.hub import Hub
from api.watcher import Watcher
from api.welcome import Welcome, WelcomeDep
from inbox import db, pauses
from inbox.conversations import views
from inbox.errors import NotFound
from inbox.team import presence, rights

router = APIRouter()
LONGEST_FRAME = 100_000  # characters
FRAMES, SECONDS = 100, 10.0  # a page says less than this, whatever a person does
NONSENSE, TOO_MANY, TOO_LONG, AGAIN = 1003, 1008, 1009, 1013  # codes that a socket is closed with
STAY = "parley.stay"
log = structlog.get_logger()


class Show(BaseModel):
    """What the page shows now."""

    t: Literal["show"]
    view: str | None = Field(default=None, max_length=40)
    rows: list[RowId] = Field(default_factory=list, max_length=5000)
    end: tuple[float, float, int] | None = None
    views: list[Annotated[str, Field(max_length=40)]] = Field(default_factory=list, max_length=500)
    conversation: RowId | None = None
    board: bool = False  # a wallboard
    after: int = Field(default=0, ge=0, lt=2**63)


class Here(BaseModel):
    """The reader looks at a conversation, or leaves it."""

    t: Literal["here", "gone"]
    conversation: RowId
    typing: bool = False


class Ping(BaseModel):
    t: Literal["ping"]


frames: TypeAdapter[Show | Here | Ping] = TypeAdapter(Annotated[Show | Here | Ping, Field(discriminator="t")])


@asynccontextmanager
async def running(app: FastAPI) -> AsyncGenerator[None]:
    """Read the log as long as the process lives."""
    hub = Hub(app.state.house)
    app.state.hub = hub
    tasks = [asyncio.create_task(work) for work in (hub.run(), hub.count(), hub.guard())]
    try:
        yield
    finally:
        await pauses.stop(*tasks)


@router.websocket("/w/{workspace_id}/live")
async def live(websocket: WebSocket, welcome: WelcomeDep, session: SessionDep) -> None:
    """Let a page in. Staying is another matter: see `Staying`."""
    await session.close()  # asked and answered: an open page holds no connection to the database
    await websocket.accept()
    websocket.scope[STAY] = partial(_stay, websocket.app.state.hub, welcome)


class Staying:
    """Runs what a socket's route left in the scope once the route is over: its rows and dependencies weigh more than the socket."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
        if STAY in scope:
            await scope.pop(STAY)(scope, receive, send)


async def _stay(hub: Hub, welcome: Welcome, scope: Scope, receive: Receive, send: Send) -> None:
    """One open page, until it is closed or its session ends."""
    watcher = welcome(wire.of(scope, send))
    code = AGAIN
    try:
        try:
            await hub.join(watcher)
            code = await _listen(receive, hub, watcher)
        finally:
            hub.leave(watcher)
            if watcher.conversation is not None:
                await _say(hub.house, watcher, Here(t="gone", conversation=watcher.conversation))
    except Exception as error:
        if not db.lost(error):
            raise
        log.warning("a page lost the database and has to come back", error=type(error).__name__)
    if code is not None:
        watcher.wire.end(code)
        await _closed(receive)


async def _closed(receive: Receive) -> None:
    """Wait until the socket is closed: what comes until then was too late."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _listen(receive: Receive, hub: Hub, watcher: Watcher) -> int | None:
    """Do what the page says; the code to close with, or None when the page has gone."""
    loop = asyncio.get_running_loop()
    begun, heard = loop.time(), 0
    while True:
        received = await receive()
        if received["type"] == "websocket.disconnect":
            return None
        if loop.time() - begun > SECONDS:
            begun, heard = loop.time(), 0
        heard += 1
        text = received.get("text")
        if text is None:
            return NONSENSE
        if heard > FRAMES:
            return TOO_MANY
        if len(text) > LONGEST_FRAME:
            return TOO_LONG
        try:
            frame = frames.validate_json(text)
        except ValidationError:
            return NONSENSE
        await _answer(hub, watcher, frame)


async def _answer(hub: Hub, watcher: Watcher, frame: Show | Here | Ping) -> None:
    if isinstance(frame, Ping):
        watcher.tell(wire.telling((), hub.cursor))
    elif isinstance(frame, Here):
        await _say(hub.house, watcher, frame)
    else:
        with suppress(NotFound):  # a view that is gone: the page shows what it has
            watcher.view = views.parse(frame.view) if frame.view else None
            watcher.views = hub.shared(frozenset(views.parse(key) for key in frame.views))
        watcher.rows, watcher.end, watcher.conversation = hub.shared(frozenset(frame.rows)), frame.end, frame.conversation
        watcher.board, watcher.board_told = frame.board, ()
        await hub.catch_up(watcher, frame.after)


async def _say(house: House, watcher: Watcher, frame: Here) -> None:
    """Tell colleagues where the reader is, if that is a place that the reader may be in."""
    access, number, now = watcher.access, frame.conversation, house.clock()
    reader = {"workspace_id": access.workspace_id, "conversation_id": number, "member_id": watcher.member_id}
    async with house.database.transaction() as session:
        try:
            await rights.conversation(session, access, number)
        except NotFound:
            return
        if frame.t == "gone":
            await presence.leave(session, **reader, said_at=watcher.here_at or now)
        else:
            await presence.show(session, **reader, typing=frame.typing, now=now)
            watcher.here_at = now
