"""Signed-in browsers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.models import Account, AccountSession, Member, Workspace
from inbox.secrets import hash_token, new_token

SEEN = timedelta(minutes=5)  # how exactly "last seen" is kept
Found = tuple[AccountSession, Account, Member | None, Workspace | None]


async def begin(session: AsyncSession, account_id: int, *, now: datetime, days: int, user_agent: str = "", address: str = "") -> str:
    """Sign a browser in; the token for its cookie."""
    token = new_token()
    row = AccountSession(
        account_id=account_id,
        token_hash=hash_token(token),
        user_agent=user_agent[:400],
        address=address,
        created_at=now,
        seen_at=now,
        expires_at=now + timedelta(days=days),
    )
    session.add(row)
    await session.flush()
    return token


async def find(session: AsyncSession, token: str, *, now: datetime, days: int) -> AccountSession | None:
    """The session of a cookie, if it still counts. Use keeps it alive."""
    query = select(AccountSession).where(
        col(AccountSession.token_hash) == hash_token(token), col(AccountSession.revoked_at).is_(None), col(AccountSession.expires_at) > now
    )
    found = await session.scalar(query)
    if found is not None:
        _keep(found, now, days)
    return found


async def resolve(session: AsyncSession, token: str, workspace_id: int | None, *, now: datetime, days: int) -> Found | None:
    """The session of a cookie, its account, and the account's membership of this workspace if there is one, all in one look."""
    given = {"hash": hash_token(token), "workspace": workspace_id, "now": now}
    found = (await session.execute(_resolving(), given)).first()
    if found is None:
        return None
    _keep(found[0], now, days)
    return found[0], found[1], found[2], found[3]


@cache  # a select never changes, and putting it together costs more than running it
def _resolving() -> Select[*tuple[Any, ...]]:
    joined = and_(
        col(Member.account_id) == Account.id, col(Member.workspace_id) == bindparam("workspace"), col(Member.removed_at).is_(None)
    )
    return (
        select(AccountSession, Account, Member, Workspace)
        .join(Account, col(Account.id) == AccountSession.account_id)
        .outerjoin(Member, joined)
        .outerjoin(Workspace, col(Workspace.id) == Member.workspace_id)
        .where(
            col(AccountSession.token_hash) == bindparam("hash"),
            col(AccountSession.revoked_at).is_(None),
            col(AccountSession.expires_at) > bindparam("now"),
        )
    )


def _keep(found: AccountSession, now: datetime, days: int) -> None:
    if found.seen_at < now - SEEN:
        found.seen_at = now
        found.expires_at = now + timedelta(days=days)


async def revoke(session: AsyncSession, session_id: int, *, account_id: int, now: datetime) -> None:
    """End a session; its sockets end within seconds."""
    mine = (col(AccountSession.id) == session_id, col(AccountSession.account_id) == account_id, col(AccountSession.revoked_at).is_(None))
    await session.execute(update(AccountSession).where(*mine).values(revoked_at=now))


async def revoke_others(session: AsyncSession, account_id: int, *, keep_session_id: int | None, now: datetime) -> None:
    """End every session of an account but one."""
    others = (col(AccountSession.account_id) == account_id, col(AccountSession.revoked_at).is_(None))
    if keep_session_id is not None:
        others = (*others, col(AccountSession.id) != keep_session_id)
    await session.execute(update(AccountSession).where(*others).values(revoked_at=now))


async def list_for(session: AsyncSession, account_id: int, *, now: datetime) -> Sequence[AccountSession]:
    """The browsers that are signed in, last used first."""
    query = select(AccountSession).where(
        col(AccountSession.account_id) == account_id, col(AccountSession.revoked_at).is_(None), col(AccountSession.expires_at) > now
    )
    return (await session.scalars(query.order_by(col(AccountSession.seen_at).desc(), col(AccountSession.id).desc()))).all()
