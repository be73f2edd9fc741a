"""Deliveries on their way in: what is genuine, and what it says."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlmodel import col

from connectors.github import GitHub, hooks, parse
from connectors.github.config import GitHubConfig
from connectors.github.shapes import Remark
from inbox.contract import Batch, ConversationKind, Event, EventKind, Permanent, Refused, Request
from inbox.conversations import receive
from inbox.models import Message, Reaction
from tests.connectors.forgeries import variants
from tests.connectors.github.fake import ANNA, BERND, MORNING, REPOSITORY, SECRET, TOKEN, Repository, delivery, person, stamp
from tests.make import MONDAY, Make

SAMPLES = Path(__file__).parents[4] / "shared/samples/github"


@pytest.fixture
def repository() -> Repository:
    return Repository()


@cache
def make(**more: Any) -> GitHub:
    given = {"repository": REPOSITORY, "access_token": TOKEN, "webhook_secret": SECRET}
    return GitHub(GitHubConfig.model_validate(given | more))


def request(name: str, body: bytes, secret: str = SECRET) -> Request:
    headers = {hooks.EVENT: name, hooks.SIGNATURE: hooks.sign(body, secret).decode(), "x-github-delivery": "72d3162e"}
    return Request("POST", headers, {}, body, MONDAY)


def pushed(name: str, payload: Any) -> Batch:
    _, batches = make().webhook(request(name, json.dumps(payload).encode()))
    return batches[""]


def read(name: str, action: str, **parts: Any) -> Event:
    batch = pushed(name, delivery(action, **parts))
    assert not batch.rejected, batch.rejected
    (event,) = batch.events
    return event


def test_the_published_signature_fits():
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation"""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    given = Request("POST", {hooks.SIGNATURE: signature}, {}, b"Hello, World!", MONDAY)
    hooks.verify(given, "It's a Secret to Everybody")
    for secret in ("It's a secret to Everybody", ""):
        with pytest.raises(Refused):
            hooks.verify(given, secret)


def test_a_thousand_forgeries_are_refused(repository: Repository):
    issue = repository.open(ANNA, "It is broken")
    github, genuine = make(), request("issues", json.dumps(delivery("opened", issue=issue)).encode())
    github.webhook(genuine)
    count = 0
    for body, signature in variants(genuine.body, genuine.headers[hooks.SIGNATURE]):
        with pytest.raises(Refused) as refused:
            github.webhook(replace(genuine, body=body, headers={**genuine.headers, hooks.SIGNATURE: signature}))
        assert refused.value.status == 401
        count += 1
    assert count >= 1000


def test_a_channel_without_a_secret_takes_no_push_and_no_other_method():
    for given in (None, "", " "):
        with pytest.raises(Refused) as refused:
            make(webhook_secret=given).webhook(request("ping", b"{}", secret=""))
        assert refused.value.status == 404
    with pytest.raises(Refused):
        make().webhook(replace(request("ping", b"{}"), method="GET"))


def test_an_issue_is_the_first_message_of_its_conversation(repository: Repository):
    words = "Since *Monday*, @Parley-Bot and @bernd.\nMail me@example.com"
    issue = repository.open(ANNA, "It is broken", words, author_association="MEMBER")
    event = read("issues", "opened", issue=issue)
    assert (event.id, event.message_id, event.thread_id, event.parent_id) == ("message:issues/1", "issues/1", "issues/1", None)
    assert event.post is not None
    assert (event.post.id, event.post.title, event.post.url) == ("issues/1", "#1 It is broken", issue["html_url"])
    assert (event.mentions, event.conversation_kind, event.permalink) == (
        ("parley-bot", "bernd"),
        ConversationKind.COMMENTS,
        issue["html_url"],
    )
    assert event.author is not None
    assert (event.author.id, event.author.handle, event.author.roles) == ("anna", "anna", ("MEMBER",))
    assert event.text == words


def test_comments_are_said_edited_and_deleted(repository: Repository):
    issue = repository.open(ANNA, "It is broken")
    comment = repository.say(BERND, "For me too", issue)
    said = read("issue_comment", "created", issue=issue, comment=comment)
    assert (said.message_id, said.thread_id, said.text) == (f"issues/1#{comment['id']}", "issues/1", "For me too")
    assert said.post == read("issues", "opened", issue=issue).post
    edited = read("issue_comment", "edited", issue=issue, comment=repository.edit(comment, "Not for me"))
    assert (edited.kind, edited.message_id, edited.text, stamp(edited.at)) == (
        EventKind.EDIT,
        said.message_id,
        "Not for me",
        comment["updated_at"],
    )
    gone = read("issue_comment", "deleted", issue=issue, comment=comment)
    assert (gone.kind, gone.message_id) == (EventKind.DELETE, said.message_id)


@pytest.mark.parametrize("action", ["deleted", "transferred"])
def test_an_issue_that_is_gone_from_here_is_deleted(repository: Repository, action: str):
    event = read("issues", action, issue=repository.open(ANNA, "It is broken"))
    assert (event.kind, event.message_id) == (EventKind.DELETE, "issues/1")


def test_discussions_are_read_like_issues(repository: Repository):
    topic = {"number": 5, "node_id": "D_5", "title": "Ideas", "body": "Any?", "html_url": "https://github.com/shop/help/discussions/5"}
    topic |= {"user": person(ANNA), "created_at": stamp(MORNING), "updated_at": stamp(MORNING), "author_association": "NONE"}
    comment = {
        "id": 9,
        "node_id": "DC_kwDO9",
        "parent_id": 8,
        "body": "Yes",
        "user": None,
        "html_url": f"{topic['html_url']}#discussioncomment-9",
    }
    comment |= {"created_at": stamp(MORNING), "updated_at": stamp(MORNING)}
    assert read("discussion", "created", discussion=topic).message_id == "discussions/5"
    said = read("discussion_comment", "created", discussion=topic, comment=comment)
    assert (said.message_id, said.thread_id, said.author and said.author.name) == ("discussions/5#DC_kwDO9", "discussions/5", "ghost")
    assert read("discussion_comment", "edited", discussion=topic, comment=comment | {"updated_at": stamp(MONDAY)}).kind == EventKind.EDIT
    assert read("discussion_comment", "deleted", discussion=topic, comment=comment).kind == EventKind.DELETE


def test_our_key_comes_back_and_is_not_shown(repository: Repository):
    issue = repository.open(ANNA, "It is broken")
    for key in ("a-key", "key:1/ü -->", "--> x"):
        comment = repository.say("Parley-Bot", parse.marked("At nine.\n", key), issue)
        event = read("issue_comment", "created", issue=issue, comment=comment)
        assert (event.text, event.client_key) == ("At nine.", key)
    assert parse.words("<!-- parley:x --> y") == ("<!-- parley:x --> y", None)


def test_a_delivery_may_come_as_a_form(repository: Repository):
    payload = json.dumps(delivery("opened", issue=repository.open(ANNA, "Ä & ö", "+")))
    _, batches = make().webhook(request("issues", urlencode({"payload": payload}).encode()))
    assert [event.text for event in batches[""].events] == ["+"]


def test_what_means_nothing_here_is_counted(repository: Repository):
    issue, pull = repository.open(ANNA, "It is broken"), repository.open(ANNA, "Mended", pull_request={"url": "x"})
    comment = repository.say(ANNA, "Hi", pull)
    theirs = delivery("opened", issue=issue) | {"repository": {"full_name": "shop/other"}}
    given = [
        ("ping", {"zen": "Design for failure.", "hook_id": 1}, "event ping"),
        ("star", delivery("created"), "event star"),
        ("issues", delivery("locked", issue=issue), "issues locked"),
        ("issues", delivery("labeled", issue=issue), "issues labeled"),
        ("discussion", delivery("answered"), "discussion answered"),
        ("issue_comment", delivery("created", issue=pull, comment=comment), "a pull request"),
        ("issues", theirs, "another repository"),
    ]
    for name, payload, reason in given:
        batch = pushed(name, payload)
        assert (list(batch.events), list(batch.rejected), batch.passed_over) == ([], [], {reason: 1})


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\xff", b"nonsense", b"[" * 100_000, b"[]", b"payload=", b"payload=%7B"),
        b'{"action": "opened"}',
        b'{"action": "opened", "issue": {"number": 1, "created_at": "yesterday"}}',
        b'{"action": "opened", "issue": {"number": 1, "created_at": "2026-03-02T08:00:00"}}',
    ],
)
def test_a_delivery_that_cannot_be_read_is_kept_and_read_again_when_asked(body: bytes):
    github = make()
    response, batches = github.webhook(request("issues", body))
    assert response.status == 200
    (rejected,) = batches[""].rejected
    assert github.reread(rejected.raw, MONDAY).rejected == [rejected]
    assert github.reread(b"nonsense", MONDAY).rejected


@pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not here")
def test_every_sample_is_taken_in_or_passed_over_with_a_reason():
    taken = 0
    for path in sorted(SAMPLES.glob("*/*.json")):
        payload = json.loads(path.read_text())
        batch = hooks.take(path.parent.name, path.read_bytes(), payload["repository"]["full_name"], MONDAY)
        assert not batch.rejected, (path.name, batch.rejected)
        assert len(batch.events) + sum(batch.passed_over.values()) == 1, path.name
        taken += len(batch.events)
    assert taken >= 12


@pytest.mark.parametrize("seed", range(4))
async def test_the_order_of_delivery_makes_no_difference(session: Any, make: Make, seed: int):
    channel = await make.channel(await make.workspace(), platform="github", account_id="parley-bot")
    repository = Repository()
    issue = repository.open(ANNA, "It is broken", "Wen?")
    first, second = repository.say(BERND, "For me too", issue), repository.say(ANNA, "Never mind", issue)
    story = [
        ("issues", delivery("opened", issue=dict(issue))),
        ("issue_comment", delivery("created", issue=issue, comment=dict(first))),
        ("issue_comment", delivery("created", issue=issue, comment=dict(second))),
        ("issues", delivery("edited", issue=dict(repository.edit(issue, "When?")))),
        ("issue_comment", delivery("deleted", issue=issue, comment=second)),
    ]
    random.Random(seed).shuffle(story)
    for name, payload in [*story, *story]:
        batch = hooks.take(name, json.dumps(payload).encode(), REPOSITORY, datetime.now(UTC))
        await receive.receive(session, channel, batch, now=datetime.now(UTC), move_cursor=False)
        session.expunge_all()
    shown = (Message.external_id, Message.body, col(Message.deleted_at).is_not(None))
    rows = [tuple(row) for row in await session.execute(select(*shown).order_by(col(Message.at)))]
    assert rows == [("issues/1", "When?", False), ("issues/1#2", "For me too", False), ("issues/1#3", rows[2][1], True)]
    assert not (await session.scalars(select(Reaction))).all()


@pytest.mark.parametrize("message_id", ["", "issues", "issues/x", "pulls/1", "issues/1#a b", "issues/1/../2"])
def test_an_id_that_is_none_leads_nowhere(message_id: str):
    with pytest.raises(Permanent):
        parse.split(message_id)


def test_a_comment_without_a_name_cannot_be_read():
    told = Remark.model_validate({"created_at": stamp(MORNING)})
    for kind in (parse.ISSUES, parse.DISCUSSIONS):
        with pytest.raises(ValueError, match="name"):
            parse.remark(kind, 1, told, {})


@pytest.mark.parametrize(
    "config",
    [
        {"repository": "shop"},
        {"repository": "shop/help/more"},
        {"access_token": ""},
        {"access_token": f"{TOKEN}é"},
        {"api_url": "api.github.com"},
        {"history": 366},
    ],
)
def test_settings_that_cannot_work_are_refused_without_repeating_the_secret(config: dict[str, Any]):
    with pytest.raises(ValidationError) as refused:
        make(**config)
    assert TOKEN not in str(refused.value)
    assert make(repository=" https://github.com/Shop/Help.git ")._config.repository == "Shop/Help"
    assert make(api_url="https://ghe.example/api/v3/")._config.graphql_url == "https://ghe.example/api/graphql"


def test_an_action_that_is_no_word_is_kept_with_the_events_name():
    (kept,) = pushed("issue_comment", {"action": [[]], "repository": {"full_name": REPOSITORY}}).rejected
    assert json.loads(kept.raw)["event"] == "issue_comment"
