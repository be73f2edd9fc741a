"""Under which name and with which signature a member answers on a channel."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import ConversationKind
from inbox.models import ChannelVoice, Member

MAIL_SIGNATURE = "\n\n-- \n"  # the line by which mail programs know a signature
SIGNATURE = "\n"


@dataclass(frozen=True, slots=True)
class Voice:
    """What customers see of a member on one channel."""

    name: str
    signature: str = ""


async def voice(session: AsyncSession, member: Member | None, channel_id: int) -> Voice:
    """The channel's own name and signature of the member, else those of the whole workspace, else the member's name."""
    if member is None:
        return Voice("")
    own = await session.get(ChannelVoice, (channel_id, member.id))
    name = (own and own.public_name) or member.public_name or member.name
    return Voice(name, (own and own.signature) or member.signature)


def sign(body: str, signature: str, kind: ConversationKind) -> str:
    """The text with its signature, once: a text that already ends with it stays as it is."""
    if not signature or not body or body.rstrip().endswith(signature.strip()):
        return body
    return body.rstrip() + _separator(kind) + signature


def unsign(body: str, signature: str, kind: ConversationKind) -> str:
    """The text as it was written, to go back into the box."""
    return body.removesuffix(_separator(kind) + signature) if signature else body


def _separator(kind: ConversationKind) -> str:
    return MAIL_SIGNATURE if kind == ConversationKind.EMAIL else SIGNATURE
