"""The pages ask the database the same number of questions, however much they show."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event

from api.deps import House
from inbox.models import Channel
from tests.api import people
from tests.make import Make


@contextmanager
def counting(house: House) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    engine = house.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("page", ["list", "conversation"])
async def test_a_page_asks_as_often_for_sixty_things_as_for_five(app: FastAPI, house: House, page: str):
    asked: dict[int, list[str]] = {}
    for size in (5, 60):
        workspace = await people.found(house, f"Brand {size}")
        reader = await people.person(house, workspace)
        async with house.database.transaction() as session:
            make = Make(session)
            channel: Channel = await make.channel(workspace)
            conversation = await make.conversation(channel)
            for number in range(size - 1):
                if page == "list":
                    await make.conversation(channel)
                else:
                    await make.message(conversation, at=house.clock() + timedelta(seconds=number))
        address = f"/w/{workspace.id}/inbox?view=open" if page == "list" else f"/w/{workspace.id}/conversations/{conversation.id}"
        async with people.browser(app, reader) as browser:
            with counting(house) as asked[size]:
                assert (await browser.get(address)).status_code == 200
    assert len(asked[5]) == len(asked[60])
