"""The inbox and a conversation as HTML, through the whole application, beside the bare SQL of the list that they show.

The baseline is one select of 50 rows with nothing around it: no session, no rights, no counts, no HTML. Processor time is that of this
process alone: what the pages cost us however busy the machine is. `--full` makes MANY conversations, and searches their messages.
"""

import os
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from api.app import create_app
from api.deps import COOKIE, House
from bench.figures import Context, Row, at_most, value_at_most
from inbox.files import Files
from inbox.models import Channel, Member, Role, Workspace
from inbox.secrets import open_vault
from inbox.settings import Settings
from inbox.team import sessions
from tests.make import Make

GOAL_MS = 15.0
GOAL_MANY = 1.5  # p95 of the list among MANY ÷ among FEW
GOAL_SEARCH_MS = 150.0
FEW, MANY, EACH = 10_000, int(os.environ.get("BENCH_MANY", "1000000")), 5  # conversations, and messages of each of the many
FILL = """
WITH made AS (
    INSERT INTO conversation (workspace_id, channel_id, kind, status, subject, author_name, last_author, snippet, created_at,
                              last_message_at, last_inbound_id, waiting_since, waiting_count, message_count)
    SELECT :workspace, :channel, 'direct', CASE WHEN n % 10 < 3 THEN 'open' ELSE 'resolved' END, '', 'Anna ' || n, 'Anna ' || n,
           'Wann kommt die neue Sorte nach Hamburg?', now(), now() - n * interval '1 minute', n,
           CASE WHEN n % 10 = 0 THEN now() - n * interval '1 minute' END, CASE WHEN n % 10 = 0 THEN 1 ELSE 0 END, 1
      FROM generate_series(1, :count) AS n RETURNING id, last_message_at
)
INSERT INTO message (workspace_id, conversation_id, channel_id, external_id, thread_external_id, direction, author_name, body, quoted, at,
                     received_at)
SELECT :workspace, id, :channel, 'm' || id || '-' || k, 't' || id, 'in', 'Anna',
       'Wann kommt die neue Sorte nach Hamburg?' || CASE WHEN k = 1 AND id % 4000 = 7 THEN ' Pfandautomat' ELSE '' END, '',
       last_message_at, last_message_at FROM made, generate_series(1, :each) AS k
"""
BARE = """
SELECT id, author_name, snippet, last_message_at, waiting_since FROM conversation
 WHERE workspace_id = :workspace AND status = 'open' ORDER BY last_message_at DESC, id DESC LIMIT 50
"""


async def rows(context: Context) -> list[Row]:
    """Median milliseconds of the inbox and of a conversation, among 10,000 conversations."""
    settings = Settings(home=context.home, secret_key=SecretStr("bench"), url="http://parley.bench")
    house = House(settings, context.database, open_vault(settings), Files(context.home))
    workspace, member, conversation = await fill(context, FEW)
    async with browser(house, member) as client:

        async def bare() -> None:
            async with context.database.engine.connect() as connection:
                (await connection.execute(text(BARE), {"workspace": workspace.id})).all()

        async def page(address: str) -> None:
            (await client.get(f"/w/{workspace.id}{address}")).raise_for_status()

        base = await measured(bare)
        works: dict[str, Callable[[], Awaitable[None]]] = {
            "inbox page, 50 rows of 10,000": lambda: page("/inbox?view=open"),
            "list pane alone": lambda: part(client, workspace.id, "/inbox?view=open", "list"),
            "conversation pane alone": lambda: part(client, workspace.id, f"/conversations/{conversation}", "conversation"),
        }
        times = {name: await measured(work) for name, work in works.items()}
        found = [row(name, taken.wall(), base.wall()) for name, taken in times.items()]
        found += [row(f"{name}, processor time", taken.processor, base.processor) for name, taken in times.items()]
        if context.full:
            found += await many(context, house, times["list pane alone"].wall(0.95))
    return found


async def many(context: Context, house: House, few: float) -> list[Row]:
    """The list and the search among MANY conversations."""
    workspace, member, _ = await fill(context, MANY, each=EACH)
    async with browser(house, member) as client:
        listed = await measured(lambda: part(client, workspace.id, "/inbox?view=open", "list"))
        common, rare = [
            await measured(lambda words=words: part(client, workspace.id, f"/inbox?q={words}", "list"))
            for words in ("sorte+hamburg", "sorte+pfandautomat")
        ]
    return [
        at_most(f"list pane, 50 rows of {MANY:,} ÷ of {FEW:,}, p95", listed.wall(0.95), "ms", few, GOAL_MANY),
        value_at_most(f"search over {MANY * EACH:,} messages, common words, p95", common.wall(0.95), "ms", GOAL_SEARCH_MS),
        value_at_most(f"search over {MANY * EACH:,} messages, a rare word and a common one, p95", rare.wall(0.95), "ms", GOAL_SEARCH_MS),
    ]


@asynccontextmanager
async def browser(house: House, member: Member) -> AsyncGenerator[httpx.AsyncClient]:
    """A browser that is signed in as a member, at the application itself."""
    async with house.database.transaction() as session:
        cookie = await sessions.begin(session, member.account_id, now=datetime.now(UTC), days=1)
    headers = {"accept": "text/html", "cookie": f"{COOKIE}={cookie}"}
    transport = httpx.ASGITransport(app=create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://parley.bench", headers=headers) as client:
        yield client


async def part(client: httpx.AsyncClient, workspace_id: int, address: str, name: str) -> None:
    (await client.get(f"/w/{workspace_id}{address}", headers={"x-fragment": name})).raise_for_status()


def row(name: str, milliseconds: float, base: float) -> Row:
    """A figure beside the bare query."""
    value = round(milliseconds, 2)
    return Row(name, value, "ms p50", round(base, 2), round(milliseconds / base, 1), f"<= {GOAL_MS:g} ms", value <= GOAL_MS)


@dataclass(frozen=True)
class Times:
    """How long a piece of work took, each time, in milliseconds."""

    walls: list[float]
    processor: float  # the median

    def wall(self, share: float = 0.5) -> float:
        return sorted(self.walls)[int(share * (len(self.walls) - 1))]


async def measured(work: Callable[[], Awaitable[Any]], *, times: int = 100) -> Times:
    """Do a piece of work many times, after it has warmed up."""
    for _ in range(10):
        await work()
    walls: list[float] = []
    processor: list[float] = []
    for _ in range(times):
        began, busy = time.perf_counter(), time.process_time()
        await work()
        walls.append((time.perf_counter() - began) * 1000)
        processor.append((time.process_time() - busy) * 1000)
    return Times(walls, statistics.median(processor))


async def fill(context: Context, count: int, *, each: int = 3) -> tuple[Workspace, Member, int]:
    """A workspace with so many conversations, three of ten of them open."""
    async with context.database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace(name="Bench")
        member = await make.member(workspace, role=Role.AGENT, name="Aylin")
        channel: Channel = await make.channel(workspace)
        await session.execute(text(FILL), {"workspace": workspace.id, "channel": channel.id, "count": count, "each": each})
        first = await session.scalar(text("SELECT min(id) FROM conversation WHERE workspace_id = :workspace"), {"workspace": workspace.id})
    async with context.database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("ANALYZE"))
    return workspace, member, int(first or 0)
