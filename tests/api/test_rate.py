"""The link in a question: who holds it says how it was, and nobody and nothing else does."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text, update
from sqlmodel import col

from api.deps import House
from api.pages import rate
from inbox.contract import ConversationKind
from inbox.conversations import contacts, erasing, ratings
from inbox.conversations.ratings import Gone
from inbox.models import Channel, Contact, Conversation, Message, Rating, Role, Status, Wait, Workspace
from inbox.team import rights
from tests.api.counter import Counter
from tests.api.people import browser, found, person
from tests.make import blocked


@pytest.fixture
async def counter(house: House) -> Counter:
    return await Counter(house).open()


async def given(counter: Counter) -> list[tuple[int | None, str]]:
    return [(rating.score, rating.comment) for rating in await counter.ratings()]


async def test_who_follows_the_link_says_how_it_was_and_may_say_otherwise(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    async with browser(app) as client:
        page = await client.get(counter.link(rating))
        sent = await client.post(counter.link(rating), data={"score": "4", "comment": " Quick\r\nand kind \x00"})
        thanks = await client.get(counter.link(rating))
        counter.later(days=6)
        await client.post(counter.link(rating), data={"score": "2", "comment": ""})
    assert (page.status_code, sent.status_code, sent.headers["location"]) == (200, 303, counter.link(rating))
    assert "Bicycle Workshop" in page.text
    assert "Thank you" in thanks.text
    assert await given(counter) == [(2, "")]
    assert [each.given_at for each in await counter.ratings()] == [counter.now - timedelta(days=6)]  # the first time
    told = await counter.told("rating.given")
    assert [(each["score"], each["before"]) for each in told] == [(4, None), (2, 4)]
    assert "Quick" not in str(told)


async def test_looking_records_nothing_however_often(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    async with browser(app) as client:
        for _ in range(40):
            assert (await client.get(counter.link(rating), params={"score": "1"})).status_code == 200
        assert (await client.request("HEAD", counter.link(rating))).status_code in {200, 405}
    assert await given(counter) == [(None, "")]
    assert await counter.told("rating.given") == []


async def test_the_page_is_kept_by_nobody_runs_nothing_of_others_and_names_nobody_of_the_team(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    async with browser(app) as client:
        page = await client.get(counter.link(rating))
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text
    for name in ("Kim", "Brandt", "Anna", "Channel"):
        assert name not in page.text


async def test_the_same_sent_twice_is_told_once(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    async with browser(app) as client:
        sent = [client.post(counter.link(rating), data={"score": "5", "comment": "Great"}) for _ in range(4)]
        assert {answer.status_code for answer in await asyncio.gather(*sent)} == {303}
    assert await given(counter) == [(5, "Great")]
    assert len(await counter.told("rating.given")) == 1


@pytest.mark.parametrize("score", ["", "0", "6", "-1", "4.5", "five", "4 ", "٤", "9" * 400])
async def test_what_is_no_answer_is_refused_with_a_sentence(app: FastAPI, counter: Counter, score: str):
    rating = await counter.asked()
    async with browser(app) as client:
        answer = await client.post(counter.link(rating), data={"score": score, "comment": "My words"})
    assert (answer.status_code, "Choose one of the five answers." in answer.text, "My words" in answer.text) == (422, True, True)
    assert await given(counter) == [(None, "")]


async def test_a_comment_that_is_too_long_is_refused_and_the_choice_stays(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    async with browser(app) as client:
        answer = await client.post(counter.link(rating), data={"score": "3", "comment": "x" * 1001})
    assert answer.status_code == 422
    assert 'value="3" required checked' in answer.text
    assert await given(counter) == [(None, "")]


def forged(link: str, how: str) -> str:
    number, _, signature = link.removeprefix("/rate/").partition("-")
    turned = ("A" if signature[0] != "A" else "B") + signature[1:]
    return (
        "/rate/"
        + {
            "another rating's": f"{int(number) + 1}-{signature}",
            "a changed signature": f"{number}-{turned}",
            "a shorter signature": f"{number}-{signature[:-1]}",
            "no signature": f"{number}-",
            "the number alone": number,
            "a number in other digits": f"{number.translate(str.maketrans('0123456789', '٠١٢٣٤٥٦٧٨٩'))}-{signature}",
            "a number with a zero before it": f"0{number}-{signature}",
            "a number too large": f"{'9' * 30}-{signature}",
            "the question's own text": "…",
            "nonsense": "%00%ff",
        }[how]
    )


HOW = (
    "another rating's", "a changed signature", "a shorter signature", "no signature", "the number alone", "a number in other digits",
    "a number with a zero before it", "a number too large", "the question's own text", "nonsense",
)  # fmt: skip


@pytest.mark.parametrize("how", HOW)
async def test_a_link_that_was_not_made_here_opens_nothing(app: FastAPI, counter: Counter, how: str):
    link = forged(counter.link(await counter.asked()), how)
    await counter.asked("bernd")
    async with browser(app) as client:
        page = await client.get(link)
        sent = await client.post(link, data={"score": "1"})
        refused = await client.post(f"{link}/refusal")
    assert (page.status_code, sent.status_code, refused.status_code) == (404, 404, 404)
    assert "This link leads nowhere any more" in page.text
    assert "Bicycle Workshop" not in page.text
    assert {score for score, _ in await given(counter)} == {None}
    assert await counter.told("contact.changed") == []


async def test_who_tries_many_links_is_stopped(app: FastAPI, counter: Counter):
    async with browser(app) as client:
        answers = [(await client.get(f"/rate/{number}-guess")).status_code for number in range(rate.GUESSES.count + 1)]
    assert answers == [404] * rate.GUESSES.count + [429]


async def test_who_sends_one_link_again_and_again_is_stopped(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    async with browser(app) as client:
        sent = [
            (await client.post(counter.link(rating), data={"score": str(at % 5 + 1)})).status_code for at in range(rate.GIVEN.count + 1)
        ]
    assert sent == [303] * rate.GIVEN.count + [429]


async def test_another_website_cannot_answer_for_the_customer(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    async with browser(app) as client:
        answer = await client.post(counter.link(rating), data={"score": "1"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert await given(counter) == [(None, "")]


async def test_a_link_ends_after_thirty_days(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    counter.later(days=29, hours=23)
    async with browser(app) as client:
        assert (await client.get(counter.link(rating))).status_code == 200
        counter.later(hours=2)
        assert (await client.get(counter.link(rating))).status_code == 404
        assert (await client.post(counter.link(rating), data={"score": "1"})).status_code == 404
    assert await given(counter) == [(None, "")]


async def test_an_answer_stands_after_seven_days(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    async with browser(app) as client:
        await client.post(counter.link(rating), data={"score": "4"})
        counter.later(days=7)
        page = await client.get(counter.link(rating))
        late = await client.post(counter.link(rating), data={"score": "1"})
    assert "It cannot be changed any more." in page.text
    assert late.status_code == 409
    assert await given(counter) == [(4, "")]


async def test_a_link_of_what_was_not_asked_opens_nothing(app: FastAPI, counter: Counter):
    await counter.asked("anna", thread="one")
    await counter.resolves("anna", thread="two")
    counter.later(minutes=10)
    await counter.asks()
    async with browser(app) as client:
        assert (await client.get(counter.link((await counter.ratings())[1]))).status_code == 404


async def test_a_rating_reopens_nothing_and_opens_no_wait(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    before = [(wait.id, wait.closed_at) for wait in await counter.rows(select(Wait).order_by(col(Wait.id)))]
    async with browser(app) as client:
        await client.post(counter.link(rating), data={"score": "1", "comment": "Why? Call me!"})
    assert [(wait.id, wait.closed_at) for wait in await counter.rows(select(Wait).order_by(col(Wait.id)))] == before
    assert [each.status for each in await counter.rows(select(Conversation))] == [Status.RESOLVED]


async def test_who_does_not_want_to_be_asked_says_so_once_for_all(app: FastAPI, counter: Counter):
    rating = await counter.asked()
    async with browser(app) as client:
        for _ in range(2):
            assert (await client.post(f"{counter.link(rating)}/refusal")).status_code == 303
        page = await client.get(counter.link(rating))
    assert "You will not be asked again." in page.text
    (contact,) = await counter.rows(select(Contact))
    assert contact.unasked_since == counter.now
    assert len(await counter.told("contact.changed")) == 1


@pytest.mark.parametrize(
    ("language", "words"), [("de-DE,de", "Wie zufrieden sind Sie"), ("fr", "How satisfied are you"), ("", "How satisfied")]
)
async def test_the_page_speaks_the_readers_language_or_the_workspaces(app: FastAPI, counter: Counter, language: str, words: str):
    rating = await counter.asked()
    async with browser(app) as client:
        assert words in (await client.get(counter.link(rating), headers={"accept-language": language})).text


async def test_a_contact_who_is_erased_leaves_the_score_and_no_word(app: FastAPI, counter: Counter, house: House):
    rating = await counter.asked()
    await counter.gives(rating, 2, "Call me at 0451 555 0199")
    admin = rights.Access(counter.workspace.id, Role.ADMIN, "member:1")
    async with house.database.transaction() as session:
        contact = await session.get_one(Contact, rating.contact_id)
        known = await contacts.export(session, admin, contact, now=counter.now)
        await erasing.erase(session, house.vault, house.settings.home, admin, contact, now=counter.now)
    assert [(row["score"], row["comment"]) for row in known["ratings"]] == [(2, "Call me at 0451 555 0199")]
    assert await given(counter) == [(2, "")]
    async with browser(app) as client:
        assert (await client.post(counter.link(rating), data={"score": "1", "comment": "again"})).status_code == 404
    assert await given(counter) == [(2, "")]


async def test_who_answers_while_the_contact_is_erased_leaves_no_word(counter: Counter, house: House):
    rating = await counter.asked()
    async with house.database.transaction() as session:
        await ratings.give(session, rating.id, score=2, comment="Call me at 0451 555 0199", now=counter.now)
        async with house.database.transaction() as other:
            pid = await other.scalar(text("SELECT pg_backend_pid()"))
            erased = asyncio.create_task(ratings.forget(other, conversation_ids=[rating.conversation_id]))
            await blocked(house.database, pid)
            await session.commit()
            await erased
    assert await given(counter) == [(2, "")]


async def test_what_is_forgotten_of_one_chat_is_kept_of_all_others(counter: Counter, house: House):
    one, other = await counter.asked("anna"), await counter.asked("bernd")
    for rating in (one, other):
        await counter.gives(rating, 4, "Kind")
    await counter.rows(update(Rating).values(contact_id=None).returning(Rating))
    async with house.database.transaction() as session:
        await ratings.forget(session, conversation_ids=[one.conversation_id])
    assert await given(counter) == [(4, ""), (4, "Kind")]


async def test_a_clock_that_is_put_back_opens_no_link_of_an_erased_contact(app: FastAPI, counter: Counter, house: House):
    rating = await counter.asked()
    counter.later(hours=3)
    async with house.database.transaction() as session:
        await ratings.forget(session, conversation_ids=[rating.conversation_id])
    counter.later(hours=-1)
    async with browser(app) as client:
        assert (await client.post(counter.link(rating), data={"score": "1", "comment": "again"})).status_code == 404
    assert await given(counter) == [(None, "")]


async def test_a_removed_workspace_takes_its_ratings_along(counter: Counter, house: House):
    await counter.gives(await counter.asked(), 5, "Great")
    async with house.database.transaction() as session:
        await session.delete(await session.get_one(Workspace, counter.workspace.id))
    assert await counter.ratings() == []


async def test_a_question_that_could_not_be_delivered_can_be_answered_all_the_same(counter: Counter):
    """A platform may say that a message failed which the customer has: what they answer counts."""
    rating = await counter.asked()
    await counter.rows(update(Message).where(col(Message.id) == rating.message_id).values(delivery="failed").returning(Message))
    await counter.gives(rating, 4)
    assert await given(counter) == [(4, "")]


async def test_a_rating_of_another_chat_is_not_found(counter: Counter, house: House):
    rating = await counter.asked()
    async with house.database.transaction() as session:
        with pytest.raises(Gone):
            await ratings.of_chat(session, rating.conversation_id + 1, rating.id)


# The team's side


async def seen_by(app: FastAPI, someone: Any, address: str, **more: Any) -> httpx.Response:
    async with browser(app, someone) as client:
        return await client.get(address, **more)


async def test_the_conversation_shows_the_rating_to_who_may_see_the_channel_and_to_nobody_else(
    app: FastAPI, counter: Counter, house: House
):
    rating = await counter.asked(kind=ConversationKind.EMAIL)
    await counter.gives(rating, 4, "Secret <b>words</b>")
    elsewhere = await person(house, await found(house, "Elsewhere"), role=Role.ADMIN)
    viewer = await person(house, counter.workspace, role=Role.VIEWER)
    base = f"/w/{counter.workspace.id}"
    page = await seen_by(app, viewer, f"{base}/conversations/{rating.conversation_id}")
    assert "Rated 4 of 5" in page.text
    assert "Secret &lt;b&gt;words&lt;/b&gt;" in page.text
    assert "The customer was asked how it was" in page.text
    async with house.database.transaction() as session:
        (await session.get_one(Channel, counter.channel.id)).restricted = True
    assert (await seen_by(app, viewer, f"{base}/conversations/{rating.conversation_id}")).status_code == 404
    for address in ("", ".csv", "/ratings", "/ratings.csv"):
        answer = await seen_by(app, viewer, f"{base}/metrics/satisfaction{address}")
        assert (answer.status_code, "Secret" in answer.text) == (200, False)
        assert not address.endswith(".csv") or len(answer.text.splitlines()) == 1  # the names of the columns alone
        assert (await seen_by(app, elsewhere, f"{base}/metrics/satisfaction{address}")).status_code == 404
    assert "There is no such rating" in (await seen_by(app, viewer, f"{base}/metrics/satisfaction/ratings")).text
