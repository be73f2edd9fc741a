"""The workspace as a stream, before the fake: what Slack keeps, then what it tells."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from connectors import http
from connectors.slack import connector, sockets
from connectors.slack.place import MOST_THREADS, MOST_WATCHED, Place
from inbox.contract import AuthError, CursorExpired, EventKind, Permanent, RateLimited, Transient
from tests.connectors.slack.fake import ANNA, BERND, CHAT, HELP, SECRETS, US, Json, Refusal, Workspace, conversation, serving
from tests.connectors.slack.talk import Listener, connected


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr(sockets, "OFTEN", 0.0)
    yield
    http.allow([])


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    found = Workspace()
    async with serving(found):
        yield found


def limited(seconds: int) -> Refusal:
    """https://docs.slack.dev/apis/web-api/rate-limits"""
    return Refusal(response=JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers={"retry-after": str(seconds)}))


async def place(workspace: Workspace, **more: Any) -> str:
    """Where reading stands after a first look."""
    async with connected(workspace, **more) as slack, aclosing(slack.stream(None)) as batches:
        heard = Listener(batches)
        await heard.looked()
        assert heard.cursor
        return heard.cursor


async def caught_up(workspace: Workspace, cursor: str | None, **more: Any) -> Listener:
    async with connected(workspace, **more) as slack, aclosing(slack.stream(cursor)) as batches:
        heard = Listener(batches)
        await heard.looked()
        return heard


async def test_the_first_look_shows_the_latest_of_each_conversation_with_names(workspace: Workspace):
    for number in range(5):
        workspace.say(ANNA, f"Number {number}")
    workspace.say(BERND, "Hello", CHAT)
    heard = await caught_up(workspace, None, history=3)
    assert [event.text for event in heard.events] == ["Number 2", "Number 3", "Number 4", "Hello"]
    assert [event.author.name for event in heard.events if event.author] == ["Anna", "Anna", "Anna", "Bernd"]
    post = heard.events[0].post
    assert post is not None
    assert (post.title, post.url) == ("#help", "https://shop.slack.com/archives/C0HELP")
    assert heard.events[0].permalink == f"https://shop.slack.com/archives/C0HELP/p{workspace.messages[HELP][2]['ts'].replace('.', '')}"


async def test_without_history_only_what_comes_later_is_shown(workspace: Workspace):
    workspace.say(ANNA, "Before")
    cursor = await place(workspace, history=0)
    workspace.say(ANNA, "After")
    workspace.say(BERND, "First", SECRETS)  # of a channel that was empty
    assert [event.text for event in (await caught_up(workspace, cursor, history=0)).events] == ["After", "First"]


async def test_250_messages_during_a_pause_are_caught_up_in_order_and_once(workspace: Workspace):
    workspace.say(ANNA, "Before")
    cursor, workspace.page = await place(workspace), 40
    for number in range(250):
        workspace.say(ANNA, f"Number {number}", HELP if number % 2 else CHAT)
    heard = await caught_up(workspace, cursor)
    assert len({event.id for event in heard.events}) == len(heard.events) == 250
    for channel, first in ((CHAT, 0), (HELP, 1)):
        texts = [event.text for event in heard.events if event.message_id.startswith(channel)]
        assert texts == [f"Number {number}" for number in range(first, 250, 2)]
    again = await caught_up(workspace, cursor)  # nothing was committed
    assert [event.id for event in again.events] == [event.id for event in heard.events]
    assert not (await caught_up(workspace, heard.cursor)).events
    assert heard.gaps == 0


async def test_answers_in_old_and_new_threads_are_caught_up_between_the_messages(workspace: Workspace):
    old = workspace.say(ANNA, "Old root")
    cursor = await place(workspace)
    first = workspace.say(BERND, "Old answer", thread_ts=old["ts"])
    new = workspace.say(ANNA, "New root")
    workspace.say(BERND, "New answer", thread_ts=new["ts"])
    workspace.say(ANNA, "To all", thread_ts=new["ts"], subtype="thread_broadcast")
    heard = await caught_up(workspace, cursor)
    assert [event.text for event in heard.events] == ["Old answer", "New root", "New answer", "To all"]
    assert heard.events[0].parent_id == heard.events[0].thread_id == f"{HELP}:{old['ts']}"
    kept = Place.parse(heard.cursor)
    assert kept.threads[f"{HELP}:{old['ts']}"] == first["ts"]
    assert not (await caught_up(workspace, heard.cursor)).events


async def test_a_thread_that_began_long_ago_is_remembered(workspace: Workspace):
    root = workspace.say(ANNA, "Long ago", ts="1771000000.000001")
    workspace.say(BERND, "First", thread_ts=root["ts"])
    cursor = Place.parse(await place(workspace, history=1))
    cursor.threads, cursor.read[HELP] = {f"{HELP}:{root['ts']}": workspace.messages[HELP][1]["ts"], f"{HELP}:1.1": "1.1"}, workspace.stamp()
    workspace.say(BERND, "Second", thread_ts=root["ts"])
    heard = await caught_up(workspace, str(cursor))
    assert [event.text for event in heard.events] == ["Second"]
    assert list(Place.parse(heard.cursor).threads) == [f"{HELP}:{root['ts']}"]  # the other one does not exist any more


async def test_edits_deletions_and_reactions_of_a_pause_are_found(workspace: Workspace):
    first, second = workspace.say(ANNA, "Wen?"), workspace.say(ANNA, "Oops")
    third = workspace.say(ANNA, "Gone but answered")
    cursor = await place(workspace)
    workspace.edit(HELP, first, "When?")
    workspace.react(BERND, HELP, first, "eyes")
    workspace.delete(HELP, second)
    third |= {"subtype": "tombstone", "text": "This message was deleted."}
    heard = await caught_up(workspace, cursor)
    assert [(event.kind, event.message_id, event.text) for event in heard.events] == [
        (EventKind.EDIT, f"{HELP}:{first['ts']}", "When?"),
        (EventKind.REACTION, f"{HELP}:{first['ts']}", "👀"),
        (EventKind.DELETE, f"{HELP}:{second['ts']}", ""),
        (EventKind.DELETE, f"{HELP}:{third['ts']}", ""),
    ]
    again = (await caught_up(workspace, heard.cursor)).events
    assert {event.id for event in again} <= {event.id for event in heard.events}


async def test_a_chat_that_was_opened_meanwhile_shows_all_and_a_channel_some(workspace: Workspace):
    cursor = await place(workspace, history=2)
    for channel, more in (("D0BERND", {"is_im": True, "is_private": True, "user": BERND}), ("C0NEW", {})):
        workspace.conversations[channel] = conversation(channel, "new", **more)
        workspace.messages[channel] = []
        for number in range(4):
            workspace.say(BERND, f"{channel} {number}", channel)
    heard = await caught_up(workspace, cursor, history=2)
    assert [event.text for event in heard.events] == [*(f"D0BERND {number}" for number in range(4)), "C0NEW 2", "C0NEW 3"]


async def test_a_message_that_cannot_be_read_is_kept_and_its_neighbours_come_in(workspace: Workspace):
    workspace.say(ANNA, "One")
    workspace.say(ANNA, "Two", reactions="?")
    workspace.say(ANNA, "Three")
    workspace.say(ANNA, "joined", subtype="channel_join")
    heard = await caught_up(workspace, None)
    assert [event.text for event in heard.events] == ["One", "Three"]
    assert (len(heard.rejected), heard.passed) == (1, ["message channel_join"])
    workspace.messages[HELP][1]["reactions"] = []
    async with connected(workspace) as slack:
        mended = heard.rejected[0].raw.replace(b'"?"', b"[]")
        assert [event.text for event in slack.reread(mended, heard.events[0].at).events] == ["Two"]


async def test_only_what_the_scopes_allow_is_asked_for(workspace: Workspace):
    workspace.scopes = "chat:write,channels:read,channels:history,im:history"
    workspace.say(ANNA, "Hello")
    workspace.say(ANNA, "Secret", SECRETS)
    heard = await caught_up(workspace, None)
    assert [event.text for event in heard.events] == ["Hello"]
    assert [given["types"] for method, given in workspace.calls if method == "users.conversations"] == ["public_channel"]
    workspace.scopes = "chat:write"
    assert not (await caught_up(workspace, None)).events


async def test_a_limit_is_waited_for_in_place_and_a_long_one_is_the_hosts(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)

    workspace.say(ANNA, "Hello")
    workspace.refusals["conversations.history"] = [limited(7), limited(30)]
    monkeypatch.setattr("connectors.slack.api.sleep", pause)
    assert len((await caught_up(workspace, None)).events) == 1
    assert waited[:2] == [7.0, 30.0]
    workspace.refusals["conversations.history"] = [limited(600)]
    with pytest.raises(RateLimited) as refused:
        await caught_up(workspace, None)
    assert refused.value.retry_after == 600


@pytest.mark.parametrize(
    ("method", "refusal", "expected"),
    [
        ("auth.test", Refusal("token_revoked"), AuthError),
        ("auth.test", Refusal(response=PlainTextResponse("<html>Hello</html>")), Transient),
        ("auth.test", Refusal(response=PlainTextResponse("no", 502)), Transient),
        ("users.conversations", Refusal("missing_scope", needed="channels:read"), AuthError),
        ("conversations.history", Refusal("internal_error"), Transient),
        ("apps.connections.open", Refusal("invalid_auth"), AuthError),
        ("apps.connections.open", Refusal(response=JSONResponse({"ok": True, "url": "https://x"})), Transient),
    ],
)
async def test_trouble_while_reading_says_what_it_is(workspace: Workspace, method: str, refusal: Refusal, expected: type[Exception]):
    workspace.refusals[method] = [refusal]
    with pytest.raises(expected):
        await caught_up(workspace, None)
    assert len([asked for asked, _ in workspace.calls if asked == method]) == 1


async def test_a_channel_that_the_app_was_removed_from_costs_the_others_nothing(workspace: Workspace):
    workspace.say(ANNA, "Hello", CHAT)
    workspace.refusals["conversations.history"] = [Refusal("not_in_channel")]
    assert [event.text for event in (await caught_up(workspace, None)).events] == ["Hello"]


async def test_a_name_that_cannot_be_found_is_no_reason_to_fail(workspace: Workspace):
    workspace.say("U0NOBODY", "Hello")
    (event,) = (await caught_up(workspace, None)).events
    assert event.author is not None
    assert event.author.name == "U0NOBODY"


async def test_live_events_are_acknowledged_only_when_the_host_resumes(workspace: Workspace):
    async with connected(workspace) as slack, aclosing(slack.stream(None)) as batches:
        heard = Listener(batches)
        await heard.looked()
        first = await workspace.push(workspace.told(workspace.say(ANNA, "One")))
        assert await heard.texts(1) == ["One"]
        assert heard.events[0].author is not None
        assert heard.events[0].author.name == "Anna"
        await workspace.sockets[-1].ping()  # everything sent before has arrived
        assert workspace.acknowledged == []
        second = await workspace.push(workspace.told(workspace.say(ANNA, "Two")))
        assert await heard.texts(2) == ["One", "Two"]
        assert workspace.acknowledged == [first]
        await workspace.push({"command": "/x"}, type="slash_commands")
        theirs = workspace.told(workspace.say(ANNA, "Not for us"))
        theirs["authorizations"][0]["user_id"] = "U0OTHERBOT"
        await workspace.push(theirs)
        await workspace.push({"event": {"type": "message", "channel": HELP, "ts": "x"}})
        await heard.until(lambda: heard.rejected)
        assert heard.passed == ["envelope slash_commands", "event of another workspace"]
        assert workspace.acknowledged[:2] == [first, second]


async def test_a_connection_that_is_to_be_replaced_is_read_until_its_end(workspace: Workspace):
    async with connected(workspace) as slack, aclosing(slack.stream(None)) as batches:
        heard = Listener(batches)
        await heard.looked()
        old = workspace.sockets[-1]
        await old.send(json.dumps({"type": "disconnect", "reason": "warning", "debug_info": {"host": "x"}}))
        await old.send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
        envelope = {"envelope_id": "late", "type": "events_api", "payload": workspace.told(workspace.say(ANNA, "On the old one"))}
        await old.send(json.dumps(envelope))
        assert await heard.texts(1) == ["On the old one"]
        assert len(workspace.sockets) == 2
        await old.close()
        await workspace.push(workspace.told(workspace.say(ANNA, "On the new one")))
        assert await heard.texts(2) == ["On the old one", "On the new one"]


async def test_a_connection_that_breaks_is_told_and_nothing_is_lost(workspace: Workspace):
    async with connected(workspace) as slack, aclosing(slack.stream(None)) as batches:
        heard = Listener(batches)
        await heard.looked()
        await workspace.sockets[-1].close()
        with pytest.raises(Transient):
            await heard.texts(1)
    workspace.say(ANNA, "Meanwhile")
    assert [event.text for event in (await caught_up(workspace, heard.cursor)).events] == ["Meanwhile"]


@pytest.mark.parametrize(
    ("hello", "expected"),
    [({"type": "disconnect", "reason": "link_disabled"}, Permanent), ({"type": "error"}, Transient), ({"type": "disconnect"}, Transient)],
)
async def test_a_connection_without_a_greeting_is_none(workspace: Workspace, hello: Json, expected: type[Exception]):
    workspace.hello = hello
    with pytest.raises(expected):
        await caught_up(workspace, None)


async def test_socket_mode_that_is_switched_off_is_told_in_a_sentence(workspace: Workspace):
    async with connected(workspace) as slack, aclosing(slack.stream(None)) as batches:
        heard = Listener(batches)
        await heard.looked()
        await workspace.sockets[-1].send(json.dumps({"type": "disconnect", "reason": "link_disabled"}))
        with pytest.raises(Permanent, match="switched off"):
            await heard.texts(1)


async def test_connections_that_end_at_once_are_not_opened_without_end(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sockets, "OFTEN", 60.0)
    async with connected(workspace) as slack, aclosing(slack.stream(None)) as batches:
        heard = Listener(batches)
        await heard.looked()
        await workspace.sockets[-1].send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
        with pytest.raises(Transient, match="again and again"):
            await heard.texts(1)
    assert len(workspace.sockets) == 1


async def test_what_no_event_told_is_found_by_the_next_look(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connector, "LOOK", 0.05)
    for more in ({}, {"app_token": None}):  # by Socket Mode, and where events are pushed
        async with connected(workspace, **more) as slack, aclosing(slack.stream(await place(workspace))) as batches:
            heard = Listener(batches)
            await heard.looked()
            workspace.say(BERND, "Lost on its way")
            await heard.until(lambda: heard.events)  # noqa: B023  # awaited here
            assert heard.events[-1].text == "Lost on its way"


async def test_everything_that_stands_in_a_channel_is_listed_under_the_same_ids(workspace: Workspace):
    root = workspace.say(ANNA, "Root")
    workspace.say(BERND, "Answer", thread_ts=root["ts"])
    workspace.say(ANNA, "Other")
    streamed = {event.id for event in (await caught_up(workspace, None)).events}
    async with connected(workspace) as slack:
        listed = [event.id async for batch in slack.listed(HELP) for event in batch.events]
    assert (set(listed), len(listed)) == (streamed, 3)


async def test_a_check_knows_the_account_and_what_it_lacks(workspace: Workspace):
    async with connected(workspace) as slack:
        author = await slack.check()
        assert (author.id, author.name, author.is_self) == (US, "parley (Shop)", True)
        for scopes, words in (("channels:history", "chat:write"), ("chat:write", "channels:history")):
            workspace.scopes = scopes
            with pytest.raises(AuthError, match=words):
                await slack.check()


@pytest.mark.parametrize(
    "cursor", ["", "x", "{}", '{"read": [], "threads": {}, "watched": []}', '{"read": {"C": "x"}, "threads": {}, "watched": []}']
)
def test_a_place_that_is_not_readable_is_told(cursor: str):
    with pytest.raises(CursorExpired):
        Place.parse(cursor)


def test_a_place_stays_small_and_never_goes_back():
    kept = Place()
    for number in range(500):
        kept.answered(f"C:{number}.0", f"{number}.5")
    kept.watch(f"C:{number}.0" for number in range(500))
    kept.after("C", "9.5")
    kept.after("C", "9.40")
    assert (len(kept.threads), len(kept.watched), kept.read) == (MOST_THREADS, MOST_WATCHED, {"C": "9.5"})
    assert Place.parse(str(kept)) == Place(False, kept.read, kept.threads, kept.watched)
