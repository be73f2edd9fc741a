"""Messages as events."""

from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest

from connectors.xmpp import ids, parse
from connectors.xmpp.archive import Told
from connectors.xmpp.parse import About, Found, Passed
from connectors.xmpp.rooms import Occupant, Room
from connectors.xmpp.said import Ours
from connectors.xmpp.stanzas import read
from inbox.contract import ConversationKind, EventKind
from tests.connectors.xmpp.fake import ANNA, ROOM, US

AT = "2026-03-02T08:00:00Z"
MUC = "http://jabber.org/protocol/muc#user"


def said(inner: str, *, sender: str = f"{ANNA}/phone", to: str = US, kind: str = "chat", name: str = "client-id-1") -> Found:
    return heard(f'<message from="{sender}" to="{to}" type="{kind}" id="{name}">{inner}</message>')


def heard(stanza: str, archive: str = "", room: Room | None = None, at: str = AT) -> Found:
    return parse.read(Told(read(stanza), archive, "entry-1", at), Ours(US, {ROOM: room or Room(ROOM, "shop")}))


def in_room(inner: str, nick: str = "anna", room: Room | None = None, name: str = "client-id-1") -> Found:
    sender = f"{ROOM}/{nick}" if nick else ROOM
    return heard(f'<message from="{sender}" type="groupchat" id="{name}">{inner}</message>', ROOM, room)


def test_a_chat_is_called_like_whom_it_is_with_whatever_device_they_have():
    event = said('<body>Hello</body><nick xmlns="http://jabber.org/protocol/nick">Anna K.</nick>').event
    assert (event.id, event.message_id, event.thread_id) == (f"{US}:entry-1", ids.join(ids.IN, "client-id-1", ANNA), ANNA)
    assert (event.text, event.at, event.conversation_kind) == ("Hello", datetime(2026, 3, 2, 8, tzinfo=UTC), ConversationKind.DIRECT)
    assert event.author is not None
    assert (event.author.id, event.author.name, event.author.is_self) == (ANNA, "Anna K.", False)


def test_an_id_that_comes_again_is_no_name_but_ours_is_one():
    assert said("<body>Hello</body>", name="aab1").event.message_id == ids.join(ids.IN, "entry-1", ANNA)
    ours = said("<body>Hello</body>", sender=f"{US}/desk", to=ANNA, name="k1").event
    assert (ours.message_id, ours.client_key) == (ids.join(ids.OUT, "k1", ANNA), "k1")


def test_ids_say_whose_they_are_whatever_is_in_them():
    name = ids.join(ids.IN, "a:b/c%d é", f"{ROOM}/An:na/x")
    assert ids.split(name) == (ids.IN, "a:b/c%d é", f"{ROOM}/An:na/x")
    assert ids.split("something else") == ("", "", "something else")


@pytest.mark.parametrize(
    ("inner", "kind", "message_id", "text"),
    [
        ('<body>New</body><replace xmlns="urn:xmpp:message-correct:0" id="old"/>', EventKind.EDIT, (ids.IN, "old"), "New"),
        ('<retract xmlns="urn:xmpp:message-retract:1" id="old"/><body>They took it back</body>', EventKind.DELETE, (ids.IN, "old"), ""),
        (
            '<apply-to xmlns="urn:xmpp:fasten:0" id="old"><retract xmlns="urn:xmpp:message-retract:0"/></apply-to>',
            EventKind.DELETE,
            (ids.IN, "old"),
            "",
        ),
        (
            '<reactions xmlns="urn:xmpp:reactions:0" id="old"><reaction>👍</reaction><reaction>🎉</reaction></reactions>',
            EventKind.REACTION,
            (ids.OUT, "old"),
            "🎉",
        ),
        ('<reactions xmlns="urn:xmpp:reactions:0" id="old"/>', EventKind.REACTION, (ids.OUT, "old"), ""),
        ('<received xmlns="urn:xmpp:receipts" id="old"/>', EventKind.DELIVERY, (ids.OUT, "old"), "delivered"),
        ('<displayed xmlns="urn:xmpp:chat-markers:0" id="old"/>', EventKind.READ, (ids.OUT, "old"), ""),
    ],
)
def test_what_happens_to_messages(inner: str, kind: EventKind, message_id: tuple[str, str], text: str):
    event = said(inner).event
    assert (event.kind, event.message_id, event.text) == (kind, ids.join(*message_id, ANNA), text)


def test_a_message_that_comes_back_failed():
    refused = '<error type="cancel"><item-not-found xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error>'
    event = said(refused, kind="error").event
    assert (event.kind, event.message_id) == (EventKind.DELIVERY, ids.join(ids.OUT, "client-id-1", ANNA))
    assert "item-not-found" in event.text


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ('<composing xmlns="http://jabber.org/protocol/chatstates"/>', "somebody is typing"),
        ("<subject>Bread</subject>", "a new subject"),
        ('<event xmlns="http://jabber.org/protocol/pubsub#event"/>', "news of somebody's devices or pictures"),
        (f'<x xmlns="{MUC}"><invite from="anna@example.org"/></x>', "an invitation, or news about a room"),
        ('<encrypted xmlns="eu.siacs.conversations.axolotl"><header/></encrypted>', "keys being exchanged"),
        ('<encrypted xmlns="urn:xmpp:omemo:2"><header/></encrypted>', "keys being exchanged"),
        ('<propose xmlns="urn:xmpp:jingle-message:0" id="x"/>', "a call"),
        ('<retract xmlns="urn:xmpp:message-retract:1"/>', "about nothing"),
        ('<body>x</body><retracted xmlns="urn:xmpp:message-retract:1"/>', "it was taken back before it was read"),
        ("<poll/>", "without words"),
        ("", "without words"),
    ],
)
def test_what_means_nothing_has_a_reason(inner: str, why: str):
    with pytest.raises(Passed, match=f"^{why}$"):
        said(inner)


@pytest.mark.parametrize(
    "inner",
    [
        '<encrypted xmlns="eu.siacs.conversations.axolotl"><payload/></encrypted><body>I sent you an encrypted message</body>',
        '<encrypted xmlns="urn:xmpp:omemo:2"><payload/></encrypted>',
        '<openpgp xmlns="urn:xmpp:openpgp:0">c2VjcmV0</openpgp>',
        '<x xmlns="jabber:x:encrypted">c2VjcmV0</x><body>This is encrypted</body>',
        '<encryption xmlns="urn:xmpp:eme:0" namespace="urn:example"/><body>This is encrypted</body>',
    ],
)
def test_what_is_encrypted_says_that_it_is(inner: str):
    assert said(inner).event.text == "This message is encrypted: it cannot be read here."


def test_a_link_to_a_file_is_a_file_and_no_words():
    link = "https://files.example.org/a%20b/map%20of%20us.png?x=1"
    event = said(f'<body>{link}</body><x xmlns="jabber:x:oob"><url>{link}</url></x>').event
    (file,) = event.attachments
    assert (event.text, file.name, file.media_type, file.url) == ("", "map of us.png", "image/png", link)
    both = said(f'<body>See this</body><x xmlns="jabber:x:oob"><url>{link}</url></x>').event
    assert (both.text, len(both.attachments)) == ("See this", 1)
    for odd in ("javascript:alert(1)", "http://[", "aesgcm://x"):
        assert said(f'<body>See this</body><x xmlns="jabber:x:oob"><url>{odd}</url></x>').event.attachments == ()


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [("0", "8", "At nine"), ("8", "10", "> When?\n nine"), ("4", "2", None), ("0", "99", None), ("x", "7", None), ("-1", "7", None)],
)
def test_the_words_that_an_answer_repeats_are_left_out(start: str, end: str, expected: str | None):
    whole = "> When?\nAt nine"
    fallback = f'<fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:reply:0"><body start="{start}" end="{end}"/></fallback>'
    assert said(f"<body>{escape(whole)}</body>{fallback}").event.text == (expected or whole)


def test_an_answer_names_its_message_and_whose_it_is():
    reply = '<body>Yes</body><reply xmlns="urn:xmpp:reply:0" id="old" to="{}"/>'
    assert said(reply.format(f"{US}/desk")).event.parent_id == ids.join(ids.OUT, "old", ANNA)
    assert said(reply.format(ANNA)).event.parent_id == ids.join(ids.IN, "old", ANNA)
    assert in_room(reply.format("")).event.parent_id == ids.join(ids.ROOM, "old", ROOM)


def test_in_a_room_our_nick_or_our_address_is_a_mention():
    assert in_room("<body>shop: hello</body>").event.mentions == (US,)
    assert in_room("<body>the shopkeeper, the e-shop</body>").event.mentions == ()
    reference = f'<reference xmlns="urn:xmpp:reference:0" type="mention" uri="xmpp:{US}"/>'
    assert in_room(f"<body>You there</body>{reference}").event.mentions == (US,)


def test_a_thread_of_a_room_is_its_own_and_of_a_chat_it_is_the_chat():
    assert in_room("<body>x</body><thread>a b</thread>").event.thread_id == ids.join(ids.THREAD, "a b", ROOM)
    assert in_room("<body>x</body>").event.thread_id == ""
    assert said("<body>x</body><thread>a b</thread>").event.thread_id == ANNA


def test_whoever_has_our_nick_now_is_not_us_where_the_room_tells_people_apart():
    occupant = '<occupant-id xmlns="urn:xmpp:occupant-id:0" id="{}"/>'
    room = Room(ROOM, "shop", occupants={"shop": Occupant(id="ours"), "anna": Occupant(id="hers", roles=("owner",))})
    other = in_room(f"<body>x</body>{occupant.format('hers')}", "shop", room).event.author
    ours = in_room(f"<body>x</body>{occupant.format('ours')}", "old-shop", room).event.author
    assert other is not None
    assert ours is not None
    assert (other.is_self, ours.is_self, ours.id) == (False, True, US)


def test_where_everybody_sees_addresses_people_are_known_by_them():
    item = f'<x xmlns="{MUC}"><item jid="{ANNA}/phone" affiliation="admin" role="moderator"/></x>'
    shown = in_room(f"<body>x</body>{item}", room=Room(ROOM, "shop", shows_addresses=True)).event.author
    hidden = in_room(f"<body>x</body>{item}").event.author
    assert shown is not None
    assert hidden is not None
    assert (shown.id, shown.name, shown.roles) == (ANNA, "anna", ("admin", "moderator"))
    assert hidden.id == f"{ROOM}/anna"


def test_somebody_of_a_room_in_private_stays_who_they_are_there():
    event = said("<body>Psst</body>", sender=f"{ROOM}/anna").event
    assert event.author is not None
    assert (event.thread_id, event.author.id, event.author.name) == (f"{ROOM}/anna", f"{ROOM}/anna", "anna")
    elsewhere = said(f'<body>Psst</body><x xmlns="{MUC}"/>', sender="other@rooms.example.org/Anna").event
    assert elsewhere.thread_id == "other@rooms.example.org/Anna"


def test_only_the_room_itself_says_what_a_moderator_did():
    moderated = '<retract xmlns="urn:xmpp:message-retract:1" id="old"><moderated xmlns="urn:xmpp:message-moderate:1" by="x"/></retract>'
    assert (in_room(moderated, "").event.kind, in_room(moderated, "").about) == (EventKind.DELETE, None)
    assert in_room(moderated, "mallory").about == About("old", f"{ROOM}/mallory")


@pytest.mark.parametrize("at", ["", "yesterday", "2026-13-41"])
def test_a_message_without_a_time_cannot_be_read(at: str):
    with pytest.raises(ValueError, match=r"when|isoformat|month"):
        heard(f'<message from="{ANNA}" to="{US}" id="client-id-1"><body>x</body></message>', at=at)
