"""The account as a stream, before a homeserver on this machine."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import http
from connectors.matrix import sync
from connectors.matrix.homeserver import Refusal
from connectors.matrix.place import REMEMBERED, Hanging, Place
from inbox.contract import Attachment, Batch, CursorExpired, Event, EventKind, Permanent, RateLimited, Reply
from tests.connectors.matrix.fake import CHAT, ME, ROOM, Homeserver, connected, homeserver


@pytest.fixture
async def fake() -> AsyncIterator[Homeserver]:
    http.allow(["127.0.0.0/8"])
    async with homeserver() as running:
        yield running
    http.allow([])


async def batches(fake: Homeserver, cursor: str | None, count: int = 1, **settings: Any) -> list[Batch]:
    """The next batches after a cursor."""
    matrix = connected(fake, **settings)
    found: list[Batch] = []
    try:
        async with aclosing(matrix.stream(cursor)) as stream, asyncio.timeout(20):
            async for batch in stream:
                found.append(batch)
                if len(found) == count:
                    return found
    finally:
        await matrix.aclose()
    raise AssertionError("the stream ended")


def at(number: int) -> str:
    return json.dumps({"since": f"s{number}"})


async def everything(fake: Homeserver, cursor: str | None, **settings: Any) -> list[Event]:
    """The events of one look, which may be several batches."""
    events: list[Event] = []
    count = 1
    while True:
        found = await batches(fake, cursor, count, **settings)
        if found[-1].cursor is not None:
            for batch in found:
                events += batch.events
            return events
        count += 1


async def test_a_limited_answer_is_paged_back_and_only_the_last_batch_moves_the_cursor(fake: Homeserver):
    fake.say(ROOM, "$known")
    for number in range(450):
        fake.say(ROOM, f"$e{number}", body=f"Number {number}", at=number)
    found = await batches(fake, at(1), 3)
    assert [batch.cursor for batch in found] == [None, None, at(451)]
    assert [event.text for batch in found for event in batch.events] == [f"Number {number}" for number in range(450)]
    assert not any(batch.gap for batch in found)


async def test_more_than_is_paged_back_is_a_gap_and_said_to_be(fake: Homeserver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sync, "MOST_PAGES", 1)
    fake.say(ROOM, "$known")
    for number in range(300):
        fake.say(ROOM, f"$e{number}", body=f"Number {number}")
    (batch,) = await batches(fake, at(1))
    assert (batch.gap, len(batch.events)) == (True, 150)


async def test_a_room_that_we_are_put_out_of_meanwhile_is_a_gap_and_not_the_end(fake: Homeserver):
    fake.say(ROOM, "$known")
    for number in range(60):
        fake.say(ROOM, f"$e{number}", body=f"Number {number}")
    fake.refuse["/messages"] = (403, {"errcode": "M_FORBIDDEN"})
    (batch,) = await batches(fake, at(1))
    assert (batch.gap, len(batch.events)) == (True, 50)


async def test_one_bad_event_loses_none_of_its_neighbours_and_can_be_read_again(fake: Homeserver):
    fake.say(ROOM, "$known")
    fake.say(ROOM, "$first", body="First")
    fake.say(ROOM, "$bad", body="No time")["origin_server_ts"] = "yesterday"
    fake.say(ROOM, "$last", body="Last")
    (batch,) = await batches(fake, at(1))
    assert [event.text for event in batch.events] == ["First", "Last"]
    (rejected,) = batch.rejected
    assert "no time" in rejected.reason
    matrix = connected(fake)
    again = matrix.reread(rejected.raw, datetime(2026, 3, 2, tzinfo=UTC))
    await matrix.aclose()
    (event,) = again.events
    assert (event.message_id, event.text, event.thread_id) == (f"{ROOM}/$bad", "No time", "")
    assert matrix.reread(b"nonsense", datetime(2026, 3, 2, tzinfo=UTC)).rejected


async def test_events_that_nobody_knows_are_passed_over(fake: Homeserver):
    fake.say(ROOM, "$known")
    fake.say(ROOM, "$call", kind="m.call.invite", offer={})
    fake.say(ROOM, "$odd", kind="org.example.odd", body="?")
    fake.timelines[ROOM].append({"nonsense": True})
    fake.say(ROOM, "$said", body="Hello")
    (batch,) = await batches(fake, at(1))
    assert ([event.text for event in batch.events], list(batch.rejected)) == (["Hello"], [])


async def test_whatever_an_event_holds_nothing_is_raised_and_its_neighbour_comes_in(fake: Homeserver):
    rolls = random.Random(1)
    odd_names = ("body", "msgtype", "m.relates_to", "info", "url", "m.mentions", "redacts")
    values: list[Any] = [None, 1, "x", [], {}, [None], {"event_id": 5}, True]
    fake.say(ROOM, "$known")
    for number in range(200):
        kind = rolls.choice(["m.room.message", "m.reaction", "m.room.redaction", "m.sticker", "m.room.encrypted", "m.room.member"])
        fake.say(ROOM, f"$odd{number}", kind=kind)
        odd = fake.timelines[ROOM][-1]
        odd["content"] = {name: rolls.choice(values) for name in odd_names}
        for name in rolls.sample(list(odd), 2):
            odd[name] = rolls.choice(values)
    fake.say(ROOM, "$said", body="Hello")
    events = await everything(fake, at(1))
    assert events[-1].text == "Hello"


async def test_a_homeserver_that_answers_at_once_with_nothing_is_not_asked_all_the_time(fake: Homeserver):
    fake.say(ROOM, "$known")
    with suppress(TimeoutError):
        async with asyncio.timeout(2.5):
            await batches(fake, at(1))
    assert len([asked for asked in fake.asked if asked.path.endswith("/sync")]) <= 4


async def test_only_people_and_servers_that_are_listed_may_invite(fake: Homeserver):
    fake.say(ROOM, "$known")
    fake.invited = {"!one:x": "@anna:trusted.example", "!two:x": "@bernd:elsewhere.example", "!three:x": "@carla:elsewhere.example"}
    fake.say(ROOM, "$said")
    await batches(fake, at(1), invites_from=["trusted.example", "@carla:elsewhere.example"])
    joined = [asked.path.rpartition("/")[2] for asked in fake.asked if "/join/" in asked.path]
    assert joined == ["%21one%3Ax", "%21three%3Ax"]
    assert set(fake.invited) == {"!two:x"}


async def test_an_invitation_that_cannot_be_accepted_now_is_not_forgotten(fake: Homeserver):
    fake.say(ROOM, "$known")
    fake.invited = {"!one:x": "@anna:localhost"}
    fake.refuse["/join/"] = (429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 5000})
    with pytest.raises(RateLimited) as limited:
        await batches(fake, at(1), invites_from=["*"])
    assert limited.value.retry_after == 5
    fake.refuse["/join/"] = (404, {"errcode": "M_NOT_FOUND"})  # the inviter is gone: that keeps nobody else waiting
    fake.say(ROOM, "$said", body="Hello")
    (batch,) = await batches(fake, at(1), invites_from=["*"])
    assert [event.text for event in batch.events] == ["Hello"]


async def test_an_edit_counts_only_from_the_author_and_a_taken_back_reaction_only_for_its_giver(fake: Homeserver):
    fake.say(ROOM, "$known", body="As it was")
    new = {"msgtype": "m.text", "body": "Changed"}
    about = {"rel_type": "m.replace", "event_id": "$known"}
    for number, sender in enumerate(["@mallory:localhost", "@anna:localhost"]):
        fake.say(ROOM, f"$edit{number}", sender, body="* Changed", **{"m.new_content": new, "m.relates_to": about})
    hearts = {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$known", "key": "❤️"}}
    fake.say(ROOM, "$heart1", "@anna:localhost", kind="m.reaction", **hearts)
    fake.say(ROOM, "$heart2", "@bernd:localhost", kind="m.reaction", **hearts)
    fake.say(ROOM, "$gone", "@owner:localhost", kind="m.room.redaction", redacts="$heart2")  # a moderator took Bernd's away
    events = await everything(fake, at(1))
    assert [(event.kind, event.author.id if event.author else "", event.text) for event in events] == [
        (EventKind.EDIT, "@anna:localhost", "Changed"),
        (EventKind.REACTION, "@anna:localhost", "❤️"),
        (EventKind.REACTION, "@bernd:localhost", "❤️"),
        (EventKind.REACTION, "@bernd:localhost", ""),
    ]


async def test_files_of_our_own_answer_are_no_messages_of_their_own(fake: Homeserver):
    fake.say(ROOM, "$known")
    fake.say(ROOM, "$ours", ME, body="Here", unsigned={"transaction_id": "our-key"})
    fake.say(ROOM, "$file", ME, msgtype="m.file", body="a.pdf", url="mxc://x/1", unsigned={"transaction_id": "our-key~1"})
    (event,) = await everything(fake, at(1))
    assert (event.client_key, event.author and event.author.is_self) == ("our-key", True)


async def test_reading_is_told_of_direct_chats_only(fake: Homeserver):
    for room in (ROOM, CHAT):
        fake.say(room, f"$known{room[1]}")
    receipt = {"@anna:localhost": {"ts": 1_772_438_400_000}, ME: {"ts": 1_772_438_400_000}, "@odd:localhost": {"ts": "?"}}
    for room in (ROOM, CHAT):
        fake.receipts[room] = {"type": "m.receipt", "content": {f"$known{room[1]}": {"m.read": receipt, "m.read.private": receipt}}}
    fake.say(CHAT, "$said", body="Hello")
    events = await everything(fake, at(1))
    seen = [(event.message_id, event.thread_id, event.author and event.author.id) for event in events if event.kind == EventKind.READ]
    assert seen == [(f"{CHAT}/$knownc", CHAT, "@anna:localhost")]


@pytest.mark.parametrize("cursor", ["", "s1", "[]", "{}", '{"since": 5}', '{"since": ""}'])
async def test_a_place_that_cannot_be_read_is_as_good_as_forgotten(cursor: str):
    with pytest.raises(CursorExpired):
        Place.read(cursor)


def test_the_cursor_carries_the_newest_reactions_and_no_more():
    place = Place("s1")
    for number in range(REMEMBERED + 50):
        place.note_hanging(f"$r{number}", Hanging("$m", "@anna:localhost", "👍"))
    again = Place.read(place.cursor())
    assert (again.since, list(again.hanging)) == ("s1", [f"$r{number}" for number in range(50, REMEMBERED + 50)])
    assert again.hanging["$r60"] == Hanging("$m", "@anna:localhost", "👍")


async def test_a_file_that_the_homeserver_refuses_holds_the_whole_answer_back(fake: Homeserver):
    fake.refuse["/upload"] = (413, {"errcode": "M_TOO_LARGE"})
    matrix = connected(fake)
    with pytest.raises(Permanent):
        await matrix.send(Reply("key", CHAT, "Here", attachments=(Attachment("a.pdf", "application/pdf", b"PDF"),)))
    await matrix.aclose()
    assert fake.sent == {}


async def test_an_answer_that_no_room_is_known_for_is_not_sent(fake: Homeserver):
    matrix = connected(fake)
    with pytest.raises(Permanent):
        await matrix.send(Reply("key", "", "Hello"))
    await matrix.aclose()
    assert fake.asked == []


async def test_a_file_is_asked_for_by_the_old_way_where_the_new_one_is_not_known(fake: Homeserver):
    fake.files["1"] = b"PNG"
    fake.refuse["/client/v1/media/"] = (404, {"errcode": "M_UNRECOGNIZED"})
    matrix = connected(fake)
    assert await matrix.fetch_file("mxc://localhost/1") == b"PNG"
    with pytest.raises(Refusal):
        await matrix.fetch_file("mxc://localhost/2")
    await matrix.aclose()
