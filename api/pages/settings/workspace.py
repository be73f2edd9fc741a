"""The workspace's own settings, and the end of the demonstration. For admins; in a demonstration its supervisor may end it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response, UploadFile
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, NowDep, SessionDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from api.pages.here import WorkspaceDep
from inbox.models import Role, Workspace
from inbox.team import logos, workspaces
from web.i18n import SUPPORTED

router = APIRouter(prefix="/w/{workspace_id}/settings/workspace")
Few = Annotated[int, Field(ge=-10_000, le=10_000)]  # the inbox says more exactly what is too much


class WorkspaceIn(BaseModel):
    """What the form asks for."""

    name: str = ""
    locale: str = "en"
    timezone: str = ""
    undo_seconds: Few = 5
    episode_days: Few = 7
    privacy_url: str = ""


@router.get("", dependencies=[Depends(needs(Role.ADMIN))])
async def show(frame: FrameDep, session: SessionDep, workspace: WorkspaceDep) -> Response:
    return await _page(frame, session, _of(workspace))


@router.post("", dependencies=[Depends(needs(Role.ADMIN))])
async def change(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, given: Annotated[WorkspaceIn, Form()]) -> Response:
    change = workspaces.change(
        session,
        access,
        name=given.name,
        locale=given.locale if given.locale in SUPPORTED else "en",
        timezone=given.timezone,
        undo_seconds=given.undo_seconds,
        episode_days=given.episode_days,
        privacy_url=given.privacy_url.strip(),
        now=now,
    )
    error = await forms.attempt(session, change, frame.locale)
    return await _page(frame, session, given, error=error) if error else frame.back()


@router.get("/logo")
async def show_logo(access: AccessDep, session: SessionDep) -> Response:
    """The picture, for every member: reports show it. Its address changes with it."""
    found = await logos.get(session, access.workspace_id)
    return Response(found.content, media_type=found.media_type, headers={"Cache-Control": "private, max-age=31536000, immutable"})


@router.post("/logo", dependencies=[Depends(needs(Role.ADMIN))])
async def put_logo(
    frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, workspace: WorkspaceDep, file: UploadFile | None = None
) -> Response:
    """The picture at the head of reports."""
    content = await file.read(logos.LARGEST + 1) if file else b""
    error = await forms.attempt(session, logos.put(session, access, content, now=now), frame.locale)
    return await _page(frame, session, _of(workspace), error=error) if error else frame.back()


@router.post("/logo/removal", dependencies=[Depends(needs(Role.ADMIN))])
async def remove_logo(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    await logos.remove(session, access, now=now)
    return frame.back()


@router.post("/demo/removal")
async def remove_demo(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    """Delete the demonstration with all that is in it."""
    await workspaces.remove_demo(session, access, now=now)
    return forms.go("/") if frame.here.is_demo else frame.back()


async def _page(frame: Frame, session: AsyncSession, given: WorkspaceIn, *, error: str | None = None) -> Response:
    return frame.show(
        "settings/workspace.html",
        error=error,
        given=given,
        timezones=sorted(workspaces.TIMEZONES),
        logo=await logos.version(session, frame.here.workspace_id),
        demo=await workspaces.demo(session),
    )


def _of(workspace: Workspace) -> WorkspaceIn:
    return WorkspaceIn.model_validate(workspace, from_attributes=True)
