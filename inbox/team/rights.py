"""What a member may see and do. Every list, count, snippet, live op and export asks here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, exists, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import questions
from inbox.errors import Forbidden, NotFound
from inbox.models import Channel, ChannelAccess, ChannelState, Conversation, Member, Role, TeamMember
from inbox.questions import Question

RANK = {Role.VIEWER: 0, Role.AGENT: 1, Role.SUPERVISOR: 2, Role.ADMIN: 3}


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks, in which workspace. `member_id` is None for a program's token without a member, which sees every channel."""

    workspace_id: int
    role: Role
    actor: str  # "member:7" or "token:2", as the log writes it
    member_id: int | None = None

    @property
    def sees_everything(self) -> bool:
        return self.role == Role.ADMIN or self.member_id is None

    def need(self, role: Role) -> None:
        """Raise unless this is the role or a higher one."""
        if RANK[self.role] < RANK[role]:
            raise Forbidden("Your role may not do that. Ask an admin of the workspace.")


def of(member: Member) -> Access:
    return Access(workspace_id=member.workspace_id, role=member.role, actor=f"member:{member.id}", member_id=member.id)


def sees(access: Access, channel_id: Any) -> ColumnElement[bool]:
    """A condition: the channel in this column is one that the member may see. Combine it with the workspace's own condition."""
    if access.sees_everything:
        return true()
    if access.member_id is None:
        return false()
    return _visible(channel_id, access.workspace_id, access.member_id)


def visible(channel_id: Any, *, everything: bool) -> ColumnElement[bool]:
    """The same condition in a statement that is put together once for all who see everything, or who do not; `asker` fills it in."""
    return true() if everything else _visible(channel_id, bindparam("workspace"), bindparam("member"))


def asker(access: Access) -> dict[str, Any]:
    """Who asks, for statements that are put together once."""
    return {"workspace": access.workspace_id, "member": access.member_id}


def _visible(channel_id: Any, workspace_id: Any, member_id: Any) -> ColumnElement[bool]:
    mine = select(col(TeamMember.team_id)).where(col(TeamMember.member_id) == member_id)
    granted = exists().where(
        col(ChannelAccess.channel_id) == Channel.id,
        or_(col(ChannelAccess.member_id) == member_id, col(ChannelAccess.team_id).in_(mine)),
    )
    visible = select(col(Channel.id)).where(col(Channel.workspace_id) == workspace_id, or_(col(Channel.restricted).is_(False), granted))
    return channel_id.in_(visible)


async def channels(session: AsyncSession, access: Access) -> frozenset[int]:
    """The ids of the channels that the member may see, removed ones included: their conversations stay readable."""
    query = select(col(Channel.id)).where(col(Channel.workspace_id) == access.workspace_id, sees(access, col(Channel.id)))
    return frozenset(await session.scalars(query))


async def unrestricted(session: AsyncSession, workspace_id: int) -> frozenset[int]:
    """The ids of the channels that every member may see."""
    query = select(col(Channel.id)).where(col(Channel.workspace_id) == workspace_id, col(Channel.restricted).is_(False))
    return frozenset(await session.scalars(query))


async def channels_of(session: AsyncSession, conversation_ids: Collection[int]) -> dict[int, int]:
    """The channel of each of these conversations, whoever may see it: for readers that apply rights themselves."""
    query = select(col(Conversation.id), col(Conversation.channel_id)).where(col(Conversation.id).in_(conversation_ids))
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


class ShownChannel(NamedTuple):
    """A channel as the left pane shows it. What came in through a removed one stays readable."""

    id: int
    name: str
    looks_like: str  # its platform, or the one that a demonstration plays
    removed: bool


def showing(access: Access) -> Question[Sequence[ShownChannel]]:
    """Every channel that the member may see, in alphabetical order."""
    return Question(_showing(access.sees_everything), asker(access), lambda found: [ShownChannel._make(row) for row in found])


@cache  # a statement never changes, and putting it together costs more than running it
def _showing(everything: bool) -> bytes:
    looks = func.coalesce(col(Channel.public_config)["looks_like"].astext, col(Channel.platform))
    mine = (col(Channel.workspace_id) == bindparam("workspace"), visible(col(Channel.id), everything=everything))
    query = select(col(Channel.id), col(Channel.name), looks, col(Channel.removed_at).is_not(None)).where(*mine)
    return questions.compiled(query.order_by(col(Channel.name), col(Channel.id)))


class StoppedChannel(NamedTuple):
    """A channel that nobody can read until a person reconnects it."""

    id: int
    name: str
    error: str | None


def stopped(access: Access) -> Question[Sequence[StoppedChannel]]:
    """The channels that the member may see and that have stopped, in alphabetical order."""
    return Question(_stopped(access.sees_everything), asker(access), lambda found: [StoppedChannel._make(row) for row in found])


@cache
def _stopped(everything: bool) -> bytes:
    mine = (col(Channel.workspace_id) == bindparam("workspace"), visible(col(Channel.id), everything=everything))
    broken = (col(Channel.state) == ChannelState.BROKEN, col(Channel.removed_at).is_(None))
    query = select(col(Channel.id), col(Channel.name), col(Channel.error)).where(*mine, *broken)
    return questions.compiled(query.order_by(col(Channel.name), col(Channel.id)))


async def conversation(session: AsyncSession, access: Access, conversation_id: int, *, follow: bool = True) -> Conversation:
    """The conversation, if this member may see it; NotFound says no more than that. `follow`: of one that was merged, where it is now."""
    query = select(Conversation).where(
        col(Conversation.id) == conversation_id,
        col(Conversation.workspace_id) == access.workspace_id,
        sees(access, col(Conversation.channel_id)),
    )
    found = await session.scalar(query)
    if found is None:
        raise NotFound("There is no such conversation, or you may not see it.")
    if follow and found.merged_into is not None:
        return await conversation(session, access, found.merged_into)
    return found


async def check(session: AsyncSession, access: Access, conversation_id: int) -> int:
    """`conversation` for those who only read: its id, or NotFound."""
    given = {**asker(access), "conversation": conversation_id}
    found = await questions.ask(session, Question(_checking(access.sees_everything), given, list))
    if not found:
        raise NotFound("There is no such conversation, or you may not see it.")
    (_, merged_into), *_ = found
    return conversation_id if merged_into is None else await check(session, access, merged_into)


@cache
def _checking(everything: bool) -> bytes:
    mine = (col(Conversation.id) == bindparam("conversation"), col(Conversation.workspace_id) == bindparam("workspace"))
    return questions.compiled(
        select(col(Conversation.id), col(Conversation.merged_into)).where(
            *mine, visible(col(Conversation.channel_id), everything=everything)
        )
    )


async def channel(session: AsyncSession, access: Access, channel_id: int) -> Channel:
    """The channel, if this member may see it and it was not removed."""
    query = select(Channel).where(
        col(Channel.id) == channel_id,
        col(Channel.workspace_id) == access.workspace_id,
        col(Channel.removed_at).is_(None),
        sees(access, col(Channel.id)),
    )
    found = await session.scalar(query)
    if found is None:
        raise NotFound("There is no such channel, or you may not see it.")
    return found
