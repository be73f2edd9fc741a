"""A Page before Meta's answers: the story is told in Messenger, where our own key comes back."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.facebook import Facebook
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient, WindowClosed
from tests.connectors.answers import TOKEN as IN_ADDRESS
from tests.connectors.answers import Answer, breaks_off, hangs, hangs_up, says
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.facebook import fake
from tests.connectors.meta.fake import APP_SECRET, TOKEN, VERIFY_TOKEN, Refusal, config, pushed


def refuses(code: int, subcode: int = 0, status: int = 400, message: str = "refused", *headers: str) -> Answer:
    return says(status, json.dumps(Refusal(code, subcode, message).content).encode(), *headers)


USED = 'x-business-use-case-usage: {"1001": [{"type": "messenger", "call_count": 100, "estimated_time_to_regain_access": 2}]}'
TROUBLE = (
    Trouble("190 with the token", refuses(190, 460, 401, f"Malformed access token {TOKEN}"), (AuthError,)),
    Trouble("200", refuses(200, 0, 403, "Requires pages_messaging permission"), (AuthError,)),
    Trouble("10", refuses(10, 0, 403, f"Not for {TOKEN}"), (AuthError,)),
    Trouble("outside of the window", refuses(10, 2018278), (WindowClosed,)),
    Trouble("551", refuses(551, 1545041), (WindowClosed,)),
    Trouble("100", refuses(100, 2018001, 400, "No matching user found"), (Permanent,)),
    Trouble("613 for two minutes", refuses(613, 0, 400, "Calls within one hour exceeded", USED), (RateLimited,), retry_after=120),
    Trouble("4", refuses(4), (RateLimited,), retry_after=300),
    Trouble("429", says(429, b"slow", "retry-after: 7"), (RateLimited,), retry_after=7),
    Trouble("1200", refuses(1200, 0, 500), (Transient,)),
    Trouble("2", refuses(2, 0, 500), (Ambiguous,)),
    Trouble("500", says(500), (Ambiguous,)),
    Trouble("503", says(503), (Transient,)),
    Trouble("401 without a word", says(401, b""), (AuthError,)),
    Trouble("bad JSON", says(200, b"<html>welcome</html>"), (Ambiguous,)),
    Trouble("JSON of something else", says(200, b"{}"), (Ambiguous,)),
    Trouble("hangs up", hangs_up, (Ambiguous,)),
    Trouble("breaks off", breaks_off, (Ambiguous,)),
)


class FacebookAdapter:
    """Notifications as the Page's app gets them."""

    name: ClassVar[str] = "facebook"
    account: ClassVar[str] = fake.PAGE
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, APP_SECRET, VERIFY_TOKEN, IN_ADDRESS)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.EDIT, EventKind.REACTION})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = True
    folds_blanks: ClassVar[bool] = False
    thread_id: ClassVar[str] = "dm:anna"
    sent_id: ClassVar[str] = "m_901"
    silence: ClassVar[Answer | None] = staticmethod(hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = TROUBLE
    reasons: ClassVar[dict[str, str]] = {
        "fetched files": "Files come with addresses that need no token.",
        "approved texts": "Templates of Messenger are for programs: answers are text and files.",
        "approve": "Comments are not held back: there is only hiding.",
        "spam": "The API has no such action.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return dict(config(address, page_id=fake.PAGE))

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, Facebook)
        _, batches = connector.webhook(pushed(fake.notification(*(_entry(one) for one in said))))
        assert not batches[""].rejected
        return batches[""]

    def accepts(self) -> Answer:
        return says(200, json.dumps({"recipient_id": "anna", "message_id": self.sent_id}).encode())


def _entry(said: Said) -> dict[str, Any]:
    by, to = (fake.PAGE, "anna") if said.by == "us" else (said.by, fake.PAGE)
    if said.kind is EventKind.EDIT:
        content: dict[str, Any] = {"message_edit": {"mid": said.message_id, "text": said.text, "num_edit": 1}}
    elif said.kind is EventKind.REACTION:
        content = {"reaction": {"mid": said.message_id, "action": "react", "emoji": said.text, "reaction": "like"}}
    else:
        message: dict[str, Any] = {"mid": said.message_id, "text": said.text}
        message |= {"reply_to": {"mid": said.parent}} if said.parent else {}
        message |= {"is_echo": True, "app_id": 4711} if said.by == "us" else {}
        message |= {"metadata": said.client_key} if said.client_key else {}
        content = {"message": message}
    return fake.chat(content, by=by, to=to, at=said.at)


ADAPTER: Adapter = FacebookAdapter()
