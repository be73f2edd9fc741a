"""The conformance of the platforms for reviews: what their adapters do alike. Says of conformance are reviews without stars."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

import connectors
from connectors import http
from inbox.contract import Ambiguous, AuthError, Batch, Connector, Event, EventKind, Permanent, RateLimited, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Said, Trouble
from tests.connectors.reviews.fake import ELLIPTIC, TOKEN, Platform, pem
from tests.connectors.serving import serving

ANSWERED = b"/reply", b":reply", b"/customerReviewResponses"
GIVEN = json.dumps({"access_token": TOKEN, "expires_in": 3599}).encode()


def asked(platform: type[Platform], put: Answer) -> Answer:
    """A platform that hands out tokens, tells of the review answered, and answers an answer like this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        again = asyncio.StreamReader()
        again.feed_data(head)
        line = head.splitlines()[0]
        fake = platform()
        told = fake.one(fake.say("When?", "m1"))
        if line.partition(b" ")[2].partition(b" ")[0].endswith((b"/token", b"/accesstoken")):
            await answers.says(200, GIVEN)(again, writer)
        elif line.startswith((b"POST", b"PUT")):
            await put(again, writer)
        else:
            await answers.says(200, json.dumps(told).encode())(again, writer)

    return answer


class ReviewsAdapter:
    """One app, location or business. A review is a conversation, with its one answer."""

    platform: ClassVar[type[Platform]]
    thread_id: ClassVar[str] = "m1"
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, answers.TOKEN, pem(ELLIPTIC))
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "reply/m1"
    reasons: ClassVar[dict[str, str]] = {
        "reactions": "Nobody is told whose a thumb is.",
        "attachments": "Answers to reviews have no files.",
        "webhooks": "Their documents name no call with a signature: the list is read every minute.",
        "fetched files": "There are none.",
        "approved texts": "Reviews have no windows.",
        "approve": "Reviews are not ours to hold back.",
        "hide": "Reviews are not ours to hide.",
        "spam": "A review is reported on the platform, with a reason, by a person.",
        "private reply": "Reviewers cannot be written to.",
    }
    elsewhere: ClassVar[dict[str, str]] = {
        "edits": "tests/connectors/reviews/test_reviews.py.",
        "deletions": "tests/connectors/reviews/test_reviews.py.",
        "any order": "Lists are in order, and there are no reactions: tests/connectors/reviews/test_reviews.py.",
    }
    todo: ClassVar[dict[str, str]] = {"listing": "All reviews could be compared.", "counts": "Not every platform tells how many there are."}

    @property
    def name(self) -> str:
        return self.platform.name

    @property
    def silence(self) -> Answer:
        return asked(self.platform, answers.hangs)

    @property
    def trouble(self) -> tuple[Trouble, ...]:
        def fails(put: Answer) -> Answer:
            return asked(self.platform, put)

        quota = json.dumps({"error": {"errors": [{"reason": "rateLimitExceeded"}]}}).encode()
        troubles = (
            Trouble("401", fails(answers.says(401)), (AuthError,)),
            Trouble("403", fails(answers.says(403)), (AuthError,)),
            Trouble("403 for the quota", fails(answers.says(403, quota, "retry-after: 5")), (RateLimited,), retry_after=5),
            Trouble("no token", answers.says(400, b'{"error": "invalid_grant"}'), (AuthError, Permanent)),
            Trouble("400", fails(answers.says(400)), (Permanent,)),
            Trouble("404", fails(answers.says(404)), (Permanent,)),
            Trouble("429", fails(answers.says(429, b"{}", "retry-after: 7")), (RateLimited,), retry_after=7),
            Trouble("500", fails(answers.says(500, b"oops")), (Ambiguous,)),
            Trouble("503", fails(answers.says(503)), (Transient,)),
            Trouble("bad JSON", fails(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
            Trouble("JSON of something else", fails(answers.says(200, b'{"a": 1}')), (Ambiguous,)),
            Trouble("hangs up", fails(answers.hangs_up), (Ambiguous,)),
            Trouble("breaks off", fails(answers.breaks_off), (Ambiguous,)),
        )
        return tuple(trouble for trouble in troubles if self.names_results or "JSON" not in trouble.name)

    names_results: ClassVar[bool] = True  # the platform says what became of an answer

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return self.platform().settings(address.rstrip("/"), history=400)

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        fake = self.platform()
        for one in said:
            if one.by == "us":
                review = one.message_id.removeprefix("reply/") if one.parent is None else one.parent
                if review not in fake.reviews:
                    fake.say("When?", review, at=Said("").at)
                fake.change(review, answer=one.text, answered_at=one.at)
            else:
                fake.say(one.text, one.message_id, at=one.at, by=one.by)
        events: list[Event] = []
        http.allow(["127.0.0.0/8"])
        async with serving(fake.answer) as address:
            kind = connectors.find(self.name)
            account = kind(kind.Config.model_validate(self.config(Path(), address)))
            async with aclosing(account.stream(None)) as batches:  # type: ignore[type-var]
                async for batch in batches:
                    assert not batch.rejected
                    events += batch.events
                    break
            await account.aclose()
        return Batch(events)

    def accepts(self) -> Answer:
        fake = self.platform()
        told = fake.result(fake.say("When?", "m1", answer="At nine."))
        return asked(self.platform, answers.says(200, bytes(told.body)))
