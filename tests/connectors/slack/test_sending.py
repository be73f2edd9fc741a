"""Replies and actions, before the fake."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from starlette.responses import PlainTextResponse

from connectors import http
from connectors.slack import Slack, sending
from inbox.contract import Action, Ambiguous, Attachment, AuthError, Permanent, Reply, WindowClosed
from tests.connectors.slack.fake import ANNA, CHAT, HELP, US, Json, Refusal, Workspace, serving
from tests.connectors.slack.talk import connected

PLAN = Attachment("plan.txt", "text/plain", b"first floor")
MAP = Attachment("map.png", "image/png", b"PNG")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr(sending, "PAUSE", 0.0)
    yield
    http.allow([])


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    found = Workspace()
    async with serving(found):
        yield found


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[Slack]:
    async with connected(workspace) as found:
        await found.check()
        yield found


def answer(said: Json, text: str = "At nine.", channel: str = HELP, **more: object) -> Reply:
    return replace(Reply("our-key", "", text, parent_id=f"{channel}:{said['ts']}", post_id=channel), **more)


async def test_an_answer_to_a_message_in_a_channel_begins_its_thread(slack: Slack, workspace: Workspace):
    said = workspace.say(ANNA, "When?")
    receipt = await slack.send(answer(said, "At <9> & *sharp*, <@U0ANNA>"))
    sent = workspace.messages[HELP][-1]
    assert (sent["thread_ts"], sent["text"]) == (said["ts"], "At &lt;9&gt; &amp; *sharp*, &lt;@U0ANNA&gt;")
    assert sent["metadata"] == {"event_type": "parley_reply", "event_payload": {"key": "our-key"}}
    assert receipt.message_id == f"{HELP}:{sent['ts']}"
    link = f"https://shop.slack.com/archives/{HELP}/p{sent['ts'].replace('.', '')}?thread_ts={said['ts']}&cid={HELP}"
    assert receipt.permalink == link


async def test_an_answer_in_a_thread_stays_there_and_one_to_a_chat_does_not_begin_one(slack: Slack, workspace: Workspace):
    root, said = workspace.say(ANNA, "When?"), workspace.say(ANNA, "Hello", CHAT)
    within = workspace.say(ANNA, "?", thread_ts=root["ts"])
    await slack.send(answer(within, thread_id=f"{HELP}:{root['ts']}"))
    assert workspace.messages[HELP][-1]["thread_ts"] == root["ts"]
    await slack.send(answer(said, thread_id=CHAT, post_id=None))
    assert "thread_ts" not in workspace.messages[CHAT][-1]


async def test_a_private_answer_goes_to_the_person_alone(slack: Slack, workspace: Workspace):
    said = workspace.say(ANNA, "When?")
    receipt = await slack.send(answer(said, private=True, recipient=ANNA))
    assert receipt.message_id.startswith(f"{CHAT}:")
    assert ("conversations.open", {"users": ANNA}) in workspace.calls
    assert workspace.messages[CHAT][-1]["text"] == "At nine."
    await slack.act(Action.PRIVATE_REPLY, f"{HELP}:{said['ts']}", "Psst")
    assert workspace.messages[CHAT][-1]["text"] == "Psst"


async def test_files_are_handed_in_first_and_shown_with_the_words(slack: Slack, workspace: Workspace):
    said, workspace.looks_at_files = workspace.say(ANNA, "Where?"), 2
    receipt = await slack.send(answer(said, "Here & there", attachments=(PLAN, MAP)))
    sent = workspace.messages[HELP][-1]
    assert (sent["text"], sent["thread_ts"], [file["title"] for file in sent["files"]]) == (
        "Here &amp; there",
        said["ts"],
        ["plan.txt", "map.png"],
    )
    assert workspace.contents == {"F0000": b"first floor", "F0001": b"PNG"}
    assert receipt.message_id == f"{HELP}:{sent['ts']}"
    assert await slack.fetch_file("slack:F0000") == b"first floor"
    again = await slack.find_sent(answer(said, "Here & there", attachments=(PLAN, MAP)))
    assert again == receipt
    assert await slack.find_sent(answer(said, "Here & there", attachments=(PLAN,))) is None


async def test_files_that_slack_never_shows_leave_a_doubt(slack: Slack, workspace: Workspace):
    workspace.looks_at_files = 100
    with pytest.raises(Ambiguous):
        await slack.send(answer(workspace.say(ANNA, "Where?"), attachments=(PLAN,)))


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "conversations.open"])
async def test_what_fails_before_anything_is_sent_leaves_no_doubt(slack: Slack, workspace: Workspace, method: str):
    workspace.refusals[method] = [Refusal(response=PlainTextResponse("no", 500))]
    reply = answer(workspace.say(ANNA, "?"), attachments=(PLAN,), private=True, recipient=ANNA)
    with pytest.raises(Exception) as failed:  # noqa: PT011  # of which kind is what is asked
        await slack.send(reply)
    assert not isinstance(failed.value, Ambiguous)
    assert [said for said in workspace.messages[HELP] if said["user"] == US] == []


@pytest.mark.parametrize("channel", [HELP, CHAT])
async def test_a_reply_in_doubt_is_found_by_its_key(slack: Slack, workspace: Workspace, channel: str):
    said = workspace.say(ANNA, "When?", channel)
    thread = "" if channel == HELP else CHAT
    reply = answer(said, channel=channel, thread_id=thread)
    assert await slack.find_sent(reply) is None
    workspace.lost_answers = 1
    with pytest.raises(Ambiguous):
        await slack.send(reply)
    found = await slack.find_sent(reply)
    assert found is not None
    assert found.message_id == f"{channel}:{workspace.messages[channel][-1]['ts']}"
    assert await slack.find_sent(replace(reply, key="another")) is None


async def test_actions_are_done_and_again_is_not_twice(slack: Slack, workspace: Workspace):
    said, ours = workspace.say(ANNA, "When?"), workspace.say(US, "At nine")
    for _ in range(2):
        await slack.act(Action.LIKE, f"{HELP}:{said['ts']}")
        await slack.act(Action.EDIT, f"{HELP}:{ours['ts']}", "At <ten>")
    assert (said["reactions"], ours["text"]) == ([{"name": "+1", "users": [US], "count": 1}], "At &lt;ten&gt;")
    for _ in range(2):
        await slack.act(Action.DELETE, f"{HELP}:{ours['ts']}")
    assert workspace.messages[HELP] == [said]
    for action in (Action.EDIT, Action.DELETE, Action.HIDE):
        with pytest.raises(Permanent):
            await slack.act(action, f"{HELP}:{said['ts']}", "Mine")
    with pytest.raises(Permanent):
        await slack.act(Action.LIKE, f"{HELP}:1.1")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("key", "", "Hello"), Permanent),
        (Reply("key", HELP, " "), Permanent),
        (Reply("key", "C0GONE:1.1", "Hello"), WindowClosed),
        (Reply("key", HELP, "Hello", attachments=(replace(PLAN, content=None),)), Permanent),
    ],
)
async def test_what_cannot_be_sent_is_told_before(slack: Slack, workspace: Workspace, reply: Reply, expected: type[Exception]):
    with pytest.raises(expected):
        await slack.send(reply)


async def test_a_file_is_fetched_with_the_token_from_slack_alone(slack: Slack, workspace: Workspace):
    file = workspace.add_file("page.bin", b"bytes", "application/octet-stream")
    assert await slack.fetch_file("slack:F0000") == b"bytes"
    file["url_private"] = file["url_private"].replace("127.0.0.1", "localhost")  # not where the API is: no token goes there
    with pytest.raises(AuthError, match="files:read"):
        await slack.fetch_file("slack:F0000")
    for broken in ({"url_private": None}, {"id": 7}):
        file |= broken
        with pytest.raises(Permanent):
            await slack.fetch_file("slack:F0000")
    with pytest.raises(Permanent):
        await slack.fetch_file("slack:F9999")
