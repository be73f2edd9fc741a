"""Callbacks on their way in: what is genuine, and what it says."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.slack import Slack, people, signing
from connectors.slack.config import SlackConfig
from connectors.slack.shapes import User
from inbox.contract import Batch, ConversationKind, Event, EventKind, Refused, Request
from tests.connectors.forgeries import variants
from tests.connectors.slack.fake import ANNA, APP, BERND, BOT, CHAT, GROUP, HELP, MORNING, SECRET, TOKEN, US, Workspace, user

NOW = datetime.fromtimestamp(MORNING, UTC)
SAMPLES = Path(__file__).parents[4] / "shared/samples/slack/events"


@pytest.fixture(autouse=True)
def _strangers():
    people._directories.clear()


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


@cache
def make(**more: Any) -> Slack:
    return Slack(SlackConfig.model_validate({"bot_token": TOKEN, "signing_secret": SECRET, **more}))


def request(body: bytes, at: datetime = NOW, secret: str = SECRET, **more: str) -> Request:
    stamp = str(int(at.timestamp()))
    headers = {signing.TIME: stamp, signing.SIGNATURE: signing.sign(body, stamp, secret).decode()} | more
    return Request("POST", headers, {}, body, NOW)


def pushed(payload: Any) -> Batch:
    _, batches = make().webhook(request(json.dumps(payload).encode()))
    (batch,) = batches.values()
    return batch


def read(payload: Any) -> Event:
    batch = pushed(payload)
    assert not batch.rejected
    (event,) = batch.events
    return event


# https://docs.slack.dev/authentication/verifying-requests-from-slack, step by step
PUBLISHED = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA"
    b"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
    b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


def test_the_published_signature_fits():
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    at = datetime.fromtimestamp(1531420618, UTC)
    given = Request("POST", {signing.TIME: "1531420618", signing.SIGNATURE: signature}, {}, PUBLISHED, at)
    signing.verify(given, "8f742231b10e8888abcd99yyyzzz85a5")
    with pytest.raises(Refused):
        signing.verify(given, "8f742231b10e8888abcd99yyyzzz85a6")


def test_a_thousand_forgeries_are_refused(workspace: Workspace):
    slack, genuine = make(), request(json.dumps(workspace.told(workspace.say(ANNA, "Hi"))).encode())
    slack.webhook(genuine)
    count = 0
    for body, signature in variants(genuine.body, genuine.headers[signing.SIGNATURE]):
        with pytest.raises(Refused) as refused:
            slack.webhook(replace(genuine, body=body, headers={**genuine.headers, signing.SIGNATURE: signature}))
        assert refused.value.status == 401
        count += 1
    assert count >= 1000


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_replay_after_five_minutes_is_refused(minutes: int):
    with pytest.raises(Refused, match="too old"):
        make().webhook(request(b"{}", NOW + timedelta(minutes=minutes)))
    make().webhook(request(b"{}", NOW + timedelta(minutes=minutes / 2)))


@pytest.mark.parametrize("stamp", ["", "x", "-1", "١٢٣", "9" * 13, "1e9", " 1772438400"])
def test_a_time_that_is_none_is_refused(stamp: str):
    with pytest.raises(Refused):
        make().webhook(request(b"{}", **{signing.TIME: stamp}))


def test_a_channel_without_a_secret_takes_no_push_and_no_other_method():
    slack = make(signing_secret=None, app_token="xapp-1")
    with pytest.raises(Refused) as refused:
        slack.webhook(request(b"{}", secret=""))
    assert refused.value.status == 404
    with pytest.raises(Refused):
        make().webhook(replace(request(b"{}"), method="GET"))


def test_the_challenge_is_answered_once_its_signature_fits():
    """https://docs.slack.dev/reference/events/url_verification"""
    body = b'{"token": "Jhj5", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", "type": "url_verification"}'
    response, batches = make().webhook(request(body))
    assert (response.status, response.body) == (200, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")
    assert batches == {}
    with pytest.raises(Refused):
        make().webhook(request(body, secret="another"))


def test_one_address_serves_many_workspaces(workspace: Workspace):
    theirs = workspace.told(workspace.say(ANNA, "Hi"))
    theirs["authorizations"][0] |= {"team_id": "T0OTHER", "user_id": "U0OTHERBOT"}
    _, batches = make().webhook(request(json.dumps(theirs).encode()))
    assert [event.text for event in batches["U0OTHERBOT"].events] == ["Hi"]
    _, batches = make().webhook(request(json.dumps(workspace.told(workspace.say(ANNA, "Hi"))).encode()))
    assert list(batches) == [US]


def test_a_message_in_a_channel_is_loose_and_an_answer_belongs_to_its_thread(workspace: Workspace):
    root = workspace.say(ANNA, f"<@{US}> when?")
    loose = read(workspace.told(root))
    assert (loose.message_id, loose.thread_id, loose.parent_id) == (f"{HELP}:{root['ts']}", "", None)
    assert loose.post is not None
    assert (loose.post.id, loose.post.is_room, loose.conversation_kind) == (HELP, True, ConversationKind.COMMENTS)
    assert (loose.mentions, loose.at) == ((US,), datetime.fromtimestamp(MORNING + 1, UTC).replace(microsecond=1))
    answer = read(workspace.told(workspace.say(BERND, "At nine", thread_ts=root["ts"])))
    assert (answer.thread_id, answer.parent_id) == (loose.message_id, loose.message_id)
    shown = read(workspace.told(workspace.say(BERND, "All", thread_ts=root["ts"], subtype="thread_broadcast", root=root)))
    assert shown.thread_id == loose.message_id


@pytest.mark.parametrize("channel", [CHAT, GROUP])
def test_direct_messages_are_one_conversation_and_their_threads_go_on_in_it(workspace: Workspace, channel: str):
    said = workspace.say(ANNA, "Hello", channel)
    event = read(workspace.told(said, channel))
    assert (event.thread_id, event.post, event.conversation_kind) == (channel, None, ConversationKind.DIRECT)
    answer = read(workspace.told(workspace.say(ANNA, "?", channel, thread_ts=said["ts"]), channel))
    assert (answer.thread_id, answer.parent_id) == (event.message_id, event.message_id)


def test_an_event_that_does_not_tell_the_kind_of_its_channel_is_known_by_its_name(workspace: Workspace):
    payload = workspace.told(workspace.say(ANNA, "Hello", CHAT), CHAT)
    del payload["event"]["channel_type"]
    assert read(payload).conversation_kind == ConversationKind.DIRECT


def test_what_we_say_is_ours_however_slack_puts_it(workspace: Workspace):
    assert read(workspace.told(workspace.say(US, "At nine"))).author == replace(people.directory(US).author(US, is_self=True))
    people.directory(US).bot_id = BOT
    event = read(workspace.told(workspace.say("", "At nine", bot_id=BOT, subtype="bot_message", username="Shop", app_id=APP)))
    assert event.author is not None
    assert (event.author.id, event.author.is_self) == (US, True)


def test_another_app_speaks_under_its_own_name(workspace: Workspace):
    event = read(workspace.told(workspace.say("", "Deployed", bot_id="B0CI", subtype="bot_message", username="Builds")))
    assert event.author is not None
    assert (event.author.id, event.author.name, event.author.roles, event.author.is_self) == ("B0CI", "Builds", ("bot",), False)


def test_names_that_the_process_has_learned_are_shown(workspace: Workspace):
    assert read(workspace.told(workspace.say(ANNA, "Hi"))).author == people.directory(US).author(ANNA, is_self=False)
    batch = pushed(workspace.callback({"type": "user_change", "user": user(ANNA, "anna", is_owner=True)}))
    assert batch.passed_over == {"event user_change": 1}
    event = read(workspace.told(workspace.say(ANNA, f"I am <@{ANNA}>")))
    assert event.author is not None
    assert (event.author.name, event.author.handle, event.author.roles, event.text) == ("Anna", "anna", ("owner",), "I am @Anna")
    assert event.author.avatar == "https://avatars.example/anna.png"


def test_an_edit_has_its_own_time_and_comes_once(workspace: Workspace):
    said = workspace.say(ANNA, "Wen?")
    event = read(workspace.edit(HELP, said, "When?"))
    assert (event.kind, event.message_id, event.text) == (EventKind.EDIT, f"{HELP}:{said['ts']}", "When?")
    assert event.id == f"edit:{HELP}:{said['ts']}:{said['edited']['ts']}"
    assert event.at == datetime.fromtimestamp(MORNING + 2, UTC).replace(microsecond=2)


def test_a_preview_of_a_link_is_no_edit(workspace: Workspace):
    said = workspace.say(ANNA, "See <https://example.com>")
    changed = {"type": "message", "subtype": "message_changed", "channel": HELP, "message": {**said, "attachments": [{"id": 1}]}}
    assert pushed(workspace.callback({**changed, "previous_message": said})).passed_over == {"message_changed without new words": 1}
    workspace.edit(HELP, said, "See it")
    again = {**changed, "message": {**said, "attachments": [{"id": 1}]}, "previous_message": dict(said)}
    assert pushed(workspace.callback(again)).passed_over == {"message_changed without new words": 1}


def test_a_deletion_names_the_message_and_so_does_a_tombstone(workspace: Workspace):
    said = workspace.say(ANNA, "Oops")
    event = read(workspace.delete(HELP, said))
    assert (event.kind, event.message_id, event.id) == (EventKind.DELETE, f"{HELP}:{said['ts']}", f"delete:{HELP}:{said['ts']}")
    grave = {"type": "message", "subtype": "tombstone", "text": "This message was deleted.", "user": "USLACKBOT", "ts": said["ts"]}
    changed = {"type": "message", "subtype": "message_changed", "channel": HELP, "message": grave, "previous_message": said}
    assert read(workspace.callback(changed)).id == event.id


def test_reactions_come_and_go(workspace: Workspace):
    said = workspace.say(ANNA, "Done")
    added = read(workspace.react(BERND, HELP, said, "thumbsup::skin-tone-3"))
    removed = read(workspace.react(BERND, HELP, said, "+1", added=False))
    own = read(workspace.react(BERND, HELP, said, "parrot"))
    assert [event.text for event in (added, removed, own)] == ["👍🏼", "", ":parrot:"]
    assert added.message_id == removed.message_id == f"{HELP}:{said['ts']}"
    assert len({event.id for event in (added, removed, own)}) == 3
    item = {"type": "file", "file": "F1"}
    assert pushed(workspace.callback({"type": "reaction_added", "user": ANNA, "reaction": "+1", "item": item})).passed_over


def test_files_stay_with_slack_until_they_are_fetched(workspace: Workspace):
    hosted = workspace.add_file("plan.pdf", b"%PDF", "application/pdf")
    foreign = {"id": "F9", "name": "sheet", "mimetype": "application/x", "is_external": True, "url_private": "https://drive.example/1"}
    grave = {"id": "F8", "mode": "tombstone"}
    event = read(workspace.told(workspace.say(ANNA, "", files=[hosted, foreign, grave], subtype="file_share")))
    assert [(file.name, file.media_type, file.url, file.size) for file in event.attachments] == [
        ("plan.pdf", "application/pdf", "slack:F0000", 4),
        ("sheet", "application/x", "https://drive.example/1", None),
    ]


def test_a_message_mentioned_and_said_is_one(workspace: Workspace):
    said = workspace.say(ANNA, f"<@{US}> hi")
    assert read(workspace.told(said)).id == read(workspace.callback({**said, "type": "app_mention", "channel": HELP})).id


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "pinned_item", "message_replied", "bot_add", "ekm_access_denied"])
def test_what_nobody_said_is_passed_over_and_counted(workspace: Workspace, subtype: str):
    batch = pushed(workspace.told(workspace.say(ANNA, "has joined", subtype=subtype)))
    assert (list(batch.events), batch.passed_over) == ([], {f"message {subtype}": 1})


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"nonsense", b"[" * 100_000, b"[]"),
        b'{"event": {"type": "message"}}',
        b'{"event": {"type": "message", "channel": "C1", "ts": "x"}}',
        b'{"event": {"type": "message", "channel": "C1", "ts": "999999999999.1"}}',
        b'{"event": {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": 7}}',
        b'{"event": {"type": "reaction_added", "item": {"type": "message", "channel": "C1", "ts": "1.1"}}}',
    ],
)
def test_a_push_that_cannot_be_read_is_kept_and_read_again_when_asked(body: bytes):
    slack = make()
    response, batches = slack.webhook(request(body))
    assert response.status == 200  # Slack would send it again
    (rejected,) = batches[""].rejected
    assert rejected.raw == body
    assert slack.reread(rejected.raw, NOW).rejected == [rejected]


@pytest.mark.parametrize(
    "payload", [{"type": "app_rate_limited", "minute_rate_limited": 1518467820}, {"type": "new"}, {"event": {"type": "?"}}]
)
def test_unknown_callbacks_are_counted(payload: dict[str, Any]):
    batch = pushed(payload)
    assert not batch.rejected
    assert sum(batch.passed_over.values()) == 1


def filled(value: Any, name: str = "") -> Any:
    """A sample with values where they were blanked."""
    if isinstance(value, dict):
        return {key: filled(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, name) for inner in value]
    if value == "":
        return "1772438400.000100" if name.endswith("ts") or name == "latest_reply" else "U1" if "user" in name else f"a {name}"
    return value


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
def test_every_sample_is_taken_in_or_passed_over_with_a_reason():
    slack, taken = make(), 0
    for path in sorted(SAMPLES.glob("*.json")):
        for value in (json.loads(path.read_text()), filled(json.loads(path.read_text()))):
            batch = slack.reread(json.dumps(value).encode(), NOW)
            assert len(batch.events) + len(batch.rejected) + sum(batch.passed_over.values()) == 1, path.name
        assert not batch.rejected, (path.name, batch.rejected[0].reason)
        taken += len(batch.events)
    assert taken >= 2


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"bot_token": ""},
        {"bot_token": TOKEN},
        {"bot_token": TOKEN, "signing_secret": ""},
        {"bot_token": f"{TOKEN}é", "signing_secret": SECRET},
        {"bot_token": TOKEN, "signing_secret": SECRET, "api_url": "slack.com"},
        {"bot_token": TOKEN, "signing_secret": SECRET, "history": 1001},
    ],
)
def test_settings_that_cannot_work_are_refused_without_repeating_the_secret(config: dict[str, Any]):
    with pytest.raises(ValidationError) as refused:
        SlackConfig.model_validate(config)
    assert TOKEN not in str(refused.value)


def test_a_user_with_nothing_but_an_id_has_that_for_a_name():
    known = people.Directory(US)
    known.learn(User(id="U1"))
    assert known.author("U1", is_self=False).name == known.name("U1") == "U1"
