"""Customers become late within seconds: each is told exactly once, whichever processes run, die, or have their clock put back.

Real processes, and a webhook that keeps what it is sent. Ten thousand customers take a while: `make test-servers` has them.
"""

import asyncio
import base64
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.deps import House
from inbox import embedded
from tests.connectors.served import Fake, serving
from tests.load import crowds

MANY, FEW = 10_000, 200
PATIENCE = 120.0  # seconds: a busy machine starts processes slowly
SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()

TOLD = """
    SELECT (SELECT count(*) FROM alert WHERE state = 'raised'),
           (SELECT count(*) FROM event WHERE kind = 'alert.raised'),
           (SELECT count(DISTINCT data ->> 'alert') FROM event WHERE kind = 'alert.raised'),
           (SELECT count(*) FROM alert_notice),
           (SELECT count(*) FROM alert_delivery, unnest(alert_ids)),
           (SELECT count(DISTINCT alert_id) FROM alert_delivery, unnest(alert_ids) AS alert_id),
           (SELECT count(*) FROM event WHERE kind = 'wait.breached')
"""


@dataclass
class Hook(Fake):
    """Keeps every message by its key."""

    taken: list[tuple[str, list[int]]] = field(default_factory=list[tuple[str, list[int]]])

    async def respond(self, request: Request) -> Response:
        body: dict[str, Any] = json.loads(await request.body())
        self.taken.append((request.headers["webhook-id"], [alert["id"] for alert in body["alerts"]]))
        return JSONResponse({})


@dataclass
class Scene:
    """Processes on one database, with one clock for all of them."""

    house: House
    url: str
    folder: Path
    hook: Hook
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def start(self) -> subprocess.Popen[bytes]:
        given = {"url": self.url, "home": str(self.folder), "clock": str(self.folder / "clock")}
        self.processes.append(subprocess.Popen([sys.executable, "-m", "tests.load.alerting", json.dumps(given)]))
        return self.processes[-1]

    def put_clock(self, seconds: float) -> None:
        new = self.folder / "clock.new"
        new.write_text(str(seconds))
        new.replace(self.folder / "clock")

    async def crowd(self, number: int, *, limit: int = 5, seconds: float = 2) -> None:
        """So many customers, all late within so many seconds."""
        secret = self.house.vault.encrypt(SECRET)
        async with self.house.database.transaction() as session:
            due = datetime.now(UTC) + timedelta(seconds=1.5)
            await crowds.wait(
                session, number, due=due, apart=seconds / number, limit=limit, hook=f"{self.hook.address}/hook", secret=secret
            )

    async def told(self) -> tuple[int, ...]:
        async with self.house.database.transaction() as session:
            return tuple((await session.execute(text(TOLD))).one())

    async def until_raised(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await self.told())[0] < number:  # noqa: ASYNC110  # other processes make it true
                await asyncio.sleep(0.2)

    async def until_delivered(self) -> None:
        open_ = "SELECT count(*) FROM alert_delivery WHERE state IN ('waiting', 'sending') AND (try_at IS NULL OR state = 'sending')"
        async with asyncio.timeout(PATIENCE):
            while True:
                async with self.house.database.transaction() as session:
                    if not await session.scalar(text(open_)):
                        return
                await asyncio.sleep(0.2)

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    async with serving(hook):
        yield hook


@pytest.fixture
def scene(house: House, server: embedded.Server, tmp_path: Path, hook: Hook) -> Iterator[Scene]:
    scene = Scene(house, server.url, tmp_path, hook)
    scene.put_clock(0)
    yield scene
    scene.close()


def once(number: int) -> tuple[int, ...]:
    return (number, number, number, 2 * number, number, number, number)  # two supervisors see each; one webhook is told


@pytest.mark.parametrize(("processes", "number"), [(1, FEW), (2, FEW), pytest.param(4, MANY, marks=pytest.mark.servers)])
async def test_each_of_many_is_told_once_by_any_number_of_processes(scene: Scene, processes: int, number: int):
    for _ in range(processes):
        scene.start()
    await scene.crowd(number)
    await scene.until_raised(number)
    await scene.until_delivered()
    assert await scene.told() == once(number)
    assert max(Counter(key for key, _ in scene.hook.taken).values()) == 1
    single = [alert for _, alerts in scene.hook.taken for alert in alerts]
    assert len(single) == len(set(single))


async def test_processes_that_are_killed_in_the_middle_lose_nothing_and_repeat_nothing(scene: Scene):
    await scene.crowd(FEW, limit=60, seconds=6)
    for share in (0.1, 0.4, 0.7):
        scene.start()
        victim = scene.start()
        await scene.until_raised(int(FEW * share))
        victim.kill()
    await scene.until_raised(FEW)
    assert await scene.told() == once(FEW)
    async with scene.house.database.transaction() as session:  # time passes: the leases of the killed run out
        await session.execute(text("UPDATE alert_delivery SET lease_until = now() - interval '1 second' WHERE state = 'sending'"))
    await scene.until_delivered()
    by_key = dict(scene.hook.taken)
    told = [alert for alerts in by_key.values() for alert in alerts]
    assert len(told) == len(set(told)), "a receiver that knows keys is told once"


@pytest.mark.parametrize("step", [3600, -3600])
async def test_a_clock_that_is_put_forward_or_back_and_right_again_repeats_nothing(scene: Scene, step: int):
    scene.start()
    scene.start()
    await scene.crowd(FEW)
    await scene.until_raised(FEW // 4)
    scene.put_clock(step)
    if step > 0:
        await scene.until_raised(FEW)  # it says that all are late
    else:
        before = (await scene.told())[0]
        await asyncio.sleep(2.5)  # longer than a look: nothing is due by that clock
        assert before <= (await scene.told())[0] <= FEW
    scene.put_clock(0)
    await scene.until_raised(FEW)
    await scene.until_delivered()
    assert await scene.told() == once(FEW)
