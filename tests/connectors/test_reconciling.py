"""What came in beside what the platform lists: what is missing is fetched, what cannot be had is told."""

import asyncio
import json
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text, update
from sqlmodel import col

from api.deps import House
from connectors.host import accounts, nights, reconciling
from connectors.host.accounts import Accounts
from connectors.host.pace import Pace
from connectors.host.place import Place
from inbox.contract import (
    AuthError,
    Batch,
    Event,
    RateLimited,
    Rejected,
    Standing,
    Transient,
)
from inbox.conversations import receive, reconciliation
from inbox.conversations.receive import LeaseLost
from inbox.conversations.reconciliation import Tally
from inbox.errors import Conflict, Forbidden, Invalid, ParleyError
from inbox.models import Channel, ChannelState, Conversation, DeadLetter, LogEvent, Message, Reconciliation, Role, Wait
from inbox.models import Post as StoredPost
from inbox.promptness import waits
from inbox.team.rights import Access
from tests.connectors.library import Library, LibraryConfig, Shelf, comment, library, shelves
from tests.make import MONDAY, Make

CONNECTED = MONDAY - timedelta(days=10)
names = count(1)
__all__ = ["library"]  # a fixture


class Reading:
    """A channel with a shelf behind it."""

    def __init__(self, house: House, channel: Channel, shelf: Shelf) -> None:
        self.house, self.channel, self.shelf = house, channel, shelf
        made = Accounts(house.vault, house.settings, house.database)
        self.place = Place(house.database, house.files, house.settings, made, "us", Pace(listing=20.0), house.clock)

    async def say(self, *happened: Event) -> None:
        async with self.house.database.transaction() as session:
            await receive.receive(session, self.channel, Batch(happened), now=MONDAY - timedelta(minutes=1), move_cursor=False)

    async def compare(self, **options: Any) -> Tally:
        connector = accounts.connect(self.channel, self.house.vault, self.house.settings, self.house.database)
        return await reconciling.compare(self.place, self.channel, connector, **{"days": 7, **options})

    async def ask(self, statement: Any) -> list[Any]:
        async with self.house.database.transaction() as session:
            return list((await session.execute(statement)).scalars())


@pytest.fixture
async def reading(house: House, library: None) -> Reading:
    name = f"shelf{next(names)}"
    shelves[name] = Shelf()
    async with house.database.transaction() as session:
        make = Make(session)
        config = house.vault.encrypt(json.dumps({"shelf": name}))
        more = {"state": ChannelState.HEALTHY, "lease_owner": "us", "connected_at": CONNECTED, "cursor": "17", "lag_seconds": 1.5}
        channel = await make.channel(await make.workspace(timezone="UTC"), platform="library", config=config, **more)
        until = func.clock_timestamp() + timedelta(hours=1)
        await session.execute(update(Channel).where(col(Channel.id) == channel.id).values(lease_until=until))
    return Reading(house, channel, shelves[name])


def found(tally: Tally) -> dict[str, int]:
    return {name: value for name, value in tally.counts().items() if isinstance(value, int) and value}


async def test_what_is_missing_is_fetched_and_whoever_was_missed_waits_since_then(reading: Reading):
    await reading.say(comment(1), comment(3))
    reading.shelf.posts = {"p1": [Batch([comment(1), comment(2)]), Batch([comment(3), comment(4)])]}
    tally = await reading.compare()
    assert found(tally) == {"posts": 1, "compared": 1, "listed": 4, "known": 2, "fetched": 2}
    assert tally.is_complete
    opened = await reading.ask(select(col(Wait.opened_at)).order_by(col(Wait.opened_at)))
    assert opened == [comment(number).at for number in (1, 2, 3, 4)]
    async with reading.house.database.transaction() as session:
        assert await waits.rebuild(session, reading.channel.workspace_id, now=MONDAY) == 0
    again = await reading.compare()
    assert found(again) == {"posts": 1, "compared": 1, "listed": 4, "known": 4}


async def test_it_says_nothing_of_the_channels_cursor_delay_or_health(reading: Reading):
    await reading.say(comment(1))
    async with reading.house.database.transaction() as session:
        await session.execute(update(Channel).values(lag_seconds=1.5, state=ChannelState.FAILING, error="502"))
    reading.shelf.posts = {"p1": [Batch([comment(1), comment(2)], cursor="99")]}
    await reading.compare(fence=0)
    (row,) = await reading.ask(select(Channel))
    assert (row.cursor, row.lag_seconds, row.state, row.error) == ("17", 1.5, ChannelState.FAILING, "502")


async def test_what_is_older_than_the_channel_is_history_and_alerts_nobody(reading: Reading):
    await reading.say(comment(1))
    reading.shelf.posts = {"p1": [Batch([comment(1), comment(2, at=CONNECTED - timedelta(days=1))])]}
    assert (await reading.compare()).fetched == 1
    assert await reading.ask(select(col(Message.is_history)).where(col(Message.external_id) == "m2")) == [True]
    assert len(await reading.ask(select(Wait))) == 1


async def test_what_cannot_be_had_is_told_and_never_kept_twice(reading: Reading):
    await reading.say(comment(1))
    odd = comment(2, at=datetime(2026, 3, 2))  # noqa: DTZ001  # without its zone nobody knows when it was
    reading.shelf.posts = {"p1": [Batch([comment(1), odd], rejected=[Rejected(b"?", "Not a comment.")])]}
    for _ in range(2):
        tally = await reading.compare()
        assert found(tally) == {"posts": 1, "compared": 1, "listed": 3, "known": 1, "unreadable": 2, "differing": 1}
        assert not tally.is_complete
    assert await reading.ask(select(DeadLetter)) == []


async def test_what_is_here_and_not_there_is_told_and_stays(reading: Reading):
    await reading.say(comment(1), comment(2), comment(3, private=True))
    reading.shelf.posts = {"p1": [Batch([comment(1)])]}
    reading.shelf.counts = {"p1": 7}
    tally = await reading.compare()
    assert (tally.unlisted, tally.differing) == (1, 1)
    assert {**tally.findings[0], **tally.findings[1]} == {"post": 1, "unlisted": 1, "theirs": 7, "ours": 2}
    assert await reading.ask(select(Message).where(col(Message.deleted_at).is_not(None))) == []


async def test_a_post_that_fails_stops_no_other(reading: Reading):
    await reading.say(*(comment(number, f"p{number}") for number in (1, 2, 3, 4)))
    reading.shelf.posts = {f"p{number}": [Batch([comment(number, f"p{number}")])] for number in (1, 2, 3, 4)}
    reading.shelf.posts["p2"].insert(0, Transient("The platform answered 502."))
    reading.shelf.posts["p3"].append(KeyError("token=hunter2"))
    reading.shelf.posts["p4"].append(Batch([comment(9, "p4")]))
    tally = await reading.compare()
    assert (tally.posts, tally.compared, tally.fetched, tally.is_complete) == (4, 2, 1, False)
    problems = {finding["problem"] for finding in tally.findings}
    assert problems == {"The platform answered 502.", "Something unexpected happened (KeyError)."}


async def test_it_waits_as_the_platform_asks_and_counts_nothing_twice(reading: Reading, monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        if seconds >= 1:  # the database's wake-up is not meant
            slept.append(seconds)

    await reading.say(comment(1))
    monkeypatch.setattr(reconciling.asyncio, "sleep", sleep)
    reading.shelf.posts = {"p1": [Batch([comment(1), comment(2)]), RateLimited("Slowly.", 100.0), Batch([comment(3)])]}
    tally = await reading.compare()
    assert slept == [60.0, 40.0]
    assert reading.shelf.asked == ["p1", "p1"]
    assert found(tally) == {"posts": 1, "compared": 1, "listed": 3, "known": 1, "fetched": 2}


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (RateLimited("Tomorrow.", 3600.0), "The platform asked to wait for too long."),
        (AuthError("The token has ended."), "The token has ended."),
        (None, "The rest of the platform's quota is kept for reading and answering."),
    ],
)
async def test_it_stops_where_going_on_would_do_harm_and_keeps_what_it_has(reading: Reading, trouble: Exception | None, why: str):
    await reading.say(comment(1, "p1"), comment(2, "p2"))
    reading.shelf.posts = {"p2": [Batch([comment(2, "p2"), comment(5, "p2")])], "p1": [trouble] if trouble else []}
    if trouble is None:
        reading.shelf.standing = Standing(quota_used=8000, quota_limit=10_000)
    tally = await reading.compare()
    assert (tally.stopped, tally.is_complete) == (why, False)
    (run,) = await reading.ask(select(Reconciliation))
    assert (run.stopped, run.fetched, run.finished_at) == (why, 1 if trouble else 0, MONDAY)


async def test_the_result_is_kept_and_told_once(reading: Reading):
    await reading.say(comment(1))
    reading.shelf.posts = {"p1": [Batch([comment(1), comment(2)])]}
    await reading.compare()
    async with reading.house.database.transaction() as session:
        run = await reconciliation.latest(session, reading.channel.id)
    assert run is not None
    assert (run.listed, run.known, run.fetched, run.days) == (2, 1, 1, 7)
    (told,) = await reading.ask(select(LogEvent).where(col(LogEvent.kind) == "channel.reconciled"))
    assert told.data == {"reconciliation": run.id, "fetched": 1, "unreadable": 0, "differing": 0, "complete": True}


async def test_only_posts_with_something_new_are_looked_at(reading: Reading):
    old = MONDAY - timedelta(days=9)
    await reading.say(comment(1), comment(2, "quiet", at=old), comment(3, "fresh", at=old))
    async with reading.house.database.transaction() as session:
        await session.execute(update(StoredPost).where(col(StoredPost.external_id) == "fresh").values(published_at=MONDAY))
    reading.shelf.posts = {"p1": [], "fresh": []}
    await reading.compare()
    assert sorted(reading.shelf.asked) == ["fresh", "p1"]


async def test_two_never_compare_one_channel_and_a_dead_one_keeps_nobody_waiting(reading: Reading):
    await reading.say(comment(1))
    reading.shelf.posts, reading.shelf.hangs = {"p1": [Batch([comment(1)])]}, True
    first = asyncio.create_task(reading.compare())
    await reading.shelf.begun.wait()
    with pytest.raises(Conflict):
        await reading.compare()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await reading.ask(select(Reconciliation)) == []
    async with reading.house.database.transaction() as session:
        dead = Reconciliation(
            workspace_id=reading.channel.workspace_id, channel_id=reading.channel.id, days=7, started_at=MONDAY, lease_until=CONNECTED
        )
        session.add(dead)
    reading.shelf.hangs = False
    assert (await reading.compare()).is_complete


async def test_a_comparison_whose_lease_was_taken_stores_nothing_more(reading: Reading):
    await reading.say(comment(1))
    reading.shelf.posts = {"p1": [Batch([comment(2)])]}
    async with reading.house.database.transaction() as session:
        await session.execute(text("UPDATE channel SET fence = fence + 1, lease_owner = 'another'"))
    with pytest.raises(LeaseLost):
        await reading.compare(fence=0)
    assert len(await reading.ask(select(Message))) == 1
    assert await reading.ask(select(Reconciliation)) == []


async def test_a_platform_that_lists_nothing_says_so(reading: Reading, house: House):
    class Silent(Library):
        listed = counts = None  # type: ignore[assignment]

    with pytest.raises(Invalid):
        await reconciling.compare(reading.place, reading.channel, Silent(LibraryConfig(shelf=next(iter(shelves)))), days=7)


async def test_what_comes_by_the_stream_at_the_same_moment_is_there_once(reading: Reading):
    await reading.say(comment(0))
    everything = [comment(number) for number in range(60)]
    reading.shelf.posts = {"p1": [Batch(everything[start : start + 10]) for start in range(0, 60, 10)]}

    async def stream() -> None:
        for start in range(55, -1, -5):
            async with reading.house.database.transaction() as session:
                batch = Batch(everything[start : start + 5], cursor=str(start))
                await receive.receive(session, reading.channel, batch, now=MONDAY, fence=0)

    tally, _ = await asyncio.gather(reading.compare(fence=0), stream())
    assert tally.is_complete
    assert len(await reading.ask(select(Message))) == 60
    assert len(await reading.ask(select(Conversation))) == 60
    assert len(await reading.ask(select(Wait))) == 60
    async with reading.house.database.transaction() as session:
        assert await waits.rebuild(session, reading.channel.workspace_id, now=MONDAY) == 0


async def test_every_night_a_channel_is_compared_once_by_whoever_reads_it(reading: Reading):
    await reading.say(comment(1))
    reading.shelf.posts = {"p1": [Batch([comment(1), comment(2)])]}
    at = nights.moment(reading.channel.id, MONDAY, ZoneInfo("UTC"))
    assert await nights.find(reading.place, at - timedelta(minutes=1)) == []
    (due,) = await nights.find(reading.place, at)
    elsewhere = Place(*(getattr(reading.place, name) for name in ("database", "files", "settings", "accounts")), owner="another")
    assert await nights.find(elsewhere, at) == []
    await asyncio.gather(nights._compare(reading.place, due), nights._compare(reading.place, due))  # pyright: ignore[reportPrivateUsage]
    assert reading.shelf.asked == ["p1"]
    assert await nights.find(reading.place, at + timedelta(hours=1)) == []
    assert len(await nights.find(reading.place, at + timedelta(days=1))) == 1
    (run,) = await reading.ask(select(Reconciliation))
    assert (run.night, run.fetched, run.days) == (at.date(), 1, nights.DAYS)


async def test_what_somebody_asks_for_is_compared_at_once_by_whoever_reads_it_and_then_is_done(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
):
    await reading.say(comment(1))
    reading.shelf.posts = {"p1": [Batch([comment(1), comment(2)])]}
    async with reading.house.database.transaction() as session:
        admin = Access(reading.channel.workspace_id, Role.ADMIN, "member:1")
        for _ in range(2):  # twice is once
            channel = await session.get_one(Channel, reading.channel.id, populate_existing=True)
            await reconciliation.ask(session, admin, channel, lists=True, now=reading.place.clock())
    elsewhere = Place(*(getattr(reading.place, name) for name in ("database", "files", "settings", "accounts")), owner="another")
    assert await nights.asked_for(elsewhere, MONDAY) == []
    stop, finish = asyncio.Event(), reconciliation.finish

    async def finishing(*given: Any, **more: Any) -> None:
        await finish(*given, **more)
        stop.set()

    async def no_night(place: Place, now: datetime) -> list[nights.Due]:
        return []

    monkeypatch.setattr(reconciliation, "finish", finishing)
    monkeypatch.setattr(nights, "find", no_night)
    async with asyncio.timeout(20):
        await nights.run(reading.place, stop)
    (run,) = await reading.ask(select(Reconciliation))
    assert (run.night, run.fetched, run.days) == (None, 1, nights.DAYS)
    assert await nights.asked_for(reading.place, MONDAY) == []
    log = await reading.ask(select(LogEvent).order_by(col(LogEvent.id)))
    kinds = [event.kind for event in log if "compar" in event.kind or "reconciled" in event.kind]
    assert kinds == ["channel.comparison_asked", "channel.reconciled"]


@pytest.mark.parametrize(
    ("role", "lists", "state", "problem"),
    [
        (Role.SUPERVISOR, True, ChannelState.HEALTHY, Forbidden),
        (Role.ADMIN, False, ChannelState.HEALTHY, Invalid),
        (Role.ADMIN, True, ChannelState.PAUSED, Conflict),
    ],
)
async def test_what_cannot_be_compared_or_by_them_is_refused(
    reading: Reading, role: Role, lists: bool, state: ChannelState, problem: type[ParleyError]
):
    async with reading.house.database.transaction() as session:
        channel = await session.get_one(Channel, reading.channel.id)
        channel.state = state
        with pytest.raises(problem):
            await reconciliation.ask(session, Access(channel.workspace_id, role, "member:1"), channel, lists=lists, now=MONDAY)
        assert channel.compare_asked_at is None


async def test_a_night_that_was_interrupted_is_done_again(reading: Reading):
    await reading.say(comment(1))
    reading.shelf.posts, reading.shelf.hangs = {"p1": [Batch([comment(1)])]}, True
    stop = asyncio.Event()
    reading.place.clock = lambda: MONDAY.replace(hour=20)
    running = asyncio.create_task(nights.run(reading.place, stop))
    await reading.shelf.begun.wait()
    stop.set()
    await running
    assert len(await nights.find(reading.place, reading.place.clock())) == 1


def test_the_channels_are_spread_over_the_night():
    moments = {nights.moment(number, MONDAY, ZoneInfo("UTC")) for number in range(1, 101)}
    assert len(moments) > 70
    assert all(moment.hour < 5 for moment in moments)
