"""Replies and actions on their way to Telegram."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import Response

from connectors import http
from connectors.telegram import Telegram
from inbox.contract import (
    Action,
    Ambiguous,
    Attachment,
    AuthError,
    ConnectorError,
    Permanent,
    RateLimited,
    Receipt,
    Reply,
    Transient,
    WindowClosed,
)
from tests.connectors.telegram.fake import BOT, TOKEN, BotApi, Refusal, serving

GROUP = -1001234
PICTURE = Attachment("mug.png", "image/png", content=b"\x89PNG mug")
PAPER = Attachment("größe 1.pdf", "application/pdf", content=b"%PDF")


@pytest.fixture
def api() -> BotApi:
    return BotApi()


@pytest.fixture
async def telegram(api: BotApi) -> AsyncIterator[Telegram]:
    http.allow(["127.0.0.0/8"])
    async with serving(api) as address:
        connector = Telegram(Telegram.Config.model_validate({"token": TOKEN, "api_url": address}))
        yield connector
        await connector.aclose()
    http.allow([])


def reply(thread_id: str = "12", text: str = "At nine.", **more: Any) -> Reply:
    return Reply(key="our-key", thread_id=thread_id, text=text, **more)


async def send(telegram: Telegram, api: BotApi, given: Reply) -> tuple[Receipt, dict[str, Any]]:
    receipt = await telegram.send(given)
    return receipt, api.calls[-1][1]


async def test_the_token_tells_who_we_are(telegram: Telegram):
    account = await telegram.check()
    assert (account.id, account.name, account.handle, account.is_self) == ("4711", "Shop", "shop_bot", True)


@pytest.mark.parametrize(
    ("given", "place", "message_id"),
    [
        (reply("12", parent_id="12:5"), {"chat_id": "12"}, "12:901"),
        (reply("", parent_id=f"{GROUP}:5", post_id=str(GROUP)), {"chat_id": str(GROUP)}, f"{GROUP}:901"),
        (reply(f"{GROUP}:31", parent_id=f"{GROUP}:5"), {"chat_id": str(GROUP)}, f"{GROUP}:901"),  # under a channel's post
        (reply(f"{GROUP}/7", parent_id=f"{GROUP}:5"), {"chat_id": str(GROUP), "message_thread_id": 7}, f"{GROUP}:901"),
        (reply(f"{GROUP}/dm99", parent_id=f"{GROUP}:5"), {"chat_id": str(GROUP), "direct_messages_topic_id": 99}, f"{GROUP}:901"),
        (reply("c1@12", parent_id="c1@12:5"), {"chat_id": "12", "business_connection_id": "c1"}, "c1@12:901"),
    ],
)
async def test_a_reply_goes_where_the_question_was_asked(
    telegram: Telegram, api: BotApi, given: Reply, place: dict[str, Any], message_id: str
):
    receipt, sent = await send(telegram, api, given)
    answers = {"message_id": 5, "allow_sending_without_reply": True}
    assert sent == {**place, "text": "At nine.", "reply_parameters": answers}
    assert receipt.message_id == message_id
    assert receipt.accepted_at.timestamp() == api.sent[0]["date"]


async def test_a_reply_to_a_room_without_a_parent_finds_the_room(telegram: Telegram, api: BotApi):
    _, sent = await send(telegram, api, reply("", post_id=str(GROUP)))
    assert sent == {"chat_id": str(GROUP), "text": "At nine."}


async def test_one_file_takes_the_text_along(telegram: Telegram, api: BotApi):
    await telegram.send(reply(attachments=(PICTURE,)))
    await telegram.send(reply(text="", attachments=(PAPER,), parent_id="12:5"))
    (first, photo), (second, document) = api.calls
    assert (first, photo["caption"], photo["photo"]) == ("sendPhoto", "At nine.", ("mug.png", PICTURE.content))
    assert (second, document["document"]) == ("sendDocument", ("größe 1.pdf", PAPER.content))
    assert document["reply_parameters"] == {"message_id": 5, "allow_sending_without_reply": True}
    assert "caption" not in document


@pytest.mark.parametrize(("files", "kind"), [((PICTURE, PICTURE), "photo"), ((PICTURE, PAPER), "document")])
async def test_several_files_are_one_album(telegram: Telegram, api: BotApi, files: tuple[Attachment, ...], kind: str):
    receipt, given = await send(telegram, api, reply(attachments=files))
    assert [call for call, _ in api.calls] == ["sendMediaGroup"]
    assert given["media"] == [{"type": kind, "media": "attach://file0", "caption": "At nine."}, {"type": kind, "media": "attach://file1"}]
    assert [given[f"file{number}"][1] for number in (0, 1)] == [file.content for file in files]
    assert receipt.message_id == "12:901"


@pytest.mark.parametrize(
    "given",
    [
        reply(text=" \n"),
        reply(text="😀" * 513, attachments=(PAPER,)),  # 1,026 units
        reply(attachments=(PAPER,) * 11),
        reply(attachments=(Attachment("gone.txt", "text/plain"),)),
        reply(thread_id=""),
        reply(thread_id="12/seven"),
    ],
)
async def test_what_telegram_cannot_take_in_one_message_never_leaves(telegram: Telegram, api: BotApi, given: Reply):
    with pytest.raises(Permanent):
        await telegram.send(given)
    assert api.calls == []


async def test_the_text_beside_a_file_may_be_as_long_as_telegram_says(telegram: Telegram):
    await telegram.send(reply(text="😀" * 512, attachments=(PAPER,)))


async def test_a_message_that_was_deleted_meanwhile_is_answered_without_pointing_at_it(telegram: Telegram, api: BotApi):
    api.refusals.append(Refusal(400, "Bad Request: message to be replied not found"))
    receipt, sent = await send(telegram, api, reply(f"{GROUP}/7", parent_id=f"{GROUP}:5"))
    assert sent == {"chat_id": str(GROUP), "message_thread_id": 7, "text": "At nine."}
    assert receipt.message_id == f"{GROUP}:901"


async def test_a_group_that_became_a_supergroup_is_answered_there(telegram: Telegram, api: BotApi):
    api.moved["-77"] = -10077
    receipt, sent = await send(telegram, api, reply("", parent_id="-77:5"))
    assert sent == {"chat_id": "-10077", "text": "At nine."}
    assert receipt.message_id == "-10077:901"
    assert len(api.sent) == 1


@pytest.mark.parametrize(
    ("refusal", "expected", "words"),
    [
        (Refusal(403, "Forbidden: bot was blocked by the user"), WindowClosed, "blocked the bot"),
        (Refusal(403, "Forbidden: user is deactivated"), WindowClosed, "does not exist any more"),
        (Refusal(403, "Forbidden: bot was kicked from the supergroup chat"), WindowClosed, "removed from this group"),
        (Refusal(403, "Forbidden: bot can't initiate conversation with a user"), WindowClosed, "cannot begin"),
        (Refusal(400, "Bad Request: TOPIC_CLOSED"), WindowClosed, "closed"),
        (Refusal(400, "Bad Request: message thread not found"), WindowClosed, "does not exist"),
        (Refusal(400, f"Bad Request: chat not found {TOKEN}"), Permanent, "chat not found …"),
        (Refusal(413, "Request Entity Too Large"), Permanent, "size"),
        (Refusal(429, "Too Many Requests: retry after 7", retry_after=7), RateLimited, "wait"),
        (Refusal(401, "Unauthorized"), AuthError, "BotFather"),
        (Refusal(404, "Not Found"), AuthError, "BotFather"),
        (Refusal(409, "Conflict: terminated by other getUpdates request"), Transient, "Another program"),
        (Refusal(500, "Internal Server Error"), Ambiguous, "500"),
        (Refusal(502, "Bad Gateway"), Ambiguous, "502"),
        (Response("<html>hello</html>", 200), Ambiguous, "documents"),
        (Response("[" * 100_000, 200), Ambiguous, "documents"),
        (Response('{"ok": true, "result": {"message_id": "x"}}', 200), Ambiguous, "what became"),
        (Response('{"ok": true, "result": []}', 200), Ambiguous, "what became"),
        (Response("<html>no</html>", 400), Permanent, "400"),
    ],
)
async def test_a_refusal_says_what_it_means(
    telegram: Telegram,
    api: BotApi,
    refusal: Refusal | Response,
    expected: type[ConnectorError],
    words: str,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    api.refusals.append(refusal)
    with pytest.raises(expected, match=words) as failed:
        await telegram.send(reply(parent_id="12:5"))
    assert type(failed.value) is expected
    if isinstance(failed.value, RateLimited):
        assert failed.value.retry_after == 7
    assert TOKEN not in f"{failed.value!r}{caplog.text}"
    assert len(api.calls) == 1  # never a second try by itself


async def test_files_that_telegram_may_have_taken_leave_a_doubt(telegram: Telegram, api: BotApi):
    api.refusals.append(Refusal(502, "Bad Gateway"))
    with pytest.raises(Ambiguous):
        await telegram.send(reply(attachments=(PAPER,)))


async def test_a_wrong_token_is_an_account_to_reconnect(telegram: Telegram, api: BotApi):
    api.token = "4711:other"
    for call in (telegram.check(), telegram.send(reply()), anext(telegram.stream(None))):
        with pytest.raises(AuthError):
            await call


@pytest.mark.parametrize(
    ("action", "message_id", "call"),
    [
        (Action.LIKE, "12:5", ("setMessageReaction", {"chat_id": "12", "message_id": 5, "reaction": [{"type": "emoji", "emoji": "👍"}]})),
        (Action.DELETE, "12:5", ("deleteMessage", {"chat_id": "12", "message_id": 5})),
        (Action.DELETE, "c1@12:5", ("deleteBusinessMessages", {"business_connection_id": "c1", "message_ids": [5]})),
        (
            Action.EDIT,
            "c1@12:5",
            ("editMessageText", {"chat_id": "12", "business_connection_id": "c1", "message_id": 5, "text": "At ten."}),
        ),
    ],
)
async def test_actions_are_done(telegram: Telegram, api: BotApi, action: Action, message_id: str, call: tuple[str, Any]):
    assert action in telegram.capabilities.actions
    await telegram.act(action, message_id, "At ten.")
    assert api.calls == [call]


async def test_an_action_that_telegram_does_not_have_is_refused(telegram: Telegram, api: BotApi):
    for action, message_id in ((Action.HIDE, "12:5"), (Action.LIKE, "c1@12:5")):
        with pytest.raises(Permanent):
            await telegram.act(action, message_id)
    assert api.calls == []


async def test_a_file_is_fetched_with_the_token_and_its_address_is_kept_nowhere(telegram: Telegram, api: BotApi):
    file_id = api.add_file(b"a mug")
    assert await telegram.fetch_file(f"telegram:{file_id}") == b"a mug"


@pytest.mark.parametrize("content", [None, b"x" * (20 * 1024 * 1024 + 1)])
async def test_a_file_that_cannot_be_had_is_given_up(telegram: Telegram, api: BotApi, content: bytes | None):
    file_id = api.add_file(content) if content else "unknown"
    with pytest.raises(Permanent):
        await telegram.fetch_file(f"telegram:{file_id}")


async def test_our_reply_in_a_business_account_comes_back_with_the_receipts_id(telegram: Telegram, api: BotApi):
    receipt = await telegram.send(reply("c1@12"))
    (said,) = api.sent
    assert said["sender_business_bot"] == BOT
    api.push("business_message", said)
    batch = await anext(telegram.stream(None))
    assert [(event.message_id, event.author and event.author.is_self) for event in batch.events] == [(receipt.message_id, True)]
