"""What if: the past under other rules, by the functions that count live."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import ConversationKind
from inbox.errors import Invalid
from inbox.models import Calendar, CalendarVersion, Channel, Conversation, Policy, Priority, Role, Wait
from inbox.promptness import targets, what_if
from inbox.promptness.timetables import WEEKDAYS
from inbox.promptness.what_if import Draft, DraftPolicy
from inbox.team.rights import Access
from tests.inbox.promptness import past
from tests.make import Make

OFFICE = {"tz": "Europe/Berlin", "hours": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}
LONGER = {"tz": "Europe/Berlin", "hours": {day: [["08:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat")}}
BY_WALL: dict[str, Any] = {"normal": 14400, "clock": "wall"}


class Past:
    """Eight weeks of two channels with two policies, settled as they would have been live."""

    def __init__(self, session: AsyncSession, make: Make, now: datetime) -> None:
        self.session, self.make, self.now = session, make, now
        self.random = np.random.default_rng(3)

    async def fill(self, count: int = 300) -> None:
        workspace = await self.make.workspace()
        self.access = Access(workspace.id, Role.ADMIN, "system")
        self.usual, self.urgent = await self.make.channel(workspace), await self.make.channel(workspace)
        calendar = await self._add(Calendar(workspace_id=workspace.id, name="Office", created_at=self.now))
        self.calendar = calendar.id
        spoken = {"workspace_id": workspace.id, "calendar_id": calendar.id, "created_at": self.now}
        await self._add(CalendarVersion(**spoken, definition=OFFICE))
        await self._add(CalendarVersion(**spoken, definition=LONGER, valid_from=self.now - timedelta(days=20)))
        await self._policy("Fast", 0, {"channel": [self.urgent.id]}, {"first": {"normal": 1800, "urgent": 600}}, None)
        await self._policy("Office", 1, {"kind": ["direct"]}, {"first": {"normal": 7200}, "next": BY_WALL}, calendar.id)
        for channel in (self.usual, self.urgent):
            await self._waits(channel, count)
        conversations = list(await self.session.scalars(select(Conversation.id)))
        await targets.settle(self.session, workspace.id, conversations, now=self.now)
        await targets.breach(self.session, now=self.now, limit=10_000)

    async def _waits(self, channel: Channel, count: int) -> None:
        begun = self.now.timestamp() - self.random.uniform(0, 55, count) * 86400
        lengths = self.random.exponential(9000, count)
        rows: list[dict[str, Any]] = [
            {"opened": float(at), "closed": float(at + length), "metric": "next" if place % 3 else "first"}
            for place, (at, length) in enumerate(zip(begun, lengths, strict=True))
        ]
        still = [{"opened": row["opened"]} for row in rows if row["closed"] > self.now.timestamp()]
        await past.stored(self.make, channel, [row for row in rows if row["closed"] <= self.now.timestamp()] + still)
        urgent = await self.make.conversation(channel, priority=Priority.URGENT, kind=ConversationKind.COMMENTS)
        assert urgent.id

    async def _policy(self, name: str, place: int, conditions: dict[str, Any], wanted: dict[str, Any], calendar: int | None) -> None:
        row = {"name": name, "position": place, "conditions": conditions, "targets": wanted, "calendar_id": calendar}
        before = self.now - timedelta(days=60)  # it counts for whoever waited since then
        await self._add(Policy(workspace_id=self.access.workspace_id, **row, created_at=before, changed_at=before))

    async def _add(self, row: Any) -> Any:
        self.session.add(row)
        await self.session.flush()
        return row

    async def compare(self, draft: Draft, **asked: Any) -> Any:
        return await what_if.compare(self.session, self.access, draft, **{"days": 60, "now": self.now, **asked})


@pytest.fixture
async def lived(session: AsyncSession, make: Make, now: datetime) -> Past:
    found = Past(session, make, now)
    await found.fill()
    return found


async def test_the_rules_in_force_give_back_exactly_what_was_recorded(lived: Past) -> None:
    told = await lived.compare(await what_if.in_force(lived.session, lived.access.workspace_id))
    assert told.waits == 600
    assert told.otherwise == 0
    assert (told.changes, told.to_missed, told.to_kept) == ([], 0, 0)
    whole = told.lines[0]
    assert whole.before == whole.after == told.recorded
    assert min(whole.before.met, whole.before.missed) > 50


async def test_a_target_that_was_recorded_otherwise_is_told(lived: Past) -> None:
    row = (await lived.session.scalars(select(Wait).where(Wait.due_at.is_not(None)).limit(1))).one()  # type: ignore[union-attr]
    row.due_at = row.due_at + timedelta(seconds=1)
    await lived.session.flush()
    assert (await lived.compare(await what_if.in_force(lived.session, lived.access.workspace_id))).otherwise == 1


async def test_a_tighter_target_says_which_conversations_would_be_late(lived: Past) -> None:
    known = await what_if.in_force(lived.session, lived.access.workspace_id)
    fast, office = known.policies
    tighter = Draft(
        [
            fast,
            DraftPolicy(
                office.name,
                office.conditions,
                {"first": {"normal": 3600}, "next": {**BY_WALL, "normal": 7200}},
                office.calendar,
                office.id,
            ),
        ]
    )
    told = await lived.compare(tighter)
    assert told.to_missed > 10
    assert told.to_kept == 0
    by_policy = {line.key: line for line in told.lines if line.cut == "policy"}
    assert by_policy[fast.id].before == by_policy[fast.id].after
    assert by_policy[office.id].after.missed == by_policy[office.id].before.missed + told.to_missed
    for change in told.changes:
        assert change.becomes == "missed"
        assert change.due_after < (change.closed_at or lived.now) <= change.due_before


async def test_a_draft_asks_for_the_language_that_a_conversation_has_now(lived: Past) -> None:
    waiting = select(Wait.conversation_id).where(Wait.closed_at.is_(None))  # type: ignore[union-attr]
    told = await lived.session.execute(update(Conversation).where(Conversation.id.in_(waiting)).values(language="fr"))  # type: ignore[union-attr]
    french = DraftPolicy("French", {"language": ["fr"]}, {"first": {"normal": 60}, "next": {"normal": 60}}, None)
    found = await lived.compare(Draft([french]))
    assert found.lines[0].after.missed == told.rowcount > 0  # nobody else has a target then
    assert found.lines[0].after.met == 0


async def test_other_hours_count_for_the_whole_time_and_nothing_is_saved(lived: Past) -> None:
    known = await what_if.in_force(lived.session, lived.access.workspace_id)
    around_the_clock = {"tz": "Europe/Berlin", "hours": {day: [["00:00", "24:00"]] for day in WEEKDAYS}}
    told = await lived.compare(Draft(known.policies, {lived.calendar: around_the_clock}))
    assert told.to_missed > 10
    assert told.lines[0].after.share < told.lines[0].before.share
    for change in told.changes:
        seconds = 7200 if change.metric == "first" else 14400
        assert change.due_after == change.opened_at + timedelta(seconds=seconds)
    again = await lived.compare(known)
    assert (again.otherwise, again.to_missed) == (0, 0)


async def test_a_calendar_that_was_removed_is_nothing_to_draft_with(lived: Past) -> None:
    where = {"workspace_id": lived.access.workspace_id, "created_at": lived.now}
    gone = Calendar(**where, name="Summer", removed_at=lived.now)
    lived.session.add(gone)
    await lived.session.flush()
    lived.session.add(CalendarVersion(**where, calendar_id=gone.id, definition=OFFICE))
    await lived.session.flush()
    known = await what_if.calendars(lived.session, lived.access.workspace_id, now=lived.now)
    assert list(known.names) == [lived.calendar]
    with pytest.raises(what_if.BadDraft, match=f"no calendar {gone.id}"):
        await lived.compare(Draft([DraftPolicy("Usual", {}, {"first": {"normal": 60}}, gone.id)]))


async def test_changes_come_in_pages_that_neither_skip_nor_repeat(lived: Past) -> None:
    none = Draft([DraftPolicy("Never", {"priority": ["low"]}, {"first": {"normal": 60}}, None)])
    whole = await lived.compare(none, limit=1000)
    assert whole.to_kept == whole.lines[0].before.missed
    after, seen = None, []
    for _ in range(100):
        page = await lived.compare(none, limit=7, after=after)
        seen += [change.wait for change in page.changes]
        after = page.next
        if after is None:
            break
    assert seen == [change.wait for change in whole.changes]
    assert len(set(seen)) == whole.to_kept


@pytest.mark.parametrize(
    ("policies", "calendars", "days"),
    [
        ([DraftPolicy("A", {}, {"first": {"normal": 0}})], {}, 10),
        ([DraftPolicy("A", {}, {"first": {"normal": 401 * 86400}})], {}, 10),
        ([DraftPolicy("A", {"weather": ["rain"]}, {"first": {"normal": 60}})], {}, 10),
        ([DraftPolicy("A", {}, {"first": {"normal": 60}}, 999_999)], {}, 10),
        ([DraftPolicy("A", {}, {"first": {"normal": 60}}, {"tz": "Moon/Base", "hours": {"mon": [["09:00", "10:00"]]}})], {}, 10),
        ([DraftPolicy("A", {}, {"first": {"normal": 60}}, {"tz": "UTC", "hours": {}})], {}, 10),
        ([], {999_999: OFFICE}, 10),
        ([], {}, 91),
        ([], {}, 0),
    ],
)
async def test_nonsense_is_refused_with_a_sentence(
    session: AsyncSession, make: Make, now: datetime, policies: list[DraftPolicy], calendars: dict[int, Any], days: int
) -> None:
    workspace = await make.workspace()
    with pytest.raises(Invalid):
        await what_if.compare(session, Access(workspace.id, Role.ADMIN, "system"), Draft(policies, calendars), days=days, now=now)
