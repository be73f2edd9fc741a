"""A reply as a mail: headers that thread everywhere, text that flows, files that open."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import cast

from connectors.email import automatic, headers, text
from connectors.email.config import EmailConfig
from connectors.email.parse import KEY_HEADER
from inbox.contract import Attachment, Envelope, Permanent, Reply

# Long lines are allowed up to 998: the library would encode a long message id when it folds it. Seven bits pass every server.
POLICY = SMTP.clone(max_line_length=900, cte_type="7bit")
SAFE_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")
WIDTH = 76  # columns of flowed text
MOST_REFERENCES = 30


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail ready to hand in. The recipients are the envelope's: blind copies are in no header."""

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    source: bytes
    international: bool = False  # an address needs SMTPUTF8


def reply(answer: Reply, config: EmailConfig, now: datetime) -> Outgoing:
    """Write the mail for a reply; the same reply always gets the same Message-ID."""
    envelope = answer.envelope or Envelope()
    sender = _sender(envelope, config)
    to = _ascii_domains(envelope.to or ((answer.recipient,) if answer.recipient else ()))
    cc, bcc = _ascii_domains(envelope.cc), _ascii_domains(envelope.bcc)
    recipients = tuple(dict.fromkeys((*to, *cc, *bcc)))
    _check_recipients(recipients, envelope)
    message = _body(answer.text, answer.html, answer.attachments)
    name = answer.author_name or config.display_name
    message["From"] = _address(sender, name)
    message["To"] = tuple(_address(entry) for entry in to)
    if cc:
        message["Cc"] = tuple(_address(entry) for entry in cc)
    if envelope.reply_to:
        message["Reply-To"] = _address(_bare(envelope.reply_to))
    message["Subject"] = _line(envelope.subject)
    message["Date"] = format_datetime(now)
    identifier = message_id(answer.key, config.domain)
    _thread(message, identifier, answer.parent_id, envelope.references)
    message[KEY_HEADER] = _line(answer.key)
    if not answer.human:
        message["Auto-Submitted"] = "auto-replied"
    return _outgoing(message, identifier, sender, recipients)


def notice(
    sender: str, to: str, subject: str, body: tuple[str, str | None], identifier: str, extra: Mapping[str, str], now: datetime
) -> Outgoing:
    """Write a mail of Parley's own, such as an invitation."""
    own = headers.address_of(sender)
    recipients = _ascii_domains((to,))
    if not own or not recipients:
        raise Permanent("The sender or the recipient is not a mail address.")
    message = _body(*body, ())
    message["From"] = _address(own, sender.partition("<")[0].strip(' "') if "<" in sender else "")
    message["To"] = _address(recipients[0])
    message["Subject"] = _line(subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{identifier}>"
    for name, content in {"Auto-Submitted": "auto-generated", **extra}.items():
        message[name] = _line(content)
    return _outgoing(message, identifier, own, recipients)


def message_id(key: str, domain: str) -> str:
    """The Message-ID of the reply with this key, without angle brackets: every attempt has the same."""
    local = key if SAFE_KEY.fullmatch(key) else hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:40]
    return f"parley.{local}@{domain.encode('idna').decode() if not domain.isascii() else domain}"


def flowed(words: str) -> str:
    """Text with soft line breaks (RFC 3676): narrow programs show it whole, wide ones join the lines again."""
    return "\n".join(line for paragraph in words.replace("\r\n", "\n").split("\n") for line in _flow(paragraph))


def _flow(paragraph: str) -> list[str]:
    if paragraph in {"-- ", "--"}:
        return ["-- "]
    quoted = paragraph.startswith(">")
    words = paragraph.rstrip(" ").split(" ")
    lines: list[str] = [words[0]]
    for word in words[1:]:
        if not quoted and lines[-1].strip() and len(lines[-1]) + len(word) >= WIDTH:
            lines[-1] += " "
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return [line if quoted else _stuff(line) for line in lines]


def _stuff(line: str) -> str:
    """A line that a reader could take for a quotation or an envelope gets a blank in front, which the reader takes off again."""
    return f" {line}" if line.startswith((" ", ">", "From ")) else line


def _sender(envelope: Envelope, config: EmailConfig) -> str:
    if not envelope.sender:
        return config.address
    sender = headers.address_of(envelope.sender)
    if sender not in config.addresses:
        raise Permanent(f"This mailbox may not send as {sender or envelope.sender}: add the address to the channel first.")
    return sender


def _check_recipients(recipients: tuple[str, ...], envelope: Envelope) -> None:
    if not recipients:
        raise Permanent("The answer has no recipient.")
    if envelope.automatic:
        raise Permanent("This mail was written by a machine; it is never answered, so that two machines do not answer each other.")
    for recipient in recipients:
        if automatic.UNANSWERABLE.match(recipient):
            raise Permanent(f"Nobody reads {recipient}: choose another recipient.")


def _ascii_domains(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Bare addresses, each once, whose domain every server understands."""
    return tuple(dict.fromkeys(_bare(entry) for entry in entries))


def _bare(entry: str) -> str:
    local, _, domain = (headers.address_of(entry) if "<" in entry else entry.strip()).rpartition("@")
    with suppress(UnicodeError):
        known = domain if domain.isascii() else domain.encode("idna").decode()
        if local and known and not any(letter.isspace() or not letter.isprintable() or letter in '<>,;:"()[]' for letter in local + known):
            return f"{local}@{known}"
    raise Permanent(f"“{entry}” is not a mail address.")


def _address(bare: str, name: str = "") -> Address:
    local, _, domain = bare.rpartition("@")
    return Address(display_name=text.clean(" ".join(name.split())), username=local, domain=domain)


def _line(words: str) -> str:
    return text.clean(" ".join(words.split()))


def _thread(message: EmailMessage, identifier: str, parent: str | None, references: tuple[str, ...]) -> None:
    message["Message-ID"] = f"<{identifier}>"
    chain = [reference for reference in references if reference != parent]
    if parent:
        message["In-Reply-To"] = f"<{parent}>"
        chain.append(parent)
    if chain:
        # The first names the thread, the last ones the way here: the middle may go when it is long.
        kept = chain if len(chain) <= MOST_REFERENCES else [chain[0], *chain[1 - MOST_REFERENCES :]]
        message["References"] = " ".join(f"<{reference}>" for reference in kept)


def _body(words: str, html: str | None, attachments: tuple[Attachment, ...]) -> EmailMessage:
    message = EmailMessage(policy=POLICY)
    message.set_content(flowed(text.clean(words)), charset="utf-8", params={"format": "flowed"})
    inline = [file for file in attachments if html and file.content_id]
    if html:
        message.add_alternative(text.clean(html), subtype="html")
        shown: object = message.get_payload(1)
        for file in inline:
            _attach(cast("EmailMessage", shown), file, related=True)
    for file in attachments:
        if file not in inline:
            _attach(message, file)
    return message


def _attach(message: EmailMessage, file: Attachment, *, related: bool = False) -> None:
    if file.content is None:
        raise Permanent(f"The file “{file.name}” has no content.")
    main, _, sub = file.media_type.partition("/")
    if main in {"message", "multipart"} or not sub:
        main, sub = "application", "octet-stream"  # the bytes of a file are not taken apart
    if related:
        message.add_related(file.content, main, sub, cid=f"<{file.content_id}>", filename=file.name, disposition="inline")
    else:
        message.add_attachment(file.content, main, sub, filename=file.name)


def _outgoing(message: EmailMessage, identifier: str, sender: str, recipients: tuple[str, ...]) -> Outgoing:
    international = not "".join((sender, *recipients)).isascii()
    source = message.as_bytes(policy=POLICY.clone(utf8=international))
    return Outgoing(identifier, sender, recipients, source, international)
