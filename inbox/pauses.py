"""Waiting for something, though not for ever, and for tasks that were told to end."""

import asyncio


async def happens(event: asyncio.Event, seconds: float) -> bool:
    """Wait until `event` is set, for so many seconds at most; whether it is.

    Not `asyncio.wait_for`: on Python 3.11 it forgets a cancellation that arrives together with the event, and what was told to end goes on
    for ever.
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def stop(*tasks: asyncio.Task[None]) -> None:
    """Cancel these and wait until they are done, however they end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
