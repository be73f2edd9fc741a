"""What becomes of single events."""

from typing import Any

import pytest

from connectors.matrix import parse
from connectors.matrix.parse import Passed
from connectors.matrix.rooms import Room
from inbox.contract import Attachment, ConversationKind, Event, EventKind

ME = "@parley:localhost"
SECRET = "m.room.encrypted"


def event(kind: str = "m.room.message", *, unsigned: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
    beside = {"type": kind, "event_id": "$e", "sender": "@anna:localhost", "origin_server_ts": 1_772_438_400_000}
    return {**beside, "content": content, "unsigned": unsigned or {}}


def group() -> Room:
    return Room("!r:localhost", name="Help", members=5, names={"@anna:localhost": "Anna"})


def message(*, room: Room | None = None, **content: Any) -> Event:
    return parse.message(event(**{"msgtype": "m.text", **content}), room or group(), ME)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("> <@bernd:localhost> When?\n> And where?\n\nAt nine.", "At nine."),
        ("> * <@bernd:localhost> waves\n\nHello", "Hello"),
        ("> <@bernd:localhost> When?\n\n> a quotation of my own\nYes", "> a quotation of my own\nYes"),
        ("> my own quotation\n\nwithout a fallback", "> my own quotation\n\nwithout a fallback"),  # since version 1.13 there is none
        ("At nine.", "At nine."),
    ],
)
def test_the_quotation_that_older_clients_put_before_an_answer_is_taken_away(body: str, expected: str):
    html = "<mx-reply><blockquote>When?</blockquote></mx-reply><b>At nine.</b>"
    about = {"m.relates_to": {"m.in_reply_to": {"event_id": "$before"}}}
    found = message(body=body, format="org.matrix.custom.html", formatted_body=html, **about)
    assert (found.text, found.html, found.parent_id) == (expected, "<b>At nine.</b>", "!r:localhost/$before")
    assert message(body=body).text == body  # no answer, so no fallback


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"m.mentions": {"user_ids": [ME, "@b:x", 3]}}, (ME, "@b:x")),
        ({"m.mentions": {}, "formatted_body": f'<a href="https://matrix.to/#/{ME}">Parley</a>'}, ()),  # the client says: nobody
        ({"formatted_body": f'<a href="https://matrix.to/#/{ME}">Parley</a>'}, (ME,)),
        ({"formatted_body": '<a href="https://matrix.to/#/%40parley%3Alocalhost">Parley</a>'}, (ME,)),
        ({"formatted_body": f'<mx-reply><a href="https://matrix.to/#/{ME}">Parley</a></mx-reply>Yes'}, ()),  # who is answered
        ({"m.mentions": "nonsense"}, ()),
    ],
)
def test_who_is_named_is_what_the_client_says_or_else_what_the_links_say(content: dict[str, Any], expected: tuple[str, ...]):
    assert message(body="Hello", **content).mentions == expected


@pytest.mark.parametrize(
    ("content", "text", "files"),
    [
        ({"msgtype": "m.text", "body": "Hello"}, "Hello", 0),
        ({"msgtype": "m.emote", "body": "waves"}, "* Anna waves", 0),
        ({"msgtype": "m.image", "body": "a.png", "url": "mxc://x/1"}, "", 1),
        ({"msgtype": "m.image", "body": "Look", "filename": "a.png", "url": "mxc://x/1"}, "Look", 1),
        ({"msgtype": "m.file", "body": "a.pdf", "url": "https://evil.example/a.pdf"}, "a.pdf", 0),  # only the homeserver's files
        ({"msgtype": "m.file", "body": "a.pdf", "file": {"url": "mxc://x/1"}}, "a.pdf", 0),  # encrypted
        ({"msgtype": "org.example.new", "body": "Something new"}, "Something new", 0),
        ({"body": "No type"}, "No type", 0),
        ({"msgtype": "m.text", "body": 5}, "", 0),
    ],
)
def test_what_is_shown_of_each_kind_of_message(content: dict[str, Any], text: str, files: int):
    found = parse.message(event(**content), group(), ME)
    assert (found.text, len(found.attachments)) == (text, files)


def test_a_file_is_named_as_the_message_names_it():
    info = {"mimetype": "image/png", "size": 12}
    found = message(msgtype="m.image", body="Look", filename="a.png", url="mxc://x/1", info=info)
    assert found.attachments == (Attachment("a.png", "image/png", url="mxc://x/1", size=12),)
    nameless = parse.message(event("m.sticker", url="mxc://x/2", info="nonsense"), group(), ME)
    assert nameless.attachments == (Attachment("file", "application/octet-stream", url="mxc://x/2"),)


def test_what_a_bot_says_expects_no_answer():
    found = message(msgtype="m.notice", body="The build is broken")
    assert found.envelope is not None
    assert found.envelope.automatic


def test_an_encrypted_message_keeps_its_place_in_the_thread():
    told = event(SECRET, ciphertext="AwgA", **{"m.relates_to": {"rel_type": "m.thread", "event_id": "$root", "is_falling_back": True}})
    found = parse.message(told, group(), ME)
    assert (found.text, found.thread_id, found.parent_id) == (parse.UNREADABLE, "!r:localhost/$root", "!r:localhost/$root")


@pytest.mark.parametrize(
    ("room", "kind", "thread"),
    [
        (Room("!r:x", name="Help", members=2), ConversationKind.COMMENTS, ""),  # two in a room with a name
        (Room("!r:x", members=2), ConversationKind.DIRECT, "!r:x"),
        (Room("!r:x", members=3), ConversationKind.COMMENTS, ""),
        (Room("!r:x", name="Anna", members=3, listed_direct=True), ConversationKind.DIRECT, "!r:x"),
        (Room("!r:x", name="Anna", members=3, said_direct=True), ConversationKind.DIRECT, "!r:x"),
        (Room("!r:x"), ConversationKind.COMMENTS, ""),  # nobody knows how many
    ],
)
def test_a_room_is_a_direct_chat_when_it_is_said_to_be_or_two_are_in_it(room: Room, kind: ConversationKind, thread: str):
    found = message(room=room, body="Hello")
    assert (found.conversation_kind, found.thread_id, found.post is None) == (kind, thread, kind == ConversationKind.DIRECT)


@pytest.mark.parametrize(
    ("state", "roles"),
    [
        ({"users": {"@anna:localhost": 100}}, ("admin", "moderator", "power 100")),
        ({"users": {"@anna:localhost": 50}}, ("moderator", "power 50")),
        ({"users": {"@anna:localhost": 7}}, ("power 7",)),
        ({"users_default": 10}, ("power 10",)),
        ({"users": "nonsense"}, ()),
        ({"users": {"@anna:localhost": "100"}}, ()),
    ],
)
def test_power_levels_are_roles(state: dict[str, Any], roles: tuple[str, ...]):
    room = group()
    room.learn({"type": "m.room.power_levels", "state_key": "", "content": state}, ME)
    author = message(room=room, body="Hello").author
    assert author is not None
    assert author.roles == roles


def test_the_creators_of_a_newer_room_are_its_admins():
    room = group()
    content = {"room_version": "12", "additional_creators": ["@anna:localhost"]}
    room.learn({"type": "m.room.create", "state_key": "", "sender": "@owner:localhost", "content": content}, ME)
    author = message(room=room, body="Hello").author
    assert author is not None
    assert "admin" in author.roles


@pytest.mark.parametrize("told", [event("m.room.redaction", redacts="$m"), event("m.room.redaction") | {"redacts": "$m"}])
def test_a_redaction_is_read_as_old_and_as_new_rooms_write_it(told: dict[str, Any]):
    found = parse.redaction(told, group(), ME)
    assert (found.kind, found.message_id) == (EventKind.DELETE, "!r:localhost/$m")


@pytest.mark.parametrize(
    "told",
    [
        event(msgtype="m.key.verification.request", body="Verify me"),
        event(),  # redacted before it was read
        event(msgtype="m.text", body="", unsigned={"redacted_because": {"event_id": "$r"}}),
    ],
)
def test_what_is_not_said_to_people_is_passed_over(told: dict[str, Any]):
    with pytest.raises(Passed):
        parse.message(told, group(), ME)
