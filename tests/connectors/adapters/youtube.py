"""YouTube before a fake that behaves as its documents say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.youtube import YouTube
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble
from tests.connectors.relay import first_batches, routed, says_json
from tests.connectors.youtube import fake
from tests.connectors.youtube.fake import REFRESH, SECRET, TOKEN, US


def asked(post: Answer) -> Answer:
    """A platform that hands out tokens, and answers a reply like this."""
    return routed({b"POST /": post, b"/token": says_json({"access_token": TOKEN, "expires_in": 3599, "scope": fake.SCOPE})})


def refuses(status: int, reason: str) -> Answer:
    return asked(answers.says(status, bytes(fake.error(status, reason).body)))


class YouTubeAdapter:
    """A channel whose comments are fetched."""

    name: ClassVar[str] = "youtube"
    account: ClassVar[str] = US
    secrets: ClassVar[tuple[str, ...]] = (SECRET, REFRESH, TOKEN, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "m1.77"
    prelude: ClassVar[tuple[str, ...]] = ("/token",)
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("a token that is refused", routed({b"/token": answers.says(400, b'{"error": "invalid_grant"}')}), (AuthError,)),
        Trouble("401", refuses(401, "authError"), (AuthError,)),
        Trouble("403 for a scope", refuses(403, "insufficientPermissions"), (AuthError,)),
        Trouble("403", refuses(403, "forbidden"), (Permanent,)),
        Trouble("403 for comments that are off", refuses(403, "commentsDisabled"), (Permanent,)),
        Trouble("404", refuses(404, "parentCommentNotFound"), (Permanent,)),
        Trouble("too fast", refuses(403, "rateLimitExceeded"), (RateLimited,), retry_after=60),
        Trouble("429", asked(answers.says(429, b"{}", "retry-after: 7")), (RateLimited,), retry_after=7),
        Trouble("500", refuses(500, "backendError"), (Ambiguous,)),
        Trouble("503", refuses(503, "backendError"), (Transient,)),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("JSON of something else", asked(answers.says(200, b"{}")), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "reactions": "Ratings of comments are not told one by one.",
        "webhooks": "YouTube pushes no comments.",
        "fetched files": "Comments have no files.",
        "attachments": "YouTube takes none with a comment.",
        "private replies": "YouTube has no private messages.",
        "approved texts": "YouTube has no windows.",
        "like": "The API cannot give any.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        secrets = {"client_secret": SECRET, "refresh_token": REFRESH}
        return {"client_id": "client", "api_url": address, "token_url": f"{address}/token", **secrets}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        youtube = fake.YouTube()
        youtube.say("anna", "When?", id="m1", at=MORNING)
        for one in said:
            youtube.say(one.by, one.text, under="m1" if one.by == "us" else None, id=one.message_id, at=one.at)
        return await first_batches(youtube, lambda address: YouTube(YouTube.Config.model_validate(self.config(Path(), address))))

    def accepts(self) -> Answer:
        youtube = fake.YouTube()
        return asked(says_json(youtube.say("us", "At nine.", under="m1", id=self.sent_id)))


ADAPTER: Adapter = YouTubeAdapter()
