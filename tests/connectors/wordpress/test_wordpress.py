"""A site that behaves badly, and what is made of it; how it behaves well shows the real one (tests/servers/test_wordpress.py)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from starlette.responses import JSONResponse, PlainTextResponse

from connectors import http
from connectors.wordpress import WordPress as Connector
from connectors.wordpress import compose, pages
from connectors.wordpress.config import WordPressConfig
from connectors.wordpress.place import MOST_WATCHED, Known, Place
from inbox.contract import AuthError, Batch, CursorExpired, EventKind, Permanent, RateLimited, Reply, Transient
from tests.connectors.serving import serving
from tests.connectors.wordpress.fake import PASSWORD, WordPress, comment, refused

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def site() -> WordPress:
    return WordPress()


@pytest.fixture
async def connector(site: WordPress) -> AsyncIterator[Connector]:
    http.allow(["127.0.0.0/8"])
    async with serving(site.answer) as address:
        config = {"site": address, "username": "mira", "application_password": PASSWORD, "interval": 10}
        found = Connector(WordPressConfig.model_validate(config))
        yield found
        await found.aclose()
    http.allow([])


async def first(connector: Connector, cursor: str | None = None) -> Batch:
    async with aclosing(connector.stream(cursor)) as batches, asyncio.timeout(10):
        return await anext(batches)


async def test_a_comment_is_told_without_the_address_and_the_browser_of_who_wrote_it(site: WordPress, connector: Connector):
    site.say("Is it open?", name="O&#039;Neill & Co")
    (event,) = (await first(connector)).events
    assert event.author is not None
    assert (event.author.name, event.author.avatar) == ("O'Neill & Co", "https://avatar.example/96")
    assert event.post is not None
    assert (event.post.title, event.post.text) == ("Opening – hours", "When we are open")
    assert "198.51.100.7" not in json.dumps(event.raw)
    assert "Browser" not in json.dumps(event.raw)


async def test_what_cannot_be_read_is_kept_once_and_its_neighbours_come_in(site: WordPress, connector: Connector):
    site.say("One")
    site.say("Two")["content"] = "not as agreed"
    site.say("Three")
    batch = await first(connector)
    assert [event.text for event in batch.events] == ["One", "Three"]
    (rejected,) = batch.rejected
    assert "content" in rejected.reason
    site.say("Four")
    batch = await first(connector, batch.cursor)
    assert ([event.text for event in batch.events], list(batch.rejected)) == (["Four"], [])


async def test_what_was_kept_is_read_again(connector: Connector):
    raw = json.dumps(comment(12, "Later", parent=3)).encode()
    (event,) = connector.reread(raw, NOW).events
    assert (event.kind, event.text, event.thread_id) == (EventKind.MESSAGE, "Later", "3")
    for bad in (b"{}", b"not JSON", b"[" * 100_000):
        assert [one.raw for one in connector.reread(bad, NOW).rejected] == [bad]


async def test_a_comment_that_a_list_leaves_out_is_not_taken_for_deleted(site: WordPress, connector: Connector):
    site.say("One")
    cursor = (await first(connector)).cursor
    site.trouble["GET comments"] = [JSONResponse([])]
    with pytest.raises(TimeoutError):
        async with aclosing(connector.stream(cursor)) as batches, asyncio.timeout(0.5):
            await anext(batches)
    assert site.requests[-1] == "GET comments/1"


async def test_a_site_without_end_is_noticed(site: WordPress, connector: Connector):
    told = [comment(number, "Hi") for number in range(pages.MANY, 0, -1)]
    site.trouble["GET comments"] = [JSONResponse(told[:20]) for _ in range(1)] + [JSONResponse(told) for _ in range(3)]
    with pytest.raises(Transient, match="no end"):
        await first(connector, str(Place(last=0, is_new=False)))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (PlainTextResponse("<html>coming soon</html>"), Transient),
        (JSONResponse({"not": "a list"}), Transient),
        (JSONResponse({}, 429, headers={"retry-after": "30"}), RateLimited),
        (PlainTextResponse("", 502), Transient),
        (PlainTextResponse("", 301, headers={"location": "https://www.blog.example/"}), Permanent),
        (refused(404, "rest_no_route"), Permanent),
        (refused(401, "rest_forbidden_context", f"Sorry {PASSWORD}"), AuthError),
    ],
)
async def test_trouble_with_the_list_is_told_and_not_taken_for_silence(
    site: WordPress, connector: Connector, answer: PlainTextResponse, error: type[Exception]
):
    site.trouble["GET comments"] = [answer]
    with pytest.raises(error) as told:
        await first(connector)
    assert PASSWORD not in str(told.value)
    assert site.requests.count("GET comments") == 1


async def test_a_duplicate_that_is_not_ours_is_a_failure(site: WordPress, connector: Connector):
    asked = site.say("When?")
    site.trouble["POST comments"] = [refused(409, "comment_duplicate", "Duplicate comment detected")]
    with pytest.raises(Permanent, match="Duplicate"):
        await connector.send(Reply("key-1", "1", "At nine.", parent_id=str(asked["id"])))


def test_the_latest_comments_are_watched_and_a_place_comes_back_as_it_was():
    place = Place()
    for number in range(1, MOST_WATCHED + 11):
        place.watch(number, Known("digest", "approved", number))
    assert (min(place.watched), len(place.watched), place.last) == (11, MOST_WATCHED, MOST_WATCHED + 10)
    again = Place.read(str(place))
    assert (again.watched, again.last, again.is_new) == (place.watched, place.last, False)
    assert (again.is_news(MOST_WATCHED + 11), again.is_news(5), again.is_news(20)) == (True, False, False)
    del again.watched[20]
    assert again.is_news(20)  # ids may come out of order


@pytest.mark.parametrize("cursor", ["", "{}", "12", '{"last": 1, "watched": {"a": []}}', '{"last": 1, "watched": {"1": ["a"]}}'])
def test_a_place_that_cannot_be_read_is_forgotten(cursor: str):
    with pytest.raises(CursorExpired):
        Place.read(cursor)


def test_what_wordpress_would_change_is_changed_before():
    assert compose.content(" <b> & \\ 'x'\r\n\x00two\ud800 ") == "&lt;b&gt; &amp; &#92; 'x'\ntwo"


@pytest.mark.parametrize("site", ["blog.example", "ftp://blog.example", "https://"])
def test_an_address_is_one(site: str):
    with pytest.raises(ValidationError):
        WordPressConfig.model_validate({"site": site, "username": "mira", "application_password": PASSWORD})
