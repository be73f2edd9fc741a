"""Templates. For supervisors."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, NowDep, Number, SessionDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from inbox import channels
from inbox.assistant import templates
from inbox.models import Role, Template
from inbox.team.rights import Access
from web.i18n import language

router = APIRouter(prefix="/w/{workspace_id}/settings/templates", dependencies=[Depends(needs(Role.SUPERVISOR))])


# What templates are written in, most often; any other that one has stays on offer.
LANGUAGES = (
    "ar", "bg", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu", "it", "ja", "ko", "lt", "lv", "nb",
    "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip


class TemplateIn(BaseModel):
    """What the form asks for."""

    name: str = ""
    shortcut: str = ""
    body: str = ""
    locale: str = ""
    channel_id: str = ""

    def draft(self) -> templates.Draft:
        channel_id = int(self.channel_id) if self.channel_id.isdecimal() and len(self.channel_id) < 19 else None
        return templates.Draft(name=self.name, shortcut=self.shortcut, body=self.body, locale=self.locale, channel_id=channel_id)

    @classmethod
    def of(cls, template: Template) -> "TemplateIn":
        channel_id = str(template.channel_id or "")
        return cls(name=template.name, shortcut=template.shortcut, body=template.body, locale=template.locale, channel_id=channel_id)


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep) -> Response:
    """The list."""
    named = {channel.id: channel.name for channel in await channels.list_for(session, access)}
    return frame.show("settings/templates.html", templates=await templates.list_for(session, access), channels=named)


@router.get("/new")
async def show_new(frame: FrameDep, session: SessionDep, access: AccessDep) -> Response:
    return await _form(frame, session, access, TemplateIn())


@router.post("/new")
async def create(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, given: Annotated[TemplateIn, Form()]) -> Response:
    error = await forms.attempt(session, templates.create(session, access, given.draft(), now=now), frame.locale)
    return await _form(frame, session, access, given, error=error) if error else frame.back()


@router.get("/{template_id}")
async def show_one(template_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep) -> Response:
    template = await templates.get(session, access, template_id)
    return await _form(frame, session, access, TemplateIn.of(template), template_id=template_id)


@router.post("/{template_id}")
async def change(
    template_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, given: Annotated[TemplateIn, Form()]
) -> Response:
    template = await templates.get(session, access, template_id)
    error = await forms.attempt(session, templates.change(session, access, template, given.draft(), now=now), frame.locale)
    return await _form(frame, session, access, given, template_id=template_id, error=error) if error else frame.back()


@router.post("/{template_id}/removal")
async def delete(template_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    template = await templates.get(session, access, template_id)
    await templates.delete(session, access, template, now=now)
    return frame.back()


async def _form(
    frame: Frame, session: AsyncSession, access: Access, given: TemplateIn, *, template_id: int | None = None, error: str | None = None
) -> Response:
    return frame.show(
        "settings/template.html",
        error=error,
        given=given,
        template_id=template_id,
        channels=await channels.list_for(session, access),
        variables=templates.VARIABLES,
        languages=sorted((language(frame.locale).language_name(code), code) for code in {*LANGUAGES, given.locale} - {""}),
    )
