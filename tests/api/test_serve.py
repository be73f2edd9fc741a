"""`serve` as an operating system sees it: real processes, real signals, a real port."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.inbox.parties import until

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
from pathlib import Path
from api import logs, supervisor
from inbox.settings import Settings

settings = Settings(home=Path(sys.argv[1]), port=int(sys.argv[2]))
logs.configure(settings)
sys.exit(supervisor.serve(settings, workers=int(sys.argv[3])))
"""

ONE, TWO = pytest.param(1, id="one process"), pytest.param(2, id="two workers")


class Serving:
    """One `serve`, with all that it started."""

    def __init__(self, home: Path, port: int, workers: int) -> None:
        self.home, self.port, self.workers = home, port, workers
        self.errors = (home.parent / f"{home.name}.{port}.err").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(home), str(port), str(workers)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=self.errors,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def answering(self) -> "Serving":
        """Wait until the page answers."""
        assert until(lambda: self.process.poll() is not None or self.answers()), "it did not answer"
        assert self.process.poll() is None, self.said()
        return self

    def answers(self) -> bool:
        try:
            httpx.get(f"http://127.0.0.1:{self.port}/", timeout=20)
        except httpx.TransportError:
            return False
        return True

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def told(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code; ten seconds are promised, and a busy machine gets more."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def said(self) -> str:
        self.errors.seek(0)
        return self.errors.read()


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="parley-serve-")).resolve()
    folder.chmod(0o711)
    yield folder
    assert until(lambda: leftovers(folder) == [])
    shutil.rmtree(folder)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def serve(home: Path, port: int) -> Iterator[Callable[..., Serving]]:
    started: list[Serving] = []

    def start(workers: int = 1, at: int = port) -> Serving:
        started.append(Serving(home, at, workers))
        return started[-1]

    yield start
    for serving in started:
        if serving.process.poll() is None:
            serving.process.kill()
            serving.process.wait()
        serving.errors.close()
        Path(serving.errors.name).unlink(missing_ok=True)


def leftovers(home: Path) -> list[psutil.Process]:
    """Every living process that works on this home: PostgreSQL, its guard, and ours (which the environment of a child names)."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if str(home) in " ".join(process.cmdline()) or process.cwd().startswith(str(home)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
@pytest.mark.parametrize("workers", [ONE, TWO])
def test_a_signal_stops_everything_and_frees_the_port(serve, home, port, workers, number):
    serving = serve(workers).answering()
    children = serving.children()
    assert len(children) == (0 if workers == 1 else workers + 1)  # and one for the background
    assert serving.told(number) == 0, serving.said()
    assert gone(children)
    assert leftovers(home) == []
    assert free(port)
    assert "Traceback" not in serving.said()


@pytest.mark.parametrize("workers", [ONE, TWO])
def test_an_open_connection_does_not_hold_up_the_end(serve, port, workers):
    serving = serve(workers).answering()
    with socket.create_connection(("127.0.0.1", port)) as lingering:
        lingering.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n")  # and never the rest
        assert serving.told(signal.SIGTERM) == 0


@pytest.mark.parametrize("workers", [ONE, TWO])
def test_after_a_kill_of_the_parent_nothing_is_orphaned_and_the_next_start_just_works(serve, home, workers):
    serving = serve(workers).answering()
    children = serving.children()
    serving.process.kill()
    serving.process.wait()
    again = serve(workers).answering()  # at once, on the same port and the same home
    assert until(lambda: gone(children))
    assert again.told(signal.SIGTERM) == 0
    assert leftovers(home) == []


def test_a_killed_worker_is_started_again_while_the_other_answers(serve):
    serving = serve(2).answering()
    first, second, third = serving.children()
    first.kill()
    assert serving.answers()
    assert until(lambda: first not in serving.children() and len(serving.children()) == 3)
    assert {second, third} < set(serving.children())
    assert serving.told(signal.SIGTERM) == 0


@pytest.mark.parametrize("workers", [ONE, TWO])
def test_a_killed_postmaster_is_started_again(serve, home, workers):
    serving = serve(workers).answering()
    postmaster = int((home / "postgres" / "server.pid").read_text())
    os.kill(postmaster, signal.SIGKILL)
    assert until(lambda: (home / "postgres" / "server.pid").exists() and (home / "postgres" / "server.pid").read_text() != str(postmaster))
    assert serving.answers()
    assert serving.told(signal.SIGTERM) == 0
    assert leftovers(home) == []


def test_a_second_one_on_the_same_home_and_another_port_shares_the_database(serve, home, port):
    with socket.create_server(("127.0.0.1", 0)) as socket_:
        other = int(socket_.getsockname()[1])
    first, second = serve().answering(), serve(at=other).answering()
    postmaster = (home / "postgres" / "server.pid").read_text()
    assert first.told(signal.SIGTERM) == 0
    assert second.answers()
    assert (home / "postgres" / "server.pid").read_text() == postmaster
    assert second.told(signal.SIGTERM) == 0
    assert leftovers(home) == []


def test_a_second_one_on_the_same_port_says_so_before_anything_starts(serve, home, port):
    with socket.create_server(("127.0.0.1", port)):
        serving = serve()
        assert serving.process.wait(30) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in serving.said()
    assert "PARLEY_PORT" in serving.said()
    assert "Traceback" not in serving.said()
    assert not (home / "postgres").exists()


def test_secrets_show_neither_in_the_arguments_nor_in_the_environment_of_a_child(serve, home):
    serving = serve(2).answering()
    password = (home / "postgres" / "password").read_text()
    for child in serving.children():
        assert password not in " ".join(child.cmdline())
        assert password not in str(child.environ())
