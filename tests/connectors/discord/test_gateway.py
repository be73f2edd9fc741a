"""Sessions: how they begin, break, go on and end, and what is caught up when they cannot go on."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import HTMLResponse

from connectors.discord import gateway, place
from inbox.contract import AuthError, CursorExpired, EventKind, Permanent, RateLimited, Transient
from tests.connectors.discord import shapes
from tests.connectors.discord.fake import Discord, Refusal, too_many
from tests.connectors.discord.reader import a_connector, reading
from tests.connectors.discord.shapes import ANNA, GENERAL, HELP, MORNING, US

THREAD = "290926798999357300"


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # the fake's counters tell nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("ending", ["a silent end", "code 4000", "code 4009", "reconnect", "invalid, to resume", "invalid"])
async def test_a_connection_that_ends_is_resumed_or_begun_anew_and_nothing_is_missed(discord: Discord, ending: str):
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, "One")
        await found.text("One")
        if ending.startswith("invalid"):
            if ending == "invalid":
                await discord.gateway.say({"op": 9, "d": False, "s": None, "t": None})
                discord.gateway.forget()
            else:
                await discord.gateway.say({"op": 9, "d": True, "s": None, "t": None})
        elif ending == "reconnect":
            await discord.gateway.say({"op": 7, "d": None, "s": None, "t": None})
        else:
            await discord.gateway.drop(int(ending.partition(" ")[2]) if ending.startswith("code") else 0)
        await discord.say(GENERAL, ANNA, "Two")
        await found.text("Two")
        await discord.say(GENERAL, ANNA, "Three")
        await found.text("Three")
    told = [event.text for event in found.events if event.kind is EventKind.MESSAGE]
    assert sorted(set(told), key=told.index) == ["One", "Two", "Three"]
    anew = ending in {"invalid", "code 4009"}
    assert (discord.gateway.identified, discord.gateway.resumed) == ((2, 0) if anew else (1, 1))


async def test_signs_of_life_are_sent_and_answered(discord: Discord):
    discord.gateway.interval = 50
    async with reading(discord) as found:
        await discord.gateway.say({"op": 1, "d": None, "s": None, "t": None})  # at once, whatever the interval
        await until(lambda: len(discord.gateway.heartbeats) >= 5)
        await discord.say(GENERAL, ANNA, "Still here")
        await found.text("Still here")
    assert discord.gateway.connections == 1
    assert discord.gateway.heartbeats[-1] is not None


async def test_a_gateway_that_answers_no_sign_of_life_is_left_and_the_session_resumed(discord: Discord):
    discord.gateway.interval = 100
    async with reading(discord) as found:
        discord.gateway.is_deaf = True
        await until(lambda: discord.gateway.connections >= 2)
        discord.gateway.is_deaf = False
        await discord.say(GENERAL, ANNA, "Back")
        await found.text("Back")
    assert (discord.gateway.identified, discord.gateway.resumed >= 1) == (1, True)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (4004, AuthError, "token"),
        (4010, Permanent, "servers"),
        (4011, Permanent, "too many servers"),
        (4012, Permanent, "version"),
        (4013, Permanent, "intents"),
        (4014, Permanent, "Message Content Intent"),
    ],
)
async def test_a_code_that_forbids_to_come_again_ends_the_stream_with_a_sentence(
    discord: Discord, code: int, error: type[Exception], words: str
):
    discord.gateway.closes = [code]
    with pytest.raises(error, match=words):
        async with reading(discord):
            pass
    assert discord.gateway.connections == 1


async def test_an_intent_that_is_not_switched_on_is_named(discord: Discord):
    discord.gateway.allows_content = False
    with pytest.raises(Permanent, match="Message Content Intent"):
        async with reading(discord):
            pass


async def test_a_gateway_that_ends_every_connection_is_a_failure_after_a_few(discord: Discord):
    discord.gateway.closes = [4000] * 50
    with pytest.raises(Transient, match="every connection"):
        async with reading(discord):
            pass
    assert discord.gateway.connections == 6


async def test_a_bot_that_has_begun_too_many_sessions_waits_as_told(discord: Discord):
    discord.starts_left = 0
    with pytest.raises(RateLimited) as failed:
        async with reading(discord):
            pass
    assert failed.value.retry_after == 14400
    assert discord.gateway.connections == 0


async def test_how_many_sessions_are_left_is_told(discord: Discord):
    async with reading(discord) as found:
        standing = found.connector.standing
    assert (standing.quota_used, standing.quota_limit) == (1, 1000)
    assert standing.quota_resets_at is not None


async def test_the_token_does_not_leave_unprotected_because_of_what_an_answer_says():
    with pytest.raises(Permanent, match="protect"):
        async with gateway.connected("ws://127.0.0.1:9", "token", None, secure=True):
            pass


async def test_a_process_that_starts_again_in_time_resumes_and_lists_nothing(discord: Discord):
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, "One")
        await found.text("One")
    cursor, before = found.cursor, len(discord.requests)
    await discord.say(GENERAL, ANNA, "Two", to=[US])
    async with reading(discord, cursor) as found:
        (event,) = await found.text("Two")
    assert event.post is not None
    assert (event.post.title, event.author and event.author.name) == ("#general", "Anna")  # asked for: nobody told this process
    assert not any(request.endswith("/messages") for request in discord.requests[before:])
    assert discord.gateway.resumed == 1


async def test_a_quiet_process_that_starts_again_is_not_told_of_its_servers_again(discord: Discord):
    async with reading(discord) as found:
        pass
    before = len(discord.requests)
    async with reading(discord, found.cursor) as found:
        await discord.say(GENERAL, ANNA, "Hello")
        await found.text("Hello")
    assert discord.gateway.resumed == 1
    assert not any("archived" in request or "/messages" in request for request in discord.requests[before:])


async def test_what_was_not_stored_comes_again_with_the_same_ids(discord: Discord):
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, "One")
        await found.text("One")
        told = await discord.say(GENERAL, ANNA, "Two")
        await discord.react(ANNA, told, "👍")
        await found.text("👍")
    stored = next(batch.cursor for batch in found.batches if any(event.text == "One" for event in batch.events))
    async with reading(discord, stored) as again:
        await again.text("👍")
    assert [event.id for event in again.events] == [event.id for event in found.events[1:]]


async def test_250_messages_after_which_there_is_no_session_any_more_are_caught_up_in_order(discord: Discord):
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, "Message 0")
        await found.text("Message 0")
    discord.gateway.forget()
    now = datetime.now(UTC)
    for number in range(1, 251):
        discord.note(GENERAL, ANNA, f"Message {number}", at=now + timedelta(milliseconds=number))
    async with reading(discord, found.cursor) as found:
        await found.text("Message 250")
    assert found.texts == [f"Message {number}" for number in range(1, 251)]
    assert sum(request == f"GET /channels/{GENERAL}/messages" for request in discord.requests) == 3


async def test_edits_and_deletions_of_the_latest_messages_are_found_after_a_pause(discord: Discord):
    async with reading(discord) as found:
        one, two, _ = [await discord.say(GENERAL, ANNA, text) for text in ("Whem?", "Never mind", "Bye")]
        await found.text("Bye")
    discord.gateway.forget()
    await discord.edit(one, "When?")
    await discord.delete(two)
    async with reading(discord, found.cursor) as found:
        pass
    assert [(event.kind, event.message_id, event.text) for event in found.events] == [
        (EventKind.EDIT, f"{GENERAL}/{one['id']}", "When?"),
        (EventKind.DELETE, f"{GENERAL}/{two['id']}", ""),
    ]
    async with reading(discord, found.cursor) as found:
        pass
    assert found.events == []


async def test_a_list_that_is_empty_deletes_nothing(discord: Discord):
    """Without Read Message History Discord lists no messages, and says nothing else."""
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, "One")
        await found.text("One")
    discord.gateway.forget()
    discord.messages[GENERAL].clear()
    async with reading(discord, found.cursor) as found:
        pass
    assert found.events == []


async def test_direct_chats_and_threads_that_were_archived_meanwhile_are_caught_up(discord: Discord):
    chat = discord.chat(ANNA)["id"]
    async with reading(discord) as found:
        await discord.say(chat, ANNA, "Just us")
        await discord.say(GENERAL, ANNA, "General")
        await found.text("Just us", "General")
    discord.gateway.forget()
    now = datetime.now(UTC)
    discord.add(shapes.thread(THREAD, "Rye", HELP, archived_at=now))
    discord.note(THREAD, ANNA, "In a thread", at=now)
    discord.note(chat, ANNA, "Still us", at=now)
    async with reading(discord, found.cursor) as found:
        await found.text("In a thread", "Still us")
    assert len(found.events) == 2


async def test_a_thread_that_was_known_and_was_written_in_and_archived_meanwhile_is_caught_up(
    discord: Discord, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(place, "MOST_WATCHED", 0)  # or the thread would be looked at anyway
    thread = discord.add(shapes.thread(THREAD, "Rye", GENERAL))
    async with reading(discord) as found:
        await discord.say(THREAD, ANNA, "One")
        await found.text("One")
        now = datetime.now(UTC)
        discord.note(THREAD, ANNA, "Two", at=now)
        thread["thread_metadata"] |= {"archived": True, "archive_timestamp": shapes.stamp(now)}
        discord.gateway.forget()  # in the same process, which remembers the thread as it was
        await found.text("Two")
    assert [event.text for event in found.events if event.kind is EventKind.MESSAGE] == ["One", "Two"]


async def test_a_crash_while_catching_up_begins_the_rest_again(discord: Discord):
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, "Message 0")
        await found.text("Message 0")
    discord.gateway.forget()
    now = datetime.now(UTC)
    for number in range(1, 251):
        discord.note(GENERAL, ANNA, f"Message {number}", at=now + timedelta(milliseconds=number))
    async with reading(discord, found.cursor) as found:
        pass
    first = next(batch for batch in found.batches if batch.events)
    assert json.loads(first.cursor or "")["session"] is None  # or the rest would be taken for read
    async with reading(discord, first.cursor) as again:
        pass
    texts = list(dict.fromkeys([event.text for event in first.events] + again.texts))
    assert texts == [f"Message {number}" for number in range(1, 251)]


async def test_while_catching_up_short_pauses_are_waited_for(discord: Discord):
    discord.note(GENERAL, ANNA, "History", at=MORNING)
    path = f"GET /channels/{GENERAL}/messages"
    discord.refusals[path] = [too_many(0.05), too_many(0.05, everywhere=True)]
    async with reading(discord) as found:
        pass
    assert found.texts == ["History"]
    assert discord.requests.count(path) == 3


async def test_trouble_while_catching_up_is_told_to_the_host(discord: Discord):
    discord.note(GENERAL, ANNA, "History", at=MORNING)
    for refusal, error in ((too_many(600), RateLimited), (Refusal(502), Transient)):
        discord.refusals[f"GET /channels/{GENERAL}/messages"] = [refusal]
        with pytest.raises(error):
            async with reading(discord):
                pass


@pytest.mark.parametrize(
    "cursor", ["", "x", "[]", '{"since": 1}', '{"since": "x", "rooms": {}, "direct": {}, "watched": {}, "reactions": {}}']
)
async def test_a_place_that_cannot_be_read_is_forgotten(discord: Discord, cursor: str):
    with pytest.raises(CursorExpired):
        async with reading(discord, cursor):
            pass


async def test_an_account_is_checked(discord: Discord):
    connector = a_connector(discord)
    me = await connector.check()
    assert (me.id, me.name, me.is_self) == (US["id"], "parley", True)
    discord.flags = 0
    with pytest.raises(Permanent, match="Message Content Intent"):
        await connector.check()
    await connector.aclose()
    stranger = a_connector(discord, token="x" * 60)
    with pytest.raises(AuthError):
        await stranger.check()
    await stranger.aclose()


@pytest.mark.parametrize("path", ["GET /users/@me", "GET /gateway/bot"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (too_many(600), RateLimited),
        (Refusal(500), Transient),
        (Refusal(503), Transient),
        (HTMLResponse("<html>Just a moment</html>"), Transient),
        (HTMLResponse("error code: 1020", 403), Transient),
    ],
)
async def test_trouble_before_a_session_is_told_to_the_host_and_nobody_is_hammered(
    discord: Discord, path: str, answer: Any, error: type[Exception]
):
    discord.refusals[path] = [answer]
    with pytest.raises(error):
        async with reading(discord):
            pass
    assert (discord.requests.count(path), discord.gateway.connections) == (1, 0)


async def test_what_is_said_while_catching_up_comes_after_it_and_once(discord: Discord):
    for number in range(3):
        discord.note(GENERAL, ANNA, f"History {number}", at=MORNING + timedelta(seconds=number))
    welcome = discord.gateway.welcome
    live = discord.note(GENERAL, ANNA, "Live", at=datetime.now(UTC))  # in the list and told of, both
    discord.gateway.welcome = lambda: [("MESSAGE_CREATE", discord._told(live)), *welcome()]
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, "Later")
        await found.text("Later")
    assert list(dict.fromkeys(found.texts)) == ["History 0", "History 1", "History 2", "Live", "Later"]
    assert len({event.id for event in found.events}) == 5
