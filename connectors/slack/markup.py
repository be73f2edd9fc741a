"""Slack's formatting, both ways (https://docs.slack.dev/messaging/formatting-message-text).

What comes in as text is shown without its marks for names and links; how it looked stands in its rich text blocks
(https://docs.slack.dev/reference/block-kit/blocks/rich-text-block), from which the HTML is made.
"""

import re
from collections.abc import Callable, Mapping
from html import escape as html_escape
from typing import Any, cast

from connectors.slack import emoji

MARK = re.compile(r"<([^<>\n]+)>")  # people's own angle brackets come escaped
STYLES = (("code", "code"), ("strike", "s"), ("italic", "i"), ("bold", "b"))
DEEPEST = 5  # lists in quotes in lists: Slack has fewer
Json = dict[str, Any]
Name = Callable[[str], str]  # of a user or channel, by its id


def escape(text: str) -> str:
    """Our words, in which nothing is a mention or a link of Slack's making."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def plain(text: str, name: Name, own_emoji: Mapping[str, str]) -> str:
    """A text as people read it."""
    parts, at = list[str](), 0
    for mark in MARK.finditer(text):
        parts += [emoji.replace(unescape(text[at : mark.start()]), own_emoji), _named(mark[1], name)]
        at = mark.end()
    return "".join([*parts, emoji.replace(unescape(text[at:]), own_emoji)])


def mentions(text: str) -> tuple[str, ...]:
    """Ids of the people named in a text."""
    return tuple(dict.fromkeys(mark[1][1:].partition("|")[0] for mark in MARK.finditer(text) if mark[1].startswith("@")))


def _named(mark: str, name: Name) -> str:
    """What one mark stands for: a person, a channel, a group, everybody, a date, or a link."""
    target, _, label = mark.partition("|")
    label = unescape(label)
    if target.startswith("@"):
        return f"@{label.removeprefix('@') or name(target[1:])}"
    if target.startswith("#"):
        return f"#{label or name(target[1:])}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    target = unescape(target)
    shown = target.removeprefix("mailto:").removeprefix("tel:")
    return shown if not label or label in {target, shown} or target.endswith(f"//{label}") else f"{label} ({shown})"


def own_emoji(blocks: tuple[Json, ...]) -> dict[str, str]:
    """The characters of a message's own emoji, by name."""
    found: dict[str, str] = {}
    for element in _inside(blocks):
        if element.get("type") == "emoji" and isinstance(element.get("unicode"), str):
            character = emoji.character(element["unicode"])
            if character:
                found[str(element.get("name"))] = character
    return found


def _inside(entries: Any, depth: int = 0) -> list[Json]:
    if not isinstance(entries, list | tuple) or depth > DEEPEST:
        return []
    found = [cast("Json", entry) for entry in cast("list[Any]", entries) if isinstance(entry, dict)]
    return found + [inner for entry in found for inner in _inside(entry.get("elements"), depth + 1)]


def html(blocks: tuple[Json, ...], name: Name) -> str | None:
    """The message with its formatting; None where it has none, or where something of it is no rich text."""
    if not blocks or any(block.get("type") != "rich_text" for block in blocks):
        return None
    sections = [section for block in blocks for section in _entries(block)]
    is_plain = all(section.get("type") == "rich_text_section" for section in sections) and not any(
        element.get("style") or element.get("type") == "link" for section in sections for element in _entries(section)
    )
    return None if is_plain else "".join(_section(section, name) for section in sections)


def _entries(part: Json) -> list[Json]:
    return [entry for entry in _inside(part.get("elements"), DEEPEST) if entry]


def _section(section: Json, name: Name) -> str:
    if section.get("type") == "rich_text_list":
        tag = "ol" if section.get("style") == "ordered" else "ul"
        return f"<{tag}>{''.join(f'<li>{_words(entry, name)}</li>' for entry in _entries(section))}</{tag}>"
    words = _words(section, name)
    if section.get("type") == "rich_text_quote":
        return f"<blockquote>{words}</blockquote>"
    return f"<pre>{words}</pre>" if section.get("type") == "rich_text_preformatted" else f"<p>{words}</p>"


def _words(section: Json, name: Name) -> str:
    return "".join(_element(element, name) for element in _entries(section))


def _element(element: Json, name: Name) -> str:
    shown = html_escape(_shown(element, name)).replace("\n", "<br>")
    given: Any = element.get("style")
    style = cast("Json", given) if isinstance(given, dict) else {}
    for word, tag in STYLES:
        if style.get(word):
            shown = f"<{tag}>{shown}</{tag}>"
    return f'<a href="{html_escape(str(element.get("url")))}">{shown}</a>' if element.get("type") == "link" else shown


def _shown(element: Json, name: Name) -> str:
    match element.get("type"):
        case "user":
            return f"@{name(str(element.get('user_id')))}"
        case "channel":
            return f"#{name(str(element.get('channel_id')))}"
        case "broadcast":
            return f"@{element.get('range')}"
        case "usergroup":
            return f"@{element.get('usergroup_id')}"
        case "emoji":
            points = element.get("unicode")
            return (emoji.character(points) if isinstance(points, str) else "") or emoji.read(str(element.get("name")))
        case "date":
            return str(element.get("fallback") or "")
        case _:
            return str(element.get("text") or element.get("url") or "")
