"""Keys for programs: made, shown once, taken back. For admins."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, NowDep, Number, SessionDep, SettingsDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from inbox.models import Role
from inbox.team import members, tokens
from inbox.team.rights import Access

router = APIRouter(prefix="/w/{workspace_id}/settings/tokens", dependencies=[Depends(needs(Role.ADMIN))])


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep, settings: SettingsDep) -> Response:
    return await _page(frame, session, access, settings.public_url)


@router.post("")
async def create(
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    settings: SettingsDep,
    now: NowDep,
    role: Annotated[Role, Form()],
    name: Annotated[str, Form()] = "",
    member_id: Annotated[str, Form()] = "",
) -> Response:
    """Make a token. It is shown on this page and never again."""
    owner = int(member_id) if member_id.isdecimal() and len(member_id) < 19 else None
    token: str | None = None

    async def make() -> None:
        nonlocal token
        token = await tokens.create(session, access, name=name, role=role, member_id=owner, now=now)

    error = await forms.attempt(session, make(), frame.locale)
    return await _page(frame, session, access, settings.public_url, error=error, token=token)


@router.post("/{token_id}/removal")
async def revoke(token_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    await tokens.revoke(session, access, token_id, now=now)
    return frame.back()


async def _page(
    frame: Frame, session: AsyncSession, access: Access, public_url: str, *, error: str | None = None, token: str | None = None
) -> Response:
    return frame.show(
        "settings/tokens.html",
        error=error,
        token=token,
        public_url=public_url,
        keys=await tokens.list_for(session, access),
        people=[member for member, _ in await members.list_for(session, access)],
        roles=[role.value for role in Role],
    )
