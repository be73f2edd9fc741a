"""The figures about waits: page, file and API tell the same."""

import csv
import io
import re
import subprocess
import sys
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from api import sheets
from api.deps import House
from inbox import events
from inbox.models import ApiToken, Channel, Metric, Outcome, Post, Role, Wait, Workspace
from inbox.secrets import hash_token
from tests.api import people
from tests.make import MONDAY, Make


async def seeded(house: House) -> tuple[people.Person, Channel, Channel]:
    """An agent, a channel that they see and one that they do not, with waits of 60, 120 and 600 s, one open, and one restricted of 9 h."""
    workspace = await people.found(house)
    agent = await people.person(house, workspace, role=Role.AGENT)
    async with house.database.transaction() as session:
        make = Make(session)
        channels = await make.channel(workspace, name="=cmd|' /C calc'!A0"), await make.channel(workspace, name="Board", restricted=True)
        for channel, seconds, closes in ((0, 60, True), (0, 120, True), (0, 600, True), (0, 0, False), (1, 32400, True)):
            identity = await make.identity(channels[channel])
            conversation = await make.conversation(channels[channel])
            message = await make.message(conversation, identity_id=identity.id)
            opened = MONDAY - timedelta(hours=30)
            closed = {"closed_at": opened + timedelta(seconds=seconds), "outcome": Outcome.ANSWERED, "member_id": agent.access.member_id}
            session.add(
                Wait(
                    workspace_id=workspace.id,
                    channel_id=channels[channel].id,
                    conversation_id=conversation.id,
                    identity_id=identity.id,
                    metric=Metric.FIRST,
                    opened_at=opened,
                    opened_by=message.id,
                    received_at=opened,
                    **(closed if closes else {}),
                )
            )
        token = {"workspace_id": workspace.id, "role": Role.AGENT, "created_at": MONDAY, "name": "probe"}
        session.add(ApiToken(**token, token_hash=hash_token("probe"), member_id=agent.access.member_id))
    return agent, *channels


async def test_page_file_and_api_tell_the_same_numbers(app: FastAPI, house: House, client: httpx.AsyncClient):
    agent, seen, _ = await seeded(house)
    address = f"/w/{agent.access.workspace_id}/metrics"
    async with people.browser(app, agent) as browser:
        page = await browser.get(address)
        file = await browser.get(f"{address}.csv")
    headers = {"authorization": "Bearer probe"}
    told = (await client.get("/api/v1/metrics", params={"by": "channel"}, headers=headers)).json()
    assert [(item["key"], item["n"], item["open_now"], item["p50"]) for item in told["items"]] == [(seen.id, 4, 1, 120.0)]
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    told = [(row["cut"], row["n"], row["open_now"], row["p50"], row["mean"]) for row in rows]
    assert told == [
        ("all", "4", "1", "120.0", "260.0"),
        ("channel", "4", "1", "120.0", "260.0"),
        ("team", "4", "1", "120.0", "260.0"),
        ("member", "3", "0", "120.0", "260.0"),
        ("language", "4", "1", "120.0", "260.0"),
        ("priority", "4", "1", "120.0", "260.0"),
        ("policy", "4", "1", "120.0", "260.0"),
        ("kind", "4", "1", "120.0", "260.0"),
        ("post", "4", "1", "120.0", "260.0"),
    ]
    assert page.status_code == 200
    assert "2 min" in page.text
    assert "style=" not in page.text


async def test_restricted_channels_are_in_no_figure(app: FastAPI, house: House):
    agent, *_ = await seeded(house)
    async with people.browser(app, agent) as browser:
        page = await browser.get(f"/w/{agent.access.workspace_id}/metrics")
    assert "Board" not in page.text
    assert "9 h" not in page.text


async def test_the_period_the_figure_and_the_goal_are_in_the_address_and_kept_by_every_link(app: FastAPI, house: House):
    agent, *_ = await seeded(house)
    address = f"/w/{agent.access.workspace_id}/metrics"
    async with people.browser(app, agent) as browser:
        page = await browser.get(address, params={"days": 7, "within": 300})
        file = await browser.get(f"{address}.csv", params={"days": 7, "within": 300})
    links = [parse_qs(urlsplit(unescape(link)).query) for link in re.findall(rf'href="({address}\?[^"]*)"', page.text)]
    kept = {"days": ["7"], "metric": ["first"], "within": ["300"], "by": ["channel"], "cohort": ["arrival"]}
    for change in ({"days": ["28"]}, {"within": ["3600"]}, {"metric": ["next"]}, {"by": ["team"]}, {"cohort": ["reply"]}):
        assert {**kept, **change} in links
    assert "within 5 min" in page.text
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert (rows[0]["within_seconds"], rows[0]["share"]) == ("300", "0.5")  # 60 and 120 s of four; one still waits
    assert (await browser_status(app, agent, address, days=0), await browser_status(app, agent, address, within=1)) == (422, 422)


async def browser_status(app: FastAPI, someone: people.Person, address: str, **params: int) -> int:
    async with people.browser(app, someone) as browser:
        return (await browser.get(address, params=params)).status_code


CHOSEN = re.compile(r'<select name="(\w+)" data-chosen>.*?<option value="(\w+)" selected>([^<]*)', re.DOTALL)


@pytest.mark.parametrize("page", ["metrics", "metrics/waits"])
async def test_whatever_is_chosen_is_seen_and_stays_when_something_else_is_chosen(app: FastAPI, house: House, page: str):
    agent, seen, hidden = await seeded(house)
    async with house.database.transaction() as session:
        where = {"workspace_id": seen.workspace_id, "external_id": "p", "created_at": MONDAY}
        known, secret = Post(channel_id=seen.id, title="Fest", **where), Post(channel_id=hidden.id, title="Secret", **where)
        session.add_all([known, secret])
    me = agent.access.member_id
    async with people.browser(app, agent) as browser:
        for query, told in (
            ({"team": 0, "policy": 0}, [("team", "0", "No team"), ("policy", "0", "No policy")]),
            ({"member": me}, [("member", str(me), "Nora Berg")]),
            ({"post": known.id}, [("post", str(known.id), "Fest")]),
            ({"post": secret.id, "team": 404}, [("team", "404", "–"), ("post", str(secret.id), "–")]),
        ):
            text = (await browser.get(f"/w/{seen.workspace_id}/{page}", params=query)).text
            assert CHOSEN.findall(text) == told
            assert "Secret" not in text


@pytest.mark.parametrize("page", ["metrics", "metrics/resolution", "metrics/forecast", "metrics/posts", "metrics/waits"])
async def test_no_page_leads_to_ones_own_figures_where_there_are_none(
    app: FastAPI, house: House, page: str, monkeypatch: pytest.MonkeyPatch
):
    agent, seen, _ = await seeded(house)
    for setting, is_there in (("own", True), ("off", False)):
        house.settings = house.settings.model_copy(update={"member_figures": setting})
        async with people.browser(app, agent) as browser:
            assert ("/metrics/me" in (await browser.get(f"/w/{seen.workspace_id}/{page}")).text) is is_there


async def test_the_page_tells_who_waits_now_and_leads_to_the_longest(app: FastAPI, house: House):
    agent, *_ = await seeded(house)
    address = f"/w/{agent.access.workspace_id}"
    async with people.browser(app, agent) as browser:
        page = await browser.get(f"{address}/metrics", params={"days": 1})  # whoever began to wait before today waits all the same
        oldest = re.search(rf'href="({address}/conversations/\d+)">The longest waits for 30 h', page.text)[1]
        assert (await browser.get(oldest)).status_code == 200


async def test_the_figure_is_chosen(app: FastAPI, house: House):
    agent, *_ = await seeded(house)
    for metric, waits in (("first", ["4"]), ("next", [])):
        async with people.browser(app, agent) as browser:
            file = await browser.get(f"/w/{agent.access.workspace_id}/metrics.csv", params={"metric": metric})
        rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
        assert [row["n"] for row in rows if row["cut"] == "all"] == waits


async def test_a_period_is_whole_days_of_the_workspace(app: FastAPI, house: House):
    agent, *_ = await seeded(house)  # the waits began the morning before, at 03:00 UTC
    async with people.browser(app, agent) as browser:
        today = await browser.get(f"/w/{agent.access.workspace_id}/metrics", params={"days": 1})
        week = await browser.get(f"/w/{agent.access.workspace_id}/metrics", params={"days": 7})
    assert "Nobody waited in this period." in today.text
    assert "Today" in week.text


def test_starting_loads_nothing_that_only_figures_need():
    told = "import sys, api.app, api.worker; print([name for name in ('numpy', 'pyarrow') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.strip() == "[]"


async def test_a_stranger_and_somebody_not_signed_in_see_nothing(app: FastAPI, house: House):
    agent, *_ = await seeded(house)
    stranger = await people.person(house, await people.found(house, "Elsewhere"), email="stranger@example.org")
    for who, status in ((stranger, 404), (None, 303)):
        async with people.browser(app, who) as browser:
            for address in (
                "metrics",
                "metrics.csv",
                "metrics/waits",
                "metrics/waits.csv",
                "metrics/report",
                "metrics/posts",
                "metrics/me",
            ):
                assert (await browser.get(f"/w/{agent.access.workspace_id}/{address}")).status_code == status


async def test_named_figures_are_noted_in_the_log(app: FastAPI, house: House):
    house.settings = house.settings.model_copy(update={"member_figures": "named"})
    agent, *_ = await seeded(house)
    workspace = agent.access.workspace_id
    other = await people.person(house, await _workspace(house, workspace), role=Role.SUPERVISOR, name="Iris Blum")
    async with people.browser(app, other) as browser:
        page = await browser.get(f"/w/{workspace}/metrics", params={"by": "member"})
    assert "Nora Berg" in page.text
    async with house.database.transaction() as session:
        assert "figures.viewed" in [event.kind for event in await events.since(session, 0)]


async def _workspace(house: House, number: int) -> Workspace:
    async with house.database.transaction() as session:
        return await session.get_one(Workspace, number)


@pytest.mark.parametrize(
    ("cell", "safe"),
    [("=1+1", "'=1+1"), (" @sum", "' @sum"), ("+49", "'+49"), ("-5", "'-5"), ("\tx", "'\tx"), ("Anna", "Anna"), (-5, -5), (1.5, 1.5)],
)
def test_no_cell_is_taken_for_a_formula(cell: object, safe: object):
    assert sheets.safe(cell) == safe


@pytest.mark.parametrize(
    "params", [{"since": "2026-03-02T00:00:00"}, {"since": "2027-01-01T00:00:00Z"}, {"by": "shoe_size"}, {"until": "x"}]
)
async def test_a_wrong_period_is_refused(house: House, client: httpx.AsyncClient, params: dict):
    await seeded(house)
    answer = await client.get("/api/v1/metrics", params=params, headers={"authorization": "Bearer probe"})
    assert answer.status_code == 422
