"""Why was this late? One wait and who had it when, as far as the asker may know (`cuts` says how it is cut)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox.contract import ConversationKind
from inbox.db import driver
from inbox.errors import NotFound
from inbox.models import Calendar, Conversation, Delivery, Direction, Identity, Message, Policy, Wait
from inbox.promptness import cuts, members, targets
from inbox.promptness.cuts import Owner, Segment
from inbox.promptness.policies import Rule
from inbox.promptness.question import MemberFigures
from inbox.team import rights
from inbox.team.rights import Access

UNSENT = (Delivery.QUEUED, Delivery.SENDING, Delivery.AMBIGUOUS, Delivery.FAILED)


@dataclass(frozen=True, slots=True)
class Hand:
    """A segment as the asker may see it. `hidden`: a colleague had it, and who that was is not for the asker."""

    segment: Segment
    hidden: bool


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A wait cut into segments: their seconds, and their business time, add up to those of the wait."""

    wait: Wait
    until: datetime  # its end, or now
    seconds: float
    business: float
    hands: Sequence[Hand]
    identity: str
    policy: str | None
    calendar: str | None  # whose hours count; None: by the wall clock
    asked_told_at: datetime | None  # what the platform's clock said of the question, where that cannot be true
    answered_told_at: datetime | None  # and of the answer


@dataclass(frozen=True, slots=True)
class _Known:
    wait: Wait
    conversation: Conversation
    identity: str
    policy: str | None
    calendar: str | None
    asked_told_at: datetime | None
    answered_told_at: datetime | None
    strand: int | None


async def of_wait(
    session: AsyncSession, access: Access, wait_id: int, now: datetime, *, member_figures: MemberFigures = "own"
) -> Waterfall:
    """Who had this wait when, on a channel that the asker may see. Of an open one: until now.

    `member_figures`: named shows every member, and notes the look in the log; own and groups show the asker alone; off nobody.
    """
    known = await _known(session, access, wait_id)
    wait = known.wait
    until = max(wait.closed_at or now, wait.opened_at)
    hours = await _hours(session, wait)
    if wait.segments is not None:
        cut = cuts.loaded(wait.segments)
    else:
        cut = await _cut(session, known, until, hours)
    business = wait.business_seconds if wait.closed_at is not None else None
    hands = [_hand(segment, access, member_figures) for segment in cut]
    if member_figures == "named":
        shown = sorted({segment.member for segment in cut if segment.member is not None})
        members.record_looks(session, access, shown, now=now)
    return Waterfall(
        wait,
        until,
        (until - wait.opened_at).total_seconds(),
        hours.elapsed(wait.opened_at, until) if business is None else business,
        hands,
        known.identity,
        known.policy,
        known.calendar,
        known.asked_told_at,
        known.answered_told_at,
    )


def shown_seconds(hands: Sequence[Hand]) -> list[tuple[int, int]]:
    """Whole seconds of each segment, by the wall clock and in business time, so that those that are shown add up too."""
    shown: list[tuple[int, int]] = []
    wall = business = 0.0
    for hand in hands:
        after = wall + hand.segment.seconds, business + hand.segment.business
        shown.append((round(after[0]) - round(wall), round(after[1]) - round(business)))
        wall, business = after
    return shown


async def _known(session: AsyncSession, access: Access, wait_id: int) -> _Known:
    asked, answer = aliased(Message), aliased(Message)
    told = (col(asked.told_at), col(answer.told_at), col(asked.strand_id))
    query = (
        select(Wait, Conversation, col(Identity.name), col(Policy.name), col(Calendar.name), *told)
        .join(Conversation, col(Conversation.id) == col(Wait.conversation_id))
        .join(Identity, col(Identity.id) == col(Wait.identity_id))
        .outerjoin(Policy, col(Policy.id) == col(Wait.policy_id))
        .outerjoin(Calendar, col(Calendar.id) == col(Wait.calendar_id))
        .outerjoin(asked, col(asked.id) == col(Wait.opened_by))
        .outerjoin(answer, col(answer.id) == col(Wait.closed_by))
        .where(
            col(Wait.id) == wait_id, col(Wait.workspace_id) == access.workspace_id, rights.sees(access, col(Wait.channel_id))
        )
    )  # fmt: skip
    row = (await session.execute(query)).first()
    if row is None:
        raise NotFound("There is no such wait, or you may not see it.")
    return _Known(*row)


async def _hours(session: AsyncSession, wait: Wait) -> Rule:
    """The hours that count for the wait."""
    calendars = await targets.versions(session, {wait.calendar_id} if wait.calendar_id is not None else set())
    return Rule(0, "", calendar=calendars.get(wait.calendar_id or 0))


async def _cut(session: AsyncSession, known: _Known, until: datetime, hours: Rule) -> list[Segment]:
    wait, conversation = known.wait, known.conversation
    reply_id = wait.closed_by if wait.closed_at is not None else await _on_its_way(session, known)
    owners = {conversation.id: Owner(conversation.assignee_id, conversation.team_id)}
    stories = await cuts.stories(session, await driver(session), owners, set() if reply_id is None else {reply_id})
    return cuts.cut(cuts.told(stories, conversation.id, known.strand), wait.opened_at, until, hours.elapsed, reply_id=reply_id)


async def _on_its_way(session: AsyncSession, known: _Known) -> int | None:
    """The reply that is to end an open wait, if one has been written."""
    parent = aliased(Message)
    query = select(col(Message.id)).where(
        col(Message.conversation_id) == known.conversation.id,
        col(Message.direction) == Direction.OUT,
        col(Message.delivery).in_(UNSENT),
        col(Message.id) > known.wait.opened_by,
    )
    if known.conversation.kind is ConversationKind.COMMENTS:
        query = query.join(parent, col(parent.id) == col(Message.parent_id), isouter=True)
        query = query.where(col(Message.answers_all) | (col(parent.identity_id) == known.wait.identity_id))
    return await session.scalar(query.order_by(col(Message.id)).limit(1))


def _hand(segment: Segment, access: Access, member_figures: MemberFigures) -> Hand:
    shows = segment.member is None or member_figures == "named" or (member_figures != "off" and segment.member == access.member_id)
    return Hand(segment, hidden=False) if shows else Hand(replace(segment, member=None), hidden=True)
