"""The inbox and a conversation as HTML, through the whole application, beside the bare SQL of the list that they show.

The baseline is one select of 50 rows with nothing around it: no session, no rights, no counts, no HTML.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from api.app import create_app
from api.deps import COOKIE, House
from bench.figures import Context, Row
from inbox.files import Files
from inbox.models import Channel, Member, Role, Workspace
from inbox.secrets import open_vault
from inbox.settings import Settings
from inbox.team import sessions
from tests.make import Make

GOAL_MS = 15.0
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
SELECT :workspace, id, :channel, 'm' || id || '-' || k, 't' || id, 'in', 'Anna', 'Wann kommt die neue Sorte nach Hamburg?', '',
       last_message_at, last_message_at FROM made, generate_series(1, 3) AS k
"""
BARE = """
SELECT id, author_name, snippet, last_message_at, waiting_since FROM conversation
 WHERE workspace_id = :workspace AND status = 'open' ORDER BY last_message_at DESC, id DESC LIMIT 50
"""


async def rows(context: Context) -> list[Row]:
    """Median milliseconds of the inbox and of a conversation, among 10,000 conversations."""
    settings = Settings(home=context.home, secret_key=SecretStr("bench"), url="http://parley.bench")
    house = House(settings, context.database, open_vault(settings), Files(context.home))
    workspace, member, conversation = await fill(context, 10_000)
    async with context.database.transaction() as session:
        cookie = await sessions.begin(session, member.account_id, now=datetime.now(UTC), days=1)
    app = create_app(house)
    transport = httpx.ASGITransport(app=app)
    headers = {"accept": "text/html", "cookie": f"{COOKIE}={cookie}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://parley.bench", headers=headers) as client:

        async def bare() -> None:
            async with context.database.engine.connect() as connection:
                (await connection.execute(text(BARE), {"workspace": workspace.id})).all()

        async def page(address: str) -> None:
            (await client.get(f"/w/{workspace.id}{address}")).raise_for_status()

        base = await median(bare)
        found = [
            row("inbox page, 50 rows of 10,000", await median(lambda: page("/inbox?view=open")), base),
            row("list pane alone", await median(lambda: part(client, workspace.id, "/inbox?view=open", "list")), base),
            row(
                "conversation pane alone",
                await median(lambda: part(client, workspace.id, f"/conversations/{conversation}", "conversation")),
                base,
            ),
        ]
    return found


async def part(client: httpx.AsyncClient, workspace_id: int, address: str, name: str) -> None:
    (await client.get(f"/w/{workspace_id}{address}", headers={"x-fragment": name})).raise_for_status()


def row(name: str, milliseconds: float, base: float) -> Row:
    """A figure beside the bare query."""
    value = round(milliseconds, 2)
    return Row(name, value, "ms p50", round(base, 2), round(milliseconds / base, 1), f"<= {GOAL_MS:g} ms", value <= GOAL_MS)


async def median(work: Callable[[], Awaitable[Any]], *, times: int = 60) -> float:
    """The median time of a piece of work, in milliseconds, after it has warmed up."""
    for _ in range(5):
        await work()
    taken: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


async def fill(context: Context, count: int) -> tuple[Workspace, Member, int]:
    """A workspace with so many conversations, three of ten of them open."""
    async with context.database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace(name="Bench")
        member = await make.member(workspace, role=Role.AGENT, name="Aylin")
        channel: Channel = await make.channel(workspace)
        await session.execute(text(FILL), {"workspace": workspace.id, "channel": channel.id, "count": count})
        first = await session.scalar(text("SELECT min(id) FROM conversation WHERE workspace_id = :workspace"), {"workspace": workspace.id})
    async with context.database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("ANALYZE"))
    return workspace, member, int(first or 0)
