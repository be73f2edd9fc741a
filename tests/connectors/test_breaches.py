"""Waits that become late while hosts run, with a clock that tests move."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from api.deps import House
from connectors.host import breaches
from connectors.host.accounts import Accounts
from connectors.host.pace import Pace
from connectors.host.place import Place
from inbox.models import Conversation, Episode, Metric, Wait
from inbox.promptness import targets
from tests.make import MONDAY, Make

PACE = Pace(look=0.05)


class Watch:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = MONDAY

    def __call__(self) -> datetime:
        return self.now


def place_of(house: House, watch: Watch, owner: str = "one") -> Place:
    return Place(house.database, house.files, house.settings, Accounts(house.vault, house.settings, house.database), owner, PACE, watch)


async def customers(house: House, number: int, *, due: timedelta) -> None:
    """So many people wait, each due so long after Monday's beginning, a second apart."""
    async with house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace())
        for after in range(number):
            conversation: Conversation = await make.conversation(channel)
            identity = await make.identity(channel)
            values: dict[str, Any] = {"metric": Metric.FIRST, "opened_at": MONDAY, "opened_by": 1, "received_at": MONDAY}
            values["due_at"] = MONDAY + due + timedelta(seconds=after)
            where = {"workspace_id": channel.workspace_id, "channel_id": channel.id, "conversation_id": conversation.id}
            session.add(Wait(**where, identity_id=identity.id, **values))


async def late(house: House) -> list[tuple[datetime, datetime]]:
    async with house.database.transaction() as session:
        found = await session.execute(text("SELECT due_at, breached_at FROM wait WHERE breached_at IS NOT NULL ORDER BY due_at"))
        return [(due.astimezone(UTC), breached.astimezone(UTC)) for due, breached in found.all()]


async def told(house: House, kind: str = "wait.breached") -> int:
    async with house.database.transaction() as session:
        return await session.scalar(text("SELECT count(*) FROM event WHERE kind = :kind"), {"kind": kind}) or 0


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def test_a_wait_becomes_late_when_its_time_comes_at_its_own_time(house: House):
    await customers(house, 2, due=timedelta(minutes=10))
    watch, stop = Watch(), asyncio.Event()
    task = asyncio.create_task(breaches.run(place_of(house, watch), stop))
    watch.now = MONDAY + timedelta(minutes=9, seconds=59)
    await asyncio.sleep(0.2)
    assert await late(house) == []
    watch.now = MONDAY + timedelta(minutes=10)

    async def first_is_late() -> bool:
        return await late(house) == [(MONDAY + timedelta(minutes=10),) * 2]

    await until(first_is_late)
    stop.set()
    await asyncio.wait_for(task, 5)
    assert await told(house) == 1


async def test_what_became_late_while_nobody_ran_is_late_since_then_and_told_once_by_four_processes(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(breaches, "PORTION", 7)
    await customers(house, 40, due=timedelta(minutes=10))
    watch, stop = Watch(), asyncio.Event()
    watch.now = MONDAY + timedelta(days=1)
    tasks = [asyncio.create_task(breaches.run(place_of(house, watch, f"p{number}"), stop)) for number in range(4)]

    async def all_are_late() -> bool:
        return len(await late(house)) == 40

    await until(all_are_late)
    watch.now -= timedelta(hours=1)  # a clock that is put back
    await asyncio.sleep(0.2)
    stop.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert all(due == breached for due, breached in await late(house))
    assert await told(house) == 40


async def test_a_resolution_that_is_due_is_late_since_then_and_told_once_by_four_processes(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(breaches, "PORTION", 7)
    async with house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace())
        for after in range(20):
            conversation: Conversation = await make.conversation(channel)
            where = {"workspace_id": channel.workspace_id, "channel_id": channel.id, "conversation_id": conversation.id}
            values: dict[str, Any] = {"ordinal": 1, "kind": conversation.kind, "began_at": MONDAY, "received_at": MONDAY}
            session.add(Episode(**where, **values, due_at=MONDAY + timedelta(seconds=after)))
    watch, stop = Watch(), asyncio.Event()
    watch.now = MONDAY + timedelta(seconds=9)
    tasks = [asyncio.create_task(breaches.run(place_of(house, watch, f"p{number}"), stop)) for number in range(4)]

    async def ten_are_late() -> bool:
        async with house.database.transaction() as session:
            found = await session.scalars(text("SELECT count(*) FROM episode WHERE breached_at = due_at"))
            return found.one() == 10

    await until(ten_are_late)
    watch.now -= timedelta(hours=1)  # a clock that is put back
    stop.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert await told(house, "resolution.breached") == 10


async def test_a_lost_database_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch):
    await customers(house, 1, due=timedelta(minutes=10))
    mark, losses = targets.breach, iter(range(3))

    async def lost(session: Any, **given: Any) -> int:
        if next(losses, None) is not None:
            raise OperationalError("SELECT", {}, ConnectionError("the server has gone"))
        return await mark(session, **given)

    monkeypatch.setattr(targets, "breach", lost)
    watch, stop = Watch(), asyncio.Event()
    watch.now = MONDAY + timedelta(hours=1)
    task = asyncio.create_task(breaches.run(place_of(house, watch), stop))

    async def is_late() -> bool:
        return len(await late(house)) == 1

    await until(is_late)
    stop.set()
    await asyncio.wait_for(task, 5)
