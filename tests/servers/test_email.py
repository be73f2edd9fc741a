"""E-mail against real servers: dovecot keeps the mail, opensmtpd carries it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest

from connectors import http
from connectors.email import Email, compose
from connectors.outbound import mail
from inbox.contract import (
    Ambiguous,
    Attachment,
    AuthError,
    Batch,
    Envelope,
    Event,
    EventKind,
    Permanent,
    Reply,
    Transient,
)
from tests.servers.mailservers import MailServers
from tests.servers.submission import submission
from tests.servers.wire import faulty

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def _servers_on_this_machine():
    http.allow(["127.0.0.1"])
    yield
    http.allow(())


def letter(sender: str, to: str, subject: str = "A question", text: str = "Hello, is it still there?", **fields: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


async def some(stream: AsyncIterator[Batch], count: int = 1) -> list[Event]:
    """The next events of a stream."""
    found: list[Event] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            found.extend((await anext(stream)).events)
    return found


async def up_to_date(connector: Email) -> str:
    """The cursor after everything that is there now."""
    async with aclosing(connector.stream(None)) as stream, asyncio.timeout(30):
        batch = await anext(stream)
    assert batch.cursor
    return batch.cursor


def answer(event: Event, key: str, text: str = "Yes, it is.", **changes: object) -> Reply:
    assert event.envelope
    settings: dict[str, object] = {
        "key": key,
        "thread_id": event.thread_id,
        "text": text,
        "parent_id": event.message_id,
        "recipient": event.author.id if event.author else None,
        "envelope": Envelope(subject=f"Re: {event.envelope.subject}", references=event.envelope.references),
    }
    return Reply(**(settings | changes))  # type: ignore[arg-type]


async def test_a_mail_is_pushed_while_the_connector_waits_and_its_answer_reaches_the_customer(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support))
    async with aclosing(connector.stream(None)) as stream:
        first = await asyncio.wait_for(anext(stream), 30)
        assert list(first.events) == []
        waiting = asyncio.ensure_future(some(stream))
        await asyncio.sleep(1)  # it idles now
        mailservers.send(letter(f"Anna <{anna}>", support, Message_ID="<question@customer.example>"), anna, support)
        [event] = await waiting  # pushed: the next look would be minutes away, beyond the time-out of `some`

    assert (event.author.id, event.author.name, event.author.is_self) == (anna, "Anna", False)
    assert event.text == "Hello, is it still there?"
    assert event.thread_id == event.message_id == "question@customer.example"
    assert abs(event.at - datetime.now(UTC)) < timedelta(minutes=1)

    receipt = await connector.send(answer(event, "key-1"))
    [delivered] = mailservers.wait_for(anna)
    assert delivered["Message-ID"] == f"<{receipt.message_id}>"
    assert delivered["In-Reply-To"] == delivered["References"] == "<question@customer.example>"
    assert delivered["From"] == f"The Shop <{support}>"
    assert delivered["Subject"] == "Re: A question"
    assert delivered.get_body(("plain",)).get_content().strip() == "Yes, it is."


async def test_mail_that_came_during_downtime_is_caught_up_in_order_without_loss(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support))
    cursor = await up_to_date(connector)
    for number in range(120):  # more than two batches
        mailservers.put(support, letter(anna, support, text=f"Number {number}", Message_ID=f"<n{number}@x.example>").as_bytes())
    async with aclosing(connector.stream(cursor)) as stream:
        events = await some(stream, 120)
    assert [event.text for event in events] == [f"Number {number}" for number in range(120)]


async def test_a_batch_that_was_not_acknowledged_comes_again(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support))
    cursor = await up_to_date(connector)
    mailservers.put(support, letter(anna, support, Message_ID="<again@x.example>").as_bytes())
    for _ in range(2):  # the host dies each time before it resumes the stream
        async with aclosing(connector.stream(cursor)) as stream:
            [event] = await some(stream)
            assert event.id == "again@x.example"


async def test_a_folder_numbered_anew_is_read_again_under_the_same_ids(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support))
    with_id = letter(anna, support, Message_ID="<kept@x.example>").as_bytes()
    without_id = letter(anna, support, text="I have no Message-ID").as_bytes()
    mailservers.put(support, with_id)
    mailservers.put(support, without_id)
    async with aclosing(connector.stream(None)) as stream:
        batch = await asyncio.wait_for(anext(stream), 30)
    before = [event.id for event in batch.events]
    assert len(before) == 2

    with mailservers.signed_in(support) as client:  # dovecot gives another UIDVALIDITY to a new folder of the same name
        client.create("Other")
    renamed = Email(mailservers.config(support, folder="Other"))
    mailservers.put(support, with_id, "Other")
    mailservers.put(support, without_id, "Other")
    mailservers.put(support, letter(anna, support, Message_ID="<new@x.example>").as_bytes(), "Other")
    assert batch.cursor
    cursor = batch.cursor.replace('"INBOX"', '"Other"')
    async with aclosing(renamed.stream(cursor)) as stream:
        after = await some(stream, 3)
    assert [event.id for event in after] == [*before, "new@x.example"]


async def test_an_answer_from_another_mail_program_comes_in_after_its_question_as_our_own(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support, sent_folder="Sent", poll=1))
    cursor = await up_to_date(connector)
    native = letter(support, anna, Message_ID="<native@shop.example>", In_Reply_To="<asked@x.example>")
    mailservers.put(support, letter(anna, support, Message_ID="<asked@x.example>").as_bytes())
    await asyncio.sleep(1.1)  # the server's clock has seconds
    mailservers.put(support, native.as_bytes(), "Sent")
    async with aclosing(connector.stream(cursor)) as stream:
        asked, answered = await some(stream, 2)
        assert (asked.message_id, asked.author.is_self) == ("asked@x.example", False)
        assert (answered.message_id, answered.author.is_self) == ("native@shop.example", True)
        assert answered.thread_id == asked.thread_id

        later = asyncio.ensure_future(some(stream))
        await asyncio.sleep(0.5)
        mailservers.put(support, letter(support, anna, Message_ID="<later@shop.example>").as_bytes(), "Sent")
        [event] = await later  # nobody pushes for this folder: it is looked at again
        assert event.message_id == "later@shop.example"


async def test_copies_to_others_and_blind_copies_arrive_and_blind_ones_are_named_nowhere(mailservers: MailServers):
    support = mailservers.account("support")
    anna, bernd, clara = (mailservers.account(name, "customer.example") for name in ("anna", "bernd", "clara"))
    connector = Email(mailservers.config(support))
    await connector.send(
        Reply(key="copies", thread_id="t", text="To all", envelope=Envelope(subject="News", to=(anna,), cc=(bernd,), bcc=(clara,)))
    )
    for person in (anna, bernd, clara):
        [received] = mailservers.wait_for(person)
        assert received["Cc"] == bernd
        assert clara not in received.as_string().replace(f"Delivered-To: {clara}", "").replace(f"for <{clara}>", "")


async def test_files_travel_both_ways_unchanged(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support))
    cursor = await up_to_date(connector)
    picture = bytes(range(256)) * 4000
    question = letter(anna, support)
    question.add_attachment(picture, maintype="image", subtype="png", filename="Gerät – größer.png")
    mailservers.send(question, anna, support)
    async with aclosing(connector.stream(cursor)) as stream:
        [event] = await some(stream)
    [file] = event.attachments
    assert (file.name, file.media_type, file.content) == ("Gerät – größer.png", "image/png", picture)

    logo = Attachment(name="logo.png", media_type="image/png", content=b"\x89PNG logo", content_id="logo")
    html = '<p>See <img src="cid:logo"></p>'
    await connector.send(answer(event, "files", html=html, attachments=(file, logo)))
    [received] = mailservers.wait_for(anna)
    [sent_file] = list(received.iter_attachments())
    assert (sent_file.get_filename(), sent_file.get_content()) == (file.name, picture)
    body = received.get_body(("html",))
    assert body is not None
    assert "cid:logo" in body.get_content()
    assert [part.get_content() for part in received.walk() if part["Content-ID"] == "<logo>"] == [logo.content]


async def test_a_bounce_says_what_became_of_our_mail_and_waits_for_no_answer(mailservers: MailServers):
    support = mailservers.account("support")
    connector = Email(mailservers.config(support))
    cursor = await up_to_date(connector)
    receipt = await connector.send(Reply(key="bounces", thread_id="t", text="Hello?", recipient="nobody@refused.example"))
    async with aclosing(connector.stream(cursor)) as stream:
        notice, outcome = await some(stream, 2)
    assert notice.envelope is not None
    assert notice.envelope.automatic
    assert (outcome.kind, outcome.message_id) == (EventKind.DELIVERY, receipt.message_id)
    assert "nobody@refused.example" in outcome.text
    assert outcome.text.startswith("5.")


async def test_an_out_of_office_answer_is_automatic(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support))
    cursor = await up_to_date(connector)
    mailservers.send(letter(anna, support, subject="Out of office", Auto_Submitted="auto-replied"), anna, support)
    async with aclosing(connector.stream(cursor)) as stream:
        [event] = await some(stream)
    assert event.envelope is not None
    assert event.envelope.automatic


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_mail_is_read_and_sent_over_encrypted_connections(mailservers: MailServers, security: str):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    tls = security == "tls"
    async with submission(mailservers, implicit=tls) as front:
        config = mailservers.config(
            support,
            imap_security=security,
            imap_port=mailservers.imaps_port if tls else mailservers.imap_port,
            smtp_security=security,
            smtp_port=front.port,
            smtp_sign_in=True,
        )
        connector = Email(config)
        author = await connector.check()
        assert (author.id, author.is_self) == (support, True)
        await connector.send(Reply(key="secret", thread_id="t", text="Sealed", recipient=anna, envelope=Envelope(subject="Hi")))
        assert front.signed_in == [support, support]
    assert len(mailservers.wait_for(anna)) == 1


async def test_a_certificate_that_nobody_vouches_for_is_refused(mailservers: MailServers):
    support = mailservers.account("support")
    connector = Email(mailservers.config(support, imap_security="tls", imap_port=mailservers.imaps_port, certificate=""))
    with pytest.raises(Transient, match="certificate is not valid"):
        await connector.check()


async def test_a_server_in_a_private_network_is_reached_only_where_that_is_allowed(mailservers: MailServers):
    http.allow(())
    connector = Email(mailservers.config(mailservers.account("support")))
    with pytest.raises(Permanent, match="private network"):
        await connector.check()
    with pytest.raises(Permanent, match="private network"):
        await connector.send(Reply(key="k", thread_id="t", text="x", recipient="anna@customer.example"))


async def test_a_wrong_password_is_told_apart_from_a_failure_and_appears_nowhere(
    mailservers: MailServers, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    support = mailservers.account("support")
    secret = "hunter2-is-my-secret"
    incoming = Email(mailservers.config(support, password=secret))
    with pytest.raises(AuthError) as refused:
        await incoming.check()
    assert secret not in str(refused.value)
    async with submission(mailservers, implicit=True) as front:
        settings = {"smtp_security": "tls", "smtp_port": front.port, "smtp_sign_in": True, "smtp_password": secret}
        outgoing = Email(mailservers.config(support, **settings))
        with pytest.raises(AuthError) as refused_too:
            await outgoing.send(Reply(key="k", thread_id="t", text="x", recipient=support))
    assert secret not in str(refused_too.value)
    assert secret not in caplog.text


async def test_a_token_signs_in_and_is_fetched_anew_when_the_server_no_longer_takes_it(
    mailservers: MailServers, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    settings = {"refresh_token": support, "client_id": "parley", "client_secret": "client-secret", "token_url": mailservers.token_url}
    async with submission(mailservers, implicit=True) as front:
        outgoing = {"smtp_security": "tls", "smtp_port": front.port, "smtp_sign_in": True}
        connector = Email(mailservers.config(support, password=None, **settings, **outgoing))
        cursor = await up_to_date(connector)
        mailservers.tokens.clear()  # the provider withdraws what it handed out
        mailservers.put(support, letter(anna, support, Message_ID="<token@x.example>").as_bytes())
        async with aclosing(connector.stream(cursor)) as stream:
            [event] = await some(stream)
        mailservers.tokens.clear()
        await connector.send(answer(event, "with-token"))
        assert front.signed_in == [support]
    assert len(mailservers.wait_for(anna)) == 1
    assert len(mailservers.tokens) == 1
    assert all(token not in caplog.text for token in mailservers.tokens)
    assert "client-secret" not in caplog.text
    assert "XOAUTH2" not in caplog.text  # beside which the token stands, encoded


async def test_a_token_that_is_no_good_is_an_auth_error(mailservers: MailServers):
    support = mailservers.account("support")
    with pytest.raises(AuthError):
        await Email(mailservers.config(support, password=None, access_token="made-up")).check()
    withdrawn = mailservers.config(support, password=None, refresh_token="withdrawn", client_id="parley", token_url=mailservers.token_url)
    with pytest.raises(AuthError, match="invalid_grant"):
        await Email(withdrawn).check()


async def test_a_connection_that_died_without_a_word_is_noticed_and_nothing_is_lost(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    async with faulty(mailservers.imap_port) as fault:
        connector = Email(mailservers.config(support, imap_port=fault.port, renew=1, timeout=2))
        async with aclosing(connector.stream(None)) as stream:
            first = await asyncio.wait_for(anext(stream), 30)
            waiting = asyncio.ensure_future(some(stream))
            await asyncio.sleep(0.5)
            fault.flowing.clear()
            mailservers.put(support, letter(anna, support, Message_ID="<quiet@x.example>").as_bytes())
            with pytest.raises(Transient, match="does not answer"):
                await waiting
    async with aclosing(Email(mailservers.config(support)).stream(first.cursor)) as stream:
        assert [event.id for event in await some(stream)] == ["quiet@x.example"]


async def test_a_server_that_closes_the_connection_is_a_passing_failure(mailservers: MailServers):
    support = mailservers.account("support")
    async with faulty(mailservers.imap_port) as fault:
        connector = Email(mailservers.config(support, imap_port=fault.port))
        async with aclosing(connector.stream(None)) as stream:
            await asyncio.wait_for(anext(stream), 30)
            waiting = asyncio.ensure_future(some(stream))
            await asyncio.sleep(0.5)
            for task in fault.tasks:
                task.cancel()
            with pytest.raises(Transient):
                await asyncio.wait_for(waiting, 10)


async def test_a_connection_cut_after_the_last_line_is_ambiguous_because_the_mail_arrived(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    async with faulty(mailservers.smtp_port) as fault:
        fault.cut_after = b"\r\n.\r\n"
        connector = Email(mailservers.config(support, smtp_port=fault.port))
        reply = Reply(key="cut-after", thread_id="t", text="Did it arrive?", recipient=anna)
        with pytest.raises(Ambiguous):
            await connector.send(reply)
    [received] = mailservers.wait_for(anna)
    assert received["Message-ID"] == f"<{compose.message_id('cut-after', 'shop.example')}>"


@pytest.mark.parametrize(
    "moment",
    [
        b"EHLO",
        b"MAIL FROM",
        b"RCPT TO",
        b"DATA",
        b"Subject",  # in the middle of the mail
        b"\r\n.\r\n",  # everything but the last line is there
    ],
)
async def test_a_connection_cut_before_the_last_line_may_be_tried_again(mailservers: MailServers, moment: bytes):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    async with faulty(mailservers.smtp_port) as fault:
        fault.cut_instead_of = moment
        connector = Email(mailservers.config(support, smtp_port=fault.port))
        expected = Ambiguous if moment == b"\r\n.\r\n" else Transient  # the line was sent: that it got lost cannot be known here
        with pytest.raises(expected):
            await connector.send(Reply(key="cut-before", thread_id="t", text="Not yet\n" * 1_000_000, recipient=anna))
    assert mailservers.letters(anna) == []


async def test_a_recipient_that_the_server_refuses_stops_the_whole_mail(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support))
    envelope = Envelope(subject="Hi", to=(anna,), cc=("someone@not-relayed.example",))
    with pytest.raises(Permanent, match=r"someone@not-relayed\.example.*nothing was sent: 550"):
        await connector.send(Reply(key="refused", thread_id="t", text="x", envelope=envelope))
    await asyncio.sleep(0.5)
    assert mailservers.letters(anna) == []


async def test_a_sent_mail_is_found_again_by_its_key(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support, sent_folder="Sent"))
    reply = Reply(key="find-me", thread_id="t", text="Here", recipient=anna)
    with pytest.raises(Ambiguous):  # we copy sent mail ourselves: no copy proves nothing
        await connector.find_sent(reply)
    receipt = await connector.send(reply)
    await connector.aclose()
    mailservers.wait_for(support, 1, "Sent")
    found = await connector.find_sent(reply)
    assert found is not None
    assert found.message_id == receipt.message_id
    assert abs(found.accepted_at - receipt.accepted_at) < timedelta(seconds=30)


async def test_absence_is_certain_where_the_provider_keeps_every_sent_mail(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support, sent_folder="Sent", sent_copy="server", timeout=1))
    assert await connector.find_sent(Reply(key="never", thread_id="t", text="x", recipient=anna)) is None


async def test_our_own_copy_comes_back_as_an_echo_with_its_key(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    connector = Email(mailservers.config(support, sent_folder="Sent", poll=1))
    cursor = await up_to_date(connector)
    receipt = await connector.send(Reply(key="echo-key", thread_id="t", text="Hello", recipient=anna))
    await connector.aclose()
    async with aclosing(connector.stream(cursor)) as stream:
        [event] = await some(stream)
    assert (event.message_id, event.client_key, event.author.is_self) == (receipt.message_id, "echo-key", True)


def unseen(servers: MailServers, address: str) -> list[bytes]:
    with servers.signed_in(address) as client:
        client.select("INBOX", readonly=True)
        return client.search(None, "UNSEEN")[1]


async def test_reading_leaves_mail_unread_unless_asked_otherwise(mailservers: MailServers):
    anna = "anna@customer.example"
    for mark_seen, unread in ((False, b"1"), (True, b"")):
        support = mailservers.account("support")
        mailservers.put(support, letter(anna, support).as_bytes())
        connector = Email(mailservers.config(support, mark_seen=mark_seen, renew=1))
        async with aclosing(connector.stream(None)) as stream:
            await some(stream)
            assert unseen(mailservers, support) == [b"1"]  # fetched, but nobody said yet that it is stored
            following = asyncio.ensure_future(anext(stream))  # resumed: the batch is acknowledged
            await asyncio.sleep(0.5)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        assert unseen(mailservers, support) == [unread]


async def test_of_a_huge_mail_the_text_comes_in_and_says_that_its_end_did_not(mailservers: MailServers):
    support, anna = mailservers.account("support"), mailservers.account("anna", "customer.example")
    huge = letter(anna, support, text="The film is attached")
    huge.add_attachment(b"\x00" * 3_000_000, maintype="video", subtype="mp4", filename="film.mp4")
    mailservers.put(support, huge.as_bytes())
    connector = Email(mailservers.config(support, largest_mail=200_000))
    async with aclosing(connector.stream(None)) as stream:
        [event] = await some(stream)
    assert event.text.startswith("The film is attached\n\n[This mail has 4 MiB.")
    [file] = event.attachments
    assert (file.name, file.content) == ("film.mp4", None)


async def test_a_folder_name_in_any_language_is_read(mailservers: MailServers):
    support = mailservers.account("support")
    with mailservers.signed_in(support) as client:
        client.create('"Entw&APw-rfe & B&APw-ro"'.replace(" & ", " &- "))
        client.append('"Entw&APw-rfe &- B&APw-ro"', "", None, letter("anna@customer.example", support).as_bytes())  # type: ignore[arg-type]
    connector = Email(mailservers.config(support, folder="Entwürfe & Büro"))
    async with aclosing(connector.stream(None)) as stream:
        assert len(await some(stream)) == 1


async def test_parley_s_own_mail_is_handed_in(mailservers: MailServers):
    anna = mailservers.account("anna", "customer.example")
    url = f"smtp://127.0.0.1:{mailservers.smtp_port}"
    await mail.send(
        url, "Parley <inbox@shop.example>", anna, "You are invited", "Come in.", "<p>Come in.</p>", message_id="invite-1@shop.example"
    )
    [received] = mailservers.wait_for(anna)
    assert (received["From"], received["Auto-Submitted"]) == ("Parley <inbox@shop.example>", "auto-generated")
    assert received["Message-ID"] == "<invite-1@shop.example>"
    with pytest.raises(Permanent):
        await mail.send(url, "inbox@shop.example", "nobody@not-relayed.example", "Hi", "x", message_id="m@shop.example")
