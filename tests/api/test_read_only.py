"""A channel that can only be read: the page offers notes, and a reply is refused."""

from fastapi import FastAPI

from api.deps import House
from inbox.contract import Author, Batch, ConversationKind, Event, EventKind, Post
from inbox.conversations import receive
from tests.api.people import browser, found, person
from tests.make import Make


async def test_where_nothing_can_be_answered_only_notes_are_offered_and_taken(app: FastAPI, house: House):
    workspace = await found(house)
    event = Event(
        "e1", EventKind.MESSAGE, "m1", "m1", house.clock(), Author("feed", "The Shop"), "New bread", post=Post("m1", title="Bread"),
        conversation_kind=ConversationKind.COMMENTS,
    )  # fmt: skip
    async with house.database.transaction() as session:
        channel = await Make(session).channel(workspace, platform="feed")
        received = await receive.receive(session, channel, Batch([event]), now=house.clock(), move_cursor=False)
    (number,) = received.conversations
    address = f"/w/{workspace.id}/conversations/{number}"
    async with browser(app, await person(house, workspace)) as client:
        page = (await client.get(address)).text
        assert "This channel can only be read." in page
        assert 'data-mode="note"' in page
        for offer in ('data-mode-set="reply"', "data-send", "then_resolve", 'name="parent_id"'):
            assert offer not in page
        refused = await client.post(f"{address}/replies", data={"body": "Hello", "client_key": "key-key-1"})
        assert refused.status_code == 422
        assert "only be read" in refused.text
        noted = await client.post(f"{address}/notes", data={"body": "Seen", "client_key": "key-key-2"})
        assert noted.status_code < 400
