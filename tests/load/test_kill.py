"""The server is killed with -9 again and again while messages come in: none is lost, none is there twice, lists and counters are right."""

import asyncio
import json
import os
import random
import secrets
import socket
import subprocess
import sys
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from api.deps import House
from connectors.webhook import signatures
from inbox import embedded
from tests.make import Make

ROOT = Path(__file__).parents[2]
MESSAGES = 10_000
KILLS = 20
SENDERS = 16
PATIENCE = 900.0  # seconds: twenty starts on a busy machine
SECRET = "whsec_" + b64encode(secrets.token_bytes(32)).decode()

# What the list row says, beside what the messages and waits say.
WRONG_ROWS = """
    SELECT conversation.id FROM conversation
      JOIN LATERAL (SELECT count(*) AS messages, max(at) AS newest FROM message WHERE conversation_id = conversation.id) said ON true
      JOIN LATERAL (SELECT count(*) AS waiting, min(opened_at) AS since FROM wait
                     WHERE conversation_id = conversation.id AND closed_at IS NULL) open ON true
     WHERE (message_count, last_message_at, waiting_count) IS DISTINCT FROM (said.messages, said.newest, open.waiting)
        OR waiting_since IS DISTINCT FROM open.since
        OR NOT EXISTS (SELECT FROM message WHERE id = last_message_id AND conversation_id = conversation.id AND at = last_message_at)
"""


class Serving:
    """A server that is started again after every kill."""

    def __init__(self, database_url: str, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            **os.environ,
            "PARLEY_DATABASE_URL": database_url,
            "PARLEY_HOME": str(home),
            "PARLEY_SECRET_KEY": "test",
            "PARLEY_PORT": str(self.port),
            "PYTHONPATH": str(ROOT),
        }
        self.log = (home / "serve.log").open("a+")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", "from api.cli import main; main()", "serve"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=self.log, stderr=self.log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Sender:
    """Sends every message until it is acknowledged."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.left = list(range(MESSAGES))
        self.acknowledged = 0
        self.refused: list[int] = []

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=30) as client:
            while self.left:
                body = message(self.left.pop())
                while not await self.delivered(client, body):  # noqa: ASYNC110  # the server is being started
                    await asyncio.sleep(0.05)
                self.acknowledged += 1

    async def delivered(self, client: httpx.AsyncClient, body: bytes) -> bool:
        headers = signatures.headers(signatures.key(SECRET), secrets.token_hex(8), datetime.now(UTC), body)
        try:
            answer = await client.post(self.address, content=body, headers=headers | {"content-type": "application/json"})
        except httpx.TransportError:
            return False
        if 400 <= answer.status_code < 500:
            self.refused.append(answer.status_code)
            return True
        return answer.status_code == 200


def message(number: int) -> bytes:
    author = f"author{number % 300}"
    at = datetime(2026, 3, 2, 9, number // 60 % 60, number % 60, tzinfo=UTC).isoformat()
    entry = {
        "type": "message",
        "id": f"m{number}",
        "thread": f"t{number % 200}",
        "author": {"id": author},
        "text": f"Hello {number}",
        "at": at,
    }
    return json.dumps(entry).encode()


@pytest.mark.servers
async def test_no_kill_loses_or_doubles_a_message(house: House, server: embedded.Server, tmp_path: Path):
    async with house.database.transaction() as session:
        make = Make(session)
        config = house.vault.encrypt(json.dumps({"secret": SECRET}))
        channel = await make.channel(await make.workspace(), config=config)
    serving = await asyncio.to_thread(Serving, server.url, tmp_path)
    sender = Sender(f"http://127.0.0.1:{serving.port}/hooks/{channel.key}")
    try:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
            for _ in range(SENDERS):
                tasks.create_task(sender.run())
            tasks.create_task(kill_again_and_again(serving, sender))
    finally:
        await asyncio.to_thread(serving.kill)
        serving.log.close()
    assert sender.refused == []
    async with house.database.transaction() as session:
        stored = (await session.execute(text("SELECT count(*), count(DISTINCT external_id) FROM message"))).one()
        keys = await session.scalar(text("SELECT count(*) FROM inbound"))
        told = await session.scalar(text("SELECT count(DISTINCT data->>'message') FROM event WHERE kind = 'message.received'"))
        wrong = (await session.execute(text(WRONG_ROWS))).all()
        dead = await session.scalar(text("SELECT count(*) FROM dead_letter"))
    assert (tuple(stored), keys, told, dead) == ((MESSAGES, MESSAGES), MESSAGES, MESSAGES, 0)
    assert wrong == []


async def kill_again_and_again(serving: Serving, sender: Sender) -> None:
    """Each time that some messages have come through since the last start, at a random moment."""
    for number in range(KILLS):
        goal = sender.acknowledged + random.randint(1, MESSAGES // (KILLS + 2))
        while sender.acknowledged < min(goal, MESSAGES - (KILLS - number)):  # noqa: ASYNC110  # the senders count
            await asyncio.sleep(0.01)
        await asyncio.sleep(random.uniform(0, 0.05))
        await asyncio.to_thread(serving.kill)
        await asyncio.to_thread(serving.start)
