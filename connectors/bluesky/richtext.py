"""Names, links and tags in the words of a post (https://docs.bsky.app/docs/advanced-guides/post-richtext).

They are told beside the text, by positions in its UTF-8 bytes: not in characters.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from connectors.bluesky.shapes import Json, as_dict, as_list, as_text

KIND = "app.bsky.richtext.facet"
LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
NAME = re.compile(r"(?<![\w@/.])@([a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)+)")
TAG = re.compile(r"(?<!\S)[#＃](\w*[^\W\d]\w*)")
LONGEST_TAG = 64  # characters
ENDINGS = ".,;:!?'”’»"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the text in bytes, and what it stands for."""

    start: int
    end: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Words:
    """A text with its addresses written out, the same as HTML where it holds any, and who is named."""

    text: str
    html: str | None
    mentions: tuple[str, ...]


def read(text: str, facets: Sequence[Any]) -> Words:
    """The words of a post. What does not fit the text, or overlaps what came before, is left out, as other clients do."""
    content = text.encode(errors="replace")
    plain, html, mentions, at = list[str](), list[str](), list[str](), 0
    for part in sorted(_parts(facets), key=lambda part: part.start):
        if not at <= part.start < part.end <= len(content) or _splits(content, part.start) or _splits(content, part.end):
            continue
        before, shown = content[at : part.start].decode(), content[part.start : part.end].decode()
        plain += [before, _written_out(shown, part)]
        html += [escape(before), _anchor(shown, part)]
        mentions += [part.value] if part.kind == "mention" else []
        at = part.end
    rest = content[at:].decode()
    marked = "".join([*html, escape(rest)]).replace("\n", "<br>") if html else None
    return Words("".join([*plain, rest]), marked, tuple(dict.fromkeys(mentions)))


def names(text: str) -> list[str]:
    """The handles that a text names, in its order."""
    return list(dict.fromkeys(found[1].lower() for found in NAME.finditer(text)))


def facets(text: str, dids: Mapping[str, str]) -> list[Json]:
    """What stands beside a text of ours: addresses, tags, and those names that are somebody's."""
    found = [Part(*_bytes(text, *match.span()), "link", match[0]) for match in _links(text)]
    covered = [(part.start, part.end) for part in found]
    for match in NAME.finditer(text):
        if match[1].lower() in dids:
            found.append(Part(*_bytes(text, *match.span()), "mention", dids[match[1].lower()]))
    found += [Part(*_bytes(text, *match.span()), "tag", match[1]) for match in TAG.finditer(text) if len(match[1]) <= LONGEST_TAG]
    free = [part for part in found if part.kind == "link" or not any(start < part.end and part.start < end for start, end in covered)]
    return [_facet(part) for part in sorted(free, key=lambda part: part.start)]


def _parts(told: Sequence[Any]) -> Iterator[Part]:
    for facet in told:
        index = as_dict(as_dict(facet).get("index"))
        start, end = index.get("byteStart"), index.get("byteEnd")
        for feature in map(as_dict, as_list(as_dict(facet).get("features"))):
            kind = as_text(feature.get("$type")).removeprefix(f"{KIND}#")
            value = as_text(feature.get({"mention": "did", "link": "uri", "tag": "tag"}.get(kind, "")))
            if value and isinstance(start, int) and isinstance(end, int):
                yield Part(start, end, kind, value)
                break  # of several meanings the first one counts


def _splits(content: bytes, at: int) -> bool:
    """Whether a character would be cut in two here."""
    return at < len(content) and content[at] & 0xC0 == 0x80


def _written_out(shown: str, part: Part) -> str:
    """An address that clients show in short ("example.com/a-long-na…") in full; what has words of its own keeps them before it."""
    if part.kind != "link" or shown in part.value.removesuffix("/"):
        return part.value if part.kind == "link" else shown
    bare = shown.removesuffix("…").removesuffix("...").lower()
    return part.value if bare in part.value.lower() else f"{shown} ({part.value})"


def _anchor(shown: str, part: Part) -> str:
    address = {
        "mention": f"https://bsky.app/profile/{quote(part.value, safe=':')}",
        "tag": f"https://bsky.app/hashtag/{quote(part.value, safe='')}",
    }.get(part.kind, part.value)
    return f'<a href="{escape(address)}">{escape(shown)}</a>'


def _links(text: str) -> Iterator[re.Match[str]]:
    """Addresses without the full stop or the bracket that ends the sentence around them."""
    for match in LINK.finditer(text):
        address = match[0].rstrip(ENDINGS)
        while address.endswith(")") and address.count(")") > address.count("("):
            address = address[:-1].rstrip(ENDINGS)
        exact = LINK.match(text, match.start(), match.start() + len(address))
        if exact is not None:
            yield exact


def _bytes(text: str, start: int, end: int) -> tuple[int, int]:
    before = len(text[:start].encode(errors="replace"))
    return before, before + len(text[start:end].encode(errors="replace"))


def _facet(part: Part) -> Json:
    name = {"mention": "did", "link": "uri", "tag": "tag"}[part.kind]
    return {
        "index": {"byteStart": part.start, "byteEnd": part.end},
        "features": [{"$type": f"{KIND}#{part.kind}", name: part.value}],
    }
