"""What the Graph API's errors mean.

https://developers.facebook.com/docs/graph-api/guides/error-handling, https://developers.facebook.com/docs/messenger-platform/error-codes,
https://developers.facebook.com/docs/graph-api/overview/rate-limiting/#error-codes,
https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes/
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from connectors import http
from connectors.meta import usage
from connectors.meta.shapes import Json, Shape, Words
from inbox.contract import Ambiguous, AuthError, ConnectorError, Permanent, RateLimited, Transient, WindowClosed

ROLLING = 300.0  # seconds to wait where a limit of a rolling hour or day is met and nothing says for how long
BRIEF = {131056: 6.0}  # the pace for one pair of numbers: a message every six seconds
LONGEST_WORDS = 300  # characters

DEAD = {0, 102, 190}  # the token: expired, revoked, malformed
LACKING = {3, 10, *range(200, 300), 131005}  # a permission
LIMITED = {4, 17, 32, 341, 368, 613, 130429, 131048, 131056, 133016, *range(80000, 80015)}
PASSING = {1200, 131000, 131016, 131057, 133004}  # nothing was sent, and later it may be
UNKNOWN = {1, 2}  # an error of Meta's own: nobody knows how far it had come
CLOSED = {  # code: nothing can be answered any more
    470: "The 24 hours after the customer's last message are over: only an approved template may be sent.",
    551: "The person cannot be reached: they have blocked messages, or their account is closed.",
    10900: "This comment has had its one private answer.",
    10901: "A private answer is possible within seven days of the comment; they are over.",
    10903: "This person takes no private answer.",
    131047: "The 24 hours after the customer's last message are over: only an approved template may be sent.",
    131026: "WhatsApp cannot deliver to this number: no WhatsApp, an old version, or its terms were not accepted.",
    131050: "The customer does not want marketing messages of this business.",
}
OUTSIDE = "The platform's time for an answer is over: 24 hours after the customer's last message, 7 days for what a person writes."
CLOSED_SUBCODES = {  # where the code alone says only "permission"
    1545041: "The person cannot be reached: they have blocked messages, or their account is closed.",
    2018065: OUTSIDE,
    2018278: OUTSIDE,
    2534022: OUTSIDE,  # Instagram's
}


class Details(Shape):
    details: Words = ""


class Fault(Shape):
    """https://developers.facebook.com/docs/graph-api/guides/error-handling#error-responses"""

    message: Words = ""
    code: int = -1
    error_subcode: int = 0
    error_user_msg: Words = ""
    error_data: Details | str | None = None

    @property
    def words(self) -> str:
        details = self.error_data.details if isinstance(self.error_data, Details) else ""
        return details or self.error_user_msg or self.message


def fault(content: bytes) -> Fault | None:
    """The error in an answer, if it is one of the Graph API's."""
    try:
        told: Any = json.loads(content)
        given = cast("Json", told).get("error") if isinstance(told, dict) else None
        return None if given is None else Fault.model_validate(given)
    except (ValueError, RecursionError, ValidationError):
        return None


def error(
    name: str, status: int, found: Fault | None, headers: Mapping[str, str], *, sending: bool, secrets: tuple[str, ...]
) -> ConnectorError:
    """What a refusal means. `found` is None where something before the API answered."""
    if found is None:
        return _of_status(name, status, headers, sending=sending)
    if found.code in DEAD:  # what it says then may be the token itself
        return AuthError(f"{name} does not accept the access token any more: connect the account again.")
    words = _without(found.words, secrets)
    if found.error_subcode in CLOSED_SUBCODES:
        return WindowClosed(CLOSED_SUBCODES[found.error_subcode])
    if found.code in CLOSED:
        return WindowClosed(CLOSED[found.code])
    if found.code in LIMITED:
        return RateLimited(f"{name} asks us to wait.", _pause(found.code, headers))
    if found.code in LACKING:
        return AuthError(f"The access token lacks a permission: {words}")
    if found.code in UNKNOWN:
        return (Ambiguous if sending else Transient)(f"{name} has a problem of its own: {words}")
    if found.code in PASSING or status == 503:
        return Transient(f"{name} cannot do it now: {words}")
    if status >= 500:
        return (Ambiguous if sending else Transient)(f"{name} answered {status}: {words}")
    return Permanent(f"{name} refuses: {words or found.code}")


def _of_status(name: str, status: int, headers: Mapping[str, str], *, sending: bool) -> ConnectorError:
    words = f"{name} answered {status}."
    if status in {401, 403}:
        return AuthError(f"{name} answered {status}: the credentials are not accepted.")
    if status == 429 or (status == 503 and "retry-after" in headers):
        return RateLimited(words, _pause(status, headers))
    if status in {408, 425, 503}:
        return Transient(words)
    if status >= 500:
        return Ambiguous(words) if sending else Transient(words)
    return Permanent(words)


def _pause(code: int, headers: Mapping[str, str]) -> float:
    """Seconds, as the usage headers tell, else Retry-After, else what is usual for such a limit."""
    used = usage.read(headers)
    if used is not None and used.regain > 0:
        return min(used.regain, http.LONGEST_PAUSE)
    if "retry-after" in headers:
        return http.retry_after(headers["retry-after"])
    return BRIEF.get(code, ROLLING)


def _without(words: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        words = words.replace(secret, "…")
    return words[:LONGEST_WORDS]
