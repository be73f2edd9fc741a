"""The names behind ids: members, teams and labels of a workspace."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sqlalchemy import String, bindparam, cast, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import questions
from inbox.models import Conversation, Label, Member, Role, Team
from inbox.questions import Question


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody and everything that an assignment, a label or an activity line can name. Removed members keep their names."""

    members: dict[int, str] = field(default_factory=dict[int, str])
    teams: dict[int, str] = field(default_factory=dict[int, str])
    labels: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])  # name, colour
    answering: tuple[int, ...] = ()  # members who can be given a conversation


async def authors(session: AsyncSession, conversation_ids: Collection[int]) -> dict[int, str]:
    """Who began these conversations, by the names that lists of them show."""
    query = select(col(Conversation.id), col(Conversation.author_name)).where(col(Conversation.id).in_(conversation_ids))
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def load(session: AsyncSession, workspace_id: int) -> Directory:
    """All names of a workspace, in alphabetical order, in one query."""
    return await questions.ask(session, naming(workspace_id))


def naming(workspace_id: int) -> Question[Directory]:
    """The question behind `load`."""
    return Question(_query(), {"workspace": workspace_id}, _read)


def _read(found: Sequence[tuple[Any, ...]]) -> Directory:
    names = Directory()
    answering: list[int] = []
    for sort, number, name, detail, gone in found:
        if sort == "label":
            names.labels[number] = (name, detail)
        elif sort == "team":
            names.teams[number] = name
        else:
            names.members[number] = name
            if not gone and detail != Role.VIEWER.value:
                answering.append(number)
    return replace(names, answering=tuple(answering))


@cache
def _query() -> bytes:
    def part(sort: str, table: Any, detail: Any, gone: Any) -> Any:
        columns: list[Any] = [literal(sort, String).label("sort"), table.id.label("id"), table.name.label("name")]
        return select(*columns, detail.label("detail"), gone.label("gone")).where(table.workspace_id == bindparam("workspace"))

    never = literal(value=False)
    every = union_all(
        part("member", Member, cast(col(Member.role), String), col(Member.removed_at).is_not(None)),
        part("team", Team, cast(null(), String), never),
        part("label", Label, col(Label.colour), never),
    ).subquery()
    return questions.compiled(select(every).order_by(every.c.name, every.c.id))
