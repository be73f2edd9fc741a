"""Reports by mail through /api/v1."""

from tests.api.v1.conftest import Program, World


async def test_a_report_by_mail_is_scheduled_listed_and_ended(world: World, admin: Program):
    given = {"rhythm": "monthly", "members": [world.agent.id]}
    made = await admin("POST", "/metrics/schedules", json=given)
    assert made.status_code == 201
    schedule = made.json()
    assert (schedule["rhythm"], schedule["members"], schedule["mailed_at"]) == ("monthly", [world.agent.id], None)
    assert (await admin("GET", "/metrics/schedules")).json() == [schedule]
    assert (await admin("DELETE", f"/metrics/schedules/{schedule['id']}")).status_code == 204
    assert (await admin("GET", "/metrics/schedules")).json() == []
    assert (await admin("DELETE", f"/metrics/schedules/{schedule['id']}")).status_code == 404


async def test_only_supervisors_schedule_reports_and_only_for_members(world: World, admin: Program, agent: Program):
    given = {"rhythm": "weekly", "members": [world.agent.id]}
    assert (await agent("GET", "/metrics/schedules")).status_code == 403
    assert (await agent("POST", "/metrics/schedules", json=given)).status_code == 403
    assert (await admin("POST", "/metrics/schedules", json=given | {"members": []})).json()["code"] == "readers"
    assert (await admin("POST", "/metrics/schedules", json=given | {"members": [world.agent.id + 1000]})).json()["code"] == "readers"
    assert (await admin("POST", "/metrics/schedules", json=given | {"rhythm": "daily"})).status_code == 422
    assert (await admin("GET", "/metrics/schedules")).json() == []
