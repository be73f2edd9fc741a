"""The demonstration workspace, from its link to the customer's window."""

import html
import json
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import delete, func, select
from sqlmodel import col

from api import surveys
from api.demo import seed
from api.deps import House
from connectors.demo import town
from inbox.contract import Author, Batch, Event, EventKind
from inbox.conversations import receive
from inbox.models import (
    Alert,
    AlertState,
    Channel,
    Conversation,
    Direction,
    Episode,
    Identity,
    LogEvent,
    Message,
    Metric,
    Outcome,
    Rating,
    RatingState,
    Status,
    Wait,
    Workspace,
)
from inbox.promptness import cuts, waits


@pytest.fixture
async def workspace_id(house: House, now: datetime) -> int:
    """A small one: three days are enough for most questions."""
    return await seed.ensure(house, now=now, days=3)


async def test_the_demonstration_has_sixty_days_behind_it_and_is_made_once(house: House, now: datetime):
    workspace_id = await seed.ensure(house, now=now)
    assert await seed.ensure(house, now=now) == workspace_id
    async with house.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Workspace)) == 1
        assert await session.scalar(select(func.count()).select_from(Channel)) == 8
        answered = await session.scalar(select(func.count()).where(col(Wait.outcome) == Outcome.ANSWERED, col(Wait.member_id).is_not(None)))
        assert answered is not None
        assert answered > 300
        old_and_open = col(Conversation.status) == Status.OPEN, col(Conversation.last_message_at) < now - seed.FRESH
        assert await session.scalar(select(func.count()).select_from(Conversation).where(*old_and_open)) == 0


async def test_the_history_has_second_questions_and_a_rebuild_of_its_waits_finds_the_same(house: House, now: datetime):
    workspace_id = await seed.ensure(house, now=now, days=12)
    async with house.database.transaction() as session:
        later = await session.scalar(select(func.count()).where(col(Wait.metric) == Metric.NEXT, col(Wait.outcome) == Outcome.ANSWERED))
        every = await session.scalar(select(func.count()).where(col(Wait.outcome) == Outcome.ANSWERED))
        assert 0.12 < (later or 0) / (every or 1) < 0.35
        assert await session.scalar(select(func.count()).where(col(Wait.outcome) == Outcome.NOT_NEEDED))
        assert await waits.rebuild(session, workspace_id, now=now) == 0


async def test_the_history_was_promised_something_so_that_every_figure_lives(house: House, now: datetime):
    workspace_id = await seed.ensure(house, now=now, days=30)
    async with house.database.transaction() as session:
        counted = select(func.count()).where(col(Wait.due_at).is_not(None))
        kept = await session.scalar(counted.where(col(Wait.breached_at).is_(None))) or 0
        late = await session.scalar(counted.where(col(Wait.breached_at) == col(Wait.due_at))) or 0
        assert min(kept, late) > 60
        wrong = col(Wait.late_on_policy) | col(Wait.caught_up_late) | col(Wait.policy_id).is_(None)
        assert await session.scalar(select(func.count()).where(wrong)) == 0
        episodes = select(func.count()).where(col(Episode.target_seconds).is_not(None), col(Episode.is_void).is_(False))
        assert (await session.scalar(episodes) or 0) > 100
        assert await session.scalar(episodes.where(col(Episode.reopened_count) > 0))
        assert await session.scalar(episodes.where(col(Episode.caught_up_late))) == 0
        over = select(func.count()).where(
            (col(Alert.state) == AlertState.RAISED) | (col(Alert.at) <= now) | col(Alert.wait_id).is_not(None)
        )
        assert await session.scalar(over) == 0, "what is over alerts nobody"
        told = (await session.execute(select(LogEvent.at, LogEvent.data).where(LogEvent.kind == "wait.breached"))).all()
        assert sorted(data["wait"] for _, data in told) == sorted(
            await session.scalars(select(col(Wait.id)).where(col(Wait.breached_at).is_not(None)))
        )
        assert all(at == datetime.fromisoformat(data["due_at"]) for at, data in told)
        assert await waits.rebuild(session, workspace_id, now=now) == 0


async def test_the_history_went_through_the_teams_hands_so_that_every_wait_tells_who_had_it(house: House, now: datetime):
    workspace_id = await seed.ensure(house, now=now, days=12)
    async with house.database.transaction() as session:
        cut = [cuts.loaded(kept) for kept in await session.scalars(select(col(Wait.segments)).where(col(Wait.segments).is_not(None)))]
        kinds = {tuple((one.kind, one.member is not None, one.team is not None) for one in segments) for segments in cut}
        by_team = (cuts.Kind.UNASSIGNED, False, False), (cuts.Kind.OWNER, False, True), (cuts.Kind.OWNER, True, True)
        assert {by_team, by_team[:1], (by_team[0], (cuts.Kind.OWNER, True, False))} <= kinds
        assert any(len({one.member for one in segments} - {None}) == 2 for segments in cut), "some are handed on"
        for column in (Wait.member_id, Wait.team_id, Conversation.team_id, Conversation.assignee_id):
            assert len(set(await session.scalars(select(col(column)).where(col(column).is_not(None))))) >= 2
        whose = select(func.count()).where(col(Wait.outcome) == Outcome.ANSWERED)
        taken = await session.scalar(whose.where(col(Wait.assignee_id) == col(Wait.member_id))) or 0
        assert 0.75 < taken / (await session.scalar(whose) or 1) < 1
        assert await waits.rebuild(session, workspace_id, now=now) == 0


async def test_the_log_of_the_history_tells_everything_once_at_its_time_and_in_order(house: House, now: datetime):
    await seed.ensure(house, now=now, days=12)
    async with house.database.transaction() as session:
        log = (await session.scalars(select(LogEvent).order_by(col(LogEvent.id)))).all()
        assert [event.at for event in log] == sorted(event.at for event in log)
        assert log[-1].at <= now
        written = {message.id: message.at for message in await session.scalars(select(Message))}
        told = [(event.data["message"], event.at) for event in log if event.kind == "message.received"]
        assert sorted(told) == sorted(written.items())
        every = (await session.scalars(select(Wait))).all()
        for kind, times in (
            ("wait.opened", [(wait.id, wait.opened_at) for wait in every]),
            ("wait.closed", [(wait.id, wait.closed_at) for wait in every]),
        ):
            assert sorted((event.data["wait"], event.at) for event in log if event.kind == kind) == sorted(times)
        assert not [event for event in log if event.kind in ("wait.retold", "wait.retargeted")]
        for conversation in await session.scalars(select(Conversation)):
            owners = [event.data for event in log if (event.kind, event.conversation_id) == ("conversation.assigned", conversation.id)]
            had = {"assignee": None, "team": None}
            for data in owners:
                assert data["before"] == had
                had = {"assignee": data["assignee"], "team": data["team"]}
            assert had == {"assignee": conversation.assignee_id, "team": conversation.team_id}


async def test_its_customers_were_asked_how_it_was_the_same_ones_each_time(house: House, now: datetime):
    told: list[list[tuple[object, ...]]] = []
    for _ in range(2):
        await seed.ensure(house, now=now, days=20)
        async with house.database.transaction() as session:
            rows = (await session.scalars(select(Rating).order_by(col(Rating.asked_at), col(Rating.id)))).all()
            told.append([(row.state, row.asked_at, row.score, row.comment, row.given_at) for row in rows])
            kinds = (await session.scalars(select(col(LogEvent.kind)).where(col(LogEvent.kind).startswith("rating.")))).all()
            assert kinds.count("rating.asked") == sum(row.state == RatingState.ASKED for row in rows)
            assert kinds.count("rating.given") == sum(row.score is not None for row in rows)
            await session.execute(delete(Workspace))
    assert told[0] == told[1]
    scores = [score for _, _, score, _, _ in told[0] if score]
    assert len(scores) > 25
    assert set(scores) >= {2, 3, 4, 5}
    assert 0.6 < sum(score in (4, 5) for score in scores) / len(scores) < 0.9


async def test_nobody_is_asked_again_when_the_demonstration_begins(house: House, now: datetime):
    await seed.ensure(house, now=now, days=12)
    assert await surveys.ask_due(house.database, house.settings, clock=lambda: now + timedelta(minutes=5)) == 0


async def test_who_writes_again_long_after_begins_anew_in_a_rebuild_too(house: House, now: datetime):
    workspace_id = await seed.ensure(house, now=now, days=12)
    async with house.database.transaction() as session:
        query = select(Message).where(col(Message.direction) == Direction.IN).order_by(col(Message.at), col(Message.id)).limit(1)
        question = (await session.scalars(query)).one()
        channel = await session.get_one(Channel, question.channel_id)
        writer = await session.get_one(Identity, question.identity_id)
        again = Event(
            "again", EventKind.MESSAGE, "again", question.thread_external_id, now, Author(writer.external_id, writer.name), "Und nun?"
        )
        await receive.receive(
            session, channel, Batch([replace(again, parent_id=question.external_id, mentions=(channel.account_id,))]), now=now
        )
        metrics = await session.scalars(
            select(col(Wait.metric)).where(col(Wait.conversation_id) == question.conversation_id, col(Wait.opened_at) == now)
        )
        assert metrics.all() == [Metric.FIRST]
    async with house.database.transaction() as session:
        assert await waits.rebuild(session, workspace_id, now=now) == 0


async def test_the_printed_link_signs_in_as_the_supervisor_and_another_signature_does_not(
    house: House, workspace_id: int, client: httpx.AsyncClient
):
    assert (await client.get(f"/demo/{workspace_id}/{'x' * 24}")).status_code == 404
    answer = await client.get(f"/demo/{workspace_id}/{house.vault.sign('demo', str(workspace_id))}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/w/{workspace_id}/inbox")
    assert "httponly" in answer.headers["set-cookie"].lower()


async def test_the_link_of_a_workspace_that_is_no_demonstration_signs_nobody_in(house: House, workspace_id: int, client: httpx.AsyncClient):
    async with house.database.transaction() as session:
        (await session.get_one(Workspace, workspace_id)).is_demo = False
    assert (await client.get(f"/demo/{workspace_id}/{house.vault.sign('demo', str(workspace_id))}")).status_code == 404


async def test_what_is_said_in_the_customers_window_reaches_the_town(house: House, workspace_id: int, client: httpx.AsyncClient):
    await client.get(f"/demo/{workspace_id}/{house.vault.sign('demo', str(workspace_id))}")
    async with house.database.transaction() as session:
        question = await session.scalar(select(Message).where(col(Message.direction) == Direction.IN).limit(1))
        assert question is not None
        channel = await session.get_one(Channel, question.channel_id)
    window = f"/w/{workspace_id}/demo/customer/{question.conversation_id}"
    page = await client.get(window)
    assert question.body in html.unescape(page.text)
    assert (await client.post(window, data={"text": "Und Stevia?"})).status_code == 303
    config = json.loads(house.vault.decrypt(channel.config))
    (typed,) = town.Town(seed.folder(house.settings.home, workspace_id), config["place"]).typed()
    assert (typed.text, typed.thread) == ("Und Stevia?", question.thread_external_id)


async def test_time_in_the_demonstration_can_be_paused(house: House, workspace_id: int, client: httpx.AsyncClient):
    await client.get(f"/demo/{workspace_id}/{house.vault.sign('demo', str(workspace_id))}")
    clock = town.Clock(seed.folder(house.settings.home, workspace_id))
    assert (await client.post(f"/w/{workspace_id}/demo/speed", data={"speed": 4})).status_code == 303
    assert clock.speed() == 4
    assert (await client.post(f"/w/{workspace_id}/demo/speed", data={"speed": 7})).status_code == 422
    assert clock.speed() == 4


async def test_only_a_parley_on_this_machine_shows_visitors_of_the_demonstration_the_way_to_become_admin(
    house: House, workspace_id: int, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    await client.get(f"/demo/{workspace_id}/{house.vault.sign('demo', str(workspace_id))}")
    for address, is_shown in [("http://127.0.0.1:8080", True), ("https://demo.example.org", False)]:
        monkeypatch.setitem(house.settings.__dict__, "public_url", address)
        page = await client.get(f"/w/{workspace_id}/demo/own")
        assert page.status_code == 200
        assert ("/first-run/" in page.text) is is_shown


async def test_the_page_can_ask_how_fast_the_demonstration_goes(house: House, workspace_id: int, client: httpx.AsyncClient):
    await client.get(f"/demo/{workspace_id}/{house.vault.sign('demo', str(workspace_id))}")
    town.Clock(seed.folder(house.settings.home, workspace_id)).set_speed(4)
    assert (await client.get(f"/w/{workspace_id}/demo/speed")).json() == {"speed": 4}
