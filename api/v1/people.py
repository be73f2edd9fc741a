"""Members, teams and labels: what an assignment or a label can name."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from api.deps import ApiAccessDep, SessionDep
from api.schemas import LabelOut, Shape
from api.v1 import PROBLEMS
from inbox import labels
from inbox.models import Role
from inbox.team import members, teams

router = APIRouter(tags=["people"], responses=PROBLEMS)


class MemberOut(Shape):
    id: int
    name: str
    public_name: str
    role: Role
    email: str | None = Field(description="For admins only.")
    created_at: datetime


class TeamOut(Shape):
    id: int
    name: str
    member_ids: list[int]


@router.get("/members")
async def list_members(access: ApiAccessDep, session: SessionDep) -> list[MemberOut]:
    """The members of the workspace, by name."""
    found = await members.list_for(session, access)
    return [
        MemberOut(
            id=member.id,
            name=member.name,
            public_name=member.public_name,
            role=member.role,
            email=account.email if access.role is Role.ADMIN else None,
            created_at=member.created_at,
        )
        for member, account in found
    ]


@router.get("/teams")
async def list_teams(access: ApiAccessDep, session: SessionDep) -> list[TeamOut]:
    """The teams of the workspace, by name."""
    found = await teams.list_for(session, access)
    return [TeamOut(id=roster.team.id, name=roster.team.name, member_ids=sorted(roster.member_ids)) for roster in found]


@router.get("/labels")
async def list_labels(access: ApiAccessDep, session: SessionDep) -> list[LabelOut]:
    """The labels of the workspace, by name."""
    return [LabelOut.model_validate(label) for label in await labels.list_for(session, access)]
