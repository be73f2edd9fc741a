"""The generic webhook before the other system."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.webhook import Webhook, signatures
from inbox import contract
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient
from tests.connectors.answers import TOKEN, Answer, breaks_off, hangs, hangs_up, says
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.make import MONDAY

SECRET = "whsec_" + "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"


class WebhookAdapter:
    """The generic webhook, signed as the other system would."""

    name: ClassVar[str] = "webhook"
    account: ClassVar[str] = "us"
    secrets: ClassVar[tuple[str, ...]] = (SECRET, SECRET.removeprefix("whsec_"), TOKEN)
    kinds: ClassVar[frozenset[EventKind]] = frozenset(EventKind)
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = True
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "sent-1"
    silence: ClassVar[Answer | None] = staticmethod(hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("401", says(401), (AuthError,)),
        Trouble("403", says(403), (AuthError,)),
        Trouble("404", says(404), (Permanent,)),
        Trouble("429", says(429, b"", "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("500", says(500), (Ambiguous, Transient)),
        Trouble("503", says(503), (Transient,)),
        Trouble("bad JSON", says(200, b"<html>welcome</html>"), (Ambiguous,)),
        Trouble("hangs up", hangs_up, (Ambiguous,)),
        Trouble("breaks off", breaks_off, (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "history": "The other system sends what it wants to.",
        "fetched files": "Files come along, or by a public address.",
        "listing": "The other system cannot be asked.",
        "counts": "The other system cannot be asked.",
        "standing": "The other system tells of none.",
        "private replies": "It is told which message is answered, and decides.",
        "approved texts": "The other system has no windows.",
        "actions": "The callback takes answers; what else the other system does, it tells us (type moderation).",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"secret": SECRET, "callback_url": address}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, Webhook)
        body = json.dumps({"events": [self._entry(one) for one in said]}).encode()
        headers = signatures.headers(signatures.key(SECRET), f"id-{hash(tuple(said))}", MONDAY, body) | {"content-type": "application/json"}
        response, batches = connector.webhook(contract.Request("POST", headers, {}, body, MONDAY))
        assert response.status == 200
        return batches[""]

    def accepts(self) -> Answer:
        return says(200, json.dumps({"id": self.sent_id}).encode())

    def _entry(self, said: Said) -> dict[str, Any]:
        return {
            "type": said.kind,
            "id": said.message_id,
            "event_id": f"{said.kind}:{said.message_id}:{said.seconds}",
            "thread": "t1",
            "author": {"id": said.by, "name": said.by.title(), "is_self": said.by == "us"},
            "text": said.text,
            "parent": said.parent,
            "client_key": said.client_key,
            "at": said.at.isoformat(),
        }


ADAPTER: Adapter = WebhookAdapter()
