"""The database: one pool for each process, transactions, and the wake-up."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import psycopg
from psycopg import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from inbox import events

Row = tuple[Any, ...]  # as the driver gives it
WAKE_SECONDS = 0.01  # NOTIFY takes a lock of the whole cluster: commits within this time share one


class Database:
    """Connections to one PostgreSQL, and the only place that commits."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True
        )
        self._waking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """One transaction: commits when the block ends, rolls back when it raises, then wakes the log's readers."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session
            await session.flush()
            written = await events.write(session)
            await session.commit()
        if written:
            self.wake()

    def wake(self) -> None:
        """Tell the log's readers that there is something to read, once for all commits of the next 10 ms."""
        if self._waking is None or self._waking.done():
            self._waking = asyncio.create_task(self._notify())

    async def _notify(self) -> None:
        await asyncio.sleep(WAKE_SECONDS)
        self._waking = None  # what commits from here on needs a wake-up of its own
        with suppress(psycopg.Error, OSError):  # only a hint: readers also poll
            async with self.engine.connect() as connection:
                await connection.exec_driver_sql(f"NOTIFY {events.CHANNEL}")
                await connection.commit()

    async def listen(self, *channels: str) -> AsyncConnection[tuple[object, ...]]:
        """A connection of its own that receives the wake-ups; whoever asked closes it."""
        connection = await AsyncConnection.connect(self.url, autocommit=True)
        try:
            for channel in channels or (events.CHANNEL,):
                await connection.execute(f"LISTEN {channel}".encode())
        except BaseException:  # cancelled too: nobody else could close it
            await connection.close()
            raise
        return connection

    async def close(self) -> None:
        """Send the last wake-up and let every connection go."""
        if self._waking is not None:
            with suppress(asyncio.CancelledError):
                await self._waking
        await self.engine.dispose()


async def driver(session: AsyncSession) -> AsyncConnection[Row]:
    """The driver's own connection of this transaction: for set-based statements and pipelines on hot paths."""
    await session.flush()
    connection = await (await session.connection()).get_raw_connection()
    return cast("AsyncConnection[Row]", connection.driver_connection)
