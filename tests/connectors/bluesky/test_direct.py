"""Private messages, before a chat service that behaves as its lexicons say."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors import http
from connectors.bluesky import Bluesky, connector, ids
from connectors.bluesky.config import BlueskyConfig
from connectors.bluesky.direct import reading
from connectors.bluesky.server import NOT_ALLOWED
from inbox.contract import Action, Ambiguous, Attachment, ConversationKind, Event, EventKind, Permanent, RateLimited, Reply
from tests.connectors.bluesky.chat import DEFS
from tests.connectors.bluesky.fake import ANNA, BERND, MORNING, PASSWORD, US, Network, Refusal, naming, serving
from tests.connectors.bluesky.test_reading import Listener, connected, listening


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    http.allow(["127.0.0.0/8"])
    monkeypatch.setattr(connector, "PAUSE", 0.0)
    monkeypatch.setattr(reading, "TROUBLE", 0.0)
    yield
    http.allow([])


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    found = Network()
    async with serving(found):
        yield found


@pytest.fixture
async def bluesky(network: Network) -> AsyncIterator[Bluesky]:
    async with connected(network) as found:
        yield found


def chat(listener: Listener) -> str:
    return str(json.loads(listener.cursor or "{}").get("chat", ""))


async def place(network: Network) -> str:
    """The cursor of now."""
    async with listening(network) as listener:
        await listener.until(lambda: chat(listener) != "")
        return listener.cursor or ""


async def after(network: Network, cursor: str, count: int) -> list[Event]:
    async with listening(network, cursor) as listener:
        return list(await listener.until(lambda: len(listener.events) >= count))


def answer(text: str = "At nine.", *, key: str = "key-1", convo: str = "with-anna") -> Reply:
    return Reply(key, f"chat:{convo}", text, recipient=ANNA["did"])


async def test_a_private_message_is_a_conversation_of_two_and_what_a_colleague_says_there_is_ours(network: Network):
    cursor = await place(network)
    question = network.chat.say(ANNA, "When?")
    network.chat.say(US, "At nine.", convo="with-anna", replyTo={"messageId": question["id"]})
    theirs, ours = await after(network, cursor, 2)
    assert (theirs.text, theirs.thread_id, theirs.message_id) == ("When?", "chat:with-anna", f"chat:with-anna/{question['id']}")
    assert (theirs.conversation_kind, theirs.private, theirs.post) == (ConversationKind.DIRECT, True, None)
    assert theirs.author is not None
    assert ours.author is not None
    assert (theirs.author.id, theirs.author.name, theirs.author.handle) == (ANNA["did"], "Anna", "anna.test")
    assert (ours.author.is_self, ours.author.name, ours.parent_id) == (True, "Shop", theirs.message_id)


async def test_250_of_a_downtime_come_once_and_in_order_page_by_page(network: Network):
    cursor = await place(network)
    network.chat.begins_with = True
    for number in range(250):
        network.chat.say(ANNA if number % 2 else BERND, f"{number}")
    events = await after(network, cursor, 250)
    assert [event.text for event in events] == [str(number) for number in range(250)]
    async with listening(network, cursor) as listener:
        await listener.until(lambda: len(listener.events) >= 250)
        late = listener.cursor or ""
    network.chat.say(ANNA, "one more")
    texts = [event.text for event in await after(network, late, 1)]
    assert texts[-1] == "one more"
    assert len(texts) <= 51  # what comes again is the last page at most, by the same ids


async def test_a_reader_that_fails_on_the_way_begins_there_again_and_loses_nothing(network: Network):
    cursor = await place(network)
    network.chat.say(ANNA, "one")
    network.chat.say(BERND, "two")
    network.refusals["chat.bsky.convo.getConvo"] = [Refusal(502, "UpstreamFailure")] * 3
    async with listening(network, cursor) as listener:
        assert await listener.texts(2) == ["one", "two"]
        assert "Private messages cannot be read just now; it is tried again." in listener.passed


async def test_the_history_is_the_newest_of_all_conversations_and_not_told_again(network: Network):
    first = network.chat.say(ANNA, "old", at=MORNING)
    network.chat.react(BERND, "with-anna", first, "👍")
    for number in range(3):
        network.chat.say(ANNA, f"anna {number}", at=MORNING + timedelta(minutes=10 * number + 1))
        network.chat.say(BERND, f"bernd {number}", at=MORNING + timedelta(minutes=10 * number + 2))
    network.chat.delete("with-anna", network.chat.say(ANNA, "never mind", at=MORNING + timedelta(hours=2)))
    async with listening(network, history=4) as listener:
        assert await listener.texts(4) == ["anna 1", "bernd 1", "anna 2", "bernd 2"]
        await listener.until(lambda: chat(listener) != "")
        network.chat.say(ANNA, "new")
        assert (await listener.texts(5))[4:] == ["new"]
    async with listening(network, history=40) as listener:
        events = await listener.until(lambda: chat(listener) != "")
    assert [event.text for event in events][:2] == ["old", "👍"]
    assert len({event.id for event in events}) == len(events)


async def test_an_installation_from_before_goes_on_in_public_and_begins_in_private(network: Network):
    network.chat.say(ANNA, "in private")
    network.say(BERND, "@shop.test", facets=naming(US, "@shop.test"))
    before = json.dumps(
        {"begun": "2026-03-02T07:00:00+00:00", "notification": MORNING.isoformat(), "own": "", "own_begun": "", "watched": []}
    )
    events = await after(network, before, 2)
    assert {event.text for event in events} == {"@shop.test", "in private"}


async def test_reactions_come_and_go_and_a_second_one_stays(network: Network):
    message = network.chat.say(US, "At nine.", convo=network.chat.between(ANNA))
    cursor = await place(network)
    for value in ("👍", "🎉"):
        network.chat.react(ANNA, "with-anna", message, value)
    network.chat.take_back(ANNA, "with-anna", message, "🎉")
    network.chat.take_back(ANNA, "with-anna", message, "👍")
    events = await after(network, cursor, 4)
    assert {(event.kind, event.message_id, event.author and event.author.id) for event in events} == {
        (EventKind.REACTION, f"chat:with-anna/{message['id']}", ANNA["did"])
    }
    assert [event.text for event in events] == ["👍", "🎉", "👍", ""]


async def test_what_the_account_deletes_elsewhere_is_deleted_here(network: Network):
    message = network.chat.say(ANNA, "When?")
    cursor = await place(network)
    network.chat.delete("with-anna", message)
    (gone,) = await after(network, cursor, 1)
    assert (gone.kind, gone.message_id) == (EventKind.DELETE, f"chat:with-anna/{message['id']}")


async def test_a_post_that_a_message_carries_is_written_out_and_one_that_is_gone_only_named(network: Network):
    cursor = await place(network)
    post = network.add(BERND, "Our key")
    viewed = {"$type": "app.bsky.embed.record#viewRecord", "uri": post["uri"], "author": BERND, "value": post["record"]}
    gone = {"$type": "app.bsky.embed.record#viewNotFound", "uri": post["uri"], "notFound": True}
    for text, record in (("Look", viewed), ("", gone)):
        network.chat.say(ANNA, text, embed={"$type": "app.bsky.embed.record#view", "record": record})
    first, second = await after(network, cursor, 2)
    address = ids.link(post["uri"])
    assert (first.text, second.text) == (f"Look\n\n@bernd.test: Our key\n{address}", address)


async def test_groups_system_lines_and_new_kinds_are_counted_and_odd_ones_are_kept_beside_their_neighbours(network: Network):
    cursor = await place(network)
    network.chat.between(ANNA, BERND, name="all")
    network.chat.say(ANNA, "Hi all", convo="all")
    for kind in ("logReadConvo", "logMuteConvo", "logSomethingNew"):
        network.chat.tell(kind, "with-anna")
    network.chat.tell("logCreateMessage", "with-anna", message={"$type": f"{DEFS}messageView", "id": 3})
    network.chat.tell("logCreateMessage", "gone", message=network.chat.say(ANNA, "one") | {"id": "m900"}, relatedProfiles=[ANNA])
    async with listening(network, cursor) as listener:
        events = await listener.until(lambda: len(listener.events) == 2)
    assert [event.text for event in events] == ["one", "one"]
    assert [event.author and event.author.name for event in events] == ["Anna", "Anna"]
    assert listener.passed == {
        "a chat event of the kind logBeginConvo": 2,
        "a chat of more than two": 1,
        "a chat event of the kind logReadConvo": 1,
        "a chat event of the kind logMuteConvo": 1,
        "a chat event of the kind logSomethingNew": 1,
    }
    (raw,) = listener.rejected
    async with connected(network) as bluesky:
        assert len(bluesky.reread(raw, MORNING).rejected) == 1
        (mended,) = bluesky.reread(json.dumps(network.chat.log[-2]).encode(), MORNING).events
        assert (mended.id, mended.author) == (events[0].id, events[0].author)
        assert bluesky.reread(json.dumps({"$type": f"{DEFS}logReadConvo"}).encode(), MORNING).events == ()


async def test_a_password_without_the_permission_reads_the_public_side_and_says_what_to_do(network: Network):
    network.is_privileged = False
    network.chat.say(ANNA, "in private")
    network.say(BERND, "@shop.test", facets=naming(US, "@shop.test"))
    async with listening(network) as listener:
        await listener.until(lambda: NOT_ALLOWED in listener.passed)
        network.say(BERND, "again", reason="mention")
        assert await listener.texts(2) == ["@shop.test", "again"]
    assert network.requests.count("chat.bsky.convo.getLog") == 1  # nothing is tried again and again
    assert network.requests.count("com.atproto.server.createSession") == 1
    async with connected(network) as bluesky:
        assert (await bluesky.check()).id == US["did"]
        with pytest.raises(Permanent, match="app password"):
            await bluesky.send(answer())


async def test_a_chat_that_is_refused_keeps_its_place_and_the_public_side(network: Network, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "CLOSED", 0.0)
    cursor = await place(network)
    network.chat.say(ANNA, "in private")
    network.refusals["chat.bsky.convo.getLog"] = [Refusal(400, "AccountDisabled")] * 4
    async with listening(network, cursor) as listener:
        assert await listener.texts(1) == ["in private"]
        assert "Private messages are not read: the server does not pass them on (AccountDisabled)." in listener.passed
        assert not listener.has_gap


async def test_a_place_that_the_service_forgot_is_a_gap_and_the_newest_messages_come(network: Network):
    cursor = await place(network)
    network.chat.say(ANNA, "in private")
    network.chat.is_forgetful = True
    async with listening(network, cursor) as listener:
        assert await listener.texts(1) == ["in private"]
        assert listener.has_gap


async def test_a_limit_of_requests_is_kept_by_all_that_is_read(network: Network):
    cursor = await place(network)
    network.refusals["chat.bsky.convo.getLog"] = [Refusal(429, "RateLimitExceeded", retry_after="7")]
    async with listening(network, cursor) as listener:
        with pytest.raises(RateLimited) as told:
            await listener.texts(1)
    assert told.value.retry_after == 7


async def test_an_answer_is_said_in_the_conversation_with_its_links(network: Network, bluesky: Bluesky):
    network.chat.say(ANNA, "When?")
    receipt = await bluesky.send(answer("At nine: https://shop.test"))
    said = network.chat.messages["with-anna"][-1]
    assert (said["text"], said["sender"]["did"]) == ("At nine: https://shop.test", US["did"])
    assert said["facets"][0]["features"][0]["uri"] == "https://shop.test"
    assert (receipt.message_id, receipt.permalink) == (f"chat:with-anna/{said['id']}", None)


async def test_a_public_post_is_answered_in_private_where_its_author_can_be_written_to(network: Network, bluesky: Bluesky):
    post = network.add(ANNA, "When?")
    reply = Reply("key-1", post["uri"], "At nine.", parent_id=post["uri"], private=True, recipient=ANNA["did"])
    with pytest.raises(Permanent, match="NotFollowedBySender"):
        await bluesky.send(reply)
    with pytest.raises(Permanent, match="whom"):
        await bluesky.send(replace(reply, recipient=None))
    network.chat.between(ANNA)
    assert (await bluesky.send(reply)).message_id.startswith("chat:with-anna/")
    assert [one["text"] for one in network.chat.messages["with-anna"]] == ["At nine."]


async def test_an_answer_whose_receipt_was_lost_is_found_by_its_words_after_it_began(network: Network, bluesky: Bluesky):
    network.chat.say(US, "At nine.", convo=network.chat.between(ANNA))
    network.chat.say(ANNA, "And on Sunday?")
    network.refusals["chat.bsky.convo.sendMessage"] = [Refusal(502, "UpstreamFailure")]
    with pytest.raises(Ambiguous):
        await bluesky.send(answer())
    assert await bluesky.find_sent(answer()) is None  # what was said before it is not it
    network.chat.lost_answers = 1
    with pytest.raises(Ambiguous):
        await bluesky.send(answer())
    network.chat.say(ANNA, "Thanks")
    found = await bluesky.find_sent(answer())
    assert found is not None
    assert found.message_id == f"chat:with-anna/{network.chat.messages['with-anna'][-2]['id']}"


async def test_after_a_restart_the_same_words_are_a_doubt_and_without_them_it_is_certainly_not_there(network: Network, bluesky: Bluesky):
    network.chat.say(ANNA, "At nine.")
    assert await bluesky.find_sent(answer()) is None
    network.chat.say(US, "At  nine.", convo="with-anna")
    with pytest.raises(Ambiguous, match="nobody can tell"):
        await bluesky.find_sent(answer())
    for number in range(100):
        network.chat.say(ANNA, f"{number}")
    with pytest.raises(Ambiguous, match="Too much"):
        await bluesky.find_sent(answer())


async def test_what_cannot_be_said_in_private_is_told_with_its_reason(network: Network, bluesky: Bluesky):
    network.chat.between(ANNA)
    file = Attachment("a.png", "image/png", b"PNG")
    for reply, words in (
        (replace(answer(), attachments=(file,)), "files"),
        (answer("👩‍👩‍👧" * 600), "bytes"),
        (answer(convo="gone"), "InvalidConvo"),
    ):
        with pytest.raises(Permanent, match=words):
            await bluesky.send(reply)
    assert network.chat.messages["with-anna"] == []


async def test_a_heart_is_given_once_and_deleting_takes_a_message_out_of_our_own_view(network: Network, bluesky: Bluesky):
    message = network.chat.say(US, "At nine.", convo=network.chat.between(ANNA))
    name = f"chat:with-anna/{message['id']}"
    for _ in range(2):
        await bluesky.act(Action.LIKE, name)
    assert [one["value"] for one in message["reactions"]] == ["❤️"]
    await bluesky.act(Action.DELETE, name)
    assert network.chat.messages["with-anna"][-1]["$type"] == f"{DEFS}deletedMessageView"
    for action, about in ((Action.HIDE, name), (Action.LIKE, "chat:odd")):
        with pytest.raises(Permanent):
            await bluesky.act(action, about)


async def test_where_private_messages_are_not_wanted_nobody_asks_for_them(network: Network):
    settings = {"server": network.address, "handle": US["handle"], "app_password": PASSWORD, "private_messages": False}
    config = BlueskyConfig.model_validate(settings)
    narrowed = config.narrow(Bluesky.capabilities)
    assert Action.PRIVATE_REPLY not in narrowed.actions
    assert ConversationKind.DIRECT not in narrowed.conversation_kinds
    bluesky = Bluesky(config)
    async for _ in bluesky.stream(None):
        break
    with pytest.raises(Permanent, match="switched off"):
        await bluesky.send(answer())
    await bluesky.aclose()
    assert not any(request.startswith("chat.") for request in network.requests)
