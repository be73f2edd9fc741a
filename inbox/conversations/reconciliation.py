"""What came in, beside what the platform lists: one comparison of a channel at a time, its claim, its posts and its result."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Conflict, Invalid
from inbox.models import Channel, ChannelState, Conversation, Delivery, Message, Post, Reconciliation, Role
from inbox.team.rights import Access

LEASE = timedelta(minutes=5)  # of a running comparison, renewed with each post
MOST_POSTS = 500  # the ones with the newest messages
MOST_FINDINGS = 100
SHOWN_FINDINGS = 10
KEPT = 30  # comparisons of each channel


@dataclass(slots=True)
class Tally:
    """What a comparison has found so far. `posts` are those to look at, `compared` those that were; the others count messages."""

    posts: int = 0
    compared: int = 0
    listed: int = 0
    known: int = 0
    fetched: int = 0
    unreadable: int = 0
    unlisted: int = 0
    differing: int = 0
    stopped: str = ""
    findings: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def is_complete(self) -> bool:
        """Whether everything that was to be compared was, and all that the platform lists is here."""
        return not self.stopped and self.compared == self.posts and not self.unreadable

    def note(self, post: Post, **found: Any) -> None:
        """Keep what was found at a post; beyond so many, only the counts tell."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append({"post": post.id, **found})

    def counts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


async def ask(session: AsyncSession, access: Access, channel: Channel, *, lists: bool, now: datetime) -> None:
    """Somebody wants a channel compared at once: whoever reads it does so. `lists`: whether its platform lists or counts anything."""
    access.need(Role.ADMIN)
    if not lists:
        raise Invalid("This platform lists nothing that could be compared.", code="lists_nothing")
    if channel.removed_at is not None or channel.state != ChannelState.HEALTHY:
        raise Conflict("This channel is not being read: it can be compared when it is.", code="not_read")
    if await running(session, channel.id) is not None:
        raise Conflict("This channel is being compared already.", code="comparing")
    first = update(Channel).where(col(Channel.id) == channel.id, col(Channel.compare_asked_at).is_(None)).values(compare_asked_at=now)
    if await session.scalar(first.returning(col(Channel.id))) is not None:
        events.record(
            session, "channel.comparison_asked", workspace_id=channel.workspace_id, at=now, actor=access.actor, channel_id=channel.id
        )


async def claim(session: AsyncSession, channel: Channel, *, days: int, now: datetime, night: date | None = None) -> Reconciliation:
    """Begin to compare a channel. Conflict while somebody else does, or when this night's was done; one whose process died is forgotten."""
    mine = col(Reconciliation.channel_id) == channel.id
    dead = delete(Reconciliation).where(mine, col(Reconciliation.finished_at).is_(None))
    await session.execute(dead.where(col(Reconciliation.lease_until) < func.clock_timestamp()))
    of = {"workspace_id": channel.workspace_id, "channel_id": channel.id, "night": night, "days": days, "started_at": now, "stopped": ""}
    begun = insert(Reconciliation).values(**of, lease_until=func.clock_timestamp() + LEASE).on_conflict_do_nothing()
    number = await session.scalar(begun.returning(col(Reconciliation.id)))
    if number is None:
        raise Conflict("This channel is being compared already, or was this night.", code="comparing")
    return await session.get_one(Reconciliation, number)


async def advance(session: AsyncSession, run: Reconciliation, tally: Tally) -> bool:
    """Keep what was found so far, and the claim; False when it was lost."""
    mine = update(Reconciliation).where(col(Reconciliation.id) == run.id, col(Reconciliation.finished_at).is_(None))
    kept = mine.values(**tally.counts(), lease_until=func.clock_timestamp() + LEASE)
    return await session.scalar(kept.returning(col(Reconciliation.id))) is not None


async def finish(session: AsyncSession, run: Reconciliation, tally: Tally, *, now: datetime, actor: str) -> None:
    """Keep the result, and forget the oldest."""
    if not await advance(session, run, tally):
        return
    await session.execute(update(Reconciliation).where(col(Reconciliation.id) == run.id).values(finished_at=now))
    await session.execute(update(Channel).where(col(Channel.id) == run.channel_id).values(compare_asked_at=None))
    mine = col(Reconciliation.channel_id) == run.channel_id
    newest = select(col(Reconciliation.id)).where(mine).order_by(col(Reconciliation.id).desc()).limit(KEPT)
    await session.execute(delete(Reconciliation).where(mine, col(Reconciliation.id).not_in(newest)))
    data = {"fetched": tally.fetched, "unreadable": tally.unreadable, "differing": tally.differing, "complete": tally.is_complete}
    events.record(
        session,
        "channel.reconciled",
        workspace_id=run.workspace_id,
        at=now,
        actor=actor,
        channel_id=run.channel_id,
        reconciliation=run.id,
        **data,
    )


async def abandon(session: AsyncSession, run: Reconciliation) -> None:
    """Give the claim back: what was fetched stays, and whoever reads the channel next begins anew."""
    await session.execute(delete(Reconciliation).where(col(Reconciliation.id) == run.id, col(Reconciliation.finished_at).is_(None)))


async def done(session: AsyncSession, channel_ids: Collection[int], night: date) -> set[int]:
    """Which of these channels were compared this night, or are being."""
    query = select(col(Reconciliation.channel_id)).where(
        col(Reconciliation.channel_id).in_(channel_ids),
        col(Reconciliation.night) == night,
        or_(col(Reconciliation.finished_at).is_not(None), col(Reconciliation.lease_until) > func.clock_timestamp()),
    )
    return set(await session.scalars(query))


async def latest(session: AsyncSession, channel_id: int) -> Reconciliation | None:
    """The last comparison that came to an end, or the first one that runs."""
    query = select(Reconciliation).where(col(Reconciliation.channel_id) == channel_id)
    return await session.scalar(query.order_by(col(Reconciliation.finished_at).desc().nulls_last()).limit(1))


async def running(session: AsyncSession, channel_id: int) -> Reconciliation | None:
    """The comparison that is being made now; one whose process died is none."""
    unfinished = (col(Reconciliation.finished_at).is_(None), col(Reconciliation.lease_until) > func.clock_timestamp())
    return await session.scalar(select(Reconciliation).where(col(Reconciliation.channel_id) == channel_id, *unfinished))


async def posts(session: AsyncSession, channel: Channel, *, since: datetime) -> Sequence[Post]:
    """The posts on which something happened since then, the newest first."""
    newest = func.coalesce(func.max(col(Conversation.last_message_at)), col(Post.published_at))
    recent = and_(col(Conversation.post_id) == Post.id, col(Conversation.last_message_at) >= since)
    active = or_(col(Conversation.id).is_not(None), col(Post.published_at) >= since)
    query = select(Post).outerjoin(Conversation, recent).where(col(Post.channel_id) == channel.id, active).group_by(col(Post.id))
    return (await session.scalars(query.order_by(newest.desc(), col(Post.id).desc()).limit(MOST_POSTS))).all()


async def here(session: AsyncSession, channel_id: int, external_ids: Collection[str]) -> set[str]:
    """Which of these messages are in the inbox, deleted ones too."""
    query = select(col(Message.external_id)).where(col(Message.channel_id) == channel_id, col(Message.external_id).in_(external_ids))
    return {found for found in await session.scalars(query) if found is not None}


async def standing(session: AsyncSession, post: Post, *, before: datetime | None = None) -> set[str]:
    """What stands under a post by all that we know: public, not deleted, and here `before` the platform was asked."""
    of_post = [
        col(Conversation.post_id) == post.id,
        col(Message.external_id).is_not(None),
        col(Message.private).is_(False),
        col(Message.deleted_at).is_(None),
        col(Message.delivery).in_((Delivery.RECEIVED, Delivery.SENT)),
    ]
    if before is not None:
        of_post += [col(Message.received_at) < before, col(Message.at) < before]
    query = select(col(Message.external_id)).join(Conversation, col(Conversation.id) == Message.conversation_id).where(*of_post)
    return {found for found in await session.scalars(query) if found is not None}


async def problems(session: AsyncSession, run: Reconciliation) -> list[tuple[Post, dict[str, Any]]]:
    """What a comparison found at single posts, beside the posts: the first few."""
    found = run.findings[:SHOWN_FINDINGS]
    query = select(Post).where(col(Post.channel_id) == run.channel_id, col(Post.id).in_({finding["post"] for finding in found}))
    known = {post.id: post for post in await session.scalars(query)}
    return [(known[finding["post"]], finding) for finding in found if finding["post"] in known]
