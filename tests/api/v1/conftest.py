"""Two workspaces, a restricted channel, and programs of different rights."""

from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.db import Database
from inbox.models import ApiToken, Channel, Conversation, Member, Message, Role, Workspace
from inbox.secrets import hash_token
from tests.make import MONDAY, Make


@dataclass
class World:
    """What there is to ask for."""

    workspace: Workspace
    agent: Member
    open: Channel
    restricted: Channel
    seen: Conversation
    hidden: Conversation
    message: Message
    secret: Message
    foreign: Conversation


async def token(session: AsyncSession, workspace: Workspace, words: str, role: Role, member: Member | None = None) -> None:
    session.add(
        ApiToken(
            workspace_id=workspace.id,
            member_id=member.id if member else None,
            name=words,
            role=role,
            token_hash=hash_token(words),
            created_at=MONDAY,
        )
    )
    await session.flush()


@pytest.fixture
async def world(database: Database) -> World:
    async with database.transaction() as session:
        make = Make(session)
        workspace, elsewhere = await make.workspace(name="City"), await make.workspace(name="Elsewhere")
        agent = await make.member(workspace, name="Kim", public_name="Team City")
        shown, restricted = await make.channel(workspace, name="Open"), await make.channel(workspace, name="Board", restricted=True)
        seen = await make.conversation(shown, author_name="Anna", snippet="Opening hours?", last_message_at=MONDAY)
        hidden = await make.conversation(restricted, author_name="Bernd", snippet="Confidential", last_message_at=MONDAY)
        message = await make.message(seen, body="Opening hours?", identity_id=(await make.identity(shown)).id)
        secret = await make.message(hidden, body="Confidential")
        foreign = await make.conversation(await make.channel(elsewhere))
        await token(session, workspace, "agent", Role.AGENT, agent)
        await token(session, workspace, "viewer", Role.VIEWER)
        await token(session, workspace, "all", Role.ADMIN)
        await token(session, elsewhere, "stranger", Role.ADMIN)
        await session.execute(update(Conversation).where(col(Conversation.id) == seen.id).values(last_inbound_id=message.id))
    return World(workspace, agent, shown, restricted, seen, hidden, message, secret, foreign)


class Program:
    """A client with a token: paths are below /api/v1."""

    def __init__(self, client: httpx.AsyncClient, words: str) -> None:
        self.client, self.headers = client, {"authorization": f"Bearer {words}"}

    async def __call__(self, method: str, path: str, **more) -> httpx.Response:
        headers = self.headers | more.pop("headers", {})
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **more)


@pytest.fixture
def agent(client: httpx.AsyncClient, world: World) -> Program:
    """Acts for a member who does not see the restricted channel."""
    return Program(client, "agent")


@pytest.fixture
def admin(client: httpx.AsyncClient, world: World) -> Program:
    return Program(client, "all")


@pytest.fixture
def viewer(client: httpx.AsyncClient, world: World) -> Program:
    return Program(client, "viewer")


@pytest.fixture
def stranger(client: httpx.AsyncClient, world: World) -> Program:
    """A program of another workspace."""
    return Program(client, "stranger")


@pytest.fixture
def schema(app: FastAPI) -> dict:
    return app.openapi()
