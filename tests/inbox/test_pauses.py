"""Waiting, and being told to end while what was waited for happens."""

import asyncio

import pytest

from inbox import pauses


async def test_says_whether_it_happened():
    event = asyncio.Event()
    assert not await pauses.happens(event, 0.001)
    event.set()
    assert await pauses.happens(event, 0)
    assert await pauses.happens(event, 60)


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancellation_is_not_lost_when_the_event_is_set_at_the_same_time(turns: int):
    event = asyncio.Event()

    async def work() -> None:
        while True:
            await pauses.happens(event, 60)
            event.clear()

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    working.cancel()
    await asyncio.wait([working], timeout=2)
    assert working.cancelled()


async def test_what_was_told_to_end_has_ended_however_it_ends():
    ended: list[str] = []

    async def work(name: str, *, fails: bool) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append(name)
            if fails:
                raise ValueError

    working = [asyncio.create_task(work("well", fails=False)), asyncio.create_task(work("badly", fails=True))]
    await asyncio.sleep(0)
    await pauses.stop(*working)
    assert sorted(ended) == ["badly", "well"]
