"""Real servers and independent clients that `make test-servers` installs, each in an environment of its own."""

import os
import shutil
from pathlib import Path

import pytest

SERVERS = Path(__file__).parents[2] / ".servers"


def interpreter(name: str) -> Path:
    """The Python of the environment made from locks/NAME.lock; skips the test where it was not made, and fails it in CI."""
    found = SERVERS / name / "bin" / "python"
    if not (SERVERS / name / ".ready").exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} is not installed: `make test-servers` does it.")
    return found


def node(name: str) -> tuple[str, Path]:
    """Node and the modules of npm/NAME: the version that came along with them, else the machine's; skips and fails as above."""
    modules = SERVERS / name / "node_modules"
    own = next(modules.glob("node-linux-*/bin/node"), None)
    found = str(own) if own else shutil.which("node")
    if found is None or not (SERVERS / name / ".ready").exists():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{name} is not installed: `make test-servers` does it.")
    return found, modules
