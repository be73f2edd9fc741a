"""The host: what it does with what platforms do."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlmodel import col

import connectors
from api.deps import House
from connectors import runner
from connectors.host import accounts
from connectors.host.pace import Pace
from inbox.contract import Ambiguous, AuthError, Batch, ConversationKind, CursorExpired, Permanent, RateLimited, Rejected, Transient
from inbox.conversations import leases, outbox, receive, replies, timers
from inbox.models import Attachment, Channel, ChannelState, DeadLetter, Delivery, LogEvent, Message, Status
from tests.connectors.stage import Script, message, scripts
from tests.make import Make

PACE = Pace(look=0.05, settle=0.2, first_pause=0.05, longest_pause=0.2, send=1.0, send_lease=5.0, ask_after=0.1, farewell=0.2)
names = count(1)


class Theatre:
    """Channels on stage, and hosts that run them."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def channel(self, *steps: Batch | Exception, workspace: Any = None, **values: Any) -> tuple[Channel, Script]:
        name = f"script{next(names)}"
        script = scripts[name] = Script(steps=list(steps), check=values.pop("check", None), send=values.pop("send", None))
        config = {"script": name, **values.pop("config", {})}
        async with self.house.database.transaction() as session:
            make = Make(session)
            workspace = workspace or await make.workspace(undo_seconds=0)
            channel = await make.channel(workspace, platform="stage", config=self.house.vault.encrypt(json.dumps(config)), **values)
        return channel, script

    @asynccontextmanager
    async def host(self, pace: Pace = PACE) -> AsyncIterator[None]:
        stop = self.stop = asyncio.Event()
        house = self.house
        task = asyncio.create_task(runner.run(house.database, house.vault, house.files, house.settings, stop, pace=pace))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(task, 20)

    async def ask(self, statement: Any) -> Any:
        async with self.house.database.transaction() as session:
            return await session.scalar(statement)

    async def change(self, statement: str) -> None:
        async with self.house.database.engine.begin() as connection:
            await connection.execute(text(statement))

    async def row(self, channel: Channel) -> Channel:
        async with self.house.database.transaction() as session:
            return await session.get_one(Channel, channel.id)

    async def events(self, *kinds: str) -> list[str]:
        async with self.house.database.transaction() as session:
            return list(await session.scalars(select(col(LogEvent.kind)).where(col(LogEvent.kind).in_(kinds)).order_by(col(LogEvent.id))))

    async def messages(self) -> int:
        return await self.ask(select(func.count()).select_from(Message))

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(30):
            while True:
                found = condition()
                if (await found) if asyncio.iscoroutine(found) else found:
                    return
                await asyncio.sleep(0.02)

    async def until_state(self, channel: Channel, state: ChannelState) -> None:
        async def reached() -> bool:
            return (await self.row(channel)).state == state

        await self.until(reached)

    async def until_delivery(self, delivery: Delivery, number: int = 1) -> None:
        query = select(func.count()).select_from(Message).where(col(Message.delivery) == delivery)

        async def reached() -> bool:
            return await self.ask(query) == number

        await self.until(reached)

    async def queue(
        self, channel: Channel, body: str = "At nine.", *, kind: ConversationKind = ConversationKind.DIRECT, **more: Any
    ) -> Message:
        async with self.house.database.transaction() as session:
            conversation = await Make(session).conversation(channel, kind=kind)
            past = datetime.now(UTC) - timedelta(seconds=1)
            return await replies.queue(session, conversation, None, body=body, client_key=f"key{next(names)}", now=past, **more)


@pytest.fixture
def theatre(house: House, monkeypatch: pytest.MonkeyPatch) -> Theatre:
    monkeypatch.setitem(connectors.BUILT_IN, "stage", "tests.connectors.stage:Stage")
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
    return Theatre(house)


async def test_batches_are_stored_with_their_cursor_and_acknowledged_by_going_on(theatre: Theatre):
    channel, script = await theatre.channel(Batch([message(1)], "one"), Batch([message(2)], "two"))
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one", "two"])
    row = await theatre.row(channel)
    assert (row.cursor, row.state, row.account_id, row.lease_owner) == ("two", ChannelState.HEALTHY, "us", None)
    assert await theatre.messages() == 2
    assert script.opened == script.closed


async def test_what_was_not_committed_is_not_acknowledged_and_comes_again(theatre: Theatre):
    await theatre.change(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '57P03'; END $$;"
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    try:
        channel, script = await theatre.channel(Batch([message(1)], "one"), Batch([message(1)], "one"), Batch([message(2)], "two"))
        async with theatre.host():
            await theatre.until(lambda: not script.steps or len(script.cursors) > 1)
            await theatre.change("DROP TRIGGER refuse ON message; DROP FUNCTION refuse")
            script.steps = [Batch([message(1)], "one"), Batch([message(2)], "two")]
            await theatre.until(lambda: script.acknowledged[-2:] == ["one", "two"])
    finally:
        await theatre.change("DROP TRIGGER IF EXISTS refuse ON message; DROP FUNCTION IF EXISTS refuse")
    assert script.cursors[:2] == [None, None]
    assert await theatre.messages() == 2
    assert (await theatre.row(channel)).cursor == "two"


async def test_refused_credentials_break_the_channel_until_a_person_mends_it(theatre: Theatre):
    channel, script = await theatre.channel(check=AuthError("The password is wrong."))
    async with theatre.host():
        await theatre.until_state(channel, ChannelState.BROKEN)
        await asyncio.sleep(0.3)
        assert script.opened == 1
        script.check = None
        await theatre.change("UPDATE channel SET state = 'connecting'")
        await theatre.until_state(channel, ChannelState.HEALTHY)
    assert (await theatre.row(channel)).error is None
    assert await theatre.events("channel.failed") == ["channel.failed"]


@pytest.mark.parametrize("state", [ChannelState.HEALTHY, ChannelState.CONNECTING])
async def test_what_comes_in_is_read_though_the_check_of_a_known_account_fails(theatre: Theatre, state: ChannelState):
    """The way out may be down while the way in works: mail has a server for each."""
    steps = [Batch([message(1)], "one"), Transient("The connection broke."), Batch([message(2)], "two")]
    down = Transient("The outgoing mail server does not answer.")
    channel, script = await theatre.channel(*steps, check=down, account_id="us", state=state)
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one", "two"])
        await theatre.until_state(channel, ChannelState.HEALTHY)


async def test_an_account_that_nobody_knows_yet_is_not_read_before_it_has_told_its_name(theatre: Theatre):
    channel, script = await theatre.channel(Batch([message(1)], "one"), check=Transient("Not now."), account_id="")
    async with theatre.host():
        await theatre.until_state(channel, ChannelState.FAILING)
        assert script.cursors == []
        script.check = None
        await theatre.until(lambda: script.acknowledged == ["one"])
    assert (await theatre.row(channel)).account_id == "us"


@pytest.mark.parametrize("config", [{"needed": "many", "password": "hunter2"}, {"script": "hunter2"}])
async def test_settings_that_cannot_be_used_break_the_channel_without_telling_them(theatre: Theatre, config: dict[str, Any]):
    channel, _ = await theatre.channel(config=config)
    async with theatre.host():
        await theatre.until(lambda: reached(theatre, channel))
    row = await theatre.row(channel)
    assert row.error is not None
    assert "hunter2" not in row.error


async def reached(theatre: Theatre, channel: Channel) -> bool:
    return (await theatre.row(channel)).state in {ChannelState.BROKEN, ChannelState.FAILING}


async def test_a_passing_failure_is_told_once_and_so_is_its_end(theatre: Theatre):
    trouble = [Transient("The platform answered 502.") for _ in range(4)]
    channel, script = await theatre.channel(Batch([message(1)], "one"), *trouble, Batch([message(2)], "two"))
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one", "two"])
    row = await theatre.row(channel)
    assert (row.state, row.failures, row.error) == (ChannelState.HEALTHY, 0, None)
    assert await theatre.events("channel.failed", "channel.recovered") == ["channel.failed", "channel.recovered"]


async def test_a_quiet_platform_recovers_too(theatre: Theatre):
    channel, _ = await theatre.channel(Batch([message(1)], "one"), Transient("The platform answered 502."))
    async with theatre.host():
        await theatre.until_state(channel, ChannelState.FAILING)
        await theatre.until_state(channel, ChannelState.HEALTHY)


async def test_being_asked_to_wait_is_no_failure(theatre: Theatre):
    _, script = await theatre.channel(Batch([message(1)], "one"), RateLimited("Slowly.", 0.2), Batch([message(2)], "two"))
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one", "two"])
    assert await theatre.events("channel.failed") == []


async def test_a_forgotten_cursor_begins_anew_and_marks_a_gap(theatre: Theatre):
    channel, script = await theatre.channel(Batch([message(1)], "one"), CursorExpired("Too long ago."), Batch([message(5)], "five"))
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one", "five"])
    assert script.cursors == [None, None]
    assert (await theatre.row(channel)).gap_at is not None
    assert await theatre.events("channel.gap_found") == ["channel.gap_found"]


async def test_a_connector_with_a_mistake_delays_nobody_else_and_tells_no_secret(theatre: Theatre, capfd: pytest.CaptureFixture[str]):
    bad, _ = await theatre.channel(*[KeyError("token=hunter2") for _ in range(50)])
    good, script = await theatre.channel(*[Batch([message(number)], str(number)) for number in range(5)])
    async with theatre.host():
        await theatre.until(lambda: len(script.acknowledged) == 5)
        await theatre.until_state(bad, ChannelState.FAILING)
    written = capfd.readouterr()
    assert "hunter2" not in ((await theatre.row(bad)).error or "") + written.out + written.err
    assert (await theatre.row(good)).state == ChannelState.HEALTHY


async def test_what_a_connector_could_not_read_is_kept(theatre: Theatre):
    _, script = await theatre.channel(Batch([message(1)], "one", rejected=[Rejected(b"\xff\x00", "Not a comment.")]))
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one"])
    assert await theatre.ask(select(col(DeadLetter.raw))) == b"\xff\x00"
    assert await theatre.messages() == 1


async def test_a_paused_channel_stops_and_goes_on_where_it_was(theatre: Theatre):
    channel, script = await theatre.channel(Batch([message(1)], "one"))
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one"])
        await theatre.change("UPDATE channel SET state = 'paused'")
        await theatre.until(lambda: script.closed == 1)
        assert (await theatre.row(channel)).state == ChannelState.PAUSED
        await theatre.change("UPDATE channel SET state = 'connecting'")
        await theatre.until(lambda: script.cursors == [None, "one"])


async def test_a_connector_that_does_not_close_keeps_nobody_waiting(theatre: Theatre, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(accounts, "PATIENCE", 0.3)
    bad, script = await theatre.channel(Batch([message(1)], "one"))
    script.hangs_on_close = True
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one"])
        await theatre.change("UPDATE channel SET state = 'paused'")
        _, other = await theatre.channel(Batch([message(1)], "one"))
        await theatre.until(lambda: other.acknowledged == ["one"])
    assert (await theatre.row(bad)).state == ChannelState.PAUSED


async def test_changed_settings_are_used_at_once(theatre: Theatre):
    _, script = await theatre.channel(Batch([message(1)], "one"))
    scripts["another"] = Script()
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one"])
        config = theatre.house.vault.encrypt(json.dumps({"script": "another"}))
        await theatre.change(f"UPDATE channel SET config = '{config}'")
        await theatre.until(lambda: scripts["another"].cursors == ["one"])
    assert script.closed == script.opened


async def test_a_held_installation_neither_reads_nor_sends(theatre: Theatre):
    await theatre.change("UPDATE installation SET held = true")
    channel, script = await theatre.channel(Batch([message(1)], "one"))
    await theatre.queue(channel)
    async with theatre.host():
        await asyncio.sleep(0.4)
        assert (script.opened, script.sent) == (0, [])
        await theatre.change("UPDATE installation SET held = false")
        await theatre.until(lambda: script.acknowledged == ["one"] and len(script.sent) == 1)


async def test_two_processes_share_the_channels_and_one_takes_over_all(theatre: Theatre):
    for _ in range(6):
        await theatre.channel()
    owners = "SELECT count(*) FROM channel GROUP BY lease_owner ORDER BY 1"

    async def shares() -> list[int]:
        async with theatre.house.database.transaction() as session:
            return list(await session.scalars(text(owners)))

    async def shared(expected: list[int]) -> bool:
        return await shares() == expected

    async with theatre.host():
        await theatre.until(lambda: shared([6]))
        async with theatre.host():
            await theatre.until(lambda: shared([3, 3]))
        await theatre.until(lambda: shared([6]))


async def test_a_process_whose_lease_was_taken_stores_nothing_more(theatre: Theatre):
    channel, script = await theatre.channel()
    async with theatre.host(Pace(look=30.0, settle=30.0, first_pause=0.05)):
        await theatre.until(lambda: script.cursors == [None])
        async with theatre.house.database.transaction() as session:
            await session.execute(text("UPDATE channel SET lease_until = now() - interval '1 second'"))
            (taken,) = await leases.take(session, owner="another", seconds=60, limit=1)
        async with theatre.house.database.transaction() as session:
            late = await session.get_one(Channel, channel.id)
            with pytest.raises(receive.LeaseLost):
                await receive.receive(session, late, Batch([message(1)], "one"), now=datetime.now(UTC), fence=taken.fence - 1)
            await session.rollback()
    assert await theatre.messages() == 0
    assert (await theatre.row(channel)).lease_owner == "another"


@pytest.mark.parametrize(
    ("outcome", "delivery", "sends"),
    [
        (None, Delivery.SENT, 1),
        (Permanent("The post is gone."), Delivery.FAILED, 1),
        (AuthError("The password is wrong."), Delivery.FAILED, 1),
        (Ambiguous("No answer."), Delivery.AMBIGUOUS, 1),
        (KeyError("a mistake after the request"), Delivery.AMBIGUOUS, 1),
    ],
)
async def test_what_becomes_of_a_reply(theatre: Theatre, outcome: Exception | None, delivery: Delivery, sends: int):
    channel, script = await theatre.channel(send=lambda reply: outcome)
    await theatre.queue(channel)
    async with theatre.host():
        await theatre.until_delivery(delivery)
        await asyncio.sleep(0.3)
    assert len(script.sent) == sends
    assert await theatre.ask(select(col(Message.delivery)).where(col(Message.client_key).is_not(None))) == delivery


def test_the_largest_files_leave_through_a_slow_line_before_the_send_is_given_up_and_long_before_its_lease_ends():
    pace, slow = Pace(), 2_000_000 / 8  # bytes in a second
    files = connectors.find("email").capabilities.max_attachment_bytes
    assert files * 4 / 3 / slow < pace.send  # in base64
    assert outbox.LEASE == pace.send_lease >= 2 * pace.send


@pytest.mark.parametrize("trouble", [Transient("Not now."), RateLimited("Slowly.", 0.1)])
async def test_a_passing_failure_sends_again_with_the_same_key(theatre: Theatre, trouble: Exception):
    outcomes: list[Exception | None] = [trouble, trouble, None]
    channel, script = await theatre.channel(send=lambda reply: outcomes.pop(0))
    await theatre.queue(channel)
    async with theatre.host():
        await theatre.until_delivery(Delivery.SENT)
    assert len({reply.key for reply in script.sent}) == 1
    assert len(script.sent) == 3


@pytest.mark.parametrize(("kind", "length"), [(ConversationKind.DIRECT, 101), (ConversationKind.COMMENTS, 11)])
async def test_a_reply_that_is_too_long_for_its_kind_of_conversation_never_leaves(theatre: Theatre, kind: ConversationKind, length: int):
    channel, script = await theatre.channel()
    await theatre.queue(channel, "x" * length, kind=kind)
    async with theatre.host():
        await theatre.until_delivery(Delivery.FAILED)
    assert script.sent == []


async def test_a_platform_that_never_answers_delays_only_its_own_replies(theatre: Theatre):
    hangs, _ = await theatre.channel(send=lambda reply: asyncio.sleep(60))
    works, script = await theatre.channel()
    for _ in range(20):
        await theatre.queue(hangs)
    await theatre.queue(works)
    async with theatre.host(Pace(look=0.05, send=30.0, farewell=0.1)):
        await theatre.until(lambda: len(script.sent) == 1)
    await theatre.until_delivery(Delivery.AMBIGUOUS, 8)  # those that had begun when the process ended


async def test_a_snoozed_conversation_wakes_at_its_time_once(theatre: Theatre):
    async with theatre.house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(), platform="stage", state=ChannelState.PAUSED)
        soon = datetime.now(UTC) + timedelta(seconds=0.5)
        await make.conversation(channel, status=Status.SNOOZED, snoozed_until=soon)
        await make.conversation(channel, status=Status.SNOOZED, snoozed_until=soon + timedelta(days=1))

    async def awake() -> bool:
        return await theatre.events("conversation.moved") == ["conversation.moved"]

    async with theatre.host(), theatre.host():
        await theatre.until(awake)
    assert await theatre.ask(text("SELECT count(*) FROM conversation WHERE status = 'open'")) == 1
    assert await theatre.events("conversation.moved") == ["conversation.moved"]


STUBBORN = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'this row cannot be changed'; END $$;
    CREATE TRIGGER stubborn BEFORE UPDATE OF status ON conversation
    FOR EACH ROW WHEN (OLD.author_name = 'Stubborn') EXECUTE FUNCTION refuse();
"""


@pytest.fixture
async def stubborn(theatre: Theatre) -> AsyncIterator[None]:
    """A conversation by this name cannot be changed, as when its page on the disk is broken."""
    await theatre.change(STUBBORN)
    yield
    await theatre.change("DROP FUNCTION refuse CASCADE")


async def test_a_conversation_that_cannot_wake_is_named_and_keeps_no_other_asleep(
    theatre: Theatre, stubborn: None, capfd: pytest.CaptureFixture[str]
):
    async with theatre.house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(), platform="stage", state=ChannelState.PAUSED)
        past = datetime.now(UTC) - timedelta(minutes=1)
        asleep = {"status": Status.SNOOZED, "snoozed_until": past}
        bad = await make.conversation(channel, author_name="Stubborn", **asleep)
        for _ in range(2):
            await make.conversation(channel, **asleep)

    async def awake() -> bool:
        return await theatre.events("conversation.moved") == ["conversation.moved"] * 2

    async with theatre.host():
        await theatre.until(awake)
    assert f"conversation={bad.id}" in capfd.readouterr().out


async def test_a_time_that_nobody_can_read_stops_no_timer(theatre: Theatre):
    async with theatre.house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(), platform="stage", state=ChannelState.PAUSED, raw_days=2**31 - 1)
        past = datetime.now(UTC) - timedelta(minutes=1)
        await make.conversation(channel, status=Status.SNOOZED, snoozed_until=past)
        far = await make.conversation(channel, status=Status.SNOOZED, snoozed_until=past)
    await theatre.change(f"UPDATE conversation SET snoozed_until = '20000-01-01' WHERE id = {far.id}")
    await theatre.change(
        "INSERT INTO inbound (workspace_id, channel_id, event_id, received_at, raw) "
        "SELECT workspace_id, id, 'e', '2026-01-01', '{}' FROM channel"
    )
    await theatre.change("INSERT INTO throttle (key, count, window_ends_at) VALUES ('old', 1, '2026-01-01'), ('odd', 1, '20000-01-01')")

    async def awake() -> bool:
        return await theatre.events("conversation.moved") == ["conversation.moved"]

    async def tidy() -> bool:
        return await theatre.ask(text("SELECT count(*) FROM throttle")) == 1

    async with theatre.host():
        await theatre.until(awake)
        await theatre.until(tidy)
    async with theatre.house.database.transaction() as session:
        assert await timers.forget_raw(session, datetime.now(UTC), days=30) == 0


async def test_raw_payloads_and_old_events_go_after_their_time(theatre: Theatre, now: datetime):
    _, script = await theatre.channel(Batch([message(1, raw={"a": 1}), message(2, raw={"a": 2})], "one"))
    async with theatre.host():
        await theatre.until(lambda: script.acknowledged == ["one"])
    kept = "SELECT count(*) FROM inbound WHERE raw IS NOT NULL"
    assert await theatre.ask(text(kept)) == 2
    async with theatre.house.database.transaction() as session:
        later = datetime.now(UTC) + timedelta(days=31)
        assert await timers.forget_raw(session, later, days=30) == 2
        assert await timers.shorten_log(session, later, days=400) == 0
        assert await timers.shorten_log(session, later, days=30) > 0
    assert await theatre.ask(text(kept)) == 0
    assert await theatre.ask(text("SELECT count(*) FROM inbound")) == 2


async def test_files_that_belong_to_nothing_are_swept_after_a_day(theatre: Theatre):
    files = theatre.house.files
    named, orphan, fresh = (files.store(words) for words in (b"named", b"orphan", b"fresh"))
    broken = files.path(orphan).with_name(f"{orphan}.0badcafe.new")
    broken.write_bytes(b"half")
    for path in (files.path(named), files.path(orphan), broken):
        os.utime(path, (0, 0))
    async with theatre.house.database.transaction() as session:
        make = Make(session)
        conversation = await make.conversation(await make.channel(await make.workspace(), state=ChannelState.PAUSED))
        attachment = {"name": "a.txt", "media_type": "text/plain", "sha256": named, "created_at": datetime.now(UTC)}
        session.add(Attachment(workspace_id=conversation.workspace_id, conversation_id=conversation.id, **attachment))
    async with theatre.host():
        await theatre.until(lambda: not files.path(orphan).exists() and not broken.exists())
    assert files.path(named).exists()
    assert files.path(fresh).exists()
