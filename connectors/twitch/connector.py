"""The connector: one account in one channel's chat, read by EventSub, answered by Helix."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from time import monotonic
from typing import Any, ClassVar, cast

from pydantic import BaseModel, ValidationError

from connectors.twitch import hooks, parse
from connectors.twitch.api import Api, Refusal
from connectors.twitch.config import TwitchConfig
from connectors.twitch.listening import listen, revoked
from connectors.twitch.shapes import Account
from inbox.contract import (
    Action,
    Ambiguous,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Permanent,
    Receipt,
    Refused,
    Reply,
    Request,
    Response,
    Secrets,
    Standing,
    Transient,
    Verification,
)

HOURLY = 3600.0  # seconds between two looks at the token
LOOK = 300.0  # seconds between two looks at a webhook's subscriptions


class Twitch:
    """The chat of one channel."""

    name: ClassVar[str] = "twitch"
    title: ClassVar[str] = "Twitch"
    Config: ClassVar[type[BaseModel]] = TwitchConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS}),
        max_length=500,
        deletes_in=True,
        actions=frozenset({Action.DELETE}),
        consequences={
            Action.DELETE: "It disappears from the chat for everybody. Twitch refuses that for what is older than six hours.",
        },
    )

    def __init__(self, config: TwitchConfig) -> None:
        self._config = config
        self._api = Api(config)
        self._me = self._room = Account(id="")

    @property
    def standing(self) -> Standing:
        """Until when the access token is good."""
        return Standing(token_expires_at=self._api.expires_at)

    def lend(self, secrets: Secrets) -> None:
        self._api.secrets = secrets

    async def check(self) -> Author:
        """The token is this application's, may read and write, and the channel exists."""
        await self._learn()
        return Author(self._me.id, self._me.display_name or self._me.login, self._me.login, self._me.profile_image_url, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """What is said from now on: Twitch keeps no chat, so what was said while nobody listened is a gap."""
        await self._learn()
        if self._config.webhook_url:
            await self._watch()
        validated = monotonic()
        async with aclosing(listen(self._api.events, self._subscribe)) as heard:
            async for one in heard:
                if one is None:
                    yield Batch(cursor=_now(), gap=cursor is not None)
                    continue
                about = one.metadata
                if about.message_type == "notification":
                    yield parse.notification(about.subscription_type, one.event, about.message_timestamp, self._me.id, _now())
                if monotonic() - validated > HOURLY:
                    await self._api.validate()
                    validated = monotonic()

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """Verify and read one message of EventSub."""
        if self._config.webhook_secret is None:
            raise Refused("This channel has no webhook: it listens.", 404)
        response, batch = hooks.answer(self._config.webhook_secret.get_secret_value(), request, request.query.get("me", ""))
        return response, {"": batch}

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # what is kept names its time
        """Something that could not be read before."""
        return parse.reread(raw)

    async def send(self, reply: Reply) -> Receipt:
        """One chat message (https://dev.twitch.tv/docs/api/reference/#send-chat-message). Twitch knows no repeats."""
        if reply.attachments:
            raise Permanent("Twitch's chat takes no files.")
        await self._learn_once()
        shape: dict[str, Any] = {
            "broadcaster_id": reply.post_id or self._room.id,
            "sender_id": self._me.id,
            "message": " ".join(reply.text.split("\n")),
        }
        if reply.parent_id:
            shape["reply_parent_message_id"] = reply.parent_id
        told = (await self._api.change("POST", "/chat/messages", shape)).get("data")
        sent = cast("dict[str, Any]", told[0]) if isinstance(told, list) and told and isinstance(told[0], dict) else {}
        if sent.get("is_sent") is False:
            dropped = sent.get("drop_reason")
            words = cast("dict[str, Any]", dropped).get("message") if isinstance(dropped, dict) else ""
            raise Permanent(f"Twitch did not let the message through: {str(words or 'it gives no reason')[:200]}")
        if not sent.get("message_id"):
            raise Ambiguous("Twitch's answer does not tell what became of the reply.")
        return Receipt(str(sent["message_id"]), datetime.now(UTC))

    async def act(self, action: Action, message_id: str, text: str = "") -> None:  # noqa: ARG002  # no action here has words
        """Delete a message (https://dev.twitch.tv/docs/api/reference/#delete-chat-messages); one that is gone is no failure."""
        if action is not Action.DELETE:
            raise Permanent("Twitch does not know this action.")
        await self._learn_once()
        params = {"broadcaster_id": self._room.id, "moderator_id": self._me.id, "message_id": message_id}
        try:
            await self._api.change("DELETE", "/moderation/chat", None, **params)
        except Refusal as error:
            if error.status != 404:
                raise

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _learn_once(self) -> None:
        if not self._me.id:
            await self._learn()

    async def _learn(self) -> None:
        """Who we are, and whose chat it is."""
        whose = await self._api.validate()
        logins = {whose.login.lower(), self._config.channel or whose.login.lower()}
        for login in logins:
            told = (await self._api.ask("GET", "/users", login=login)).get("data")
            try:
                found = Account.model_validate(cast("list[Any]", told)[0])
            except (ValidationError, IndexError, TypeError):
                raise Permanent(f"Twitch knows no channel {login}.") from None
            if found.login.lower() == whose.login.lower():
                self._me = found
            if found.login.lower() == (self._config.channel or whose.login.lower()):
                self._room = found
        if not self._me.id or not self._room.id:
            raise Transient("Twitch does not say whose access token it is.")

    async def _subscribe(self, session: str) -> None:
        for kind in parse.WANTED:
            await self._order(kind, {"method": "websocket", "session_id": session}, app=False)

    async def _order(self, kind: str, transport: dict[str, str], *, app: bool) -> None:
        """https://dev.twitch.tv/docs/api/reference/#create-eventsub-subscription; 409 says that it is there already."""
        condition = {"broadcaster_user_id": self._room.id, "user_id": self._me.id}
        try:
            content = {"type": kind, "version": "1", "condition": condition, "transport": transport}
            await self._api.ask("POST", "/eventsub/subscriptions", content, app=app)
        except Refusal as error:
            if error.status != 409:
                raise

    async def _watch(self) -> None:
        """See to it that the webhook stays subscribed; never returns. Our id rides along for those who read what comes."""
        secret = self._config.webhook_secret.get_secret_value() if self._config.webhook_secret else ""
        callback = f"{self._config.webhook_url}?me={self._me.id}"
        while True:
            for kind in parse.WANTED:
                told = (await self._api.ask("GET", "/eventsub/subscriptions", app=True, type=kind)).get("data")
                found = [cast("dict[str, Any]", one) for one in cast("list[Any]", told or []) if isinstance(one, dict)]
                ours = [one for one in found if isinstance(one.get("transport"), dict) and one["transport"].get("callback") == callback]
                ended = next((one for one in ours if one.get("status") in {"authorization_revoked", "user_removed"}), None)
                if ended is not None:
                    raise revoked(ended)
                if not any(str(one.get("status")) in {"enabled", "webhook_callback_verification_pending"} for one in ours):
                    await self._order(kind, {"method": "webhook", "callback": callback, "secret": secret}, app=True)
            await asyncio.sleep(LOOK)
            await self._api.validate()


def _now() -> str:
    """When the chat was last heard."""
    return datetime.now(UTC).isoformat(timespec="seconds")
