"""The suite as pytest runs it for a plug-in's author."""

from functools import partial
from pathlib import Path

import pytest

from connectors.conformance import Adapter, checks
from connectors.conformance.bench import Bench
from connectors.conformance.checks import Check
from connectors.conformance.plugin import adapter, in_a_loop_of_its_own


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = adapter(metafunc.config)
    metafunc.parametrize(("adapter", "check"), [pytest.param(found, check, id=check.name) for check in checks.of(found)])


def test_conformance(adapter: Adapter, check: Check, parley_database: str, tmp_path: Path) -> None:
    if check.exempt is not None:
        pytest.skip(check.exempt)
    in_a_loop_of_its_own(parley_database, check, partial(Bench, adapter, folder=tmp_path))
