"""Several people, or one person twice, at the same moment: over HTTP, against one app, with real commits."""

import asyncio
import json
import secrets
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, text
from sqlmodel import SQLModel, col

from api.deps import House
from connectors.webhook import signatures
from inbox import channels
from inbox.contract import Author, Batch, Event, EventKind
from inbox.conversations import erasing, outbox, receive
from inbox.models import Channel, Contact, Conversation, Delivery, Draft, Identity, LogEvent, Member, Message, Role, Status, Workspace
from inbox.team import members
from tests.api.people import Person, found, person
from tests.api.visitor import serving
from tests.make import MONDAY, Make

SECRET = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
ROUNDS = 5  # of what is a matter of luck


@dataclass
class Office:
    """A workspace with a channel, a conversation, and two members at their browsers."""

    house: House
    workspace: Workspace
    channel: Channel
    conversation: Conversation
    address: str
    people: list[Person]
    clients: list[httpx.AsyncClient]

    @property
    def base(self) -> str:
        return f"/w/{self.workspace.id}/conversations/{self.conversation.id}"

    async def reply(self, who: int = 0, *, key: str = "", **form: Any) -> httpx.Response:
        data = {"client_key": key or secrets.token_hex(8), "body": "At nine.", **form}
        return await self.clients[who].post(f"{self.base}/replies", data=data)

    async def put(self, what: str, who: int = 0, **form: Any) -> int:
        return (await self.clients[who].put(f"{self.base}/{what}", data=form)).status_code

    async def incoming(self, number: int = 1, author: str = "anna") -> None:
        """A message comes in, as the host stores it."""
        at = MONDAY + timedelta(seconds=number)
        event = Event(f"e{number}", EventKind.MESSAGE, f"m{number}", "t1", at, Author(author, "Anna"), text=f"My number is {number}")
        async with self.house.database.transaction() as session:
            await receive.receive(session, self.channel, Batch([event]), now=at)

    async def all(self, query: Any) -> list[Any]:
        async with self.house.database.transaction() as session:
            return list(await session.scalars(query))

    async def count(self, table: type[SQLModel], *where: Any) -> int:
        return (await self.all(select(func.count()).select_from(table).where(*where)))[0]

    async def events(self, *kinds: str) -> Counter[str]:
        return Counter(await self.all(select(col(LogEvent.kind)).where(col(LogEvent.kind).in_(kinds))))

    async def now(self) -> Conversation:
        (row,) = await self.all(select(Conversation).where(col(Conversation.id) == self.conversation.id))
        return row


@pytest.fixture
async def office(app: FastAPI, house: House) -> AsyncIterator[Office]:
    workspace = await found(house)
    people = [await person(house, workspace, role=role, email=f"{role.value}@example.org") for role in (Role.ADMIN, Role.AGENT)]
    async with house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(workspace, config=house.vault.encrypt(json.dumps({"secret": SECRET})))
        conversation = await make.conversation(channel)
    async with serving(app) as address:
        headers = {"origin": address, "accept": "application/json"}
        clients = [httpx.AsyncClient(base_url=address, headers=headers, cookies=one.cookies, timeout=30) for one in people]
        yield Office(house, workspace, channel, conversation, address, people, clients)
        for client in clients:
            await client.aclose()


async def test_the_same_reply_posted_many_times_at_once_is_one_reply_and_each_is_told_its_number(office: Office):
    answers = await asyncio.gather(*(office.reply(key="the same key") for _ in range(8)))
    assert [answer.status_code for answer in answers] == [202] * 8
    assert len({answer.json()["message"] for answer in answers}) == 1
    assert await office.events("reply.queued") == {"reply.queued": 1}
    assert (await office.now()).message_count == 1


async def test_replies_with_different_keys_at_once_are_all_kept_and_leave_in_the_order_of_their_numbers(office: Office):
    answers = await asyncio.gather(*(office.reply(who % 2) for who in range(6)))
    assert [answer.status_code for answer in answers] == [202] * 6
    rows = await office.all(select(Message).order_by(col(Message.id)))
    assert len(rows) == 6
    assert sorted(rows, key=lambda row: (row.send_at, row.id)) == rows
    assert (await office.now()).message_count == 6


async def test_one_key_in_two_conversations_at_once_makes_one_reply_and_one_refusal(office: Office):
    async with office.house.database.transaction() as session:
        other = await Make(session).conversation(office.channel)
    data = {"client_key": "the same key", "body": "At nine."}
    base = f"/w/{office.workspace.id}/conversations"
    answers = await asyncio.gather(
        *(office.clients[0].post(f"{base}/{number}/replies", data=data) for number in (office.conversation.id, other.id))
    )
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert await office.count(Message) == 1


async def test_of_two_members_who_answer_at_once_one_is_told_of_the_other(office: Office):
    await office.incoming(1)
    (seen,) = await office.all(select(col(Message.id)))
    (office.conversation,) = await office.all(select(Conversation).order_by(col(Conversation.id).desc()).limit(1))
    answers = await asyncio.gather(office.reply(0, seen_message_id=seen), office.reply(1, seen_message_id=seen))
    assert sorted(answer.status_code for answer in answers) == [202, 409]


async def test_a_reply_never_passes_over_what_came_in_meanwhile(office: Office):
    await office.incoming(1)
    (seen,) = await office.all(select(col(Message.id)))
    (conversation,) = await office.all(select(Conversation).order_by(col(Conversation.id).desc()).limit(1))
    office.conversation = conversation
    answers = await asyncio.gather(office.reply(0, seen_message_id=seen), office.reply(1, seen_message_id=seen), office.incoming(2))
    codes = [answer.status_code for answer in answers if isinstance(answer, httpx.Response)]
    assert set(codes) <= {202, 409}
    replies = await office.all(select(Message).where(col(Message.delivery) == Delivery.QUEUED))
    assert len(replies) == codes.count(202)
    assert (await office.reply(0, seen_message_id=seen)).status_code == 409


async def test_a_reply_is_either_taken_back_or_claimed_and_never_both(office: Office):
    outcomes = Counter[tuple[int, int]]()
    for _ in range(ROUNDS):
        number = (await office.reply()).json()["message"]

        async def claim() -> int:
            async with office.house.database.transaction() as session:
                return len(await outbox.claim(session, owner="me", now=MONDAY + timedelta(minutes=1)))

        undo = office.clients[0].delete(f"{office.base}/replies/{number}")
        answer, claimed = await asyncio.gather(undo, claim())
        outcomes[answer.status_code, claimed] += 1
        (row,) = await office.all(select(Message).where(col(Message.id) == number))
        assert row.delivery == (Delivery.SENDING if claimed else Delivery.UNDONE)
        async with office.house.database.transaction() as session:
            await session.execute(text("UPDATE message SET delivery = 'sent' WHERE delivery = 'sending'"))
    assert set(outcomes) <= {(200, 0), (409, 1)}


async def test_taking_the_same_reply_back_twice_at_once_works_once(office: Office):
    number = (await office.reply()).json()["message"]
    answers = await asyncio.gather(*(office.clients[who].delete(f"{office.base}/replies/{number}") for who in (0, 1)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await office.events("reply.undone") == {"reply.undone": 1}
    assert (await office.now()).message_count == 0


@pytest.mark.parametrize("status", ["resolved", "spam", "pending"])
async def test_a_reply_written_while_the_conversation_is_moved_is_kept_and_the_move_too(office: Office, status: str):
    answers = await asyncio.gather(office.reply(), office.put("status", 1, status=status))
    assert (answers[0].status_code, answers[1]) == (202, 204)
    assert await office.count(Message, col(Message.delivery) == Delivery.QUEUED) == 1
    assert (await office.now()).status == Status(status)


async def test_moves_at_once_are_told_as_many_times_as_the_status_changed_and_in_an_unbroken_chain(office: Office):
    moves = ["resolved", "pending", "spam", "resolved", "open", "pending"]
    codes = await asyncio.gather(*(office.put("status", number % 2, status=move) for number, move in enumerate(moves)))
    assert set(codes) == {204}
    told = await office.all(select(LogEvent).where(col(LogEvent.kind) == "conversation.moved").order_by(col(LogEvent.id)))
    chain = [(event.data["before"], event.data["status"]) for event in told]
    assert [before for before, _ in chain] == ["open", *[after for _, after in chain[:-1]]]
    assert chain[-1][1] == (await office.now()).status


async def test_of_two_who_take_a_conversation_at_once_one_has_it_and_the_other_is_told(office: Office):
    codes = await asyncio.gather(*(office.put("assignment", who, take="1") for who in (0, 1)))
    assert sorted(codes) == [204, 409]
    winner = office.people[codes.index(204)].member
    assert winner is not None
    assert (await office.now()).assignee_id == winner.id


async def test_assigned_and_taken_at_once_the_log_says_who_has_it(office: Office):
    agent = office.people[1].member
    assert agent is not None
    await asyncio.gather(office.put("assignment", 0, member=str(agent.id)), office.put("assignment", 0, take="1"))
    told = await office.all(select(LogEvent).where(col(LogEvent.kind) == "conversation.assigned").order_by(col(LogEvent.id)))
    assert told[-1].data["assignee"] == (await office.now()).assignee_id == agent.id


async def test_a_member_removed_while_being_given_a_conversation_does_not_have_it(office: Office):
    for _ in range(ROUNDS):
        someone = await person(office.house, office.workspace, role=Role.AGENT, email=f"{secrets.token_hex(4)}@example.org")
        assert someone.member is not None

        async def remove(number: int = someone.member.id) -> None:
            async with office.house.database.transaction() as session:
                await members.remove(session, office.people[0].access, number, now=MONDAY)

        await asyncio.gather(office.put("assignment", 0, member=str(someone.member.id)), remove())
        assert (await office.now()).assignee_id is None


async def test_a_member_removed_at_the_moment_of_taking_does_not_keep_it(office: Office):
    """The removal holds the member's row; the taking waits, and finds nobody."""
    agent = office.people[1]
    assert agent.member is not None
    async with office.house.database.transaction() as session:
        await members.remove(session, office.people[0].access, agent.member.id, now=MONDAY)
        taking = asyncio.create_task(office.put("assignment", 1, take="1"))
        await asyncio.sleep(0.3)
    assert await taking in {401, 404}
    assert (await office.now()).assignee_id is None


async def test_a_reply_of_a_member_who_is_removed_meanwhile_is_refused_or_leaves_whole(office: Office):
    agent = office.people[1].member
    assert agent is not None

    async def remove() -> None:
        async with office.house.database.transaction() as session:
            await members.remove(session, office.people[0].access, agent.id, now=MONDAY)

    answer, _ = await asyncio.gather(office.reply(1), remove())
    kept = await office.all(select(Message))
    assert (answer.status_code, len(kept)) in {(202, 1), (404, 0), (401, 0)}
    assert (await office.reply(1)).status_code in {401, 404}
    assert await office.count(Member, col(Member.removed_at).is_(None)) == 1


async def test_the_same_webhook_many_times_at_once_is_one_message(office: Office):
    entry = {"type": "message", "id": "m1", "thread": "t9", "author": {"id": "anna"}, "text": "Hello", "at": MONDAY.isoformat()}
    body = json.dumps(entry).encode()
    headers = signatures.headers(signatures.key(SECRET), "webhook 1", office.house.clock(), body) | {"content-type": "application/json"}
    async with httpx.AsyncClient(base_url=office.address, timeout=30) as client:
        posts = (client.post(f"/hooks/{office.channel.key}", content=body, headers=headers) for _ in range(20))
        answers = await asyncio.gather(*posts)
    assert [answer.status_code for answer in answers] == [200] * 20
    assert await office.count(Message) == 1
    assert await office.events("message.received", "conversation.created") == {"message.received": 1, "conversation.created": 1}


async def test_what_a_contact_writes_while_being_erased_is_gone_too_or_belongs_to_somebody_new(office: Office):
    await office.incoming(1)
    for number in range(2, 2 + ROUNDS):
        (before,) = await office.all(select(Identity).where(col(Identity.external_id) == "anna"))

        async def erase(number: int = before.contact_id) -> None:
            async with office.house.database.transaction() as session:
                contact = await session.get_one(Contact, number)
                house = office.house
                await erasing.erase(session, house.vault, house.settings.home, office.people[0].access, contact, now=MONDAY)

        await asyncio.gather(erase(), office.incoming(number))
        assert await office.count(Message, col(Message.identity_id) == before.id, col(Message.body) != "") == 0
        if not await office.count(Identity, col(Identity.external_id) == "anna"):
            await office.incoming(number + 100)


@pytest.mark.parametrize("erased_first", [True, False])
async def test_an_erasing_and_a_message_wait_for_each_other(office: Office, erased_first: bool):
    """The same, with one of them held before its commit."""
    await office.incoming(1)
    (before,) = await office.all(select(Identity).where(col(Identity.external_id) == "anna"))

    async def erase(committed: asyncio.Event | None = None, begun: asyncio.Event | None = None) -> None:
        async with office.house.database.transaction() as session:
            contact = await session.get_one(Contact, before.contact_id)
            await erasing.erase(session, office.house.vault, office.house.settings.home, office.people[0].access, contact, now=MONDAY)
            await hold(begun, committed)

    async def write(committed: asyncio.Event | None = None, begun: asyncio.Event | None = None) -> None:
        event = Event("e2", EventKind.MESSAGE, "m2", "t1", MONDAY, Author("anna", "Anna"), text="My number is 2")
        async with office.house.database.transaction() as session:
            await receive.receive(session, office.channel, Batch([event]), now=MONDAY)
            await hold(begun, committed)

    async def hold(begun: asyncio.Event | None, go_on: asyncio.Event | None) -> None:
        if begun is not None and go_on is not None:
            begun.set()
            await go_on.wait()

    begun, go_on = asyncio.Event(), asyncio.Event()
    first, second = (erase, write) if erased_first else (write, erase)
    held = asyncio.create_task(first(go_on, begun))
    await begun.wait()
    waiting = asyncio.create_task(second())
    await asyncio.sleep(0.3)
    go_on.set()
    await asyncio.gather(held, waiting)
    assert await office.count(Message, col(Message.identity_id) == before.id, col(Message.body) != "") == 0
    assert await office.count(Message, col(Message.body) != "") == (1 if erased_first else 0)


async def test_a_reply_to_a_channel_that_is_being_removed_is_refused_or_fails_with_the_reason(office: Office):
    async def remove() -> None:
        async with office.house.database.transaction() as session:
            channel = await session.get_one(Channel, office.channel.id)
            await channels.remove(session, office.people[0].access, channel, now=MONDAY)

    first = await office.reply()
    answer, _ = await asyncio.gather(office.reply(), remove())
    assert (first.status_code, answer.status_code in {202, 404, 409}) == (202, True)
    async with office.house.database.transaction() as session:
        claimed = await outbox.claim(session, owner="me", now=MONDAY + timedelta(minutes=1))
    assert [message.id for message in claimed] == [first.json()["message"]]  # taken, to fail: nothing waits in silence


async def test_a_draft_saved_from_two_tabs_is_one_draft_with_the_last_words(office: Office):
    codes = await asyncio.gather(*(office.put("draft", body=f"words {number}") for number in range(6)))
    assert set(codes) == {204}
    (draft,) = await office.all(select(Draft))
    assert draft.body.startswith("words ")
    assert await office.put("draft", body="the last words") == 204
    (draft,) = await office.all(select(Draft))
    assert draft.body == "the last words"
    assert await office.events("draft.saved") == {"draft.saved": 1}


async def test_two_decisions_about_one_doubtful_reply_are_one_decision(office: Office):
    number = (await office.reply()).json()["message"]
    async with office.house.database.transaction() as session:
        (message,) = await outbox.claim(session, owner="me", now=MONDAY + timedelta(minutes=1))
        await outbox.mark_ambiguous(session, message, "No answer in time.", MONDAY)
    address = f"{office.base}/replies/{number}"
    sent = office.clients[0].post(f"{address}/settle", data={"was_sent": "1"})
    again = office.clients[1].post(f"{address}/retry")
    not_sent = office.clients[1].post(f"{address}/settle", data={"was_sent": "0"})
    codes = [answer.status_code for answer in await asyncio.gather(sent, again, not_sent)]
    (row,) = await office.all(select(Message).where(col(Message.id) == number))
    if row.delivery == Delivery.SENT:
        assert codes == [204, 409, 409]
    else:  # "it was not sent", and then "send it again", is a sensible pair
        assert codes[0] == 409
        assert row.delivery in {Delivery.QUEUED, Delivery.FAILED}
