"""A Threads profile: what comes in, what was missed, what goes out."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from connectors import http
from connectors.threads import Threads, connector
from inbox.contract import Action, Attachment, AuthError, Batch, Event, EventKind, Permanent, RateLimited, Refused, Reply, Transient
from inbox.conversations import receive
from inbox.models import Message
from tests.connectors.kept import Kept
from tests.connectors.meta.fake import MORNING, Refusal, pushed, serving, stamp
from tests.connectors.threads.fake import USER, ProfileApi, config, media, notification, replied
from tests.make import MONDAY, Make

NOW = datetime.now(UTC).replace(microsecond=0)
AGO = NOW - timedelta(hours=5)


@pytest.fixture
def api() -> ProfileApi:
    return ProfileApi()


@pytest.fixture
async def threads(api: ProfileApi) -> AsyncIterator[Threads]:
    http.allow(["127.0.0.0/8"])
    async with serving(api) as address:
        threads = Threads(Threads.Config.model_validate(config(address)))
        yield threads
        await threads.aclose()
    http.allow([])


def read(threads: Threads, told: Any) -> Event:
    _, batches = threads.webhook(pushed(told))
    assert not batches[""].rejected
    (event,) = batches[""].events
    return event


async def look(threads: Threads, cursor: str | None = None) -> list[Batch]:
    found: list[Batch] = []
    async with aclosing(threads.stream(cursor)) as batches:
        async for batch in batches:
            found.append(batch)
            if batch.cursor is not None:
                return found
    return found


def reply(text: str = "At nine.", **more: Any) -> Reply:
    return Reply(key="our-key", text=text, **{"thread_id": "7", "parent_id": "8", **more})


async def test_a_reply_stands_under_its_post(threads: Threads):
    event = read(threads, replied("7", "When?", profile_picture_url="https://cdn.example/anna.jpg"))
    assert (event.id, event.message_id, event.thread_id, event.parent_id, event.at) == ("message:7", "7", "7", None, MORNING)
    assert event.author is not None
    assert event.post is not None
    assert (event.author.id, event.author.avatar, event.post.id) == ("anna", "https://cdn.example/anna.jpg", "55")
    assert event.permalink == "https://www.threads.net/@anna/post/7"


async def test_an_answer_joins_its_reply_and_ours_is_ours(threads: Threads):
    event = read(threads, replied("8", "At nine.", by="shop", to="7"))
    assert event.author is not None
    assert (event.thread_id, event.parent_id, event.author.id, event.author.is_self) == ("7", "7", USER, True)


async def test_a_mention_names_us(threads: Threads):
    event = read(threads, notification(media("66", "Ask @shop"), field="mentions", target=USER))
    assert (event.message_id, event.thread_id, event.mentions, event.post) == ("66", "66", (USER,), None)


async def test_what_we_deleted_is_deleted(threads: Threads):
    value = {"id": "8", "owner": {"owner_id": USER}, "deleted_at": stamp(MORNING), "username": "shop"}
    event = read(threads, notification(value, field="delete"))
    assert (event.kind, event.message_id, event.at) == (EventKind.DELETE, "8", MORNING)


async def test_pictures_come_along_and_what_has_neither_words_nor_picture_says_so(threads: Threads):
    with_picture = read(threads, replied("7", "", media_type="IMAGE", media_url="https://cdn.example/mug.png?x=1"))
    without = read(threads, replied("8", "", media_type="POLL"))
    assert [(file.name, file.media_type) for file in with_picture.attachments] == [("mug.png", "image/png")]
    assert (with_picture.text, without.text.startswith("[This kind of post")) == ("", True)


async def test_one_address_serves_all_profiles_of_the_app(threads: Threads):
    _, batches = threads.webhook(pushed([replied("7", "Mine"), replied("8", "Theirs", owner="78902")]))
    assert {account: [event.text for event in batch.events] for account, batch in batches.items()} == {"": ["Mine"], "78902": ["Theirs"]}


async def test_what_cannot_be_read_is_kept_and_what_means_nothing_is_counted(threads: Threads):
    told = [
        notification({"id": "9", "username": "shop"}, field="publish"),
        notification({"id": "9"}),
        {**notification({}), "values": "what?"},
        replied("7", "Fine"),
    ]
    _, batches = threads.webhook(pushed(told))
    batch = batches[""]
    assert ([event.text for event in batch.events], batch.passed_over, len(batch.rejected)) == (["Fine"], {"changes of publish": 1}, 2)
    for rejected in batch.rejected:
        assert len(threads.reread(rejected.raw, MORNING).rejected) == 1
    (again,) = threads.reread(json.dumps(batch.events[0].raw).encode(), MORNING).events
    assert again == batch.events[0]


async def test_a_forged_notification_is_refused(threads: Threads):
    request = pushed(replied("7", "When?"))
    request.headers["x-hub-signature-256"] = "sha256=" + "0" * 64  # type: ignore[index]
    with pytest.raises(Refused):
        threads.webhook(request)


async def test_history_comes_with_posts_replies_and_mentions(threads: Threads, api: ProfileApi):
    api.post(at=AGO, text="New flavour\nfrom today on")
    api.post("56", "Silence", at=AGO, has_replies=False)
    api.reply("7", "When?", at=AGO)
    api.reply("8", "At nine.", by="shop", to="7", at=AGO + timedelta(minutes=1))
    api.reply("9", "Spam", by="bernd", at=AGO + timedelta(minutes=2), hide_status="HIDDEN")
    api.mentions.append(media("66", "Ask @shop", by="carla", at=AGO + timedelta(minutes=3)))
    (batch,) = await look(threads)
    first, second, third, hidden, mention = batch.events
    assert first.post is not None
    assert second.author is not None
    assert (first.post.title, first.thread_id, first.parent_id) == ("New flavour", "7", None)
    assert (second.thread_id, second.parent_id, second.author.is_self) == ("7", "7", True)
    assert (third.message_id, hidden.kind, hidden.message_id) == ("9", EventKind.MODERATION, "9")
    assert (mention.message_id, mention.mentions) == ("66", (USER,))
    assert not [call for call in api.calls if call.path.startswith("56/")]


async def test_a_pause_of_250_replies_is_caught_up_in_order_none_lost_none_twice(
    threads: Threads, api: ProfileApi, session: Any, make: Make
):
    channel = await make.channel(await make.workspace(), platform="threads", account_id=USER)
    api.post(at=AGO - timedelta(days=3))
    for number in range(250):
        api.reply(f"r{number}", f"reply {number}", at=AGO + timedelta(seconds=20 * number))
    live = threads.webhook(pushed(replied("r249", "reply 249", at=NOW)))[1][""]
    batches = await look(threads, (NOW - timedelta(hours=6)).isoformat())
    for batch in [live, *batches, *batches]:
        await receive.receive(session, channel, batch, now=MONDAY + timedelta(days=3650), move_cursor=False)
        session.expunge_all()
    times = [event.at for batch in batches for event in batch.events]
    assert times == sorted(times)
    assert sorted(message.external_id for message in await session.scalars(select(Message))) == sorted(
        f"r{number}" for number in range(250)
    )


async def test_broken_entries_cost_no_others(threads: Threads, api: ProfileApi):
    api.post(at=AGO)
    api.reply("7", "When?", at=AGO)
    api.reply("8", "Never", timestamp="soon")
    api.posts.append({"id": "57", "text": "no time"})
    api.mentions.append({"text": "no id"})
    (batch,) = await look(threads)
    assert ([event.message_id for event in batch.events], len(batch.rejected)) == (["7"], 3)


async def test_what_the_token_may_not_read_is_left_out_and_counted(threads: Threads, api: ProfileApi):
    api.refusals[f"GET {USER}/mentions"] = [Refusal(10)]
    (batch,) = await look(threads)
    assert batch.passed_over == {"mentions: the token may not read them": 1}
    api.refusals[f"GET {USER}/threads"] = [Refusal(4, status=403)]
    with pytest.raises(RateLimited):
        await look(threads)


async def test_all_replies_to_a_post_are_listed(threads: Threads, api: ProfileApi):
    api.post()
    for number in range(230):
        api.reply(f"r{number}", "Hm", at=AGO)
    found = [event.message_id async for batch in threads.listed("55") for event in batch.events]
    assert found == [f"r{number}" for number in range(230)]


async def test_the_profile_tells_who_we_are(threads: Threads):
    account = await threads.check()
    assert (account.id, account.name, account.handle, account.is_self) == (USER, "The Shop", "shop", True)
    threads.own = "1"
    with pytest.raises(AuthError):
        await threads.check()


async def test_a_reply_is_made_ready_and_then_published(threads: Threads, api: ProfileApi, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connector, "PAUSE", 0.0)
    api.statuses = ["IN_PROGRESS", "IN_PROGRESS"]
    receipt = await threads.send(reply())
    ready, published = api.sent()
    assert (ready.path, ready.content) == (f"{USER}/threads", {"media_type": "TEXT", "text": "At nine.", "reply_to_id": "8"})
    assert (published.path, published.content) == (f"{USER}/threads_publish", {"creation_id": "c901"})
    assert receipt.message_id == "902"
    assert [call.path for call in api.calls if call.method == "GET"] == ["c901"] * 3


@pytest.mark.parametrize(("statuses", "expected"), [(["ERROR"], Permanent), (["EXPIRED"], Permanent), (["IN_PROGRESS"] * 10, Transient)])
async def test_what_does_not_become_ready_is_not_published(
    threads: Threads, api: ProfileApi, monkeypatch: pytest.MonkeyPatch, statuses: list[str], expected: type[Exception]
):
    monkeypatch.setattr(connector, "PAUSE", 0.0)
    api.statuses = statuses
    with pytest.raises(expected):
        await threads.send(reply())
    assert not api.sent(f"{USER}/threads_publish")


@pytest.mark.parametrize("given", [reply(" "), reply(attachments=(Attachment("mug.png", "image/png", content=b"x"),))])
async def test_what_threads_cannot_take_never_leaves(threads: Threads, api: ProfileApi, given: Reply):
    with pytest.raises(Permanent):
        await threads.send(given)
    assert not api.calls


async def test_a_reply_that_may_have_been_sent_is_looked_up(threads: Threads, api: ProfileApi):
    api.own = [media("20", "At nine.", by="shop", replied_to={"id": "9"})]
    assert await threads.find_sent(reply()) is None
    api.own.append(media("21", "At nine.", by="shop", replied_to={"id": "8"}))
    found = await threads.find_sent(reply())
    assert found is not None
    assert (found.message_id, found.accepted_at) == ("21", MORNING)


@pytest.mark.parametrize(
    ("action", "method", "path", "content"),
    [
        (Action.HIDE, "POST", "7/manage_reply", {"hide": True}),
        (Action.UNHIDE, "POST", "7/manage_reply", {"hide": False}),
        (Action.DELETE, "DELETE", "7", {}),
    ],
)
async def test_actions(threads: Threads, api: ProfileApi, action: Action, method: str, path: str, content: Any):
    await threads.act(action, "7")
    (call,) = api.sent()
    assert (call.method, call.path, call.content) == (method, path, content)
    with pytest.raises(Permanent):
        await threads.act(Action.LIKE, "7")


async def test_standing_tells_the_replies_of_the_day_and_the_end_of_the_token(threads: Threads, api: ProfileApi):
    await look(threads)
    standing = threads.standing
    assert (standing.quota_used, standing.quota_limit) == (3, 1000)
    assert standing.token_expires_at == datetime.fromtimestamp(api.expires_at, UTC)


async def test_a_token_that_ends_within_a_month_is_renewed_and_used_from_then_on(threads: Threads, api: ProfileApi):
    api.expires_at = int((NOW + timedelta(days=20)).timestamp())
    kept = Kept()
    threads.lend(kept)
    await look(threads)
    assert kept.secrets == {"access_token": api.next_token}
    ends = threads.standing.token_expires_at
    assert ends is not None
    assert ends > NOW + timedelta(days=59)


async def test_a_token_that_is_too_young_to_be_renewed_goes_on(threads: Threads, api: ProfileApi):
    api.expires_at = int((NOW + timedelta(days=20)).timestamp())
    api.refusals["GET refresh_access_token"] = [Refusal(100, message="The token is too new")]
    kept = Kept()
    threads.lend(kept)
    await look(threads)
    assert (kept.secrets, threads.standing.token_expires_at) == ({}, datetime.fromtimestamp(api.expires_at, UTC))
