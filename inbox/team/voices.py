"""Under which name and signature a member answers on a channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Invalid
from inbox.models import Channel, ChannelVoice, Member
from inbox.team.accounts import LONGEST_NAME
from inbox.team.members import LONGEST_SIGNATURE
from inbox.team.rights import Access


@dataclass(frozen=True, slots=True)
class Voice:
    """What customers see of a member."""

    public_name: str
    signature: str


async def of(session: AsyncSession, member: Member, channel_id: int) -> Voice:
    """The channel's own name and signature where the member set them, else the member's, else the plain name."""
    own = await session.get(ChannelVoice, (channel_id, member.id))
    return Voice(
        public_name=(own.public_name if own else "") or member.public_name or member.name,
        signature=(own.signature if own else "") or member.signature,
    )


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
    wanted = Voice(" ".join(public_name.split())[:LONGEST_NAME], signature.strip())
    if not wanted.public_name and not wanted.signature:
        mine = (col(ChannelVoice.channel_id) == channel.id, col(ChannelVoice.member_id) == member.id)
        await session.execute(delete(ChannelVoice).where(*mine))
    else:
        said = {"public_name": wanted.public_name, "signature": wanted.signature}
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
