"""Who belongs to a workspace, and with which role."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.errors import Conflict, Invalid, NotFound
from inbox.models import Account, ChannelAccess, Conversation, Invitation, Member, Role, Status, TeamMember, Workspace
from inbox.team import accounts
from inbox.team.rights import Access

LONGEST_SIGNATURE = 2000
LONGEST_UNDO_SECONDS = 60


async def add(session: AsyncSession, workspace_id: int, account: Account, *, role: Role, actor: str = "system", now: datetime) -> Member:
    """Make an account a member. Somebody who had left comes back as the member that they were."""
    new = insert(Member).values(workspace_id=workspace_id, account_id=account.id, role=role, name=account.name, created_at=now)
    new = new.on_conflict_do_update(
        index_elements=[col(Member.workspace_id), col(Member.account_id)],
        set_={"role": role, "removed_at": None},
        where=col(Member.removed_at).is_not(None),
    )
    member = await session.scalar(new.returning(Member), execution_options={"populate_existing": True})
    if member is None:
        raise Conflict("This account is a member already.", code="member_already")
    events.record(session, "member.joined", workspace_id=workspace_id, at=now, actor=actor, member=member.id, role=role.value)
    return member


async def list_for(session: AsyncSession, access: Access) -> Sequence[tuple[Member, Account]]:
    """Everybody of the workspace, by name."""
    query = (
        select(Member, Account)
        .join(Account, col(Account.id) == Member.account_id)
        .where(col(Member.workspace_id) == access.workspace_id, col(Member.removed_at).is_(None))
        .order_by(col(Member.name), col(Member.id))
    )
    return [(member, account) for member, account in (await session.execute(query)).all()]


async def get(session: AsyncSession, access: Access, member_id: int) -> Member:
    """One member of the workspace."""
    query = select(Member).where(
        col(Member.id) == member_id, col(Member.workspace_id) == access.workspace_id, col(Member.removed_at).is_(None)
    )
    found = await session.scalar(query)
    if found is None:
        raise NotFound("There is no such member.")
    return found


async def workspaces(session: AsyncSession, account_id: int) -> Sequence[tuple[Workspace, Member]]:
    """Where an account is a member; demonstrations last."""
    query = (
        select(Workspace, Member)
        .join(Member, col(Member.workspace_id) == Workspace.id)
        .where(col(Member.account_id) == account_id, col(Member.removed_at).is_(None))
        .order_by(col(Workspace.is_demo), col(Workspace.name), col(Workspace.id))
    )
    return [(workspace, member) for workspace, member in (await session.execute(query)).all()]


async def change_role(session: AsyncSession, access: Access, member_id: int, role: Role, *, now: datetime) -> None:
    """Give a member another role. The last admin stays one."""
    access.need(Role.ADMIN)
    if role != Role.ADMIN:
        await _keep_an_admin(session, access.workspace_id, without=member_id)
    change = update(Member).where(
        col(Member.id) == member_id,
        col(Member.workspace_id) == access.workspace_id,
        col(Member.removed_at).is_(None),
        col(Member.role) != role,
    )
    if await session.scalar(change.values(role=role).returning(col(Member.id))) is None:
        await get(session, access, member_id)  # not there: 404; else nothing to change
        return
    if role != Role.ADMIN:
        await _withdraw_invitations(session, access, member_id)
    _record_change(session, access, member_id, ["role"], now)


async def change_profile(
    session: AsyncSession,
    access: Access,
    member: Member,
    *,
    name: str,
    public_name: str,
    signature: str,
    undo_seconds: int | None,
    now: datetime,
) -> None:
    """Change one's own name, what customers see of it, and how long a reply can be taken back."""
    if undo_seconds is not None and not 0 <= undo_seconds <= LONGEST_UNDO_SECONDS:
        raise Invalid("A reply can be taken back for 0 to {longest} seconds.", code="undo_seconds", longest=LONGEST_UNDO_SECONDS)
    if len(signature) > LONGEST_SIGNATURE:
        raise Invalid("A signature may have at most {longest} characters.", code="signature_long", longest=LONGEST_SIGNATURE)
    wanted = {
        "name": accounts.named(name),
        "public_name": accounts.said(public_name),
        "signature": signature.strip(),
        "undo_seconds": undo_seconds,
    }
    changed = [field for field, value in wanted.items() if getattr(member, field) != value]
    for field in changed:
        setattr(member, field, wanted[field])
    if changed:
        await session.flush()
        _record_change(session, access, member.id, changed, now)


async def remove(session: AsyncSession, access: Access, member_id: int, *, now: datetime) -> None:
    """Take a member out, or leave. What they wrote stays; their open conversations are free again."""
    if member_id != access.member_id:
        access.need(Role.ADMIN)
    await _keep_an_admin(session, access.workspace_id, without=member_id)
    gone = update(Member).where(
        col(Member.id) == member_id, col(Member.workspace_id) == access.workspace_id, col(Member.removed_at).is_(None)
    )
    if await session.scalar(gone.values(removed_at=now).returning(col(Member.id))) is None:
        raise NotFound("There is no such member.")
    await session.execute(delete(TeamMember).where(col(TeamMember.member_id) == member_id))
    await session.execute(delete(ChannelAccess).where(col(ChannelAccess.member_id) == member_id))
    await _withdraw_invitations(session, access, member_id)
    await _free_conversations(session, access, member_id, now)
    events.record(session, "member.removed", workspace_id=access.workspace_id, at=now, actor=access.actor, member=member_id)


async def _keep_an_admin(session: AsyncSession, workspace_id: int, *, without: int) -> None:
    """Refuse when nobody else is an admin. The rows stay locked, so that two admins cannot demote each other at once."""
    admins = select(col(Member.id)).where(
        col(Member.workspace_id) == workspace_id, col(Member.role) == Role.ADMIN, col(Member.removed_at).is_(None)
    )
    locked = set(await session.scalars(admins.order_by(col(Member.id)).with_for_update()))
    if without in locked and len(locked) == 1:
        raise Conflict("A workspace needs an admin: make somebody else one first.", code="last_admin")


async def _withdraw_invitations(session: AsyncSession, access: Access, member_id: int) -> None:
    """Whoever may not invite any more must not come back, or bring others, by a link made before."""
    theirs = (col(Invitation.workspace_id) == access.workspace_id, col(Invitation.created_by) == member_id)
    await session.execute(delete(Invitation).where(*theirs, col(Invitation.used_at).is_(None)))


async def _free_conversations(session: AsyncSession, access: Access, member_id: int, now: datetime) -> None:
    free = (
        update(Conversation)
        .where(
            col(Conversation.workspace_id) == access.workspace_id,
            col(Conversation.assignee_id) == member_id,
            col(Conversation.status).not_in((Status.RESOLVED, Status.SPAM)),
        )
        .values(assignee_id=None)
        .returning(col(Conversation.id), col(Conversation.channel_id), col(Conversation.team_id))
    )
    for conversation_id, channel_id, team_id in (await session.execute(free)).all():
        events.record(
            session,
            "conversation.assigned",
            workspace_id=access.workspace_id,
            at=now,
            actor=access.actor,
            conversation_id=conversation_id,
            channel_id=channel_id,
            assignee=None,
            team=team_id,
            before={"assignee": member_id, "team": team_id},
        )


def _record_change(session: AsyncSession, access: Access, member_id: int, fields: list[str], now: datetime) -> None:
    events.record(session, "member.changed", workspace_id=access.workspace_id, at=now, actor=access.actor, member=member_id, fields=fields)
