"""What becomes of each kind of update."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.telegram.updates import Reader
from inbox.contract import ConversationKind, Event, EventKind
from tests.connectors.telegram.fake import ANNA, BOT, MORNING, OWNER, group_chat, message, private_chat
from tests.connectors.telegram.talk import CHANNEL, GROUP, POST, TALK, TOPIC
from tests.make import MONDAY


def reader() -> Reader:
    return Reader(bot_id="4711", name="shop_bot")


def read(kind: str, value: Any, update_id: int = 500) -> list[Event]:
    events, rejected = reader().read([{"update_id": update_id, kind: value}], MONDAY)
    assert rejected == []
    return events


def one(value: Any, kind: str = "message") -> Event:
    (event,) = read(kind, value)
    return event


def test_what_a_person_writes_to_the_bot_is_a_private_conversation():
    event = one(message(5, 12, "When do you open?"))
    assert (event.kind, event.id, event.message_id, event.thread_id) == (EventKind.MESSAGE, "message:12:5", "12:5", "12")
    assert (event.conversation_kind, event.post, event.text, event.html) == (ConversationKind.DIRECT, None, "When do you open?", None)
    assert event.at == datetime.fromtimestamp(MORNING + 5, UTC)
    assert event.author is not None
    assert (event.author.id, event.author.name, event.author.handle, event.author.is_self) == ("12", "Anna Ash", "anna_ash", False)


def test_the_same_number_in_two_chats_is_two_messages():
    ids = {one(message(5, chat, "Hi")).message_id for chat in (12, 13, GROUP)} | {
        one(message(5, 12, "Hi", business_connection_id="c1"), "business_message").message_id
    }
    assert ids == {"12:5", "13:5", "-1001234:5", "c1@12:5"}


def test_an_answer_names_the_message_that_it_answers():
    assert one(message(6, 12, "At nine?", reply_to_message=message(5, 12, "Hi"))).parent_id == "12:5"


def test_an_edit_is_a_new_event_about_the_old_message():
    first, second = (
        read("edited_message", message(5, 12, "When?", edit_date=MORNING + 60), update_id=update_id)[0] for update_id in (501, 502)
    )
    assert (first.kind, first.message_id, first.at) == (EventKind.EDIT, "12:5", datetime.fromtimestamp(MORNING + 60, UTC))
    assert first.id != second.id


def test_a_group_is_a_room_and_what_is_said_outside_of_topics_has_no_thread():
    event = one(message(5, group_chat(username="shop_talk"), "Hi all", reply_to_message=message(4, GROUP, "Hello"), message_thread_id=4))
    assert event.conversation_kind == ConversationKind.COMMENTS
    assert event.post is not None
    assert (event.post.id, event.post.title, event.post.url, event.post.is_room) == (
        str(GROUP),
        "Shop talk",
        "https://t.me/shop_talk",
        True,
    )
    assert (event.thread_id, event.parent_id, event.permalink) == ("", f"{GROUP}:4", "https://t.me/shop_talk/5")


def test_a_private_group_has_links_for_its_members():
    assert one(message(5, GROUP, "Hi all")).permalink == "https://t.me/c/1234/5"


def test_a_topic_is_a_thread_and_its_beginning_is_not_a_message_that_was_answered():
    event = one(message(8, GROUP, "My order?", message_thread_id=7, is_topic_message=True, reply_to_message=TOPIC))
    assert (event.thread_id, event.parent_id, event.permalink) == (f"{GROUP}/7", None, "https://t.me/c/1234/7/8")
    answer = message(9, GROUP, "Mine too", message_thread_id=7, is_topic_message=True, reply_to_message=message(8, GROUP, "My order?"))
    assert (one(answer).thread_id, one(answer).parent_id) == (f"{GROUP}/7", f"{GROUP}:8")


def test_a_comment_under_a_channels_post_shows_the_post_and_begins_a_thread():
    event = one(message(31, GROUP, "How much?", reply_to_message=POST, message_thread_id=30))
    assert (event.thread_id, event.parent_id, event.conversation_kind) == (f"{GROUP}:31", None, ConversationKind.COMMENTS)
    assert event.post is not None
    assert (event.post.id, event.post.title, event.post.text) == (f"{GROUP}:30", "Shop news: New mugs", "New mugs\nToday")
    assert (event.post.url, event.post.is_room) == ("https://t.me/shop_news/55", False)
    answer = one(message(32, GROUP, "Five", reply_to_message=message(31, GROUP, "How much?"), message_thread_id=30))
    assert answer.parent_id == f"{GROUP}:31"


def test_a_chat_with_a_channels_administrators_is_private():
    chat = group_chat(is_direct_messages=True, title="Shop news")
    event = one(message(5, chat, "Psst", direct_messages_topic={"topic_id": 99, "user": ANNA}))
    assert (event.conversation_kind, event.thread_id, event.post) == (ConversationKind.DIRECT, f"{GROUP}/dm99", None)


def test_who_speaks_as_a_group_or_a_channel_is_told_as_such():
    anonymous = one(message(5, GROUP, "Rules!", sender={"id": 1087968824, "first_name": "Group"}, sender_chat=group_chat())).author
    channel = one(message(6, GROUP, "Hi", sender={"id": 136817688, "first_name": "Channel"}, sender_chat=CHANNEL)).author
    assert anonymous is not None
    assert channel is not None
    assert (anonymous.id, anonymous.roles) == (str(GROUP), ("administrator",))
    assert (channel.id, channel.name, channel.roles) == ("-1009", "Shop news", ("channel",))


@pytest.mark.parametrize(
    ("text", "entity", "expected"),
    [
        ("😀 @Shop_Bot help", {"type": "mention", "offset": 3, "length": 9}, ("4711",)),  # an emoji is two units
        ("/help@shop_bot", {"type": "bot_command", "offset": 0, "length": 14}, ("4711",)),
        ("/help", {"type": "bot_command", "offset": 0, "length": 5}, ()),
        ("hi @bernd", {"type": "mention", "offset": 3, "length": 6}, ("@bernd",)),
        ("hi Bernd", {"type": "text_mention", "offset": 3, "length": 5, "user": {"id": 13, "first_name": "Bernd"}}, ("13",)),
    ],
)
def test_who_is_named_is_known(text: str, entity: dict[str, Any], expected: tuple[str, ...]):
    assert one(message(5, GROUP, text, entities=[entity])).mentions == expected


def test_a_customer_of_a_business_account_and_its_owner_share_a_conversation():
    customer = one(message(5, private_chat(), "When?", business_connection_id="c1"), "business_message")
    owner = one(message(6, private_chat(), "At nine.", sender=OWNER, business_connection_id="c1"), "business_message")
    assert customer.thread_id == owner.thread_id == "c1@12"
    assert customer.author is not None
    assert owner.author is not None
    assert (customer.author.is_self, owner.author.is_self, owner.author.id) == (False, True, "77")


def test_an_edit_and_a_deletion_in_a_business_account_are_told():
    edit = one(message(5, private_chat(), "When!", business_connection_id="c1", edit_date=MORNING + 9), "edited_business_message")
    assert (edit.kind, edit.message_id) == (EventKind.EDIT, "c1@12:5")
    gone = read("deleted_business_messages", {"business_connection_id": "c1", "chat": private_chat(), "message_ids": [5, 6]})
    assert [(event.kind, event.message_id, event.at) for event in gone] == [
        (EventKind.DELETE, "c1@12:5", MONDAY),
        (EventKind.DELETE, "c1@12:6", MONDAY),
    ]


def thumbs(*emoji: str) -> list[dict[str, str]]:
    return [{"type": "emoji", "emoji": one} for one in emoji]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ([], thumbs("👍"), "👍"),
        (thumbs("👍"), thumbs("👍", "❤"), "❤"),
        (thumbs("👍"), [], ""),
        ([], [{"type": "custom_emoji", "custom_emoji_id": "5"}], "⭐"),
        ([], [{"type": "paid"}], "⭐"),
    ],
)
def test_a_reaction_is_the_newest_one_and_nothing_takes_it_back(before: list[Any], after: list[Any], shown: str):
    given = {"chat": group_chat(), "message_id": 5, "date": MORNING, "user": ANNA, "old_reaction": before, "new_reaction": after}
    event = one(given, "message_reaction")
    assert (event.kind, event.message_id, event.text) == (EventKind.REACTION, f"{GROUP}:5", shown)


FILE = {"file_id": "F1", "file_unique_id": "u", "file_size": 1000}
MUG = {**FILE, "file_name": "mug.pdf", "mime_type": "application/pdf"}
MAP = "https://www.openstreetmap.org/?mlat=52.5&mlon=13.4"


@pytest.mark.parametrize(
    ("content", "text", "name", "media_type"),
    [
        ({"document": MUG, "caption": "My mug"}, "My mug", "mug.pdf", "application/pdf"),
        ({"photo": [{**FILE, "file_id": "F0"}, FILE]}, "", "photo.jpg", "image/jpeg"),  # the largest is the last
        ({"animation": FILE, "document": {**FILE, "file_id": "F2"}}, "", "animation.mp4", "video/mp4"),
        ({"voice": {**FILE, "duration": 75}}, "[Voice message, 1:15]", "voice.ogg", "audio/ogg"),
        ({"video_note": {**FILE, "duration": 5, "length": 240}}, "[Video message, 0:05]", "video.mp4", "video/mp4"),
        ({"sticker": {**FILE, "emoji": "👍"}}, "[Sticker 👍]", "sticker.webp", "image/webp"),
        ({"sticker": {**FILE, "is_animated": True}}, "[Sticker]", "sticker.tgs", "application/x-tgsticker"),
        ({"sticker": {**FILE, "is_video": True}}, "[Sticker]", "sticker.webm", "video/webm"),
    ],
)
def test_a_file_has_words_and_an_address_that_only_the_connector_can_fetch(content: dict[str, Any], text: str, name: str, media_type: str):
    event = one(message(5, 12, **content))
    (file,) = event.attachments
    assert (event.text, file.name, file.media_type, file.url, file.size) == (text, name, media_type, "telegram:F1", 1000)


def test_a_file_that_bots_may_not_fetch_is_told_without_an_address():
    (file,) = one(message(5, 12, document={**MUG, "file_size": 21 * 1024 * 1024})).attachments
    assert (file.name, file.url) == ("mug.pdf", None)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"location": {"latitude": 52.5, "longitude": 13.4}}, f"[Location] {MAP}"),
        (
            {"venue": {"location": {"latitude": 52.5, "longitude": 13.4}, "title": "Shop", "address": "Main St 1"}},
            f"[Place] Shop, Main St 1\n{MAP}",
        ),
        ({"contact": {"phone_number": "+49 30 1", "first_name": "Bernd"}}, "[Contact] Bernd, +49 30 1"),
        ({"dice": {"emoji": "🎲", "value": 6}}, "🎲 6"),
        ({"poll": {"id": "1", "question": "Which?", "options": [{"text": "Red"}, {"text": "Blue"}]}}, "[Poll] Which?\n– Red\n– Blue"),
        ({"something_new": {"a": 1}}, "[This kind of message cannot be shown here: look at it in Telegram.]"),
        (
            {"text": "Look", "forward_origin": {"type": "hidden_user", "sender_user_name": "Carla", "date": MORNING}},
            "Forwarded from Carla:\nLook",
        ),
    ],
)
def test_what_is_no_text_is_told_in_words(content: dict[str, Any], text: str):
    assert one(message(5, 12, **content)).text == text


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("message", message(5, GROUP, new_chat_members=[ANNA]), "service message"),
        ("message", message(5, GROUP, migrate_to_chat_id=-1005), "service message"),
        ("message", TOPIC, "service message"),
        ("message", POST, "a channel's post in its group: shown above its comments"),
        ("edited_message", POST | {"edit_date": MORNING}, "a channel's post in its group: shown above its comments"),
        ("my_chat_member", {"chat": private_chat()}, "update my_chat_member"),
        ("business_connection", {"id": "c1"}, "update business_connection"),
        ("chat_boost", {"a": 1}, "update chat_boost"),
        ("something_new", {"a": 1}, "update something_new"),
    ],
)
def test_what_nobody_said_is_left_out_and_counted(kind: str, value: Any, reason: str):
    found = reader()
    assert found.read([{"update_id": 1, kind: value}], MONDAY) == ([], [])
    assert found.ignored == {reason: 1}


def test_further_files_of_an_album_of_ours_do_not_come_back_as_a_colleagues_words():
    echo = message(6, private_chat(), sender=OWNER, business_connection_id="c1", sender_business_bot=BOT, media_group_id="1", document=MUG)
    assert read("business_message", echo) == []
    assert len(read("business_message", echo | {"caption": "The files"})) == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"update_id": 2, "message": {"message_id": "five"}},
        {"update_id": 2, "message": message(5, 12, "Hi") | {"date": 10**18}},
        {"update_id": "x", "message": message(5, 12, "Hi")},
        {"update_id": 2, "message": "Hi"},
        {"update_id": 2, "message": message(5, 12, "Hi", entities=[{"type": 5}])},
        "nonsense",
        None,
        [],
    ],
)
def test_what_cannot_be_read_is_kept_and_its_neighbours_come_in(bad: Any):
    good = [{"update_id": number, "message": message(number, 12, "Hi")} for number in (1, 3)]
    events, rejected = reader().read([good[0], bad, good[1]], MONDAY)
    assert [event.message_id for event in events] == ["12:1", "12:3"]
    assert [json.loads(one.raw) for one in rejected] == [bad]
    assert "Hi" not in rejected[0].reason


def test_why_an_update_cannot_be_read_names_the_field():
    _, (rejected,) = reader().read([{"update_id": 2, "message": {"message_id": "five"}}], MONDAY)
    assert rejected.reason.startswith("message.message_id: ")


def test_everything_that_telegram_tells_is_taken_in_or_left_out_on_purpose():
    found = reader()
    for number, (kind, value, text) in enumerate(TALK):
        events, rejected = found.read([{"update_id": number, kind: value}], MONDAY)
        assert ([event.text for event in events], rejected) == ([] if text is None else [text], []), value
    assert sum(found.ignored.values()) == sum(text is None for _, _, text in TALK)
