"""A reply as a mail, read again with the standard library and with our own eyes."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.email import compose, parse, text
from connectors.email.config import EmailConfig
from inbox.contract import Attachment, Envelope, Permanent, Reply

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CONFIG = EmailConfig(
    address="support@shop.example",
    aliases=("sales@shop.example",),
    display_name="The Shop",
    imap_host="imap.shop.example",
    smtp_host="smtp.shop.example",
    password="secret",
)


def reply(**changes: object) -> Reply:
    settings: dict[str, object] = {"key": "key-1", "thread_id": "t", "text": "Hello", "recipient": "anna@customer.example"}
    return Reply(**(settings | changes))  # type: ignore[arg-type]


def written(answer: Reply) -> EmailMessage:
    return message_from_bytes(compose.reply(answer, CONFIG, NOON).source, policy=policy.default)


def test_an_answer_threads_by_its_references_and_is_the_same_mail_at_every_attempt():
    answer = reply(parent_id="b@x", envelope=Envelope(subject="Re: Lamp", references=("a@x", "b@x")))
    mail = written(answer)
    assert mail["Message-ID"] == "<parley.key-1@shop.example>"
    assert (mail["In-Reply-To"], mail["References"]) == ("<b@x>", "<a@x> <b@x>")
    assert (mail["Subject"], mail["From"], mail["To"]) == ("Re: Lamp", "The Shop <support@shop.example>", "anna@customer.example")
    assert mail["Date"].datetime == NOON
    assert compose.reply(answer, CONFIG, NOON).message_id == compose.message_id("key-1", "shop.example")


def test_any_key_makes_a_message_id_of_its_own():
    keys = ["a b", "<x>", "ü", "x" * 300, "x" * 301, "@"]
    made = {compose.message_id(key, "shop.example") for key in keys}
    assert len(made) == len(keys)
    assert all(name.isascii() and len(name) < 100 and not set(name) & set("<> ") for name in made)


def test_long_message_ids_are_not_taken_apart_by_folding():
    long = "x" * 200 + "@x.example"
    source = compose.reply(reply(parent_id=long, envelope=Envelope(references=tuple(f"{n}{long}" for n in range(40)))), CONFIG, NOON).source
    message = message_from_bytes(source, policy=policy.default)
    assert message["In-Reply-To"] == f"<{long}>"
    references = message["References"].split()
    assert (references[0], references[-1], len(references)) == (f"<0{long}>", f"<{long}>", 30)
    assert max(len(line) for line in source.split(b"\r\n")) <= 998


def test_everybody_is_addressed_and_blind_copies_are_in_no_header():
    envelope = Envelope(
        subject="x", to=("Anna <ANNA@customer.example>",), cc=("bernd@x.example",), bcc=("secret@x.example",), reply_to="desk@shop.example"
    )
    outgoing = compose.reply(reply(envelope=envelope), CONFIG, NOON)
    assert outgoing.recipients == ("anna@customer.example", "bernd@x.example", "secret@x.example")
    assert b"secret@x.example" not in outgoing.source
    mail = message_from_bytes(outgoing.source, policy=policy.default)
    assert (mail["Cc"], mail["Reply-To"]) == ("bernd@x.example", "desk@shop.example")


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("", "The Shop <support@shop.example>"),
        ("sales@shop.example", "The Shop <sales@shop.example>"),
        ("Sales <SALES@shop.example>", "The Shop <sales@shop.example>"),
    ],
)
def test_an_answer_comes_from_the_address_or_an_alias(sender: str, shown: str):
    assert written(reply(envelope=Envelope(sender=sender)))["From"] == shown
    assert written(reply(author_name='Mia "M" Möller, the best'))["From"].addresses[0].display_name == 'Mia "M" Möller, the best'


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"envelope": Envelope(sender="boss@elsewhere.example")}, "may not send as"),
        ({"recipient": None}, "no recipient"),
        ({"recipient": "unknown"}, "not a mail address"),
        ({"recipient": "anna@customer.example\r\nBcc: x@y.example"}, "not a mail address"),
        ({"recipient": "MAILER-DAEMON@x.example"}, "Nobody reads"),
        ({"recipient": "no-reply@x.example"}, "Nobody reads"),
        ({"envelope": Envelope(automatic=True)}, "written by a machine"),
        ({"attachments": (Attachment(name="lost.pdf", media_type="application/pdf"),)}, "has no content"),
    ],
)
def test_what_must_not_or_cannot_be_sent_is_refused_with_the_reason(changes: dict[str, object], reason: str):
    with pytest.raises(Permanent, match=reason):
        compose.reply(reply(**changes), CONFIG, NOON)


def test_no_header_can_be_slipped_in():
    outgoing = compose.reply(
        reply(author_name="Mia\r\nBcc: a@b.example", key="k\r\nBcc: c@d.example", envelope=Envelope(subject="Hi\r\nBcc: e@f.example")),
        CONFIG,
        NOON,
    )
    assert message_from_bytes(outgoing.source, policy=policy.default)["Bcc"] is None


@pytest.mark.parametrize(("human", "mark"), [(True, None), (False, "auto-replied")])
def test_only_what_no_person_wrote_is_marked_as_automatic(human: bool, mark: str | None):
    assert written(reply(human=human))["Auto-Submitted"] == mark


def test_addresses_in_other_alphabets_are_written_as_the_server_can_take_them():
    outgoing = compose.reply(reply(recipient="anna@müller.example"), CONFIG, NOON)
    assert (outgoing.recipients, outgoing.international) == (("anna@xn--mller-kva.example",), False)
    outgoing = compose.reply(reply(recipient="änna@customer.example"), CONFIG, NOON)
    assert (outgoing.recipients, outgoing.international) == (("änna@customer.example",), True)
    assert "änna@customer.example".encode() in outgoing.source


def test_odd_but_real_addresses_are_kept():
    assert compose.reply(reply(recipient="a..b.@docomo.example"), CONFIG, NOON).recipients == ("a..b.@docomo.example",)


def test_text_html_inline_picture_and_file_are_put_together():
    logo = Attachment(name="logo.png", media_type="image/png", content=b"png", content_id="logo")
    note = Attachment(name="Übersicht.csv", media_type="text/csv", content="a;ü\n".encode())
    letter = Attachment(name="old.eml", media_type="message/rfc822", content=b"From: x\n\nHi")
    mail = written(reply(text="Hällo", html='<p>Hällo <img src="cid:logo"></p>', attachments=(logo, note, letter)))
    assert mail.get_content_type() == "multipart/mixed"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().strip() == "Hällo"
    assert "cid:logo" in html.get_content()
    files = [(part.get_filename(), part.get_payload(decode=True)) for part in mail.iter_attachments()]
    assert files == [("Übersicht.csv", "a;ü\n".encode()), ("old.eml", b"From: x\n\nHi")]
    assert [part["Content-ID"] for part in mail.walk() if part.get_content_type() == "image/png"] == ["<logo>"]


def test_only_seven_bits_travel():
    outgoing = compose.reply(reply(text="Größe 日本語 " * 200, html="<p>ü</p>" * 500, author_name="Möller"), CONFIG, NOON)
    assert outgoing.source.isascii()


def test_a_signature_and_long_paragraphs_survive_the_way_there_and_back():
    words = (
        "A paragraph with many words. " * 20
        + "\n\n> quoted by hand, and long too: "
        + "word " * 40
        + "\n From the start\n\n-- \nMia\nThe Shop"
    )
    source = compose.reply(reply(text=words), CONFIG, NOON).source
    event = parse.batch([parse.Source(source, NOON)], CONFIG, None).events[0]
    assert event.quoted == "-- \nMia\nThe Shop"
    assert event.text == "\n".join(line.rstrip() for line in words.split("-- ")[0].strip().split("\n"))
    assert max(len(line) for line in compose.flowed("word " * 100).split("\n")) <= 78


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]) | st.just("\n"), max_size=300))
def test_flowed_text_reads_as_it_was_written(words: str):
    lines = [line.rstrip(" ") if line not in {"-- ", "--"} else "-- " for line in words.split("\n")]
    quoted = any(line.startswith(">") for line in lines)
    back = text.unflow(compose.flowed(words))
    assert quoted or back == "\n".join(lines)


@given(st.text(max_size=200), st.text(max_size=60), st.text(max_size=60))
def test_any_words_can_be_sent(words: str, subject: str, name: str):
    outgoing = compose.reply(reply(text=words, author_name=name, envelope=Envelope(subject=subject)), CONFIG, NOON)
    head = outgoing.source.partition(b"\r\n\r\n")[0]
    assert all(b":" in line or line[:1] in b" \t" for line in head.split(b"\r\n"))
    assert message_from_bytes(outgoing.source)["Message-ID"] == "<parley.key-1@shop.example>"
