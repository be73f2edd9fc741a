"""WordPress comments against Debian's own WordPress."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from api.deps import House
from connectors import http
from connectors.feed import Feed
from connectors.wordpress import WordPress, reading
from inbox.contract import Action, AuthError, Batch, ConversationKind, Event, EventKind, Permanent, Reply, Transient, WindowClosed
from inbox.conversations import replies
from inbox.models import Channel, ChannelState, Conversation, Delivery, Direction, Message
from tests.connectors.test_runner import Theatre
from tests.make import Make
from tests.servers.wordpress import Person
from tests.servers.wordpress import WordPress as Server

pytestmark = pytest.mark.servers

UNICODE = "👩‍👩‍👧 مرحبا \u202eab\u202c e\u0301 <b>&amp;\u00a0\u2028 Zażółć 𝔘𝔫𝔦 \\ 'quoted' \"twice\"\nand a line"


@pytest.fixture(autouse=True)
def _servers_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    http.allow(["127.0.0.1"])
    monkeypatch.setattr("connectors.wordpress.connector.JITTER", (0.02, 0.02))
    yield
    http.allow(())


@pytest.fixture(scope="module")
def us(wordpress: Server) -> Person:
    return wordpress.person()


@pytest.fixture
def post(wordpress: Server) -> int:
    wordpress.php("global $wpdb; $wpdb->query('DELETE FROM wp_comments'); $wpdb->query('DELETE FROM wp_commentmeta'); wp_cache_flush();")
    return wordpress.post()


def settings(wordpress: Server, us: Person, **more: Any) -> dict[str, Any]:
    return {"site": wordpress.address, "username": us.name, "application_password": us.password, "interval": 10, **more}


@asynccontextmanager
async def connected(wordpress: Server, us: Person, **more: Any) -> AsyncIterator[WordPress]:
    connector = WordPress(WordPress.Config.model_validate(settings(wordpress, us, **more)))
    try:
        yield connector
    finally:
        await connector.aclose()


async def until(connector: WordPress, cursor: str | None, wanted: Callable[[list[Event]], bool]) -> tuple[list[Event], str | None]:
    """What the stream brings after the cursor until it is what is wanted, and the cursor then."""
    found: list[Event] = []
    async with aclosing(connector.stream(cursor)) as stream, asyncio.timeout(60):
        async for batch in stream:
            assert list(batch.rejected) == []
            found += batch.events
            cursor = batch.cursor
            if wanted(found):
                return found, cursor
    raise AssertionError("the stream ended")


def so_many(count: int) -> Callable[[list[Event]], bool]:
    return lambda events: len(events) >= count


async def test_a_comment_comes_in_with_its_post_and_its_answer_goes_out_under_it(wordpress: Server, us: Person, post: int):
    question = wordpress.say(post, "Is it <b>open</b>?\nTomorrow & 'later'")
    async with connected(wordpress, us) as connector:
        account = await connector.check()
        assert (account.id, account.is_self, account.roles) == (str(us.id), True, ("administrator",))
        (event,), cursor = await until(connector, None, so_many(1))
        assert (event.message_id, event.thread_id, event.parent_id) == (str(question), str(question), None)
        assert event.text == "Is it open?\nTomorrow & 'later'"
        assert "<b>open</b>" in (event.html or "")
        assert event.conversation_kind is ConversationKind.COMMENTS
        assert event.post is not None
        assert (event.post.id, event.post.title, event.post.text) == (str(post), "Opening hours", "When we are open")
        assert event.post.published_at is not None
        assert event.author is not None
        assert (event.author.id, event.author.name, event.author.email) == ("guest:anna@customer.example", "Anna", "anna@customer.example")
        assert event.permalink == f"{wordpress.address}/?p={post}#comment-{question}"
        reply = Reply("key-1", event.thread_id, UNICODE, parent_id=event.message_id)
        receipt = await connector.send(reply)
        (echo,), _ = await until(connector, cursor, so_many(1))
    assert (echo.message_id, echo.text, echo.parent_id, echo.thread_id) == (receipt.message_id, UNICODE, str(question), str(question))
    assert echo.permalink == receipt.permalink
    assert echo.author is not None
    assert (echo.author.is_self, echo.author.roles) == (True, ("administrator",))


async def test_an_answer_sent_again_is_there_once_also_after_the_site_restarts(wordpress: Server, us: Person, post: int):
    question = str(wordpress.say(post, "Is it open?"))
    reply = Reply("key-1", question, UNICODE, parent_id=question)
    async with connected(wordpress, us) as connector:
        assert await connector.find_sent(reply) is None
        first = await connector.send(reply)
        again = await connector.send(reply)
        wordpress.stop()
        with pytest.raises(Transient):
            await connector.send(reply)
        wordpress.start()
        last = await connector.send(reply)
        found = await connector.find_sent(reply)
    assert found is not None
    assert first.message_id == again.message_id == last.message_id == found.message_id
    assert len(wordpress.comments(post)) == 2


async def test_edits_spam_trash_and_what_is_brought_back_are_seen(wordpress: Server, us: Person, post: int):
    numbers = wordpress.say_all(post, [{"comment_content": text} for text in ("Whem?", "Pills", "Oops", "Gone")])
    async with connected(wordpress, us) as connector:
        _, cursor = await until(connector, None, so_many(4))
        wordpress.php("wp_update_comment(['comment_ID' => $given['id'], 'comment_content' => 'When?']);", id=numbers[0])
        wordpress.php("wp_spam_comment($given['id']);", id=numbers[1])
        wordpress.php("wp_trash_comment($given['id']);", id=numbers[2])
        wordpress.php("wp_delete_comment($given['id'], true);", id=numbers[3])
        events, cursor = await until(connector, cursor, so_many(4))
        told = {event.message_id: (event.kind, event.text) for event in events}
        assert told == {
            str(numbers[0]): (EventKind.EDIT, "When?"),
            str(numbers[1]): (EventKind.MODERATION, "spam"),
            str(numbers[2]): (EventKind.MODERATION, "hide"),
            str(numbers[3]): (EventKind.DELETE, ""),
        }
        wordpress.php("wp_unspam_comment($given['id']);", id=numbers[1])
        wordpress.php("wp_untrash_comment($given['id']);", id=numbers[2])
        wordpress.php("wp_update_comment(['comment_ID' => $given['id'], 'comment_content' => 'Whem?']);", id=numbers[0])
        back, _ = await until(connector, cursor, so_many(3))
    assert sorted((event.message_id, event.text) for event in back) == sorted(
        [(str(numbers[0]), "Whem?"), (str(numbers[1]), "unhide"), (str(numbers[2]), "unhide")]
    )
    assert not {event.id for event in back} & {event.id for event in events}


async def test_what_was_said_and_trashed_between_two_looks_comes_in_as_both(wordpress: Server, us: Person, post: int):
    async with connected(wordpress, us) as connector:
        _, cursor = await until(connector, None, so_many(0))
        number = wordpress.say(post, "Never mind")
        wordpress.php("wp_trash_comment($given['id']);", id=number)
        events, _ = await until(connector, cursor, so_many(2))
    assert [(event.kind, event.text) for event in events] == [(EventKind.MESSAGE, "Never mind"), (EventKind.MODERATION, "hide")]


async def test_old_spam_and_trash_are_no_history_and_are_counted(wordpress: Server, us: Person, post: int):
    wordpress.say_all(post, [{"comment_content": "Pills", "comment_approved": "spam"}, {"comment_content": "Hello"}])
    async with connected(wordpress, us) as connector, aclosing(connector.stream(None)) as stream:
        batch = await anext(stream)
    assert [event.text for event in batch.events] == ["Hello"]
    assert batch.passed_over == {"spam of before": 1}


async def test_what_waits_for_approval_comes_in_and_its_answer_approves_it(wordpress: Server, us: Person, post: int):
    number = wordpress.say(post, "May I?", comment_approved=0)
    async with connected(wordpress, us) as connector:
        (event,), cursor = await until(connector, None, so_many(1))
        assert (event.kind, event.message_id) == (EventKind.MESSAGE, str(number))
        await connector.send(Reply("key-1", str(number), "Yes.", parent_id=str(number)))
        events, _ = await until(connector, cursor, so_many(1))
    assert [event.text for event in events] == ["Yes."]
    assert [one["comment_approved"] for one in wordpress.comments(post)] == ["1", "1"]


async def test_comments_are_approved_hidden_marked_as_spam_edited_and_trashed_and_again_does_nothing_more(
    wordpress: Server, us: Person, post: int
):
    number = str(wordpress.say(post, "May I?", comment_approved=0))
    steps = [
        (Action.APPROVE, "1"), (Action.HIDE, "0"), (Action.UNHIDE, "1"), (Action.EDIT, "1"), (Action.SPAM, "spam"), (Action.APPROVE, "1"),
        (Action.DELETE, "trash"),
    ]  # fmt: skip
    async with connected(wordpress, us) as connector:
        for action, state in steps:
            for _ in range(2):
                await connector.act(action, number, "May I please & <now>?")
            assert wordpress.comments(post)[0]["comment_approved"] == state
        assert wordpress.comments(post)[0]["comment_content"] == "May I please &amp; &lt;now&gt;?"
        with pytest.raises(Permanent):
            await connector.act(Action.LIKE, number)
        await connector.act(Action.DELETE, "999999")
        with pytest.raises(Permanent, match="not there"):
            await connector.act(Action.APPROVE, "999999")


async def test_answers_to_answers_belong_to_the_thread_also_where_what_is_above_was_never_read(wordpress: Server, us: Person, post: int):
    root = wordpress.say(post, "One")
    middle = wordpress.say(post, "Two", comment_parent=root)
    wordpress.say(post, "Three", comment_parent=middle)
    async with connected(wordpress, us, history=1) as connector:
        (event,), _ = await until(connector, None, so_many(1))
    assert (event.text, event.thread_id, event.parent_id) == ("Three", str(root), str(middle))


async def test_a_page_and_its_author_are_told(wordpress: Server, us: Person, post: int):
    editor = wordpress.person("editor")
    page = wordpress.post("About us", post_type="page", post_author=editor.id)
    wordpress.say(page, "Hi", user_id=editor.id, comment_author="Editor")
    async with connected(wordpress, us) as connector:
        (event,), _ = await until(connector, None, so_many(1))
    assert event.post is not None
    assert event.post.title == "About us"
    assert event.author is not None
    assert (event.author.id, event.author.is_self, event.author.roles) == (str(editor.id), False, ("editor", "post_author"))


async def test_an_editor_is_enough(wordpress: Server, us: Person, post: int):
    number = wordpress.say(post, "Hi", user_id=us.id)
    async with connected(wordpress, wordpress.person("editor")) as connector:
        await connector.check()
        (event,), _ = await until(connector, None, so_many(1))
        await connector.send(Reply("key-1", str(number), "Hello", parent_id=str(number)))
    assert event.author is not None
    assert event.author.roles == ()  # an editor may not see them


async def test_a_subscriber_is_not_and_neither_is_a_wrong_password(wordpress: Server, us: Person, post: int):
    async with connected(wordpress, wordpress.person("subscriber")) as connector:
        with pytest.raises(AuthError, match="moderate"):
            await connector.check()
    async with connected(wordpress, us, application_password="wrong") as connector:
        with pytest.raises(AuthError):
            await connector.check()
        with pytest.raises(AuthError):
            await anext(connector.stream(None))


async def test_a_closed_post_takes_no_answer_nor_does_one_that_is_gone(wordpress: Server, us: Person, post: int):
    number = str(wordpress.say(post, "Hi"))
    wordpress.php("wp_update_post(['ID' => $given['post'], 'comment_status' => 'closed']);", post=post)
    async with connected(wordpress, us) as connector:
        with pytest.raises(WindowClosed, match="closed"):
            await connector.send(Reply("key-1", number, "Hello", parent_id=number))
        wordpress.php("wp_delete_comment($given['id'], true);", id=int(number))
        with pytest.raises(Permanent, match="not there"):
            await connector.send(Reply("key-1", number, "Hello", parent_id=number))


async def test_what_stands_under_a_post_is_counted_and_listed(wordpress: Server, us: Person, post: int):
    states = [{"comment_content": f"Comment {number}", "comment_approved": number % 2} for number in range(205)]
    numbers = wordpress.say_all(post, [*states, {"comment_content": "Pills", "comment_approved": "spam"}])
    async with connected(wordpress, us) as connector:
        assert await connector.counts(str(post)) == 205
        batches: list[Batch] = [batch async for batch in connector.listed(str(post))]
    assert [event.message_id for batch in batches for event in batch.events] == [str(number) for number in numbers[:205]]


async def test_a_deletion_while_pages_are_read_loses_nothing(wordpress: Server, us: Person, post: int, monkeypatch: pytest.MonkeyPatch):
    async with connected(wordpress, us) as connector:
        _, cursor = await until(connector, None, so_many(0))
        numbers = wordpress.say_all(post, [{"comment_content": f"Comment {number}"} for number in range(250)])
        real, asked = connector._site.list, 0

        async def deleting(route: str, params: Any) -> Any:
            nonlocal asked
            page = await real(route, params)
            asked += 1
            if asked == 2:  # many of those that were read already: the next page begins further down
                wordpress.php("foreach ($given['ids'] as $id) wp_delete_comment($id, true);", ids=numbers[-60:])
            return page

        monkeypatch.setattr(connector._site, "list", deleting)
        events, _ = await until(connector, cursor, lambda events: any(event.kind is EventKind.DELETE for event in events))
    messages = [event.message_id for event in events if event.kind is EventKind.MESSAGE]
    assert messages == [str(number) for number in numbers]


class Account(Theatre):
    """A site's channel, with the host that runs it."""

    async def connect(self, config: dict[str, Any]) -> Channel:
        stored = self.house.vault.encrypt(json.dumps(config))
        async with self.house.database.transaction() as session:
            made = Make(session)
            return await made.channel(await made.workspace(undo_seconds=0), platform="wordpress", account_id="", config=stored)

    async def bodies(self) -> list[str]:
        async with self.house.database.transaction() as session:
            return list(await session.scalars(select(col(Message.body)).order_by(col(Message.at), col(Message.id))))

    async def until_there(self, *bodies: str) -> None:
        async def there() -> bool:
            return list(bodies) == await self.bodies()

        await self.until(there)

    async def answer(self, body: str, question: str) -> None:
        async with self.house.database.transaction() as session:
            asked = (await session.scalars(select(Message).where(col(Message.body) == question))).one()
            conversation = await session.get_one(Conversation, asked.conversation_id)
            await replies.queue(session, conversation, None, body=body, client_key=f"key {body}", now=datetime.now(UTC))


@pytest.fixture
def account(house: House) -> Account:
    house.settings = house.settings.model_copy(update={"allow_private_networks": ("127.0.0.1",)})
    return Account(house)


async def test_the_host_catches_up_on_250_comments_in_order_none_lost_and_none_twice(
    account: Account, wordpress: Server, us: Person, post: int
):
    channel = await account.connect(settings(wordpress, us))
    wordpress.say(post, "Comment 0")
    async with account.host():
        await account.until_there("Comment 0")
    wordpress.say_all(post, [{"comment_content": f"Comment {number}"} for number in range(1, 251)])
    async with account.host():
        await account.until_there(*(f"Comment {number}" for number in range(251)))
        await account.answer("At nine.", "Comment 250")
        await account.until_delivery(Delivery.SENT)
        wordpress.stop()
        await account.until_state(channel, ChannelState.FAILING)
        wordpress.start()
        wordpress.say(post, "Still there?")
        await account.until(lambda: account.ask(select(col(Message.id)).where(col(Message.body) == "Still there?")))
        await account.until_state(channel, ChannelState.HEALTHY)
    reply = await account.ask(select(Message).where(col(Message.direction) == Direction.OUT))
    assert (reply.native, await account.messages()) == (False, 253)
    assert await account.ask(select(func.count()).select_from(Conversation)) == 252
    assert [one["comment_content"] for one in wordpress.comments(post)][-2:] == ["At nine.", "Still there?"]


async def test_a_refused_password_asks_a_person_to_reconnect(account: Account, wordpress: Server, us: Person):
    channel = await account.connect(settings(wordpress, us, application_password="gone"))
    async with account.host():
        await account.until_state(channel, ChannelState.BROKEN)
    assert "application password" in ((await account.row(channel)).error or "")


async def test_what_was_not_committed_comes_again_the_same(wordpress: Server, us: Person, post: int):
    numbers = wordpress.say_all(post, [{"comment_content": "One"}, {"comment_content": "Two"}])
    async with connected(wordpress, us) as connector:
        _, cursor = await until(connector, None, so_many(2))
        wordpress.php("wp_update_comment(['comment_ID' => $given['id'], 'comment_content' => 'Deux']);", id=numbers[1])
        wordpress.say(post, "Three")
        first, _ = await until(connector, cursor, so_many(2))
        again, _ = await until(connector, cursor, so_many(2))
    assert [event.id for event in first] == [event.id for event in again] == [f"comment:{numbers[1] + 1}", f"edit:{numbers[1]}:1"]


async def test_older_comments_are_looked_at_at_times(wordpress: Server, us: Person, post: int, monkeypatch: pytest.MonkeyPatch):
    numbers = wordpress.say_all(post, [{"comment_content": f"Comment {number}"} for number in range(150)])
    async with connected(wordpress, us, history=1000) as connector:
        _, cursor = await until(connector, None, so_many(150))
        wordpress.php("wp_delete_comment($given['one'], true); wp_spam_comment($given['two']);", one=numbers[3], two=numbers[4])
        monkeypatch.setattr(reading, "SWEEP", 0.0)
        events, _ = await until(connector, cursor, so_many(2))
    assert {(event.kind, event.message_id, event.text) for event in events} == {
        (EventKind.DELETE, str(numbers[3]), ""),
        (EventKind.MODERATION, str(numbers[4]), "spam"),
    }


@pytest.mark.parametrize("kind", ["rss2", "atom", "rdf", "comments-rss2", "comments-atom"])
async def test_its_feeds_are_read_too(wordpress: Server, us: Person, post: int, kind: str):
    for title in ("Bread & butter", "Café – crème"):
        wordpress.say(wordpress.post(title, post_content="<p>Fresh <em>today</em></p>", post_author=us.id), f"About {title}?")
    config = {"address": f"{wordpress.address}/?feed={kind}", "history": 2}
    feed = Feed(Feed.Config.model_validate(config))
    async with aclosing(feed.stream(None)) as batches:
        batch = await anext(batches)
    account = await feed.check()
    await feed.aclose()
    assert "The Shop" in account.name
    if kind.startswith("comments"):
        assert [event.text for event in batch.events] == ["About Bread & butter?", "About Café – crème?"]
        assert {event.author.name for event in batch.events if event.author} == {"Anna"}
    else:
        assert [event.post.title for event in batch.events if event.post] == ["Bread & butter", "Café – crème"]
        assert {event.author.name for event in batch.events if event.author} == {us.name.title()}
