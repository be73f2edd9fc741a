"""How a database stands to this Parley's migrations."""

from enum import StrEnum
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

import inbox.models  # noqa: F401  # fills the metadata
from inbox.errors import Unusable
from inbox.migrations import run


class State(StrEnum):
    EMPTY = "empty"  # no table yet
    OLDER = "older"  # migrations are missing
    CURRENT = "current"
    NEWER = "newer"  # a newer Parley has changed it


@cache
def revisions() -> tuple[str, ...]:
    """Every revision that this Parley knows, newest first: the numbers that the files' names begin with."""
    return tuple(sorted((path.name[:4] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py")), reverse=True))


def state_of(revision: str | None) -> State:
    """What the revision that a database names means here."""
    if revision is None:
        return State.EMPTY
    if revision not in revisions():
        return State.NEWER
    return State.CURRENT if revision == revisions()[0] else State.OLDER


def read(url: str) -> str | None:
    """The revision of a database; None when it has none."""
    engine = run.make_engine(url)
    try:
        with engine.connect() as connection:
            return _revision(connection)
    except OperationalError as error:
        raise Unusable("The database cannot be reached: {reason}", code="database", reason=str(error.orig).strip()) from None
    finally:
        engine.dispose()


async def of(session: AsyncSession) -> State:
    """The state of the database that this session talks to."""
    connection = await session.connection()
    return state_of(await connection.run_sync(_revision))


def prepare(url: str) -> None:
    """Make the tables of an empty database; refuse one of another version with the sentence that says what to do."""
    match state_of(read(url)):
        case State.EMPTY:
            run.upgrade(url)
        case State.OLDER:
            raise Unusable(
                "The database is of an older Parley. Run `parley migrate`, or `parley serve`, which begins with it.", code="older_database"
            )
        case State.NEWER:
            raise Unusable("A newer Parley has changed this database. Install that version again, or a newer one.", code="newer_database")
        case State.CURRENT:
            pass


def clear(url: str) -> None:
    """Take every table away again, whichever of them are there."""
    engine = run.make_engine(url)
    try:
        with engine.begin() as connection:
            SQLModel.metadata.drop_all(connection)
            connection.execute(text("DROP FUNCTION IF EXISTS event_lock"))
            connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str | None:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
