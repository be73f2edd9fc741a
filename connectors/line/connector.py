"""The connector: LINE pushes what people write, and takes answers as push messages."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar

from pydantic import BaseModel

from connectors.line import parse
from connectors.line.api import Api
from connectors.line.config import LineConfig
from inbox.contract import (
    Author,
    Batch,
    Capabilities,
    ConversationKind,
    LengthUnit,
    Permanent,
    Receipt,
    Refused,
    Reply,
    Request,
    Response,
    Standing,
    Verification,
)

SIGNATURE = "x-line-signature"
LOOK = 900.0  # seconds between two looks at the webhook and the quota
TOKYO = timezone(timedelta(hours=9))  # where LINE's months begin
SILENT = "LINE calls nobody: set this channel's address as the Webhook URL in the LINE Developers Console and turn on Use webhook."


class Line:
    """One official account: chats with people, groups and rooms."""

    name: ClassVar[str] = "line"
    title: ClassVar[str] = "LINE"
    Config: ClassVar[type[BaseModel]] = LineConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        conversation_kinds=frozenset({ConversationKind.COMMENTS, ConversationKind.DIRECT}),
        max_length=5000,
        length_unit=LengthUnit.UTF16,
        idempotent_send=True,
        idempotent_minutes=23 * 60,  # LINE knows a key for 24 hours
        deletes_in=True,
    )

    def __init__(self, config: LineConfig) -> None:
        self._secret = config.channel_secret.get_secret_value()
        self._api = Api(config)
        self._standing = Standing()

    @property
    def standing(self) -> Standing:
        """How many messages of the month are used, and when the next one begins."""
        return self._standing

    async def check(self) -> Author:
        """The token is accepted: LINE says whose it is."""
        bot = await self._api.bot()
        return Author(bot.user, bot.name or bot.user, bot.handle, bot.picture, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:  # noqa: ARG002  # LINE lists nothing: it calls
        """Nothing comes this way; it watches whether LINE calls, and how much may still be sent."""
        while True:
            if not await self._api.is_calling():
                raise Permanent(SILENT)
            used, limit = await self._api.quota()
            self._standing = Standing(used, limit, _next_month(datetime.now(UTC)))
            yield Batch()
            await asyncio.sleep(LOOK)

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """Verify over the raw bytes (https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/), then read all events.

        LINE signs no time; an event that comes again has the same id, however late.
        """
        if request.method != "POST":
            raise Refused("LINE sends POST requests.", 405)
        fitting = sign(self._secret, request.body)
        if not hmac.compare_digest(request.headers.get(SIGNATURE, "").encode(errors="replace"), fitting.encode()):
            raise Refused("The signature does not fit.")
        return Response(), {"": parse.deliveries(request.body)}

    def reread(self, raw: bytes, received_at: datetime) -> Batch:  # noqa: ARG002  # LINE names the time itself
        """Something that could not be read before."""
        return parse.deliveries(raw)

    async def fetch_file(self, url: str) -> bytes:
        """The bytes of a message's file, which LINE keeps for a while."""
        return await self._api.content(url.removeprefix(parse.SCHEME))

    async def send(self, reply: Reply) -> Receipt:
        """A push message: a reply token is good for a minute, and people are slower. The reply's key is LINE's retry key."""
        if reply.attachments:
            raise Permanent("LINE takes files only from public addresses: send a link.")
        to = (reply.recipient if reply.private else None) or reply.thread_id or reply.post_id
        if not to:
            raise Permanent("Nobody knows which chat this conversation belongs to.")
        return Receipt(await self._api.push(to, reply.text, reply.key), datetime.now(UTC))

    async def aclose(self) -> None:
        await self._api.aclose()


def sign(secret: str, body: bytes) -> str:
    """The signature that belongs to a body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _next_month(now: datetime) -> datetime:
    """When LINE counts from nought again."""
    there = now.astimezone(TOKYO)
    return (there.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1).astimezone(UTC)
