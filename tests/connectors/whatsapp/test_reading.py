"""What a number's notifications become."""

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.whatsapp import WhatsApp
from inbox.contract import Event, EventKind
from tests.connectors.meta.fake import MORNING, config, pushed
from tests.connectors.whatsapp.fake import ANNA, BUSINESS, NUMBER, SHOWN, change, contact, message, notification, said, status

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "whatsapp"
UNKNOWN = "[This kind of message cannot be shown here: look at it in WhatsApp.]"


@pytest.fixture(scope="module")
def whatsapp() -> WhatsApp:
    return WhatsApp(WhatsApp.Config.model_validate(config("http://127.0.0.1:9", phone_number_id=NUMBER, business_account_id=BUSINESS)))


def read(whatsapp: WhatsApp, *changes: Any) -> list[Event]:
    _, batches = whatsapp.webhook(pushed(notification(*changes)))
    assert not batches[""].rejected
    return list(batches[""].events)


def passed(whatsapp: WhatsApp, *changes: Any) -> dict[str, int]:
    _, batches = whatsapp.webhook(pushed(notification(*changes)))
    assert not batches[""].rejected
    assert not batches[""].events
    return dict(batches[""].passed_over)


def test_a_message_comes_in_with_who_wrote_it(whatsapp: WhatsApp):
    (event,) = read(whatsapp, said("When?", context={"from": SHOWN, "id": "wamid.0"}))
    assert (event.id, event.message_id, event.thread_id, event.parent_id, event.at) == (
        "message:wamid.1",
        "wamid.1",
        ANNA,
        "wamid.0",
        MORNING,
    )
    assert event.author is not None
    assert (event.text, event.author.id, event.author.name, event.author.handle) == ("When?", ANNA, "Anna Ash", f"+{ANNA}")


def test_somebody_whose_number_is_not_told_is_known_by_their_id(whatsapp: WhatsApp):
    person = {"profile": {"name": "Anna", "username": "anna.ash"}, "user_id": "US.13491208655302741918"}
    nameless = message("wamid.1", content={"body": "Hi"}, from_user_id="US.13491208655302741918")
    del nameless["from"]
    (event,) = read(whatsapp, change(contacts=[person], messages=[nameless]))
    assert event.author is not None
    assert (event.thread_id, event.author.name, event.author.handle) == ("US.13491208655302741918", "Anna", "anna.ash")


@pytest.mark.parametrize(
    ("kind", "content", "text", "file"),
    [
        ("image", {"id": "5", "mime_type": "image/jpeg", "caption": "This one"}, "This one", ("image.jpg", "image/jpeg")),
        ("video", {"id": "5", "mime_type": "video/mp4"}, "", ("video.mp4", "video/mp4")),
        ("document", {"id": "5", "mime_type": "application/pdf", "filename": "bill.pdf"}, "", ("bill.pdf", "application/pdf")),
        ("audio", {"id": "5", "mime_type": "audio/ogg; codecs=opus", "voice": True}, "[Voice message]", ("audio.oga", "audio/ogg")),
        ("sticker", {"id": "5", "mime_type": "image/webp", "animated": True}, "[Sticker]", ("sticker.webp", "image/webp")),
    ],
)
def test_a_file_is_fetched_with_the_token(whatsapp: WhatsApp, kind: str, content: Any, text: str, file: tuple[str, str]):
    (event,) = read(whatsapp, change(contacts=[contact()], messages=[message("wamid.1", kind, content)]))
    (found,) = event.attachments
    assert found.url == "whatsapp:5"
    assert (event.text, found.media_type) == (text, file[1])
    assert found.name.partition(".")[0] == file[0].partition(".")[0]


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        (
            "location",
            {"latitude": 37.46, "longitude": -122.21, "name": "Here"},
            "[Location] Here\nhttps://www.openstreetmap.org/?mlat=37.46",
        ),
        ("contacts", [{"name": {"formatted_name": "Bernd"}, "phones": [{"phone": "+1 555"}]}], "[Contact] Bernd, +1 555"),
        ("order", {"product_items": [{"product_retailer_id": "MUG", "quantity": 2, "item_price": 7}]}, "[Order]\n– 2 × MUG, 7"),
        ("button", {"text": "Yes", "payload": "YES"}, "Yes"),
        ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Red"}}, "Red"),
        ("interactive", {"type": "list_reply", "list_reply": {"id": "1", "title": "Red", "description": "Dark"}}, "Red\nDark"),
        ("interactive", {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{}"}}, "[Form] Sent"),
        ("unsupported", None, UNKNOWN),
        ("poll_of_the_future", {"x": 1}, UNKNOWN),
    ],
)
def test_what_is_no_text_is_told_in_words(whatsapp: WhatsApp, kind: str, content: Any, text: str):
    (event,) = read(whatsapp, change(contacts=[contact()], messages=[message("wamid.1", kind, content)]))
    assert event.text.startswith(text)


def test_a_message_is_edited_taken_back_and_reacted_to(whatsapp: WhatsApp):
    edit = {"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "When, please?"}}}
    edited, deleted, liked, unliked = read(
        whatsapp,
        change(messages=[message("wamid.1", "edit", edit)]),
        change(messages=[message("wamid.2", "revoke", {"original_message_id": "wamid.0"})]),
        change(messages=[message("wamid.3", "reaction", {"message_id": "wamid.0", "emoji": "😮"})]),
        change(messages=[message("wamid.4", "reaction", {"message_id": "wamid.0"})]),
    )
    assert (edited.kind, edited.message_id, edited.text) == (EventKind.EDIT, "wamid.0", "When, please?")
    assert (deleted.kind, deleted.message_id) == (EventKind.DELETE, "wamid.0")
    assert [(one.kind, one.message_id, one.text) for one in (liked, unliked)] == [
        (EventKind.REACTION, "wamid.0", "😮"),
        (EventKind.REACTION, "wamid.0", ""),
    ]


def test_what_became_of_a_message_of_ours(whatsapp: WhatsApp):
    fault = {"code": 131049, "title": "Not delivered", "error_data": {"details": "To keep the ecosystem healthy."}}
    delivered, read_, failed, closed = read(
        whatsapp,
        status("wamid.9", "delivered"),
        status("wamid.9", "read"),
        status("wamid.8", "failed", errors=[fault]),
        status("wamid.7", "failed", errors=[{"code": 131047, "title": "Re-engagement message"}]),
    )
    assert (delivered.kind, delivered.message_id, delivered.text) == (EventKind.DELIVERY, "wamid.9", "delivered")
    assert read_.author is not None
    assert (read_.kind, read_.thread_id, read_.author.id, read_.at) == (EventKind.READ, ANNA, ANNA, MORNING)
    assert (failed.kind, "ecosystem" in failed.text) == (EventKind.DELIVERY, True)
    assert "24 hours" in closed.text


def test_that_ours_arrived_is_an_echo_with_our_key_and_another_programs_is_none(whatsapp: WhatsApp):
    (echo,) = read(whatsapp, status("wamid.9", "sent", biz_opaque_callback_data="parley:our-key"))
    assert echo.author is not None
    assert (echo.kind, echo.message_id, echo.client_key, echo.author.is_self) == (EventKind.MESSAGE, "wamid.9", "our-key", True)
    assert passed(whatsapp, status("wamid.9", "sent"), status("wamid.9", "sent", biz_opaque_callback_data="our-key")) == {"status sent": 2}


def test_what_colleagues_write_in_the_business_app_is_ours(whatsapp: WhatsApp):
    (echo,) = read(
        whatsapp, change("smb_message_echoes", message_echoes=[message("wamid.5", content={"body": "At nine."}, by=SHOWN, to=ANNA)])
    )
    assert echo.author is not None
    assert (echo.text, echo.thread_id, echo.author.is_self) == ("At nine.", ANNA, True)


def test_an_ad_is_what_the_conversation_hangs_on(whatsapp: WhatsApp):
    ad = {
        "source_url": "https://fb.me/1",
        "source_id": "77",
        "source_type": "ad",
        "headline": "Mugs",
        "body": "All new",
        "image_url": "https://x/1",
    }
    (event,) = read(whatsapp, said("How much?", referral=ad))
    assert event.post is not None
    assert (event.post.id, event.post.title, event.post.text, event.post.media) == ("ad:77", "Mugs", "All new", ("https://x/1",))


def test_what_was_passed_on_says_so(whatsapp: WhatsApp):
    (event,) = read(whatsapp, said("A joke", context={"frequently_forwarded": True}))
    assert event.text == "Forwarded:\nA joke"


def test_one_address_serves_all_numbers_of_the_app(whatsapp: WhatsApp):
    theirs = change(number="2002", contacts=[contact()], messages=[message("wamid.2", content={"body": "Theirs"})])
    _, batches = whatsapp.webhook(pushed(notification(said("Mine"), theirs)))
    assert {account: [event.text for event in batch.events] for account, batch in batches.items()} == {"": ["Mine"], "2002": ["Theirs"]}


def test_one_bad_message_of_a_change_takes_no_other_along(whatsapp: WhatsApp):
    messages = [message("wamid.1", content={"body": "One"}), {"type": "text"}, "nonsense", message("wamid.3", content={"body": "Three"})]
    told = change(contacts=[contact()], messages=messages, statuses=[{"status": "read"}])
    _, batches = whatsapp.webhook(pushed(notification(told)))
    batch = batches[""]
    assert [event.text for event in batch.events] == ["One", "Three"]
    assert len(batch.rejected) == 3
    for rejected in batch.rejected:
        assert len(whatsapp.reread(rejected.raw, MORNING).rejected) == 1


def test_what_means_nothing_here_is_counted(whatsapp: WhatsApp):
    about_us = {"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}}
    system = {"body": "Anna changed from A to B", "wa_id": "1", "type": "user_changed_number"}
    assert passed(
        whatsapp, about_us, change(messages=[message("wamid.1", "system", system)]), change("history", history=[]), change(messages=[])
    ) == {
        "changes of account_update": 1,
        "message system": 1,
        "changes of history": 1,
        "a change without a message": 1,
    }


TAKEN = {"message.json", "edited_message.json", "outgoing_message.json", "callback_selection.json", "call_permission_update.json"}


@pytest.mark.skipif(not SAMPLES.exists(), reason="no samples here")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_is_taken_in_or_passed_over_with_a_reason(whatsapp: WhatsApp, path: Path):
    for told in json.loads(path.read_text()).values():
        _, batches = whatsapp.webhook(pushed(told))
        events = [event for batch in batches.values() for event in batch.events]
        reasons = [reason for batch in batches.values() for reason in batch.passed_over]
        assert not any(batch.rejected for batch in batches.values())
        assert len(events) + len(reasons) == 1
        assert bool(events) == (path.name in TAKEN)
        assert all(event.message_id and event.thread_id and event.author for event in events)
        assert all(event.text or event.attachments for event in events if event.kind in {EventKind.MESSAGE, EventKind.EDIT})
