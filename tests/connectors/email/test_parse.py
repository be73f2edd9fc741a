"""A mail as events."""

from datetime import UTC, datetime
from email import message_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.email import headers, parse
from connectors.email.config import EmailConfig
from inbox.contract import Batch, ConversationKind, Event, EventKind

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CONFIG = EmailConfig(
    address="support@shop.example",
    aliases=("sales@shop.example",),
    display_name="The Shop",
    staff_domain="shop.example",
    imap_host="imap.shop.example",
    smtp_host="smtp.shop.example",
    password="secret",
)


def read(mail: str | bytes, *, sent: bool = False, size: int = 0) -> Batch:
    data = mail if isinstance(mail, bytes) else mail.replace("\n", "\r\n").encode()
    return parse.batch([parse.Source(data, NOON, size or len(data), sent=sent)], CONFIG, "cursor")


def one(mail: str | bytes, **circumstances: bool | int) -> Event:
    batch = read(mail, **circumstances)  # type: ignore[arg-type]
    assert batch.rejected == []
    return batch.events[0]


def mail(*fields: str, body: str = "Hello", sender: str = "Anna Example <Anna@Customer.example>") -> str:
    return "\n".join([f"From: {sender}", "To: support@shop.example", *fields, "", body, ""])


def test_a_plain_letter_becomes_a_message_of_its_author_at_the_time_of_the_server():
    event = one(mail("Subject: Lamp", "Message-ID: <1@customer.example>", "Date: Thu, 1 Jan 1970 00:00:00 +0000"))
    assert (event.kind, event.id, event.message_id, event.thread_id) == (
        EventKind.MESSAGE,
        "1@customer.example",
        "1@customer.example",
        "1@customer.example",
    )
    assert event.at == NOON  # what the sender's clock says does not count
    assert event.conversation_kind is ConversationKind.EMAIL
    assert event.author is not None
    assert (event.author.id, event.author.name, event.author.is_self) == ("anna@customer.example", "Anna Example", False)
    assert event.envelope is not None
    assert (event.envelope.subject, event.envelope.to, event.envelope.automatic) == ("Lamp", ("support@shop.example",), False)
    assert (event.text, event.html, event.quoted, event.parent_id) == ("Hello", None, "", None)


@pytest.mark.parametrize(
    ("fields", "thread", "parent"),
    [
        (["In-Reply-To: <b@x>", "References: <a@x> <b@x>"], "a@x", "b@x"),
        (["References: <a@x>\n <b@x>"], "a@x", "b@x"),  # a folded header, and no In-Reply-To
        (["In-Reply-To: <b@x>"], "b@x", "b@x"),
        (["In-Reply-To: <b@x> from Anna at noon"], "b@x", "b@x"),
        (["References: a@x b@x"], "a@x", "b@x"),  # without brackets
        (["Subject: Re: Lamp"], "own@x", None),  # a subject never threads
        (["References: <own@x>"], "own@x", None),  # a mail is no answer to itself
        (["In-Reply-To: nonsense", "References:"], "own@x", None),
    ],
)
def test_a_thread_follows_the_references_and_never_the_subject(fields: list[str], thread: str, parent: str | None):
    event = one(mail("Message-ID: <own@x>", *fields))
    assert (event.thread_id, event.parent_id) == (thread, parent)


def test_a_mail_without_message_id_has_the_same_id_wherever_it_lies():
    assert one(mail("Subject: x")).id == one(mail("Subject: x")).id != one(mail("Subject: y")).id
    assert one(mail("Message-ID:")).id.endswith("@no-message-id")


def test_an_endless_message_id_still_fits_into_an_index():
    event = one(mail(f"Message-ID: <{'x' * 5000}@x>", f"References: <{'y' * 5000}@x>"))
    assert len(event.id) < 200
    assert len(event.thread_id) < 200
    assert one(mail(f"Message-ID: <{'x' * 5000}@x>")).id == event.id


@pytest.mark.parametrize(
    ("sender", "fields", "author", "is_self"),
    [
        ("Support <support@shop.example>", [], "support@shop.example", True),
        ("Sales <Sales@Shop.example>", [], "sales@shop.example", True),  # an alias
        ("Web form <support@shop.example>", ["Reply-To: Anna <anna@customer.example>"], "anna@customer.example", False),
        ("Web form <noreply@forms.example>", ["Reply-To: anna@customer.example"], "anna@customer.example", False),
        ("Anna <anna@customer.example>", ["Reply-To: other@customer.example"], "anna@customer.example", False),
        ("support@shop.example", ["Authentication-Results: mx; spf=fail; dmarc=fail"], "support@shop.example", False),  # forged
        (
            "support@shop.example",
            ["Authentication-Results: mx; spf=pass", "Authentication-Results: x; dmarc=fail"],
            "support@shop.example",
            True,
        ),
        ('"Example, Anna (private)" <anna@customer.example>', [], "anna@customer.example", False),
        ("undisclosed", ["Return-Path: <anna@customer.example>"], "anna@customer.example", False),
        ("nobody at all", [], "unknown", False),
        ("=?utf-8?q?M=C3=BCller=2C_Anna?= <anna@customer.example>", [], "anna@customer.example", False),
    ],
)
def test_the_author_is_who_wants_the_answer_and_a_forged_sender_is_not_believed(sender: str, fields: list[str], author: str, is_self: bool):
    event = one(mail(*fields, sender=sender))
    assert event.author is not None
    assert (event.author.id, event.author.is_self) == (author, is_self)


def test_what_lies_in_the_sent_folder_was_written_by_us():
    event = one(mail("X-Parley-Key: abc", sender="boss@elsewhere.example"), sent=True)
    assert event.author is not None
    assert event.author.is_self
    assert event.client_key == "abc"
    assert one(mail("X-Parley-Key: abc")).client_key is None  # a customer cannot pretend that


def test_colleagues_are_known_by_their_domain_unless_it_is_forged():
    colleague = one(mail(sender="mia@shop.example")).author
    forged = one(mail("Authentication-Results: mx; dmarc=fail", sender="mia@shop.example")).author
    assert colleague is not None
    assert forged is not None
    assert (colleague.roles, forged.roles) == (("shop.example", "staff"), ())


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"=?utf-8?B?R3LDtsOfZQ==?=", "Größe"),
        (b"=?iso-8859-1?Q?Gr=F6=DFe?= =?iso-8859-1?Q?_XL?=", "Größe XL"),
        (b"=?utf-8?B?R3LD?= =?utf-8?B?tsOfZQ==?=", "Größe"),  # a letter cut in two
        (b"=?utf-8?B?R3LDtsOfZQ?=", "Größe"),  # without its padding
        (b"=?no-such?Q?Gr=F6=DFe?=", "Größe"),
        ("Größe".encode(), "Größe"),  # raw UTF-8
        ("Größe".encode("cp1252"), "Größe"),  # raw Windows
        (b"Lamp\r\n is broken", "Lamp is broken"),
        (b"=?utf-8?Q?=00Lamp?=", "Lamp"),
        (b"=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=", "日本語"),
        (b"=?broken?X?abc?=", "=?broken?X?abc?="),
    ],
)
def test_subjects_are_read_however_they_are_written(raw: bytes, subject: str):
    event = one(b"From: anna@customer.example\r\nSubject: " + raw + b"\r\n\r\nHello\r\n")
    assert event.envelope is not None
    assert event.envelope.subject == subject


MULTIPART = """\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Die Lampe ist zu gro=C3=9F.
--inner
Content-Type: multipart/related; boundary=deep

--deep
Content-Type: text/html; charset=utf-8

<p>Die Lampe ist zu <b>groß</b>. <img src="cid:photo@x"></p>
--deep
Content-Type: image/png; name="photo.png"
Content-Transfer-Encoding: base64
Content-ID: <photo@x>

iVBORw0KGgo=
--deep--
--inner
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
END:VCALENDAR
--inner--
--outer
Content-Type: application/pdf
Content-Disposition: attachment; filename*0*=utf-8''Rechnung%20; filename*1*=%E2%82%AC.pdf
Content-Transfer-Encoding: base64

JVBERg==
--outer
Content-Type: application/ms-tnef

tnef
--outer
Content-Type: message/rfc822

From: bernd@x.example
Subject: Old letter

Inside
--outer
Content-Type: text/plain; name="../../etc/notes.txt"
Content-Disposition: attachment

Notes
--outer--
"""


def test_a_mail_with_everything_in_it_is_taken_apart():
    event = one("From: anna@customer.example\nSubject: Lampe\n" + MULTIPART)
    assert event.text == "Die Lampe ist zu groß."
    assert event.html is not None
    assert 'src="cid:photo@x"' in event.html
    files = [(file.name, file.media_type, file.content_id) for file in event.attachments]
    assert files == [
        ("photo.png", "image/png", "photo@x"),
        ("invitation.ics", "text/calendar", None),
        ("Rechnung €.pdf", "application/pdf", None),
        ("winmail.dat", "application/ms-tnef", None),
        ("Old letter.eml", "message/rfc822", None),
        ("notes.txt", "text/plain", None),  # a name is never a path
    ]
    assert event.attachments[2].content == b"%PDF"
    letter = event.attachments[4].content
    assert letter is not None
    assert b"Subject: Old letter" in letter


def test_html_alone_is_shown_as_text_too_with_its_quotation_folded():
    html = "<p>Yes.</p><div class=gmail_quote>On 2 March 2026 The Shop wrote:<blockquote>Broken?</blockquote></div>"
    event = one(mail("Content-Type: text/html", body=html))
    assert (event.text, event.quoted) == ("Yes.", "On 2 March 2026 The Shop wrote:\n> Broken?")
    assert event.html is not None
    assert event.html.strip() == html


def test_the_quotation_of_an_answer_is_kept_apart_and_that_of_a_forwarded_mail_is_not():
    body = "Yes.\n\nOn 2 March 2026 The Shop wrote:\n> Broken?"
    assert (one(mail("Subject: Re: Lamp", body=body)).text, one(mail("Subject: Fwd: Lamp", body=body)).text) == ("Yes.", body)


@pytest.mark.parametrize(
    ("fields", "automatic"),
    [
        ([], False),
        (["Auto-Submitted: no"], False),
        (["Auto-Submitted: auto-replied (vacation)"], True),
        (["Auto-Submitted: auto-generated"], True),
        (["Precedence: bulk"], True),
        (["Precedence: list"], True),
        (["Precedence: normal"], False),
        (["List-Id: <news.x.example>"], True),
        (["X-Auto-Response-Suppress: All"], True),
        (["X-Auto-Response-Suppress: DR, RN, NRN"], False),  # Exchange puts this on people's mail
        (["Subject: Automatic reply: Lamp", "X-Auto-Response-Suppress: DR"], True),
        (["Subject: Automatic reply does not work in my shop"], False),  # only a person's words
        (["Return-Path: <>"], True),
        (["Return-Path: <anna@customer.example>"], False),
        (["Content-Type: multipart/report; boundary=x"], True),
        (["X-Autoreply: yes"], True),
    ],
)
def test_mail_that_nobody_wrote_is_told_by_its_header(fields: list[str], automatic: bool):
    envelope = one(mail(*fields)).envelope
    assert envelope is not None
    assert envelope.automatic is automatic


@pytest.mark.parametrize("sender", ["MAILER-DAEMON@x.example", "no-reply@x.example", "noreply@x.example", "postmaster@x.example"])
def test_machines_are_known_by_their_address(sender: str):
    envelope = one(mail(sender=sender)).envelope
    assert envelope is not None
    assert envelope.automatic


REPORT = """\
From: Mail Delivery System <mailer-daemon@mx.example>
To: support@shop.example
Message-ID: <report@mx.example>
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; anna@customer.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 No such user

Final-Recipient: rfc822; bernd@customer.example
Action: delivered
Status: 2.0.0
--b
Content-Type: {returned}

From: {sender}
Message-ID: <parley.key-1@shop.example>

--b--
"""


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_tells_for_each_recipient_what_became_of_our_mail(returned: str):
    source = REPORT.format(action="failed", status="5.1.1", returned=returned, sender="support@shop.example")
    letter, failed, delivered = read(source).events
    assert letter.envelope is not None
    assert letter.envelope.automatic
    assert (failed.kind, failed.message_id, failed.text) == (
        EventKind.DELIVERY,
        "parley.key-1@shop.example",
        "550 5.1.1 No such user (anna@customer.example)",
    )
    assert delivered.text == "delivered"
    assert len({letter.id, failed.id, delivered.id}) == 3


def test_a_delay_is_no_outcome_and_other_people_s_mail_is_none_of_ours():
    delayed = read(REPORT.format(action="delayed", status="4.4.1", returned="message/rfc822", sender="support@shop.example")).events
    assert [event.text for event in delayed if event.kind is EventKind.DELIVERY] == ["delivered"]
    backscatter = read(REPORT.format(action="failed", status="5.1.1", returned="message/rfc822", sender="spoofed@else.example")).events
    assert [event.kind for event in backscatter] == [EventKind.MESSAGE]


def test_exim_says_it_in_a_header():
    events = read(mail("X-Failed-Recipients: anna@customer.example", "References: <parley.k@shop.example>", "Message-ID: <r@x>")).events
    assert (events[1].message_id, events[1].text) == ("parley.k@shop.example", "not delivered (anna@customer.example)")


def test_a_cut_off_mail_says_so_and_its_last_file_has_no_bytes():
    source = ("From: anna@customer.example\n" + MULTIPART).split("--outer\nContent-Type: application/ms-tnef")[0]
    event = one(source, size=40 * 1024 * 1024)
    assert event.text == "Die Lampe ist zu groß.\n\n[This mail has 40 MiB. Its end stayed on the mail server.]"
    assert [(file.name, file.content is None) for file in event.attachments] == [
        ("photo.png", False),
        ("invitation.ics", False),
        ("Rechnung €.pdf", True),
    ]


def test_a_mail_that_cannot_be_read_is_kept_and_its_neighbours_come_in(monkeypatch: pytest.MonkeyPatch):
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (depth, depth) for depth in range(2000))
    good = parse.Source(mail("Message-ID: <good@x>").encode(), NOON)
    batch = parse.batch([parse.Source(nested, NOON), good], CONFIG, "c")
    assert [event.id for event in batch.events][-1] == "good@x"
    assert len(batch.events) + len(batch.rejected) == 2
    assert all(rejected.raw == nested and rejected.reason for rejected in batch.rejected)
    assert batch.cursor == "c"


@pytest.mark.parametrize(("name", "longest"), [("Content-Type", 8_000), ("From", 100_000), ("References", 100_000)])
def test_endless_fields_are_cut_off_before_anything_looks_into_them(name: str, longest: int):
    message = message_from_bytes(name.encode() + b": " + b";" * 300_000 + b"\n\nHello", policy=headers.Bounded())
    assert len(message[name]) == longest
    assert message.get_payload() == "Hello"


@pytest.mark.parametrize("source", [b"<!--" * 75_000, b"<" * 300_000, b"<a " * 100_000, b"<![" * 100_000])
def test_markup_on_which_the_library_would_brood_for_minutes_is_read_at_once(source: bytes):
    event = one(b"From: anna@customer.example\nContent-Type: text/html\n\n" + source)
    assert event.html is not None
    assert len(event.text) <= 100_000


HEADS = [
    b"From: a@b.example",
    b"From:",
    b"Message-ID: <x@y>",
    b"References: <a@b> <",
    b"Subject: =?utf-8?B?////?= =?x?Q?=?=",
    b"Content-Type: multipart/mixed; boundary=b",
    b"Content-Type: text/html; charset=utf-16",
    b"Content-Type: text/plain; format=flowed; charset*=x'y'z",
    b"Content-Type: message/rfc822",
    b"Content-Type: multipart/report; boundary=b",
    b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: x-uuencode",
    b"Content-Disposition: attachment; filename*0*=%ff; filename*2=x",
    b"Content-Type: message/delivery-status",
    b"",
    b"--b",
    b"--b--",
    b"begin 644 x",
    b"Action: failed",
    b"Final-Recipient: rfc822;",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(HEADS) | st.binary(max_size=40), max_size=25).map(b"\n".join))
def test_whatever_arrives_is_read_or_kept_and_can_be_stored(data: bytes):
    batch = read(data)
    assert batch.events or batch.rejected
    assert not batch.rejected, batch.rejected[0].reason
    for event in batch.events:
        stored = "".join([event.id, event.text, event.quoted, event.html or "", event.thread_id, repr(event.raw)])
        assert "\x00" not in stored
        stored.encode()
        assert event.author is not None
        assert event.author.id
