"""What a message says: its text with formatting, its files, and words for what is neither."""

from dataclasses import dataclass
from html import escape

from connectors.telegram import markup
from connectors.telegram.api import LARGEST
from connectors.telegram.shapes import Location, Media, Message
from inbox.contract import Attachment

SCHEME = "telegram:"  # a file's address: the connector alone can fetch it, with its token
UNKNOWN = "[This kind of message cannot be shown here: look at it in Telegram.]"
MAP = "https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}"
FILES = {  # field of a message: a name and a type where Telegram tells none
    "animation": ("animation.mp4", "video/mp4"),  # first: an animation comes as a document too
    "photo": ("photo.jpg", "image/jpeg"),
    "video": ("video.mp4", "video/mp4"),
    "video_note": ("video.mp4", "video/mp4"),
    "voice": ("voice.ogg", "audio/ogg"),
    "audio": ("audio.mp3", "audio/mpeg"),
    "sticker": ("sticker.webp", "image/webp"),
    "document": ("file", "application/octet-stream"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A message as the inbox shows it."""

    text: str
    html: str | None
    files: tuple[Attachment, ...]


def read(message: Message) -> Said:
    """The message's own words; where it has none, what stands for them."""
    kind, media = _media(message)
    files = () if media is None else (_attachment(kind, media),)
    text, entities = (message.text, message.entities) if message.text is not None else (message.caption or "", message.caption_entities)
    html = markup.html(text, entities)
    if not text:
        text = _described(message, kind, media)
    origin = message.forward_origin
    if origin is not None:
        before = f"Forwarded from {origin.name or 'somebody'}:\n"
        text, html = before + text, None if html is None else escape(before).replace("\n", "<br>") + html
    return Said(text, html, files)


def _media(message: Message) -> tuple[str, Media | None]:
    for kind in FILES:
        found: Media | tuple[Media, ...] | None = getattr(message, kind)
        if isinstance(found, tuple):
            found = found[-1] if found else None
        if found is not None:
            return kind, found
    return "", None


def _attachment(kind: str, media: Media) -> Attachment:
    """Where the file is. What is larger than a bot may fetch has no address: it stays with Telegram."""
    name, media_type = FILES[kind]
    if media.is_animated:
        name, media_type = "sticker.tgs", "application/x-tgsticker"
    elif kind == "sticker" and media.is_video:
        name, media_type = "sticker.webm", "video/webm"
    url = None if (media.file_size or 0) > LARGEST else f"{SCHEME}{media.file_id}"
    return Attachment(media.file_name or name, media.mime_type or media_type, url=url, size=media.file_size)


def _described(message: Message, kind: str, media: Media | None) -> str:
    """Words for what has none of its own; "" where the file says it all."""
    if media is not None:
        if kind == "sticker":
            return f"[Sticker {media.emoji}]" if media.emoji else "[Sticker]"
        if kind in {"voice", "video_note"}:
            return f"[{'Voice' if kind == 'voice' else 'Video'} message, {_minutes(media.duration or 0)}]"
        return ""
    if message.venue is not None:
        return f"[Place] {message.venue.title}, {message.venue.address}\n{_map(message.venue.location)}"
    if message.location is not None:
        return f"[Location] {_map(message.location)}"
    if message.contact is not None:
        name = f"{message.contact.first_name} {message.contact.last_name}".strip()
        return f"[Contact] {name}, {message.contact.phone_number}"
    if message.dice is not None:
        return f"{message.dice.emoji} {message.dice.value}"
    if message.poll is not None:
        return "\n".join([f"[Poll] {message.poll.question}", *(f"– {option.text}" for option in message.poll.options)])
    return UNKNOWN


def _map(location: Location) -> str:
    return MAP.format(latitude=location.latitude, longitude=location.longitude)


def _minutes(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"
