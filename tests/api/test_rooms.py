"""A group room in the page: it stands on top of what is said in it."""

import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.contract import Author, Batch, ConversationKind, Event, EventKind, Post
from inbox.conversations import receive
from tests.api.people import browser, found, person
from tests.make import Make


@pytest.mark.parametrize(
    ("is_room", "shown", "hidden"), [(True, ("The room", "Open the room"), "The post"), (False, ("The post", "Open the post"), "The room")]
)
async def test_a_room_is_called_a_room_and_a_post_a_post(app: FastAPI, house: House, is_room: bool, shown: tuple[str, ...], hidden: str):
    workspace = await found(house)
    post = Post("p", title="Help desk", text="Ask away", url="https://matrix.to/#/!help:x", is_room=is_room)
    thread = "" if is_room else "t1"
    event = Event(
        "e1", EventKind.MESSAGE, "m1", thread, house.clock(), Author("anna", "Anna"), "Is it open?", post=post,
        conversation_kind=ConversationKind.COMMENTS,
    )  # fmt: skip
    async with house.database.transaction() as session:
        channel = await Make(session).channel(workspace)
        received = await receive.receive(session, channel, Batch([event]), now=house.clock(), move_cursor=False)
    (number,) = received.conversations
    async with browser(app, await person(house, workspace)) as client:
        page = (await client.get(f"/w/{workspace.id}/conversations/{number}")).text
    for words in (*shown, "Help desk", "Ask away", "https://matrix.to/#/!help:x"):
        assert words in page
    assert hidden not in page
