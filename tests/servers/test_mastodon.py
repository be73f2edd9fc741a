"""Our fake Mastodon server, read and written to by Mastodon.py: somebody else's understanding of the documents."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.mastodon.fake import ANNA, BERND, TOKEN, US, Mastodon, Refusal, serving
from tests.servers.programs import interpreter

pytestmark = pytest.mark.servers
CLIENT = Path(__file__).with_name("mastodon_client.py")


async def _talk(api: Mastodon) -> None:
    """Once the client listens, something happens."""
    while not api.ears:  # noqa: ASYNC110  # the fake tells by this list only
        await asyncio.sleep(0.05)
    said = api.say(BERND, "Line\u2028separated")
    api.edit(said, "Edited")
    api.delete(said)
    api.say(US, "Ours", to=())


@pytest.fixture(scope="module")
async def seen() -> dict[str, Any]:
    """What the client saw and did, in one visit."""
    python, api = interpreter("mastodon"), Mastodon()
    for number in range(5):
        api.say(ANNA, f"Message {number}", visibility="direct" if number == 4 else "public")
    told = [entry["id"] for entry in api.notifications][::-1]
    api.refusals["GET /api/v1/statuses/2"] = [Refusal(429, "Too many requests", x_ratelimit_reset="2026-03-02T08:00:00Z")]
    api.refusals["GET /api/v1/statuses/3"] = [Refusal(503, "Later")]
    async with serving(api) as address:
        talking = asyncio.create_task(_talk(api))
        client = await asyncio.create_subprocess_exec(
            *(python, CLIENT, address, TOKEN), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await client.communicate()
        talking.cancel()
    assert client.returncode == 0, errors.decode()
    return json.loads(output) | {"told": told, "asked": list(api.statuses)[4], "requests": api.requests}


def test_the_client_knows_whose_account_it_is(seen: dict[str, Any]):
    assert seen["me"] == [US["id"], "shop", "Shop"]
    assert seen["limits"]["max_characters"] == 500


def test_notifications_are_listed_both_ways(seen: dict[str, Any]):
    told = seen["told"]
    assert seen["latest"] == told[:3]
    assert seen["older"] == told[3:]
    assert seen["newer"] == told[:3]
    assert seen["after"] == told[2:4]  # the two right after the oldest, the newer of them first
    assert seen["mentions"][0] == ["mention", "anna@far.example", "direct"]


def test_a_status_with_a_file_and_a_key_is_posted_once(seen: dict[str, Any]):
    first, again = seen["sent"]
    assert first == again
    assert first[1:] == ["direct", seen["asked"], "Bread"]
    assert seen["above"] == [seen["asked"]]
    assert seen["below"] == seen["own"] == [first[0]]
    assert seen["some"] == [seen["asked"]]
    assert seen["liked"] is True
    assert seen["deleted"] == "MastodonNotFoundError"


def test_refusals_are_the_errors_that_the_client_has_for_them(seen: dict[str, Any]):
    assert seen["refusals"] == [
        "MastodonUnauthorizedError",
        "MastodonNotFoundError",
        "MastodonAPIError",
        "MastodonRatelimitError",
        "MastodonServiceUnavailableError",
    ]


def test_live_events_are_heard(seen: dict[str, Any]):
    assert seen["was alive"]
    kinds = [kind for kind, _ in seen["heard"]]
    assert kinds == ["notification", "status.update", "delete", "update"]
    kind, status, content = seen["heard"][0][1]
    assert (kind, "Line\u2028separated" in content) == ("mention", True)
    assert seen["heard"][1][1] == [status, True]
    assert seen["heard"][2][1] == status
