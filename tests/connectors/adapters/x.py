"""X before a fake that behaves as its documents say."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.x import X
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import MORNING, NOWHERE, Adapter, Said, Trouble
from tests.connectors.relay import first_batches
from tests.connectors.x import fake
from tests.connectors.x.fake import KEY, SECRET, TOKEN, TOKEN_SECRET, US


def refuses(status: int, kind: str = "about:blank", *headers: str, **more: Any) -> Answer:
    return answers.says(status, bytes(fake.problem(status, kind, **more).body), *headers)


class XAdapter:
    """An account whose mentions are fetched."""

    name: ClassVar[str] = "x"
    account: ClassVar[str] = US
    secrets: ClassVar[tuple[str, ...]] = (KEY, SECRET, TOKEN, TOKEN_SECRET, answers.TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "1445880548472328192"
    silence: ClassVar[Answer | None] = staticmethod(answers.hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", refuses(401), (AuthError,)),
        Trouble("403 for a permission", refuses(403, "oauth1-permissions"), (AuthError,)),
        Trouble("403 for the plan", refuses(403, reason="client-not-enrolled"), (AuthError,)),
        Trouble("403", refuses(403), (Permanent,)),
        Trouble(
            "403 for the same words again",
            refuses(403, detail="You are not allowed to create a Tweet with duplicate content."),
            (Permanent,),
        ),
        Trouble("402", refuses(402), (Permanent,)),
        Trouble("404", refuses(404, "resource-not-found"), (Permanent,)),
        Trouble("429", refuses(429, "about:blank", "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("429 for the month", refuses(429, "usage-capped"), (RateLimited,), retry_after=3600),
        Trouble("429 until a time that has come", refuses(429, "about:blank", "x-rate-limit-reset: 1"), (RateLimited,), retry_after=1),
        Trouble("500", refuses(500), (Ambiguous,)),
        Trouble("503", refuses(503), (Transient,)),
        Trouble("bad JSON", answers.says(200, b"<html>welcome</html>"), (Ambiguous,)),
        Trouble("JSON of something else", answers.says(200, b"{}"), (Ambiguous,)),
        Trouble("hangs up", answers.hangs_up, (Ambiguous,)),
        Trouble("breaks off", answers.breaks_off, (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "reactions": "X charges for telling who likes what: it is not asked.",
        "fetched files": "Pictures are public.",
        "approved texts": "X has no windows.",
        "edit": "The API has none.",
        "approve": "Posts are not held back.",
        "spam": "Reports go to X, by people.",
    }
    todo: ClassVar[dict[str, str]] = {
        "listing": "A search by conversation could list what was said of late; each post is charged.",
        "counts": "A post tells how many answers it has.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        secrets = {"consumer_key": KEY, "consumer_secret": SECRET, "access_token": TOKEN, "access_token_secret": TOKEN_SECRET}
        return {**secrets, "direct_messages": False, "api_url": address}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        x = fake.X()
        root = x.say("us", "Bread")
        first = x.say("anna", "When?", answering=root, id="m1", at=MORNING)
        for one in said:
            x.say(one.by, one.text, answering=first if one.by == "us" else root, id=one.message_id, at=one.at)
        return await first_batches(x, lambda address: X(X.Config.model_validate(self.config(Path(), address))))

    def accepts(self) -> Answer:
        return answers.says(201, json.dumps({"data": {"id": self.sent_id, "text": "At nine."}}).encode())


ADAPTER: Adapter = XAdapter()
