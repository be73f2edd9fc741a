"""Where conversations stood, from when to when: what episodes follow from. Noted with every move, in its transaction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from inbox.columns import Numbers, Texts, Times
from inbox.db import Row, driver
from inbox.models import Priority, Status
from inbox.pipelines import pipeline
from inbox.promptness.course import Moved

NOTE = """
    INSERT INTO move (workspace_id, conversation_id, at, status, assignee_id, team_id, priority)
    SELECT workspace_id, conversation.id, %s, new.status, assignee_id, team_id, priority
      FROM unnest(%b::bigint[], %b::text[]) WITH ORDINALITY AS new (id, status, n) JOIN conversation ON conversation.id = new.id
     ORDER BY new.n
"""

FORGET_LAST = "DELETE FROM move WHERE id = (SELECT max(id) FROM move WHERE conversation_id = %s)"
LAST = "SELECT status FROM move WHERE conversation_id = %s ORDER BY id DESC LIMIT 1"

EVERY = """
    SELECT conversation_id, at, status, assignee_id, team_id, priority FROM move WHERE conversation_id = ANY(%b::bigint[]) ORDER BY id
"""

LOG = """
    SELECT conversation_id, kind, at, data FROM event
     WHERE conversation_id = ANY(%b::bigint[])
       AND kind IN ('conversation.moved', 'conversation.assigned', 'conversation.prioritised', 'conversation.divided')
     ORDER BY id
"""

FORGET = "DELETE FROM move WHERE conversation_id = ANY(%b::bigint[])"

WRITE = """
    INSERT INTO move (workspace_id, conversation_id, at, status, assignee_id, team_id, priority)
    SELECT workspace_id, new.id, at, new.status, new.assignee_id, new.team_id, new.priority
      FROM unnest(%b::bigint[], %b::timestamptz[], %b::text[], %b::bigint[], %b::bigint[], %b::text[]) WITH ORDINALITY
           AS new (id, at, status, assignee_id, team_id, priority, n)
      JOIN conversation ON conversation.id = new.id
     ORDER BY new.n
"""


async def note(session: AsyncSession, moved: Iterable[tuple[int, Status]], *, at: datetime) -> None:
    """These conversations, which the caller has locked, have just been moved."""
    rows = list(moved)
    connection = await driver(session)
    await connection.execute(NOTE, (at, Numbers([row[0] for row in rows]), Texts([row[1].value for row in rows])))


async def take_back(session: AsyncSession, conversation_id: int, status: Status, *, at: datetime) -> None:
    """The last move was a mistake, and is as if it had not been made; noted is only what else leads to where it stands now."""
    connection = await driver(session)
    async with pipeline(connection):
        await connection.execute(FORGET_LAST, (conversation_id,))
        found = await connection.execute(LAST, (conversation_id,))
    last = await found.fetchone()
    if status != (Status.OPEN if last is None else last[0]):
        await note(session, [(conversation_id, status)], at=at)


async def retell(session: AsyncSession, conversation_ids: Sequence[int], recorded: Sequence[Row]) -> int:
    """Note anew what the log tells, for conversations whose whole story is in it; of how many it was different."""
    ids = sorted(conversation_ids)
    connection = await driver(session)
    async with pipeline(connection):
        logged = await connection.execute(LOG, (ids,))
        noted = await connection.execute(EVERY, (ids,))
    told = _told([*await logged.fetchall(), *recorded])
    known = read(await noted.fetchall())
    wrong = [conversation_id for conversation_id in ids if told[conversation_id] != known[conversation_id]]
    if wrong:
        rows = [(conversation_id, move) for conversation_id in wrong for move in told[conversation_id]]
        async with pipeline(connection) as send:
            send(FORGET, (Numbers(wrong),))
            send(WRITE, _columns(rows))
    return len(wrong)


def read(rows: Iterable[Row]) -> dict[int, list[Moved]]:
    """What EVERY found, by conversation."""
    found: dict[int, list[Moved]] = defaultdict(list)
    for conversation_id, at, status, assignee_id, team_id, priority in rows:
        found[conversation_id].append(Moved(at, Status(status), assignee_id, team_id, Priority(priority)))
    return found


def _told(log: Iterable[Row]) -> dict[int, list[Moved]]:
    told: dict[int, list[Moved]] = defaultdict(list)
    owners: dict[int, tuple[int | None, int | None]] = {}
    priorities: dict[int, Priority] = {}
    for conversation_id, kind, at, data in log:
        begins = kind == "conversation.divided" and "out_of" in data  # with the owner and the priority that the other one had
        if kind == "conversation.assigned" or begins:
            owners[conversation_id] = (data.get("assignee"), data.get("team"))
        if kind == "conversation.prioritised" or begins:
            priorities[conversation_id] = Priority(data["priority"])
        elif kind == "conversation.moved":
            if data["status"] == data["before"]:  # a sleep was given another end
                continue
            owner = owners.get(conversation_id, (None, None))
            move = Moved(at, Status(data["status"]), *owner, priorities.get(conversation_id, Priority.NORMAL))
            _add(told[conversation_id], move, data)
    return told


def _add(moves: list[Moved], move: Moved, data: Mapping[str, Any]) -> None:
    if data.get("taken_back"):
        if moves:
            moves.pop()
        if move.status == (moves[-1].status if moves else Status.OPEN):
            return
    moves.append(move)


def _columns(rows: Sequence[tuple[int, Moved]]) -> tuple[Numbers | Texts | Times, ...]:
    return (
        Numbers([conversation_id for conversation_id, _ in rows]),
        Times([move.at for _, move in rows]),
        Texts([move.status.value for _, move in rows]),
        Numbers([move.assignee_id for _, move in rows]),
        Numbers([move.team_id for _, move in rows]),
        Texts([move.priority.value for _, move in rows]),
    )
