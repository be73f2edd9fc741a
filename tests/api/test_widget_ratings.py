"""The question in the website chat: asked there, answered there, by its visitor alone."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlmodel import col

from api.deps import House
from api.widget_access import RATINGS
from inbox.conversations import chats, visitors
from inbox.models import Contact, Conversation, Rating, Thread, Visitor
from tests.api.counter import Counter
from tests.api.visitor import SITE, Page, serving, visiting
from tests.make import Make


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as address:
        yield address


@pytest.fixture
async def counter(house: House) -> Counter:
    public = {"allowed_origins": [SITE]}
    return await Counter(house).open(platform="widget", key="chat-of-the-shop", public_config=public)


def visit(counter: Counter, address: str, **more: Any) -> Any:
    return visiting(address, counter.channel.key, **more)


async def chat_of(counter: Counter, page: Page) -> Conversation:
    async with counter.house.database.transaction() as session:
        visitor = await visitors.find(session, counter.house.vault, counter.channel, page.token)
        assert visitor is not None
        return await session.get_one(Conversation, await visitors.conversation_id(session, visitor))


async def asked(counter: Counter, page: Page) -> Rating:
    """The visitor speaks, is answered, and is asked once it is resolved."""
    await page.say("Is it ready?")
    conversation = await chat_of(counter, page)
    await counter.answers(conversation)
    await counter.moves(conversation)
    counter.later(minutes=10)
    assert await counter.asks() == 1
    return (await counter.rows(select(Rating).where(col(Rating.conversation_id) == conversation.id)))[0]


async def question(page: Page) -> int:
    """The next question that the chat brings."""
    while True:
        if (frame := await page.hear("messages"))["question"] is not None:
            return frame["question"]


async def withdrawn(page: Page) -> None:
    while (await page.hear("messages"))["question"] is not None:
        pass


async def test_the_question_appears_in_the_open_chat_and_goes_with_the_answer(counter: Counter, address: str):
    async with visit(counter, address) as page:
        rating = await asked(counter, page)
        assert await question(page) == rating.id
        async with visit(counter, address, token=page.token) as other:
            assert other.ready["question"] == rating.id
            await page.send(type="rate", rating=rating.id, score=5, comment="  Lovely ")
            assert (await page.hear("rated"))["rating"] == rating.id
            await withdrawn(other)
    (given,) = await counter.ratings()
    assert (given.score, given.comment, given.given_at) == (5, "Lovely", counter.now)


async def test_a_visitor_may_change_the_answer(counter: Counter, address: str):
    async with visit(counter, address) as page:
        rating = await asked(counter, page)
        for score in (5, 1):
            await page.send(type="rate", rating=rating.id, score=score)
            await page.hear("rated")
    assert [given.score for given in await counter.ratings()] == [1]


async def test_who_goes_on_speaking_is_not_asked_any_more(counter: Counter, address: str):
    async with visit(counter, address) as page:
        await asked(counter, page)
        await question(page)
        await page.say("And the other one?")
        await withdrawn(page)


async def test_another_visitor_can_neither_see_nor_answer_it(counter: Counter, address: str):
    async with visit(counter, address) as page, visit(counter, address) as stranger:
        rating = await asked(counter, page)
        await stranger.send(type="rate", rating=rating.id, score=1)  # has not spoken yet
        assert (await stranger.hear("refused"))["code"] == "rating_gone"
        await stranger.say("Hello")
        await stranger.send(type="rate", rating=rating.id, score=1, comment="Awful")
        assert (await stranger.hear("refused"))["code"] == "rating_gone"
        await stranger.send(type="unasked", rating=rating.id)
        assert (await stranger.hear("refused"))["code"] == "rating_gone"
        assert {frame.get("question") for frame in stranger.frames} == {None}
    assert [(given.score, given.comment) for given in await counter.ratings()] == [(None, "")]
    assert {contact.unasked_since for contact in await counter.rows(select(Contact))} == {None}


@pytest.mark.parametrize(
    "frame", [{"score": 0}, {"score": 6}, {"score": "five"}, {"score": 4, "rating": -1}, {"score": 4, "rating": 2**70}, {}]
)
async def test_nonsense_ends_the_socket_and_records_nothing(counter: Counter, address: str, frame: dict[str, Any]):
    async with visit(counter, address) as page:
        rating = await asked(counter, page)
        await page.send(**{"type": "rate", "rating": rating.id, **frame})
        await page.socket.wait_closed()
    assert [given.score for given in await counter.ratings()] == [None]


async def test_a_comment_that_is_too_long_is_told_so(counter: Counter, address: str):
    async with visit(counter, address) as page:
        rating = await asked(counter, page)
        await page.send(type="rate", rating=rating.id, score=4, comment="x" * 1001)
        assert (await page.hear("refused"))["code"] == "too_long"
    assert [given.score for given in await counter.ratings()] == [None]


async def test_who_changes_it_again_and_again_is_stopped(counter: Counter, address: str):
    async with visit(counter, address) as page:
        rating = await asked(counter, page)
        for at in range(RATINGS.count):
            await page.send(type="rate", rating=rating.id, score=at % 5 + 1)
            await page.hear("rated")
        await page.send(type="rate", rating=rating.id, score=1)
        assert (await page.hear("refused"))["code"] == "too_many"


async def test_who_does_not_want_to_be_asked_sees_no_question_any_more(counter: Counter, address: str):
    async with visit(counter, address) as page:
        rating = await asked(counter, page)
        await page.send(type="unasked", rating=rating.id)
        await page.hear("unasked")
        async with visit(counter, address, token=page.token) as again:
            assert again.ready["question"] is None


async def test_who_deletes_the_chat_takes_the_words_along(counter: Counter, address: str):
    async with visit(counter, address) as page:
        rating = await asked(counter, page)
        await page.send(type="rate", rating=rating.id, score=2, comment="My number is 0451 555 0199")
        await page.hear("rated")
        await erase(counter, rating)
    assert [(given.score, given.comment) for given in await counter.ratings()] == [(2, "")]


async def test_who_is_known_elsewhere_too_takes_along_what_was_said_of_this_chat_alone(counter: Counter, address: str, house: House):
    async with visit(counter, address) as page, visit(counter, address) as stranger:
        other, rating = await asked(counter, stranger), await asked(counter, page)
        await counter.gives(other, 4, "Kind")
        await counter.gives(rating, 2, "My number is 0451 555 0199")
        async with house.database.transaction() as session:
            await session.execute(update(Rating).where(col(Rating.id) == other.id).values(contact_id=None))  # nobody knows any more whose
            await Make(session).identity(counter.channel, contact_id=rating.contact_id)
        await erase(counter, rating)
    assert [(given.score, given.comment) for given in await counter.ratings()] == [(4, "Kind"), (2, "")]


async def erase(counter: Counter, rating: Rating) -> None:
    """The visitor whose chat it is deletes it."""
    async with counter.house.database.transaction() as session:
        query = select(Visitor).join(Thread, col(Thread.external_id) == col(Visitor.external_id))
        visitor = (await session.scalars(query.where(col(Thread.conversation_id) == rating.conversation_id))).one()
        await chats.erase(session, counter.house.vault, counter.house.settings.home, visitor, now=counter.now)
