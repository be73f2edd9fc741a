"""SLA policies of a workspace: made, changed, put in order, switched on and off, removed. Everybody who waits follows at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox.errors import Conflict, NotFound
from inbox.models import Calendar, Channel, Contact, Label, Policy, Role, Team, Wait
from inbox.promptness import policies
from inbox.promptness.agreements import settling
from inbox.promptness.policies import BadPolicy
from inbox.team import accounts, rights
from inbox.team.rights import Access


@dataclass(frozen=True, slots=True)
class Draft:
    """What a policy shall be; conditions and targets as `inbox.promptness.policies` reads them. Without a calendar: by the wall clock."""

    name: str
    targets: Mapping[str, Mapping[str, Any]]
    conditions: Mapping[str, Sequence[Any]]
    calendar_id: int | None = None
    is_on: bool = True


async def list_for(session: AsyncSession, access: Access) -> Sequence[Policy]:
    """Every policy of the workspace, in the order in which they are asked. For supervisors."""
    access.need(Role.SUPERVISOR)
    return (await session.scalars(select(Policy).where(*_kept(access)).order_by(col(Policy.position), col(Policy.id)))).all()


async def get(session: AsyncSession, access: Access, policy_id: int) -> Policy:
    """One policy of the workspace. For supervisors."""
    found = await session.scalar(select(Policy).where(col(Policy.id) == policy_id, *_kept(access)))
    if found is None:
        raise NotFound("There is no such policy in this workspace.")
    access.need(Role.SUPERVISOR)
    return found


async def counting(session: AsyncSession, access: Access) -> Mapping[int, int]:
    """How many conversations, of those that the member may see, have somebody waiting under each policy now."""
    waiting = (col(Wait.workspace_id) == access.workspace_id, col(Wait.closed_at).is_(None), col(Wait.policy_id).is_not(None))
    query = select(col(Wait.policy_id), func.count(col(Wait.conversation_id).distinct()).label("waiting"))
    query = query.where(*waiting, rights.sees(access, col(Wait.channel_id))).group_by(col(Wait.policy_id))
    return {row.policy_id: row.waiting for row in (await session.execute(query)).all()}


async def tiers(session: AsyncSession, access: Access) -> Sequence[str]:
    """What contacts of the workspace are called."""
    query = select(col(Contact.tier)).distinct().where(col(Contact.workspace_id) == access.workspace_id, col(Contact.tier) != "")
    return (await session.scalars(query.order_by(col(Contact.tier)).limit(policies.MOST))).all()


async def create(session: AsyncSession, access: Access, draft: Draft, *, now: datetime) -> Policy:
    """Make a policy, asked after all others."""
    await settling.hold(session, access)
    last = await session.scalar(select(func.max(Policy.position)).where(*_kept(access)))
    policy = Policy(workspace_id=access.workspace_id, name="", position=0 if last is None else last + 1, created_at=now, changed_at=now)
    await _put(session, access, policy, draft)
    await settling.retarget(session, access, "policy.changed", now=now, policy=policy.id)
    return policy


async def change(session: AsyncSession, access: Access, policy: Policy, draft: Draft, *, seen: int | None = None, now: datetime) -> None:
    """Make it say something else. `seen` is the revision that the editor looked at. Waits that have ended keep what counted then."""
    await settling.hold(session, access)
    await settling.latest(session, policy, seen=seen)
    await _remember_use(session, policy)
    await _put(session, access, policy, draft)
    _touch(policy, now)
    await settling.retarget(session, access, "policy.changed", now=now, policy=policy.id)


async def switch(session: AsyncSession, access: Access, policy: Policy, *, is_on: bool, now: datetime) -> None:
    """Switch it on or off. Saying the same twice changes nothing."""
    await settling.hold(session, access)
    await settling.latest(session, policy, seen=None)
    if policy.is_on == is_on:
        return
    policy.is_on = is_on
    _touch(policy, now)
    await settling.retarget(session, access, "policy.changed", now=now, policy=policy.id)


async def move(session: AsyncSession, access: Access, policy: Policy, *, by: int, now: datetime) -> None:
    """Ask it so many places later, or earlier when `by` is negative; no further than to an end of the list."""
    await settling.hold(session, access)
    await settling.latest(session, policy, seen=None)
    ids = [each.id for each in await list_for(session, access)]
    place = ids.index(policy.id)
    ids.insert(min(max(place + by, 0), len(ids) - 1), ids.pop(place))
    await _order(session, access, ids, now)


async def order(session: AsyncSession, access: Access, policy_ids: Sequence[int], *, now: datetime) -> None:
    """Ask the policies in this order: all of them, each once."""
    await settling.hold(session, access)
    known = {policy.id for policy in await list_for(session, access)}
    if len(policy_ids) != len(set(policy_ids)) or set(policy_ids) != known:
        raise Conflict("The order names every policy once: a colleague may have added or removed one.", code="policy_order")
    await _order(session, access, policy_ids, now)


async def remove(session: AsyncSession, access: Access, policy: Policy, *, seen: int | None = None, now: datetime) -> None:
    """Take a policy away. Who waits goes by the next that fits; waits that have ended under it keep it."""
    await settling.hold(session, access)
    await settling.latest(session, policy, seen=seen)
    await _remember_use(session, policy)
    policy.removed_at, policy.is_on = now, False
    _touch(policy, now)
    await settling.retarget(session, access, "policy.changed", now=now, policy=policy.id)


async def _order(session: AsyncSession, access: Access, policy_ids: Sequence[int], now: datetime) -> None:
    by_id = {policy.id: policy for policy in await list_for(session, access)}
    moved = [policy_id for position, policy_id in enumerate(policy_ids) if by_id[policy_id].position != position]
    for position, policy_id in enumerate(policy_ids):
        by_id[policy_id].position = position
    for policy_id in moved[:1]:  # one change of the order is one event
        await settling.retarget(session, access, "policy.changed", now=now, policy=policy_id)


async def _put(session: AsyncSession, access: Access, policy: Policy, draft: Draft) -> None:
    name = accounts.named(draft.name)
    policies.read_targets(draft.targets)
    policies.read_clocks(draft.targets)
    await _check_conditions(session, access, draft.conditions, policy.conditions or {})
    if draft.calendar_id is not None:
        mine = (col(Calendar.workspace_id) == access.workspace_id, col(Calendar.removed_at).is_(None))
        if await session.scalar(select(col(Calendar.id)).where(col(Calendar.id) == draft.calendar_id, *mine)) is None:
            raise BadPolicy("The calendar of this policy is gone: choose another one, or the wall clock.")
    try:
        async with session.begin_nested():
            policy.name, policy.calendar_id, policy.is_on = name, draft.calendar_id, draft.is_on
            policy.targets = {metric: dict(amounts) for metric, amounts in draft.targets.items() if amounts}
            policy.conditions = {condition: list(values) for condition, values in draft.conditions.items()}
            session.add(policy)
            await session.flush()
    except IntegrityError as error:
        raise Conflict("Another policy has this name.", code="policy_name_taken") from error


async def _check_conditions(
    session: AsyncSession, access: Access, given: Mapping[str, Sequence[Any]], before: Mapping[str, Sequence[Any]]
) -> None:
    """Channels, labels and teams must be there; what the policy named before may stay: its editor may not see it, or it is gone by now."""
    conditions = policies.read_conditions(given)
    known = {
        "channel": select(col(Channel.id)).where(col(Channel.workspace_id) == access.workspace_id, rights.sees(access, col(Channel.id))),
        "label": select(col(Label.id)).where(col(Label.workspace_id) == access.workspace_id),
        "team": select(col(Team.id)).where(col(Team.workspace_id) == access.workspace_id),
    }
    for name in sorted(conditions.keys() & known.keys()):
        unknown = conditions[name] - set(before.get(name, ()))
        if unknown and (unknown := unknown - set(await session.scalars(known[name]))):
            raise BadPolicy("There is no {name} {value} in this workspace, or you do not see it.", name=name, value=min(unknown))


async def _remember_use(session: AsyncSession, policy: Policy) -> None:
    """The calendar that a policy leaves has a past when anybody was measured by it."""
    if policy.calendar_id is not None and await session.scalar(select(exists().where(col(Wait.policy_id) == policy.id))):
        (await session.get_one(Calendar, policy.calendar_id)).was_used = True


def _touch(policy: Policy, now: datetime) -> None:
    policy.revision += 1
    policy.changed_at = now


def _kept(access: Access) -> tuple[ColumnElement[bool], ...]:
    return (col(Policy.workspace_id) == access.workspace_id, col(Policy.removed_at).is_(None))
