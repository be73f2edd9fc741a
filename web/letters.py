"""Letters with markup, as the page shows them: what `inbox.conversations.markup` cleaned at the door, drawn anew from known pieces.

Nothing is copied that is not understood: a tag is written again from its known attributes, every other "<" becomes text, and what is
opened is closed. So even markup that was never cleaned could not leave its place. Pictures from elsewhere are named, never fetched.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from urllib.parse import unquote, urlsplit

from markupsafe import Markup, escape

from inbox.conversations.markup import ATTRIBUTES, TAGS
from inbox.conversations.said import File

LONGEST = 300_000  # characters; a longer one is shown as its text
EMPTY = frozenset({"br", "hr", "img", "col"})
PLAIN = frozenset({"p", "div", "br", "span", "blockquote"})  # say nothing that plain text does not say
TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*/?>|<')  # as the cleaning writes them
ATTRIBUTE = re.compile(r'([\w:-]+)="([^"]*)"')
LINKS = ("http://", "https://", "mailto:", "tel:")
Pictures = tuple[tuple[str, int, str], ...]  # content id, file, name
KEY = 24  # letters by which the begin of the quoted text is found again
MOST = 0.8  # of what is new must stand before it: else the quotation is not at the end, and nothing is folded


@dataclass(frozen=True, slots=True)
class Letter:
    """A drawn letter: what is new, what is folded, and the files that are shown inside."""

    visible: Markup
    quoted: Markup
    shown: frozenset[int]


@dataclass(frozen=True, slots=True)
class Piece:
    """A tag, or text between tags (`name` is empty, `text` is escaped already)."""

    name: str
    text: str  # of a tag: its attributes
    closes: bool = False


def letter(html: str | None, text: str, quoted: str, attachments: Sequence[File], files: str, phrase: str, sign: str) -> Letter | None:
    """The letter, or None where its text says the same. `files`: where attachments are; `phrase` ("Picture from {host}") and its `sign`."""
    if not html or len(html) > LONGEST:
        return None
    pictures = tuple((file.content_id, file.id, file.name) for file in attachments if file.content_id and file.is_picture)
    return _letter(html, text, quoted, pictures, files, (phrase, sign))


@lru_cache(maxsize=64)  # somebody who reads a conversation is told of it again and again
def _letter(html: str, text: str, quoted: str, pictures: Pictures, files: str, far: tuple[str, str]) -> Letter | None:
    pieces = list(_pieces(html))
    end = _fold(pieces, text, quoted) if quoted else len(pieces)
    if text.strip() and not any(piece.name not in PLAIN for piece in pieces[:end] if piece.name):
        return None
    pen = Pen({identifier: (number, name) for identifier, number, name in pictures}, files, *far)
    visible, opened = pen.draw(pieces[:end])
    folded, _ = pen.draw([*opened, *pieces[end:]]) if end < len(pieces) else (Markup(""), [])
    return Letter(visible, folded, frozenset(pen.shown))


def _pieces(html: str) -> Iterator[Piece]:
    at = 0
    for found in TAG.finditer(html):
        if found.start() > at:
            yield Piece("", html[at : found.start()].replace(">", "&gt;"))
        at = found.end()
        slash, name, attributes = found.groups()
        if name in TAGS:
            yield Piece(name, attributes, bool(slash))
        elif name is None:
            yield Piece("", "&lt;")
    if at < len(html):
        yield Piece("", html[at:].replace(">", "&gt;"))


@dataclass(slots=True)
class Pen:
    """Writes pieces down, each from known parts."""

    pictures: Mapping[str, tuple[int, str]]
    files: str
    phrase: str
    sign: str
    shown: set[int] = field(default_factory=set[int])
    open: Counter[str] = field(default_factory=Counter[str])  # by name: a letter may nest thousands, and close as many that are not open

    def draw(self, pieces: Sequence[Piece]) -> tuple[Markup, list[Piece]]:
        """The pieces as HTML, and the tags that had to be closed at their end."""
        parts: list[str] = []
        opened: list[Piece] = []
        self.open.clear()
        for piece in pieces:
            if not piece.name:
                parts.append(piece.text)
            elif piece.closes:
                self._close(piece.name, opened, parts)
            elif piece.name == "img":
                parts.append(self._picture(dict(ATTRIBUTE.findall(piece.text)), linked=self.open["a"] > 0))
            else:
                parts.append(f"<{piece.name}{_attributes(piece)}>")
                if piece.name not in EMPTY:
                    opened.append(piece)
                    self.open[piece.name] += 1
        parts.extend(f"</{piece.name}>" for piece in reversed(opened))
        return Markup("".join(parts)), opened  # noqa: S704  # every part is made here, or escaped

    def _close(self, name: str, opened: list[Piece], parts: list[str]) -> None:
        if not self.open[name]:
            return
        last = None
        while last is None or last.name != name:
            last = opened.pop()
            self.open[last.name] -= 1
            parts.append(f"</{last.name}>")

    def _picture(self, attributes: dict[str, str], *, linked: bool) -> str:
        """One that came along is shown, one from elsewhere is named, and one too small to be seen is left out."""
        alt = unescape(attributes.get("alt", "")).strip()
        source = unescape(attributes.get("src", ""))
        found = self.pictures.get(unquote(source.removeprefix("cid:"))) if source.startswith("cid:") else None
        if found is not None:
            number, name = found
            self.shown.add(number)
            drawn = f'<img src="{self.files}/{number}" alt="{escape(alt or name)}"{_sizes(attributes)} loading="lazy">'
            return drawn if linked else f'<a class="picture" href="{self.files}/{number}" target="_blank">{drawn}</a>'
        if any(attributes.get(side, "") in ("0", "1", "2") for side in ("width", "height")):
            return ""
        address = unescape(attributes.get("data-remote-src", ""))
        host = _host(address)
        if not host:
            return str(escape(alt))
        inner = f"{self.sign}{escape(alt or self.phrase.format(host=host))}"
        if linked:
            return f'<span class="far">{inner}</span>'
        return (
            f'<a class="far" href="{escape(address)}" target="_blank" rel="noopener noreferrer nofollow" title="{escape(host)}">{inner}</a>'
        )


def _attributes(piece: Piece) -> str:
    allowed = ATTRIBUTES["*"] | ATTRIBUTES.get(piece.name, set[str]())
    parts = [f' {name}="{value}"' for name, value in ATTRIBUTE.findall(piece.text) if name in allowed and name != "href"]
    if piece.name == "a":
        parts.extend(_link(unescape(value)) for name, value in ATTRIBUTE.findall(piece.text) if name == "href")
    return "".join(parts)


def _link(address: str) -> str:
    """A link that leads away from here: a letter points at no page of ours."""
    if not address.lower().startswith(LINKS):
        return ""
    return f' href="{escape(address)}" target="_blank" rel="noopener noreferrer nofollow"'


def _sizes(attributes: Mapping[str, str]) -> str:
    return "".join(f' {side}="{attributes[side]}"' for side in ("width", "height") if attributes.get(side, "").isdecimal())


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "") if address.startswith(("http://", "https://")) else ""
    except ValueError:
        return ""


def _fold(pieces: Sequence[Piece], text: str, quoted: str) -> int:
    """Where the text that the connector found to be quoted begins, as an index of the pieces; their number, if it is not found."""
    written: list[tuple[int, int]] = []  # how many letters stand before a piece, and its index
    letters = ""
    for index, piece in enumerate(pieces):
        if not piece.name:
            written.append((len(letters), index))
            letters += _letters(unescape(piece.text))
    new = len(_letters(text))
    at = letters.find(_letters(quoted)[:KEY], int(new * MOST))
    begins = [index for before, index in written if before == at]
    if at < 0 or not begins:
        return len(pieces)
    cut = begins[0]
    while cut and pieces[cut - 1].name not in ("", "img") and not pieces[cut - 1].closes:  # what is opened for it goes with it
        cut -= 1
    return cut or len(pieces)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())
