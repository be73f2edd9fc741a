"""Who owns a conversation: a member, a team, both or nobody."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import changes
from inbox.errors import Conflict, NotFound
from inbox.models import Conversation, Member, Role, Team, Wait
from inbox.promptness import targets
from inbox.team import rights, teams
from inbox.team.rights import Access


async def assign(
    session: AsyncSession, access: Access, conversation: Conversation, *, member_id: int | None, team_id: int | None, now: datetime
) -> None:
    """Give the conversation to a member and a team; None takes it from whoever has it. Saying the same twice changes nothing."""
    access.need(Role.AGENT)
    await _check(session, conversation, member_id, team_id)
    before = await session.scalar(
        select(Conversation).where(col(Conversation.id) == conversation.id).with_for_update().execution_options(populate_existing=True)
    )
    if before is not None:
        changes.check(before)
    if before is None or (before.assignee_id == member_id and before.team_id == team_id):
        return
    old = {"assignee": before.assignee_id, "team": before.team_id}
    before.assignee_id, before.team_id = member_id, team_id
    await session.flush()
    changes.record(
        session, conversation, "conversation.assigned", actor=access.actor, now=now, assignee=member_id, team=team_id, before=old
    )
    if team_id != old["team"]:  # policies ask for the team, and for no member
        await targets.settle(session, conversation.workspace_id, [conversation.id], now=now, actor=access.actor)


async def take(session: AsyncSession, access: Access, conversation: Conversation, *, now: datetime) -> None:
    """Take the conversation if nobody has it; Conflict when a colleague was faster."""
    access.need(Role.AGENT)
    if access.member_id is None:
        raise NotFound("Only a member can take a conversation.")
    await _check(session, conversation, access.member_id, None)
    free = (
        update(Conversation)
        .where(col(Conversation.id) == conversation.id, col(Conversation.assignee_id).is_(None))
        .values(assignee_id=access.member_id)
    )
    took = await session.scalar(free.returning(col(Conversation.id)))
    await session.refresh(conversation)
    if took is None:
        if conversation.assignee_id == access.member_id:
            return
        raise Conflict("A colleague has taken this conversation already.", code="taken")
    old = {"assignee": None, "team": conversation.team_id}
    changes.record(
        session,
        conversation,
        "conversation.assigned",
        actor=access.actor,
        now=now,
        assignee=access.member_id,
        team=conversation.team_id,
        before=old,
    )


async def dissolve(session: AsyncSession, access: Access, team: Team, *, now: datetime) -> None:
    """Drop a team; its conversations have none, and what policies ask of those that wait follows at once."""
    waiting = select(col(Wait.conversation_id)).join(Conversation, col(Conversation.id) == col(Wait.conversation_id))
    waiting = waiting.where(col(Wait.closed_at).is_(None), col(Conversation.team_id) == team.id)
    ids = list(await session.scalars(waiting.distinct()))
    await teams.dissolve(session, access, team, now=now)
    await targets.settle(session, access.workspace_id, ids, now=now, actor=access.actor)


async def _check(session: AsyncSession, conversation: Conversation, member_id: int | None, team_id: int | None) -> None:
    """The member and the team exist here, and the member may see the channel.

    The member's row stays as it is until the commit: whoever removes the member meanwhile waits, and then frees this conversation too.
    """
    if member_id is not None:
        member = await session.get(Member, member_id, with_for_update={"read": True})
        if member is None or member.workspace_id != conversation.workspace_id or member.removed_at is not None:
            raise NotFound("There is no such member in this workspace.")
        if conversation.channel_id not in await rights.channels(session, rights.of(member)):
            raise Conflict("{name} may not see this channel.", code="assignee_blind", name=member.name)
    if team_id is not None:
        team = await session.get(Team, team_id)
        if team is None or team.workspace_id != conversation.workspace_id:
            raise NotFound("There is no such team in this workspace.")
