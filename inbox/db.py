"""The database: one pool for each process, transactions, and the wake-up."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import psycopg
from psycopg import AsyncConnection, pq
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection as SqlAlchemyConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from inbox import columns, events
from inbox.pipelines import Cursor, pipeline

Row = tuple[Any, ...]  # as the driver gives it
WAKE_SECONDS = 0.01  # NOTIFY takes a lock of the whole cluster: commits within this time share one
FAREWELL = 1.0  # seconds for the last wake-up: readers also poll

AWAY = ("08", "53", "57P")  # SQLSTATE: the connection is broken, the server has no room for us, it shuts down or starts


class Database:
    """Connections to one PostgreSQL, and the only place that commits."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+psycopg://", 1),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_use_lifo=True,  # the connection used last knows most statements already
            connect_args={"cursor_factory": Cursor},
            hide_parameters=True,  # an error is logged, and parameters hold names, texts and password hashes
        )
        event.listen(self.engine.sync_engine, "connect", _pack_columns)
        event.listen(self.engine.sync_engine, "checkout", _refuse_lost)
        self.readers: set[asyncio.Event] = set()  # the log's readers in this process: they need not wait for the NOTIFY
        self._waking: asyncio.Task[None] | None = None  # what commits until it leaves has a part in it
        self._wakers: set[asyncio.Task[None]] = set()  # and those that are on their way

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """One transaction: commits when the block ends, rolls back when it raises, then wakes the log's readers."""
        async with _ending(AsyncSession(self.engine, expire_on_commit=False)) as session:
            yield session
            is_news = bool(events.recorded(session))
            if is_news:
                async with pipeline(await driver(session)) as send:
                    events.write(session, send)
                    send("COMMIT")  # nothing is left for the session to commit
            else:
                await session.commit()
        if is_news:
            self.wake()

    def wake(self) -> None:
        """Tell the log's readers that there is something to read, in other processes once for all commits of the next 10 ms."""
        for reader in self.readers:
            reader.set()
        if self._waking is None or self._waking.done():
            self._waking = asyncio.create_task(self._notify())
            self._wakers.add(self._waking)
            self._waking.add_done_callback(self._wakers.discard)

    async def _notify(self) -> None:
        await asyncio.sleep(WAKE_SECONDS)
        self._waking = None  # what commits from here on needs a wake-up of its own
        with suppress(psycopg.Error, OSError):  # only a hint: readers also poll
            async with self.engine.connect() as connection:
                waker = _driver(connection)
                await waker.set_autocommit(True)  # one statement instead of three
                try:
                    await waker.execute(f"NOTIFY {events.CHANNEL}".encode())
                finally:
                    await waker.set_autocommit(False)

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
        """Send the last wake-ups and let every connection go."""
        if self._wakers:
            await asyncio.wait(self._wakers, timeout=FAREWELL)  # awaited itself, one could not be told from a cancellation of ours
        await self.engine.dispose()


async def release(session: AsyncSession) -> None:
    """End the transaction that has only read, so that no connection waits for a platform. What was loaded stays readable."""
    session.expunge_all()
    await session.rollback()


@asynccontextmanager
async def _ending(session: AsyncSession) -> AsyncGenerator[AsyncSession]:
    """A session that ends with the block. What ended the block is raised, a cancellation above all, not that this broke the connection."""
    reason: BaseException | None = None
    try:
        async with session:
            try:
                yield session
            except BaseException as error:
                reason = error
                raise
    except DBAPIError as error:
        if reason is None or error is reason:
            raise
        raise reason from None


def lost(error: BaseException) -> bool:
    """Whether the database is away for a while; what it merely refuses, it will refuse again."""
    original = getattr(error, "orig", None) or error
    if isinstance(original, psycopg.Error):
        state = original.sqlstate or ""
        return isinstance(original, psycopg.OperationalError | psycopg.InterfaceError) and (not state or state.startswith(AWAY))
    return isinstance(original, OSError | DisconnectionError | PoolTimeout)


async def driver(session: AsyncSession) -> AsyncConnection[Row]:
    """The driver's own connection of this transaction: for set-based statements and pipelines on hot paths."""
    if session.new or session.dirty or session.deleted:
        await session.flush()
    transaction = session.sync_session.get_transaction()
    known: tuple[object, AsyncConnection[Row]] | None = session.info.get("driver")
    if known is not None and known[0] is transaction:  # asking SQLAlchemy again costs as much as a statement
        return known[1]
    found = _driver(await session.connection())
    session.info["driver"] = session.sync_session.get_transaction(), found
    return found


def _driver(connection: SqlAlchemyConnection) -> AsyncConnection[Row]:
    """What `get_raw_connection` gives, without its switch to another stack: the connection is there already."""
    return cast("AsyncConnection[Row]", cast("Any", connection.sync_connection).connection.driver_connection)


def _pack_columns(connection: Any, _record: Any) -> None:
    columns.register(connection.driver_connection)


def _refuse_lost(connection: Any, _record: Any, _proxy: Any) -> None:
    """A connection that the server has closed while it lay in the pool is replaced; unlike a ping, looking costs no round trip.

    One that is still in the middle of something is replaced too: whoever takes it would be answered what somebody else has asked.
    """
    server = connection.driver_connection.pgconn
    with suppress(psycopg.OperationalError):
        for _ in range(2):  # the first may read the server's farewell, the second the end
            server.consume_input()
        if server.status == pq.ConnStatus.OK and server.transaction_status == pq.TransactionStatus.IDLE and not server.pipeline_status:
            return
    raise DisconnectionError
