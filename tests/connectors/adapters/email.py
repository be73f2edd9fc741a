"""E-mail before servers that do what they are told."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from connectors.email import Email
from connectors.email.config import EmailConfig
from inbox.contract import Ambiguous, AuthError, Batch, Connector, EventKind, Permanent, Transient
from tests.connectors import answers
from tests.connectors.answers import Answer
from tests.connectors.conformance import NOWHERE, Adapter, Said, Trouble
from tests.connectors.email.test_wire import Server, serving

PASSWORD = "hunter2 hunter3"


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
    speaks: ClassVar[str] = "smtp"
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
    reasons: ClassVar[dict[str, str]] = {
        "edits": "Mail cannot be changed once it is sent.",
        "deletions": "Mail cannot be taken back.",
        "reactions": "Mail programs' reactions are letters.",
        "any order": "Mail has no edits, deletions and reactions.",
        "webhooks": "IMAP tells of new mail by itself (IDLE).",
        "reread": "A letter that cannot be read stays in the mailbox.",
        "fetched files": "Files come with the letter.",
        "listing": "A letter stands under no post.",
        "counts": "A letter stands under no post.",
        "standing": "Mail servers tell of no quota.",
        "private replies": "Mail is private.",
        "approved texts": "Mail has no windows.",
        "actions": "Mail that was sent is out of reach, and nobody moderates it.",
        "every character": "A no-break blank comes in as a blank: mail programs write them at will.",
    }

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


ADAPTER: Adapter = EmailAdapter()
