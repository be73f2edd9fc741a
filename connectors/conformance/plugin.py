"""For pytest: `--parley-connector=package.module:ADAPTER` checks a connector. Only pytest imports this."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from connectors.conformance import Adapter

SUITE = Path(__file__).with_name("suite.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("parley")
    group.addoption("--parley-connector", metavar="MODULE:ADAPTER", help="Check the connector of this adapter (connectors.conformance).")


def pytest_configure(config: pytest.Config) -> None:
    """The option alone is enough: the suite is what is run then."""
    if config.getoption("--parley-connector"):
        config.args[:] = [str(SUITE)]


def adapter(config: pytest.Config) -> Adapter:
    """The adapter that was asked for."""
    wanted: str = config.getoption("--parley-connector") or ""
    module, _, name = wanted.partition(":")
    return getattr(import_module(module), name or "ADAPTER")


@pytest.fixture(scope="session")
def parley_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real database, made for this run."""
    from inbox import embedded
    from inbox.migrations import run

    with embedded.running(tmp_path_factory.mktemp("parley"), settings={"fsync": "off"}) as server:
        run.upgrade(server.url)
        yield server.url


def in_a_loop_of_its_own(url: str, check: Any, bench: Any) -> None:
    """Run a check, whichever plug-in has a loop in this thread; what it wrote is rolled back."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _checked(url, check, bench)).result()


async def _checked(url: str, check: Any, bench: Any) -> None:
    async with _session(url) as session:
        await check.way(bench(session))


@asynccontextmanager
async def _session(url: str) -> AsyncGenerator[Any]:
    from sqlalchemy.ext.asyncio import AsyncSession

    from inbox.db import Database

    database = Database(url)
    try:
        async with database.engine.connect() as connection, connection.begin() as outer:
            async with AsyncSession(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
                yield session
            await outer.rollback()
    finally:
        await database.close()
