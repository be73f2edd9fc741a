"""Slack before `emulate`, and our own fake before slack-sdk: two others' understanding of Slack's documents."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors import http
from connectors.slack import Slack, people, sending, signing
from connectors.slack.config import SlackConfig
from inbox import contract
from inbox.contract import Action, Ambiguous, Attachment, Event, EventKind, Reply, Transient
from tests.connectors.slack import fake
from tests.connectors.slack.talk import Listener
from tests.servers.emulate import Emulated, running
from tests.servers.programs import interpreter

pytestmark = pytest.mark.servers
CLIENT = Path(__file__).with_name("slack_client.py")
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
OURS, ANNA = "xoxb-hunter2-ours", "xoxp-hunter2-anna"
SEED = {
    "team": {"name": "Shop", "domain": "shop"},
    "users": [{"name": "anna", "real_name": "Anna Ash"}, {"name": "parley", "real_name": "Parley"}],
    "channels": [{"name": "help"}],
    "tokens": [{"token": OURS, "user": "parley"}, {"token": ANNA, "user": "anna"}],
    "signing_secret": SECRET,
}


@pytest.fixture(autouse=True)
def _on_this_machine(monkeypatch: pytest.MonkeyPatch):
    http.allow(["127.0.0.1"])
    monkeypatch.setattr(sending, "PAUSE", 0.1)
    people._directories.clear()
    yield
    http.allow(())


async def adds(client: httpx.AsyncClient, request: Request, body: bytes) -> Response | None:
    """users.conversations, which emulate does not have: of its list, those that the caller is in."""
    if request.url.path != "/api/users.conversations":
        return None
    headers = {"authorization": request.headers["authorization"]}
    told = (await client.post("/api/conversations.list", data=dict(parse_qsl(body.decode())), headers=headers)).json()
    return JSONResponse(told | {"channels": [one for one in told.get("channels", []) if one["is_member"]]})


@pytest.fixture(scope="module")
async def emulated() -> AsyncIterator[Emulated]:
    async with running("slack", {"slack": SEED}, adds) as found:
        yield found


@pytest.fixture
async def slack(emulated: Emulated) -> AsyncIterator[Slack]:
    found = connector(emulated)
    await found.check()
    yield found
    await found.aclose()


def connector(emulated: Emulated) -> Slack:
    given = {"bot_token": OURS, "signing_secret": SECRET, "api_url": f"{emulated.address}/api", "history": 5}
    return Slack(SlackConfig.model_validate(given))


class Person:
    """Somebody who uses Slack by its API."""

    def __init__(self, emulated: Emulated, token: str) -> None:
        self._emulated, self._token = emulated, token

    async def ask(self, method: str, **given: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=30) as client:
            headers = {"authorization": f"Bearer {self._token}"}
            told = (await client.post(f"http://127.0.0.1:{self._emulated.port}/api/{method}", json=given, headers=headers)).json()
        assert told["ok"], told
        return told

    async def channel(self) -> str:
        found = (await self.ask("conversations.list"))["channels"]
        return next(one["id"] for one in found if one["name"] == "help")

    async def say(self, channel: str, text: str, **more: Any) -> str:
        return (await self.ask("chat.postMessage", channel=channel, text=text, **more))["ts"]


@pytest.fixture
async def anna(emulated: Emulated) -> Person:
    return Person(emulated, ANNA)


async def heard(slack: Slack, emulated: Emulated) -> list[Event]:
    """What emulate has pushed, as our webhook takes it in."""
    events: list[Event] = []
    while not emulated.pushed.empty():
        headers, body = await emulated.pushed.get()
        _, batches = slack.webhook(contract.Request("POST", headers, {}, body, datetime.now(UTC)))
        events += [event for batch in batches.values() for event in batch.events]
    return events


async def looked(slack: Slack, cursor: str | None) -> Listener:
    async with aclosing(slack.stream(cursor)) as batches:
        found = Listener(batches)
        await found.looked()
        return found


async def test_messages_edits_deletions_and_reactions_are_pushed_and_answered(slack: Slack, emulated: Emulated, anna: Person):
    channel = await anna.channel()
    await heard(slack, emulated)
    asked = await anna.say(channel, "Is it opn &lt;now&gt;?")
    await anna.ask("chat.update", channel=channel, ts=asked, text="Is it open?")
    await anna.ask("reactions.add", channel=channel, timestamp=asked, name="eyes")
    name = f"{channel}:{asked}"
    receipt = await slack.send(Reply("our-key", "", "Until <eight> & later", parent_id=name, post_id=channel))
    await slack.act(Action.LIKE, name)
    await slack.act(Action.EDIT, receipt.message_id, "Until nine")
    events = await heard(slack, emulated)
    assert [(event.kind, event.message_id, event.text) for event in events] == [
        (EventKind.MESSAGE, name, "Is it opn <now>?"),
        (EventKind.EDIT, name, "Is it open?"),
        (EventKind.REACTION, name, "👀"),
        (EventKind.MESSAGE, receipt.message_id, "Until <eight> & later"),
        (EventKind.REACTION, name, "👍"),
        (EventKind.EDIT, receipt.message_id, "Until nine"),
    ]
    assert (events[3].client_key, events[3].parent_id, events[3].author and events[3].author.is_self) == ("our-key", name, True)
    await slack.act(Action.DELETE, receipt.message_id)
    await anna.ask("chat.delete", channel=channel, ts=asked)
    gone = await heard(slack, emulated)
    assert [(event.kind, event.message_id) for event in gone] == [(EventKind.DELETE, receipt.message_id), (EventKind.DELETE, name)]


async def test_250_messages_during_a_pause_are_caught_up_in_order_none_lost_none_twice(slack: Slack, emulated: Emulated, anna: Person):
    channel = await anna.channel()
    root = await anna.say(channel, "Before")
    cursor = (await looked(slack, None)).cursor
    for number in range(250):
        await anna.say(channel, f"Number {number}", **({"thread_ts": root} if number % 10 == 9 else {}))
    found = await looked(slack, cursor)
    found.events = [event for event in found.events if event.kind is EventKind.MESSAGE]  # reactions from before are told again
    assert [event.text for event in found.events] == [f"Number {number}" for number in range(250)]
    assert len({event.id for event in found.events}) == 250
    assert {event.author.name for event in found.events if event.author} == {"anna"}
    again = await looked(slack, cursor)  # nothing was committed
    assert [event.id for event in again.events if event.kind is EventKind.MESSAGE] == [event.id for event in found.events]
    after = await looked(slack, found.cursor)
    assert {event.id for event in after.events} <= {event.id for event in again.events}
    pushed = await heard(slack, emulated)
    assert {event.id for event in found.events} <= {event.id for event in pushed}  # the same, whichever way it comes


async def test_a_reply_whose_answer_was_lost_is_found_and_not_sent_again(slack: Slack, emulated: Emulated, anna: Person):
    channel = await anna.channel()
    asked = await anna.say(channel, "Until when?")
    reply = Reply("another-key", "", "Until eight", parent_id=f"{channel}:{asked}", post_id=channel)
    assert await slack.find_sent(reply) is None
    emulated.lost.append("/api/chat.postMessage")
    with pytest.raises(Ambiguous):
        await slack.send(reply)
    found = await slack.find_sent(reply)
    assert found is not None
    thread = (await anna.ask("conversations.replies", channel=channel, ts=asked))["messages"]
    assert [f"{channel}:{said['ts']}" for said in thread[1:]] == [found.message_id]


async def test_files_go_out_and_come_in(slack: Slack, emulated: Emulated, anna: Person):
    channel = await anna.channel()
    asked = await anna.say(channel, "Where?")
    await heard(slack, emulated)
    files = (Attachment("plan.txt", "text/plain", b"first floor"), Attachment("map.txt", "text/plain", b"second floor"))
    reply = Reply("file-key", "", "Here", parent_id=f"{channel}:{asked}", post_id=channel, attachments=files)
    receipt = await slack.send(reply)
    (event,) = [event for event in await heard(slack, emulated) if event.kind is EventKind.MESSAGE]
    assert (event.message_id, event.text, event.parent_id) == (receipt.message_id, "Here", f"{channel}:{asked}")
    assert [file.name for file in event.attachments] == ["plan.txt", "map.txt"]
    assert [await slack.fetch_file(file.url or "") for file in event.attachments] == [b"first floor", b"second floor"]
    assert await slack.find_sent(reply) == receipt


async def test_a_restart_is_survived(slack: Slack, emulated: Emulated, anna: Person):
    cursor = (await looked(slack, None)).cursor
    emulated.stop()
    for _ in range(2):
        with pytest.raises(Transient):
            await looked(slack, cursor)
    await emulated.start()  # it forgets everything but its seed
    channel = await anna.channel()
    await anna.say(channel, "Back again")
    assert "Back again" in [event.text for event in (await looked(slack, cursor)).events]


@pytest.fixture(scope="module")
async def seen() -> dict[str, Any]:
    """What slack-sdk saw and did, in one conversation with our fake."""
    python, workspace = interpreter("slack"), fake.Workspace(page=40, looks_at_files=1)
    root = workspace.say(fake.ANNA, "Root")
    for number in range(90):
        workspace.say(fake.ANNA, f"Number {number}", **({"thread_ts": root["ts"]} if number % 2 else {}))
    async with fake.serving(workspace) as address:
        given = {"address": f"{address}/", "token": fake.TOKEN, "app_token": fake.APP_TOKEN, "channel": fake.HELP, "root": root["ts"]}
        client = await asyncio.create_subprocess_exec(
            *(python, CLIENT, json.dumps(given)), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        talking = asyncio.create_task(client.communicate())
        async with asyncio.timeout(60):
            while not workspace.sockets and not talking.done():  # noqa: ASYNC110  # the fake tells by its state only
                await asyncio.sleep(0.02)
        sent: list[str] = []
        if workspace.sockets:
            sent.append(await workspace.push(workspace.told(workspace.say(fake.ANNA, "Live"))))
            await workspace.sockets[-1].send(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))
            async with asyncio.timeout(60):
                while len(workspace.sockets) < 2 and not talking.done():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            if len(workspace.sockets) > 1:
                sent.append(await workspace.push(workspace.told(workspace.say(fake.ANNA, "Live again"))))
        output, errors = await talking
    assert client.returncode == 0, errors.decode()
    return json.loads(output) | {"pushed": sent, "workspace": workspace}


def test_the_client_reads_our_fake_as_it_reads_slack(seen: dict[str, Any]):
    assert seen["me"] == [fake.US, fake.TEAM]
    assert seen["channels"] == [fake.HELP, "G0SECRET", fake.CHAT, fake.GROUP]
    assert seen["history"] == ["Root", *(f"Number {number}" for number in range(0, 90, 2))]
    assert seen["replies"] == ["Root", *(f"Number {number}" for number in range(1, 90, 2))]
    assert seen["user"] == "Anna"


def test_what_the_client_sends_arrives_as_it_meant_it(seen: dict[str, Any]):
    workspace, posted = seen["workspace"], seen["posted"]
    assert posted["metadata"] == {"event_type": "test", "event_payload": {"key": "1"}}
    assert workspace.find(fake.HELP, posted["ts"]) is None  # it was edited, then deleted
    assert seen["edited"] == "Edited"
    assert workspace.messages[fake.HELP][0]["reactions"] == [{"name": "+1", "users": [fake.US], "count": 1}]
    assert [said["files"][0]["name"] for said in workspace.messages[fake.HELP] if said.get("files")] == ["plan.txt"]
    assert seen["file"] == "first floor"


def test_the_client_understands_the_fakes_refusals(seen: dict[str, Any]):
    assert seen["errors"] == ["already_reacted", "message_not_found", "thread_not_found", "channel_not_found", "invalid_auth"]


def test_the_client_hears_acknowledges_and_changes_connections(seen: dict[str, Any]):
    assert seen["heard"] == ["Live", "Live again"]
    assert set(seen["pushed"]) <= set(seen["workspace"].acknowledged)


def test_the_client_signs_and_checks_as_we_do(seen: dict[str, Any]):
    assert seen["signature"] == signing.sign(b'{"a": 1}', "1531420618", fake.SECRET).decode()
    assert seen["is_valid"] is True
