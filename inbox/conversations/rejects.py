"""A payload that could not be read or stored: kept, never swallowed."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from inbox import events
from inbox.models import Channel, DeadLetter

SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})


async def keep(
    session: AsyncSession,
    channel: Channel,
    *,
    source: str,
    raw: bytes,
    reason: str,
    now: datetime,
    headers: Mapping[str, str] | None = None,
) -> DeadLetter:
    """Keep what came, with the reason it was not taken in. `source`: "stream" or "webhook"."""
    letter = DeadLetter(
        workspace_id=channel.workspace_id,
        channel_id=channel.id,
        source=source,
        headers={name: value.replace("\0", "") for name, value in (headers or {}).items() if name.lower() not in SECRET_HEADERS},
        raw=raw,
        reason=reason.replace("\0", "").encode("utf-8", "replace").decode()[:1000],
        at=now,
    )
    session.add(letter)
    await session.flush()
    events.record(
        session,
        "dead_letter.kept",
        workspace_id=channel.workspace_id,
        at=now,
        actor=f"channel:{channel.id}",
        channel_id=channel.id,
        dead_letter=letter.id,
    )
    return letter
