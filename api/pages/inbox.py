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
from inbox.conversations import directory, search, views
from inbox.conversations.directory import Directory
from inbox.models import Role
from inbox.questions import Questions
from inbox.team import rights
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
    part: str  # the pane that a script asks for; empty: the whole page
    session: AsyncSession
    now: datetime

    def context(self, names: Directory, event_id: int) -> dict[str, Any]:
        return {
            "here": self.here,
            "workspace_id": self.here.workspace_id,
            "timezone": self.here.timezone,
            "now": self.now,
            "names": Names(names),
            "event_id": event_id,
            "can_act": RANK[self.access.role] >= RANK[Role.AGENT],
            "stopped": (),
        }

    async def draw(
        self,
        *,
        view: str = "next",
        words: str = "",
        after: str | None = None,
        conversation_id: int | None = None,
        before: str | None = None,
    ) -> HTMLResponse:
        """The whole page, or the one pane that a script asks for. The event id is asked for first: nothing falls between."""
        session, access, part, now = self.session, self.access, self.part, self.now
        chosen, found, board = views.parse(view), None, Questions()
        event_id, names = board.add(views.newest()), board.add(directory.naming(access.workspace_id))
        if words.strip() and part in ("", "list"):
            await board.ask(session)
            found = await search.find(session, access, words, language=chosen.language)
        side = panes.SideAsking.of(board, access, "" if words else chosen.whole) if part in ("", "side") else None
        listed = panes.ListAsking.of(board, access, chosen, found=found, after=after, now=now) if part in ("", "list") else None
        sees_trouble = part in ("", "list") and RANK[access.role] >= RANK[Role.SUPERVISOR]
        stopped = board.add(rights.stopped(access)) if sees_trouble else None
        opened = None
        if conversation_id is not None and part in ("", "conversation"):
            opened = panes.ConversationAsking.of(board, access, conversation_id, before=before, now=now)
        await board.ask(session)
        context = self.context(names.answer, event_id.answer)
        if side is not None:
            context["side"] = shown = side.pane(names.answer)
            context["unread"] = shown.unread
        if stopped is not None:
            context["stopped"] = stopped.answer
        if listed is not None:
            context["list"] = listed.pane(words.strip(), await panes.title(session, access, chosen, names.answer, self.locale))
        if part in ("", "conversation"):
            context["pane"] = opened.pane() if opened is not None else None
        body = render.page(f"inbox/{part or 'page'}.html", self.locale, **context)
        return HTMLResponse(body, headers={"X-Event-Id": str(event_id.answer), "Cache-Control": "no-store", "Vary": "X-Fragment"})


async def reader(
    access: AccessDep, here: HereDep, locale: LocaleDep, session: SessionDep, now: NowDep, x_fragment: Annotated[str, Header()] = ""
) -> Reader:
    part = x_fragment if x_fragment in ("side", "list", "conversation") else ""
    return Reader(access, here, locale, part, session, now)


ReaderDep = Annotated[Reader, Depends(reader)]


@router.get("/inbox")
async def show_inbox(reader: ReaderDep, view: str = "next", q: str = "", after: str | None = None) -> HTMLResponse:
    """One view of the inbox, or what a search finds."""
    return await reader.draw(view=view, words=q[:200], after=after)
