"""Every number on every page of figures is the API's, and the file's."""

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
    WAITS,
    ApiToken,
    ConversationLabel,
    Delivery,
    Direction,
    Label,
    Outcome,
    Policy,
    Post,
    Priority,
    Role,
    SpokenLanguage,
    Template,
    Wait,
)
from inbox.secrets import hash_token
from tests.api import people
from tests.make import MONDAY, Make

SEEN = re.compile(r'data-figure="([^"]+)" data-value="([^"]*)"')
HEADERS = {"authorization": "Bearer probe"}
CUTS = ("all", "channel", "team", "member", "label", "language", "priority", "policy", "kind", "post")


async def seeded(house: House, *, waits: int = 80) -> people.Person:
    """A month of every sort of wait."""
    workspace = await people.found(house)
    agent = await people.person(house, workspace, role=Role.SUPERVISOR)
    chance = random.Random(5)
    async with house.database.transaction() as session:
        make = Make(session)
        team = await make.team(workspace, agent.member)
        channels = [await make.channel(workspace) for _ in range(2)]
        session.add_all(SpokenLanguage(workspace_id=workspace.id, language=code) for code in ("de", "en", "ckb"))
        label = await make._add(Label(workspace_id=workspace.id, name="Parcel"))
        written = {"created_at": MONDAY, "changed_at": MONDAY, "targets": {"first": {"normal": 900}}}
        policy = await make._add(Policy(workspace_id=workspace.id, name="Usual", **written))
        template = await make._add(Template(workspace_id=workspace.id, name="Thanks", shortcut="t", body="Thanks!", updated_at=MONDAY))
        posts = [await make._add(a_post(workspace.id, channel.id, at)) for at, channel in enumerate(channels)]
        for _ in range(waits):
            channel = chance.randrange(2)
            said = {"kind": chance.choice(list(ConversationKind)), "priority": chance.choice(list(Priority)), "post_id": posts[channel].id}
            said["language"] = chance.choice(["de", "en", "ckb", ""])
            conversation = await make.conversation(channels[channel], **said, message_count=chance.randrange(9))
            if chance.random() < 0.3:
                await make._add(ConversationLabel(workspace_id=workspace.id, conversation_id=conversation.id, label_id=label.id))
            identity = await make.identity(channels[channel])
            opened = MONDAY - timedelta(seconds=chance.randrange(30 * 86400))
            reply = {"direction": Direction.OUT, "delivery": Delivery.SENT, "template_id": chance.choice([None, template.id]), "at": opened}
            message = await make.message(conversation, **reply)
            session.add(Wait(**a_wait(chance, opened, agent, team.id, policy.id), **where(conversation, identity, message)))
        token = {"workspace_id": workspace.id, "role": Role.SUPERVISOR, "created_at": MONDAY, "name": "probe"}
        session.add(ApiToken(**token, token_hash=hash_token("probe"), member_id=agent.access.member_id))
    return agent


def a_post(workspace_id: int, channel_id: int, at: int) -> Post:
    told = {"external_id": f"p{at}", "title": f"Post {at}", "text": "x" * 100 * at, "media": ["a.jpg"] * at}
    return Post(workspace_id=workspace_id, channel_id=channel_id, **told, published_at=MONDAY - timedelta(days=9), created_at=MONDAY)


def where(conversation: Any, identity: Any, message: Any) -> dict[str, Any]:
    names = {"workspace_id": conversation.workspace_id, "channel_id": conversation.channel_id, "conversation_id": conversation.id}
    return {**names, "identity_id": identity.id, "opened_by": message.id}


def a_wait(chance: random.Random, opened: Any, agent: people.Person, team_id: int, policy_id: int) -> dict[str, Any]:
    due = opened + timedelta(seconds=900)
    told: dict[str, Any] = {"metric": chance.choice(WAITS), "opened_at": opened, "policy_id": policy_id, "target_seconds": 900}
    told |= {"received_at": opened + timedelta(seconds=chance.randrange(90)), "due_at": due}
    seconds = chance.randrange(1, 5000)
    if chance.random() < 0.15:
        return told
    late = {"breached_at": due, "caught_up_late": chance.random() < 0.3, "late_on_policy": chance.random() < 0.2} if seconds > 900 else {}
    outcome = chance.choice([Outcome.ANSWERED] * 6 + [Outcome.NOT_NEEDED, Outcome.ANSWERED_BY_COMMUNITY, Outcome.SPAM])
    who = {"member_id": chance.choice([None, agent.access.member_id]), "team_id": chance.choice([None, team_id])}
    marks = {"native": chance.random() < 0.2, "bulk": chance.random() < 0.1, "business_seconds": seconds / 3}
    return {**told, **late, **who, **marks, "closed_at": opened + timedelta(seconds=seconds), "outcome": outcome}


async def told_by_api(client: httpx.AsyncClient, params: dict[str, Any]) -> dict[str, Any]:
    """Everything that the API says of a period, by the names that the pages give to numbers."""
    found: dict[str, Any] = {}

    async def ask(path: str, **more: Any) -> Any:
        answer = await client.get(f"/api/v1/metrics{path}", params={**params, **more}, headers=HEADERS)
        assert answer.status_code == 200, answer.text
        return answer.json()

    for metric in WAITS:
        for cut in CUTS:
            for item in (await ask("", by=cut, metric=metric.value))["items"]:
                key = "" if item["key"] is None else item["key"]
                found |= {f"{cut}/{key}/{metric.value}/{name}": value for name, value in item.items()}
        for day in (await ask("/days", metric=metric.value))["items"]:
            found |= {f"days/{day['on']}/{metric.value}/{name}": value for name, value in day.items()}
    week = await ask("/week")
    found |= {
        f"week/{part}/{day}/{hour}": week[part][day][hour] for part in ("begun", "answered") for day in range(7) for hour in range(24)
    }
    found["week/handled"] = week["handled"]
    sources, posts = await ask("/sources"), await ask("/posts")
    found |= {f"lags/{lag['key']}/{name}": lag[name] for lag in sources["lags"] for name in lag}
    found |= {f"templates/{use['key']}/count": use["count"] for use in sources["templates"]}
    for line in posts["items"]:
        found |= {f"posts/{line['id']}/{name}": line[name] for name in ("conversations", "messages")}
        found |= {f"posts/{line['id']}/figure/{name}": value for name, value in (line["figure"] or {}).items()}
    waiting = await ask("/now")
    return found | {"now/count": waiting["count"]} | {f"now/ages/{at}": count for at, count in enumerate(waiting["ages"])}


CHOICES = [
    {},
    {"metric": "next", "by": "team"},
    {"by": "label", "within": 300},
    {"by": "priority", "cohort": "reply"},
    {"by": "kind", "priority": "urgent"},
    {"by": "language"},
    {"by": "channel", "language": "ckb"},
    {"by": "priority", "language": "und"},
]


@pytest.mark.parametrize("choices", CHOICES)
async def test_every_number_on_every_page_is_the_one_of_the_api(
    app: FastAPI, house: House, client: httpx.AsyncClient, choices: dict[str, Any]
):
    agent = await seeded(house)
    base = f"/w/{agent.access.workspace_id}/metrics"
    days, midnight = 28, MONDAY.replace(hour=23) - timedelta(days=28)  # midnight in Berlin
    params = {"since": midnight.isoformat(), "until": (midnight + timedelta(days=days)).isoformat()}
    params |= {
        "target_seconds": choices.get("within", 3600),
        **{name: choices[name] for name in ("cohort", "priority", "language") if name in choices},
    }
    api = await told_by_api(client, params)
    numbers = 0
    async with people.browser(app, agent) as browser:
        for page in ("", "/report", "/posts"):
            shown = await browser.get(f"{base}{page}", params={"days": days, **choices})
            assert shown.status_code == 200
            for name, value in SEEN.findall(unescape(shown.text)):
                numbers += 1
                assert api[name] == (None if value == "" else pytest.approx(float(value))), name
        file = await browser.get(f"{base}.csv", params={"days": days, **choices})
    for row in csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))):
        for name in row.keys() - {"cut", "name", "metric", "cohort", "within_seconds", "key"}:
            numbers += 1
            told = api[f"{row['cut']}/{row['key']}/{row['metric']}/{name}"]
            assert told == (None if row[name] == "" else pytest.approx(float(row[name]))), name
    assert numbers > 900


STATES = {
    "all": "n",
    "answered": "answered",
    "open": "open_now",
    "not_needed": "not_needed",
    "kept": "kept",
    "late": "late",
    "late_on_policy": "late_on_policy",
    "caught_up_late": "caught_up_late",
    "native": "native",
    "bulk": "bulk",
}


async def test_behind_every_number_are_as_many_waits(app: FastAPI, house: House, client: httpx.AsyncClient):
    agent = await seeded(house)
    (figure,) = (await client.get("/api/v1/metrics", headers=HEADERS)).json()["items"]
    for state, name in STATES.items():
        waits: list[int] = []
        after = None
        while True:
            params = {"state": state, "metric": "first", "limit": 7, **({"cursor": after} if after else {})}
            page = (await client.get("/api/v1/metrics/waits", params=params, headers=HEADERS)).json()
            waits += [item["wait"] for item in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert (len(waits), len(set(waits))) == (figure[name], figure[name]), state
    async with people.browser(app, agent) as browser:
        page = await browser.get(f"/w/{agent.access.workspace_id}/metrics/waits", params={"state": "late"})
    assert re.search(r'<h2 id="waits">(\d+) waits', page.text)


async def test_the_waits_as_files_are_those_of_the_figures(app: FastAPI, house: House):
    from pyarrow import parquet

    agent = await seeded(house)
    base = f"/w/{agent.access.workspace_id}/metrics"
    async with people.browser(app, agent) as browser:
        figures = await browser.get(f"{base}.csv")
        text = await browser.get(f"{base}/waits.csv")
        packed = await browser.get(f"{base}/waits.parquet")
    rows = list(csv.DictReader(io.StringIO(text.content.decode("utf-8-sig"))))
    table = parquet.read_table(io.BytesIO(packed.content)).to_pylist()
    every = next(row for row in csv.DictReader(io.StringIO(figures.content.decode("utf-8-sig"))) if row["cut"] == "all")
    first = [row for row in rows if row["metric"] == "first"]
    assert (len(first), sum(row["outcome"] == "answered" for row in first)) == (int(every["n"]), int(every["answered"]))
    assert [row["wait"] for row in table] == [int(row["wait"]) for row in rows]
    assert [row["seconds"] for row in table] == [float(row["seconds"]) for row in rows]
    assert {row["language"] for row in rows} == {"de", "en", "ckb", ""}
    assert [row["language"] or "" for row in table] == [row["language"] for row in rows]
    members = {row["member"] for row in rows}
    assert members == {"", str(agent.access.member_id)}  # only the asking member's own: others stay unnamed


@pytest.mark.parametrize("setting", ["off", "groups"])
async def test_no_file_names_members_where_the_installation_shows_none(app: FastAPI, house: House, setting: str):
    house.settings = house.settings.model_copy(update={"member_figures": setting})
    agent = await seeded(house, waits=20)
    base = f"/w/{agent.access.workspace_id}/metrics"
    async with people.browser(app, agent) as browser:
        text = await browser.get(f"{base}/waits.csv")
        refused = await browser.get(base, params={"member": 1 + (agent.access.member_id or 0)})
        own = await browser.get(f"{base}/me")
    assert {row["member"] for row in csv.DictReader(io.StringIO(text.content.decode("utf-8-sig")))} == {""}
    assert refused.status_code == 403
    assert own.status_code == (403 if setting == "off" else 200)


@pytest.mark.parametrize("params", [{"timezone": "Europe/Nowhere"}, {"timezone": "../etc/passwd"}, {"cohort": "birth"}])
async def test_a_wrong_choice_is_refused(house: House, client: httpx.AsyncClient, params: dict[str, Any]):
    await seeded(house, waits=1)
    assert (await client.get("/api/v1/metrics/days", params=params, headers=HEADERS)).status_code == 422


@pytest.mark.parametrize("cursor", ["x", "1", "1.x", "9" * 30 + ".1"])
async def test_a_wrong_place_in_the_list_is_refused_or_empty(house: House, client: httpx.AsyncClient, cursor: str):
    await seeded(house, waits=1)
    assert (await client.get("/api/v1/metrics/waits", params={"cursor": cursor}, headers=HEADERS)).status_code in {200, 422}
