"""The picture at the head of a workspace's reports."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Invalid, NotFound
from inbox.models import Role, WorkspaceLogo
from inbox.team.rights import Access

LARGEST = 200_000  # bytes
# How such files begin: what a name or a browser says of a file is not believed. SVG can hold scripts and stays out.
BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


async def put(session: AsyncSession, access: Access, content: bytes, *, now: datetime) -> None:
    """Take a PNG, JPEG or WebP picture in the place of the one that was there."""
    access.need(Role.ADMIN)
    values = {"media_type": _kind(content), "content": content, "changed_at": now}
    row = insert(WorkspaceLogo).values(workspace_id=access.workspace_id, **values)
    await session.execute(row.on_conflict_do_update(index_elements=["workspace_id"], set_=values))
    _record(session, access, now)


async def remove(session: AsyncSession, access: Access, *, now: datetime) -> None:
    """Let reports begin without a picture; without one there, nothing happens."""
    access.need(Role.ADMIN)
    gone = delete(WorkspaceLogo).where(col(WorkspaceLogo.workspace_id) == access.workspace_id).returning(col(WorkspaceLogo.workspace_id))
    if await session.scalar(gone) is not None:
        _record(session, access, now)


async def get(session: AsyncSession, workspace_id: int) -> WorkspaceLogo:
    """The picture."""
    found = await session.get(WorkspaceLogo, workspace_id)
    if found is None:
        raise NotFound("This workspace has no logo.")
    return found


async def version(session: AsyncSession, workspace_id: int) -> str | None:
    """What changes with the picture, for its address; None without one."""
    changed = select(col(WorkspaceLogo.changed_at)).where(col(WorkspaceLogo.workspace_id) == workspace_id)
    at = await session.scalar(changed)
    return None if at is None else format(at.timestamp(), ".6f")


def _kind(content: bytes) -> str:
    if len(content) > LARGEST:
        raise Invalid("A logo has at most {most} kB.", code="logo_large", most=LARGEST // 1000)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    for beginning, kind in BEGINNINGS.items():
        if content.startswith(beginning):
            return kind
    raise Invalid("A logo is a PNG, JPEG or WebP picture.", code="logo_kind")


def _record(session: AsyncSession, access: Access, now: datetime) -> None:
    events.record(session, "workspace.changed", workspace_id=access.workspace_id, at=now, actor=access.actor, fields=["logo"])
