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

START = 180.0  # seconds
HEAVY = pytest.mark.servers  # several starts of several processes: half a minute on a busy machine
ONE, TWO = pytest.param(1, id="one process"), pytest.param(2, id="two workers", marks=HEAVY)


class Serving:
    """One `serve`, with all that it started."""

    def __init__(self, home: Path, port: int, *arguments: str, **environment: str) -> None:
        self.home, self.port = home, port
        self.errors = (home.parent / f"{home.name}.{port}.err").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from api.cli import main; main()", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, "PARLEY_HOME": str(home), "PARLEY_PORT": str(port), "PYTHONPATH": str(ROOT), **environment},
        )

    def answering(self) -> "Serving":
        """Wait until the page answers: four seconds of a processor, which take half a minute where many share it."""
        assert until(lambda: self.process.poll() is not None or self.answers(), START), "it did not answer"
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

    @property
    def output(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.errors.close()
        Path(self.errors.name).unlink(missing_ok=True)

    def said(self) -> str:
        self.errors.seek(0)
        return self.errors.read()


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One for all tests: each of them leaves it at rest."""
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

    def start(workers: int = 1, *, at: int = port, without: str = "", **environment: str) -> Serving:
        options = ["--workers", str(workers), *([f"--no-{without}"] if without else [])]
        started.append(Serving(home, at, "serve", *options, **environment))
        return started[-1]

    yield start
    for serving in started:
        serving.close()


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


def revived(serving: Serving) -> bool:
    """Kill the postmaster and wait for another one."""
    told = serving.home / "postgres" / "server.pid"
    before = told.read_text()
    os.kill(int(before), signal.SIGKILL)
    return until(lambda: told.exists() and told.read_text() not in {"", before} and ready(serving))


def ready(serving: Serving) -> bool:
    """The database answers the page."""
    try:
        return httpx.get(f"http://127.0.0.1:{serving.port}/readyz", timeout=20).status_code == 200
    except httpx.TransportError:
        return False


def free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


@pytest.mark.parametrize(
    ("workers", "number"), [(1, signal.SIGINT), (2, signal.SIGTERM)], ids=["Ctrl-C, one process", "SIGTERM, two workers"]
)
def test_a_signal_stops_everything_and_frees_the_port_whoever_is_connected(serve, home, port, workers, number):
    serving = serve(workers).answering()
    children = serving.children()
    assert len(children) == (0 if workers == 1 else workers + 1)  # and one for the background
    with socket.create_connection(("127.0.0.1", port)) as lingering:
        lingering.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n")  # and never the rest
        assert serving.told(number) == 0, serving.said()
    assert gone(children)
    assert leftovers(home) == []
    assert free(port)
    assert "Traceback" not in serving.said()


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


@HEAVY
def test_what_dies_under_a_supervisor_is_started_again_while_the_rest_goes_on(serve, home):
    serving = serve(2).answering()
    first, second, third = serving.children()
    first.kill()
    assert serving.answers()
    assert until(lambda: first not in serving.children() and len(serving.children()) == 3)
    assert {second, third} < set(serving.children())
    assert revived(serving)
    assert serving.told(signal.SIGTERM) == 0
    assert leftovers(home) == []


def test_a_killed_postmaster_is_started_again_by_a_single_process(serve, home):
    serving = serve().answering()
    assert revived(serving)
    assert serving.told(signal.SIGTERM) == 0
    assert leftovers(home) == []


@HEAVY
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


@HEAVY
def test_the_background_work_runs_beside_it_when_it_shall_not_do_it_itself(serve, home, port):
    answering = serve(without="work").answering()
    working = Serving(home, port, "work")
    try:
        assert until(lambda: b"background" in os.read(working.output, 100))
        assert answering.told(signal.SIGTERM) == 0
        assert working.told(signal.SIGTERM) == 0, working.said()
    finally:
        working.close()
    assert leftovers(home) == []


def test_a_database_that_cannot_be_reached_is_a_sentence_and_not_a_traceback(serve):
    serving = serve(PARLEY_DATABASE_URL="postgresql://parley:hidden@127.0.0.1:1/parley")
    assert serving.process.wait(30) == 3
    assert "cannot be reached" in serving.said()
    assert "hidden" not in serving.said()
    assert "Traceback" not in serving.said()


@HEAVY
def test_one_that_dies_while_it_starts_does_not_spoil_the_next_start(serve, home):
    for _ in range(3):
        serving = serve()
        assert until(lambda: leftovers(home) != [])
        serving.close()
    assert serve().answering().told(signal.SIGTERM) == 0
    assert until(lambda: leftovers(home) == [])


def test_a_second_one_on_the_same_port_says_so_before_anything_starts(serve, home, port):
    with socket.create_server(("127.0.0.1", port)):
        serving = serve()
        assert serving.process.wait(30) == 3
    assert f"cannot listen on 127.0.0.1:{port}" in serving.said()
    assert "PARLEY_PORT" in serving.said()
    assert "Traceback" not in serving.said()
    assert leftovers(home) == []


@HEAVY
def test_secrets_show_neither_in_the_arguments_nor_in_the_environment_of_a_child(serve, home):
    serving = serve(2).answering()
    password = (home / "postgres" / "password").read_text()
    for child in serving.children():
        assert password not in " ".join(child.cmdline())
        assert password not in str(child.environ())
    assert serving.told(signal.SIGTERM) == 0
