"""The live page: what a pushed frame costs the server, how long a webhook takes to reach the pages, and what an open page weighs.

Each beside a bare uvicorn in the same run: an application that sends what it is told by POST, of the same size, to every socket, and does
nothing else. Every page is a colleague of its own, who looks at all open conversations.
"""

import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

import httpx

from api.deps import COOKIE
from bench import served
from bench.figures import Context, Row, at_most, value_at_most
from bench.hooks import SECRET, prepare
from bench.listeners import Listener, listening
from bench.served import Served
from connectors.webhook import signatures
from inbox.models import Workspace
from inbox.team import sessions
from tests.make import Make

SOCKETS = (1, 100, 500)
EVERY = 0.1  # seconds between two messages
NEW = 2**62  # after this event: a page that was drawn just now misses nothing
marks = count(1)  # a message's own, over all series
Post = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Measured:
    """A server with so many open pages, over one series of messages. Times in seconds."""

    taken: Sequence[float]  # POST → frame, of every message at every page
    seconds: float  # of the server's processor
    frames: int
    size: int  # bytes of a frame
    kilobytes: int  # of the server's memory, while they were open

    def at(self, share: float) -> float:
        """Milliseconds within which this share arrived."""
        return sorted(self.taken)[min(len(self.taken) - 1, int(len(self.taken) * share))] * 1000


async def rows(context: Context) -> list[Row]:
    """Frame cost, time to the pages at 1, 100 and 500 of them, and memory of each."""
    messages = 200 if context.full else 25
    _, channel = await prepare(context)
    cookies = await sign_in(context, channel.workspace_id, max(SOCKETS))
    settings = {"home": str(context.home), "database_url": context.database.url, "secret_key": "bench"}
    with served.running(settings=settings) as server:
        ours = await _measure(server, f"/w/{channel.workspace_id}/live", cookies, f"/hooks/{channel.key}", messages)
    with served.running(size=ours[max(SOCKETS)].size) as server:
        bare = await _measure(server, "/", cookies, "/", messages)
    few, many = min(SOCKETS), max(SOCKETS)
    found = [at_most(f"frame at {many} sockets, server CPU", _each(ours), "µs", _each(bare), 1.2)]
    for number in SOCKETS:
        label = f"webhook POST → frame, {number} sockets"
        found.append(at_most(f"{label}, p50", ours[number].at(0.5), "ms", bare[number].at(0.5), 3))
        found.append(at_most(f"{label}, p99", ours[number].at(0.99), "ms", bare[number].at(0.99), 3))
    weight, bare_weight = ((measured[many].kilobytes - measured[few].kilobytes) / (many - few) for measured in (ours, bare))
    row = value_at_most("memory of each open socket", weight, "kB", 45)
    return [*found, replace(row, baseline=round(bare_weight, 2), ratio=round(weight / max(0.01, bare_weight), 2))]


def _each(measured: dict[int, Measured]) -> float:
    """Microseconds of the processor for each further frame: what a message costs by itself is left out."""
    few, many = measured[min(SOCKETS)], measured[max(SOCKETS)]
    return max(0.01, (many.seconds - few.seconds) / (many.frames - few.frames) * 1_000_000)


async def sign_in(context: Context, workspace_id: int, people: int) -> list[str]:
    """So many colleagues, each with a browser."""
    cookies: list[str] = []
    async with context.database.transaction() as session:
        workspace = await session.get_one(Workspace, workspace_id)
        for number in range(people):
            member = await Make(session).member(workspace, name=f"Colleague {number}")
            token = await sessions.begin(session, member.account_id, now=datetime.now(UTC), days=1)
            cookies.append(f"{COOKIE}={token}")
    return cookies


async def _measure(server: Served, live: str, cookies: Sequence[str], hook: str, messages: int) -> dict[int, Measured]:
    """The same series of messages for each number of open pages."""
    found: dict[int, Measured] = {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:

        async def post(number: int) -> None:
            body = json.dumps(message(number)).encode()
            headers = signatures.headers(signatures.key(SECRET), secrets.token_hex(8), datetime.now(UTC), body)
            answer = await client.post(hook, content=body, headers=headers | {"content-type": "application/json"})
            answer.raise_for_status()

        (await client.get("/readyz", timeout=60)).raise_for_status()  # it has begun
        for number in SOCKETS:
            async with listening(server.port, live, cookies[:number], t="show", view="open", views=["open"], after=NEW) as pages:
                await _push(pages, post, 5)  # warm
                found[number] = await _series(server, pages, post, messages)
    return found


async def _series(server: Served, pages: Sequence[Listener], post: Post, messages: int) -> Measured:
    before, frames = server.seconds(), sum(page.frames for page in pages)
    taken = await _push(pages, post, messages)
    await asyncio.sleep(0.2)
    spent = server.seconds() - before
    sent = sum(page.frames for page in pages) - frames
    return Measured(taken, spent, sent, int(statistics.median(page.size for page in pages)), server.kilobytes())


async def _push(pages: Sequence[Listener], post: Post, messages: int) -> list[float]:
    """Post a message every tenth of a second, whether or not the last one has arrived; the seconds that each took to each page."""
    begun: dict[int, float] = {}
    posting: list[asyncio.Task[None]] = []
    start = time.perf_counter()
    for place in range(messages):
        await asyncio.sleep(max(0.0, start + place * EVERY - time.perf_counter()))
        begun[number := next(marks)] = time.perf_counter()
        posting.append(asyncio.create_task(post(number)))
    await asyncio.gather(*posting)
    async with asyncio.timeout(20):
        for page in pages:
            await page.has(max(begun))
    return [page.at[number] - began for page in pages for number, began in begun.items() if number in page.at]


def message(number: int) -> dict[str, object]:
    """A line in a conversation of its own, so that no row hides another."""
    key = secrets.token_hex(6)
    author = {"id": f"author{key}", "name": "Anna"}
    return {"type": "message", "id": f"m{key}", "thread": f"t{key}", "author": author, "text": f"mark-{number}- Where is my parcel?"}
