"""Rows for tests, each made in one line with sensible defaults."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.contract import ConversationKind
from inbox.db import Database
from inbox.models import (
    Account,
    AccountSession,
    Channel,
    Contact,
    Conversation,
    Direction,
    Identity,
    Member,
    Message,
    Role,
    Team,
    TeamMember,
    Thread,
    Workspace,
)

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
numbers = count(1)


class Make:
    """Adds rows to a session and flushes them."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def _add(self, row: Any) -> Any:
        self.session.add(row)
        await self.session.flush()
        return row

    async def workspace(self, **values: Any) -> Workspace:
        return await self._add(Workspace(**{"name": f"Brand {next(numbers)}", "created_at": MONDAY, **values}))

    async def member(self, workspace: Workspace, *, role: Role = Role.AGENT, **values: Any) -> Member:
        name = values.pop("name", f"Member {next(numbers)}")
        account = await self._add(Account(email=f"member{next(numbers)}@example.org", name=name, created_at=MONDAY))
        return await self._add(
            Member(**{"workspace_id": workspace.id, "account_id": account.id, "role": role, "name": name, "created_at": MONDAY, **values})
        )

    async def signed_in(self, member: Member) -> AccountSession:
        """A month of a member's browser."""
        values = {"account_id": member.account_id, "token_hash": f"token{next(numbers)}", "expires_at": MONDAY + timedelta(days=30)}
        return await self._add(AccountSession(**values, created_at=MONDAY, seen_at=MONDAY))

    async def team(self, workspace: Workspace, *members: Member, name: str = "") -> Team:
        team = await self._add(Team(workspace_id=workspace.id, name=name or f"Team {next(numbers)}", created_at=MONDAY))
        for member in members:
            await self._add(TeamMember(workspace_id=workspace.id, team_id=team.id, member_id=member.id))
        return team

    async def channel(self, workspace: Workspace, **values: Any) -> Channel:
        number = next(numbers)
        defaults = {
            "platform": "webhook",
            "name": f"Channel {number}",
            "key": f"key{number}",
            "account_id": "us",
            "connected_at": datetime(2026, 1, 1, tzinfo=UTC),
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        return await self._add(Channel(**{"workspace_id": workspace.id, **defaults, **values}))

    async def identity(self, channel: Channel, *, name: str = "Anna", **values: Any) -> Identity:
        contact = await self._add(Contact(workspace_id=channel.workspace_id, name=name, created_at=MONDAY))
        defaults = {"external_id": f"author{next(numbers)}", "name": name, "created_at": MONDAY, "contact_id": contact.id}
        return await self._add(Identity(**{"workspace_id": channel.workspace_id, "channel_id": channel.id, **defaults, **values}))

    async def conversation(self, channel: Channel, *, contact: Contact | None = None, **values: Any) -> Conversation:
        conversation = await self._add(
            Conversation(
                **{
                    "workspace_id": channel.workspace_id,
                    "channel_id": channel.id,
                    "kind": ConversationKind.DIRECT,
                    "contact_id": contact.id if contact else None,
                    "created_at": MONDAY,
                    "last_message_at": MONDAY,
                    **values,
                }
            )
        )
        await self._add(
            Thread(
                workspace_id=channel.workspace_id,
                channel_id=channel.id,
                external_id=f"thread{conversation.id}",
                conversation_id=conversation.id,
            )
        )
        return conversation

    async def message(self, conversation: Conversation, *, body: str = "Hello", **values: Any) -> Message:
        """A message from outside, unless `direction` says otherwise. Does not touch the conversation's counters: `receive` does that."""
        defaults: dict[str, Any] = {
            "direction": Direction.IN,
            "external_id": f"message{next(numbers)}",
            "thread_external_id": f"thread{conversation.id}",
            "at": MONDAY,
            "received_at": MONDAY,
            "body": body,
        }
        return await self._add(
            Message(
                **{
                    "workspace_id": conversation.workspace_id,
                    "conversation_id": conversation.id,
                    "channel_id": conversation.channel_id,
                    **defaults,
                    **values,
                }
            )
        )


async def blocked(database: Database, pid: int) -> None:
    """Return when this process of the database waits for another one."""
    looking = text("SELECT cardinality(pg_blocking_pids(:pid)) FROM pg_sleep(0.01)")
    async with asyncio.timeout(30), database.transaction() as session:
        while not await session.scalar(looking, {"pid": pid}):
            pass
