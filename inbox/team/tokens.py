"""Keys for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox import events
from inbox.errors import NotFound
from inbox.models import ApiToken, Member, Role
from inbox.secrets import hash_token, new_token
from inbox.team import accounts
from inbox.team.rights import RANK, Access

SEEN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Key:
    """A token as people know it again: for whom it acts, and who made it. None: for nobody; whoever keeps the installation."""

    token: ApiToken
    member: Member | None
    maker: Member | None

    @property
    def has_ended(self) -> bool:
        """The member for whom it acts has left."""
        return self.member is not None and self.member.removed_at is not None


async def create(session: AsyncSession, access: Access, *, name: str, role: Role, member_id: int | None = None, now: datetime) -> str:
    """Make a token; it is shown this once. Of a member who is not of this workspace nothing is known."""
    if member_id is not None and not await _is_here(session, access, member_id):
        raise NotFound("There is no such member.")
    token = new_token("parley_")
    row = ApiToken(
        workspace_id=access.workspace_id,
        member_id=member_id,
        created_by=access.member_id,
        name=accounts.named(name),
        role=role,
        token_hash=hash_token(token),
        created_at=now,
    )
    session.add(row)
    await session.flush()
    events.record(session, "token.created", workspace_id=access.workspace_id, at=now, actor=access.actor, token=row.id)
    return token


async def list_for(session: AsyncSession, access: Access) -> Sequence[Key]:
    """The tokens that were not taken back, newest first."""
    access.need(Role.ADMIN)
    owner, maker = aliased(Member), aliased(Member)
    query = (
        select(ApiToken, owner, maker)
        .outerjoin(owner, col(owner.id) == col(ApiToken.member_id))
        .outerjoin(maker, col(maker.id) == col(ApiToken.created_by))
        .where(col(ApiToken.workspace_id) == access.workspace_id, col(ApiToken.revoked_at).is_(None))
        .order_by(col(ApiToken.id).desc())
    )
    return [Key(*row) for row in (await session.execute(query)).all()]


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
    """Take a token back: what it is shown with next is refused."""
    access.need(Role.ADMIN)
    query = update(ApiToken).where(
        col(ApiToken.id) == token_id, col(ApiToken.workspace_id) == access.workspace_id, col(ApiToken.revoked_at).is_(None)
    )
    if await session.scalar(query.values(revoked_at=now).returning(col(ApiToken.id))) is None:
        raise NotFound("There is no such token, or it was taken back already.")
    events.record(session, "token.revoked", workspace_id=access.workspace_id, at=now, actor=access.actor, token=token_id)


async def _is_here(session: AsyncSession, access: Access, member_id: int) -> bool:
    here = select(col(Member.id)).where(
        col(Member.id) == member_id, col(Member.workspace_id) == access.workspace_id, col(Member.removed_at).is_(None)
    )
    return await session.scalar(here) is not None
