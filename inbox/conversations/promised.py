"""When a conversation is to be resolved, by which policy, and whether that stands still: beside who waits (`surroundings`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import any_, bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import questions
from inbox.models import Calendar, Episode, Metric, Policy
from inbox.questions import IDS, Question


@dataclass(frozen=True, slots=True)
class Promise:
    """A resolution's target. `at`: when it is due, None while it is paused; `conditions` are those that the conversation meets."""

    at: datetime | None
    paused_since: datetime | None
    is_late: bool
    seconds: int
    policy: str
    conditions: Mapping[str, Sequence[Any]]
    calendar: str | None  # None: the wall clock


async def resolutions(session: AsyncSession, conversation_ids: Collection[int]) -> Mapping[int, Promise]:
    """What is promised for these conversations, those for which nothing is left out."""
    return await questions.ask(session, resolving(conversation_ids))


def resolving(conversation_ids: Collection[int]) -> Question[Mapping[int, Promise]]:
    """The question behind `resolutions`."""
    return Question(_query(), {"conversations": list(conversation_ids)}, _read)


def _read(found: Sequence[tuple[Any, ...]]) -> Mapping[int, Promise]:
    return {row[0]: Promise(row[1] and row[1].astimezone(UTC), row[2] and row[2].astimezone(UTC), *row[3:]) for row in found}


@cache  # a statement never changes, and putting it together costs more than running it
def _query() -> bytes:
    clock = func.jsonb_extract_path_text(col(Policy.targets), Metric.RESOLUTION.value, "clock")
    columns: list[Any] = [
        Episode.conversation_id, Episode.due_at, Episode.paused_since, col(Episode.breached_at).is_not(None), Episode.target_seconds,
        Policy.name, Policy.conditions, case((clock == "wall", None), else_=col(Calendar.name)),
    ]  # fmt: skip
    return questions.compiled(
        select(*columns)
        .join(Policy, col(Policy.id) == Episode.policy_id)
        .outerjoin(Calendar, col(Calendar.id) == Policy.calendar_id)
        .where(
            col(Episode.conversation_id) == any_(bindparam("conversations", type_=IDS)),
            col(Episode.resolved_at).is_(None),
            col(Episode.is_void).is_(False),
            col(Episode.target_seconds).is_not(None),
            col(Episode.due_at).is_not(None) | col(Episode.paused_since).is_not(None),
        )
    )
