"""What words find: by what was said, by whom, by subject; the newest first, and however long ago it was."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.conversations import search
from inbox.models import Channel, Contact, Conversation, Role, Status, Workspace
from inbox.team import rights
from tests.make import MONDAY, Make

Find = Callable[..., Awaitable[list[int]]]


@pytest.fixture
async def channel(make: Make) -> Channel:
    return await make.channel(await make.workspace())


@pytest.fixture
async def find(session: AsyncSession, make: Make, channel: Channel) -> Find:
    member = await make.member(await session.get_one(Workspace, channel.workspace_id), role=Role.AGENT)

    async def found(words: str, **given: int) -> list[int]:
        await session.flush()
        return [row.id for row in await search.find(session, rights.of(member), words, **given)]

    return found


@pytest.fixture
def nothing_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the indexes know anything."""
    monkeypatch.setattr(search, "NEWEST", 0)
    monkeypatch.setattr(search, "NEWEST_OF_STATUS", 0)


async def begun(
    session: AsyncSession, make: Make, channel: Channel, name: str, body: str, minute: int = 0, **values: object
) -> Conversation:
    """A conversation with one message."""
    at = MONDAY + timedelta(minutes=minute)
    identity = await make.identity(channel, name=name)
    contact = await session.get_one(Contact, identity.contact_id)
    conversation = await make.conversation(channel, contact=contact, author_name=name, last_message_at=at, **values)
    await make.message(conversation, body=body, at=at, received_at=at, identity_id=identity.id)
    return conversation


@pytest.mark.parametrize(
    ("words", "finds"),
    [
        ("pfand", True),
        ("PFAND flaschen", True),  # every word, in any case
        ("flasch", True),  # the last may go on
        ("flasch pfand", False),  # only the last
        ("pfand kasten", False),
        ("schmidt", True),  # who began it
        ("anna sch", True),
        ("bestellung 77", True),  # the subject
        ("anna pfand", False),  # all in one of the three
        ("anna@example.org", True),
        ("ANNA@example.org", True),
        ("bernd@example.org", True),  # written in the message
        ("o'neill", True),
        ("pfand\x00 flaschen\ud800", True),  # what is no text at all
        ("\\' & | ! ( ) : * <->", False),
        ("🧡", False),
        ("  ", False),
    ],
)
@pytest.mark.parametrize("old", [False, True])
async def test_words_find_what_was_said_who_said_it_and_its_subject(
    session: AsyncSession, make: Make, channel: Channel, find: Find, request: pytest.FixtureRequest, words: str, finds: bool, old: bool
):
    if old:
        request.getfixturevalue("nothing_is_new")
    wanted = await begun(
        session, make, channel, "Anna Schmidt", "Pfand für Flaschen, schreibt bernd@example.org an O'Neill", subject="Bestellung 77"
    )
    contact = await session.get_one(Contact, wanted.contact_id)
    contact.email = "anna@example.org"
    await begun(session, make, channel, "Carla", "Lecker!")
    assert await find(words) == ([wanted.id] if finds else [])


async def test_the_newest_come_first_and_only_so_many(
    session: AsyncSession, make: Make, channel: Channel, find: Find, monkeypatch: pytest.MonkeyPatch
):
    every = [await begun(session, make, channel, "Anna", "Pfand", minute) for minute in range(6)]
    newest = [conversation.id for conversation in reversed(every)]
    assert await find("pfand", limit=4) == newest[:4]
    monkeypatch.setattr(search, "NEWEST", 2)  # too few for a page: the index knows the rest
    monkeypatch.setattr(search, "NEWEST_OF_STATUS", 2)
    assert await find("pfand", limit=4) == newest[:4]
    assert await find("anna", limit=4) == newest[:4]


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.MERGED])
async def test_conversations_of_every_status_are_found_by_name(
    session: AsyncSession, make: Make, channel: Channel, find: Find, status: Status
):
    conversation = await begun(session, make, channel, "Anna", "Hallo", status=status)
    assert await find("anna") == [conversation.id]


async def test_what_was_deleted_or_belongs_to_others_is_not_found(
    session: AsyncSession, make: Make, channel: Channel, find: Find, request: pytest.FixtureRequest
):
    gone = await begun(session, make, channel, "Bernd", "Hallo")
    await make.message(gone, body="Geheim", deleted_at=MONDAY)
    await begun(session, make, await make.channel(await make.workspace()), "Anna", "Geheim")
    for _ in range(2):
        assert await find("geheim") == []
        assert await find("anna") == []
        request.getfixturevalue("nothing_is_new")
