"""Keys for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from inbox import events, questions
from inbox.errors import NotFound
from inbox.models import ApiToken, Member, Role
from inbox.questions import Question
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
    found = await questions.ask(session, Question(_finding(), {"hash": hash_token(token)}, lambda rows: rows[0] if rows else None))
    if found is None:
        return None
    number, workspace_id, role, used_at, member_id, member_role = found
    if member_id is not None and member_role is None:
        return None
    if used_at is None or used_at < now - SEEN:
        await session.execute(update(ApiToken).where(col(ApiToken.id) == number).values(used_at=now))
    rank = min(Role(role), Role(member_role or role), key=RANK.__getitem__)
    return Access(workspace_id=workspace_id, role=rank, actor=f"token:{number}", member_id=member_id)


@cache  # a statement never changes, and putting it together costs more than running it
def _finding() -> bytes:
    of = ApiToken
    columns = (col(of.id), col(of.workspace_id), col(of.role), col(of.used_at), col(of.member_id), col(Member.role))
    mine = and_(col(Member.id) == of.member_id, col(Member.removed_at).is_(None))
    query = select(*columns).select_from(of).outerjoin(Member, mine)
    return questions.compiled(query.where(col(of.token_hash) == bindparam("hash"), col(of.revoked_at).is_(None)))


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
