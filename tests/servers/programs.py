"""Real servers and independent clients that `make test-servers` installs, each in an environment of its own."""

import os
from pathlib import Path

import pytest

SERVERS = Path(__file__).parents[2] / ".servers"


def interpreter(name: str) -> Path:
    """The Python of the environment made from locks/NAME.lock; skips the test where it was not made, and fails it in CI."""
    found = SERVERS / name / "bin" / "python"
    if not (SERVERS / name / ".ready").exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} is not installed: `make test-servers` does it.")
    return found
