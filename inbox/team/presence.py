"""Who looks at a conversation, and who types in it: rows with a time to live, never counters, never in the log."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, any_, bindparam, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import questions
from inbox.models import Member, Presence
from inbox.questions import IDS, Question

CHANNEL = "parley_presence"  # the NOTIFY channel; its payload is "workspace conversation"
HERE = timedelta(seconds=40)  # the page says it again every 15 s
TYPING = timedelta(seconds=6)


@dataclass(frozen=True, slots=True)
class Person:
    """A colleague in a conversation."""

    conversation_id: int
    member_id: int
    name: str
    typing: bool
    until: datetime  # when this changes by itself


async def show(session: AsyncSession, *, workspace_id: int, conversation_id: int, member_id: int, typing: bool, now: datetime) -> None:
    """Say that a member is here; `typing` lasts a few seconds. Heard when the transaction commits."""
    values = {"until": now + HERE, "typing_until": now + TYPING if typing else None}
    key = {"workspace_id": workspace_id, "conversation_id": conversation_id, "member_id": member_id}
    new = insert(Presence).values(**key, **values)
    await session.execute(new.on_conflict_do_update(index_elements=["conversation_id", "member_id"], set_=values))
    await _tell(session, workspace_id, conversation_id)


async def leave(session: AsyncSession, *, workspace_id: int, conversation_id: int, member_id: int, said_at: datetime) -> None:
    """Say that a page is closed whose reader was last shown at `said_at`. Another page of theirs, the same one reloaded, say, has spoken
    since: then they stay."""
    mine = (col(Presence.conversation_id) == conversation_id, col(Presence.member_id) == member_id)
    await session.execute(delete(Presence).where(*mine, col(Presence.until) <= said_at + HERE))
    await _tell(session, workspace_id, conversation_id)


async def people(session: AsyncSession, conversation_ids: Collection[int], *, now: datetime) -> Sequence[Person]:
    """Who is in these conversations now, by name."""
    return await questions.ask(session, looking(conversation_ids, now=now))


def looking(conversation_ids: Collection[int], *, now: datetime) -> Question[Sequence[Person]]:
    """The question behind `people`."""
    return Question(_people(), {"conversations": list(conversation_ids), "now": now}, _reader(now))


def looking_anywhere(workspace_id: int, *, now: datetime) -> Question[Sequence[Person]]:
    """The same for all conversations of a workspace: as many as there are colleagues at work."""
    return Question(_everybody(), {"workspace": workspace_id, "now": now}, _reader(now))


def _reader(now: datetime) -> Callable[[Sequence[tuple[Any, ...]]], Sequence[Person]]:
    def read(found: Sequence[tuple[Any, ...]]) -> Sequence[Person]:
        people: list[Person] = []
        for conversation_id, member_id, name, typing_until, until in found:
            typing = typing_until if typing_until is not None and typing_until > now else None
            people.append(Person(conversation_id, member_id, name, typing is not None, typing or until))
        return people

    return read


@cache  # a select never changes, and putting it together costs more than running it
def _people() -> bytes:
    return _now_in(col(Presence.conversation_id) == any_(bindparam("conversations", type_=IDS)))


@cache
def _everybody() -> bytes:
    return _now_in(col(Presence.workspace_id) == bindparam("workspace"))


def _now_in(where: ColumnElement[bool]) -> bytes:
    columns = (col(Presence.conversation_id), col(Presence.member_id), col(Member.name), col(Presence.typing_until), col(Presence.until))
    return questions.compiled(
        select(*columns)
        .join(Member, col(Member.id) == Presence.member_id)
        .where(where, col(Presence.until) > bindparam("now"), col(Member.removed_at).is_(None))
        .order_by(col(Member.name), col(Member.id))
    )


async def _tell(session: AsyncSession, workspace_id: int, conversation_id: int) -> None:
    await session.execute(
        text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": f"{workspace_id} {conversation_id}"}
    )
