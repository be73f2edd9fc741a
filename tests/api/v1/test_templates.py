"""Templates through /api/v1."""

from tests.api.v1.conftest import Program, World

DRAFT = {"name": "Hours", "shortcut": "hours", "body": "Hello {{contact.name}}, from 9 to 5."}


async def test_a_template_is_written_changed_and_dropped(world: World, admin: Program, agent: Program):
    written = await admin("POST", "/templates", json=DRAFT)
    assert written.status_code == 201
    path = written.headers["location"].removeprefix("/api/v1")
    assert (await agent("GET", path)).json()["body"] == DRAFT["body"]
    changed = await admin("PUT", path, json=DRAFT | {"body": "Closed."})
    assert changed.json()["body"] == "Closed."
    assert (await admin("POST", "/templates", json=DRAFT)).status_code == 409
    assert (await agent("PUT", path, json=DRAFT)).status_code == 403
    assert (await admin("DELETE", path)).status_code == 204
    assert (await agent("GET", path)).status_code == 404


async def test_a_reply_counts_the_template_that_it_used(world: World, admin: Program):
    template = (await admin("POST", "/templates", json=DRAFT)).json()
    draft = {"body": "Hello Anna, from 9 to 5.", "template_id": template["id"]}
    await admin("POST", f"/conversations/{world.seen.id}/replies", json=draft, headers={"idempotency-key": "k"})
    assert (await admin("GET", f"/templates/{template['id']}")).json()["uses"] == 1
