"""LinkedIn before a fake that behaves as its documents say."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.linkedin import LinkedIn
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble
from tests.connectors.linkedin import fake
from tests.connectors.linkedin.fake import ANNA, REFRESH, SECRET, TOKEN, US
from tests.connectors.relay import first_batches, routed, says_json

THREAD = "urn:li:comment:(urn:li:activity:701,1)"
SENT = "urn:li:comment:(urn:li:activity:701,77)"


def asked(post: Answer) -> Answer:
    """A platform that hands out tokens, and answers a reply like this."""
    return routed({b"POST /": post, b"/accessToken": says_json({"access_token": TOKEN, "expires_in": 5_184_000})})


def refuses(status: int, *headers: str, **more: Any) -> Answer:
    return asked(answers.says(status, bytes(fake.refusal(status, **more).body), *headers))


def number(name: str) -> str:
    """A comment's number: LinkedIn makes no other names."""
    return name.rpartition(",")[2].removesuffix(")") if name.startswith("urn:") else str(zlib.crc32(name.encode()))


class LinkedInAdapter:
    """A page whose comments are fetched."""

    name: ClassVar[str] = "linkedin"
    account: ClassVar[str] = US
    secrets: ClassVar[tuple[str, ...]] = (SECRET, REFRESH, TOKEN, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = SENT
    thread_id: ClassVar[str] = THREAD
    prelude: ClassVar[tuple[str, ...]] = ("/accessToken",)
    silence: ClassVar[Answer | None] = staticmethod(asked(answers.hangs))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("a token that is refused", routed({b"/accessToken": answers.says(400, b'{"error": "invalid_grant"}')}), (AuthError,)),
        Trouble("401", refuses(401), (AuthError,)),
        Trouble("403 for a permission", refuses(403, serviceErrorCode=100), (AuthError,)),
        Trouble("403", refuses(403), (Permanent,)),
        Trouble("404", refuses(404), (Permanent,)),
        Trouble("426", refuses(426, code="NONEXISTENT_VERSION"), (Permanent,)),
        Trouble("429", refuses(429, "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("429 without a word", refuses(429), (RateLimited,), retry_after=900),
        Trouble("500", refuses(500), (Ambiguous,)),
        Trouble("503", refuses(503), (Transient,)),
        Trouble("bad JSON", asked(answers.says(200, b"<html>welcome</html>")), (Ambiguous,)),
        Trouble("JSON of something else", asked(answers.says(200, b"{}")), (Ambiguous,)),
        Trouble("hangs up", asked(answers.hangs_up), (Ambiguous,)),
        Trouble("breaks off", asked(answers.breaks_off), (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "reactions": "Who likes a comment is not told to such applications.",
        "fetched files": "Pictures come with addresses that need no token.",
        "private replies": "Direct messages are for LinkedIn's partners only.",
        "approved texts": "LinkedIn has no windows.",
        "hide": "LinkedIn has none for pages.",
        "unhide": "Nothing can be hidden.",
        "approve": "Comments are not held back.",
        "spam": "The API has no such action.",
    }
    todo: ClassVar[dict[str, str]] = {
        "attachments": "A comment may have a picture.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        secrets = {"client_secret": SECRET, "refresh_token": REFRESH}
        return {"organization": "96072893", "client_id": "client", "api_url": address, "token_url": address, **secrets}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        linkedin = fake.LinkedIn()
        post = linkedin.post("Bread")
        first = linkedin.say(ANNA, "When?", post, number=number("m1"), at=MORNING)
        for one in said:
            by, under = (US, first) if one.by == "us" else (f"urn:li:person:{one.by}", post)
            linkedin.say(ANNA if one.by == "anna" else by, one.text, under, number=number(one.message_id), at=one.at)
        return await first_batches(linkedin, lambda address: LinkedIn(LinkedIn.Config.model_validate(self.config(Path(), address))))

    def accepts(self) -> Answer:
        linkedin = fake.LinkedIn()
        first = linkedin.say(ANNA, "When?", linkedin.post("Bread"))
        return asked(says_json(linkedin.say(US, "At nine.", first, number="77")))


ADAPTER: Adapter = LinkedInAdapter()
