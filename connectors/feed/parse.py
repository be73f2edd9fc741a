"""A feed's entries as events. Pure; feedparser (https://feedparser.readthedocs.io/) evens out RSS, RDF and Atom."""

import calendar
import hashlib
import io
import json
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import feedparser

from connectors import markup
from connectors.feed.fetching import Fetched, check
from inbox.contract import Attachment, Author, ConversationKind, Envelope, Event, EventKind, Post, Transient

Entry = Mapping[str, Any]
PLAYED = ("audio/", "video/")  # shown as a link: an episode is no attachment


@dataclass(frozen=True, slots=True)
class Read:
    """A feed as it came, its last entry first: where entries have no time, feeds put the newest first."""

    title: str
    link: str | None
    entries: list[Entry]


def read(fetched: Fetched) -> Read:
    """Raises Transient where it is no feed, or none that is read."""
    check(fetched.content)
    headers = {"content-location": fetched.address, "content-type": fetched.media_type}
    # Nothing is sanitised here: the inbox cleans whatever it shows.
    told: Any = feedparser.parse(io.BytesIO(fetched.content), response_headers=headers, sanitize_html=False)  # pyright: ignore
    found = cast("dict[str, Any]", told)
    about = cast("Entry", found.get("feed") or {})
    entries: list[Entry] = [dict(entry) for entry in cast("list[Entry]", found.get("entries") or [])]  # plain: theirs have keys that warn
    if not (found.get("version") or entries):
        raise Transient("What is there is no feed.")
    return Read(_plain(about, "title"), about.get("link"), entries[::-1])


def name(entry: Entry) -> str:
    """The entry's id, or what has to do for one; "" where there is nothing at all."""
    return str(entry.get("id") or entry.get("link") or "") or (digest(entry) if text(entry) or _plain(entry, "title") else "")


def digest(entry: Entry) -> str:
    """What a look compares: the words, not the times, which some servers change at every request."""
    said = json.dumps([_plain(entry, "title"), text(entry), entry.get("link")])
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()[:16]


def text(entry: Entry) -> str:
    """The longest version there is, in plain words."""
    told = _content(entry)
    if told is None:
        return ""
    return markup.words(told["value"]) if _is_html(told) else str(told["value"]).strip()


def message(entry: Entry, feed: Read, now: datetime) -> Event:
    """An entry as a message that nobody answers."""
    return _said(entry, feed, EventKind.MESSAGE, f"entry:{short(name(entry))}", moment(entry, "published", "updated") or now, now)


def edit(entry: Entry, feed: Read, now: datetime, before: str) -> Event:
    """An entry with other words than those whose digest was `before`."""
    at = moment(entry, "updated")
    event_id = f"edit:{short(name(entry))}:{before}:{digest(entry)}:{at.isoformat() if at else ''}"
    return _said(entry, feed, EventKind.EDIT, event_id, at or now, now)


def short(entry: str) -> str:
    return hashlib.sha256(entry.encode(errors="replace")).hexdigest()[:24]


def moment(entry: Entry, *names: str) -> datetime | None:
    for each in names:
        told = entry.get(f"{each}_parsed")
        try:
            if told is not None:
                return datetime.fromtimestamp(calendar.timegm(told), UTC)
        except (ValueError, OverflowError, OSError, TypeError):
            continue
    return None


def _said(entry: Entry, feed: Read, kind: EventKind, event_id: str, at: datetime, now: datetime) -> Event:
    title, told, link = _plain(entry, "title"), _content(entry), entry.get("link")
    answered: Any = entry.get("thr_in-reply-to") or {}  # https://www.rfc-editor.org/rfc/rfc4685: what a comment is about
    above = str(answered.get("ref") or "") or None
    return Event(
        id=event_id,
        kind=kind,
        message_id=name(entry),
        thread_id=above or name(entry),
        at=min(at, now),
        author=_author(entry, feed),
        text=text(entry) or title,
        html=str(told["value"]) if told is not None and _is_html(told) else None,
        parent_id=above,
        post=None
        if above
        else Post(name(entry), title=title, url=link, media=tuple(_played(entry)), published_at=moment(entry, "published")),
        conversation_kind=ConversationKind.COMMENTS,
        attachments=tuple(_files(entry)),
        envelope=Envelope(automatic=True),
        permalink=link,
        raw={key: value for key, value in entry.items() if isinstance(value, str)},
    )


def _author(entry: Entry, feed: Read) -> Author:
    told: Any = entry.get("author_detail") or {}
    who, email = str(told.get("name") or entry.get("author") or ""), told.get("email")
    if not (who or email):
        return Author(id="feed", name=feed.title or "?")
    return Author(id=str(email or who).lower(), name=who or str(email), email=email, handle=None)


def _content(entry: Entry) -> Mapping[str, Any] | None:
    """The whole text where the feed has it, else the summary."""
    told: Any = entry.get("content") or ([entry["summary_detail"]] if entry.get("summary_detail") else [])
    return max((one for one in told if one.get("value")), key=lambda one: len(one["value"]), default=None)


def _is_html(told: Mapping[str, Any]) -> bool:
    return str(told.get("type", "")).endswith("html") or str(told.get("type", "")).endswith("xml")


def _plain(about: Mapping[str, Any], key: str) -> str:
    told: Any = about.get(f"{key}_detail") or {"value": about.get(key) or ""}
    value = str(told.get("value") or "")
    return " ".join((markup.words(value) if _is_html(told) else value).split())


def _enclosures(entry: Entry) -> list[tuple[str, str, int | None]]:
    """Address, type and size of each file."""
    found: list[tuple[str, str, int | None]] = []
    for link in cast("list[Any]", entry.get("links") or []):
        address = str(link.get("href") or "")
        if link.get("rel") != "enclosure" or urlsplit(address).scheme not in {"http", "https"}:
            continue
        kind = str(link.get("type") or mimetypes.guess_type(urlsplit(address).path)[0] or "application/octet-stream")
        size = str(link.get("length") or "")
        found.append((address, kind, int(size) if size.isascii() and size.isdecimal() and len(size) < 16 else None))
    return found


def _files(entry: Entry) -> list[Attachment]:
    found = [one for one in _enclosures(entry) if not one[1].startswith(PLAYED)]
    return [Attachment(PurePosixPath(unquote(urlsplit(url).path)).name or "file", kind, url=url, size=size) for url, kind, size in found]


def _played(entry: Entry) -> list[str]:
    return [url for url, kind, _ in _enclosures(entry) if kind.startswith(PLAYED)]
