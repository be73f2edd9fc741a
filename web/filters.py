"""What templates do to a value before they show it."""

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from web.letters import letter

LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
HUES = 8


def linked(text: str) -> Markup:
    """Plain text with its addresses made into links that tell the other side nothing."""
    parts: list[str] = []
    end = 0
    for found in LINK.finditer(text):
        address = escape(found.group())
        parts.append(escape(text[end : found.start()]))
        parts.append(f'<a href="{address}" target="_blank" rel="noopener noreferrer nofollow">{address}</a>')
        end = found.end()
    parts.append(escape(text[end:]))
    return Markup("".join(parts))  # noqa: S704  # every part is escaped above


def initials(name: str) -> str:
    """One or two letters for a picture's place."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return name[:1] or "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def hue(name: str) -> int:
    """A colour number for a name, the same everywhere and always."""
    return sum(name.encode()) % HUES


def zone(name: str) -> ZoneInfo:
    """The time zone of that name."""
    return ZoneInfo(name)


def size(count: int | None) -> str:
    """Bytes as people read them."""
    if not count:
        return ""
    return f"{count / 1_000_000:.1f} MB" if count >= 1_000_000 else f"{max(1, count // 1000)} kB"


PICTURES = {
    "bluesky": "cloud",
    "demo": "store",
    "discord": "gamepad-2",
    "discourse": "messages-square",
    "email": "mail",
    "facebook": "thumbs-up",
    "feed": "rss",
    "github": "circle-dot",
    "google": "star",
    "instagram": "camera",
    "lemmy": "mouse",
    "line": "message-square-more",
    "linkedin": "briefcase",
    "mastodon": "at-sign",
    "matrix": "grid-3x3",
    "nostr": "key-round",
    "reddit": "arrow-big-up",
    "slack": "hash",
    "telegram": "send",
    "threads": "spool",
    "tiktok": "music",
    "twitch": "tv",
    "webhook": "webhook",
    "whatsapp": "phone",
    "widget": "message-circle",
    "wordpress": "newspaper",
    "x": "x",
    "youtube": "square-play",
}


def picture(platform: str) -> str:
    """The icon of a platform. The icon set draws no brands, so that these are of what is done there."""
    return PICTURES.get(platform, "radio")


FILTERS: dict[str, Callable[..., Any]] = {
    "linked": linked,
    "letter": letter,
    "initials": initials,
    "hue": hue,
    "zone": zone,
    "size": size,
    "picture": picture,
}
