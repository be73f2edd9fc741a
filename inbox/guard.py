"""The leash of the embedded PostgreSQL: starts it, and stops it when the last process that uses it is gone.

A program of its own, run by `inbox.embedded`, with nothing but the standard library: it stays small and outlives a kill -9 of the others:

    python -I -S guard.py FOLDER SERVER_FD GUARD_FD UID GID [COMMAND …]

SERVER_FD is a lock that PostgreSQL inherits: it is held for as long as any of its processes lives. GUARD_FD is the lock that says that a
guard is on duty; -1 when another one is, and this one only starts the server.
"""

import contextlib
import fcntl
import os
import signal
import sys
import time
from pathlib import Path

FAST_SHUTDOWN = 4.0  # seconds; after an immediate shutdown the next start recovers


def main(arguments: list[str]) -> None:
    """Start the command, wait until nobody holds the users' lock, stop the server."""
    folder, (server, guard, uid, gid), command = Path(arguments[0]), map(int, arguments[1:5]), arguments[5:]
    if os.fork():
        os._exit(0)  # the guard is nobody's child, so that nobody has to reap it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # a dead PostgreSQL is reaped by the kernel: as a zombie it would look alive
    if guard >= 0:
        os.set_inheritable(guard, False)  # PostgreSQL must not hold this one
    if command:
        start(folder, uid, gid, command)
    if guard < 0:
        return
    os.close(server)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a service manager signals everybody at once; the guard is the last to leave
    users = os.open(folder / "users.lock", os.O_RDWR)
    fcntl.flock(users, fcntl.LOCK_EX)
    stop(folder)
    os.close(guard)  # before the users' lock: whoever joins next must see that no guard is on duty


def start(folder: Path, uid: int, gid: int, command: list[str]) -> None:
    """Run PostgreSQL, as the given user if there is one, and write down its pid."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if uid >= 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        os.execv(command[0], command)  # noqa: S606  # PostgreSQL, no shell
    (folder / "server.pid").write_text(str(pid))


def stop(folder: Path) -> None:
    """Shut the server down, fast at first, at once when that takes too long, and wait for its last process."""
    lock = os.open(folder / "server.lock", os.O_RDONLY)
    deadline, sent = time.monotonic() + FAST_SHUTDOWN, None
    while not free(lock):
        due = signal.SIGINT if time.monotonic() < deadline else signal.SIGQUIT
        if due != sent:
            with contextlib.suppress(ProcessLookupError):  # its last children are still on their way out
                os.kill(int((folder / "server.pid").read_text()), due)
            sent = due
        time.sleep(0.02)
    os.close(lock)


def free(lock: int) -> bool:
    """Whether no process of PostgreSQL is alive."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
