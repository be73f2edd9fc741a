"""Why was this late? Who had a wait when, written with it when it ends, and shown as far as the asker may know."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.contract import ConversationKind, Receipt
from inbox.conversations import assignment, labels, outbox, replies
from inbox.errors import NotFound
from inbox.models import Calendar, CalendarVersion, Channel, Conversation, Label, Member, Message, Role, Wait, Workspace
from inbox.promptness import cuts, segments, targets, waits
from inbox.promptness.segments import Waterfall
from inbox.team import rights
from tests.inbox.conversations.test_receive import BERND, US, channel, everything, said, take
from tests.inbox.promptness.test_corrections import logged
from tests.inbox.promptness.test_targets import policy
from tests.inbox.promptness.test_waits import minutes
from tests.make import MONDAY, Make

__all__ = ["channel"]  # the fixture


@pytest.fixture
async def lotte(session: AsyncSession, channel: Channel, make: Make) -> Member:
    return await make.member(await session.get_one(Workspace, channel.workspace_id), name="Lotte")


@pytest.fixture
async def mo(session: AsyncSession, channel: Channel, make: Make) -> Member:
    return await make.member(await session.get_one(Workspace, channel.workspace_id), name="Mo")


async def give(session: AsyncSession, member: Member | None, minute: float) -> None:
    conversation = (await everything(session, Conversation))[-1]
    access = rights.Access(conversation.workspace_id, Role.ADMIN, "system")
    await assignment.assign(session, access, conversation, member_id=member and member.id, team_id=None, now=minutes(minute))
    await logged(session)


async def answer(session: AsyncSession, member: Member, minute: float, *, accepted: float, body: str = "Here") -> Message:
    """Written at `minute`, handed over ten seconds later."""
    conversation = (await everything(session, Conversation))[-1]
    message = await replies.queue(session, conversation, member, body=body, client_key=f"k{minute}", now=minutes(minute))
    leaves = minutes(minute) + timedelta(seconds=10)
    (claimed,) = await outbox.claim(session, owner="one", now=leaves)
    await outbox.mark_sent(session, claimed, Receipt(f"r{minute}", minutes(accepted)), minutes(accepted))
    await logged(session)
    return message


def kept(wait: Wait) -> list[tuple[str, int | None, float]]:
    """Kind, member and minutes of each segment that is kept with a wait."""
    assert wait.segments is not None
    return [(one.kind.value, one.member, round(one.seconds / 60, 3)) for one in cuts.loaded(wait.segments)]


async def shown(session: AsyncSession, access: rights.Access, now: float = 60, **values: Any) -> Waterfall:
    wait = (await everything(session, Wait))[-1]
    return await segments.of_wait(session, access, wait.id, minutes(now), **values)


async def test_a_wait_keeps_who_had_it_when_and_how_the_answer_went_its_way(
    session: AsyncSession, channel: Channel, lotte: Member, mo: Member
):
    await take(session, channel, said("Hi?"))
    await give(session, lotte, 10)
    await give(session, mo, 25)
    await answer(session, mo, 40, accepted=41)
    (wait,) = await everything(session, Wait)
    assert kept(wait) == [
        ("unassigned", None, 10), ("owner", lotte.id, 15), ("owner", mo.id, 15), ("undo", mo.id, 0.167), ("delivery", mo.id, 0.833),
    ]  # fmt: skip
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(60)) == 0


async def test_a_reply_that_the_platform_takes_late_is_late_by_its_delivery(session: AsyncSession, channel: Channel, lotte: Member):
    await take(session, channel, said("Hi?"))
    await give(session, lotte, 1)
    await answer(session, lotte, 2, accepted=90)
    (wait,) = await everything(session, Wait)
    assert (wait.closed_at, kept(wait)[-1]) == (minutes(90), ("delivery", lotte.id, 87.833))


async def test_business_time_is_cut_by_the_hours_that_count_for_the_wait(session: AsyncSession, channel: Channel, lotte: Member):
    office = Calendar(workspace_id=channel.workspace_id, name="Office", created_at=MONDAY)
    session.add(office)
    await session.flush()
    hours = {"tz": "UTC", "hours": {"mon": [["09:05", "09:30"]]}}
    session.add(CalendarVersion(workspace_id=channel.workspace_id, calendar_id=office.id, created_at=MONDAY, definition=hours))
    usual = await policy(session, channel, calendar_id=office.id)
    await take(session, channel, said("Hi?"))
    await give(session, lotte, 10)
    await answer(session, lotte, 40, accepted=41)
    (wait,) = await everything(session, Wait)
    assert [(one.kind.value, one.business / 60) for one in cuts.loaded(wait.segments or [])] == [
        ("unassigned", 5), ("owner", 20), ("undo", 0), ("delivery", 0),
    ]  # fmt: skip
    assert (wait.calendar_id, wait.business_seconds) == (office.id, 25 * 60)
    usual.calendar_id = None
    await session.flush()
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(50), actor="member:1")
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(60)) == 0, "it keeps the hours that counted when it ended"


async def test_a_native_answer_that_comes_late_counts_for_whoever_had_the_conversation_then(
    session: AsyncSession, channel: Channel, lotte: Member
):
    await take(session, channel, said("Hi?"))
    await give(session, lotte, 30)
    await take(session, channel, said("Here", author=US, after=20 * 60), later=40 * 60)
    (wait,) = await everything(session, Wait)
    assert (kept(wait), wait.assignee_id) == ([("unassigned", None, 20)], None)
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(60)) == 0


async def test_a_question_that_turns_out_older_is_cut_as_if_it_had_come_in_order(session: AsyncSession, channel: Channel, lotte: Member):
    await give_first(session, channel, lotte)
    await answer(session, lotte, 40, accepted=41)
    await take(session, channel, said("Really?", after=60), later=45 * 60)
    (wait, *_) = await everything(session, Wait)
    assert kept(wait)[0] == ("unassigned", None, 5), "what had not reached us is not answered by it"
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(60)) == 0


async def give_first(session: AsyncSession, channel: Channel, member: Member) -> None:
    """A question of minute five, and its conversation given away at minute ten."""
    await take(session, channel, said("Hi?", after=300), later=310)
    await give(session, member, 10)


async def test_the_segments_of_an_open_wait_reach_until_now_and_know_the_reply_that_is_on_its_way(
    session: AsyncSession, channel: Channel, lotte: Member
):
    await take(session, channel, said("Hi?"))
    await give(session, lotte, 10)
    conversation = (await everything(session, Conversation))[-1]
    found = await shown(session, rights.of(lotte), 15)
    assert [(hand.segment.kind.value, hand.segment.seconds) for hand in found.hands] == [("unassigned", 600), ("owner", 300)]
    await replies.queue(session, conversation, lotte, body="Here", client_key="k", now=minutes(20), send_at=minutes(40))
    await logged(session)
    found = await shown(session, rights.of(lotte), 30)
    assert [(hand.segment.kind.value, hand.segment.seconds) for hand in found.hands] == [("unassigned", 600), ("owner", 600), ("undo", 600)]
    assert (found.seconds, found.business, found.wait.segments) == (1800, 1800, None)


async def test_in_a_thread_a_reply_on_its_way_is_that_of_the_person_it_answers(session: AsyncSession, channel: Channel, lotte: Member):
    comment = {"conversation_kind": ConversationKind.COMMENTS}
    await take(session, channel, said("Is it?", number="a", **comment), said("Was it?", number="b", author=BERND, **comment))
    (conversation,), (anna, _) = await everything(session, Conversation), await everything(session, Message)
    await replies.queue(session, conversation, lotte, body="Yes", client_key="k", now=minutes(5), parent_id=anna.id, send_at=minutes(60))
    await logged(session)
    of_anna, of_bernd = await everything(session, Wait)
    kinds = [
        [hand.segment.kind.value for hand in (await segments.of_wait(session, rights.of(lotte), wait.id, minutes(9))).hands]
        for wait in (of_anna, of_bernd)
    ]
    assert kinds == [["unassigned", "undo"], ["unassigned"]]


@pytest.mark.parametrize(
    ("setting", "seen"),
    [("off", (None, None)), ("own", ("own", None)), ("groups", ("own", None)), ("named", ("own", "other"))],
)
async def test_colleagues_are_shown_only_as_the_installation_allows(
    session: AsyncSession, channel: Channel, lotte: Member, mo: Member, setting: Any, seen: tuple[str | None, str | None]
):
    await take(session, channel, said("Hi?"))
    await give(session, lotte, 0.5)
    await give(session, mo, 10)
    await answer(session, mo, 40, accepted=41)
    found = await shown(session, rights.of(lotte), member_figures=setting)
    owners = [(hand.segment.member, hand.hidden) for hand in found.hands if hand.segment.kind == cuts.Kind.OWNER]
    names = {"own": lotte.id, "other": mo.id, None: None}
    assert owners == [(names[one], one is None) for one in seen]
    looks = [event.data["member"] for event in events.recorded(session) if event.kind == "figures.viewed"]
    assert looks == ([mo.id] if setting == "named" else [])


async def test_the_whole_seconds_that_are_shown_add_up_too(session: AsyncSession, channel: Channel, lotte: Member, mo: Member):
    await take(session, channel, said("Hi?"))
    for number in range(1, 6):
        await give(session, (lotte, mo)[number % 2], number * 1.0067)
    found = await shown(session, rights.of(lotte), 7.0067)
    told = segments.shown_seconds(found.hands)
    assert sum(wall for wall, _ in told) == round(found.seconds)
    assert sum(business for _, business in told) == round(found.business)


async def test_a_wait_of_a_channel_that_one_may_not_see_is_not_there(session: AsyncSession, channel: Channel, lotte: Member):
    await take(session, channel, said("Hi?"))
    channel.restricted = True
    await session.flush()
    with pytest.raises(NotFound):
        await shown(session, rights.of(lotte))


async def test_a_rebuild_writes_the_segments_of_waits_that_ended_before_they_were_kept(
    session: AsyncSession, channel: Channel, lotte: Member
):
    await take(session, channel, said("Hi?"))
    await give(session, lotte, 10)
    await answer(session, lotte, 40, accepted=41)
    before = kept((await everything(session, Wait))[0])
    await session.execute(update(Wait).values(segments=None))
    assert [hand.segment.kind.value for hand in (await shown(session, rights.of(lotte))).hands] == [kind for kind, _, _ in before]
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(60)) == 1
    assert kept((await everything(session, Wait))[0]) == before


@pytest.mark.parametrize("values", [{"due_at": MONDAY}, {"breached_at": MONDAY}, {"business_seconds": 3.0}, {"caught_up_late": True}])
async def test_a_rebuild_corrects_what_follows_from_the_target(
    session: AsyncSession, channel: Channel, lotte: Member, values: dict[str, datetime | float]
):
    await policy(session, channel)
    await take(session, channel, said("Hi?"))
    await answer(session, lotte, 5, accepted=9)
    (before,) = [row.model_dump() for row in await everything(session, Wait)]
    await session.execute(update(Wait).values(**values))
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(60)) == 1
    assert [row.model_dump() for row in await everything(session, Wait)] == [before]


async def test_a_policy_that_came_when_a_wait_was_over_does_not_count_for_it(session: AsyncSession, channel: Channel, lotte: Member):
    await take(session, channel, said("Hi?"))
    await answer(session, lotte, 30, accepted=31)
    await policy(session, channel, changed_at=minutes(40))
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(40), actor="member:1")
    await take(session, channel, said("And?", after=45 * 60), later=46 * 60)
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(50)) == 0
    ended, waiting = await everything(session, Wait)
    assert (ended.policy_id, ended.breached_at, waiting.target_seconds) == (None, None, 1200)


async def test_an_answer_that_turns_out_older_than_the_policy_was_never_late_by_it(session: AsyncSession, channel: Channel):
    await take(session, channel, said("Hi?"))
    await policy(session, channel, changed_at=minutes(40))
    await targets.settle_workspace(session, channel.workspace_id, now=minutes(40), actor="member:1")
    assert [wait.late_on_policy for wait in await everything(session, Wait)] == [True]
    await take(session, channel, said("Here", author=US, after=30 * 60), later=50 * 60)
    (wait,) = await everything(session, Wait)
    assert (wait.late_on_policy, wait.breached_at, wait.policy_id, wait.business_seconds) == (False, None, None, 1800)
    assert await waits.rebuild(session, channel.workspace_id, now=minutes(60)) == 0


async def test_a_team_that_is_dissolved_has_had_the_wait_until_then(session: AsyncSession, channel: Channel, lotte: Member, make: Make):
    workspace = await session.get_one(Workspace, channel.workspace_id)
    access, team = rights.Access(workspace.id, Role.ADMIN, "system"), await make.team(workspace)
    await policy(session, channel, name="Team", conditions={"team": [team.id]}, targets={"first": {"normal": 60}})
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    number = team.id
    await assignment.assign(session, access, conversation, member_id=None, team_id=number, now=minutes(0.5))
    await logged(session)
    assert (await everything(session, Wait))[0].target_seconds == 60
    await assignment.dissolve(session, access, team, now=minutes(0.8))
    await logged(session)
    await session.refresh(conversation)
    assert (await everything(session, Wait))[0].target_seconds is None
    await answer(session, lotte, 1, accepted=2)
    (wait,) = await everything(session, Wait)
    assert [(one.kind.value, one.team, one.seconds) for one in cuts.loaded(wait.segments or [])][:3] == [
        ("unassigned", None, 30), ("owner", number, 18), ("unassigned", None, 12),
    ]  # fmt: skip
    assert (wait.team_id, await waits.rebuild(session, channel.workspace_id, now=minutes(60))) == (None, 0)


async def test_a_label_that_is_deleted_asks_for_nothing_any_more(session: AsyncSession, channel: Channel):
    access, label = rights.Access(channel.workspace_id, Role.ADMIN, "system"), Label(workspace_id=channel.workspace_id, name="Press")
    session.add(label)
    await session.flush()
    await policy(session, channel, conditions={"label": [label.id]})
    await take(session, channel, said("Hi?"))
    (conversation,) = await everything(session, Conversation)
    await labels.put(session, access, conversation, [label.id], now=minutes(1))
    assert (await everything(session, Wait))[0].target_seconds == 600
    await labels.drop(session, access, label, now=minutes(2))
    assert (await everything(session, Wait))[0].target_seconds is None
