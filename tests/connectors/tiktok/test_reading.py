"""An account's comments as a stream, before a fake that behaves as TikTok's documents say."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from starlette.responses import Response

from connectors import http
from connectors.tiktok import TikTok as Connector
from connectors.tiktok import connector as module
from connectors.tiktok import reading
from connectors.tiktok.config import TikTokConfig
from connectors.tiktok.place import Place
from inbox.contract import AuthError, ConversationKind, CursorExpired, Event, EventKind, Permanent, RateLimited, Transient
from tests.connectors.served import serving
from tests.connectors.tiktok.fake import MORNING, REFRESH, SECRET, US, TikTok, answer


@pytest.fixture
async def tiktok() -> AsyncIterator[TikTok]:
    http.allow(["127.0.0.0/8"])
    found = TikTok()
    async with serving(found):
        yield found
    http.allow([])


def config(tiktok: TikTok, **more: object) -> TikTokConfig:
    known = {"app_id": "app", "app_secret": SECRET, "business_id": US, "refresh_token": REFRESH, "api_url": tiktok.address}
    return TikTokConfig.model_validate({**known, **more})


@pytest.fixture
async def connector(tiktok: TikTok) -> AsyncIterator[Connector]:
    found = Connector(config(tiktok))
    yield found
    await found.aclose()


class Looker:
    """Looks one after the other, as the stream does."""

    def __init__(self, connector: Connector, cursor: str | None = None, history: int = 50) -> None:
        self.reader = reading.Reader(connector._api, US, Place.read(cursor), history)
        self.cursor = cursor
        self.rejected: list[bytes] = []
        self.passed: dict[str, int] = {}

    async def look(self) -> list[Event]:
        batches = list(await self.reader.look())
        self.cursor, self.passed = batches[-1].cursor, dict(batches[-1].passed_over)
        self.rejected = [one.raw for one in batches[-1].rejected]
        return [event for batch in batches for event in batch.events]

    async def sweep(self) -> list[Event]:
        self.reader._looks = 0
        return await self.look()


async def test_a_comment_begins_a_conversation_and_its_answers_belong_to_it(tiktok: TikTok, connector: Connector):
    film = tiktok.film("How bread rises")
    said = tiktok.say("anna", "How long? 🍞", film)
    for number in range(5):
        tiktok.say("us" if number == 0 else "bernd", f"Answer {number}", said)
    first, *others = await Looker(connector).look()
    name = f"{film['item_id']}/{said['comment_id']}"
    assert (first.message_id, first.thread_id, first.parent_id, first.text) == (name, name, None, "How long? 🍞")
    assert first.conversation_kind == ConversationKind.COMMENTS
    assert first.post is not None
    assert (first.post.text, first.post.url, first.post.media) == ("How bread rises", film["share_url"], ("https://p16.example/1.jpg",))
    assert first.author is not None
    assert (first.author.id, first.author.name, first.author.handle, first.author.is_self) == ("uid-anna", "Anna", "@anna", False)
    assert [event.text for event in others] == [f"Answer {number}" for number in range(5)]  # three of them came along
    assert {(event.thread_id, event.parent_id) for event in others} == {(name, name)}
    assert [event.author.is_self for event in others if event.author] == [True, False, False, False, False]


async def test_only_videos_whose_number_of_comments_changed_are_read(tiktok: TikTok, connector: Connector):
    one, two = tiktok.film("One"), tiktok.film("Two")
    tiktok.say("anna", "First", one)
    looker = Looker(connector)
    await looker.look()
    tiktok.requests.clear()
    assert await looker.look() == []
    tiktok.say("bernd", "Second", two)
    assert [event.text for event in await looker.look()] == ["Second"]
    assert tiktok.requests == ["GET /business/video/list/", "GET /business/video/list/", "GET /business/comment/list/"]


async def test_deletions_and_hiding_are_found_and_told_once(tiktok: TikTok, connector: Connector):
    film = tiktok.film("One")
    first, second = tiktok.say("anna", "Oops", film), tiktok.say("bernd", "Rude", film)
    reply = tiktok.say("carla", "Yes", second)
    looker = Looker(connector)
    await looker.look()
    tiktok.delete(first)
    tiktok.delete(reply)
    second["status"] = "HIDDEN"
    events = {event.message_id.partition("/")[2]: event for event in await looker.sweep()}
    assert events[first["comment_id"]].kind == events[reply["comment_id"]].kind == EventKind.DELETE
    assert (events[second["comment_id"]].kind, events[second["comment_id"]].text) == (EventKind.MODERATION, "hide")
    assert await looker.sweep() == []
    second["status"] = "PUBLIC"
    assert [event.text for event in await looker.sweep()] == ["unhide"]


async def test_250_comments_during_downtime_come_in_order_none_lost_none_twice(tiktok: TikTok, connector: Connector):
    film = tiktok.film("One")
    tiktok.say("anna", "Before", film)
    looker = Looker(connector)
    await looker.look()
    for number in range(250):
        tiktok.say("bernd", f"Meanwhile {number}", film)
    later = Looker(connector, looker.cursor)
    assert [event.text for event in await later.look()] == [f"Meanwhile {number}" for number in range(250)]
    assert await later.look() == []
    again = await Looker(connector, looker.cursor).look()
    assert len({event.id for event in again}) == 250  # a crash before the commit repeats them


async def test_history_ends_where_it_was_asked_to(tiktok: TikTok, connector: Connector):
    film = tiktok.film("One")
    for number in range(5):
        tiktok.say("anna", f"Old {number}", film)
    some, none = Looker(connector, history=2), Looker(connector, history=0)
    assert [event.text for event in await some.look()] == ["Old 3", "Old 4"]
    assert await some.sweep() == await none.look() == []
    tiktok.say("bernd", "New", film)
    assert [event.text for event in await some.look()] == [event.text for event in await none.look()] == ["New"]


async def test_what_cannot_be_read_is_kept_and_its_neighbours_come_in(tiktok: TikTok, connector: Connector):
    film = tiktok.film("One")
    broken = tiktok.say("anna", "Broken", film)
    tiktok.say("bernd", "Good", film)
    time, broken["create_time"] = broken["create_time"], "yesterday"
    looker = Looker(connector)
    assert [event.text for event in await looker.look()] == ["Good"]
    (raw,) = looker.rejected
    assert connector.reread(raw, MORNING).rejected
    assert [event.text for event in connector.reread(raw.replace(b"yesterday", time.encode()), MORNING).events] == ["Broken"]
    assert connector.reread(b"[", MORNING).rejected


async def test_a_video_whose_comments_are_turned_off_is_passed_over(tiktok: TikTok, connector: Connector):
    tiktok.film("Quiet")
    tiktok.trouble["GET /business/comment/list/"] = [answer(code=40002)]
    looker = Looker(connector)
    assert await looker.look() == []
    assert looker.passed == {"a video whose comments cannot be listed": 1}


async def test_a_token_that_ran_out_is_replaced_and_the_new_refresh_token_is_used(tiktok: TikTok, connector: Connector):
    assert (await connector.check()).name == "Our Bakery"
    tiktok.tokens += 1  # as if another process had renewed it
    assert (await connector.check()).handle == "@ours"
    assert tiktok.requests.count("POST /tt_user/oauth2/refresh_token/") == 2
    ends = connector.standing.token_expires_at
    assert ends is not None
    assert timedelta(days=364) < ends - module.now() < timedelta(days=366)


async def test_what_the_grant_lacks_is_noticed_at_once(tiktok: TikTok, connector: Connector):
    tiktok.scope = "comment.list"
    with pytest.raises(AuthError, match=r"comment\.list\.manage"):
        await connector.check()
    wrong = Connector(config(tiktok, refresh_token="revoked"))
    with pytest.raises(AuthError, match="40103"):
        await wrong.check()
    await wrong.aclose()


async def test_it_looks_once_a_minute(tiktok: TikTok, connector: Connector, monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(module, "sleep", sleep)
    stream = connector.stream(None)
    for _ in range(3):
        await anext(stream)
    assert pauses == [60.0, 60.0]
    assert tiktok.requests.count("GET /business/video/list/") == 3


async def test_trouble_upstream_is_passed_on_and_asked_about_once(tiktok: TikTok, connector: Connector):
    asked = "GET /business/video/list/"
    for response, expected in (
        (Response("<html>", 200), Transient),
        (Response(status_code=500), Transient),
        (answer(code=50000), Transient),
        (answer(code=40100), RateLimited),
        (answer(code=40001), AuthError),
        (answer(code=40002), Permanent),
    ):
        tiktok.trouble[asked] = [response]
        before = tiktok.requests.count(asked)
        with pytest.raises(expected):
            await anext(connector.stream(None))
        assert tiktok.requests.count(asked) == before + 1


async def test_a_cursor_that_is_none_begins_anew(connector: Connector):
    for cursor in ("{", "[]", '{"start": 1}'):
        with pytest.raises(CursorExpired):
            await anext(connector.stream(cursor))
