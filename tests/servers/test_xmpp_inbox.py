"""An inbox that reads an account on Debian's own prosody."""

import asyncio
import json
import secrets
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from api.deps import House
from connectors import http
from connectors.xmpp import wire
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Conversation, Delivery, Direction, Message, Reaction
from tests.connectors.test_runner import Theatre
from tests.make import Make
from tests.servers.prosody import PASSWORD, ROOMS, Prosody
from tests.servers.test_xmpp import STORE, settings
from tests.servers.wire import faulty

pytestmark = pytest.mark.servers


class Office(Theatre):
    """An inbox that reads the account."""

    async def connect(self, prosody: Prosody, us: str, **more: Any) -> Channel:
        config = self.house.vault.encrypt(json.dumps(settings(prosody, us, **more)))
        async with self.house.database.transaction() as session:
            make = Make(session)
            workspace = await make.workspace(undo_seconds=0)
            return await make.channel(workspace, platform="xmpp", config=config, state=ChannelState.CONNECTING, account_id="")

    async def bodies(self) -> list[str]:
        shown = select(col(Message.body)).where(col(Message.direction) == Direction.IN).order_by(col(Message.at), col(Message.id))
        async with self.house.database.transaction() as session:
            return list(await session.scalars(shown))

    async def until_said(self, *said: str) -> None:
        async def reached() -> bool:
            return await self.bodies() == list(said)

        await self.until(reached)

    async def answer(self, body: str) -> None:
        async with self.house.database.transaction() as session:
            conversation = await session.scalar(select(Conversation))
            assert conversation is not None
            now = self.house.clock()
            await replies.queue(session, conversation, None, body=body, client_key=secrets.token_hex(8), now=now, send_at=now)


@pytest.fixture
def office(house: House, prosody: Prosody, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wire, "trusted", lambda: prosody.trust)
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    yield Office(house)
    http.allow(())


async def test_through_the_inbox_and_back(office: Office, prosody: Prosody):
    us, room = prosody.account("support"), f"bread-{secrets.token_hex(3)}@{ROOMS}"
    async with prosody.person(prosody.account("anna"), room) as anna:
        channel = await office.connect(prosody, us, rooms=room)
        async with office.host():
            await office.until_state(channel, ChannelState.HEALTHY)
            said = anna.say(room, "shop: is it opn?", room=True)
            await office.until_said("shop: is it opn?")
            told = await anna.hears("is it opn?")
            entry = told.find("{urn:xmpp:sid:0}stanza-id")
            assert entry is not None
            anna.say(room, "shop: is it open?", f'<replace xmlns="urn:xmpp:message-correct:0" id="{said}"/>', room=True)
            reaction = f'<reactions xmlns="urn:xmpp:reactions:0" id="{entry.get("id")}"><reaction>🙏</reaction></reactions>'
            anna.say(room, "", reaction, STORE, room=True)
            await office.until_said("shop: is it open?")
            await office.answer("Until eight.")
            await office.until_delivery(Delivery.SENT)
            await anna.hears("Until eight.")
            anna.say(room, "Thank you for that", room=True)
            await office.until_said("shop: is it open?", "Thank you for that")
            anna.say(room, "", f'<retract xmlns="urn:xmpp:message-retract:1" id="{entry.get("id")}"/>', STORE, room=True)

            async def is_deleted() -> bool:
                gone = select(func.count()).select_from(Message).where(col(Message.deleted_at).is_not(None))
                return await office.ask(gone) == 1

            await office.until(is_deleted)
    assert await office.ask(select(func.count()).select_from(Conversation)) == 1
    assert await office.ask(select(func.count()).select_from(Reaction)) == 1
    assert await office.ask(select(func.count()).select_from(Message)) == 3  # the echo is the reply
    assert await office.ask(select(func.count()).select_from(Message).where(col(Message.native))) == 0


async def test_what_a_colleague_answers_elsewhere_is_theirs(office: Office, prosody: Prosody):
    us = prosody.account("support")
    async with prosody.person(prosody.account("anna")) as anna, prosody.person(us) as colleague:
        channel = await office.connect(prosody, us)
        async with office.host():
            await office.until_state(channel, ChannelState.HEALTHY)
            anna.say(us, "When?")
            await office.until_said("When?")
            colleague.say(anna.address, "At nine")

            async def is_native() -> bool:
                return await office.ask(select(func.count()).select_from(Message).where(col(Message.native))) == 1

            await office.until(is_native)
    assert await office.ask(select(func.count()).select_from(Conversation)) == 1


async def test_what_happens_while_the_inbox_is_down_or_refuses_comes_once_and_in_order(office: Office, prosody: Prosody):
    us = prosody.account("support")
    async with prosody.person(prosody.account("anna")) as anna:
        channel = await office.connect(prosody, us)
        async with office.host():
            await office.until_state(channel, ChannelState.HEALTHY)
            anna.say(us, "Before")
            await office.until_said("Before")
        said = [f"Number {number}" for number in range(250)]
        for one in said:
            anna.say(us, one)
        await anna.settled()
        await office.change(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '57P03'; END $$;"
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        try:
            async with office.host():
                await asyncio.sleep(3)  # it tries, and each time the commit fails
                assert await office.bodies() == ["Before"]
                await office.change("DROP TRIGGER refuse ON message; DROP FUNCTION refuse")
                await office.until_said("Before", *said)
        finally:
            await office.change("DROP TRIGGER IF EXISTS refuse ON message; DROP FUNCTION IF EXISTS refuse")


async def test_a_server_that_restarts_while_it_is_read_loses_nothing(office: Office, prosody: Prosody):
    us, them = prosody.account("support"), prosody.account("anna")
    channel = await office.connect(prosody, us)
    async with office.host():
        async with prosody.person(them) as anna:
            await office.until_state(channel, ChannelState.HEALTHY)
            anna.say(us, "Before")
            await office.until_said("Before")
        prosody.stop()
        await office.until_state(channel, ChannelState.FAILING)
        prosody.start()
        async with prosody.person(them) as anna:
            anna.say(us, "After")
            await office.until_said("Before", "After")
        await office.until_state(channel, ChannelState.HEALTHY)


async def test_a_password_that_was_changed_asks_for_a_person_and_with_the_new_one_nothing_is_missing(office: Office, prosody: Prosody):
    us, them = prosody.account("support"), prosody.account("anna")
    channel = await office.connect(prosody, us)
    async with office.host():
        async with prosody.person(them) as anna:
            await office.until_state(channel, ChannelState.HEALTHY)
            anna.say(us, "Before")
            await office.until_said("Before")
        prosody.stop()
        prosody.change_password(us, "another-password")
        prosody.start()
        await office.until_state(channel, ChannelState.BROKEN)
        assert PASSWORD not in ((await office.row(channel)).error or "")
        async with prosody.person(them) as anna:
            anna.say(us, "Meanwhile")
            await anna.settled()
        config = office.house.vault.encrypt(json.dumps(settings(prosody, us, password="another-password")))
        async with office.house.database.transaction() as session:
            await session.execute(update(Channel).values(config=config, state=ChannelState.CONNECTING))
        await office.until_said("Before", "Meanwhile")


async def test_a_reply_whose_connection_broke_is_looked_for_and_said_once(office: Office, prosody: Prosody):
    us, them = prosody.account("support"), prosody.account("anna")
    async with prosody.person(them) as anna, faulty(prosody.port) as fault:
        channel = await office.connect(prosody, us, port=fault.port)
        async with office.host():
            await office.until_state(channel, ChannelState.HEALTHY)
            anna.say(us, "When?")
            await office.until_said("When?")
            fault.answering.clear()
            await office.answer("At nine.")
            await anna.hears("At nine.")  # it is there, and nobody has told us
            for task in fault.tasks:
                task.cancel()
            fault.answering.set()
            await office.until_delivery(Delivery.SENT)
            anna.say(us, "Thanks")
            await office.until_said("When?", "Thanks")
        await anna.settled()
        assert [one for one in anna.got if "At nine." in (one.findtext("{jabber:client}body") or "")] == []
    assert await office.ask(select(func.count()).select_from(Message).where(col(Message.direction) == Direction.OUT)) == 1
