"""What the host does with replies when something is in the way, and what it forgets in time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import connectors
from api.deps import House
from connectors.host import reading, sending
from connectors.host.accounts import Accounts
from connectors.host.place import Place
from inbox.contract import Ambiguous, AuthError, Batch, Capabilities, Receipt, Reply, Transient
from inbox.conversations import leases, outbox, timers
from inbox.models import Attachment, Channel, ChannelState, Contact, Delivery, Direction, Message
from tests.connectors.stage import Stage, message, scripts
from tests.connectors.test_runner import PACE, Theatre
from tests.make import Make

PATIENT = replace(PACE, send=60.0, send_lease=130.0)  # where a send is held on purpose: a busy machine takes its time
LOST = "UPDATE channel SET state = 'connecting'"


@pytest.fixture
def theatre(house: House, monkeypatch: pytest.MonkeyPatch) -> Theatre:
    monkeypatch.setitem(connectors.BUILT_IN, "stage", "tests.connectors.stage:Stage")
    monkeypatch.setitem(connectors.BUILT_IN, "forgetful", "tests.connectors.test_delivery:Forgetful")
    monkeypatch.setitem(connectors.BUILT_IN, "clinging", "tests.connectors.test_delivery:Clinging")
    for cached in (connectors.find, connectors.addresses):
        cached.cache_clear()
    return Theatre(house)


class Forgetful(Stage):
    """A platform that knows a key for fifty minutes."""

    name: ClassVar[str] = "forgetful"
    capabilities: ClassVar[Capabilities] = Capabilities(idempotent_send=True, idempotent_minutes=50)


class Clinging(Stage):
    """A stream that does not let go of its platform."""

    name: ClassVar[str] = "clinging"

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        try:
            yield Batch([message(1)], "one")
        finally:
            await asyncio.Event().wait()


@asynccontextmanager
async def locked(theatre: Theatre, table: str) -> AsyncIterator[None]:
    """Whoever reads or writes this table waits."""
    async with theatre.house.database.engine.begin() as connection:
        await connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield


async def test_a_channel_that_reads_but_cannot_send_says_so_until_a_reply_leaves(theatre: Theatre):
    answers = iter([AuthError("The password for sending is wrong."), AuthError("The password for sending is wrong."), None])
    channel, _ = await theatre.channel(Batch([message(1)], "one"), send=lambda reply: next(answers))
    await theatre.queue(channel)
    await theatre.queue(channel)
    async with theatre.host():
        await theatre.until_delivery(Delivery.FAILED, 2)
        await theatre.until_state(channel, ChannelState.HEALTHY)
        row = await theatre.row(channel)
        assert (row.error, row.send_error) == (None, "The password for sending is wrong.")
        assert row.send_error_at is not None
        assert await theatre.events("channel.failed", "channel.recovered") == ["channel.failed"]
        await theatre.queue(channel)

        async def recovered() -> bool:
            return (await theatre.row(channel)).send_error is None

        await theatre.until(recovered)
    assert await theatre.events("channel.failed", "channel.recovered") == ["channel.failed", "channel.recovered"]


async def test_one_failed_try_is_no_sign_and_three_are(theatre: Theatre):
    tries = iter([Transient("Busy.")] * 3)
    channel, script = await theatre.channel(send=lambda reply: next(tries, None))
    seen: list[str | None] = []

    async def note(reply: Reply) -> Exception | None:
        seen.append((await theatre.row(channel)).send_error)
        return next(tries, None)

    script.send = note
    await theatre.queue(channel)
    async with theatre.host():
        await theatre.until_delivery(Delivery.SENT)
    assert seen == [None, None, None, "Busy."]


async def test_an_account_that_cannot_be_checked_while_it_is_read_is_named(theatre: Theatre):
    channel, _ = await theatre.channel(Batch([message(1)], "one"), check=Transient("The outgoing mail server does not answer."))
    await theatre.change(LOST)
    async with theatre.host():
        await theatre.until_state(channel, ChannelState.HEALTHY)
    assert (await theatre.row(channel)).send_error == "The outgoing mail server does not answer."


async def test_a_reply_that_was_claimed_and_not_yet_handed_over_goes_back_when_the_process_ends(theatre: Theatre):
    channel, script = await theatre.channel()
    waiting = await theatre.queue(channel)
    async with asyncio.timeout(30), theatre.host(), locked(theatre, "identity"), locked(theatre, "attachment"):
        await theatre.until_delivery(Delivery.SENDING)
        asyncio.get_running_loop().call_later(0.1, theatre.stop.set)
        await theatre.until_delivery(Delivery.QUEUED)
    assert script.sent == []
    async with theatre.house.database.transaction() as session:
        stored = await session.get_one(Message, waiting.id)
    assert (stored.delivery, stored.uncertain) == (Delivery.QUEUED, False)


async def test_a_receipt_is_written_down_though_the_process_is_told_to_end(theatre: Theatre):
    channel, script = await theatre.channel()
    waiting = await theatre.queue(channel)
    held, go_on = asyncio.Event(), asyncio.Event()

    async def hold(reply: Reply) -> None:
        held.set()
        await go_on.wait()

    script.send = hold
    async with theatre.host(PATIENT):
        await held.wait()
        async with theatre.house.database.engine.begin() as connection:
            await connection.execute(text("SELECT FROM message WHERE id = :id FOR UPDATE"), {"id": waiting.id})
            go_on.set()
            theatre.stop.set()
            await asyncio.sleep(3 * PACE.farewell)
        await theatre.until_delivery(Delivery.SENT)


async def test_a_stream_that_does_not_let_go_cannot_keep_its_reading_alive(theatre: Theatre, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "PATIENCE", 0.1)
    await theatre.channel()
    await theatre.change("UPDATE channel SET platform = 'clinging'")
    house = theatre.house
    place = Place(house.database, house.files, house.settings, Accounts(house.vault, house.settings, house.database), "me", PACE)
    async with house.database.transaction() as session:
        (lease,) = await leases.take(session, owner="me", seconds=30, limit=1)
    async with locked(theatre, "message"):
        task = asyncio.create_task(reading.read(place, lease))

        async def storing() -> bool:
            return bool(await theatre.ask(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")))

        await theatre.until(storing)
        task.cancel()
        await asyncio.wait([task], timeout=10)
    assert task.cancelled()


async def test_settings_changed_while_a_reply_is_on_its_way_do_not_cut_it_off(theatre: Theatre):
    reached, go_on = asyncio.Event(), asyncio.Event()
    closed: list[int] = []

    async def hang(reply: Reply) -> None:
        if len(script.sent) == 1:
            reached.set()
            await go_on.wait()
            closed.append(script.closed)

    channel, script = await theatre.channel(state=ChannelState.PAUSED)
    script.send = hang
    await theatre.change(LOST)
    await theatre.queue(channel)
    async with theatre.host(PATIENT):
        await reached.wait()
        opened = script.opened
        name = next(key for key, value in scripts.items() if value is script)
        async with theatre.house.database.transaction() as session:
            row = await session.get_one(Channel, channel.id)
            row.config = theatre.house.vault.encrypt(json.dumps({"script": name, "password": "new"}))
        await theatre.queue(channel)
        await theatre.until_delivery(Delivery.SENT, 1)
        before = script.closed
        go_on.set()
        await theatre.until_delivery(Delivery.SENT, 2)
        await theatre.until(lambda: script.closed > before)
    assert script.opened > opened
    assert script.opened == script.closed


@pytest.mark.parametrize(("minutes", "sent"), [(49, 2), (51, 1)])
async def test_a_reply_in_doubt_goes_again_only_while_the_platform_remembers_its_key(theatre: Theatre, minutes: int, sent: int):
    channel, script = await theatre.channel()
    await theatre.change("UPDATE channel SET platform = 'forgetful'")

    async def send(reply: Reply) -> Exception | None:
        if len(script.sent) > 1:
            return None
        await theatre.change(f"UPDATE message SET send_at = send_at - interval '{minutes} minutes' WHERE direction = 'out'")
        return Ambiguous("No answer.")

    script.send = send
    await theatre.queue(channel)
    async with theatre.host():
        await theatre.until_delivery(Delivery.SENT if sent == 2 else Delivery.AMBIGUOUS)
    assert len(script.sent) == sent


async def test_a_removed_channel_sends_nothing_and_fails_what_waits(theatre: Theatre):
    channel, script = await theatre.channel()
    await theatre.queue(channel)
    await theatre.change("UPDATE channel SET removed_at = now(), config = '', state = 'healthy'")
    async with theatre.host():
        await theatre.until_delivery(Delivery.FAILED)
    assert script.sent == []


async def test_only_a_process_without_any_connection_counts_as_silent(theatre: Theatre):
    channel, _ = await theatre.channel()
    await theatre.queue(channel)
    database = theatre.house.database

    async def silent(me: str) -> set[str]:
        async with database.transaction() as session:
            return await outbox.silent(session, me=me)

    async with database.transaction() as session:
        (claimed,) = await outbox.claim(session, owner="here:1:a", now=datetime.now(UTC))
    assert await silent("here:2:b") == set()  # who does not even see itself cannot judge
    mine, theirs = await database.listen(), await database.listen()
    async with mine, theirs:
        for connection, owner in ((mine, "here:2:b"), (theirs, "here:1:a")):
            await connection.execute("SELECT set_config('application_name', %s, false)", (f"{outbox.APPLICATION} {owner}",))
        assert await silent("here:2:b") == set()
        await theirs.close()

        async def gone() -> bool:
            return await silent("here:2:b") == {"here:1:a"}

        await theatre.until(gone)
    now = datetime.now(UTC)
    async with database.transaction() as session:
        assert await outbox.abandon(session, ["here:1:a"], now, ask_at=now) == 1
        assert await outbox.may_still_arrive(session, claimed)  # it may live on without the database: its lease decides
    async with database.transaction() as session:
        await session.execute(text("UPDATE message SET lease_until = now() - interval '1 second'"))
        assert not await outbox.may_still_arrive(session, claimed)


async def test_what_a_sender_itself_gave_up_arrives_no_more(theatre: Theatre):
    channel, _ = await theatre.channel()
    await theatre.queue(channel)
    now = datetime.now(UTC)
    async with theatre.house.database.transaction() as session:
        (claimed,) = await outbox.claim(session, owner="here:1:a", now=now)
        assert await outbox.may_still_arrive(session, claimed)
        assert await outbox.mark_ambiguous(session, claimed, "No answer in time.", now, ask_at=now)
        assert not await outbox.may_still_arrive(session, claimed)


async def test_what_was_deleted_is_purged_after_its_days_and_what_is_held_stays(theatre: Theatre):
    now = datetime.now(UTC)
    async with theatre.house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(), state=ChannelState.PAUSED)
        conversation = await make.conversation(channel)
        anna, held = await make.identity(channel), await make.identity(channel, name="Bernd")
        (await session.get_one(Contact, held.contact_id)).legal_hold = True
        theirs = await make.conversation(channel, contact=await session.get_one(Contact, held.contact_id))
        old, young = now - timedelta(days=31), now - timedelta(days=29)
        rows = [
            await make.message(conversation, body="gone", html="<p>gone", quoted="gone", identity_id=anna.id, deleted_at=old),
            await make.message(conversation, body="young", identity_id=anna.id, deleted_at=young),
            await make.message(conversation, body="held", identity_id=held.id, deleted_at=old),
            await make.message(conversation, body="there", identity_id=anna.id),
            await make.message(theirs, body="said to them", direction=Direction.OUT, deleted_at=old),
        ]
        for row in rows:
            where = {"workspace_id": row.workspace_id, "conversation_id": row.conversation_id, "message_id": row.id}
            session.add(Attachment(**where, name=row.body, media_type="image/png", sha256="0" * 64, created_at=now))
    async with theatre.host():

        async def purged() -> bool:
            return await theatre.ask(text("SELECT count(*) FROM attachment")) == 4

        await theatre.until(purged)
    async with theatre.house.database.transaction() as session:
        kept = list(await session.scalars(select(Message).order_by(col(Message.id))))
        files = list(await session.scalars(select(Attachment.name).order_by(col(Attachment.id))))
        assert await timers.purge_deleted(session, now, days=30) == 0
    assert [(row.body, row.html, row.quoted) for row in kept] == [
        ("", None, ""),
        ("young", None, ""),
        ("held", None, ""),
        ("there", None, ""),
        ("said to them", None, ""),
    ]
    assert files == ["young", "held", "there", "said to them"]
    assert all(row.external_id for row in kept)


async def test_an_outcome_is_written_down_though_the_database_goes_away_at_the_commit(theatre: Theatre):
    channel, _ = await theatre.channel(state=ChannelState.PAUSED)
    await theatre.change(LOST)
    await theatre.queue(channel)
    house, killed = theatre.house, list[int]()
    place = Place(house.database, house.files, house.settings, Accounts(house.vault, house.settings, house.database), "me", PACE)
    async with house.database.transaction() as session:
        (claimed,) = await outbox.claim(session, owner="me", now=datetime.now(UTC))

    async def mark(session: AsyncSession, now: datetime) -> None:
        await outbox.mark_sent(session, claimed, Receipt("sent-1", now), now)
        if not killed:
            killed.append(await session.scalar(text("SELECT pg_backend_pid()")))
            await theatre.ask(text(f"SELECT pg_terminate_backend({killed[0]}, 5000)"))

    await sending.write(place, mark)
    await theatre.until_delivery(Delivery.SENT)
