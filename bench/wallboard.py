"""The wallboard: how long a webhook takes to change the figures on a screen, beside the row that the same message changes in an inbox.

The board waits for the next counting (at most twice a second), so its time is that and the reading of everything that waits.
"""

import asyncio
import json
import random
import re
import secrets
import statistics
import time
from datetime import UTC, datetime

import httpx
from sqlalchemy import text

from api.hub import COUNT_APART
from bench import served
from bench.figures import Context, Row, value_at_most
from bench.hooks import SECRET, prepare
from bench.listeners import Listener, listening
from bench.live import NEW, message, sign_in
from connectors.webhook import signatures
from inbox.models import BreachForecast
from inbox.promptness.forecast import Forecast

FIGURE = re.compile(rb'wall-figure\\">([\d,]+)')  # the first: how many wait
SECONDS = 1000  # milliseconds: under one second from event to screen
OPEN_WAITS = 10_000
WARM = 3  # messages that are not counted


class Screen(Listener):
    """An open wallboard; `at` says when each number of waiting customers was on it."""

    def _note(self, frame: bytes, now: float) -> None:
        super()._note(frame, now)
        if found := FIGURE.search(frame):
            self.at.setdefault(int(found[1].replace(b",", b"")), now)
            if self._wanted in self.at:
                self._arrived.set()


async def rows(context: Context) -> list[Row]:
    """With few open waits, and with ten thousand."""
    messages = 100 if context.full else 30
    _, channel = await prepare(context)
    cookies = await sign_in(context, channel.workspace_id, 1)
    settings = {"home": str(context.home), "database_url": context.database.url, "secret_key": "bench"}
    found: list[Row] = []
    with served.running(settings=settings) as server:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            (await client.get("/readyz", timeout=60)).raise_for_status()
            for waiting in (0, OPEN_WAITS):
                already = await _waiting(context, channel.workspace_id, channel.id, waiting)
                live = f"/w/{channel.workspace_id}/live"
                async with listening(server.port, live, cookies, kind=Screen, t="show", board=True, after=NEW) as (page,):
                    taken = await _series(client, page, channel.key, already, messages)
                label = f"wallboard, {already:,} open waits: event → frame"
                found.append(value_at_most(f"{label}, p50", statistics.median(taken), "ms", SECONDS))
                found.append(value_at_most(f"{label}, p99", sorted(taken)[int(len(taken) * 0.99)], "ms", SECONDS))
    return found


async def _series(client: httpx.AsyncClient, page: Listener, key: str, already: int, messages: int) -> list[float]:
    """Milliseconds from each webhook's POST to the frame with the next number."""
    taken: list[float] = []
    pauses = random.Random(1)
    for place in range(messages):
        body = json.dumps(message(place)).encode()
        headers = signatures.headers(signatures.key(SECRET), secrets.token_hex(8), datetime.now(UTC), body)
        await asyncio.sleep(pauses.uniform(0, 2 * COUNT_APART))  # wherever the counting is
        began = time.perf_counter()
        (await client.post(f"/hooks/{key}", content=body, headers=headers | {"content-type": "application/json"})).raise_for_status()
        await page.has(already + place + 1)
        taken.append((page.at[already + place + 1] - began) * 1000)
    return taken[WARM:]


async def _waiting(context: Context, workspace_id: int, channel_id: int, number: int) -> int:
    """So many more customers wait, half of them with a target; how many there are then."""
    async with context.database.transaction() as session:
        if number:
            await session.execute(text(FILL), {"workspace": workspace_id, "channel": channel_id, "number": number})
            now, fitted = datetime.now(UTC), Forecast("model", "", 0.5, intercept=-1.0, weights={"ahead": 0.3, "left": -0.1})
            session.add(BreachForecast(workspace_id=workspace_id, claimed_at=now, fitted_at=now, fitted=fitted.to_dict()))
        count = await session.scalar(text("SELECT count(*) FROM wait WHERE workspace_id = :w AND closed_at IS NULL"), {"w": workspace_id})
        return int(count or 0)


FILL = """
    WITH someone AS (SELECT min(id) AS id FROM identity WHERE workspace_id = :workspace),
         said AS (SELECT min(id) AS id FROM message WHERE workspace_id = :workspace),
         new AS (INSERT INTO conversation (workspace_id, channel_id, kind, created_at, last_message_at, subject, snippet, author_name,
                                           last_author)
                 SELECT :workspace, :channel, 'direct', now(), now(), '', '', '', '' FROM generate_series(1, :number) RETURNING id)
    INSERT INTO wait (workspace_id, channel_id, conversation_id, identity_id, metric, opened_at, opened_by, received_at, message_count,
                      due_at, target_seconds)
    SELECT :workspace, :channel, new.id, someone.id, 'first', now(), said.id, now(), 1,
           CASE WHEN new.id % 2 = 0 THEN now() + interval '1 hour' END, CASE WHEN new.id % 2 = 0 THEN 3600 END
      FROM new, someone, said
"""
