"""Members and invitations. For admins."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api import invitation_mail, problems
from api.deps import AccessDep, HouseDep, NowDep, Number, SessionDep, needs
from api.invitation_mail import Letter
from api.pages import forms
from api.pages.forms import FrameDep
from api.pages.here import WorkspaceDep
from inbox import db
from inbox.errors import Invalid, TooMany
from inbox.models import Role
from inbox.team import invitations, members

router = APIRouter(prefix="/w/{workspace_id}/settings/members", dependencies=[Depends(needs(Role.ADMIN))])


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A link that is shown this once, where it was mailed, and why it was not."""

    link: str
    email: str = ""
    mailed: bool = False
    error: str | None = None


class Desk:
    """What making, mailing and showing an invitation asks for."""

    def __init__(
        self, frame: FrameDep, session: SessionDep, access: AccessDep, house: HouseDep, workspace: WorkspaceDep, now: NowDep
    ) -> None:
        self.frame, self.session, self.access, self.house, self.workspace, self.now = frame, session, access, house, workspace, now

    async def hand_over(self, email: str, make: Callable[[AsyncSession], Awaitable[str]]) -> Response:
        """Make a link, mail it where there is an address and a server, and show it on this page and never again.

        It is committed before the mail leaves, and no transaction waits for the mail server.
        """
        await db.release(self.session)
        mails = bool(email) and invitation_mail.is_possible(self.house)
        try:
            if mails:
                await invitation_mail.allow(self.house, self.access, email, now=self.now)
            async with self.house.database.transaction() as making:
                token = await make(making)
        except (Invalid, TooMany) as refused:
            return await self.page(error=problems.sentence(refused, self.frame.locale))
        given = HandedOver(invitation_mail.link(self.house, token), email)
        if mails:
            letter = Letter(self.workspace, token, email, self.frame.here.member)
            error = await invitation_mail.send(self.house, self.access, letter, now=self.now)
            given = HandedOver(given.link, email, mailed=error is None, error=error)
        return await self.page(given=given)

    async def page(self, *, error: str | None = None, given: HandedOver | None = None) -> Response:
        return self.frame.show(
            "settings/members.html",
            error=error,
            given=given,
            mails=invitation_mail.is_possible(self.house),
            people=await members.list_for(self.session, self.access),
            invited=await invitations.list_open(self.session, self.access, now=self.now),
            roles=[role.value for role in Role],
        )


DeskDep = Annotated[Desk, Depends()]


@router.get("")
async def show(desk: DeskDep) -> Response:
    return await desk.page()


@router.post("/{member_id}/role")
async def change_role(
    member_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, desk: DeskDep, now: NowDep, role: Annotated[Role, Form()]
) -> Response:
    error = await forms.attempt(session, members.change_role(session, access, member_id, role, now=now), frame.locale)
    return await desk.page(error=error) if error else frame.back()


@router.post("/{member_id}/removal")
async def remove(member_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, desk: DeskDep, now: NowDep) -> Response:
    error = await forms.attempt(session, members.remove(session, access, member_id, now=now), frame.locale)
    if error:
        return await desk.page(error=error)
    return forms.go("/") if member_id == access.member_id else frame.back()


@router.post("/invitations")
async def invite(
    desk: DeskDep, access: AccessDep, now: NowDep, role: Annotated[Role, Form()], email: Annotated[str, Form()] = ""
) -> Response:
    """Make a link for somebody."""
    return await desk.hand_over(email.strip(), lambda making: invitations.invite(making, access, role=role, email=email, now=now))


@router.post("/invitations/{invitation_id}/link")
async def renew(invitation_id: Number, desk: DeskDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    """Another link for an open invitation, mailed again where it was for an address."""
    invitation = await invitations.get(session, access, invitation_id)
    return await desk.hand_over(invitation.email, lambda making: invitations.renew(making, access, invitation_id, now=now))


@router.post("/invitations/{invitation_id}/removal")
async def revoke(invitation_id: Number, frame: FrameDep, session: SessionDep, access: AccessDep, now: NowDep) -> Response:
    await invitations.revoke(session, access, invitation_id, now=now)
    return frame.back()
