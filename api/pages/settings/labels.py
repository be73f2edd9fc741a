"""Labels. For supervisors."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, NowDep, Number, SessionDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from inbox import labels
from inbox.conversations import labels as worn
from inbox.models import Role
from inbox.team.rights import Access

router = APIRouter(prefix="/w/{workspace_id}/settings/labels", dependencies=[Depends(needs(Role.SUPERVISOR))])
Text = Annotated[str, Form()]


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep) -> Response:
    return await _page(frame, session, access)


@router.post("")
async def create(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, name: Text = "", colour: Text = "") -> Response:
    error = await forms.attempt(session, labels.create(session, access, name=name, colour=colour, now=now), frame.locale)
    return await _page(frame, session, access, error=error) if error else frame.back()


@router.post("/{label_id}")
async def change(
    label_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, name: Text = "", colour: Text = ""
) -> Response:
    label = await labels.get(session, access, label_id)
    error = await forms.attempt(session, labels.change(session, access, label, name=name, colour=colour, now=now), frame.locale)
    return await _page(frame, session, access, error=error) if error else frame.back()


@router.post("/{label_id}/removal")
async def delete(label_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    label = await labels.get(session, access, label_id)
    await worn.drop(session, access, label, now=now)
    return frame.back()


async def _page(frame: Frame, session: AsyncSession, access: Access, *, error: str | None = None) -> Response:
    rows = await labels.list_for(session, access)
    return frame.show("settings/labels.html", error=error, labels=rows, colours=labels.COLOURS)
