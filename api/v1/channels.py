"""Channels and their health."""

from fastapi import APIRouter

import connectors
from api import approved
from api.deps import ApiAccessDep, HouseDep, NowDep, Number, SessionDep
from api.schemas import ApprovedOut, ChannelDetailOut, ChannelOut, GapOut, ReconciliationOut
from api.v1 import PROBLEMS
from inbox import channels
from inbox.conversations import gaps, passed_over, reconciliation
from inbox.team import rights

router = APIRouter(prefix="/channels", tags=["channels"], responses=PROBLEMS)


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
