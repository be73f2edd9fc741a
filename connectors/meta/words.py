"""What a direct message says beside its text: its files, and words for what is neither.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages#message,
https://developers.facebook.com/docs/messenger-platform/instagram/features/webhook
"""

import mimetypes
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.meta.shapes import Shape, Words
from inbox.contract import Attachment

UNKNOWN = "[This kind of message cannot be shown here: look at it in {app}.]"
EMOJI = {  # https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/message-reactions
    **{"like": "👍", "dislike": "👎", "love": "❤️", "smile": "😆", "haha": "😆", "wow": "😮", "sad": "😢", "angry": "😡", "care": "🥰"},
    "none": "",
}
FILES = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mpeg", "file": "application/octet-stream"}
UNSURE = "application/octet-stream"
SHARED = {
    **{
        "story_mention": "[Mentioned you in their story]",
        "share": "[Shared a post]",
        "post": "[Shared a post]",
        "ig_post": "[Shared a post]",
    },
    **{"reel": "[Shared a reel]", "ig_reel": "[Shared a reel]", "ig_story": "[Shared a story]", "story": "[Shared a story]"},
}
MAP = "https://www.openstreetmap.org/?mlat={lat}&mlon={long}"


class Story(Shape):
    id: Words = ""
    url: str | None = None


class Payload(Shape):
    url: str | None = None
    title: Words = ""
    text: Words = ""
    coordinates: dict[str, float] | None = None
    elements: tuple[dict[str, Any], ...] | None = None


class Piece(Shape):
    """One attachment. A `fallback` is a link with its title."""

    type: Words = ""
    payload: Payload | None = None
    title: Words = ""
    url: str | None = None


def read(text: str, pieces: Sequence[Piece], story: Story | None) -> tuple[str, tuple[Attachment, ...]]:
    """The text with a line for each thing that is no file, and the files."""
    lines = ["[Answers your story]"] if story is not None else []
    files: list[Attachment] = [file(story.url, "story")] if story is not None and story.url else []
    if text:
        lines.append(text)
    for piece in pieces:
        payload = piece.payload or Payload()
        if piece.type in FILES and payload.url:
            files.append(file(payload.url, piece.type, FILES[piece.type]))
        elif piece.type == "story_mention":
            lines.append(SHARED[piece.type])
            files += [file(payload.url, "story")] if payload.url else []
        else:
            lines += _told(piece, payload, text)
    return "\n".join(lines), tuple(files)


def file(url: str, name: str, media_type: str = UNSURE) -> Attachment:
    """A file by its address; the address often has its name."""
    found = PurePosixPath(unquote(urlsplit(url).path)).name
    guessed = mimetypes.guess_type(found)[0]
    extension = "" if media_type == UNSURE else mimetypes.guess_extension(media_type) or ""
    return Attachment(found if guessed else f"{name}{extension}", guessed or media_type, url=url)


def _told(piece: Piece, payload: Payload, text: str) -> Iterable[str]:
    if payload.coordinates is not None:
        return [f"[Location] {MAP.format(lat=payload.coordinates.get('lat', 0), long=payload.coordinates.get('long', 0))}"]
    titles = [str(element.get("title", "")) for element in payload.elements or ()]
    said = [payload.text, payload.title or piece.title, *titles, piece.url or payload.url or ""]
    new = [words for words in said if words and words not in text]
    if piece.type in SHARED:
        return [" ".join([SHARED[piece.type], *new])]
    return [" ".join(new)] if new else []
