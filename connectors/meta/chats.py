"""Direct chats as the Graph API lists them (https://developers.facebook.com/docs/messenger-platform/conversations)."""

from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any

from pydantic import ValidationError

from connectors.meta import words
from connectors.meta.direct import THREAD
from connectors.meta.graph import Graph, entries
from connectors.meta.hooks import Pieces
from connectors.meta.shapes import Json, Moment, Person, Several, Shape, Words, dumped, inner, reason
from inbox.contract import Attachment, Author, Event, EventKind, Rejected

MESSAGE = "id,created_time,from,to,message,sticker,attachments{id,mime_type,name,size,file_url,image_data,video_data},shares{link,name}"
MOST = 25  # chats in a page, and messages that come along with each
LISTED = "listed:"  # begins the id of an event that was looked up: it tells the author's name, which no notification does


class Listed(Shape):
    """A file: where it is depends on what it is."""

    mime_type: Words = ""
    name: Words = ""
    size: int | None = None
    file_url: str | None = None
    image_data: dict[str, Any] | None = None
    video_data: dict[str, Any] | None = None


class Share(Shape):
    link: Words = ""
    name: Words = ""


class Message(Shape):
    id: str
    created_time: Moment
    sender: Person = Person()
    message: Words = ""
    sticker: str | None = None
    attachments: Annotated[tuple[Listed, ...], Several] = ()
    shares: Annotated[tuple[Share, ...], Several] = ()


class Chat(Shape):
    id: str
    updated_time: Moment
    participants: Annotated[tuple[Person, ...], Several] = ()


async def look(graph: Graph, ours: Author, platform: str, since: datetime, pieces: Pieces, app: str) -> None:
    """All messages since a time, of all chats that changed since; the newest come first."""
    fields = f"id,updated_time,participants,messages.limit({MOST}){{{MESSAGE}}}"
    async with aclosing(graph.pages("me/conversations", platform=platform, fields=fields, limit=MOST)) as pages:
        async for page in pages:
            for entry in page:
                try:
                    chat = Chat.model_validate(entry)
                except ValidationError as error:
                    pieces.rejected.append(Rejected(dumped(entry), reason(error)))
                    continue
                if chat.updated_time < since:
                    return
                await _messages(graph, chat, entry, ours, since, pieces, app)


async def _messages(graph: Graph, chat: Chat, entry: Json, ours: Author, since: datetime, pieces: Pieces, app: str) -> None:
    """The messages that came along; where all of them are new, those before as well."""
    first = entries(entry.get("messages") or {})
    are_new = [_read(raw, chat, ours, since, pieces, app) for raw in first]
    if are_new and all(are_new) and inner(entry, "messages", "paging", "next"):
        async with aclosing(graph.pages(f"{chat.id}/messages", fields=MESSAGE, limit=100)) as pages:
            seen = {raw.get("id") for raw in first}
            async for page in pages:
                are_new = [_read(raw, chat, ours, since, pieces, app) for raw in page if raw.get("id") not in seen]
                if not all(are_new):
                    return


def _read(raw: Json, chat: Chat, ours: Author, since: datetime, pieces: Pieces, app: str) -> bool:
    """Take a message in; whether it is new."""
    try:
        message = Message.model_validate({**raw, "sender": raw.get("from") or {}})
    except ValidationError as error:
        pieces.rejected.append(Rejected(dumped(raw), reason(error)))
        return True
    if message.created_time < since:
        return False
    customer = next((person for person in chat.participants if person.id != ours.id), message.sender)
    if not customer.id:
        pieces.passed["a message of nobody"] += 1
        return True
    text = "\n".join(filter(None, [message.message, *(f"{share.name} {share.link}".strip() for share in message.shares)]))
    files = [*(_file(file) for file in message.attachments), *([words.file(message.sticker, "sticker")] if message.sticker else ())]
    author = ours if message.sender.id == ours.id else _author(customer)
    pieces.events.append(
        Event(
            id=f"{LISTED}{message.id}",
            kind=EventKind.MESSAGE,
            message_id=message.id,
            thread_id=THREAD + customer.id,
            at=message.created_time,
            author=author,
            text=text if text or files else words.UNKNOWN.format(app=app),
            attachments=tuple(files),
            raw=raw,
        )
    )
    return True


def _author(person: Person) -> Author:
    return Author(person.id, person.name or person.username, person.username or None)


def _file(file: Listed) -> Attachment:
    url = file.file_url or (file.image_data or {}).get("url") or (file.video_data or {}).get("url")
    return Attachment(file.name or "file", file.mime_type or words.UNSURE, url=str(url) if url else None, size=file.size)
