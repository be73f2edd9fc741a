"""The pages ask the database the same number of questions, however much they show, and few times."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from psycopg.pq import Trace
from sqlalchemy import event

from api.deps import House
from inbox.models import Channel
from tests.api import people
from tests.app import app_of
from tests.make import Make


@contextmanager
def overhearing(house: House) -> Iterator[Counter[str]]:
    """What this task tells the server meanwhile, by libpq itself: "Execute" for each statement, "Query" for BEGIN and COMMIT alone."""
    heard: Counter[str] = Counter()
    engine, task = house.database.engine.sync_engine, asyncio.current_task()
    with tempfile.TemporaryFile("w+") as file:

        def listen(connection: Any, *_: Any) -> None:
            if asyncio.current_task() is task:
                connection.driver_connection.pgconn.trace(file.fileno())
                connection.driver_connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)

        def stop(connection: Any, *_: Any) -> None:
            connection.driver_connection.pgconn.untrace()

        event.listen(engine, "checkout", listen)
        event.listen(engine, "checkin", stop)
        try:
            yield heard
        finally:
            event.remove(engine, "checkout", listen)
            event.remove(engine, "checkin", stop)
            file.seek(0)
            heard.update(parts[2] for line in file if (parts := line.rstrip("\n").split("\t"))[0] == "F")


STATEMENTS = {"side": 7, "list": 8, "conversation": 16, "page": 23}  # BEGIN and who asks among them; admins: which channels stopped
TRIPS = {"side": 3, "list": 3, "conversation": 4, "page": 4}  # who asks, may they see it, what is there, COMMIT


@pytest.mark.parametrize("page", STATEMENTS)
async def test_a_page_asks_as_often_for_sixty_things_as_for_five_and_in_few_round_trips(house: House, page: str):
    app = app_of(house)  # not started: the live page's readers would take the connection on which everything is prepared
    asked: dict[int, Counter[str]] = {}
    for size in (5, 60):
        workspace = await people.found(house, f"Brand {size}")
        reader = await people.person(house, workspace)
        async with house.database.transaction() as session:
            make = Make(session)
            channel: Channel = await make.channel(workspace)
            conversation = await make.conversation(channel)
            for number in range(size):
                await make.conversation(channel)
                await make.message(conversation, at=house.clock() + timedelta(seconds=number))
        address = f"/w/{workspace.id}/inbox?view=open" if page in ("side", "list") else f"/w/{workspace.id}/conversations/{conversation.id}"
        fragment = {} if page == "page" else {"x-fragment": page}
        async with people.browser(app, reader) as browser:
            for _ in range(8):  # until the driver has prepared every statement
                assert (await browser.get(address, headers=fragment)).status_code == 200
            with overhearing(house) as asked[size]:
                assert (await browser.get(address, headers=fragment)).status_code == 200
    told = [(asked[size]["Execute"], asked[size]["Sync"] + asked[size]["Query"]) for size in (5, 60)]
    assert told == [(STATEMENTS[page], TRIPS[page])] * 2
