"""An account before Meta's answers: the story is told in direct messages."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.instagram import Instagram
from inbox.contract import Batch, Connector, EventKind, WindowClosed
from tests.connectors.adapters.facebook import TROUBLE, refuses
from tests.connectors.answers import TOKEN as IN_ADDRESS
from tests.connectors.answers import Answer, hangs, says
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.instagram import fake
from tests.connectors.meta.fake import APP_SECRET, TOKEN, VERIFY_TOKEN, config, pushed


class InstagramAdapter:
    """Notifications as the account's app gets them."""

    name: ClassVar[str] = "instagram"
    account: ClassVar[str] = fake.ACCOUNT
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, APP_SECRET, VERIFY_TOKEN, IN_ADDRESS)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.EDIT, EventKind.DELETE, EventKind.REACTION})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    thread_id: ClassVar[str] = "dm:anna"
    sent_id: ClassVar[str] = "mid.901"
    silence: ClassVar[Answer | None] = staticmethod(hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = (*TROUBLE, Trouble("outside, for Instagram", refuses(10, 2534022), (WindowClosed,)))
    reasons: ClassVar[dict[str, str]] = {
        "edits": "Instagram tells of none.",
        "approved texts": "Instagram knows none.",
        "like": "The API has no likes of comments.",
        "edit": "The API changes no comments.",
        "approve": "Comments are not held back.",
        "spam": "The API has no such action.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return dict(config(address, instagram_id=fake.ACCOUNT))

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, Instagram)
        _, batches = connector.webhook(pushed(fake.notification(*(_entry(one) for one in said))))
        assert not batches[""].rejected
        return batches[""]

    def accepts(self) -> Answer:
        return says(200, json.dumps({"recipient_id": "anna", "message_id": self.sent_id}).encode())


def _entry(said: Said) -> dict[str, Any]:
    by, to = (fake.ACCOUNT, "anna") if said.by == "us" else (said.by, fake.ACCOUNT)
    if said.kind is EventKind.EDIT:
        content: dict[str, Any] = {"message_edit": {"mid": said.message_id, "text": said.text, "num_edit": 1}}
    elif said.kind is EventKind.REACTION:
        content = {"reaction": {"mid": said.message_id, "action": "react", "emoji": said.text, "reaction": "other"}}
    elif said.kind is EventKind.DELETE:
        content = {"message": {"mid": said.message_id, "is_deleted": True}}
    else:
        message: dict[str, Any] = {"mid": said.message_id, "text": said.text}
        message |= {"reply_to": {"mid": said.parent}} if said.parent else {}
        message |= {"is_echo": True} if said.by == "us" else {}
        content = {"message": message}
    return fake.chat(content, by=by, to=to, at=said.at)


ADAPTER: Adapter = InstagramAdapter()
