"""The live page's socket: what reaches whom, and when it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from websockets.exceptions import InvalidStatus

from api import counts, watcher, wire
from api.deps import House
from api.hub import Hub
from inbox import events
from inbox.contract import EventKind
from inbox.conversations import spoken, views
from inbox.models import AccountSession, Channel, Conversation, Member
from inbox.team import rights
from tests.api.office import SECONDS, Line, Office, opened, page_on
from tests.api.visitor import serving
from tests.make import Make


@pytest.fixture
async def office(house: House) -> AsyncIterator[Office]:
    async with opened(house) as office:
        yield office


async def test_a_message_reaches_an_open_page_with_its_row_and_line(office: Office) -> None:
    await office.say("first")
    async with office.page(office.agent, conversation=1, rows=(1,)) as page:
        await office.say("Ist das vegan?")
        line = await page.hear(lambda op: "Ist das vegan?" in op.get("html", "") and "entry" in op)
        assert line["conversation"] == 1
        assert any(op.get("row") == 1 for op in page.ops)


async def test_a_server_that_offers_no_wire_brings_the_same_to_the_pages(office: Office) -> None:
    async with (
        serving(office.app, ws="websockets-sansio", ws_per_message_deflate=True) as office.address,
        office.page(office.agent) as page,
    ):
        await office.say("Ist das vegan?")
        await page.hear(lambda op: "Ist das vegan?" in op.get("html", ""))


async def test_nothing_of_a_restricted_channel_reaches_who_may_not_see_it(office: Office) -> None:
    async with office.page(office.agent, rows=(1,), conversation=1) as page, office.page(office.insider, rows=()) as insider:
        await office.say("secret words", channel=office.secret, thread="hidden")
        await insider.hear(lambda op: "secret words" in op.get("html", ""))
        await office.say("public words")
        await page.hear(lambda op: "public words" in op.get("html", ""))
        await page.hear(lambda op: "counts" in op)
        assert "secret" not in json.dumps(page.ops)
        assert [op["counts"]["open"] for op in page.ops if "open" in op.get("counts", {})][-1] == 1


async def test_a_changed_language_reaches_the_row_the_panel_and_the_lists_of_languages(office: Office) -> None:
    async def choose(session: AsyncSession) -> None:
        conversation = await session.get_one(Conversation, 1)
        await spoken.choose(session, rights.of(office.agent), conversation, "fr", now=datetime.now(UTC))

    await office.say("Wann kommt mein Paket?")
    async with (
        office.page(office.agent, rows=(1,), conversation=1, view="open.de") as german,
        office.page(office.agent, view="open.fr") as french,
    ):
        await office.do(choose)
        await german.hear(lambda op: op.get("put") == "spoken-1" and "French" in op["html"])
        await german.hear(lambda op: "set the language: French" in op.get("html", ""))
        assert [op["in"] for op in german.ops if op.get("mine") == 1][-1] is False
        row = await french.hear(lambda op: op.get("row") == 1)
        assert "French" in row["html"]
        assert (await french.hear(lambda op: op.get("mine") == 1))["in"] is True


async def test_who_loses_a_channel_hears_nothing_of_what_comes_after(office: Office) -> None:
    async def restrict(session: AsyncSession) -> None:
        await session.execute(update(Channel).where(col(Channel.id) == office.channel.id).values(restricted=True))
        record = {"workspace_id": office.workspace.id, "at": datetime.now(UTC), "actor": "system"}
        events.record(session, "channel.changed", **record, channel_id=office.channel.id, fields=["restricted"])

    await office.say("before")
    async with office.page(office.agent, rows=(1,), conversation=1) as page:
        await office.do(restrict)
        await office.say("after")
        await page.hear(lambda op: "stale" in op)
        await page.hear(lambda op: op.get("counts", {}).get("open") == 0)
        assert "after" not in json.dumps(page.ops)


async def test_a_page_that_comes_back_gets_what_it_missed_edits_too(office: Office) -> None:
    number = await office.say("wrogn")
    last = await office.do(events.last_id)
    await office.say("right", kind=EventKind.EDIT, of=number)
    async with office.page(office.agent, rows=(1,), conversation=1, after=last) as page:
        assert any("right" in op.get("html", "") for op in page.ops if "entry" in op)


async def test_a_page_older_than_the_log_reads_itself_again(office: Office) -> None:
    await office.say("one")
    await office.say("two")
    await office.do(lambda session: session.execute(text("DELETE FROM event WHERE id < (SELECT max(id) FROM event)")))
    async with office.page(office.agent, rows=(1,), after=1) as page:
        assert {"refresh": True} in page.ops


async def test_a_socket_ends_with_its_session(office: Office) -> None:
    async with office.page(office.agent) as page:
        await office.do(lambda session: session.execute(update(AccountSession).values(revoked_at=datetime.now(UTC))))
        assert await page.end() == 4401


async def test_a_socket_ends_with_its_membership(office: Office) -> None:
    async with office.page(office.agent) as page:
        await office.do(lambda session: session.execute(update(Member).values(removed_at=datetime.now(UTC))))
        assert await page.end() == 4401


async def test_a_stranger_and_another_website_are_refused(office: Office) -> None:
    with pytest.raises(InvalidStatus):
        async with office.page(office.agent, workspace=999):
            pass
    with pytest.raises(InvalidStatus):
        async with office.page(office.agent, origin="https://evil.example"):
            pass


async def test_a_colleague_is_seen_in_the_row_and_in_the_conversation_until_they_leave(office: Office) -> None:
    await office.say("Hallo")
    async with office.page(office.agent, rows=(1,), conversation=1) as page:
        async with office.page(office.insider, rows=(1,), conversation=1) as other:
            await other.say(t="here", conversation=1, typing=True)
            await page.hear(lambda op: op.get("put") == "here-row-1" and office.insider.name in op["html"])
            await page.hear(lambda op: op.get("put") == "here-pane-1" and "data-typing" in op["html"])
        await page.hear(lambda op: op.get("put") == "here-row-1" and office.insider.name not in op["html"])


async def test_nobody_is_seen_in_a_conversation_that_they_may_not_see(office: Office) -> None:
    await office.say("secret", channel=office.secret)
    async with office.page(office.insider, rows=(1,), conversation=1) as page, office.page(office.agent, rows=(1,), conversation=1) as nosy:
        await nosy.say(t="here", conversation=1, typing=True)
        await page.say(t="here", conversation=1, typing=False)
        await page.hear(lambda op: op.get("put") == "here-pane-1")
        assert office.agent.name not in json.dumps(page.ops)
        assert not [op for op in nosy.ops if "put" in op]


async def test_an_open_page_holds_no_connection_to_the_database(office: Office) -> None:
    pool: Any = office.house.database.engine.pool
    async with office.page(office.agent), office.page(office.insider):
        async with asyncio.timeout(SECONDS):
            while pool.checkedout():  # noqa: ASYNC110  # only what reads the log, for moments
                await asyncio.sleep(0.05)


def test_what_waited_for_a_slow_reader_travels_in_one_frame_with_the_newest_id() -> None:
    page = page_on(line := Line())
    line.takes = False
    page.tell(wire.telling(["1"], 7))
    page.tell(wire.telling(["2", "3"]))
    assert line.taken == []
    line.takes = True
    line.on_drain()
    page.tell(wire.telling(["4"], 8))
    assert line.taken == ['{"id":7,"ops":[1,2,3]}', '{"id":8,"ops":[4]}']


@pytest.mark.parametrize(("frames", "size"), [(watcher.MOST_FRAMES + 1, 1), (2, watcher.MOST_BYTES // 2)])
def test_a_reader_that_is_too_slow_is_told_to_read_again_instead_of_filling_the_memory(frames: int, size: int) -> None:
    page = page_on(line := Line())
    line.takes = False
    for number in range(frames + 3):
        page.tell(wire.telling(["0" * size], number))
    line.takes = True
    line.on_drain()
    assert line.taken == ['{"refresh":true}']


def test_pages_that_are_told_the_same_share_the_bytes() -> None:
    press = wire.Press()
    assert press.frame(["{}"], 1) is press.frame(["{}"], 1)
    assert press.frame(["{}"], 1) is not press.frame(["{}"], 2)


async def test_who_joins_while_the_guard_looks_is_judged_the_next_time(house: House) -> None:
    hub = Hub(house)
    hub.ready.set()
    gone, late = page_on(first := Line()), page_on(second := Line())
    await hub.join(gone)
    async with house.database.transaction() as session:
        await session.execute(text("LOCK TABLE account_session IN ACCESS EXCLUSIVE MODE"))
        looking = asyncio.create_task(hub._guard(datetime.now(UTC)))
        async with asyncio.timeout(SECONDS):
            # PostgreSQL tells nobody who waits for a lock
            while not await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await hub.join(late)
    await looking
    assert (first.ended, second.ended) == (4401, None)


def test_a_page_that_chooses_views_during_a_counting_does_not_end_the_counting() -> None:
    page = page_on(line := Line())
    page.views = frozenset({views.parse("open"), views.parse("pending")})
    counts.Counts({"open": 3}).tell(page, mine=(), unread=0, alerts=0)
    assert json.loads(line.taken[0])["ops"] == [{"counts": {"open": 3}}, {"unread": 0}, {"alerts": 0}]


async def test_an_event_that_cannot_be_drawn_makes_pages_read_again_and_silences_none(office: Office):
    await office.say("Hello")
    async with office.page(office.agent, conversation=1, rows=(1,)) as page:

        async def record(session: AsyncSession) -> None:
            ids = {"workspace_id": office.workspace.id, "channel_id": office.channel.id, "conversation_id": 1}
            events.record(session, "note.added", at=datetime.now(UTC), actor="system", **ids)  # which note, it does not say

        await office.do(record)
        await page.hear(lambda op: "refresh" in op)
        await office.say("Still there?")
        await page.hear(lambda op: "Still there?" in json.dumps(op))


@pytest.mark.parametrize("number", [2**70, "no number"])  # refused by the driver, and by the server
async def test_an_event_that_cannot_be_looked_up_makes_pages_read_again_and_silences_none(office: Office, number: Any):
    await office.say("Hello")
    async with office.page(office.agent, conversation=1, rows=(1,)) as page:

        async def record(session: AsyncSession) -> None:
            ids = {"workspace_id": office.workspace.id, "channel_id": office.channel.id, "conversation_id": 1}
            events.record(session, "message.edited", at=datetime.now(UTC), actor="system", **ids, message=number)

        await office.do(record)
        await page.hear(lambda op: "refresh" in op)
        await office.say("Still there?")
        await page.hear(lambda op: "Still there?" in json.dumps(op))


@pytest.mark.parametrize("number", [2**70, "no number"])
async def test_what_one_workspace_cannot_be_shown_keeps_nothing_from_another(office: Office, number: Any):
    async with office.house.database.transaction() as session:
        other = await Make(session).workspace()
        colleague = await Make(session).member(other)
    await office.say("Hello")
    async with (
        office.page(office.agent, conversation=1, rows=(1,)) as page,
        office.page(colleague, workspace=other.id, rows=()) as theirs,
    ):

        async def both(session: AsyncSession) -> None:
            about = {"at": datetime.now(UTC), "actor": "system"}
            ids = {"workspace_id": office.workspace.id, "channel_id": office.channel.id, "conversation_id": 1}
            events.record(session, "message.edited", **about, **ids, message=number)
            events.record(session, "label.changed", **about, workspace_id=other.id, label=1)

        await office.do(both)
        await page.hear(lambda op: "refresh" in op)
        await theirs.hear(lambda op: op.get("stale") == ["page"])
        assert {"refresh": True} not in theirs.ops


async def test_a_page_whose_question_lost_the_database_is_closed_with_a_code_to_come_back_and_the_reader_goes_on(office: Office):
    async with office.page(office.agent) as page, office.page(office.insider) as other:
        async with office.house.database.transaction() as session:
            await session.execute(text("LOCK TABLE event IN ACCESS EXCLUSIVE MODE"))
            await page.show(after=0)
            waiting = "FROM pg_locks WHERE NOT granted"
            async with asyncio.timeout(SECONDS):
                while await session.scalar(text(f"SELECT count(*) {waiting}")) < 2:  # noqa: ASYNC110  # the page's and the reader's
                    await asyncio.sleep(0.01)
            await session.execute(text(f"SELECT pg_terminate_backend(pid) {waiting}"))
        assert await page.end() == 1013
        await office.say("And now?")
        await other.hear(lambda op: "And now?" in op.get("html", ""))
