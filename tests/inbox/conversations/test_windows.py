"""How long, and how often, a platform takes answers."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

import connectors
from inbox.contract import Capabilities, ConversationKind, PlatformTemplate
from inbox.conversations import approved, health, outbox, outgoing, replies, rows, windows
from inbox.errors import Conflict, Invalid
from inbox.models import Channel, Conversation, Delivery, Direction, Message
from tests.make import MONDAY, Make

DAY = timedelta(hours=24)
ORDER = PlatformTemplate("order", "en", "Hello {{1}}, order {{2}} left. Yours, {{1}}'s shop")
keys = count(1)


async def conversation(make: Make, **channel: Any) -> Conversation:
    """Anna has asked on Monday at nine."""
    place = await make.channel(await make.workspace(), **channel)
    made = await make.conversation(place)
    await make.message(made, at=MONDAY)
    return made


async def answer(session: AsyncSession, of: Conversation, *, now: datetime, **more: Any) -> Message:
    return await replies.queue(session, of, None, body="At ten.", client_key=f"key-{next(keys)}", now=now, **more)


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (timedelta(hours=23), None),
        (DAY - timedelta(seconds=6), None),
        (DAY - timedelta(seconds=4), "window_closed"),
        (DAY, "window_closed"),
    ],
)  # the undo window of five seconds counts: the reply leaves at its end
async def test_an_answer_that_would_leave_after_the_window_is_refused_when_it_is_written(
    session: AsyncSession, make: Make, after: timedelta, code: str | None
):
    made = await conversation(make, answer_hours=24)
    if code is None:
        assert (await answer(session, made, now=MONDAY + after)).delivery == Delivery.QUEUED
        return
    with pytest.raises(Conflict) as refused:
        await answer(session, made, now=MONDAY + after)
    assert refused.value.code == code
    assert await answer(session, made, now=MONDAY + after, anyway=True)  # the platform's own word is the last


async def test_what_is_scheduled_past_the_window_is_refused(session: AsyncSession, make: Make):
    made = await conversation(make, answer_hours=24)
    with pytest.raises(Conflict):
        await answer(session, made, now=MONDAY, send_at=MONDAY + timedelta(hours=25))


async def test_the_window_begins_anew_when_the_customer_speaks_and_not_when_a_machine_does(session: AsyncSession, make: Make):
    made = await conversation(make, answer_hours=24)
    await make.message(made, at=MONDAY + timedelta(hours=30), automatic=True)
    assert (await windows.of(session, made)).until == MONDAY + DAY
    await make.message(made, at=MONDAY + timedelta(hours=40))
    assert (await windows.of(session, made)).until == MONDAY + timedelta(hours=64)


async def test_a_window_for_direct_messages_is_none_for_comments(session: AsyncSession, make: Make):
    place = await make.channel(await make.workspace(), answer_hours=24, answer_kinds=["direct"])
    direct, comments = [await make.conversation(place, kind=kind) for kind in (ConversationKind.DIRECT, ConversationKind.COMMENTS)]
    for made in (direct, comments):
        await make.message(made, at=MONDAY)
    assert [(await windows.of(session, made)).until for made in (direct, comments)] == [MONDAY + DAY, None]
    shown = await rows.load(session, [direct.id, comments.id])
    assert [shown[made.id].answer_until for made in (direct, comments)] == [MONDAY + DAY, None]
    late = MONDAY + timedelta(days=3)
    assert (await answer(session, comments, now=late)).delivery == Delivery.QUEUED
    with pytest.raises(Conflict):
        await answer(session, direct, now=late)


@pytest.mark.parametrize("name", ["facebook", "instagram", "tiktok", "whatsapp"])
async def test_on_platforms_with_windows_comments_have_none(session: AsyncSession, make: Make, name: str):
    able = connectors.find(name).capabilities
    place = await make.channel(await make.workspace(), platform=name, **health.allowances(able, able))
    made = await make.conversation(place, kind=ConversationKind.COMMENTS), await make.conversation(place, kind=ConversationKind.DIRECT)
    for one in made:
        await make.message(one, at=MONDAY)
    hours = windows.hours(able)
    assert hours is not None
    until = [(await windows.of(session, one)).until for one in made]
    assert until[1] == MONDAY + timedelta(hours=hours)
    assert until[0] is None or name == "whatsapp"  # which has no comments


@pytest.mark.parametrize("spoiled", [Delivery.FAILED, Delivery.UNDONE])
async def test_one_answer_only_is_spent_by_one_that_counts_until_the_customer_speaks_again(
    session: AsyncSession, make: Make, spoiled: Delivery
):
    made = await conversation(make, one_reply_only=True)
    ours = {"direction": Direction.OUT, "at": MONDAY + timedelta(minutes=1)}
    await make.message(made, delivery=spoiled, **ours)
    await answer(session, made, now=MONDAY + timedelta(minutes=2))
    with pytest.raises(Conflict) as refused:
        await answer(session, made, now=MONDAY + timedelta(minutes=3))
    assert refused.value.code == "answered"
    await make.message(made, at=MONDAY + timedelta(minutes=4))
    await answer(session, made, now=MONDAY + timedelta(minutes=5))


async def test_a_channel_that_takes_no_answers_refuses_them(session: AsyncSession, make: Make):
    made = await conversation(make, answers=False)
    with pytest.raises(Conflict) as refused:
        await answer(session, made, now=MONDAY)
    assert refused.value.code == "no_answers"


async def test_the_row_of_a_list_knows_its_window(session: AsyncSession, make: Make):
    open_, made = await conversation(make), await conversation(make, answer_hours=24, one_reply_only=True)
    shown = await rows.load(session, [open_.id, made.id])
    assert shown[open_.id].window == (True, False, None)
    assert shown[made.id].window == (True, False, MONDAY + DAY)
    assert shown[made.id].window.closed(MONDAY + DAY) == "over"
    await make.message(made, direction=Direction.OUT, delivery=Delivery.SENT, at=MONDAY + timedelta(hours=1))
    assert (await rows.load(session, [made.id]))[made.id].window.closed(MONDAY) == "answered"


async def test_an_approved_text_leaves_outside_of_the_window_with_its_values(session: AsyncSession, make: Make):
    made = await conversation(make, answer_hours=24)
    late = MONDAY + timedelta(days=3)
    message = await answer(session, made, now=late, platform_template=ORDER, template_values=(" Anna ", "4711"))
    assert message.body == "Hello Anna, order 4711 left. Yours, Anna's shop"
    (claimed,) = await outbox.claim(session, owner="one", now=late + timedelta(minutes=1))
    reply = (await outgoing.draft(session, claimed)).reply
    assert (reply.template, reply.template_values, reply.text) == (ORDER, ("Anna", "4711"), message.body)


@pytest.mark.parametrize("values", [(), ("Anna",), ("Anna", "  "), ("Anna", "4711", "more")])
async def test_every_blank_of_an_approved_text_is_filled(values: tuple[str, ...]):
    with pytest.raises(Invalid):
        approved.fill(ORDER, values)


async def test_what_an_account_can_do_is_noted_once_and_told(session: AsyncSession, make: Make):
    channel = await make.channel(await make.workspace())
    kinds = frozenset({ConversationKind.REVIEW, ConversationKind.DIRECT})
    able = Capabilities(window_hours=24, human_window_hours=168, window_kinds=kinds, one_reply_only=True, replies=False)
    await health.allowed(session, channel, Capabilities(), able, now=MONDAY)
    stored = await session.scalar(select(Channel).where(col(Channel.id) == channel.id).execution_options(populate_existing=True))
    assert stored is not None
    assert (stored.answers, stored.answer_hours, stored.one_reply_only, stored.actions) == (False, 168, True, None)  # people have longer
    assert stored.answer_kinds == ["direct", "review"]
    before = len(session.info["events"])
    await health.allowed(session, stored, Capabilities(), able, now=MONDAY)
    assert len(session.info["events"]) == before
