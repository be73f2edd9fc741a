"""Every route and socket: who has no right in a workspace or on a channel is told 404, wherever they knock."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from api import deps
from api.app import create_app
from api.deps import House
from api.v1 import events as v1_events
from inbox.contract import Action
from inbox.models import (
    Alert,
    AlertKind,
    AlertState,
    ApiToken,
    Attachment,
    Calendar,
    Channel,
    Contact,
    Conversation,
    Label,
    Message,
    Metric,
    Moderation,
    Policy,
    PushSubscription,
    ReportSchedule,
    Rhythm,
    Role,
    Team,
    Template,
    Wait,
    Workspace,
)  # fmt: skip
from inbox.team import invitations, tokens
from inbox.team.rights import Access
from tests.api.knocking import knock
from tests.api.people import ORIGIN, Person, browser, found, person
from tests.make import Make

# What reaches no workspace by a member's or a token's right, and why that is so. Everything else has to depend on `access` or `api_access`.
OPEN = {
    "/api/v1/openapi.json": "says which routes there are",
    "/healthz": "says that the process lives",
    "/healthz/socket": "says that sockets pass",
    "/readyz": "says that the database answers",
    "/metrics": "figures of the process, for this machine or its own token",
    "/hooks/{key}": "a platform, known by its signature",
    "/widget/": "a visitor, known by an origin allow-list and a token of their own chat",
    "/demo/{workspace_id}/{signature}": "a signed link to the demonstration only",
    "/first-run/{token}": "nobody has a workspace yet",
    "/invitations/{token}": "whoever holds the link",
    "/rate/{token}": "a customer, known by the signed link of their own question",
    "/sign-in": "nobody is signed in yet",
    "/sign-out": "ends one's own session",
    "/account": "one's own account, in no workspace",
    "/static": "the same files for everybody",
    "/service-worker.js": "the same file for everybody",
}
CONVERSATIONS = {deps.conversation, deps.merged, deps.visible, deps.api_conversation, deps.api_merged, deps.api_visible}
GUARDS = {deps.access, deps.api_access, v1_events.brief_access}  # the last: the same as api_access, for a request that waits long
START = "/"  # leads on to one's own workspaces


@dataclass(frozen=True, slots=True)
class Door:
    """One method of one route, or a socket."""

    path: str
    method: str
    calls: frozenset[Any]

    @property
    def is_open(self) -> bool:
        return self.path == START or any(self.path == known or self.path.startswith(known.rstrip("/") + "/") for known in OPEN)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def doors(app: FastAPI) -> list[Door]:
    """Every way in, sockets included."""
    return list(_doors(app))


def _doors(app: FastAPI) -> Iterator[Door]:
    for context in iter_route_contexts(app.routes):
        assert context.path is not None
        dependant: Dependant | None = getattr(context, "dependant", None)
        calls = frozenset(_calls(dependant)) if dependant else frozenset[Any]()
        for method in sorted(context.methods or {"SOCKET"}):
            yield Door(context.path, method, calls)


def _calls(dependant: Dependant) -> Iterator[Any]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


DOORS = doors(create_app(None))  # type: ignore[arg-type]  # routes alone, nothing is asked
GUARDED = [door for door in DOORS if not door.is_open]
PAGES = [door for door in GUARDED if "{workspace_id}" in door.path]
PROGRAMS = [door for door in GUARDED if door.path.startswith("/api/v1/")]


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_a_route_asks_for_the_right_to_its_workspace_or_says_why_not(door: Door):
    guards = GUARDS & door.calls
    assert bool(guards) is not door.is_open
    if "{conversation_id}" in door.path and guards:
        assert CONVERSATIONS & door.calls
    if door.path.startswith("/w/"):
        assert deps.access in door.calls
    if door.path.startswith("/api/v1/") and guards:
        assert deps.access not in door.calls


def test_the_walk_sees_every_kind_of_door():
    assert {"GET", "POST", "PUT", "DELETE", "SOCKET"} <= {door.method for door in PAGES}
    assert len(PAGES) > 50
    assert len(PROGRAMS) > 15
    for known in OPEN:
        assert known == "/static" or any(door.path.startswith(known) for door in DOORS), f"{known} is gone: take it off the list"


def test_a_route_that_forgets_its_guard_is_found():
    app = FastAPI()
    app.add_api_route("/w/{workspace_id}/secrets", lambda workspace_id: workspace_id)
    (forgotten,) = [door for door in doors(app) if door.path.endswith("/secrets")]
    with pytest.raises(AssertionError):
        test_a_route_asks_for_the_right_to_its_workspace_or_says_why_not(forgotten)


@dataclass(slots=True)
class Place:
    """A workspace with one of everything, on a channel that is restricted; an admin elsewhere; a member without the channel."""

    ids: dict[str, str]
    stranger: Person
    outsider: Person
    stranger_token: str
    outsider_token: str


@pytest.fixture
async def place(house: House) -> Place:
    workspace, elsewhere = await found(house, "Harbour"), await found(house, "Elsewhere")
    admin = await person(house, workspace, role=Role.ADMIN)
    outsider = await person(house, workspace, role=Role.SUPERVISOR)
    stranger = await person(house, elsewhere, role=Role.ADMIN)
    async with house.database.transaction() as session:
        make = Make(session)
        ids = await _one_of_everything(make, workspace, admin)
        link = await invitations.invite(session, admin.access, role=Role.AGENT, now=house.clock())
        assert link
        (invited,) = await invitations.list_open(session, admin.access, now=house.clock())
        ids["invitation_id"] = str(invited.id)
        theirs, mine = await _token(session, stranger.access, house), await _token(session, outsider.access, house)
    return Place(ids, stranger, outsider, theirs, mine)


async def _token(session: Any, access: Access, house: House) -> str:
    return await tokens.create(session, access, name="t", role=access.role, member_id=access.member_id, now=house.clock())


async def _one_of_everything(make: Make, workspace: Workspace, admin: Person) -> dict[str, str]:
    session = make.session
    channel: Channel = await make.channel(workspace, restricted=True)
    conversation: Conversation = await make.conversation(channel)
    message: Message = await make.message(conversation)
    team: Team = await make.team(workspace)
    at = workspace.created_at
    rows: dict[str, Any] = {
        "attachment_id": Attachment(
            workspace_id=workspace.id,
            conversation_id=conversation.id,
            message_id=message.id,
            name="a",
            media_type="text/plain",
            created_at=at,
        ),
        "template_id": Template(workspace_id=workspace.id, name="T", shortcut="t", body="b", channel_id=channel.id, updated_at=at),
        "label_id": Label(workspace_id=workspace.id, name="L"),
        "contact_id": Contact(workspace_id=workspace.id, name="C", created_at=at),
        "moderation_id": Moderation(
            workspace_id=workspace.id,
            conversation_id=conversation.id,
            channel_id=channel.id,
            message_id=message.id,
            action=Action.HIDE,
            client_key="k",
            act_at=at,
            created_at=at,
        ),
        "calendar_id": Calendar(workspace_id=workspace.id, name="H", created_at=at),
        "policy_id": Policy(workspace_id=workspace.id, name="P", created_at=at, changed_at=at),
        "schedule_id": ReportSchedule(workspace_id=workspace.id, rhythm=Rhythm.WEEKLY, created_at=at, next_at=at),
        "token_id": ApiToken(workspace_id=workspace.id, name="Shop", token_hash="of nobody", created_at=at),
    }
    identity = await make.identity(channel)
    rows["wait_id"] = Wait(
        workspace_id=workspace.id,
        channel_id=channel.id,
        conversation_id=conversation.id,
        identity_id=identity.id,
        metric=Metric.FIRST,
        opened_at=at,
        opened_by=message.id,
        received_at=at,
    )
    rows["subscription_id"] = PushSubscription(
        workspace_id=workspace.id,
        member_id=admin.member.id,
        session_id=(await make.signed_in(admin.member)).id,
        endpoint_hash="of nobody",
        address="",
        created_at=at,
    )
    session.add_all(rows.values())
    await session.flush()
    rows["alert_id"] = Alert(
        workspace_id=workspace.id, wait_id=rows["wait_id"].id, due_at=at, step="at:0", kind=AlertKind.BREACH, at=at, state=AlertState.RAISED
    )
    session.add(rows["alert_id"])
    await session.flush()
    found_rows: dict[str, Any] = {"workspace_id": workspace, "channel_id": channel, "conversation_id": conversation, "message_id": message}
    found_rows |= {"team_id": team, "member_id": admin.member, **rows}
    ids = {name: str(row.id) for name, row in found_rows.items()}
    return ids | {"platform": "webhook", "action_id": ids["moderation_id"], "source_id": "1", "way": "mail"}


def address(door: Door, ids: dict[str, str]) -> str:
    """The door's address with real ids in it."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: ids[part[1]], door.path)


WITH_IDS = [door for door in PAGES if re.search(r"\{(?!workspace_id|platform|way)", door.path)]
RESTRICTED = [door for door in PAGES if re.search(r"\{(conversation|channel|message|attachment|template|wait)_id\}", door.path)]
OF_NO_CHANNEL = r"\{(calendar|policy|schedule)_id\}"  # a supervisor sees them whatever channels they see
ADMINS_ONLY = "/w/{workspace_id}/settings/channels"  # a page that lower roles may not open at all


async def test_a_member_of_another_workspace_is_told_404_on_every_page_and_socket(app: FastAPI, place: Place):
    answers = {str(door): await _status(app, door, address(door, place.ids), place.stranger) for door in PAGES}
    assert {door: status for door, status in answers.items() if status != 404} == {}


async def test_ids_of_another_workspace_are_not_found_under_ones_own(app: FastAPI, place: Place):
    own = {**place.ids, "workspace_id": str(place.stranger.access.workspace_id)}
    answers = {str(door): await _status(app, door, address(door, own), place.stranger) for door in WITH_IDS}
    assert {door: status for door, status in answers.items() if status != 404} == {}


async def test_what_is_on_a_restricted_channel_is_not_found_by_a_member_without_it(app: FastAPI, place: Place):
    answers = {door: await _status(app, door, address(door, place.ids), place.outsider) for door in RESTRICTED}
    wrong = {str(door): status for door, status in answers.items() if status != (403 if door.path.startswith(ADMINS_ONLY) else 404)}
    assert wrong == {}


@pytest.mark.parametrize("who", ["stranger", "outsider"])
async def test_a_token_finds_nothing_that_its_member_may_not_see(client: httpx.AsyncClient, place: Place, who: str):
    token = place.stranger_token if who == "stranger" else place.outsider_token
    headers = {"authorization": f"Bearer {token}", "idempotency-key": "k"}
    wrong: dict[str, str] = {}
    for door in PROGRAMS:
        if "{" in door.path and not (who == "outsider" and re.search(OF_NO_CHANNEL, door.path)):
            answer = await client.request(door.method, address(door, place.ids), json=STRICT.get(door.path, BODY), headers=headers)
            if answer.status_code != 404:
                wrong[str(door)] = answer.text
    assert wrong == {}


async def test_nobody_gets_in_without_signing_in(app: FastAPI, place: Place):
    answers = {str(door): await _status(app, door, address(door, place.ids), None) for door in GUARDED}
    assert {door: status for door, status in answers.items() if status not in {303, 401}} == {}


# A form and a JSON body with a value for everything that any route asks for, so that no answer is about what is missing.
BODY: dict[str, Any] = {
    "name": "x", "role": "agent", "body": "x", "text": "x", "status": "resolved", "client_key": "k", "mode": "reply", "was_sent": "true",
    "colour": "red", "shortcut": "x", "locale": "", "member_id": None, "team_id": None, "assignee_id": None, "label_ids": [], "labels": [],
}  # fmt: skip
STRICT = {"/api/v1/templates/{template_id}": {"name": "x", "shortcut": "x", "body": "x"}}  # refuses what it does not know
FORM = {name: value for name, value in BODY.items() if isinstance(value, str)}


async def _status(app: FastAPI, door: Door, path: str, someone: Person | None) -> int:
    """What the door answers; a socket that is closed before it opens is one that is not found."""
    if door.method == "SOCKET":
        return await knock(app, path, ORIGIN, someone.cookies if someone else {})
    async with browser(app, someone) as client:
        return (await client.request(door.method, path, data=FORM if door.method != "GET" else None)).status_code
