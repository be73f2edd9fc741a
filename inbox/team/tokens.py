"""Keys for programs."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.models import ApiToken, Member, Role
from inbox.secrets import hash_token, new_token
from inbox.team.rights import RANK, Access

SEEN = timedelta(minutes=5)


async def create(session: AsyncSession, access: Access, *, name: str, role: Role, member_id: int | None = None, now: datetime) -> str:
    """Make a token; it is shown this once."""
    token = new_token("parley_")
    row = ApiToken(
        workspace_id=access.workspace_id, member_id=member_id, name=name, role=role, token_hash=hash_token(token), created_at=now
    )
    session.add(row)
    await session.flush()
    events.record(session, "token.created", workspace_id=access.workspace_id, at=now, actor=access.actor, token=row.id)
    return token


async def find(session: AsyncSession, token: str, *, now: datetime) -> Access | None:
    """What the bearer of a token may do: what the token's role may, and never more than its member."""
    row = await session.scalar(select(ApiToken).where(col(ApiToken.token_hash) == hash_token(token), col(ApiToken.revoked_at).is_(None)))
    if row is None:
        return None
    role = row.role
    if row.member_id is not None:
        member = await session.get(Member, row.member_id)
        if member is None or member.removed_at is not None:
            return None
        role = min(role, member.role, key=RANK.__getitem__)
    if row.used_at is None or row.used_at < now - SEEN:
        row.used_at = now
    return Access(workspace_id=row.workspace_id, role=role, actor=f"token:{row.id}", member_id=row.member_id)


async def revoke(session: AsyncSession, access: Access, token_id: int, *, now: datetime) -> None:
    """Take a token back."""
    query = update(ApiToken).where(
        col(ApiToken.id) == token_id, col(ApiToken.workspace_id) == access.workspace_id, col(ApiToken.revoked_at).is_(None)
    )
    await session.execute(query.values(revoked_at=now))
    events.record(session, "token.revoked", workspace_id=access.workspace_id, at=now, actor=access.actor, token=token_id)
