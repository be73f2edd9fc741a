"""Our fake Discord, listened to and written to by discord.py: somebody else's understanding of the documents."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.discord import shapes
from tests.connectors.discord.fake import TOKEN, Discord, Refusal, serving, too_many
from tests.connectors.discord.shapes import ANNA, BERND, GENERAL, HELP, MORNING, US, Json
from tests.servers.programs import interpreter

pytestmark = pytest.mark.servers
CLIENT = Path(__file__).with_name("discord_client.py")
THREAD, QUESTION = "290926798999357300", "290926798999357301"


class Answering(Discord):
    """Refuses what the client is to be refused."""

    async def _post(self, request: Any, channel: Json) -> Json:
        asked = await request.body()
        if b'"denied"' in asked:
            raise Refusal(403, 50013, "Missing Permissions")
        if b'"limited"' in asked and not self.limits.get("told"):
            self.limits["told"] = (0, 0.0)
            raise too_many(0.2)
        return await super()._post(request, channel)


@pytest.fixture(scope="module")
async def seen() -> dict[str, Any]:
    """What the client saw and did, in one conversation with the fake."""
    python, discord = interpreter("discord"), Answering()
    discord.add(shapes.thread(THREAD, "Rye", GENERAL))
    for number in range(120):
        discord.note(GENERAL, ANNA, f"Before {number}", at=MORNING.replace(minute=number // 60, second=number % 60))
    discord.gateway.interval = 400
    async with serving(discord) as address:
        where = (address, discord.gateway.address, TOKEN, GENERAL, HELP)
        client = await asyncio.create_subprocess_exec(
            *(python, CLIENT, *where), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert client.stdout is not None
        await heard(client, b"ready\n")
        told = await talk(discord)
        await heard(client, b"did\n")
        await resume(discord)
        await discord.say(GENERAL, ANNA, "That is all")
        output, errors = await client.communicate()
    assert client.returncode == 0, errors.decode()
    found = json.loads(output.splitlines()[-1])
    gateway = discord.gateway
    return found | {"told": told, "files": discord.files, "counts": [gateway.identified, gateway.resumed, len(gateway.heartbeats)]}


async def heard(client: asyncio.subprocess.Process, line: bytes) -> None:
    assert client.stdout is not None
    assert client.stderr is not None
    found = await client.stdout.readline()
    assert found == line, (await client.stderr.read()).decode()


async def talk(discord: Discord) -> dict[str, Json]:
    """Every kind of event that the fake knows."""
    loaf = shapes.attachment("1", "loaf.png", "image/png", 4, width=1, height=1)
    told = {"plain": await discord.say(GENERAL, ANNA, "When? 😀", attachments=[loaf])}
    answered = {"type": 19, "message_reference": {"type": 0, "channel_id": GENERAL, "message_id": told["plain"]["id"]}}
    told["answer"] = await discord.say(GENERAL, BERND, "Soon", to=[US, ANNA], referenced_message=told["plain"], **answered)
    told["sticker"] = await discord.say(GENERAL, ANNA, "", sticker_items=[{"id": "1", "name": "Wave", "format_type": 1}])
    embed = {"type": "rich", "title": "Offer", "description": "Two for one"}
    hook = shapes.user("658822586720976555", "Clyde", bot=True)
    told["hook"] = await discord.say(GENERAL, hook, "", embeds=[embed], webhook_id="658822586720976555")
    told["thread"] = await discord.say(THREAD, ANNA, "In the thread")
    told["chat"] = await discord.say(discord.chat(ANNA)["id"], ANNA, "Just us")
    post = shapes.thread(QUESTION, "Which flour?", HELP)
    discord.add(post)
    await discord.gateway.dispatch("THREAD_CREATE", post | {"newly_created": True})
    told["post"] = await discord.say(QUESTION, ANNA, "I have rye")
    told["changed"] = await discord.say(GENERAL, ANNA, "Whem?")  # the client may see it only as it is then
    await discord.edit(told["changed"], "When, please?")
    await discord.react(BERND, told["plain"], "👍")
    await discord.react(BERND, told["plain"], "bread", number="41771983429993937")
    await discord.react(BERND, told["plain"], "👍", off=True)
    await discord.unreact(told["plain"], "bread")
    await discord.unreact(told["plain"])
    gone = [await discord.say(GENERAL, ANNA, f"Gone {number}") for number in range(3)]
    await discord.delete(gone[0])
    await discord.delete(*gone[1:])
    told["asked"] = await discord.say(GENERAL, ANNA, "Now you", to=[US])
    return told | {f"gone{number}": one for number, one in enumerate(gone)}


async def resume(discord: Discord) -> None:
    """The connection ends in every way after which a client resumes; what was said meanwhile comes."""
    gateway = discord.gateway
    for ending in ("drop", "4000", "reconnect"):
        resumed = gateway.resumed
        if ending == "reconnect":
            await gateway.say({"op": 7, "d": None, "s": None, "t": None})
        else:
            await gateway.drop(int(ending) if ending.isdecimal() else 0)
        await discord.say(GENERAL, ANNA, f"Meanwhile {ending}")
        async with asyncio.timeout(20):
            while gateway.resumed == resumed:  # noqa: ASYNC110  # another process decides when
                await asyncio.sleep(0.05)


def told_of(seen: dict[str, Any], kind: str) -> list[list[Any]]:
    return [what[1:] for what in seen["seen"] if what[0] == kind]


def test_the_client_knows_the_server_its_channels_roles_and_threads(seen: dict[str, Any]):
    assert seen["guild"] == ["The bakery", int(BERND["id"]), ["@everyone", "Moderators", "Parley"]]
    assert seen["rooms"] == ["general", "All about bread", "ForumChannel", ["Rye"]]


def test_the_client_reads_every_message(seen: dict[str, Any]):
    said = {what[0] or f"{what[7]}{what[8]}": what for what in told_of(seen, "message")}
    assert said["When? 😀"][1:4] == ["Anna", [], [["loaf.png", "image/png", 4]]]
    assert said["Soon"][1:3] == ["Bernd", ["Moderators"]]
    assert said["Soon"][4:6] == [int(seen["told"]["plain"]["id"]), [int(US["id"]), int(ANNA["id"])]]
    assert said["In the thread"][6] == ["public_thread", "general"]
    assert said["Just us"][6] == ["private", "None"]
    assert said["I have rye"][6] == ["public_thread", "help"]
    assert {"['Wave'][]", "[]['Offer']"} <= set(said)
    assert told_of(seen, "thread") == [["Which flour?", "help"]]


def test_the_client_reads_changes_and_reactions(seen: dict[str, Any]):
    number = int(seen["told"]["plain"]["id"])
    assert [int(seen["told"]["changed"]["id"]), "When, please?", True] in told_of(seen, "edit")
    gone = [int(seen["told"][f"gone{one}"]["id"]) for one in range(3)]
    assert told_of(seen, "delete")[:2] == [[gone[:1]], [gone[1:]]]
    bernd = int(BERND["id"])
    assert [what for what in told_of(seen, "reaction") if what[1] == bernd] == [
        ["👍", bernd, number, "REACTION_ADD"],
        ["<:bread:41771983429993937>", bernd, number, "REACTION_ADD"],
        ["👍", bernd, number, "REACTION_REMOVE"],
    ]
    assert told_of(seen, "cleared") == [[number, "bread"], [number]]


def test_what_the_client_sends_arrives_as_it_meant_it(seen: dict[str, Any]):
    did, asked = seen["did"], seen["told"]["asked"]
    assert did["first"][1:] == ["At nine. 😀", "k1"]
    assert (did["answers"], did["edited"], did["direct"]) == (int(asked["id"]), "At ten.", "private")
    assert did["file"] == [["paper.pdf", 4]]
    assert seen["files"] == {"paper.pdf": b"%PDF"}


def test_the_client_pages_through_history_in_order(seen: dict[str, Any]):
    history = seen["did"]["history"]
    assert len(history) >= 120
    assert history == sorted(history)


def test_the_client_understands_the_fakes_refusals_and_waits_as_told(seen: dict[str, Any]):
    assert seen["did"]["gone"] == ["NotFound", 404, 10008]
    assert seen["did"]["errors"] == [["HTTPException", 400, 50035], ["HTTPException", 400, 50006], ["Forbidden", 403, 50013], None]


def test_the_client_keeps_its_session_through_three_broken_connections_and_misses_nothing(seen: dict[str, Any]):
    identified, resumed, heartbeats = seen["counts"]
    assert (identified, resumed) == (1, 3)
    assert heartbeats > 1
    assert [what[0] for what in told_of(seen, "message") if what[0].startswith("Meanwhile")] == [
        "Meanwhile drop",
        "Meanwhile 4000",
        "Meanwhile reconnect",
    ]


@pytest.mark.parametrize(
    ("token", "allows", "failed"),
    [("x" * 60, True, ["LoginFailure", None]), (TOKEN, False, ["PrivilegedIntentsRequired", None])],
)
async def test_the_client_is_refused_as_by_discord(token: str, allows: bool, failed: list[Any]):
    python, discord = interpreter("discord"), Discord()
    discord.gateway.allows_content = allows
    async with serving(discord) as address:
        where = (address, discord.gateway.address, token, GENERAL, HELP)
        client = await asyncio.create_subprocess_exec(
            *(python, CLIENT, *where), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await client.communicate()
    assert client.returncode == 0, errors.decode()
    assert json.loads(output.splitlines()[-1])["failed"] == failed
