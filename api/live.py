"""The websocket that keeps a page true.

In: show {view, rows, end, views, conversation, after}, here {conversation, typing}, gone {conversation}, ping. Out: {id, ops: […]}, and
{refresh: true} when pushing is not enough. The id is the log's: a page that comes back says the last one it knows.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from api.crowd import stopped
from api.deps import House, SessionDep
from api.hub import Hub
from api.watcher import Watcher
from api.welcome import WatcherDep
from inbox.conversations import views
from inbox.errors import NotFound
from inbox.team import presence, rights

router = APIRouter()
LONGEST_FRAME = 100_000  # characters
FRAMES, SECONDS = 100, 10.0  # a page says less than this, whatever a person does

Number = Annotated[int, Field(ge=1, lt=2**63)]


class Show(BaseModel):
    """What the page shows now."""

    t: Literal["show"]
    view: str | None = Field(default=None, max_length=40)
    rows: list[Number] = Field(default_factory=list, max_length=5000)
    end: tuple[float, int] | None = None
    views: list[Annotated[str, Field(max_length=40)]] = Field(default_factory=list, max_length=500)
    conversation: Number | None = None
    after: int = Field(default=0, ge=0, lt=2**63)


class Here(BaseModel):
    """The reader looks at a conversation, or leaves it."""

    t: Literal["here", "gone"]
    conversation: Number
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
        await stopped(*tasks)


@router.websocket("/w/{workspace_id}/live")
async def live(websocket: WebSocket, watcher: WatcherDep, session: SessionDep) -> None:
    """One open page, until it is closed or its session ends."""
    hub: Hub = websocket.app.state.hub
    await session.close()  # asked and answered: an open page holds no connection to the database
    await websocket.accept()
    await hub.join(watcher)
    writing = asyncio.create_task(watcher.write())
    listening = asyncio.create_task(_listen(websocket, hub, watcher))
    try:
        await asyncio.wait({writing, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.leave(watcher)
        await stopped(writing, listening)
        if watcher.conversation is not None:
            await _say(hub.house, watcher, Here(t="gone", conversation=watcher.conversation))
    with suppress(RuntimeError, WebSocketDisconnect):  # closed already, by either side
        await websocket.close(1000)


async def _listen(websocket: WebSocket, hub: Hub, watcher: Watcher) -> None:
    loop = asyncio.get_running_loop()
    begun, heard = loop.time(), 0
    while True:
        received: dict[str, Any] = dict(await websocket.receive())
        if received["type"] == "websocket.disconnect":
            return
        if loop.time() - begun > SECONDS:
            begun, heard = loop.time(), 0
        heard += 1
        text = received.get("text") or ""
        if heard > FRAMES or len(text) > LONGEST_FRAME:
            return
        try:
            frame = frames.validate_json(text)
        except ValidationError:
            return  # not our page
        await _answer(hub, watcher, frame)


async def _answer(hub: Hub, watcher: Watcher, frame: Show | Here | Ping) -> None:
    if isinstance(frame, Ping):
        watcher.tell([], hub.cursor)
    elif isinstance(frame, Here):
        await _say(hub.house, watcher, frame)
    else:
        with suppress(NotFound):  # a view that is gone: the page shows what it has
            watcher.view = views.parse(frame.view) if frame.view else None
            watcher.views = tuple(views.parse(key) for key in frame.views)
        watcher.rows, watcher.end, watcher.conversation = set(frame.rows), frame.end, frame.conversation
        await hub.catch_up(watcher, frame.after)


async def _say(house: House, watcher: Watcher, frame: Here) -> None:
    """Tell colleagues where the reader is, if that is a place that the reader may be in."""
    access, number = watcher.access, frame.conversation
    async with house.database.transaction() as session:
        try:
            await rights.conversation(session, access, number)
        except NotFound:
            return
        if frame.t == "gone":
            await presence.leave(session, workspace_id=access.workspace_id, conversation_id=number, member_id=watcher.member_id)
        else:
            now = house.clock()
            await presence.show(
                session, workspace_id=access.workspace_id, conversation_id=number, member_id=watcher.member_id, typing=frame.typing, now=now
            )
