"""Signed-in browsers."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, false, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import questions
from inbox.models import Account, AccountSession, Member, Workspace
from inbox.questions import Question
from inbox.secrets import hash_token, new_token

SEEN = timedelta(minutes=5)  # how exactly "last seen" is kept
Found = tuple[AccountSession, Account, Member | None, Workspace | None]


class Signed(NamedTuple):
    """Who uses a signed-in browser, and who that is in one workspace; without a membership there `member_id` is None."""

    session_id: int
    seen_at: datetime
    locale: str | None
    member_id: int | None
    member: str
    role: str
    workspace_id: int
    workspace: str
    is_demo: bool
    timezone: str


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


async def look(session: AsyncSession, token: str, workspace_id: int | None, *, now: datetime, days: int) -> Signed | None:
    """What `resolve` finds, as plain values: for the many who only read."""
    given = {"hash": hash_token(token), "workspace": workspace_id, "now": now}
    found = await questions.ask(session, Question(_looking(), given, lambda rows: [Signed(*row) for row in rows]))
    if not found:
        return None
    if found[0].seen_at < now - SEEN:
        kept = update(AccountSession).where(col(AccountSession.id) == found[0].session_id)
        await session.execute(kept.values(seen_at=now, expires_at=now + timedelta(days=days)))
    return found[0]


async def signed_in(session: AsyncSession, session_ids: Collection[int], *, now: datetime) -> set[tuple[int, int]]:
    """Those of these sessions that have not ended, each with every member that its account is."""
    query = (
        select(col(AccountSession.id), col(Member.id))
        .join(Member, col(Member.account_id) == AccountSession.account_id)
        .where(
            col(AccountSession.id).in_(session_ids),
            col(AccountSession.revoked_at).is_(None),
            col(AccountSession.expires_at) > now,
            col(Member.removed_at).is_(None),
        )
    )
    return {(row[0], row[1]) for row in (await session.execute(query)).all()}


@cache  # a select never changes, and putting it together costs more than running it
def _resolving() -> Select[*tuple[Any, ...]]:
    return _signed(AccountSession, Account, Member, Workspace)


@cache
def _looking() -> bytes:
    session = (col(AccountSession.id), col(AccountSession.seen_at), col(Account.locale))
    member = (col(Member.id), func.coalesce(Member.name, ""), func.coalesce(Member.role, ""))
    workspace = (func.coalesce(Workspace.id, 0), func.coalesce(Workspace.name, ""), func.coalesce(Workspace.is_demo, false()))
    return questions.compiled(_signed(*session, *member, *workspace, func.coalesce(Workspace.timezone, "")))


def _signed(*columns: Any) -> Select[*tuple[Any, ...]]:
    joined = and_(
        col(Member.account_id) == Account.id, col(Member.workspace_id) == bindparam("workspace"), col(Member.removed_at).is_(None)
    )
    return (
        select(*columns)
        .select_from(AccountSession)
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
