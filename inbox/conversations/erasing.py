"""Forgetting a person: words, names, addresses, files and raw payloads go everywhere; the bare rows and the measured waits stay.

A row of ids alone keeps two promises: figures do not change when somebody is forgotten, and a platform's later sync cannot bring the
words back, since their ids are known. A keyed fingerprint of each identity stays too, so that a restored backup forgets them again.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, cast, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.conversations import contacts, ratings
from inbox.conversations.incoming import IN_ROOM
from inbox.errors import Conflict
from inbox.models import (
    Attachment,
    Channel,
    Contact,
    Conversation,
    DeadLetter,
    DeferredChange,
    Delivery,
    Draft,
    Erasure,
    Identity,
    Inbound,
    Message,
    Moderation,
    ModerationState,
    Note,
    Outcome,
    Reaction,
    Role,
    Thread,
    Visitor,
    VisitorToken,
)
from inbox.promptness import waits
from inbox.secrets import Vault
from inbox.team.rights import Access

NOBODY = "–"
SHORTEST = 4  # characters of a word that raw payloads are searched for; shorter ones stand for anything
ON_THEIR_WAY = (Delivery.QUEUED, Delivery.SENDING, Delivery.AMBIGUOUS)
JOURNAL = "erasures.jsonl"  # in `PARLEY_HOME`, beside the database: outlives its loss


@dataclass(slots=True)
class Erased:
    """What is gone. `files` are hashes that this person's attachments had: remove those that nothing else names."""

    messages: int = 0
    notes: int = 0
    drafts: int = 0
    payloads: int = 0
    dead_letters: int = 0
    files: tuple[str, ...] = ()


async def erase(session: AsyncSession, vault: Vault, home: Path, access: Access, contact: Contact, *, now: datetime) -> Erased:
    """Forget a contact everywhere. A contact under legal hold is not touched."""
    access.need(Role.ADMIN)
    if contact.legal_hold:
        raise Conflict("This contact is under legal hold and cannot be erased. Lift the hold first.", code="legal_hold")
    await _hold(session, contact)
    people = await contacts.identities(session, contact)
    own = await contacts.own_conversations(session, contact, [identity.id for identity in people])
    words = _words(contact, people)
    await _remember(session, vault, home, people, now)
    erased = Erased()
    gone = await _erase_messages(session, access, people, own, erased, now)
    await _erase_beside(session, people, own, words, erased)
    await ratings.forget(session, conversation_ids=own, contact_id=contact.id)
    await _erase_raw(session, people, words, erased)
    await _erase_rows(session, contact, people, own, gone, now)
    events.record(session, "contact.erased", workspace_id=contact.workspace_id, at=now, actor=access.actor, contact=contact.id)
    return erased


async def replay(session: AsyncSession, vault: Vault, home: Path, lines: Collection[str], *, now: datetime) -> int:
    """Forget again whom a restored backup has brought back; how many contacts. `lines` are those of `erasures.jsonl` files.

    Somebody who was erased and wrote again later is a new contact, younger than the erasure, and stays.
    """
    listed = [json.loads(line) for line in lines if line.strip()]
    known = {(one["workspace_id"], one["fingerprint"]): datetime.fromisoformat(one["erased_at"]) for one in listed}
    for row in await session.scalars(select(Erasure)):
        known[row.workspace_id, row.fingerprint] = max(row.erased_at, known.get((row.workspace_id, row.fingerprint), row.erased_at))
    if not known:
        return 0
    query = select(Identity, col(Channel.key)).join(Channel, col(Channel.id) == Identity.channel_id)
    again = {
        identity.contact_id
        for identity, key in (await session.execute(query)).all()
        if (erased_at := known.get((identity.workspace_id, _fingerprint(vault, key, identity.external_id)))) is not None
        and identity.created_at <= erased_at
    }
    forgotten = 0
    for contact in (await session.scalars(select(Contact).where(col(Contact.id).in_(again)).order_by(col(Contact.id)))).all():
        if not contact.legal_hold:
            access = Access(workspace_id=contact.workspace_id, role=Role.ADMIN, actor="system")
            await erase(session, vault, home, access, contact, now=now)
            forgotten += 1
    return forgotten


def journal(home: Path) -> list[str]:
    """The lines of the home's own list."""
    path = home / JOURNAL
    return path.read_text().splitlines() if path.exists() else []


async def unnamed(session: AsyncSession, digests: Collection[str]) -> list[str]:
    """Which of these files no attachment names. Ask after the commit."""
    named = set(await session.scalars(select(col(Attachment.sha256)).where(col(Attachment.sha256).in_(digests))))
    return sorted(set(digests) - named)


async def _hold(session: AsyncSession, contact: Contact) -> None:
    """What they write at this moment is either here, and goes too, or waits until nobody by this name is known.

    What is on its way first, then conversations, then identities: in the order of `outbox`, `transfers` and `receive`, so that none waits
    for the other.
    """
    theirs = [identity.id for identity in await contacts.identities(session, contact)]
    written = select(col(Message.id)).where(col(Message.identity_id).in_(theirs))
    about = or_(col(Message.identity_id).in_(theirs), col(Message.parent_id).in_(written))
    took_part = select(col(Message.conversation_id)).where(about)
    shows = col(Conversation.last_message_id).in_(select(col(Message.id)).where(about))  # where it was before, too
    where = or_(col(Conversation.contact_id) == contact.id, col(Conversation.id).in_(took_part), shows)
    ids = (await session.scalars(select(col(Conversation.id)).where(where))).all()
    leaving = select(col(Message.id)).where(col(Message.conversation_id).in_(ids), col(Message.delivery).in_(ON_THEIR_WAY))
    await session.execute(leaving.order_by(col(Message.conversation_id), col(Message.id)).with_for_update())
    await session.execute(select(col(Conversation.id)).where(where).order_by(col(Conversation.id)).with_for_update(key_share=True))
    mine = select(col(Identity.id)).where(col(Identity.contact_id) == contact.id)
    await session.execute(mine.order_by(col(Identity.id)).with_for_update())


def _words(contact: Contact, people: Sequence[Identity]) -> list[str]:
    """What tells that a payload is about this person."""
    found = {contact.name, contact.email or ""}
    for identity in people:
        found |= {identity.external_id, identity.name, identity.handle or ""}
    return sorted(word for word in found if len(word) >= SHORTEST)


async def _remember(session: AsyncSession, vault: Vault, home: Path, people: Sequence[Identity], now: datetime) -> None:
    """Note the fingerprints, in the table and in the journal; the journal first: too much forgotten after a failed commit does no harm."""
    keys = {
        row.id: row.key for row in await session.scalars(select(Channel).where(col(Channel.id).in_([one.channel_id for one in people])))
    }
    rows = [
        {
            "workspace_id": identity.workspace_id,
            "fingerprint": _fingerprint(vault, keys[identity.channel_id], identity.external_id),
            "erased_at": now,
        }
        for identity in people
    ]
    if not rows:
        return
    with (home / JOURNAL).open("a") as file:
        file.writelines(json.dumps(row | {"erased_at": now.isoformat()}) + "\n" for row in rows)
    new = insert(Erasure).values(rows)
    await session.execute(
        new.on_conflict_do_update(index_elements=["workspace_id", "fingerprint"], set_={"erased_at": new.excluded.erased_at})
    )


def _fingerprint(vault: Vault, channel_key: str, external_id: str) -> str:
    return vault.sign("erasure", channel_key, external_id)


async def _erase_messages(
    session: AsyncSession, access: Access, people: Sequence[Identity], own: list[int], erased: Erased, now: datetime
) -> list[int]:
    """Blank what they wrote, what was answered to them, and what was said in conversations of theirs alone; take back what is queued."""
    ids = [identity.id for identity in people]
    written = select(col(Message.id)).where(col(Message.identity_id).in_(ids))
    about = or_(col(Message.identity_id).in_(ids), col(Message.conversation_id).in_(own), col(Message.parent_id).in_(written))
    touched = (await session.scalars(select(Message).where(about).order_by(col(Message.id)).with_for_update())).all()
    for conversation_id in sorted({message.conversation_id for message in touched}):
        conversation = await session.get_one(Conversation, conversation_id)
        for identity_id in ids:
            await waits.close(session, conversation, Outcome.DELETED, actor=access.actor, now=now, identity_id=identity_id)
    gone = [message.id for message in touched]
    taken_back = case((col(Message.delivery) == Delivery.QUEUED, Delivery.UNDONE.value), else_=col(Message.delivery))
    await session.execute(
        update(Message)
        .where(col(Message.id).in_(gone))
        .values(
            body="", html=None, quoted="", envelope=None, platform_template=None, permalink=None,
            thread_external_id="", delivery=taken_back,
            author_name=case((col(Message.identity_id).in_(ids), NOBODY), else_=col(Message.author_name)),
            deleted_at=func.coalesce(col(Message.deleted_at), now),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    undone = case((col(Moderation.state) == ModerationState.QUEUED, ModerationState.UNDONE.value), else_=col(Moderation.state))
    await session.execute(update(Moderation).where(col(Moderation.message_id).in_(gone)).values(text="", state=undone))
    attached = delete(Attachment).where(or_(col(Attachment.message_id).in_(gone), col(Attachment.conversation_id).in_(own)))
    digests = await session.scalars(attached.returning(col(Attachment.sha256)))
    erased.messages, erased.files = len(gone), tuple(sorted({digest for digest in digests if digest}))
    for message in touched:
        where = {"conversation_id": message.conversation_id, "channel_id": message.channel_id, "message": message.id}
        events.record(session, "message.deleted", workspace_id=access.workspace_id, at=now, actor=access.actor, **where)
    return gone


async def _erase_beside(session: AsyncSession, people: Sequence[Identity], own: list[int], words: list[str], erased: Erased) -> None:
    """Notes, drafts and reactions: in conversations of theirs alone all of them, elsewhere those that name them."""
    ids = [identity.id for identity in people]
    took_part = select(col(Message.conversation_id)).where(col(Message.identity_id).in_(ids))

    def about(table: type[Note] | type[Draft]) -> ColumnElement[bool]:
        named = [func.strpos(func.lower(table.body), word.lower()) > 0 for word in words]
        return or_(col(table.conversation_id).in_(own), and_(col(table.conversation_id).in_(took_part), or_(*named)))

    notes = await session.scalars(delete(Note).where(about(Note)).returning(col(Note.id)))
    drafts = await session.scalars(delete(Draft).where(about(Draft)).returning(col(Draft.conversation_id)))
    erased.notes, erased.drafts = len(notes.all()), len(drafts.all())
    await session.execute(delete(Reaction).where(col(Reaction.identity_id).in_(ids)))


async def _erase_raw(session: AsyncSession, people: Sequence[Identity], words: list[str], erased: Erased) -> None:
    """Raw payloads, dead letters and deferred changes of their channels that hold one of their words."""
    channels = sorted({identity.channel_id for identity in people})
    authors = [identity.external_id for identity in people]
    await session.execute(
        delete(DeferredChange).where(col(DeferredChange.channel_id).in_(channels), col(DeferredChange.author_external_id).in_(authors))
    )
    if not words:
        return
    written = [json.dumps(word, ensure_ascii=False)[1:-1] for word in words]  # as JSON writes them
    held = or_(*(func.strpos(cast(col(Inbound.raw), Text), word) > 0 for word in written))
    emptied = update(Inbound).where(col(Inbound.channel_id).in_(channels), col(Inbound.raw).is_not(None), held)
    erased.payloads = await _count(session, emptied.values(raw=None).returning(col(Inbound.event_id)))
    escaped = {json.dumps(word)[1:-1] for word in words}
    kept = or_(
        *(func.position(literal(word.encode()).op("IN")(col(DeadLetter.raw))) > 0 for word in sorted(escaped | set(written) | set(words)))
    )
    erased.dead_letters = await _count(
        session, delete(DeadLetter).where(col(DeadLetter.channel_id).in_(channels), kept).returning(col(DeadLetter.id))
    )


async def _erase_rows(
    session: AsyncSession, contact: Contact, people: Sequence[Identity], own: list[int], gone: list[int], now: datetime
) -> None:
    """Names and addresses in the rows that stay."""
    visitors = select(col(Visitor.id)).where(contacts.visits(people))
    await session.execute(delete(VisitorToken).where(col(VisitorToken.visitor_id).in_(visitors)))
    await session.execute(update(Visitor).where(contacts.visits(people)).values(erased_at=now, email=None))
    loose = (  # what holds their words in a room together is named after them
        and_(
            col(Thread.channel_id) == person.channel_id,
            col(Thread.external_id).startswith(IN_ROOM),
            col(Thread.external_id).endswith(IN_ROOM + person.external_id, autoescape=True),
        )
        for person in people
    )
    await session.execute(delete(Thread).where(or_(col(Thread.conversation_id).in_(own), *loose)))
    blank: dict[str, Any] = {"subject": "", "author_name": NOBODY, "last_author": "", "snippet": "", "erased_at": now}
    await session.execute(update(Conversation).where(col(Conversation.id).in_(own)).values(blank))
    shown = update(Conversation).where(col(Conversation.last_message_id).in_(gone))
    await session.execute(shown.values(snippet="", last_author=NOBODY))
    await session.execute(update(Conversation).where(col(Conversation.contact_id) == contact.id).values(author_name=NOBODY))
    for identity in people:
        identity.external_id, identity.name, identity.handle, identity.avatar = f"erased:{identity.id}", NOBODY, None, None
    contact.name, contact.email, contact.avatar, contact.tier = NOBODY, None, None, ""
    await session.flush()


async def _count(session: AsyncSession, statement: Any) -> int:
    return len((await session.scalars(statement)).all())
