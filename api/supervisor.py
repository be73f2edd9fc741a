"""`parley serve` and `parley work`: the database, the web and the background work, started and stopped together.

With one web worker, one process does everything (docs/decisions/0003-processes.md). With more, this process only watches: it starts one for
each web worker and one for the background work, and starts again what dies.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

from pydantic import SecretStr

from api import ending
from api.imports import quick
from inbox import embedded
from inbox.errors import ParleyError, Unusable
from inbox.settings import Settings

GRACE = 6.0  # seconds for the processes to stop, then they are killed
LONGEST_PAUSE = 30.0  # seconds between two starts of a process that keeps dying

log = logging.getLogger(__name__)


def serve(settings: Settings, *, workers: int = 1, work: bool = True, prepare: Callable[[Settings], str] | None = None) -> int:
    """Run an installation until SIGTERM or SIGINT and return the exit code.

    `prepare` is called with the settings of the migrated database, and returns what to tell before the first request is answered.
    """
    return _until_told(lambda: _serve(settings, workers=workers, work=work, prepare=prepare))


def work(settings: Settings) -> int:
    """Do only the background work, beside a `serve` of this home or of this database, until SIGTERM or SIGINT."""
    return _until_told(lambda: _work(settings))


def _until_told(run: Callable[[], None]) -> int:
    """Run until the end, or until told to stop while starting."""
    signal.signal(signal.SIGTERM, _interrupt)  # before an event loop listens for it: leave in order, as with Ctrl-C
    with contextlib.suppress(KeyboardInterrupt):
        run()
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    ending.process.begin(ending.LAST)  # also when what is interrupted swallows the word, as a destructor does
    raise KeyboardInterrupt


def _serve(settings: Settings, *, workers: int, work: bool, prepare: Callable[[Settings], str] | None) -> None:
    with _listen(settings.host, settings.port) as listener, _database(settings) as database:
        settings = _changed(settings, port=listener.getsockname()[1], database_url=database.url)
        told = _prepared(settings, prepare, listener, meanwhile=_process if workers == 1 else lambda: None)
        sys.stdout.write(f"{told}\nParley answers at {settings.public_url} (Ctrl-C stops it).\n".lstrip())
        sys.stdout.flush()
        if workers == 1:
            _process().run(settings, listener, work=work, watch=database.check)
            return
        children = [Child("web", settings, listener, work=False) for _ in range(workers)]
        _watch(children + [Child("work", settings, None, work=True)] * work, database)


def _work(settings: Settings) -> None:
    with _database(settings) as database:
        settings = _changed(settings, database_url=database.url)
        _prepared(settings, None, None, meanwhile=_process)
        sys.stdout.write("Parley works in the background (Ctrl-C stops it).\n")
        sys.stdout.flush()
        _process().run(settings, None, work=True, watch=database.check)


def _process() -> Any:
    """The module that runs the application: 60 MB that a process that only watches does without."""
    with quick():
        from api import process

    return process


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts; a predecessor that was killed gets a moment to let it go."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = time.monotonic() + 2
    while True:
        try:
            listener = socket.create_server((host, port), family=family, backlog=2048)
        except OSError as error:
            if time.monotonic() < deadline and not isinstance(error, PermissionError | socket.gaierror):
                time.sleep(0.1)
                continue
            raise Unusable(
                f"Parley cannot listen on {host}:{port}: {error.strerror or error}. "
                "Stop the program that uses this port, or choose another with PARLEY_PORT."
            ) from error
        listener.setblocking(False)
        return listener


@dataclass
class Engine:
    """The database of an installation: the embedded one, which is looked after, or one of its own."""

    url: str
    server: embedded.Server | None

    def check(self) -> None:
        """Start the embedded server anew when something killed it; the connections of the pools follow."""
        if self.server is None:
            return
        try:
            self.server = embedded.revive(self.server)
        except ParleyError as error:
            log.error("%s", error)  # tried again soon


@contextlib.contextmanager
def _database(settings: Settings) -> Generator[Engine]:
    """The database; the embedded one stops with its last user."""
    if settings.database_url is not None:
        engine = Engine(settings.database_url.get_secret_value(), None)
    else:
        server = embedded.start(settings.home)
        engine = Engine(server.url, server)
    try:
        yield engine
    finally:
        if engine.server is not None:
            embedded.stop(engine.server)


def _prepared(
    settings: Settings, prepare: Callable[[Settings], str] | None, listener: socket.socket | None, meanwhile: Callable[[], object]
) -> str:
    """Migrate and prepare in a fork, while there is no other thread: what that imports is needed this once, and takes memory for good."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        if listener is not None:
            listener.close()  # should the parent be killed now, the port is free at once
        _prepare(settings, prepare, theirs)
    os.close(theirs)
    try:
        meanwhile()
        with os.fdopen(ours) as pipe:
            answer: dict[str, str] = json.loads(pipe.read() or "{}")
        os.waitpid(pid, 0)
    except BaseException:
        os.kill(pid, signal.SIGKILL)  # a migration is one transaction
        os.waitpid(pid, 0)
        raise
    if "told" not in answer:
        raise Unusable(answer.get("error", "The database could not be brought up to date: the lines above say why. Nothing was changed."))
    return answer["told"]


def _prepare(settings: Settings, prepare: Callable[[Settings], str] | None, pipe: int) -> NoReturn:
    """What the fork does: it answers through the pipe, and never returns into its parent's code."""
    try:
        from inbox.migrations import run, state

        url = settings.database_url.get_secret_value() if settings.database_url else ""
        found = state.state_of(state.read(url))
        if found is state.State.NEWER:
            raise Unusable("A newer Parley has changed this database. Install that version again, or a newer one.")
        if found is not state.State.CURRENT:
            run.upgrade(url)
        answer = {"told": prepare(settings) if prepare else ""}
    except ParleyError as error:
        answer = {"error": str(error)}
    except KeyboardInterrupt:
        os._exit(1)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    with contextlib.suppress(BrokenPipeError), os.fdopen(pipe, "w") as out:
        out.write(json.dumps(answer))
    os._exit(0)


class Child:
    """One process that is started again when it dies."""

    def __init__(self, name: str, settings: Settings, listener: socket.socket | None, *, work: bool) -> None:
        self.name = name
        self.listener = listener
        self.given = {"settings": _plain(settings), "listener": listener.fileno() if listener else None, "work": work}
        self.process: subprocess.Popen[str] | None = None
        self.began = 0.0
        self.pause = 0.5

    def check(self) -> None:
        """Start the process if it does not run and its pause is over."""
        if self.process is not None and self.process.poll() is not None:
            lived = time.monotonic() - self.began
            self.pause = 0.5 if lived > LONGEST_PAUSE else min(2 * self.pause, LONGEST_PAUSE)
            log.error("The %s process %s ended (%s); it starts again.", self.name, self.process.pid, self.process.returncode)
            self.close()
        if self.process is None and time.monotonic() - self.began > self.pause:
            self.start()

    def start(self) -> None:
        self.began = time.monotonic()
        # Settings travel through a pipe: secrets show neither in the arguments nor in the environment. Its end means that we are gone.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.process"],
            stdin=subprocess.PIPE,
            text=True,
            pass_fds=[self.listener.fileno()] if self.listener else [],
            start_new_session=True,  # Ctrl-C reaches this process alone, which tells the others
        )
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(json.dumps(self.given) + "\n")
                self.process.stdin.flush()

    def stop(self, deadline: float) -> None:
        """Wait for the end until the deadline, then kill."""
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(max(0.0, deadline - time.monotonic()))
            self.process.kill()
            self.process.wait()
            self.close()

    def close(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self.process = None


def _watch(children: list[Child], database: Engine) -> None:
    """Keep the processes and the database alive until told to stop."""
    told = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.process.begin(ending.LAST)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        while not told.wait(0.2):
            for child in children:
                child.check()
            database.check()
    finally:
        deadline = time.monotonic() + GRACE
        for child in children:
            if child.process is not None:
                child.process.terminate()
        for child in children:
            child.stop(deadline)


def _changed(settings: Settings, **changes: Any) -> Settings:
    return Settings.model_validate(_plain(settings) | changes)


def _plain(settings: Settings) -> dict[str, Any]:
    """Settings as plain values, secrets too, to make them again in this process or in another."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else str(value) if name == "home" else value
        for name, value in values.items()
    }
