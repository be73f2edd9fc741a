"""The HTML of a status as plain text.

Mastodon writes paragraphs, line breaks and links; links show their whole address, cut into parts of which some are hidden
(https://docs.joinmastodon.org/spec/activitypub/#sanitization). Others write lists, quotations and preformatted text too.
"""

import re
from html.parser import HTMLParser

import nh3

BLOCKS = {"p", "div", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"}
SHOWN = BLOCKS | {"br", "li", "a"}
SILENT = {"style", "script", "template"}
LONGEST = 100_000  # characters that are read as text; deep nesting costs their square
BLANKS = re.compile(r"[ \t\r\n\f]+")  # what HTML folds; other blanks are meant
NAMES = re.compile(r"(?:@[\w.-]+(?:@[\w.-]+)?\s+)+")


def words(html: str) -> str:
    """What a reader sees: paragraphs with an empty line between them, no blanks around."""
    reader = _Reader()
    reader.feed(nh3.clean(html[:LONGEST], tags=SHOWN, attributes={}, clean_content_tags=SILENT, link_rel=None))
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.parts)).strip(" \n")


def unaddressed(text: str) -> str:
    """Without the names in front that a reply begins with; all of it where there is nothing else."""
    match = NAMES.match(text)
    return (text[match.end() :] if match else text) or text


def without(text: str, name: str) -> str:
    """Without this name ("shop") in front, with or without its server; all of it where there is nothing else."""
    match = re.match(rf"@{re.escape(name)}(?:@[\w.-]+)?\s+", text, re.IGNORECASE)
    return (text[match.end() :] if match else text) or text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # html.parser calls it so
        if tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n• ")
        elif tag in BLOCKS:
            self.parts.append("\n\n")
            self._preformatted += tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self.parts.append("\n\n")
            self._preformatted -= tag == "pre"

    def handle_data(self, data: str) -> None:
        self.parts.append(data if self._preformatted else BLANKS.sub(" ", data))
