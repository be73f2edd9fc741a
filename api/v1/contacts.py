"""People outside, as far as programs may know and say something about them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from api.deps import ApiAccessDep, NowDep, Number, SessionDep
from api.schemas import Given, Shape
from api.v1 import PROBLEMS
from inbox.conversations import contacts, tiers
from inbox.models import Contact

router = APIRouter(prefix="/contacts", tags=["contacts"], responses=PROBLEMS)


async def find(contact_id: Number, access: ApiAccessDep, session: SessionDep) -> Contact:
    """The contact of the address."""
    return await contacts.seen(session, access, contact_id)


ContactDep = Annotated[Contact, Depends(find)]


class ContactOut(Shape):
    id: int
    name: str
    tier: str = Field(description='What the team calls them ("Gold"), for policies; empty: nothing.')
    created_at: datetime


class ContactIn(Given):
    """What shall be another."""

    tier: Annotated[str, StringConstraints(max_length=200)]


@router.get("/{contact_id}")
async def get_contact(contact: ContactDep) -> ContactOut:
    """One contact."""
    return ContactOut.model_validate(contact)


@router.patch("/{contact_id}")
async def change_contact(access: ApiAccessDep, contact: ContactDep, given: ContactIn, session: SessionDep, now: NowDep) -> ContactOut:
    """Give a contact a tier; where they wait, the targets follow at once."""
    await tiers.put(session, access, contact, given.tier, now=now)
    return ContactOut.model_validate(contact)
