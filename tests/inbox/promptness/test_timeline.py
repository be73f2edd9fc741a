"""Any timeline gives the same waits, live or told anew, in whatever order it comes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from inbox.contract import Author, Batch, ConversationKind, Event, EventKind
from inbox.conversations import receive, status
from inbox.db import Database
from inbox.models import Channel, Conversation, Outcome, Role, Status, Wait
from inbox.promptness import waits
from inbox.team.rights import Access
from tests.make import MONDAY, Make

WORDS = ["Where is it?", "It is broken", "Thanks!"]
AUTHORS = ["anna", "anna", "bernd", "us"]


@dataclass(frozen=True)
class Deed:
    """What happens next. `minute`: by the platform's clock; it reaches us `late` minutes after that."""

    what: str
    minute: int
    late: int
    author: str
    text: str
    target: int


KINDS = "message message message message edit delete hide unhide resolve reopen spam close"
DAY = 24 * 60

# Few moments, close together or episodes apart, so that things cross on their way.
deeds = st.lists(
    st.builds(
        Deed,
        what=st.sampled_from(KINDS.split()),
        minute=st.sampled_from([0, 1, 2, 3, 5, 8, 13, 21, 8 * DAY, 8 * DAY + 1, 9 * DAY, 17 * DAY]),
        late=st.sampled_from([0, 0, 1, 4, 10, 9 * DAY]),
        author=st.sampled_from(AUTHORS),
        text=st.sampled_from(WORDS),
        target=st.integers(-1, 8),
    ),
    min_size=10,
    max_size=20,
)


# Shrinking a failure takes minutes against a real database: add Phase.shrink when there is one to look into.
@settings(
    max_examples=40,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(deeds=deeds, kind=st.sampled_from([ConversationKind.COMMENTS, ConversationKind.DIRECT]))
async def test_a_rebuild_equals_what_was_kept_live(database: Database, deeds: list[Deed], kind: ConversationKind):
    async with database.engine.connect() as connection, connection.begin() as outer:
        try:
            await _live(connection, deeds, kind)
        finally:
            await outer.rollback()


async def _live(connection: AsyncConnection, deeds: list[Deed], kind: ConversationKind) -> None:
    async with AsyncSession(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
        channel = await Make(session).channel(await Make(session).workspace())
        clock = MONDAY
        for number, deed in enumerate(sorted(deeds, key=lambda deed: deed.minute + deed.late)):
            # Two things never happen to us at one instant.
            clock = max(clock, MONDAY + timedelta(minutes=deed.minute + deed.late)) + timedelta(seconds=1)
            await _do(session, channel, number, deed, kind, now=clock)
        kept = await _waits(session)
        row = await session.scalar(
            select(Conversation).execution_options(populate_existing=True).where(col(Conversation.channel_id) == channel.id)
        )
        if row is not None:
            open_since = [wait["opened_at"] for wait in kept if wait["closed_at"] is None]
            assert (row.waiting_count, row.waiting_since) == (len(open_since), min(open_since, default=None))
        assert await waits.rebuild(session, channel.workspace_id, now=clock) == 0, kept
        await session.rollback()


async def _do(session: AsyncSession, channel: Channel, number: int, deed: Deed, kind: ConversationKind, *, now: Any) -> None:
    if deed.what in {"resolve", "reopen", "spam", "close"}:
        conversation = await _conversation(session, channel)
        if conversation is None:
            return
        if deed.what == "close":
            await waits.close(session, conversation, Outcome.NOT_NEEDED, actor="member:1", now=now)
            return
        to = {"resolve": Status.RESOLVED, "reopen": Status.OPEN, "spam": Status.SPAM}[deed.what]
        access = Access(workspace_id=channel.workspace_id, role=Role.ADMIN, actor="member:1", member_id=1)
        await status.move(session, access, conversation, to, now=now)
        return
    await receive.receive(session, channel, Batch([_event(number, deed, kind)]), now=now, move_cursor=False)


def _event(number: int, deed: Deed, kind: ConversationKind) -> Event:
    about = {"message": EventKind.MESSAGE, "edit": EventKind.EDIT, "delete": EventKind.DELETE}.get(deed.what, EventKind.MODERATION)
    is_message = about == EventKind.MESSAGE
    return Event(
        id=f"e{number}",
        kind=about,
        message_id=f"m{number}" if is_message else f"m{deed.target}",
        thread_id="t",
        at=MONDAY + timedelta(minutes=deed.minute),
        author=Author(deed.author, deed.author.title(), is_self=deed.author == "us"),
        text=deed.what if about == EventKind.MODERATION else deed.text,
        parent_id=f"m{deed.target}" if is_message and kind == ConversationKind.COMMENTS and deed.target >= 0 else None,
        conversation_kind=kind,
    )


async def _conversation(session: AsyncSession, channel: Channel) -> Conversation | None:
    query = select(Conversation).where(col(Conversation.channel_id) == channel.id)
    return await session.scalar(query.execution_options(populate_existing=True))


async def _waits(session: AsyncSession) -> list[dict[str, Any]]:
    found = await session.scalars(select(Wait).order_by(col(Wait.id)).execution_options(populate_existing=True))
    return [wait.model_dump() for wait in found]
