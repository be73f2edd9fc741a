"""The connector: updates fetched by long polling or pushed by webhook, replies sent by the Bot API."""

import hmac
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ValidationError

from connectors.telegram import outgoing, places, words
from connectors.telegram.api import Api, Moved, ReplyGone
from connectors.telegram.config import TelegramConfig
from connectors.telegram.outgoing import Outgoing
from connectors.telegram.polling import poll, watch
from connectors.telegram.shapes import Message, User
from connectors.telegram.updates import Reader
from inbox.contract import (
    Action,
    Ambiguous,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    LengthUnit,
    Permanent,
    Receipt,
    Refused,
    Rejected,
    Reply,
    Request,
    Response,
    Verification,
)

SECRET = "x-telegram-bot-api-secret-token"  # noqa: S105  # a header's name
LIKE = [{"type": "emoji", "emoji": "👍"}]
SENDABLE = 50_000_000  # bytes (https://core.telegram.org/bots/api#senddocument)


class Telegram:
    """Telegram bots: private chats, groups and comments, by long polling or webhook."""

    name: ClassVar[str] = "telegram"
    title: ClassVar[str] = "Telegram"
    Config: ClassVar[type[BaseModel]] = TelegramConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.CLIENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=4096,
        length_unit=LengthUnit.UTF16,
        edits_in=True,
        deletes_in=False,  # only in business accounts
        attachments=True,
        max_attachment_bytes=SENDABLE,
        actions=frozenset({Action.LIKE, Action.EDIT, Action.DELETE}),
        own_only=frozenset({Action.EDIT}),
        consequences={
            Action.LIKE: "A 👍 from the bot that everybody in the chat sees.",
            Action.DELETE: "It is gone for everybody in the chat. Telegram refuses that for what is older than 48 hours.",
            Action.EDIT: "Everybody sees the new text, marked as edited.",
        },
    )

    def __init__(self, config: TelegramConfig) -> None:
        self._config = config
        self._api = Api(config.api_url, config.token.get_secret_value())
        self._reader = Reader(config.bot_id)

    async def check(self) -> Author:
        """The token is accepted: Telegram says who the bot is."""
        me = await self._me()
        return Author(str(me.id), me.name, me.username, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncGenerator[Batch]:
        """Fetch for ever; with a webhook, see to it that it stays set."""
        self._reader.name = (await self._me()).username or ""
        if self._config.webhook_url:
            await watch(self._api, self._config, self._reader.name)
        if self._config.take_over:
            await self._api.call("deleteWebhook", {"drop_pending_updates": False})
        async with aclosing(poll(self._api, self._reader, cursor)) as batches:
            async for batch in batches:
                yield batch

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """Compare the secret in constant time, then read the one update (https://core.telegram.org/bots/api#setwebhook)."""
        if self._config.webhook_secret is None:
            raise Refused("This channel has no webhook: it fetches.", 404)
        if request.method != "POST":
            raise Refused("Telegram sends POST requests.", 405)
        secret = self._config.webhook_secret.get_secret_value().encode()
        if not hmac.compare_digest(request.headers.get(SECRET, "").encode(errors="replace"), secret):
            raise Refused("The secret does not fit.")
        self._reader.name = request.query.get("name", "")  # put there when the webhook was set
        return Response(), {"": self.reread(request.body, request.received_at)}

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """An update as it was pushed or kept. What cannot be read is kept, and never asked for again."""
        try:
            update = json.loads(raw.decode())
        except (ValueError, RecursionError):
            return Batch(rejected=[Rejected(raw, "The body is not JSON.")])
        events, rejected = self._reader.read([update], received_at)
        return Batch(events, rejected=rejected)

    async def send(self, reply: Reply) -> Receipt:
        """One message. Telegram knows no repeats: what may have been taken is never sent again unasked."""
        call = outgoing.compose(reply)
        try:
            return await self._send(call)
        except ReplyGone:
            return await self._send(replace(call, answers=None))
        except Moved as moved:  # the messages of the old group have other numbers in the new one
            return await self._send(replace(call, answers=None, place=replace(call.place, chat=moved.chat)))

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        """Like, edit or delete a message."""
        place, number = places.parse(message_id), places.number(message_id)
        if action is Action.LIKE and place.business:
            raise Permanent("Telegram lets bots react to nothing in a business account.")
        if action is Action.LIKE:
            await self._api.call("setMessageReaction", {"chat_id": place.chat, "message_id": number, "reaction": LIKE})
        elif action is Action.EDIT:
            await self._api.call("editMessageText", {**place.parameters, "message_id": number, "text": text})
        elif action is Action.DELETE and place.business:
            given = {"business_connection_id": place.business, "message_ids": [number]}
            await self._api.call("deleteBusinessMessages", given)
        elif action is Action.DELETE:
            await self._api.call("deleteMessage", {"chat_id": place.chat, "message_id": number})
        else:
            raise Permanent("Telegram has no such action.")

    async def fetch_file(self, url: str) -> bytes:
        """The bytes of a message's file."""
        return await self._api.file(url.removeprefix(words.SCHEME))

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _me(self) -> User:
        try:
            return User.model_validate(await self._api.call("getMe"))
        except ValidationError:
            raise Permanent("The Bot API server does not say who the bot is.") from None

    async def _send(self, call: Outgoing) -> Receipt:
        if call.files:
            result = await self._api.upload(call.method, call.form(), call.files)
        else:
            result = await self._api.call(call.method, call.given(), sending=True)
        try:
            message = Message.model_validate(cast("list[Any]", result)[0] if isinstance(result, list) and result else result)
            accepted_at = datetime.fromtimestamp(message.date, UTC)
        except (ValidationError, OverflowError, ValueError, OSError):
            raise Ambiguous("Telegram's answer does not tell what became of the reply.") from None
        return Receipt(call.place.message_id(message.message_id), accepted_at)
