"""One real PostgreSQL for the whole run; what a test writes is rolled back or truncated."""

import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import House
from inbox import embedded
from inbox.db import Database
from inbox.files import Files
from inbox.migrations import run
from inbox.secrets import open_vault
from inbox.settings import Settings
from tests.app import app_of
from tests.make import Make

# The default renderer draws every local variable of a traceback, which takes minutes when one of them is a page.
structlog.configure(processors=[structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)])

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

# What takes longest, longest first. Files are handed out whole and in order: a long one at the end would keep one worker alone at work.
LONG = (
    "load/test_exactly_once", "browser/test_inbox", "browser/test_widget", "connectors/test_conformance", "browser/", "api/test_cli",
    "inbox/test_embedded_users", "connectors/test_plugin", "api/test_serve", "load/", "api/test_live", "api/test_socket_abuse",
    "api/test_demo", "connectors/test_polled", "api/test_races",
)  # fmt: skip


def pytest_xdist_auto_num_workers() -> int:
    """Tests wait for databases, browsers and processes as long as they reckon: two workers for each core keep it busy."""
    return min(4, 2 * (os.cpu_count() or 1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the long files begin."""
    items.sort(key=lambda item: next((place for place, name in enumerate(LONG) if f"tests/{name}" in item.nodeid), len(LONG)))


gc.disable()  # what is imported and collected is no garbage


def pytest_collection_finish() -> None:
    """It stays: walking over it at every garbage collection would be a fifth of a run."""
    gc.freeze()
    gc.enable()


# Deleting the few rows of a test takes milliseconds; TRUNCATE makes 150 new files each time.
EMPTY = """
DO $$
DECLARE name text; filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = to_regnamespace('public') AND c.relkind = 'r'
                   AND c.relname NOT IN ('installation', 'alembic_version') LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO filled;
        IF filled THEN EXECUTE format('DELETE FROM %I', name); END IF;
    END LOOP;
    UPDATE installation SET held = false, held_since = NULL;
END $$
"""

# A test may count on ids from one; what was rolled back before it has used some up all the same.
RESTART = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT s.sequencename FROM pg_sequences s WHERE s.schemaname = 'public' AND s.last_value IS NOT NULL LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END $$
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """The embedded PostgreSQL, not made to survive a power cut: tests only."""
    home: Path = tmp_path_factory.mktemp("home")
    with embedded.running(home, settings={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}) as running:
        run.upgrade(running.url)
        yield running
    shutil.rmtree(running.folder)  # root's data may lie outside of the home


@pytest.fixture(scope="session")
async def _database(server: embedded.Server) -> AsyncIterator[Database]:
    database = Database(server.url)
    yield database
    await database.close()


@pytest.fixture
async def database(_database: Database) -> AsyncIterator[Database]:
    """For what really commits; every table is emptied afterwards."""
    async with _database.engine.begin() as connection:
        await connection.execute(text(RESTART))
    yield _database
    async with _database.engine.begin() as connection:
        await connection.execute(text(EMPTY))


@pytest.fixture
async def session(_database: Database) -> AsyncIterator[AsyncSession]:
    """For what needs no commit: everything is rolled back."""
    async with _database.engine.connect() as connection, connection.begin() as outer:
        async with AsyncSession(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            yield session
        await outer.rollback()


@pytest.fixture
def now() -> datetime:
    """A Monday morning."""
    return MONDAY


@pytest.fixture
def make(session: AsyncSession) -> Make:
    """Rows made in one line, in the rolled-back session."""
    return Make(session)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation of its own folder."""
    return Settings(home=tmp_path, secret_key=SecretStr("test"), url="http://parley.test")


@pytest.fixture
def house(settings: Settings, database: Database, now: datetime) -> House:
    """What a web process shares, with the time standing still."""
    return House(settings=settings, database=database, vault=open_vault(settings), files=Files(settings.home), clock=lambda: now)


@pytest.fixture
async def app(house: House) -> AsyncIterator[FastAPI]:
    """The whole application, started."""
    app = app_of(house)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A program or browser that is not signed in."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://parley.test", headers={"origin": "http://parley.test"}) as client:
        yield client
