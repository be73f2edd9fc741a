"""The dashboard of 90 days, through the whole application, over as many waits as a very large team has.

Cold: the process has none of them yet. Warm: it has, and nothing happened since. Busy: a wait has ended before each look, as at a desk
that works. What a process keeps for it is the growth of its own memory.
"""

import os
import time
from pathlib import Path

import httpx
from pydantic import SecretStr
from sqlalchemy import text

from api.deps import House
from bench.figures import Context, Row, value_at_most
from bench.pages import browser, measured
from inbox import events
from inbox.files import Files
from inbox.models import Member, Role, Workspace
from inbox.secrets import open_vault
from inbox.settings import Settings
from inbox.team import rights
from tests.make import Make

GOAL_MS, COLD_MS, KEPT_MB = 300.0, 20_000.0, 400.0
FEW, MANY, EACH = 100_000, int(os.environ.get("BENCH_WAITS", "1000000")), 4  # waits, and how many of them in one conversation
DAYS = 90
# Nine in ten are answered, after ten minutes in the middle and a long tail; one in a hundred still waits.
FILL = """
WITH made AS (
    INSERT INTO conversation (workspace_id, channel_id, kind, status, subject, snippet, author_name, last_author, created_at,
                              last_message_at, team_id, priority)
    SELECT :workspace, (:channels)[1 + n % 5], (ARRAY['comments', 'direct', 'email', 'review'])[1 + n % 4], 'open', '', '', 'Anna', '',
           now(), now(), (:teams)[1 + n % 4], (ARRAY['normal', 'normal', 'normal', 'high', 'urgent', 'low'])[1 + n % 6]
      FROM generate_series(1, :conversations) AS n RETURNING id, channel_id, team_id
), asked AS (
    SELECT *, now() - random() * :days * interval '1 day' AS opened_at, -ln(1 - random()) * 900 AS seconds, random() AS luck
      FROM made, generate_series(1, :each) AS k
)
INSERT INTO wait (workspace_id, channel_id, conversation_id, identity_id, metric, opened_at, opened_by, received_at, message_count,
                  closed_at, outcome, member_id, team_id, target_seconds, due_at, breached_at, business_seconds)
SELECT :workspace, channel_id, id, :identity, CASE WHEN k = 1 THEN 'first' ELSE 'next' END, opened_at, 1, opened_at, 1,
       CASE WHEN NOT is_open THEN opened_at + seconds * interval '1 second' END,
       CASE WHEN is_open THEN NULL WHEN luck > 0.9 THEN 'not_needed' ELSE 'answered' END, (:members)[1 + (id % 8)::int], team_id, 3600,
       opened_at + interval '1 hour', CASE WHEN is_open OR seconds > 3600 THEN opened_at + interval '1 hour' END,
       CASE WHEN NOT is_open THEN seconds / 2 END
  FROM asked, LATERAL (SELECT k = 1 AND luck < 0.04) AS state (is_open) ORDER BY opened_at
"""


async def rows(context: Context) -> list[Row]:
    """Milliseconds of the page of 90 days."""
    count = MANY if context.full else FEW
    settings = Settings(home=context.home, secret_key=SecretStr("bench"), url="http://parley.bench")
    house = House(settings, context.database, open_vault(settings), Files(context.home))
    workspace, member = await _fill(context, count)
    name = f"dashboard of {DAYS} days over {count:,} waits"
    async with browser(house, member) as client:
        await _look(client, workspace, days=1)  # numpy and the templates are there
        house.shelf.kept.clear()
        before, began = _memory(), time.perf_counter()
        await _look(client, workspace)
        cold, grown = (time.perf_counter() - began) * 1000, _memory() - before
        warm = await measured(lambda: _look(client, workspace), times=40)
        busy = await measured(lambda: _answer_and_look(context, client, workspace, member), times=40)
    return [
        value_at_most(f"{name}, warm, p95", warm.wall(0.95), "ms", GOAL_MS),
        value_at_most(f"{name}, a wait has ended before each, p95", busy.wall(0.95), "ms", GOAL_MS),
        value_at_most(f"{name}, the first of a process", cold, "ms", COLD_MS),
        value_at_most(f"memory of a process that keeps {count:,} waits", grown, "MB", KEPT_MB),
    ]


async def _look(client: httpx.AsyncClient, workspace: Workspace, *, days: int = DAYS) -> None:
    (await client.get(f"/w/{workspace.id}/metrics", params={"days": days})).raise_for_status()


async def _answer_and_look(context: Context, client: httpx.AsyncClient, workspace: Workspace, member: Member) -> None:
    """Somebody is answered, and a supervisor looks."""
    async with context.database.transaction() as session:
        ended = text(
            """UPDATE wait SET closed_at = now(), outcome = 'answered', business_seconds = 60 WHERE id =
               (SELECT id FROM wait WHERE workspace_id = :workspace AND closed_at IS NULL ORDER BY opened_at DESC LIMIT 1)
               RETURNING id, conversation_id, channel_id, identity_id, now()"""
        )
        wait, conversation, channel, identity, now = (await session.execute(ended, {"workspace": workspace.id})).one()
        told = {"workspace_id": workspace.id, "at": now, "actor": rights.of(member).actor, "conversation_id": conversation}
        events.record(session, "wait.closed", **told, channel_id=channel, wait=wait, identity=identity, outcome="answered", seconds=60)
    await _look(client, workspace)


def _memory() -> float:
    """This process's own pages in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def _fill(context: Context, count: int) -> tuple[Workspace, Member]:
    async with context.database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace(name="Bench")
        members = [await make.member(workspace, role=Role.SUPERVISOR) for _ in range(8)]
        channels, teams = [await make.channel(workspace) for _ in range(5)], [await make.team(workspace, member) for member in members[:4]]
        identity = await make.identity(channels[0])
        given = {name: [row.id for row in rows] for name, rows in (("channels", channels), ("teams", teams), ("members", members))}
        given |= {"workspace": workspace.id, "identity": identity.id, "conversations": count // EACH, "each": EACH, "days": DAYS}
        await session.execute(text(FILL), given)
    async with context.database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE wait"))
        await connection.execute(text("VACUUM ANALYZE conversation"))
    return workspace, members[0]
