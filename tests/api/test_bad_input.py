"""What no database column takes: refused with a sentence, never an error of ours, and never repeated in the log."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import FastAPI, Query
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter
from sqlalchemy import literal, select, text
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncSession

from api.app import create_app
from api.deps import House
from inbox.conversations import status
from inbox.db import Database
from inbox.errors import Invalid
from inbox.models import Role, Status
from inbox.models.columns import UtcDateTime
from inbox.team.rights import Access
from tests.api.people import browser, found, person
from tests.make import Make

NUL, HUGE = "a\0b", 10**23


def test_every_number_of_a_request_is_limited_to_what_a_row_can_hold():
    routes = create_app(None).routes  # type: ignore[arg-type]  # routes alone, nothing is asked
    assert len(list(_numbers(routes))) > 100
    assert [name for name, is_limited in _numbers(routes) if not is_limited] == []


def test_a_number_without_a_limit_is_found():
    app = FastAPI()
    app.add_api_route("/things/{number}", _unlimited)
    found = dict(_numbers(app.routes))
    assert found == {"/things/{number} number": False, "/things/{number} among": False, "/things/{number} few": True}


async def _unlimited(number: int, among: Annotated[list[int], Query()], few: Annotated[int, Query(ge=0, le=9)]) -> None: ...


def _numbers(routes: Sequence[Any]) -> Iterator[tuple[str, bool]]:
    """Every whole number that a route or socket is asked with, and whether it has both ends."""
    for context in iter_route_contexts(routes):
        dependant: Dependant | None = getattr(context, "dependant", None)
        for field in _fields(dependant) if dependant else ():
            asked: Any = Annotated[field.field_info.annotation, field.field_info]
            for part in _parts(TypeAdapter(asked).json_schema()):
                if part.get("type") == "integer":
                    yield f"{context.path} {field.name}", "minimum" in part and bool({"maximum", "exclusiveMaximum"} & part.keys())


def _fields(dependant: Dependant) -> Iterator[Any]:
    yield from dependant.path_params
    yield from dependant.query_params
    yield from dependant.body_params
    for inner in dependant.dependencies:
        yield from _fields(inner)


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from _parts(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _parts(part)


@pytest.mark.parametrize("key", ["%00", "a%00b", "%C3%A4", "%E2%80%A8"])
@pytest.mark.parametrize("rest", [".js", "/try", "/chat", "/transcript", "/files/1/1/x/name"])
async def test_no_chat_has_a_key_that_cannot_be_one(client: httpx.AsyncClient, key: str, rest: str):
    assert (await client.get(f"/widget/{key}{rest}")).status_code == 404


async def test_an_address_with_a_nul_is_nobodys(client: httpx.AsyncClient):
    answer = await client.post("/sign-in", data={"email": f"{NUL}@example.org", "password": "a long enough one"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unstorable")


@pytest.mark.parametrize(
    ("address", "given"),
    [
        ("settings/labels", {"name": NUL, "colour": "red"}),
        ("settings/teams", {"name": NUL}),
        ("settings/teams", {"name": "Night", "member_ids": str(HUGE)}),
        (f"settings/labels/{HUGE}", {"name": "Bug", "colour": "red"}),
        (f"settings/members/{HUGE}/removal", {}),
        (f"settings/members/invitations/{HUGE}/removal", {}),
    ],
)
async def test_a_form_with_what_cannot_be_stored_is_refused(app: FastAPI, house: House, address: str, given: dict[str, str]):
    workspace = await found(house)
    async with browser(app, await person(house, workspace)) as page:
        answer = await page.post(f"/w/{workspace.id}/{address}", data=given)
    assert answer.status_code in {404, 422}


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59+00:00", "2046-01-01T00:00:00+00:00"])
async def test_no_conversation_sleeps_for_longer_than_anybody_can_read(session: AsyncSession, make: Make, now: datetime, until: str):
    conversation = await make.conversation(await make.channel(await make.workspace()))
    access = Access(workspace_id=conversation.workspace_id, role=Role.ADMIN, actor="token:1")
    with pytest.raises(Invalid, match="ten years"):
        await status.move(session, access, conversation, Status.SNOOZED, until=datetime.fromisoformat(until), now=now)


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59+00:00", "2026-03-02T09:00:00"]
)
async def test_a_time_that_could_not_be_read_again_is_not_written(session: AsyncSession, at: str):
    with pytest.raises(Invalid) as refused:
        await session.scalar(select(literal(datetime.fromisoformat(at), UtcDateTime())))
    assert refused.value.code == "unstorable_time"


@pytest.mark.parametrize("at", ["0002-01-01T00:00:00+00:00", "9998-12-30T09:59:59-14:00"])
async def test_the_first_and_the_last_time_come_back(session: AsyncSession, at: str):
    moment = datetime.fromisoformat(at)
    assert await session.scalar(select(literal(moment, UtcDateTime()))) == moment


async def test_an_error_of_the_database_does_not_repeat_what_was_sent(database: Database):
    with pytest.raises(DataError) as raised:
        async with database.transaction() as session:
            await session.execute(text("SELECT CAST(:words AS text)"), {"words": "my password\0"})
    assert "my password" not in str(raised.value)
