"""Bluesky against a real data server and the real view of the network."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from api.deps import House
from connectors import http
from connectors.bluesky import Bluesky, connector, ids, reading
from inbox.contract import Action, Attachment, AuthError, Event, EventKind, Permanent, Reply
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Conversation, Delivery, Direction, Message
from tests.connectors.test_runner import PACE, Theatre
from tests.make import Make
from tests.servers.atproto import Atproto, Json, Person, stamp

pytestmark = pytest.mark.servers
UNHURRIED = replace(PACE, send=60.0, send_lease=90.0)  # to sign in alone takes the server a second
LONG = 180  # seconds: the view reads a few dozen posts each second where the machine is busy
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005000"
    "1ff89993d1d0000000049454e44ae426082"
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    http.allow(["127.0.0.1"])
    monkeypatch.setattr(connector, "PAUSE", 0.1)
    yield
    http.allow(())


@pytest.fixture
def us(atproto: Atproto) -> Iterator[Person]:
    person = atproto.person("shop")
    yield person
    person.close()


@pytest.fixture
def anna(atproto: Atproto) -> Iterator[Person]:
    person = atproto.person("anna")
    yield person
    person.close()


@pytest.fixture
def bernd(atproto: Atproto) -> Iterator[Person]:
    person = atproto.person("bernd")
    yield person
    person.close()


def settings(atproto: Atproto, us: Person, **more: Any) -> dict[str, Any]:
    return {"server": atproto.address, "handle": us.handle, "app_password": us.app_password(), **more}


@asynccontextmanager
async def connected(atproto: Atproto, us: Person, **more: Any) -> AsyncIterator[Bluesky]:
    bluesky = Bluesky(Bluesky.Config.model_validate(settings(atproto, us, **more)))
    try:
        yield bluesky
    finally:
        await bluesky.aclose()


async def start(bluesky: Bluesky) -> str:
    """The cursor of now."""
    async with aclosing(bluesky.stream(None)) as stream, asyncio.timeout(LONG):
        async for batch in stream:
            if not batch.events and batch.cursor:
                return batch.cursor
    raise AssertionError("the stream ended")


async def some(bluesky: Bluesky, cursor: str | None, wanted: Callable[[list[Event]], bool]) -> list[Event]:
    """What the stream brings after the cursor, until it is what is wanted."""
    found: list[Event] = []
    async with aclosing(bluesky.stream(cursor)) as stream, asyncio.timeout(LONG):
        async for batch in stream:
            assert list(batch.rejected) == []
            found += batch.events
            if wanted(found):
                return found
    raise AssertionError("the stream ended")


def so_many(count: int) -> Callable[[list[Event]], bool]:
    return lambda events: len(events) >= count


async def test_an_answer_comes_in_under_our_post_and_is_answered_under_it(atproto: Atproto, us: Person, anna: Person):
    post = us.say("We are open on Sundays now.")
    async with connected(atproto, us) as bluesky:
        account = await bluesky.check()
        assert (account.id, account.handle, account.is_self) == (us.did, us.handle, True)
        cursor = await start(bluesky)
        question = anna.say("When? 👩‍👩‍👧 Zażółć", answering=post)
        (event,) = await some(bluesky, cursor, so_many(1))
        assert (event.message_id, event.thread_id, event.text) == (question["uri"], question["uri"], "When? 👩‍👩‍👧 Zażółć")
        assert event.post is not None
        assert (event.post.id, event.post.text, event.parent_id) == (post["uri"], "We are open on Sundays now.", post["uri"])
        assert event.author is not None
        assert (event.author.id, event.author.handle) == (anna.did, anna.handle)
        words = f"At nine, @{anna.handle}: https://shop.test/ä #open"
        receipt = await bluesky.send(Reply("key-1", event.thread_id, words, parent_id=event.message_id))
    (_, answer) = us.posts()
    assert answer["uri"] == receipt.message_id
    assert answer["value"]["reply"] == {"root": post, "parent": question}
    named, linked, tagged = (facet["features"][0] for facet in answer["value"]["facets"])
    assert (named["did"], linked["uri"], tagged["tag"]) == (anna.did, "https://shop.test/ä", "open")
    told = await _until_told(anna, "mention")  # that it is an answer too is not told a second time
    assert told["uri"] == receipt.message_id


async def test_the_same_reply_again_is_there_once_and_is_found(atproto: Atproto, us: Person, anna: Person):
    async with connected(atproto, us) as bluesky:
        cursor = await start(bluesky)
        anna.say(f"Hello @{us.handle}", naming=us)
        (event,) = await some(bluesky, cursor, so_many(1))
        reply = Reply("key-1", event.thread_id, "Hello!", parent_id=event.message_id)
        assert await bluesky.find_sent(reply) is None
        receipts = await asyncio.gather(*(bluesky.send(reply) for _ in range(5)))
        again = await bluesky.send(replace(reply, text="Hello, said later"))
        assert {receipt.message_id for receipt in [*receipts, again]} == {receipts[0].message_id}
        found = await bluesky.find_sent(reply)
        assert found is not None
        assert found.message_id == again.message_id
        assert [post["value"]["text"] for post in us.posts()] == ["Hello!"]


async def test_mentions_quotes_and_talks_of_others_begin_conversations(atproto: Atproto, us: Person, anna: Person, bernd: Person):
    post = us.say("Our new key")
    async with connected(atproto, us) as bluesky:
        cursor = await start(bluesky)
        about = bernd.say("Who has a key?")
        asked = anna.say(f"Perhaps ÄÖ @{us.handle} has", answering=about, naming=us)
        embed = {"$type": "app.bsky.embed.record", "record": post}
        quote = bernd.say("Look at this", embed=embed)
        deeper = bernd.say("Do you?", answering=asked, root=about)
        anna.say(f"And again @{us.handle}", answering=deeper, root=about, naming=us)
        events = await some(bluesky, cursor, so_many(3))
    mention, quoting, below = events
    assert (mention.thread_id, mention.post and mention.post.text, mention.mentions) == (asked["uri"], "Who has a key?", (us.did,))
    assert mention.post is not None
    assert mention.post.title == f"@{bernd.handle}"
    assert (quoting.thread_id, quoting.text, quoting.post and quoting.post.id) == (quote["uri"], "Look at this", post["uri"])
    assert (below.thread_id, below.parent_id) == (asked["uri"], deeper["uri"])


async def test_a_native_answer_is_ours_and_likes_of_it_are_reactions(atproto: Atproto, us: Person, anna: Person):
    post = us.say("Our post")
    async with connected(atproto, us) as bluesky:
        cursor = await start(bluesky)
        question = anna.say("When?", answering=post)
        await _until_shown(us, question)
        answer = us.say("At nine.", answering=question, root=post)
        await _until_shown(us, answer)
        anna.like(post)
        anna.like(answer)
        events = await some(bluesky, cursor, so_many(3))
    own = next(event for event in events if event.author and event.author.is_self)
    reaction = next(event for event in events if event.kind is EventKind.REACTION)
    assert (own.text, own.thread_id, own.parent_id) == ("At nine.", question["uri"], question["uri"])
    assert (reaction.message_id, reaction.text) == (answer["uri"], "❤️")


async def test_pictures_come_with_their_description_and_go_out(atproto: Atproto, us: Person, anna: Person):
    async with connected(atproto, us) as bluesky:
        cursor = await start(bluesky)
        image = {"image": anna.upload(PIXEL, "image/png"), "alt": "A crack / in the wall"}
        anna.say(f"@{us.handle}", naming=us, embed={"$type": "app.bsky.embed.images", "images": [image]})
        (event,) = await some(bluesky, cursor, so_many(1))
        (file,) = event.attachments
        assert file.name == "A crack in the wall.jpg"
        assert file.url is not None
        reply = Reply("key-1", event.thread_id, "", parent_id=event.message_id, attachments=(Attachment("a.png", "image/png", PIXEL),))
        await bluesky.send(reply)
        with pytest.raises(Permanent, match="pictures"):
            await bluesky.send(replace(reply, key="key-2", attachments=(Attachment("a.pdf", "application/pdf", b"%PDF"),)))
    (sent,) = us.posts()
    assert sent["value"]["embed"]["images"][0]["image"]["size"] == len(PIXEL)


async def test_what_is_deleted_is_seen_to_be_gone(atproto: Atproto, us: Person, anna: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "SWEEP", 0.0)
    async with connected(atproto, us) as bluesky:
        cursor = await start(bluesky)
        question = anna.say(f"Hello @{us.handle}", naming=us)
        kept = anna.say(f"Hello again @{us.handle}", naming=us)
        events = list[Event]()
        async with aclosing(bluesky.stream(cursor)) as stream, asyncio.timeout(LONG):
            async for batch in stream:
                if not events and batch.events:
                    anna.delete(question)
                events += batch.events
                if events and events[-1].kind is EventKind.DELETE:
                    break
    assert [(event.kind, event.message_id) for event in events] == [
        (EventKind.MESSAGE, question["uri"]),
        (EventKind.MESSAGE, kept["uri"]),
        (EventKind.DELETE, question["uri"]),
    ]


async def test_250_posts_are_caught_up_in_order_none_lost_none_twice(atproto: Atproto, us: Person, anna: Person):
    post = us.say("Our post")
    async with connected(atproto, us) as bluesky:
        cursor = await start(bluesky)
        many = [f"Number {number}" for number in range(250)]
        anna.say_all(
            _answers(many, post, datetime.now(UTC) - timedelta(seconds=1), same=range(60, 140))
        )  # so that pages end between posts of one moment
        events = await some(bluesky, cursor, so_many(250))
        assert len({event.id for event in events}) == len(events) == 250
        assert {event.text for event in events} == set(many)
        again = await some(bluesky, cursor, so_many(250))  # what was not acknowledged comes again
        assert [event.id for event in again] == [event.id for event in events]
        in_order = [event.text for event in events if int(event.text[7:]) not in range(60, 140)]
        assert in_order == [*many[:60], *many[140:]]
        assert {event.post.id for event in events if event.post} == {post["uri"]}


async def test_history_is_as_long_as_was_asked_for(atproto: Atproto, us: Person, anna: Person):
    for number in range(8):
        anna.say(f"{number} @{us.handle}", naming=us)
    await _until_told(us, "mention", 8)
    for history in (3, 0):
        async with connected(atproto, us, history=history) as bluesky:
            cursor = await start(bluesky)
            anna.say(f"new @{us.handle}", naming=us)
            events = await some(bluesky, cursor, lambda events: bool(events) and events[-1].text.startswith("new"))
            assert not [event for event in events if event.text[0] in "01234"]


async def test_actions_show_on_the_network_and_again_is_not_twice(atproto: Atproto, us: Person, anna: Person):
    post = us.say("Our post")
    gate = {"$type": ids.GATE, "post": post["uri"], "createdAt": stamp(datetime.now(UTC)), "allow": [{"$type": f"{ids.GATE}#mentionRule"}]}
    async with connected(atproto, us) as bluesky:
        cursor = await start(bluesky)
        first, second = anna.say("Spam", answering=post), anna.say("Spam again", answering=post)
        key = ids.split(post["uri"]).key
        await some(bluesky, cursor, so_many(2))
        us.ask("com.atproto.repo.putRecord", repo=us.did, collection=ids.GATE, rkey=key, record=gate)
        for _ in range(2):
            await bluesky.act(Action.LIKE, first["uri"])
            await bluesky.act(Action.HIDE, first["uri"])
        await bluesky.act(Action.HIDE, second["uri"])
        await bluesky.act(Action.UNHIDE, first["uri"])
        likes = us.get("com.atproto.repo.listRecords", repo=us.did, collection=ids.LIKE)["records"]
        assert [like["value"]["subject"] for like in likes] == [first]
        stored = us.get("com.atproto.repo.getRecord", repo=us.did, collection=ids.GATE, rkey=key)["value"]
        assert (stored["hiddenReplies"], stored["allow"]) == ([second["uri"]], gate["allow"])
        about = anna.say("Mine")
        receipt = await bluesky.send(Reply("key-1", second["uri"], "Bye.", parent_id=second["uri"]))
        for _ in range(2):
            await bluesky.act(Action.DELETE, receipt.message_id)
        assert len(us.posts()) == 1
        with pytest.raises(Permanent):
            await bluesky.act(Action.DELETE, about["uri"])


async def test_what_stands_under_a_post_is_listed_with_the_same_ids(atproto: Atproto, us: Person, anna: Person, bernd: Person):
    post = us.say("Our post")
    await _until_shown(us, post)  # the view reads people side by side: an answer may come before what it answers
    question = anna.say("When?", answering=post)
    await _until_shown(us, question)
    answer = us.say("At nine.", answering=question, root=post)
    await _until_shown(us, answer)
    bernd.say("Too early", answering=answer, root=post)
    await _until_told(us, "reply", 2)
    async with connected(atproto, us) as bluesky:
        listed = [event async for batch in bluesky.listed(post["uri"]) for event in batch.events]
        streamed = await some(bluesky, None, so_many(3))
    assert {(event.id, event.thread_id) for event in listed} == {(event.id, event.thread_id) for event in streamed}


async def test_too_long_a_text_and_an_answer_to_nothing_fail_for_good_and_a_wrong_password_asks_for_a_person(
    atproto: Atproto, us: Person, anna: Person
):
    async with connected(atproto, us) as bluesky:
        post = anna.say("Mine")
        await _until_shown(us, post)
        with pytest.raises(Permanent, match="300"):
            await bluesky.send(Reply("key-1", post["uri"], "x" * 301, parent_id=post["uri"]))
        other = post["uri"][:-1] + ("3" if post["uri"].endswith("2") else "2")
        with pytest.raises(Permanent, match="not there"):
            await bluesky.send(Reply("key-2", post["uri"], "x", parent_id=other))
    async with connected(atproto, us) as bluesky:
        wrong = bluesky.Config.model_validate(settings(atproto, us) | {"app_password": "abcd-abcd-abcd-abcd"})
        refused = Bluesky(wrong)
        with pytest.raises(AuthError):
            await refused.check()
        await refused.aclose()


def _answers(texts: list[str], post: Json, began: datetime, same: range = range(0)) -> list[Json]:
    """Answers to a post, each a millisecond after the one before; those at these places at one moment."""
    reply = {"root": post, "parent": post}
    times = [began + timedelta(milliseconds=same.start if number in same else number) for number in range(len(texts))]
    return [{"$type": ids.POST, "text": text, "createdAt": stamp(at), "reply": reply} for text, at in zip(texts, times, strict=True)]


async def _until_told(person: Person, reason: str, count: int = 1) -> Json:
    async with asyncio.timeout(LONG):
        while True:
            told = person.get("app.bsky.notification.listNotifications")["notifications"]
            found = [one for one in told if one["reason"] == reason]
            if len(found) >= count:
                return found[0]
            await asyncio.sleep(0.1)


async def _until_shown(person: Person, post: Json) -> None:
    async with asyncio.timeout(LONG):
        while True:
            if person.get("app.bsky.feed.getPosts", uris=[post["uri"]])["posts"]:
                return
            await asyncio.sleep(0.1)


class Office(Theatre):
    """An inbox that reads the account."""

    async def connect(self, atproto: Atproto, us: Person) -> Channel:
        config = self.house.vault.encrypt(json.dumps(settings(atproto, us)))
        async with self.house.database.transaction() as session:
            make = Make(session)
            workspace = await make.workspace(undo_seconds=0)
            return await make.channel(workspace, platform="bluesky", config=config, state=ChannelState.CONNECTING, account_id="")

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(LONG):
            while True:
                if await condition():
                    return
                await asyncio.sleep(0.1)

    async def bodies(self) -> list[str]:
        shown = select(col(Message.body)).where(col(Message.direction) == Direction.IN).order_by(col(Message.at), col(Message.external_id))
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
            await replies.queue(session, conversation, None, body=body, client_key=secrets.token_hex(4), now=now, send_at=now)


@pytest.fixture
def office(house: House) -> Office:
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    return Office(house)


async def test_through_the_inbox_and_back(office: Office, atproto: Atproto, us: Person, anna: Person, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "SWEEP", 0.5)
    post = us.say("Our post")
    channel = await office.connect(atproto, us)
    async with office.host(UNHURRIED):
        await office.until_state(channel, ChannelState.HEALTHY)
        question = anna.say("Is it open?", answering=post)
        await office.until_said("Is it open?")
        await office.answer("Until eight.")
        await office.until_delivery(Delivery.SENT)
        sent = us.posts()[-1]
        await _until_shown(us, sent)
        anna.say("Thank you", answering={"uri": sent["uri"], "cid": sent["cid"]}, root=post)
        await office.until_said("Is it open?", "Thank you")
        anna.delete(question)

        async def is_deleted() -> bool:
            gone = select(func.count()).select_from(Message).where(col(Message.deleted_at).is_not(None))
            return await office.ask(gone) == 1

        await office.until(is_deleted)
    assert sent["value"]["reply"] == {"root": post, "parent": question}
    assert await office.ask(select(func.count()).select_from(Conversation)) == 1
    assert await office.ask(select(func.count()).select_from(Message)) == 3  # the echo is the reply
    assert await office.ask(select(func.count()).select_from(Message).where(col(Message.native))) == 0


async def test_what_happens_while_the_inbox_is_down_or_refuses_comes_once_and_in_order(
    office: Office, atproto: Atproto, us: Person, anna: Person
):
    post = us.say("Our post")
    channel = await office.connect(atproto, us)
    async with office.host(UNHURRIED):
        await office.until_state(channel, ChannelState.HEALTHY)
        anna.say("Before", answering=post)
        await office.until_said("Before")
        began = datetime.now(UTC)
    said = [f"Number {number}" for number in range(250)]
    anna.say_all(_answers(said, post, began))
    await office.change(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '57P03'; END $$;"
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    try:
        async with office.host(UNHURRIED):
            await asyncio.sleep(3)  # it tries, and each time the commit fails
            assert await office.bodies() == ["Before"]
            await office.change("DROP TRIGGER refuse ON message; DROP FUNCTION refuse")
            await office.until_said("Before", *said)
    finally:
        await office.change("DROP TRIGGER IF EXISTS refuse ON message; DROP FUNCTION IF EXISTS refuse")


async def test_a_server_that_restarts_while_it_is_read_loses_nothing(office: Office, atproto: Atproto, us: Person, anna: Person):
    post = us.say("Our post")
    channel = await office.connect(atproto, us)
    async with office.host(UNHURRIED):
        await office.until_state(channel, ChannelState.HEALTHY)
        anna.say("Before", answering=post)
        await office.until_said("Before")
        atproto.stop()
        await office.until_state(channel, ChannelState.FAILING)
        atproto.start()
        anna.say("After", answering=post)
        await office.until_said("Before", "After")
        await office.until_state(channel, ChannelState.HEALTHY)


async def test_a_session_that_is_over_is_renewed_and_a_password_that_is_asks_for_a_person(
    office: Office, atproto: Atproto, us: Person, anna: Person
):
    post = us.say("Our post")
    channel = await office.connect(atproto, us)
    async with office.host(UNHURRIED):
        await office.until_state(channel, ChannelState.HEALTHY)
        atproto.stop()
        atproto.start(forgets_sessions=True)
        for person in (us, anna):
            person.sign_in()
        anna.say("Before", answering=post)
        await office.until_said("Before")  # with a new session, by the app password
        for password in us.get("com.atproto.server.listAppPasswords")["passwords"]:
            us.ask("com.atproto.server.revokeAppPassword", name=password["name"])
        atproto.stop()
        atproto.start(forgets_sessions=True)
        await office.until_state(channel, ChannelState.BROKEN)
        for person in (us, anna):
            person.sign_in()
        anna.say("Meanwhile", answering=post)
        config = office.house.vault.encrypt(json.dumps(settings(atproto, us)))
        async with office.house.database.transaction() as session:
            await session.execute(update(Channel).values(config=config, state=ChannelState.CONNECTING))
        await office.until_said("Before", "Meanwhile")
