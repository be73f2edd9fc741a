"""Platforms for reviews, each before a fake that behaves as its documents say."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.responses import JSONResponse, PlainTextResponse, Response

import connectors
from connectors import http
from connectors.reviews import review
from connectors.reviews.account import Reviews
from connectors.reviews.place import Place
from inbox.contract import (
    Action,
    AuthError,
    Batch,
    ConversationKind,
    CursorExpired,
    Event,
    EventKind,
    Permanent,
    RateLimited,
    Reply,
    Transient,
)
from tests.connectors.appstore.fake import Store
from tests.connectors.conformance import MORNING
from tests.connectors.googlebusiness.fake import Business
from tests.connectors.googleplay.fake import Play
from tests.connectors.reviews.fake import RSA, Platform, pem
from tests.connectors.serving import serving
from tests.connectors.trustpilot.fake import Pilot

NOW = datetime.now(UTC)


@pytest.fixture(params=[Play, Store, Business, Pilot], ids=lambda kind: kind.name)
def fake(request: pytest.FixtureRequest) -> Platform:
    return request.param()


@pytest.fixture
async def address(fake: Platform, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr("connectors.reviews.account.INTERVAL", 0.01)
    async with serving(fake.answer) as found:
        yield found
    http.allow([])


Connect = Callable[..., Reviews]


@pytest.fixture
async def connect(fake: Platform, address: str) -> AsyncIterator[Connect]:
    """Another connector of the same account, as after a restart."""
    made: list[Reviews] = []

    def one(**more: Any) -> Reviews:
        kind: Any = connectors.find(fake.name)
        made.append(kind(kind.Config.model_validate(fake.settings(address, **more))))
        return made[-1]

    yield one
    for connector in made:
        await connector.aclose()


@pytest.fixture
def connector(connect: Connect) -> Reviews:
    return connect()


async def read(connector: Reviews, cursor: str | None, wanted: Callable[[list[Event]], bool]) -> tuple[list[Event], list[Batch]]:
    """What comes until it is what is wanted."""
    events: list[Event] = []
    batches: list[Batch] = []
    async with aclosing(connector.stream(cursor)) as stream, asyncio.timeout(20):  # type: ignore[type-var]
        async for batch in stream:
            batches.append(batch)
            events += batch.events
            if wanted(events):
                return events, batches
    raise AssertionError("the stream ended")


def count(number: int) -> Callable[[list[Event]], bool]:
    return lambda events: len(events) >= number


def a_reply(text: str = "Sorry!", review_id: str = "r1", **more: Any) -> Reply:
    return Reply(key="key", thread_id=review_id, text=text, parent_id=review_id, **more)


async def test_a_review_is_a_conversation_with_its_stars_above_its_words(fake: Platform, connector: Reviews):
    fake.say("Too little salt", stars=2, by="Anna")
    account = await connector.check()
    assert account.is_self
    (event,), _ = await read(connector, None, count(1))
    assert (event.id, event.message_id, event.thread_id, event.text) == ("r1", "r1", "r1", "★★☆☆☆ Too little salt")
    assert (event.conversation_kind, event.at, event.parent_id) == (ConversationKind.REVIEW, MORNING + timedelta(seconds=1), None)
    assert event.author is not None
    assert (event.author.name, event.author.is_self) == ("Anna", False)
    assert event.post is not None
    assert event.post.title


LANGUAGE = {"googleplay": "reviewerLanguage", "trustpilot": "language"}


@pytest.mark.parametrize("fake", [Play, Pilot], indirect=True)  # the others say none
@pytest.mark.parametrize(("told", "language"), [("de", "de"), (None, None), (7, None)])
async def test_a_review_says_its_language_and_is_not_lost_for_nonsense(fake: Any, connector: Reviews, told: Any, language: str | None):
    said = fake.say("Zu wenig Salz", stars=2, more={LANGUAGE[fake.name]: told})
    (event,) = connector.reread(json.dumps(fake.one(said)).encode(), NOW).events
    assert event.language == language


async def test_an_answer_given_on_the_platform_is_ours(fake: Platform, connector: Reviews):
    fake.say("When?", answer="At nine.", answered_at=MORNING + timedelta(minutes=2))
    (_, answer), _ = await read(connector, None, count(2))
    assert (answer.message_id, answer.thread_id, answer.parent_id, answer.text) == ("reply/r1", "r1", "r1", "At nine.")
    assert answer.author is not None
    assert (answer.author.is_self, answer.at) == (True, MORNING + timedelta(minutes=2))


async def test_250_reviews_of_a_downtime_come_in_order_none_lost_and_none_twice(fake: Platform, connect: Connect, connector: Reviews):
    fake.say("The first")
    _, batches = await read(connector, None, count(1))
    for number in range(250):
        fake.say(f"Review {number}")
    events, batches = await read(connect(), batches[-1].cursor, count(250))
    assert [event.text for event in events] == [f"Review {number}" for number in range(250)]
    assert all(one.at <= other.at for one, other in pairwise(events))
    assert not any(batch.gap for batch in batches)
    fake.say("One more")
    events, _ = await read(connect(), batches[-1].cursor, count(1))
    assert [event.text for event in events] == ["One more"]


async def test_a_stop_between_two_batches_loses_nothing(fake: Platform, connect: Connect, connector: Reviews):
    fake.say("The first")
    _, (first, *_) = await read(connector, None, count(1))
    for number in range(120):
        fake.say(f"Review {number}")
    known, (second, *_) = await read(connect(), first.cursor, count(50))
    rest, _ = await read(connect(), second.cursor, count(70))
    assert [event.text for event in [*known, *rest]] == [f"Review {number}" for number in range(120)]


async def test_the_first_look_shows_so_many_and_older_ones_never_come(fake: Platform, connect: Connect):
    for number in range(30):
        fake.say(f"Review {number}")
    connector = connect(history=3)
    events, batches = await read(connector, None, count(3))
    assert [event.text for event in events] == ["Review 27", "Review 28", "Review 29"]
    fake.say("New")
    events, _ = await read(connector, batches[-1].cursor, count(1))
    assert [event.text for event in events] == ["New"]


async def test_a_review_that_the_platform_held_back_comes_in_although_it_is_older(fake: Platform, connect: Connect, connector: Reviews):
    fake.say("Second", at=MORNING + timedelta(hours=5))
    _, batches = await read(connector, None, count(1))
    fake.say("First, held back", at=MORNING)
    events, _ = await read(connect(), batches[-1].cursor, count(1))
    assert [event.text for event in events] == ["First, held back"]


async def test_changed_words_a_new_answer_a_changed_and_a_removed_one_are_seen(fake: Platform, connect: Connect, connector: Reviews):
    fake.say("Bad", stars=1)
    _, batches = await read(connector, None, count(1))
    steps: list[tuple[dict[str, Any], EventKind, str, str]] = [
        ({"text": "Good after all", "stars": 5}, EventKind.EDIT, "r1", "★★★★★ Good after all"),
        ({"answer": "Thanks!"}, EventKind.MESSAGE, "reply/r1", "Thanks!"),
        ({"answer": "Thank you!"}, EventKind.EDIT, "reply/r1", "Thank you!"),
        ({"answer": ""}, EventKind.DELETE, "reply/r1", ""),
    ]
    for change, kind, name, text in steps:
        fake.change("r1", **change)
        (event,), batches = await read(connect(), batches[-1].cursor, count(1))
        assert (event.kind, event.message_id, event.text) == (kind, name, text)


async def test_a_review_that_is_gone_is_deleted_only_when_the_platform_says_so(fake: Platform, connect: Connect, connector: Reviews):
    for number in range(3):
        fake.say(f"Review {number}")
    _, batches = await read(connector, None, count(3))
    del fake.reviews["r2"]
    (event,), batches = await read(connect(), batches[-1].cursor, count(1))
    assert (event.kind, event.message_id) == (EventKind.DELETE, "r2")


async def test_what_cannot_be_read_is_kept_once_and_its_neighbours_come_in(fake: Platform, connect: Connect, connector: Reviews):
    fake.broken.append({"id": 7, "what": "is this"})
    fake.say("Fine")
    _, batches = await read(connector, None, count(1))
    (rejected,) = [one for batch in batches for one in batch.rejected]
    assert json.loads(rejected.raw)["what"] == "is this"
    assert connector.reread(rejected.raw, NOW).rejected
    fake.say("Fine too")
    _, batches = await read(connect(), batches[-1].cursor, count(1))
    assert not [one for batch in batches for one in batch.rejected]
    told = fake.one(fake.reviews["r1"])
    (event,) = connector.reread(json.dumps(told.get("data", told)).encode(), NOW).events
    assert event.text == "Fine"


async def test_an_answer_is_given_and_given_again_only_once(fake: Platform, connector: Reviews):
    fake.say("Too little salt", stars=2)
    receipt = await connector.send(a_reply())
    assert (receipt.message_id, fake.posted) == ("reply/r1", [{"id": "r1", "text": "Sorry!"}])
    again = await connector.send(a_reply())
    found = await connector.find_sent(a_reply())
    assert (again.message_id, found and found.message_id, len(fake.posted)) == ("reply/r1", "reply/r1", 1)
    assert await connector.find_sent(a_reply("Something else")) is None


async def test_a_second_answer_does_not_wipe_out_the_first(fake: Platform, connector: Reviews):
    fake.say("When?", answer="At nine.")
    with pytest.raises(Permanent, match="has an answer already"):
        await connector.send(a_reply("At ten."))
    assert fake.posted == []


async def test_an_answer_is_edited_and_deleted_where_the_platform_can(fake: Platform, connector: Reviews):
    fake.say("When?", answer="At nine.")
    for action, text, after in ((Action.EDIT, "At ten.", "At ten."), (Action.DELETE, "", "")):
        if action in connector.capabilities.actions:
            await connector.act(action, "reply/r1", text)
            assert fake.reviews["r1"].answer == after
        else:
            with pytest.raises(Permanent):
                await connector.act(action, "reply/r1", text)
    with pytest.raises(Permanent):
        await connector.act(Action.DELETE, "r1")


async def test_what_cannot_be_answered_says_why(fake: Platform, connector: Reviews):
    with pytest.raises(Permanent, match="not there any more"):
        await connector.send(a_reply(review_id="gone"))
    with pytest.raises(Permanent, match="in public only"):
        await connector.send(a_reply(private=True))


async def test_a_token_that_ended_early_is_replaced(fake: Platform, connector: Reviews):
    fake.say("When?")
    fake.trouble["one"] = [JSONResponse({"error": "expired"}, 401)]
    assert (await connector.send(a_reply())).message_id == "reply/r1"
    fake.trouble["list"] = [JSONResponse({"error": "expired"}, 401)] * 2
    fake.trouble["account"] = [JSONResponse({"error": "expired"}, 401)] * 2
    with pytest.raises(AuthError):
        await connector.check()


async def test_trouble_of_the_platform_ends_the_look_with_its_name(fake: Platform, connector: Reviews):
    troubles: list[tuple[Response, type[Exception]]] = [
        (JSONResponse({}, 429, {"retry-after": "9"}), RateLimited),
        (JSONResponse({"error": {"status": "RESOURCE_EXHAUSTED"}}, 403), RateLimited),
        (PlainTextResponse("oops", 502), Transient),
        (PlainTextResponse("<html>login</html>"), Transient),
    ]
    for response, error in troubles:
        fake.trouble["list"], before = [response], fake.requests.count("list")
        with pytest.raises(error):
            await read(connector, None, count(1))
        assert fake.requests.count("list") == before + 1


@pytest.mark.parametrize("cursor", ["", "7", "{}", '{"watched": 7}', '{"watched": {}, "since": "x"}'])
def test_a_place_that_is_not_readable_has_expired(cursor: str):
    with pytest.raises(CursorExpired):
        Place.read(cursor)


async def test_a_quiet_look_asks_once_and_says_nothing(fake: Platform, connect: Connect, connector: Reviews):
    fake.say("Only one")
    _, batches = await read(connector, None, count(1))
    fake.requests.clear()
    async with aclosing(connect().stream(batches[-1].cursor)) as stream:  # type: ignore[type-var]
        quiet = await anext(stream)
    assert (list(quiet.events), quiet.gap, fake.requests.count("list")) == (
        [],
        False,
        1 + (fake.name in {"googleplay", "googlebusiness", "trustpilot"}),
    )


async def test_only_google_play_forgets_and_a_longer_downtime_is_a_gap(fake: Platform, connect: Connect, connector: Reviews):
    fake.say("Only one")
    _, batches = await read(connector, None, count(1))
    place = Place.read(batches[-1].cursor)
    place.looked_at = datetime.now(UTC) - timedelta(days=8)
    fake.say("Another")
    _, batches = await read(connect(), str(place), count(1))
    assert batches[0].gap is (fake.name == "googleplay")


@pytest.mark.parametrize(
    ("stars", "parts", "details", "expected"),
    [
        (1, ("Bad",), "", "★☆☆☆☆ Bad"),
        (5, ("Great", "Really"), "1.2 · Pixel", "★★★★★ Great\n\nReally\n\n1.2 · Pixel"),
        (3, ("", ""), "", "★★★☆☆"),  # stars only
        (None, ("", "Words"), "", "Words"),
    ],
)
def test_stars_are_read_as_stars(stars: int | None, parts: tuple[str, ...], details: str, expected: str):
    assert review.words(stars, *parts, details=details) == expected


class TestOfOnePlatform:
    @pytest.fixture
    def fake(self, request: pytest.FixtureRequest) -> Platform:
        return request.param()

    @pytest.mark.parametrize("fake", [Play], indirect=True)
    async def test_google_play_tells_version_and_device_and_a_title_before_a_tab(self, fake: Platform, connector: Reviews):
        device = {"deviceMetadata": {"productName": "Pixel 9"}, "androidOsVersion": 36, "appVersionName": "1.2.3"}
        fake.say("It crashes", title="Sad", stars=1, more=device)
        (event,), _ = await read(connector, None, count(1))
        assert event.text == "★☆☆☆☆ Sad\n\nIt crashes\n\n1.2.3 · Pixel 9 · Android API 36"
        assert event.permalink == "https://play.google.com/store/apps/details?id=com.example.bread&reviewId=r1"

    @pytest.mark.parametrize("fake", [Store], indirect=True)
    async def test_the_app_store_tells_its_quota_and_the_territory(self, fake: Platform, connector: Reviews):
        fake.say("It crashes", title="Sad", stars=1, more={"territory": "DEU"})
        (event,), _ = await read(connector, None, count(1))
        assert (event.text, event.post and event.post.title) == ("★☆☆☆☆ Sad\n\nIt crashes\n\nDEU", "Bread Now")
        standing: Any = connector.standing  # type: ignore[attr-defined]
        assert (standing.quota_used, standing.quota_limit) == (3000, 3500)

    @pytest.mark.parametrize("fake", [Business], indirect=True)
    async def test_an_answer_that_google_rejects_has_failed_and_may_be_given_again(self, fake: Platform, connector: Reviews):
        fake.say("Stale", stars=1, answer="Buy more!", state="REJECTED")
        (_, _, failed), _ = await read(connector, None, count(3))
        assert (failed.kind, failed.message_id) == (EventKind.DELIVERY, "reply/r1")
        assert failed.text == "Google does not show it (OFF_TOPIC)."
        assert (await connector.send(a_reply())).message_id == "reply/r1"

    @pytest.mark.parametrize("fake", [Pilot], indirect=True)
    async def test_trustpilot_tells_the_order_the_tags_and_who_is_verified(self, fake: Platform, connector: Reviews):
        more = {"referenceId": "4711", "tags": [{"group": "generic", "value": "late"}], "referralEmail": "anna@customer.example"}
        fake.say("Too late", title="Hm", stars=2, more=more)
        (event,), _ = await read(connector, None, count(1))
        assert event.text == "★★☆☆☆ Hm\n\nToo late\n\n№ 4711 · #late"
        assert event.author is not None
        assert (event.author.email, event.author.roles, event.author.id) == ("anna@customer.example", ("verified",), "consumer-anna")


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (Play, "service_account_key", "{}"),
        (Play, "service_account_key", '{"client_email": "a", "private_key": "hunter2"}'),
        (Play, "package", "../x"),
        (Store, "private_key", "hunter2"),
        (Store, "private_key", pem(RSA)),
        (Store, "app", "12/3"),
        (Business, "location", "locations/7"),
        (Pilot, "business_unit", "bread.example"),
        (Pilot, "server", "bread.example"),
    ],
)
def test_settings_that_cannot_be_are_refused_without_telling_them(kind: type[Platform], field: str, value: str):
    fake = kind()
    with pytest.raises(ValidationError) as refused:
        connectors.find(fake.name).Config.model_validate(fake.settings("https://x.example", **{field: value}))
    assert "hunter2" not in str(refused.value)
