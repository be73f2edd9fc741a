"""The log, for programs that follow along."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from api import deps
from api.deps import HouseDep, NowDep
from api.schemas import Shape
from api.v1 import PROBLEMS
from inbox import events
from inbox.errors import NotFound
from inbox.models import LogEvent, Role
from inbox.team import rights
from inbox.team.rights import Access

router = APIRouter(
    prefix="/events", tags=["events"], responses={**PROBLEMS, 410: {"description": "The log no longer reaches back so far."}}
)

LONGEST_WAIT = 25  # seconds; proxies cut connections that are silent for longer
LOOK_SECONDS = 0.5  # between two looks; the table is the truth
OWN = frozenset({"draft.saved", "conversation.read", "alert.seen", "alert.snoozed", "alert.returned"})  # of interest to the member alone
ADMINS = frozenset({
    "trouble.began", "trouble.ended", "figures.viewed", "token.created", "token.revoked",
    "invitation.created", "invitation.renewed", "invitation.mailed", "invitation.revoked",
})  # fmt: skip


class EventOut(Shape):
    """One row of the log. `data` holds ids and field changes, never what was said."""

    id: int
    at: datetime
    kind: str
    conversation_id: int | None
    channel_id: int | None
    actor: str
    data: Mapping[str, Any]


class EventsOut(BaseModel):
    """Events after an id, oldest first. Ask again with `after` = `last`, also when there were none."""

    events: Sequence[EventOut]
    last: int


class LogGone(NotFound):
    """Events were dropped that the caller has not seen, or a restored backup has other ones: it has to read everything anew."""

    status = 410
    code = "log_gone"


async def brief_access(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(deps.bearer)], house: HouseDep, now: NowDep
) -> Access:
    """The same as `ApiAccessDep` in a transaction of its own: a long poll holds no connection while it waits."""
    async with house.database.transaction() as session:
        return await deps.api_access(credentials, session, now)


@router.get("")
async def list_events(
    access: Annotated[Access, Depends(brief_access)],
    house: HouseDep,
    after: Annotated[int, Query(ge=0, lt=2**63, description="The `last` of the answer before; 0: from the start of the log.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    wait: Annotated[int, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for an event when there is none yet.")] = 0,
) -> EventsOut:
    """Events after an id, oldest first; none is ever skipped. Those of channels that this token may not see are left out."""
    deadline = time.monotonic() + wait
    while True:
        async with house.database.transaction() as session:
            found = await _look(session, access, after, limit)
        if found.events or time.monotonic() >= deadline:
            return found
        after = found.last
        await asyncio.sleep(min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))


async def _look(session: AsyncSession, access: Access, after: int, limit: int) -> EventsOut:
    if after and (after + 1 < await events.oldest_id(session) or after > await events.last_id(session)):
        raise LogGone("The log no longer reaches back to event {after}: read everything anew.", after=after)
    found = await events.since(session, after, workspace_id=access.workspace_id, limit=limit)
    visible = await rights.channels(session, access)
    shown = [EventOut.model_validate(event) for event in found if _may_see(access, visible, event)]
    return EventsOut(events=shown, last=found[-1].id if found else after)


def _may_see(access: Access, visible: frozenset[int], event: LogEvent) -> bool:
    """Rights at the moment of delivery: the channel's, and what concerns one member or admins only."""
    if event.channel_id is not None and event.channel_id not in visible:
        return False
    if event.channel_id is None and event.conversation_id is not None and not access.sees_everything:
        return False  # nobody can say to which channel it belongs
    if event.kind in OWN:
        return access.member_id is not None and event.data.get("member") == access.member_id
    return event.kind not in ADMINS or access.role is Role.ADMIN
