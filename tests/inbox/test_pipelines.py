"""Statements that leave together."""

import asyncio

import psycopg
import pytest
from psycopg import waiting
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.db import Database, driver
from inbox.embedded import Server
from inbox.pipelines import pipeline


async def test_a_pipeline_raises_the_error_of_the_statement_at_fault_not_of_those_that_were_skipped(session: AsyncSession):
    connection = await driver(session)
    await connection.execute("SAVEPOINT before")
    with pytest.raises(psycopg.errors.DivisionByZero):  # noqa: PT012  # it is raised by the end of the block
        async with pipeline(connection):
            await connection.execute("SELECT 1")
            await connection.execute("SELECT 1 / 0")
            await connection.execute("SELECT 2")
    await connection.execute("ROLLBACK TO SAVEPOINT before")


async def test_what_a_pipeline_begins_is_one_transaction_and_can_be_rolled_back(database: Database):
    async with AsyncSession(database.engine) as session:
        connection = await driver(session)
        async with pipeline(connection):
            await connection.execute("CREATE TABLE fleeting (id int)")
            await connection.execute("INSERT INTO fleeting VALUES (1)")
        await session.rollback()
        found = await (await driver(session)).execute("SELECT to_regclass('fleeting')")
        assert await found.fetchone() == (None,)


async def test_a_connection_that_the_server_has_closed_in_the_pool_is_replaced_unnoticed(database: Database):
    async with database.transaction() as session:
        found = await (await driver(session)).execute("SELECT pg_backend_pid()")
        (lost,) = await found.fetchone() or (0,)
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%s, 5000)", (lost,))
    async with database.transaction() as session:
        found = await (await driver(session)).execute("SELECT pg_backend_pid()")
        assert await found.fetchone() != (lost,)


async def test_a_task_that_is_cut_off_within_a_pipeline_leaves_a_connection_that_works(server: Server):
    database = Database(server.url, pool_size=1)

    async def ask(seconds: float) -> int:
        async with database.transaction() as session:
            connection = await driver(session)
            async with pipeline(connection) as send:
                send("SELECT pg_sleep(%s)", (seconds,))
                number = send("SELECT 1")
            assert await number.fetchone() == (1,)
            return connection.pgconn.backend_pid

    try:
        pid = [await ask(0) for _ in range(8)][-1]  # until the statements are prepared
        ended = asyncio.create_task(ask(60))
        async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as other:
            for _ in range(1000):
                found = await other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'", (pid,))
                if await found.fetchone():
                    break
                await asyncio.sleep(0.01)
        ended.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ended
        assert [await ask(0) for _ in range(8)] == [pid] * 8
    finally:
        await database.close()


async def test_a_task_cancelled_at_any_step_leaves_a_connection_that_answers_and_is_known_as_cancelled(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(waiting, "MAX_BUSY_TIME", -1)  # as when the loop is busy: the driver then pauses after each step
    database = Database(server.url, pool_size=1)

    async def work() -> None:
        async with database.transaction() as session:
            async with pipeline(await driver(session)) as send:
                send("SELECT 1")
            await session.scalar(text("SELECT 2"))

    for steps in range(60):
        for again in (False, True):
            task = asyncio.create_task(work())
            for _ in range(steps):
                await asyncio.sleep(0)
            told = task.cancel()
            if again:
                await asyncio.sleep(0)
                task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), (steps, again, told)
            async with database.transaction() as session:
                assert await session.scalar(text("SELECT 3")) == 3, (steps, again)
    await database.close()
