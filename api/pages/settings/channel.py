"""One channel: its health, configuration, addresses, and who may see it. For admins."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

import connectors
from api import problems
from api.deps import AccessDep, ChannelDep, House, HouseDep, NowDep, RowId, SessionDep, needs
from api.pages import forms
from api.pages.forms import Frame, FrameDep
from api.pages.settings import checking, config_form, upkeep
from connectors.host.renewing import Stored, Tried
from inbox import channels, db
from inbox.contract import AcceptsWebhooks, Author, Connector
from inbox.conversations import surveys
from inbox.errors import Conflict, Invalid, NotFound
from inbox.models import Channel, Role
from inbox.settings import Settings
from inbox.team import members, rights, teams
from inbox.team.rights import Access

router = APIRouter(prefix="/w/{workspace_id}/settings/channels/{channel_id}", dependencies=[Depends(needs(Role.ADMIN))])
Ids = Annotated[list[RowId], Form(default_factory=list, max_length=10_000)]


@router.get("")
async def show(channel: ChannelDep, frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep) -> Response:
    return await page(frame, session, access, house, channel)


@router.post("")
async def change(
    channel: ChannelDep, request: Request, frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, now: NowDep
) -> Response:
    """Keep another name or configuration once it is checked. An empty secret keeps the one that is stored."""
    kind = connectors.find(channel.platform)
    form = await request.form()
    given: Mapping[str, Any] = {key: value for key, value in form.items() if isinstance(value, str)}
    stored = channels.opened(house.vault, channel)
    typed = config_form.unseal(house.vault, access.workspace_id, given.get("kept", ""))
    filled = config_form.read(kind.Config, given, {**config_form.secrets(kind.Config, stored), **typed})
    try:
        account = await _checked(session, house, channel, kind, filled)
        kept = await rights.channel(session, access, channel.id)
        await channels.change(
            session, house.vault, access, kept, name=given.get("name", ""), config=filled.config, account=account, now=now
        )
    except (Conflict, Invalid) as refused:
        error = f"{problems.sentence(refused, frame.locale)} {filled.about_all(frame.locale)}".strip()
        again = await rights.channel(session, access, channel.id)
        return await page(frame, session, access, house, again, error=error, filled=filled)
    return frame.back(f"/{channel.id}")


@router.post("/reconnect")
async def reconnect(
    channel: ChannelDep, request: Request, frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, now: NowDep
) -> Response:
    """Other credentials of the same account, once they are checked: reading goes on where it stopped."""
    kind = connectors.find(channel.platform)
    form = await request.form()
    given: Mapping[str, Any] = {key: value for key, value in form.items() if isinstance(value, str)}
    typed = config_form.unseal(house.vault, access.workspace_id, given.get("kept", ""))
    filled = config_form.read_secrets(kind.Config, given, channels.opened(house.vault, channel), typed)
    try:
        account = await _checked(session, house, channel, kind, filled)
        kept = await rights.channel(session, access, channel.id)
        channels.same_account(kept, account)
        await channels.change(session, house.vault, access, kept, name=kept.name, config=filled.config, account=account, now=now)
    except (Conflict, Invalid) as refused:
        error = f"{problems.sentence(refused, frame.locale)} {filled.about_all(frame.locale)}".strip()
        again = await rights.channel(session, access, channel.id)
        return await page(frame, session, access, house, again, error=error, filled=filled)
    return frame.back(f"/{channel.id}")


async def _checked(session: AsyncSession, house: House, channel: Channel, kind: type[Connector], filled: config_form.Filled) -> Author:
    """Try the settings; what the platform gives anew meanwhile is kept, in the form and, where it had the same, in the channel."""
    if filled.config is None:
        raise Invalid("Some fields need another look.")
    stored = channels.opened(house.vault, channel)
    shared = {name for name, value in channels.revealed(filled.config).items() if stored.get(name) == value}
    tried = Tried(filled.config, Stored(house.database, house.vault, channel), shared=shared)
    await db.release(session)
    try:
        return await checking.check(kind, tried, house.settings)
    finally:
        filled.renewed(tried)


@router.post("/check")
async def check(channel: ChannelDep, frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, now: NowDep) -> Response:
    """Try the account as it is set up; when it works, a channel that had stopped goes on."""
    kind = connectors.find(channel.platform)
    stored = channels.opened(house.vault, channel)
    filled = config_form.Filled(stored, kind.Config.model_validate(stored))
    error: str | None = None
    try:
        await _checked(session, house, channel, kind, filled)
    except Conflict as refused:
        error = problems.sentence(refused, frame.locale)
    kept = await rights.channel(session, access, channel.id)
    if error is None and channels.needs_help(kept):
        await channels.resume(session, access, kept, now=now)
    return await page(frame, session, access, house, kept, error=error, checked=error is None)


@router.post("/pause")
async def pause(channel: ChannelDep, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    await channels.pause(session, access, channel, now=now)
    return frame.back(f"/{channel.id}")


@router.post("/resume")
async def resume(channel: ChannelDep, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    await channels.resume(session, access, channel, now=now)
    return frame.back(f"/{channel.id}")


@router.post("/removal")
async def remove(channel: ChannelDep, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    await channels.remove(session, access, channel, now=now)
    return frame.back()


@router.post("/access")
async def restrict(
    channel: ChannelDep,
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    now: NowDep,
    member_ids: Ids,
    team_ids: Ids,
    restricted: Annotated[bool, Form()] = False,
) -> Response:
    """Say who may see it."""
    await channels.restrict(session, access, channel, restricted=restricted, member_ids=member_ids, team_ids=team_ids, now=now)
    return frame.back(f"/{channel.id}")


@router.post("/questions")
async def ask_customers(
    channel: ChannelDep,
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    house: HouseDep,
    now: NowDep,
    asks: Annotated[bool, Form()] = False,
    after: Annotated[int, Form(ge=-10_000_000, le=10_000_000)] = 10,
) -> Response:
    """Say whether customers are asked how it was."""
    if asks and not _can_ask(_kind(channel), channels.opened(house.vault, channel)):
        raise Invalid("On this channel nobody can be asked: only private messages, mail and the website chat can.")
    change = channels.ask_customers(session, access, channel, asks=asks, after=after, now=now)
    if error := await forms.attempt(session, change, frame.locale):
        return await page(frame, session, access, house, await rights.channel(session, access, channel.id), error=error)
    return frame.back(f"/{channel.id}")


async def page(
    frame: Frame,
    session: AsyncSession,
    access: Access,
    house: House,
    channel: Channel,
    *,
    error: str | None = None,
    filled: config_form.Filled | None = None,
    generated: Mapping[str, str] | None = None,
    added: bool = False,
    checked: bool = False,
) -> forms.HTMLResponse:
    """Draw one channel; `generated` are secrets that are shown this once."""
    kind = _kind(channel)
    stored = channels.opened(house.vault, channel)
    values = filled.values if filled else stored
    drawn = config_form.entries(kind.Config, values, errors=filled.errors if filled else None) if kind else []
    main, more = config_form.main_and_more(drawn)
    return frame.show(
        "settings/channel.html",
        error=error,
        channel=channel,
        title=kind.title if kind else channel.platform,
        verified=kind.capabilities.verified.value if kind else "",
        unverified=kind.capabilities.unverified_kinds if kind else (),
        upkeep=await upkeep.load(session, channel, kind, now=house.clock()),
        secrets=[entry for entry in drawn if entry.kind == "secret"],
        main=main,
        more=more,
        kept=config_form.seal(house.vault, access.workspace_id, kind.Config, filled.values) if kind and filled else "",
        addresses=_addresses(house.settings, kind, channel),
        generated=generated or {},
        added=added,
        checked=checked,
        questions=_questions(house.settings, channel, kind, stored),
        grants=await channels.grants(session, channel),
        people=[member for member, _ in await members.list_for(session, access)],
        rosters=await teams.list_for(session, access),
    )


def _kind(channel: Channel) -> type[Connector] | None:
    """The connector, unless its package is gone."""
    try:
        return connectors.find(channel.platform)
    except (NotFound, ImportError, AttributeError):
        return None


def _can_ask(kind: type[Connector] | None, stored: Mapping[str, Any]) -> bool:
    """Whether there are private conversations that can be answered: nobody is asked in public."""
    if kind is None:
        return False
    try:
        allowed = connectors.allowed(kind, kind.Config.model_validate(stored))
    except ValidationError:
        allowed = kind.capabilities
    return bool(allowed.conversation_kinds & surveys.KINDS) and allowed.replies


def _questions(settings: Settings, channel: Channel, kind: type[Connector] | None, stored: Mapping[str, Any]) -> dict[str, bool] | None:
    """Whether a link in a question leads anywhere; None where nobody can be asked."""
    if not _can_ask(kind, stored):
        return None
    return {"are_reachable": channel.platform == surveys.IN_CHAT or bool(settings.url)}


def _addresses(settings: Settings, kind: type[Connector] | None, channel: Channel) -> dict[str, str]:
    """Where the platform, or the website, reaches this channel."""
    if channel.platform == "widget":
        return {"script": f'<script src="{settings.public_url}/widget/{channel.key}.js" async></script>'}
    if kind is not None and issubclass(kind, AcceptsWebhooks):
        return {"webhook": f"{settings.public_url}/hooks/{channel.key}"}
    return {}
