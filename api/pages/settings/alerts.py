"""Who is told when: the chains of policies, who is on call, and, for admins, the workspace's own addresses. For supervisors."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.datastructures import FormData

from api import alert_delivery, alert_words
from api.alert_delivery import Office
from api.deps import AccessDep, HouseDep, NowDep, Number, SessionDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from inbox.conversations import directory
from inbox.errors import Invalid
from inbox.models import Policy, Priority, Role, Way
from inbox.promptness import alerting, chains, deliveries, recipients, troubles
from inbox.promptness.chains import When
from inbox.team.rights import Access
from web.i18n import language

router = APIRouter(prefix="/w/{workspace_id}/settings/alerts", dependencies=[Depends(needs(Role.SUPERVISOR))])
WEEK = timedelta(days=7)
SPARE = 2  # empty lines for further steps
ROTA = 8  # lines for members who take turns
Text = Annotated[str, Form()]


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, now: NowDep) -> Response:
    return await _page(frame, session, access, house, now)


@router.post("/policies/{policy_id}")
async def change_chain(
    policy_id: Number, request: Request, frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, now: NowDep
) -> Response:
    """Write a policy's chain; `usual` brings the usual one back."""
    form = await request.form()
    chain = None if form.get("usual") else _chain(form)
    error = await forms.attempt(session, alerting.change_chain(session, access, policy_id, chain, now=now), frame.locale)
    return await _page(frame, session, access, house, now, error=error) if error else frame.back()


@router.post("/on-call")
async def change_on_call(
    request: Request, frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, now: NowDep
) -> Response:
    """Who is on call: one member or team, or members by turns from this week's Monday on."""
    form = await request.form()
    sort, _, number = str(form.get("on_call", "")).partition(":")
    rota = [int(one) for one in map(str, form.getlist("rota")) if one.isdecimal() and len(one) < 19]
    given = int(number) if number.isdecimal() and len(number) < 19 else None
    setup = await recipients.setup(session, access.workspace_id)
    since = setup.rota_from if setup.rota == rota else _monday(now, ZoneInfo(frame.here.timezone))
    change = alerting.change_on_call(
        session,
        access,
        member_id=given if sort == "member" else None,
        team_id=given if sort == "team" else None,
        rota=rota,
        since=since if rota else None,
        now=now,
    )
    error = await forms.attempt(session, change, frame.locale)
    return await _page(frame, session, access, house, now, error=error) if error else frame.back()


@router.post("/ways")
async def change_ways(
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    house: HouseDep,
    now: NowDep,
    webhook_url: Text = "",
    apprise_urls: Annotated[str, Form(max_length=10_000)] = "",
    storm_limit: Annotated[int, Form(ge=-1000, le=1000)] = 5,
) -> Response:
    """The workspace's own addresses."""
    wanted = {"webhook_url": webhook_url, "apprise_urls": apprise_urls.replace("\r", ""), "storm_limit": storm_limit}
    change = alerting.change_setup(session, access, house.vault, now=now, **wanted)
    error = await forms.attempt(session, change, frame.locale)
    return await _page(frame, session, access, house, now, error=error) if error else frame.back()


@router.post("/ways/{way}/test", dependencies=[Depends(needs(Role.ADMIN))])
async def test(way: Way, frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, now: NowDep) -> Response:
    """Send a message to the workspace's own address, and say what became of it."""
    if way not in {Way.WEBHOOK, Way.APPRISE}:
        raise Invalid("A test is by webhook or Apprise.", code="way")
    office = Office(house.database, house.vault, house.settings, house.clock)
    error = await alert_delivery.try_out(session, office, way, access, None, frame.locale)
    return await _page(frame, session, access, house, now, error=error) if error else frame.back()


async def _page(
    frame: Frame, session: AsyncSession, access: Access, house: HouseDep, now: datetime, *, error: str | None = None
) -> Response:
    from connectors.outbound import services  # knows whether Apprise is there

    setup, say = await recipients.setup(session, access.workspace_id), language(frame.locale)
    people = await recipients.people(session, access.workspace_id, now=now)
    names = await directory.load(session, access.workspace_id)
    kept = (col(Policy.workspace_id) == access.workspace_id, col(Policy.removed_at).is_(None))
    ordered = select(Policy).where(*kept).order_by(col(Policy.position), col(Policy.id))
    policies = [(policy, chains.read(policy.alerts)) for policy in await session.scalars(ordered)]
    wrong = await troubles.current(session, access)
    is_admin = access.role is Role.ADMIN
    return frame.show(
        "settings/alerts.html",
        error=error,
        policies=policies,
        spare=SPARE,
        names=names,
        priorities=list(Priority),
        ways=list(Way),
        setup=setup,
        rota_lines=max(ROTA, len(setup.rota) + 1),
        on_call=[names.members[number] for number in people.on_call()],
        secret=house.vault.decrypt(setup.webhook_secret) if is_admin and setup.webhook_secret else "",
        services="\n".join(alerting.services_of(setup, house.vault)) if is_admin else "",
        has_apprise=services.is_there(),
        troubles=[(one, alert_words.trouble(one, say)) for one in wrong],
        failures=await deliveries.failures(session, access.workspace_id, since=now - WEEK),
    )


def _chain(form: FormData) -> Sequence[dict[str, Any]]:
    """The steps of the form; lines without a time are left out. Minutes become seconds."""
    steps: list[dict[str, Any]] = []
    for line in range(chains.MOST_STEPS + SPARE):
        when = str(form.get(f"when_{line}", ""))
        if not when:
            continue
        amount = _amount(str(form.get(f"amount_{line}", "")), when)
        then = {name: str(form.get(f"{name}_{line}", "")) for name in ("priority", "assign")}
        steps.append({"when": when, "amount": amount, "to": form.getlist(f"to_{line}"), "by": form.getlist(f"by_{line}"), "then": then})
    return steps


def _amount(told: str, when: str) -> int:
    if when == When.AT:
        return 0
    try:
        return round(float(told.replace(",", ".")) * (1 if when == When.SHARE else 60))
    except (ValueError, OverflowError):
        raise Invalid("Say how many per cent or minutes.", code="bad_chain") from None


def _monday(now: datetime, zone: ZoneInfo) -> datetime:
    """When this week began."""
    there = now.astimezone(zone)
    return datetime.combine(there.date() - timedelta(days=there.weekday()), time(), zone).astimezone(now.tzinfo)
