"""Whatever has happened: what a rebuild tells is what the table says already."""

import os
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.models import Outcome, Wait
from inbox.promptness import cuts, targets, waits
from tests.inbox.conversations.test_receive import everything
from tests.inbox.promptness.world import World

OPERATIONS = int(os.environ.get("PARLEY_TEST_OPERATIONS", "800"))
SEEDS = [int(seed) for seed in os.environ.get("PARLEY_TEST_SEEDS", "6").split(",")]
LOOKS = 10  # at the whole table, in between
FACTS = (
    "conversation_id", "identity_id", "metric", "opened_at", "opened_by", "received_at", "message_count", "by_hand", "closed_at",
    "closed_by", "outcome", "member_id", "assignee_id", "team_id", "native",
)  # fmt: skip


async def rows(session: AsyncSession) -> dict[int, dict[str, Any]]:
    return {row.id: row.model_dump() for row in await everything(session, Wait)}


def differences(before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]]) -> list[Any]:
    return [
        (number, {name: (before.get(number, {}).get(name), after.get(number, {}).get(name)) for name in (before | after)[number]
                  if before.get(number, {}).get(name) != after.get(number, {}).get(name)})
        for number in sorted(before.keys() | after.keys())
        if before.get(number) != after.get(number)
    ]  # fmt: skip


def story(found: dict[int, dict[str, Any]]) -> list[Any]:
    """Waits without their numbers, and who had each, in an order of their own."""
    told = [(*(row[name] for name in FACTS), *map(hand, row["segments"] or ())) for row in found.values()]
    return sorted(told, key=repr)


def hand(kept: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(kept[name] for name in ("kind", "member", "team", "began", "seconds"))


def check_sums(found: Sequence[dict[str, Any]]) -> None:
    for row in found:
        if row["closed_at"] is None:
            assert row["segments"] is None
            continue
        cut = cuts.loaded(row["segments"])
        length = (row["closed_at"] - row["opened_at"]).total_seconds()
        assert length >= 0
        assert (round(sum(one.seconds for one in cut), 6), round(sum(one.business for one in cut), 6)) == (
            length,
            round(row["business_seconds"], 6),
        )
        assert cut[0].began == row["opened_at"]


@pytest.mark.timeout(7200)  # ten thousand operations take longer than any other test
@pytest.mark.parametrize("seed", SEEDS)
async def test_after_any_history_a_rebuild_finds_the_table_as_it_would_tell_it(session: AsyncSession, seed: int):
    world, done, looked = await World(session, seed).begin(), 0, 0
    seen: set[Outcome | None] = set()
    while done < OPERATIONS:
        done += await world.happen()
        if done * LOOKS // OPERATIONS > looked:
            looked = done * LOOKS // OPERATIONS
            await targets.breach(session, now=world.now, limit=10_000)
            before = await rows(session)
            changed = await waits.rebuild(session, world.channel.workspace_id, now=world.now)
            if wrong := differences(before, await rows(session)):
                pytest.fail(f"{wrong[:3]} after {world.written[-10:]}")
            assert changed == 0
            seen |= {row["outcome"] for row in before.values()}
            check_sums(list(before.values()))
            await world.written_down()
    assert seen >= {None, Outcome.ANSWERED, Outcome.NOT_NEEDED, Outcome.SPAM, Outcome.DELETED, Outcome.MERGED}
    before = await rows(session)
    await session.execute(delete(Wait))
    await waits.rebuild(session, world.channel.workspace_id, now=world.now)
    assert story(await rows(session)) == story(before), "told from nothing"
