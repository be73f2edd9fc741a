"""Messages that are another matter: some of a conversation's become a conversation of their own.

Both are told anew as if they had always been two: what stays behind answers nothing in the new one. What was done by hand until then
counts for both (`promptness.strands`). `merging` brings them together again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.contract import ConversationKind
from inbox.conversations import changes, transfers
from inbox.errors import Conflict, Invalid
from inbox.models import Conversation, Delivery, Direction, Identity, Message, Role, Status, Visitor
from inbox.team.rights import Access

MOST = 500  # messages at once

MESSAGES = text("UPDATE message SET conversation_id = :id WHERE conversation_id = :into AND id = ANY(:messages)")
# Labels are the new one's, too, and who had read what was moved has read it.
ALIKE = (
    text(
        """
        INSERT INTO conversation_label (workspace_id, conversation_id, label_id)
        SELECT workspace_id, :id, label_id FROM conversation_label WHERE conversation_id = :into
        """
    ),
    text(
        """
        INSERT INTO reading (workspace_id, conversation_id, member_id, message_id, at)
        SELECT workspace_id, :id, member_id, message_id, at FROM reading WHERE conversation_id = :into
        """
    ),
)


async def split_off(
    session: AsyncSession, access: Access, conversation: Conversation, message_ids: Sequence[int], *, now: datetime
) -> Conversation:
    """Let these messages become a conversation of their own, with what hangs on them; returns that one."""
    access.need(Role.AGENT)
    if len(message_ids) > MOST:
        raise Invalid("At most {most} messages can be split off at once.", code="split_many", most=MOST)
    await transfers.hold(session, conversation)
    await check(session, access, conversation)
    chosen = await _chosen(session, conversation, message_ids)
    await transfers.check_still(session, conversation)
    begun = await _begin(session, conversation, chosen, now)
    given = {"id": begun.id, "into": conversation.id, "messages": [message.id for message in chosen]}
    for statement in (MESSAGES, *transfers.ALONG, *ALIKE):
        await session.execute(statement, {name: given[name] for name in statement.compile().params})
    told: dict[str, Any] = {"actor": access.actor, "now": now, "messages": len(chosen)}
    changes.record(session, conversation, "conversation.divided", **told, into=begun.id)
    changes.record(session, begun, "conversation.created", actor=access.actor, now=now, kind=begun.kind.value)
    had: dict[str, Any] = {"assignee": begun.assignee_id, "team": begun.team_id, "priority": begun.priority.value}  # a rebuild reads this
    changes.record(session, begun, "conversation.divided", **told, **had, out_of=conversation.id)
    await transfers.tell(session, access, conversation, begun, now=now)
    return begun


async def check(session: AsyncSession, access: Access, conversation: Conversation) -> None:
    """Raise when nothing can be split off here."""
    access.need(Role.AGENT)
    changes.check(conversation)
    if conversation.status is Status.SPAM:
        raise Conflict("Nothing is split off from spam: open it first.", code="split_spam")
    if conversation.erased_at is not None:
        raise Conflict("What was said here was erased: nothing can be split off.", code="split_erased")
    if conversation.kind is ConversationKind.REVIEW:
        raise Conflict("A review is one matter: nothing can be split off from it.", code="split_review")
    if await session.scalar(select(exists().where(col(Visitor.channel_id) == conversation.channel_id))):
        raise Conflict("A visitor of the website sees one chat: nothing can be split off from it.", code="split_chat")
    if len((await session.scalars(select(col(Message.id)).where(*_shown(conversation)).limit(2))).all()) < 2:
        raise Conflict("There is only one message here: nothing can be split off from it.", code="split_one")


async def _chosen(session: AsyncSession, conversation: Conversation, message_ids: Sequence[int]) -> Sequence[Message]:
    """The messages, in the platform's order, if they can go."""
    if not message_ids:
        raise Invalid("Choose the messages to split off.", code="split_nothing")
    shown = _shown(conversation)
    found = select(Message).where(*shown, col(Message.id).in_(message_ids)).order_by(col(Message.at), col(Message.id))
    chosen = (await session.scalars(found)).all()
    if len(chosen) != len(set(message_ids)):
        raise Invalid("A message that you chose is not in this conversation any more: choose again.", code="split_foreign")
    if not any(message.direction is Direction.IN for message in chosen):
        raise Invalid("Choose at least one message of a customer: without it nobody would be answered there.", code="split_nobody")
    if not await session.scalar(select(exists().where(*shown, col(Message.id).not_in(message_ids)))):
        raise Conflict("Nothing would be left here: leave at least one message.", code="split_all")
    return chosen


def _shown(conversation: Conversation) -> tuple[ColumnElement[bool], ...]:
    return col(Message.conversation_id) == conversation.id, col(Message.delivery) != Delivery.UNDONE


async def _begin(session: AsyncSession, conversation: Conversation, chosen: Sequence[Message], now: datetime) -> Conversation:
    first = next(message for message in chosen if message.direction is Direction.IN)
    author = await session.get(Identity, first.identity_id) if first.identity_id is not None else None
    flow = await transfers.flow(session, conversation.id)
    begun = Conversation(
        workspace_id=conversation.workspace_id,
        channel_id=conversation.channel_id,
        kind=conversation.kind,
        in_room=conversation.in_room,
        post_id=conversation.post_id,
        subject=(first.envelope or {}).get("subject") or conversation.subject,
        priority=conversation.priority,
        language=conversation.language,
        told_language=conversation.told_language,
        contact_id=author.contact_id if author is not None else None,
        author_name=first.author_name,
        assignee_id=conversation.assignee_id,
        team_id=conversation.team_id,
        created_at=now,
        last_message_at=chosen[-1].at,
        been_in=transfers.around(flow, conversation.id),
        split_from=[conversation.id, *(conversation.split_from or ())],
    )
    session.add(begun)
    await session.flush()
    return begun
