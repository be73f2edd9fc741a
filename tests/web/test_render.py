"""Words, times and links as pages write them."""

from datetime import UTC, datetime, timedelta

import pytest

from inbox.conversations.said import Noted
from inbox.conversations.timeline import Entry
from web import filters, render
from web.i18n import language, locale_of


@pytest.mark.parametrize(
    ("header", "locale"),
    [("de-DE,de;q=0.9,en;q=0.8", "de"), ("fr-FR, en;q=0.5", "en"), ("tr", "en"), ("", "en"), ("DE", "de")],
)
def test_the_best_language_that_there_is_is_chosen(header: str, locale: str) -> None:
    assert locale_of(header) == locale


@pytest.mark.parametrize(
    ("seconds", "english", "german"),
    [
        (0, "now", "jetzt"),
        (59, "now", "jetzt"),
        (60, "1 min", "1 Min."),
        (3599, "59 min", "59 Min."),
        (3600, "1 h", "1 Std."),
        (172800, "2 d", "2 T."),
    ],
)
def test_a_duration_has_one_unit(seconds: int, english: str, german: str) -> None:
    length = timedelta(seconds=seconds)
    assert (language("en").duration(length), language("de").duration(length)) == (english, german)


@pytest.mark.parametrize(("value", "english", "german"), [(4, "4.0", "4,0"), (4.16, "4.2", "4,2"), (1234.5, "1,234.5", "1.234,5")])
def test_tenths_are_told_also_where_there_are_none(value: float, english: str, german: str) -> None:
    assert (language("en").tenths(value), language("de").tenths(value)) == (english, german)


def test_a_time_is_told_in_the_workspaces_zone() -> None:
    summer = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    zone = filters.zone("Europe/Berlin")
    assert language("de").clock(summer, zone) == "00:30"
    assert language("de").day(summer, zone) == "Donnerstag, 2. Juli 2026"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<b>a</b> & b", "&lt;b&gt;a&lt;/b&gt; &amp; b"),
        ("see https://example.org/a?b=1&c=2.", "https://example.org/a?b=1&amp;c=2</a>."),
        ('https://example.org/"onclick="x', 'rel="noopener noreferrer nofollow">https://example.org/</a>&#34;onclick'),
        ("javascript:alert(1)", "javascript:alert(1)"),
    ],
)
def test_addresses_become_links_and_nothing_else_becomes_html(text: str, html: str) -> None:
    assert html in filters.linked(text)


@pytest.mark.parametrize(("name", "letters"), [("Anna Becker", "AB"), ("محمد الأحمد", "ما"), ("🦊 fox", "F"), ("", "?"), ("李", "李")])
def test_a_name_gives_one_or_two_letters(name: str, letters: str) -> None:
    assert filters.initials(name) == letters


def written(body: str) -> Entry:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    return Entry("note", 1, at, 1, author="Fatma", note=Noted(1, 1, 1, "Fatma", body, None, at))


def draw(body: str) -> str:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    return render.entry("en", written(body), first_of_day=False, timezone="UTC", workspace_id=1, names=None, now=at)


def test_what_was_drawn_is_kept_unless_it_is_so_large_that_its_senders_would_fill_the_memory() -> None:
    render._entry.cache_clear()  # pyright: ignore[reportPrivateUsage]  # what is kept is what is asked here
    assert "short words" in draw("short words")
    assert "long words" in draw("long words " * 10_000)
    assert render._entry.cache_info().currsize == 1  # pyright: ignore[reportPrivateUsage]
