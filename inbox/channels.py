"""The connected accounts of a workspace: added, changed, paused, removed, and who may see them."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_core import to_jsonable_python
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from inbox import events
from inbox.contract import Author, WritesAs
from inbox.errors import Conflict, Invalid
from inbox.models import Channel, ChannelAccess, ChannelState, Member, Role, Team
from inbox.secrets import Vault, new_token
from inbox.team import accounts, rights
from inbox.team.rights import Access

LONGEST_NAME = 120
LONGEST_ASK_AFTER = 10_080  # minutes: a week
LONGEST_CONFIG = 200_000  # characters, encrypted: certificates and long lists of addresses fit


@dataclass(frozen=True, slots=True)
class Grants:
    """Who may see a restricted channel, besides admins."""

    member_ids: frozenset[int]
    team_ids: frozenset[int]


async def list_for(session: AsyncSession, access: Access) -> Sequence[Channel]:
    """The channels that this member may see, by name, with their health."""
    query = select(Channel).where(
        col(Channel.workspace_id) == access.workspace_id, col(Channel.removed_at).is_(None), rights.sees(access, col(Channel.id))
    )
    return (await session.scalars(query.order_by(col(Channel.name), col(Channel.id)))).all()


async def add(
    session: AsyncSession,
    vault: Vault,
    access: Access,
    *,
    platform: str,
    name: str,
    config: BaseModel,
    account: Author | None = None,
    restricted: bool = False,
    now: datetime,
) -> Channel:
    """Connect an account whose configuration was checked; the host starts to read it at once."""
    access.need(Role.ADMIN)
    channel = Channel(
        workspace_id=access.workspace_id,
        platform=platform,
        name=accounts.named(name, longest=LONGEST_NAME),
        key=new_token(),
        restricted=restricted,
        connected_at=now,
        created_at=now,
    )
    _put(vault, channel, config, account)
    session.add(channel)
    await session.flush()
    record(session, access, channel.id, "channel.added", now, platform=platform)
    return channel


async def change(
    session: AsyncSession,
    vault: Vault,
    access: Access,
    channel: Channel,
    *,
    name: str,
    config: BaseModel | None = None,
    account: Author | None = None,
    now: datetime,
) -> None:
    """Rename a channel, or give it another checked configuration: the host begins anew with it."""
    access.need(Role.ADMIN)
    name = accounts.named(name, longest=LONGEST_NAME)
    fields = ["name"] if channel.name != name else []
    channel.name = name
    if config is not None:
        _put(vault, channel, config, account)
        fields.append("config")
        if channel.state != ChannelState.PAUSED:
            _start_over(channel)
    if fields:
        await session.flush()
        record(session, access, channel.id, "channel.changed", now, fields=fields)


async def pause(session: AsyncSession, access: Access, channel: Channel, *, now: datetime) -> None:
    """Stop reading from and sending to a channel until somebody resumes it."""
    access.need(Role.ADMIN)
    stop = update(Channel).where(col(Channel.id) == channel.id, col(Channel.state) != ChannelState.PAUSED)
    if await session.scalar(stop.values(state=ChannelState.PAUSED, next_try_at=None).returning(col(Channel.id))) is not None:
        record(session, access, channel.id, "channel.changed", now, fields=["state"])


async def resume(session: AsyncSession, access: Access, channel: Channel, *, now: datetime) -> None:
    """Go on with a paused channel from where it stopped, or try a broken one again."""
    access.need(Role.ADMIN)
    _start_over(channel)
    await session.flush()
    record(session, access, channel.id, "channel.changed", now, fields=["state"])


async def remove(session: AsyncSession, access: Access, channel: Channel, *, now: datetime) -> None:
    """Disconnect an account. Its secrets go at once; what was said stays readable."""
    access.need(Role.ADMIN)
    gone = update(Channel).where(col(Channel.id) == channel.id, col(Channel.removed_at).is_(None))
    gone = gone.values(removed_at=now, config="", renewed="", state=ChannelState.PAUSED, next_try_at=None)
    if await session.scalar(gone.returning(col(Channel.id))) is not None:
        record(session, access, channel.id, "channel.removed", now)


async def restrict(
    session: AsyncSession,
    access: Access,
    channel: Channel,
    *,
    restricted: bool,
    member_ids: Collection[int],
    team_ids: Collection[int],
    now: datetime,
) -> None:
    """Say who may see a channel: everybody, or admins and those named here."""
    access.need(Role.ADMIN)
    channel.restricted = restricted
    await session.flush()
    await session.execute(delete(ChannelAccess).where(col(ChannelAccess.channel_id) == channel.id))
    members = select(col(Member.id)).where(
        col(Member.workspace_id) == access.workspace_id, col(Member.id).in_(member_ids), col(Member.removed_at).is_(None)
    )
    teams = select(col(Team.id)).where(col(Team.workspace_id) == access.workspace_id, col(Team.id).in_(team_ids))
    where = {"workspace_id": access.workspace_id, "channel_id": channel.id}
    rows = [{**where, "member_id": found, "team_id": None} for found in sorted(await session.scalars(members))]
    rows += [{**where, "member_id": None, "team_id": found} for found in sorted(await session.scalars(teams))]
    if rows:
        await session.execute(insert(ChannelAccess).values(rows))
    record(session, access, channel.id, "channel.changed", now, fields=["access"])


async def ask_customers(session: AsyncSession, access: Access, channel: Channel, *, asks: bool, after: int, now: datetime) -> None:
    """Say whether customers are asked how it was, so many minutes after their conversation is resolved. Nobody is asked about before."""
    access.need(Role.ADMIN)
    if not 1 <= after <= LONGEST_ASK_AFTER:
        raise Invalid("Customers are asked 1 to {longest} minutes after the resolution.", code="ask_after", longest=LONGEST_ASK_AFTER)
    if (channel.asks_since is not None, channel.ask_after) == (asks, after):
        return
    channel.asks_since, channel.ask_after = (channel.asks_since or now) if asks else None, after
    await session.flush()
    record(session, access, channel.id, "channel.changed", now, fields=["ask_customers"])


async def grants(session: AsyncSession, channel: Channel) -> Grants:
    """Who is named for a channel."""
    rows = (await session.scalars(select(ChannelAccess).where(col(ChannelAccess.channel_id) == channel.id))).all()
    return Grants(
        member_ids=frozenset(row.member_id for row in rows if row.member_id is not None),
        team_ids=frozenset(row.team_id for row in rows if row.team_id is not None),
    )


def same_account(channel: Channel, account: Author) -> None:
    """Conflict unless this is the account that the channel reads: what another one says must not join its conversations."""
    if channel.account_id and account.id != channel.account_id:
        raise Conflict(
            "These credentials are of another account ({name}). Connect it as a channel of its own.",
            code="other_account",
            name=account.name,
        )


def needs_help(channel: Channel) -> bool:
    """Whether the host has given up on it, waits before it tries again, or cannot send."""
    stopped = channel.state in {ChannelState.BROKEN, ChannelState.FAILING}
    return stopped or (channel.send_error is not None and channel.state != ChannelState.PAUSED)


def opened(vault: Vault, channel: Channel) -> dict[str, Any]:
    """The configuration with its secrets, as the connector's Config takes it. Never log or show it."""
    parts = (json.loads(vault.decrypt(sealed)) for sealed in (channel.config, channel.renewed) if sealed)
    return {name: value for part in parts for name, value in part.items()}


async def renew(session: AsyncSession, vault: Vault, channel: Channel, secrets: Mapping[str, str]) -> None:
    """Keep secrets that the platform gave anew, unless somebody has changed the channel's settings meanwhile.

    They stand beside the settings, which stay as they are: whoever reads or sends with these goes on.
    """
    now = await session.get_one(Channel, channel.id, with_for_update=True, populate_existing=True)
    if now.config == channel.config and now.removed_at is None:
        before: dict[str, str] = json.loads(vault.decrypt(now.renewed)) if now.renewed else {}
        now.renewed = vault.encrypt(json.dumps({**before, **secrets}))


def sealed(vault: Vault, config: BaseModel) -> str:
    """The configuration with its secrets, encrypted, as the channel's row keeps it."""
    return vault.encrypt(json.dumps(revealed(config)))


def revealed(config: BaseModel) -> dict[str, Any]:
    """The configuration with its secrets in clear. Never log or show it."""
    return json.loads(json.dumps(config.model_dump(), default=_plain))


def shown(config: BaseModel) -> dict[str, Any]:
    """What may be shown of a configuration: everything that is not a secret."""
    return json.loads(json.dumps(_without_secrets(config.model_dump()), default=to_jsonable_python))


def record(session: AsyncSession, access: Access, channel_id: int, kind: str, now: datetime, **data: Any) -> None:
    """Tell the log what somebody did to a channel."""
    events.record(session, kind, workspace_id=access.workspace_id, at=now, actor=access.actor, channel_id=channel_id, **data)


def _put(vault: Vault, channel: Channel, config: BaseModel, account: Author | None) -> None:
    channel.config, channel.renewed = sealed(vault, config), ""
    if len(channel.config) > LONGEST_CONFIG:
        raise Invalid("These settings are too long to be kept.", code="config_long")
    channel.public_config = shown(config)
    if isinstance(config, WritesAs):
        channel.public_config |= {"addresses": list(config.senders)}
    channel.send_error = channel.send_error_at = None  # it was checked, both ways
    channel.token_expires_at = channel.token_warned_days = None  # of the credentials before
    channel.quota_used = channel.quota_limit = channel.quota_resets_at = None
    if account is not None:
        channel.account_id, channel.account_name = account.id, account.name


def _start_over(channel: Channel) -> None:
    channel.state = ChannelState.CONNECTING
    channel.error = channel.error_at = channel.next_try_at = None
    channel.send_error = channel.send_error_at = None
    channel.failures = 0


def _plain(value: object) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else to_jsonable_python(value)


def _without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in values.items() if not isinstance(value, SecretStr)}
    return {name: _without_secrets(value) if isinstance(value, dict) else value for name, value in kept.items()}  # pyright: ignore[reportUnknownArgumentType]  # a dict of a dumped model
