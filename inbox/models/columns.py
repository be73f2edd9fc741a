"""How columns are made, so that every table makes them the same way."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, DateTime, Enum, ForeignKeyConstraint, Identity, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.orm import declared_attr
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from inbox.errors import Invalid

FIRST, LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)  # Python ends at 9999, and zones move that by a day


class Table(SQLModel):
    """A table, named like its class in snake_case."""

    @declared_attr.directive
    @classmethod
    def __tablename__(cls) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]  # SQLAlchemy's own way to name tables by rule
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class Unstorable(Invalid, DontWrapMixin):
    """A moment that could be written and never be read again, or whose zone nobody knows."""

    code = "unstorable_time"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always with its zone, and of the years that every process can read: others are refused. What comes back is UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is not None and value.tzinfo is None:
            raise Unstorable("A time needs its time zone.")
        if value is not None and not FIRST <= value <= LAST:
            raise Unstorable("Times lie between the years 2 and 9998.")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        return value if value is None else value.astimezone(UTC)


def identity() -> Any:
    """The primary key: a bigint that only the database gives."""
    return Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)])


def workspace() -> Any:
    """The workspace that owns the row; the row goes when the workspace goes."""
    return Field(sa_type=BigInteger, foreign_key="workspace.id", ondelete="CASCADE")


def number(*, index: bool = False, nullable: bool = False, primary_key: bool = False) -> Any:
    """A bigint that points at another row; `within` makes its foreign key."""
    if primary_key:
        return Field(sa_type=BigInteger, primary_key=True)
    if nullable:
        return Field(default=None, sa_type=BigInteger, index=index, nullable=True)
    return Field(sa_type=BigInteger, index=index)


def within(table: str, column: str | None = None, *, when_gone: str = "CASCADE") -> ForeignKeyConstraint:
    """A foreign key that includes the workspace, so that no row can point into another workspace.

    `when_gone` is CASCADE for what belongs to the other row, or SET NULL for what only mentions it.
    """
    column = column or f"{table}_id"
    ondelete = f"SET NULL ({column})" if when_gone == "SET NULL" else when_gone
    return ForeignKeyConstraint(["workspace_id", column], [f"{table}.workspace_id", f"{table}.id"], ondelete=ondelete)


def moment(*, index: bool = False, nullable: bool = False) -> Any:
    """A UTC date and time."""
    if nullable:
        return Field(default=None, sa_type=UtcDateTime, index=index, nullable=True)
    return Field(sa_type=UtcDateTime, index=index)


def flag() -> Any:
    """Yes or no; no unless said."""
    return Field(default=False, sa_column_kwargs={"server_default": text("false")})


def text_enum(kind: type[StrEnum], *, default: StrEnum | None = None, index: bool = False) -> Any:
    """An enum stored as its text value."""
    stored = Enum(kind, native_enum=False, values_callable=_values, length=32)
    if default is None:
        return Field(sa_type=stored, index=index)  # pyright: ignore[reportArgumentType]  # sqlmodel types sa_type as a class, and takes instances
    return Field(default=default, sa_type=stored, index=index, sa_column_kwargs={"server_default": default.value})  # pyright: ignore[reportArgumentType]


def json(default: type[dict[str, Any]] | type[list[Any]] = dict) -> Any:
    """A JSON document that is read whole; what is searched has a column of its own."""
    empty = "{}" if default is dict else "[]"
    return Field(default_factory=default, sa_type=JSONB, sa_column_kwargs={"server_default": empty})


def _values(kind: type[StrEnum]) -> list[str]:
    return [member.value for member in kind]
