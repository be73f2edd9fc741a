"""Length as each platform counts it."""

import pytest

from inbox.contract import Capabilities, ConversationKind, Length, LengthUnit
from inbox.conversations import lengths
from inbox.errors import Invalid

CHARS, BYTES, UTF16, GRAPHEMES, X = LengthUnit.CHARS, LengthUnit.BYTES, LengthUnit.UTF16, LengthUnit.GRAPHEMES, LengthUnit.X_WEIGHTED


@pytest.mark.parametrize(
    ("text", "unit", "length"),
    [
        ("", GRAPHEMES, 0),
        ("Grüße", CHARS, 5),
        ("Grüße", BYTES, 7),
        ("Grüße", UTF16, 5),
        ("😀", CHARS, 1),
        ("😀", BYTES, 4),
        ("😀", UTF16, 2),
        ("😀", GRAPHEMES, 1),
        ("👩‍👩‍👧", CHARS, 5),
        ("👩‍👩‍👧", UTF16, 8),
        ("👩‍👩‍👧", GRAPHEMES, 1),  # a family is one
        ("👍🏽", GRAPHEMES, 1),  # with a colour of skin
        ("❤️", GRAPHEMES, 1),
        ("🇩🇪🇫🇷", GRAPHEMES, 2),  # two flags, four letters
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", GRAPHEMES, 1),  # Scotland
        ("e\u0301", GRAPHEMES, 1),
        ("한국", GRAPHEMES, 2),
        ("\u1112\u1161\u11ab", GRAPHEMES, 1),  # the same syllable in parts
        ("a\r\nb", GRAPHEMES, 3),
        ("a\u200db", GRAPHEMES, 2),  # a joiner joins pictures, not letters
        ("hello", X, 5),
        ("Grüße", X, 5),
        ("漢字", X, 4),
        ("👩‍👩‍👧", X, 2),
        ("🇩🇪", X, 2),
        ("see https://example.org/a/very/long/address?with=words", X, 4 + 23),
        ("e\u0301", X, 1),
        ("\ud800", BYTES, 1),  # half a character stumbles nowhere
        ("\ud800", UTF16, 1),
    ],
)
def test_a_text_is_as_long_as_the_platform_says(text: str, unit: LengthUnit, length: int):
    assert lengths.length(text, unit) == length


def test_a_text_that_is_too_long_says_by_how_much():
    with pytest.raises(Invalid) as refused:
        lengths.check("x" * 303, Length(300, GRAPHEMES))
    assert str(refused.value) == "The reply is 3 too long: 303 of 300."


@pytest.mark.parametrize("limit", [None, 300])
def test_a_text_that_fits_passes(limit: int | None):
    lengths.check("x" * 300, Length(limit))


def test_a_kind_of_conversation_may_have_a_length_of_its_own_and_what_is_private_counts_as_direct():
    able = Capabilities(max_length=280, length_unit=X, other_lengths={ConversationKind.DIRECT: Length(10_000)})
    assert able.length(ConversationKind.COMMENTS) == Length(280, X)
    assert able.length(ConversationKind.DIRECT) == able.length(ConversationKind.COMMENTS, private=True) == Length(10_000, CHARS)
