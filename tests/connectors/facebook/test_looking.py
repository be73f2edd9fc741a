"""What was missed: a Page read through its lists."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from connectors import http
from connectors.facebook import Facebook, comments, looking
from connectors.meta import catching_up
from connectors.meta.hooks import Pieces
from inbox.contract import AuthError, Batch, CursorExpired, Event, EventKind, RateLimited
from inbox.conversations import receive
from inbox.models import Channel, Identity, Message, Post
from tests.connectors.facebook.fake import ANNA, BERND, OURS, PAGE, PageApi, change, chat, commented, notification
from tests.connectors.meta.fake import Refusal, config, pushed, serving
from tests.make import MONDAY, Make

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "facebook"
POST = f"{PAGE}_55"
NOW = datetime.now(UTC).replace(microsecond=0)
AGO = NOW - timedelta(hours=5)


@pytest.fixture
def api() -> PageApi:
    return PageApi()


@pytest.fixture
async def facebook(api: PageApi) -> AsyncIterator[Facebook]:
    http.allow(["127.0.0.0/8"])
    async with serving(api) as address:
        connector = Facebook(Facebook.Config.model_validate(config(address, page_id=PAGE)))
        yield connector
        await connector.aclose()
    http.allow([])


async def look(facebook: Facebook, cursor: str | None = None) -> list[Batch]:
    """One whole look: until the place moves."""
    found: list[Batch] = []
    async with aclosing(facebook.stream(cursor)) as batches:
        async for batch in batches:
            found.append(batch)
            if batch.cursor is not None:
                return found
    return found


async def events(facebook: Facebook, cursor: str | None = None) -> list[Event]:
    return [event for batch in await look(facebook, cursor) for event in batch.events]


async def test_history_comes_with_its_posts(facebook: Facebook, api: PageApi):
    api.post(POST, "New flavour\nfrom today on", at=AGO, full_picture="https://scontent.example/mug.jpg")
    api.comment(POST, "55_7", "When?", at=AGO)
    api.comment(POST, "55_8", "At nine.", by=OURS, parent="55_7", at=AGO + timedelta(minutes=1))
    api.comment(POST, "55_9", "Spam", by=BERND, at=AGO + timedelta(minutes=2), is_hidden=True)
    first, second, third, hidden = await events(facebook)
    assert (first.message_id, first.thread_id, first.text) == ("55_7", "55_7", "When?")
    assert first.post is not None
    assert (first.post.title, first.post.media, first.post.published_at) == ("New flavour", ("https://scontent.example/mug.jpg",), AGO)
    assert second.author is not None
    assert (second.parent_id, second.author.is_self) == ("55_7", True)
    assert (third.text, hidden.kind, hidden.message_id, hidden.text) == ("Spam", EventKind.MODERATION, "55_9", "hide")


async def test_ads_visitors_and_mentions_are_read_too(facebook: Facebook, api: PageApi):
    api.post(f"{PAGE}_56", "An ad", edge="ads_posts", at=AGO)
    api.comment(f"{PAGE}_56", "56_1", "How much?", at=AGO)
    api.post(f"{PAGE}_77", "Where is my order?", by=ANNA, status_type="wall_post", at=AGO)
    api.comment(f"{PAGE}_77", "77_1", "On its way", by=OURS, at=AGO + timedelta(minutes=1))
    api.post("88_99", "Ask @shop", edge="tagged", by=BERND, at=AGO + timedelta(minutes=2))
    found = {event.message_id: event for event in await events(facebook)}
    assert set(found) == {"56_1", f"{PAGE}_77", "77_1", "88_99"}
    assert (found["77_1"].thread_id, found["77_1"].parent_id, found["77_1"].post) == (f"{PAGE}_77", f"{PAGE}_77", None)
    assert found["88_99"].mentions == (PAGE,)


async def test_what_the_token_may_not_read_is_left_out_and_counted(facebook: Facebook, api: PageApi):
    api.post(POST, at=AGO)
    api.comment(POST, "55_7", "When?", at=AGO)
    api.refusals = {f"GET {PAGE}/ads_posts": [Refusal(200)], f"GET {PAGE}/tagged": [Refusal(10)]}
    (batch,) = await look(facebook)
    assert [event.message_id for event in batch.events] == ["55_7"]
    assert batch.passed_over == {"ads_posts: the token may not read it": 1, "tagged: the token may not read it": 1}
    api.refusals = {f"GET {PAGE}/feed": [Refusal(200)]}
    with pytest.raises(AuthError):
        await look(facebook)


async def test_chats_tell_the_names_of_people(facebook: Facebook, api: PageApi):
    picture = {"id": "1", "mime_type": "image/png", "name": "mug.png", "size": 7, "image_data": {"url": "https://scontent.example/mug.png"}}
    api.message(ANNA, "m1", "When?", at=AGO, attachments={"data": [picture]})
    api.message(ANNA, "m2", "At nine.", ours=True, at=AGO + timedelta(minutes=1))
    api.message(ANNA, "m3", "", at=AGO + timedelta(minutes=2), sticker="https://scontent.example/thumb.png")
    api.message(ANNA, "m4", "", at=AGO + timedelta(minutes=3), shares={"data": [{"link": "https://shop.example/", "name": "A shop"}]})
    first, second, third, fourth = await events(facebook)
    assert first.author is not None
    assert second.author is not None
    assert (first.author.name, first.thread_id, first.text) == ("Anna Ash", "dm:12", "When?")
    assert [(file.name, file.media_type, file.size) for file in first.attachments] == [("mug.png", "image/png", 7)]
    assert (second.author.is_self, second.thread_id) == (True, "dm:12")
    assert [file.name for file in third.attachments] == ["thumb.png"]
    assert fourth.text == "A shop https://shop.example/"


async def test_a_pause_of_250_comments_and_messages_is_caught_up_in_order_none_lost_none_twice(
    facebook: Facebook, api: PageApi, session: Any, make: Make
):
    channel = await make.channel(await make.workspace(), platform="facebook", account_id=PAGE)
    await take(session, channel, await look(facebook))
    cursor = (NOW - timedelta(hours=6)).isoformat()
    api.post(POST, at=AGO - timedelta(days=3))
    for number in range(250):
        at = AGO + timedelta(seconds=20 * number)
        api.comment(POST, f"55_{number}", f"comment {number}", at=at)
        api.message([ANNA, BERND][number % 2], f"m{number}", f"message {number}", at=at + timedelta(seconds=1))
    live = notification(
        change(commented("55_249", "comment 249", at=NOW)), chat({"message": {"mid": "m249", "text": "message 249"}}, by="13", at=NOW)
    )
    await take(session, channel, [facebook.webhook(pushed(live))[1][""]])
    batches = await look(facebook, cursor)
    assert [batch.cursor is None for batch in batches] == [True] * (len(batches) - 1) + [False]
    for batch in [*batches, *batches]:
        await take(session, channel, [batch])
    times = [event.at for batch in batches for event in batch.events]
    assert times == sorted(times)
    names = (await session.scalars(select(col(Message.external_id)))).all()
    assert sorted(names) == sorted([f"55_{number}" for number in range(250)] + [f"m{number}" for number in range(250)])
    assert not await events(facebook, NOW.isoformat())
    people = {person.external_id: person.name for person in await session.scalars(select(Identity))}
    assert people["13"] == "Bernd Bee"


async def take(session: Any, channel: Channel, batches: list[Batch]) -> None:
    for batch in batches:
        await receive.receive(session, channel, batch, now=MONDAY + timedelta(days=3650), move_cursor=False)
        session.expunge_all()


async def test_a_look_adds_the_names_and_words_that_no_notification_tells(facebook: Facebook, api: PageApi, session: Any, make: Make):
    channel = await make.channel(await make.workspace(), platform="facebook", account_id=PAGE)
    first = notification(change(commented("55_7", "When?", at=AGO)), chat({"message": {"mid": "m1", "text": "Hello"}}, at=AGO))
    await take(session, channel, [facebook.webhook(pushed(first))[1][""]])
    api.post(POST, "New flavour", at=AGO)
    api.comment(POST, "55_7", "When?", at=AGO)
    api.message(ANNA, "m1", "Hello", at=AGO)
    await take(session, channel, await look(facebook))
    again = chat({"message": {"mid": "m2", "text": "Are you there?"}}, at=NOW)
    second = notification(again, change(commented("55_8", "And where?", at=NOW)))
    await take(session, channel, [facebook.webhook(pushed(second))[1][""]])
    assert [person.name for person in await session.scalars(select(Identity))] == ["Anna Ash"]
    assert [post.title for post in await session.scalars(select(Post))] == ["New flavour"]
    assert len((await session.scalars(select(Message))).all()) == 4


async def test_a_limit_ends_the_look_and_waits_as_told(facebook: Facebook, api: PageApi):
    usage = '{"1001": [{"type": "pages", "call_count": 100, "estimated_time_to_regain_access": 3}]}'
    api.refusals = {f"GET {PAGE}/feed": [Refusal(32, x_business_use_case_usage=usage)]}
    with pytest.raises(RateLimited) as limited:
        await look(facebook)
    assert limited.value.retry_after == 180
    assert facebook.standing.quota_used == 100
    assert len(api.calls) == 2


async def test_nothing_is_asked_again_before_its_time(facebook: Facebook, api: PageApi, monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(catching_up, "asyncio", SimpleNamespace(sleep=sleep))
    async with aclosing(facebook.stream(None)) as batches:
        await anext(batches)
        calls = len(api.calls)
        await anext(batches)
    assert slept == [catching_up.EVERY]
    assert calls == 5


@pytest.mark.parametrize(("away", "gap"), [(None, False), (timedelta(hours=30), False), (timedelta(hours=40), True)])
async def test_a_pause_longer_than_meta_repeats_is_a_gap_once(facebook: Facebook, api: PageApi, away: timedelta | None, gap: bool):
    api.post(POST, at=AGO)
    for number in range(250):
        api.comment(POST, f"55_{number}", "Hm", at=AGO + timedelta(seconds=number))
    found = await look(facebook, None if away is None else (NOW - away).isoformat())
    assert [batch.gap for batch in found] == [gap, False]


async def test_a_place_that_cannot_be_read_is_forgotten(facebook: Facebook):
    with pytest.raises(CursorExpired):
        await look(facebook, "yesterday")


async def test_one_broken_comment_costs_no_other(facebook: Facebook, api: PageApi):
    api.post(POST, at=AGO)
    api.comment(POST, "55_7", "When?", at=AGO)
    api.comment(POST, "55_8", "Never", at=AGO, created_time="soon")
    api.posts["feed"].append({"message": "no id"})
    (batch,) = await look(facebook)
    assert [event.message_id for event in batch.events] == ["55_7"]
    assert len(batch.rejected) == 2


async def test_all_comments_of_a_post_are_listed_and_counted(facebook: Facebook, api: PageApi):
    api.post(POST)
    for number in range(130):
        api.comment(POST, f"55_{number}", "Hm", at=AGO)
    found = [event.message_id async for batch in facebook.listed(POST) for event in batch.events]
    assert found == [f"55_{number}" for number in range(130)]
    assert await facebook.counts(POST) == 130


@pytest.mark.skipif(not SAMPLES.exists(), reason="no samples here")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_is_taken_in(path: Path):
    told = json.loads(path.read_text())
    given = told["data"] if "data" in told else [told] if "id" in told else list(told.values())
    pieces = Pieces()
    for entry in given:
        assert looking._comment(entry, comments.Post(id="19292868552_10158407654328553"), PAGE, datetime(1990, 1, 1, tzinfo=UTC), pieces)
    assert not pieces.rejected
    assert len(pieces.events) == len(given)
    assert all(event.text and event.message_id and event.thread_id for event in pieces.events)
