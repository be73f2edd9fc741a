"""The account as a stream, before a server that behaves as Mastodon does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest
from starlette.responses import PlainTextResponse

from connectors import http
from connectors.mastodon import Mastodon as Connector
from connectors.mastodon import reading
from connectors.mastodon.config import MastodonConfig
from connectors.mastodon.place import Place
from inbox.contract import AuthError, Batch, ConversationKind, CursorExpired, Event, EventKind, Transient
from tests.connectors.mastodon.fake import ANNA, BERND, MORNING, TOKEN, US, Mastodon, Refusal, serving


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr(reading, "BREATH", 0.0)
    yield
    http.allow([])


@pytest.fixture
async def mastodon() -> AsyncIterator[Mastodon]:
    found = Mastodon()
    async with serving(found):
        yield found


@asynccontextmanager
async def connected(mastodon: Mastodon, history: int = 40) -> AsyncIterator[Connector]:
    connector = Connector(MastodonConfig.model_validate({"server": mastodon.address, "access_token": TOKEN, "history": history}))
    try:
        yield connector
    finally:
        await connector.aclose()


class Listener:
    """What a stream has brought, and the last place."""

    def __init__(self, batches: AsyncIterator[Batch]) -> None:
        self.batches = batches
        self.events: list[Event] = []
        self.rejected: list[bytes] = []
        self.cursor: str | None = None

    async def until(self, told: Callable[[], bool]) -> list[Event]:
        async with asyncio.timeout(10):
            while not told():
                self._note(await anext(self.batches))
        return self.events

    async def texts(self, count: int) -> list[str]:
        await self.until(lambda: len(self.events) >= count)
        return [event.text for event in self.events]

    def _note(self, batch: Batch) -> None:
        self.events += batch.events
        self.rejected += [one.raw for one in batch.rejected]
        self.cursor = batch.cursor


@asynccontextmanager
async def hearing(mastodon: Mastodon, cursor: str | None = None, history: int = 40) -> AsyncIterator[Listener]:
    async with connected(mastodon, history) as connector, aclosing(connector.stream(cursor)) as batches:
        yield Listener(batches)


async def start(mastodon: Mastodon) -> str:
    """The place after a first look."""
    async with connected(mastodon) as connector:
        reader = reading.Reader(connector._server, await connector._whoami(), Place(), 40)
        return [batch.cursor async for batch in reader.look()][-1] or ""


async def test_a_mention_is_a_message_that_begins_a_public_conversation(mastodon: Mastodon):
    said = mastodon.say(ANNA, "When do you open?\n\nTomorrow & later", language="en")
    async with hearing(mastodon) as heard:
        (event,) = await heard.until(lambda: bool(heard.events))
    assert (event.id, event.message_id, event.thread_id, event.parent_id) == (f"status:{said['id']}", said["id"], said["id"], None)
    assert event.text == "When do you open?\n\nTomorrow & later"
    assert "h-card" in (event.html or "")
    assert (event.conversation_kind, event.private, event.post) == (ConversationKind.COMMENTS, False, None)
    assert event.author is not None
    assert (event.author.name, event.author.handle, event.author.is_self) == ("Anna", "anna@far.example", False)
    assert event.mentions == (US["id"],)
    assert event.permalink == said["url"]


async def test_an_answer_to_our_post_hangs_on_it_and_those_beside_it_are_conversations_of_their_own(mastodon: Mastodon):
    post = mastodon.add(US, "New bread!")
    one = mastodon.say(ANNA, "With nuts?", answering=post)
    two = mastodon.say(BERND, "Rye?", answering=post)
    deeper = mastodon.say(BERND, "And seeds?", answering=one)
    async with hearing(mastodon) as heard:
        events = {event.message_id: event for event in await heard.until(lambda: len(heard.events) == 3)}
    assert [event.post and event.post.text for event in events.values()] == ["New bread!"] * 3
    assert events[one["id"]].thread_id == events[deeper["id"]].thread_id == one["id"]
    assert events[two["id"]].thread_id == two["id"]
    assert events[deeper["id"]].parent_id == one["id"]


async def test_a_mention_in_a_talk_about_somebody_else_hangs_on_what_they_said(mastodon: Mastodon):
    post = mastodon.add(BERND, "Where is good bread?")
    answer = mastodon.say(ANNA, "Ask them", answering=post)
    async with hearing(mastodon) as heard:
        (event,) = await heard.until(lambda: bool(heard.events))
    assert event.post is not None
    assert (event.post.id, event.post.title, event.thread_id) == (post["id"], "@bernd", answer["id"])


async def test_a_private_mention_is_a_direct_conversation_even_under_a_public_one(mastodon: Mastodon):
    public = mastodon.say(ANNA, "Hello")
    private = mastodon.say(ANNA, "My number is 12", answering=public, visibility="direct")
    again = mastodon.say(ANNA, "And 13", answering=private, visibility="direct")
    async with hearing(mastodon) as heard:
        _, first, second = await heard.until(lambda: len(heard.events) == 3)
    assert [event.conversation_kind for event in (first, second)] == [ConversationKind.DIRECT] * 2
    assert first.private
    assert (first.parent_id, first.thread_id) == (None, private["id"])
    assert (second.parent_id, second.thread_id, second.message_id) == (private["id"], private["id"], again["id"])


async def test_what_a_colleague_answers_elsewhere_is_ours_and_our_posts_are_no_messages(mastodon: Mastodon):
    asked = mastodon.say(ANNA, "When?")
    mastodon.say(US, "Bread is ready", to=())
    mastodon.say(US, "At nine.", to=[ANNA], answering=asked)
    async with hearing(mastodon) as heard:
        question, answer = await heard.until(lambda: len(heard.events) == 2)
        mastodon.say(US, "Or at ten.", to=[ANNA], answering=asked)
        later = (await heard.until(lambda: len(heard.events) == 3))[-1]
    assert answer.author is not None
    assert (answer.author.is_self, answer.text, answer.parent_id) == (True, "At nine.", question.message_id)
    assert (later.text, later.thread_id) == ("Or at ten.", question.thread_id)


async def test_live_events_bring_mentions_edits_and_deletions_at_once(mastodon: Mastodon):
    first = mastodon.say(ANNA, "Whem?")
    async with hearing(mastodon) as heard:
        await heard.until(lambda: bool(mastodon.ears) and bool(heard.events))
        mastodon.say(BERND, "Line\u2028separated")
        await heard.texts(2)
        mastodon.push("announcement", {"id": "1"})
        mastodon.push("filters_changed", "undefined")
        mastodon.push("something.new", "not JSON")
        mastodon.edit(first, "When?")
        await heard.texts(3)
        mastodon.delete(first)
        events = await heard.until(lambda: len(heard.events) == 4)
    assert [event.kind for event in events] == [EventKind.MESSAGE, EventKind.MESSAGE, EventKind.EDIT, EventKind.DELETE]
    assert [event.text for event in events] == ["Whem?", "Line\u2028separated", "When?", ""]
    assert events[2].message_id == events[3].message_id == first["id"]


async def test_a_favourite_of_our_answer_is_a_reaction_and_one_of_our_post_is_not(mastodon: Mastodon):
    post = mastodon.add(US, "Bread")
    asked = mastodon.say(ANNA, "When?", answering=post)
    answer = mastodon.say(US, "At nine.", to=[ANNA], answering=asked)
    mastodon.notify("favourite", ANNA, post)
    mastodon.notify("follow", ANNA)
    mastodon.notify("favourite", ANNA, answer)
    mastodon.notify("reblog", BERND, answer)
    async with hearing(mastodon) as heard:
        events = await heard.until(lambda: len(heard.events) == 4)
    reactions = [(event.message_id, event.text) for event in events if event.kind is EventKind.REACTION]
    assert reactions == [(answer["id"], "⭐"), (answer["id"], "🔁")]


async def test_after_downtime_everything_comes_in_order_none_lost_none_twice(mastodon: Mastodon):
    mastodon.say(ANNA, "Before")
    cursor = await start(mastodon)
    said = [mastodon.say(ANNA, f"Message {number}")["id"] for number in range(250)]
    async with hearing(mastodon, cursor) as heard:
        await heard.texts(250)
        mastodon.say(BERND, "Live")
        await heard.texts(251)
    assert [event.message_id for event in heard.events][:250] == said
    assert len({event.id for event in heard.events}) == 251


async def test_what_began_with_nothing_catches_up_on_everything(mastodon: Mastodon):
    cursor = await start(mastodon)
    said = [mastodon.say(ANNA, f"Message {number}")["id"] for number in range(200)]
    async with hearing(mastodon, cursor) as heard:
        await heard.texts(200)
    assert [event.message_id for event in heard.events] == said


async def test_no_history_means_that_reading_begins_now(mastodon: Mastodon):
    mastodon.say(ANNA, "Before")
    async with hearing(mastodon, history=0) as heard:
        await heard.until(lambda: bool(mastodon.ears))
        mastodon.say(ANNA, "After")
        assert await heard.texts(1) == ["After"]


async def test_what_was_edited_or_deleted_while_nobody_listened_is_noticed(mastodon: Mastodon):
    edited, deleted = mastodon.say(ANNA, "Whem?"), mastodon.say(BERND, "Never mind")
    cursor = await start(mastodon)
    mastodon.edit(edited, "When?", live=False)
    mastodon.delete(deleted, live=False)
    for lists in (True, False):  # older servers do not list statuses by id
        mastodon.lists_statuses = lists
        async with hearing(mastodon, cursor) as heard:
            events = await heard.until(lambda: len(heard.events) == 2)
        assert [(event.kind, event.message_id, event.text) for event in events] == [
            (EventKind.EDIT, edited["id"], "When?"),
            (EventKind.DELETE, deleted["id"], ""),
        ]


async def test_a_server_that_fails_deletes_nothing(mastodon: Mastodon):
    said = mastodon.say(ANNA, "Hello")
    cursor = await start(mastodon)
    del mastodon.statuses[said["id"]]
    mastodon.refusals[f"GET /api/v1/statuses/{said['id']}"] = [Refusal(404, "")]  # something before the server
    async with hearing(mastodon, cursor) as heard:
        await heard.until(lambda: len(mastodon.refusals[f"GET /api/v1/statuses/{said['id']}"]) == 0)
        mastodon.say(BERND, "Later")
        assert await heard.texts(1) == ["Later"]


async def test_an_answer_under_our_post_that_does_not_mention_us_is_found(mastodon: Mastodon):
    post = mastodon.say(US, "Bread", to=())
    cursor = await start(mastodon)
    answer = mastodon.add(ANNA, "Nice", answering=post)
    async with hearing(mastodon, cursor) as heard:
        (event,) = await heard.until(lambda: bool(heard.events))
    assert event.post is not None
    assert (event.message_id, event.thread_id, event.post.id) == (answer["id"], answer["id"], post["id"])


async def test_a_lost_connection_is_made_again_and_what_was_said_meanwhile_comes(mastodon: Mastodon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.mastodon.connector.SHORTEST", 0.01)
    async with hearing(mastodon, await start(mastodon)) as heard:
        mastodon.say(ANNA, "One")
        assert await heard.texts(1) == ["One"]
        mastodon.hang_up()
        mastodon.say(ANNA, "Two")
        assert await heard.texts(2) == ["One", "Two"]


async def test_without_a_live_stream_looking_from_time_to_time_does(mastodon: Mastodon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.mastodon.connector.SHORTEST", 0.01)
    mastodon.has_stream = False
    async with hearing(mastodon) as heard:
        mastodon.say(ANNA, "One")
        await heard.texts(1)
        mastodon.say(ANNA, "Two")
        assert await heard.texts(2) == ["One", "Two"]


async def test_what_cannot_be_read_is_kept_beside_its_neighbours_and_read_again_later(mastodon: Mastodon):
    mastodon.say(ANNA, "One")
    broken = mastodon.say(ANNA, "Two")
    at, broken["created_at"] = broken["created_at"], "yesterday"
    mastodon.say(ANNA, "Three")
    async with hearing(mastodon) as heard:
        assert await heard.texts(2) == ["One", "Three"]
    (raw,) = heard.rejected
    async with connected(mastodon) as connector:
        assert not connector.reread(raw, MORNING).events
        mended = raw.replace(b"yesterday", at.encode())
        assert [event.text for event in connector.reread(mended, MORNING).events] == ["@shop Two"]


async def test_a_refused_token_is_told_and_a_failing_server_is_passing(mastodon: Mastodon):
    connector = Connector(MastodonConfig.model_validate({"server": mastodon.address, "access_token": "wrong"}))
    with pytest.raises(AuthError, match="The access token is invalid"):
        await connector.check()
    await connector.aclose()
    mastodon.scopes = ["read"]
    async with connected(mastodon) as connector:
        with pytest.raises(AuthError, match="write"):
            await connector.check()
    mastodon.scopes = ["read", "write:statuses"]
    async with connected(mastodon) as connector:
        me = await connector.check()
        assert (me.id, me.name, me.is_self) == (US["id"], "Shop", True)
        mastodon.refusals["GET /api/v1/notifications"] = [PlainTextResponse("<html>Bad gateway</html>", 502)] * 5
        with pytest.raises(Transient):
            await anext(connector.stream(None))


async def test_an_unreadable_place_is_said_to_be_forgotten(mastodon: Mastodon):
    async with connected(mastodon) as connector:
        with pytest.raises(CursorExpired):
            await anext(connector.stream("not ours"))


async def test_many_at_once_are_fetched_together(mastodon: Mastodon):
    async with hearing(mastodon, await start(mastodon)) as heard:
        mastodon.say(ANNA, "First")
        await heard.texts(1)
        before = len(mastodon.requests)
        for number in range(50):
            mastodon.say(ANNA, f"Message {number}")
        await heard.texts(51)
        mastodon.push("delete", "1")
        await heard.until(lambda: heard.events[-1].kind is EventKind.DELETE)
    assert mastodon.requests[before:].count("GET /api/v1/notifications") <= 3


async def test_a_half_open_stream_is_noticed_and_an_event_that_got_lost_is_found(mastodon: Mastodon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("connectors.mastodon.connector.SHORTEST", 0.01)
    monkeypatch.setattr("connectors.mastodon.listening.SILENCE", 0.3)
    async with hearing(mastodon, await start(mastodon)) as heard:
        mastodon.say(ANNA, "One")
        await heard.texts(1)
        mastodon.send = lambda raw: None  # the connection stands, and nothing comes
        mastodon.say(ANNA, "Two")
        assert await heard.texts(2) == ["One", "Two"]


async def test_a_sign_of_life_is_time_to_look_when_the_last_look_was_long_ago(mastodon: Mastodon, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "OFTEN", 0.0)
    async with hearing(mastodon, await start(mastodon)) as heard:
        mastodon.say(ANNA, "One")
        await heard.texts(1)
        status = mastodon.add(ANNA, "Two", to=[US])
        mastodon.notifications.append(mastodon.notifications[0] | {"id": str(10**9), "status": status})
        mastodon.send(b":thump\n")
        assert await heard.texts(2) == ["One", "Two"]


async def test_what_a_filter_held_back_comes_once_it_is_let_in(mastodon: Mastodon):
    older = mastodon.add(ANNA, "Held back", to=[US])
    mastodon.say(BERND, "One")
    async with hearing(mastodon, await start(mastodon)) as heard:
        mastodon.say(BERND, "Two")
        await heard.texts(1)
        mastodon.notifications.insert(0, mastodon.notifications[0] | {"id": "5", "account": ANNA, "status": older})
        mastodon.push("notifications_merged", "undefined")
        await heard.until(lambda: any(event.text == "Held back" for event in heard.events))
