"""Webhooks: what is genuine is stored before it is answered, what is not leaves nothing behind."""

import asyncio
import json
import secrets
from base64 import b64encode
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text
from sqlmodel import SQLModel, col

from api.deps import House
from connectors.webhook import signatures
from inbox.models import Channel, Conversation, DeadLetter, Inbound, LogEvent, Message
from tests.make import MONDAY, Make

SECRET = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
OTHER = "whsec_" + b64encode(secrets.token_bytes(32)).decode()


class Sender:
    """A system that calls us, with a secret of its own."""

    def __init__(self, client: httpx.AsyncClient, house: House, channel: Channel, secret: str = SECRET) -> None:
        self.client, self.house, self.channel, self.secret = client, house, channel, secret

    async def post(self, body: Any, **changes: Any) -> httpx.Response:
        """Sign and post; `changes` are what an unreliable or bad sender does differently."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        now = self.house.clock() + changes.get("late", timedelta())
        headers = signatures.headers(signatures.key(changes.get("secret", self.secret)), changes.get("id", secrets.token_hex(8)), now, raw)
        headers |= {"content-type": "application/json", **changes.get("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        key = changes.get("key", self.channel.key)
        return await self.client.request(changes.get("method", "POST"), f"/hooks/{key}", content=changes.get("sent", raw), headers=headers)


def question(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "id": f"m{number}",
        "thread": "t1",
        "author": {"id": "anna", "name": "Anna"},
        "text": f"When do you open? {number}",
        **more,
    }


@pytest.fixture
async def channel(house: House) -> Channel:
    async with house.database.transaction() as session:
        make = Make(session)
        config = json.dumps({"secret": SECRET, "old_secret": OTHER})
        return await make.channel(await make.workspace(), config=house.vault.encrypt(config))


@pytest.fixture
async def sender(client: httpx.AsyncClient, house: House, channel: Channel) -> Sender:
    return Sender(client, house, channel)


async def count(house: House, table: type[SQLModel]) -> int:
    async with house.database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def reasons(house: House) -> list[str]:
    async with house.database.transaction() as session:
        return list(await session.scalars(select(col(DeadLetter.reason)).order_by(col(DeadLetter.id))))


async def test_a_signed_message_is_stored_when_it_is_answered(sender: Sender, house: House):
    answer = await sender.post(question())
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "rejected": []})
    async with house.database.transaction() as session:
        message = await session.scalar(select(Message))
    assert message is not None
    assert (message.body, message.external_id, message.at) == ("When do you open? 1", "m1", MONDAY)


async def test_the_former_secret_is_accepted_while_it_is_set(sender: Sender):
    assert (await sender.post(question(), secret=OTHER)).status_code == 200


async def test_one_of_several_signatures_is_enough(sender: Sender):
    raw = json.dumps(question()).encode()
    good = signatures.headers(signatures.key(SECRET), "several", MONDAY, raw)["webhook-signature"]
    assert (await sender.post(question(), id="several", headers={"webhook-signature": f"v1,AAAA v1a,BBBB {good}"})).status_code == 200


async def test_the_same_message_sent_again_is_stored_once(sender: Sender, house: House):
    for _ in range(3):
        assert (await sender.post(question())).status_code == 200
    assert await count(house, Message) == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"secret": "whsec_" + b64encode(b"x" * 32).decode()}, 401),  # somebody else's signature
        ({"headers": {"webhook-signature": "v1,"}}, 401),
        ({"headers": {"webhook-signature": "v1,ünsinn"}}, 401),
        ({"headers": {"webhook-signature": None}}, 401),  # unsigned
        ({"headers": {"webhook-id": "another"}}, 401),  # the id is signed too
        ({"headers": {"webhook-timestamp": "soon"}}, 401),
        ({"headers": {"webhook-timestamp": "9" * 400}}, 401),
        ({"headers": {"webhook-timestamp": "１７７２４４２０００"}}, 401),  # digits, but not ours
        ({"late": timedelta(seconds=-301)}, 401),  # replayed
        ({"late": timedelta(seconds=301)}, 401),
        ({"sent": b'{"type":"message"}'}, 401),  # not the body that was signed
        ({"headers": {"content-type": "text/xml"}}, 415),
        ({"headers": {"content-type": None}}, 415),
        ({"method": "GET"}, 405),
        ({"method": "PUT"}, 405),
        ({"key": "nobody"}, 404),
        ({"key": "nobody%00"}, 404),
    ],
)
async def test_what_is_not_genuine_is_refused_and_leaves_nothing(sender: Sender, house: House, changes: dict[str, Any], status: int):
    encoded = {name: value.encode() if isinstance(value, str) else value for name, value in changes.get("headers", {}).items()}
    answer = await sender.post(question(), **{**changes, "headers": encoded})
    assert answer.status_code == status
    assert SECRET not in answer.text
    for table in (Message, Inbound, DeadLetter, LogEvent):
        assert await count(house, table) == 0


@pytest.mark.parametrize("told", [True, False])
async def test_a_huge_body_is_refused_before_it_is_read(sender: Sender, house: House, told: bool):
    async def endless() -> Any:
        for _ in range(100):
            yield b"x" * 1_000_000
        pytest.fail("everything was read")  # pragma: no cover

    headers = {"content-length": str(10**9)} if told else {}
    answer = await sender.post(b"{}", sent=endless(), headers=headers)
    assert answer.status_code == 413
    assert await count(house, DeadLetter) == 0


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (b"{", 400, "The body is not JSON."),
        (b"[" * 100_000, 400, "The body is not JSON."),
        (b'{"text": "\xff"}', 400, "The body is not UTF-8."),
        (b"[]", 400, "The body is not a JSON object."),
        (b'{"events": 1}', 400, '"events" is not a list.'),
        (b"{}", 422, "type: Field required"),
        (b'{"events": [7]}', 422, "Input should be a valid dictionary or instance of EventIn"),
        (b'{"type":"message","id":"m1","text":"x"}', 422, "Value error, a message needs an author"),
        (b'{"type":"message","id":"m1","texd":"x","author":{"id":"a"}}', 422, "texd: Extra inputs are not permitted"),
    ],
)
async def test_what_is_genuine_but_cannot_be_read_is_kept_with_its_reason(
    sender: Sender, house: House, raw: bytes, status: int, reason: str
):
    answer = await sender.post(raw)
    assert answer.status_code == status
    assert await reasons(house) == [reason]
    assert await count(house, Message) == 0


async def test_one_bad_entry_does_not_lose_its_neighbours(sender: Sender, house: House):
    answer = await sender.post({"events": [question(1), {"type": "nonsense"}, question(2)]})
    assert answer.status_code == 200
    assert (answer.json()["accepted"], len(answer.json()["rejected"])) == (2, 1)
    assert (await count(house, Message), await count(house, DeadLetter)) == (2, 1)


@pytest.mark.parametrize("words", ["\x00 nul", "\ud800 half", "👩‍👩‍👧 مرحبا", "x" * 1_000_000, ""])
async def test_no_text_makes_the_server_stumble(sender: Sender, house: House, words: str):
    answer = await sender.post({"events": [question(1, text=words), question(2)]})
    assert answer.status_code == 200
    assert await count(house, Message) + await count(house, DeadLetter) == 2


async def test_webhooks_that_arrive_together_are_all_stored(sender: Sender, house: House):
    answers = await asyncio.gather(*(sender.post(question(number)) for number in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    async with house.database.transaction() as session:
        conversation = await session.scalar(select(Conversation))
        commits = await session.scalar(text("SELECT count(DISTINCT xmin::text) FROM inbound"))
    assert conversation is not None
    assert (await count(house, Message), conversation.message_count) == (50, 50)
    assert commits < 25  # they shared transactions


async def fail_commit(house: House, condition: str) -> None:
    """From now on the commit of a message for which the condition holds fails, at the very last moment."""
    async with house.database.engine.begin() as connection:
        await connection.execute(
            text(
                f"""
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN IF {condition} THEN RAISE EXCEPTION 'the commit fails'; END IF; RETURN NULL; END $$;
                CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON message DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION refuse();
                """
            )
        )


@pytest.fixture
async def mended(house: House) -> Any:
    yield
    async with house.database.engine.begin() as connection:
        await connection.execute(text("DROP TRIGGER IF EXISTS refuse ON message; DROP FUNCTION IF EXISTS refuse"))


@pytest.mark.usefixtures("mended")
async def test_a_commit_that_fails_is_never_told_as_a_success(sender: Sender, house: House):
    await fail_commit(house, "true")
    answers = await asyncio.gather(*(sender.post(question(number)) for number in range(20)))
    assert {answer.status_code for answer in answers} == {503}
    assert await count(house, Message) == 0


@pytest.mark.usefixtures("mended")
async def test_a_poisoned_request_fails_alone(sender: Sender, house: House):
    await fail_commit(house, "NEW.body LIKE '%poison%'")
    bodies = [question(number, text="poison" if number == 7 else "fine") for number in range(20)]
    answers = await asyncio.gather(*(sender.post(body) for body in bodies))
    assert [number for number, answer in enumerate(answers) if answer.status_code != 200] == [7]
    assert await count(house, Message) == 19


async def test_a_held_installation_takes_nothing_in(sender: Sender, house: House):
    async with house.database.engine.begin() as connection:
        await connection.execute(text("UPDATE installation SET held = true"))
    answer = await sender.post(question())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "300")
    assert await count(house, Message) == 0


async def test_a_removed_channel_is_unknown(sender: Sender, house: House):
    async with house.database.engine.begin() as connection:
        await connection.execute(text("UPDATE channel SET removed_at = now()"))
    assert (await sender.post(question())).status_code == 404


async def test_a_channel_of_a_platform_that_does_not_call_has_no_door(client: httpx.AsyncClient, house: House):
    async with house.database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(), platform="widget", config=house.vault.encrypt("{}"))
    assert (await client.post(f"/hooks/{channel.key}", content=b"{}")).status_code == 404


async def test_everything_a_message_can_bring_arrives(sender: Sender, house: House):
    root = question(
        1,
        kind="comments",
        thread="t9",
        post={"id": "p1", "title": "We have moved", "url": "https://brand.test/p1"},
        attachments=[{"name": "map.txt", "media_type": "text/plain", "content": b64encode(b"left, then right").decode()}],
    )
    answer_to_it = question(2, kind="comments", parent="m1", author={"id": "bernd"})
    edit = {"type": "edit", "id": "m1", "text": "When do you close?"}
    assert (await sender.post({"events": [root, answer_to_it, edit]})).status_code == 200
    async with house.database.transaction() as session:
        messages = (await session.scalars(select(Message).order_by(col(Message.external_id)))).all()
        sha256 = await session.scalar(text("SELECT sha256 FROM attachment"))
        title = await session.scalar(text("SELECT title FROM post"))
    assert [(message.body, message.author_name) for message in messages] == [
        ("When do you close?", "Anna"),
        ("When do you open? 2", "bernd"),
    ]
    assert messages[0].conversation_id == messages[1].conversation_id
    assert (house.files.path(sha256).read_bytes(), title) == (b"left, then right", "We have moved")
