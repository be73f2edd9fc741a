"""The repository as a stream, before the fake, and answers to it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors import http
from connectors.github import GitHub, connector
from connectors.github.api import pause, standing
from connectors.github.config import GitHubConfig
from connectors.github.place import MOST_KNOWN, Place
from inbox.contract import (
    Action,
    Ambiguous,
    Attachment,
    AuthError,
    CursorExpired,
    EventKind,
    Permanent,
    RateLimited,
    Reply,
    Standing,
    Transient,
    WindowClosed,
)
from tests.connectors.github.fake import ANNA, BERND, MORNING, NOW, REPOSITORY, TOKEN, US, Refusal, Repository, serving
from tests.connectors.slack.talk import Listener


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr(connector, "OFTEN", 0.02)
    yield
    http.allow([])


@pytest.fixture
async def repository() -> AsyncIterator[Repository]:
    found = Repository()
    async with serving(found):
        yield found


@asynccontextmanager
async def connected(repository: Repository, **more: Any) -> AsyncIterator[GitHub]:
    given = {"repository": REPOSITORY, "access_token": TOKEN, "api_url": repository.address, "discussions": True}
    github = GitHub(GitHubConfig.model_validate(given | more))
    try:
        yield github
    finally:
        await github.aclose()


async def looked(repository: Repository, cursor: str | None, **more: Any) -> Listener:
    """One look."""
    async with connected(repository, **more) as github, aclosing(github.stream(cursor)) as batches:
        heard = Listener(batches)
        await heard.until(lambda: heard.cursor)
        return heard


async def test_the_first_look_brings_issues_comments_and_discussions_in_order(repository: Repository):
    issue = repository.open(ANNA, "It is broken", "Since Monday")
    repository.say(BERND, "For me too", issue)
    topic = repository.discuss(ANNA, "Ideas", "Any?")
    below = repository.remark(BERND, "Yes", topic)
    repository.remark(ANNA, "Which?", topic, below)
    repository.open(ANNA, "Mended", "A pull request", pull_request={"url": "x"})
    heard = await looked(repository, None)
    assert [event.text for event in heard.events] == ["Since Monday", "For me too", "Any?", "Yes", "Which?"]
    assert [event.thread_id for event in heard.events] == ["issues/1", "issues/1", "discussions/3", "discussions/3", "discussions/3"]
    assert heard.events[3].message_id == f"discussions/3#{below['id']}"
    assert [event.post.title for event in heard.events if event.post] == ["#1 It is broken", "", "#3 Ideas", "#3 Ideas", "#3 Ideas"]
    assert heard.passed == ["a pull request"]


async def test_history_goes_as_far_back_as_asked(repository: Repository):
    repository._clock = NOW - timedelta(days=10)
    repository.open(ANNA, "Old", "Old")
    repository._clock = MORNING
    repository.open(ANNA, "New", "New")
    assert [event.text for event in (await looked(repository, None)).events] == ["New"]
    assert [event.text for event in (await looked(repository, None, history=30)).events] == ["Old", "New"]


async def test_250_comments_during_a_pause_are_caught_up_in_order_and_once(repository: Repository):
    issues = [repository.open(ANNA, "One", ""), repository.open(ANNA, "Two", "")]
    topic, repository.page = repository.discuss(ANNA, "Ideas", ""), 30
    cursor = (await looked(repository, None)).cursor
    for number in range(250):
        if number % 5 == 4:
            repository.remark(BERND, f"Number {number}", topic)
        else:
            repository.say(BERND, f"Number {number}", issues[number % 2])
    heard = await looked(repository, cursor)
    assert [event.text for event in heard.events if event.text.startswith("Number")] == [f"Number {number}" for number in range(250)]
    assert len({event.id for event in heard.events}) == len(heard.events)
    again = await looked(repository, cursor)  # nothing was committed
    assert [event.id for event in again.events] == [event.id for event in heard.events]
    after = await looked(repository, heard.cursor)
    assert {event.id for event in after.events} <= {event.id for event in heard.events}


async def test_the_token_goes_to_no_other_host_though_a_list_says_that_it_goes_on_there(repository: Repository):
    for number in range(3):
        repository.open(ANNA, f"Number {number}", "")
    other = Repository(page=1)
    async with serving(other) as address:
        repository.page, repository.next_at = 1, address
        await looked(repository, None)
    assert other.requests == []


async def test_edits_of_a_pause_are_found_and_only_those(repository: Repository):
    issue, topic = repository.open(ANNA, "It is broken", "Wen?"), repository.discuss(ANNA, "Ideas", "Any")
    comment, remark = repository.say(BERND, "Me to", issue), repository.remark(BERND, "Yes", topic)
    other = repository.open(ANNA, "Other", "Words")
    cursor = (await looked(repository, None)).cursor
    for said, text in ((issue, "When?"), (comment, "Me too"), (remark, "No")):
        repository.edit(said, text)
    topic["updatedAt"], other["updated_at"] = repository.tick(), repository.tick()  # somebody has set a label
    heard = await looked(repository, cursor)
    edits = [(event.message_id, event.text) for event in heard.events if event.kind is EventKind.EDIT]
    assert edits == [("issues/1", "When?"), (f"issues/1#{comment['id']}", "Me too"), (f"discussions/2#{remark['id']}", "No")]


async def test_reactions_are_found_by_looking(repository: Repository):
    issue = repository.open(ANNA, "It is broken", "Help")
    comment = repository.say(US, "At nine", issue)
    repository.react(ANNA, f"issues/comments/{comment['id']}", comment, "heart")
    repository.react(BERND, "issues/1", issue, "eyes")
    heard = await looked(repository, None)
    found = [(event.message_id, event.text, event.author and event.author.id) for event in heard.events if event.kind is EventKind.REACTION]
    assert found == [(f"issues/1#{comment['id']}", "❤️", "anna"), ("issues/1", "👀", "bernd")]


async def test_a_look_at_what_has_not_changed_costs_nothing(repository: Repository):
    repository.open(ANNA, "It is broken", "Help")
    async with connected(repository, discussions=False) as github, aclosing(github.stream(None)) as batches:
        heard = Listener(batches)
        for _ in range(5):
            heard.cursor = None
            await heard.until(lambda: heard.cursor)
    assert len(repository.requests) == 10
    assert [event.text for event in heard.events] == ["Help", "Help"]  # the second look begins anew, the others are answered 304


async def test_an_entry_that_cannot_be_read_is_kept_once_and_its_neighbours_come_in(repository: Repository):
    issue = repository.open(ANNA, "It is broken", "Help")
    broken = repository.say(ANNA, "Broken", issue, id="x")
    repository.say(ANNA, "Whole", issue)
    async with connected(repository) as github, aclosing(github.stream(None)) as batches:
        heard = Listener(batches)
        for _ in range(3):
            heard.cursor = None
            await heard.until(lambda: heard.cursor)
        assert {event.text for event in heard.events} == {"Help", "Whole"}
        (rejected,) = heard.rejected
        assert b"Broken" in rejected.raw
        assert github.reread(rejected.raw, NOW).rejected == [rejected]
        assert broken["body"] == "Broken"


@pytest.mark.parametrize(
    ("refusal", "expected", "seconds"),
    [
        (Refusal(401, "Bad credentials"), AuthError, None),
        (Refusal(429, "Slow down", retry_after="7"), RateLimited, 7),
        (Refusal(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="1"), RateLimited, 0),
        (Refusal(500), Transient, None),
        (Refusal(404, "Not Found"), WindowClosed, None),
        (Refusal(200, "not a list"), Transient, None),
    ],
)
async def test_trouble_while_looking_says_what_it_is(
    repository: Repository, refusal: Refusal, expected: type[Exception], seconds: int | None
):
    repository.refusals = [refusal]
    with pytest.raises(expected) as failed:
        await looked(repository, None)
    if isinstance(failed.value, RateLimited):
        assert failed.value.retry_after == seconds
    assert len(repository.requests) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"type": "RATE_LIMITED", "message": "API rate limit exceeded"}, RateLimited),
        ({"type": "FORBIDDEN", "message": "Resource not accessible"}, AuthError),
        ({"type": "NOT_FOUND", "message": "Could not resolve to a Repository"}, WindowClosed),
        ({"message": "Something went wrong"}, Permanent),
        ("nonsense", Permanent),
    ],
)
async def test_trouble_of_the_other_api_comes_with_200(repository: Repository, error: Any, expected: type[Exception]):
    repository.graphql_errors = [error]
    with pytest.raises(expected):
        await looked(repository, None)


async def test_the_quota_and_the_tokens_end_are_told(repository: Repository):
    async with connected(repository) as github:
        assert github.standing == Standing()
        author = await github.check()
        assert (author.id, author.name, author.is_self) == ("parley-bot", "Parley-Bot", True)
        told = github.standing
    assert (told.quota_used, told.quota_limit) == (2, 5000)
    assert told.token_expires_at == datetime(2036, 12, 31, 9, tzinfo=UTC)
    assert standing({}, told) == told
    assert standing({"github-authentication-token-expiration": "2036-12-31 09:00:00 +0200"}, Standing()).token_expires_at == datetime(
        2036, 12, 31, 7, tzinfo=UTC
    )


def test_a_refusal_that_is_no_limit_waits_for_nothing():
    assert pause({}, "Resource not accessible", 403) is None
    assert pause({"x-ratelimit-remaining": "0"}, "", 403) == 60
    assert pause({"retry-after": "5"}, "", 404) is None


def answer(thread: str, **more: Any) -> Reply:
    return replace(Reply("our-key", thread, "At <nine>, @anna."), **more)


async def test_an_answer_to_an_issue_is_a_comment_below_it(repository: Repository):
    issue = repository.open(ANNA, "It is broken", "When?")
    async with connected(repository) as github:
        receipt = await github.send(answer("issues/1", parent_id="issues/1", post_id="issues/1"))
        (sent,) = repository.comments.values()
        assert (receipt.message_id, receipt.permalink) == (f"issues/1#{sent['id']}", sent["html_url"])
        assert sent["body"] == "At <nine>, @anna.\n\n<!-- parley:our-key -->"
        assert await github.find_sent(answer("issues/1")) == receipt
        assert await github.find_sent(answer("issues/1", key="another")) is None
        (echo,) = [event for event in (await looked(repository, None)).events if event.author and event.author.id == "parley-bot"]
        assert (echo.message_id, echo.text, echo.client_key) == (receipt.message_id, "At <nine>, @anna.", "our-key")
        issue["locked"] = True
        with pytest.raises(WindowClosed):
            await github.send(answer("issues/1"))


async def test_an_answer_in_a_discussion_goes_under_the_comment_or_beside_its_answers(repository: Repository):
    topic = repository.discuss(ANNA, "Ideas", "Any?")
    below = repository.remark(BERND, "Yes", topic)
    under = repository.remark(ANNA, "Which?", topic, below)
    async with connected(repository) as github:
        for parent, expected in (
            (f"discussions/1#{under['id']}", below["id"]),
            (f"discussions/1#{below['id']}", below["id"]),
            (None, None),
        ):
            receipt = await github.send(answer("discussions/1", parent_id=parent, key=f"key {parent}"))
            sent = repository._named(receipt.message_id.partition("#")[2])
            assert sent is not None
            assert (sent["replyTo"] or {}).get("id") == expected
            assert await github.find_sent(answer("discussions/1", key=f"key {parent}")) == receipt
        await github.send(answer("discussions/1", parent_id="discussions/1#DC_gone"))


async def test_an_answer_whose_confirmation_was_lost_is_found(repository: Repository):
    repository.open(ANNA, "It is broken", "When?")
    repository.discuss(ANNA, "Ideas", "Any?")
    async with connected(repository) as github:
        for thread in ("issues/1", "discussions/2"):
            assert await github.find_sent(answer(thread)) is None
            repository.lost_answers = 1
            with pytest.raises(Ambiguous):
                await github.send(answer(thread))
            found = await github.find_sent(answer(thread))
            assert found is not None
            assert found.message_id.startswith(f"{thread}#")


@pytest.mark.parametrize(
    "reply",
    [
        answer(""),
        answer("issues/1", text=" "),
        answer("issues/1", private=True),
        answer("issues/1", attachments=(Attachment("a", "b", b"c"),)),
    ],
)
async def test_what_cannot_be_sent_is_told_before(repository: Repository, reply: Reply):
    async with connected(repository) as github:
        with pytest.raises(Permanent):
            await github.send(reply)
    assert repository.requests == []


async def test_actions_are_done_and_again_is_not_twice(repository: Repository):
    issue, topic = repository.open(ANNA, "It is broken", "When?"), repository.discuss(ANNA, "Ideas", "Any?")
    comment, remark = repository.say(US, "At nine", issue), repository.remark(US, "Yes", topic)
    names = (f"issues/1#{comment['id']}", f"discussions/2#{remark['id']}")
    async with connected(repository) as github:
        for name, node in zip(names, (comment["node_id"], remark["id"]), strict=True):
            for action, classifier in ((Action.HIDE, "OFF_TOPIC"), (Action.SPAM, "SPAM")):
                await github.act(action, name)
                assert repository.hidden == {node: classifier}
            await github.act(Action.UNHIDE, name)
            assert repository.hidden == {}
            await github.act(Action.LIKE, name)
            await github.act(Action.EDIT, name, "At ten")
        for name in ("issues/1", "discussions/2"):
            await github.act(Action.LIKE, name)
            await github.act(Action.EDIT, name, "Edited")
            with pytest.raises(Permanent):
                await github.act(Action.HIDE, name)
        assert [comment["body"], remark["body"], issue["body"], topic["body"]] == ["At ten", "At ten", "Edited", "Edited"]
        assert set(repository.reactions) == {f"issues/comments/{comment['id']}", remark["id"], "issues/1", topic["id"]}
        for name in names * 2:
            await github.act(Action.DELETE, name)
        assert (repository.comments, topic["comments"]) == ({}, [])
        with pytest.raises(Permanent):
            await github.act(Action.APPROVE, names[0])


async def test_everything_below_an_issue_is_listed_and_counted(repository: Repository):
    issue, topic = repository.open(ANNA, "It is broken", "When?"), repository.discuss(ANNA, "Ideas", "Any?")
    repository.say(BERND, "Me too", issue)
    repository.remark(ANNA, "Which?", topic, repository.remark(BERND, "Yes", topic))
    streamed = {event.id for event in (await looked(repository, None)).events}
    async with connected(repository) as github:
        listed = [event.id for post in ("issues/1", "discussions/2") async for batch in github.listed(post) for event in batch.events]
        assert (set(listed), len(listed)) == (streamed, 5)
        assert [await github.counts(post) for post in ("issues/1", "discussions/2")] == [1, 2]


@pytest.mark.parametrize(
    "cursor", ["", "x", "{}", '{"since": {"issues": "2026-03-02T08:00:00"}, "known": {}}', '{"since": {"issues": "x"}, "known": {}}']
)
def test_a_place_that_is_not_readable_is_told(cursor: str):
    with pytest.raises(CursorExpired):
        Place.parse(cursor, ("issues",), NOW)


def test_a_place_stays_small_never_goes_back_and_takes_new_lists():
    place = Place({"issues": NOW})
    place.reached("issues", MORNING)
    for number in range(MOST_KNOWN + 10):
        assert not place.note(f"issues/{number}", "a")
    assert (place.since, len(place.known)) == ({"issues": NOW}, MOST_KNOWN)
    assert place.note("issues/100", "b")
    assert not place.note("issues/100", "b")
    assert Place.parse(str(place), ("issues", "discussions"), MORNING) == Place({"issues": NOW, "discussions": MORNING}, place.known)
