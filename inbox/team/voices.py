"""The names and signatures that a member has set for single channels; inbox.conversations.voices says which one counts."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Invalid
from inbox.models import Channel, ChannelVoice, Member
from inbox.team import accounts
from inbox.team.members import LONGEST_SIGNATURE
from inbox.team.rights import Access


async def list_for(session: AsyncSession, member_id: int) -> Mapping[int, ChannelVoice]:
    """What a member has set, by channel."""
    rows = await session.scalars(select(ChannelVoice).where(col(ChannelVoice.member_id) == member_id))
    return {row.channel_id: row for row in rows}


async def change(
    session: AsyncSession, access: Access, member: Member, channel: Channel, *, public_name: str, signature: str, now: datetime
) -> None:
    """Set one's name and signature on a channel; both empty: the usual ones again."""
    if len(signature) > LONGEST_SIGNATURE:
        raise Invalid("A signature may have at most {longest} characters.", code="signature_long", longest=LONGEST_SIGNATURE)
    said = {"public_name": accounts.said(public_name), "signature": signature.strip()}
    if not any(said.values()):
        mine = (col(ChannelVoice.channel_id) == channel.id, col(ChannelVoice.member_id) == member.id)
        await session.execute(delete(ChannelVoice).where(*mine))
    else:
        new = insert(ChannelVoice).values(workspace_id=member.workspace_id, channel_id=channel.id, member_id=member.id, **said)
        keys = [col(ChannelVoice.channel_id), col(ChannelVoice.member_id)]
        await session.execute(new.on_conflict_do_update(index_elements=keys, set_=said))
    events.record(
        session,
        "member.changed",
        workspace_id=access.workspace_id,
        at=now,
        actor=access.actor,
        channel_id=channel.id,
        member=member.id,
        fields=["voice"],
    )
