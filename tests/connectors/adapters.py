"""The connectors of the house, each before a fake of its platform, for the conformance suite."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from connectors.demo import Demo, script
from connectors.demo.town import Post
from connectors.email import Email
from connectors.email.config import EmailConfig
from connectors.webhook import Webhook, signatures
from inbox import contract
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, RateLimited, Transient
from tests.connectors import answers
from tests.connectors.answers import TOKEN, Answer, breaks_off, hangs, hangs_up, says
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.email.test_wire import Server, serving
from tests.make import MONDAY

SECRET = "whsec_" + "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"
PASSWORD = "hunter2 hunter3"


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


@dataclass
class Letters(Server):
    """A mailbox that holds these letters."""

    said: Sequence[Said] = ()
    uids: list[int] = field(default_factory=list)

    def _untagged(self, command: bytes) -> bytes:
        if not command.startswith(b"UID FETCH"):
            return super()._untagged(command)
        return b"".join(self._letter(uid, with_source=b"BODY" in command) for uid in self.uids)

    def _letter(self, uid: int, *, with_source: bool) -> bytes:
        said = self.said[uid - 1]
        mail = EmailMessage()
        mail["From"] = "support@shop.example" if said.by == "us" else f"{said.by}@customer.example"
        mail["Message-ID"] = f"<{said.message_id}>"
        if said.parent:
            mail["In-Reply-To"] = f"<{said.parent}>"
        if said.client_key:
            mail["X-Parley-Key"] = said.client_key
        mail.set_content(said.text, cte="base64")
        source = mail.as_bytes()
        body = b"BODY[]<0> {%d}\r\n%s " % (len(source), source) if with_source else b""
        when = said.at.strftime("%d-%b-%Y %H:%M:%S +0000").encode()
        return b'* %d FETCH (%sINTERNALDATE "%s" RFC822.SIZE %d UID %d)\r\n' % (uid, body, when, len(source), uid)


class EmailAdapter:
    """A mailbox, between an IMAP and an SMTP server that do what they are told."""

    name: ClassVar[str] = "email"
    account: ClassVar[str] = "support@shop.example"
    secrets: ClassVar[tuple[str, ...]] = (PASSWORD,)
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = True
    returns_client_key: ClassVar[bool] = True
    folds_blanks: ClassVar[bool] = True
    sent_id: ClassVar[str] = "parley.our-key@shop.example"
    silence: ClassVar[Answer | None] = staticmethod(answers.smtp(b".", b""))
    trouble: ClassVar[tuple[Trouble, ...]] = (
        Trouble("refused sign-in", answers.smtp(b"AUTH", b"535 5.7.8 not " + PASSWORD.encode()), (AuthError,)),
        Trouble("nobody signs in now", answers.smtp(b"AUTH", b"454 4.7.0 later"), (Transient,)),
        Trouble("unknown recipient", answers.smtp(b"RCPT", b"550 5.1.1 nobody"), (Permanent,)),
        Trouble("grey list", answers.smtp(b"RCPT", b"451 4.7.1 later"), (Transient,)),
        Trouble("too large", answers.smtp(b".", b"552 5.3.4 too large"), (Permanent,)),
        Trouble("full disk", answers.smtp(b".", b"452 4.3.1 full"), (Transient,)),
        Trouble("hangs up before the mail", answers.smtp(b"MAIL", None), (Transient, Permanent)),
        Trouble("hangs up after the mail", answers.smtp(b".", None), (Ambiguous,)),
    )

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return self._settings(smtp_port=urlsplit(address).port)

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        async with serving(Letters(said=said, uids=list(range(1, len(said) + 1)))) as server:
            email = Email(EmailConfig.model_validate(self._settings(imap_port=server.port, since=3650)))
            async with aclosing(email.stream(None)) as stream:
                return await anext(stream)

    def accepts(self) -> Answer:
        return answers.smtp()

    def _settings(self, **more: Any) -> dict[str, Any]:
        servers = {"imap_host": "127.0.0.1", "imap_security": "none", "smtp_host": "127.0.0.1", "smtp_security": "none"}
        return {"address": self.account, "password": PASSWORD, "timeout": 1, **servers, **more}


class DemoAdapter:
    """The demonstration: its platform is a folder, in which nothing fails that the script does not want to fail."""

    name: ClassVar[str] = "demo"
    account: ClassVar[str] = script.US.id
    secrets: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[frozenset[EventKind]] = frozenset({EventKind.MESSAGE})
    echoes: ClassVar[bool] = False
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "reply-1-our-key"
    silence: ClassVar[Answer | None] = None
    trouble: ClassVar[tuple[Trouble, ...]] = ()

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {"folder": folder, "place": "chat"}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        assert isinstance(connector, Demo)
        for one in said:
            author = self.account if one.by == "us" else one.by
            connector.town.type(Post(one.message_id, "t1", one.text, one.at, parent=one.parent, author=author))
        async with aclosing(connector.stream(None)) as stream:
            return await anext(stream)

    def accepts(self) -> Answer | None:
        return None


class WidgetAdapter:
    """The website chat: it is the inbox, so nothing comes in through the connector and nothing can fail on the way out."""

    name: ClassVar[str] = "widget"
    account: ClassVar[str] = "widget"
    secrets: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[frozenset[EventKind]] = frozenset()
    echoes: ClassVar[bool] = False
    returns_client_key: ClassVar[bool] = False
    folds_blanks: ClassVar[bool] = False
    sent_id: ClassVar[str] = "answer:our-key"
    silence: ClassVar[Answer | None] = None
    trouble: ClassVar[tuple[Trouble, ...]] = ()

    def config(self, folder: Path, address: str = NOWHERE) -> dict[str, Any]:
        return {}

    async def arrive(self, connector: Connector, said: Sequence[Said]) -> Batch:
        raise NotImplementedError("what visitors write comes in through the chat's own socket: tests/api/test_widget.py")

    def accepts(self) -> Answer | None:
        return None


ADAPTERS: tuple[Adapter, ...] = (WebhookAdapter(), EmailAdapter(), DemoAdapter(), WidgetAdapter())
