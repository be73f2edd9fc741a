"""Channels and their health."""

from fastapi import APIRouter

from api import approved
from api.deps import ApiAccessDep, HouseDep, Number, SessionDep
from api.schemas import ApprovedOut, ChannelOut
from api.v1 import PROBLEMS
from inbox import channels
from inbox.team import rights

router = APIRouter(prefix="/channels", tags=["channels"], responses=PROBLEMS)


@router.get("")
async def list_channels(access: ApiAccessDep, session: SessionDep) -> list[ChannelOut]:
    """The channels that this token may see, by name."""
    return [ChannelOut.model_validate(channel) for channel in await channels.list_for(session, access)]


@router.get("/{channel_id}")
async def get_channel(access: ApiAccessDep, channel_id: Number, session: SessionDep) -> ChannelOut:
    """One channel."""
    return ChannelOut.model_validate(await rights.channel(session, access, channel_id))


@router.get("/{channel_id}/approved-templates")
async def list_approved(access: ApiAccessDep, channel_id: Number, session: SessionDep, house: HouseDep) -> list[ApprovedOut]:
    """Texts that the platform has approved, and takes outside of its window too."""
    channel = await rights.channel(session, access, channel_id)
    return [ApprovedOut.model_validate(template) for template in await approved.every(session, house, channel)]
