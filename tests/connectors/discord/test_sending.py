"""Answers, as a server that behaves as Discord does takes them."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from connectors.discord import Discord as Connector
from connectors.discord import api, nonces
from connectors.discord.limits import Limits
from inbox.contract import Action, Ambiguous, Attachment, Permanent, RateLimited, Reply, WindowClosed
from tests.connectors.discord import shapes
from tests.connectors.discord.fake import Discord, too_many
from tests.connectors.discord.reader import a_connector, reading
from tests.connectors.discord.shapes import ANNA, GENERAL, HELP, MORNING, US, Json

PAPER = Attachment("paper ü.pdf", "application/pdf", content=b"%PDF")
KEY = "5f2c1e54-54a5-4c0e-a0a5-6a40fe4d7b1d"


@pytest.fixture
async def connector(discord: Discord) -> AsyncIterator[Connector]:
    found = a_connector(discord)
    yield found
    await found.aclose()


def an_answer(to: Json, text: str = "At nine.", **more: Any) -> Reply:
    values = {
        "key": KEY,
        "thread_id": "",
        "parent_id": f"{to['channel_id']}/{to['id']}",
        "post_id": GENERAL,
        "recipient": to["author"]["id"],
    }
    return Reply(text=text, **values | more)


def ours(discord: Discord, where: str = GENERAL) -> list[Json]:
    return [one for one in discord.messages[where].values() if one["author"]["id"] == US["id"]]


async def test_an_answer_points_at_what_it_answers_and_calls_only_whom_it_answers(discord: Discord, connector: Connector):
    asked = discord.note(GENERAL, ANNA, "When?")
    receipt = await connector.send(an_answer(asked, "@everyone at nine."))
    (sent,) = ours(discord)
    assert receipt.message_id == f"{GENERAL}/{sent['id']}"
    assert shapes.stamp(receipt.accepted_at) == sent["timestamp"]
    assert (sent["message_reference"]["message_id"], [one["id"] for one in sent["mentions"]]) == (asked["id"], [ANNA["id"]])


async def test_an_answer_to_a_message_that_is_gone_goes_out_without_pointing_at_it(discord: Discord, connector: Connector):
    asked = discord.note(GENERAL, ANNA, "When?")
    await discord.delete(asked)
    await connector.send(an_answer(asked))
    (sent,) = ours(discord)
    assert "message_reference" not in sent


async def test_an_answer_goes_into_its_thread_or_where_what_it_answers_is(discord: Discord, connector: Connector):
    thread = discord.add(shapes.thread("290926798999357300", "Rye", GENERAL))["id"]
    asked = discord.note(thread, ANNA, "When?")
    await connector.send(an_answer(asked, thread_id=thread))
    await connector.send(an_answer(asked, key="2"))  # its conversation began in the channel
    await connector.send(Reply(key="3", thread_id="", text="To all", post_id=GENERAL))
    assert [len(ours(discord, where)) for where in (thread, GENERAL)] == [2, 1]
    with pytest.raises(Permanent, match="which channel"):
        await connector.send(Reply(key="4", thread_id="", text="To whom?"))


async def test_the_same_key_again_is_not_a_second_answer_and_comes_back_with_the_echo(discord: Discord, connector: Connector):
    asked = discord.note(GENERAL, ANNA, "When?")
    discord.lost_answers = 1
    async with reading(discord) as found:
        with pytest.raises(Ambiguous):
            await connector.send(an_answer(asked))
        first, second = await connector.send(an_answer(asked)), await connector.send(an_answer(asked))
        event = (await found.text("At nine."))[-1]
    assert first == second
    assert len(ours(discord)) == 1
    assert (event.client_key, event.message_id, event.author and event.author.is_self) == (KEY, first.message_id, True)


async def test_a_private_answer_is_a_direct_message(discord: Discord, connector: Connector):
    asked = discord.note(GENERAL, ANNA, "My order number is 7")
    receipt = await connector.send(an_answer(asked, private=True))
    chat = discord.chat(ANNA)["id"]
    assert receipt.message_id.startswith(f"{chat}/")
    assert (ours(discord), len(ours(discord, chat))) == ([], 1)
    discord.shut.add(ANNA["id"])
    with pytest.raises(WindowClosed, match="direct message"):
        await connector.send(an_answer(asked, key="2", private=True))
    with pytest.raises(Permanent, match="whom"):
        await connector.send(an_answer(asked, private=True, recipient=None))


async def test_files_go_along_in_one_message(discord: Discord, connector: Connector):
    asked = discord.note(GENERAL, ANNA, "Show it")
    await connector.send(an_answer(asked, "", attachments=(PAPER, Attachment("b.txt", "text/plain", content=b"b"))))
    (sent,) = ours(discord)
    assert [(file["filename"], file["content_type"], file["size"]) for file in sent["attachments"]] == [
        ("paper ü.pdf", "application/pdf", 4),
        ("b.txt", "text/plain", 1),
    ]
    assert discord.files["paper ü.pdf"] == b"%PDF"
    for refused in ((PAPER,) * 11, (Attachment("c.txt", "text/plain"),)):
        with pytest.raises(Permanent):
            await connector.send(an_answer(asked, key="2", attachments=refused))


@pytest.mark.parametrize(
    ("where", "text", "words"),
    [(GENERAL, " ", "empty"), (GENERAL, "x" * 2001, "Invalid Form Body"), (HELP, "Hi", "non-text"), ("1", "Hi", "does not exist")],
)
async def test_what_discord_refuses_fails_with_a_sentence(discord: Discord, connector: Connector, where: str, text: str, words: str):
    with pytest.raises(Permanent, match=words):
        await connector.send(Reply(key=KEY, thread_id=where, text=text))


async def test_messages_can_be_liked_edited_and_deleted_and_again_does_nothing_more(discord: Discord, connector: Connector):
    asked, answer = discord.note(GENERAL, ANNA, "When?"), discord.note(GENERAL, US, "At nine.")
    async with reading(discord, history=0) as found:
        for _ in range(2):
            await connector.act(Action.LIKE, f"{GENERAL}/{asked['id']}")
        await found.text("👍")
    await connector.act(Action.EDIT, f"{GENERAL}/{answer['id']}", "At ten.")
    assert discord.messages[GENERAL][answer["id"]]["content"] == "At ten."
    with pytest.raises(Permanent, match="own author"):
        await connector.act(Action.EDIT, f"{GENERAL}/{asked['id']}", "Never")
    for _ in range(2):
        await connector.act(Action.DELETE, f"{GENERAL}/{answer['id']}")
    assert answer["id"] not in discord.messages[GENERAL]
    with pytest.raises(Permanent):
        await connector.act(Action.HIDE, f"{GENERAL}/{asked['id']}")


@pytest.mark.parametrize(
    ("key", "is_back"),
    [(KEY, True), ("our-key", True), ("message-17", True), ("x" * 24, True), ("x" * 25, False), ("schlüssel", False), (KEY.upper(), False)],
)
def test_a_key_fits_into_a_nonce_and_comes_back_from_it_where_it_can(key: str, is_back: bool):
    nonce = nonces.nonce(key)
    assert len(nonce) <= 25
    assert nonce == nonces.nonce(key)
    assert nonces.key(nonce) == (key if is_back else None)


@pytest.mark.parametrize("nonce", [None, "", "1404960877324533784", "u", "u!", "uabc", "hello"])
def test_a_nonce_of_somebody_else_is_no_key(nonce: str | None):
    assert nonces.key(nonce) is None


def test_keys_do_not_meet():
    keys = [str(UUID(int=number)) for number in range(1000)] + [f"k{number}" for number in range(1000)] + ["x" * 30, "x" * 31]
    assert len({nonces.nonce(key) for key in keys}) == len(keys)


async def test_a_bucket_that_is_empty_is_not_asked_until_it_is_full_again(discord: Discord, connector: Connector):
    discord.limit, discord.window = 2, 0.4
    for number in range(5):
        await connector.send(Reply(key=str(number), thread_id=GENERAL, text="Hi"))
    assert len(ours(discord)) == discord.requests.count(f"POST /channels/{GENERAL}/messages") == 5  # none was refused
    discord.window = 60
    discord.limits.clear()
    for number in range(2):
        await connector.send(Reply(key=f"more {number}", thread_id=GENERAL, text="Hi"))
    with pytest.raises(RateLimited) as failed:
        await connector.send(Reply(key="one more", thread_id=GENERAL, text="Hi"))
    assert api.SHORT < failed.value.retry_after <= 60
    assert discord.requests.count(f"POST /channels/{GENERAL}/messages") == 7  # it was not even asked
    await connector.send(Reply(key="elsewhere", thread_id=discord.chat(ANNA)["id"], text="Hi"))


async def test_a_refusal_everywhere_holds_everything_back(discord: Discord, connector: Connector):
    discord.refusals[f"POST /channels/{GENERAL}/messages"] = [too_many(30.5, everywhere=True)]
    for where in (GENERAL, "1"):
        with pytest.raises(RateLimited) as failed:
            await connector.send(Reply(key=KEY, thread_id=where, text="Hi"))
        assert 30 < failed.value.retry_after <= 30.5
    assert discord.requests == [f"POST /channels/{GENERAL}/messages"]


@pytest.mark.parametrize(
    ("told_of", "asked", "is_held"),
    [
        ("/channels/12345/messages", "/channels/12345/messages", True),
        ("/channels/12345/messages", "/channels/12346/messages", False),
        ("/channels/12345/messages/11111", "/channels/12345/messages/22222", True),
        ("/channels/12345/messages/11111", "/channels/12345/messages", False),
        ("/channels/12345/messages/11111/reactions/%F0%9F%91%8D/@me", "/channels/12345/messages/22222/reactions/x:1/@me", True),
        ("/users/11111", "/users/22222", True),
    ],
)
def test_a_limit_counts_for_a_route_and_its_channel(told_of: str, asked: str, is_held: bool):
    limits = Limits()
    limits.learn("GET", told_of, {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "30", "x-ratelimit-bucket": told_of[-5:]})
    assert (limits.pause("GET", asked) > 0) == is_held
    assert limits.pause("POST", asked) == 0


async def test_an_answer_that_was_deleted_meanwhile_is_not_sent_again(discord: Discord, connector: Connector):
    """Discord knows the nonce, not the message: it was there."""
    asked = discord.note(GENERAL, ANNA, "When?", at=MORNING)
    await connector.send(an_answer(asked))
    await discord.delete(*ours(discord))
    with pytest.raises(Permanent, match="does not exist"):
        await connector.send(an_answer(asked))
    assert ours(discord) == []
