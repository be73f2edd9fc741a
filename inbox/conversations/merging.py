"""Two conversations that are one matter: one goes into the other, and can be taken out again.

Who waited goes on waiting as before (`promptness.strands`). What was split off before (`splitting`) comes back the same way.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.contract import ConversationKind
from inbox.conversations import changes, rows, transfers
from inbox.conversations.rows import Row
from inbox.errors import Conflict, Invalid
from inbox.models import Conversation, Outcome, Role, Status
from inbox.team import rights
from inbox.team.rights import Access

TAKING = (Status.OPEN, Status.PENDING)  # into what others go: elsewhere nobody would see who waits
OFFERED = 20

# Who waits in both: one wait goes on, the later one is over.
UNITE = text(
    """
    UPDATE wait SET closed_at = greatest(later.opened_at, :now), outcome = 'merged',
                    assignee_id = later.assignee_id, team_id = later.team_id
      FROM (SELECT DISTINCT ON (wait.identity_id) wait.id, wait.opened_at, conversation.assignee_id, conversation.team_id
              FROM wait JOIN conversation ON conversation.id = wait.conversation_id
             WHERE wait.conversation_id IN (:id, :into) AND wait.closed_at IS NULL
               AND EXISTS (SELECT FROM wait AS other
                            WHERE other.conversation_id IN (:id, :into) AND other.conversation_id <> wait.conversation_id
                              AND other.identity_id = wait.identity_id AND other.closed_at IS NULL)
             ORDER BY wait.identity_id, wait.opened_at DESC, wait.opened_by DESC) AS later
     WHERE wait.id = later.id
    RETURNING wait.id, wait.identity_id, wait.opened_at, wait.closed_at
    """
)
# What was split off may hold what was said in yet another one: where that is in the other conversation, too, its words stay its own.
MESSAGES = text(
    """
    UPDATE message SET conversation_id = :into, strand_id = CASE WHEN strand_id = ANY(:told) THEN strand_id ELSE :id END
     WHERE conversation_id = :id RETURNING id
    """
)
OWN = text("SELECT id FROM message WHERE conversation_id = :id AND strand_id = ANY(:others)")
ALONG = tuple(
    text(f"UPDATE {table} SET conversation_id = :into WHERE conversation_id = :id")  # noqa: S608  # names from here
    for table in ("wait", "attachment", "moderation")
)
NOTES = text("UPDATE note SET conversation_id = :into WHERE conversation_id = :id RETURNING id")
THREADS = text("UPDATE thread SET conversation_id = :into WHERE conversation_id = :id RETURNING external_id")
LABELS = text(
    """
    INSERT INTO conversation_label (workspace_id, conversation_id, label_id)
    SELECT workspace_id, :into, label_id FROM conversation_label WHERE conversation_id = :id ON CONFLICT DO NOTHING RETURNING label_id
    """
)
DRAFTS = text(
    """
    UPDATE draft SET conversation_id = :into
     WHERE conversation_id = :id
       AND NOT EXISTS (SELECT FROM draft AS other WHERE other.conversation_id = :into AND other.member_id = draft.member_id)
    RETURNING member_id
    """
)
# Who had read both to the end has read the one to the end.
READ = text(
    """
    UPDATE reading SET message_id = greatest(reading.message_id, other.message_id)
      FROM reading AS other, conversation AS mine, conversation AS others
     WHERE reading.conversation_id = :into AND other.conversation_id = :id AND other.member_id = reading.member_id
       AND mine.id = :into AND others.id = :id
       AND reading.message_id >= coalesce(mine.last_inbound_id, 0) AND other.message_id >= coalesce(others.last_inbound_id, 0)
    """
)

# What was said in it, and what came since in its threads.
MESSAGES_BACK = text(
    """
    UPDATE message SET conversation_id = :id, strand_id = nullif(strand_id, :id)
     WHERE conversation_id = :into
       AND (strand_id = ANY(:tree) OR id = ANY(:own)
            OR strand_id IS NULL AND received_at >= :merged_at AND thread_external_id <> '' AND thread_external_id = ANY(:threads))
    RETURNING id
    """
)
BACK = (
    *transfers.ALONG,
    text("UPDATE note SET conversation_id = :id WHERE conversation_id = :into AND id = ANY(:notes)"),
    text("UPDATE thread SET conversation_id = :id WHERE conversation_id = :into AND external_id = ANY(:threads)"),
    text("DELETE FROM conversation_label WHERE conversation_id = :into AND label_id = ANY(:labels)"),
    text(
        """
        UPDATE draft SET conversation_id = :id
         WHERE conversation_id = :into AND member_id = ANY(:drafts)
           AND NOT EXISTS (SELECT FROM draft AS other WHERE other.conversation_id = :id AND other.member_id = draft.member_id)
        """
    ),
)
LEFT_THERE = text("SELECT EXISTS (SELECT FROM message WHERE conversation_id = :id AND delivery <> 'undone')")
LEFT = text("SELECT max(merged_at) FROM conversation WHERE merged_into = :into")


async def merge(session: AsyncSession, access: Access, conversation: Conversation, into_id: int, *, now: datetime) -> Conversation:
    """Let a conversation go into another one; returns that one. What was said, noted and begun goes along, and what comes later follows."""
    access.need(Role.AGENT)
    into = await rights.conversation(session, access, into_id)
    if into.id == conversation.id:
        raise Invalid("A conversation cannot be merged with itself.", code="merge_itself")
    await transfers.hold(session, conversation, into)
    _check(conversation, into)
    await transfers.check_still(session, conversation)
    given: dict[str, Any] = {"id": conversation.id, "into": into.id}
    await _unite_waits(session, access, into, given, now)
    mine, theirs = [transfers.tree(await transfers.flow(session, one.id), one.id) for one in (conversation, into)]
    own = await transfers.ids(session, OWN, {**given, "others": theirs})
    messages = await transfers.ids(session, MESSAGES, {**given, "told": [*mine, *theirs]})
    for statement in (*ALONG, READ):
        await session.execute(statement, given)
    conversation.merged_with = {
        "status": conversation.status.value,
        "notes": await transfers.ids(session, NOTES, given),
        "threads": await transfers.ids(session, THREADS, given),
        "labels": await transfers.ids(session, LABELS, given),
        "drafts": await transfers.ids(session, DRAFTS, given),
        "own": own,
    }
    conversation.status, conversation.merged_into, conversation.merged_at = Status.MERGED, into.id, now
    into.joined_at = now
    changes.record(session, conversation, "conversation.merged", actor=access.actor, now=now, into=into.id)
    changes.record(session, into, "conversation.merged", actor=access.actor, now=now, messages=len(messages), merged=conversation.id)
    await transfers.tell(session, access, conversation, into, now=now)
    return into


async def split(session: AsyncSession, access: Access, conversation: Conversation, *, now: datetime) -> Conversation:
    """Take a conversation out of the one into which it went, with what came since in its threads; returns it."""
    access.need(Role.AGENT)
    into = None if conversation.merged_into is None else await session.get(Conversation, conversation.merged_into)
    if into is None:
        raise Conflict("This conversation was not merged, or was taken out already.", code="not_merged")
    await transfers.hold(session, conversation, into)
    merged_at, along = conversation.merged_at, conversation.merged_with
    if conversation.merged_into != into.id or merged_at is None or along is None:
        raise Conflict("This conversation was not merged, or was taken out already.", code="not_merged")
    if into.status is Status.MERGED:
        raise Conflict("The other conversation was merged itself: take that back first.", code="merged_further")
    await transfers.check_still(session, into)
    mine, theirs = [await transfers.flow(session, one.id) for one in (conversation, into)]
    given: dict[str, Any] = {"id": conversation.id, "into": into.id}
    gone = {"own": [], **along, **given, "tree": transfers.tree(mine, conversation.id), "merged_at": merged_at}
    messages = await transfers.ids(session, MESSAGES_BACK, {name: gone[name] for name in MESSAGES_BACK.compile().params})
    await _check_left(session, conversation, into)
    for statement in BACK:
        wanted = {**along, **given, "messages": messages}
        await session.execute(statement, {name: wanted[name] for name in statement.compile().params})
    conversation.status, conversation.merged_into = Status(along["status"]), None
    conversation.merged_at = conversation.merged_with = None
    conversation.been_in = sorted({*(conversation.been_in or ()), *transfers.around(theirs, into.id)} - {conversation.id})
    await session.flush()
    into.joined_at = await session.scalar(LEFT, {"into": into.id})
    changes.record(session, conversation, "conversation.split", actor=access.actor, now=now, out_of=into.id)
    changes.record(session, into, "conversation.split", actor=access.actor, now=now, messages=len(messages), split=conversation.id)
    await transfers.tell(session, access, conversation, into, now=now)
    return conversation


async def offered(session: AsyncSession, access: Access, conversation: Conversation) -> Sequence[Row]:
    """Where this one can go, the newest first: of the same person, under the same post, or what it was split off from."""
    one = Conversation
    near = (col(one.contact_id) == conversation.contact_id) | col(one.id).in_(conversation.split_from or ())
    if conversation.kind is not ConversationKind.DIRECT and conversation.post_id is not None:
        near = near | (col(one.post_id) == conversation.post_id)
    query = rows.query().where(
        col(one.workspace_id) == access.workspace_id,
        col(one.channel_id) == conversation.channel_id,
        col(one.kind) == conversation.kind,
        col(one.in_room) == conversation.in_room,
        col(one.id) != conversation.id,
        col(one.status).in_(TAKING),
        rights.sees(access, col(one.channel_id)),
        near,
    )
    return await rows.fetch(session, query.order_by(col(one.last_message_at).desc(), col(one.id).desc()).limit(OFFERED))


def _check(conversation: Conversation, into: Conversation) -> None:
    changes.check(conversation)
    changes.check(into)
    same = ("channel_id", "kind", "in_room")
    if any(getattr(conversation, name) != getattr(into, name) for name in same):
        raise Conflict("Only conversations of the same channel and kind can be merged.", code="merge_unlike")
    if conversation.kind is ConversationKind.DIRECT and conversation.contact_id != into.contact_id:
        raise Conflict("Private conversations of two people cannot be merged: each would see the other's.", code="merge_people")
    if into.status not in TAKING:
        raise Conflict("The other conversation is not open: open it first.", code="merge_closed")
    if conversation.status is Status.SPAM:
        raise Conflict("Spam is merged with nothing: open it first.", code="merge_spam")
    if conversation.erased_at is not None or into.erased_at is not None:
        raise Conflict("What was said in one of these was erased: they stay apart.", code="merge_erased")


async def _check_left(session: AsyncSession, *conversations: Conversation) -> None:
    """What was split off since may have been all that one of them had."""
    for conversation in conversations:
        if not await session.scalar(LEFT_THERE, {"id": conversation.id}):
            raise Conflict("Its messages were split off since: merge those back first.", code="nothing_left")


async def _unite_waits(session: AsyncSession, access: Access, into: Conversation, given: dict[str, int], now: datetime) -> None:
    for wait_id, identity_id, opened_at, closed_at in (await session.execute(UNITE, {**given, "now": now})).all():
        seconds = round((closed_at - opened_at).total_seconds(), 3)
        data = {"wait": wait_id, "identity": identity_id, "outcome": Outcome.MERGED.value, "seconds": seconds}
        changes.record(session, into, "wait.closed", actor=access.actor, now=now, **data)
