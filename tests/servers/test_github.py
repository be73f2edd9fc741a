"""GitHub's issues before `emulate`, somebody else's understanding of GitHub's documents."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connectors import http
from connectors.github import GitHub
from connectors.github.config import GitHubConfig
from inbox import contract
from inbox.contract import Action, Ambiguous, Event, EventKind, Reply, Transient, WindowClosed
from tests.connectors.slack.talk import Listener
from tests.servers.emulate import Emulated, running

pytestmark = pytest.mark.servers
OURS, ANNA, SECRET = "hunter2-ours", "hunter2-anna", "a long secret of ours"
SEED = {
    "tokens": {OURS: {"login": "parley", "scopes": ["repo"]}, ANNA: {"login": "anna", "scopes": ["repo", "admin:repo_hook"]}},
    "github": {
        "users": [{"login": "anna", "name": "Anna Ash"}, {"login": "parley", "name": "Parley"}],
        "repos": [{"owner": "anna", "name": "help", "auto_init": True}],
    },
}


@pytest.fixture(autouse=True)
def _on_this_machine():
    http.allow(["127.0.0.1"])
    yield
    http.allow(())


class Person:
    """Somebody who uses GitHub by its API."""

    def __init__(self, emulated: Emulated) -> None:
        self._emulated = emulated

    async def ask(self, method: str, path: str, content: Any = None) -> Any:
        async with httpx.AsyncClient(timeout=30) as client:
            url = f"http://127.0.0.1:{self._emulated.port}/repos/anna/help/{path}"
            answer = await client.request(method, url, json=content, headers={"authorization": f"Bearer {ANNA}"})
        answer.raise_for_status()
        return answer.json() if answer.content else None

    async def open(self, title: str, body: str) -> int:
        return int((await self.ask("POST", "issues", {"title": title, "body": body}))["number"])

    async def say(self, issue: int, body: str) -> int:
        return int((await self.ask("POST", f"issues/{issue}/comments", {"body": body}))["id"])


async def adds(client: httpx.AsyncClient, request: Request, body: bytes) -> Response | None:
    """The comments of all issues: emulate has that list, but takes its address for that of an issue called "comments"."""
    if (request.method, request.url.path) != ("GET", "/repos/anna/help/issues/comments"):
        return None
    headers = {"authorization": request.headers["authorization"]}
    found: list[Any] = []
    for issue in await whole(client, "/repos/anna/help/issues?state=all", headers):
        found += await whole(client, f"/repos/anna/help/issues/{issue['number']}/comments?", headers)
    changed = [said for said in found if said["updated_at"] >= request.query_params["since"]]
    return JSONResponse(sorted(changed, key=lambda said: said["updated_at"]))


async def whole(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> list[Any]:
    found: list[Any] = []
    for number in range(1, 50):
        page = (await client.get(f"{path}&per_page=100&page={number}", headers=headers)).json()
        found += page
        if len(page) < 100:
            break
    return found


@pytest.fixture(scope="module")
async def emulated() -> AsyncIterator[Emulated]:
    async with running("github", SEED, adds) as found:
        await hook(found)
        yield found


async def hook(emulated: Emulated) -> None:
    config = {"url": f"{emulated.address}/hook", "content_type": "json", "secret": SECRET}
    await Person(emulated).ask("POST", "hooks", {"config": config, "events": ["issues", "issue_comment"], "active": True})


@pytest.fixture
async def github(emulated: Emulated) -> AsyncIterator[GitHub]:
    found = connector(emulated, OURS)
    yield found
    await found.aclose()


@pytest.fixture
async def anna(emulated: Emulated) -> Person:
    return Person(emulated)


def connector(emulated: Emulated, token: str) -> GitHub:
    given = {"repository": "anna/help", "access_token": token, "webhook_secret": SECRET, "api_url": emulated.address}
    return GitHub(GitHubConfig.model_validate(given))


async def heard(github: GitHub, emulated: Emulated, count: int) -> list[Event]:
    """What emulate has pushed, as our webhook takes it in."""
    events: list[Event] = []
    async with asyncio.timeout(20):
        while len(events) < count:
            headers, body = await emulated.pushed.get()
            _, batches = github.webhook(contract.Request("POST", headers, {}, body, datetime.now(UTC)))
            assert not batches[""].rejected, batches[""].rejected
            events += batches[""].events
    return events


async def looked(github: GitHub, cursor: str | None) -> Listener:
    async with aclosing(github.stream(cursor)) as batches:
        found = Listener(batches)
        await found.until(lambda: found.cursor)
        return found


async def test_issues_and_comments_are_pushed_and_answered(github: GitHub, emulated: Emulated, anna: Person):
    assert (await github.check()).id == "parley"
    number = await anna.open("It is brokn", "Since *Monday*, @parley")
    await anna.ask("PATCH", f"issues/{number}", {"title": "It is broken"})
    comment = await anna.say(number, "For me to")
    await anna.ask("PATCH", f"issues/comments/{comment}", {"body": "For me too"})
    place = f"issues/{number}"
    receipt = await github.send(Reply("our-key", place, "At nine. 👩‍👩‍👧 <b>", parent_id=place, post_id=place))
    await github.act(Action.EDIT, receipt.message_id, "At ten.")
    events = await heard(github, emulated, 6)
    assert [(event.kind, event.message_id, event.text) for event in events] == [
        (EventKind.MESSAGE, place, "Since *Monday*, @parley"),
        (EventKind.EDIT, place, "Since *Monday*, @parley"),
        (EventKind.MESSAGE, f"{place}#{comment}", "For me to"),
        (EventKind.EDIT, f"{place}#{comment}", "For me too"),
        (EventKind.MESSAGE, receipt.message_id, "At nine. 👩‍👩‍👧 <b>"),
        (EventKind.EDIT, receipt.message_id, "At ten."),
    ]
    assert (events[1].post and events[1].post.title, events[0].mentions) == (f"#{number} It is broken", ("parley",))
    assert (events[4].client_key, events[4].author and events[4].author.id) == ("our-key", "parley")
    assert events[0].author is not None
    assert events[0].author.roles == ("OWNER",)
    await github.act(Action.DELETE, receipt.message_id)
    await anna.ask("DELETE", f"issues/comments/{comment}")
    gone = await heard(github, emulated, 2)
    assert [(event.kind, event.message_id) for event in gone] == [
        (EventKind.DELETE, receipt.message_id),
        (EventKind.DELETE, f"{place}#{comment}"),
    ]


async def test_250_comments_during_a_pause_are_caught_up_in_order_none_lost_none_twice(github: GitHub, emulated: Emulated, anna: Person):
    issues = [await anna.open("One", "First"), await anna.open("Two", "Second")]
    cursor = (await looked(github, None)).cursor
    for number in range(250):
        await anna.say(issues[number % 2], f"Number {number}")
    found = await looked(github, cursor)
    texts = [event.text for event in found.events if event.text.startswith("Number")]
    assert texts == [f"Number {number}" for number in range(250)]
    assert len({event.id for event in found.events}) == len(found.events)
    again = await looked(github, cursor)  # nothing was committed
    assert [event.id for event in again.events] == [event.id for event in found.events]
    after = await looked(github, found.cursor)
    assert {event.id for event in after.events} <= {event.id for event in found.events}
    assert github.standing.quota_limit == 5000
    assert await github.counts(f"issues/{issues[0]}") == 125
    listed = [event.text async for batch in github.listed(f"issues/{issues[0]}") for event in batch.events]
    assert listed == ["First", *(f"Number {number}" for number in range(0, 250, 2))]
    while not emulated.pushed.empty():
        emulated.pushed.get_nowait()


async def test_a_reply_whose_answer_was_lost_is_found_and_not_sent_again(github: GitHub, emulated: Emulated, anna: Person):
    number = await anna.open("Until when?", "?")
    reply = Reply("another-key", f"issues/{number}", "Until eight")
    assert await github.find_sent(reply) is None
    emulated.lost.append(f"/repos/anna/help/issues/{number}/comments")
    with pytest.raises(Ambiguous):
        await github.send(reply)
    found = await github.find_sent(reply)
    said = await anna.ask("GET", f"issues/{number}/comments")
    assert [f"issues/{number}#{one['id']}" for one in said] == [found and found.message_id]


async def test_what_is_not_there_takes_no_answer(github: GitHub, anna: Person):
    with pytest.raises(WindowClosed):
        await github.send(Reply("key", "issues/99999", "Hello"))


async def test_a_restart_is_survived(github: GitHub, emulated: Emulated, anna: Person):
    cursor = (await looked(github, None)).cursor
    emulated.stop()
    for _ in range(2):
        with pytest.raises(Transient):
            await looked(github, cursor)
    await emulated.start()  # it forgets everything but its seed
    await anna.open("Back again", "Back again")
    assert "Back again" in [event.text for event in (await looked(github, cursor)).events]
