"""Subreddits and an inbox as a stream, before a fake that behaves as Reddit's documents say."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import ValidationError
from starlette.responses import Response

from connectors import http
from connectors.reddit import Reddit as Connector
from connectors.reddit import connector as module
from connectors.reddit import reading
from connectors.reddit.config import RedditConfig
from connectors.reddit.parse import Account
from connectors.reddit.place import Place
from inbox.contract import AuthError, ConversationKind, CursorExpired, Event, EventKind, Permanent, RateLimited, Transient
from tests.connectors.reddit.fake import MORNING, PASSWORD, SECRET, US, Reddit
from tests.connectors.served import serving, told

HIDE = (EventKind.MODERATION, "hide")


@pytest.fixture
async def reddit() -> AsyncIterator[Reddit]:
    http.allow(["127.0.0.0/8"])
    found = Reddit()
    async with serving(found):
        yield found
    http.allow([])


def config(reddit: Reddit, **more: object) -> RedditConfig:
    addresses = {"api_url": reddit.address, "token_url": f"{reddit.address}/token"}
    known = {"client_id": "client", "client_secret": SECRET, "username": US, "password": PASSWORD, "subreddits": "r/bread"}
    return RedditConfig.model_validate({**known, **addresses, **more})


@pytest.fixture
async def connector(reddit: Reddit) -> AsyncIterator[Connector]:
    found = Connector(config(reddit))
    yield found
    await found.aclose()


class Looker:
    """Looks one after the other, as the stream does."""

    def __init__(self, connector: Connector, cursor: str | None = None) -> None:
        self.reader = reading.Reader(connector._api, connector._config, Account(US), Place.read(cursor))
        self.cursor = cursor
        self.passed: dict[str, int] = {}
        self.rejected: list[bytes] = []

    async def look(self) -> list[Event]:
        batches = list(await self.reader.look())
        self.cursor, self.passed = batches[-1].cursor, dict(batches[-1].passed_over)
        self.rejected = [one.raw for one in batches[-1].rejected]
        return [event for batch in batches for event in batch.events]

    async def sweep(self) -> list[Event]:
        self.reader._looks = 0
        return await self.look()


async def test_a_post_of_somebody_begins_a_conversation_and_all_comments_belong_to_it(reddit: Reddit, connector: Connector):
    post = reddit.post("anna", "Where is rye?", "I **looked** & looked")
    comment = reddit.say("bernd", "Here", post)
    deeper = reddit.say("anna", "Thanks", comment)
    first, second, third = await Looker(connector).look()
    assert (first.message_id, first.thread_id, first.text) == (
        post["data"]["name"],
        post["data"]["name"],
        "Where is rye?\n\nI **looked** & looked",
    )
    assert first.post is not None
    assert (first.post.title, first.post.url) == ("Where is rye?", "https://www.reddit.com/r/bread/comments/x1/title/")
    assert {event.thread_id for event in (first, second, third)} == {post["data"]["name"]}
    assert (second.parent_id, third.parent_id) == (post["data"]["name"], comment["data"]["name"])
    assert (second.permalink, second.html) == ("https://www.reddit.com/r/bread/comments/x1/title/x2/", '<div class="md"><p>Here</p></div>')
    assert third.author is not None
    assert (third.author.id, third.author.handle, third.author.roles) == ("anna", "u/anna", ("submitter",))
    assert third.message_id == deeper["data"]["name"]


async def test_under_our_post_each_comment_begins_a_conversation_and_the_post_is_none(reddit: Reddit, connector: Connector):
    post = reddit.post(US, "New bread", "With nuts")
    one, two = reddit.say("anna", "Price?", post), reddit.say("bernd", "Rye?", post)
    reddit.say(US, "Three", one)
    looker = Looker(connector)
    events = await looker.look()
    assert [(event.thread_id, event.parent_id) for event in events] == [
        (one["data"]["name"], None),
        (two["data"]["name"], None),
        (one["data"]["name"], one["data"]["name"]),
    ]
    assert {event.post.text for event in events if event.post} == {"With nuts"}
    assert [event.author.is_self for event in events if event.author] == [False, False, True]
    assert looker.passed["a post of ours"] == 1


async def test_the_inbox_brings_answers_from_elsewhere_and_messages(reddit: Reddit):
    connector = Connector(config(reddit, subreddits=""))
    post = reddit.post("anna", "Who bakes?")
    mention = reddit.say("bernd", f"Ask u/{US}", post)
    reddit.say(US, "We do", mention)
    reddit.say(US, "Unrelated", reddit.post("carla", "Cars"))
    letter = reddit.write("carla", "Do you deliver?")
    answer = reddit.write(US, "Yes", to="carla", answering=letter)
    looker = Looker(connector)
    events = await looker.look()
    assert [event.text for event in events] == [f"Ask u/{US}", "We do", "Hello\n\nDo you deliver?", "Yes"]
    assert events[0].thread_id == events[1].thread_id == post["data"]["name"]
    assert events[0].post is not None
    assert events[0].post.title == "Who bakes?"
    assert [event.conversation_kind for event in events[2:]] == [ConversationKind.DIRECT] * 2
    assert (events[3].thread_id, events[3].parent_id, events[3].message_id) == (
        letter["data"]["name"],
        letter["data"]["name"],
        answer["data"]["name"],
    )
    assert looker.passed == {"an answer of ours elsewhere": 1}
    await connector.aclose()


async def test_what_comes_by_two_lists_comes_once(reddit: Reddit, connector: Connector):
    post = reddit.post(US, "New bread")
    reddit.say("anna", "Price?", post)
    looker = Looker(connector)
    assert len(await looker.look()) == 1
    assert await looker.look() == []


async def test_edits_deletions_and_removals_are_found_and_told_once(reddit: Reddit, connector: Connector):
    post = reddit.post("anna", "Rye?", "Whem")
    one, two, three = (reddit.say("bernd", f"Comment {number}", post) for number in range(3))
    looker = Looker(connector)
    await looker.look()
    one["data"] |= {"body": "Better", "edited": (MORNING + timedelta(hours=2)).timestamp()}
    post["data"]["selftext"] = "When"  # within the first minutes: no time is told
    reddit.delete(two)
    three["data"] |= {"removed": True, "banned_by": "mod"}
    events = {event.message_id: event for event in await looker.sweep()}
    assert [(event.kind, event.text) for event in (events[thing["data"]["name"]] for thing in (one, post, two, three))] == [
        (EventKind.EDIT, "Better"),
        (EventKind.EDIT, "Rye?\n\nWhen"),
        (EventKind.DELETE, ""),
        HIDE,
    ]
    assert events[one["data"]["name"]].at == MORNING + timedelta(hours=2)
    assert await looker.sweep() == []
    three["data"] |= {"removed": False, "banned_by": None}
    (shown,) = await looker.sweep()
    assert (shown.kind, shown.text) == (EventKind.MODERATION, "unhide")


async def test_a_removal_is_no_edit_for_those_who_do_not_moderate(reddit: Reddit, connector: Connector):
    reddit.moderates = False
    said = reddit.say("bernd", "Spam", reddit.post("anna", "Rye?"))
    looker = Looker(connector)
    await looker.look()
    said["data"]["removed"] = True
    (event,) = await looker.sweep()
    assert (event.kind, event.text) == HIDE


async def test_the_newest_thing_may_be_deleted_and_what_comes_after_it_is_still_read(reddit: Reddit, connector: Connector):
    post = reddit.post("anna", "Rye?")
    last = reddit.say("bernd", "Last", post)
    looker = Looker(connector)
    await looker.look()
    reddit.delete(last)
    reddit.say("carla", "After it", post)
    assert [event.text for event in await looker.look()] == ["After it"]


async def test_250_comments_during_downtime_come_in_order_none_lost_none_twice(reddit: Reddit, connector: Connector):
    post = reddit.post("anna", "Rye?")
    looker = Looker(connector)
    await looker.look()
    for number in range(250):
        reddit.say("bernd", f"Meanwhile {number}", post)
    later = Looker(connector, looker.cursor)
    assert [event.text for event in await later.look()] == [f"Meanwhile {number}" for number in range(250)]
    assert await later.look() == []
    again = await Looker(connector, looker.cursor).look()
    assert len({event.id for event in again}) == 250  # a crash before the commit repeats them


async def test_more_than_reddit_lists_is_a_gap(reddit: Reddit, connector: Connector):
    post = reddit.post("anna", "Rye?")
    looker = Looker(connector)
    await looker.look()
    for number in range(1100):
        reddit.say("bernd", str(number), post)
    batches = list(await looker.reader.look())
    assert [batch.gap for batch in batches][:2] == [True, False]


async def test_what_cannot_be_read_is_kept_and_its_neighbours_come_in(reddit: Reddit, connector: Connector):
    post = reddit.post("anna", "Rye?")
    broken = reddit.say("bernd", "Broken", post)
    odd = reddit.say("carla", "Odd", post)
    odd["kind"] = "t9"
    broken["data"]["created_utc"] = "yesterday"
    reddit._page = lambda asked, entries: told({"data": {"children": entries, "after": None}})  # ty: ignore  # sorting needs the time
    looker = Looker(connector)
    assert [event.text for event in await looker.look()] == ["Rye?"]
    assert looker.passed["a thing of the kind t9"] >= 1
    raw = looker.rejected[0]
    assert connector.reread(raw, MORNING).rejected
    assert [event.text for event in connector.reread(raw.replace(b'"yesterday"', b"1772438400.0"), MORNING).events] == ["Broken"]
    assert connector.reread(b"[1]", MORNING).rejected


async def test_a_picture_and_a_gallery_are_files(reddit: Reddit, connector: Connector):
    reddit.post("anna", "Look", is_self=False, post_hint="image", url="https://i.redd.example/a.png")
    media = {"a": {"status": "valid", "m": "image/png", "s": {"u": "https://preview.redd.example/b.png?s=1"}}}
    reddit.post("anna", "More", is_self=False, media_metadata=media, url="https://www.reddit.com/gallery/x")
    one, two = await Looker(connector).look()
    assert [file.url for file in (*one.attachments, *two.attachments)] == [
        "https://i.redd.example/a.png",
        "https://preview.redd.example/b.png?s=1",
    ]


async def test_looks_are_rarer_where_few_requests_are_left(reddit: Reddit, connector: Connector, monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(module, "sleep", sleep)
    stream = connector.stream(None)
    await anext(stream)
    reddit.remaining = 25
    await anext(stream)
    reddit.remaining = 12
    await anext(stream)
    await anext(stream)
    assert module.SHORTEST <= pauses[0] < pauses[1] < pauses[2] == module.LONGEST
    standing = connector.standing
    assert (standing.quota_used, standing.quota_resets_at is not None) == (5, True)


async def test_trouble_upstream_is_passed_on_and_asked_about_once(reddit: Reddit, connector: Connector):
    asked = "GET /r/bread/new"
    for response, expected in (
        (Response("<html>", 200), Transient),
        (Response(status_code=500), Transient),
        (Response(status_code=429, headers={"retry-after": "9"}), RateLimited),
        (told({"reason": "private", "message": "Forbidden", "error": 403}, 403), Permanent),
    ):
        reddit.trouble[asked] = [response]
        before = reddit.requests.count(asked)
        with pytest.raises(expected):
            await anext(connector.stream(None))
        assert reddit.requests.count(asked) == before + 1


async def test_check_tells_whose_account_it_is(reddit: Reddit, connector: Connector):
    assert (await connector.check()).handle == f"u/{US}"
    wrong = Connector(config(reddit, password="wrong"))
    with pytest.raises(AuthError):
        await wrong.check()
    await wrong.aclose()


async def test_a_cursor_that_is_none_begins_anew(connector: Connector):
    for cursor in ("{", "[]", '{"newest": 1}'):
        with pytest.raises(CursorExpired):
            await anext(connector.stream(cursor))


def test_settings_that_make_no_sense_are_refused(reddit: Reddit):
    assert config(reddit, subreddits=" r/bread, /r/Cheese ,").together == "bread+Cheese"
    for more in ({"subreddits": "a b"}, {"subreddits": "", "inbox": False}, {"password": None}):
        with pytest.raises(ValidationError):
            config(reddit, **more)
