"""What every route asks for: settings, a transaction, the time, and who is asking.

Pages live under /w/{workspace_id} and know people by the session cookie; /api/v1 knows programs by a bearer token. A route that reaches a
workspace takes `AccessDep` or `ApiAccessDep`, directly or through `ConversationDep` and its like: a test walks the route table.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.requests import HTTPConnection
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.db import Database
from inbox.errors import NotFound, Unauthorized
from inbox.files import Files
from inbox.models import Account, AccountSession, Channel, Conversation, Member, Role, Workspace
from inbox.promptness.shelf import Shelf
from inbox.secrets import Vault
from inbox.settings import Settings
from inbox.team import rights, sessions, tokens
from inbox.team.rights import Access
from inbox.team.sessions import Signed

COOKIE = "parley_session"
Number = Annotated[int, Path(ge=1, lt=2**63)]  # a row's id in an address: what no row can have is not asked of the database
RowId = Annotated[int, Field(ge=1, lt=2**63)]  # the same in a form or a document


@dataclass(slots=True)
class House:
    """What one process shares: made at start-up, kept in `app.state.house`."""

    settings: Settings
    database: Database
    vault: Vault
    files: Files
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    shelf: Shelf = field(default_factory=Shelf)  # the waits that figures are reckoned from


def _house(connection: HTTPConnection) -> House:
    return connection.app.state.house


# Dependencies are coroutines even where they wait for nothing: FastAPI sends every other function through a thread. Those that all routes
# have take the connection and nothing else: FastAPI looks through the whole tree below a route, and every leaf costs each of them.
async def house(connection: HTTPConnection) -> House:
    return _house(connection)


async def settings(connection: HTTPConnection) -> Settings:
    return _house(connection).settings


async def now(connection: HTTPConnection) -> datetime:
    return _house(connection).clock()


HouseDep = Annotated[House, Depends(house)]
SettingsDep = Annotated[Settings, Depends(settings)]
NowDep = Annotated[datetime, Depends(now)]


async def session(connection: HTTPConnection) -> AsyncGenerator[AsyncSession]:
    """The request's transaction."""
    async with _house(connection).database.transaction() as session:
        yield session


# scope="function": committed before the response leaves, so that a failed commit is never told as a success.
SessionDep = Annotated[AsyncSession, Depends(session, scope="function")]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The account behind the cookie, the browser's session, and who that is in the workspace of the address."""

    account: Account
    session: AccountSession
    member: Member | None = None
    workspace: Workspace | None = None


def _named(connection: HTTPConnection) -> int | None:
    """The workspace in the address."""
    named = connection.path_params.get("workspace_id", "")
    return int(named) if named.isdecimal() and len(named) < 19 else None


async def signed_in(connection: HTTPConnection, session: SessionDep) -> SignedIn:
    """Entities, for what changes them; `asker` is enough for everything else."""
    token, workspace_id, house = connection.cookies.get(COOKIE), _named(connection), _house(connection)
    days = house.settings.session_days
    found = await sessions.resolve(session, token, workspace_id, now=house.clock(), days=days) if token else None
    if found is None:
        raise Unauthorized("Sign in to go on.")
    browser, account, member, workspace = found
    return SignedIn(account, browser, member, workspace)


SignedInDep = Annotated[SignedIn, Depends(signed_in)]


async def member(workspace_id: Number, signed_in: SignedInDep) -> Member:
    found = signed_in.member
    if found is None or found.workspace_id != workspace_id:
        raise NotFound("There is no such workspace, or you are not a member of it.")
    return found


MemberDep = Annotated[Member, Depends(member)]


async def asker(connection: HTTPConnection, session: SessionDep) -> Signed:
    """Who asks, in plain values."""
    token, house = connection.cookies.get(COOKIE), _house(connection)
    days = house.settings.session_days
    found = await sessions.look(session, token, _named(connection), now=house.clock(), days=days) if token else None
    if found is None:
        raise Unauthorized("Sign in to go on.")
    return found


AskerDep = Annotated[Signed, Depends(asker)]


async def access(workspace_id: Number, asker: AskerDep) -> Access:
    if asker.member_id is None or asker.workspace_id != workspace_id:
        raise NotFound("There is no such workspace, or you are not a member of it.")
    return Access(workspace_id, Role(asker.role), f"member:{asker.member_id}", asker.member_id)


AccessDep = Annotated[Access, Depends(access)]


def needs(role: Role) -> Callable[[Access], Awaitable[Access]]:
    """For `dependencies=[Depends(needs(Role.SUPERVISOR))]` of pages: 403 for a lower role."""

    async def check(access: AccessDep) -> Access:
        access.need(role)
        return access

    return check


async def conversation(conversation_id: Number, access: AccessDep, session: SessionDep) -> Conversation:
    return await rights.conversation(session, access, conversation_id)


async def merged(conversation_id: Number, access: AccessDep, session: SessionDep) -> Conversation:
    """The conversation itself, though it went into another one."""
    return await rights.conversation(session, access, conversation_id, follow=False)


async def visible(conversation_id: Number, access: AccessDep, session: SessionDep) -> int:
    """The conversation's id, for those who only read: the same right as `conversation`, without the entity."""
    return await rights.check(session, access, conversation_id)


async def channel(channel_id: Number, access: AccessDep, session: SessionDep) -> Channel:
    return await rights.channel(session, access, channel_id)


ConversationDep = Annotated[Conversation, Depends(conversation)]
MergedDep = Annotated[Conversation, Depends(merged)]
VisibleDep = Annotated[int, Depends(visible)]
ChannelDep = Annotated[Channel, Depends(channel)]

bearer = HTTPBearer(auto_error=False, description="A token of `parley token create`.")


async def api_access(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)], session: SessionDep, now: NowDep
) -> Access:
    found = await tokens.find(session, credentials.credentials, now=now) if credentials else None
    if found is None:
        raise Unauthorized("This needs a token: Authorization: Bearer …. Make one with `parley token create`.")
    return found


ApiAccessDep = Annotated[Access, Depends(api_access)]


async def api_conversation(conversation_id: Number, access: ApiAccessDep, session: SessionDep) -> Conversation:
    return await rights.conversation(session, access, conversation_id)


async def api_merged(conversation_id: Number, access: ApiAccessDep, session: SessionDep) -> Conversation:
    return await rights.conversation(session, access, conversation_id, follow=False)


async def api_visible(conversation_id: Number, access: ApiAccessDep, session: SessionDep) -> int:
    return await rights.check(session, access, conversation_id)


ApiConversationDep = Annotated[Conversation, Depends(api_conversation)]
ApiMergedDep = Annotated[Conversation, Depends(api_merged)]
ApiVisibleDep = Annotated[int, Depends(api_visible)]


def client_address(request: Request) -> str:
    """The caller's address; a proxy's word counts only from `trusted_proxies` (uvicorn has applied that already)."""
    return request.client.host if request.client else ""
