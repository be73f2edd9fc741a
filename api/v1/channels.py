"""Channels and their health."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

import connectors
from api import approved
from api.deps import ApiAccessDep, HouseDep, NowDep, Number, SessionDep
from api.schemas import ApprovedOut, Shape
from api.v1 import PROBLEMS
from inbox import channels
from inbox.conversations import gaps, passed_over, reconciliation
from inbox.models import ChannelState
from inbox.team import rights

router = APIRouter(prefix="/channels", tags=["channels"], responses=PROBLEMS)


class ChannelOut(Shape):
    """A connected account and its health."""

    id: int
    platform: str
    name: str
    account_name: str
    restricted: bool
    state: ChannelState
    error: str | None
    send_error: str | None
    last_event_at: datetime | None
    last_success_at: datetime | None
    next_try_at: datetime | None
    lag_seconds: float | None
    gap_at: datetime | None
    quota_used: int | None
    quota_limit: int | None
    quota_resets_at: datetime | None
    token_expires_at: datetime | None
    silent_since: datetime | None = Field(description="Its newest event, when nothing has come for unusually long.")


class GapOut(Shape):
    """A hole that the platform could not fill: something may be missing between `since` and `found_at`."""

    since: datetime | None
    found_at: datetime
    acknowledged_at: datetime | None


class ReconciliationOut(Shape):
    """The last comparison with what the platform lists. `compared` of `posts`; the others count messages, `differing` posts."""

    days: int
    started_at: datetime
    finished_at: datetime | None
    posts: int
    compared: int
    listed: int
    known: int
    fetched: int
    unreadable: int
    unlisted: int
    differing: int
    stopped: str


class ChannelDetailOut(ChannelOut):
    """One account with all that is known of how well it is read."""

    gaps: list[GapOut]
    passed_over: dict[str, int] = Field(description="What was read and left out on purpose: how often, by reason.")
    reconciliation: ReconciliationOut | None


@router.get("")
async def list_channels(access: ApiAccessDep, session: SessionDep) -> list[ChannelOut]:
    """The channels that this token may see, by name."""
    return [ChannelOut.model_validate(channel) for channel in await channels.list_for(session, access)]


@router.get("/{channel_id}")
async def get_channel(access: ApiAccessDep, channel_id: Number, session: SessionDep) -> ChannelDetailOut:
    """One channel, with its gaps, what was left out on purpose, and the last comparison with its platform."""
    channel = await rights.channel(session, access, channel_id)
    compared = await reconciliation.latest(session, channel.id)
    return ChannelDetailOut(
        **ChannelOut.model_validate(channel).model_dump(),
        gaps=[GapOut.model_validate(gap) for gap in await gaps.of(session, channel.id)],
        passed_over=(await passed_over.of_all(session, [channel.id]))[channel.id],
        reconciliation=None if compared is None else ReconciliationOut.model_validate(compared),
    )


@router.put("/{channel_id}/comparison", status_code=202)
async def compare_channel(access: ApiAccessDep, channel_id: Number, session: SessionDep, now: NowDep) -> None:
    """Have it compared with what its platform lists, now; the event `channel.reconciled` tells when it is done."""
    channel = await rights.channel(session, access, channel_id)
    await reconciliation.ask(session, access, channel, lists=connectors.lists(channel.platform), now=now)


@router.get("/{channel_id}/approved-templates")
async def list_approved(access: ApiAccessDep, channel_id: Number, session: SessionDep, house: HouseDep) -> list[ApprovedOut]:
    """Texts that the platform has approved, and takes outside of its window too."""
    channel = await rights.channel(session, access, channel_id)
    return [ApprovedOut.model_validate(template) for template in await approved.every(session, house, channel)]
