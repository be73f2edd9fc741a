"""A reply as one request: whatever happens to it, it was sent whole or not at all."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.telegram import places
from connectors.telegram.api import Upload
from connectors.telegram.places import Place
from inbox.contract import Attachment, Permanent, Reply

CAPTION = 1024  # UTF-16 units beside a file (https://core.telegram.org/bots/api#senddocument)
ALBUM = 10  # files in one message (https://core.telegram.org/bots/api#sendmediagroup)
PICTURE_BYTES = 10_000_000  # https://core.telegram.org/bots/api#sendphoto
PICTURES = {"image/jpeg", "image/png", "image/webp"}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One call: where, what it answers, and the rest."""

    method: str
    place: Place
    answers: int | None
    parameters: dict[str, Any]
    files: Sequence[Upload] = ()

    def given(self) -> dict[str, Any]:
        """All parameters. A message that is gone meanwhile is answered all the same, without pointing at it."""
        given = {**self.place.parameters, **self.parameters}
        if self.answers is not None:
            given["reply_parameters"] = {"message_id": self.answers, "allow_sending_without_reply": True}
        return given

    def form(self) -> dict[str, str]:
        """The same as a form's fields: what is not text is JSON."""
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in self.given().items()}


def compose(reply: Reply) -> Outgoing:
    """Choose the method. Raises Permanent for what Telegram cannot take in one message."""
    where = places.parse(reply.thread_id or reply.parent_id or reply.post_id or "")
    answers = places.number(reply.parent_id)
    files = reply.attachments
    if not files:
        if not reply.text.strip():
            raise Permanent("Telegram takes no empty message.")
        return Outgoing("sendMessage", where, answers, {"text": reply.text})
    if len(reply.text.encode("utf-16-le", "replace")) // 2 > CAPTION:
        raise Permanent(f"Beside a file Telegram takes {CAPTION} characters: send the text and the files one after the other.")
    if len(files) > ALBUM:
        raise Permanent(f"Telegram takes {ALBUM} files at once.")
    caption = {"caption": reply.text} if reply.text else {}
    are_pictures = all(_is_picture(file) for file in files)
    if len(files) == 1:
        method, name = ("sendPhoto", "photo") if are_pictures else ("sendDocument", "document")
        return Outgoing(method, where, answers, caption, [_upload(name, files[0])])
    kind = "photo" if are_pictures else "document"  # they do not mix
    media = [{"type": kind, "media": f"attach://file{number}"} for number in range(len(files))]
    media[0] |= caption
    uploads = [_upload(f"file{number}", file) for number, file in enumerate(files)]
    return Outgoing("sendMediaGroup", where, answers, {"media": media}, uploads)


def _is_picture(file: Attachment) -> bool:
    return file.media_type in PICTURES and len(file.content or b"") <= PICTURE_BYTES


def _upload(name: str, file: Attachment) -> Upload:
    if file.content is None:
        raise Permanent(f"The file {file.name} is not here: it cannot be sent.")
    return (name, (file.name, file.content, file.media_type))
