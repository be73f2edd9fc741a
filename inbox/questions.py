"""Questions: selects that are put together and compiled once, and asked through the driver, many of them in one round trip.

Putting a select together, finding it again and making objects of its rows costs many times what the driver needs (docs/performance.md).
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import BigInteger, BindParameter, ClauseElement
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from inbox.db import Row, driver
from inbox.pipelines import pipeline

Answer = TypeVar("Answer")
IDS = ARRAY(BigInteger)  # of a parameter: one statement however many ids, where an IN list would be another for each number of them


@dataclass(frozen=True, slots=True)
class Question(Generic[Answer]):
    """What is asked of the database, and what is made of the rows that come back."""

    statement: bytes
    given: Mapping[str, Any]
    read: Callable[[Sequence[Row]], Answer]


class Asked(Generic[Answer]):
    """A question among others; it has its answer once they are asked."""

    def __init__(self, question: Question[Answer]) -> None:
        self.question = question
        self.answer: Answer


class Questions:
    """Questions that leave together."""

    def __init__(self) -> None:
        self._asked: list[Asked[Any]] = []

    def add(self, question: Question[Answer]) -> Asked[Answer]:
        asked = Asked(question)
        self._asked.append(asked)
        return asked

    async def ask(self, session: AsyncSession) -> None:
        """Send them all, in order, in one round trip, and read what comes back."""
        connection = await driver(session)
        with _known_errors():
            async with pipeline(connection) as send:
                cursors = [send(one.question.statement, one.question.given) for one in self._asked]
            for asked, cursor in zip(self._asked, cursors, strict=True):
                asked.answer = asked.question.read(await cursor.fetchall())
        self._asked = []


async def ask(session: AsyncSession, question: Question[Answer]) -> Answer:
    """Ask one question alone; the first of a transaction leaves with its BEGIN."""
    connection = await driver(session)
    if connection.pgconn.transaction_status == TransactionStatus.IDLE:
        board = Questions()
        asked = board.add(question)
        await board.ask(session)
        return asked.answer
    with _known_errors():
        cursor = await connection.execute(question.statement, question.given)
        return question.read(await cursor.fetchall())


def columns(table: Any, shape: type[NamedTuple]) -> list[InstrumentedAttribute[Any]]:
    """The columns of a table that a tuple's fields are named after, in the tuple's order."""
    return [getattr(table, name) for name in shape._fields]


def compiled(select: ClauseElement) -> bytes:
    """A select as the driver takes it, to be kept: compiling costs more than running it."""
    return str(select.compile(dialect=DIALECT)).encode()


class Compiler(PGCompiler_psycopg):
    """Writes values that are known into the statement, where the planner sees them; those that come with each question stay parameters."""

    def visit_bindparam(self, bindparam: BindParameter[Any], *args: Any, **options: Any) -> str:
        options["literal_binds"] = not bindparam.required
        return super().visit_bindparam(bindparam, *args, **options)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # untyped there


DIALECT = PGDialect_psycopg()
DIALECT.statement_compiler = Compiler


@contextmanager
def _known_errors() -> Generator[None]:
    """What goes wrong is raised as it is everywhere else, so that a lost connection or a value that no column holds is known as such."""
    try:
        yield
    except psycopg.Error as error:
        raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True, dialect=DIALECT) from error
