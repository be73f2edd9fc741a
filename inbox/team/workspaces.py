"""Workspaces: made at the first run, set by admins; the demonstration goes with one click."""

from datetime import datetime
from zoneinfo import available_timezones

from sqlalchemy import delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Invalid, NotFound
from inbox.models import Account, Member, Role, Workspace
from inbox.team import accounts
from inbox.team.rights import Access

TIMEZONES = frozenset(available_timezones())
LONGEST_UNDO_SECONDS = 60
LONGEST_EPISODE_DAYS = 365
LONGEST_ADDRESS = 2000


async def create(
    session: AsyncSession, *, name: str, locale: str = "en", timezone: str = "Europe/Berlin", is_demo: bool = False, now: datetime
) -> Workspace:
    """Make a workspace; it has no members yet."""
    workspace = Workspace(name=accounts.named(name), locale=locale, timezone=checked_timezone(timezone), is_demo=is_demo, created_at=now)
    session.add(workspace)
    await session.flush()
    return workspace


async def get(session: AsyncSession, workspace_id: int) -> Workspace:
    """The row of a workspace that the caller may see."""
    found = await session.get(Workspace, workspace_id)
    if found is None:
        raise NotFound("There is no such workspace, or you are not a member of it.")
    return found


async def change(
    session: AsyncSession,
    access: Access,
    *,
    name: str,
    locale: str,
    timezone: str,
    undo_seconds: int,
    episode_days: int,
    privacy_url: str,
    now: datetime,
) -> None:
    """Change the workspace's own settings."""
    access.need(Role.ADMIN)
    _check_ranges(undo_seconds, episode_days, privacy_url)
    workspace = await get(session, access.workspace_id)
    wanted = {
        "name": accounts.named(name),
        "locale": locale,
        "timezone": checked_timezone(timezone),
        "undo_seconds": undo_seconds,
        "episode_days": episode_days,
        "privacy_url": privacy_url,
    }
    changed = [field for field, value in wanted.items() if getattr(workspace, field) != value]
    for field in changed:
        setattr(workspace, field, wanted[field])
    if changed:
        await session.flush()
        events.record(session, "workspace.changed", workspace_id=workspace.id, at=now, actor=access.actor, fields=changed)


async def demo(session: AsyncSession) -> Workspace | None:
    """The demonstration, while it is there."""
    return await session.scalar(select(Workspace).where(col(Workspace.is_demo)).order_by(col(Workspace.id)).limit(1))


async def remove_demo(session: AsyncSession, access: Access, *, now: datetime) -> None:
    """Delete every demonstration with all that is in it, and the accounts that were only there."""
    here = await get(session, access.workspace_id)
    access.need(Role.SUPERVISOR if here.is_demo else Role.ADMIN)
    demos = select(col(Workspace.id)).where(col(Workspace.is_demo))
    people = set(await session.scalars(select(col(Member.account_id)).where(col(Member.workspace_id).in_(demos))))
    await session.execute(delete(Workspace).where(col(Workspace.is_demo)))
    elsewhere = exists().where(col(Member.account_id) == Account.id)
    await session.execute(delete(Account).where(col(Account.id).in_(people), ~elsewhere))
    if not here.is_demo:  # a workspace that is gone has no log
        events.record(session, "workspace.changed", workspace_id=here.id, at=now, actor=access.actor, fields=["demo"])


def checked_timezone(name: str) -> str:
    """The name of a time zone, or Invalid."""
    if name not in TIMEZONES:
        raise Invalid("There is no time zone of that name.", code="timezone")
    return name


def _check_ranges(undo_seconds: int, episode_days: int, privacy_url: str) -> None:
    if not 0 <= undo_seconds <= LONGEST_UNDO_SECONDS:
        raise Invalid("A reply can be taken back for 0 to {longest} seconds.", code="undo_seconds", longest=LONGEST_UNDO_SECONDS)
    if not 1 <= episode_days <= LONGEST_EPISODE_DAYS:
        raise Invalid("Days of silence are between 1 and {longest}.", code="episode_days", longest=LONGEST_EPISODE_DAYS)
    if len(privacy_url) > LONGEST_ADDRESS:
        raise Invalid("An address may have at most {longest} characters.", code="address_long", longest=LONGEST_ADDRESS)
    if privacy_url and not privacy_url.startswith(("https://", "http://")):
        raise Invalid("The privacy link begins with https://.", code="privacy_url")
