"""What the team calls a contact ("Gold"); policies may promise more to some."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events, retargeting
from inbox.errors import Invalid
from inbox.models import Contact, Identity, Role, Wait
from inbox.promptness import targets
from inbox.promptness.policies import LONGEST_TIER
from inbox.team.rights import Access


async def put(session: AsyncSession, access: Access, contact: Contact, tier: str, *, now: datetime) -> None:
    """Give a contact a tier, or none; where they wait, the targets follow at once. Saying the same twice changes nothing."""
    access.need(Role.AGENT)
    tier = " ".join(tier.split())
    if len(tier) > LONGEST_TIER or not tier.isprintable():
        raise Invalid("A tier has at most {longest} characters.", code="tier", longest=LONGEST_TIER)
    row = await session.scalar(
        select(Contact).where(col(Contact.id) == contact.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    if row is None or row.tier == tier:
        return
    row.tier = tier
    await session.flush()
    events.record(session, "contact.changed", workspace_id=row.workspace_id, at=now, actor=access.actor, contact=row.id, fields=["tier"])
    await retargeting.mark(session, row.workspace_id)  # who begins to wait just now is read with the old one
    waiting = select(col(Wait.conversation_id)).join(Identity, col(Identity.id) == Wait.identity_id)
    waiting = waiting.where(col(Identity.contact_id) == row.id, col(Wait.closed_at).is_(None))
    await targets.settle(session, row.workspace_id, await session.scalars(waiting), now=now, actor=access.actor)
