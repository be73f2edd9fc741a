"""Parley's own mail: invitations, alerts, answers to visitors who left."""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import SplitResult, unquote, urlsplit

from connectors.email import compose, smtp
from connectors.email.config import Security
from inbox.contract import Permanent

SECONDS = 30.0  # of silence until the server counts as lost
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


async def send(
    smtp_url: str,
    sender: str,
    to: str,
    subject: str,
    text: str,
    html: str | None = None,
    *,
    message_id: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Hand one mail to the server of the settings; fails with the contract's errors, `Ambiguous` among them.

    `sender` may be `Name <address>`. The mail is marked as automatic unless `headers` say otherwise (`Auto-Submitted: no`).
    """
    if not sender:
        raise Permanent("Parley's own mail has no sender: the setting mail_from is empty.")
    identifier = message_id.strip("<> ")
    mail = compose.notice(sender, to, subject, (text, html), identifier, headers or {}, datetime.now(UTC))
    await smtp.deliver(_route(smtp_url, mail.sender), mail)


async def check(smtp_url: str, sender: str) -> None:
    """Prove that the server of the settings takes mail from us; hands none in."""
    await smtp.check(_route(smtp_url, sender))


def _route(smtp_url: str, sender: str) -> smtp.Route:
    """`smtps://` is TLS from the start, `smtp://` is STARTTLS; only a server on this machine is spoken to in clear."""
    try:
        url = urlsplit(smtp_url)
        port = url.port
    except ValueError:
        raise Permanent("The setting smtp_url is not an address such as smtp://user:password@host:587.") from None
    if url.scheme not in {"smtp", "smtps"} or not url.hostname:
        raise Permanent("The setting smtp_url is not an address such as smtp://user:password@host:587.")
    security = _security(url)
    return smtp.Route(
        host=url.hostname,
        port=port or (465 if security is Security.TLS else 587),
        security=security,
        seconds=SECONDS,
        tls=None if security is Security.NONE else ssl.create_default_context(),
        name=sender.rpartition("@")[2] if sender.isascii() else "localhost",
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        trusted=True,
    )


def _security(url: SplitResult) -> Security:
    if url.scheme == "smtps":
        return Security.TLS
    return Security.NONE if url.hostname in LOOPBACK else Security.STARTTLS
