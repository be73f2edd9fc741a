"""The account as a stream, and answers, before a relay that behaves as its documents say."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager

import pytest

from connectors import http
from connectors.nostr import Nostr, names, notes, reading
from connectors.nostr.config import NostrConfig
from inbox.contract import Action, Ambiguous, Attachment, AuthError, CursorExpired, Event, EventKind, Permanent, Reply, Transient
from tests.connectors.nostr.fake import ANNA, BERND, MORNING, US, Relay, serving


@pytest.fixture(autouse=True)
def _allowed() -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    yield
    http.allow([])


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    found = Relay()
    found.add(US.profile(), ANNA.profile())
    async with serving(found):
        yield found


def nostr(relay: Relay, history: int = 40) -> Nostr:
    config = {"relay": relay.address, "private_key": US.secret.hex(), "history": history}
    return Nostr(NostrConfig.model_validate(config))


class Listener:
    """What a stream has brought, and the last place."""

    def __init__(self, stream: AsyncIterator[object]) -> None:
        self.stream = stream
        self.events: list[Event] = []
        self.passed: dict[str, int] = {}
        self.rejected: list[bytes] = []
        self.has_gap = False
        self.cursor: str | None = None

    async def until(self, told: Callable[[], bool]) -> list[Event]:
        async with asyncio.timeout(20):
            while not told():
                batch = await anext(self.stream)
                self.events += batch.events
                self.rejected += [one.raw for one in batch.rejected]
                self.passed |= batch.passed_over
                self.has_gap = self.has_gap or batch.gap
                self.cursor = batch.cursor
        return self.events

    async def so_many(self, count: int) -> list[Event]:
        return await self.until(lambda: len(self.events) >= count)


@asynccontextmanager
async def listening(relay: Relay, cursor: str | None = None, history: int = 40) -> AsyncIterator[Listener]:
    async with aclosing(nostr(relay, history).stream(cursor)) as stream:
        yield Listener(stream)


async def test_who_the_account_is_is_told(relay: Relay):
    account = await nostr(relay).check()
    assert (account.id, account.name, account.handle, account.is_self) == (US.key, "Shop", "shop@shop.test", True)


async def test_answers_hang_on_our_note_and_talks_of_others_on_their_first_one(relay: Relay):
    post = US.note("We are open")
    question = ANNA.note("When?", answering=post, at=MORNING + 1)
    answer = US.note("At nine.", answering=question, at=MORNING + 2)
    thanks = ANNA.note("Thanks", answering=answer, at=MORNING + 3)
    talk = BERND.note("Who has a key?", at=MORNING)
    named = ANNA.note("Perhaps the shop", answering=talk, naming=US, at=MORNING + 4)
    mention = BERND.note("Hello shop", naming=US, at=MORNING + 5)
    for event in (thanks, talk, post, answer, named, question, mention):
        relay.add(event)
    async with listening(relay) as listener:
        events = {event.text: event for event in await listener.so_many(5)}
    assert {events[text].thread_id for text in ("When?", "At nine.", "Thanks")} == {question["id"]}
    assert events["Thanks"].parent_id == answer["id"]
    assert events["At nine."].author is not None
    assert events["At nine."].author.is_self
    assert {events[text].post and events[text].post.text for text in ("When?", "Thanks")} == {"We are open"}
    about = events["Perhaps the shop"]
    assert (about.thread_id, about.post and about.post.text) == (named["id"], "Who has a key?")
    assert (events["Hello shop"].thread_id, events["Hello shop"].post) == (mention["id"], None)
    assert events["When?"].permalink == f"https://njump.me/{names.encode('note', bytes.fromhex(question['id']))}"


async def test_live_events_come_and_what_their_author_takes_back_goes(relay: Relay):
    async with listening(relay) as listener:
        await listener.until(lambda: listener.cursor is not None)
        question = relay.add(ANNA.note("When?", naming=US))
        waiting = asyncio.create_task(listener.so_many(1))
        await waiting
        answer = relay.add(US.note("At nine.", answering=question, at=MORNING + 1))
        await listener.so_many(2)
        liked = relay.add(ANNA.react(answer, "🙏"))
        await listener.so_many(3)
        relay.add(ANNA.delete(liked))
        await listener.so_many(4)
        relay.add(BERND.delete(question))  # not his to delete
        relay.add(ANNA.delete(question, at=MORNING + 60))
        await listener.so_many(5)
        assert listener.events[4].at.minute == 1
    told = [(event.kind, event.message_id, event.text) for event in listener.events[2:]]
    assert told == [
        (EventKind.REACTION, answer["id"], "🙏"),
        (EventKind.REACTION, answer["id"], ""),
        (EventKind.DELETE, question["id"], ""),
    ]


async def test_what_comes_in_between_a_question_and_its_answer_is_not_lost(relay: Relay):
    async with listening(relay) as listener:
        await listener.until(lambda: listener.cursor is not None)
        relay.add(ANNA.note("One", naming=US))
        await listener.so_many(1)
        relay.interrupting = [ANNA.note("Three", naming=US)]
        relay.add(BERND.note("Two", naming=US))  # whose name has to be asked for
        events = await listener.so_many(3)
    assert [event.text for event in events] == ["One", "Two", "Three"]


async def test_a_note_whose_clock_is_ahead_hides_nothing_that_comes_after_it(relay: Relay):
    relay.add(ANNA.note("From the future", naming=US, at=MORNING * 2))
    async with listening(relay) as listener:
        await listener.so_many(1)
        await listener.until(lambda: '"watched":[[' in (listener.cursor or ""))
        cursor = listener.cursor
    relay.add(BERND.note("Now", naming=US, at=int(time.time())))
    async with listening(relay, cursor) as listener:
        await listener.until(lambda: any(event.text == "Now" for event in listener.events))


async def test_what_is_forged_odd_or_means_nothing_is_left_out_and_its_neighbours_come_in(relay: Relay):
    post = relay.add(US.note("Our note"))
    forged = ANNA.note("Forged", naming=US) | {"content": "Give me money"}
    odd = ANNA.note("Odd", naming=US) | {"sig": "zz"}
    image = ["imeta", "url https://files.test/a/b.png", "m image/png", "alt A crack / here"]
    relay.add(forged, odd, ANNA.react(post), ANNA.note("Good", naming=US, tags=[image]))
    async with listening(relay) as listener:
        (event,) = await listener.so_many(1)
        await listener.until(lambda: len(listener.passed) == 3 and len(listener.rejected) == 1)
    assert [(file.name, file.media_type, file.url) for file in event.attachments] == [
        ("A crack here.png", "image/png", "https://files.test/a/b.png")
    ]
    assert listener.passed == {
        "an event that its author did not sign": 1,
        "a reaction to something that is no answer of ours": 1,
        "a note of ours": 1,
    }
    assert len(nostr(relay).reread(listener.rejected[0], event.at).rejected) == 1
    mended = ANNA.note("Odd", naming=US)
    assert nostr(relay).reread(json.dumps(mended).encode(), event.at).events[0].text == "Odd"


async def test_what_came_during_a_downtime_comes_in_order_page_by_page(relay: Relay, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "MOST", 20)
    relay.most = 20
    old = [ANNA.note(f"old {number}", naming=US, at=MORNING + number) for number in range(5)]
    relay.add(*old)
    async with listening(relay, history=2) as listener:
        assert [event.text for event in await listener.so_many(2)] == ["old 3", "old 4"]
        await listener.until(lambda: '"last":' in (listener.cursor or ""))
        cursor = listener.cursor
    for number in range(70):
        relay.add(ANNA.note(f"{number}", naming=US, at=MORNING + 10 + (30 if 20 <= number < 35 else number)))
    async with listening(relay, cursor) as listener:
        await listener.until(lambda: len({event.text for event in listener.events} & {str(number) for number in range(70)}) == 70)
    texts = [event.text for event in listener.events if not event.text.startswith("old")]
    assert [text for text in texts if int(text) not in range(20, 35)] == [*map(str, range(20)), *map(str, range(35, 70))]
    assert len(texts) == 70
    assert not {"old 0", "old 1"} & {event.text for event in listener.events}
    assert not listener.has_gap


async def test_a_reply_is_signed_threaded_and_not_sent_twice(relay: Relay):
    post = relay.add(US.note("Our note"))
    question = relay.add(ANNA.note("When?", answering=post, naming=BERND))
    reply = Reply("key-1", question["id"], "At nine. 👩‍👩‍👧", parent_id=question["id"])
    connector = nostr(relay)
    assert await connector.find_sent(reply) is None
    receipt = await connector.send(reply)
    again = await connector.send(reply)
    (sent,) = relay.published
    assert receipt.message_id == again.message_id == sent["id"]
    assert await connector.find_sent(reply) == again
    assert notes.Note.model_validate(sent).is_genuine()
    assert sent["tags"][:2] == [["e", post["id"], "", "root"], ["e", question["id"], "", "reply"]]
    assert {tag[1] for tag in sent["tags"] if tag[0] == "p"} == {ANNA.key, BERND.key}
    for odd in (
        Reply("k", question["id"], "Psst", parent_id=question["id"], private=True),
        Reply("k", question["id"], "", parent_id=question["id"], attachments=(Attachment("a", "image/png", b"x"),)),
        Reply("k", "nothing", "Hello"),
        Reply("k", "f" * 64, "Hello"),
    ):
        with pytest.raises(Permanent):
            await connector.send(odd)


async def test_actions_are_done_once_and_only_to_what_is_ours(relay: Relay):
    question = relay.add(ANNA.note("When?", naming=US))
    answer = relay.add(US.note("At nine.", answering=question))
    connector = nostr(relay)
    for _ in range(2):
        await connector.act(Action.LIKE, question["id"])
    await connector.act(Action.DELETE, answer["id"])
    assert [(event["kind"], event["content"]) for event in relay.published] == [(notes.REACTION, "+"), (notes.DELETION, "")]
    for action, name in ((Action.DELETE, question["id"]), (Action.HIDE, question["id"])):
        with pytest.raises(Permanent):
            await connector.act(action, name)


async def test_trouble_is_told_truly(relay: Relay):
    async with listening(relay) as listener:
        await listener.until(lambda: listener.cursor is not None)
        relay.close()
        with pytest.raises(Transient):
            await listener.so_many(1)
    question = relay.add(ANNA.note("When?", naming=US))
    relay.hangs_up = True
    with pytest.raises(Ambiguous):
        await nostr(relay).send(Reply("key-1", question["id"], "At nine.", parent_id=question["id"]))
    relay.hangs_up, relay.verdict = False, "auth-required: members only"
    with pytest.raises(AuthError) as failed:
        await nostr(relay).send(Reply("key-1", question["id"], "At nine.", parent_id=question["id"]))
    assert US.secret.hex() not in str(failed.value)
    for cursor in ("", "[]", "{}", '{"last":"x"}'):
        with pytest.raises(CursorExpired):
            await anext(nostr(relay).stream(cursor))
