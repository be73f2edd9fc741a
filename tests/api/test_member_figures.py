"""PARLEY_MEMBER_FIGURES, page by page, file by file, route by route: no figure names a colleague where none may be seen."""

import io
from datetime import timedelta

import httpx
import pyarrow.parquet as parquet
import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.models import ApiToken, Metric, Outcome, Role, Wait
from inbox.promptness.question import MemberFigures
from inbox.secrets import hash_token
from tests.api import people
from tests.make import MONDAY, Make

PAGES = (
    "metrics?by=member", "metrics?by=team", "metrics/report?by=member", "metrics/waits", "metrics/posts", "metrics/me", "metrics/forecast",
    "metrics/resolution", "metrics/what-if", "metrics/staffing", "metrics.csv", "metrics/waits.csv", "metrics/resolution.csv", "wallboard",
    "waits/1", "waits/3",
)  # fmt: skip
ROUTES = (
    "metrics?by=member",
    "metrics/waits",
    "metrics/staffing",
    "metrics/posts",
    "metrics/sources",
    "waits/1",
    "waits/3",
    "metrics/resolution",
    "metrics/forecast",
)
FOR_SUPERVISORS = ("metrics/what-if", "metrics/staffing")


async def seeded(house: House, role: Role) -> tuple[people.Person, int]:
    """Somebody who asks, and a colleague; each has answered one and has one open. The colleague's number, and a token of the asker's."""
    workspace = await people.found(house)
    asker = await people.person(house, workspace, role=role, name="Nora Berg")
    async with house.database.transaction() as session:
        make = Make(session)
        colleague = await make.member(workspace, name="Bodo Colleague")
        team = await make.team(workspace, colleague, name="Two of us")
        channel = await make.channel(workspace)
        for member_id in (asker.access.member_id, colleague.id):
            for closes in (True, False):
                identity, conversation = await make.identity(channel), await make.conversation(channel)
                conversation.assignee_id, conversation.team_id = member_id, team.id
                message = await make.message(conversation, identity_id=identity.id)
                opened = MONDAY - timedelta(hours=3)
                ended = {
                    "closed_at": opened + timedelta(minutes=9),
                    "outcome": Outcome.ANSWERED,
                    "member_id": member_id,
                    "assignee_id": member_id,
                }
                where = {
                    "workspace_id": workspace.id,
                    "channel_id": channel.id,
                    "conversation_id": conversation.id,
                    "identity_id": identity.id,
                }
                rest = {"metric": Metric.FIRST, "opened_at": opened, "opened_by": message.id, "received_at": opened, "team_id": team.id}
                session.add(Wait(**where, **rest, **(ended if closes else {})))
                await session.flush()
        given = {"workspace_id": workspace.id, "role": role, "created_at": MONDAY, "name": "probe", "member_id": asker.access.member_id}
        session.add(ApiToken(**given, token_hash=hash_token("probe")))
    return asker, colleague.id


@pytest.mark.parametrize(
    ("setting", "role"),
    [("off", Role.VIEWER), ("off", Role.SUPERVISOR), ("own", Role.AGENT), ("own", Role.SUPERVISOR), ("groups", Role.SUPERVISOR)],
)
async def test_no_page_file_or_route_names_a_colleague_in_figures(
    app: FastAPI, house: House, client: httpx.AsyncClient, setting: MemberFigures, role: Role
):
    house.settings = house.settings.model_copy(update={"member_figures": setting})
    asker, colleague = await seeded(house, role)
    async with people.browser(app, asker) as browser:
        for path in PAGES:
            answer = await browser.get(f"/w/{asker.access.workspace_id}/{path}")
            expected = 403 if path in FOR_SUPERVISORS and role != Role.SUPERVISOR else 200
            if path == "metrics/me" and setting == "off":
                expected = 403
            assert answer.status_code == expected, path
            assert "Bodo" not in answer.text, path
        file = await browser.get(f"/w/{asker.access.workspace_id}/metrics/waits.parquet")
        mine = {asker.access.member_id} if setting == "own" else set()
        assert set(parquet.read_table(io.BytesIO(file.content))["member"].to_pylist()) - {None} == mine
        for path in ("metrics", "metrics/waits", "metrics/waits.csv", "metrics.csv", "metrics/report", "metrics/waits.parquet"):
            assert (await browser.get(f"/w/{asker.access.workspace_id}/{path}", params={"member": colleague})).status_code == 403
    for path in ROUTES:
        answer = await client.get(f"/api/v1/{path}", headers={"authorization": "Bearer probe"})
        assert answer.status_code == (403 if path == "metrics/staffing" and role != Role.SUPERVISOR else 200), path
        assert "Bodo" not in answer.text, path
        keys = [item.get("key") for item in answer.json().get("items", [])] if "by=member" in path else []
        assert keys == ([asker.access.member_id] if setting == "own" and "by=member" in path else []), path
        told = [one.get("member_id") for one in answer.json().get("segments", [])]
        assert colleague not in told, path
        assert setting != "off" or not any(told), path
    for path in ("metrics", "metrics/days", "metrics/week", "metrics/waits", "metrics/posts", "metrics/sources"):
        answer = await client.get(f"/api/v1/{path}", params={"member": colleague}, headers={"authorization": "Bearer probe"})
        assert answer.status_code == 403, path
