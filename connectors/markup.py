"""The HTML of people's words as plain text: what a reader sees, without markup."""

import re
from html.parser import HTMLParser

import nh3

BLOCKS = {"p", "div", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6"}
SHOWN = BLOCKS | {"br", "li", "a"}
SILENT = {"style", "script", "template"}
LONGEST = 100_000  # characters that are read as text; deep nesting costs their square
BLANKS = re.compile(r"[ \t\r\n\f]+")  # what HTML folds; other blanks are meant


def words(html: str, *, keeps_lines: bool = False) -> str:
    """Paragraphs with an empty line between them, no blanks around. `keeps_lines`: ends of lines are meant, as in a typed comment."""
    reader, written = _Reader(keeps_lines), html[:LONGEST].encode(errors="replace").decode()  # JSON may hold halves of characters
    reader.feed(nh3.clean(written, tags=SHOWN, attributes={}, clean_content_tags=SILENT, link_rel=None))
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.parts)).strip(" \n")


class _Reader(HTMLParser):
    def __init__(self, keeps_lines: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._preformatted = int(keeps_lines)

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
