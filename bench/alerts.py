"""Alerts about 10,000 customers who become late within a minute: how late each is told, as a reader of the log sees it.

Real processes of the timer beside a reader that looks every 10 ms. Not with 4 processes alone: one has to be enough.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, text
from sqlmodel import col

from bench.figures import Context, Row, value_at_most
from inbox.models import Workspace
from tests.load import crowds

CUSTOMERS, WINDOW = 10_000, 60.0  # due within so many seconds: 167 alerts a second
GOAL = 1.0  # seconds
PROCESSES = (1, 4)
LOOK = 0.01

NEW = text("SELECT id, data ->> 'alert' FROM event WHERE id > :after AND kind = 'alert.raised' ORDER BY id")
DUE = text("SELECT id, at FROM alert WHERE workspace_id = :workspace")


async def rows(context: Context) -> list[Row]:
    """One process, then four."""
    found: list[Row] = []
    for processes in PROCESSES:
        late = sorted(await _measure(context, processes))
        name = f"alert, {CUSTOMERS} due within {WINDOW:g} s, {processes} process{'es' if processes > 1 else ''}"
        found.append(value_at_most(f"{name}, lateness p99", _quantile(late, 0.99), "s", GOAL))
        found.append(Row(f"{name}, lateness p50", round(_quantile(late, 0.5), 3), "s", None, None, "", ok=True))
    return found


async def _measure(context: Context, processes: int) -> Sequence[float]:
    clock = context.home / "clock"
    clock.write_text("0")
    async with context.database.transaction() as session:
        due = datetime.now(UTC) + timedelta(seconds=75)  # the customers are written and the processes have started by then
        workspace = await crowds.wait(session, CUSTOMERS, due=due, apart=WINDOW / CUSTOMERS)
    given = json.dumps({"url": context.database.url, "home": str(context.home), "clock": str(clock)})
    command = [sys.executable, "-m", "tests.load.alerting", given]
    children = [subprocess.Popen(command) for _ in range(processes)]  # noqa: ASYNC220  # started once
    try:
        return await _watch(context, workspace)
    finally:
        for child in children:
            child.terminate()
            child.wait()
        async with context.database.transaction() as session:
            await session.execute(delete(Workspace).where(col(Workspace.id) == workspace))


async def _watch(context: Context, workspace: int) -> Sequence[float]:
    """Seconds between each alert's time and the moment at which a reader saw that it was told."""
    async with context.database.transaction() as session:
        at = {str(row[0]): row[1] for row in await session.execute(DUE, {"workspace": workspace})}
        after = await session.scalar(text("SELECT coalesce(max(id), 0) FROM event")) or 0
    late: list[float] = []
    while len(late) < CUSTOMERS:
        async with context.database.transaction() as session:
            fresh = (await session.execute(NEW, {"after": after})).all()
        seen = datetime.now(UTC)
        late += [(seen - at[row[1]]).total_seconds() for row in fresh]
        after = fresh[-1][0] if fresh else after
        await asyncio.sleep(LOOK)
    return late


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
