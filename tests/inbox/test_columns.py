"""Lists on their way into the database."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.db import driver

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


async def test_a_number_beyond_bigint_is_refused(session: AsyncSession):
    connection = await driver(session)
    with pytest.raises(Exception, match="int"):
        await connection.execute("SELECT %b::bigint[]", ([2**63],))
