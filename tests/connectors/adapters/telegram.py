"""A Telegram bot before Telegram's answers: the story is told in the private chat of a business account, where colleagues answer too."""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.telegram import Telegram
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient, WindowClosed
from tests.connectors.answers import TOKEN, Answer, breaks_off, hangs, hangs_up, says
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.telegram import fake

CHAT = fake.private_chat()
CONNECTION = "c1"
KINDS = {EventKind.MESSAGE: "business_message", EventKind.EDIT: "edited_business_message", EventKind.DELETE: "deleted_business_messages"}


def refuses(status: int, description: str, **parameters: int) -> Answer:
    body = {"ok": False, "error_code": status, "description": description, "parameters": parameters}
    return says(status, json.dumps(body).encode())


class TelegramAdapter:
    """Updates as a bot of a business account gets them."""

    name: ClassVar[str] = "telegram"
    account: ClassVar[str] = "4711"
    secrets: ClassVar[tuple[str, ...]] = (fake.TOKEN, fake.TOKEN.partition(":")[2], TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset(KINDS)  # reactions are told of other chats, where deletions are not
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    thread_id: ClassVar[str] = f"{CONNECTION}@{CHAT['id']}"
    sent_id: ClassVar[str] = f"{thread_id}:900"
    silence: ClassVar[Answer | None] = staticmethod(hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", says(401), (AuthError,)),
        Trouble("404", says(404), (AuthError,)),
        Trouble("blocked", refuses(403, "Forbidden: bot was blocked by the user"), (WindowClosed,)),
        Trouble("403", says(403), (Permanent,)),
        Trouble("400 with the token", refuses(400, f"Bad Request: {fake.TOKEN}"), (Permanent,)),
        Trouble("409", refuses(409, "Conflict: terminated by other getUpdates request"), (Transient,)),
        Trouble("429", refuses(429, "Too Many Requests: retry after 7", retry_after=7), (RateLimited,), retry_after=7),
        Trouble("500", says(500), (Ambiguous, Transient)),
        Trouble("503", says(503), (Transient,)),
        Trouble("bad JSON", says(200, b"<html>welcome</html>"), (Ambiguous,)),
        Trouble("hangs up", hangs_up, (Ambiguous,)),
        Trouble("breaks off", breaks_off, (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "history": "Bots see nothing from before they came.",
        "listing": "Bots cannot list messages.",
        "counts": "Bots cannot count messages.",
        "standing": "Telegram tells its limits only when they are reached.",
        "once": "The Bot API knows no keys and cannot be asked.",
        "private replies": "A bot may write only to those who have written to it.",
        "hide": "Telegram hides nothing.",
        "unhide": "Telegram hides nothing.",
        "approve": "Telegram holds nothing back.",
        "spam": "Bots cannot report.",
        "approved texts": "Bots have no windows.",
    }
    elsewhere: ClassVar[dict[str, str]] = {
        "any order": "Deletions are told of other chats than reactions: tests/connectors/telegram/test_host.py.",
        "deletions": "Told of business accounts only: tests/connectors/telegram/test_host.py.",
        "reactions": "Told of groups where the bot is an admin: tests/connectors/telegram/test_host.py.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"token": fake.TOKEN, "api_url": address}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, Telegram)
        events, rejected = connector._reader.read([self._update(one) for one in said], said[0].at)
        assert not rejected
        return Batch(events)

    def accepts(self) -> Answer:
        return says(200, json.dumps({"ok": True, "result": fake.message(900, CHAT, "At nine.")}).encode())

    def _update(self, said: Said) -> dict[str, Any]:
        number, update_id = _number(said.message_id), 10 * _number(said.message_id) + said.seconds % 10
        if said.kind is EventKind.DELETE:
            value: dict[str, Any] = {"chat": CHAT, "message_ids": [number]}
        else:
            sender = fake.OWNER if said.by == "us" else {"id": CHAT["id"], "is_bot": False, "first_name": said.by.title()}
            value = {"message_id": number, "date": int(said.at.timestamp()), "chat": CHAT, "from": sender, "text": said.text}
            if said.parent:
                value["reply_to_message"] = value | {"message_id": _number(said.parent), "text": "before"}
            if said.kind is EventKind.EDIT:
                value["edit_date"] = value["date"]
        return {"update_id": update_id, KINDS[said.kind]: value | {"business_connection_id": CONNECTION}}


def _number(message_id: str) -> int:
    """The suite names messages m1 and native-1: Telegram numbers them."""
    _, colon, number = message_id.partition(":")
    return int(number) if colon else 1000 + zlib.crc32(message_id.encode()) % 1_000_000


ADAPTER: Adapter = TelegramAdapter()
