"""What a Page's notifications become."""

from datetime import timedelta
from typing import Any

import pytest

from connectors.facebook import Facebook
from inbox.contract import ConversationKind, Event, EventKind
from tests.connectors.facebook.fake import ANNA, BERND, OURS, PAGE, change, chat, commented, notification
from tests.connectors.meta.fake import MORNING, config, pushed

LATER = MORNING + timedelta(minutes=5)
POST = f"{PAGE}_55"


@pytest.fixture(scope="module")
def facebook() -> Facebook:
    return Facebook(Facebook.Config.model_validate(config("http://127.0.0.1:9", page_id=PAGE)))


def read(facebook: Facebook, *entries: Any) -> list[Event]:
    _, batches = facebook.webhook(pushed(notification(*entries)))
    assert not batches[""].rejected
    return list(batches[""].events)


def passed(facebook: Facebook, *entries: Any) -> dict[str, int]:
    _, batches = facebook.webhook(pushed(notification(*entries)))
    assert not batches[""].rejected
    assert not batches[""].events
    return dict(batches[""].passed_over)


def test_a_comment_stands_under_its_post(facebook: Facebook):
    (event,) = read(facebook, change(commented("55_7", "When?", photo="https://scontent.example/mug.jpg?x=1")))
    assert (event.id, event.kind, event.message_id, event.thread_id, event.parent_id) == (
        "message:55_7",
        EventKind.MESSAGE,
        "55_7",
        "55_7",
        None,
    )
    assert (event.text, event.at, event.conversation_kind) == ("When?", MORNING, ConversationKind.COMMENTS)
    assert event.author is not None
    assert (event.author.id, event.author.name, event.author.is_self) == ("12", "Anna Ash", False)
    assert event.post is not None
    assert (event.post.id, event.post.url) == (POST, f"https://www.facebook.com/{POST}")
    assert [(file.name, file.media_type) for file in event.attachments] == [("mug.jpg", "image/jpeg")]
    assert event.permalink == "https://www.facebook.com/55_7"


def test_an_answer_joins_the_comment_that_it_answers(facebook: Facebook):
    (event,) = read(facebook, change(commented("55_8", "Me too", by=BERND, parent="55_7")))
    assert (event.thread_id, event.parent_id) == ("55_7", "55_7")


def test_what_the_page_itself_answers_is_ours(facebook: Facebook):
    (event,) = read(facebook, change(commented("55_9", "At nine.", by=OURS, parent="55_7")))
    assert event.author is not None
    assert event.author.is_self


def test_a_comment_on_an_ad_or_a_dark_post_is_a_comment(facebook: Facebook):
    dark = {"status_type": "added_video", "is_published": False, "promotion_status": "extendable", "id": POST}
    (event,) = read(facebook, change(commented("55_7", "How much?", post=dark)))
    assert event.post is not None
    assert (event.text, event.post.id) == ("How much?", POST)


@pytest.mark.parametrize(
    ("verb", "kind", "text"),
    [
        ("edited", EventKind.EDIT, "When, please?"),
        ("remove", EventKind.DELETE, ""),
        ("hide", EventKind.MODERATION, "hide"),
        ("unhide", EventKind.MODERATION, "unhide"),
    ],
)
def test_a_comment_is_edited_removed_hidden_and_shown_again(facebook: Facebook, verb: str, kind: EventKind, text: str):
    (event,) = read(facebook, change(commented("55_7", "When, please?", verb=verb), at=LATER))
    assert (event.kind, event.message_id, event.text, event.at) == (kind, "55_7", text, LATER)


def test_two_edits_are_two_events(facebook: Facebook):
    first, second = read(
        facebook, change(commented("55_7", "a", verb="edited"), at=MORNING), change(commented("55_7", "b", verb="edited"), at=LATER)
    )
    assert first.id != second.id


@pytest.mark.parametrize(
    ("kind", "verb", "text"), [("like", "add", "👍"), ("love", "add", "❤️"), ("care", "edit", "🥰"), ("like", "remove", "")]
)
def test_a_reaction_to_a_comment_is_shown(facebook: Facebook, kind: str, verb: str, text: str):
    value = {"from": ANNA, "item": "reaction", "reaction_type": kind, "verb": verb, "comment_id": "55_7", "post_id": POST}
    (event,) = read(facebook, change(value | {"parent_id": POST, "created_time": 1772438400}))
    assert (event.kind, event.message_id, event.text) == (EventKind.REACTION, "55_7", text)


def test_what_a_visitor_posts_is_a_conversation_with_all_its_comments(facebook: Facebook):
    value = {"item": "status", "verb": "add", "post_id": f"{PAGE}_77", "from": ANNA, "message": "Where is my order?"}
    wall = {"status_type": "wall_post", "id": f"{PAGE}_77"}
    root, ours, theirs = read(
        facebook,
        change(value),
        change(commented("77_1", "On its way", by=OURS, parent=f"{PAGE}_77", post_id=f"{PAGE}_77", post=wall)),
        change(commented("77_2", "Thanks", parent="77_1", post_id=f"{PAGE}_77", post=wall)),
    )
    assert (root.message_id, root.thread_id, root.post) == (f"{PAGE}_77", f"{PAGE}_77", None)
    assert (ours.thread_id, ours.parent_id, ours.post) == (f"{PAGE}_77", f"{PAGE}_77", None)
    assert (theirs.thread_id, theirs.parent_id) == (f"{PAGE}_77", "77_1")


def test_a_mention_elsewhere_is_a_message_that_names_us(facebook: Facebook):
    value = {"item": "post", "verb": "add", "post_id": "88_99", "sender_id": 12, "sender_name": "Anna Ash", "message": "Ask @shop"}
    (event,) = read(facebook, change(value | {"created_time": 1772438400}, field="mention"))
    assert (event.message_id, event.mentions, event.text) == ("88_99", (PAGE,), "Ask @shop")
    (event,) = read(facebook, change(value | {"item": "comment", "comment_id": "99_1"}, field="mention"))
    assert (event.message_id, event.thread_id) == ("99_1", "99_1")


def test_somebody_without_a_name_is_nobody_else(facebook: Facebook):
    first, second = read(facebook, change(commented("55_7", "a", **{"from": None})), change(commented("55_8", "b", **{"from": None})))
    assert first.author is not None
    assert second.author is not None
    assert first.author.id != second.author.id


def test_what_is_no_conversation_is_counted(facebook: Facebook):
    ours = {"item": "photo", "verb": "add", "post_id": POST, "from": OURS, "link": "https://scontent.example/a.jpg"}
    liked = {"item": "reaction", "verb": "add", "reaction_type": "like", "post_id": POST, "from": ANNA}
    assert passed(facebook, change(ours), change(liked), change(commented("55_7", "", verb="mute"))) == {
        "a post of the Page": 1,
        "a reaction to a post": 1,
        "comment mute": 1,
    }


def test_a_message_in_messenger(facebook: Facebook):
    picture = {"type": "image", "payload": {"url": "https://scontent.example/v/mug.png?oh=1"}}
    (event,) = read(facebook, chat({"message": {"mid": "m1", "text": "When?", "attachments": [picture], "reply_to": {"mid": "m0"}}}))
    assert (event.id, event.message_id, event.thread_id, event.parent_id, event.at) == ("message:m1", "m1", "dm:12", "m0", MORNING)
    assert (event.text, event.conversation_kind) == ("When?", ConversationKind.DIRECT)
    assert [(file.name, file.media_type, file.url) for file in event.attachments] == [("mug.png", "image/png", picture["payload"]["url"])]


def test_an_echo_brings_our_key_and_a_colleagues_answer_brings_none(facebook: Facebook):
    ours, native = read(
        facebook,
        chat({"message": {"mid": "m2", "text": "At nine.", "is_echo": True, "metadata": "our-key"}}, by=PAGE, to="12"),
        chat({"message": {"mid": "m3", "text": "Or ten.", "is_echo": True}}, by=PAGE, to="12"),
    )
    assert (ours.client_key, native.client_key) == ("our-key", None)
    assert ours.author is not None
    assert (ours.author.is_self, ours.thread_id) == (True, "dm:12")
    further = chat({"message": {"mid": "m4", "is_echo": True, "metadata": "our-key#0"}}, by=PAGE, to="12")
    assert passed(facebook, further) == {"a further file of a reply of ours": 1}


@pytest.mark.parametrize(
    ("content", "kind", "message_id", "text"),
    [
        ({"message_edit": {"mid": "m1", "text": "When, please?", "num_edit": "1"}}, EventKind.EDIT, "m1", "When, please?"),
        ({"reaction": {"mid": "m1", "action": "react", "emoji": "😮", "reaction": "wow"}}, EventKind.REACTION, "m1", "😮"),
        ({"reaction": {"mid": "m1", "action": "unreact"}}, EventKind.REACTION, "m1", ""),
        ({"read": {"watermark": 1772438300000}}, EventKind.READ, "", ""),
        ({"delivery": {"mids": ["m9"], "watermark": 1772438300000}}, EventKind.DELIVERY, "m9", "delivered"),
        ({"postback": {"mid": "m5", "title": "Get started", "payload": "START"}}, EventKind.MESSAGE, "m5", "Get started"),
        ({"message": {"mid": "m6", "quick_reply": {"payload": "RED"}, "text": "Red"}}, EventKind.MESSAGE, "m6", "Red"),
    ],
)
def test_what_else_happens_in_a_chat(facebook: Facebook, content: Any, kind: EventKind, message_id: str, text: str):
    (event,) = read(facebook, chat(content))
    assert (event.kind, event.message_id, event.text, event.thread_id) == (kind, message_id, text, "dm:12")
    if kind is EventKind.READ:
        assert event.at == MORNING - timedelta(seconds=100)


@pytest.mark.parametrize(
    ("attachment", "text"),
    [
        ({"type": "fallback", "title": "A shop", "url": "https://shop.example/"}, "A shop https://shop.example/"),
        ({"type": "location", "payload": {"coordinates": {"lat": 52.5, "long": 13.4}}}, "[Location] https://www.openstreetmap.org/"),
        ({"type": "template", "payload": {"text": "Choose", "elements": [{"title": "Red"}, {"title": "Blue"}]}}, "Choose Red Blue"),
        ({"type": "reel", "payload": {"url": "https://www.facebook.com/reel/1", "title": "Mugs"}}, "[Shared a reel] Mugs https"),
        ({"type": "something_new", "payload": {}}, "[This kind of message cannot be shown here: look at it in Messenger.]"),
        ({"type": "image", "payload": None}, "[This kind of message cannot be shown here"),
    ],
)
def test_what_is_no_file_is_told_in_words(facebook: Facebook, attachment: Any, text: str):
    (event,) = read(facebook, chat({"message": {"mid": "m1", "attachments": [attachment]}}))
    assert event.text.startswith(text)


def test_what_another_app_answers_is_read_on_standby(facebook: Facebook):
    (event,) = read(facebook, chat({"message": {"mid": "m1", "text": "When?"}}, box="standby"))
    assert event.text == "When?"


def test_what_means_nothing_in_a_chat_is_counted(facebook: Facebook):
    assert passed(facebook, chat({"referral": {"ref": "x"}}), chat({"optin": {}}), chat({"message": {"mid": "m"}}, by="")) == {
        "messaging referral": 1,
        "messaging optin": 1,
        "a message of nobody": 1,
    }
