"""Notifications: the handshake, the signature, and entries of several accounts apart (https://developers.facebook.com/docs/graph-api/webhooks)."""

import hashlib
import hmac
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, cast

from pydantic import ValidationError

from connectors.meta import parts
from connectors.meta.config import MetaConfig
from connectors.meta.parts import Part
from connectors.meta.shapes import Json, dumped, reason
from inbox.contract import Batch, Event, Refused, Rejected, Request, Response

SIGNATURE = "x-hub-signature-256"
UNREADABLE = (ValidationError, ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError)


class Passed(Exception):
    """Left out on purpose; the message is the reason that is counted."""


@dataclass(slots=True)
class Pieces:
    """What becomes a batch."""

    events: list[Event] = field(default_factory=list[Event])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    passed: Counter[str] = field(default_factory=Counter[str])

    def batch(self, cursor: str | None = None) -> Batch:
        return Batch(self.events, cursor, rejected=self.rejected, passed_over=dict(self.passed))


class Reader(Protocol):
    """What a platform makes of a part. `about`: the object that its notifications are about ("page")."""

    about: ClassVar[str]
    own: str  # the account of this channel, as `account` names it

    def account(self, part: Part) -> str: ...

    def read(self, part: Part, account: str) -> Sequence[Event]:
        """Raises Passed, or one of UNREADABLE."""
        ...


def receive(request: Request, config: MetaConfig, reader: Reader) -> tuple[Response, Mapping[str, Batch]]:
    """The handshake is answered; a notification is verified over its raw bytes, then read."""
    if request.method == "GET":
        return handshake(request, config.verify_token.get_secret_value()), {}
    if request.method != "POST":
        raise Refused("Meta sends GET and POST requests.", 405)
    verify(request, config.app_secret.get_secret_value())
    return Response(body="EVENT_RECEIVED"), read(request.body, request.received_at, reader)


def handshake(request: Request, token: str) -> Response:
    """https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests"""
    given = request.query.get("hub.verify_token", "")
    if request.query.get("hub.mode") != "subscribe" or not hmac.compare_digest(given.encode(errors="replace"), token.encode()):
        raise Refused("The verify token does not fit.", 403)
    return Response(body=request.query.get("hub.challenge", "")[:500])


def verify(request: Request, secret: str) -> None:
    """https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications

    What Meta signs is the body as it sends it: letters beyond ASCII escaped (\\u00e4), "/" and some others too. Read and written again, it
    would be another text, so only the bytes that came are compared.
    """
    expected = "sha256=" + hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    if not secret or not hmac.compare_digest(request.headers.get(SIGNATURE, "").encode(errors="replace"), expected.encode()):
        raise Refused("The signature does not fit.")


def read(body: bytes, received_at: datetime, reader: Reader) -> dict[str, Batch]:
    """Every part of a notification, by account; one that cannot be read takes no other along."""
    gathered: dict[str, Pieces] = defaultdict(Pieces)
    try:
        told: Any = json.loads(body.decode())
    except (ValueError, RecursionError):
        return {"": Batch(rejected=[Rejected(body, "The body is not JSON.")])}
    for notification in cast("list[Any]", told) if isinstance(told, list) else [told]:
        if isinstance(notification, dict):
            _read_one(cast("Json", notification), received_at, reader, gathered)
        else:
            gathered[""].rejected.append(Rejected(body, "It is not a notification."))
    return {account: pieces.batch() for account, pieces in gathered.items()}


def reread(raw: bytes, received_at: datetime, reader: Reader) -> Batch:
    """A notification that was kept; whatever account it names, the host knows whose it is."""
    together = Pieces()
    for batch in read(raw, received_at, reader).values():
        together.events += batch.events
        together.rejected += batch.rejected
        together.passed.update(batch.passed_over)
    return together.batch()


def _read_one(told: Json, received_at: datetime, reader: Reader, gathered: Mapping[str, Pieces]) -> None:
    if told.get("object", reader.about) != reader.about:
        gathered[""].passed[f"notifications about {told['object']}"[:80]] += 1
        return
    for part in parts.split(told, received_at):
        if isinstance(part, Rejected):
            gathered[""].rejected.append(part)
        elif isinstance(part, Part):
            _read_part(part, reader, gathered)
        else:
            gathered[""].passed[part] += 1


def _read_part(part: Part, reader: Reader, gathered: Mapping[str, Pieces]) -> None:
    pieces = gathered[""]
    try:
        account = reader.account(part)
        pieces = gathered["" if account == reader.own else account]
        found = reader.read(part, account)
        pieces.events += found
        if not found:
            pieces.passed[f"{part.field} of nothing"[:80]] += 1
    except Passed as passed:
        pieces.passed[str(passed)] += 1
    except UNREADABLE as error:
        pieces.rejected.append(Rejected(dumped(part.raw), reason(error)))
