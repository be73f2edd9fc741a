"""Connected accounts: added, listed, checked, removed."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from sqlalchemy.ext.asyncio import AsyncSession

import connectors
from api.commands import console, installation
from api.commands.installation import JsonOption, WorkspaceOption
from api.deps import House
from connectors import http
from connectors.host import accounts
from connectors.host.renewing import Tried
from inbox import channels, db
from inbox.contract import AcceptsWebhooks, Author, Connector, ConnectorError, Renews
from inbox.conversations import gaps, passed_over
from inbox.errors import Conflict, Invalid
from inbox.models import Channel
from inbox.settings import Settings
from inbox.team import rights

app = typer.Typer(no_args_is_help=True, help="Connected accounts on platforms.")


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="channel")


@app.command()
def add(
    platform: Annotated[str, typer.Argument(help="The platform, for example email, webhook or widget.")],
    name: Annotated[str, typer.Option(help="What colleagues see; default: the platform's name for the account.")] = "",
    config: Annotated[str, typer.Option(help="JSON file with the settings, - for standard input. Without it they are asked for.")] = "",
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not try the account first.")] = False,
    restricted: Annotated[bool, typer.Option("--restricted", help="Show it to admins only, until others are named.")] = False,
    workspace: WorkspaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Connect an account. The settings are tried before anything is stored."""
    if platform == "demo":
        raise Invalid("The demonstration has a workspace of its own: parley demo.", code="demo")
    kind = connectors.find(platform)
    chosen = _read(kind, config) if config else _ask(kind)
    account, chosen = (None, chosen) if no_check else asyncio.run(_tried(kind, chosen))

    async def act(house: House, session: AsyncSession) -> dict[str, Any]:
        access = await installation.access(session, workspace)
        called = name or (account.name if account else kind.title)
        channel = await channels.add(
            session,
            house.vault,
            access,
            platform=platform,
            name=called,
            config=chosen,
            account=account,
            restricted=restricted,
            now=house.clock(),
        )
        return {"channel": channel.id, "name": channel.name, "platform": platform, **_addresses(house.settings, kind, channel)}

    told = installation.run(act)
    if as_json:
        console.print_json(told)
    else:
        console.say("\n".join(f"{part}: {value}" for part, value in told.items()))


@app.command("list")
def list_channels(workspace: WorkspaceOption = "", as_json: JsonOption = False) -> None:
    """List the channels of a workspace with their health."""

    async def act(house: House, session: AsyncSession) -> list[dict[str, Any]]:
        del house
        access = await installation.access(session, workspace)
        found = await channels.list_for(session, access)
        left_out = await passed_over.of_all(session, [channel.id for channel in found])
        holes = await gaps.open_of(session, [channel.id for channel in found])
        return [{**_health(channel), "open_gaps": holes[channel.id], "passed_over": left_out[channel.id]} for channel in found]

    columns = ("channel", "platform", "name", "state", "last_event", "lag_seconds", "error", "send_error", "next_try")
    console.print_rows(installation.run(act), columns, as_json=as_json, empty="No channel is connected yet: parley channel add.")


def _health(channel: Channel) -> dict[str, Any]:
    return {
        "channel": channel.id,
        "platform": channel.platform,
        "name": channel.name,
        "state": channel.state.value,
        "last_event": channel.last_event_at,
        "silent_since": channel.silent_since,
        "lag_seconds": None if channel.lag_seconds is None else round(channel.lag_seconds, 1),
        "error": channel.error,
        "send_error": channel.send_error,
        "next_try": channel.next_try_at,
        "quota_used": channel.quota_used,
        "quota_limit": channel.quota_limit,
        "quota_resets": channel.quota_resets_at,
        "token_expires": channel.token_expires_at,
    }


@app.command()
def check(
    channel_id: Annotated[int | None, typer.Argument(metavar="CHANNEL", help="Its number; default: every channel.")] = None,
    workspace: WorkspaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Try the accounts: can they be read and answered from? Changes nothing on the platform."""

    async def act(house: House, session: AsyncSession) -> list[tuple[Channel, str, dict[str, int]]]:
        access = await installation.access(session, workspace)
        wanted = [await rights.channel(session, access, channel_id)] if channel_id else await channels.list_for(session, access)
        left_out = await passed_over.of_all(session, [channel.id for channel in wanted])
        await db.release(session)
        return [(channel, await _problem(house, channel), left_out[channel.id]) for channel in wanted]

    rows: list[dict[str, Any]] = []
    for channel, problem, left_out in installation.run(act):
        told = {"channel": channel.id, "platform": channel.platform, "name": channel.name, "ok": not problem, "problem": problem}
        rows.append({**told, "passed_over": left_out})
    columns = ("channel", "platform", "name", "ok", "problem")
    console.print_rows(rows, columns, as_json=as_json, empty="No channel is connected yet: parley channel add.")
    if not all(row["ok"] for row in rows):
        raise typer.Exit(console.FAILED)


@app.command()
def remove(
    channel_id: Annotated[int, typer.Argument(metavar="CHANNEL", help="Its number; `parley channel list` shows it.")],
    workspace: WorkspaceOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Disconnect an account. Its password is deleted; what was said stays readable."""
    if not yes and not typer.confirm(f"Disconnect channel {channel_id}?", err=True):
        raise typer.Exit(console.FAILED)

    async def act(house: House, session: AsyncSession) -> str:
        access = await installation.access(session, workspace)
        channel = await rights.channel(session, access, channel_id)
        await channels.remove(session, access, channel, now=house.clock())
        return channel.name

    console.say(f"{installation.run(act)} is disconnected.")


def _read(kind: type[Connector], config: str) -> BaseModel:
    """The settings of a file, or Invalid with each field that is wrong."""
    text = sys.stdin.read() if config == "-" else Path(config).read_text()
    try:
        return kind.Config.model_validate_json(text)
    except ValidationError as error:
        raise Invalid("These settings cannot be used: {problems}.", code="config", problems=console.problems(error)) from None


def _ask(kind: type[Connector]) -> BaseModel:
    """Ask for each setting, and again for all of them until they fit together."""
    while True:
        answers = {name: answer for name, field in kind.Config.model_fields.items() if (answer := _answer(name, field)) is not None}
        try:
            return kind.Config.model_validate(answers)
        except ValidationError as error:
            console.err.print(console.problems(error), style="red", markup=False)


def _answer(name: str, field: FieldInfo) -> Any:
    """One setting; None keeps the default."""
    title = field.title or name.replace("_", " ").capitalize()
    if field.description:
        console.err.print(f"{title}: {field.description}", style="dim", markup=False, highlight=False)
    default = "" if field.is_required() or field.default in (None, PydanticUndefined) else field.default
    if isinstance(default, bool):
        return typer.confirm(title, default=default, err=True)
    secret = "SecretStr" in str(field.annotation)
    shown = "" if isinstance(default, SecretStr | list | tuple | dict | set | frozenset) else str(default)
    given = str(typer.prompt(title, default=shown, hide_input=secret, show_default=bool(shown), err=True)).strip()
    if given in ("", shown):
        return None
    if given.startswith(("[", "{")):
        return json.loads(given)
    is_list = any(word in str(field.annotation) for word in ("list[", "tuple[", "set["))
    return [part.strip() for part in given.split(",")] if is_list else given


async def _tried(kind: type[Connector], config: BaseModel) -> tuple[Author, BaseModel]:
    """Try the account before anything is stored: whose it is, and the settings with the secrets that the platform gave anew."""
    http.allow(Settings().allow_private_networks)
    connector, tried = kind(config), Tried(config)
    if isinstance(connector, Renews):
        connector.lend(tried)
    return await _check(connector), tried.config


async def _check(connector: Connector) -> Author:
    try:
        return await connector.check()
    except ConnectorError as error:
        raise Conflict("The account does not work: {reason}", code="check_failed", reason=str(error)) from None
    finally:
        await connector.aclose()


async def _problem(house: House, channel: Channel) -> str:
    """What is wrong with an account; nothing when it works."""
    try:
        await _check(accounts.connect(channel, house.vault, house.settings, house.database))
    except (Conflict, ConnectorError) as error:
        return str(error)
    return ""


def _addresses(settings: Settings, kind: type[Connector], channel: Channel) -> dict[str, str]:
    """Where the platform, or the website, reaches this channel."""
    if channel.platform == "widget":
        return {"script": f'<script src="{settings.public_url}/widget/{channel.key}.js" async></script>'}
    if issubclass(kind, AcceptsWebhooks):
        return {"webhook": f"{settings.public_url}/hooks/{channel.key}"}
    return {}
