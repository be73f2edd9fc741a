"""Alerts on pages and for programs."""

import base64
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from sqlmodel import col

from api.deps import House
from inbox.models import AlertPreference, AlertSetup, Policy, Role, Workspace
from inbox.promptness import alerting, alerts
from inbox.team import tokens
from tests.api.people import Person, browser, person
from tests.load import crowds
from tests.make import MONDAY


@pytest.fixture
async def admin(house: House) -> Person:
    return await person(house, await workspace_of(house), role=Role.ADMIN)


async def workspace_of(house: House) -> Workspace:
    """Three customers, due since a minute."""
    async with house.database.transaction() as session:
        number = await crowds.wait(session, 3, due=MONDAY - timedelta(minutes=1), apart=1)
        await session.execute(text("UPDATE policy SET alerts = NULL"))
        return await session.get_one(Workspace, number)


async def raise_all(house: House, admin: Person) -> list[int]:
    async with house.database.transaction() as session:
        await alerts.raise_due(session, now=MONDAY)
        query = text("SELECT alert_id FROM alert_notice WHERE member_id = :member ORDER BY alert_id")
        assert admin.member is not None
        return list(await session.scalars(query, {"member": admin.member.id}))


async def test_the_list_behind_the_bell_shows_who_waits_until_somebody_takes_care(app: FastAPI, house: House, admin: Person):
    first, *_ = await raise_all(house, admin)
    address = f"/w/{admin.access.workspace_id}/alerts"
    async with browser(app, admin) as page:
        assert (await page.get(address)).text.count('class="item alert"') == 3
        assert (await page.post(f"{address}/seen")).status_code == 204
        assert (await page.post(f"{address}/{first}/acknowledgement")).status_code == 303
        shown = (await page.get(address)).text
        assert shown.count('class="item alert"') == 2
        assert f"/alerts/{first}/" not in shown
        second = first + 1
        assert (await page.post(f"{address}/{second}/snooze", data={"minutes": "10"})).status_code == 303
        assert (await page.get(address)).text.count('class="item alert"') == 1


async def test_a_chain_is_written_in_lines_and_brought_back_to_the_usual(app: FastAPI, house: House, admin: Person):
    async with house.database.transaction() as session:
        policy = await session.scalar(select(col(Policy.id)))
    address = f"/w/{admin.access.workspace_id}/settings/alerts"
    form: dict[str, Any] = {
        "when_0": "share", "amount_0": "50", "to_0": ["team"], "by_0": ["app", "push"],
        "when_1": "after", "amount_1": "7.5", "to_1": ["on_call", "supervisors"], "by_1": ["mail"],
        "priority_1": "high", "assign_1": "nobody",
        "when_2": "", "amount_2": "3",
    }  # fmt: skip
    async with browser(app, admin) as page:
        assert (await page.post(f"{address}/policies/{policy}", data=form)).status_code == 303
        async with house.database.transaction() as session:
            assert (await session.scalar(select(Policy))).alerts == [  # type: ignore[union-attr]
                {"when": "share", "amount": 50, "to": ["team"], "by": ["app", "push"], "then": {}},
                {
                    "when": "after", "amount": 450, "to": ["on_call", "supervisors"], "by": ["mail"],
                    "then": {"priority": "high", "assign": "nobody"},
                },
            ]  # fmt: skip
        refused = await page.post(
            f"{address}/policies/{policy}", data={"when_0": "share", "amount_0": "100", "to_0": "team", "by_0": "app"}
        )
        assert refused.status_code == 422
        assert "A share is 1 to 99 per cent" in refused.text
        assert (await page.post(f"{address}/policies/{policy}", data={"usual": "1"})).status_code == 303
    async with house.database.transaction() as session:
        assert (await session.scalar(select(Policy))).alerts is None  # type: ignore[union-attr]


async def test_addresses_are_kept_encrypted_and_shown_to_admins_only(app: FastAPI, house: House, admin: Person):
    address = f"/w/{admin.access.workspace_id}/settings/alerts"
    ways = {"webhook_url": "https://example.org/hook", "apprise_urls": "ntfys://example.org/secret-topic", "storm_limit": "7"}
    async with browser(app, admin) as page:
        assert (await page.post(f"{address}/ways", data=ways)).status_code == 303
        assert "secret-topic" in (await page.get(address)).text
        assert (await page.post(f"{address}/ways", data={**ways, "webhook_url": "ftp://x"})).status_code == 422
    async with house.database.transaction() as session:
        setup = await session.get_one(AlertSetup, admin.access.workspace_id)
        assert (setup.webhook_url, setup.storm_limit) == ("https://example.org/hook", 7)
        assert "secret-topic" not in setup.apprise_urls
        assert house.vault.decrypt(setup.webhook_secret).startswith("whsec_")
        workspace = await session.get_one(Workspace, admin.access.workspace_id)
    supervisor = await person(house, workspace, role=Role.SUPERVISOR)
    async with browser(app, supervisor) as page:
        shown = (await page.get(address)).text
        assert "secret-topic" not in shown
        assert "whsec_" not in shown
        assert (await page.post(f"{address}/ways", data={**ways, "storm_limit": "9"})).status_code in (403, 422)
    agent = await person(house, workspace, role=Role.AGENT)
    async with browser(app, agent) as page:
        assert (await page.get(address)).status_code == 403


async def test_members_say_themselves_how_they_are_told(app: FastAPI, house: House, admin: Person):
    address = f"/w/{admin.access.workspace_id}/settings/notifications"
    wanted = {"mail": "true", "quiet_from": "22:00", "quiet_until": "06:30", "timezone": "Asia/Tokyo", "urgent_passes": "true"}
    async with browser(app, admin) as page:
        assert (await page.get(address)).status_code == 200
        assert (await page.post(address, data=wanted)).status_code == 303
        assert (await page.post(address, data={**wanted, "quiet_until": ""})).status_code == 422
        assert (await page.post(address, data={**wanted, "quiet_from": "25:00"})).status_code == 422
        keys = {"p256dh": base64.urlsafe_b64encode(bytes(65)).decode(), "auth": base64.urlsafe_b64encode(bytes(16)).decode().rstrip("=")}
        subscription = {"endpoint": "https://push.example.org/x", "keys": keys}
        for _ in range(2):
            assert (await page.post(f"{address}/browsers", json=subscription)).status_code == 204
        assert (await page.post(f"{address}/browsers", content=b"{")).status_code == 422
        assert "push.example.org" not in (await page.get(address)).text
        assert (await page.post(f"{address}/test/mail")).status_code == 422, "there is no mail server"
    assert admin.member is not None
    async with house.database.transaction() as session:
        kept = await session.get_one(AlertPreference, admin.member.id)
        assert (kept.mail, kept.push, kept.quiet_from, kept.timezone) == (True, False, "22:00", "Asia/Tokyo")
        assert len(await alerting.subscriptions(session, admin.member.id, now=house.clock())) == 1


async def test_who_is_on_call_is_a_member_or_turns(app: FastAPI, house: House, admin: Person):
    address = f"/w/{admin.access.workspace_id}/settings/alerts"
    assert admin.member is not None
    async with browser(app, admin) as page:
        assert (await page.post(f"{address}/on-call", data={"on_call": f"member:{admin.member.id}", "rota": ["", ""]})).status_code == 303
        assert (await page.post(f"{address}/on-call", data={"rota": [str(admin.member.id), ""]})).status_code == 303
        assert (await page.post(f"{address}/on-call", data={"on_call": "member:999999"})).status_code == 404
        assert f"Now: {admin.member.name}" in (await page.get(address)).text
    async with house.database.transaction() as session:
        setup = await session.get_one(AlertSetup, admin.access.workspace_id)
        assert (setup.on_call_member_id, setup.rota, setup.rota_from) == (
            None,
            [admin.member.id],
            MONDAY.replace(hour=0) - timedelta(hours=1),
        )


async def test_programs_read_and_acknowledge_alerts_and_write_chains(client: httpx.AsyncClient, house: House, admin: Person):
    first, *_ = await raise_all(house, admin)
    async with house.database.transaction() as session:
        token = await tokens.create(session, admin.access, name="Pager", role=Role.SUPERVISOR, now=house.clock())
        policy = await session.scalar(select(col(Policy.id)))
    client.headers["authorization"] = f"Bearer {token}"
    told = (await client.get("/api/v1/alerts")).json()
    assert [(alert["kind"], alert["acknowledged_at"]) for alert in told] == [("breach", None)] * 3
    assert (await client.put(f"/api/v1/alerts/{first}/acknowledgement")).status_code == 204
    assert len((await client.get("/api/v1/alerts", params={"open": True})).json()) == 2
    chain = f"/api/v1/policies/{policy}/alerts"
    assert (await client.get(chain)).json()["usual"] is True
    assert (await client.put(chain, json={"steps": []})).json() == {"steps": [], "usual": False}
    assert (await client.put(chain, json={"steps": [{"when": "never"}]})).status_code == 422
    async with house.database.transaction() as session:
        planned = await session.scalar(text("SELECT count(*) FROM alert WHERE state = 'planned'"))
        assert planned == 0


async def test_the_service_worker_answers_for_every_page(client: httpx.AsyncClient):
    answer = await client.get("/service-worker.js")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/javascript")
