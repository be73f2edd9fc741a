"""The XML of the protocol: bytes as elements, and elements as bytes (https://www.rfc-editor.org/rfc/rfc6120#section-11).

Names are written with their namespace, "{jabber:client}message". A stream has no document type, so no entity can grow in it.
"""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

LARGEST = 4 * 1024 * 1024  # bytes of one stanza
DEEPEST = 100
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # https://www.w3.org/TR/xml/#charsets
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"}
IN_ATTRIBUTES = {**ESCAPES, "\n": "&#10;", "\t": "&#9;"}

CLIENT = "{jabber:client}"
STREAM = "{http://etherx.jabber.org/streams}"
MESSAGE, PRESENCE, IQ, BODY = f"{CLIENT}message", f"{CLIENT}presence", f"{CLIENT}iq", f"{CLIENT}body"


class Malformed(ValueError):
    """What came is no XML of a stream, or more than anybody should take."""


class Reader:
    """What is below the root of a stream, element by element."""

    def __init__(self) -> None:
        self.is_over = False
        self._depth, self._size = 0, 0
        self._builder = TreeBuilder()
        self._found: list[Element] = []
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse

    def feed(self, raw: bytes) -> list[Element]:
        """The elements that these bytes complete."""
        self._size += len(raw)
        try:
            self._parser.Parse(raw, False)
        except expat.ExpatError as error:
            raise Malformed("The server says something that is no XML.") from error
        found, self._found = self._found, []
        if found:
            self._size = 0
        if self._size > LARGEST:
            raise Malformed("The server says more at once than anybody should take.")
        return found

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Malformed("What the server says is too deep.")
        if self._depth > 1:
            self._builder.start(_full(name), {_full(key): value for key, value in attributes.items()})

    def _close(self, name: str) -> None:
        self._depth -= 1
        if not self._depth:
            self.is_over = True
            return
        self._builder.end(_full(name))
        if self._depth == 1:
            self._found.append(self._builder.close())
            self._builder = TreeBuilder()

    def _text(self, text: str) -> None:
        if self._depth > 1:
            self._builder.data(text)

    def _refuse(self, *_: Any) -> None:
        raise Malformed("A stream has no document type.")


def node(name: str, attributes: Mapping[str, str | None] | None = None, *inner: "Element | str") -> Element:
    """An element with its attributes (those that are None are left out), and a text or elements in it."""
    made = Element(name, {key: value for key, value in (attributes or {}).items() if value is not None})
    for one in inner:
        if isinstance(one, str):
            made.text = (made.text or "") + one
        else:
            made.append(one)
    return made


def written(element: Element, around: str = "jabber:client") -> str:
    """The element as text, inside of one whose namespace is `around`."""
    space, _, name = element.tag.removeprefix("{").rpartition("}")
    told = [f' xmlns="{_escaped(space, IN_ATTRIBUTES)}"'] if space != around else []
    for key, value in element.attrib.items():
        told.append(f' {key.replace("{http://www.w3.org/XML/1998/namespace}", "xml:")}="{_escaped(value, IN_ATTRIBUTES)}"')
    parts = [_escaped(element.text or "", ESCAPES)]
    for child in element:
        parts += [written(child, space), _escaped(child.tail or "", ESCAPES)]
    return f"<{name}{''.join(told)}>{''.join(parts)}</{name}>"


def read(text: str) -> Element:
    """One element again that was `written`."""
    found = Reader().feed(f'<stream xmlns="jabber:client">{text}'.encode(errors="replace"))
    if len(found) != 1:
        raise Malformed("It is no element.")
    return found[0]


def text(element: Element | None, name: str) -> str:
    """The text of a child; "" where there is none."""
    return (element.findtext(name) or "") if element is not None else ""


def _full(name: str) -> str:
    return "{" + name if "}" in name else name


def _escaped(value: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(sign, sign) for sign in FORBIDDEN.sub("", value))
