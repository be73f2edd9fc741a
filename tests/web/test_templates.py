"""What holds for every template and script."""

import re
from functools import cache
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import api
import web
from web import render

WEB, API = Path(web.__file__).parent, Path(api.__file__).parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
SCRIPTS = sorted((WEB / "static" / "js").glob("*.js"))
JINJA = {name: {"encoding": "utf-8", "newstyle_gettext": "true"} for name in ("**.html", "**.txt")}


PLACES: list[tuple[Path, list[tuple[str, str]], dict[str, dict[str, str]]]] = [
    (WEB / "templates", [("**.html", "jinja2"), ("**.txt", "jinja2")], JINJA),
    (WEB, [("*.py", "python")], {}),
    (API, [("**.py", "python")], {}),
]


def said() -> set[str]:
    """Every text that is marked to be translated."""
    found = [line for folder, methods, options in PLACES for line in extract_from_dir(folder, methods, options)]
    return {message if isinstance(message, str) else message[0] for _file, _line, message, _comments, _context in found}


@cache
def german() -> dict[str, str]:
    with (WEB / "locale" / "de" / "messages.po").open("rb") as file:
        catalogue = [message for message in read_po(file, locale="de") if message.string and not message.fuzzy]
    return {(message.id if isinstance(message.id, str) else message.id[0]): str(message.string) for message in catalogue}


def test_everything_that_is_said_is_said_in_german_too() -> None:
    assert sorted(said() - german().keys()) == []


def test_a_translation_fills_in_the_same_names() -> None:
    names = re.compile(r"%\(\w+\)s|\{\w+\}")
    assert [one for one, other in german().items() if not set(names.findall(one)) <= set(names.findall(other))] == []


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        (r"[Dd](u|ich|ir)|[Dd]ein(e[mnrs]?)?", "Sie, as every page says"),
        (r"Gespräch(e|en|s)?", "Unterhaltung"),
        (r"Konversation(en)?", "Unterhaltung"),
        (r"Zusagen?", "Richtlinie"),
        (r"Labels?", "Etikett"),
        (r"Lösung(en)?", "Erledigung"),
        (r"[Vv]erspät(et|ung|ungen)", "überfällig"),
        (r"Warnung(en)?|Alarme?", "Meldung"),
    ],
)
def test_german_says_one_word_for_one_thing(word: str, instead: str) -> None:
    assert [text for text in german().values() if re.search(rf"\b({word})\b", text)] == [], instead


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_inline_script_or_style_and_only_icons_that_exist(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"""\sstyle=|\son\w+=["']|<style""", text)
    assert not re.search(r"<script(?![^>]*(src=|application/json))", text)
    for name in re.findall(r"""icon\("([\w-]+)\"""", text):
        assert "<svg" in render.icon(name)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_field_for_words_says_how_long_they_may_be(path: Path) -> None:
    tags = re.findall(r"<(?:input|textarea)\b(?:\{[{%].*?[%}]\}|[^>])*>", path.read_text(), re.DOTALL)
    others = re.compile(r'type="(hidden|checkbox|radio|file|number|date|datetime-local)"|\breadonly\b(?!.*%})')
    asked = [tag for tag in tags if " name=" in tag and not others.search(tag)]
    assert [tag for tag in asked if "maxlength=" not in tag] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_one_page_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 150


def test_every_icon_of_the_left_pane_and_of_the_kinds_exists() -> None:
    text = (WEB / "templates" / "inbox" / "side.html").read_text()
    pictures = re.findall(r"""entry\(.*?, "([a-z-]+)"(?:, False)?\) }}""", text)
    assert pictures
    for name in [*pictures, "message-square-text", "message-circle", "mail", "star"]:
        assert "<svg" in render.icon(name)
