"""What is new in a mail, apart from what it repeats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.email.quotes import fold


@pytest.mark.parametrize(
    "introduction",
    [
        "On Mon, 2 Mar 2026 at 10:00, The Shop <support@shop.example> wrote:",
        "On 2 Mar 2026, at 10:00, The Shop wrote:",
        "On Mon, 2 Mar 2026 at 10:00, The Shop\n<support@shop.example>\nwrote:",  # broken over lines
        "Am 02.03.2026 um 10:00 schrieb The Shop <support@shop.example>:",
        "Am Mo., 2. März 2026 um 10:00 Uhr schrieb The Shop\n<support@shop.example>:",
        "Le lun. 2 mars 2026 à 10:00, The Shop <support@shop.example> a écrit :",
        "El lun, 2 mar 2026 a las 10:00, The Shop (<support@shop.example>) escribió:",
        "Il giorno lun 2 mar 2026 alle ore 10:00 The Shop <support@shop.example> ha scritto:",
        "Em seg., 2 de mar. de 2026 às 10:00, The Shop <support@shop.example> escreveu:",
        "Op ma 2 mrt 2026 om 10:00 schreef The Shop <support@shop.example>:",
        "pon., 2 mar 2026 o 10:00 The Shop <support@shop.example> napisał(a):",
        "Den mån 2 mars 2026 kl 10:00 skrev The Shop <support@shop.example>:",
        "ma 2. maalisk. 2026 klo 10.00 The Shop (support@shop.example) kirjoitti:",
        "po 2. 3. 2026 v 10:00 odesílatel The Shop <support@shop.example> napsal:",
        "The Shop <support@shop.example> ezt írta (időpont: 2026. márc. 2., H, 10:00):",
        "2 Mar 2026 Pzt, 10:00 tarihinde The Shop <support@shop.example> şunu yazdı:",
        "пн, 2 мар. 2026 г. в 10:00, The Shop <support@shop.example> пишет:",
        "2026年3月2日(月) 10:00 The Shop <support@shop.example>:",  # no verb at all
        "The Shop <support@shop.example> 于2026年3月2日周一 10:00写道：",
        "2026년 3월 2일 (월) 오전 10:00, The Shop <support@shop.example>님이 작성:",
        "في الاثنين، 2 مارس 2026 في 10:00 كتب The Shop <support@shop.example>:",
    ],
)
@pytest.mark.parametrize("mark", ["> ", ""], ids=["marked", "unmarked"])
def test_a_quotation_below_its_introduction_is_folded_in_many_languages(introduction: str, mark: str):
    quotation = "\n".join(f"{mark}{line}" for line in ("Is it broken?", "The Shop"))
    assert fold(f"Yes, it is.\n\n{introduction}\n{quotation}") == ("Yes, it is.", f"{introduction}\n{quotation}")


@pytest.mark.parametrize(
    "rest",
    [
        "-----Original Message-----\nFrom: The Shop\nIs it broken?",
        "-----Ursprüngliche Nachricht-----\nVon: The Shop\nIst es kaputt?",
        "____________________\nFrom: The Shop <support@shop.example>\nSent: Monday, 2 March\nTo: Anna\nSubject: Re: Lamp\n\nIs it broken?",
        "Von: The Shop <support@shop.example>\nGesendet: Montag, 2. März 2026\nAn: Anna\nBetreff: AW: Lampe\n\nIst sie kaputt?",
        "De : The Shop <support@shop.example>\nEnvoyé : lundi 2 mars 2026\nÀ : Anna\nObjet : RE: Lampe\n\nEst-elle cassée ?",
        "*From:* The Shop <support@shop.example>\n*Sent:* Monday\n*To:* Anna\n*Subject:* Re: Lamp\n\nIs it broken?",
        "发件人: The Shop <support@shop.example>\n发送时间: 2026年3月2日\n收件人: Anna\n主题: 灯\n\n坏了吗？",
        "> Is it broken?\n>\n> The Shop",
        "-- \nAnna Example\n+49 30 1234",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
    ],
)
def test_repeated_messages_and_signatures_are_folded(rest: str):
    assert fold(f"Yes, it is.\n\n{rest}") == ("Yes, it is.", rest)


def test_a_signature_and_a_quotation_are_folded_together():
    visible, quoted = fold("Yes.\n\n-- \nAnna\n\nOn 2 March 2026 The Shop wrote:\n> Broken?")
    assert visible == "Yes."
    assert quoted.splitlines() == ["-- ", "Anna", "", "", "On 2 March 2026 The Shop wrote:", "> Broken?"]


def test_answers_between_the_quoted_lines_keep_everything_visible():
    words = "On 2 March 2026 The Shop wrote:\n> Is it broken?\nYes.\n> Since when?\nSince Monday."
    assert fold(words) == (words, "")


def test_an_answer_below_the_quotation_stays_visible():
    words = "On 2 March 2026 The Shop wrote:\n> Is it broken?\n\nYes, since Monday."
    assert fold(words) == ("Yes, since Monday.", "On 2 March 2026 The Shop wrote:\n> Is it broken?")


@pytest.mark.parametrize(
    "words",
    [
        "I wrote down three things:\nthe lamp, the cable, the plug",  # no date, no address
        "From: me\nwith love",
        "> only a quotation",
        "-- \nonly a signature",
        "On 2 March 2026 The Shop wrote:\n> nothing of my own",
        "See below.\n\n---------- Forwarded message ---------\nFrom: The Shop\nDate: Monday\nSubject: Lamp\n\nIs it broken?",
        "Please note:\nthe price is > 5 and the size < 3",
    ],
)
def test_what_is_no_repetition_stays_visible(words: str):
    assert fold(words) == (words, "")


def test_of_a_forwarded_mail_nothing_is_folded():
    words = "Look at this.\n\nFrom: Bernd <b@x.example>\nSent: Monday\nTo: Anna\nSubject: Lamp\n\nIt burns."
    assert fold(words, forwarded=True) == (words, "")
    assert fold(words)[0] == "Look at this."


LINES = st.lists(
    st.sampled_from(
        [
            "",
            "Hello",
            "> quoted",
            ">> twice",
            "-- ",
            "On 2 March 2026 The Shop wrote:",
            "From: a@b.c",
            "To: c",
            "Subject: x",
            "Sent from my iPhone",
        ]
    )
    | st.text(max_size=30),
    max_size=25,
)


@given(LINES)
def test_no_line_is_ever_lost_and_something_always_stays_visible(lines: list[str]):
    words = "\n".join(lines)
    visible, quoted = fold(words)
    kept = sorted(line for line in f"{visible}\n{quoted}".split("\n") if line.strip())
    assert kept == sorted(line for line in words.split("\n") if line.strip())
    assert bool(visible.strip()) == bool(words.strip())
