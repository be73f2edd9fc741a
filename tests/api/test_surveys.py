"""Customers are asked how it was: once, in private, some minutes after what was resolved with an answer."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlmodel import col

from api.deps import House
from connectors.demo.town import Town
from connectors.host import sending
from connectors.host.accounts import Accounts
from connectors.host.pace import Pace
from connectors.host.place import Place
from inbox.contract import Author, Batch, ConversationKind, Event, EventKind
from inbox.conversations import merging, outbox, outgoing, ratings, receive, surveys
from inbox.models import Channel, Contact, Conversation, Delivery, Episode, Message, RatingState, Status, Wait
from tests.api.counter import Counter
from tests.make import MONDAY, Make


@pytest.fixture
async def counter(house: House) -> Counter:
    return await Counter(house).open()


async def questions(counter: Counter) -> Any:
    return await counter.rows(select(Message).where(col(Message.automatic)).order_by(col(Message.id)))


async def test_a_customer_is_asked_once_when_the_minutes_are_over(counter: Counter):
    conversation = await counter.resolves()
    counter.later(minutes=9)
    assert await counter.asks() == 0
    counter.later(minutes=1)
    assert (await counter.asks(), await counter.asks()) == (1, 0)
    (rating,) = await counter.ratings()
    (message,) = await questions(counter)
    assert (rating.state, rating.message_id, rating.member_id) == (RatingState.ASKED, message.id, counter.member.id)
    assert (message.conversation_id, message.author_name, message.delivery) == (conversation.id, "", Delivery.QUEUED)
    assert await counter.told("rating.asked") == [{"rating": rating.id, "episode": rating.episode_id}]


async def test_the_question_closes_no_wait_opens_none_and_leaves_the_conversation_resolved(counter: Counter):
    await counter.resolves("anna")
    waiting = await counter.says("bernd")
    await counter.rows(update(Conversation).where(col(Conversation.id) == waiting.id).values(priority="high").returning(Conversation))
    counter.later(minutes=10)
    before = [(wait.id, wait.outcome, wait.closed_by) for wait in await counter.rows(select(Wait).order_by(col(Wait.id)))]
    await counter.asks()
    assert len(await counter.delivers()) == 1
    after = [(wait.id, wait.outcome, wait.closed_by) for wait in await counter.rows(select(Wait).order_by(col(Wait.id)))]
    (episode,) = await counter.rows(select(Episode).where(col(Episode.resolved_at).is_not(None)))
    assert before == after
    assert episode.replies_count == 1


async def test_who_comes_back_before_is_not_asked_and_is_asked_after_the_next_resolution(counter: Counter):
    conversation = await counter.resolves()
    counter.later(minutes=5)
    await counter.says()
    counter.later(minutes=10)
    assert await counter.asks() == 0
    await counter.answers(conversation)
    await counter.moves(conversation)
    counter.later(minutes=10)
    assert await counter.asks() == 1
    assert len(await counter.ratings()) == 1


async def test_an_episode_that_is_resolved_again_is_not_asked_about_again(counter: Counter):
    rating = await counter.asked()
    conversation = await counter.says()
    await counter.answers(conversation)
    await counter.moves(conversation)
    counter.later(days=1)
    assert await counter.asks() == 0
    assert [each.id for each in await counter.ratings()] == [rating.id]


@pytest.mark.parametrize("kind", [ConversationKind.COMMENTS, ConversationKind.REVIEW])
async def test_nobody_is_asked_in_public(counter: Counter, kind: ConversationKind):
    await counter.resolves(kind=kind)
    counter.later(minutes=20)
    assert await counter.asks() == 0
    assert await counter.ratings() == []


async def test_nobody_is_asked_in_a_group_room(counter: Counter):
    conversation = await counter.resolves()
    await counter.rows(update(Conversation).where(col(Conversation.id) == conversation.id).values(in_room=True).returning(Conversation))
    counter.later(minutes=20)
    assert await counter.asks() == 0


async def test_what_was_resolved_without_an_answer_is_not_asked_about(counter: Counter):
    await counter.moves(await counter.says())
    counter.later(minutes=20)
    assert await counter.asks() == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"asks_since": None}, "it is off"),
        ({"asks_since": MONDAY + timedelta(minutes=5)}, "it was switched on after the resolution"),
        ({"removed_at": MONDAY}, "the channel is gone"),
        ({"state": "paused"}, "the channel is paused"),
    ],
)
async def test_nobody_is_asked_where_the_channel_does_not_ask(counter: Counter, change: dict[str, Any], why: str):
    await counter.resolves()
    await counter.rows(update(Channel).values(**change).returning(Channel))
    counter.later(minutes=20)
    assert await counter.asks() == 0, why


async def test_nobody_is_asked_while_the_installation_is_held_nor_long_afterwards(counter: Counter, house: House):
    await counter.resolves()
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE installation SET held = true"))
    counter.later(minutes=20)
    assert await counter.asks() == 0
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE installation SET held = false"))
    counter.later(days=2)
    assert await counter.asks() == 0


@pytest.mark.parametrize("status", [Status.SPAM, Status.OPEN, Status.PENDING])
async def test_what_is_spam_or_open_again_is_not_asked_about(counter: Counter, status: Status):
    conversation = await counter.resolves()
    await counter.moves(conversation, status)
    counter.later(minutes=20)
    assert await counter.asks() == 0


async def test_a_person_is_asked_once_in_seven_days_whatever_they_write_about(counter: Counter):
    await counter.asked("anna", thread="one")
    await counter.resolves("anna", thread="two")
    counter.later(days=6)
    await counter.resolves("anna", thread="three")
    counter.later(minutes=10)
    assert await counter.asks() == 0
    counter.later(days=2)
    await counter.resolves("anna", thread="four")
    counter.later(minutes=10)
    assert await counter.asks() == 1
    assert [rating.state for rating in await counter.ratings()] == [RatingState.ASKED, RatingState.RECENT, RatingState.ASKED]


async def test_two_conversations_of_one_person_at_the_same_moment_ask_once(counter: Counter):
    await counter.resolves("anna", thread="one")
    await counter.resolves("anna", thread="two")
    counter.later(minutes=12)
    assert sum(await asyncio.gather(*(counter.asks() for _ in range(4)))) == 1
    assert await counter.asks() == 0  # what was held by another one had to wait
    assert sorted(rating.state for rating in await counter.ratings()) == [RatingState.ASKED, RatingState.RECENT]


async def test_of_processes_that_ask_at_once_exactly_one_does(counter: Counter):
    for who in ("anna", "bernd", "clara", "deniz"):
        await counter.resolves(who)
    counter.later(minutes=20)
    assert sum(await asyncio.gather(*(counter.asks() for _ in range(6)))) == 4
    assert len(await questions(counter)) == 4
    assert len(await counter.told("rating.asked")) == 4


async def test_what_was_decided_is_not_looked_at_again(counter: Counter, house: House):
    await counter.asked("anna", thread="one")
    await counter.resolves("anna", thread="two")
    counter.later(minutes=10)
    assert await counter.asks() == 0
    async with house.database.transaction() as session:
        assert await surveys.due(session, now=counter.now) == []


async def test_what_went_into_another_conversation_is_not_asked_about(counter: Counter, house: House):
    one = await counter.resolves("anna", thread="one")
    two = await counter.says("anna", thread="two")
    async with house.database.transaction() as session:
        await merging.merge(session, counter.access, await session.get_one(Conversation, one.id), two.id, now=counter.now)
    counter.later(minutes=20)
    assert await counter.asks() == 0
    assert await counter.ratings() == []


async def test_who_speaks_at_the_very_moment_is_not_asked(counter: Counter, house: House):
    """The conversation is held by whoever changes it: asking waits for the next look, and sees what became of it."""
    conversation = await counter.resolves()
    counter.later(minutes=10)
    async with house.database.transaction() as session:
        await session.get_one(Conversation, conversation.id, with_for_update=True)
        assert await counter.asks() == 0
    await counter.says()
    assert await counter.asks() == 0


async def test_who_does_not_want_to_be_asked_is_not(counter: Counter):
    rating = await counter.asked()
    async with counter.house.database.transaction() as session:
        await ratings.refuse(session, rating, now=counter.now)
    counter.later(days=30)
    await counter.resolves(thread="another")
    counter.later(minutes=10)
    assert await counter.asks() == 0
    assert (await counter.ratings())[-1].state == RatingState.REFUSED
    assert len(await counter.told("contact.changed")) == 1


async def test_where_the_platforms_window_is_over_the_customer_is_not_asked_and_that_is_kept(counter: Counter):
    await counter.rows(update(Channel).values(answer_hours=1).returning(Channel))
    await counter.resolves()
    await counter.rows(update(Channel).values(ask_after=120).returning(Channel))
    counter.later(minutes=130)
    assert await counter.asks() == 0
    (rating,) = await counter.ratings()
    assert (rating.state, rating.message_id) == (RatingState.UNREACHABLE, None)
    assert await questions(counter) == []
    assert await counter.told("rating.asked") == []


async def test_a_platforms_longer_window_for_people_is_not_for_questions(counter: Counter):
    await counter.rows(update(Channel).values(platform="instagram", ask_after=1500).returning(Channel))  # a day, and seven for people
    await counter.resolves()
    counter.later(minutes=1501)
    assert await counter.asks() == 0
    assert [rating.state for rating in await counter.ratings()] == [RatingState.UNREACHABLE]


async def test_where_the_connector_is_gone_the_customer_is_not_asked_and_that_is_kept(counter: Counter):
    await counter.resolves()
    await counter.rows(update(Channel).values(platform="carrier-pigeon").returning(Channel))
    counter.later(minutes=20)
    assert await counter.asks() == 0
    assert [(rating.state, rating.message_id) for rating in await counter.ratings()] == [(RatingState.UNREACHABLE, None)]
    assert await counter.told("rating.asked") == []


async def test_in_the_website_chat_the_question_is_no_message(house: House):
    counter = await Counter(house).open(platform="widget")
    rating = await counter.asked()
    assert rating.message_id is None
    assert await questions(counter) == []


async def test_the_team_reads_the_question_without_the_customers_link(house: House, tmp_path: Path):
    config = house.vault.encrypt(json.dumps({"folder": str(tmp_path), "place": "chat"}))
    counter = await Counter(house).open(platform="demo", config=config)
    rating = await counter.asked()
    (message,) = await questions(counter)
    assert f"http://parley.test{ratings.LINK}" in message.body
    async with house.database.transaction() as session:
        (claimed,) = await outbox.claim(session, owner="test", now=counter.now)
    place = Place(house.database, house.files, house.settings, Accounts(house.vault, house.settings, house.database), "test", Pace())
    await sending.send(place, claimed, deadline=asyncio.get_running_loop().time() + 240)
    await place.accounts.close()
    (sent,) = Town(tmp_path, "chat").replies()
    assert f"http://parley.test{counter.link(rating)}" in sent.text
    assert sent.automatic
    assert [message.body for message in await questions(counter)] == [message.body]


async def test_a_mail_is_asked_about_in_its_thread_and_to_its_writer_alone(counter: Counter, house: House):
    await counter.asked("carla", kind=ConversationKind.EMAIL)
    (message,) = await questions(counter)
    async with house.database.transaction() as session:
        reply = (await outgoing.draft(session, message)).reply
    assert reply.envelope is not None
    assert (reply.envelope.subject, reply.envelope.to, reply.envelope.cc) == ("Re: Gears", ("carla",), ())


async def test_an_episode_of_another_workspace_asks_by_its_own_channel_alone(counter: Counter, house: House):
    await counter.resolves()
    async with house.database.transaction() as session:
        make = Make(session)
        other = await make.workspace()
        await make.channel(other, asks_since=MONDAY - timedelta(days=9))
        await session.execute(update(Channel).where(col(Channel.id) == counter.channel.id).values(asks_since=None))
    counter.later(minutes=20)
    assert await counter.asks() == 0


async def test_a_question_is_claimed_by_the_conversation_and_its_contact(counter: Counter, house: House):
    await counter.resolves()
    counter.later(minutes=10)
    async with house.database.transaction() as session:
        (episode_id,) = await surveys.due(session, now=counter.now)
        assert await surveys.claim(session, episode_id, now=counter.now) is not None
        async with house.database.transaction() as other:
            assert await surveys.claim(other, episode_id, now=counter.now) is None
    contacts = await counter.rows(select(Contact))
    assert [rating.contact_id for rating in await counter.ratings()] == [contact.id for contact in contacts]


async def test_where_the_platforms_package_is_gone_nobody_was_asked(counter: Counter):
    await counter.resolves()
    await counter.rows(update(Channel).values(platform="carrier-pigeon").returning(Channel))
    counter.later(minutes=10)
    assert await counter.asks() == 0
    assert [rating.state for rating in await counter.ratings()] == [RatingState.UNREACHABLE]
    assert await counter.told("rating.asked") == []


async def test_a_question_that_comes_back_is_the_question_and_brings_nobodys_link(counter: Counter, house: House):
    rating = await counter.asked()
    async with house.database.transaction() as session:
        (claimed,) = await outbox.claim(session, owner="test", now=counter.now)
    link = f"https://parley.test{counter.link(rating)}"
    sent = claimed.body.replace(f"http://parley.test{ratings.LINK}", link)
    us, anna = Author("us", "Us", is_self=True), Author("anna", "Anna")
    async with house.database.transaction() as session:  # before the platform's receipt is stored
        back = Event("e-back", EventKind.MESSAGE, "m-back", "thread-anna", counter.now, us, sent.replace("https", "http"))
        await receive.receive(session, counter.channel, Batch([back]), now=counter.now, move_cursor=False)
        quoted = Event("e-5", EventKind.MESSAGE, "m-5", "thread-anna", counter.now, anna, "5", quoted=f"> {sent}", html=f"<p>{link}</p>")
        await receive.receive(session, counter.channel, Batch([quoted]), now=counter.now, move_cursor=False)
    (question,) = await questions(counter)
    assert (question.id, question.external_id, question.delivery) == (claimed.id, "m-back", Delivery.SENT)
    messages = await counter.rows(select(Message))
    assert len(messages) == 4  # what Anna wrote, the answer, the question, "5"
    assert ratings.token(house.vault, rating.id) not in str([(one.body, one.quoted, one.html) for one in messages])
