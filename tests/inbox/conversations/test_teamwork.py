"""What a team does with a conversation: assign, move, label, note, read, draft, find."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.conversations import assignment, drafts, labels, notes, reading, rows, search, status, timeline
from inbox.errors import Conflict, Forbidden, Invalid, NotFound
from inbox.models import Label, Role, Status
from inbox.team import presence, rights
from tests.make import Make


def kinds(session: AsyncSession) -> list[str]:
    """What was recorded, and forgotten by asking."""
    return [event.kind for event in session.info.pop("events", [])]


@pytest.fixture
async def desk(make: Make) -> Any:
    class Desk:
        workspace: Any
        me: Any
        channel: Any
        conversation: Any
        access: Any

    desk = Desk()
    desk.workspace = await make.workspace()
    desk.me = await make.member(desk.workspace, name="Aylin")
    desk.channel = await make.channel(desk.workspace)
    desk.conversation = await make.conversation(desk.channel, author_name="Anna")
    desk.access = rights.of(desk.me)
    return desk


async def test_who_is_first_takes_it_and_the_second_is_told(session: AsyncSession, make: Make, desk: Any, now: datetime) -> None:
    colleague = rights.of(await make.member(desk.workspace))
    await assignment.take(session, desk.access, desk.conversation, now=now)
    await assignment.take(session, desk.access, desk.conversation, now=now)  # a double press
    assert kinds(session) == ["conversation.assigned"]
    with pytest.raises(Conflict):
        await assignment.take(session, colleague, desk.conversation, now=now)


async def test_assigning_the_same_twice_is_one_event(session: AsyncSession, desk: Any, now: datetime) -> None:
    for _ in range(2):
        await assignment.assign(session, desk.access, desk.conversation, member_id=desk.me.id, team_id=None, now=now)
    assert kinds(session) == ["conversation.assigned"]


async def test_a_conversation_is_not_given_to_who_cannot_see_it(session: AsyncSession, make: Make, desk: Any, now: datetime) -> None:
    secret = await make.conversation(await make.channel(desk.workspace, restricted=True))
    admin = rights.of(await make.member(desk.workspace, role=Role.ADMIN))
    with pytest.raises(Conflict):
        await assignment.assign(session, admin, secret, member_id=desk.me.id, team_id=None, now=now)
    stranger = await make.member(await make.workspace())
    with pytest.raises(NotFound):
        await assignment.assign(session, admin, secret, member_id=stranger.id, team_id=None, now=now)


async def test_a_viewer_changes_nothing(session: AsyncSession, make: Make, desk: Any, now: datetime) -> None:
    viewer = rights.of(await make.member(desk.workspace, role=Role.VIEWER))
    conversation = desk.conversation
    for attempt in (
        assignment.take(session, viewer, conversation, now=now),
        assignment.assign(session, viewer, conversation, member_id=None, team_id=None, now=now),
        status.move(session, viewer, conversation, Status.RESOLVED, now=now),
        labels.put(session, viewer, conversation, [], now=now),
        notes.add(session, viewer, conversation, body="x", client_key=None, now=now),
    ):
        with pytest.raises(Forbidden):
            await attempt
    assert kinds(session) == []


async def test_snoozing_needs_a_time_to_come_and_resolving_keeps_its_own(session: AsyncSession, desk: Any, now: datetime) -> None:
    for until in (None, now):
        with pytest.raises(Invalid):
            await status.move(session, desk.access, desk.conversation, Status.SNOOZED, until=until, now=now)
    await status.move(session, desk.access, desk.conversation, Status.SNOOZED, until=now + timedelta(hours=1), now=now)
    await status.move(session, desk.access, desk.conversation, Status.RESOLVED, now=now)
    row = (await rows.load(session, [desk.conversation.id]))[desk.conversation.id]
    assert (row.status, row.snoozed_until) == (Status.RESOLVED, None)
    assert kinds(session) == ["conversation.moved", "conversation.moved"]


async def test_labels_are_what_was_put_last(session: AsyncSession, make: Make, desk: Any, now: datetime) -> None:
    made = [Label(workspace_id=desk.workspace.id, name=name) for name in ("a", "b", "c")]
    foreign = Label(workspace_id=(await make.workspace()).id, name="x")
    session.add_all([*made, foreign])
    await session.flush()
    await labels.put(session, desk.access, desk.conversation, [made[0].id, made[1].id], now=now)
    await labels.put(session, desk.access, desk.conversation, [made[1].id, made[2].id], now=now)
    await labels.put(session, desk.access, desk.conversation, [made[1].id, made[2].id], now=now)
    row = (await rows.load(session, [desk.conversation.id]))[desk.conversation.id]
    assert [name for name, _colour in row.labels] == ["b", "c"]
    assert kinds(session) == ["conversation.labelled", "conversation.labelled"]
    with pytest.raises(NotFound):
        await labels.put(session, desk.access, desk.conversation, [foreign.id], now=now)


async def test_a_double_click_writes_one_note(session: AsyncSession, desk: Any, now: datetime) -> None:
    written = [await notes.add(session, desk.access, desk.conversation, body=" x ", client_key="k", now=now) for _ in range(2)]
    assert written[0].id == written[1].id
    assert kinds(session) == ["note.added"]
    shown = await timeline.load(session, desk.conversation)
    assert [entry.note.body for entry in shown.entries if entry.note] == ["x"]


async def test_reading_goes_forward_only_unless_marked_unread(session: AsyncSession, make: Make, desk: Any, now: datetime) -> None:
    await make.message(desk.conversation)
    message = await make.message(desk.conversation)
    desk.conversation.last_inbound_id = message.id
    await session.flush()

    async def unread() -> int:
        found = await reading.unread(session, desk.workspace.id, [desk.channel.id], [desk.me.id])
        return found[desk.me.id]

    assert await unread() == 1
    for number in (message.id, message.id - 1):
        await reading.mark(session, desk.access, desk.conversation, message_id=number, now=now)
    assert (await unread(), kinds(session)) == (0, ["conversation.read"])
    await reading.mark(session, desk.access, desk.conversation, message_id=0, now=now)
    assert await unread() == 1


async def test_the_log_says_when_a_draft_begins_and_ends_and_never_what_is_in_it(session: AsyncSession, desk: Any, now: datetime) -> None:
    for body in ("L", "Li", "Liebe"):
        await drafts.save(session, desk.access, desk.conversation, body=body, now=now)
    found = await drafts.find(session, desk.access, desk.conversation)
    assert found is not None
    await session.refresh(found)
    assert found.body == "Liebe"
    await drafts.save(session, desk.access, desk.conversation, body=" ", now=now)
    assert [event.data["kept"] for event in session.info["events"]] == [True, False]
    assert "Liebe" not in str(session.info["events"])


@pytest.mark.parametrize(
    ("words", "found"),
    [("vegan", 1), ("veg", 1), ("Ist vegan", 1), ("vegan nicht", 0), ("ann", 1), ("' & | !", 0), ("", 0), ("نباتي", 1), ("geheim", 0)],
)
async def test_words_find_what_was_said_and_who_said_it(session: AsyncSession, make: Make, desk: Any, words: str, found: int) -> None:
    await make.message(desk.conversation, body="Ist das vegan? نباتي")
    secret = await make.conversation(await make.channel(desk.workspace, restricted=True), author_name="Anna")
    await make.message(secret, body="geheim vegan نباتي")
    assert len(await search.find(session, desk.access, words)) == found


async def test_the_timeline_comes_in_parts_without_gap(session: AsyncSession, make: Make, desk: Any, now: datetime) -> None:
    made = [(await make.message(desk.conversation, at=now + timedelta(seconds=number // 2))).id for number in range(9)]
    found: list[int] = []
    before: str | None = None
    while True:
        part = await timeline.load(session, desk.conversation, before=before, limit=4)
        found = [entry.id for entry in part.entries] + found
        before = part.before
        if before is None:
            break
    assert found == made


@pytest.mark.parametrize("before", ["x", "2026-03-02T09:00:00_1", "2026-03-02T09:00:00+00:00_x", "2026-03-02T09:00:00+00:00_-1"])
async def test_a_place_that_was_never_given_out_is_not_found(session: AsyncSession, desk: Any, before: str) -> None:
    with pytest.raises(NotFound):
        await timeline.load(session, desk.conversation, before=before)


async def test_presence_ends_by_itself(session: AsyncSession, desk: Any, now: datetime) -> None:
    where = {"workspace_id": desk.workspace.id, "conversation_id": desk.conversation.id, "member_id": desk.me.id}
    await presence.show(session, **where, typing=True, now=now)

    async def seen(after: timedelta) -> list[bool]:
        return [person.typing for person in await presence.people(session, [desk.conversation.id], now=now + after)]

    assert await seen(timedelta(0)) == [True]
    assert await seen(presence.TYPING) == [False]
    assert await seen(presence.HERE) == []


async def test_a_page_that_closes_takes_its_reader_away_unless_another_page_of_theirs_has_spoken_since(
    session: AsyncSession, desk: Any, now: datetime
) -> None:
    where = {"workspace_id": desk.workspace.id, "conversation_id": desk.conversation.id, "member_id": desk.me.id}
    reloaded = now + timedelta(milliseconds=200)
    await presence.show(session, **where, typing=False, now=now)
    await presence.show(session, **where, typing=False, now=reloaded)
    await presence.leave(session, **where, said_at=now)
    assert len(await presence.people(session, [desk.conversation.id], now=reloaded)) == 1
    await presence.leave(session, **where, said_at=reloaded)
    assert await presence.people(session, [desk.conversation.id], now=reloaded) == []
