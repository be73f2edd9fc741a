"""The pages that try something on the past, and the same numbers by the API."""

import re
from datetime import datetime
from html import unescape
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.models import ApiToken, Channel, Policy, Role, Workspace
from inbox.promptness import forecasts
from inbox.secrets import hash_token
from tests.api import people
from tests.inbox.promptness import past
from tests.make import Make

TOOLS = ("what-if", "staffing", "forecast")


async def lived(house: House, now: datetime, role: Role = Role.SUPERVISOR) -> tuple[people.Person, Workspace, Channel]:
    """Six weeks of one channel, two people who answer, an hour's target; a token "probe" of the same role."""
    workspace = await people.found(house)
    someone = await people.person(house, workspace, role=role)
    async with house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(workspace, name="Shop <b>")
        members = [await make.member(workspace), await make.member(workspace)]
        row = {
            "name": "Usual",
            "position": 0,
            "conditions": {},
            "targets": {"first": {"normal": 3600}},
            "created_at": now,
            "changed_at": now,
        }
        policy = Policy(workspace_id=workspace.id, **row)
        session.add(policy)
        await session.flush()
        random = np.random.default_rng(2)
        begun, lengths = now.timestamp() - random.uniform(0.5, 42, 400) * 86400, random.exponential(3000, 400)
        waits: list[dict[str, Any]] = [
            {
                "opened": float(at), "closed": float(at + length), "due": float(at) + 3600, "target_seconds": 3600, "policy_id": policy.id,
                "member_id": members[place % 2].id, "business_seconds": float(length),
                **({"breached": float(at) + 3600} if length > 3600 else {}),
            }
            for place, (at, length) in enumerate(zip(begun, lengths, strict=True))
        ]  # fmt: skip
        waits.append({"opened": now.timestamp() - 600, "due": now.timestamp() + 3000, "target_seconds": 3600, "policy_id": policy.id})
        await past.stored(make, channel, waits)
        token = {"workspace_id": workspace.id, "role": role, "created_at": now, "name": "probe"}
        session.add(ApiToken(**token, token_hash=hash_token("probe")))
    return someone, workspace, channel


def text(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)))


async def page(app: FastAPI, someone: people.Person, tool: str, **asked: Any) -> httpx.Response:
    async with people.browser(app, someone) as browser:
        return await browser.get(f"/w/{someone.access.workspace_id}/metrics/{tool}", params=asked)


HEADERS = {"authorization": "Bearer probe"}


async def test_a_tighter_target_is_tried_on_page_and_api_alike_and_nothing_is_saved(
    app: FastAPI, house: House, client: httpx.AsyncClient, now: datetime
) -> None:
    someone, workspace, _ = await lived(house, now)
    asked = {"days": 60, "policies": [{"name": "Usual", "targets": {"first": {"normal": 1800}}}]}
    told = (await client.post("/api/v1/metrics/what-if", json=asked, headers=HEADERS)).json()
    assert (told["waits"], told["otherwise"]) == (401, 0)
    assert told["to_missed"] > 20
    shown = await page(app, someone, "what-if", tried=1, days=60, first_normal="30 min")
    assert shown.status_code == 200
    words = text(shown.text)
    before, after = (round(100 * told["lines"][0][side]["share"], 1) for side in ("before", "after"))
    assert f"Within target, as it is {before:g} %" in words
    assert f"Within target, as drafted {after:g} %" in words
    assert f"Met before, missed then {told['to_missed']}" in words
    assert f"/w/{workspace.id}/conversations/{told['changes'][0]['conversation']}" in shown.text
    assert "<b>" not in shown.text
    async with house.database.transaction() as session:
        (policy,) = (await what_if_policies(session, workspace.id)).policies
        assert policy.targets == {"first": {"normal": 3600}}


async def what_if_policies(session: Any, workspace_id: int) -> Any:
    from inbox.promptness import what_if

    return await what_if.in_force(session, workspace_id)


async def test_changes_are_read_in_pages_by_the_api(house: House, app: FastAPI, client: httpx.AsyncClient, now: datetime) -> None:
    await lived(house, now)
    asked: dict[str, Any] = {"days": 60, "limit": 9, "policies": [{"name": "Usual", "targets": {"first": {"normal": 1800}}}]}
    seen: list[int] = []
    while True:
        told = (await client.post("/api/v1/metrics/what-if", json=asked, headers=HEADERS)).json()
        seen += [change["wait"] for change in told["changes"]]
        if told["next"] is None:
            break
        asked["cursor"] = told["next"]
    assert len(seen) == len(set(seen)) == told["to_missed"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"first_normal": "30"}, "is no length of time"),
        ({"first_normal": "0 min"}, "between one second and 366 days"),
        ({"first_normal": "400 d"}, "between one second and 366 days"),
        ({}, "has no target"),
        ({"first_normal": "30 min", "calendar": "77"}, "There is no calendar 77"),
    ],
)
async def test_a_draft_that_makes_no_sense_says_why(
    app: FastAPI, house: House, now: datetime, asked: dict[str, str], sentence: str
) -> None:
    someone, *_ = await lived(house, now)
    shown = await page(app, someone, "what-if", tried=1, **asked)
    assert shown.status_code == 422
    assert sentence in text(shown.text)


async def test_one_more_person_is_simulated_on_page_and_api_alike(
    app: FastAPI, house: House, client: httpx.AsyncClient, now: datetime
) -> None:
    someone, *_ = await lived(house, now)
    slot = {"weekday": 1, "start": 9, "end": 17}
    told = (await client.get("/api/v1/metrics/staffing", params=slot, headers=HEADERS)).json()
    assert told["effect"]["after"]["share"] >= told["effect"]["before"]["share"]
    assert (told["present"], told["rate"]) == (None, None)  # of two people it would be about each
    assert len(told["arrivals"]) == 7
    words = text((await page(app, someone, "staffing", tried=1, **slot)).text)
    share = round(100 * told["effect"]["after"]["share"], 1)
    assert f"with one more 401 {share:g} %" in words
    assert "No rota is recorded" in words
    assert (await page(app, someone, "staffing", tried=1, weekday=1, start=17, end=9)).status_code == 422


async def test_the_forecast_tells_how_far_it_can_be_trusted(app: FastAPI, house: House, client: httpx.AsyncClient, now: datetime) -> None:
    someone, workspace, channel = await lived(house, now)
    assert "No forecast yet" in (await page(app, someone, "forecast")).text
    async with house.database.transaction() as session:
        assert await forecasts.claim(session, now=now) == [workspace.id]
        fitted = await forecasts.fit(session, workspace.id, now=now)
        await forecasts.keep(session, workspace.id, fitted, now=now)
    told = (await client.get("/api/v1/metrics/forecast", headers=HEADERS)).json()
    assert told["method"] == fitted.method
    assert [wait["channel"] for wait in told["waits"]] == [channel.id]
    words = text((await page(app, someone, "forecast")).text)
    assert f"{round(100 * told['waits'][0]['chance'])} %" in words
    if fitted.quality is not None:
        assert f"Brier score of the model {round(fitted.quality.brier, 3):g}" in words
        assert f"of the base rate {round(fitted.quality.base_brier, 3):g}" in words


async def test_only_supervisors_try_drafts_and_staffing(app: FastAPI, house: House, client: httpx.AsyncClient, now: datetime) -> None:
    someone, *_ = await lived(house, now, Role.AGENT)
    assert [(await page(app, someone, tool)).status_code for tool in TOOLS] == [403, 403, 200]
    assert (await client.post("/api/v1/metrics/what-if", json={}, headers=HEADERS)).status_code == 403
    assert (await client.get("/api/v1/metrics/staffing", headers=HEADERS)).status_code == 403


async def test_an_empty_workspace_says_so(app: FastAPI, house: House) -> None:
    workspace = await people.found(house)
    someone = await people.person(house, workspace)
    pages = {tool: text((await page(app, someone, tool)).text) for tool in TOOLS}
    assert "There is no policy yet." in pages["what-if"]
    assert "No forecast yet" in pages["forecast"]
    assert "Too few answers" in text((await page(app, someone, "staffing", tried=1)).text)
