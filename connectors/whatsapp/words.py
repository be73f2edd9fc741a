"""What a message says: its text, its files, and words for what is neither."""

import mimetypes

from connectors.whatsapp.shapes import Content, Interactive, Media
from inbox.contract import Attachment

SCHEME = "whatsapp:"  # a file's address: only the connector can fetch it, with its token
UNKNOWN = "[This kind of message cannot be shown here: look at it in WhatsApp.]"
MAP = "https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}"
FILES = ("image", "video", "audio", "document", "sticker")


def read(content: Content) -> tuple[str, tuple[Attachment, ...]]:
    """The text and the files of a message."""
    media: Media | None = getattr(content, content.type) if content.type in FILES else None
    files = () if media is None or media.id is None else (_file(content.type, media),)
    text = media.caption if media is not None else _said(content)
    if content.type == "sticker":
        text = "[Sticker]"
    elif content.type == "audio" and media is not None and media.voice:
        text = "[Voice message]"
    if not text and not files:
        text = UNKNOWN
    if content.context is not None and (content.context.forwarded or content.context.frequently_forwarded):
        text = f"Forwarded:\n{text}".strip()
    return text, files


def _file(kind: str, media: Media) -> Attachment:
    media_type = media.mime_type.partition(";")[0].strip()
    name = media.filename or f"{kind}{mimetypes.guess_extension(media_type) or ''}"
    return Attachment(name, media_type or "application/octet-stream", url=f"{SCHEME}{media.id}")


def _said(content: Content) -> str:
    """Words for what has none of its own."""
    if content.text is not None:
        return content.text.body
    if content.location is not None:
        place = ", ".join(filter(None, [content.location.name, content.location.address]))
        where = MAP.format(latitude=content.location.latitude, longitude=content.location.longitude)
        return f"[Location] {place}\n{where}" if place else f"[Location] {where}"
    if content.contacts:
        return "\n".join(
            f"[Contact] {', '.join([card.name.formatted_name, *(one.phone for one in card.phones), *(one.email for one in card.emails)])}"
            for card in content.contacts
        )
    if content.order is not None:
        items = [
            f"– {item.quantity} × {item.product_retailer_id}, {item.item_price} {item.currency}" for item in content.order.product_items
        ]
        return "\n".join(["[Order]", *items, *filter(None, [content.order.text])])
    if content.button is not None:
        return content.button.text
    return _chosen(content.interactive) if content.interactive is not None else ""


def _chosen(interactive: Interactive) -> str:
    chosen = interactive.button_reply or interactive.list_reply
    if chosen is not None:
        return "\n".join(filter(None, [chosen.title, chosen.description]))
    if interactive.nfm_reply is not None:
        return f"[Form] {interactive.nfm_reply.body}"
    if interactive.call_permission_reply is not None:
        return f"[Permission to call: {interactive.call_permission_reply.response}]"
    return ""
