"""Our fake Bot API server, read and written to by aiogram: somebody else's understanding of the documents."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.telegram.updates import Reader
from inbox.contract import Event
from tests.connectors.telegram.fake import TOKEN, BotApi, Refusal, serving
from tests.connectors.telegram.talk import TALK
from tests.make import MONDAY
from tests.servers.programs import interpreter

pytestmark = pytest.mark.servers
CLIENT = Path(__file__).with_name("telegram_client.py")


class Telegram(BotApi):
    """Refuses the sends that come after the webhook was ended."""

    async def _on_deletewebhook(self, given: dict[str, Any]) -> Any:
        self.refusals += [
            Refusal(429, "Too Many Requests: retry after 7", retry_after=7),
            Refusal(403, "Forbidden: bot was blocked by the user"),
            Refusal(401, "Unauthorized"),
            Refusal(502, "Bad Gateway"),
        ]
        return await super()._on_deletewebhook(given)


@pytest.fixture(scope="module")
async def seen() -> dict[str, Any]:
    """What the client saw and did, in one conversation with the fake."""
    python, api = interpreter("aiogram"), Telegram(moved={"-77": -10077})
    updates = [api.push(kind, value) for kind, value, _ in TALK]
    async with serving(api) as address:
        client = await asyncio.create_subprocess_exec(
            *(python, CLIENT, address, TOKEN), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await client.communicate()
    assert client.returncode == 0, errors.decode()
    return json.loads(output) | {"updates": updates, "left": api.updates, "calls": [method for method, _ in api.calls]}


def ours(update: dict[str, Any]) -> list[Event]:
    events, rejected = Reader("4711", "shop_bot").read([update], MONDAY)
    assert rejected == []
    return events


def test_every_update_of_the_fake_is_one_that_the_client_knows_and_acknowledges(seen: dict[str, Any]):
    assert [told["kind"] for told in seen["polled"]] == [kind for kind, _, _ in TALK]
    assert seen["left"] == []


def test_the_client_reads_in_each_update_what_we_read(seen: dict[str, Any]):
    compared = 0
    for update, told in zip(seen["updates"], seen["polled"], strict=True):
        for event in ours(update):
            if not told.get("text") or told["content"] != "text" or event.text.startswith("Forwarded"):
                continue
            assert event.text == told["text"]
            assert event.author is not None
            assert event.author.name == told["sender"]
            assert event.permalink is None or event.permalink == told["link"]
            assert (event.html or event.text) == told["html"]
            compared += 1
    assert compared >= 9


def test_the_client_counts_the_places_of_entities_as_we_do(seen: dict[str, Any]):
    (told,) = [told["entities"] for told in seen["polled"] if told.get("entities")]
    assert told == ["@shop_bot", "bold"]


def test_the_client_knows_every_kind_of_content(seen: dict[str, Any]):
    contents = {told["content"] for told in seen["polled"] if "content" in told}
    assert contents >= {"text", "photo", "document", "voice", "video_note", "sticker", "location", "contact", "dice", "poll"}
    assert contents >= {"new_chat_members", "migrate_to_chat_id", "forum_topic_created"}


def test_what_the_client_sends_arrives_as_it_meant_it(seen: dict[str, Any]):
    sent = seen["sent"]
    assert (sent["text"]["text"], sent["edited"]["text"]) == ("At nine. 😀", "At ten.")
    assert sent["topic"]["message_thread_id"] == 7
    assert sent["business"]["business_connection_id"] == "c1"
    assert sent["document"]["caption"] == "Here"
    assert sent["file"] == {"name": "paper.pdf", "content": "%PDF", "size": 4}
    assert sent["album"] == ["1", "1"]
    assert sent["done"] == [True, True, True]


def test_the_client_understands_the_fakes_refusals(seen: dict[str, Any]):
    assert seen["errors"] == [
        ["TelegramRetryAfter", 7, None],
        ["TelegramForbiddenError", None, None],
        ["TelegramUnauthorizedError", None, None],
        ["TelegramServerError", None, None],
        ["TelegramMigrateToChat", None, -10077],
    ]


def test_a_webhook_and_a_second_poll_are_conflicts(seen: dict[str, Any]):
    assert seen["hook"] == ["https://inbox.example/hooks/KEY", ["TelegramConflictError", None, None], ""]
    assert seen["conflict"] == [["TelegramConflictError", None, None], None]
