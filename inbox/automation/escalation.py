"""What a step of a chain does beside telling: raise the priority, give the conversation to a team, or free it.

Not in the timer's own transaction: whoever changes a conversation locks it first and its alerts afterwards, the timer the reverse.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.conversations import changes
from inbox.models import Alert, AlertState, Conversation, Episode, Priority, Team, Wait
from inbox.promptness import notices, targets
from inbox.promptness.chains import NOBODY

URGENCY = list(Priority)[::-1]  # the most urgent last
ACTOR = "system"


async def waiting(session: AsyncSession, *, limit: int = 100) -> list[int]:
    """The raised alerts whose action is still to be done, in order."""
    query = select(col(Alert.id)).where(col(Alert.acts), col(Alert.state) == AlertState.RAISED).order_by(col(Alert.id)).limit(limit)
    return list(await session.scalars(query))


async def act(session: AsyncSession, alert_id: int, *, now: datetime) -> bool:
    """Do what the step says, once; nothing when the customer was answered meanwhile. Whether this process was the one."""
    place = (
        select(notices.CONVERSATION)
        .select_from(Alert)
        .outerjoin(Wait, col(Wait.id) == Alert.wait_id)
        .outerjoin(Episode, col(Episode.id) == Alert.episode_id)
        .where(col(Alert.id) == alert_id)
    )
    locked = select(Conversation).where(col(Conversation.id) == place.scalar_subquery()).with_for_update()
    conversation = await session.scalar(locked.execution_options(populate_existing=True))
    mine = update(Alert).where(col(Alert.id) == alert_id, col(Alert.acts)).values(acts=False)
    row = (await session.execute(mine.returning(col(Alert.what), col(Alert.acknowledged_at)))).one_or_none()
    is_open = await session.scalar(place.with_only_columns(and_(notices.ENDED.is_(None), notices.RESTS.is_(False))))
    if row is None or conversation is None:
        return False
    if is_open and row[1] is None:
        await _do(session, conversation, dict(row[0]["then"]), now)
    return True


async def _do(session: AsyncSession, conversation: Conversation, then: dict[str, Any], now: datetime) -> None:
    changed = _raise(session, conversation, then.get("priority"), now)
    changed |= await _assign(session, conversation, then.get("assign"), now)
    if changed:
        await session.flush()
        await targets.settle(session, conversation.workspace_id, [conversation.id], now=now, actor=ACTOR)


def _raise(session: AsyncSession, conversation: Conversation, wanted: str | None, now: datetime) -> bool:
    """A step never makes a conversation less urgent than people have said."""
    if not wanted or URGENCY.index(Priority(wanted)) <= URGENCY.index(conversation.priority):
        return False
    before, conversation.priority = conversation.priority, Priority(wanted)
    changes.record(session, conversation, "conversation.prioritised", actor=ACTOR, now=now, priority=wanted, before=before.value)
    return True


async def _assign(session: AsyncSession, conversation: Conversation, wanted: str | None, now: datetime) -> bool:
    if not wanted:
        return False
    team_id = None if wanted == NOBODY else int(wanted.partition(":")[2])
    team = None if team_id is None else await session.get(Team, team_id)
    if team_id is not None and (team is None or team.workspace_id != conversation.workspace_id):
        return False  # dissolved since the chain was written
    team_id = conversation.team_id if team_id is None else team_id  # freed, it stays with its team
    if (conversation.assignee_id, conversation.team_id) == (None, team_id):
        return False
    old = {"assignee": conversation.assignee_id, "team": conversation.team_id}
    conversation.assignee_id, conversation.team_id = None, team_id
    changes.record(session, conversation, "conversation.assigned", actor=ACTOR, now=now, assignee=None, team=team_id, before=old)
    return True
