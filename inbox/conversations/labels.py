"""The signs that a team puts on conversations."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import labels as signs
from inbox.conversations import changes
from inbox.errors import NotFound
from inbox.models import Conversation, ConversationLabel, Label, Role, Wait
from inbox.promptness import targets
from inbox.team.rights import Access


async def put(session: AsyncSession, access: Access, conversation: Conversation, label_ids: Collection[int], *, now: datetime) -> None:
    """Make these the conversation's labels, whatever it had before."""
    access.need(Role.AGENT)
    wanted = set(label_ids)
    known = set(await session.scalars(select(col(Label.id)).where(col(Label.workspace_id) == conversation.workspace_id)))
    if wanted - known:
        raise NotFound("There is no such label in this workspace.")
    await changes.hold(session, conversation)
    of_this = col(ConversationLabel.conversation_id) == conversation.id
    gone = delete(ConversationLabel).where(of_this, col(ConversationLabel.label_id).not_in(wanted))
    removed = sorted(await session.scalars(gone.returning(col(ConversationLabel.label_id))))
    added: list[int] = []
    if wanted:
        rows = [
            {"workspace_id": conversation.workspace_id, "conversation_id": conversation.id, "label_id": label} for label in sorted(wanted)
        ]
        new = insert(ConversationLabel).values(rows).on_conflict_do_nothing()
        added = sorted(await session.scalars(new.returning(col(ConversationLabel.label_id))))
    if added or removed:
        changes.record(session, conversation, "conversation.labelled", actor=access.actor, now=now, added=added, removed=removed)
        await targets.settle(session, conversation.workspace_id, [conversation.id], now=now, actor=access.actor)


async def drop(session: AsyncSession, access: Access, label: Label, *, now: datetime) -> None:
    """Delete a label of the workspace; every conversation loses it, and what policies ask of those that wait follows at once."""
    worn = select(col(ConversationLabel.conversation_id)).where(col(ConversationLabel.label_id) == label.id)
    waiting = select(col(Wait.conversation_id)).where(col(Wait.closed_at).is_(None), col(Wait.conversation_id).in_(worn))
    ids = list(await session.scalars(waiting.distinct()))
    await signs.delete(session, access, label, now=now)
    await targets.settle(session, access.workspace_id, ids, now=now, actor=access.actor)
