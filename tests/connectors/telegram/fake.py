"""A Bot API server on this machine, as https://core.telegram.org/bots/api describes it; checked by an independent client (tests/servers).

What it does beyond the documents is what the public Bot API server does: a second long poll ends the first one with a 409
(https://github.com/tdlib/telegram-bot-api), and an offset far beyond the last number is answered from the beginning of what is kept.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.served import listening

TOKEN = "4711:AAHhunter2_hunter2_hunter2_hunter2"
BOT = {"id": 4711, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
MORNING = 1772438400  # 2 March 2026, 8:00 UTC
ALWAYS_NAMED = {"chat_member", "message_reaction", "message_reaction_count"}  # come only when they are asked for
AHEAD = 10  # an offset beyond the last number by more than this is taken for a mistake


class Refusal(Exception):
    def __init__(self, status: int, description: str, **parameters: int) -> None:
        self.status, self.description, self.parameters = status, description, parameters


@dataclass
class BotApi:
    """The bot's side of Telegram: what waits for it, what it sent, and what is to go wrong."""

    updates: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    refusals: list[Refusal | Response] = field(default_factory=list)  # for the next sends, one each
    webhook: dict[str, Any] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)  # groups that became supergroups
    next_id: int = 900
    next_update: int = 500
    allowed: set[str] | None = None
    token: str = TOKEN
    spoil: tuple[bytes, bytes] = (b"", b"")  # what to put into answers instead of what
    _poll: asyncio.Event | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Something happens: the next update."""
        update = {"update_id": self.next_update, kind: dict(value)}
        self.next_update += 1
        if self.allowed is None or kind in self.allowed:
            self.updates.append(update)
            self._news.set()
        return update

    def add_file(self, content: bytes) -> str:
        file_id = f"AgACAgI{len(self.files)}"
        self.files[file_id] = content
        return file_id

    async def answer(self, request: Request) -> Response:
        if request.path_params["token"] != self.token:
            return _refused(Refusal(401, "Unauthorized"))
        method, given = request.path_params["method"], await _given(request)
        self.calls.append((method, given))
        handler = getattr(self, f"_on_{method.lower()}", None)
        try:
            if handler is None:
                raise Refusal(404, "Not Found: method not found")
            if method.startswith("send") and self.refusals:
                refusal = self.refusals.pop(0)
                if isinstance(refusal, Response):
                    return refusal
                raise refusal
            answer = JSONResponse({"ok": True, "result": await handler(given)})
            return Response(bytes(answer.body).replace(*self.spoil), media_type="application/json")
        except Refusal as refusal:
            return _refused(refusal)

    async def download(self, request: Request) -> Response:
        content = self.files.get(request.path_params["path"].removeprefix("photos/"))
        is_known = request.path_params["token"] == self.token and content is not None
        return Response(content, media_type="application/octet-stream") if is_known else _refused(Refusal(404, "Not Found"))

    async def _on_getme(self, given: dict[str, Any]) -> Any:
        more = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return BOT | more | {"can_connect_to_business": True, "has_main_web_app": False}

    async def _on_getupdates(self, given: dict[str, Any]) -> Any:
        """https://core.telegram.org/bots/api#getupdates"""
        if self.webhook.get("url"):
            words = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            raise Refusal(409, words)
        if (allowed := given.get("allowed_updates")) is not None:
            self.allowed = set(allowed) or None
        if self._poll is not None:
            self._poll.set()
        self._poll = mine = asyncio.Event()
        offset = int(given.get("offset") or 0)
        if self.updates and offset > self.updates[-1]["update_id"] + AHEAD:
            offset = 0
        if offset < 0:
            offset = self.updates[offset]["update_id"] if len(self.updates) >= -offset else 0
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        if not self.updates:
            await self._wait(mine, float(given.get("timeout") or 0))
        self._poll = None if self._poll is mine else self._poll
        return self.updates[: int(given.get("limit") or 100)]

    async def _wait(self, mine: asyncio.Event, seconds: float) -> None:
        """Until there is news; a later poll ends this one."""
        self._news.clear()
        ends = {asyncio.create_task(self._news.wait()), asyncio.create_task(mine.wait())}
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
        if mine.is_set():
            raise Refusal(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")

    async def _on_setwebhook(self, given: dict[str, Any]) -> Any:
        self.webhook = given
        return True

    async def _on_deletewebhook(self, given: dict[str, Any]) -> Any:
        self.webhook = {}
        return True

    async def _on_getwebhookinfo(self, given: dict[str, Any]) -> Any:
        waiting = {"has_custom_certificate": False, "pending_update_count": len(self.updates)}
        return {"url": self.webhook.get("url", "")} | waiting

    async def _on_getfile(self, given: dict[str, Any]) -> Any:
        file_id = given["file_id"]
        if file_id not in self.files:
            raise Refusal(400, "Bad Request: invalid file_id")
        size = len(self.files[file_id])
        if size > 20 * 1024 * 1024:
            raise Refusal(400, "Bad Request: file is too big")
        return {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": size, "file_path": f"photos/{file_id}"}

    async def _on_sendmessage(self, given: dict[str, Any]) -> Any:
        text = given.get("text", "")
        if not text:
            raise Refusal(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            raise Refusal(400, "Bad Request: message is too long")
        return self._said(given, text=text)

    async def _on_senddocument(self, given: dict[str, Any]) -> Any:
        name, content = _file(given, given["document"])
        document = {"file_id": self.add_file(content), "file_unique_id": "u", "file_name": name, "file_size": len(content)}
        return self._said(given, document=document, **_caption(given))

    async def _on_sendphoto(self, given: dict[str, Any]) -> Any:
        _, content = _file(given, given["photo"])
        size = {"file_id": self.add_file(content), "file_unique_id": "u", "width": 90, "height": 60, "file_size": len(content)}
        return self._said(given, photo=[size], **_caption(given))

    async def _on_sendmediagroup(self, given: dict[str, Any]) -> Any:
        """https://core.telegram.org/bots/api#sendmediagroup"""
        if not 2 <= len(given["media"]) <= 10:
            raise Refusal(400, "Bad Request: wrong number of messages in the group")
        if len({item["type"] for item in given["media"]}) > 1:
            raise Refusal(400, "Bad Request: media can't be mixed")
        said = []
        for item in given["media"]:
            name, content = _file(given, item["media"])
            document = {"file_id": self.add_file(content), "file_unique_id": "u", "file_name": name, "file_size": len(content)}
            said.append(self._said(given, media_group_id="1", document=document, **_caption(item)))
        return said

    async def _on_setmessagereaction(self, given: dict[str, Any]) -> Any:
        return True

    async def _on_deletemessage(self, given: dict[str, Any]) -> Any:
        return True

    async def _on_deletebusinessmessages(self, given: dict[str, Any]) -> Any:
        return True

    async def _on_editmessagetext(self, given: dict[str, Any]) -> Any:
        return message(int(given["message_id"]), int(given["chat_id"]), given["text"], sender=BOT, edit_date=MORNING + 60)

    def _said(self, given: dict[str, Any], **content: Any) -> dict[str, Any]:
        chat = str(given["chat_id"])
        if chat in self.moved:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refusal(400, words, migrate_to_chat_id=self.moved[chat])
        self.next_id += 1
        more = {name: given[name] for name in ("business_connection_id", "message_thread_id") if name in given}
        if more.get("business_connection_id"):
            more["sender_business_bot"] = BOT
        sender = OWNER if more.get("business_connection_id") else BOT
        said = message(self.next_id, int(chat), content.pop("text", None), sender=sender, **more, **content)
        self.sent.append(said)
        return said


OWNER = {"id": 77, "is_bot": False, "first_name": "Olga", "last_name": "Owner"}
ANNA = {"id": 12, "is_bot": False, "first_name": "Anna", "last_name": "Ash", "username": "anna_ash", "language_code": "de"}


def private_chat(person: Mapping[str, Any] = ANNA) -> dict[str, Any]:
    return {"id": person["id"], "type": "private", "first_name": person["first_name"]}


def group_chat(number: int = -1001234, **more: Any) -> dict[str, Any]:
    return {"id": number, "type": "supergroup", "title": "Shop talk"} | more


def message(number: int, chat: int | Mapping[str, Any], text: str | None = None, *, sender: Mapping[str, Any] = ANNA, **more: Any) -> Any:
    """https://core.telegram.org/bots/api#message"""
    if isinstance(chat, int):
        chat = {"id": chat, "type": "private", "first_name": "Anna"} if chat > 0 else group_chat(chat)
    said = {"message_id": number, "date": MORNING + number, "chat": dict(chat), "from": dict(sender)}
    return said | ({} if text is None else {"text": text}) | more


@asynccontextmanager
async def serving(bot_api: BotApi, port: int = 0) -> AsyncIterator[str]:
    """The address of a server that is this bot's Telegram."""
    routes = [
        Route("/bot{token}/{method}", bot_api.answer, methods=["GET", "POST"]),
        Route("/file/bot{token}/{path:path}", bot_api.download),
    ]
    async with listening(Starlette(routes=routes), port=port) as address:
        try:
            yield address
        finally:
            if bot_api._poll is not None:
                bot_api._poll.set()


async def _given(request: Request) -> dict[str, Any]:
    """Parameters as any of the documented ways brings them (https://core.telegram.org/bots/api#making-requests)."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return await request.json()
    given: dict[str, Any] = dict(request.query_params)
    async with request.form() as form:
        for name, value in form.items():
            given[name] = (value.filename, await value.read()) if isinstance(value, UploadFile) else _value(value)
    return given


def _value(value: str) -> Any:
    if value[:1] in "[{":
        return json.loads(value)
    return value


def _file(given: Mapping[str, Any], value: Any) -> tuple[str, bytes]:
    """A file in its own field, or in the one that "attach://" names (https://core.telegram.org/bots/api#sending-files)."""
    return given[value.removeprefix("attach://")] if isinstance(value, str) else value


def _caption(given: Mapping[str, Any]) -> dict[str, Any]:
    if len(given.get("caption", "").encode("utf-16-le")) // 2 > 1024:
        raise Refusal(400, "Bad Request: message caption is too long")
    return {"caption": given["caption"]} if given.get("caption") else {}


def _refused(refusal: Refusal) -> Response:
    body: dict[str, Any] = {"ok": False, "error_code": refusal.status, "description": refusal.description}
    if refusal.parameters:
        body["parameters"] = refusal.parameters
    return JSONResponse(body, refusal.status)
