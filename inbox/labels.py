"""The signs that a workspace has for its conversations: made, changed and deleted. inbox.conversations.labels puts them on."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events, retargeting
from inbox.errors import Conflict, Invalid, NotFound
from inbox.models import Label, Role
from inbox.team.rights import Access

COLOURS = ("grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
LONGEST_NAME = 60


async def list_for(session: AsyncSession, access: Access) -> Sequence[Label]:
    """Every label of the workspace, by name."""
    query = select(Label).where(col(Label.workspace_id) == access.workspace_id)
    return (await session.scalars(query.order_by(col(Label.name)))).all()


async def get(session: AsyncSession, access: Access, label_id: int) -> Label:
    """One label of the workspace."""
    found = await session.scalar(select(Label).where(col(Label.id) == label_id, col(Label.workspace_id) == access.workspace_id))
    if found is None:
        raise NotFound("There is no such label in this workspace.")
    return found


async def create(session: AsyncSession, access: Access, *, name: str, colour: str, now: datetime) -> Label:
    """Make a label."""
    access.need(Role.SUPERVISOR)
    label = Label(workspace_id=access.workspace_id, name="")
    await _save(session, access, label, name, colour, now)
    return label


async def change(session: AsyncSession, access: Access, label: Label, *, name: str, colour: str, now: datetime) -> None:
    """Rename or recolour a label."""
    access.need(Role.SUPERVISOR)
    await _save(session, access, label, name, colour, now)


async def delete(session: AsyncSession, access: Access, label: Label, *, now: datetime) -> None:
    """Drop a label; every conversation loses it."""
    access.need(Role.SUPERVISOR)
    await session.delete(label)
    await session.flush()
    await retargeting.mark(session, access.workspace_id)  # policies may have asked for it
    _record(session, access, label.id, now)


async def _save(session: AsyncSession, access: Access, label: Label, name: str, colour: str, now: datetime) -> None:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise Invalid("A label needs a name of at most {longest} characters.", code="label_name", longest=LONGEST_NAME)
    if colour not in COLOURS:
        raise Invalid("Choose one of the colours.", code="label_colour")
    try:
        async with session.begin_nested():
            label.name, label.colour = name, colour
            session.add(label)
            await session.flush()
    except IntegrityError as error:
        raise Conflict("Another label has this name.", code="label_name_taken") from error
    _record(session, access, label.id, now)


def _record(session: AsyncSession, access: Access, label_id: int, now: datetime) -> None:
    events.record(session, "label.changed", workspace_id=access.workspace_id, at=now, actor=access.actor, label=label_id)
