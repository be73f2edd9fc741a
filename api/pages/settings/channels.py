"""The channels of a workspace with their health, and the form that connects one. For admins."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from api import problems
from api.deps import AccessDep, HouseDep, NowDep, SessionDep, needs
from api.pages.forms import Frame, FrameDep
from api.pages.settings import channel, checking, config_form
from connectors.host.renewing import Tried
from inbox import channels, db
from inbox.contract import Connector
from inbox.errors import Conflict, Invalid, NotFound
from inbox.models import Role
from inbox.secrets import Vault
from inbox.team.rights import Access

router = APIRouter(prefix="/w/{workspace_id}/settings/channels", dependencies=[Depends(needs(Role.ADMIN))])


def kind_of(platform: str) -> type[Connector]:
    """The connector to be set up."""
    found = checking.platforms().get(platform)
    if found is None:
        raise NotFound("There is no connector of that name.")
    return found


@router.get("")
async def show(frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    """The list with health."""
    rows = await channels.list_for(session, access)
    titles = {name: kind.title for name, kind in checking.platforms().items()}
    return frame.show("settings/channels.html", channels=rows, titles=titles, now=now)


@router.get("/new")
async def show_platforms(frame: FrameDep, access: AccessDep) -> Response:
    """The choice of a platform."""
    del access
    return frame.show("settings/platforms.html", platforms=checking.platforms())


@router.get("/new/{platform}")
async def show_form(platform: str, frame: FrameDep, access: AccessDep) -> Response:
    del access
    kind = kind_of(platform)
    main, more = config_form.main_and_more(config_form.entries(kind.Config, {}))
    return frame.show("settings/channel_new.html", kind=kind, channel_name="", restricted=False, main=main, more=more, kept="")


@router.post("/new/{platform}")
async def add(
    platform: str, request: Request, frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, now: NowDep
) -> Response:
    """Check the account, keep it, and show its addresses; a check that fails loses nothing of the form."""
    kind = kind_of(platform)
    form = await request.form()
    given: Mapping[str, Any] = {key: value for key, value in form.items() if isinstance(value, str)}
    filled = config_form.read(kind.Config, given, config_form.unseal(house.vault, access.workspace_id, given.get("kept", "")))
    try:
        if filled.config is None:
            raise Invalid("Some fields need another look.")
        tried = Tried(filled.config)
        await db.release(session)
        try:
            account = await checking.check(kind, tried, house.settings)
        finally:
            filled.renewed(tried)
        added = await channels.add(
            session,
            house.vault,
            access,
            platform=platform,
            name=given.get("name", ""),
            config=filled.config,
            account=account,
            restricted="restricted" in given,
            now=now,
        )
        generated = config_form.generated(kind.Config, filled, filled.config)
        return await channel.page(frame, session, access, house, added, generated=generated, added=True)
    except (Conflict, Invalid) as refused:
        error = problems.sentence(refused, frame.locale)
    return _again(frame, access, house.vault, kind, given, filled, error)


def _again(
    frame: Frame, access: Access, vault: Vault, kind: type[Connector], given: Mapping[str, Any], filled: config_form.Filled, error: str
) -> Response:
    drawn = config_form.entries(kind.Config, filled.values, errors=filled.errors)
    main, more = config_form.main_and_more(drawn)
    return frame.show(
        "settings/channel_new.html",
        error=f"{error} {filled.about_all(frame.locale)}".strip(),
        kind=kind,
        channel_name=given.get("name", ""),
        restricted="restricted" in given,
        main=main,
        more=more,
        kept=config_form.seal(vault, access.workspace_id, kind.Config, filled.values),
    )
