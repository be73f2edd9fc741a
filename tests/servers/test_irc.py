"""A nick on Debian's own ngircd."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from api.deps import House
from connectors import http
from connectors.irc import Irc
from connectors.irc.config import IrcConfig
from inbox.contract import AuthError, Batch, ConversationKind, Event, Permanent, Reply, Transient
from inbox.models import Delivery
from tests.connectors.test_polled import Account, Polled
from tests.servers.ngircd import PASSWORD, Ngircd

pytestmark = pytest.mark.servers

UNICODE = "👩‍👩‍👧 مرحبا e\u0301 <b>&amp; Zażółć 𝔘𝔫𝔦 :-)"


@pytest.fixture
async def connector(ngircd: Ngircd) -> AsyncIterator[Irc]:
    http.allow(["127.0.0.1"])
    found = connect(ngircd)
    yield found
    await found.aclose()
    http.allow(())


def connect(ngircd: Ngircd, **more: Any) -> Irc:
    given = {"host": "127.0.0.1", "port": ngircd.port, "tls": False, "nick": "shop", "channels": "#bread", "password": PASSWORD, **more}
    return Irc(IrcConfig.model_validate(given))


async def heard(stream: Any, number: int = 1) -> list[Event]:
    events: list[Event] = []
    async with asyncio.timeout(30):
        while len(events) < number:
            batch: Batch = await anext(stream)
            assert list(batch.rejected) == []
            events += batch.events
    return events


async def joined(stream: Any) -> str | None:
    """Wait until we are in the channel; the cursor then."""
    async with asyncio.timeout(30):
        cursor = (await anext(stream)).cursor
        while "JOIN" not in (await anext(stream)).passed_over:
            pass
    return cursor


async def test_a_channel_and_a_person_are_heard_and_answered(ngircd: Ngircd, connector: Irc):
    async with ngircd.person("Anna", "#bread") as anna, aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
        await joined(stream)
        await anna.say("#bread", f"shop: {UNICODE}")
        await anna.say("shop", "Psst")
        room, direct = await heard(stream, 2)
        assert (room.text, room.thread_id, room.mentions) == (f"shop: {UNICODE}", "", ("shop",))
        assert room.post is not None
        assert (room.post.id, room.post.is_room) == ("#bread", True)
        assert (direct.text, direct.thread_id, direct.conversation_kind) == ("Psst", "anna", ConversationKind.DIRECT)
        assert room.author is not None
        await connector.send(Reply("one", "", UNICODE, parent_id=room.id, recipient=room.author.id, post_id=room.post.id))
        assert "PRIVMSG #bread :anna: " in await anna.hears(UNICODE)
        await connector.send(Reply("two", direct.thread_id, "Just for you"))
        assert "PRIVMSG Anna :" in await anna.hears("Just for you")


async def test_a_long_answer_arrives_whole(ngircd: Ngircd, connector: Irc):
    text = " ".join(f"word{number}ż" for number in range(200))
    async with ngircd.person("anna") as anna:
        await connector.send(Reply("key", "anna", f"{text}\nthe end"))
        found: list[str] = []
        while not found or found[-1] != "the end":
            found.append((await anna.hears("")).partition(" PRIVMSG anna :")[2])
    assert " ".join(part for part in found if part) == f"{text} the end"


async def test_250_messages_come_in_order_none_lost_and_none_twice(ngircd: Ngircd, connector: Irc):
    async with ngircd.person("anna", "#bread") as anna, aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
        await joined(stream)
        for number in range(250):
            await anna.say("#bread", f"Message {number}")
        events = await heard(stream, 250)
    assert [event.text for event in events] == [f"Message {number}" for number in range(250)]
    assert len({event.id for event in events}) == 250


async def test_a_restart_of_the_server_is_noticed_and_leaves_a_gap(ngircd: Ngircd, connector: Irc):
    async with aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
        cursor = await joined(stream)
        ngircd.stop()
        with pytest.raises(Transient):
            await heard(stream)
    with pytest.raises(Transient):
        await connector.send(Reply("key", "anna", "Nobody is there"))
    ngircd.start()
    async with aclosing(connector.stream(cursor)) as stream, ngircd.person("anna") as anna:  # type: ignore[type-var]
        assert (await anext(stream)).gap
        await anna.say("shop", "Back?")
        (event,) = await heard(stream)
    assert event.text == "Back?"


async def test_who_is_not_there_cannot_be_answered(ngircd: Ngircd, connector: Irc):
    with pytest.raises(Permanent, match="401"):
        await connector.send(Reply("key", "nobody", "Hello?"))
    async with ngircd.person("op", "#closed") as op:
        await op.write("MODE #closed +mn")
        await op.hears("+mn")
        with pytest.raises(Permanent, match="404"):
            await connector.send(Reply("key", "", "Hello?", post_id="#closed"))


async def test_a_wrong_password_asks_to_reconnect(ngircd: Ngircd, connector: Irc):  # it lets us reach this machine
    other = connect(ngircd, nick="other", password="wrong")
    with pytest.raises(AuthError) as refused:
        await other.check()
    await other.aclose()
    assert "wrong" not in str(refused.value)


async def test_a_taken_nick_gets_a_sign_and_is_answered_there(ngircd: Ngircd, connector: Irc):
    async with ngircd.person("shop"), ngircd.person("anna") as anna, aclosing(connector.stream(None)) as stream:  # type: ignore[type-var]
        await joined(stream)
        await anna.say("shop_", "There you are")
        (event,) = await heard(stream)
    assert event.text == "There you are"


async def test_the_inbox_hears_and_answers_and_shows_an_answer_once(ngircd: Ngircd, house: House):
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    account = Account(house)
    given = {"port": ngircd.port, "tls": False, "nick": "bakery", "channels": "#bread", "password": PASSWORD}
    account.platform, account.where = Polled("irc", None, lambda text: None, given, "host", "password"), "127.0.0.1"
    await account.connect()
    async with ngircd.person("anna", "#bread") as anna:
        async with account.host():
            await anna.hears("JOIN :#bread")
            await anna.say("#bread", "When?")
            await account.until_there("When?")
            await account.answer("At nine.", "When?")
            assert "PRIVMSG #bread :anna: " in await anna.hears("At nine.")
            await account.until_delivery(Delivery.SENT)
            await anna.say("bakery", "And tomorrow?")
            await account.until_there("When?", "And tomorrow?")
        async with account.host():
            await anna.hears("JOIN :#bread")
            await anna.say("#bread", "Thanks")
            await account.until_there("When?", "And tomorrow?", "Thanks")
    http.allow(())
