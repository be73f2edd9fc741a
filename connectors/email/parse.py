"""One mail as events: what was said, by whom, in answer to what."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes
from email.message import Message

from connectors.email import automatic, headers, parts, quotes, text
from connectors.email.config import EmailConfig
from inbox.contract import Author, Batch, ConversationKind, Envelope, Event, EventKind, Rejected

FORWARD = re.compile(r"^\s*(fwd?|wg|tr|rv|i|enc|doorst|vs|vb|pd|转发|轉寄)\s*[:：]", re.IGNORECASE)
FAILED_CHECK = re.compile(r"\b(dmarc|spf)=(fail|softfail)\b", re.IGNORECASE)
KEY_HEADER = "X-Parley-Key"


@dataclass(frozen=True, slots=True)
class Source:
    """A mail as it was fetched; `size` above the length of `data` means that its end stayed on the server."""

    data: bytes
    at: datetime
    size: int = 0
    sent: bool = False  # it lies in the sent folder: one of us wrote it


def batch(sources: list[Source], config: EmailConfig, cursor: str | None) -> Batch:
    """These mails as one batch; what cannot be read is rejected with its reason, its neighbours come in."""
    found: list[Event] = []
    rejected: list[Rejected] = []
    for source in sources:
        try:
            found.extend(events(source, config))
        except Exception as error:  # the mail is kept as a dead letter, whatever is wrong with it
            rejected.append(Rejected(source.data, f"This mail cannot be read: {type(error).__name__}."))
    return Batch(events=found, cursor=cursor, rejected=rejected)


def events(source: Source, config: EmailConfig) -> list[Event]:
    """The mail itself and, when it reports on mail of ours, what became of that."""
    message = message_from_bytes(source.data, policy=headers.Bounded())
    letter = _letter(message, source, config)
    reports = automatic.outcomes(message, config.addresses)
    return [letter, *(_delivery(report, letter, config) for report in reports)]


def _letter(message: Message, source: Source, config: EmailConfig) -> Event:
    message_id = _own_id(message, source)
    references = headers.identifiers(message, "References")
    answered = headers.identifiers(message, "In-Reply-To")
    parent = answered[0] if answered else (references[-1] if references else None)
    author = _author(message, source, config)
    content = parts.read(message)
    subject = headers.value(message, "Subject")
    visible, quoted = quotes.fold(_words(content), forwarded=bool(FORWARD.match(subject)))
    event = Event(
        id=message_id,
        kind=EventKind.MESSAGE,
        message_id=message_id,
        thread_id=(references or answered or (message_id,))[0],
        at=source.at,
        author=author,
        text=visible,
        quoted=quoted,
        html="\n".join(content.html) or None,
        parent_id=parent if parent != message_id else None,
        conversation_kind=ConversationKind.EMAIL,
        attachments=tuple(content.files),
        envelope=_envelope(message, subject, references),
        client_key=(headers.value(message, KEY_HEADER) or None) if author.is_self else None,
        raw={"headers": headers.listing(message), "size": source.size or len(source.data)},
    )
    return _cut_off(event, source) if source.size > len(source.data) else event


def _own_id(message: Message, source: Source) -> str:
    """The Message-ID; without one, a hash of the mail, which stays the same when the server numbers its mail anew."""
    found = headers.identifiers(message, "Message-ID")
    return found[0] if found else f"{hashlib.sha256(source.data).hexdigest()[:40]}@no-message-id"


def _author(message: Message, source: Source, config: EmailConfig) -> Author:
    """Who wrote it. A web form that sends in our name, or from an address that takes no answer, names the customer in Reply-To."""
    senders = headers.addresses(message, "From", "Sender", "Return-Path")
    name, address = senders[0] if senders else (headers.value(message, "From"), "unknown")
    own = address in config.addresses
    if not source.sent and (own or automatic.UNANSWERABLE.match(address)):
        asked = [pair for pair in headers.addresses(message, "Reply-To") if pair[1] not in config.addresses]
        if asked and not automatic.UNANSWERABLE.match(asked[0][1]):
            (asked_name, address), own = asked[0], False
            name = asked_name or name
    believed = not _is_forged(message)
    return Author(
        id=address,
        name=name or address,
        handle=address,
        email=address if "@" in address else None,
        is_self=source.sent or (own and believed),
        roles=_roles(address, config) if believed else (),
    )


def _is_forged(message: Message) -> bool:
    """Whether our own server found that somebody else sent this under that name. It adds its verdict on top."""
    verdicts = headers.values(message, "Authentication-Results")
    return bool(verdicts and FAILED_CHECK.search(verdicts[0]))


def _roles(address: str, config: EmailConfig) -> tuple[str, ...]:
    domain = address.rpartition("@")[2]
    staff = config.staff_domain is not None and domain == config.staff_domain.strip().lower().removeprefix("@")
    return (domain, "staff") if staff else (domain,)


def _words(content: parts.Content) -> str:
    plain = text.tidy("\n\n".join(part for part in content.plain if part.strip()))
    return plain or text.tidy("\n\n".join(text.from_html(part) for part in content.html))


def _envelope(message: Message, subject: str, references: tuple[str, ...]) -> Envelope:
    def bare(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(address for _, address in headers.addresses(message, name)))

    reply_to = bare("Reply-To")
    return Envelope(
        subject=subject,
        sender=next(iter(bare("From")), ""),
        to=bare("To"),
        cc=bare("Cc"),
        bcc=bare("Bcc"),
        reply_to=reply_to[0] if reply_to else None,
        references=references,
        automatic=automatic.is_automatic(message),
    )


def _cut_off(event: Event, source: Source) -> Event:
    """The last file is incomplete: it is named, without its bytes."""
    mebibytes = source.size / (1024 * 1024)
    note = f"[This mail has {mebibytes:.0f} MiB. Its end stayed on the mail server.]"
    *whole, last = event.attachments or (None,)
    files = (*(file for file in whole if file), replace(last, content=None, size=None)) if last else ()
    return replace(event, text=f"{event.text}\n\n{note}".strip(), attachments=files)


def _delivery(report: automatic.Outcome, letter: Event, config: EmailConfig) -> Event:
    return Event(
        id=f"{letter.message_id}#{report.recipient}",
        kind=EventKind.DELIVERY,
        message_id=report.message_id,
        thread_id=letter.thread_id,
        at=letter.at,
        author=Author(id=config.address, name=config.display_name or config.address, is_self=True),
        text="delivered" if report.delivered else report.reason,
        conversation_kind=ConversationKind.EMAIL,
    )
