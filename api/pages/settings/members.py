"""Members and invitations. For admins."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, NowDep, SessionDep, SettingsDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from inbox.models import Role
from inbox.team import invitations, members
from inbox.team.rights import Access

router = APIRouter(prefix="/w/{workspace_id}/settings/members", dependencies=[Depends(needs(Role.ADMIN))])


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    return await _page(frame, session, access, now)


@router.post("/{member_id}/role")
async def change_role(
    member_id: int, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, role: Annotated[Role, Form()]
) -> Response:
    error = await forms.attempt(session, members.change_role(session, access, member_id, role, now=now), frame.locale)
    return await _page(frame, session, access, now, error=error) if error else frame.back()


@router.post("/{member_id}/removal")
async def remove(member_id: int, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    error = await forms.attempt(session, members.remove(session, access, member_id, now=now), frame.locale)
    if error:
        return await _page(frame, session, access, now, error=error)
    return forms.go("/") if member_id == access.member_id else frame.back()


@router.post("/invitations")
async def invite(
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    now: NowDep,
    settings: SettingsDep,
    role: Annotated[Role, Form()],
    email: Annotated[str, Form()] = "",
) -> Response:
    """Make a link. It is shown on this page and never again."""
    token = ""

    async def make() -> None:
        nonlocal token
        token = await invitations.invite(session, access, role=role, email=email, now=now)

    error = await forms.attempt(session, make(), frame.locale)
    link = f"{settings.public_url}/invitations/{token}" if token else None
    return await _page(frame, session, access, now, error=error, link=link)


@router.post("/invitations/{invitation_id}/removal")
async def revoke(invitation_id: int, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    await invitations.revoke(session, access, invitation_id, now=now)
    return frame.back()


async def _page(
    frame: Frame, session: AsyncSession, access: Access, now: datetime, *, error: str | None = None, link: str | None = None
) -> Response:
    return frame.show(
        "settings/members.html",
        error=error,
        link=link,
        people=await members.list_for(session, access),
        invited=await invitations.list_open(session, access, now=now),
        roles=[role.value for role in Role],
    )
