"""The pieces of a MIME message: words to show and files to keep."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from mimetypes import guess_extension
from typing import cast

from connectors.email import headers, text
from inbox.contract import Attachment

DEEPEST = 40  # nested multiparts beyond this are an attack, not a letter


@dataclass(slots=True)
class Content:
    """What a message holds: both forms of its words, and its files."""

    plain: list[str] = field(default_factory=list[str])
    html: list[str] = field(default_factory=list[str])
    files: list[Attachment] = field(default_factory=list[Attachment])


def read(message: Message) -> Content:
    """Take a message apart; every leaf ends up as words or as a file."""
    content = Content()
    for part in leaves(message):
        if part.get_content_maintype() == "multipart":
            content.plain.append(_words(part))  # its parts could not be told apart
        elif _is_words(part):
            words = _words(part)
            (content.html if part.get_content_subtype() == "html" else content.plain).append(words)
        else:
            content.files.append(_file(part))
    return content


def leaves(message: Message, depth: int = 0) -> Iterator[Message]:
    """The parts that are no multipart, in their order; an attached message is one leaf."""
    if message.get_content_maintype() != "multipart" or depth > DEEPEST or not message.is_multipart():
        yield message
        return
    for part in children(message):
        yield from leaves(part, depth + 1)


def children(message: Message) -> Sequence[Message]:
    """The messages inside a multipart or an attached message."""
    payload: object = message.get_payload()
    if not isinstance(payload, list):
        return []
    return [cast("Message", part) for part in cast("list[object]", payload) if isinstance(part, Message)]


def attached(part: Message) -> Message | None:
    """The message inside `message/rfc822`, or the header that `text/rfc822-headers` returns."""
    inside = children(part)
    if inside:
        return inside[0]
    data = data_of(part)
    return message_from_string(text.decode(data, None)) if data else None


def data_of(part: Message) -> bytes:
    """The decoded bytes of a leaf; an attached message or report gives its source."""
    if part.is_multipart():
        return b"\n".join(_source(child) for child in children(part))
    data: object = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _source(message: Message) -> bytes:
    """A message as it came, as far as the library can write it down again."""
    try:
        return message.as_bytes()
    except (UnicodeError, LookupError, TypeError, AttributeError):
        lines = [f"{name}: {'; '.join(headers.values(message, name))}" for name in message.keys()]  # noqa: SIM118  # no mapping
        body: object = message.get_payload()
        return "\r\n".join([*lines, "", body if isinstance(body, str) else ""]).encode("utf-8", "surrogateescape")


def _is_words(part: Message) -> bool:
    if part.get_content_maintype() != "text" or part.is_multipart() or part.get_content_subtype() not in {"plain", "html", "enriched"}:
        return False
    disposition = headers.value(part, "Content-Disposition").lower()
    return not disposition.startswith("attachment") and not (_filename(part) and disposition.startswith("inline"))


def _words(part: Message) -> str:
    words = text.decode(data_of(part), part.get_content_charset())
    words = text.clean(words.replace("\r\n", "\n").replace("\r", "\n"))
    if part.get_content_subtype() == "plain" and str(part.get_param("format", "")).lower() == "flowed":
        return text.unflow(words, delete_space=str(part.get_param("delsp", "")).lower() == "yes")
    return words


def _file(part: Message) -> Attachment:
    data = data_of(part)
    kind = text.clean(part.get_content_type())
    identifier = headers.value(part, "Content-ID").strip("<> ")
    return Attachment(
        name=_filename(part) or _made_up_name(part, kind),
        media_type=kind,
        content=data,
        size=len(data),
        content_id=identifier or None,
    )


def _filename(part: Message) -> str:
    """The name that the sender gave (RFC 2231, RFC 2047 or raw), without any folder."""
    headers.repair(part, "Content-Disposition")
    headers.repair(part, "Content-Type")
    try:
        given = part.get_filename()
    except (LookupError, ValueError, TypeError, AttributeError):  # the library stumbles over broken parameters
        given = None
    name = headers.decode(given or "")
    return re.sub(r"[\x00-\x1f\x7f]", "", re.split(r"[/\\]", name)[-1]).strip(". ")[-200:]


def _made_up_name(part: Message, kind: str) -> str:
    if kind == "message/rfc822":
        inside = attached(part)
        subject = headers.value(inside, "Subject") if inside is not None else ""
        return (re.sub(r"[^\w -]+", "", subject).strip()[:80] or "message") + ".eml"
    if kind == "text/calendar":
        return "invitation.ics"
    if kind == "application/ms-tnef":
        return "winmail.dat"
    return f"{kind.replace('/', '-')}{guess_extension(kind) or ''}"
