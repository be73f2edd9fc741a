"""How a member is told of alerts: by which ways, when not, and in which browsers. For everybody."""

import json
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api import alert_delivery
from api.alert_delivery import Office
from api.deps import AccessDep, AskerDep, HouseDep, MemberDep, NowDep, Number, SessionDep
from api.pages import forms
from api.pages.account import device
from api.pages.forms import Frame, FrameDep
from inbox.errors import Invalid
from inbox.models import Way
from inbox.promptness import alerting
from inbox.team import workspaces
from inbox.team.rights import Access

router = APIRouter(prefix="/w/{workspace_id}/settings/notifications")
LONGEST_BODY = 10_000


class PreferenceIn(BaseModel):
    """What the form asks for."""

    mail: bool = False
    push: bool = False
    timezone: str = ""
    quiet_from: str = ""
    quiet_until: str = ""
    urgent_passes: bool = False
    digest_at: str = ""


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep) -> Response:
    return await _page(frame, session, access, house)


@router.post("")
async def change(
    frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, now: NowDep, given: Annotated[PreferenceIn, Form()]
) -> Response:
    error = await forms.attempt(session, alerting.change_preference(session, access, now=now, **given.model_dump()), frame.locale)
    return await _page(frame, session, access, house, given=given, error=error) if error else frame.back()


@router.post("/browsers", status_code=204)
async def subscribe(request: Request, session: SessionDep, asker: AskerDep, access: AccessDep, house: HouseDep, now: NowDep) -> Response:
    """A browser that the person has just allowed to show alerts."""
    body = await request.body()
    try:
        given = json.loads(body) if len(body) <= LONGEST_BODY else None
    except (ValueError, RecursionError):
        raise Invalid("That is no subscription of a browser.", code="subscription") from None
    name = device(request.headers.get("user-agent", ""))
    await alerting.subscribe(session, access, house.vault, given, session_id=asker.session_id, device=name, now=now)
    return Response(status_code=204)


@router.post("/browsers/{subscription_id}/removal")
async def unsubscribe(subscription_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep) -> Response:
    await alerting.unsubscribe(session, access.member_id or 0, subscription_id)
    return frame.back()


@router.post("/test/{way}")
async def test(way: Way, frame: FrameDep, session: SessionDep, member: MemberDep, access: AccessDep, house: HouseDep) -> Response:
    """Send oneself a message, and say what became of it."""
    if way not in {Way.MAIL, Way.PUSH}:
        raise Invalid("A test is by mail or push.", code="way")
    office = Office(house.database, house.vault, house.settings, house.clock)
    error = await alert_delivery.try_out(session, office, way, access, member, frame.locale)
    return await _page(frame, session, access, house, error=error) if error else frame.back()


async def _page(
    frame: Frame, session: AsyncSession, access: Access, house: HouseDep, *, given: PreferenceIn | None = None, error: str | None = None
) -> Response:
    from connectors.outbound import push  # brings the crypto of keys: only where somebody subscribes

    key = await alerting.push_key(session, house.vault)
    if key is None:
        private, public = push.new_key()
        key = await alerting.push_key(session, house.vault, {"private": private, "public": public})
    preference = await alerting.preference(session, access)
    return frame.show(
        "settings/notifications.html",
        error=error,
        given=given or PreferenceIn.model_validate(preference, from_attributes=True),
        browsers=await alerting.subscriptions(session, access.member_id or 0, now=house.clock()),
        key="" if key is None else key.public,
        has_mail=house.settings.smtp_url is not None,
        timezones=sorted(workspaces.TIMEZONES),
    )
