"""Feeds from a server on this machine."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import Response

from connectors import http
from connectors.feed import Feed, fetching
from connectors.feed.config import FeedConfig
from connectors.feed.place import MOST_KNOWN, Place
from inbox.contract import AuthError, Batch, ConversationKind, CursorExpired, EventKind, Permanent, RateLimited, Reply, Transient
from inbox.conversations import receive
from inbox.models import Conversation, Message, Wait
from tests.connectors.serving import serving
from tests.make import MONDAY, Make

BOMB = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))


def rss(*items: str, before: str = "", title: str = "The Shop") -> str:
    """https://www.rssboard.org/rss-specification"""
    channel = f"<channel><title>{title}</title><link>https://blog.example/</link>{''.join(items)}</channel>"
    head = '<?xml version="1.0" encoding="utf-8"?>'
    return f'{head}{before}<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/">{channel}</rss>'


def item(number: int, words: str = "", **more: str) -> str:
    at = datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(minutes=number)
    shape = {
        "guid": f"urn:entry:{number}", "title": f"Entry {number}", "link": f"https://blog.example/{number}",
        "pubDate": at.strftime("%a, %d %b %Y %H:%M:%S +0000"), "description": words or f"Words {number}", **more,
    }  # fmt: skip
    return f"<item>{''.join(f'<{name}>{value}</{name}>' for name, value in shape.items() if value)}</item>"


ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:thr="http://purl.org/syndication/thread/1.0">
  <title>Comments</title><id>urn:feed</id><updated>2026-03-02T09:00:00Z</updated>
  <entry>
    <id>urn:comment:1</id><title type="html">On &lt;b&gt;bread&lt;/b&gt;</title><updated>2026-03-02T08:30:00+01:00</updated>
    <published>2026-03-02T08:00:00+01:00</published><author><name>Anna</name><email>Anna@customer.example</email></author>
    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Is it <b>fresh</b>?</p><p>Really</p></div></content>
    <thr:in-reply-to ref="urn:post:7" href="https://blog.example/7"/><link rel="alternate" href="/7#comment-1"/>
    <link rel="enclosure" type="image/png" length="1234" href="https://blog.example/bread%20roll.png"/>
    <link rel="enclosure" type="audio/mpeg" href="https://blog.example/episode.mp3"/>
  </entry>
</feed>"""


class Server:
    """A feed that knows what was asked."""

    def __init__(self, content: str | bytes = "") -> None:
        self.content, self.status, self.headers, self.etag = content, 200, dict[str, str](), True
        self.asked: list[Request] = []
        self.address = ""

    async def answer(self, request: Request) -> Response:
        self.asked.append(request)
        content = self.content.encode() if isinstance(self.content, str) else self.content
        etag = f'"{hash(content)}"'
        if self.etag and request.headers.get("if-none-match") == etag:
            return Response(status_code=304)
        headers = {"etag": etag, "last-modified": "Mon, 02 Mar 2026 08:00:00 GMT"} if self.etag else {}
        return Response(content, self.status, headers=headers | self.headers, media_type="application/rss+xml")


@pytest.fixture
async def source(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr("connectors.feed.connector.MINUTE", 0.01)
    found = Server()
    async with serving(found.answer) as address:
        found.address = f"{address}/feed"
        yield found
    http.allow([])


@asynccontextmanager
async def connected(source: Server, **more: Any) -> AsyncIterator[Feed]:
    feed = Feed(FeedConfig.model_validate({"address": source.address, **more}))
    try:
        yield feed
    finally:
        await feed.aclose()


async def first(source: Server, cursor: str | None = None, **more: Any) -> Batch:
    async with connected(source, **more) as feed, aclosing(feed.stream(cursor)) as batches, asyncio.timeout(10):
        return await anext(batches)


async def test_an_entry_is_a_message_that_nobody_waits_behind_oldest_first(source: Server):
    source.content = rss(item(2), item(1, "&lt;p&gt;Hello &amp;amp; &lt;b&gt;welcome&lt;/b&gt;&lt;/p&gt;&lt;p&gt;you&lt;/p&gt;"))
    one, two = (await first(source)).events
    assert (one.message_id, one.text, two.text) == ("urn:entry:1", "Hello & welcome\n\nyou", "Words 2")
    assert (one.html, one.kind, one.conversation_kind) == (
        "<p>Hello &amp; <b>welcome</b></p><p>you</p>",
        EventKind.MESSAGE,
        ConversationKind.COMMENTS,
    )
    assert (one.at, one.permalink) == (datetime(2026, 3, 2, 8, 1, tzinfo=UTC), "https://blog.example/1")
    assert one.envelope is not None
    assert one.envelope.automatic
    assert one.post is not None
    assert (one.post.title, one.post.url) == ("Entry 1", "https://blog.example/1")
    assert one.author is not None
    assert (one.author.id, one.author.name, one.author.is_self) == ("feed", "The Shop", False)


async def test_atom_tells_who_wrote_it_what_it_is_about_and_what_hangs_on_it(source: Server):
    source.content = ATOM
    (event,) = (await first(source)).events
    assert (event.message_id, event.thread_id, event.parent_id) == ("urn:comment:1", "urn:post:7", "urn:post:7")
    assert event.text == "Is it fresh?\n\nReally"
    assert event.at == datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert event.author is not None
    assert (event.author.id, event.author.name) == ("anna@customer.example", "Anna")
    (file,) = event.attachments
    assert (file.name, file.media_type, file.size) == ("bread roll.png", "image/png", 1234)
    assert event.permalink == source.address.replace("/feed", "/7#comment-1")


async def test_only_what_changed_is_asked_for_and_only_what_is_new_is_told(source: Server):
    source.content = rss(item(1))
    async with connected(source) as feed, aclosing(feed.stream(None)) as batches, asyncio.timeout(10):
        cursor = (await anext(batches)).cursor
        following = asyncio.ensure_future(anext(batches))
        while len(source.asked) < 4:  # noqa: ASYNC110  # whatever the connector does meanwhile
            await asyncio.sleep(0.01)
        assert not following.done()
        source.content = rss(item(2), item(1))
        assert [event.text for event in (await following).events] == ["Words 2"]
    assert [request.headers.get("if-modified-since") for request in source.asked[:2]] == [None, "Mon, 02 Mar 2026 08:00:00 GMT"]
    source.content = rss(item(3), item(2), item(1))
    assert [event.text for event in (await first(source, cursor)).events] == ["Words 2", "Words 3"]


async def test_250_entries_during_downtime_come_in_order_none_lost_and_none_twice(source: Server):
    source.content = rss(item(0))
    cursor = (await first(source)).cursor
    source.content = rss(*(item(number) for number in range(250, -1, -1)))
    batch = await first(source, cursor)
    assert [event.text for event in batch.events] == [f"Words {number}" for number in range(1, 251)]
    assert not batch.gap


async def test_more_than_a_feed_shows_was_written_and_the_gap_is_marked(source: Server):
    source.content = rss(item(2), item(1))
    cursor = (await first(source)).cursor
    source.content = rss(item(9), item(8))
    batch = await first(source, cursor)
    assert ([event.text for event in batch.events], batch.gap) == (["Words 8", "Words 9"], True)


async def test_other_words_are_an_edit_and_what_leaves_the_feed_is_not_deleted(source: Server):
    source.content = rss(item(2), item(1))
    cursor = (await first(source)).cursor
    source.content = rss(item(2, "Other words"))
    first_time, again = await first(source, cursor), await first(source, cursor)
    (event,) = first_time.events
    assert (event.kind, event.message_id, event.text) == (EventKind.EDIT, "urn:entry:2", "Other words")
    assert [event.id for event in again.events] == [event.id]


async def test_history_is_as_long_as_asked(source: Server):
    source.content = rss(*(item(number) for number in range(9, 0, -1)))
    batch = await first(source, history=2)
    assert ([event.text for event in batch.events], batch.passed_over) == (["Words 8", "Words 9"], {"an entry of before": 7})
    assert (await first(source, history=0)).events == []


async def test_entries_without_id_link_or_time_come_in_once_and_empty_ones_are_counted(source: Server):
    source.content = rss(item(0, "Only words", guid="", link="", pubDate=""), "<item></item>")
    batch = await first(source)
    assert [event.text for event in batch.events] == ["Only words"]
    assert batch.passed_over == {"an entry without words": 1}
    source.content = rss(item(1), item(0, "Only words", guid="", link="", pubDate=""), "<item></item>")
    batch = await first(source, batch.cursor)
    assert ([event.text for event in batch.events], batch.passed_over) == (["Words 1"], {})


async def test_a_feed_that_is_slightly_broken_is_read(source: Server):
    source.content = rss(item(1, "Bread & butter <br> & more")).replace("</channel></rss>", "")
    assert [event.message_id for event in (await first(source)).events] == ["urn:entry:1"]


@pytest.mark.parametrize(
    "content",
    [
        "<html><body>Welcome</body></html>",
        '{"not": "a feed"}',
        "\x00\x01\x02",
        rss("<item><description>&l9;</description></item>", before=f'<!DOCTYPE x [<!ENTITY l0 "lol">{BOMB}]>'),
        rss("<item><description>&l9;</description></item>", before=f'<!DOCTYPE x [<!ENTITY l0 "lol">{BOMB}]>')
        .replace('encoding="utf-8"', 'encoding="utf-16"')
        .encode("utf-16"),
        rss("<item><title>&x;</title></item>", before='<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        rss(f"<item><description>{'<b>' * 50_000}{'</b>' * 50_000}</description></item>"),
        rss(f"<item><description>{'<b>' * 100_000}"),
        b"<rss>" + b"<" * 300_000,
    ],
)
async def test_what_is_no_feed_or_would_grow_is_told_and_harms_nobody(source: Server, content: str | bytes):
    source.content = content
    async with asyncio.timeout(5):
        with pytest.raises(Transient):
            await first(source)
    assert len(source.asked) == 1


async def test_entities_are_refused_in_any_encoding():
    bomb = f'<!DOCTYPE x [<!ENTITY a "b">]>{rss()[38:]}'
    head = '<?xml version="1.0" encoding="utf-7"?>'
    with pytest.raises(Transient):
        fetching.check((head + bomb).encode("utf-16"))
    fetching.check(rss(item(1)).encode("utf-16"))


async def test_a_feed_without_end_is_refused(source: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetching, "LIMIT", 1000)
    source.content = rss(item(1, "x" * 2000))
    with pytest.raises(Transient, match="more than"):
        await first(source)


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (401, {}, AuthError),
        (404, {}, Permanent),
        (410, {}, Permanent),
        (429, {"retry-after": "30"}, RateLimited),
        (503, {"retry-after": "30"}, RateLimited),
        (500, {}, Transient),
        (301, {"location": "/feed"}, Permanent),  # for ever in a circle
        (302, {"location": "http://10.0.0.1/"}, Permanent),
    ],
)
async def test_trouble_is_told_as_it_is(source: Server, status: int, headers: dict[str, str], error: type[Exception]):
    source.status, source.headers = status, headers
    with pytest.raises(error):
        await first(source)
    assert len(source.asked) <= fetching.MOST_REDIRECTS + 1


async def test_a_feed_that_has_moved_is_followed_and_the_password_goes_to_no_other_host(source: Server):
    other = Server(rss(item(1)))
    async with serving(other.answer) as address:
        source.status, source.headers = 301, {"location": f"{address}/new"}
        batch = await first(source, username="mira", password="hunter2")
    assert len(batch.events) == 1
    assert source.asked[0].headers["authorization"] == f"Basic {b64encode(b'mira:hunter2').decode()}"
    assert "authorization" not in other.asked[0].headers


async def test_the_check_names_the_feed_and_nothing_can_be_sent(source: Server):
    source.content = rss(item(1))
    async with connected(source) as feed:
        account = await feed.check()
        assert (account.id, account.name, account.is_self) == ("127.0.0.1/feed", "The Shop", True)
        with pytest.raises(Permanent, match="only be read"):
            await feed.send(Reply("key-1", "t1", "Hello"))


async def test_in_the_inbox_each_entry_is_a_conversation_that_nobody_waits_in(source: Server, session: AsyncSession, make: Make):
    source.content = rss(item(2), item(1))
    channel = await make.channel(await make.workspace(), platform="feed", account_id="127.0.0.1/feed")
    for _ in range(2):  # a crash before the commit brings the same again
        await receive.receive(session, channel, await first(source), now=MONDAY, move_cursor=False)
    assert await session.scalar(select(func.count()).select_from(Message)) == 2
    assert await session.scalar(select(func.count()).select_from(Conversation)) == 2
    assert await session.scalar(select(func.count()).select_from(Wait).where(col(Wait.closed_at).is_(None))) == 0


def test_a_place_forgets_the_oldest_and_comes_back_as_it_was():
    place = Place(etag='"1"', modified="Mon")
    for number in range(MOST_KNOWN + 1):
        place.note(str(number), "digest")
    again = Place.read(str(place))
    assert (len(again.known), "0" in again.known, again.etag, again.modified, again.is_new) == (MOST_KNOWN, False, '"1"', "Mon", False)
    for bad in ("", "{}", "12", json.dumps({"known": [], "etag": "", "modified": ""})):
        with pytest.raises(CursorExpired):
            Place.read(bad)


@pytest.mark.parametrize("address", ["blog.example/feed", "file:///etc/passwd"])
def test_an_address_is_one(address: str):
    with pytest.raises(ValidationError):
        FeedConfig.model_validate({"address": address})
