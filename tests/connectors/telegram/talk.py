"""One update of every kind, whole as the documents want it: an independent client reads them too (tests/servers)."""

from typing import Any

from tests.connectors.telegram.fake import ANNA, BOT, MORNING, OWNER, group_chat, message, private_chat

GROUP = -1001234
BERND = {"id": 13, "is_bot": False, "first_name": "Bernd"}
CHANNEL = {"id": -1009, "type": "channel", "title": "Shop news", "username": "shop_news"}
ORIGIN = {"type": "channel", "chat": CHANNEL, "message_id": 55, "date": MORNING}
POST = message(
    30,
    GROUP,
    "New mugs\nToday",
    sender={"id": 777000, "is_bot": False, "first_name": "Telegram"},
    **{"sender_chat": CHANNEL, "is_automatic_forward": True, "forward_origin": ORIGIN},
)
TOPIC = message(7, GROUP, sender=BOT, forum_topic_created={"name": "Orders", "icon_color": 7322096}, message_thread_id=7)
FILE = {"file_id": "F1", "file_unique_id": "u", "file_size": 1000}
FRAME = {"width": 90, "height": 60}
BUSINESS = {"business_connection_id": "c1"}
MEMBER = {"status": "member", "user": BOT}
RIGHTS = {"status": "kicked", "user": BOT, "until_date": 0}
MENTION, BOLD = {"type": "mention", "offset": 3, "length": 9}, {"type": "bold", "offset": 13, "length": 4}
PLACE = {"latitude": 52.5, "longitude": 13.4}
POLL = {
    **{"id": "1", "question": "Which?", "total_voter_count": 0, "is_closed": False, "is_anonymous": True, "type": "regular"},
    **{"allows_multiple_answers": False, "allows_revoting": True, "members_only": False},
    "options": [{"text": "Red", "voter_count": 0, "persistent_id": "a"}, {"text": "Blue", "voter_count": 0, "persistent_id": "b"}],
}
STICKER = {**FILE, **FRAME, "type": "regular", "is_animated": False, "is_video": False, "emoji": "👍"}

# the update's kind, its content, and the text that we show; None: left out on purpose
TALK: tuple[tuple[str, Any, str | None], ...] = (
    ("message", message(1, 12, "When do you open?"), "When do you open?"),
    ("message", message(2, GROUP, "😀 @shop_bot bold", entities=[MENTION, BOLD]), "😀 @shop_bot bold"),
    ("message", message(3, 12, "This one", reply_to_message=message(1, 12, "When do you open?")), "This one"),
    ("message", message(8, GROUP, "My order?", message_thread_id=7, is_topic_message=True, reply_to_message=TOPIC), "My order?"),
    ("message", TOPIC, None),
    ("message", POST, None),
    ("message", message(31, GROUP, "How much?", reply_to_message=POST, message_thread_id=30), "How much?"),
    ("message", message(9, GROUP, new_chat_members=[BERND]), None),
    ("message", message(10, -77, migrate_to_chat_id=-10077), None),
    ("message", message(11, 12, caption="My mug", photo=[{**FILE, **FRAME}, {**FILE, "width": 900, "height": 600}]), "My mug"),
    ("message", message(12, 12, document={**FILE, "file_name": "mug.pdf", "mime_type": "application/pdf"}), ""),
    ("message", message(13, 12, voice={**FILE, "duration": 75}), "[Voice message, 1:15]"),
    ("message", message(14, 12, video_note={**FILE, "length": 240, "duration": 5}), "[Video message, 0:05]"),
    ("message", message(15, 12, sticker=STICKER), "[Sticker 👍]"),
    ("message", message(16, 12, location=PLACE), "[Location] https://www.openstreetmap.org/?mlat=52.5&mlon=13.4"),
    ("message", message(17, 12, contact={"phone_number": "+49 30 1", "first_name": "Bernd"}), "[Contact] Bernd, +49 30 1"),
    ("message", message(18, 12, dice={"emoji": "🎲", "value": 6}), "🎲 6"),
    ("message", message(19, 12, poll=POLL), "[Poll] Which?\n– Red\n– Blue"),
    (
        "message",
        message(20, 12, "Look", forward_origin={"type": "hidden_user", "sender_user_name": "Carla", "date": MORNING}),
        "Forwarded from Carla:\nLook",
    ),
    ("message", message(21, group_chat(is_direct_messages=True), "Psst", direct_messages_topic={"topic_id": 99, "user": ANNA}), "Psst"),
    ("edited_message", message(1, 12, "When, please?", edit_date=MORNING + 60), "When, please?"),
    (
        "message_reaction",
        {
            **{"chat": group_chat(), "message_id": 2, "date": MORNING + 61, "user": ANNA},
            **{"old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": "👍"}]},
        },
        "👍",
    ),
    ("business_connection", {"id": "c1", "user": OWNER, "user_chat_id": 77, "date": MORNING, "is_enabled": True}, None),
    ("business_message", message(40, private_chat(), "Is it there?", **BUSINESS), "Is it there?"),
    ("business_message", message(41, private_chat(), "Yes.", sender=OWNER, **BUSINESS), "Yes."),
    ("edited_business_message", message(40, private_chat(), "Is it?", edit_date=MORNING + 90, **BUSINESS), "Is it?"),
    ("deleted_business_messages", {**BUSINESS, "chat": private_chat(), "message_ids": [40]}, ""),
    (
        "my_chat_member",
        {"chat": private_chat(), "from": ANNA, "date": MORNING, "old_chat_member": MEMBER, "new_chat_member": RIGHTS},
        None,
    ),
)
