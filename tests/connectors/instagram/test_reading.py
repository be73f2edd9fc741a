"""What an account's notifications and lists become."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors import http
from connectors.instagram import Instagram, comments, looking
from connectors.meta.hooks import Pieces
from inbox.contract import Batch, ConversationKind, Event, EventKind, Permanent
from inbox.conversations import receive
from inbox.models import Message
from tests.connectors.instagram.fake import ACCOUNT, ANNA, BERND, OURS, AccountApi, change, chat, commented, notification
from tests.connectors.meta.fake import MORNING, Refusal, config, pushed, serving, stamp
from tests.make import MONDAY, Make

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "instagram"
NOW = datetime.now(UTC).replace(microsecond=0)
AGO = NOW - timedelta(hours=5)


@pytest.fixture
def api() -> AccountApi:
    return AccountApi()


@pytest.fixture
async def instagram(api: AccountApi) -> AsyncIterator[Instagram]:
    http.allow(["127.0.0.0/8"])
    async with serving(api) as address:
        connector = Instagram(Instagram.Config.model_validate(config(address, instagram_id=ACCOUNT)))
        yield connector
        await connector.aclose()
    http.allow([])


def read(instagram: Instagram, *entries: Any) -> list[Event]:
    _, batches = instagram.webhook(pushed(notification(*entries)))
    assert not batches[""].rejected
    return list(batches[""].events)


async def look(instagram: Instagram, cursor: str | None = None) -> list[Batch]:
    found: list[Batch] = []
    async with aclosing(instagram.stream(cursor)) as batches:
        async for batch in batches:
            found.append(batch)
            if batch.cursor is not None:
                return found
    return found


async def events(instagram: Instagram, cursor: str | None = None) -> list[Event]:
    return [event for batch in await look(instagram, cursor) for event in batch.events]


@pytest.mark.parametrize("field", ["comments", "live_comments"])
async def test_a_comment_stands_under_its_post(instagram: Instagram, field: str):
    (event,) = read(instagram, change(commented("7", "When?"), field=field))
    assert (event.message_id, event.thread_id, event.parent_id, event.text, event.at) == ("7", "7", None, "When?", MORNING)
    assert event.author is not None
    assert event.post is not None
    assert (event.author.id, event.author.handle, event.post.id, event.conversation_kind) == (
        "12",
        "anna.ash",
        "55",
        ConversationKind.COMMENTS,
    )


async def test_an_answer_joins_its_comment_and_ours_is_ours(instagram: Instagram):
    (event,) = read(instagram, change(commented("8", "At nine.", by=OURS, parent_id="7")))
    assert event.author is not None
    assert (event.thread_id, event.parent_id, event.author.id, event.author.is_self) == ("7", "7", ACCOUNT, True)


async def test_a_comment_on_an_ad_tells_the_ads_title(instagram: Instagram):
    (event,) = read(instagram, change(commented("7", "How much?", media={"id": "56", "ad_id": "1", "ad_title": "All new mugs"})))
    assert event.post is not None
    assert (event.post.id, event.post.title) == ("56", "All new mugs")


async def test_the_shape_of_business_login_is_read_too(instagram: Instagram):
    told = {"id": ACCOUNT, "time": int(MORNING.timestamp()), "field": "comments", "value": commented("7", "When?")}
    (event,) = read(instagram, told)
    assert event.text == "When?"


async def test_the_words_of_a_mention_are_fetched_afterwards(instagram: Instagram, api: AccountApi):
    in_comment, in_post = read(
        instagram, change({"media_id": "66", "comment_id": "9"}, field="mentions"), change({"media_id": "67"}, field="mentions")
    )
    assert (in_comment.message_id, in_comment.thread_id, in_comment.mentions) == ("9", "mention:66:9", (ACCOUNT,))
    assert (in_post.message_id, in_post.thread_id) == ("67", "mention:67")
    api.mentions["9"] = {"text": "Ask @shop", "username": "bernd", "media": {"permalink": "https://www.instagram.com/p/66/"}, "id": "9"}
    api.mentions["67"] = {"caption": "With @shop", "username": "bernd"}
    words = [await instagram.fetch_file(str(event.attachments[0].url)) for event in (in_comment, in_post)]
    assert words == [b"@bernd: Ask @shop\nhttps://www.instagram.com/p/66/", b"@bernd: With @shop"]
    for url in ("instagram:comment/10", "instagram:comment/x(", "instagram:else/9"):
        with pytest.raises(Permanent):
            await instagram.fetch_file(url)


async def test_a_direct_message_an_echo_and_an_answer_to_a_story(instagram: Instagram):
    story = {"url": "https://cdn.example/story.jpg", "id": "77"}
    said, echo, answer = read(
        instagram,
        chat({"message": {"mid": "m1", "text": "When?"}}),
        chat({"message": {"mid": "m2", "text": "At nine.", "is_echo": True}}, by=ACCOUNT, to="12"),
        chat({"message": {"mid": "m3", "text": "Lovely", "reply_to": {"story": story}}}),
    )
    assert echo.author is not None
    assert (said.thread_id, echo.thread_id, echo.author.is_self) == ("dm:12", "dm:12", True)
    assert (answer.text, [file.url for file in answer.attachments]) == ("[Answers your story]\nLovely", [story["url"]])


@pytest.mark.parametrize(
    ("content", "kind", "text", "files"),
    [
        ({"message": {"mid": "m1", "is_deleted": True}}, EventKind.DELETE, "", 0),
        ({"message": {"mid": "m1", "is_unsupported": True}}, EventKind.MESSAGE, "[This kind of message cannot be shown here", 0),
        (
            {"message": {"mid": "m1", "attachments": [{"type": "story_mention", "payload": {"url": "https://cdn.example/s"}}]}},
            EventKind.MESSAGE,
            "[Mentioned you in their story]",
            1,
        ),
        (
            {"message": {"mid": "m1", "attachments": [{"type": "ig_reel", "payload": {"title": "Mugs", "url": "https://cdn.example/r"}}]}},
            EventKind.MESSAGE,
            "[Shared a reel] Mugs https://cdn.example/r",
            0,
        ),
        ({"read": {"mid": "m1"}}, EventKind.READ, "", 0),
        ({"reaction": {"mid": "m1", "action": "react", "reaction": "love", "emoji": "❤️"}}, EventKind.REACTION, "❤️", 0),
        ({"postback": {"mid": "m1", "title": "Where is my order?", "payload": "ORDER"}}, EventKind.MESSAGE, "Where is my order?", 0),
    ],
)
async def test_what_else_happens_in_a_chat(instagram: Instagram, content: Any, kind: EventKind, text: str, files: int):
    (event,) = read(instagram, chat(content))
    assert (event.kind, event.message_id, len(event.attachments)) == (kind, "m1", files)
    assert event.text.startswith(text)


async def test_what_is_no_conversation_is_counted(instagram: Instagram):
    _, batches = instagram.webhook(pushed(notification(change({"media_id": "1", "impressions": 5}, field="story_insights"))))
    assert (batches[""].events, batches[""].passed_over) == ([], {"changes of story_insights": 1})


async def test_history_comes_with_posts_answers_tags_and_chats(instagram: Instagram, api: AccountApi):
    api.post(at=AGO)
    api.comment("7", "When?", at=AGO)
    api.comment("8", "At nine.", by=OURS, to="7", at=AGO + timedelta(minutes=1))
    api.comment("9", "Spam", by=BERND, at=AGO + timedelta(minutes=2), hidden=True)
    api.tags.append({"id": "66", "caption": "With @shop", "username": "bernd", "timestamp": stamp(AGO + timedelta(minutes=3))})
    said = {"id": "m1", "created_time": stamp(AGO + timedelta(minutes=4)), "from": ANNA, "message": "Hello"}
    people = {"data": [ANNA, {"id": ACCOUNT, "username": "shop"}]}
    api.chats.append({"id": "t1", "updated_time": stamp(AGO + timedelta(minutes=4)), "participants": people, "messages": {"data": [said]}})
    first, second, third, hidden, tag, message = await events(instagram)
    assert first.post is not None
    assert second.author is not None
    assert message.author is not None
    assert (first.post.title, first.post.url) == ("New flavour", "https://www.instagram.com/p/55/")
    assert (second.thread_id, second.parent_id, second.author.is_self) == ("7", "7", True)
    assert (third.text, hidden.kind, hidden.text) == ("Spam", EventKind.MODERATION, "hide")
    assert (tag.thread_id, tag.mentions) == ("mention:66", (ACCOUNT,))
    assert (message.thread_id, message.author.name) == ("dm:12", "anna.ash")


async def test_a_new_answer_under_an_old_comment_is_found(instagram: Instagram, api: AccountApi):
    api.post(at=AGO - timedelta(days=20))
    api.comment("7", "When?", at=AGO - timedelta(days=19))
    api.comment("8", "And where?", by=BERND, to="7", at=AGO)
    found = await events(instagram, (AGO - timedelta(hours=1)).isoformat())
    assert [event.message_id for event in found] == ["8"]


async def test_a_pause_of_250_comments_is_caught_up_in_order_none_lost_none_twice(
    instagram: Instagram, api: AccountApi, session: Any, make: Make
):
    channel = await make.channel(await make.workspace(), platform="instagram", account_id=ACCOUNT)
    api.post(at=AGO - timedelta(days=3))
    for number in range(250):
        api.comment(str(number), f"comment {number}", at=AGO + timedelta(seconds=20 * number))
    live = instagram.webhook(pushed(notification(change(commented("249", "comment 249"), at=NOW))))[1][""]
    batches = await look(instagram, (NOW - timedelta(hours=6)).isoformat())
    for batch in [live, *batches, *batches]:
        await receive.receive(session, channel, batch, now=MONDAY + timedelta(days=3650), move_cursor=False)
        session.expunge_all()
    times = [event.at for batch in batches for event in batch.events]
    assert times == sorted(times)
    names = [message.external_id for message in await session.scalars(select(Message))]
    assert sorted(names) == sorted(str(number) for number in range(250))


async def test_what_the_token_may_not_read_is_left_out_and_counted(instagram: Instagram, api: AccountApi):
    api.refusals[f"GET {ACCOUNT}/tags"] = [Refusal(10)]
    (batch,) = await look(instagram)
    assert batch.passed_over == {"tags: the token may not read them": 1}


async def test_broken_entries_cost_no_others(instagram: Instagram, api: AccountApi):
    api.post(at=AGO)
    api.comment("7", "When?", at=AGO)
    api.comment("8", "Never", timestamp="soon")
    api.media.append({"caption": "no id"})
    api.tags.append({"caption": "no id"})
    (batch,) = await look(instagram)
    assert ([event.message_id for event in batch.events], len(batch.rejected)) == (["7"], 3)


async def test_all_comments_of_a_post_are_listed_and_counted(instagram: Instagram, api: AccountApi):
    api.post()
    for number in range(120):
        api.comment(str(number), "Hm", at=AGO)
    api.comment("answer", "Hm?", to="5", at=AGO)
    found = {event.message_id async for batch in instagram.listed("55") for event in batch.events}
    assert found == {"answer", *(str(number) for number in range(120))}
    assert await instagram.counts("55") == 120


@pytest.mark.skipif(not SAMPLES.exists(), reason="no samples here")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_is_taken_in(path: Path):
    told = json.loads(path.read_text())
    given = told["data"] if "data" in told else [told] if "id" in told else list(told.values())
    pieces = Pieces()
    for entry in given:
        assert looking._take(entry, comments.Media(id="1"), ACCOUNT, looking.EARLIEST, pieces)
    assert (len(pieces.events), pieces.rejected) == (len(given), [])
    assert all(event.text and event.author and event.author.id for event in pieces.events)
