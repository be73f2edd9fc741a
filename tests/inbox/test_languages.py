"""Languages by their codes."""

from typing import Any

import pytest

from inbox import languages
from web.i18n import language


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("de", "de"),
        ("DE-at", "de"),
        ("pt_BR", "pt"),
        ("zh-Hant-TW", "zh"),
        ("nb-NO", "no"),  # one language, whichever way it is written
        ("nn", "no"),
        ("iw", "he"),  # codes of former times, which platforms still send
        ("in", "id"),
        ("fil", "tl"),
        ("und", ""),
        ("zxx", ""),
        ("qme", ""),  # X: only pictures
        ("xx", ""),
        ("", ""),
        ("-", ""),
        ("deutsch", ""),
        ("de" + "-x" * 40, ""),
        (None, ""),
        (7, ""),
        (["de"], ""),
    ],
)
def test_a_tag_names_a_language_or_nothing(tag: Any, code: str):
    assert languages.primary(tag) == code


@pytest.mark.parametrize("reader", ["en", "de"])
def test_every_known_language_has_a_name(reader: str):
    names = language(reader).language_names(languages.KNOWN)
    assert [code for code, name in names.items() if name == code] == []
    assert list(names.values()) == sorted(names.values(), key=str.casefold)
    assert set(names) == languages.KNOWN
