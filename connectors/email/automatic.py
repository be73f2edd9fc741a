"""Mail that no person wrote: out-of-office answers, lists, and reports of what could not be delivered."""

import re
from dataclasses import dataclass
from email.message import Message

from connectors.email import headers, parts, text

MACHINES = re.compile(r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|noreply[+-].*|bounces?|bounces?[+-].*)@", re.IGNORECASE)
UNANSWERABLE = re.compile(r"^(mailer-daemon|no-?reply|do-?not-?reply|bounces?|bounces?[+-].*)@", re.IGNORECASE)
OUT_OF_OFFICE = re.compile(
    r"^(auto(matic)?[ -]?(reply|response)|out of (the )?office|automatische antwort|abwesenheits|réponse automatique|respuesta automática"
    r"|risposta automatica|resposta automática|automatisch antwoord|automatiskt svar|autosvar|autoreply|自動応答|自动回复|автоответ)",
    re.IGNORECASE,
)
MARKS = ("X-Autoreply", "X-Autorespond", "X-Auto-Reply-From", "X-Mail-Autoreply", "X-Vacation", "X-Failed-Recipients")
HINTS = ("X-Auto-Response-Suppress", "X-MS-Exchange-Inbox-Rules-Loop", "X-MS-Exchange-Generated-Message-Source", "X-Loop")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a mail server reports about one recipient of an earlier message."""

    message_id: str
    recipient: str
    delivered: bool
    reason: str


def is_automatic(message: Message) -> bool:
    """Whether nobody wrote this to us and nobody should answer it (RFC 3834, and what older programs do)."""
    submitted = headers.value(message, "Auto-Submitted").lower()
    if submitted:
        return not submitted.startswith("no")
    if headers.value(message, "Precedence").lower() in {"bulk", "junk", "list", "auto_reply"}:
        return True
    if any(headers.value(message, name) for name in (*MARKS, "List-Id", "List-Unsubscribe-Post")):
        return True
    # Exchange puts the suppress header on people's mail too ("DR, NDR, RN"): only these values mean an automatic sender.
    suppressed = {word.strip().lower() for word in headers.value(message, "X-Auto-Response-Suppress").split(",")}
    if suppressed & {"all", "autoreply", "oof"}:
        return True
    if message.get_content_type() == "multipart/report" or headers.value(message, "Return-Path") == "<>":
        return True
    answerable = headers.addresses(message, "Reply-To") or headers.addresses(message, "From")
    if any(MACHINES.match(address) for _, address in answerable):
        return True
    hinted = any(headers.value(message, name) for name in HINTS)
    return hinted and bool(OUT_OF_OFFICE.match(headers.value(message, "Subject")))


def outcomes(message: Message, ours: frozenset[str]) -> list[Outcome]:
    """What this report says about mail that we sent; empty when it is no report, or one about somebody else's mail."""
    pieces = list(parts.leaves(message))
    report = next((part for part in pieces if part.get_content_type() == "message/delivery-status"), None)
    if report is None:
        return _from_exim(message)
    original = next((part for part in pieces if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}), None)
    returned = parts.attached(original) if original is not None else None
    if returned is not None:
        sender = {address for _, address in headers.addresses(returned, "From", "Sender")}
        if sender and not sender & ours:
            return []
    message_id = _message_id(returned, message)
    if not message_id:
        return []
    found = (_outcome(block, message_id) for block in parts.children(report))
    return [outcome for outcome in found if outcome is not None]


def _message_id(returned: Message | None, report: Message) -> str:
    own = headers.identifiers(returned, "Message-ID") if returned is not None else ()
    answered = own or headers.identifiers(report, "In-Reply-To") or headers.identifiers(report, "References")[-1:]
    return answered[0] if answered else ""


def _outcome(block: Message, message_id: str) -> Outcome | None:
    action = headers.value(block, "Action").lower()
    if action not in {"failed", "delivered", "relayed", "expanded"}:
        return None  # "delayed" is not an outcome: the server goes on trying
    recipient = headers.address_of(_typed(block, "Final-Recipient") or _typed(block, "Original-Recipient"))
    status = headers.value(block, "Status")
    diagnosis = _typed(block, "Diagnostic-Code")
    reason = diagnosis if status and status in diagnosis else f"{status} {diagnosis}".strip()
    reason = f"{reason or 'not delivered'} ({recipient})" if recipient else reason or "not delivered"
    return Outcome(message_id, recipient, action != "failed", text.clean(reason)[:1000])


def _typed(block: Message, name: str) -> str:
    """A field such as `rfc822; anna@example.org`, without its type."""
    kind, separator, rest = headers.value(block, name).partition(";")
    return rest.strip() if separator else kind.strip()


def _from_exim(message: Message) -> list[Outcome]:
    """Exim names the failed recipients in a header, and the message in its references."""
    failed = [address for _, address in headers.addresses(message, "X-Failed-Recipients")]
    message_id = _message_id(None, message)
    if not message_id:
        return []
    return [Outcome(message_id, recipient, delivered=False, reason=f"not delivered ({recipient})") for recipient in failed]
