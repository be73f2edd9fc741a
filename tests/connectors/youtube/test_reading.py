"""A channel's comments as a stream, before a fake that behaves as YouTube's documents say."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import pytest
from starlette.responses import Response

from connectors import http
from connectors.youtube import YouTube as Connector
from connectors.youtube import connector as module
from connectors.youtube import reading
from connectors.youtube.config import YouTubeConfig
from connectors.youtube.place import Place
from inbox.contract import AuthError, Batch, ConversationKind, CursorExpired, Event, EventKind, RateLimited, Transient
from tests.connectors.served import serving
from tests.connectors.youtube.fake import MORNING, REFRESH, SECRET, US, YouTube, error


@pytest.fixture
async def youtube() -> AsyncIterator[YouTube]:
    http.allow(["127.0.0.0/8"])
    found = YouTube()
    async with serving(found):
        yield found
    http.allow([])


@pytest.fixture
async def connector(youtube: YouTube) -> AsyncIterator[Connector]:
    found = Connector(config(youtube))
    yield found
    await found.aclose()


def config(youtube: YouTube, **more: object) -> YouTubeConfig:
    addresses = {"api_url": youtube.address, "token_url": f"{youtube.address}/token"}
    return YouTubeConfig.model_validate({"client_id": "c", "client_secret": SECRET, "refresh_token": REFRESH, **addresses, **more})


class Looker:
    """Looks one after the other, as the stream does."""

    def __init__(self, connector: Connector, cursor: str | None = None, history: int = 50) -> None:
        self.reader = reading.Reader(connector._api, US, Place.read(cursor), history)
        self.cursor = cursor

    async def look(self) -> list[Event]:
        batches = list(await self.reader.look())
        self.cursor = batches[-1].cursor
        return [event for batch in batches for event in batch.events]

    async def sweep(self) -> list[Event]:
        self.reader._looks = 0
        return await self.look()


async def test_a_comment_begins_a_conversation_under_its_video(youtube: YouTube, connector: Connector):
    said = youtube.say("anna", "How long?\nReally & truly")
    (event,) = await Looker(connector).look()
    assert (event.id, event.message_id, event.thread_id, event.parent_id) == (f"comment:{said['id']}", said["id"], said["id"], None)
    assert (event.kind, event.text, event.conversation_kind) == (EventKind.MESSAGE, "How long?\nReally & truly", ConversationKind.COMMENTS)
    assert event.author is not None
    assert (event.author.id, event.author.handle, event.author.is_self) == ("UCanna", "@anna", False)
    assert event.post is not None
    assert (event.post.title, event.post.url) == ("How bread rises", "https://www.youtube.com/watch?v=v1")
    assert event.post.media == ("https://i.ytimg.example/v1.jpg",)
    assert event.permalink == f"https://www.youtube.com/watch?v=v1&lc={said['id']}"


async def test_all_answers_come_in_though_only_five_come_along(youtube: YouTube, connector: Connector):
    top = youtube.say("anna", "How long?")
    for number in range(12):
        youtube.say("bernd" if number else "us", f"Answer {number}", under=top["id"])
    events = await Looker(connector).look()
    assert [event.text for event in events] == ["How long?", *(f"Answer {number}" for number in range(12))]
    assert {event.parent_id for event in events[1:]} == {top["id"]}
    assert events[1].author is not None
    assert (events[1].author.is_self, events[1].author.roles) == (True, ("owner",))


async def test_an_answer_to_an_old_thread_is_found(youtube: YouTube, connector: Connector):
    old = youtube.say("anna", "The first")
    for number in range(150):
        youtube.say("bernd", f"Later {number}", at=MORNING + timedelta(days=1, minutes=number))
    looker = Looker(connector, history=500)
    await looker.look()
    youtube.say("carla", "And now?", under=old["id"], at=MORNING + timedelta(days=3))
    assert await looker.look() == []
    assert [event.text for event in await looker.sweep()] == ["And now?"]


async def test_edits_and_deletions_are_found_and_told_once(youtube: YouTube, connector: Connector):
    first, second = youtube.say("anna", "Whem?"), youtube.say("bernd", "Me too")
    reply = youtube.say("carla", "Mee", under=first["id"])
    looker = Looker(connector)
    await looker.look()
    youtube.edit(first, "When?")
    youtube.edit(reply, "Me")
    del youtube.comments[second["id"]]
    events = {event.message_id: event for event in await looker.sweep()}
    assert [(event.kind, event.text) for event in (events[first["id"]], events[reply["id"]], events[second["id"]])] == [
        (EventKind.EDIT, "When?"),
        (EventKind.EDIT, "Me"),
        (EventKind.DELETE, ""),
    ]
    assert await looker.sweep() == []


async def test_what_is_held_for_review_is_hidden_until_it_is_public(youtube: YouTube, connector: Connector):
    said = youtube.say("anna", "Buy pills", moderationStatus="heldForReview")
    looker = Looker(connector)
    message, hidden = await looker.look()
    assert (message.text, hidden.kind, hidden.text) == ("Buy pills", EventKind.MODERATION, "hide")
    assert await looker.sweep() == []
    said["snippet"]["moderationStatus"] = "published"
    (shown,) = await looker.look()
    assert (shown.kind, shown.text, shown.message_id) == (EventKind.MODERATION, "unhide", said["id"])


async def test_250_comments_during_downtime_come_in_order_none_lost_none_twice(youtube: YouTube, connector: Connector):
    youtube.say("anna", "Before")
    looker = Looker(connector)
    await looker.look()
    for number in range(250):
        youtube.say("bernd", f"Meanwhile {number}", at=MORNING + timedelta(days=1, seconds=number))
    later = Looker(connector, looker.cursor)
    events = await later.look()
    assert [event.text for event in events] == [f"Meanwhile {number}" for number in range(250)]
    assert await later.look() == []
    batches = list(await reading.Reader(connector._api, US, Place.read(looker.cursor), 50).look())
    assert [len(batch.events) for batch in batches] == [200, 50]
    assert [batch.cursor == looker.cursor for batch in batches] == [True, False]  # a crash in between repeats


async def test_what_was_not_committed_comes_again(youtube: YouTube, connector: Connector):
    youtube.say("anna", "Hello")
    before, again = await Looker(connector).look(), await Looker(connector).look()
    assert [event.id for event in before] == [event.id for event in again]


async def test_history_ends_where_it_was_asked_to(youtube: YouTube, connector: Connector):
    for number in range(5):
        youtube.say("anna", f"Old {number}")
    looker = Looker(connector, history=2)
    assert [event.text for event in await looker.look()] == ["Old 3", "Old 4"]
    assert await looker.sweep() == []
    none = Looker(connector, history=0)
    assert await none.look() == []
    youtube.say("anna", "New", at=MORNING + timedelta(days=999))
    assert [event.text for event in await none.look()] == ["New"]


async def test_a_thread_that_cannot_be_read_is_kept_and_its_neighbours_come_in(youtube: YouTube, connector: Connector):
    broken = youtube.say("anna", "Broken")
    good = youtube.say("bernd", "Good")
    date = broken["snippet"].pop("publishedAt")
    broken["snippet"]["publishedAt"] = "yesterday"
    (batch,) = await reading.Reader(connector._api, US, Place(), 50).look()
    assert [event.message_id for event in batch.events] == [good["id"]]
    (rejected,) = batch.rejected
    assert "publishedAt" in rejected.reason
    assert connector.reread(rejected.raw, MORNING).rejected
    mended = rejected.raw.replace(b"yesterday", date.encode())
    assert [event.text for event in connector.reread(mended, MORNING).events] == ["Broken"]
    assert connector.reread(b"[", MORNING).rejected


async def test_a_deleted_account_is_nobody_and_disturbs_nothing(youtube: YouTube, connector: Connector):
    said = youtube.say("anna", "Hello")
    for name in ("authorChannelId", "authorProfileImageUrl"):
        del said["snippet"][name]
    said["snippet"] |= {"authorDisplayName": "", "textOriginal": None}
    (event,) = await Looker(connector).look()
    assert event.author is not None
    assert (event.author.id, event.author.name, event.author.is_self) == ("name:", "YouTube", False)


async def drain(connector: Connector, looks: int) -> list[Batch]:
    async with aclosing(connector.stream(None)) as batches:
        return [await anext(batches) for _ in range(looks)]


async def test_looks_are_spread_over_what_is_left_of_the_day(youtube: YouTube, connector: Connector, monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(module, "sleep", sleep)
    evening = MORNING.replace(hour=20)  # noon at the Pacific: half of the day is left
    monkeypatch.setattr(module, "now", lambda: evening)
    await drain(connector, 30)
    assert all(module.SHORTEST <= pause <= 60 for pause in pauses)
    assert len(youtube.requests) < 120
    assert connector.standing.quota_limit == 10_000
    assert connector.standing.quota_resets_at is not None


async def test_the_last_fifth_is_kept_for_replies_and_reading_goes_on_after_midnight_at_the_pacific(youtube: YouTube):
    connector = Connector(config(youtube, daily_quota=1000))
    at = module.now()
    connector._api.budget.spend(800, at)
    place = Place(start=at, newest=at, used=800, day=connector._api.budget.day)
    with pytest.raises(RateLimited) as limited:
        await anext(connector.stream(str(place)))
    assert 0 < limited.value.retry_after <= 25 * 3600
    assert [asked for asked in youtube.requests if "commentThreads" in asked] == []
    await connector.aclose()


async def test_a_quota_that_others_have_used_up_is_waited_for(youtube: YouTube, connector: Connector):
    youtube.trouble["GET /commentThreads"] = [error(403, "quotaExceeded")]
    with pytest.raises(RateLimited) as limited:
        await anext(connector.stream(None))
    standing = connector.standing
    assert standing.quota_used == standing.quota_limit
    assert standing.quota_resets_at is not None
    assert abs((standing.quota_resets_at - module.now()).total_seconds() - limited.value.retry_after) < 5


async def test_trouble_upstream_is_passed_on_and_asked_about_once(youtube: YouTube, connector: Connector):
    for response, expected in (
        (Response("<html>", 200), Transient),
        (Response(status_code=500), Transient),
        (Response(status_code=503, headers={"retry-after": "9"}), RateLimited),
        (error(403, "insufficientPermissions"), AuthError),
    ):
        youtube.trouble["GET /commentThreads"] = [response]
        before = youtube.requests.count("GET /commentThreads")
        with pytest.raises(expected):
            await anext(connector.stream(None))
        assert youtube.requests.count("GET /commentThreads") == before + 1


async def test_a_token_that_ran_out_is_replaced_and_a_grant_that_was_revoked_is_told(youtube: YouTube, connector: Connector):
    youtube.trouble["GET /channels"] = [error(401, "authError")]
    assert (await connector.check()).name == "Our Channel"
    assert youtube.requests.count("POST /token") == 2
    revoked = Connector(config(youtube, refresh_token="revoked"))
    with pytest.raises(AuthError, match="invalid_grant"):
        await revoked.check()
    await revoked.aclose()


async def test_a_cursor_that_is_none_begins_anew(connector: Connector):
    for cursor in ("{", "[]", '{"start": 1}'):
        with pytest.raises(CursorExpired):
            await anext(connector.stream(cursor))
