"""One process of an installation: it answers the web, works in the background, or does both."""

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from api import ending, logs, wire
from api.app import create_app
from api.deps import House
from inbox import pauses
from inbox.db import Database
from inbox.files import Files
from inbox.secrets import open_vault
from inbox.settings import Settings

GRACE = 4  # seconds for requests and background work to end by themselves
LONGEST_PAUSE = 30.0  # seconds between two tries of background work that keeps failing

log = logging.getLogger(__name__)


def run(
    settings: Settings,
    listener: socket.socket | None,
    *,
    work: bool,
    watch: Callable[[], None] | None = None,
) -> None:
    """Answer on the listener and do the background work until SIGTERM or SIGINT; `watch` is called every second, in a thread."""
    factory = uvicorn.Config("", log_config=None).get_loop_factory()
    if watch is not None:
        threading.Thread(target=_every_second, args=(watch,), daemon=True).start()
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(_live(settings, listener, work=work))
    finally:
        ending.process.extend(ending.LAST)  # the caller has the database to stop


def main() -> None:
    """A child of the supervisor: settings come in the first line of standard input, and its end means that the supervisor is gone."""
    given = json.loads(sys.stdin.readline())
    settings = Settings.model_validate(given["settings"])
    logs.configure(settings)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    listener = socket.socket(fileno=given["listener"]) if given["listener"] is not None else None
    run(settings, listener, work=given["work"])


async def _live(settings: Settings, listener: socket.socket | None, *, work: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _end, stop)
    if settings.database_url is None:
        raise ValueError("a process needs the address of its database")
    database = Database(settings.database_url.get_secret_value())
    house = House(settings=settings, database=database, vault=open_vault(settings), files=Files(settings.home))
    app = create_app(house) if listener is not None else None
    gc.freeze()  # what was imported stays: walking over it again and again would be a pause of 0.1 s each time
    try:
        async with asyncio.TaskGroup() as tasks:
            if app is not None and listener is not None:
                tasks.create_task(_answer(app, settings, listener, stop))
            if work:
                from api import worker  # a process that only answers does without the connectors' streams

                tasks.create_task(_work(lambda: worker.work(settings, database, stop), stop))
    finally:
        await database.close()


def _end(stop: asyncio.Event) -> None:
    """Told to stop: in order, though not for ever."""
    ending.process.begin(ending.ORDER)
    stop.set()


async def _answer(app: FastAPI, settings: Settings, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until told to stop; a start that fails ends the process."""
    config = uvicorn.Config(
        app,
        ws=wire.Sockets,
        ws_per_message_deflate=False,
        ws_max_size=1_000_000,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=GRACE,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    server.should_exit = True
    await serving


class Server(uvicorn.Server):
    """Uvicorn without its signal handlers: they raise the signal again at the end, and nothing after them would run."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def _work(begin: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Do the background work; begin again when it fails, after a pause that grows."""
    pause = 1.0
    while not stop.is_set():
        began = time.monotonic()
        working = asyncio.ensure_future(begin())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if stop.is_set():
            await asyncio.wait([working], timeout=GRACE)
            working.cancel()
        (outcome,) = await asyncio.gather(working, return_exceptions=True)
        if isinstance(outcome, Exception):
            log.error("Background work failed; it begins again.", exc_info=outcome)
        pause = 1.0 if time.monotonic() - began > LONGEST_PAUSE else min(2 * pause, LONGEST_PAUSE)
        await pauses.happens(stop, pause)


def _every_second(watch: Callable[[], None]) -> None:
    """In a thread that nobody waits for at the end: a database that recovers may take minutes."""
    while True:
        time.sleep(1)
        try:
            watch()
        except Exception:
            log.exception("The database could not be looked after; that is tried again.")


def _leave_with_parent() -> None:
    """Wait for the end of standard input, then stop: cleanly, or without ceremony when that takes too long."""
    while sys.stdin.read(1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(2 * GRACE)
    os._exit(1)


if __name__ == "__main__":
    main()
