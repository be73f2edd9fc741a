"""The language of a text: told with confidence, or not at all."""

import hashlib

import pytest

from inbox.assistant import language
from inbox.languages import KNOWN


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "Wann kommt mein Paket?"),
        ("de", "WO IST MEIN PAKET?"),
        ("de", "Vielen Dank, das sieht richtig gut aus"),
        ("de", "@bakery Habt ihr morgen offen? 🥐🥐 https://example.org/en/opening-hours #opening #hours"),
        ("en", "Where is my order?"),
        ("en", "I want my money back"),
        ("fr", "Le pain était dur aujourd'hui"),
        ("es", "¡Muchas gracias!"),
        ("it", "Posso pagare con la carta?"),
        ("pt", "Muito obrigado!"),
        ("nl", "Waar is mijn bestelling?"),
        ("pl", "Gdzie jest moje zamówienie?"),
        ("tr", "Siparişim nerede?"),
        ("ru", "Где мой заказ?"),
        ("uk", "Я досі не отримав рахунок, надішліть ще раз, будь ласка"),
        ("ar", "أين طلبي؟"),
        ("he", "איפה ההזמנה שלי?"),
        ("hi", "मेरा ऑर्डर कहाँ है?"),
        ("el", "Πού είναι η παραγγελία μου;"),
        ("ja", "注文はどこですか？"),  # no spaces, so no words to count
        ("zh", "我的订单在哪里？"),
        ("ko", "제 주문은 어디에 있나요?"),
        ("th", "สินค้าของฉันอยู่ที่ไหน"),
    ],
)
def test_a_comment_of_a_few_words_is_told(code: str, text: str):
    assert language.detect(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "🧡🧡",
        "??",
        "ok",
        "Danke!",  # one word is too little to be sure of
        "+1",
        "lol haha",
        "DHL 12345",
        "Hamburg, Berlin, München",  # names alone
        "Anna Müller",
        "iPhone 15 Pro Max",
        "asdf jkl",
        "@anna @bernd",
        "https://example.org/das-ist-ein-langer-deutscher-satz",
        "#dasist #eindeutscher #satz",
        "anna.schmidt@example.org",
        ":smile: :heart:",
        "4711 0815 12:30",
        "\x00\x00 \ud800 \u202e",
    ],
)
def test_what_says_too_little_has_no_language(text: str):
    assert language.detect(text) == ""


def test_the_end_of_a_long_letter_is_not_read():
    text = "Das ist ein Brief, der auf Deutsch beginnt und lange so weitergeht. " * 3
    assert language.detect(text + "And then it goes on in English for ever. " * 2000) == "de"


def test_every_language_that_the_model_calls_otherwise_is_known_by_its_usual_code():
    assert set(language.LABELS.values()) <= KNOWN


def test_the_model_is_the_published_one():
    assert hashlib.sha256(language.MODEL.read_bytes()).hexdigest() == "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
