"""The connector: a mailbox as a stream of letters, and a way to answer them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel

from connectors.email import compose, imap, parse, reading, smtp
from connectors.email.config import EmailConfig, Security, SentCopy
from inbox.contract import (
    Ambiguous,
    AuthError,
    Author,
    Batch,
    Capabilities,
    ConnectorError,
    ConversationKind,
    Receipt,
    Reply,
    Secrets,
    Verification,
)

LOOKS = 3  # into the sent folder, before a mail counts as not there
log = logging.getLogger(__name__)


class Email:
    """A mailbox over IMAP and SMTP."""

    name: ClassVar[str] = "email"
    title: ClassVar[str] = "E-mail"
    Config: ClassVar[type[BaseModel]] = EmailConfig
    capabilities: ClassVar[Capabilities] = Capabilities(
        verified=Verification.SERVER,
        conversation_kinds=frozenset({ConversationKind.EMAIL}),
        subject=True,
        html=True,
        attachments=True,
        history=True,
        max_attachment_bytes=18 * 1024 * 1024,  # many servers take mails of 25 MB, and files grow by a third on the way
    )

    def __init__(self, config: EmailConfig) -> None:
        self._config = config
        self._tokens = config.tokens
        self._copies: set[asyncio.Task[None]] = set()

    def lend(self, secrets: Secrets) -> None:
        self._tokens.lend(secrets)

    async def check(self) -> Author:
        """Sign in on both sides and open the folders; nothing is changed and nothing is sent."""
        config = self._config
        async with imap.opened(config, self._tokens) as mailbox:
            for folder in reading.folders(config):
                await mailbox.select(folder)
        await smtp.check(self._route())
        name = config.display_name or config.address
        return Author(id=config.address, name=name, handle=config.address, is_self=True, email=config.address)

    async def stream(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Mail after `cursor` in the order in which it came, then as it comes."""
        progress = reading.Progress.read(cursor)
        async with imap.opened(self._config, self._tokens) as mailbox:
            while True:
                async with aclosing(reading.news(mailbox, self._config, progress)) as batches:
                    async for batch in batches:
                        yield batch
                await reading.wait(mailbox, self._config, progress)

    def reread(self, raw: bytes, received_at: datetime) -> Batch:
        """A mail that could not be read before; its own time on the server is not known any more."""
        return parse.batch([parse.Source(raw, received_at)], self._config, None)

    async def send(self, reply: Reply) -> Receipt:
        """Hand the mail in; a copy for the sent folder follows where the server keeps none."""
        mail = compose.reply(reply, self._config, datetime.now(UTC))
        try:
            await smtp.deliver(self._route(), mail)
        except AuthError:
            if not (self._config.uses_token and self._tokens.renewable):
                raise
            self._tokens.forget()
            await smtp.deliver(self._route(), mail)
        receipt = Receipt(message_id=mail.message_id, accepted_at=datetime.now(UTC))
        if self._config.sent_copy is SentCopy.APPEND and self._config.sent_folder:
            # The receipt does not wait for the copy: a crash in between would leave a sent mail unaccounted for.
            copying = asyncio.create_task(self._keep_copy(mail.source))
            self._copies.add(copying)
            copying.add_done_callback(self._copies.discard)
        return receipt

    async def find_sent(self, reply: Reply) -> Receipt | None:
        """Look for the mail in the folders. Its absence proves something only where the provider itself keeps every sent mail."""
        message_id = compose.message_id(reply.key, self._config.domain)
        certain = bool(self._config.sent_folder) and self._config.sent_copy is SentCopy.SERVER
        async with imap.opened(self._config, self._tokens) as mailbox:
            for look in range(LOOKS if certain else 1):
                if look:
                    await asyncio.sleep(self._config.timeout / 10)  # the provider may take a moment to file it
                for folder in reading.folders(self._config):
                    await mailbox.select(folder)
                    uids = await mailbox.having("Message-ID", message_id) or await mailbox.having(parse.KEY_HEADER, reply.key)
                    for found in await mailbox.sizes(uids[:1]):
                        return Receipt(message_id=message_id, accepted_at=found.at)
        if certain:
            return None
        raise Ambiguous("The mail is not in the mailbox, but this mailbox does not keep every sent mail: it may have been sent.")

    async def aclose(self) -> None:
        """Let the copies of sent mail arrive; other connections live only as long as a stream or a call."""
        if self._copies:
            await asyncio.wait(self._copies, timeout=self._config.timeout)

    async def _keep_copy(self, source: bytes) -> None:
        try:
            async with imap.opened(self._config, self._tokens) as mailbox:
                kept = await mailbox.append(self._config.sent_folder, source)
            if not kept:
                log.warning("The mail server does not take a copy into the sent folder.")
        except ConnectorError as error:
            log.warning("A sent mail could not be copied into the sent folder: %s", error)

    def _route(self) -> smtp.Route:
        config = self._config
        password = config.smtp_password or config.password
        signs_in = config.smtp_sign_in
        return smtp.Route(
            host=config.smtp_host,
            port=config.smtp_port,
            security=config.smtp_security,
            seconds=config.timeout,
            tls=config.tls() if config.smtp_security is not Security.NONE else None,
            name=config.domain if config.domain.isascii() else "localhost",
            user=config.smtp_user or config.user or config.address,
            password=password.get_secret_value() if signs_in and password else "",
            token=self._tokens.current if signs_in and config.uses_token else None,
        )
