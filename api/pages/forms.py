"""What pages made of forms share: answers that are not kept, refusals shown beside the form, and the frame of settings."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api import problems
from api.pages.here import HereDep, LocaleDep
from inbox.errors import Conflict, Forbidden, Invalid
from inbox.models import Role
from inbox.team.rights import RANK
from web import lengths, render
from web.i18n import language
from web.render import Here

Menu = list[tuple[str, str, bool]]  # address, label, whether it is the page shown


def page(template: str, locale: str, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any) -> HTMLResponse:
    """A page about people or secrets, which no browser keeps: after signing out, "back" shows nothing."""
    body = render.page(template, locale, **context)
    return HTMLResponse(body, status_code=status, headers={"Cache-Control": "no-store", **(headers or {})})


def go(address: str) -> RedirectResponse:
    """Go on to a page after a change, so that reloading does not send the form again."""
    return RedirectResponse(address, status_code=303)


async def attempt(session: AsyncSession, change: Awaitable[Any], locale: str) -> str | None:
    """Run a change; what it was refused for, in the reader's language, to show beside the form. A refused change leaves nothing."""
    try:
        async with session.begin_nested():
            await change
    except (Invalid, Conflict, Forbidden) as error:
        return problems.sentence(error, locale)
    return None


def seconds(text: str) -> int:
    """A length of time as people write it, "1 h 30 min"; Invalid when it cannot be understood."""
    found = lengths.read(text)
    if found is None:
        raise Invalid('"{text}" is no length of time: write it like "15 min", "4 h" or "2 d".', text=text.strip())
    return found


def local_path(address: str) -> str:
    """An address of our own to go on to; anything that could lead elsewhere becomes the start."""
    is_local = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if is_local else "/"


def menu(here: Here, current: str, locale: str) -> Menu:
    """The settings that this role may change. `current` is the address's own word."""
    _ = language(locale).gettext
    base = f"/w/{here.workspace_id}/settings"
    entries = [
        (Role.VIEWER, f"/account?workspace={here.workspace_id}", "account", _("Account")),
        (Role.AGENT, f"{base}/profile", "profile", _("Name and signature")),
        (Role.VIEWER, f"{base}/notifications", "notifications", _("Notifications")),
        (Role.SUPERVISOR, f"{base}/templates", "templates", _("Templates")),
        (Role.SUPERVISOR, f"{base}/labels", "labels", _("Labels")),
        (Role.SUPERVISOR, f"{base}/teams", "teams", _("Teams")),
        (Role.SUPERVISOR, f"{base}/hours", "hours", _("Business hours")),
        (Role.SUPERVISOR, f"{base}/policies", "policies", _("SLA policies")),
        (Role.SUPERVISOR, f"{base}/alerts", "alerts", _("Alerts")),
        (Role.ADMIN, f"{base}/channels", "channels", _("Channels")),
        (Role.ADMIN, f"{base}/members", "members", _("Members")),
        (Role.ADMIN, f"{base}/tokens", "tokens", _("Tokens")),
        (Role.ADMIN, f"{base}/workspace", "workspace", _("Workspace")),
    ]
    return [(address, label, name == current) for role, address, name, label in entries if RANK[Role(here.role)] >= RANK[role]]


@dataclass(frozen=True, slots=True)
class Frame:
    """A settings page under /w/{workspace_id}/settings, before its content is known."""

    here: Here
    locale: str
    current: str
    done: bool  # the change before this page was made

    @property
    def address(self) -> str:
        return f"/w/{self.here.workspace_id}/settings/{self.current}"

    def show(self, template: str, *, error: str | None = None, status: int | None = None, **context: Any) -> HTMLResponse:
        """Draw it, with what was refused."""
        shown = {"here": self.here, "menu": menu(self.here, self.current, self.locale), "address": self.address, "error": error}
        code = status or (422 if error else 200)
        return page(template, self.locale, status=code, done=self.done and not error, **shown, **context)

    def back(self, part: str = "") -> RedirectResponse:
        """To the page again, with a word that it is done."""
        return go(f"{self.address}{part}?done=1")


def frame(request: Request, here: HereDep, locale: LocaleDep) -> Frame:
    parts = request.url.path.split("/")
    current = parts[4] if len(parts) > 4 else ""
    return Frame(here=here, locale=locale, current=current, done="done" in request.query_params)


FrameDep = Annotated[Frame, Depends(frame)]
