"""An account's lists as a stream, before a fake that behaves as X's documents say."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import ValidationError
from starlette.responses import Response

from connectors import http
from connectors.polling import LONG_AGO
from connectors.x import X as Connector
from connectors.x import connector as module
from connectors.x import reading
from connectors.x.config import XConfig
from connectors.x.place import Place
from inbox.contract import AuthError, ConversationKind, CursorExpired, Event, EventKind, Permanent, RateLimited, Transient
from tests.connectors.served import serving
from tests.connectors.x.fake import KEY, MORNING, SECRET, TOKEN, TOKEN_SECRET, US, X, problem


@pytest.fixture
async def x() -> AsyncIterator[X]:
    http.allow(["127.0.0.0/8"])
    found = X()
    async with serving(found):
        yield found
    http.allow([])


def config(x: X, **more: object) -> XConfig:
    secrets = {"consumer_key": KEY, "consumer_secret": SECRET, "access_token": TOKEN, "access_token_secret": TOKEN_SECRET}
    return XConfig.model_validate({**secrets, "api_url": x.address, **more})


@pytest.fixture
async def connector(x: X) -> AsyncIterator[Connector]:
    found = Connector(config(x))
    yield found
    await found.aclose()


class Looker:
    """Looks one after the other, as the stream does, each at every list."""

    def __init__(self, connector: Connector, cursor: str | None = None) -> None:
        self.reader = reading.Reader(connector._api, connector._config, Place.read(cursor))
        self.cursor = cursor
        self.passed: dict[str, int] = {}
        self.rejected: list[bytes] = []
        self.gap = False

    async def look(self) -> list[Event]:
        self.reader.due = dict.fromkeys(self.reader.due, LONG_AGO)
        batches = list(await self.reader.look())
        self.cursor, self.passed, self.gap = batches[-1].cursor, dict(batches[-1].passed_over), batches[0].gap
        self.rejected = [one.raw for one in batches[-1].rejected]
        return [event for batch in batches for event in batch.events]


async def test_a_mention_begins_a_conversation(x: X, connector: Connector):
    said = x.say("anna", "@ourshop when do you open? <now> & later")
    (event,) = await Looker(connector).look()
    assert (event.id, event.message_id, event.thread_id, event.parent_id) == (f"post:{said['id']}", said["id"], said["id"], None)
    assert (event.text, event.conversation_kind, event.post) == (
        "@ourshop when do you open? <now> & later",
        ConversationKind.COMMENTS,
        None,
    )
    assert event.author is not None
    assert (event.author.id, event.author.name, event.author.handle, event.author.is_self) == ("11", "Anna", "@anna", False)
    assert event.permalink == f"https://x.com/i/web/status/{said['id']}"


async def test_under_our_post_each_answer_begins_a_conversation(x: X, connector: Connector):
    post = x.say("us", "New bread")
    one, two = x.say("anna", "@ourshop price?", answering=post), x.say("bernd", "@ourshop rye?", answering=post)
    ours = x.say("us", "@anna three", answering=one)
    deeper = x.say("anna", "@ourshop thanks", answering=ours)
    looker = Looker(connector)
    events = {event.message_id: event for event in await looker.look()}
    assert [(event.thread_id, event.parent_id, event.text) for event in events.values()] == [
        (one["id"], None, "price?"),
        (two["id"], None, "rye?"),
        (post["id"], one["id"], "three"),
        (post["id"], ours["id"], "thanks"),
    ]
    assert [event.post.text for event in events.values() if event.post] == ["New bread", "New bread"]
    own = events[ours["id"]].author
    assert own is not None
    assert own.is_self
    assert looker.passed == {"a post of ours": 1}
    assert deeper["id"] in events


async def test_a_talk_about_somebody_else_hangs_on_what_they_said(x: X, connector: Connector):
    post = x.say("bernd", "Where is bread?")
    said = x.say("anna", "@bernd @ourshop has some", answering=post)
    x.say("us", "@carla unrelated", answering=x.say("carla", "Cars"))
    quoted = x.say("carla", "Look", quoting=x.say("us", "New bread"))
    looker = Looker(connector)
    events = {event.message_id: event for event in await looker.look()}
    assert (events[said["id"]].thread_id, events[said["id"]].parent_id, events[said["id"]].text) == (post["id"], post["id"], "has some")
    about = events[said["id"]].post
    assert about is not None
    assert (about.title, about.text) == ("@bernd", "Where is bread?")
    about = events[quoted["id"]].post
    assert about is not None
    assert (about.title, about.text) == ("", "New bread")
    assert looker.passed["an answer of ours elsewhere"] == 1


async def test_an_edit_is_told_of_the_first_version_even_if_that_never_came(x: X, connector: Connector):
    first = x.say("anna", "@ourshop whem?")
    looker = Looker(connector)
    await looker.look()
    second = x.edit(first, "@ourshop when?")
    events = await looker.look()
    assert [(event.kind, event.message_id, event.text) for event in events] == [
        (EventKind.MESSAGE, first["id"], "@ourshop when?"),
        (EventKind.EDIT, first["id"], "@ourshop when?"),
    ]
    assert [event.id for event in events] == [f"post:{first['id']}", f"edit:{second['id']}"]


async def test_a_post_says_its_language(x: X, connector: Connector):
    x.say("anna", "@ourshop wann?", lang="de")
    x.say("anna", "@ourshop 🥐", lang="qme")
    assert [event.language for event in await Looker(connector).look()] == ["de", "qme"]  # the inbox knows which is none


async def test_links_are_shown_as_they_lead_and_pictures_come_as_files(x: X, connector: Connector):
    urls = [
        {"url": "https://t.co/a", "expanded_url": "https://bread.example/rye", "display_url": "bread.example"},
        {"url": "https://t.co/b", "expanded_url": "https://x.com/anna/status/1/photo/1", "media_key": "3_1"},
    ]
    x.media = [
        {"media_key": "3_1", "type": "photo", "url": "https://pbs.example/1.jpg", "alt_text": "Rye/bread"},
        {"media_key": "7_1", "type": "video", "preview_image_url": "https://pbs.example/2.jpg", "variants": [
            {"bit_rate": 1, "content_type": "video/mp4", "url": "https://video.example/small.mp4"},
            {"bit_rate": 9, "content_type": "video/mp4", "url": "https://video.example/large.mp4"},
        ]},
    ]  # fmt: skip
    more = {"entities": {"urls": urls}, "attachments": {"media_keys": ["3_1", "7_1", "lost"]}}
    x.say("anna", "@ourshop like https://t.co/a https://t.co/b", **more)
    (event,) = await Looker(connector).look()
    assert event.text == "@ourshop like https://bread.example/rye"
    assert [(file.name, file.url) for file in event.attachments] == [
        ("Rye bread", "https://pbs.example/1.jpg"),
        ("7_1", "https://video.example/large.mp4"),
    ]


async def test_a_long_post_is_read_whole(x: X, connector: Connector):
    x.say("anna", "@ourshop " + "a" * 200 + "…", note_tweet={"text": "@ourshop " + "a" * 999})
    (event,) = await Looker(connector).look()
    assert len(event.text) == 1008


async def test_direct_messages_come_with_those_that_we_wrote_ourselves(x: X, connector: Connector):
    x.write("anna", "Hello")
    x.write("us", "Hi")
    x.write("anna", "joined", event_type="ParticipantsJoin", conversation="1578398451921985538")
    looker = Looker(connector)
    one, two = await looker.look()
    assert (one.thread_id, one.conversation_kind, one.private) == ("dm:11-2244994945", ConversationKind.DIRECT, True)
    assert [event.author.is_self for event in (one, two) if event.author] == [False, True]
    assert looker.passed == {"a direct event of the kind ParticipantsJoin": 1}
    x.write("anna", "Again")
    assert "Again" in [event.text for event in await looker.look()]


async def test_250_mentions_during_downtime_come_in_order_none_lost_none_twice(x: X, connector: Connector):
    x.say("anna", "@ourshop before")
    looker = Looker(connector)
    await looker.look()
    for number in range(250):
        x.say("bernd", f"@ourshop {number}")
    later = Looker(connector, looker.cursor)
    assert [event.text for event in await later.look()] == [f"@ourshop {number}" for number in range(250)]
    assert await later.look() == []
    assert not later.gap
    again = await Looker(connector, looker.cursor).look()
    assert len({event.id for event in again}) == 250  # a crash before the commit repeats them


async def test_more_than_x_lists_is_a_gap(x: X, connector: Connector):
    x.say("anna", "@ourshop before")
    looker = Looker(connector)
    await looker.look()
    for number in range(900):
        x.say("bernd", f"@ourshop {number}")
    assert len(await looker.look()) == 800
    assert looker.gap


async def test_what_was_deleted_is_noticed_once_a_day(x: X, connector: Connector):
    said = x.say("anna", "@ourshop oops")
    x.say("bernd", "@ourshop stays")
    looker = Looker(connector)
    await looker.look()
    del x.posts[said["id"]]
    assert await looker.look() == []
    looker.reader.place.checked -= timedelta(days=2)
    (event,) = await looker.look()
    assert (event.kind, event.message_id) == (EventKind.DELETE, said["id"])
    assert await looker.look() == []


async def test_what_cannot_be_read_is_kept_and_its_neighbours_come_in(x: X, connector: Connector):
    broken = x.say("anna", "@ourshop broken")
    x.say("bernd", "@ourshop good")
    x.say("carla", "RT @ourshop", referenced_tweets=[{"type": "retweeted", "id": "1"}])
    broken["created_at"] = "yesterday"
    looker = Looker(connector)
    assert [event.text for event in await looker.look()] == ["@ourshop good"]
    assert looker.passed == {"a repost": 1}
    (raw,) = looker.rejected
    assert connector.reread(raw, MORNING).rejected
    mended = raw.replace(b"yesterday", b"2026-03-02T08:00:00.000Z")
    assert [event.text for event in connector.reread(mended, MORNING).events] == ["@ourshop broken"]
    assert connector.reread(b"[", MORNING).rejected


async def test_history_ends_where_it_was_asked_to(x: X):
    for number in range(9):
        x.say("anna", f"@ourshop {number}")
    for history, texts in ((3, ["@ourshop 6", "@ourshop 7", "@ourshop 8"]), (0, [])):
        connector = Connector(config(x, history=history))
        looker = Looker(connector)
        assert [event.text for event in await looker.look()] == texts
        x.say("bernd", "@ourshop new")
        assert [event.text for event in await looker.look()] == ["@ourshop new"]
        del x.posts[max(x.posts)]
        await connector.aclose()


async def test_each_list_is_read_as_often_as_its_limit_allows(x: X, connector: Connector, monkeypatch: pytest.MonkeyPatch):
    x.limits = {f"/2/users/{US}/mentions": (300, 290), f"/2/users/{US}/tweets": (10, 9), "/2/dm_events": (15, 0)}
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(module, "sleep", sleep)
    stream = connector.stream(None)
    for _ in range(3):
        await anext(stream)
    assert pauses[0] == pytest.approx(30, abs=2)
    assert len(x.requests) == 3  # nothing was due again
    reader = reading.Reader(connector._api, connector._config, Place())
    list(await reader.look())
    seconds = {name: (at - reading.now()).total_seconds() for name, at in reader.due.items()}
    assert seconds["mentions"] == pytest.approx(30, abs=3)
    assert seconds["tweets"] == pytest.approx(100, abs=3)
    assert seconds["direct"] == pytest.approx(900, abs=3)
    assert connector.standing.quota_limit == 15


async def test_trouble_upstream_is_passed_on_and_asked_about_once(x: X, connector: Connector):
    asked = f"GET /2/users/{US}/mentions"
    for response, expected in (
        (Response("<html>", 200), Transient),
        (Response(status_code=500), Transient),
        (problem(429), RateLimited),
        (problem(402), Permanent),
        (problem(403, "not-authorized-for-endpoint"), AuthError),
    ):
        x.trouble[asked] = [response]
        before = x.requests.count(asked)
        with pytest.raises(expected):
            await anext(connector.stream(None))
        assert x.requests.count(asked) == before + 1


async def test_check_tells_whose_account_it_is_and_refuses_wrong_tokens(x: X, connector: Connector):
    assert (await connector.check()).handle == "@ourshop"
    wrong = Connector(config(x, access_token_secret="wrong"))
    with pytest.raises(AuthError):
        await wrong.check()
    await wrong.aclose()
    with pytest.raises(ValidationError):
        config(x, access_token="no-number")


async def test_a_cursor_that_is_none_begins_anew(connector: Connector):
    for cursor in ("{", "[]", '{"since": 1}'):
        with pytest.raises(CursorExpired):
            await anext(connector.stream(cursor))
