"""A queued message as a connector takes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import contract
from inbox.contract import ConversationKind, Envelope, Reply
from inbox.conversations import approved
from inbox.errors import Invalid
from inbox.files import Files
from inbox.models import Attachment, Conversation, Identity, Message, Post


@dataclass(frozen=True, slots=True)
class Draft:
    """A reply whose attachments are still on disk."""

    reply: Reply
    kind: ConversationKind
    files: Sequence[Attachment]


async def draft(session: AsyncSession, message: Message) -> Draft:
    """Everything about a reply but the bytes of its attachments."""
    conversation = await session.get_one(Conversation, message.conversation_id)
    parent = await session.get(Message, message.parent_id) if message.parent_id else None
    whom = await _whom(session, conversation, parent)
    files = select(Attachment).where(col(Attachment.message_id) == message.id).order_by(col(Attachment.id))
    template, template_values = approved.restored(message.platform_template)
    reply = Reply(
        key=message.client_key or f"message-{message.id}",
        thread_id=message.thread_external_id,
        text=message.body,
        html=message.html,
        parent_id=message.parent_external_id,
        private=message.private,
        envelope=_envelope(message, conversation, parent, whom),
        author_name=message.author_name or None,
        recipient=whom.external_id if whom else None,
        human=not message.automatic,
        post_id=await _post(session, conversation),
        template=template,
        template_values=template_values,
    )
    return Draft(reply, conversation.kind, (await session.scalars(files)).all())


async def _post(session: AsyncSession, conversation: Conversation) -> str | None:
    if conversation.post_id is None:
        return None
    return await session.scalar(select(col(Post.external_id)).where(col(Post.id) == conversation.post_id))


def load(draft: Draft, files: Files) -> Reply:
    """The reply with its attachments read from disk. Blocks: call it in a thread."""
    loaded: list[contract.Attachment] = []
    for file in draft.files:
        try:
            content = files.path(file.sha256).read_bytes() if file.sha256 else None
        except FileNotFoundError:
            raise Invalid("The attachment {name} is not on this machine's disk any more.", code="file_gone", name=file.name) from None
        loaded.append(
            contract.Attachment(
                name=file.name, media_type=file.media_type, content=content, url=file.url, size=file.size, content_id=file.content_id
            )
        )
    return replace(draft.reply, attachments=tuple(loaded))


async def _whom(session: AsyncSession, conversation: Conversation, parent: Message | None) -> Identity | None:
    """Who is answered: the author of the parent, else who began the conversation."""
    if parent is not None and parent.identity_id is not None:
        return await session.get(Identity, parent.identity_id)
    if conversation.contact_id is None:
        return None
    began = select(Identity).where(
        col(Identity.channel_id) == conversation.channel_id,
        col(Identity.contact_id) == conversation.contact_id,
        col(Identity.is_self).is_(False),
    )
    return await session.scalar(began.order_by(col(Identity.id)).limit(1))


def _envelope(message: Message, conversation: Conversation, parent: Message | None, whom: Identity | None) -> Envelope | None:
    """Subject and recipients of a letter: what was chosen, else the ones that an answer has."""
    if conversation.kind != ConversationKind.EMAIL:
        return None
    before: dict[str, Any] = (parent.envelope if parent else None) or {}
    chosen: dict[str, Any] = message.envelope or {}
    subject = chosen.get("subject") or _re(conversation.subject or before.get("subject", ""))
    to = chosen.get("to") or _first(before.get("reply_to"), whom.external_id if whom else None)
    references = chosen.get("references") or [*before.get("references", ()), *_first(message.parent_external_id)]
    return Envelope(
        subject=subject,
        sender=chosen.get("sender") or "",
        to=tuple(to),
        cc=tuple(chosen.get("cc") or ()),
        bcc=tuple(chosen.get("bcc") or ()),
        reply_to=chosen.get("reply_to"),
        references=tuple(dict.fromkeys(references)),
    )


def _re(subject: str) -> str:
    return subject if subject.lower().startswith(("re:", "aw:")) else f"Re: {subject}".rstrip()


def _first(*values: str | None) -> list[str]:
    """The first value that there is, alone."""
    return [value for value in values if value][:1]
