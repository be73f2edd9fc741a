"""Views, told twice: as SQL for lists, as Python for the live page."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.conversations import rows, views
from inbox.errors import NotFound
from inbox.models import ChannelAccess, Status
from inbox.team import rights
from tests.make import MONDAY, Make


async def crowd(make: Make) -> tuple[Any, Any, Any, list[Any]]:
    """Conversations of every status, owner, team and wait."""
    workspace = await make.workspace()
    me, other = await make.member(workspace), await make.member(workspace)
    channel, team = await make.channel(workspace), await make.team(workspace)
    made: list[Any] = []
    for number, (status, owner, group, waits) in enumerate(product(Status, (None, me.id, other.id), (None, team.id), (False, True))):
        at = MONDAY + timedelta(minutes=number // 2)  # some at the same moment
        values = {"status": status, "assignee_id": owner, "team_id": group, "last_message_at": at, "waiting_since": at if waits else None}
        values["language"] = ("de", "en", "")[number % 3]
        values["next_due_at"] = MONDAY + timedelta(hours=1, minutes=-(number // 6)) if waits and number % 3 else None
        made.append(await make.conversation(channel, **values))
    return me, channel, team, made


async def test_sql_and_python_agree_on_what_every_view_holds_and_in_which_order(session: AsyncSession, make: Make) -> None:
    me, channel, team, made = await crowd(make)
    access = rights.of(me)
    every = (await rows.load(session, [conversation.id for conversation in made])).values()
    whole = (*views.PLAIN, f"team:{team.id}", f"channel:{channel.id}")
    for key in (f"{key}{language}" for key in whole for language in ("", ".de", ".fr", ".und")):
        view = views.parse(key)
        listed = [row.id for row in (await views.page(session, access, view, limit=1000)).rows]
        held = sorted((row for row in every if views.holds(view, row, me.id)), key=lambda row: views.place(view, row))
        assert listed == [row.id for row in held], key


async def test_counts_are_what_the_lists_hold(session: AsyncSession, make: Make) -> None:
    me, channel, team, _made = await crowd(make)
    access = rights.of(me)
    shown = [views.parse(key) for key in (*views.COUNTED, f"team:{team.id}", f"channel:{channel.id}")]
    counts = views.counts(await views.tally(session, access.workspace_id), shown, {channel.id}, me.id)
    for view in shown:
        assert counts[view.key] == len((await views.page(session, access, view, limit=1000)).rows), view.key


async def test_what_a_colleague_holds_is_not_mine_to_answer_next_nor_counted_as_such(session: AsyncSession, make: Make) -> None:
    me, channel, _team, _made = await crowd(make)
    page = await views.page(session, rights.of(me), views.parse("next"), limit=1000)
    assert {row.assignee_id for row in page.rows} == {None, me.id}
    tallies = await views.tally(session, me.workspace_id)
    held = dict(views.Owned(tallies, {channel.id}).of(me.id))
    assert held == views.counts(tallies, [views.parse("next"), views.parse("mine")], {channel.id}, me.id)
    assert held["next"] == len(page.rows)


async def test_what_is_due_soonest_is_answered_next_then_who_waits_longest(session: AsyncSession, make: Make) -> None:
    workspace = await make.workspace()
    me, channel = await make.member(workspace), await make.channel(workspace)
    hours = [(None, 1), (9, 5), (4, 6), (None, 0), (4, 3)]  # due, and waiting since
    made = []
    for due, since in hours:
        at = None if due is None else MONDAY + timedelta(hours=due)
        made.append(await make.conversation(channel, next_due_at=at, waiting_since=MONDAY + timedelta(hours=since)))
    page = await views.page(session, rights.of(me), views.parse("next"))
    assert [row.id for row in page.rows] == [made[number].id for number in (4, 2, 1, 3, 0)]


@pytest.mark.parametrize("key", ["next", "open"])
async def test_pages_of_a_view_follow_each_other_without_gap_or_repetition(session: AsyncSession, make: Make, key: str) -> None:
    me, _channel, _team, _made = await crowd(make)
    view, access = views.parse(key), rights.of(me)
    whole = [row.id for row in (await views.page(session, access, view, limit=1000)).rows]
    parts: list[int] = []
    after: str | None = None
    while True:
        page = await views.page(session, access, view, after=after, limit=3)
        parts += [row.id for row in page.rows]
        after = page.after
        if after is None:
            break
    assert parts == whole


async def test_a_restricted_channel_is_in_no_list_and_no_count_of_who_may_not_see_it(session: AsyncSession, make: Make) -> None:
    workspace = await make.workspace()
    out, inside = await make.member(workspace), await make.member(workspace)
    secret = await make.channel(workspace, restricted=True)
    session.add(ChannelAccess(workspace_id=workspace.id, channel_id=secret.id, member_id=inside.id))
    await make.conversation(secret)
    view = views.parse("open")
    seen = [len((await views.page(session, rights.of(member), view)).rows) for member in (out, inside)]
    assert seen == [0, 1]
    tallies = await views.tally(session, workspace.id)
    counted = [
        views.counts(tallies, [view], await rights.channels(session, rights.of(member)), member.id)["open"] for member in (out, inside)
    ]
    assert counted == [0, 1]


@pytest.mark.parametrize("key", ["", "nonsense", "team:", "team:x", "next:1", "channel:99999999999999999999"])
def test_a_view_that_does_not_exist_is_not_found(key: str) -> None:
    with pytest.raises(NotFound):
        views.parse(key)


@pytest.mark.parametrize(
    "after", ["", "x", "2026-03-02_5", "2026-03-02T09:00:00+00:00_x", "2026-03-02T09:00:00+00:00_99999999999999999999"]
)
async def test_a_place_that_nobody_gave_out_is_not_found(session: AsyncSession, make: Make, after: str) -> None:
    member = await make.member(await make.workspace())
    for key in ("open", "next"):
        with pytest.raises(NotFound):
            await views.page(session, rights.of(member), views.parse(key), after=after)
