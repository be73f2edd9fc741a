"""Notes as events. Pure."""

import mimetypes
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from connectors.nostr import names
from connectors.nostr.notes import Note
from inbox import contract
from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind

EMOJI = {"+": "❤️", "": "❤️", "-": "👎"}


class Passed(Exception):
    """It means nothing here; the reason is counted."""


@dataclass(frozen=True, slots=True)
class Thread:
    """`id` is that of the note that began it. `is_ours`: nobody else has said anything yet, so there is nothing to answer."""

    id: str
    post: contract.Post | None = None
    is_ours: bool = False


def message(note: Note, thread: Thread, author: Author) -> Event:
    """A note as a message."""
    return Event(
        id=f"note:{note.id}",
        kind=EventKind.MESSAGE,
        message_id=note.id,
        thread_id=thread.id,
        at=moment(note),
        author=author,
        text=note.content,
        parent_id=note.parent,
        post=thread.post,
        conversation_kind=ConversationKind.COMMENTS,
        mentions=tuple(dict.fromkeys(note.values("p"))),
        attachments=files(note),
        permalink=link(note.id),
        raw=note.model_dump(mode="json"),
    )


def reaction(note: Note, author: Author) -> Event:
    """A reaction to an answer of ours."""
    target = note.values("e")[-1]
    emoji = EMOJI.get(note.content, note.content)
    return Event(f"note:{note.id}", EventKind.REACTION, target, target, moment(note), author=author, text=emoji)


def taken_back(name: str, target: str, note: Note, author: Author) -> Event:
    """A reaction that its author has deleted."""
    return Event(f"delete:{name}", EventKind.REACTION, target, target, moment(note), author=author)


def deletion(name: str, note: Note) -> Event:
    """A note that its author has deleted; programs and relays are asked to forget it."""
    return Event(f"delete:{name}", EventKind.DELETE, name, "", moment(note))


def post_of(note: Note, author: Author) -> contract.Post:
    """A note as what others hang on."""
    title = "" if author.is_self else f"@{author.handle or author.name}"
    media = tuple(file.url for file in files(note) if file.url)
    return contract.Post(note.id, title, note.content, link(note.id), media, moment(note))


def files(note: Note) -> tuple[Attachment, ...]:
    """The files that a note says it has, each under its description (https://github.com/nostr-protocol/nips/blob/master/92.md)."""
    found: list[Attachment] = []
    for tag in note.tags:
        if tag[:1] == ["imeta"]:
            told = dict(part.split(" ", 1) for part in tag[1:] if " " in part)
            address = told.get("url", "")
            if urlsplit(address).scheme in {"http", "https"}:
                path = PurePosixPath(unquote(urlsplit(address).path))
                kind = told.get("m") or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                described = " ".join(told.get("alt", "").replace("/", " ").split())[:120]
                found.append(Attachment(f"{described}{path.suffix}" if described else path.name or "file", kind, url=address))
    return tuple(found)


def moment(note: Note) -> datetime:
    return datetime.fromtimestamp(note.created_at, UTC)


def link(name: str) -> str:
    """Where people without a program for it read a note."""
    return f"https://njump.me/{names.encode('note', bytes.fromhex(name))}"
