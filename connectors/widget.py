"""The chat on a website of ours.

There is no platform behind it. What visitors write comes in through the widget's own socket (`api.widget`); an answer is delivered by being
in the inbox, where every socket of the chat reads it. So `stream` brings nothing and `send` only says when (docs/decisions/0006).
"""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inbox.contract import Author, Batch, Capabilities, Receipt, Reply, Verification

ANY = "*"


class WidgetConfig(BaseModel):
    """How the chat looks, and where it may be shown. Nothing in it is secret."""

    model_config = ConfigDict(extra="ignore")

    allowed_origins: tuple[str, ...] = Field(
        default=(),
        title="Websites",
        description="Addresses that may show the chat, like https://www.example.org. None: only the test page here. * alone: any website.",
    )
    title: str = Field(default="", max_length=60, title="Title", description="What stands above the chat. Empty: the channel's name.")
    greeting: str = Field(default="", max_length=500, title="Greeting", description="The first words, before the visitor has written.")
    colour: str = Field(
        default="#3a5bd9",
        pattern=r"^#[0-9a-fA-F]{6}$",
        title="Colour",
        description="Of the button and the visitor's words.",
        json_schema_extra={"format": "color"},
    )
    theme: Literal["auto", "light", "dark"] = Field(
        default="auto",
        title="Theme",
        json_schema_extra={"words": {"auto": "As the visitor's system", "light": "Light", "dark": "Dark"}},
    )
    position: Literal["end", "start"] = Field(
        default="end",
        title="Side",
        description="The end of a line is on the right where people read from the left.",
        json_schema_extra={"words": {"end": "At the end of the line", "start": "At the start of the line"}},
    )
    locale: Literal["", "en", "de"] = Field(
        default="",
        title="Language",
        json_schema_extra={"words": {"": "As the page that shows the chat, or the visitor's browser", "en": "English", "de": "Deutsch"}},
    )
    show_seen: bool = Field(default=True, title="Show when the team has seen a message")

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(re.split(r"[\s,]+", value.strip())) if isinstance(value, str) and value.strip() else value or ()

    @field_validator("allowed_origins", mode="after")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(origin(address) for address in value))

    def allows(self, address: str) -> bool:
        """Whether a page of this origin may show the chat."""
        return ANY in self.allowed_origins or address.lower() in self.allowed_origins


def origin(address: str) -> str:
    """The scheme, host and port of a website's address, as browsers write them in `Origin`."""
    if address == ANY:
        return ANY
    parts = urlsplit(address.strip().lower())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ValueError("each line is the address of a website, like https://www.example.org")
    port = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in {None, port} else "")


class Widget:
    """The website chat: visitors write in our own window, so nothing can be lost on the way out."""

    name: ClassVar[str] = "widget"
    title: ClassVar[str] = "Website chat"
    Config: ClassVar[type[BaseModel]] = WidgetConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER, max_length=8000, idempotent_send=True, attachments=True
    )

    def __init__(self, config: WidgetConfig) -> None:
        self.config = config

    async def check(self) -> Author:
        return Author(id="widget", name=self.config.title, is_self=True)  # without a title it is the channel that has a name

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        yield Batch(cursor=cursor)  # says that the channel works
        await asyncio.Event().wait()

    async def send(self, reply: Reply) -> Receipt:
        """The answer is in the chat already; the id is made of the key, so that every attempt is the same message."""
        return Receipt(message_id=f"answer:{reply.key}", accepted_at=datetime.now(UTC))

    async def aclose(self) -> None:
        """Nothing is open."""
