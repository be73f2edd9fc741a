"""Business hours and SLA policies on the settings pages."""

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api.deps import House
from inbox.models import Calendar, CalendarSource, CalendarVersion, Contact, Policy, Role, SpokenLanguage, Workspace
from tests.api.people import Person, browser, found, kinds, person
from tests.make import Make

WEEK = ["09:00-12:30, 13:30-18", "9–18", "9–18", "9–18", "9–18", "", "22:00–06:00"]
HOURS: dict[str, Any] = {"name": "Office", "tz": "Europe/Berlin", "week": WEEK, "country": ["DE", ""], "region": ["SH", ""]}
DATES = {"date_day": ["2026-03-04", ""], "date_hours": ["10-12", ""], "date_name": ["Inventory", ""]}
HOLIDAY = b"""BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:test\r
BEGIN:VEVENT\r
UID:1\r
DTSTAMP:20260101T000000Z\r
DTSTART;VALUE=DATE:20260305\r
DTEND;VALUE=DATE:20260307\r
SUMMARY:Company outing\r
END:VEVENT\r
END:VCALENDAR\r
"""


@pytest.fixture
async def workspace(house: House) -> Workspace:
    return await found(house)


@pytest.fixture
async def supervisor(house: House, workspace: Workspace) -> Person:
    return await person(house, workspace, role=Role.SUPERVISOR)


def words(page: httpx.Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


async def test_business_hours_are_written_previewed_and_changed(app: FastAPI, house: House, workspace: Workspace, supervisor: Person):
    base = f"/w/{workspace.id}/settings/hours"
    async with browser(app, supervisor) as client:
        assert "No business hours yet" in (await client.get(base)).text
        draft = await client.post(f"{base}/new", data={**HOURS, **DATES, "act": "preview"})
        assert draft.status_code == 200
        assert "not saved yet" in draft.text
        assert (await client.post(f"{base}/new", data={**HOURS, **DATES})).status_code == 303
        listed = words(await client.get(base))
        assert "Tue–Fri 09:00–18:00 Sat closed Sun 22:00–06:00" in listed
        assert "Schleswig-Holstein" in listed
        page = await client.get(f"{base}/1")
        shown = words(page)
        assert re.search(r"Wed 4 Mar 10:00–12:00 Inventory", shown)
        assert "clocks +60 min" in shown, "the clocks change on 29 March"
        assert "Since ever" in shown
        changed = {**HOURS, "name": "Shop", "revision": "1", "start": "later", "start_at": "2026-03-09T00:00"}
        assert (await client.post(f"{base}/1", data=changed)).status_code == 303
        assert "planned" in words(await client.get(f"{base}/1"))
        stale = await client.post(f"{base}/1", data=changed)
        assert stale.status_code == 422
        assert "colleague has changed it" in stale.text
        assert (await client.post(f"{base}/1/planned/removal")).status_code == 303
    async with house.database.transaction() as session:
        (version,) = await session.scalars(select(CalendarVersion))
        assert version.definition["holidays"] == ["DE-SH"]
        assert version.definition["names"] == {"2026-03-04": "Inventory"}
        assert (await session.get_one(Calendar, 1)).name == "Shop"
    assert (await kinds(house)).count("calendar.changed") == 3


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"tz": "Mars"}, "no time zone"),
        ({"week": ["whenever"]}, "cannot be understood"),
        ({"week": ["09:00–12:00, 11:00–13:00"]}, "overlap"),
        ({"week": ["09:00–09:00"]}, "is empty"),
        ({"week": [""] * 7}, "never open"),
        ({"week": ["25:00–26:00"]}, "no time of day"),
        ({"date_day": [""], "date_hours": ["9-12"], "date_name": [""]}, "needs its date"),
        ({"date_day": ["2026-02-30"], "date_hours": ["9-12"], "date_name": [""]}, "no date"),
        ({"country": ["ZZ"], "region": [""]}, "holidays"),
        ({"name": " "}, "name is needed"),
    ],
)
async def test_hours_of_nonsense_are_told_beside_the_form_that_keeps_what_was_written(
    app: FastAPI, house: House, workspace: Workspace, supervisor: Person, wrong: Any, sentence: str
):
    async with browser(app, supervisor) as client:
        page = await client.post(f"/w/{workspace.id}/settings/hours/new", data={**HOURS, **wrong})
    assert page.status_code == 422
    assert sentence in page.text.split('id="error"')[1].split("</p>")[0]
    assert "13:30-18" in page.text or "week" in wrong
    async with house.database.transaction() as session:
        assert (await session.scalars(select(Calendar))).all() == []


async def test_days_come_from_a_file_and_from_a_feed(app: FastAPI, house: House, workspace: Workspace, supervisor: Person):
    base = f"/w/{workspace.id}/settings/hours"
    async with browser(app, supervisor) as client:
        await client.post(f"{base}/new", data=HOURS)
        file = {"file": ("outings.ics", HOLIDAY, "text/calendar")}
        assert (await client.post(f"{base}/1/files", files=file)).status_code == 303
        shown = words(await client.get(f"{base}/1"))
        assert re.search(r"Thu 5 Mar closed Company outing", shown)
        assert 'value="2026-03-05"' not in (await client.get(f"{base}/1")).text, "people wrote no such line"
        broken = await client.post(f"{base}/1/files", files={"file": ("a.ics", b"hello", "text/calendar")})
        assert broken.status_code == 422
        assert "no iCalendar file" in broken.text
        secret = {"url": "webcal://calendar.example.org/private-4711/a.ics"}
        assert (await client.post(f"{base}/1/feeds", data=secret)).status_code == 303
        assert (await client.post(f"{base}/1/feeds", data={"url": "file:///etc/passwd"})).status_code == 422
        page = await client.get(f"{base}/1")
        assert "calendar.example.org" in page.text
        assert "4711" not in page.text, "who has the address can read the feed"
        assert (await client.post(f"{base}/1/sources/1/removal")).status_code == 303
        assert "Company outing" not in (await client.get(f"{base}/1")).text.split('id="versions"')[0]
        assert (await client.post(f"{base}/1", data={**HOURS, "name": "Shop"})).status_code == 303
    async with house.database.transaction() as session:
        (feed,) = await session.scalars(select(CalendarSource))
        assert "4711" not in (feed.secret_url or "")
        assert house.vault.decrypt(feed.secret_url or "") == "https://calendar.example.org/private-4711/a.ics"


AMOUNTS = ["15 min", "", "1 h 30 min", "", "", "", "2 d", ""]  # urgent, high, normal, low of the first answer, then of later ones


async def test_a_policy_is_written_by_human_lengths_and_put_in_order(app: FastAPI, house: House, workspace: Workspace, supervisor: Person):
    base = f"/w/{workspace.id}/settings"
    async with house.database.transaction() as session:
        channel = await Make(session).channel(await session.get_one(Workspace, workspace.id), name="Shopfront")
        hidden = await Make(session).channel(await session.get_one(Workspace, workspace.id), name="Board", restricted=True)
        session.add(SpokenLanguage(workspace_id=workspace.id, language="de"))
    async with browser(app, supervisor) as client:
        await client.post(f"{base}/hours/new", data=HOURS)
        given = {"name": "VIP", "amounts": AMOUNTS, "channel": [channel.id], "kind": ["direct"], "tier": "Gold, Silver", "calendar_id": "1"}
        given["language"] = ["de", "fr"]
        offered = (await client.get(f"{base}/policies/new")).text
        assert "German" in offered
        assert "French" not in offered  # nobody has written it yet
        assert (await client.post(f"{base}/policies/new", data={**given, "is_on": "1"})).status_code == 303
        assert (await client.post(f"{base}/policies/new", data={"name": "Usual", "amounts": AMOUNTS, "is_on": "1"})).status_code == 303
        listed = words(await client.get(f"{base}/policies"))
        assert "Channel: Shopfront Kind: Direct message Language: German or French Tier of the contact: Gold or Silver" in listed, listed
        assert "First answer 15 min 1 h 30 min 1 h 30 min 1 h 30 min Later answers 2 d 2 d 2 d 2 d" in listed
        assert "Counted in the hours of Office." in listed
        assert "Board" not in listed
        assert (await client.post(f"{base}/policies/2/place", data={"by": "-1"})).status_code == 303
        assert (await client.post(f"{base}/policies/1/switch")).status_code == 303
        used = await client.post(f"{base}/hours/1/removal")
        assert used.status_code == 422
        assert "VIP" in used.text
        async with house.database.transaction() as session:
            vip = await session.get_one(Policy, 1)
            vip.conditions = {**vip.conditions, "channel": [channel.id, hidden.id], "label": [99]}
        form = await client.get(f"{base}/policies/1")
        assert form.text.count("gone, or hidden from you") == 2
        assert 'value="1 h 30 min"' in form.text
        stale = await client.post(f"{base}/policies/1", data={**given, "revision": "1"})
        assert stale.status_code == 422
    async with house.database.transaction() as session:
        vip = await session.get_one(Policy, 1)
        assert vip.targets == {"first": {"urgent": 900, "normal": 5400}, "next": {"normal": 172_800}}
        assert vip.conditions["tier"] == ["Gold", "Silver"]
        assert vip.conditions["language"] == ["de", "fr"]
        assert (vip.is_on, vip.position, vip.calendar_id) == (False, 1, 1)


async def test_one_target_of_a_policy_with_hours_goes_by_the_wall_clock(
    app: FastAPI, house: House, workspace: Workspace, supervisor: Person
):
    base = f"/w/{workspace.id}/settings"
    amounts = ["", "", "2 h", "", "", "", "", "", "", "", "3 d", ""]
    async with browser(app, supervisor) as client:
        await client.post(f"{base}/hours/new", data=HOURS)
        given = {"name": "Usual", "amounts": amounts, "clocks": ["calendar", "wall", "wall"], "calendar_id": "1", "is_on": "1"}
        assert (await client.post(f"{base}/policies/new", data=given)).status_code == 303
        listed = words(await client.get(f"{base}/policies"))
        form = (await client.get(f"{base}/policies/1")).text
        wrong = await client.post(f"{base}/policies/1", data={**given, "clocks": ["sundial"]})
    assert "Resolution 3 d 3 d 3 d 3 d by the wall clock Counted in the hours of Office." in listed, listed
    assert form.count('value="wall" selected') == 1
    assert wrong.status_code == 422
    async with house.database.transaction() as session:
        policy = await session.get_one(Policy, 1)
        assert policy.targets == {"first": {"normal": 7200}, "resolution": {"normal": 259_200, "clock": "wall"}}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"amounts": ["soon"]}, "no length of time"),
        ({"amounts": ["15"]}, "no length of time"),
        ({"amounts": ["0 min"]}, "between one second and 366 days"),
        ({"amounts": ["400 d"]}, "between one second and 366 days"),
        ({"amounts": []}, "no target"),
        ({"channel": [9999]}, "There is no channel 9999"),
        ({"calendar_id": "9999"}, "gone"),
        ({"kind": ["smoke"]}, "cannot be"),
        ({"name": ""}, "name is needed"),
    ],
)
async def test_a_policy_of_nonsense_is_told_beside_the_form(
    app: FastAPI, house: House, workspace: Workspace, supervisor: Person, wrong: Any, sentence: str
):
    async with browser(app, supervisor) as client:
        page = await client.post(f"/w/{workspace.id}/settings/policies/new", data={"name": "VIP", "amounts": AMOUNTS, **wrong})
    assert page.status_code == 422
    assert sentence in page.text.split('id="error"')[1].split("</p>")[0]
    async with house.database.transaction() as session:
        assert (await session.scalars(select(Policy))).all() == []


async def test_a_contacts_tier_is_set_by_who_may_see_them(app: FastAPI, house: House, workspace: Workspace):
    agent = await person(house, workspace, role=Role.AGENT)
    viewer = await person(house, workspace, role=Role.VIEWER)
    async with house.database.transaction() as session:
        make = Make(session)
        row = await session.get_one(Workspace, workspace.id)
        shown = await make.identity(await make.channel(row))
        hidden = await make.identity(await make.channel(row, restricted=True))
    async with browser(app, agent) as client:
        base = f"/w/{workspace.id}/contacts"
        assert (await client.post(f"{base}/{shown.contact_id}/tier", data={"tier": " Gold "})).status_code == 303
        assert (await client.post(f"{base}/{shown.contact_id}/tier", data={"tier": "x" * 61})).status_code == 422
        assert (await client.post(f"{base}/{hidden.contact_id}/tier", data={"tier": "Gold"})).status_code == 404
    async with browser(app, viewer) as client:
        assert (await client.post(f"/w/{workspace.id}/contacts/{shown.contact_id}/tier", data={"tier": ""})).status_code == 403
    async with house.database.transaction() as session:
        assert (await session.get_one(Contact, shown.contact_id)).tier == "Gold"
        assert (await session.get_one(Contact, hidden.contact_id)).tier == ""
