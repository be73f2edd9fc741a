"""The embedded PostgreSQL: shared by the processes that use one `PARLEY_HOME`, stopped with the last of them.

Four locks settle everything; the kernel drops them with their holder, so that a kill -9 leaves nothing to clean up:

    start.lock   one process starts or stops at a time
    users.lock   every process that uses the server holds it shared; who gets it alone is the last one out
    server.lock  inherited by every process of PostgreSQL: free means that none is alive, whatever postmaster.pid says
    guard.lock   held by the guard (`inbox.guard`), which stops the server when all its users were killed
"""

import contextlib
import fcntl
import logging
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from inbox import cluster, guard
from inbox.cluster import EmbeddedError

LOG = "postgresql.log"
LOG_LIMIT = 10_000_000  # bytes, looked at when the server starts: it writes a line or two for each start

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "jit": "off",
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "io_method": "sync",  # no worker processes: a small server on one disk gains nothing from them
    "max_logical_replication_workers": "0",
    "log_min_messages": "log",  # statements that fail are their caller's to report: here they would leave people's words in a file
    "log_checkpoints": "off",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Server:
    """A running embedded PostgreSQL, for as long as this process uses it."""

    url: str = field(repr=False)  # holds the password
    home: Path
    pid: int
    bin: Path  # pg_dump, pg_restore and the other programs of the same version
    folder: Path  # data, locks and password
    user: int  # descriptor of the shared lock


def start(home: Path, *, settings: Mapping[str, str] = MappingProxyType({})) -> Server:
    """Start the server of this home, or join the one that runs; `settings` count only for a start."""
    home = home.resolve()
    account = cluster.account(home)
    folder = cluster.folder(home, account)
    programs = cluster.programs(account)
    with _locked(folder / "start.lock"):
        user = _lock(folder / "users.lock", fcntl.LOCK_SH)  # waits while a guard is stopping the server
        try:
            cluster.check_version(folder)
            if not (folder / "data").exists():
                cluster.create(folder, programs, account, durable=settings.get("fsync") != "off")
            pid = _running(folder)
            if pid is None:
                _launch(folder, programs, cluster.sockets(home, folder, account), account, settings)
                pid = _running(folder)
            elif guarding := _try_lock(folder / "guard.lock"):
                _leash(folder, guarding, None, account, [])
            if pid is None:
                raise EmbeddedError(f"PostgreSQL did not start. Its last words: {_last_words(folder)}")
            return Server(url=_url(folder), home=home, pid=pid, bin=programs, folder=folder, user=user)
        except BaseException:
            os.close(user)  # the guard stops what was started
            raise


def stop(server: Server) -> None:
    """Leave the server; the last user sees to it that it stops, and waits until it is gone."""
    with _locked(server.folder / "start.lock"):
        last = _alone(server.user)
        os.close(server.user)  # now the guard gets the lock and stops the server
        if last:
            guarding = _lock(server.folder / "guard.lock", fcntl.LOCK_EX)
            _stop(server.folder)
            os.close(guarding)


def revive(server: Server) -> Server:
    """The server itself while it lives; started anew when something killed it."""
    if _runs_on(server.pid, server.folder / "data"):
        return server
    log.error("PostgreSQL (pid %s) is gone; it is started anew.", server.pid)
    new = start(server.home)
    os.close(server.user)
    return new


@contextlib.contextmanager
def running(home: Path, *, settings: Mapping[str, str] = MappingProxyType({})) -> Generator[Server]:
    """Use the server of this home for the length of a block."""
    server = start(home, settings=settings)
    try:
        yield server
    finally:
        stop(server)


def _running(folder: Path) -> int | None:
    """Wait until the server takes connections and return its pid; None when no process of it is alive. Recovery may take its time."""
    began = told = time.monotonic()
    while (lock := _try_lock(folder / "server.lock")) is None:
        pid, status = _server_pid(folder), _status(folder)
        if status == (pid, "ready"):
            return pid
        now = time.monotonic()
        if (status is None or status[0] != pid) and now - began > 10:
            # It lost its lock file, or only children of a killed one are left.
            log.warning("PostgreSQL (pid %s) has no valid postmaster.pid; it is stopped and started anew.", pid)
            if pid and _runs_on(pid, folder / "data"):
                os.kill(pid, signal.SIGINT)
            began = now
        if now - told > 10:
            log.info("Still waiting for PostgreSQL: %s.", status[1] if status else "no status yet")
            told = now
        time.sleep(0.02)
    os.close(lock)
    return None


def _launch(folder: Path, programs: Path, sockets: Path, account: pwd.struct_passwd | None, settings: Mapping[str, str]) -> None:
    """Start PostgreSQL on a leash."""
    _clear_pid_file(folder)
    if (folder / LOG).exists() and (folder / LOG).stat().st_size > LOG_LIMIT:
        (folder / LOG).replace(folder / f"{LOG}.1")
    (folder / "server.pid").unlink(missing_ok=True)
    options = {**SETTINGS, "unix_socket_directories": str(sockets), **settings}
    command = [str(programs / "postgres"), "-D", str(folder / "data"), *(f"--{name}={value}" for name, value in options.items())]
    server = _try_lock(folder / "server.lock")
    if server is None:
        raise EmbeddedError(f"Another process holds {folder / 'server.lock'}. Stop it and start again.")
    _leash(folder, _try_lock(folder / "guard.lock"), server, account, command)


def _leash(folder: Path, guarding: int | None, server: int | None, account: pwd.struct_passwd | None, command: list[str]) -> None:
    """Run the guard, which runs the command; it takes over both locks."""
    server = server if server is not None else os.open(folder / "server.lock", os.O_RDONLY)
    program = Path(__file__).with_name("guard.py")
    descriptors = [server, *([] if guarding is None else [guarding])]
    owner = [str(account.pw_uid), str(account.pw_gid)] if account else ["-1", "-1"]
    with (folder / LOG).open("a") as output:
        subprocess.run(  # noqa: S603  # our own program, no shell
            [sys.executable, "-I", "-S", program, folder, str(server), str(-1 if guarding is None else guarding), *owner, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            pass_fds=descriptors,
            start_new_session=True,
            check=True,
        )
    for descriptor in descriptors:
        os.close(descriptor)


def _stop(folder: Path) -> None:
    """Stop a server whose guard was killed; there is nothing to do otherwise."""
    pid = _server_pid(folder)
    if pid and _runs_on(pid, folder / "data"):
        guard.stop(folder)


def _clear_pid_file(folder: Path) -> None:
    """Remove a postmaster.pid that PostgreSQL itself would misread: it takes any living process for its own."""
    import psutil  # comes with the extra that brings the binaries

    path = folder / "data" / "postmaster.pid"
    if not path.exists():
        return
    first = path.read_text(errors="replace").partition("\n")[0].strip()
    pid = int(first) if first.isdecimal() and len(first) < 10 else 0
    if pid and _runs_on(pid, folder / "data"):
        raise EmbeddedError(f"A PostgreSQL that Parley did not start (pid {pid}) runs on {folder / 'data'}. Stop it and start again.")
    if not pid or psutil.pid_exists(pid):
        path.unlink()  # otherwise PostgreSQL sees that it is stale, and cleans up what it names


def _runs_on(pid: int, data: Path) -> bool:
    """Whether this process is the PostgreSQL of this data."""
    import psutil

    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and Path(process.cwd()) == data
    except psutil.Error:
        return False


def _server_pid(folder: Path) -> int | None:
    try:
        return int((folder / "server.pid").read_text())
    except (FileNotFoundError, ValueError):
        return None  # not written yet


def _status(folder: Path) -> tuple[int, str] | None:
    """The pid and the state that postmaster.pid tells; None while it is not whole."""
    try:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), lines[7].strip()
    except (FileNotFoundError, ValueError, IndexError):
        return None


def _url(folder: Path) -> str:
    """Where the running server listens, with the password."""
    try:
        password = (folder / "password").read_text()
    except FileNotFoundError:
        raise EmbeddedError(
            f"{folder / 'password'} is missing. Bring it back from a backup: without it nobody can sign in to the database."
        ) from None
    sockets = (folder / "data" / "postmaster.pid").read_text().splitlines()[4]
    return f"postgresql://parley:{password}@/parley?host={quote(sockets, safe='')}"


def _last_words(folder: Path) -> str:
    """The end of what the server has written."""
    return " / ".join((folder / LOG).read_text(errors="replace").splitlines()[-4:])


def _alone(user: int) -> bool:
    """Whether this was the last user; if so, the lock is now held so that nobody can join."""
    try:
        fcntl.flock(user, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # The try let go of the lock. Either others hold it, or the guard took it at that moment and is stopping the server.
        try:
            fcntl.flock(user, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold a lock for the length of a block."""
    descriptor = _lock(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path, kind: int) -> int:
    """Wait for a lock; closing the descriptor lets it go, and so does the end of the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _try_lock(path: Path) -> int | None:
    """Take a lock if it is free."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
