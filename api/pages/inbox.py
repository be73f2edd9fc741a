"""The inbox: views, the list, and the open conversation beside it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import AccessDep, NowDep, SessionDep
from api.pages import panes
from api.pages.here import HereDep, LocaleDep
from inbox import events
from inbox.conversations import directory, views
from inbox.conversations.directory import Directory
from inbox.models import Conversation, Role
from inbox.team.rights import RANK, Access
from web import render
from web.names import Names
from web.render import Here

router = APIRouter(prefix="/w/{workspace_id}")


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the inbox, and what draws its panes for them."""

    access: Access
    here: Here
    locale: str
    session: AsyncSession
    now: datetime

    async def context(self, names: Directory, event_id: int) -> dict[str, Any]:
        return {
            "here": self.here,
            "workspace_id": self.here.workspace_id,
            "timezone": self.here.timezone,
            "now": self.now,
            "names": Names(names),
            "event_id": event_id,
            "can_act": RANK[self.access.role] >= RANK[Role.AGENT],
        }

    async def draw(
        self,
        part: str,
        *,
        view: str = "next",
        words: str = "",
        after: str | None = None,
        conversation: Conversation | None = None,
        before: str | None = None,
    ) -> HTMLResponse:
        """The whole page, or the one pane that a script asks for. The event id is read first: nothing falls between."""
        session, access, now = self.session, self.access, self.now
        event_id = await events.last_id(session)
        names = await directory.load(session, self.here.workspace_id)
        context = await self.context(names, event_id)
        chosen = views.parse(view)
        if part in ("", "side"):
            context["side"] = side = await panes.side(session, access, names, "" if words else chosen.key)
            context["unread"] = side.unread
        if part in ("", "list"):
            context["list"] = await panes.list_pane(session, access, chosen, names, words=words, after=after, locale=self.locale, now=now)
        if part in ("", "conversation"):
            pane = await panes.conversation_pane(session, access, conversation, before=before, now=now) if conversation else None
            context["pane"] = pane
        template = {"": "inbox/page.html"}.get(part, f"inbox/{part}.html")
        body = render.page(template, self.locale, **context)
        return HTMLResponse(body, headers={"X-Event-Id": str(event_id), "Cache-Control": "no-store", "Vary": "X-Fragment"})


async def reader(access: AccessDep, here: HereDep, locale: LocaleDep, session: SessionDep, now: NowDep) -> Reader:
    return Reader(access, here, locale, session, now)


ReaderDep = Annotated[Reader, Depends(reader)]


async def part(x_fragment: Annotated[str, Header()] = "") -> str:
    """Which pane a script asks for; the whole page for everybody else."""
    return x_fragment if x_fragment in ("side", "list", "conversation") else ""


PartDep = Annotated[str, Depends(part)]


@router.get("/inbox")
async def show_inbox(reader: ReaderDep, part: PartDep, view: str = "next", q: str = "", after: str | None = None) -> HTMLResponse:
    """One view of the inbox, or what a search finds."""
    return await reader.draw(part, view=view, words=q[:200], after=after)
