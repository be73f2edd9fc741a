"""What every answer says to browsers."""

from collections.abc import Mapping

from inbox.settings import Settings

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # without one, forms would come from the origin "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
YEAR_SECONDS = 365 * 24 * 3600


def of(settings: Settings) -> dict[str, str]:
    """What every answer says."""
    https = {"Strict-Transport-Security": f"max-age={YEAR_SECONDS}"} if is_https(settings) else {}
    return {**HEADERS, **https}


def is_https(settings: Settings) -> bool:
    """Whether people reach this installation by https."""
    return settings.public_url.startswith("https://")
