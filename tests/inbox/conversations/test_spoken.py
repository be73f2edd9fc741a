"""The language that a conversation is held in."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.contract import Envelope, EventKind
from inbox.conversations import merging, search, spoken, timeline
from inbox.db import driver
from inbox.errors import Conflict, Forbidden, Invalid
from inbox.languages import UNKNOWN
from inbox.models import Channel, Conversation, Role, SpokenLanguage, Wait, Workspace
from inbox.pipelines import pipeline
from inbox.team import rights
from inbox.team.rights import Access
from tests.inbox.conversations.test_receive import ANNA, BERND, US, everything, said, take
from tests.inbox.promptness.test_targets import policy
from tests.make import MONDAY, Make

LATER = MONDAY + timedelta(minutes=5)
GERMAN, ENGLISH, SHORT = "Wo ist mein Paket geblieben?", "Where is my parcel, please?", "Hm?"


@pytest.fixture
async def channel(make: Make) -> Channel:
    return await make.channel(await make.workspace())


@pytest.fixture
async def agent(session: AsyncSession, make: Make, channel: Channel) -> Access:
    return rights.of(await make.member(await session.get_one(Workspace, channel.workspace_id)))


async def held_in(session: AsyncSession) -> list[str]:
    return [conversation.language for conversation in await everything(session, Conversation)]


def changes(session: AsyncSession) -> list[dict[str, Any]]:
    return [event.data for event in events.recorded(session) if event.kind == "conversation.language_changed"]


async def test_the_first_words_of_a_customer_tell_it_and_others_do_not_change_it(session: AsyncSession, channel: Channel):
    await take(session, channel, said(GERMAN), said(ENGLISH, after=1, thread_id="t2"))
    assert await held_in(session) == ["de", "en"]
    await take(session, channel, said(ENGLISH, author=BERND, after=2))
    assert await held_in(session) == ["de", "en"]
    assert changes(session) == []  # conversations that begin have theirs
    assert sorted(await session.scalars(select(SpokenLanguage.language))) == ["de", "en"]


async def test_it_stays_unknown_until_somebody_says_enough(session: AsyncSession, channel: Channel):
    await take(session, channel, said(SHORT))
    assert await held_in(session) == [""]
    await take(session, channel, said(GERMAN, after=1), said(ENGLISH, after=2))
    assert await held_in(session) == ["de"]
    assert changes(session) == [{"language": "de", "before": ""}]
    await take(session, channel, said(ENGLISH, after=3))
    assert len(changes(session)) == 1


async def test_the_timeline_tells_what_somebody_chose_and_not_what_words_told(session: AsyncSession, channel: Channel, agent: Access):
    await take(session, channel, said(SHORT))
    await take(session, channel, said(GERMAN, after=1))
    conversation = (await everything(session, Conversation))[0]
    await spoken.choose(session, agent, conversation, "fr", now=LATER)
    async with pipeline(await driver(session)) as send:
        events.write(session, send)
    shown = (await timeline.load(session, conversation)).entries
    assert [entry.event.data["language"] for entry in shown if entry.event is not None] == ["fr"]


async def test_several_messages_of_one_batch_count_in_the_platforms_order(session: AsyncSession, channel: Channel):
    await take(session, channel, said(ENGLISH, after=2), said(GERMAN, after=1), said(SHORT))
    assert await held_in(session) == ["de"]


@pytest.mark.parametrize(
    ("text", "tag", "code"),
    [
        (GERMAN, "en-GB", "en"),  # the platform knows better
        (SHORT, "pt_BR", "pt"),
        (GERMAN, "und", "de"),
        (GERMAN, "no language at all", "de"),
        (GERMAN, "", "de"),
        (SHORT, "zxx", ""),
    ],
)
async def test_what_the_platform_says_wins_and_nonsense_is_ignored(session: AsyncSession, channel: Channel, text: str, tag: str, code: str):
    await take(session, channel, said(text, language=tag))
    assert await held_in(session) == [code]


async def test_our_own_words_and_automatic_mail_tell_nothing(session: AsyncSession, channel: Channel):
    await take(session, channel, said(ENGLISH, author=US), said(ENGLISH, after=1, envelope=Envelope(automatic=True)))
    assert await held_in(session) == [""]
    await take(session, channel, said(GERMAN, after=2))
    assert await held_in(session) == ["de"]


@pytest.mark.parametrize("tag", [None, "de"])
async def test_an_edit_tells_it_while_it_is_unknown(session: AsyncSession, channel: Channel, tag: str | None):
    await take(session, channel, said(SHORT, number="m1"))
    words = GERMAN if tag is None else "Hm!"
    await take(session, channel, said(words, after=5, id="e2", kind=EventKind.EDIT, message_id="m1", language=tag))
    assert await held_in(session) == ["de"]
    await take(session, channel, said(ENGLISH, after=6, id="e3", kind=EventKind.EDIT, message_id="m1"))
    assert await held_in(session) == ["de"]


async def test_a_choice_by_hand_is_never_overwritten_and_can_be_taken_back(session: AsyncSession, channel: Channel, agent: Access):
    await take(session, channel, said(SHORT))
    (conversation,) = await everything(session, Conversation)
    await spoken.choose(session, agent, conversation, "tr", now=MONDAY)
    await spoken.choose(session, agent, conversation, "tr", now=MONDAY)
    await take(session, channel, said(GERMAN, after=1))
    assert await held_in(session) == ["tr"]
    assert changes(session) == [{"language": "tr", "before": ""}]
    await spoken.choose(session, agent, conversation, "", now=MONDAY)
    assert await held_in(session) == ["de"]  # what was said meanwhile
    assert changes(session)[1:] == [{"language": "de", "before": "tr"}]
    assert list(await spoken.met(session, agent)) == ["de", "tr"]


@pytest.mark.parametrize("code", ["xx", "deutsch", "und", "de-DE", "x" * 1000, "<b>", "\0"])
async def test_only_a_known_language_can_be_chosen(session: AsyncSession, channel: Channel, agent: Access, code: str):
    await take(session, channel, said(GERMAN))
    (conversation,) = await everything(session, Conversation)
    with pytest.raises(Invalid):
        await spoken.choose(session, agent, conversation, code, now=MONDAY)


async def test_viewers_choose_nothing(session: AsyncSession, channel: Channel, make: Make):
    await take(session, channel, said(GERMAN))
    (conversation,) = await everything(session, Conversation)
    viewer = rights.of(await make.member(await session.get_one(Workspace, channel.workspace_id), role=Role.VIEWER))
    with pytest.raises(Forbidden):
        await spoken.choose(session, viewer, conversation, "en", now=MONDAY)


async def test_a_merged_conversation_keeps_its_own_and_comes_back_with_it(session: AsyncSession, channel: Channel, agent: Access):
    await take(session, channel, said(GERMAN), said(ENGLISH, after=1, thread_id="t2"))
    german, english = await everything(session, Conversation)
    await merging.merge(session, agent, english, german.id, now=LATER)
    assert await held_in(session) == ["de", "en"]
    with pytest.raises(Conflict):
        await spoken.choose(session, agent, english, "fr", now=LATER)
    await merging.split(session, agent, english, now=LATER)
    assert await held_in(session) == ["de", "en"]


async def test_a_language_retargets_at_once_and_keeps_the_beginning(session: AsyncSession, channel: Channel, agent: Access):
    await policy(session, channel, name="German", conditions={"language": ["de", "gsw"]}, targets={"first": {"normal": 60}})
    await policy(session, channel, name="Usual", targets={"first": {"normal": 600}}, position=1)
    await take(session, channel, said(SHORT))
    (conversation,) = await everything(session, Conversation)

    async def target() -> int | None:
        (wait,) = await everything(session, Wait)
        assert wait.opened_at == MONDAY
        assert wait.due_at == wait.opened_at + timedelta(seconds=wait.target_seconds)
        return wait.target_seconds

    assert await target() == 600
    await take(session, channel, said(GERMAN, after=1))  # it only joins the wait, and tells the language
    assert await target() == 60
    await spoken.choose(session, agent, conversation, "fr", now=MONDAY + timedelta(seconds=2))
    assert await target() == 600
    await spoken.choose(session, agent, conversation, "", now=MONDAY + timedelta(seconds=3))
    assert await target() == 60


async def test_a_conversation_begins_under_the_policy_of_its_language(session: AsyncSession, channel: Channel):
    await policy(session, channel, name="German", conditions={"language": ["de"]}, targets={"first": {"normal": 60}})
    await take(session, channel, said(GERMAN), said(ENGLISH, after=1, thread_id="t2"))
    assert [wait.target_seconds for wait in await everything(session, Wait)] == [60, None]


async def test_earlier_conversations_are_looked_at_once(session: AsyncSession, channel: Channel, make: Make):
    await policy(session, channel, name="German", conditions={"language": ["de"]}, targets={"first": {"normal": 60}})
    await take(
        session, channel, said(SHORT), said(GERMAN, after=1), said(SHORT, after=2, thread_id="t2"), said(ENGLISH, after=3, thread_id="t3")
    )
    for conversation in await everything(session, Conversation):  # as they were before the upgrade
        conversation.language = conversation.told_language = ""
    workspace_id = channel.workspace_id
    ids = await spoken.unknown(session, workspace_id)
    assert len(ids) == 3
    assert await spoken.look_back(session, workspace_id, ids, now=MONDAY) == 2
    assert await held_in(session) == ["de", "", "en"]
    assert [wait.target_seconds for wait in await everything(session, Wait)] == [60, None, None]
    assert [event.data for event in events.recorded(session) if event.kind == "languages.told"] == [{"conversations": 2}]
    assert list(await spoken.unknown(session, workspace_id)) == [ids[1]]


async def test_looking_back_leaves_what_was_chosen(session: AsyncSession, channel: Channel, agent: Access):
    await take(session, channel, said(GERMAN))
    (conversation,) = await everything(session, Conversation)
    conversation.told_language = ""
    await spoken.choose(session, agent, conversation, "nl", now=MONDAY)
    assert await spoken.look_back(session, channel.workspace_id, [conversation.id], now=MONDAY) == 1
    assert await held_in(session) == ["nl"]
    await spoken.choose(session, agent, conversation, "", now=MONDAY)
    assert await held_in(session) == ["de"]


async def test_a_search_can_be_narrowed_to_a_language(session: AsyncSession, channel: Channel, agent: Access):
    await take(session, channel, said(f"{GERMAN} Nummer 4711", author=ANNA), said(f"{ENGLISH} number 4711", after=1, thread_id="t2"))
    await take(session, channel, said("4711", after=2, thread_id="t3"))
    for language, expected in ((None, ["", "en", "de"]), ("de", ["de"]), (UNKNOWN, [""]), ("fr", [])):
        assert [row.language for row in await search.find(session, agent, "4711", language=language)] == expected
        assert len(await search.find(session, agent, "anna", language=language)) == len(expected)  # by name, too
