"""The health of channels: what works, what fails, and one event for each change."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Capabilities
from inbox.conversations import windows
from inbox.models import Channel, ChannelState

ALIVE = (ChannelState.CONNECTING, ChannelState.HEALTHY, ChannelState.FAILING)


async def worked(session: AsyncSession, channel: Channel, *, now: datetime, fence: int | None = None) -> None:
    """The platform answered: the channel works, and says so once."""
    before = await _set(session, channel, fence, state=ChannelState.HEALTHY, error=None, failures=0, next_try_at=None, last_success_at=now)
    if before == ChannelState.CONNECTING:
        _record(session, "channel.changed", channel, now, fields=["state"])
    elif before is not None and before != ChannelState.HEALTHY:
        _record(session, "channel.recovered", channel, now)


async def failed(
    session: AsyncSession, channel: Channel, reason: str, *, code: str, now: datetime, failures: int, next_try_at: datetime, fence: int
) -> None:
    """The channel could not be read, and is tried again."""
    values = {"error": reason, "error_at": now, "failures": failures, "next_try_at": next_try_at}
    before = await _set(session, channel, fence, state=ChannelState.FAILING, **values)
    if before is not None and before != ChannelState.FAILING:
        _record(session, "channel.failed", channel, now, state=ChannelState.FAILING.value, code=code)


async def rests(session: AsyncSession, channel: Channel, *, until: datetime, fence: int) -> None:
    """The platform asked to wait: no failure, and no event."""
    await _set(session, channel, fence, next_try_at=until)


async def broke(session: AsyncSession, channel: Channel, reason: str, *, code: str, now: datetime, fence: int) -> None:
    """The channel cannot be read until a person reconnects it."""
    values = {"error": reason, "error_at": now, "next_try_at": None, "lease_until": None, "lease_owner": None}
    if await _set(session, channel, fence, state=ChannelState.BROKEN, **values) is not None:
        _record(session, "channel.failed", channel, now, state=ChannelState.BROKEN.value, code=code)


async def sending_failed(session: AsyncSession, channel: Channel, reason: str, *, code: str, now: datetime) -> None:
    """Replies do not leave, whatever the reading does: the channel says so, once."""
    there = (col(Channel.id) == channel.id, col(Channel.removed_at).is_(None))
    first = update(Channel).where(*there, col(Channel.send_error).is_(None)).values(send_error=reason, send_error_at=now)
    if await session.scalar(first.returning(col(Channel.id))) is not None:
        _record(session, "channel.failed", channel, now, part="sending", code=code)
    else:
        await session.execute(update(Channel).where(*there).values(send_error=reason, send_error_at=now))


async def sending_worked(session: AsyncSession, channel: Channel, *, now: datetime) -> None:
    """Replies leave again."""
    again = update(Channel).where(col(Channel.id) == channel.id, col(Channel.send_error).is_not(None))
    if await session.scalar(again.values(send_error=None, send_error_at=None).returning(col(Channel.id))) is not None:
        _record(session, "channel.recovered", channel, now, part="sending")


async def known(session: AsyncSession, channel: Channel, *, account_id: str, account_name: str, now: datetime) -> None:
    """The platform told which account this is."""
    if (channel.account_id, channel.account_name) == (account_id, account_name):
        return
    await _set(session, channel, None, account_id=account_id, account_name=account_name)
    _record(session, "channel.changed", channel, now, fields=["account"])


async def allowed(session: AsyncSession, channel: Channel, platform: Capabilities, account: Capabilities, *, now: datetime) -> None:
    """What the account can do, which may be less than its platform can: conversations and lists have to know."""
    values = allowances(platform, account)
    if values == {name: getattr(channel, name) for name in values}:
        return
    await session.execute(update(Channel).where(col(Channel.id) == channel.id).values(**values))
    _record(session, "channel.changed", channel, now, fields=["window"])


def allowances(platform: Capabilities, account: Capabilities) -> dict[str, Any]:
    """The columns of a channel's row that tell what its account can do."""
    return {
        "answers": account.replies,
        "answer_hours": windows.hours(account),
        "answer_kinds": sorted(account.window_kinds) if account.window_kinds is not None else None,
        "one_reply_only": account.one_reply_only,
        "actions": sorted(account.actions) if account.actions != platform.actions else None,
    }


async def _set(session: AsyncSession, channel: Channel, fence: int | None, **values: Any) -> ChannelState | None:
    """Change the row while it is ours and no person has paused it; returns the state before, None when nothing was changed."""
    mine = [col(Channel.id) == channel.id, col(Channel.state).in_(ALIVE), col(Channel.removed_at).is_(None)]
    if fence is not None:
        mine.append(col(Channel.fence) == fence)
    before = await session.scalar(select(col(Channel.state)).where(*mine).with_for_update(key_share=True))
    if before is not None:
        await session.execute(update(Channel).where(col(Channel.id) == channel.id).values(**values))
    return before


def _record(session: AsyncSession, kind: str, channel: Channel, now: datetime, **data: Any) -> None:
    actor = f"channel:{channel.id}"
    events.record(session, kind, workspace_id=channel.workspace_id, at=now, actor=actor, channel_id=channel.id, **data)
