"""Formatting: Telegram's entities over plain text become HTML (https://core.telegram.org/bots/api#messageentity)."""

from collections.abc import Sequence
from html import escape

from connectors.telegram.shapes import Entity

UNIT = 2  # bytes of a UTF-16 unit, in which offsets and lengths are counted
TAGS = {
    "bold": "b",
    "italic": "i",
    "underline": "u",
    "strikethrough": "s",
    "spoiler": "mark",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "expandable_blockquote": "blockquote",
}
SEEN = {"url", "email", "text_link", *TAGS}  # all others are shown as the text they stand for


def html(text: str, entities: Sequence[Entity]) -> str | None:
    """The text with its formatting; None when it has none."""
    shown = [entity for entity in entities if entity.type in SEEN and entity.length > 0 and entity.offset >= 0]
    if not shown:
        return None
    encoded = text.encode("utf-16-le", "surrogatepass")
    ordered = sorted(shown, key=lambda entity: (entity.offset, -entity.length))
    return _within(encoded, 0, len(encoded) // UNIT, ordered)


def part(text: str, entity: Entity) -> str:
    """The text that an entity stands over."""
    return _cut(text.encode("utf-16-le", "surrogatepass"), entity.offset, entity.offset + entity.length)


def _within(encoded: bytes, start: int, end: int, entities: list[Entity]) -> str:
    """From `start` to `end`; what is nested is drawn inside, what reaches beyond is cut."""
    written, at = "", start
    while entities and entities[0].offset < end:
        entity = entities.pop(0)
        first, last = max(entity.offset, at), min(entity.offset + entity.length, end)
        if first >= last:
            continue
        inner: list[Entity] = []
        while entities and entities[0].offset < last:
            inner.append(entities.pop(0))
        written += _plain(encoded, at, first) + _wrapped(entity, encoded, first, last, inner)
        at = last
    return written + _plain(encoded, at, end)


def _wrapped(entity: Entity, encoded: bytes, start: int, end: int, inner: list[Entity]) -> str:
    body = _within(encoded, start, end, inner)
    if entity.type in TAGS:
        return f"<{TAGS[entity.type]}>{body}</{TAGS[entity.type]}>"
    said = _cut(encoded, start, end)
    target = {"text_link": entity.url or "", "email": f"mailto:{said}"}.get(entity.type, said if "://" in said else f"https://{said}")
    return f'<a href="{escape(target)}">{body}</a>'


def _plain(encoded: bytes, start: int, end: int) -> str:
    return escape(_cut(encoded, start, end)).replace("\n", "<br>")


def _cut(encoded: bytes, start: int, end: int) -> str:
    return encoded[start * UNIT : end * UNIT].decode("utf-16-le", "replace")
