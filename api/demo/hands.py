"""Who had which conversation of the sixty days, and from when on: given to a team, taken by a colleague, handed on."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.demo import words
from inbox import events
from inbox.models import Member, Role, Team

WAITED = text(
    """
    SELECT wait.id, wait.conversation_id, wait.channel_id, thread_external_id, body, opened_at, closed_at, wait.member_id
      FROM wait JOIN message ON message.id = opened_by
     WHERE wait.workspace_id = :workspace_id AND closed_at IS NOT NULL ORDER BY wait.conversation_id, opened_at, wait.id
    """
)
GIVE = """
    UPDATE {table} SET assignee_id = new.assignee_id, team_id = new.team_id
      FROM unnest(cast(:ids AS bigint[]), cast(:assignees AS bigint[]), cast(:teams AS bigint[])) AS new (id, assignee_id, team_id)
     WHERE {table}.id = new.id
"""
LONG = timedelta(minutes=30)  # who waits so long has now and then been with a colleague first


@dataclass(frozen=True, slots=True)
class Waited:
    """A wait that has ended, and who answered it."""

    id: int
    conversation_id: int
    channel_id: int
    thread: str
    question: str
    opened_at: datetime
    closed_at: datetime
    answerer: int | None

    def after(self, share: float) -> datetime:
        """The moment at which a share of it was over."""
        return self.opened_at + share * (self.closed_at - self.opened_at)


@dataclass(frozen=True, slots=True)
class Had:
    """A member, a team or both had a conversation from a moment on; and who saw to that."""

    at: datetime
    member: int | None = None
    team: int | None = None
    by: int | None = None


NOBODY = Had(datetime.min.replace(tzinfo=UTC))


async def give(session: AsyncSession, workspace_id: int) -> None:
    """Let the conversations go through the team's hands, in the log and in their rows; a rebuild cuts the waits accordingly."""
    waited = [Waited(*row) for row in await session.execute(WAITED, {"workspace_id": workspace_id})]
    members = (await session.scalars(select(Member).where(col(Member.workspace_id) == workspace_id).order_by(col(Member.id)))).all()
    takers, sorter = [member.id for member in members], next(member.id for member in members if member.role is Role.SUPERVISOR)
    teams = {team.name: team.id for team in await session.scalars(select(Team).where(col(Team.workspace_id) == workspace_id))}
    conversations: dict[int, Had] = {}
    waits: dict[int, Had] = {}
    for conversation_id, group in groupby(waited, attrgetter("conversation_id")):
        asked = list(group)
        hands = list(_hands(asked, sorter=sorter, takers=takers, team=teams[_matter(asked[0].question)]))
        for before, had in pairwise([NOBODY, *hands]):
            _record(session, workspace_id, asked[0], before, had)
            conversations[conversation_id] = had
            waits |= {wait.id: had for wait in asked if had.at < wait.closed_at}
    await _write(session, "conversation", conversations)
    await _write(session, "wait", waits)


def _hands(waits: Sequence[Waited], *, sorter: int, takers: Sequence[int], team: int) -> Iterator[Had]:
    """Most is given to a team first, and nearly all taken by who answers it, shortly before the answer; the rest is nobody's."""
    first, dice = waits[0], random.Random(f"hands {waits[0].thread}")  # noqa: S311  # a story, not a secret
    given = team if dice.random() < 0.6 else None
    if given is not None:
        yield Had(first.after(dice.uniform(0.05, 0.4)), None, given, sorter)
    has: int | None = None
    if first.closed_at - first.opened_at > LONG and dice.random() < 0.4:
        has = dice.choice([taker for taker in takers if taker != first.answerer])
        yield Had(first.after(dice.uniform(0.42, 0.6)), has, given, has)
    for wait in waits:
        if wait.answerer not in (None, has) and dice.random() < 0.9:
            has = wait.answerer
            yield Had(wait.after(dice.uniform(0.65, 0.98)), has, given, has)


def _matter(question: str) -> str:
    """The team that a question concerns."""
    said = question.lower()
    return next((team for team, signs in words.MATTERS.items() if any(sign in said for sign in signs)), words.OTHERWISE)


def _record(session: AsyncSession, workspace_id: int, of: Waited, before: Had, had: Had) -> None:
    events.record(
        session,
        "conversation.assigned",
        workspace_id=workspace_id,
        at=had.at,
        actor=f"member:{had.by}",
        conversation_id=of.conversation_id,
        channel_id=of.channel_id,
        assignee=had.member,
        team=had.team,
        before={"assignee": before.member, "team": before.team},
    )


async def _write(session: AsyncSession, table: str, rows: Mapping[int, Had]) -> None:
    hands = {"assignees": [had.member for had in rows.values()], "teams": [had.team for had in rows.values()]}
    await session.execute(text(GIVE.format(table=table)), {"ids": list(rows), **hands})
