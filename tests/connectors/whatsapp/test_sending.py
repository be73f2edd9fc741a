"""Messages, files and templates on their way to WhatsApp."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import http
from connectors.whatsapp import WhatsApp
from inbox.contract import Attachment, AuthError, CursorExpired, Permanent, PlatformTemplate, Reply, WindowClosed
from tests.connectors.meta.fake import Refusal, config, serving
from tests.connectors.whatsapp.fake import ANNA, BUSINESS, NUMBER, CloudApi

PICTURE = Attachment("mug.png", "image/png", content=b"\x89PNG mug")
PAPER = Attachment("größe 1.pdf", "application/pdf", content=b"%PDF")
VOICE = Attachment("hello.ogg", "audio/ogg", content=b"OggS")
HEADER = {"type": "HEADER", "format": "TEXT", "text": "Your shop"}
NAMED = {"type": "BODY", "text": "{{greeting}}, {{ first_name }}! {{greeting}} again."}


@pytest.fixture
def api() -> CloudApi:
    return CloudApi()


@pytest.fixture
async def whatsapp(api: CloudApi) -> AsyncIterator[WhatsApp]:
    http.allow(["127.0.0.0/8"])
    async with serving(api) as address:
        connector = WhatsApp(WhatsApp.Config.model_validate(config(address, phone_number_id=NUMBER, business_account_id=BUSINESS)))
        yield connector
        await connector.aclose()
    http.allow([])


def reply(text: str = "At nine.", **more: Any) -> Reply:
    return Reply(key="our-key", text=text, **{"thread_id": ANNA, **more})


async def test_the_number_tells_who_we_are(whatsapp: WhatsApp, api: CloudApi):
    account = await whatsapp.check()
    assert (account.id, account.name, account.handle, account.is_self) == (NUMBER, "Shop", "+1 555-078-3881", True)
    api.scopes = ["whatsapp_business_management"]
    with pytest.raises(AuthError, match="whatsapp_business_messaging"):
        await whatsapp.check()


async def test_a_text_answers_its_question_and_carries_our_key(whatsapp: WhatsApp, api: CloudApi):
    receipt = await whatsapp.send(reply(parent_id="wamid.1"))
    (call,) = api.sent()
    assert call.content == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": ANNA,
        "type": "text",
        "text": {"body": "At nine.", "preview_url": True},
        "context": {"message_id": "wamid.1"},
        "biz_opaque_callback_data": "parley:our-key",
    }
    assert receipt.message_id == "wamid.901"


async def test_somebody_whose_number_is_not_told_is_answered_by_their_id(whatsapp: WhatsApp, api: CloudApi):
    await whatsapp.send(reply(thread_id="US.13491"))
    (call,) = api.sent()
    assert (call.content.get("to"), call.content["recipient"]) == (None, "US.13491")


@pytest.mark.parametrize(
    ("file", "text", "content"),
    [
        (PICTURE, "This one", {"type": "image", "image": {"id": "901", "caption": "This one"}}),
        (PAPER, "", {"type": "document", "document": {"id": "901", "filename": "größe 1.pdf"}}),
        (VOICE, "", {"type": "audio", "audio": {"id": "901"}}),
        (Attachment("big.png", "image/png", content=b"x" * (5 * 1024 * 1024 + 1)), "", {"type": "document"}),
    ],
)
async def test_a_file_is_handed_in_and_then_sent(whatsapp: WhatsApp, api: CloudApi, file: Attachment, text: str, content: Any):
    await whatsapp.send(reply(text, attachments=(file,)))
    handed, sent = api.sent()
    assert handed.files["file"] == (file.name, file.content, file.media_type)
    assert content.items() <= sent.content.items()


@pytest.mark.parametrize(
    "given",
    [
        reply(" \n"),
        reply(attachments=(PICTURE, PAPER)),
        reply(attachments=(VOICE,)),
        reply("x" * 1025, attachments=(PICTURE,)),
        reply(thread_id=""),
        reply("", attachments=(Attachment("gone.txt", "text/plain"),)),
    ],
)
async def test_what_cannot_be_sent_never_leaves(whatsapp: WhatsApp, api: CloudApi, given: Reply):
    with pytest.raises(Permanent):
        await whatsapp.send(given)
    assert not api.sent(f"{NUMBER}/messages")


async def test_after_a_day_only_a_template_goes_out(whatsapp: WhatsApp, api: CloudApi):
    api.refusals[f"POST {NUMBER}/messages"] = [Refusal(131047, message="Re-engagement message")]
    with pytest.raises(WindowClosed, match="template"):
        await whatsapp.send(reply())
    assert len(api.sent()) == 1


async def test_approved_templates_that_words_fill_in_are_offered(whatsapp: WhatsApp, api: CloudApi):
    api.template("order_ready")
    api.template("greeting", HEADER, NAMED, {"type": "FOOTER", "text": "Bye"}, parameter_format="NAMED", language="de")
    api.template("plain", {"type": "BODY", "text": "Hello"}, {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Hi"}]})
    api.template("waiting", status="PENDING")
    api.template("picture", {"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "Look"})
    api.template("code", {"type": "BODY", "text": "{{1}}"}, {"type": "BUTTONS", "buttons": [{"type": "OTP"}]})
    api.template("link", {"type": "BODY", "text": "Go"}, {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x/{{1}}"}]})
    api.templates.append({"broken": True})
    assert await whatsapp.templates() == [
        PlatformTemplate("order_ready", "en_US", "Hello {{1}}, your order {{2}} is ready."),
        PlatformTemplate("greeting", "de", "Your shop\n\n{{1}}, {{2}}! {{1}} again.\n\nBye"),
        PlatformTemplate("plain", "en_US", "Hello"),
    ]


async def test_many_templates_are_read_page_by_page(whatsapp: WhatsApp, api: CloudApi):
    for number in range(130):
        api.template(f"t{number}")
    assert len(await whatsapp.templates()) == 130


@pytest.mark.parametrize("is_listed", [True, False])
async def test_a_template_goes_out_with_its_values(whatsapp: WhatsApp, api: CloudApi, is_listed: bool):
    api.template("order_ready")
    api.template("greeting", NAMED, language="de")
    if is_listed:
        await whatsapp.templates()
    await whatsapp.send(reply(template=PlatformTemplate("order_ready", "en_US", "…"), template_values=("Anna", "77"), parent_id="wamid.1"))
    await whatsapp.send(reply(template=PlatformTemplate("greeting", "de", "…"), template_values=("Hallo", "Anna")))
    first, second = api.sent()
    assert (first.content["type"], first.content["template"]) == (
        "template",
        {
            "name": "order_ready",
            "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "Anna"}, {"type": "text", "text": "77"}]}],
        },
    )
    assert "context" not in first.content
    assert second.content["template"]["components"][0]["parameters"] == [
        {"type": "text", "parameter_name": "greeting", "text": "Hallo"},
        {"type": "text", "parameter_name": "first_name", "text": "Anna"},
    ]


@pytest.mark.parametrize(("name", "values"), [("order_ready", ("Anna",)), ("another", ("Anna", "77"))])
async def test_a_template_that_does_not_fit_never_leaves(whatsapp: WhatsApp, api: CloudApi, name: str, values: tuple[str, ...]):
    api.template("order_ready")
    with pytest.raises(Permanent):
        await whatsapp.send(reply(template=PlatformTemplate(name, "en_US", "…"), template_values=values))
    assert not api.sent()


async def test_a_files_bytes_are_fetched_with_the_token(whatsapp: WhatsApp, api: CloudApi):
    api.media["5"] = b"\xff\xd8 mug"
    assert await whatsapp.fetch_file("whatsapp:5") == b"\xff\xd8 mug"
    with pytest.raises(Permanent):
        await whatsapp.fetch_file("whatsapp:6")


async def test_the_token_is_shown_to_nobody_else(whatsapp: WhatsApp, api: CloudApi):
    api.media["5"] = b"mug"
    api.address = "http://evil.example"
    with pytest.raises(Permanent, match="where the file is"):
        await whatsapp.fetch_file("whatsapp:5")


@pytest.mark.parametrize(("away", "gap"), [(None, False), (timedelta(days=6), False), (timedelta(days=8), True)])
async def test_a_pause_longer_than_whatsapp_repeats_is_a_gap(whatsapp: WhatsApp, api: CloudApi, away: timedelta | None, gap: bool):
    api.expires_at = 1_900_000_000
    cursor = None if away is None else (datetime.now(UTC) - away).isoformat()
    async with aclosing(whatsapp.stream(cursor)) as batches:
        batch = await anext(batches)
    assert (batch.gap, batch.cursor is not None) == (gap, True)
    assert whatsapp.standing.token_expires_at == datetime.fromtimestamp(1_900_000_000, UTC)


async def test_a_token_that_died_ends_the_stream_and_a_strange_place_is_forgotten(whatsapp: WhatsApp, api: CloudApi):
    api.token = "another"
    with pytest.raises(AuthError):
        await anext(whatsapp.stream(None))
    with pytest.raises(CursorExpired):
        await anext(whatsapp.stream("yesterday"))
