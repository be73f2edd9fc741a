"""The figures about resolutions: page, file and API tell the same."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.contract import ConversationKind
from inbox.models import ApiToken, Channel, Episode, Policy, Role
from inbox.promptness.resolutions import Cut
from inbox.secrets import hash_token
from tests.api import people
from tests.make import MONDAY, Make

LENGTHS = ("first", "last", "first_business", "last_business")


async def seeded(house: House) -> people.Person:
    """An agent, and nine episodes of two channels, kinds and policies, of uneven lengths; one of them on a channel that they do not see."""
    workspace = await people.found(house)
    agent = await people.person(house, workspace, role=Role.AGENT)
    async with house.database.transaction() as session:
        make = Make(session)
        channels: list[Channel] = [await make.channel(workspace, name=name) for name in ("Shop", "Help")]
        channels.append(await make.channel(workspace, name="Board", restricted=True))
        policy = Policy(
            workspace_id=workspace.id, name="Usual", targets={"resolution": {"normal": 3600}}, created_at=MONDAY, changed_at=MONDAY
        )
        team = await make.team(workspace, name="Night")
        session.add(policy)
        await session.flush()
        for number in range(9):
            channel = channels[2] if number == 8 else channels[number % 2]
            kind = ConversationKind.EMAIL if number % 3 == 0 else ConversationKind.DIRECT
            conversation = await make.conversation(channel, kind=kind, team_id=team.id if number % 4 == 0 else None)
            began = MONDAY - timedelta(hours=30 + 50 * (number == 7))
            values: dict[str, Any] = {"began_at": began, "received_at": began, "replies_count": number % 3, "reopened_count": number % 2}
            if number % 4 != 3:
                took = timedelta(seconds=1234 * (number + 1))
                values |= {"first_resolved_at": began + took, "first_business_seconds": took.total_seconds() / 3}
                values |= {"resolved_at": began + 2 * took, "business_seconds": took.total_seconds() / 2, "team_id": conversation.team_id}
            if number % 2:
                values |= {"policy_id": policy.id, "target_seconds": 3600, "breached_at": MONDAY if number == 5 else None}
            where = {"workspace_id": workspace.id, "channel_id": channel.id, "conversation_id": conversation.id}
            session.add(Episode(**where, ordinal=1, kind=kind, **values))
        token = {"workspace_id": workspace.id, "role": Role.AGENT, "created_at": MONDAY, "name": "probe"}
        session.add(ApiToken(**token, token_hash=hash_token("probe"), member_id=agent.access.member_id))
    return agent


def written(number: float | None) -> str:
    return "" if number is None else str(number)


def shown(table: str) -> list[list[str]]:
    """The exact numbers in the rows of a table."""
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    return [re.findall(r'<data value="([^"]*)">', row) for row in rows[1:]]


@pytest.mark.parametrize("locale", ["en", "de"])
async def test_page_file_and_api_tell_the_same_numbers(app: FastAPI, house: House, client: httpx.AsyncClient, locale: str):
    agent = await seeded(house)
    address = f"/w/{agent.access.workspace_id}/metrics/resolution"
    async with people.browser(app, agent) as browser:
        page = (await browser.get(address, headers={"accept-language": locale})).text
        file = await browser.get(f"{address}.csv")
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    for cut in Cut:
        headers, params = {"authorization": "Bearer probe"}, {"by": cut.value}
        told = (await client.get("/api/v1/metrics/resolution", params=params, headers=headers)).json()
        expected = [
            [item["key"], item["n"], item["resolved"], item["open_now"]]
            + [item[length][sort] for length in LENGTHS for sort in ("p50", "p90", "mean")]
            + [item["reopened"], item["one_touch"], item["promised"], item["late"], item["kept"]]
            for item in told["items"]
        ]
        names = [name for name in rows[0] if name not in ("cut", "name")]
        assert [[row[name] for name in names] for row in rows if row["cut"] == cut] == [
            [written(cell) for cell in item] for item in expected
        ]
        if cut is Cut.ALL:
            (item,) = told["items"]
            assert (item["n"], item["resolved"], item["promised"], item["late"]) == (8, 6, 4, 1)
            values = set(re.findall(r'<data value="([^"]*)">', page))
            numbers = [item[name] for name in ("n", "resolved", "open_now", "reopened", "one_touch", "promised", "kept")]
            numbers += [item[length][sort] for length in LENGTHS for sort in ("p50", "p90", "mean")]
            numbers += [told["backlog"][name] for name in ("count", "paused", "late")] + told["backlog"]["ages"]
            assert {written(number) for number in numbers if number is not None} <= values
        else:
            table = page.split(f'id="by-{cut.value}"')[1].split("</table>")[0]
            shares = ("reopened", "one_touch", "kept", "open_now")
            cells = [
                [item["n"], item["last"]["p50"], item["last"]["p90"], item["last_business"]["p50"], *(item[name] for name in shares)]
                for item in told["items"]
            ]
            assert shown(table) == [[written(cell) for cell in row if cell is not None] for row in cells]
    assert "style=" not in page
    assert "Board" not in page


async def test_a_period_without_episodes_says_so(app: FastAPI, house: House):
    agent = await people.person(house, await people.found(house), role=Role.AGENT)
    async with people.browser(app, agent) as browser:
        page = await browser.get(f"/w/{agent.access.workspace_id}/metrics/resolution?days=7")
        assert "No episode began in this period." in page.text
        assert (await browser.get(f"/w/{agent.access.workspace_id}/metrics/resolution?days=0")).status_code == 422


async def test_nonsense_is_refused(house: House, client: httpx.AsyncClient):
    await seeded(house)
    headers = {"authorization": "Bearer probe"}
    for params in ({"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"}, {"by": "member"}, {"since": "0001-01-01T00:00:00"}):
        assert (await client.get("/api/v1/metrics/resolution", params=params, headers=headers)).status_code == 422
    assert (await client.get("/api/v1/metrics", params={"metric": "resolution"}, headers=headers)).status_code == 422
