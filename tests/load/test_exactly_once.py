"""Exactly-once sending: whatever dies and whenever, the platform's own record never shows a reply twice.

Real processes: the platform, and workers that are killed with -9. The table in docs/sending.md names each outcome.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text
from sqlmodel import col

from api.deps import House
from inbox import embedded
from inbox.conversations import replies
from inbox.models import Channel, Delivery, Message
from tests.make import Make

KINDS = ("plain", "askable", "idempotent")
# No time-out of a send may happen by itself: on a busy machine a second is over before three replies have come to the same point, and what
# had timed out would be sent again before the scene begins. Time passes when a scene says so (`expire`).
QUICK = {"send": 100.0, "send_lease": 240.0, "look": 0.1, "ask_after": 0.2, "first_pause": 0.1, "settle": 0.1, "farewell": 0.5}
PATIENCE = 90.0  # seconds: a busy machine starts processes slowly


class Scene:
    """Three channels, each with a queued reply, on one platform."""

    def __init__(self, house: House, url: str, folder: Path) -> None:
        self.house, self.url, self.folder = house, url, folder
        self.record = folder / "record.jsonl"
        self.processes: list[subprocess.Popen[str]] = []

    async def open(self) -> None:
        process = self.start("tests.load.platform", str(self.record), stdout=subprocess.PIPE)
        assert process.stdout is not None
        port = await asyncio.to_thread(process.stdout.readline)
        self.platform = httpx.AsyncClient(base_url=f"http://127.0.0.1:{int(port)}")

    def start(self, module: str, *arguments: str, stdout: int | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=stdout, text=True)
        self.processes.append(process)
        return process

    def worker(self, **pace: float) -> subprocess.Popen[str]:
        given = {"url": self.url, "home": str(self.folder), "pace": {**QUICK, **pace}}
        return self.start("tests.load.worker", json.dumps(given))

    async def queue(self, *, die: str = "") -> None:
        async with self.house.database.transaction() as session:
            make = Make(session)
            workspace = await make.workspace(undo_seconds=0)
            for kind in KINDS:
                config = {"url": str(self.platform.base_url).rstrip("/"), "channel": kind, "die": die}
                channel = await make.channel(workspace, platform=kind, config=self.house.vault.encrypt(json.dumps(config)))
                conversation = await make.conversation(channel)
                past = datetime.now(UTC) - timedelta(seconds=1)
                await replies.queue(session, conversation, None, body="At nine.", client_key=kind, now=past)

    async def mood(self, name: str) -> None:
        (await self.platform.post(f"/mood/{name}")).raise_for_status()

    async def held(self) -> int:
        return (await self.platform.get("/held")).json()["held"]

    def accepted(self) -> Counter[str]:
        """How often the platform took each reply, by its own record."""
        return Counter(json.loads(line)["key"] for line in self.record.read_text().splitlines())

    async def outcomes(self) -> dict[str, Delivery]:
        async with self.house.database.transaction() as session:
            rows = await session.execute(select(col(Message.client_key), col(Message.delivery)).where(col(Message.client_key).is_not(None)))
            return {str(key): delivery for key, delivery in rows}

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await condition():  # noqa: ASYNC110  # other processes make it true
                await asyncio.sleep(0.05)

    async def until_outcomes(self, **expected: Delivery) -> None:
        async def reached() -> bool:
            return await self.outcomes() == expected

        try:
            await self.until(reached)
        except TimeoutError:
            pytest.fail(f"expected {expected}, found {await self.outcomes()}, the platform took {self.accepted()}")

    async def stay(self, seconds: float = 1.5) -> None:
        """Nothing more may happen: give a second send the time that it would need."""
        await asyncio.sleep(seconds)

    async def kill(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        await asyncio.to_thread(process.wait)

    def close(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def scene_(house: House, server: embedded.Server, tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(house, server.url, tmp_path)
    yield scene
    scene.close()


@pytest.fixture
async def scene(scene_: Scene) -> AsyncIterator[Scene]:
    await scene_.open()
    yield scene_
    await scene_.platform.aclose()


SENT_WHERE_KNOWN = {"plain": Delivery.AMBIGUOUS, "askable": Delivery.SENT, "idempotent": Delivery.SENT}
NOT_YET = {"plain": 0, "askable": 1, "idempotent": 1}  # the reply had not reached the platform: sent by the next worker where that is safe
ALREADY = {"plain": 1, "askable": 1, "idempotent": 1}


@pytest.mark.parametrize(
    ("die", "taken"),
    [
        ("before", NOT_YET),  # after the claim, before the request
        ("after", ALREADY),  # the receipt is there, mark_sent is not
    ],
)
async def test_a_worker_that_dies_around_its_request_sends_nothing_twice(scene: Scene, die: str, taken: dict[str, int]):
    await scene.queue(die=die)
    first = scene.worker()
    assert await asyncio.to_thread(first.wait, PATIENCE) == -signal.SIGKILL
    await change_config(scene, die="")
    await expire(scene)
    scene.worker()
    await scene.until_outcomes(**SENT_WHERE_KNOWN)
    await scene.stay()
    assert {kind: scene.accepted()[kind] for kind in KINDS} == taken


@pytest.mark.parametrize(
    ("mood", "taken"),
    [
        ("hold before", NOT_YET),  # mid-request: the platform has not accepted it
        ("hold answers", ALREADY),  # accepted, and the answer is on its way
    ],
)
async def test_a_worker_killed_during_its_request_sends_nothing_twice(scene: Scene, mood: str, taken: dict[str, int]):
    await scene.queue()
    await scene.mood(mood)
    first = scene.worker()

    async def all_held() -> bool:
        return await scene.held() == len(KINDS)

    await scene.until(all_held)
    await scene.kill(first)
    await scene.mood("open")
    await expire(scene)
    scene.worker()
    await scene.until_outcomes(**SENT_WHERE_KNOWN)
    await scene.stay()
    assert {kind: scene.accepted()[kind] for kind in KINDS} == taken


async def test_a_lease_that_runs_out_while_the_sender_still_works_sends_nothing_twice(scene: Scene):
    """The answer takes longer than the lease; a second worker is there to take over. The late receipt settles it."""
    await scene.queue()
    await scene.mood("hold answers")
    scene.worker()

    async def all_held() -> bool:
        return await scene.held() == len(KINDS)

    await scene.until(all_held)
    await expire(scene)
    scene.worker(ask_after=600.0)
    await scene.until_outcomes(**dict.fromkeys(KINDS, Delivery.AMBIGUOUS))
    await scene.stay(0.5)
    await scene.mood("open")
    await scene.until_outcomes(**dict.fromkeys(KINDS, Delivery.SENT))
    assert scene.accepted() == ALREADY


async def test_what_a_killed_process_was_sending_is_settled_long_before_its_lease_ends(scene: Scene):
    """The database knows at once which connections are gone; the lease has minutes to go."""
    await scene.queue()
    await scene.mood("hold answers")
    first = scene.worker()

    async def all_held() -> bool:
        return await scene.held() == len(KINDS)

    await scene.until(all_held)
    await scene.kill(first)
    await scene.mood("open")
    scene.worker(gone=0.5)
    await scene.until_outcomes(**SENT_WHERE_KNOWN)
    assert scene.accepted() == ALREADY


async def test_a_worker_that_slept_through_its_lease_does_not_send_any_more(scene: Scene):
    """Stopped after the claim, as by a machine that hibernates; when it goes on, others have decided."""
    await scene.queue()
    await scene.mood("hold answers")
    first = scene.worker()

    async def all_held() -> bool:
        return await scene.held() == len(KINDS)

    await scene.until(all_held)
    first.send_signal(signal.SIGSTOP)
    await expire(scene)
    scene.worker()
    await scene.mood("open")
    await scene.until_outcomes(**SENT_WHERE_KNOWN)
    first.send_signal(signal.SIGCONT)
    await scene.stay()
    assert scene.accepted() == ALREADY
    assert await scene.outcomes() == SENT_WHERE_KNOWN or (await scene.outcomes())["plain"] == Delivery.SENT


async def test_two_workers_send_each_of_many_replies_once(scene: Scene):
    async with scene.house.database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace(undo_seconds=0)
        config = {"url": str(scene.platform.base_url).rstrip("/"), "channel": "plain"}
        channel = await make.channel(workspace, platform="plain", config=scene.house.vault.encrypt(json.dumps(config)))
        past = datetime.now(UTC) - timedelta(seconds=1)
        for number in range(20):
            conversation = await make.conversation(channel)
            for part in range(3):
                await replies.queue(session, conversation, None, body="Hello", client_key=f"{number}:{part}", now=past)
    scene.worker()
    scene.worker()

    async def all_sent() -> bool:
        return set((await scene.outcomes()).values()) == {Delivery.SENT}

    await scene.until(all_sent)
    taken = [json.loads(line)["key"] for line in scene.record.read_text().splitlines()]
    assert len(taken) == len(set(taken)) == 60
    for number in range(20):
        assert [key for key in taken if key.startswith(f"{number}:")] == [f"{number}:{part}" for part in range(3)]  # in order


async def change_config(scene: Scene, **changes: Any) -> None:
    async with scene.house.database.transaction() as session:
        for channel in await session.scalars(select(Channel)):
            config = json.loads(scene.house.vault.decrypt(channel.config)) | changes
            channel.config = scene.house.vault.encrypt(json.dumps(config))


async def expire(scene: Scene) -> None:
    """Time passes: the leases of what is being sent run out."""
    async with scene.house.database.transaction() as session:
        await session.execute(text("UPDATE message SET lease_until = now() - interval '1 second' WHERE delivery = 'sending'"))
