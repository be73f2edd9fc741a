"""What the webhook's JSON looks like, and how it becomes events."""

import base64
import binascii
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from inbox.contract import Attachment, Author, ConversationKind, Event, EventKind, Post, Rejected


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Id = Annotated[str, Field(min_length=1, max_length=500)]
Moment = Annotated[datetime, AfterValidator(_aware)]


class Shape(BaseModel):
    """Unknown fields are refused: a misspelt one would be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AuthorIn(Shape):
    id: Id
    name: str = ""
    handle: str | None = None
    avatar: str | None = None
    email: str | None = None
    is_self: bool = False  # the team itself, answering in the other system
    roles: tuple[str, ...] = ()


class PostIn(Shape):
    id: Id
    title: str = ""
    text: str = ""
    url: str | None = None
    media: tuple[str, ...] = ()
    published_at: Moment | None = None


class AttachmentIn(Shape):
    name: str
    media_type: str = "application/octet-stream"
    content: str | None = None  # base64
    url: str | None = None
    content_id: str | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> "AttachmentIn":
        if self.content is None and self.url is None:
            raise ValueError("an attachment needs content or url")
        if self.content is not None:
            try:
                base64.b64decode(self.content, validate=True)
            except binascii.Error:
                raise ValueError("content is not base64") from None
        return self


class EventIn(Shape):
    """One entry. `id` is the message's id: the new one's, or that of the message edited, deleted or reacted to."""

    type: EventKind
    id: Id
    event_id: Id | None = None
    thread: Id | None = None
    kind: ConversationKind = ConversationKind.DIRECT
    author: AuthorIn | None = None
    text: str = ""
    html: str | None = None
    parent: Id | None = None
    post: PostIn | None = None
    at: Moment | None = None
    attachments: tuple[AttachmentIn, ...] = ()
    private: bool = False
    mentions: tuple[str, ...] = ()
    permalink: str | None = None
    client_key: str | None = None
    language: str | None = None

    @model_validator(mode="after")
    def _authored(self) -> "EventIn":
        if self.type in {EventKind.MESSAGE, EventKind.REACTION} and self.author is None:
            raise ValueError(f"a {self.type.value} needs an author")
        return self


def parse(entries: list[Any], webhook_id: str, sent_at: datetime) -> tuple[list[Event], list[Rejected]]:
    """Every entry as an event, or with the reason why it is none: one bad entry never loses the others."""
    events: list[Event] = []
    rejected: list[Rejected] = []
    for number, entry in enumerate(entries):
        try:
            events.append(_event(EventIn.model_validate(entry), entry, f"{webhook_id}:{number}", sent_at))
        except ValidationError as error:
            rejected.append(Rejected(json.dumps(entry).encode(), _reason(error)))
    return events, rejected


def _event(given: EventIn, entry: dict[str, Any], fallback_id: str, sent_at: datetime) -> Event:
    """A message is known by its id, whoever sends it how often; anything else by its event id, or its place in the request."""
    own_id = f"message:{given.id}" if given.type == EventKind.MESSAGE else fallback_id
    author = given.author
    private_thread = author.id if author and given.kind == ConversationKind.DIRECT else None
    return Event(
        id=given.event_id or own_id,
        kind=given.type,
        message_id=given.id,
        thread_id=given.thread or given.parent or private_thread or given.id,
        at=given.at or sent_at,
        author=replace(Author(**author.model_dump()), name=author.name or author.id) if author else None,
        text=given.text,
        html=given.html,
        parent_id=given.parent,
        post=Post(**given.post.model_dump()) if given.post else None,
        conversation_kind=given.kind,
        private=given.private,
        mentions=given.mentions,
        attachments=tuple(_attachment(attachment) for attachment in given.attachments),
        permalink=given.permalink,
        client_key=given.client_key,
        language=given.language,
        raw={name: value for name, value in entry.items() if name != "attachments"},
    )


def _attachment(given: AttachmentIn) -> Attachment:
    content = base64.b64decode(given.content) if given.content is not None else None
    size = len(content) if content is not None else None
    return Attachment(given.name, given.media_type, content=content, url=given.url, size=size, content_id=given.content_id)


def _reason(error: ValidationError) -> str:
    """What is wrong, without what was given."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
