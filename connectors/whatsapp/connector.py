"""The connector: notifications in, messages and templates out."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from connectors.meta import hooks
from connectors.meta.graph import Graph, entries, uploaded
from connectors.meta.parts import Part
from connectors.meta.shapes import Json
from connectors.whatsapp import reading, templates, words
from connectors.whatsapp.config import WhatsAppConfig
from connectors.whatsapp.reading import OURS
from inbox.contract import (
    Ambiguous,
    Attachment,
    Author,
    Batch,
    Capabilities,
    CursorExpired,
    Event,
    Permanent,
    PlatformTemplate,
    Receipt,
    Reply,
    Request,
    Response,
    Standing,
    Verification,
)

LARGEST = 100 * 1024 * 1024  # bytes of a document
CAPTION = 1024  # characters beside a file
KINDS = {  # https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media#supported-media-types
    **dict.fromkeys(("image/jpeg", "image/png"), ("image", 5 * 1024 * 1024)),
    **dict.fromkeys(("video/mp4", "video/3gpp"), ("video", 16 * 1024 * 1024)),
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), ("audio", 16 * 1024 * 1024)),
}
HOSTS = (".fbsbx.com", ".facebook.com", ".whatsapp.net")  # that the token may be shown to
LOOK = 3600.0  # seconds between two looks at the token
KEPT = timedelta(days=7)  # for which WhatsApp repeats a notification
NEEDED = frozenset({"whatsapp_business_messaging", "whatsapp_business_management"})


class WhatsApp:
    """One number at the Cloud API: chats, files, reactions, what became of messages, and approved templates."""

    name: ClassVar[str] = "whatsapp"
    title: ClassVar[str] = "WhatsApp"
    Config: ClassVar[type[BaseModel]] = WhatsAppConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.DOCUMENTS,
        max_length=4096,
        edits_in=True,
        deletes_in=True,
        attachments=True,
        window_hours=24,
    )
    about: ClassVar[str] = "whatsapp_business_account"  # of its notifications

    def __init__(self, config: WhatsAppConfig) -> None:
        self._config = config
        self.own = config.phone_number_id
        token, secret = config.access_token.get_secret_value(), config.app_secret.get_secret_value()
        self._graph = Graph(self.title, config.graph_url, token, secret, limit=LARGEST + 1024)
        self._variables: dict[tuple[str, str], tuple[str, ...]] = {}

    @property
    def standing(self) -> Standing:
        return self._graph.standing

    async def check(self) -> Author:
        """The token may do what is needed, and the number is the business's."""
        await self._graph.look_at_token(self._config.app_id, NEEDED)
        number = await self._graph.get(self.own, fields="verified_name,display_phone_number")
        shown = str(number.get("display_phone_number") or "")
        return Author(self.own, str(number.get("verified_name") or shown or self.own), shown or None, is_self=True)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Nothing can be fetched: WhatsApp calls. A pause longer than it repeats its calls is a gap; the token is looked at."""
        heard = _read(cursor) if cursor else datetime.now(UTC)
        gap = datetime.now(UTC) - heard > KEPT
        while True:
            await self._graph.look_at_token(self._config.app_id)
            yield Batch(cursor=datetime.now(UTC).isoformat(timespec="seconds"), gap=gap)
            gap = False
            await asyncio.sleep(LOOK)

    def webhook(self, request: Request) -> tuple[Response, Mapping[str, Batch]]:
        """One address serves all numbers of the app: batches are keyed by the id of the number."""
        return hooks.receive(request, self._config, self)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """A notification, or a part of one, that could not be read before."""
        return hooks.reread(raw, received_at, self)

    def account(self, part: Part) -> str:
        return reading.account(part)

    def read(self, part: Part, account: str) -> list[Event]:
        """One part of a notification."""
        return list(reading.read(part, account))

    async def send(self, reply: Reply) -> Receipt:
        """A template, a text, or files with the text beside the first; what is handed in beforehand is seen by nobody."""
        if reply.template is not None:
            return await self._post(reply, templates.filled(reply, await self._names(reply.template)))
        if not reply.attachments:
            if not reply.text.strip():
                raise Permanent("WhatsApp takes no empty message.")
            return await self._post(reply, {"type": "text", "text": {"body": reply.text, "preview_url": True}})
        first, *further = reply.attachments
        if further:
            raise Permanent("WhatsApp takes one file in a message: send the others one after the other.")
        kind = kind_of(first)
        if reply.text and (kind == "audio" or len(reply.text) > CAPTION):
            raise Permanent(f"WhatsApp takes {0 if kind == 'audio' else CAPTION} characters beside this file: send both by themselves.")
        return await self._post(reply, {"type": kind, kind: await self._hand_in(first, kind, reply.text)})

    async def templates(self) -> Sequence[PlatformTemplate]:
        """The approved ones that words alone fill in."""
        found = await templates.approved(self._graph, self._config.business_account_id)
        self._variables |= {(one.shown.name, one.shown.language): one.variables for one in found}
        return [one.shown for one in found]

    async def fetch_file(self, url: str) -> bytes:
        """https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media#get-media-url"""
        told = await self._graph.get(url.removeprefix(words.SCHEME), phone_number_id=self.own)
        address = str(told.get("url") or "")
        host = urlsplit(address).hostname or ""
        if not host.endswith(HOSTS) and host != urlsplit(self._config.graph_url).hostname:
            raise Permanent("WhatsApp does not say where the file is.")
        return await self._graph.download(address)

    async def aclose(self) -> None:
        await self._graph.aclose()

    async def _post(self, reply: Reply, content: Json) -> Receipt:
        """https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api"""
        to = reply.thread_id or reply.recipient or ""
        if not to:
            raise Permanent("Nobody knows whom this message is for.")
        whom: Json = {"to": to} if to.isdecimal() else {"recipient": to}  # whose number is not told has an id instead
        context: Json = {"context": {"message_id": reply.parent_id}} if reply.parent_id and reply.template is None else {}
        shell = {"messaging_product": "whatsapp", "recipient_type": "individual", "biz_opaque_callback_data": f"{OURS}{reply.key}"}
        told = await self._graph.post(f"{self.own}/messages", {**shell, **whom, **context, **content})
        name = next((message.get("id") for message in entries(told, "messages")), None)
        if not name:
            raise Ambiguous("WhatsApp took the message, but does not say what became of it.")
        return Receipt(str(name), datetime.now(UTC))

    async def _hand_in(self, file: Attachment, kind: str, caption: str) -> Json:
        content: Json = {"messaging_product": "whatsapp", "type": file.media_type}
        told = await self._graph.post(f"{self.own}/media", content, sending=False, files={"file": uploaded(file)})
        named = {"filename": file.name} if kind == "document" else {}
        return {"id": str(told.get("id", "")), **named, **({"caption": caption} if caption else {})}

    async def _names(self, template: PlatformTemplate) -> tuple[str, ...]:
        """The template's variables, by name; asked for where nobody has listed the templates yet."""
        key = (template.name, template.language)
        if key not in self._variables:
            for found in await templates.approved(self._graph, self._config.business_account_id, name=template.name):
                self._variables[found.shown.name, found.shown.language] = found.variables
        if key not in self._variables:
            raise Permanent("The template does not exist, is not approved, or wants more than words.")
        return self._variables[key]


def kind_of(file: Attachment) -> str:
    """How WhatsApp shows a file: what is too large for its kind goes as a document."""
    kind, largest = KINDS.get(file.media_type.partition(";")[0].strip(), ("document", LARGEST))
    return kind if len(file.content or b"") <= largest else "document"


def _read(cursor: str) -> datetime:
    try:
        at = datetime.fromisoformat(cursor)
    except ValueError:
        raise CursorExpired("The place where reading stopped is not readable.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
