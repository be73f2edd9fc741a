"""Teams. For supervisors."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, NowDep, Number, RowId, SessionDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from inbox.conversations import assignment
from inbox.models import Role
from inbox.team import members, teams
from inbox.team.rights import Access

router = APIRouter(prefix="/w/{workspace_id}/settings/teams", dependencies=[Depends(needs(Role.SUPERVISOR))])
MemberIds = Annotated[list[RowId], Form(default_factory=list, max_length=10_000)]


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep) -> Response:
    return await _page(frame, session, access)


@router.post("")
async def create(
    frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, member_ids: MemberIds, name: Annotated[str, Form()] = ""
) -> Response:
    error = await forms.attempt(session, teams.create(session, access, name=name, member_ids=member_ids, now=now), frame.locale)
    return await _page(frame, session, access, error=error) if error else frame.back()


@router.post("/{team_id}")
async def change(
    team_id: Number,
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    now: NowDep,
    member_ids: MemberIds,
    name: Annotated[str, Form()] = "",
) -> Response:
    team = await teams.get(session, access, team_id)
    change = teams.change(session, access, team, name=name, member_ids=member_ids, now=now)
    error = await forms.attempt(session, change, frame.locale)
    return await _page(frame, session, access, error=error) if error else frame.back()


@router.post("/{team_id}/removal")
async def dissolve(team_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    team = await teams.get(session, access, team_id)
    error = await forms.attempt(session, assignment.dissolve(session, access, team, now=now), frame.locale)
    return await _page(frame, session, access, error=error) if error else frame.back()


async def _page(frame: Frame, session: AsyncSession, access: Access, *, error: str | None = None) -> Response:
    people = [member for member, _ in await members.list_for(session, access)]
    return frame.show("settings/teams.html", error=error, rosters=await teams.list_for(session, access), people=people)
