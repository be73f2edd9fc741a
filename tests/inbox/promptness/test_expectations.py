"""Which messages expect an answer."""

from typing import Any

import pytest

from inbox.contract import ConversationKind
from inbox.promptness import expectations
from inbox.promptness.expectations import Expectation, Facts, expects_answer

COMMENTS, DIRECT, EMAIL, REVIEW = ConversationKind.COMMENTS, ConversationKind.DIRECT, ConversationKind.EMAIL, ConversationKind.REVIEW
YES, NO, BY_RULE = Expectation.YES, Expectation.NO, Expectation.BY_RULE


@pytest.mark.parametrize(
    ("kind", "facts", "answer"),
    [
        (DIRECT, {}, YES),
        (EMAIL, {}, YES),
        (REVIEW, {}, YES),
        (COMMENTS, {}, NO),  # customers among themselves
        (COMMENTS, {"is_root": True}, YES),
        (COMMENTS, {"answers_us": True}, YES),
        (COMMENTS, {"mentions_us": True}, YES),
        (EMAIL, {"automatic": True}, NO),  # out of office
    ],
)
def test_the_defaults_are_those_of_the_kind(kind: ConversationKind, facts: dict[str, Any], answer: Expectation):
    assert expects_answer(kind, {}, Facts(text="It is broken", **facts)) == answer


@pytest.mark.parametrize(
    ("settings", "facts", "answer"),
    [
        ({"comments": "addressed"}, {"is_root": True}, NO),  # a group room
        ({"comments": "addressed"}, {"mentions_us": True}, YES),
        ({"comments": "addressed", "help": ["room"]}, {"post": "room"}, YES),
        ({"comments": "every"}, {}, YES),
        ({"comments": "nothing"}, {"is_root": True, "mentions_us": True}, NO),
        ({"comments": "what?"}, {"is_root": True}, YES),  # nobody knows it: the default
    ],
)
def test_a_channel_may_say_otherwise(settings: dict[str, Any], facts: dict[str, Any], answer: Expectation):
    assert expects_answer(COMMENTS, settings, Facts(text="It is broken", **facts)) == answer


@pytest.mark.parametrize("text", ["❤️", "🧡🧡", "!!!", "👍🏽", ":)"])
def test_signs_alone_ask_nothing(text: str):
    assert expects_answer(COMMENTS, {}, Facts(text=text, is_root=True)) == BY_RULE


@pytest.mark.parametrize("text", ["??", "?", "5", "", "ok 👍 but when"])
def test_a_question_mark_a_number_or_nothing_at_all_is_left_to_a_person(text: str):
    assert expects_answer(DIRECT, {}, Facts(text=text)) == YES


@pytest.mark.parametrize(
    "text",
    [
        "Thanks!", "thank you so much", "Danke, ihr seid super!!", "Vielen lieben Dank 🙏", "Teşekkürler", "çok teşekkür ederim",
        "¡Muchas gracias!", "Merci beaucoup", "merci, c'est parfait", "Grazie mille", "obrigada", "@brand thx",
    ],
)  # fmt: skip
def test_thanks_in_many_languages_ask_nothing(text: str):
    assert expects_answer(DIRECT, {}, Facts(text=text)) == BY_RULE


@pytest.mark.parametrize(
    "text",
    ["Thanks, but it is still broken", "Danke, und wann?", "Thanks. Order 4711 as well", "No thanks to you", "Danke für nichts", "perfect"],
)
def test_what_only_looks_like_thanks_is_left_to_a_person(text: str):
    assert expects_answer(DIRECT, {}, Facts(text=text)) == YES


@pytest.mark.parametrize(
    "text",
    ["lecker!!", "Mega lecker 🧡", "Soooo yummy", "I love it!", "Love this 😍", "Einfach wunderschön",
     "Çok lezzetli", "@brand köstlich"]
)  # fmt: skip
def test_short_praise_in_public_asks_nothing(text: str):
    assert expects_answer(COMMENTS, {}, Facts(text=text, is_root=True)) == BY_RULE


@pytest.mark.parametrize(
    "text",
    ["lecker?", "Lecker, aber teuer", "super", "Na toll", "Love it, where can I buy it",
     "lecker, 2 Flaschen bitte", "nicht lecker", "love you not"]
)  # fmt: skip
def test_what_only_looks_like_praise_is_left_to_a_person(text: str):
    assert expects_answer(COMMENTS, {}, Facts(text=text, is_root=True)) == YES


def test_praise_in_private_in_a_review_and_with_a_photo_is_left_to_a_person():
    assert expects_answer(DIRECT, {}, Facts(text="lecker!!")) == YES
    assert expects_answer(REVIEW, {}, Facts(text="lecker!!")) == YES
    assert expects_answer(COMMENTS, {}, Facts(text="lecker!!", is_root=True, files=1)) == YES


def test_a_friends_name_alone_asks_nothing_unless_it_is_ours():
    assert expects_answer(COMMENTS, {}, Facts(text="@emma @finn 😂", is_root=True)) == BY_RULE
    assert expects_answer(COMMENTS, {}, Facts(text="@brand", is_root=True, mentions_us=True)) == YES


def test_a_photo_and_a_review_always_expect_an_answer():
    assert expects_answer(DIRECT, {}, Facts(text="❤️", files=1)) == YES
    assert expects_answer(REVIEW, {}, Facts(text="Danke")) == YES


def test_the_rules_can_be_switched_off():
    assert expects_answer(DIRECT, {"not_needed": ["emoji"]}, Facts(text="Danke")) == YES
    assert expectations.is_thanks("Danke")
