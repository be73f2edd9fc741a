"""Statuses as events."""

from typing import Any

import pytest

from connectors.mastodon import markup, parse
from connectors.mastodon.shapes import Account, Notification, Status
from connectors.mastodon.threads import Thread, hang
from inbox.contract import Event
from tests.connectors.mastodon.fake import ANNA, BERND, MORNING, US, Mastodon, stamp

ME = Account.model_validate(US)


def event(**more: Any) -> Event:
    status = Status.model_validate(Mastodon().add(ANNA, "When?", to=[US], **more))
    return parse.message(status, Thread(status.id), ME)


def test_a_warning_stands_in_front_and_choices_stand_behind():
    poll = {"id": "1", "options": [{"title": "rye", "votes_count": 2}, {"title": "wheat", "votes_count": None}], "expired": False}
    read = event(spoiler_text="Bread", poll=poll)
    assert read.text == "⚠ Bread\n\nWhen?\n\n○ rye\n○ wheat"
    assert read.html is None  # which would not say the choices
    assert (event(spoiler_text="<b>").html or "").startswith("<p>⚠ &lt;b&gt;</p><p>")


@pytest.mark.parametrize("language", ["de", "pt-BR", None])
def test_a_status_says_its_language(language: str | None):
    assert event(language=language).language == language


def test_a_file_is_named_after_its_description():
    url = "https://files.mastodon.example/1/original/e96382f26c72a29c.jpeg"
    media = {"id": "1", "type": "image", "url": url, "remote_url": None}
    described, plain, remote = event(
        media_attachments=[
            media | {"description": "A loaf, half/whole"},
            media | {"description": None},
            media | {"type": "gifv", "url": None, "remote_url": "https://far.example/media/7"},
        ]
    ).attachments
    assert (described.name, described.media_type, described.url) == ("A loaf, half whole.jpeg", "image/jpeg", url)
    assert plain.name == "e96382f26c72a29c.jpeg"
    assert (remote.name, remote.media_type) == ("7", "video/mp4")


def test_a_quote_of_our_post_hangs_on_it():
    server = Mastodon()
    ours = server.add(US, "Bread")
    quoting = Status.model_validate(server.add(ANNA, "Good", quote={"state": "accepted", "quoted_status": ours}))
    thread = hang([], quoting, ME)
    assert thread.post is not None
    assert (thread.id, thread.post.id) == (quoting.id, ours["id"])


def test_servers_that_leave_things_out_are_read_too():
    bare = {"id": 9, "created_at": stamp(MORNING), "account": {"id": 4, "acct": "anna"}, "content": "Hi", "mentions": None}
    read = parse.message(Status.model_validate(bare), Thread("9"), ME)
    assert (read.message_id, read.text, read.author and read.author.name) == ("9", "Hi", "anna")


def test_a_reaction_with_an_emoji_is_that_emoji():
    answer = Mastodon().add(US, "At nine.", answering={"id": "1", "account": ANNA})
    told = {"id": "7", "type": "pleroma:emoji_reaction", "emoji": "🥐", "created_at": stamp(MORNING), "account": BERND, "status": answer}
    assert parse.reaction(Notification.model_validate(told), ME).text == "🥐"


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>One<br />two</p><p>three</p>", "One\ntwo\n\nthree"),
        (
            '<p>See <a href="https://shop.example/a/long/way"><span class="invisible">https://</span>'
            '<span class="ellipsis">shop.example/a/</span><span class="invisible">long/way</span></a></p>',
            "See https://shop.example/a/long/way",
        ),
        ("<ul><li>rye</li><li>wheat</li></ul>", "• rye\n• wheat"),
        ("<pre>a  b\n c</pre>", "a  b\n c"),
        ("a  \n b", "a b"),
        ("<script>alert(1)</script>Hi &lt;b&gt;&amp;amp;", "Hi <b>&amp;"),
        ("no end <p", "no end"),
        ("", ""),
    ],
)
def test_markup_is_read_as_a_reader_sees_it(html: str, words: str):
    assert markup.words(html) == words


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("@shop When?", "When?"),
        ("@Shop@mastodon.example When?", "When?"),
        ("@shopper When?", "@shopper When?"),
        ("@shop", "@shop"),
        ("Hi @shop", "Hi @shop"),
    ],
)
def test_our_name_in_front_is_not_shown(text: str, left: str):
    assert markup.without(text, "shop") == left
