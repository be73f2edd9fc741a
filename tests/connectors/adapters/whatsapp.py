"""A number before WhatsApp's answers."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from connectors.whatsapp import WhatsApp
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient, WindowClosed
from tests.connectors.answers import TOKEN as IN_ADDRESS
from tests.connectors.answers import Answer, breaks_off, hangs, hangs_up, says
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.meta.fake import APP_SECRET, TOKEN, VERIFY_TOKEN, Refusal, config, pushed
from tests.connectors.whatsapp import fake


def refuses(code: int, status: int = 400, message: str = "refused") -> Answer:
    return says(status, json.dumps(Refusal(code, message=message).content).encode())


class WhatsAppAdapter:
    """Notifications as the number's app gets them; colleagues answer in the business app."""

    name: ClassVar[str] = "whatsapp"
    account: ClassVar[str] = fake.NUMBER
    secrets: ClassVar[tuple[str, ...]] = (TOKEN, APP_SECRET, VERIFY_TOKEN, IN_ADDRESS)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE, EventKind.EDIT, EventKind.DELETE, EventKind.REACTION})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = True
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "wamid.901"
    silence: ClassVar[Answer | None] = staticmethod(hangs)
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("190 with the token", refuses(190, 401, f"Malformed access token {TOKEN}"), (AuthError,)),
        Trouble("0", refuses(0, 401), (AuthError,)),
        Trouble("131005", refuses(131005, 403), (AuthError,)),
        Trouble("131047", refuses(131047), (WindowClosed,)),
        Trouble("131026", refuses(131026), (WindowClosed,)),
        Trouble("132000", refuses(132000), (Permanent,)),
        Trouble("130429", refuses(130429, 429), (RateLimited,), retry_after=300),
        Trouble("131056", refuses(131056), (RateLimited,), retry_after=6),
        Trouble("131016", refuses(131016, 500), (Transient,)),
        Trouble("2", refuses(2, 503), (Ambiguous,)),
        Trouble("429", says(429, b"", "retry-after: 7"), (RateLimited,), retry_after=7),
        Trouble("500", says(500), (Ambiguous,)),
        Trouble("503", says(503), (Transient,)),
        Trouble("bad JSON", says(200, b"<html>welcome</html>"), (Ambiguous,)),
        Trouble("JSON of something else", says(200, b"{}"), (Ambiguous,)),
        Trouble("hangs up", hangs_up, (Ambiguous,)),
        Trouble("breaks off", breaks_off, (Ambiguous,)),
    )
    reasons: ClassVar[dict[str, str]] = {
        "history": "The Cloud API has none.",
        "listing": "Chats stand under no post.",
        "counts": "Chats stand under no post.",
        "once": "WhatsApp knows no repeats and cannot be asked; our key comes back with the first status.",
        "private replies": "A chat is private already.",
        "hide": "A chat is private.",
        "unhide": "Nothing can be hidden.",
        "delete": "A business cannot delete what it sent.",
        "edit": "A business cannot change what it sent.",
        "approve": "Messages are not held back.",
        "spam": "WhatsApp has no such action for businesses.",
    }
    todo: ClassVar[dict[str, str]] = {
        "like": "A business can react to a message with an emoji.",
    }

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return dict(config(address, phone_number_id=fake.NUMBER, business_account_id=fake.BUSINESS))

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, WhatsApp)
        _, batches = connector.webhook(pushed(fake.notification(*(_change(one) for one in said))))
        assert not batches[""].rejected
        return batches[""]

    def accepts(self) -> Answer:
        return says(200, json.dumps({"messaging_product": "whatsapp", "messages": [{"id": self.sent_id}]}).encode())


def _change(said: Said) -> dict[str, Any]:
    if said.client_key:
        return fake.status(said.message_id, "sent", to="anna", at=said.at, biz_opaque_callback_data=f"parley:{said.client_key}")
    more: dict[str, Any] = {"context": {"from": "1", "id": said.parent}} if said.parent else {}
    name, kind, content = said.message_id, "text", {"body": said.text}
    if said.kind is EventKind.EDIT:
        name, kind = f"e{said.seconds}", "edit"
        content = {"original_message_id": said.message_id, "message": {"type": "text", "text": {"body": said.text}}}
    elif said.kind is EventKind.DELETE:
        name, kind, content = f"d{said.seconds}", "revoke", {"original_message_id": said.message_id}
    elif said.kind is EventKind.REACTION:
        name, kind, content = f"r{said.seconds}", "reaction", {"message_id": said.message_id, "emoji": said.text}
    if said.by == "us":
        echo = fake.message(name, kind, content, by=fake.SHOWN, to="anna", at=said.at, **more)
        return fake.change("smb_message_echoes", message_echoes=[echo])
    contacts = [fake.contact(said.by, said.by.title())]
    return fake.change(contacts=contacts, messages=[fake.message(name, kind, content, by=said.by, at=said.at, **more)])


ADAPTER: Adapter = WhatsAppAdapter()
