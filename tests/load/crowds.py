"""Thousands of customers who wait, written at once."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from inbox.models import AlertSetup, Channel, Policy, Role
from inbox.promptness import targets
from tests.make import MONDAY, Make

CHAIN = [{"when": "at", "to": ["supervisors"], "by": ["app", "webhook"]}]

WAITS = text(
    """
    WITH people AS (
        INSERT INTO identity (workspace_id, channel_id, contact_id, external_id, name, created_at)
        SELECT :workspace, :channel, :contact, 'author-' || n, 'Anna ' || n, :at FROM generate_series(1, :number) n RETURNING id
    ), talks AS (
        INSERT INTO conversation (workspace_id, channel_id, kind, subject, snippet, author_name, last_author, created_at, last_message_at)
        SELECT :workspace, :channel, 'direct', '', '', '', '', :at, :at FROM generate_series(1, :number) RETURNING id
    )
    INSERT INTO wait (workspace_id, channel_id, conversation_id, identity_id, metric, opened_at, opened_by, received_at, message_count)
    SELECT :workspace, :channel, talk.id, person.id, 'first', :at + talk.n * interval '1 second' * :apart, 1, :at, 1
      FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM talks) talk
      JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM people) person USING (n)
    """
)


async def wait(session: AsyncSession, number: int, *, due: datetime, apart: float, limit: int = 5, hook: str = "", secret: str = "") -> int:
    """So many customers whose answers are due from then on, so many seconds apart; the workspace. Two members are told of each."""
    make = Make(session)
    workspace = await make.workspace()
    channel: Channel = await make.channel(workspace)
    for _ in range(2):
        await make.member(workspace, role=Role.SUPERVISOR)
    where = {"workspace_id": workspace.id, "created_at": MONDAY, "changed_at": MONDAY}
    session.add(Policy(**where, name="Usual", targets={"first": {"normal": 3600}}, alerts=CHAIN))
    session.add(AlertSetup(workspace_id=workspace.id, storm_limit=limit, webhook_url=hook, webhook_secret=secret))
    identity = await make.identity(channel)
    opened = due - timedelta(hours=1)
    given: dict[str, Any] = {"workspace": workspace.id, "channel": channel.id, "number": number, "at": opened, "apart": apart}
    given["contact"] = identity.contact_id
    await session.execute(WAITS, given)
    await targets.settle_workspace(session, workspace.id, now=opened, actor="system")
    return workspace.id
