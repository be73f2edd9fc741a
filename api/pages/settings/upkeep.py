"""How well a channel is read, on its page: holes, comparisons, what was left out, silence. For admins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Response
from sqlalchemy.ext.asyncio import AsyncSession

import connectors
from api.deps import AccessDep, ChannelDep, NowDep, RowId, SessionDep, needs
from api.pages.forms import FrameDep
from inbox.contract import Connector
from inbox.conversations import gaps, passed_over, reconciliation, silence, standings
from inbox.errors import Invalid
from inbox.models import Channel, ChannelGap, PassedOver, Post, Reconciliation, Role

router = APIRouter(prefix="/w/{workspace_id}/settings/channels/{channel_id}", dependencies=[Depends(needs(Role.ADMIN))])


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What the page shows. `advice`: what people are asked to do. `token_days`: until the credentials end, negative when they have."""

    gaps: Sequence[ChannelGap]
    advice: Sequence[str]
    passed_over: Sequence[PassedOver]
    is_comparable: bool
    comparison: Reconciliation | None
    running: Reconciliation | None
    problems: Sequence[tuple[Post, dict[str, Any]]]
    token_days: int | None
    is_token_ending: bool

    @property
    def has_open_gaps(self) -> bool:
        return any(gap.acknowledged_at is None for gap in self.gaps)


async def load(session: AsyncSession, channel: Channel, kind: type[Connector] | None, *, now: datetime) -> Upkeep:
    """Ask for all of it."""
    running = await reconciliation.running(session, channel.id)
    comparison = await reconciliation.latest(session, channel.id)
    left_out = await passed_over.of(session, channel.id)
    days = None if channel.token_expires_at is None else (channel.token_expires_at - now).days
    return Upkeep(
        gaps=await gaps.of(session, channel.id),
        advice=[left.reason for left in left_out if passed_over.is_advice(left) and now - left.last_at < passed_over.FRESH],
        passed_over=[left for left in left_out if not passed_over.is_advice(left)],
        is_comparable=kind is not None and connectors.lists(channel.platform),
        comparison=comparison if comparison and comparison.finished_at else None,
        running=running,
        problems=await reconciliation.problems(session, comparison) if comparison else (),
        token_days=days,
        is_token_ending=days is not None and days < max(standings.WARNINGS),
    )


@router.post("/gaps")
async def acknowledge(
    channel: ChannelDep, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep, up_to: Annotated[RowId, Form()]
) -> Response:
    """Somebody has looked into the holes that are shown."""
    await gaps.acknowledge(session, access, channel, up_to=up_to, now=now)
    return frame.back(f"/{channel.id}")


@router.post("/comparison")
async def compare(channel: ChannelDep, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    """Have it compared with its platform now; the page shows how that goes."""
    await reconciliation.ask(session, access, channel, lists=connectors.lists(channel.platform), now=now)
    return frame.back(f"/{channel.id}#completeness-{channel.id}")


@router.post("/silence")
async def choose_silence(
    channel: ChannelDep,
    frame: FrameDep,
    session: SessionDep,
    access: AccessDep,
    now: NowDep,
    told: Annotated[str, Form()],
    hours: Annotated[str, Form()] = "",
) -> Response:
    """When the channel counts as silent: by its habits, after some hours, or never."""
    if told == "hours" and not (hours.isascii() and hours.isdecimal() and 0 < int(hours[:9]) <= silence.LONGEST_SETTING):
        raise Invalid("Write a whole number of hours, at least 1.")
    chosen = int(hours) if told == "hours" else 0 if told == "never" else None
    await silence.choose(session, access, channel, chosen, now=now)
    return frame.back(f"/{channel.id}")
