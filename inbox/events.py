"""The log: everything that a person could notice is one row of `event`, written in the transaction that makes it true.

`record` collects; `inbox.db.Database.transaction` inserts what was collected in one statement, last before the commit, since the insert
takes the log's lock. Readers ask `since(after)` and can skip nothing: one writer at a time takes ids and commits. NOTIFY only wakes them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.columns import Numbers, Texts, Times
from inbox.models import LogEvent
from inbox.pipelines import Send

CHANNEL = "parley_event"  # the NOTIFY channel
LAST_ID = "SELECT coalesce(max(id), 0) FROM event"

KINDS: dict[str, str] = {
    "message.received": "A customer, or a colleague in the platform's own app, wrote. data: message, identity",
    "message.edited": "A message was changed on the platform. data: message",
    "message.deleted": "A message was deleted on the platform. data: message",
    "message.completed": "A file of a message was fetched from the platform, or will not be. data: message",
    "message.hidden": "A message was hidden or shown again by a moderator. data: message, hidden",
    "message.seen": "The customer has seen our messages. data: message",
    "reaction.changed": "Somebody reacted to a message, or took it back. data: message",
    "reply.queued": "A reply will leave when its undo window ends. data: message, send_at",
    "reply.undone": "A queued reply was taken back. data: message",
    "reply.sending": "A process has claimed a reply and hands it to the platform. data: message, attempt",
    "reply.sent": "The platform accepted a reply. data: message",
    "reply.delivered": "The platform says that the customer's device has the reply. data: message",
    "reply.mailed": "A chat answer also left by mail, since the visitor was away, or could not. data: message, state",
    "reply.failed": "A reply was certainly not delivered. data: message",
    "reply.ambiguous": "A reply may have been sent; a person decides. data: message",
    "moderation.requested": "An action on a message will leave when its undo window ends. data: moderation, message, action, act_at",
    "moderation.undone": "Such an action was taken back, or put aside after it failed. data: moderation, message, action",
    "moderation.begun": "A process has claimed an action and asks the platform to do it. data: moderation, message, action, attempt",
    "moderation.done": "The platform has done it. data: moderation, message, action",
    "moderation.failed": "It was certainly not done. data: moderation, message, action",
    "moderation.ambiguous": "It may have been done; a person decides. data: moderation, message, action",
    "note.added": "A colleague wrote an internal note. data: note",
    "conversation.created": "A conversation began. data: kind",
    "conversation.assigned": "Who owns it changed. data: assignee, team, before",
    "conversation.moved": "Its status changed. data: status, before, snoozed_until; taken_back when the move before was a mistake",
    "conversation.prioritised": "Somebody said how urgent it is. data: priority, before",
    "conversation.language_changed": "Its language was told by its words, or somebody chose it. data: language, before",
    "conversation.labelled": "Its labels changed. data: added, removed",
    "conversation.merged": "It went into another one, or another one into it. data: into, or merged with messages",
    "conversation.split": "Such a merging was taken back. data: out_of, or split with messages",
    "conversation.divided": "Messages became a conversation of their own. data: messages; into, or out_of, assignee, team, priority",
    "conversation.read": "A member read it, or marked it unread. data: member, message",
    "wait.opened": "Somebody began to wait for an answer. data: wait, identity, opened_at",
    "wait.closed": "A wait ended. data: wait, outcome, seconds",
    "wait.corrected": "A person took back that a wait began by hand, or ended. data: identity, and message with opened_at, or closed_at",
    "wait.retold": "A wait turned out to be another one than was told: when, by whom, or that there was none. data: wait, identity",
    "wait.retargeted": "A policy or calendar gave an open wait another target, or a rebuild any. data: wait, due_at",
    "wait.breached": "A wait has taken longer than its target. data: wait, due_at",
    "alert.raised": "Somebody was told that an answer or a resolution is or will be late. data: alert, kind, step, due_at, late, members",
    "alert.acknowledged": "A member takes care of it: no further step of its chain is told. data: alert, and wait or episode",
    "alert.snoozed": "A member wants to be told again later. data: alert, member, until",
    "alert.returned": "Such a time has come. data: alert, member",
    "alert.seen": "A member has looked at their alerts. data: member",
    "alert.failed": "A message about alerts could not be delivered. data: delivery, way, member",
    "alert.changed": "How alerts are sent was changed, a policy's chain or who is on call. data: fields",
    "trouble.began": "Something is wrong with Parley itself; admins are told. data: trouble, kind, subject",
    "trouble.ended": "It is in order again. data: trouble, kind, subject",
    "resolution.breached": "An episode was open for longer than its target. data: episode, due_at",
    "rating.asked": "A customer was asked how satisfied they are. data: rating, episode",
    "rating.given": "A customer said how satisfied they are, or says otherwise. data: rating, score, before",
    "draft.saved": "A member's unfinished text was kept or dropped. data: member, kept",
    "channel.added": "A channel was connected. data: platform",
    "channel.changed": "A channel's settings changed. data: fields",
    "channel.removed": "A channel was taken away.",
    "channel.failed": "A channel stopped working, or only its sending did. data: state or part, code",
    "channel.recovered": "A channel works again, or its sending does. data: part",
    "channel.gap_found": "The platform could not fill a hole in what we have seen. data: gap_at",
    "channel.gap_acknowledged": "Somebody has looked into the holes of a channel.",
    "channel.token_expiring": "The platform will soon refuse a channel's credentials. data: days, expires_at",
    "channel.silent": "Nothing has come by a channel for unusually long. data: since",
    "channel.heard": "Something came by a channel that was silent.",
    "channel.comparison_asked": "Somebody wants it compared with what the platform lists.",
    "channel.reconciled": "It was compared with what the platform lists. data: reconciliation, fetched, unreadable, differing, complete",
    "dead_letter.kept": "Something came in that could not be read. data: dead_letter",
    "dead_letter.replayed": "A kept payload was read after all. data: dead_letter",
    "invitation.created": "A link that makes its bearer a member was made. data: invitation, role",
    "invitation.renewed": "Such a link was made anew; the one before is worth nothing. data: invitation",
    "invitation.mailed": "Such a link left by mail, or could not. data: invitation, sent",
    "invitation.revoked": "Such a link was taken back. data: invitation",
    "member.joined": "A member joined the workspace. data: member, role",
    "member.changed": "A member's role, name or access changed. data: member, fields",
    "member.removed": "A member left the workspace. data: member",
    "team.changed": "A team was made, changed or dissolved. data: team",
    "template.changed": "A template was written, changed or deleted. data: template",
    "label.changed": "A label was made, changed or deleted. data: label",
    "calendar.changed": "Business hours were made, changed or removed, or a feed of theirs said something new. data: calendar",
    "languages.told": "Earlier conversations were looked at for their language. data: conversations",
    "policy.changed": "An SLA policy was made, changed, moved or removed. data: policy",
    "token.created": "A key for programs was made. data: token",
    "token.revoked": "A key for programs was taken back. data: token",
    "workspace.changed": "The workspace's own settings changed. data: fields",
    "report.scheduled": "A report by mail was asked for. data: schedule",
    "report.cancelled": "Such a report was taken away. data: schedule",
    "report.mailed": "Such a report left, or could not. data: schedule",
    "contact.changed": "A contact's name, address or tier changed. data: contact, fields",
    "contact.exported": "Everything about a contact was exported. data: contact",
    "contact.erased": "A contact was erased everywhere. data: contact",
    "figures.viewed": "Somebody looked at figures about a named member. data: member",
}


INSERT = """
    INSERT INTO event (at, workspace_id, kind, conversation_id, channel_id, actor, data)
    SELECT at, workspace_id, kind, conversation_id, channel_id, actor, data
      FROM ROWS FROM (unnest(%b::timestamptz[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::text[]),
                      jsonb_array_elements(%s::jsonb))
           WITH ORDINALITY AS new (at, workspace_id, kind, conversation_id, channel_id, actor, data, n)
     ORDER BY n
"""


@dataclass(slots=True)
class Pending:
    """An event that waits for the commit."""

    kind: str
    workspace_id: int
    at: datetime
    conversation_id: int | None
    channel_id: int | None
    actor: str
    data: dict[str, Any] = field(default_factory=dict[str, Any])


def record(
    session: AsyncSession,
    kind: str,
    /,
    *,
    workspace_id: int,
    at: datetime,
    actor: str,
    conversation_id: int | None = None,
    channel_id: int | None = None,
    **data: Any,
) -> None:
    """Note what happened; it is written with the commit. `channel_id` belongs to everything that not every member may see."""
    note(session, Pending(kind, workspace_id, at, conversation_id, channel_id, actor, data))


def note(session: AsyncSession, event: Pending) -> None:
    """`record` for those who record hundreds of events at once: it takes no names apart."""
    if event.kind not in KINDS:
        raise KeyError(f"unknown kind of event {event.kind!r}: describe it in inbox.events.KINDS")
    session.info.setdefault("events", []).append(event)


def recorded(session: AsyncSession) -> Sequence[Pending]:
    """What this transaction has recorded so far and not yet written."""
    return tuple(session.info.get("events", ()))


def put_right(session: AsyncSession, right: Callable[[Pending], Pending | None]) -> None:
    """Change or forget what this transaction has recorded: for who tells a past at once that nobody has lived through."""
    session.info["events"] = [told for event in recorded(session) if (told := right(event)) is not None]


def put_in_order(session: AsyncSession) -> None:
    """Order what this transaction has recorded by its time: for the same, and a rebuild, which reads it as it comes."""
    session.info.get("events", []).sort(key=attrgetter("at"))


def write(session: AsyncSession, send: Send) -> int:
    """Insert what was recorded, in order, in one statement; how many. Called by `transaction()` in one pipeline with the commit."""
    pending: list[Pending] = session.info.pop("events", [])
    if not pending:
        return 0
    send(
        INSERT,
        (
            Times([event.at for event in pending]),
            Numbers([event.workspace_id for event in pending]),
            Texts([event.kind for event in pending]),
            Numbers([event.conversation_id for event in pending]),
            Numbers([event.channel_id for event in pending]),
            Texts([event.actor for event in pending]),
            json.dumps([event.data for event in pending]),
        ),
    )
    return len(pending)


async def since(session: AsyncSession, after: int, *, workspace_id: int | None = None, limit: int = 1000) -> Sequence[LogEvent]:
    """Events after an id, oldest first; none is ever skipped."""
    query = select(LogEvent).where(col(LogEvent.id) > after)
    if workspace_id is not None:
        query = query.where(col(LogEvent.workspace_id) == workspace_id)
    return (await session.scalars(query.order_by(col(LogEvent.id)).limit(limit))).all()


async def last_id(session: AsyncSession) -> int:
    """The id that a page is rendered at; 0 for an empty log. Read it before the page's own queries, so that nothing falls between."""
    return await session.scalar(text(LAST_ID)) or 0


async def oldest_id(session: AsyncSession) -> int:
    """The oldest id that is kept: a reader that stopped before it has to reload."""
    return await session.scalar(select(func.coalesce(func.min(LogEvent.id), 0))) or 0
