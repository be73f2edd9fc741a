"""How alerts are sent: a policy's chain, who is on call, the workspace's own addresses, and what each member wants."""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events, retargeting
from inbox.errors import Invalid, NotFound
from inbox.models import AlertPreference, AlertSetup, Member, Policy, PushKey, PushSubscription, Role, Team
from inbox.promptness import chains, recipients, targets
from inbox.secrets import Vault
from inbox.team.rights import Access
from inbox.team.workspaces import checked_timezone

STORM_LIMITS = range(1, 61)
MOST_BROWSERS = 20  # of one member
LONGEST = 2000
KEYS = {"p256dh": 65, "auth": 16}  # bytes: a point of the curve, not compressed, and a secret (RFC 8291)
TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


async def change_chain(session: AsyncSession, access: Access, policy_id: int, chain: Any, *, now: datetime) -> None:
    """Give a policy other alerts, None for the usual ones; they hold at once for everybody who waits."""
    row = await policy(session, access, policy_id)
    wanted = None if chain is None else [step.as_json() for step in chains.read(chain)]
    if wanted == row.alerts:
        return
    row.alerts = wanted
    await session.flush()
    _record(session, access, now, f"policy:{policy_id}")
    await retargeting.mark(session, access.workspace_id)
    await targets.settle_workspace(session, access.workspace_id, now=now, actor=access.actor)


async def policy(session: AsyncSession, access: Access, policy_id: int) -> Policy:
    """One of the workspace's policies. For supervisors."""
    found = await session.get(Policy, policy_id)
    if found is None or found.workspace_id != access.workspace_id or found.removed_at is not None:
        raise NotFound("There is no such policy.")
    access.need(Role.SUPERVISOR)
    return found


async def change_setup(session: AsyncSession, access: Access, vault: Vault, *, now: datetime, **wanted: Any) -> None:
    """Change the workspace's addresses and limit: webhook_url, apprise_urls, storm_limit. The first webhook gets a secret of its own."""
    access.need(Role.ADMIN)
    url, services = str(wanted["webhook_url"]).strip(), str(wanted["apprise_urls"]).strip()
    if url and not _is_web_address(url):
        raise Invalid("An address begins with https:// and names a host.", code="alert_address")
    if wanted["storm_limit"] not in STORM_LIMITS:
        raise Invalid("The limit is between 1 and 60 messages a minute.", code="storm_limit")
    setup = await _setup(session, access)
    before = (setup.webhook_url, services_of(setup, vault), setup.storm_limit)
    if before == (url, services.splitlines(), wanted["storm_limit"]):
        return
    setup.webhook_url, setup.storm_limit = url, wanted["storm_limit"]
    setup.apprise_urls = vault.encrypt(services) if services else ""
    if url and not setup.webhook_secret:
        setup.webhook_secret = vault.encrypt("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
    await session.flush()
    _record(session, access, now, "ways")


async def change_on_call(
    session: AsyncSession,
    access: Access,
    *,
    member_id: int | None,
    team_id: int | None,
    rota: Sequence[int],
    since: datetime | None,
    now: datetime,
) -> None:
    """Say who is on call: members by turns from a moment on, a week each, else a member, else a team."""
    access.need(Role.SUPERVISOR)
    for number in {*rota, *([] if member_id is None else [member_id])}:
        member = await session.get(Member, number)
        if member is None or member.workspace_id != access.workspace_id or member.removed_at is not None:
            raise NotFound("There is no such member in this workspace.")
    team = None if team_id is None else await session.get(Team, team_id)
    if team_id is not None and (team is None or team.workspace_id != access.workspace_id):
        raise NotFound("There is no such team in this workspace.")
    if rota and since is None:
        raise Invalid("Say when the first week of the turns begins.", code="rota")
    setup = await _setup(session, access)
    setup.on_call_member_id, setup.on_call_team_id, setup.rota, setup.rota_from = member_id, team_id, list(rota), since
    await session.flush()
    _record(session, access, now, "on_call")


async def preference(session: AsyncSession, access: Access) -> AlertPreference:
    """What a member wants; the usual when they have not said anything."""
    found = await session.get(AlertPreference, access.member_id or 0)
    return found or AlertPreference(workspace_id=access.workspace_id, member_id=access.member_id or 0, mail=True, push=True)


async def change_preference(session: AsyncSession, access: Access, *, now: datetime, **wanted: Any) -> None:
    """Say how oneself wants to be told: mail, push, timezone, quiet_from, quiet_until, urgent_passes, digest_at."""
    if access.member_id is None:
        raise NotFound("Only members are told of alerts.")
    for name in ("quiet_from", "quiet_until", "digest_at"):
        _check_time(wanted[name])
    if bool(wanted["quiet_from"]) != bool(wanted["quiet_until"]):
        raise Invalid("Quiet hours have a beginning and an end.", code="quiet_hours")
    if wanted["timezone"]:
        checked_timezone(wanted["timezone"])
    where = {"workspace_id": access.workspace_id, "member_id": access.member_id}
    row = insert(AlertPreference).values(**where, **wanted)
    await session.execute(row.on_conflict_do_update(index_elements=[col(AlertPreference.member_id)], set_=wanted))
    events.record(
        session, "member.changed", workspace_id=access.workspace_id, at=now, actor=access.actor, member=access.member_id, fields=["alerts"]
    )


async def subscribe(
    session: AsyncSession, access: Access, vault: Vault, given: Any, *, session_id: int, device: str, now: datetime
) -> None:
    """Write alerts of a member to a browser, too, until they sign out there; said again after signing in anew, it goes on."""
    address = _address(given)
    if access.member_id is None:
        raise NotFound("Only members are told of alerts.")
    digest = hashlib.sha256(address["endpoint"].encode()).hexdigest()
    mine = col(PushSubscription.member_id) == access.member_id
    await session.execute(delete(PushSubscription).where(mine, ~recipients.signed_in(now)))  # nobody sees them any more
    others = select(col(PushSubscription.id)).where(mine, col(PushSubscription.endpoint_hash) != digest)
    if len((await session.scalars(others)).all()) >= MOST_BROWSERS:
        raise Invalid("Twenty browsers are enough: take one away first.", code="browsers")
    where = {"workspace_id": access.workspace_id, "member_id": access.member_id, "session_id": session_id}
    kept = {"endpoint_hash": digest, "address": vault.encrypt(json.dumps(address)), "device": device[:100], "created_at": now}
    row = insert(PushSubscription).values(**where, **kept)
    await session.execute(row.on_conflict_do_update(index_elements=["member_id", "endpoint_hash"], set_={"session_id": session_id}))


async def subscriptions(session: AsyncSession, member_id: int, *, now: datetime) -> Sequence[PushSubscription]:
    """The browsers that a member's alerts are written to: those in which they are signed in."""
    query = select(PushSubscription).where(col(PushSubscription.member_id) == member_id, recipients.signed_in(now))
    return (await session.scalars(query.order_by(col(PushSubscription.id)))).all()


async def unsubscribe(session: AsyncSession, member_id: int, subscription_id: int) -> None:
    """Write nothing to this browser any more."""
    mine = (col(PushSubscription.id) == subscription_id, col(PushSubscription.member_id) == member_id)
    gone = delete(PushSubscription).where(*mine).returning(col(PushSubscription.id))
    if await session.scalar(gone) is None:
        raise NotFound("There is no such browser of yours.")


async def used(session: AsyncSession, subscription_id: int, *, now: datetime) -> None:
    """A message has reached the service of this browser."""
    await session.execute(update(PushSubscription).where(col(PushSubscription.id) == subscription_id).values(used_at=now))


async def push_key(session: AsyncSession, vault: Vault, made: Mapping[str, str] | None = None) -> PushKey | None:
    """The installation's key for push services. `made` is kept when there is none yet: the first one counts."""
    if made is not None:
        row = {"id": 1, "private": vault.encrypt(made["private"]), "public": made["public"]}
        await session.execute(insert(PushKey).values(row).on_conflict_do_nothing())
    return await session.get(PushKey, 1)


def services_of(setup: AlertSetup, vault: Vault) -> list[str]:
    """The addresses for Apprise."""
    return vault.decrypt(setup.apprise_urls).splitlines() if setup.apprise_urls else []


async def _setup(session: AsyncSession, access: Access) -> AlertSetup:
    usual = {"webhook_url": "", "webhook_secret": "", "apprise_urls": ""}
    await session.execute(insert(AlertSetup).values(workspace_id=access.workspace_id, **usual).on_conflict_do_nothing())
    found = await recipients.setup(session, access.workspace_id)
    await session.refresh(found, with_for_update=True)
    return found


def _address(given: Any) -> dict[str, Any]:
    """What a browser says of itself: {"endpoint": "https://…", "keys": {"p256dh": …, "auth": …}}."""
    told: dict[str, Any] = given if isinstance(given, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # looked at below
    endpoint, keys = told.get("endpoint"), told.get("keys")
    own: dict[str, Any] = keys if isinstance(keys, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # looked at below
    is_address = isinstance(endpoint, str) and endpoint.isascii() and _is_web_address(endpoint, ("https",))
    if not is_address or not all(_is_key(own.get(name), length) for name, length in KEYS.items()):
        raise Invalid("That is no subscription of a browser.", code="subscription")
    return {"endpoint": endpoint, "keys": {name: own[name] for name in KEYS}}


def _is_key(told: Any, length: int) -> bool:
    """Whether a browser would write so many bytes like this (base64url)."""
    if not isinstance(told, str) or not told.isascii() or len(told) > 2 * length:
        return False
    try:
        return len(base64.b64decode(told.rstrip("=") + "=" * (-len(told.rstrip("=")) % 4), altchars=b"-_", validate=True)) == length
    except ValueError:
        return False


def _is_web_address(url: str, schemes: Collection[str] = ("http", "https")) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0 and len(url) <= LONGEST and url.isprintable()
    except ValueError:  # half an IPv6 address, or a port that is none
        return False


def _check_time(told: str) -> None:
    if told and not TIME.fullmatch(told):
        raise Invalid("A time of day is written as 22:00.", code="time")


def _record(session: AsyncSession, access: Access, now: datetime, field: str) -> None:
    events.record(session, "alert.changed", workspace_id=access.workspace_id, at=now, actor=access.actor, fields=[field])
