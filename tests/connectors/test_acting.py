"""The host asks platforms to act on messages: once, again as told, and honestly when it failed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel
from sqlalchemy import select
from sqlmodel import col

import connectors
from api.deps import House
from inbox.contract import Action, Ambiguous, AuthError, Batch, Capabilities, Permanent, RateLimited, Transient
from inbox.conversations import moderation
from inbox.models import Channel, Conversation, Message, Moderation, ModerationState, Role
from inbox.team.rights import Access
from tests.connectors.stage import Stage, StageConfig, message
from tests.connectors.test_runner import PACE, Theatre

keys = count(1)
asked: list[tuple[Action, str, str]] = []
answers: list[Any] = []


class Acting(Stage):
    """A stage whose platform can be asked for anything."""

    name: ClassVar[str] = "stage"
    capabilities: ClassVar[Capabilities] = Capabilities(actions=frozenset(Action))

    async def act(self, action: Action, message_id: str, text: str = "") -> None:
        asked.append((action, message_id, text))
        answer = answers.pop(0) if answers else None
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            await answer()


class NarrowConfig(StageConfig):
    """An account that can do less than its platform."""

    def narrow(self, capabilities: Capabilities) -> Capabilities:
        return replace(capabilities, replies=False, window_hours=24, actions=frozenset({Action.LIKE}))


class Narrow(Acting):
    Config: ClassVar[type[BaseModel]] = NarrowConfig


@pytest.fixture
def theatre(house: House, monkeypatch: pytest.MonkeyPatch) -> Theatre:
    monkeypatch.setitem(connectors.BUILT_IN, "stage", "tests.connectors.test_acting:Acting")
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
    asked.clear()
    answers.clear()
    return Theatre(house)


async def request(theatre: Theatre, channel: Channel, action: Action) -> int:
    """Ask for an action on the channel's one message."""
    async with theatre.house.database.transaction() as session:
        said = (await session.scalars(select(Message))).one()
        conversation = await session.get_one(Conversation, said.conversation_id)
        access = Access(channel.workspace_id, Role.ADMIN, "token:1")
        past = datetime.now(UTC) - timedelta(seconds=1)
        given = {"client_key": f"key{next(keys)}", "now": past, "capabilities": Acting.capabilities}
        return (await moderation.request(session, access, conversation, said, action, **given)).id


async def until(theatre: Theatre, number: int, *states: ModerationState) -> Moderation:
    found: list[Moderation] = []

    async def reached() -> bool:
        async with theatre.house.database.transaction() as session:
            found[:] = [await session.get_one(Moderation, number)]
        return found[0].state in states

    await theatre.until(reached)
    return found[0]


async def tried(theatre: Theatre, action: Action, *told: Exception | Callable[[], Any]) -> tuple[Moderation, int]:
    """What becomes of an action when the platform answers like this, and how often it was asked."""
    answers.extend(told)
    channel, _ = await theatre.channel(Batch([message(1)], "one"))
    async with theatre.host():
        await theatre.until(lambda: _one(theatre))
        number = await request(theatre, channel, action)
        ended = await until(theatre, number, ModerationState.DONE, ModerationState.FAILED, ModerationState.AMBIGUOUS)
    return ended, len(asked)


async def _one(theatre: Theatre) -> bool:
    return await theatre.messages() == 1


async def test_the_platform_is_asked_once_and_the_page_is_told(theatre: Theatre):
    ended, times = await tried(theatre, Action.HIDE)
    assert (ended.state, times, asked) == (ModerationState.DONE, 1, [(Action.HIDE, "m1", "")])
    kinds = ["moderation.requested", "moderation.begun", "moderation.done", "message.hidden", "wait.closed"]
    assert await theatre.events(*kinds) == kinds


@pytest.mark.parametrize(
    ("told", "action", "state", "times"),
    [
        ([Transient("Busy.")], Action.HIDE, ModerationState.DONE, 2),
        ([RateLimited("Slow.", 0.05)], Action.LIKE, ModerationState.DONE, 2),
        ([Permanent("The page may not.")], Action.HIDE, ModerationState.FAILED, 1),
        ([AuthError("The token is old.")], Action.HIDE, ModerationState.FAILED, 1),
        ([Ambiguous("No answer.")], Action.HIDE, ModerationState.DONE, 2),  # hidden twice is hidden once
        ([Ambiguous("No answer.")], Action.LIKE, ModerationState.AMBIGUOUS, 1),  # liked twice may be not liked
        ([ValueError("a bug")], Action.LIKE, ModerationState.AMBIGUOUS, 1),
        ([Ambiguous("No answer."), Permanent("There is no such comment.")], Action.DELETE, ModerationState.AMBIGUOUS, 2),
    ],
)
async def test_what_an_answer_means_for_the_action(
    theatre: Theatre, told: list[Exception], action: Action, state: ModerationState, times: int
):
    ended, asked_times = await tried(theatre, action, *told)
    assert (ended.state, asked_times) == (state, times)
    if state == ModerationState.FAILED:
        assert ended.error == str(told[-1])


async def test_an_action_is_asked_for_outside_of_any_transaction(theatre: Theatre):
    async def look() -> None:
        open_ = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%moderation%'"
        async with theatre.house.database.engine.connect() as connection:
            assert (await connection.exec_driver_sql(open_)).scalar() == 0

    ended, _ = await tried(theatre, Action.HIDE, look)
    assert ended.state == ModerationState.DONE


async def test_a_process_that_is_told_to_end_leaves_a_like_in_doubt(theatre: Theatre):
    begun = asyncio.Event()

    async def hang() -> None:
        begun.set()
        await asyncio.Event().wait()

    answers.append(hang)
    channel, _ = await theatre.channel(Batch([message(1)], "one"))
    async with theatre.host():
        await theatre.until(lambda: _one(theatre))
        number = await request(theatre, channel, Action.LIKE)
        await begun.wait()
    assert (await until(theatre, number, ModerationState.AMBIGUOUS)).uncertain


async def test_the_actions_of_a_removed_channel_fail_with_the_reason(theatre: Theatre):
    channel, _ = await theatre.channel(Batch([message(1)], "one"))
    async with theatre.host():
        await theatre.until(lambda: _one(theatre))
    number = await request(theatre, channel, Action.HIDE)
    await theatre.change("UPDATE channel SET removed_at = now(), config = '', state = 'paused'")
    async with theatre.host():
        assert (await until(theatre, number, ModerationState.FAILED)).error == "The channel was removed."
    assert asked == []


async def test_what_the_account_can_do_is_known_before_anything_comes_in(theatre: Theatre, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(connectors.BUILT_IN, "stage", "tests.connectors.test_acting:Narrow")
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
    channel, _ = await theatre.channel(Batch([message(1)], "one"))
    async with theatre.host():
        await theatre.until(lambda: _one(theatre))
    row = await theatre.row(channel)
    assert (row.answers, row.answer_hours, row.actions) == (False, 24, ["like"])


async def test_many_processes_do_it_once(theatre: Theatre):
    channel, _ = await theatre.channel(Batch([message(1)], "one"))
    async with theatre.host():
        await theatre.until(lambda: _one(theatre))
        async with theatre.host(PACE):
            number = await request(theatre, channel, Action.LIKE)
            await until(theatre, number, ModerationState.DONE)
    assert len(asked) == 1
    async with theatre.house.database.transaction() as session:
        assert await session.scalar(select(col(Moderation.attempt))) == 1


@pytest.mark.parametrize(
    ("told", "seconds"), [(7.0, 7.0), (-1.0, 0.0), (1e300, 86_400.0), (float("inf"), 86_400.0), (float("nan"), 86_400.0)]
)
async def test_a_platform_that_asks_to_wait_for_ever_is_asked_again_in_a_day_at_the_latest(theatre: Theatre, told: float, seconds: float):
    answers.append(RateLimited("Slow.", told))
    assert RateLimited("Slow.", told).retry_after == seconds
    channel, _ = await theatre.channel(Batch([message(1)], "one"))
    async with theatre.host():
        await theatre.until(lambda: _one(theatre))
        number = await request(theatre, channel, Action.HIDE)
        await theatre.until(lambda: bool(asked))
        await until(theatre, number, ModerationState.QUEUED, ModerationState.DONE)
