"""Long polling, and the watch over a webhook (https://core.telegram.org/bots/api#getting-updates)."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.telegram.api import Api
from connectors.telegram.config import TelegramConfig
from connectors.telegram.updates import WANTED, Reader
from inbox.contract import Batch, Transient

LONG = 25  # seconds that Telegram holds a request while nobody writes
LIMIT = 100  # updates at once
KEPT = timedelta(hours=24)  # Telegram forgets updates that nobody has fetched for longer
NOTED = timedelta(hours=1)  # how often the place is kept while nobody writes, so that a gap can be told
CALM = 1.0  # seconds at least between two empty answers: a server that does not hold requests is not hammered
LOOK = 300.0  # seconds between two looks at the webhook


@dataclass(frozen=True, slots=True)
class Cursor:
    """The next update's number, and when Telegram was last heard."""

    offset: int | None
    heard: datetime | None

    @classmethod
    def read(cls, cursor: str | None) -> "Cursor":
        offset, _, heard = (cursor or "").partition("@")
        known = datetime.fromtimestamp(int(heard), UTC) if heard.isdecimal() else None
        return cls(int(offset) if offset.lstrip("-").isdecimal() else None, known)

    def __str__(self) -> str:
        heard = "" if self.heard is None else f"@{int(self.heard.timestamp())}"
        return f"{'' if self.offset is None else self.offset}{heard}"


async def poll(api: Api, reader: Reader, cursor: str | None) -> AsyncGenerator[Batch]:
    """Everything from the cursor on. Asking for the next number is what tells Telegram to forget: only after the host's commit."""
    at, clock = Cursor.read(cursor), asyncio.get_running_loop().time
    gap = at.heard is not None and datetime.now(UTC) - at.heard > KEPT
    while True:
        started = clock()
        updates = await _updates(api, at.offset)
        now = datetime.now(UTC)
        if updates or gap or (at.offset is not None and (at.heard is None or now - at.heard > NOTED)):
            at = Cursor(_next(updates, at.offset), now)
            events, rejected = reader.read(updates, now)
            yield Batch(events, cursor=str(at), gap=gap, rejected=rejected)
            gap = False
        elif clock() - started < CALM:
            await asyncio.sleep(CALM)


async def _updates(api: Api, offset: int | None) -> list[Any]:
    given = {"limit": LIMIT, "timeout": LONG, "allowed_updates": WANTED} | ({} if offset is None else {"offset": offset})
    updates = await api.call("getUpdates", given, wait=LONG)
    if not isinstance(updates, list):
        raise Transient("Telegram answered with something that is not what its documents say.")
    return cast("list[Any]", updates)


def _next(updates: list[Any], before: int | None) -> int | None:
    """The number after the last one. It may be smaller than before: after a quiet week Telegram begins anew, anywhere."""
    numbers = [cast("dict[str, Any]", update).get("update_id") for update in updates if isinstance(update, dict)]
    known = [number for number in numbers if isinstance(number, int)]
    if updates and not known:
        raise Transient("Telegram answered with updates that have no number.")
    return known[-1] + 1 if known else before


class WebhookInfo(BaseModel):
    """https://core.telegram.org/bots/api#webhookinfo"""

    model_config = ConfigDict(extra="ignore")

    url: str = ""
    last_error_date: int | None = None
    last_error_message: str = ""


async def watch(api: Api, config: TelegramConfig, name: str) -> None:
    """Set the webhook, then look whether it stays and works; never returns. The bot's name rides along for those who read what comes."""
    url = f"{config.webhook_url}?name={name}"
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret else ""
    since = datetime.now(UTC)
    await api.call("setWebhook", {"url": url, "secret_token": secret, "allowed_updates": WANTED, "drop_pending_updates": False})
    while True:
        await asyncio.sleep(LOOK)
        try:
            info = WebhookInfo.model_validate(await api.call("getWebhookInfo"))
        except ValidationError:
            raise Transient("Telegram answered with something that is not what its documents say.") from None
        if info.url != url:
            raise Transient("Another program has changed the bot's webhook; it is set again.")
        failed_at, since = since, datetime.now(UTC)
        if info.last_error_date is not None and info.last_error_date >= failed_at.timestamp():
            raise Transient(f"Telegram cannot deliver to the webhook: {info.last_error_message[:200]}")
