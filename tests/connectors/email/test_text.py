"""Words out of bytes and markup."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.email import text


@pytest.mark.parametrize(
    ("data", "charset", "expected"),
    [
        ("Größe".encode(), "utf-8", "Größe"),
        ("Größe".encode("cp1252"), "iso-8859-1", "Größe"),
        ("“Größe”".encode("cp1252"), "iso-8859-1", "“Größe”"),  # what Windows programs call ISO-8859-1
        ("Größe".encode(), "us-ascii", "Größe"),  # the charset lies
        ("Größe".encode("cp1252"), "utf-8", "Größe"),  # so does this one
        ("Größe".encode("cp1252"), "no-such-charset", "Größe"),
        ("Größe".encode(), None, "Größe"),
        ("日本語".encode("iso2022_jp"), "ISO-2022-JP", "日本語"),
        ("日本語①".encode("cp932"), "Shift_JIS", "日本語①"),
        ("中文".encode("gb18030"), "gb2312", "中文"),
        ("한국어".encode("cp949"), "ks_c_5601-1987", "한국어"),
        ("Привет".encode("koi8_r"), '"koi8-r"', "Привет"),
        (b"plain", "hex", "plain"),  # a codec that is no charset
    ],
)
def test_bytes_are_read_in_the_charset_that_was_meant(data: bytes, charset: str | None, expected: str):
    assert text.decode(data, charset) == expected


@given(st.binary(max_size=200), st.sampled_from(["utf-8", "iso-8859-1", "shift_jis", "utf-7", "utf-16", "punycode", "rot13", "", None]))
def test_reading_bytes_never_fails(data: bytes, charset: str | None):
    assert isinstance(text.decode(data, charset), str)


def test_flowed_paragraphs_are_joined_again_and_quotations_keep_their_level():
    words = "A long \nparagraph.\n> quoted \n> words\n>> deeper\n From the start\n-- \nAnna"
    assert text.unflow(words) == "A long paragraph.\n> quoted words\n> > deeper\nFrom the start\n-- \nAnna"
    assert text.unflow("Donau \ndampf", delete_space=True) == "Donaudampf"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>Hello</p><p>World</p>", "Hello\n\nWorld"),
        ("<div>Hello</div><div>World</div>", "Hello\nWorld"),
        ("Hello<br>World &amp; all&nbsp;others", "Hello\nWorld & all others"),
        ("<ul><li>One</li><li>Two</li></ul>", "• One\n• Two"),
        ("<style>p {color: red}</style><title>No</title><p>Yes</p><script>alert(1)</script>", "Yes"),
        ('<a href="https://x.example/track">our shop</a>', "our shop <https://x.example/track>"),
        ('<a href="https://x.example">https://x.example/</a>', "https://x.example/"),
        ("<p>New</p><blockquote>Old<blockquote>Older</blockquote></blockquote>", "New\n\n> Old\n> > Older"),
        ("<table><tr><td>Price</td><td>5 €</td></tr></table>", "Price 5 €"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ('<img src="cid:x" alt="Our logo">', "[Our logo]"),
        ("no <b>closing", "no closing"),
        ("<![invalid <p>fine", "fine"),
    ],
)
def test_html_is_read_as_a_person_sees_it(html: str, expected: str):
    assert text.from_html(html) == expected


MARKUP = ["<blockquote>", "</blockquote>", "<p>", "<pre>", "<style>", "<a href='", "<![", "<!--", "&#x", "</", ">", "'", "words", " ", "\n"]


@given(st.lists(st.sampled_from(MARKUP) | st.text(max_size=5), max_size=20).map("".join))
def test_broken_html_never_fails(html: str):
    assert isinstance(text.from_html(html), str)


def test_what_a_database_cannot_store_is_taken_out():
    assert text.clean("a\x00b\ud800c") == "abc"
