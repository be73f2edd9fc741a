"""GitHub before its own answers: the story is told below an issue."""

import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.github import GitHub, hooks
from inbox import contract
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Transient, WindowClosed
from tests.connectors.answers import TOKEN as PLACE
from tests.connectors.answers import Answer, breaks_off, hangs, hangs_up, says
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.github import fake
from tests.connectors.github.fake import REPOSITORY, SECRET, TOKEN, US

ACTIONS = {EventKind.MESSAGE: "created", EventKind.EDIT: "edited", EventKind.DELETE: "deleted"}


def refuses(status: int, message: str = "", *headers: str) -> Answer:
    return says(status, json.dumps({"message": message}).encode(), *headers)


class GitHubAdapter:
    """Signed deliveries of a webhook."""

    name: ClassVar[str] = "github"
    account: ClassVar[str] = US.lower()
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, SECRET, PLACE)
    kinds: ClassVar[frozenset[EventKind]] = frozenset(ACTIONS)  # reactions are found by looking only
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = True
    folds_blanks: ClassVar[bool] = False
    thread_id: ClassVar[str] = "issues/1"
    sent_id: ClassVar[str] = "issues/1#900"
    silence: ClassVar[Answer | None] = staticmethod(hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", refuses(401, f"Bad credentials {TOKEN}"), (AuthError,)),
        Trouble("403", refuses(403, "Resource not accessible by personal access token"), (AuthError,)),
        Trouble("locked", refuses(403, "Unable to create comment because issue is locked."), (WindowClosed,)),
        Trouble("404", refuses(404, "Not Found"), (WindowClosed,)),
        Trouble("transferred", refuses(301, "Moved Permanently", "location: https://api.github.com/x"), (WindowClosed,)),
        Trouble("410", refuses(410, "This issue was deleted"), (WindowClosed,)),
        Trouble("422", refuses(422, "Validation Failed"), (Permanent,)),
        Trouble("429", refuses(429, "Slow down", "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("403 with Retry-After", refuses(403, "secondary rate limit", "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("secondary limit", refuses(403, "You have exceeded a secondary rate limit."), (RateLimited,), retry_after=60),
        Trouble("too quickly", refuses(422, "was submitted too quickly"), (RateLimited,), retry_after=60),
        Trouble(
            "nothing remains",
            refuses(
                403,
                "API rate limit exceeded",
                *("x-ratelimit-remaining: 0", "x-ratelimit-reset: 1772438409", "date: Mon, 02 Mar 2026 08:00:00 GMT"),
            ),
            (RateLimited,),
            retry_after=9,
        ),
        Trouble("500", refuses(500), (Ambiguous,)),
        Trouble("503", refuses(503), (Transient,)),
        Trouble("bad JSON", says(200, b"<html>welcome</html>"), (Ambiguous,)),
        Trouble("JSON of something else", says(201, b"{}"), (Ambiguous,)),
        Trouble("hangs up", hangs_up, (Ambiguous,)),
        Trouble("breaks off", breaks_off, (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "fetched files": "Pictures stay links.",
        "attachments": "GitHub's API takes none.",
        "private replies": "There are none.",
        "approved texts": "GitHub has no windows.",
        "approve": "Comments are not held back.",
    }
    elsewhere: ClassVar[dict[str, str]] = {
        "reactions": "By looking: tests/connectors/github.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"repository": REPOSITORY, "access_token": TOKEN, "webhook_secret": SECRET, "api_url": address}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, GitHub)
        issue = fake.Repository().open("anna", "Help", "")
        events: list[Event] = []
        for one in said:
            body = json.dumps(fake.delivery(ACTIONS[one.kind], issue=issue, comment=self._comment(one))).encode()
            headers = {hooks.EVENT: "issue_comment", hooks.SIGNATURE: hooks.sign(body, SECRET).decode()}
            _, batches = connector.webhook(contract.Request("POST", headers, {}, body, one.at))
            assert not batches[""].rejected
            events += batches[""].events
        return Batch(events)

    def accepts(self) -> Answer:
        return says(201, json.dumps(self._comment(Said(self.sent_id, "At nine.", by="us"))).encode())

    def _comment(self, said: Said) -> dict[str, Any]:
        number = said.message_id.rpartition("#")[2]
        number = int(number) if number.isdecimal() else 1000 + zlib.crc32(number.encode()) % 1_000_000
        at, login = said.at.isoformat(), US if said.by == "us" else said.by
        body = f"{said.text}\n\n<!-- parley:{said.client_key} -->" if said.client_key else said.text
        url = f"https://github.com/{REPOSITORY}/issues/1#issuecomment-{number}"
        return {"id": number, "html_url": url, "body": body, "user": fake.person(login), "created_at": at, "updated_at": at}


ADAPTER: Adapter = GitHubAdapter()
