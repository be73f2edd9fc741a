"""The figures about satisfaction: page, files and API tell the same; a channel's setting; reports."""

import csv
import io
import random
import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.deps import House
from inbox.contract import ConversationKind
from inbox.models import (
    ApiToken,
    Channel,
    ConversationLabel,
    Episode,
    Label,
    Priority,
    Rating,
    RatingState,
    Role,
    Workspace,
)
from inbox.promptness.satisfaction import Cut
from inbox.secrets import hash_token
from tests.api.people import Person, browser, found, kinds, person
from tests.make import MONDAY, Make

SEEN = re.compile(r'data-figure="([^"]+)" data-value="([^"]*)"')
HEADERS = {"authorization": "Bearer probe"}
DAYS = 28
SINCE = MONDAY.replace(hour=23) - timedelta(days=DAYS)  # midnight in Berlin


async def seeded(house: House, *, count: int = 60, role: Role = Role.AGENT) -> Person:
    """A month of every sort of rating."""
    workspace = await found(house)
    agent = await person(house, workspace, role=role)
    chance = random.Random(7)
    async with house.database.transaction() as session:
        make = Make(session)
        team = await make.team(workspace)
        channels: list[Channel] = [await make.channel(workspace, name=name, asks_since=MONDAY) for name in ("=Shop", "Help")]
        label = await make._add(Label(workspace_id=workspace.id, name="Parcel"))
        for number in range(count):
            channel = chance.choice(channels)
            kind = chance.choice([ConversationKind.DIRECT, ConversationKind.EMAIL])
            conversation = await make.conversation(channel, kind=kind, author_name="Anna")
            if chance.random() < 0.3:
                session.add(ConversationLabel(workspace_id=workspace.id, conversation_id=conversation.id, label_id=label.id))
            at = MONDAY - timedelta(seconds=chance.randrange(27 * 86400))
            where = {"workspace_id": workspace.id, "channel_id": channel.id, "conversation_id": conversation.id}
            episode = await make._add(Episode(**where, ordinal=1, kind=kind, began_at=at, received_at=at))
            told: dict[str, Any] = {"asked_at": at, "expires_at": at + timedelta(days=30), "state": chance.choice(list(RatingState))}
            told |= {"priority": chance.choice(list(Priority)), "team_id": chance.choice([None, team.id])}
            if told["state"] == RatingState.ASKED or number % 2:
                given_at = min(at + timedelta(hours=chance.randrange(60)), MONDAY)
                told |= {"state": RatingState.ASKED, "score": chance.randint(1, 5), "comment": "=1+1 Secret words", "given_at": given_at}
            session.add(Rating(**where, episode_id=episode.id, **told))
        token = {"workspace_id": workspace.id, "role": Role.AGENT, "created_at": MONDAY, "name": "probe"}
        session.add(ApiToken(**token, token_hash=hash_token("probe"), member_id=agent.access.member_id))
    return agent


async def told_by_api(client: httpx.AsyncClient, choices: dict[str, Any]) -> dict[str, Any]:
    """Everything that the API says of the period, by the names that the page gives to numbers."""
    told: dict[str, Any] = {}
    params = {**choices, "since": SINCE.isoformat(), "until": (SINCE + timedelta(days=DAYS)).isoformat()}

    def keep(path: str, item: dict[str, Any]) -> None:
        told.update({f"{path}/{name}": value for name, value in item.items() if name not in ("scores", "key")})
        told.update({f"{path}/scores/{at}": number for at, number in enumerate(item["scores"], 1)})

    for cut in Cut:
        answer = await client.get("/api/v1/metrics/satisfaction", params={**params, "by": cut.value}, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        for item in answer.json()["items"]:
            keep(f"{cut.value}/{'' if item['key'] is None else item['key']}", item)
        for week in answer.json()["weeks"]:
            keep(f"weeks/{week['on']}", week["figure"])
    return told


def number(text: str) -> Any:
    return None if text == "" else pytest.approx(float(text))


@pytest.mark.parametrize("choices", [{}, {"cohort": "given"}, {"kind": "email"}, {"priority": "high", "cohort": "given"}, {"team": "0"}])
async def test_page_file_and_api_tell_the_same_numbers(app: FastAPI, house: House, client: httpx.AsyncClient, choices: dict[str, str]):
    agent = await seeded(house)
    address = f"/w/{agent.access.workspace_id}/metrics/satisfaction"
    told = await told_by_api(client, choices)
    async with browser(app, agent) as signed:
        page = (await signed.get(address, params={"days": DAYS, **choices})).text
        file = await signed.get(f"{address}.csv", params={"days": DAYS, **choices})
    shown = SEEN.findall(unescape(page))
    assert len(shown) > 60
    for path, value in shown:
        assert told[path] == number(value), path
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert len(rows) > 4
    for row in rows:
        path = f"{row['cut']}/{row['id']}"
        for name in ("asked", "not_asked", "given", "response_rate", "satisfied", "share", "share_low", "share_high", "mean"):
            assert told[f"{path}/{name}"] == number(row[name]), (path, name)
        for score in range(1, 6):
            assert told[f"{path}/scores/{score}"] == number(row[f"score_{score}"]), (path, score)
    assert {row["name"] for row in rows} >= {"'=Shop"}  # no spreadsheet runs it


async def test_behind_every_number_are_as_many_ratings(app: FastAPI, house: House, client: httpx.AsyncClient):
    agent = await seeded(house, count=90)
    told = await told_by_api(client, {})
    address = f"/w/{agent.access.workspace_id}/metrics/satisfaction/ratings"
    expected = {
        "": told["all//asked"],
        "score=": told["all//asked"],  # what a form sends where nothing was chosen
        "given=true": told["all//given"],
        "score=5": told["all//scores/5"],
        "score=1": told["all//scores/1"],
    }
    async with browser(app, agent) as signed:
        for query, count in expected.items():
            found: list[str] = []
            after = f"{address}?days={DAYS}&{query}"
            while after:
                page = unescape((await signed.get(after)).text)
                found += re.findall(r'<th scope="row" dir="auto"><a href="(/w/\d+/conversations/\d+)"', page)
                older = re.search(r'<a class="button push" href="([^"]+)"', page)
                after = older[1] if older else ""
            assert (len(found), len(set(found))) == (count, count), query
        text = await signed.get(f"{address}.csv", params={"days": DAYS, "score": 5})
    assert len(text.content.decode().splitlines()) == 1 + expected["score=5"]


async def test_the_ratings_as_files_are_those_of_the_figures_without_a_word(app: FastAPI, house: House, client: httpx.AsyncClient):
    from pyarrow import parquet

    agent = await seeded(house)
    told = await told_by_api(client, {})
    address = f"/w/{agent.access.workspace_id}/metrics/satisfaction/ratings"
    async with browser(app, agent) as signed:
        page = await signed.get(address, params={"days": DAYS})
        text = await signed.get(f"{address}.csv", params={"days": DAYS})
        packed = await signed.get(f"{address}.parquet", params={"days": DAYS})
    rows = list(csv.DictReader(io.StringIO(text.content.decode("utf-8-sig"))))
    table = parquet.read_table(io.BytesIO(packed.content)).to_pylist()
    assert len(rows) == told["all//asked"]
    assert [(row["rating"], row["score"]) for row in table] == [(int(row["rating"]), int(row["score"] or 0) or None) for row in rows]
    assert "Secret words" in page.text
    assert "Secret" not in text.text
    assert "comment" not in table[0]


@pytest.mark.parametrize("cursor", ["x", "_1", "2026-01-01_1", "2026-01-01T00:00:00+00:00_x", f"2026-01-01T00:00:00+00:00_{2**70}"])
async def test_a_wrong_place_in_the_list_is_refused(app: FastAPI, house: House, cursor: str):
    agent = await seeded(house, count=1)
    async with browser(app, agent) as signed:
        answer = await signed.get(f"/w/{agent.access.workspace_id}/metrics/satisfaction/ratings", params={"cursor": cursor})
    assert answer.status_code == 422


async def test_the_api_tells_what_a_conversation_was_rated_and_only_who_may_see_it(house: House, client: httpx.AsyncClient):
    await seeded(house, count=1)
    async with house.database.transaction() as session:
        rating = await session.get_one(Rating, 1)
        rating.state, rating.score, rating.comment, rating.given_at = RatingState.ASKED, 4, "Kind", MONDAY
    address = f"/api/v1/conversations/{rating.conversation_id}/ratings"
    (item,) = (await client.get(address, headers=HEADERS)).json()["items"]
    assert (item["id"], item["state"], item["score"], item["comment"]) == (rating.id, "asked", 4, "Kind")
    async with house.database.transaction() as session:
        (await session.get_one(Channel, rating.channel_id)).restricted = True
    assert (await client.get(address, headers=HEADERS)).status_code == 404


async def test_the_printed_report_has_a_line_where_a_channel_asks(app: FastAPI, house: House):
    agent = await seeded(house, role=Role.SUPERVISOR)
    address = f"/w/{agent.access.workspace_id}/metrics/report"
    async with browser(app, agent) as signed:
        told = (await signed.get(address)).text
        about_waits = [(await signed.get(address, params=choice)).text for choice in ({"post": 0}, {"language": "de"})]
        async with house.database.transaction() as session:
            for channel_id in (1, 2):
                (await session.get_one(Channel, channel_id)).asks_since = None
        silent = (await signed.get(address)).text
    assert "How satisfied customers are" in told
    assert not any("How satisfied customers are" in text for text in about_waits)
    assert "How satisfied customers are" not in silent


# A channel's setting


async def shop(house: House, **values: Any) -> tuple[Person, Channel, str]:
    workspace = await found(house)
    admin = await person(house, workspace)
    async with house.database.transaction() as session:
        channel: Channel = await Make(session).channel(workspace, **values)
    return admin, channel, f"/w/{workspace.id}/settings/channels/{channel.id}"


async def stored(house: House, channel: Channel) -> tuple[Any, int]:
    async with house.database.transaction() as session:
        now = await session.get_one(Channel, channel.id)
        return now.asks_since, now.ask_after


async def test_an_admin_says_whether_and_when_a_channel_asks(app: FastAPI, house: House):
    admin, channel, address = await shop(house, platform="widget")
    async with browser(app, admin) as client:
        assert "Ask customers how it was" in (await client.get(address)).text
        await client.post(f"{address}/questions", data={"asks": "1", "after": "30"})
        assert await stored(house, channel) == (house.clock(), 30)
        await client.post(f"{address}/questions", data={"asks": "1", "after": "30"})
        await client.post(f"{address}/questions", data={"after": "30"})
    assert await stored(house, channel) == (None, 30)
    assert [kind for kind in await kinds(house) if kind == "channel.changed"] == ["channel.changed"] * 2


@pytest.mark.parametrize("after", ["0", "-1", "10081"])
async def test_a_time_that_cannot_be_is_refused_with_a_sentence(app: FastAPI, house: House, after: str):
    admin, channel, address = await shop(house, platform="widget")
    async with browser(app, admin) as client:
        answer = await client.post(f"{address}/questions", data={"asks": "1", "after": after})
    assert (answer.status_code, "1 to 10,080 minutes" in answer.text or "1 to 10080 minutes" in answer.text) == (422, True)
    assert await stored(house, channel) == (None, 10)


@pytest.mark.parametrize("platform", ["googleplay", "youtube", "feed"])
async def test_a_channel_that_is_public_alone_is_not_offered_it(app: FastAPI, house: House, platform: str):
    admin, channel, address = await shop(house, platform=platform)
    async with browser(app, admin) as client:
        assert "Ask customers how it was" not in (await client.get(address)).text
        answer = await client.post(f"{address}/questions", data={"asks": "1", "after": "10"})
    assert answer.status_code == 422
    assert await stored(house, channel) == (None, 10)


async def test_who_is_no_admin_changes_nothing(app: FastAPI, house: House):
    admin, channel, address = await shop(house, platform="widget")
    async with house.database.transaction() as session:
        workspace = await session.get_one(Workspace, admin.access.workspace_id)
    supervisor = await person(house, workspace, role=Role.SUPERVISOR)
    async with browser(app, supervisor) as client:
        assert (await client.post(f"{address}/questions", data={"asks": "1", "after": "10"})).status_code == 403
    assert await stored(house, channel) == (None, 10)
