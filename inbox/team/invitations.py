"""Links that make their bearer a member, once. The first one, of no workspace, makes the first admin and the workspace."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Conflict, Invalid, NotFound
from inbox.models import Account, Installation, Invitation, Member, Role, Workspace
from inbox.secrets import hash_token, new_token
from inbox.team import accounts, members, workspaces
from inbox.team.rights import Access

LIFETIME = timedelta(days=7)
FIRST_RUN_LIFETIME = timedelta(days=1)
GONE = "This link was used, has expired or was taken back. Ask for a new one."


async def first_run_link(session: AsyncSession, *, now: datetime) -> str | None:
    """A token for /first-run, as long as nobody has a workspace of their own; the demonstration does not count."""
    if await _has_owner(session):
        return None
    await session.execute(delete(Invitation).where(col(Invitation.workspace_id).is_(None), col(Invitation.expires_at) <= now))
    token = new_token()
    session.add(_row(token, workspace_id=None, role=Role.ADMIN, created_at=now, expires_at=now + FIRST_RUN_LIFETIME))
    await session.flush()
    return token


async def is_waiting_for_first_run(session: AsyncSession) -> bool:
    """Whether nobody has a workspace of their own yet."""
    return not await _has_owner(session)


async def is_first_run(session: AsyncSession, token: str, *, now: datetime) -> bool:
    """Whether this link still opens the first-run page."""
    query = select(col(Invitation.id)).where(_open(token, now), col(Invitation.workspace_id).is_(None))
    return await session.scalar(query) is not None and not await _has_owner(session)


async def finish_first_run(
    session: AsyncSession, token: str, *, email: str, name: str, password: str, workspace: str, locale: str, timezone: str, now: datetime
) -> Member:
    """Make the first admin and the workspace. Of several links and clicks, one wins."""
    # The installation's one row is the lock: two open links must not both find nobody.
    await session.execute(select(col(Installation.id)).with_for_update())
    if await _has_owner(session):
        raise NotFound(GONE, code="invitation_gone")
    await _use(session, token, now, first_run=True)
    owned = await workspaces.create(session, name=workspace, locale=locale, timezone=timezone, now=now)
    account = await accounts.create(session, email=email, name=name, password=password, locale=locale, now=now)
    return await members.add(session, owned.id, account, role=Role.ADMIN, now=now)


async def invite(session: AsyncSession, access: Access, *, role: Role, email: str = "", now: datetime) -> str:
    """Make a link; its token is shown this once. With an address, only that address can use it."""
    access.need(Role.ADMIN)
    token = new_token()
    row = _row(token, workspace_id=access.workspace_id, role=role, created_at=now, expires_at=now + LIFETIME)
    row.email = accounts.normal(email) if email.strip() else ""
    row.created_by = access.member_id
    session.add(row)
    await session.flush()
    events.record(
        session,
        "invitation.created",
        workspace_id=access.workspace_id,
        at=now,
        actor=access.actor,
        invitation=row.id,
        role=role.value,
    )
    return token


async def renew(session: AsyncSession, access: Access, invitation_id: int, *, now: datetime) -> str:
    """Another link for the same invitation, good for as long as a new one; the link before is worth nothing from now on."""
    access.need(Role.ADMIN)
    token = new_token()
    fresh = {"token_hash": hash_token(token), "expires_at": now + LIFETIME, "mailed_at": None, "mail_error": None}
    found = await session.scalar(update(Invitation).where(*_mine(access, invitation_id)).values(fresh).returning(col(Invitation.id)))
    if found is None:
        raise NotFound(GONE, code="invitation_gone")
    events.record(session, "invitation.renewed", workspace_id=access.workspace_id, at=now, actor=access.actor, invitation=invitation_id)
    return token


async def mark_mailed(session: AsyncSession, access: Access, token: str, *, error: str | None = None, now: datetime) -> None:
    """Write down that the mail with a link has left, or why not. A link that was used or made anew meanwhile is left alone."""
    mine = (col(Invitation.workspace_id) == access.workspace_id, _open(token, now))
    outcome = {"mailed_at": None if error else now, "mail_error": error}
    found = await session.scalar(update(Invitation).where(*mine).values(outcome).returning(col(Invitation.id)))
    if found is not None:
        events.record(
            session,
            "invitation.mailed",
            workspace_id=access.workspace_id,
            at=now,
            actor=access.actor,
            invitation=found,
            sent=error is None,
        )


async def get(session: AsyncSession, access: Access, invitation_id: int) -> Invitation:
    """An invitation of the workspace that nobody has used."""
    found = await session.scalar(select(Invitation).where(*_mine(access, invitation_id)))
    if found is None:
        raise NotFound(GONE, code="invitation_gone")
    return found


async def list_open(session: AsyncSession, access: Access, *, now: datetime) -> Sequence[Invitation]:
    """The links that somebody could still use."""
    query = select(Invitation).where(
        col(Invitation.workspace_id) == access.workspace_id, col(Invitation.used_at).is_(None), col(Invitation.expires_at) > now
    )
    return (await session.scalars(query.order_by(col(Invitation.id)))).all()


async def revoke(session: AsyncSession, access: Access, invitation_id: int, *, now: datetime) -> None:
    """Take a link back."""
    access.need(Role.ADMIN)
    gone = delete(Invitation).where(*_mine(access, invitation_id))
    if await session.scalar(gone.returning(col(Invitation.id))) is None:
        raise NotFound(GONE, code="invitation_gone")
    events.record(session, "invitation.revoked", workspace_id=access.workspace_id, at=now, actor=access.actor, invitation=invitation_id)


async def find(session: AsyncSession, token: str, *, now: datetime) -> tuple[Invitation, Workspace]:
    """What a link invites to."""
    query = select(Invitation, Workspace).join(Workspace, col(Workspace.id) == Invitation.workspace_id).where(_open(token, now))
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFound(GONE, code="invitation_gone")
    return found[0], found[1]


async def accept(session: AsyncSession, token: str, account: Account, *, now: datetime) -> Member:
    """Make an account a member by a link, which is used up by it."""
    invitation = await _use(session, token, now, first_run=False)
    if invitation.workspace_id is None:
        raise NotFound(GONE, code="invitation_gone")
    if invitation.email and invitation.email != account.email:
        raise Conflict("This link is for another address. Sign in with the account of that address.", code="invitation_email")
    return await members.add(session, invitation.workspace_id, account, role=invitation.role, now=now)


async def accept_as_new(session: AsyncSession, token: str, *, email: str, name: str, password: str, now: datetime) -> Member:
    """The same for somebody who has no account yet."""
    invitation, _ = await find(session, token, now=now)
    if invitation.email and invitation.email != email.strip().lower():
        raise Invalid("This link is for another address.", code="invitation_email")
    account = await accounts.create(session, email=email, name=name, password=password, now=now)
    return await accept(session, token, account, now=now)


async def _use(session: AsyncSession, token: str, now: datetime, *, first_run: bool) -> Invitation:
    kind = col(Invitation.workspace_id).is_(None) if first_run else col(Invitation.workspace_id).is_not(None)
    use = update(Invitation).where(_open(token, now), kind).values(used_at=now).returning(Invitation)
    invitation = await session.scalar(use)
    if invitation is None:
        raise NotFound(GONE, code="invitation_gone")
    return invitation


def _mine(access: Access, invitation_id: int) -> tuple[ColumnElement[bool], ...]:
    return col(Invitation.id) == invitation_id, col(Invitation.workspace_id) == access.workspace_id, col(Invitation.used_at).is_(None)


def _open(token: str, now: datetime) -> ColumnElement[bool]:
    return and_(col(Invitation.token_hash) == hash_token(token), col(Invitation.used_at).is_(None), col(Invitation.expires_at) > now)


async def _has_owner(session: AsyncSession) -> bool:
    own = select(col(Member.id)).join(Workspace, col(Workspace.id) == Member.workspace_id).where(col(Workspace.is_demo).is_(False))
    return await session.scalar(own.limit(1)) is not None


def _row(token: str, *, workspace_id: int | None, role: Role, created_at: datetime, expires_at: datetime) -> Invitation:
    return Invitation(workspace_id=workspace_id, token_hash=hash_token(token), role=role, created_at=created_at, expires_at=expires_at)
