"""What is kept about a person is found, handed over and forgotten."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from inbox.contract import ConversationKind
from inbox.conversations import contacts, dead_letters, erasing
from inbox.db import Database
from inbox.errors import Conflict
from inbox.models import (
    Attachment,
    Channel,
    Contact,
    Conversation,
    Delivery,
    Direction,
    Draft,
    Identity,
    Inbound,
    Member,
    Message,
    Note,
    Reaction,
    Role,
    Wait,
)
from inbox.models.promptness import Metric
from inbox.secrets import Vault
from inbox.team.rights import Access
from tests.make import MONDAY, Make, blocked

VAULT = Vault("test")
SECRETS = ("Anna", "anna@example.org", "anna_1987", "my landlord")


class Case:
    """Anna wrote in a chat of her own and under a post where Bernd writes too."""

    channel: Channel
    member: Member
    anna: Identity
    bernd: Identity
    chat: Conversation
    thread: Conversation
    hers: Message
    his: Message
    queued: Message
    access: Access


@pytest.fixture
async def case(session: AsyncSession, make: Make) -> Case:
    case = Case()
    workspace = await make.workspace()
    case.access = Access(workspace.id, Role.ADMIN, "system")
    case.member = await make.member(workspace, name="Kim")
    case.channel = await make.channel(workspace)
    case.anna = await make.identity(case.channel, name="Anna Schmidt", external_id="anna_1987", handle="anna_1987", created_at=MONDAY)
    case.bernd = await make.identity(case.channel, name="Bernd", external_id="bernd_55")
    contact = await session.get_one(Contact, case.anna.contact_id)
    contact.email = "anna@example.org"
    case.chat = await make.conversation(case.channel, contact=contact, author_name="Anna Schmidt", snippet="my landlord")
    case.thread = await make.conversation(case.channel, kind=ConversationKind.COMMENTS, author_name="Bernd", snippet="nice")
    case.hers = await make.message(case.chat, body="It is about my landlord", identity_id=case.anna.id, author_name="Anna Schmidt")
    ours = {"direction": Direction.OUT, "member_id": case.member.id, "external_id": None}
    await make.message(case.chat, body="Dear Anna, about my landlord", delivery=Delivery.SENT, client_key="a", **ours)
    case.queued = await make.message(case.chat, body="Dear Anna, again", delivery=Delivery.QUEUED, client_key="b", **ours)
    comment = await make.message(case.thread, body="I am Anna", identity_id=case.anna.id, author_name="Anna Schmidt")
    case.his = await make.message(case.thread, body="nice", identity_id=case.bernd.id, author_name="Bernd")
    await make.message(case.thread, body="Thanks, Anna!", parent_id=comment.id, delivery=Delivery.SENT, client_key="c", **ours)
    of = {"workspace_id": workspace.id}
    waits = {"channel_id": case.channel.id, "identity_id": case.anna.id, "metric": Metric.FIRST, "received_at": MONDAY}
    picture = {"name": "anna.png", "media_type": "image/png", "sha256": "a" * 64, "created_at": MONDAY}
    await session.flush()
    for row in (
        Attachment(**of, conversation_id=case.chat.id, message_id=case.hers.id, **picture),
        Reaction(**of, message_id=case.his.id, identity_id=case.anna.id, emoji="👍", at=MONDAY),
        Note(**of, conversation_id=case.chat.id, body="Her landlord again", at=MONDAY),
        Note(**of, conversation_id=case.thread.id, body="anna schmidt is polite", at=MONDAY),
        Note(**of, conversation_id=case.thread.id, body="Bernd is polite", at=MONDAY),
        Draft(**of, conversation_id=case.chat.id, member_id=case.member.id, body="Dear Anna", updated_at=MONDAY),
        Inbound(**of, channel_id=case.channel.id, event_id="1", raw={"from": "anna_1987", "text": "my landlord"}, received_at=MONDAY),
        Inbound(**of, channel_id=case.channel.id, event_id="2", raw={"from": "bernd_55"}, received_at=MONDAY),
        Wait(**of, **waits, conversation_id=case.chat.id, opened_at=MONDAY, opened_by=case.hers.id),
    ):  # fmt: skip
        session.add(row)
        await session.flush()
    for raw in (b'{"from": "anna_1987", broken', b'{"from": "bernd_55", broken'):
        await dead_letters.keep(session, case.channel, source="stream", raw=raw, reason="broken", now=MONDAY)
    return case


async def everything(session: AsyncSession) -> str:
    """All that the database holds, as one text."""
    await session.flush()
    connection = await session.connection()
    parts = []
    for table in SQLModel.metadata.sorted_tables:
        parts += [str(tuple(row)) for row in await connection.execute(select(table))]
    return "\n".join(parts)


async def erase(session: AsyncSession, home: Path, case: Case, now: datetime) -> erasing.Erased:
    contact = await session.get_one(Contact, case.anna.contact_id)
    return await erasing.erase(session, VAULT, home, case.access, contact, now=now)


async def test_nothing_of_an_erased_contact_is_left_anywhere(session: AsyncSession, case: Case, now: datetime, tmp_path: Path):
    before = await everything(session)
    assert all(word in before for word in SECRETS)  # the search finds what is there
    erased = await erase(session, tmp_path, case, now)
    left = await everything(session)
    assert [word for word in SECRETS if word.lower() in left.lower()] == []
    assert not any(word in (tmp_path / erasing.JOURNAL).read_text() for word in SECRETS)
    assert (erased.messages, erased.notes, erased.drafts, erased.payloads, erased.dead_letters) == (5, 2, 1, 1, 1)
    assert erased.files == ("a" * 64,)


async def test_others_keep_what_is_theirs(session: AsyncSession, case: Case, now: datetime, tmp_path: Path):
    await erase(session, tmp_path, case, now)
    await session.refresh(case.his)
    await session.refresh(case.thread)
    assert (case.his.body, case.his.author_name, case.thread.author_name) == ("nice", "Bernd", "Bernd")
    left = await everything(session)
    assert "Bernd is polite" in left
    assert left.count("bernd_55") >= 2  # the payload and the identity


async def test_figures_do_not_change_and_nothing_is_sent_any_more(session: AsyncSession, case: Case, now: datetime, tmp_path: Path):
    await erase(session, tmp_path, case, now)
    await session.refresh(case.queued)
    wait = (await session.scalars(select(Wait))).one()
    assert case.queued.delivery is Delivery.UNDONE
    assert wait.opened_at == MONDAY
    assert wait.outcome == "deleted"


async def test_what_is_being_sent_and_an_erasure_wait_for_each_other_in_one_order(database: Database, now: datetime, tmp_path: Path):
    async with database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace())
        anna = await make.identity(channel)
        contact_id = anna.contact_id
        conversation = await make.conversation(channel, contact=await session.get_one(Contact, contact_id))
        asked = await make.message(conversation, identity_id=anna.id)
        answer = await make.message(conversation, direction=Direction.OUT, delivery=Delivery.SENDING, parent_id=asked.id)
    access = Access(channel.workspace_id, Role.ADMIN, "member:1")
    async with database.transaction() as sending, database.transaction() as session:
        await sending.get_one(Message, answer.id, with_for_update=True)
        pid = await session.scalar(text("SELECT pg_backend_pid()"))
        contact = await session.get_one(Contact, contact_id)
        erased = asyncio.create_task(erasing.erase(session, VAULT, tmp_path, access, contact, now=now))
        await blocked(database, pid)
        await sending.get_one(Conversation, conversation.id, with_for_update=True)
        await sending.commit()
        assert (await erased).messages == 2


async def test_a_later_sync_does_not_bring_the_words_back(session: AsyncSession, case: Case, now: datetime, tmp_path: Path):
    """The platform's ids stay: what was taken in once is not taken in again."""
    external_id = case.hers.external_id
    await erase(session, tmp_path, case, now)
    await session.refresh(case.hers)
    assert case.hers.external_id == external_id
    assert (await session.scalars(select(Inbound).order_by(Inbound.event_id))).first().event_id == "1"


async def test_a_legal_hold_refuses(session: AsyncSession, case: Case, now: datetime, tmp_path: Path):
    contact = await session.get_one(Contact, case.anna.contact_id)
    contact.legal_hold = True
    with pytest.raises(Conflict, match="legal hold"):
        await erase(session, tmp_path, case, now)
    assert "my landlord" in await everything(session)
    assert not (tmp_path / erasing.JOURNAL).exists()


async def test_an_erased_contact_is_erased_again_after_a_restore(
    session: AsyncSession, case: Case, make: Make, now: datetime, tmp_path: Path
):
    async with session.begin_nested() as before:
        await erase(session, tmp_path, case, now)
        await before.rollback()  # an older backup comes back
    session.expire_all()
    assert "my landlord" in await everything(session)
    assert await erasing.replay(session, VAULT, tmp_path, erasing.journal(tmp_path), now=now) == 1
    assert "my landlord" not in await everything(session)
    assert await erasing.replay(session, VAULT, tmp_path, erasing.journal(tmp_path), now=now) == 0


async def test_who_comes_back_after_an_erasure_stays(session: AsyncSession, case: Case, make: Make, now: datetime, tmp_path: Path):
    await erase(session, tmp_path, case, now)
    later = now + timedelta(days=1)
    await make.identity(case.channel, name="Anna Schmidt", external_id="anna_1987", created_at=later)
    assert await erasing.replay(session, VAULT, tmp_path, erasing.journal(tmp_path), now=later) == 0


async def test_an_export_holds_everything_and_nothing_of_others(session: AsyncSession, case: Case, now: datetime):
    contact = await session.get_one(Contact, case.anna.contact_id)
    known = json.dumps(await contacts.export(session, case.access, contact, now=now), ensure_ascii=False)
    for words in ("It is about my landlord", "Dear Anna, about my landlord", "I am Anna", "anna.png", "👍", "Her landlord again"):
        assert words in known
    for words in ("bernd_55", "Bernd is polite"):
        assert words not in known
    assert [event.kind for event in session.info["events"]][-1] == "contact.exported"


@pytest.mark.parametrize("words", ["anna@example.org", "ANNA@example.org", "@anna_1987", "schmidt", "Anna"])
async def test_a_contact_is_found_by_what_is_known_of_it(session: AsyncSession, case: Case, words: str):
    assert [found.id for found in await contacts.find(session, case.access, words)] == [case.anna.contact_id]
    assert [found.id for found in await contacts.find(session, case.access, str(case.anna.contact_id))] == [case.anna.contact_id]
