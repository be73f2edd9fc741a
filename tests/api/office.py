"""A served workspace with open pages, for tests of the live page."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api import wire
from api.deps import COOKIE, House
from api.watcher import Watcher
from inbox.contract import Author, Batch, Event, EventKind
from inbox.conversations import receive
from inbox.models import Channel, ChannelAccess, Member, Role, Workspace
from inbox.team import sessions
from inbox.team.rights import Access
from tests.api.visitor import serving
from tests.app import app_of
from tests.make import Make

SECONDS = 30.0  # until something that never comes is given up: a busy machine is slow


class Socket:
    """A page, as far as its socket is concerned."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.ops: list[dict[str, Any]] = []
        self.heard = self.last = 0

    async def show(self, *, after: int = 0, conversation: int | None = None, rows: tuple[int, ...] = (), view: str = "open") -> None:
        said = {"t": "show", "view": view, "rows": rows, "views": ["open", "mine"], "conversation": conversation, "after": after}
        await self.connection.send(json.dumps(said))

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def hear(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next operation of this sort; each is heard once."""
        async with asyncio.timeout(SECONDS):
            while True:
                while self.heard < len(self.ops):
                    op = self.ops[self.heard]
                    self.heard += 1
                    if wanted(op):
                        return op
                frame = json.loads(await self.connection.recv())
                self.last = max(self.last, frame.get("id", 0))
                self.ops += [{"refresh": True}] if frame.get("refresh") else frame["ops"]

    async def end(self) -> int:
        """The code that the server ends the socket with."""
        async with asyncio.timeout(SECONDS):
            with suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()
        return self.connection.close_code or 0


@dataclass
class Office:
    """A workspace with an open and a restricted channel, served."""

    house: House
    app: FastAPI
    workspace: Workspace
    channel: Channel
    secret: Channel
    agent: Member
    insider: Member
    address: str = ""
    count: int = 0

    async def do(self, work: Callable[[AsyncSession], Any]) -> Any:
        async with self.house.database.transaction() as session:
            return await work(session)

    async def say(
        self, words: str, *, channel: Channel | None = None, thread: str = "t", kind: EventKind = EventKind.MESSAGE, of: str = ""
    ) -> str:
        self.count += 1
        number = of or f"m{self.count}"
        event = Event(f"e{self.count}", kind, number, thread, datetime.now(UTC), Author("anna", "Anna"), words)

        async def work(session: AsyncSession) -> None:
            row = await session.get_one(Channel, (channel or self.channel).id)
            await receive.receive(session, row, Batch([event]), now=datetime.now(UTC), move_cursor=False)

        await self.do(work)
        return number

    async def token(self, member: Member) -> str:
        return await self.do(lambda session: sessions.begin(session, member.account_id, now=datetime.now(UTC), days=1))

    @asynccontextmanager
    async def page(self, member: Member, *, workspace: int | None = None, origin: str = "", **shown: Any) -> AsyncIterator[Socket]:
        url = f"{self.address.replace('http', 'ws')}/w/{workspace or self.workspace.id}/live"
        headers = {"Cookie": f"{COOKIE}={await self.token(member)}", "Origin": origin or self.address}
        async with connect(url, additional_headers=headers) as connection:
            socket = Socket(connection)
            await socket.show(**shown)
            await socket.hear(lambda op: "unread" in op)  # counted: it takes part
            yield socket


class Line:
    """A wire that keeps what is written, as long as its reader takes it, and how it ended."""

    def __init__(self) -> None:
        self.on_drain: Callable[[], None] = lambda: None
        self.takes = True
        self.taken: list[str] = []
        self.ended: int | None = None

    def write(self, frame: wire.Frame) -> bool:
        if self.takes:
            self.taken.append(frame.text)
        return self.takes

    def end(self, code: int) -> None:
        self.ended = code


def page_on(line: Line, *, session_id: int = 1) -> Watcher:
    access = Access(workspace_id=1, role=Role.AGENT, actor="member:1", member_id=1)
    return Watcher(access, session_id=session_id, member_id=1, locale="en", wire=line)


@asynccontextmanager
async def opened(house: House, **served: Any) -> AsyncIterator[Office]:
    """An office with its doors open; `served` are settings of its server."""
    house = replace(house, clock=lambda: datetime.now(UTC))
    async with house.database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace()
        channel, secret = await make.channel(workspace), await make.channel(workspace, restricted=True)
        agent, insider = await make.member(workspace), await make.member(workspace, role=Role.SUPERVISOR)
        session.add(ChannelAccess(workspace_id=workspace.id, channel_id=secret.id, member_id=insider.id))
    app = app_of(house)
    office = Office(house, app, workspace, channel, secret, agent, insider)
    async with app.router.lifespan_context(app), serving(app, **served) as office.address:
        yield office
