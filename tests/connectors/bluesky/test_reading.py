"""The account as a stream, before a server that behaves as the real one does (tests/servers)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from connectors import http
from connectors.bluesky import Bluesky, connector, ids, reading
from connectors.bluesky.config import BlueskyConfig
from connectors.bluesky.shapes import Post
from inbox.contract import AuthError, Batch, ConversationKind, CursorExpired, Event, EventKind, RateLimited, Standing, Transient
from tests.connectors.bluesky import fake
from tests.connectors.bluesky.fake import ANNA, BERND, MORNING, PASSWORD, US, Network, Refusal, naming, serving

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr(connector, "PAUSE", 0.0)
    yield
    http.allow([])


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    found = Network()
    async with serving(found):
        yield found


@asynccontextmanager
async def connected(network: Network, history: int = 40) -> AsyncIterator[Bluesky]:
    config = {"server": network.address, "handle": f"@{US['handle']}", "app_password": PASSWORD, "history": history}
    bluesky = Bluesky(BlueskyConfig.model_validate(config))
    try:
        yield bluesky
    finally:
        await bluesky.aclose()


class Listener:
    """What a stream has brought, and the last place."""

    def __init__(self, batches: AsyncIterator[Batch]) -> None:
        self.batches = batches
        self.events: list[Event] = []
        self.passed: dict[str, int] = {}
        self.rejected: list[bytes] = []
        self.has_gap = False
        self.cursor: str | None = None

    async def until(self, told: Callable[[], bool]) -> list[Event]:
        async with asyncio.timeout(20):
            while not told():
                batch = await anext(self.batches)
                self.events += batch.events
                self.rejected += [one.raw for one in batch.rejected]
                self.passed |= batch.passed_over
                self.has_gap = self.has_gap or batch.gap
                self.cursor = batch.cursor
        return self.events

    async def texts(self, count: int) -> list[str]:
        await self.until(lambda: len(self.events) >= count)
        return [event.text for event in self.events]


@asynccontextmanager
async def listening(network: Network, cursor: str | None = None, history: int = 40) -> AsyncIterator[Listener]:
    async with connected(network, history) as bluesky, aclosing(bluesky.stream(cursor)) as batches:
        yield Listener(batches)


async def test_who_the_account_is_is_told_and_a_wrong_password_asks_for_a_person(network: Network):
    async with connected(network) as bluesky:
        account = await bluesky.check()
        assert (account.id, account.name, account.handle, account.is_self) == (US["did"], "Shop", "shop.test", True)
    network.password = "another"
    async with connected(network) as bluesky:
        with pytest.raises(AuthError) as failed:
            await bluesky.check()
    assert PASSWORD not in str(failed.value)


async def test_an_answer_to_our_post_hangs_on_it_and_those_below_belong_to_it(network: Network):
    post = network.add(US, "We are open")
    question = network.say(ANNA, "When?", answering=post)
    answer = network.add(US, "At nine.", answering=question)
    network.say(ANNA, "Thanks", answering=answer)
    other = network.say(BERND, "Where?", answering=post)
    async with listening(network) as listener:
        events = {event.text: event for event in await listener.until(lambda: len(listener.events) == 4)}
    assert {event.thread_id for event in events.values()} == {question["uri"], other["uri"]}
    assert [events[text].thread_id for text in ("When?", "At nine.", "Thanks")] == [question["uri"]] * 3
    assert {event.post.text for event in events.values() if event.post} == {"We are open"}
    own = events["At nine."]
    assert own.author is not None
    assert (own.author.is_self, own.parent_id, own.conversation_kind) == (True, question["uri"], ConversationKind.COMMENTS)
    assert own.permalink == f"https://bsky.app/profile/{US['did']}/post/{ids.split(own.message_id).key}"


async def test_a_post_says_its_language_when_it_is_one(network: Network):
    post = network.add(US, "Our post")
    for text, langs in (("Wann?", ["de"]), ("When? Wann?", ["en", "de"]), ("Hm?", []), ("Ha?", [7]), ("Oh?", "de")):
        network.say(ANNA, text, answering=post, langs=langs)
    async with listening(network) as listener:
        events = {event.text: event.language or "" for event in await listener.until(lambda: len(listener.events) == 5)}
    assert events == {"Wann?": "de", "When? Wann?": "", "Hm?": "", "Ha?": "", "Oh?": ""}


async def test_a_talk_of_others_hangs_on_its_first_post_and_a_missing_one_is_done_without(network: Network):
    about = network.add(BERND, "Who has a key?")
    text = "Perhaps @shop.test"
    named = network.say(ANNA, text, answering=about, facets=naming(US, text, "@shop.test"))
    gone = network.add(BERND, "Never mind")
    below = network.say(ANNA, "@shop.test?", answering=gone, facets=naming(US, "@shop.test?", "@shop.test"))
    network.delete(gone)
    async with listening(network) as listener:
        first, second = await listener.until(lambda: len(listener.events) == 2)
    assert (first.thread_id, first.post and first.post.text, first.mentions) == (named["uri"], "Who has a key?", (US["did"],))
    assert (second.thread_id, second.post) == (below["uri"], None)


async def test_what_means_nothing_here_is_counted_and_what_cannot_be_read_is_kept_beside_its_neighbours(network: Network):
    post = network.add(US, "Our post")
    question = network.say(ANNA, "When?", answering=post)
    answer = network.add(US, "At nine.", answering=question)
    for reason in ("follow", "starterpack-joined", "something-new"):
        network.notify(reason, BERND, question)
    network.react(ANNA, post)
    network.react(ANNA, answer)
    network.react(BERND, answer, "repost")
    odd = [{"uri": 3, "reason": "mention"}, {"reason": "reply", "uri": "at://x"}, {"uri": question["uri"], "reason": "quote", "cid": 1}]
    network.notifications += [{"indexedAt": fake.stamp(MORNING), **one} for one in odd]
    async with listening(network) as listener:
        await listener.until(lambda: len(listener.events) == 5 and len(listener.rejected) == 2)
    reactions = [(event.message_id, event.text) for event in listener.events if event.kind is EventKind.REACTION]
    assert reactions == [(answer["uri"], "❤️"), (answer["uri"], "🔁")]
    assert listener.passed == {
        "a reaction to a post of ours": 1,
        "a notification of the kind follow": 1,
        "a notification of the kind starterpack-joined": 1,
        "a notification of the kind something-new": 1,
        "a post of ours": 1,
    }
    async with connected(network) as bluesky:
        for raw in listener.rejected:
            assert len(bluesky.reread(raw, MORNING).rejected) == 1
        mended = json.dumps(network.posts[question["uri"]] | {"reason": "reply"}).encode()
        (event,) = bluesky.reread(mended, MORNING).events
        assert (event.message_id, event.thread_id) == (question["uri"], post["uri"])
        assert len(bluesky.reread(b"{[", MORNING).rejected) == 1


async def test_pictures_a_video_a_card_and_a_quoted_post_come_along(network: Network):
    quoted = network.add(US, "Our key")
    record = {"uri": quoted["uri"], "cid": quoted["cid"], "author": US, "value": quoted["record"], "indexedAt": quoted["indexedAt"]}
    viewed = {"$type": "app.bsky.embed.record#viewRecord", **record}
    both = {
        "$type": "app.bsky.embed.recordWithMedia#view",
        "record": {"$type": "app.bsky.embed.record#view", "record": viewed},
        "media": fake.pictures("A crack", ""),
    }
    video = {"$type": "app.bsky.embed.video#view", "playlist": "https://v.example/p.m3u8", "thumbnail": "https://v.example/t.jpg"}
    card = {"$type": "app.bsky.embed.external#view", "external": {"uri": "https://shop.test/a", "title": "A shop", "description": ""}}
    for text, embed, reason in (("quote", both, "quote"), ("video", video | {"alt": "A cat"}, "mention"), ("card", card, "mention")):
        network.say(ANNA, text, embed=embed, reason=reason)
    async with listening(network) as listener:
        quote, film, link = await listener.until(lambda: len(listener.events) == 3)
    assert [file.name for file in quote.attachments] == ["A crack.jpg", "image-2.jpg"]
    assert (quote.post and quote.post.text, quote.thread_id) == ("Our key", quote.message_id)
    assert [(file.name, file.url) for file in film.attachments] == [("▶ A cat.jpg", "https://v.example/t.jpg")]
    assert link.text == "card\n\nA shop\nhttps://shop.test/a"


async def test_150_of_a_downtime_come_once_and_in_order_though_pages_end_between_posts_of_one_moment(network: Network):
    post = network.add(US, "Our post")
    async with listening(network) as listener:
        await listener.until(lambda: listener.cursor is not None)
        cursor = listener.cursor
    for number in range(150):
        at = MORNING + timedelta(hours=1, seconds=20 if 20 <= number < 100 else number)
        network.say(ANNA, f"{number}", answering=post, at=at)
    async with listening(network, cursor) as listener:
        texts = await listener.texts(150)
        assert sorted(texts, key=int) == [str(number) for number in range(150)]
        assert [text for text in texts if int(text) not in range(20, 100)] == [*map(str, range(20)), *map(str, range(100, 150))]
        late = listener.cursor
    async with listening(network, late) as listener:
        network.say(BERND, "one more", answering=post, at=MORNING + timedelta(hours=2))
        await listener.until(lambda: listener.events[-1:] != [] and listener.events[-1].text == "one more")
        assert {event.text for event in listener.events} <= {*texts, "one more"}  # those shortly before come again, with their ids
    assert not listener.has_gap


async def test_a_moment_with_more_than_a_page_is_a_gap(network: Network):
    post = network.add(US, "Our post")
    async with listening(network) as listener:
        await listener.until(lambda: listener.cursor is not None)
        cursor = listener.cursor
    for number in range(130):
        network.say(ANNA, f"{number}", answering=post, at=MORNING + timedelta(hours=1), key=ids.tid(number))
    async with listening(network, cursor) as listener:
        await listener.until(lambda: len(listener.events) >= 100)
    assert listener.has_gap


async def test_what_comes_late_by_the_clock_of_its_author_still_comes_and_history_does_not_come_again(network: Network):
    for number in range(6):
        network.say(ANNA, f"old {number}", reason="mention", at=MORNING + timedelta(minutes=number))
    async with listening(network, history=2) as listener:
        assert await listener.texts(2) == ["old 4", "old 5"]
        await listener.until(lambda: listener.cursor is not None and json.loads(listener.cursor)["begun"] > "2026")
        network.say(ANNA, "late", reason="mention", at=MORNING + timedelta(minutes=4, seconds=30))
        assert (await listener.texts(3))[-1] == "late"
        cursor = listener.cursor
    async with listening(network, cursor) as listener:
        network.say(ANNA, "new", reason="mention", at=MORNING + timedelta(minutes=9))
        await listener.until(lambda: any(event.text == "new" for event in listener.events))
        assert not {"old 0", "old 1", "old 2", "old 3"} & {event.text for event in listener.events}


async def test_our_own_posts_with_a_clock_that_is_ahead_hide_nothing(network: Network):
    question = network.add(ANNA, "When?")
    network.add(US, "From the future", answering=question, at=datetime.now(UTC) + timedelta(days=300))
    async with listening(network) as listener:
        await listener.texts(1)
        await listener.until(lambda: listener.cursor is not None and bool(json.loads(listener.cursor)["own"]))
        network.add(US, "Now", answering=question, at=datetime.now(UTC))
        assert (await listener.texts(2))[-1] == "Now"


async def test_what_is_gone_is_told_but_not_what_is_only_hidden(network: Network, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "SWEEP", 0.0)
    posts = [network.say(ANNA, f"{number}", reason="mention") for number in range(30)]
    async with listening(network) as listener:
        await listener.texts(30)
        network.hidden.add(posts[3]["uri"])
        del network.posts[posts[4]["uri"]]
        await listener.until(lambda: len(listener.events) > 30)
    (gone,) = listener.events[30:]
    assert (gone.kind, gone.message_id) == (EventKind.DELETE, posts[4]["uri"])
    assert posts[4]["uri"] not in json.loads(listener.cursor or "")["watched"]


async def test_a_session_that_is_too_old_is_renewed_by_its_second_token_and_only_then_by_the_password(network: Network):
    async with listening(network) as listener:
        await listener.until(lambda: listener.cursor is not None)
        network.expire()
        network.say(ANNA, "one", reason="mention")
        await listener.texts(1)
        assert network.requests.count("com.atproto.server.refreshSession") == 1
        assert network.requests.count("com.atproto.server.createSession") == 1
        network.expire()
        network._refresh = "revoked"
        network.say(ANNA, "two", reason="mention")
        await listener.texts(2)
        assert network.requests.count("com.atproto.server.createSession") == 2
        network.expire()
        network._refresh, network.password = "revoked", "another"
        with pytest.raises(AuthError):
            await listener.texts(3)


async def test_five_requests_with_an_old_token_renew_it_once(network: Network):
    async with connected(network) as bluesky:
        await bluesky.check()
        network.expire()
        await asyncio.gather(*(bluesky.check() for _ in range(5)))
    assert network.requests.count("com.atproto.server.refreshSession") == 1


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refusal(429, "RateLimitExceeded", retry_after="7"), RateLimited),
        (Refusal(502, "UpstreamFailure"), Transient),
        (Refusal(500, "InternalServerError"), Transient),
        (PlainTextResponse("<html>Back soon</html>"), Transient),
    ],
)
async def test_trouble_ends_the_stream_truly_and_the_next_one_goes_on(network: Network, refusal: Refusal, expected: type[Exception]):
    async with listening(network) as listener:
        await listener.until(lambda: listener.cursor is not None)
        cursor = listener.cursor
        network.say(ANNA, "Hello", reason="mention")
        network.refusals["app.bsky.notification.listNotifications"] = [refusal]
        before = len(network.requests)
        with pytest.raises(expected):
            await listener.texts(1)
        assert len(network.requests) - before < 20  # nothing is tried again and again
    async with listening(network, cursor) as listener:
        assert await listener.texts(1) == ["Hello"]


async def test_what_the_server_still_allows_is_known(network: Network):
    network.headers = {"ratelimit-limit": "3000", "ratelimit-remaining": "2990", "ratelimit-reset": "1772438409"}
    async with connected(network) as bluesky:
        assert bluesky.standing == Standing()
        await bluesky.check()
        assert bluesky.standing == Standing(10, 3000, datetime(2026, 3, 2, 8, 0, 9, tzinfo=UTC))


@pytest.mark.parametrize("cursor", ["", "{}", "[]", "what?", '{"begun":"x"}', '{"begun":"2026-01-01","notification":1}'])
async def test_a_place_that_cannot_be_read_is_said_to_be(network: Network, cursor: str):
    async with connected(network) as bluesky:
        with pytest.raises(CursorExpired):
            await anext(bluesky.stream(cursor))


async def test_what_stands_under_a_post_is_listed_level_by_level(network: Network):
    post = network.add(US, "Our post")
    for number in range(3):
        below = network.add(ANNA, f"{number}", answering=post)
        network.add(BERND, f"{number} below", answering=below)
    async with connected(network) as bluesky:
        events = [event async for batch in bluesky.listed(post["uri"]) for event in batch.events]
        assert [event.text for event in events] == ["0", "1", "2", "0 below", "1 below", "2 below"]
        assert {event.post.id for event in events if event.post} == {post["uri"]}
        network.delete(post)
        assert [batch async for batch in bluesky.listed(post["uri"])] == [Batch()]


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
def test_real_records_are_read_or_passed_over():
    for path in sorted((SAMPLES / "bluesky").glob("*_record.json")):
        told = json.loads(path.read_text())
        shown = told | {"record": told["value"], "author": ANNA, "indexedAt": "2026-03-02T08:00:00Z"}
        assert Post.model_validate(shown).uri == told["uri"]
    valid, invalid = (SAMPLES / "atproto/syntax" / f"tid_syntax_{kind}.txt" for kind in ("valid", "invalid"))
    assert all(ids.moment(key) for key in _lines(valid) if key != "2222222222222")
    assert not any(ids.moment(key) for key in _lines(invalid) if len(key) != 13 or not set(key) <= set(ids.LETTERS))


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
