"""What is wrong with Parley itself: admins are told by every way that works, once until it has ended, many at once in one message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import AlertDelivery, Channel, ChannelState, Dispatch, Installation, Trouble, TroubleKind, TroubleNotice, Way, Workspace
from inbox.promptness import deliveries, recipients
from inbox.team import rights
from inbox.team.rights import Access

MAKING = timedelta(days=1)  # that a backup may take, beyond the days after which it is expected
ENDS_SOON = timedelta(days=3)
RECENT = timedelta(hours=1)  # a failed message, until one leaves by the same way again
LEAST_FREE = 0.05  # of a disk


@dataclass(frozen=True, slots=True)
class Found:
    """Something that is wrong now."""

    workspace_id: int
    kind: TroubleKind
    subject: str
    detail: str = ""


async def look(session: AsyncSession, *, free: float, backup_days: int, now: datetime) -> int:
    """Write down what is wrong and what is in order again, and tell the admins of what is new; how many.

    `free`: share of the disk. `backup_days`: within which a backup is expected, 0: nobody expects one.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('parley troubles', 0))"))  # one process at a time
    found = [*await _channels(session, now), *await _backups(session, backup_days, now), *await _disk(session, free)]
    found += await _failures(session, now)
    await _end(session, found, now)
    begun: dict[int, list[Trouble]] = {}
    for one in found:
        values = {"workspace_id": one.workspace_id, "kind": one.kind, "subject": one.subject, "detail": one.detail, "began_at": now}
        new = insert(Trouble).values(**values, told_at=now).on_conflict_do_nothing().returning(Trouble)
        trouble = await session.scalar(new)
        if trouble is not None:
            begun.setdefault(one.workspace_id, []).append(trouble)
            _record(session, "trouble.began", trouble, now)
    for workspace_id, troubles in sorted(begun.items()):
        broken = {Way(one.subject) for one in found if one.workspace_id == workspace_id and one.kind is TroubleKind.DELIVERY}
        ways = {Way.MAIL, Way.PUSH, Way.WEBHOOK, Way.APPRISE} - broken
        people = await recipients.people(session, workspace_id, now=now)
        notices = [
            {"workspace_id": workspace_id, "trouble_id": trouble.id, "member_id": member_id}
            for trouble in troubles
            for member_id in people.admins()
        ]
        if notices:
            await session.execute(insert(TroubleNotice), notices)
        await deliveries.tell_troubles(session, people, [trouble.id for trouble in troubles], ways, now=now)
    return sum(map(len, begun.values()))


async def current(session: AsyncSession, access: Access) -> Sequence[Trouble]:
    """What is wrong now, the oldest first; of channels, those that the member may see."""
    mine = (col(Trouble.workspace_id) == access.workspace_id, col(Trouble.ended_at).is_(None))
    seen = {f"channel:{number}" for number in await rights.channels(session, access)}
    found = await session.scalars(select(Trouble).where(*mine).order_by(col(Trouble.id)))
    return [trouble for trouble in found if not trouble.subject.startswith("channel:") or trouble.subject in seen]


async def some(session: AsyncSession, trouble_ids: Sequence[int]) -> Sequence[Trouble]:
    """These, as long as they last."""
    open_ = (col(Trouble.id).in_(trouble_ids), col(Trouble.ended_at).is_(None))
    return (await session.scalars(select(Trouble).where(*open_).order_by(col(Trouble.id)))).all()


async def _channels(session: AsyncSession, now: datetime) -> list[Found]:
    found: list[Found] = []
    for channel in await session.scalars(select(Channel).where(col(Channel.removed_at).is_(None)).order_by(col(Channel.id))):
        where = (channel.workspace_id, f"channel:{channel.id}", channel.name)
        is_broken = channel.state is ChannelState.BROKEN
        if is_broken:
            found.append(_found(TroubleKind.BROKEN, *where))
        if channel.silent_since is not None:
            found.append(_found(TroubleKind.SILENT, *where))
        if (
            channel.token_expires_at is not None
            and not is_broken
            and channel.token_expires_at < now + ENDS_SOON
            and channel.token_warned_days
        ):
            found.append(_found(TroubleKind.TOKEN, *where))
    return found


async def _backups(session: AsyncSession, days: int, now: datetime) -> list[Found]:
    """The newest is old, or none was ever made though there has been something to lose for long."""
    if not days:
        return []
    expected = timedelta(days=days)
    backed_up = await session.scalar(select(col(Installation.backed_up_at)))
    if backed_up is None:
        return [_found(TroubleKind.BACKUP, one.id, "installation") for one in await _workspaces(session) if now - one.created_at > expected]
    if now - backed_up <= expected + MAKING:
        return []
    age = f"{(now - backed_up).days}"
    return [_found(TroubleKind.BACKUP, one.id, "installation", age) for one in await _workspaces(session)]


async def _disk(session: AsyncSession, free: float) -> list[Found]:
    if free >= LEAST_FREE:
        return []
    return [_found(TroubleKind.DISK, one.id, "installation", f"{free:.0%}") for one in await _workspaces(session)]


async def _workspaces(session: AsyncSession) -> Sequence[Workspace]:
    """Those that a trouble of the whole installation concerns: a demonstration has nothing to lose."""
    return (await session.scalars(select(Workspace).where(col(Workspace.is_demo).is_(False)).order_by(col(Workspace.id)))).all()


async def _failures(session: AsyncSession, now: datetime) -> list[Found]:
    """Ways by which an alert could not be delivered lately, and none has been since."""
    rows = await session.execute(
        select(col(AlertDelivery.workspace_id), col(AlertDelivery.way), col(AlertDelivery.state), col(AlertDelivery.error))
        .where(col(AlertDelivery.state).in_((Dispatch.FAILED, Dispatch.SENT)), col(AlertDelivery.created_at) > now - RECENT)
        .order_by(col(AlertDelivery.id))
    )
    last = {(workspace_id, way): (state, error) for workspace_id, way, state, error in rows}
    failed = [(place, error) for place, (state, error) in sorted(last.items()) if state is Dispatch.FAILED]
    return [_found(TroubleKind.DELIVERY, workspace_id, way.value, error or "") for (workspace_id, way), error in failed]


async def _end(session: AsyncSession, found: Sequence[Found], now: datetime) -> None:
    lasting = {(one.workspace_id, one.kind, one.subject) for one in found}
    for trouble in await session.scalars(select(Trouble).where(col(Trouble.ended_at).is_(None)).order_by(col(Trouble.id))):
        if (trouble.workspace_id, trouble.kind, trouble.subject) not in lasting:
            await session.execute(update(Trouble).where(col(Trouble.id) == trouble.id).values(ended_at=now))
            _record(session, "trouble.ended", trouble, now)


def _found(kind: TroubleKind, workspace_id: int, subject: str, detail: str = "") -> Found:
    return Found(workspace_id, kind, subject, detail)


def _record(session: AsyncSession, kind: str, trouble: Trouble, now: datetime) -> None:
    told: dict[str, Any] = {"trouble": trouble.id, "kind": trouble.kind.value, "subject": trouble.subject}
    events.record(session, kind, workspace_id=trouble.workspace_id, at=now, actor="system", **told)
