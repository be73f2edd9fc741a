"""What leaves Parley about alerts: who is written to, by which way, when; many at once become one message that is brought up to date.

A message is claimed with a lease, sent outside of any transaction, and settled. One whose sender died is sent again under the same key: a
webhook's receiver and a mail program know a repetition by it, a browser shows the newest of a tag. Twice at worst, never not at all.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import AlertDelivery, Dispatch, Fold, Priority, Way
from inbox.promptness.recipients import People, clock, next_at, quiet_until
from inbox.secrets import new_token

MINUTE = timedelta(seconds=60)
LEASE = "interval '2 minutes'"  # by the database's clock, longer than any sending takes
RETRY = timedelta(seconds=20)
ATTEMPTS = 6  # about ten minutes: an alert that is an hour old warns nobody
OWN = (Way.MAIL, Way.PUSH)  # to a member; the others go to the workspace's own addresses
Recipient = tuple[int | None, Way]

# One process at a time decides how many a recipient has been sent; it is held until the commit.
ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtextextended('parley alerts ' || :workspace, 0))")

RECENT = text(
    """
    SELECT member_id, way, count(*), max(created_at) FILTER (WHERE fold = 'storm') FROM alert_delivery
     WHERE workspace_id = :workspace AND created_at > :since AND fold IN ('none', 'storm') GROUP BY member_id, way
    """
)

ADD = text(
    """
    INSERT INTO alert_delivery (workspace_id, member_id, way, fold, alert_ids, trouble_ids, key, try_at, created_at)
    VALUES (:workspace, :member, :way, :fold, cast(:alerts AS bigint[]), cast(:troubles AS bigint[]), :key, :at, :now)
        ON CONFLICT (workspace_id, member_id, way, fold) WHERE state = 'waiting' AND fold <> 'none'
        DO UPDATE SET alert_ids = alert_delivery.alert_ids || excluded.alert_ids,
                      trouble_ids = alert_delivery.trouble_ids || excluded.trouble_ids
    """
)

# A clock that was put back must not hold up what was folded by the later time.
CLAIM = text(
    f"""
    WITH due AS (SELECT id FROM alert_delivery
                  WHERE (state = 'waiting' AND (try_at IS NULL OR try_at <= :now OR (fold IN ('none', 'storm') AND try_at > :far)))
                     OR (state = 'sending' AND lease_until < clock_timestamp())
                  ORDER BY try_at NULLS FIRST, id LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE alert_delivery SET state = 'sending', attempt = attempt + 1, lease_until = clock_timestamp() + {LEASE}
      FROM due WHERE alert_delivery.id = due.id RETURNING alert_delivery.id
    """  # noqa: S608  # a constant of ours
)
FAR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class News:
    """An alert that was raised: who is told, and by which ways at most."""

    alert_id: int
    ways: frozenset[Way]
    members: tuple[int, ...]
    is_late: bool
    priority: Priority


async def enqueue(session: AsyncSession, people: People, raised: Sequence[News], *, now: datetime) -> None:
    """Write down what leaves: singly up to the workspace's limit in a minute, else folded; in quiet hours and for a digest later."""
    at_once: dict[Recipient, list[int]] = defaultdict(list)
    later: dict[tuple[Recipient, Fold, datetime], list[int]] = defaultdict(list)
    for news in raised:
        for recipient in _recipients(people, news):
            when = _deferred(people, news, recipient, now)
            if when is None:
                at_once[recipient].append(news.alert_id)
            else:
                later[recipient, *when].append(news.alert_id)
    if not at_once and not later:
        return
    workspace_id = people.workspace.id
    await session.execute(ONE_BY_ONE, {"workspace": str(workspace_id)})
    recent = await _recent(session, workspace_id, now)
    for recipient in sorted(at_once, key=_order):
        await _add_at_once(session, people, recipient, at_once[recipient], recent.get(recipient, (0, None)), now)
    for (recipient, fold, at), alert_ids in sorted(later.items(), key=lambda one: (_order(one[0][0]), one[0][1])):
        await _add(session, workspace_id, recipient, fold, now=now, alerts=alert_ids, at=at)


async def tell_troubles(
    session: AsyncSession, people: People, trouble_ids: Collection[int], ways: Collection[Way], *, now: datetime
) -> None:
    """Tell the admins of what is wrong with Parley itself, in one message by each of these ways, at any hour."""
    for way in sorted(ways):
        for member_id in people.admins() if way in OWN else [None]:
            if _reaches(people, member_id, way):
                await _add(session, people.workspace.id, (member_id, way), Fold.NONE, now=now, troubles=trouble_ids)


async def claim(session: AsyncSession, *, now: datetime, limit: int = 20) -> Sequence[AlertDelivery]:
    """Take messages that are due, so that no other process sends them; commit before anything is sent."""
    taken = (await session.scalars(CLAIM, {"now": now, "far": now + FAR, "limit": limit})).all()
    if not taken:
        return ()
    return (await session.scalars(select(AlertDelivery).where(col(AlertDelivery.id).in_(taken)).order_by(col(AlertDelivery.id)))).all()


async def mark_sent(session: AsyncSession, delivery: AlertDelivery, *, now: datetime) -> None:
    """It has left."""
    await _settle(session, delivery, state=Dispatch.SENT, sent_at=now, error=None)


async def mark_dropped(session: AsyncSession, delivery: AlertDelivery) -> None:
    """Everybody that it was about has been answered, or somebody has acknowledged it."""
    await _settle(session, delivery, state=Dispatch.DROPPED)


async def mark_failed(session: AsyncSession, delivery: AlertDelivery, reason: str, *, now: datetime) -> None:
    """It was refused, or there is nobody to take it: settings show it, and admins are told by another way."""
    if await _settle(session, delivery, state=Dispatch.FAILED, error=reason):
        events.record(
            session, "alert.failed", workspace_id=delivery.workspace_id, at=now, actor="system", delivery=delivery.id,
            way=delivery.way.value, member=delivery.member_id,
        )  # fmt: skip


async def release(session: AsyncSession, delivery: AlertDelivery, reason: str, *, now: datetime) -> None:
    """It has not left, or nobody knows: try again under the same key, and give up when an alert is of no use any more."""
    if delivery.attempt >= ATTEMPTS:
        await mark_failed(session, delivery, reason, now=now)
        return
    values = {"state": Dispatch.WAITING, "fold": Fold.NONE, "try_at": now + RETRY * 2 ** (delivery.attempt - 1), "error": reason}
    await _settle(session, delivery, **values)


async def failures(session: AsyncSession, workspace_id: int, *, since: datetime, limit: int = 20) -> Sequence[AlertDelivery]:
    """The messages that could not be delivered lately, the newest first."""
    mine = (col(AlertDelivery.workspace_id) == workspace_id, col(AlertDelivery.state) == Dispatch.FAILED)
    query = select(AlertDelivery).where(*mine, col(AlertDelivery.created_at) > since).order_by(col(AlertDelivery.id).desc())
    return (await session.scalars(query.limit(limit))).all()


def _recipients(people: People, news: News) -> list[Recipient]:
    own: list[Recipient] = [(member_id, way) for way in OWN if way in news.ways for member_id in news.members]
    shared: list[Recipient] = [(None, way) for way in (Way.WEBHOOK, Way.APPRISE) if way in news.ways]
    return [(member_id, way) for member_id, way in own + shared if _reaches(people, member_id, way)]


def _reaches(people: People, member_id: int | None, way: Way) -> bool:
    """Whether this way leads to somebody who wants it."""
    if member_id is None:
        return bool(people.setup.webhook_url if way is Way.WEBHOOK else people.setup.apprise_urls)
    wants = people.wants(member_id)
    return wants.mail is not False if way is Way.MAIL else wants.push is not False and member_id in people.reached


def _deferred(people: People, news: News, recipient: Recipient, now: datetime) -> tuple[Fold, datetime] | None:
    member_id, way = recipient
    if member_id is None:
        return None
    wants = people.wants(member_id)
    zone = ZoneInfo(wants.timezone or people.workspace.timezone)
    if way is Way.MAIL and (at := clock(wants.digest_at)) is not None:
        return Fold.DIGEST, next_at(at, zone, now)
    passes = wants.urgent_passes and news.is_late and news.priority is Priority.URGENT
    quiet = None if passes else quiet_until(wants, zone, now)
    return None if quiet is None else (Fold.QUIET, quiet)


async def _recent(session: AsyncSession, workspace_id: int, now: datetime) -> Mapping[Recipient, tuple[int, datetime | None]]:
    rows = await session.execute(RECENT, {"workspace": workspace_id, "since": now - MINUTE})
    return {(member_id, Way(way)): (count, folded) for member_id, way, count, folded in rows.all()}


async def _add_at_once(
    session: AsyncSession,
    people: People,
    recipient: Recipient,
    alert_ids: Sequence[int],
    recent: tuple[int, datetime | None],
    now: datetime,
) -> None:
    workspace_id, (count, folded) = people.workspace.id, recent
    if folded is None and count + len(alert_ids) <= people.setup.storm_limit:
        for alert_id in alert_ids:
            await _add(session, workspace_id, recipient, Fold.NONE, now=now, alerts=[alert_id])
        return
    at = None if folded is None else folded + MINUTE
    await _add(session, workspace_id, recipient, Fold.STORM, now=now, alerts=alert_ids, at=at)


async def _add(
    session: AsyncSession,
    workspace_id: int,
    recipient: Recipient,
    fold: Fold,
    *,
    now: datetime,
    alerts: Collection[int] = (),
    troubles: Collection[int] = (),
    at: datetime | None = None,
) -> None:
    member_id, way = recipient
    given = {"alerts": list(alerts), "troubles": list(troubles), "key": new_token("alert_"), "at": at, "now": now}
    where = {"workspace": workspace_id, "member": member_id, "way": way.value, "fold": fold.value}
    await session.execute(ADD, {**where, **given})


async def _settle(session: AsyncSession, delivery: AlertDelivery, **values: object) -> bool:
    """Only while this try is the last: whoever took over after the lease decides."""
    ours = (col(AlertDelivery.id) == delivery.id, col(AlertDelivery.attempt) == delivery.attempt)
    settled = update(AlertDelivery).where(*ours, col(AlertDelivery.state) == Dispatch.SENDING).values(lease_until=None, **values)
    return await session.scalar(settled.returning(col(AlertDelivery.id))) is not None


def _order(recipient: Recipient) -> tuple[int, str]:
    return recipient[0] or 0, recipient[1].value
