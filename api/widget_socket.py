"""The website chat's own socket: a visitor's frames in, their chat out, from the log's last id that the page has seen.

In: hello, message, typing, seen, email, rate, unasked, ping. Out: ready, messages, accepted, refused, typing, team, rated, unasked, pong,
ended (docs/channels/widget.md).
Whatever else a frame holds closes the socket with a code of 1003, 1008 or 1009; nothing that a visitor sends makes an error of ours.
"""

import asyncio
from contextlib import suppress

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import TypeAdapter, ValidationError

from api.deps import House
from api.widget_access import CONNECTIONS, address_of, count, is_welcome, open_door
from api.widget_frames import Frame
from api.widget_hub import Hub
from api.widget_visit import Visit
from inbox.errors import NotFound, TooMany

router = APIRouter()
LONGEST_FRAME = 64 * 1024  # characters
FRAMES = 60  # in `SECONDS`: a person types slower
SECONDS = 10.0
HELLO_SECONDS = 15.0
frames: TypeAdapter[Frame] = TypeAdapter(Frame)


@router.websocket("/widget/{key}/socket")
async def socket(websocket: WebSocket, key: str) -> None:
    """One open chat, until the visitor leaves, the channel is switched off or the chat is deleted."""
    house: House = websocket.app.state.house
    try:
        async with house.database.transaction() as session:
            door = await open_door(session, house, key)
        await count(house, "connection", address_of(websocket), CONNECTIONS)
    except (NotFound, TooMany):
        await websocket.close(1008)  # before accept: the browser sees 403
        return
    if not is_welcome(websocket, door.config, house):
        await websocket.close(1008)
        return
    await websocket.accept()
    async with hub_of(websocket, house).watching() as watch:
        visit = Visit(house=house, websocket=websocket, door=door, watch=watch, address=address_of(websocket))
        pushing = asyncio.create_task(visit.push())
        listening = asyncio.create_task(listen(websocket, visit))
        try:
            await asyncio.wait({pushing, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pushing, listening):
                task.cancel()
            results = await asyncio.gather(pushing, listening, return_exceptions=True)
            await visit.leave()
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect | TimeoutError | RuntimeError):
                raise result
        with suppress(RuntimeError, WebSocketDisconnect):  # closed already, by either side
            await websocket.close(1000)


async def listen(websocket: WebSocket, visit: Visit) -> None:
    """Read frames until one of them, or their number, is not a widget's."""
    loop = asyncio.get_running_loop()
    begun, seen = loop.time(), 0
    while True:
        async with asyncio.timeout(None if visit.greeted else HELLO_SECONDS):
            received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            return
        if loop.time() - begun > SECONDS:
            begun, seen = loop.time(), 0
        seen += 1
        text = received.get("text")
        if text is None or seen > FRAMES or len(text) > LONGEST_FRAME:
            await websocket.close(1003 if text is None else 1008 if seen > FRAMES else 1009)
            return
        try:
            frame = frames.validate_json(text)
        except ValidationError as error:
            if not await visit.refuse_unreadable(text, error):
                return
            continue
        await visit.take(frame)


def hub_of(websocket: WebSocket, house: House) -> Hub:
    """The process's one hub."""
    state = websocket.app.state
    if not hasattr(state, "widget_hub"):
        state.widget_hub = Hub(house.database)
    return state.widget_hub
