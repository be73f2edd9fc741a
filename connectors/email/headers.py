"""Header fields as they really come: raw eight-bit bytes, encoded words in wrong charsets, addresses nobody could parse."""

import base64
import binascii
import hashlib
import quopri
import re
from collections.abc import Sequence
from email.header import Header
from email.message import Message
from email.policy import Compat32
from email.utils import getaddresses

from connectors.email import text

ENCODED_WORD = re.compile(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]+\?[bBqQ]\?)")
BETWEEN_ADDRESSES = re.compile(r"[\s<>()\[\],;:\"]+")
MESSAGE_ID = re.compile(r"<([^<>]+)>")
LONGEST_FIELD = 100_000  # letters; a thousand recipients have room
LONGEST_PARAMETERS = 8_000  # letters of Content-Type and its like: the library takes minutes over endless ones
LONGEST_ID = 400  # longer ones would not fit into a database index; they are told apart by their hash


class Bounded(Compat32):
    """The library's most forgiving policy; hostile fields are cut off before anything looks into them."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, content = super().header_source_parse(sourcelines)
        return name, content[: LONGEST_PARAMETERS if name.lower().startswith("content-") else LONGEST_FIELD]


def value(message: Message, name: str) -> str:
    """The first field of that name, decoded; "" when there is none."""
    found = values(message, name)
    return found[0] if found else ""


def values(message: Message, name: str) -> list[str]:
    """Every field of that name, decoded and on one line."""
    return [decode(raw) for raw in _raw(message, name)]


def decode(raw: str) -> str:
    """Undo folding, raw eight-bit bytes and encoded words; what cannot be decoded stays as it is."""
    unfolded = BETWEEN_WORDS.sub(r"\1", " ".join(_repair(raw).split()))
    return text.clean(_join_words(unfolded)).strip()


def addresses(message: Message, *names: str) -> list[tuple[str, str]]:
    """(name, address) pairs of these fields; addresses are lower case, entries without an address are left out."""
    found: list[tuple[str, str]] = []
    for name in names:
        for raw in _raw(message, name):
            found.extend(_addresses(" ".join(_repair(raw).split())))
    return found


def address_of(entry: str) -> str:
    """The bare, lower-case address in `Name <address>`; "" when there is none."""
    pairs = _addresses(" ".join(entry.split()))
    return pairs[0][1] if pairs else ""


def identifiers(message: Message, name: str) -> tuple[str, ...]:
    """The message ids in a field, without angle brackets, in their order, each once."""
    found: dict[str, None] = {}
    for raw in _raw(message, name):
        line = "".join(_repair(raw).split()) if name.lower() == "message-id" else _repair(raw)
        bracketed = MESSAGE_ID.findall(line)
        for identifier in bracketed or [word for word in line.split() if "@" in word]:
            stripped = text.clean("".join(identifier.split())).strip("<>,;")
            if stripped:
                found[_fitting(stripped)] = None
    return tuple(found)


def listing(message: Message) -> dict[str, str]:
    """All header fields, decoded, for the raw payload; repeated ones are joined by line breaks."""
    fields: dict[str, str] = {}
    for name, _ in message.raw_items():
        key = text.clean(name)[:100]
        if key not in fields and len(fields) < 200:
            fields[key] = "\n".join(values(message, name))[:4000]
    return fields


def repair(message: Message, name: str) -> None:
    """Put a field with raw eight-bit bytes back as readable text, so that its parameters can be taken out of it."""
    for raw in _raw(message, name)[:1]:
        repaired = _repair(raw)
        if repaired != raw:
            message.replace_header(name, repaired)


def _raw(message: Message, name: str) -> Sequence[str]:
    wanted = name.lower()
    return [str(raw) if isinstance(raw, Header) else raw for key, raw in message.raw_items() if key.lower() == wanted]


def _repair(raw: str) -> str:
    """Bytes above 127 arrive as surrogates: read them as UTF-8, else as the western charset that old senders mean."""
    try:
        raw.encode("utf-8")
    except UnicodeEncodeError:
        return text.decode(raw.encode("utf-8", "surrogateescape"), None)
    return raw


def _join_words(line: str) -> str:
    """Decode encoded words; neighbours of one charset are joined first, for a letter may be cut in two between them."""
    pieces: list[str] = []
    pending: tuple[str, bytes] | None = None
    end = 0
    for word in ENCODED_WORD.finditer(line):
        charset, data = word[1].lower(), _word_bytes(word[2], word[3])
        if data is None:
            continue
        between = line[end : word.start()]
        if pending and (between or pending[0] != charset):
            pieces.append(text.decode(pending[1], pending[0]))
            pending = None
        pieces.append(between)
        pending = (charset, (pending[1] if pending else b"") + data)
        end = word.end()
    if pending:
        pieces.append(text.decode(pending[1], pending[0]))
    return "".join([*pieces, line[end:]])


def _word_bytes(encoding: str, data: str) -> bytes | None:
    if encoding in "qQ":
        return quopri.decodestring(data.encode("utf-8", "replace"), header=True)
    try:
        letters = re.sub(r"[^A-Za-z0-9+/]", "", data)
        return base64.b64decode(letters + "=" * (-len(letters) % 4))
    except (binascii.Error, ValueError):
        return None


def _addresses(line: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, address in getaddresses([line]):
        pairs.extend((decode(name), found) for found in _bare(address)[:1])
    return pairs or [("", found) for found in _bare(decode(line))]


def _bare(words: str) -> list[str]:
    """What looks like an address in these words, in lower case."""
    pieces = (piece.partition("@") for piece in BETWEEN_ADDRESSES.split(words))
    return [text.clean("".join(piece)).lower() for piece in pieces if all(piece)]


def _fitting(identifier: str) -> str:
    if len(identifier) <= LONGEST_ID:
        return identifier
    return f"{hashlib.sha256(identifier.encode('utf-8', 'replace')).hexdigest()}@long-message-id"
