"""Saved replies."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.deps import ApiAccessDep, NowDep, Number, RowId, SessionDep
from api.schemas import Given, Shape, Text
from api.v1 import PROBLEMS
from inbox.assistant import templates

router = APIRouter(prefix="/templates", tags=["templates"], responses=PROBLEMS)


class TemplateIn(Given):
    name: str
    shortcut: str
    body: Text
    locale: str = ""
    channel_id: RowId | None = None


class TemplateOut(Shape):
    id: int
    name: str
    shortcut: str
    body: str
    locale: str
    channel_id: int | None
    uses: int
    updated_at: datetime


@router.get("")
async def list_templates(
    access: ApiAccessDep,
    session: SessionDep,
    channel: Annotated[int | None, Query(ge=1, lt=2**63, description="Only what fits this channel.")] = None,
    locale: Annotated[str | None, Query(max_length=20, description="Only what fits this language.")] = None,
) -> list[TemplateOut]:
    """The templates that this token may use, by shortcut."""
    found = await templates.list_for(session, access, channel_id=channel, locale=locale)
    return [TemplateOut.model_validate(template) for template in found]


@router.post("", status_code=201)
async def create_template(access: ApiAccessDep, draft: TemplateIn, session: SessionDep, now: NowDep, response: Response) -> TemplateOut:
    """Write a template."""
    template = await templates.create(session, access, templates.Draft(**draft.model_dump()), now=now)
    response.headers["Location"] = f"/api/v1/templates/{template.id}"
    return TemplateOut.model_validate(template)


@router.get("/{template_id}")
async def get_template(access: ApiAccessDep, template_id: Number, session: SessionDep) -> TemplateOut:
    """One template."""
    return TemplateOut.model_validate(await templates.get(session, access, template_id))


@router.put("/{template_id}")
async def put_template(access: ApiAccessDep, template_id: Number, draft: TemplateIn, session: SessionDep, now: NowDep) -> TemplateOut:
    """Write a template anew."""
    template = await templates.get(session, access, template_id)
    return TemplateOut.model_validate(await templates.change(session, access, template, templates.Draft(**draft.model_dump()), now=now))


@router.delete("/{template_id}", status_code=204)
async def delete_template(access: ApiAccessDep, template_id: Number, session: SessionDep, now: NowDep) -> None:
    """Drop a template; what was written with it stays."""
    await templates.delete(session, access, await templates.get(session, access, template_id), now=now)
