"""Waits out of the database as columns of numbers: portions of arrays in binary form, without a Python object for any of them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString, cast

import numpy as np
import numpy.typing as npt
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.columns import Numbers
from inbox.contract import ConversationKind
from inbox.db import driver
from inbox.models import Outcome, Priority
from inbox.promptness import targets
from inbox.promptness.policies import Rule
from inbox.promptness.question import COUNTED
from inbox.promptness.zones import EPOCH, MICROSECOND, OPEN, moment

Column = npt.NDArray[Any]
Columns = dict[str, Column]

KINDS, PRIORITIES, OUTCOMES = list(ConversationKind), list(Priority), list(Outcome)
PORTION = 50_000  # waits in one answer of the database: about 10 MB
HEAD = 20  # bytes before an array's first element
MILLENNIUM = (datetime(2000, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND  # PostgreSQL counts from there
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # business time is summed from there on: only differences mean something
LONG = timedelta(days=14)  # the index `wait_long` names it too

NUMBERS: dict[str, LiteralString] = {
    "id": "wait.id",
    "conversation": "wait.conversation_id",
    "channel": "wait.channel_id",
    "identity": "wait.identity_id",
    "team": "coalesce(CASE WHEN wait.closed_at IS NULL THEN conversation.team_id ELSE wait.team_id END, 0)",
    "member": "coalesce(wait.member_id, 0)",
    "assignee": "coalesce(CASE WHEN wait.closed_at IS NULL THEN conversation.assignee_id ELSE wait.assignee_id END, 0)",
    "policy": "coalesce(wait.policy_id, 0)",
    "post": "coalesce(conversation.post_id, 0)",
}
MOMENTS: dict[str, LiteralString] = {
    "opened": "wait.opened_at",
    "closed": "coalesce(wait.closed_at, 'infinity')",
    "received": "wait.received_at",
    "due": "coalesce(wait.due_at, 'infinity')",
    "breached": "coalesce(wait.breached_at, 'infinity')",
}
SECONDS: dict[str, LiteralString] = {  # of a wait that was never settled: the wall clock's, as without a policy
    "business": "coalesce(wait.business_seconds, extract(epoch FROM greatest(wait.closed_at - wait.opened_at, '0'))::float8, 'NaN')",
    "target": "coalesce(wait.target_seconds::float8, 'NaN')",
}
FLAGS: dict[str, LiteralString] = {
    "late_on_policy": "wait.late_on_policy",
    "caught_up_late": "wait.caught_up_late",
    "native": "wait.native",
    "bulk": "wait.bulk",
    "by_hand": "wait.by_hand",
}
WORDS: dict[str, tuple[LiteralString, Sequence[str]]] = {
    "metric": ("wait.metric", ("first", "next")),
    "kind": ("conversation.kind", [kind.value for kind in KINDS]),
    "priority": ("conversation.priority", [priority.value for priority in PRIORITIES]),
    "outcome": ("coalesce(wait.outcome, '')", ["", *(outcome.value for outcome in OUTCOMES)]),  # -1 is open
}
BITS = 4  # of each word, above the flags
LETTER_BITS, LETTERS = 5, 3  # of the language's code, above the words
ABOVE = len(FLAGS) + len(WORDS) * BITS


@dataclass(frozen=True, slots=True)
class Part:
    """Which waits are read, as a condition and its values; `workspace` and the outcomes go without saying."""

    condition: LiteralString
    values: Mapping[str, Any]


def begun(since: datetime, until: datetime | None = None) -> Part:
    """Those that began in a period."""
    if until is None:
        return Part("wait.opened_at >= %(since)b::timestamptz", {"since": since})
    return Part("wait.opened_at >= %(since)b::timestamptz AND wait.opened_at < %(until)b::timestamptz", {"since": since, "until": until})


def of_conversations(ids: Iterable[int], since: datetime) -> Part:
    values = {"ids": Numbers(sorted(ids)), "since": since}
    return Part("wait.conversation_id = ANY(%(ids)b::bigint[]) AND wait.opened_at >= %(since)b::timestamptz", values)


def lasting(since: datetime, before: datetime) -> Part:
    """Those that began before `before` and ended only after `since`, or not yet; longer ones than LONG, or open, by their own indexes."""
    condition: LiteralString = """wait.opened_at < %(before)b::timestamptz AND (wait.closed_at IS NULL OR
        wait.closed_at - wait.opened_at > '14 days'::interval AND wait.closed_at >= %(since)b::timestamptz)"""
    return Part(condition, {"since": since, "before": before})


async def read(session: AsyncSession, workspace_id: int, part: Part, outcomes: Sequence[Outcome] = COUNTED) -> Columns:
    """The waits of a part, by `opened` ascending, with a column "label:7" for each label that one of them carries.

    Business time of an open wait is that from BEGINNING until it began: `business_until` makes of it what it is at a moment.
    """
    known = await targets.rules(session, workspace_id)
    connection = await driver(session)
    portions: list[Columns] = []
    values = {**part.values, "workspace": workspace_id, "outcomes": [outcome.value for outcome in outcomes] + [""] * (outcomes is COUNTED)}
    values |= {"at": datetime(1, 1, 2, tzinfo=UTC), "after": 0, "limit": PORTION}
    while True:
        cursor = connection.cursor(binary=True)
        await cursor.execute(_statement(part.condition), values)
        portion = _parsed(cursor)
        if portion is None:
            break
        portions.append(portion)
        if len(portion["id"]) < PORTION:
            break
        values |= {"at": moment(int(portion["opened"][-1])), "after": int(portion["id"][-1])}
    columns = await asyncio.to_thread(_joined, portions, known)
    return columns | await _labels(session, workspace_id, columns["conversation"])


def business_until(columns: Mapping[str, Column], known: Sequence[Rule], now: datetime) -> Column:
    """Business seconds of each wait; of those still open: until now, each by its own policy's calendar."""
    still = np.flatnonzero(columns["closed"] == OPEN)
    seconds = columns["business"]
    if len(still):
        seconds = seconds.copy()
        policy = columns["policy"][still]
        for number in np.unique(policy).tolist():
            mine = still[policy == number]
            seconds[mine] = np.maximum(_rule(known, number).elapsed(BEGINNING, now) - seconds[mine], 0)
    return seconds


def _statement(condition: LiteralString) -> LiteralString:
    inner = {**NUMBERS, **MOMENTS, **SECONDS, "flags": _flags()}
    named = ", ".join(f"{expression} AS c_{name}" for name, expression in inner.items())
    gathered = ", ".join(f"array_agg(c_{name})" for name in inner)
    # The order is kept within the aggregate: its input comes sorted from the inner query.
    told = f"""
        SELECT {gathered} FROM (
            SELECT {named} FROM wait JOIN conversation ON conversation.id = wait.conversation_id
             WHERE wait.workspace_id = %(workspace)b AND coalesce(wait.outcome, '') = ANY(%(outcomes)s::text[])
               AND {condition} AND (wait.opened_at, wait.id) > (%(at)b::timestamptz, %(after)b::bigint)
             ORDER BY wait.opened_at, wait.id LIMIT %(limit)b) AS portion
    """  # noqa: S608  # made of constants
    return cast("LiteralString", told)


def spelling(language: str) -> int:
    """A language's code as the number that stands for it in a column; 0: none."""
    return sum((ord(letter) & 31) << at * LETTER_BITS for at, letter in enumerate(language))


def spelled(number: int) -> str:
    """The reverse of `spelling`."""
    letters = [number >> at * LETTER_BITS & 31 for at in range(LETTERS)]
    return "".join(chr(letter | 96) for letter in letters if letter)


def _flags() -> LiteralString:
    """Every flag and word of a wait, and its language, in one number: columns cost more than arithmetic."""
    parts: list[str] = [f"(({expression})::int << {at})" for at, expression in enumerate(FLAGS.values())]
    for at, (expression, words) in enumerate(WORDS.values()):
        cases = " ".join(f"WHEN '{word}' THEN {number}" for number, word in enumerate(words))
        parts.append(f"((CASE {expression} {cases} END) << {len(FLAGS) + at * BITS})")
    for at in range(LETTERS):
        parts.append(f"((ascii(substr(conversation.language, {at + 1}, 1)) & 31)::bigint << {ABOVE + at * LETTER_BITS})")
    return cast("LiteralString", f"({' | '.join(parts)})")


def _parsed(cursor: Any) -> Columns | None:
    """One row of arrays; None: an empty portion."""
    result = cursor.pgresult
    if result.get_value(0, 0) is None:
        return None
    given = iter(range(len(NUMBERS) + len(MOMENTS) + len(SECONDS) + 1))
    columns: Columns = {name: _narrow(_array(result.get_value(0, next(given)), ">i8", np.int64), np.int32) for name in NUMBERS}
    for name in MOMENTS:
        told = _array(result.get_value(0, next(given)), ">i8", np.int64)
        columns[name] = np.where(told == np.iinfo(np.int64).max, OPEN, told + MILLENNIUM)
    columns |= {name: _array(result.get_value(0, next(given)), ">f8", np.float64) for name in SECONDS}
    columns["target"] = _narrow(columns["target"], np.float32)
    flags = _array(result.get_value(0, next(given)), ">i8", np.int64)
    columns |= {name: (flags >> at & 1).astype(np.bool_) for at, name in enumerate(FLAGS)}
    for at, name in enumerate(WORDS):
        columns[name] = (flags >> len(FLAGS) + at * BITS & (1 << BITS) - 1).astype(np.int8)
    columns["language"] = (flags >> ABOVE).astype(np.int16)
    columns["outcome"] -= 1
    return columns


def _array(raw: bytes, stored: str, kind: Any) -> Column:
    """An array without NULL as the protocol sends it: each element is its length and its value."""
    return np.frombuffer(raw, dtype=[("length", ">i4"), ("value", stored)], offset=HEAD)["value"].astype(kind)


def _narrow(column: Column, kind: Any) -> Column:
    """The same numbers in fewer bytes, where they fit."""
    narrow = column.astype(kind)
    return narrow if np.array_equal(narrow, column, equal_nan=True) else column


def _joined(portions: list[Columns], known: Sequence[Rule]) -> Columns:
    """All portions, each column's let go once they are joined."""
    names = list(portions[0]) if portions else []
    columns = {name: np.concatenate([portion.pop(name) for portion in portions]) for name in names} or _nothing()
    for at in np.flatnonzero(columns["closed"] == OPEN).tolist():
        rule = _rule(known, int(columns["policy"][at]))
        columns["business"][at] = rule.elapsed(BEGINNING, moment(int(columns["opened"][at])))
    return columns


def _nothing() -> Columns:
    kinds = dict.fromkeys(NUMBERS, np.int32) | dict.fromkeys(MOMENTS, np.int64) | dict.fromkeys(SECONDS, np.float64)
    kinds |= dict.fromkeys(FLAGS, np.bool_) | dict.fromkeys(WORDS, np.int8) | {"language": np.int16}
    return {name: np.zeros(0, dtype=kind) for name, kind in kinds.items()}


def _rule(known: Sequence[Rule], number: int) -> Rule:
    return next((rule for rule in known if rule.id == number), Rule(0, ""))


async def _labels(session: AsyncSession, workspace_id: int, conversations: Column) -> Columns:
    few = len(conversations) < 1000  # a query for these alone is cheaper then
    query = "SELECT label_id, array_agg(conversation_id) FROM conversation_label WHERE workspace_id = :workspace"
    given: dict[str, Any] = {"workspace": workspace_id}
    if few:
        query, given = f"{query} AND conversation_id = ANY(:ids)", {**given, "ids": Numbers(np.unique(conversations).tolist())}
    rows = (await session.execute(text(f"{query} GROUP BY label_id"), given)).all()
    return await asyncio.to_thread(lambda: {f"label:{row[0]}": np.isin(conversations, np.array(row[1], dtype=np.int64)) for row in rows})
