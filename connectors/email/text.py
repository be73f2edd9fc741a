"""Words out of bytes: charsets that lie, flowed paragraphs, HTML as plain text."""

import codecs
import re
from html.parser import HTMLParser

import nh3

# What senders write, and what they mean by it.
MEANT = {
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "ansi_x3.4-1968": "utf-8",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
}
ESCAPES = frozenset({"idna", "punycode", "raw-unicode-escape", "raw_unicode_escape", "unicode-escape", "unicode_escape", "undefined"})
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
BREAKS = frozenset(
    {"p", "div", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "header", "footer", "pre"}
)
LONGEST_HTML = 100_000  # letters that are read as text; deep nesting costs their square
SHOWN = set(BREAKS) | {"br", "blockquote", "li", "hr", "td", "th", "a", "img"}
KEPT = {"a": {"href"}, "img": {"alt"}}
SILENT = {"style", "script", "title", "template", "noscript"}


def decode(data: bytes, charset: str | None) -> str:
    """Bytes as text: the declared charset, else UTF-8, else whatever loses least. Never fails."""
    declared = _codec(charset)
    for candidate in dict.fromkeys(name for name in (declared, "utf-8") if name):
        try:
            return data.decode(candidate)
        except (UnicodeError, ValueError):
            continue
    fallback = declared if declared not in {None, "utf-8", "utf-7"} else "cp1252"
    return data.decode(fallback or "cp1252", "replace")


def clean(words: str) -> str:
    """Without the characters that a database cannot store (NUL, lone surrogates)."""
    return UNSTORABLE.sub("", words)


def unflow(words: str, *, delete_space: bool = False) -> str:
    """Join the soft line breaks of `format=flowed` (RFC 3676) again; quoted lines join their own level only."""
    lines: list[str] = []
    open_level: int | None = None  # the quote level of an unfinished paragraph
    for line in words.split("\n"):
        content = line.lstrip(">")
        level = len(line) - len(content)
        content = content.removeprefix(" ")
        flows = content.endswith(" ") and content != "-- "
        part = content[:-1] if flows and delete_space else content
        if open_level == level and content != "-- ":
            lines[-1] += part
        else:
            lines.append(("> " * level + part) if level else part)
        open_level = level if flows else None
    return "\n".join(lines)


def from_html(html: str) -> str:
    """What a reader of the HTML would see, as plain text; quotations get `> ` in front, links that hide their target show it."""
    reader = _Reader()
    reader.feed(nh3.clean(html[:LONGEST_HTML], tags=SHOWN, attributes=KEPT, clean_content_tags=SILENT, link_rel=None))
    reader.close()
    return tidy(reader.words())


def tidy(words: str) -> str:
    """One kind of line end, no trailing blanks (except in the signature mark), at most one empty line in a row."""
    lines = words.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").split("\n")
    trimmed = "\n".join(line if line == "-- " else line.rstrip() for line in lines)
    return clean(re.sub(r"\n{3,}", "\n\n", trimmed)).strip("\n")


def _codec(charset: str | None) -> str | None:
    if not charset:
        return None
    name = charset.strip().strip("\"'").lower()
    try:
        found = codecs.lookup(MEANT.get(name, name)).name
        b"a".decode(found)  # refuses what is no charset, such as hex or zip
    except (LookupError, ValueError, TypeError):
        return None
    return None if found in ESCAPES else found


class _Reader(HTMLParser):
    """Collects the words of a page that is well formed: on some broken ones the parser would take minutes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[list[str]] = [[]]
        self._levels: list[int] = [0]
        self._level = 0
        self._links: list[tuple[str, int]] = []
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: content or "" for name, content in attrs}
        if tag == "br":
            self._break()
        elif tag == "blockquote":
            self._quote(+1)
        elif tag in BREAKS or tag in {"li", "hr"}:
            self._block(tag)
        elif tag in {"td", "th"} and self._lines[-1]:
            self._lines[-1].append(" ")
        elif tag == "a":
            self._links.append((attributes.get("href", ""), len(self._lines[-1])))
        elif tag == "img" and attributes.get("alt", "").strip():
            self.handle_data(f"[{attributes['alt'].strip()}]")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            self._show_target(*self._links.pop())
        elif tag == "blockquote":
            self._quote(-1)
        elif tag in BREAKS:
            if tag == "pre":
                self._preformatted = max(0, self._preformatted - 1)
            self._fresh_line()
            if tag == "p":
                self._break()

    def handle_data(self, data: str) -> None:
        if self._preformatted:
            for index, line in enumerate(data.split("\n")):
                if index:
                    self._break()
                self._lines[-1].append(line)
            return
        words = re.sub(r"[ \t\r\n\f]+", " ", data)
        if not self._lines[-1] or self._lines[-1][-1].endswith(" "):
            words = words.removeprefix(" ")
        if words:
            self._lines[-1].append(words)

    def words(self) -> str:
        marked = ((level, "".join(line)) for level, line in zip(self._levels, self._lines, strict=True))
        return "\n".join("> " * level + line for level, line in marked)

    def _block(self, tag: str) -> None:
        if tag == "pre":
            self._preformatted += 1
        self._fresh_line()
        if tag == "p" and any(self._lines[-2:-1]):
            self._break()
        if tag == "li":
            self._lines[-1].append("• ")

    def _quote(self, step: int) -> None:
        self._fresh_line()
        self._level = max(0, self._level + step)
        self._levels[-1] = self._level

    def _show_target(self, target: str, start: int) -> None:
        shown = "".join(self._lines[-1][start:]).strip()
        if target.startswith(("http://", "https://")) and shown and target.rstrip("/") != shown.rstrip("/"):
            self._lines[-1].append(f" <{target}>")

    def _fresh_line(self) -> None:
        if self._lines[-1]:
            self._break()

    def _break(self) -> None:
        self._lines.append([])
        self._levels.append(self._level)
