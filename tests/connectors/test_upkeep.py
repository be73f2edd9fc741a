"""What the host notes beside the messages: quota, credentials that end, rests that were asked for, what was left out."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

import connectors
from api.deps import House
from inbox.contract import Batch, CursorExpired, RateLimited, Standing, Transient
from inbox.conversations import passed_over
from inbox.models import Channel, ChannelState
from tests.connectors.stage import message
from tests.connectors.test_runner import PACE, Theatre

SOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)


@pytest.fixture
def theatre(house: House, monkeypatch: pytest.MonkeyPatch) -> Theatre:
    monkeypatch.setitem(connectors.BUILT_IN, "stage", "tests.connectors.stage:Stage")
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
    return Theatre(house)


async def until_column(theatre: Theatre, channel: Channel, name: str, value: Any) -> None:
    async def reached() -> bool:
        return getattr(await theatre.row(channel), name) == value

    await theatre.until(reached)


async def test_quota_and_the_end_of_the_credentials_are_kept_as_the_platform_tells_them(theatre: Theatre):
    channel, script = await theatre.channel(Batch([message(1)], "one"), quota_limit=900)
    script.standing = Standing(quota_used=10, quota_resets_at=SOON, token_expires_at=SOON)
    async with theatre.host():
        await until_column(theatre, channel, "quota_used", 10)
    row = await theatre.row(channel)
    assert (row.quota_limit, row.quota_resets_at, row.token_expires_at) == (900, SOON, SOON)  # what it never told stays


async def test_a_quota_is_looked_at_once_more_when_a_stream_ends(theatre: Theatre):
    channel, script = await theatre.channel(Batch([message(1)], "one"), RateLimited("The quota is used up.", 60.0))
    script.standing = Standing(quota_used=100, quota_limit=100)
    async with theatre.host():
        await until_column(theatre, channel, "quota_used", 100)


async def test_only_changes_of_the_standing_are_stored(theatre: Theatre):
    steps: list[Batch | Exception] = [Batch([message(number)], str(number)) for number in range(8)]
    steps[4:4] = [Transient("The platform answered 502.")]  # another connection tells the same
    channel, script = await theatre.channel(*steps)
    script.standing = Standing(quota_used=1)
    await theatre.change("CREATE TABLE told (n int)")
    await theatre.change(
        "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO told VALUES (1); RETURN NULL; END $$;"
        "CREATE TRIGGER tell AFTER UPDATE OF quota_used ON channel FOR EACH ROW EXECUTE FUNCTION tell()"
    )
    try:
        async with theatre.host():
            await theatre.until(lambda: len(script.acknowledged) == 8)
            await until_column(theatre, channel, "quota_used", 1)
        assert await theatre.ask(text("SELECT count(*) FROM told")) == 1
    finally:
        await theatre.change("DROP TRIGGER tell ON channel; DROP FUNCTION tell; DROP TABLE told")


async def test_a_rest_that_the_platform_asks_for_is_no_failure_and_tells_when_it_ends(theatre: Theatre):
    channel, _ = await theatre.channel(Batch([message(1)], "one"), RateLimited("Slowly.", 600.0))
    began = datetime.now(UTC)
    async with theatre.host():

        async def rests() -> bool:
            return (await theatre.row(channel)).next_try_at is not None

        await theatre.until(rests)
    row = await theatre.row(channel)
    assert row.state == ChannelState.HEALTHY
    assert row.next_try_at is not None
    assert row.next_try_at >= began + timedelta(seconds=600)
    assert await theatre.events("channel.failed") == []


async def test_what_a_stream_leaves_out_is_counted_though_it_breaks_in_between(theatre: Theatre):
    left_out = Batch([message(1)], "one", passed_over={"poll": 2})
    channel, script = await theatre.channel(left_out, Transient("502"), Batch(cursor="two", passed_over={"poll": 1, "unknown: live": 1}))
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one", "two"])
    async with theatre.house.database.transaction() as session:
        counts = await passed_over.of_all(session, [channel.id])
    assert counts == {channel.id: {"poll": 3, "unknown: live": 1}}


async def test_a_hole_names_the_newest_event_before_it(theatre: Theatre):
    _, script = await theatre.channel(Batch([message(1)], "one"), CursorExpired("Too long ago."), Batch([message(5)], "five"))
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one", "five"])
    assert await theatre.ask(text("SELECT since FROM channel_gap")) == message(1).at


async def test_silence_and_credentials_are_watched_by_one_of_several_hosts(theatre: Theatre):
    ends = datetime.now(UTC) + timedelta(days=10)
    past = {"silence_hours": 2, "connected_at": datetime(2026, 1, 1, tzinfo=UTC)}
    channel, _ = await theatre.channel(state=ChannelState.HEALTHY, token_expires_at=ends, **past)
    hurried = replace(PACE, oversee=0.2)

    async def silent() -> bool:
        await theatre.change("UPDATE channel SET read_since = clock_timestamp() - interval '1 hour'")
        return await told(theatre, "channel.silent")

    async with theatre.host(hurried), theatre.host(hurried):
        await theatre.until(lambda: told(theatre, "channel.token_expiring"))
        await theatre.until(silent)
        await asyncio.sleep(0.5)  # both look again
    assert sorted(await theatre.events("channel.token_expiring", "channel.silent")) == ["channel.silent", "channel.token_expiring"]
    assert (await theatre.row(channel)).silent_since is not None


async def told(theatre: Theatre, kind: str) -> bool:
    return bool(await theatre.events(kind))
