"""The names behind ids: members, teams and labels of a workspace."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import String, bindparam, cast, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import Label, Member, Role, Team


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody and everything that an assignment, a label or an activity line can name. Removed members keep their names."""

    members: dict[int, str] = field(default_factory=dict[int, str])
    teams: dict[int, str] = field(default_factory=dict[int, str])
    labels: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])  # name, colour
    answering: tuple[int, ...] = ()  # members who can be given a conversation


async def load(session: AsyncSession, workspace_id: int) -> Directory:
    """All names of a workspace, in alphabetical order, in one query."""
    found = (await session.execute(_query(), {"workspace": workspace_id})).all()
    return Directory(
        members={row.id: row.name for row in found if row.sort == "member"},
        teams={row.id: row.name for row in found if row.sort == "team"},
        labels={row.id: (row.name, row.detail) for row in found if row.sort == "label"},
        answering=tuple(row.id for row in found if row.sort == "member" and not row.gone and row.detail != Role.VIEWER.value),
    )


@cache
def _query() -> Any:
    def part(sort: str, table: Any, detail: Any, gone: Any) -> Any:
        columns: list[Any] = [literal(sort, String).label("sort"), table.id.label("id"), table.name.label("name")]
        return select(*columns, detail.label("detail"), gone.label("gone")).where(table.workspace_id == bindparam("workspace"))

    never = literal(value=False)
    every = union_all(
        part("member", Member, cast(col(Member.role), String), col(Member.removed_at).is_not(None)),
        part("team", Team, cast(null(), String), never),
        part("label", Label, col(Label.colour), never),
    ).subquery()
    return select(every).order_by(every.c.name, every.c.id)
