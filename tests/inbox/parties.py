"""Processes of their own that use the embedded server, to be told to leave or to be killed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
from pathlib import Path
from inbox import embedded

server = embedded.start(Path(sys.argv[1]), settings={"fsync": "off"})
print(server.pid, server.url, flush=True)
sys.stdin.read()
embedded.stop(server)
"""


class Party:
    """One process that joins at once."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        )
        self._told: list[str] = []

    @property
    def pid(self) -> int:
        """The postmaster's pid."""
        return int(self._answer()[0])

    @property
    def url(self) -> str:
        return self._answer()[1]

    def leave(self, *, wait: bool = True) -> None:
        self._answer()
        assert self.process.stdin is not None
        self.process.stdin.close()
        if wait:
            self.gone()

    def gone(self) -> None:
        assert self.process.wait(60) == 0

    def kill(self) -> None:
        if self.process.poll() is None:
            self._answer()
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def _answer(self) -> list[str]:
        if not self._told:
            assert self.process.stdout is not None
            self._told = self.process.stdout.readline().split()
            assert self._told, "the process did not get a server"
        return self._told


def until(true: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether this becomes true within a time that only a defect would exceed."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
