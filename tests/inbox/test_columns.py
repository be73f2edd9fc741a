"""Lists on their way into the database."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.columns import Numbers, Texts, Times, Truths
from inbox.db import driver

EVERY: dict[str, Any] = {"bigint": Numbers, "text": Texts, "timestamptz": Times, "boolean": Truths}
NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("bigint", [1, -1, 0, 2**63 - 1, -(2**63)]),
        ("bigint", [1, None, 3]),
        ("int", [1, 70_000]),
        ("text", ["", "a", "Grüße 👋", "NULL", '{"a"}']),
        ("text", [None, "a", None]),
        ("boolean", [True, None, False]),
        ("timestamptz", [NOON, None, NOON, datetime(1990, 1, 1, tzinfo=UTC)]),
        ("timestamptz", [NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))]),
        ("text", [None, None]),
        ("bigint", []),
    ],
)
async def test_a_list_arrives_as_it_was(session: AsyncSession, kind: str, column: list[Any]):
    connection = await driver(session)
    found = await connection.execute(f"SELECT %b::{kind}[]".encode(), (column,))
    assert await found.fetchone() == (column,)


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("bigint", Numbers([1, None, -(2**63)])),
        ("text", Texts(["", None, "Grüße 👋"])),
        ("timestamptz", Times([NOON, None])),
        ("boolean", Truths([True, None, False])),
        *((kind, column) for kind, make in EVERY.items() for column in (make(), make([None, None]))),
    ],
)
async def test_a_column_arrives_as_it_was_and_its_type_does_not_hang_on_what_is_in_it(session: AsyncSession, kind: str, column: list[Any]):
    connection = await driver(session)
    found = await connection.execute("SELECT %b, pg_typeof(%b)::text", (column, column))
    assert await found.fetchone() == (list(column), {"timestamptz": "timestamp with time zone"}.get(kind, kind) + "[]")


async def test_a_number_beyond_bigint_is_refused(session: AsyncSession):
    connection = await driver(session)
    with pytest.raises(Exception, match="int"):
        await connection.execute("SELECT %b::bigint[]", ([2**63],))
