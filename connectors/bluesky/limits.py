"""What the server says of its limits (https://docs.bsky.app/docs/advanced-guides/rate-limits)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connectors import http
from inbox.contract import Standing


def pause(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds until the server answers again: from Retry-After, else from RateLimit-Reset (seconds since 1970) by its own clock."""
    reset = headers.get("ratelimit-reset", "")
    if "retry-after" in headers or not reset.isdecimal():
        return http.retry_after(headers.get("retry-after"))
    try:
        date = headers.get("date")
        return http.retry_after(str(int(reset) - (parsedate_to_datetime(date) if date else now).timestamp()))
    except (ValueError, TypeError, OverflowError):
        return http.retry_after(None)


def standing(headers: Mapping[str, str]) -> Standing | None:
    limit, left, reset = (headers.get(f"ratelimit-{name}", "") for name in ("limit", "remaining", "reset"))
    if not (limit.isdecimal() and left.isdecimal() and reset.isdecimal()):
        return None
    try:
        return Standing(int(limit) - int(left), int(limit), datetime.fromtimestamp(int(reset), UTC))
    except (ValueError, OverflowError, OSError):
        return None
