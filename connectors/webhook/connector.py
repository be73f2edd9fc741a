"""The connector: what comes in is verified and read, what goes out is signed and posted to the callback."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from connectors import http
from connectors.webhook import shapes, signatures
from inbox.contract import (
    Ambiguous,
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    Permanent,
    Receipt,
    Refused,
    Rejected,
    Reply,
    Request,
    Response,
    Verification,
)

SELF = "team"  # the id under which the other system shows our answers


class WebhookConfig(BaseModel):
    """How the other system proves itself, and where it takes answers."""

    model_config = ConfigDict(extra="ignore")

    secret: SecretStr = Field(
        title="Secret", description="whsec_ and the base64 of 24 to 64 random bytes; signs both ways. `openssl rand -base64 32` makes one."
    )
    old_secret: SecretStr | None = Field(
        default=None, title="Former secret", description="Still accepted from the other system while it changes over."
    )
    callback_url: str = Field(
        default="", title="Callback", description="Address that takes answers as signed POST requests. Empty: nothing can be answered."
    )
    idempotent: bool = Field(
        default=False,
        title="The callback knows repeats",
        description="It answers a webhook-id that it has seen with its first answer, and does nothing. A doubtful send is then repeated.",
    )

    def narrow(self, capabilities: Capabilities) -> Capabilities:
        """Without a callback nothing can be answered."""
        return capabilities if self.callback_url else replace(capabilities, replies=False)

    @field_validator("secret", "old_secret")
    @classmethod
    def _is_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            signatures.key(value.get_secret_value())
        return value

    @field_validator("callback_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        value = value.strip()
        if value and (urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname):
            raise ValueError("an address begins with https:// and names a host")
        return value


class ReceiptOut(BaseModel):
    """What the callback may answer."""

    model_config = ConfigDict(extra="ignore")

    id: shapes.Id | None = None
    at: shapes.Moment | None = None
    permalink: str | None = None


class Webhook:
    """Any system that can send and take signed HTTP requests."""

    name: ClassVar[str] = "webhook"
    title: ClassVar[str] = "Webhook"
    Config: ClassVar[type[BaseModel]] = WebhookConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT, ConversationKind.REVIEW}),
        edits_in=True,
        deletes_in=True,
        attachments=True,
    )

    def __init__(self, config: WebhookConfig) -> None:
        self._config = config
        self._secret = signatures.key(config.secret.get_secret_value())
        self._secrets = [self._secret]
        if config.old_secret is not None:
            self._secrets.append(signatures.key(config.old_secret.get_secret_value()))
        self._client = http.Client("The callback")

    async def check(self) -> Author:
        """The callback's name leads to an address that may be reached. Whether it takes answers, only an answer shows."""
        if self._config.callback_url:
            url = urlsplit(self._config.callback_url)
            await http.check(url.hostname or "", url.port or 443, name="The callback")
        return Author(id=SELF, name="Webhook", is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Nothing to fetch: the other system calls."""
        await asyncio.Event().wait()
        yield Batch(cursor=cursor)

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """Verify the signature over the raw bytes, then read the JSON."""
        if request.method != "POST":
            raise Refused("Send signed POST requests here.", 405)
        try:
            webhook_id, timestamp = signatures.verify(self._secrets, request.headers, request.body, request.received_at)
        except signatures.Unsigned as error:
            raise Refused(str(error)) from None
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise Refused("The body has to be application/json.", 415)
        try:
            entries = _entries(request.body)
        except ValueError as error:
            return _answer(400, [], [Rejected(request.body, str(error))])
        events, rejected = shapes.parse(entries, webhook_id, datetime.fromtimestamp(timestamp, UTC))
        return _answer(200 if events or not rejected else 422, events, rejected)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """An entry, or a whole body, that could not be read before. Its signature was checked when it came."""
        try:
            entries = _entries(raw)
        except ValueError as error:
            return Batch(rejected=[Rejected(raw, str(error))])
        events, rejected = shapes.parse(entries, hashlib.sha256(raw).hexdigest()[:32], received_at)
        return Batch(events, rejected=rejected)

    async def send(self, reply: Reply) -> Receipt:
        """Post the reply to the callback; webhook-id is the reply's key, the same for every attempt."""
        if not self._config.callback_url:
            raise Permanent("This channel has no callback address: nothing can be answered here.")
        body = json.dumps(_reply(reply), ensure_ascii=False).encode(errors="replace")
        headers = signatures.headers(self._secret, reply.key, datetime.now(UTC), body) | {"content-type": "application/json"}
        response = await self._client.fetch("POST", self._config.callback_url, sending=True, content=body, headers=headers)
        try:
            told = ReceiptOut.model_validate_json(response.content or b"{}")
        except ValidationError:
            raise Ambiguous("The callback's answer is not the JSON that was agreed.") from None
        return Receipt(told.id or f"reply:{reply.key}", told.at or datetime.now(UTC), told.permalink)

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Where the callback knows repeats, sending again is asking; else nobody can tell."""
        if not self._config.idempotent:
            raise Permanent("The callback may have taken the reply; it cannot be asked.")
        return await self.send(reply)

    async def aclose(self) -> None:
        await self._client.aclose()


def _entries(body: bytes) -> list[Any]:
    """The entries of a request: one, or those under "events". Raises ValueError with what is wrong."""
    try:
        data: Any = json.loads(body.decode())
    except UnicodeDecodeError:
        raise ValueError("The body is not UTF-8.") from None
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON.") from None
    if not isinstance(data, dict):
        raise ValueError("The body is not a JSON object.")
    entries = cast("dict[str, Any]", data).get("events", [data])
    if not isinstance(entries, list):
        raise ValueError('"events" is not a list.')
    return cast("list[Any]", entries)


def _answer(status: int, events: list[Any], rejected: list[Rejected]) -> tuple[Response, dict[str, Batch]]:
    told = {"accepted": len(events), "rejected": [one.reason for one in rejected]}
    return Response(status, json.dumps(told), "application/json"), {"": Batch(events, rejected=rejected)}


def _reply(reply: Reply) -> dict[str, Any]:
    return {
        "type": "reply",
        "key": reply.key,
        "thread": reply.thread_id,
        "parent": reply.parent_id,
        "recipient": reply.recipient,
        "text": reply.text,
        "html": reply.html,
        "private": reply.private,
        "author": reply.author_name,
        "human": reply.human,
        "attachments": [
            {
                "name": file.name,
                "media_type": file.media_type,
                "url": file.url,
                "content": base64.b64encode(file.content).decode() if file.content is not None else None,
            }
            for file in reply.attachments
        ],
    }
