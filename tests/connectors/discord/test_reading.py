"""What is said on Discord, as it comes in."""

import asyncio
import json
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inbox.contract import ConversationKind, EventKind, Permanent
from tests.connectors.discord import shapes
from tests.connectors.discord.fake import Discord
from tests.connectors.discord.reader import a_connector, reading
from tests.connectors.discord.shapes import ANNA, BERND, GENERAL, GUILD, HELP, MODERATORS, MORNING, OURS, US

THREAD, QUESTION = "290926798999357300", "290926798999357301"
SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "discord"
PAGE = f"https://discord.com/channels/{GUILD}"


async def test_a_message_in_a_channel_hangs_on_its_room_and_says_who_wrote_it(discord: Discord):
    async with reading(discord) as found:
        said = await discord.say(GENERAL, BERND, f"<@{US['id']}> when?", to=[US])
        (event,) = await found.text("@parley when?")
    assert (event.message_id, event.thread_id, event.conversation_kind) == (f"{GENERAL}/{said['id']}", "", ConversationKind.COMMENTS)
    assert event.post is not None
    assert (event.post.id, event.post.title, event.post.text, event.post.is_room) == (GENERAL, "#general", "All about bread", True)
    assert event.author is not None
    assert (event.author.id, event.author.name, event.author.handle) == (BERND["id"], "Bernd", "bernd")
    assert event.author.roles == ("owner", "Moderators")
    assert (event.mentions, event.permalink, event.private) == ((US["id"],), f"{PAGE}/{GENERAL}/{said['id']}", False)
    assert event.at == datetime.fromisoformat(said["timestamp"])


async def test_a_role_of_ours_in_a_message_means_us(discord: Discord):
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, f"<@&{OURS}> and <@&{MODERATORS}>", mention_roles=[OURS, MODERATORS])
        (event,) = await found.text("@Parley and @Moderators")
    assert event.mentions == (US["id"],)


async def test_a_thread_is_a_conversation_that_hangs_on_its_channel_and_begins_with_its_first_message(discord: Discord):
    async with reading(discord) as found:
        begun = await discord.say(GENERAL, ANNA, "Which rye?")
        thread = discord.add(shapes.thread(begun["id"], "Rye", GENERAL))
        await discord.gateway.dispatch("THREAD_CREATE", thread | {"newly_created": True})
        await discord.say(thread["id"], US, "", type=21, message_reference={"channel_id": GENERAL, "message_id": begun["id"]})
        first = await discord.say(thread["id"], BERND, "Light")
        answered = {"type": 0, "channel_id": thread["id"], "message_id": first["id"]}
        await discord.say(thread["id"], ANNA, "Thanks", type=19, message_reference=answered)
        _, light, thanks = await found.text("Light", "Thanks")
    assert (light.thread_id, light.parent_id) == (begun["id"], f"{GENERAL}/{begun['id']}")
    assert light.post is not None
    assert (light.post.id, light.post.is_room) == (GENERAL, True)
    assert (thanks.thread_id, thanks.parent_id) == (begun["id"], f"{begun['id']}/{first['id']}")
    assert found.passed == {"a notice of the type 21": 1}


async def test_a_forum_post_is_a_post_with_its_answers(discord: Discord):
    async with reading(discord) as found:
        post = discord.add(shapes.thread(QUESTION, "Which flour?", HELP))
        await discord.gateway.dispatch("THREAD_CREATE", post)
        await discord.say(QUESTION, ANNA, "I have rye", id=QUESTION)
        await discord.say(QUESTION, BERND, "Mix it")
        question, answer = await found.text("I have rye", "Mix it")
    assert question.post is not None
    assert (question.post.id, question.post.title, question.post.is_room) == (QUESTION, "Which flour?", False)
    assert (question.thread_id, question.parent_id, answer.thread_id, answer.post) == (QUESTION, None, QUESTION, question.post)


async def test_a_direct_chat_is_one_private_conversation(discord: Discord):
    chat = discord.chat(ANNA)["id"]
    async with reading(discord) as found:
        said = await discord.say(chat, ANNA, "Just us")
        (event,) = await found.text("Just us")
    assert (event.thread_id, event.post, event.conversation_kind) == (chat, None, ConversationKind.DIRECT)
    assert event.permalink == f"https://discord.com/channels/@me/{chat}/{said['id']}"
    assert event.author is not None
    assert event.author.roles == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@!82198898841029460> & <b>", "@82198898841029460 & <b>"),  # nobody says who that is
        (f"see <#{HELP}> or <#1>", "see #help or #1"),
        ("<:bread:41771983429993937><a:wave:41771983429993938>", ":bread::wave:"),
        ("at <t:1618953630:R>", "at 2021-04-20 21:20 UTC"),
        ("at <t:99999999999999999:R>", "at <t:99999999999999999:R>"),
        ("**bold** :) <https://shop.example>", "**bold** :) <https://shop.example>"),
    ],
)
async def test_ids_in_a_text_become_names(discord: Discord, text: str, shown: str):
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, text)
        await found.text(shown)


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({"sticker_items": [{"id": "1", "name": "Wave", "format_type": 1}]}, "[Sticker Wave]"),
        ({"embeds": [{"type": "rich", "title": "Offer", "description": "Two for one"}]}, "Offer\nTwo for one"),
        (
            {"poll": {"question": {"text": "Rye?"}, "answers": [{"answer_id": 1, "poll_media": {"text": "Yes"}}]}},
            "[Poll] Rye?\n– Yes",
        ),
        (
            {"message_snapshots": [{"message": {"content": "Hi", "type": 0}}], "message_reference": {"type": 1, "message_id": "1"}},
            "Forwarded:\nHi",
        ),
    ],
)
async def test_what_has_no_words_is_told_in_words(discord: Discord, more: dict[str, Any], shown: str):
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, "", **more)
        (event,) = await found.text(shown)
    assert event.parent_id is None


async def test_a_preview_of_an_address_is_not_a_part_of_what_somebody_said(discord: Discord):
    preview = {"type": "link", "title": "The shop", "url": "https://shop.example"}
    async with reading(discord) as found:
        told = await discord.say(GENERAL, ANNA, "https://shop.example")
        await discord.gateway.dispatch("MESSAGE_UPDATE", discord._told(told | {"embeds": [preview]}))
        await discord.say(GENERAL, ANNA, "See?", embeds=[preview])
        await found.text("https://shop.example", "See?")
    assert found.passed == {"an update that changed no words": 1}


async def test_files_come_with_their_address_and_size(discord: Discord):
    voice = shapes.attachment("1", "voice-message.ogg", "audio/ogg; codecs=opus", 4, duration_secs=2.0, waveform="")
    async with reading(discord) as found:
        await discord.say(GENERAL, ANNA, "Hear", attachments=[voice])
        (event,) = await found.text("Hear")
    (file,) = event.attachments
    assert (file.name, file.media_type, file.size, file.url) == ("voice-message.ogg", "audio/ogg", 4, voice["url"])


async def test_programs_are_told_apart_from_people(discord: Discord):
    hook = shapes.user("658822586720976555", "Clyde", bot=True)
    robot = discord.people["1"] = shapes.user("1", "robot", bot=True)
    async with reading(discord) as found:
        await discord.say(GENERAL, hook, "From a hook", webhook_id=hook["id"])
        await discord.say(GENERAL, robot, "From a robot")
        events = await found.text("From a hook", "From a robot")
    assert [event.author and event.author.roles for event in events] == [("webhook",), ("bot",)]


async def test_edits_and_deletions_are_told(discord: Discord):
    async with reading(discord) as found:
        one = await discord.say(GENERAL, ANNA, "Whem?")
        gone = [await discord.say(GENERAL, ANNA, f"Gone {number}") for number in range(3)]
        await discord.edit(one, "When?")
        await discord.delete(gone[0])
        await discord.delete(*gone[1:])
        await found.until(lambda: len(found.events) == 8)
    edit, *deletions = found.events[4:]
    assert (edit.kind, edit.message_id, edit.text) == (EventKind.EDIT, f"{GENERAL}/{one['id']}", "When?")
    assert [(event.kind, event.message_id) for event in deletions] == [
        (EventKind.DELETE, f"{GENERAL}/{number}") for number in (gone[0]["id"], gone[1]["id"], gone[2]["id"])
    ]


async def test_of_several_reactions_the_newest_is_shown_and_the_one_before_comes_back(discord: Discord):
    async with reading(discord) as found:
        told = await discord.say(GENERAL, ANNA, "When?")
        await discord.react(BERND, told, "👍")
        await discord.react(BERND, told, "bread", number="41771983429993937")
        await discord.react(BERND, told, "bread", number="41771983429993937", off=True)
        await discord.react(BERND, told, "👍", off=True)
        await discord.react(ANNA, told, "👎")
        await discord.unreact(told)
        await discord.unreact(told)
        await discord.react(ANNA, told, "👍")
        await discord.unreact(told, "👍")
        await found.until(lambda: len(found.events) == 9)
    assert [event.author and event.author.name for event in found.events[1:5]] == ["Bernd"] * 4
    assert found.texts[1:] == ["👍", ":bread:", "👍", "", "👎", "", "👍", ""]
    assert found.passed == {"reactions taken away that nobody remembers": 1}
    assert len({event.id for event in found.events}) == 9


async def test_what_comes_by_an_unknown_event_or_from_a_channel_that_was_not_chosen_is_counted(discord: Discord):
    async with reading(discord, channels=(HELP,)) as found:
        await discord.gateway.dispatch("SOUNDBOARD_PARTY", {"a": 1})
        told = await discord.say(GENERAL, ANNA, "Not for you")
        await discord.edit(told, "Not")
        await discord.delete(told)
        post = discord.add(shapes.thread(QUESTION, "Which flour?", HELP))
        await discord.gateway.dispatch("THREAD_CREATE", post)
        await discord.say(QUESTION, ANNA, "I have rye")
        await found.text("I have rye")
    assert found.passed == {"event SOUNDBOARD_PARTY": 1, "a channel that is not chosen": 3}
    assert len(found.events) == 1


async def test_what_cannot_be_read_is_kept_beside_its_neighbours_and_can_be_read_again(discord: Discord):
    async with reading(discord) as found:
        told = shapes.message(GENERAL, ANNA, "When?", MORNING)
        await discord.gateway.dispatch("MESSAGE_CREATE", discord._told(told | {"timestamp": "soon"}))
        await discord.gateway.dispatch("MESSAGE_REACTION_ADD", {"emoji": 1})
        await discord.gateway.dispatch("CHANNEL_UPDATE", {"id": None})
        await discord.say(GENERAL, ANNA, "Hello")
        await found.text("Hello")
    rejected = [one for batch in found.batches for one in batch.rejected]
    assert [one.reason.partition(":")[0] for one in rejected] == ["timestamp", "channel_id", "id"]
    kept = json.loads(rejected[0].raw)
    assert found.connector.reread(rejected[0].raw, MORNING).rejected[0].reason == rejected[0].reason
    mended = json.dumps(kept | {"data": kept["data"] | {"timestamp": shapes.stamp(MORNING)}}).encode()
    (event,) = found.connector.reread(mended, MORNING).events
    assert (event.message_id, event.text, event.at) == (f"{GENERAL}/{told['id']}", "When?", MORNING)
    assert found.connector.reread(b"[1]", MORNING).rejected


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="there are no samples on this machine")
async def test_every_documented_payload_is_taken_in_or_left_out_with_a_reason(discord: Discord):
    samples = {path.name: json.loads(path.read_text()) for path in sorted(SAMPLES.glob("*.json"))}
    async with reading(discord) as found:
        for name, sample in samples.items():
            for kind in ("MESSAGE_CREATE", "MESSAGE_UPDATE", "CHANNEL_UPDATE", "MESSAGE_REACTION_ADD", name.upper()):
                await discord.gateway.dispatch(kind, sample)
        await discord.say(GENERAL, ANNA, "Hello")
        await found.text("Hello")
    crossposted = next(event for event in found.events if event.text.startswith("Big news!"))
    assert crossposted.author is not None
    assert crossposted.author.name == "Mason"
    assert len(found.passed) >= len(samples)


async def test_the_first_look_shows_some_history_of_each_room_and_active_thread(discord: Discord):
    discord.add(shapes.thread(THREAD, "Rye", GENERAL))
    for number in range(120):
        discord.note(GENERAL, ANNA, f"General {number}", at=MORNING + timedelta(seconds=number))
    discord.note(THREAD, ANNA, "In the thread", at=MORNING)
    async with reading(discord, history=110) as found:
        await discord.say(GENERAL, ANNA, "Live")
        await found.text("Live")
    assert found.texts == [*(f"General {number}" for number in range(10, 120)), "In the thread", "Live"]
    async with reading(discord, history=0) as found:
        await discord.say(GENERAL, ANNA, "Live again")
        await found.text("Live again")
    assert found.texts == ["Live again"]


async def test_a_channel_that_the_bot_may_not_see_hides_no_other(discord: Discord):
    discord.note(GENERAL, ANNA, "Hidden", at=MORNING)
    discord.add(shapes.channel("290926798999357400", "open"))
    discord.note("290926798999357400", ANNA, "Shown", at=MORNING)
    discord.closed.add(GENERAL)
    async with reading(discord) as found:
        pass
    assert found.texts == ["Shown"]


async def test_a_server_that_the_bot_comes_to_is_read_from_then_on(discord: Discord):
    async with reading(discord) as found:
        discord.note(GENERAL, ANNA, "Before", at=MORNING - timedelta(days=30))
        discord.note(GENERAL, ANNA, "Since", at=datetime.now(UTC))
        await discord.gateway.dispatch("GUILD_CREATE", discord.guild())
        await found.text("Since")
    assert found.texts == ["Since"]


async def test_what_came_before_a_server_came_back_is_stored_before_it_is_caught_up(discord: Discord):
    connector = a_connector(discord)
    async with aclosing(connector.stream(None)) as batches:  # pyright: ignore
        await anext(batches)
        await discord.say(HELP, ANNA, "First")
        discord.note(GENERAL, ANNA, "Meanwhile", at=datetime.now(UTC))
        await discord.gateway.dispatch("GUILD_CREATE", discord.guild())
        heard = len(discord.gateway.heartbeats)
        await discord.gateway.say({"op": 1, "d": None, "s": None, "t": None})
        async with asyncio.timeout(20):
            while len(discord.gateway.heartbeats) == heard:  # noqa: ASYNC110  # by then all of it has arrived
                await asyncio.sleep(0.01)
        texts = [event.text for batch in (await anext(batches), await anext(batches)) for event in batch.events]
    assert texts == ["First", "Meanwhile"]
    await connector.aclose()


async def test_all_that_stands_in_a_channel_and_its_threads_is_listed_with_the_ids_of_the_stream(discord: Discord):
    discord.add(shapes.thread(THREAD, "Rye", GENERAL))
    for number in range(120):
        discord.add(shapes.thread(str(int(THREAD) + 100 + number), f"Old {number}", GENERAL, archived_at=MORNING + timedelta(hours=number)))
        discord.note(str(int(THREAD) + 100 + number), ANNA, f"Old {number}", at=MORNING)
        discord.note(GENERAL, ANNA, f"General {number}", at=MORNING + timedelta(seconds=number))
    discord.note(THREAD, ANNA, "In the thread", at=MORNING)
    connector = a_connector(discord)
    listed = [event async for batch in connector.listed(GENERAL) for event in batch.events]
    assert len(listed) == len({event.id for event in listed}) == 241
    post = discord.add(shapes.thread(QUESTION, "Which flour?", HELP))
    asked = discord.note(post["id"], ANNA, "I have rye", at=MORNING)
    (event,) = [event async for batch in connector.listed(QUESTION) for event in batch.events]
    assert (event.id, event.message_id) == (f"message:{QUESTION}/{asked['id']}", f"{QUESTION}/{asked['id']}")
    discord.closed.add(GENERAL)
    with pytest.raises(Permanent):
        [batch async for batch in connector.listed(GENERAL)]
    await connector.aclose()
