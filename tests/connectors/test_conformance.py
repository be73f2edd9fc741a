"""Every connector, put through the same paces (`connectors.conformance`)."""

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.conformance import Adapter, checks
from connectors.conformance.bench import Bench
from connectors.conformance.checks import Check
from tests.connectors.adapters import ADAPTERS

CHECKS = [pytest.param(adapter, check, id=f"{adapter.name}: {check.name}") for adapter in ADAPTERS for check in checks.of(adapter)]


@pytest.mark.parametrize(("adapter", "check"), CHECKS)
async def test_conformance(adapter: Adapter, check: Check, session: AsyncSession, tmp_path: Path) -> None:
    if check.exempt is not None:
        pytest.skip(check.exempt)
    await check.way(Bench(adapter, session, tmp_path))
