"""What the frame around every page needs: where the reader is, and in which language."""

from typing import Annotated

from fastapi import Depends, Request

from api.deps import AccessDep, AskerDep, MemberDep, SettingsDep, SignedInDep
from inbox.errors import NotFound
from inbox.models import Workspace
from web.i18n import SUPPORTED, locale_of
from web.render import Here


async def locale(request: Request, asker: AskerDep) -> str:
    """The account's own language, else the browser's."""
    chosen = asker.locale
    return chosen if chosen in SUPPORTED else locale_of(request.headers.get("accept-language", ""))


async def workspace(member: MemberDep, signed_in: SignedInDep) -> Workspace:
    found = signed_in.workspace
    if found is None or found.id != member.workspace_id:
        raise NotFound("There is no such workspace, or you are not a member of it.")
    return found


LocaleDep = Annotated[str, Depends(locale)]
WorkspaceDep = Annotated[Workspace, Depends(workspace)]


async def here(request: Request, asker: AskerDep, access: AccessDep, settings: SettingsDep) -> Here:
    """The frame of a page under /w/{workspace_id}; its section is the address's own word."""
    section = ([*request.url.path.split("/"), "", "", ""])[3]
    return Here(
        workspace_id=access.workspace_id,
        workspace=asker.workspace,
        is_demo=asker.is_demo,
        timezone=asker.timezone,
        member_id=access.member_id or 0,
        member=asker.member,
        role=asker.role,
        section={"conversations": "inbox", "waits": "metrics"}.get(section, section),
        member_figures=settings.member_figures,
    )


HereDep = Annotated[Here, Depends(here)]
