"""How one's own answers are signed, here and on single channels, and how long they can be taken back."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, ChannelDep, MemberDep, NowDep, SessionDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from api.pages.here import WorkspaceDep
from inbox import channels
from inbox.models import Member, Role, Workspace
from inbox.team import members, voices
from inbox.team.rights import Access

router = APIRouter(prefix="/w/{workspace_id}/settings/profile", dependencies=[Depends(needs(Role.AGENT))])


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep, member: MemberDep, workspace: WorkspaceDep) -> Response:
    return await _page(frame, session, access, member, workspace)


@router.post("")
async def change(
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    member: MemberDep,
    workspace: WorkspaceDep,
    now: NowDep,
    name: Annotated[str, Form()] = "",
    public_name: Annotated[str, Form()] = "",
    signature: Annotated[str, Form()] = "",
    undo_seconds: Annotated[str, Form()] = "",
) -> Response:
    change = members.change_profile(
        session,
        access,
        member,
        name=name,
        public_name=public_name,
        signature=signature,
        undo_seconds=int(undo_seconds) if undo_seconds.isdecimal() and len(undo_seconds) < 6 else None,
        now=now,
    )
    error = await forms.attempt(session, change, frame.locale)
    return await _page(frame, session, access, member, workspace, error=error) if error else frame.back()


@router.post("/channels/{channel_id}")
async def change_voice(
    channel: ChannelDep,
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    member: MemberDep,
    workspace: WorkspaceDep,
    now: NowDep,
    public_name: Annotated[str, Form()] = "",
    signature: Annotated[str, Form()] = "",
) -> Response:
    """The name and signature on one channel."""
    change = voices.change(session, access, member, channel, public_name=public_name, signature=signature, now=now)
    error = await forms.attempt(session, change, frame.locale)
    return await _page(frame, session, access, member, workspace, error=error) if error else frame.back()


async def _page(
    frame: Frame, session: AsyncSession, access: Access, member: Member, workspace: Workspace, *, error: str | None = None
) -> Response:
    return frame.show(
        "settings/profile.html",
        error=error,
        member=member,
        workspace=workspace,
        channels=await channels.list_for(session, access),
        voices=await voices.list_for(session, member.id),
    )
