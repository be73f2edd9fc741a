"""Reddit before a fake that behaves as its documents say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.reddit import Reddit
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble
from tests.connectors.reddit import fake
from tests.connectors.reddit.fake import PASSWORD, SECRET, TOKEN, US
from tests.connectors.relay import first_batches, routed, says_json


def asked(post: Answer) -> Answer:
    """A platform that hands out tokens, and answers a reply like this."""
    return routed({b"POST /": post, b"/token": says_json({"access_token": TOKEN, "expires_in": 86400})})


def refuses(status: int, *headers: str) -> Answer:
    return asked(answers.says(status, f'{{"message": "The token {TOKEN} may not", "error": {status}}}'.encode(), *headers))


def errs(code: str, **more: Any) -> Answer:
    return asked(says_json({"json": {"errors": [[code, f"No, {TOKEN}", "text"]], **more}}))


class RedditAdapter:
    """An account whose subreddit is fetched."""

    name: ClassVar[str] = "reddit"
    account: ClassVar[str] = US
    secrets: ClassVar[tuple[str, ...]] = (SECRET, PASSWORD, TOKEN, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "t1_sent"
    prelude: ClassVar[tuple[str, ...]] = ("/token",)
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("a password that is refused", routed({b"/token": says_json({"error": "invalid_grant"})}), (AuthError,)),
        Trouble("401", refuses(401), (AuthError,)),
        Trouble("403 for a scope", refuses(403, 'www-authenticate: Bearer realm="reddit", error="insufficient_scope"'), (AuthError,)),
        Trouble("403", refuses(403), (Permanent,)),
        Trouble("404", refuses(404), (Permanent,)),
        Trouble("a locked post", errs("THREAD_LOCKED"), (Permanent,)),
        Trouble("an unknown refusal", errs("SOMETHING_NEW"), (Permanent,)),
        Trouble("too much at once", errs("RATELIMIT", ratelimit=540.0), (RateLimited,), retry_after=540),
        Trouble("429", refuses(429, "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("429 by its own header", refuses(429, "x-ratelimit-reset: 9"), (RateLimited,), retry_after=9),
        Trouble("500", refuses(500), (Ambiguous,)),
        Trouble("503", refuses(503), (Transient,)),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("JSON of something else", asked(answers.says(200, b"{}")), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "reactions": "Nobody is told whose a vote is.",
        "webhooks": "Reddit calls nobody: it is asked.",
        "fetched files": "Pictures are public.",
        "attachments": "A comment takes none by the API.",
        "approved texts": "Reddit has no windows.",
    }
    todo: ClassVar[dict[str, str]] = {
        "private replies": "A private message to who wrote the comment, where the account may still send them.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        known = {"client_id": "client", "client_secret": SECRET, "username": US, "password": PASSWORD, "subreddits": "bread"}
        return {**known, "inbox": False, "api_url": address, "token_url": f"{address}/token"}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        reddit = fake.Reddit()
        root = reddit.post(US, "Bread")
        first = reddit.say("anna", "When?", root, id="m1", at=MORNING)
        for one in said:
            reddit.say(US if one.by == "us" else one.by, one.text, first if one.by == "us" else root, id=one.message_id, at=one.at)
        return await first_batches(reddit, lambda address: Reddit(Reddit.Config.model_validate(self.config(Path(), address))))

    def accepts(self) -> Answer:
        reddit = fake.Reddit()
        sent = reddit.say(US, "At nine.", reddit.post("anna", "When?"), id=self.sent_id)
        return asked(says_json({"json": {"errors": [], "data": {"things": [sent]}}}))


ADAPTER: Adapter = RedditAdapter()
