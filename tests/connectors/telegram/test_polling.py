"""Updates on their way in: fetched or pushed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.responses import JSONResponse

from connectors import http
from connectors.telegram import Telegram, polling
from connectors.telegram import api as telegram_api
from connectors.telegram.polling import Cursor
from inbox.contract import AuthError, Batch, Permanent, RateLimited, Refused, Request, Transient
from tests.connectors.answers import hangs, platform
from tests.connectors.telegram.fake import TOKEN, BotApi, Refusal, message, serving
from tests.make import MONDAY

SECRET = "a-secret_of-ours"
MADE: list[Telegram] = []  # of this test; closed at its end


@pytest.fixture
def api() -> BotApi:
    return BotApi()


@pytest.fixture
async def telegram(api: BotApi) -> AsyncIterator[Telegram]:
    http.allow(["127.0.0.0/8"])
    async with serving(api) as address:
        MADE[:] = [make(address)]
        yield MADE[0]
        for connector in MADE:
            await connector.aclose()
    http.allow([])


def make(address: str = "http://127.0.0.1:9", **more: Any) -> Telegram:
    return Telegram(Telegram.Config.model_validate({"token": TOKEN, "api_url": address, **more}))


def another(telegram: Telegram, **more: Any) -> Telegram:
    """The same bot with other settings."""
    MADE.append(make(telegram._config.api_url, **more))
    return MADE[-1]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # the fake tells by its state only
            await asyncio.sleep(0.01)


def asked(api: BotApi) -> list[int | None]:
    return [given.get("offset") for method, given in api.calls if method == "getUpdates"]


def numbers(batch: Batch) -> list[str]:
    return [event.message_id for event in batch.events]


async def test_an_update_is_only_acknowledged_when_the_host_resumes(telegram: Telegram, api: BotApi):
    for number in (1, 2):
        api.push("message", message(number, 12, "Hi"))
    async with aclosing(telegram.stream(None)) as stream:
        batch = await anext(stream)
        assert numbers(batch) == ["12:1", "12:2"]
        assert len(api.updates) == 2  # still there: nothing was committed
        api.push("message", message(3, 12, "Hi"))
        assert numbers(await anext(stream)) == ["12:3"]
        assert len(api.updates) == 1
    assert asked(api) == [None, 502]


async def test_a_crash_before_the_commit_loses_nothing(telegram: Telegram, api: BotApi):
    api.push("message", message(1, 12, "Hi"))
    for _ in range(2):
        async with aclosing(telegram.stream(None)) as stream:
            assert numbers(await anext(stream)) == ["12:1"]


async def test_what_came_during_a_pause_is_caught_up_in_order_and_once(telegram: Telegram, api: BotApi):
    api.push("message", message(1, 12, "Hi"))
    async with aclosing(telegram.stream(None)) as stream:
        cursor = (await anext(stream)).cursor
    for number in range(2, 252):
        api.push("message", message(number, 12, "Hi"))
    found: list[str] = []
    async with aclosing(telegram.stream(cursor)) as stream:
        while len(found) < 250:
            batch = await anext(stream)
            assert batch.gap is False
            found += numbers(batch)
    assert found == [f"12:{number}" for number in range(2, 252)]


async def test_what_is_said_now_comes_now(telegram: Telegram, api: BotApi):
    async with aclosing(telegram.stream(None)) as stream:
        waiting = asyncio.ensure_future(anext(stream))
        await until(lambda: asked(api))
        api.push("message", message(1, 12, "Hi"))
        assert numbers(await waiting) == ["12:1"]


async def test_reactions_are_asked_for_by_name(telegram: Telegram, api: BotApi):
    api.push("message", message(1, 12, "Hi"))
    await anext(telegram.stream(None))
    assert api.allowed is not None
    assert {"message", "edited_message", "message_reaction", "business_message", "deleted_business_messages"} <= api.allowed


async def test_numbers_that_begin_anew_after_a_quiet_week_end_in_no_circle(telegram: Telegram, api: BotApi):
    api.next_update = 7
    api.push("message", message(1, 12, "Hi"))
    async with aclosing(telegram.stream("90000")) as stream:
        assert numbers(await anext(stream)) == ["12:1"]
        api.push("message", message(2, 12, "Hi"))
        assert numbers(await anext(stream)) == ["12:2"]
    assert asked(api) == [90000, 8]


@pytest.mark.parametrize(("hours", "gap"), [(1, False), (23, False), (25, True)])  # Telegram keeps what nobody fetches for 24 hours
async def test_a_pause_that_telegram_does_not_remember_leaves_a_gap(telegram: Telegram, api: BotApi, hours: int, gap: bool):
    api.push("message", message(1, 12, "Hi"))
    heard = int(time.time()) - hours * 3600
    async with aclosing(telegram.stream(f"500@{heard}")) as stream:
        assert (await anext(stream)).gap is gap
        api.push("message", message(2, 12, "Hi"))
        assert (await anext(stream)).gap is False


async def test_the_place_is_kept_now_and_then_while_nobody_writes(telegram: Telegram, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polling, "LONG", 0)
    batch = await anext(telegram.stream(f"500@{int(time.time()) - 7200}"))
    kept = Cursor.read(batch.cursor)
    assert (list(batch.events), kept.offset) == ([], 500)
    assert kept.heard is not None
    assert (datetime.now(UTC) - kept.heard).total_seconds() < 60


async def test_a_server_that_does_not_hold_requests_is_not_hammered(telegram: Telegram, api: BotApi, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polling, "LONG", 0)
    async with aclosing(telegram.stream(None)) as stream:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(stream)
    assert len(asked(api)) == 1


async def test_a_second_program_that_fetches_is_told_in_a_sentence(telegram: Telegram, api: BotApi):
    async with aclosing(telegram.stream(None)) as stream:
        waiting = asyncio.ensure_future(anext(stream))
        await until(lambda: api._poll is not None)
        other = asyncio.ensure_future(another(telegram)._api.call("getUpdates", {"timeout": 20}))
        with pytest.raises(Transient, match="Another program"):
            await waiting
        other.cancel()


async def test_a_webhook_of_another_program_is_told_and_ended_only_when_asked(telegram: Telegram, api: BotApi):
    api.webhook = {"url": "https://other.example/hook"}
    with pytest.raises(Permanent, match="A webhook is set"):
        await anext(telegram.stream(None))
    assert api.webhook
    api.push("message", message(1, 12, "Hi"))
    assert numbers(await anext(another(telegram, take_over=True).stream(None))) == ["12:1"]
    assert api.webhook == {}


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refusal(429, "Too Many Requests: retry after 7", retry_after=7), RateLimited),
        (Refusal(401, "Unauthorized"), AuthError),
        (Refusal(502, "Bad Gateway"), Transient),
        (JSONResponse({"ok": True, "result": {"a": 1}}), Transient),
        (JSONResponse({"ok": True, "result": ["no number"]}), Transient),
        (JSONResponse(["nonsense"]), Transient),
    ],
)
async def test_trouble_while_fetching_says_what_it_is(telegram: Telegram, api: BotApi, refusal: Any, expected: type[Exception]):
    async def troubled(given: dict[str, Any]) -> Any:
        if isinstance(refusal, Refusal):
            raise refusal
        return json.loads(refusal.body).get("result") if b"ok" in refusal.body else "nonsense"

    api._on_getupdates = troubled
    with pytest.raises(expected) as failed:
        await anext(telegram.stream(None))
    assert TOKEN not in str(failed.value)
    if isinstance(failed.value, RateLimited):
        assert failed.value.retry_after == 7


async def test_half_an_emoji_in_one_message_does_not_stop_the_others(telegram: Telegram, api: BotApi):
    async def given(asked: dict[str, Any]) -> Any:
        return [{"update_id": 1, "message": message(1, 12, "HALF")}, {"update_id": 2, "message": message(2, 12, "Hi")}]

    api._on_getupdates, api.spoil = given, (b"HALF", b"\\ud83d")
    batch = await anext(telegram.stream(None))
    assert (numbers(batch), batch.rejected, (batch.cursor or "").partition("@")[0]) == (["12:1", "12:2"], [], "3")


async def test_a_server_that_falls_silent_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polling, "LONG", 0.1)
    monkeypatch.setattr(telegram_api, "SLACK", 0.1)
    http.allow(["127.0.0.0/8"])
    async with platform(hangs) as address:
        connector = make(address)
        with pytest.raises(Transient, match="did not answer in time"):
            await polling._updates(connector._api, None)
        await connector.aclose()
    http.allow([])


def pushed(body: bytes, secret: str | None = SECRET, method: str = "POST", **query: str) -> Request:
    return Request(method, {} if secret is None else {"x-telegram-bot-api-secret-token": secret}, query, body, MONDAY)


def update(number: int = 1, text: str = "Hi @shop_bot") -> bytes:
    entities = [{"type": "mention", "offset": 3, "length": 9}]
    return json.dumps({"update_id": 500 + number, "message": message(number, -1001234, text, entities=entities)}).encode()


HOOKED = {"webhook_url": "https://inbox.example/hooks/KEY/", "webhook_secret": SECRET}


def test_a_pushed_update_is_read_as_a_fetched_one():
    response, batches = make(**HOOKED).webhook(pushed(update(), name="shop_bot"))
    assert response.status == 200
    assert numbers(batches[""]) == ["-1001234:1"]
    assert batches[""].events[0].mentions == ("4711",)
    assert batches[""].cursor is None


@pytest.mark.parametrize("secret", [None, "", "a", SECRET[:-1], SECRET + "x", SECRET.upper(), "größe"])
def test_a_push_without_the_secret_is_refused(secret: str | None):
    with pytest.raises(Refused) as refused:
        make(**HOOKED).webhook(pushed(update(), secret))
    assert refused.value.status == 401


def test_a_thousand_forged_secrets_are_refused():
    telegram = make(**HOOKED)
    for number in range(1000):
        at, bit = number % len(SECRET), 1 << (number // len(SECRET) % 7)
        forged = SECRET[:at] + chr(ord(SECRET[at]) ^ bit) + SECRET[at + 1 :] + "x" * (number // (7 * len(SECRET)))
        with pytest.raises(Refused):
            telegram.webhook(pushed(update(), forged))


def test_a_channel_without_a_secret_takes_no_push():
    for secret in (None, "", SECRET):
        with pytest.raises(Refused) as refused:
            make().webhook(pushed(update(), secret))
        assert refused.value.status == 404
    with pytest.raises(Refused):
        make(**HOOKED).webhook(pushed(update(), method="GET"))


@pytest.mark.parametrize("body", [b"", b"\xff", b"nonsense", b"[" * 100_000, b"{}", b"[]", b'{"update_id": 1, "message": 5}'])
def test_a_push_that_cannot_be_read_is_kept_and_read_again_when_asked(body: bytes):
    telegram = make(**HOOKED)
    response, batches = telegram.webhook(pushed(body))
    assert response.status == 200  # Telegram would send it again for ever
    (rejected,) = batches[""].rejected
    (again,) = telegram.reread(rejected.raw, MONDAY).rejected
    assert again == rejected
    assert numbers(telegram.reread(update(), MONDAY)) == ["-1001234:1"]


async def test_a_webhook_is_set_with_its_secret_and_watched(telegram: Telegram, api: BotApi, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polling, "LOOK", 0.05)
    waiting = asyncio.ensure_future(anext(another(telegram, **HOOKED).stream("500")))
    await until(lambda: len([call for call, _ in api.calls if call == "getWebhookInfo"]) > 1)
    assert (api.webhook["url"], api.webhook["secret_token"]) == ("https://inbox.example/hooks/KEY?name=shop_bot", SECRET)
    assert "message_reaction" in api.webhook["allowed_updates"]
    api.webhook = {"url": "https://other.example/hook"}
    with pytest.raises(Transient, match="Another program has changed"):
        await waiting
    assert asked(api) == []


async def test_a_webhook_that_telegram_cannot_reach_is_told(telegram: Telegram, api: BotApi, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(polling, "LOOK", 0.05)

    async def info(given: dict[str, Any]) -> Any:
        return {"url": api.webhook["url"], "last_error_date": int(time.time()) + 1, "last_error_message": "Connection timed out"}

    api._on_getwebhookinfo = info
    with pytest.raises(Transient, match="Connection timed out"):
        await anext(another(telegram, **HOOKED).stream(None))


@pytest.mark.parametrize(
    "config",
    [
        {"token": ""},
        {"token": "hunter2"},
        {"token": TOKEN + "/x"},
        {"token": TOKEN, "webhook_url": "https://inbox.example/hooks/KEY"},
        {"token": TOKEN, "webhook_url": "inbox.example", "webhook_secret": SECRET},
        {"token": TOKEN, "webhook_secret": "two words"},
        {"token": TOKEN, "webhook_secret": "x" * 257},
        {"token": TOKEN, "api_url": ""},
    ],
)
def test_settings_that_cannot_work_are_refused_without_repeating_the_secret(config: dict[str, Any]):
    with pytest.raises(ValidationError) as refused:
        Telegram.Config.model_validate(config)
    assert TOKEN not in str(refused.value.errors(include_input=False))
