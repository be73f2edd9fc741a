"""The installation that a command works on: its settings, its database, one workspace of it."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.commands import console
from api.deps import House
from inbox import cluster, embedded
from inbox.backups import Place
from inbox.cluster import EmbeddedError
from inbox.db import Database
from inbox.errors import Invalid, NotFound, Unusable
from inbox.files import Files
from inbox.migrations import state
from inbox.models import Role, Workspace
from inbox.secrets import open_vault
from inbox.settings import Settings
from inbox.team.rights import Access

T = TypeVar("T")
AT_ONCE = 200  # things in one transaction: what comes in meanwhile waits no longer than for these
WorkspaceOption = Annotated[str, typer.Option("--workspace", "-w", help="Name or number of the workspace; needed when there are several.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]


@contextmanager
def database(settings: Settings) -> Generator[Place]:
    """Where the database is; the embedded one is started, or joined when Parley is running."""
    if settings.database_url is not None:
        yield Place(url=settings.database_url.get_secret_value(), home=settings.home, bundled=_bundled(settings.home))
        return
    with embedded.running(settings.home) as server:
        yield Place(url=server.url, home=settings.home, bundled=server.bin)


def run(action: Callable[[House, AsyncSession], Awaitable[T]]) -> T:
    """Do something in one transaction of the installation."""
    settings = Settings()
    with database(settings) as place:
        state.prepare(place.url)
        return asyncio.run(within(settings, place.url, action))


async def portioned(house: House, what: str, ids: Sequence[int], work: Callable[[AsyncSession, Sequence[int]], Awaitable[None]]) -> None:
    """Work on many things, each portion in a transaction of its own: what is done stays done."""
    with console.counting(what, total=len(ids)) as advance:
        for start in range(0, len(ids), AT_ONCE):
            portion = ids[start : start + AT_ONCE]
            async with house.database.transaction() as own:
                await work(own, portion)
            advance(len(portion))


async def within(settings: Settings, url: str, action: Callable[[House, AsyncSession], Awaitable[T]]) -> T:
    """The same, with the database at hand."""
    database = Database(url, pool_size=1)
    house = House(settings=settings, database=database, vault=open_vault(settings), files=Files(settings.home))
    try:
        async with database.transaction() as session:
            return await action(house, session)
    except OperationalError as error:
        raise Unusable("The database cannot be reached: {reason}", code="database", reason=str(error.orig).strip()) from None
    finally:
        await database.close()


async def workspace(session: AsyncSession, words: str = "") -> Workspace:
    """The workspace of this name or number; without words the only one that is no demonstration."""
    every = (await session.scalars(select(Workspace).order_by(col(Workspace.id)))).all()
    if words:
        found = [one for one in every if words == str(one.id)] or [one for one in every if one.name.lower() == words.lower()]
    else:
        found = [one for one in every if not one.is_demo] or every
    if not found:
        raise NotFound(
            "There is no such workspace." if words else "There is no workspace yet. Make one: parley user add --new-workspace NAME"
        )
    if len(found) > 1:
        known = ", ".join(f"{one.id} ({one.name})" for one in found)
        raise Invalid("There are several workspaces: {known}. Choose one with --workspace.", code="which_workspace", known=known)
    return found[0]


async def access(session: AsyncSession, words: str = "") -> Access:
    """What somebody may do who can run commands on the installation: everything in one workspace."""
    return Access(workspace_id=(await workspace(session, words)).id, role=Role.ADMIN, actor="system")


def _bundled(home: Path) -> Path | None:
    try:
        return cluster.programs(cluster.account(home))
    except EmbeddedError:
        return None
