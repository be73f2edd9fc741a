"""Say what is wrong with this installation and how to mend it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from api.commands import checks, console, installation
from api.commands.checks import Finding, Grade
from api.commands.installation import JsonOption
from api.deps import House
from inbox.errors import ParleyError
from inbox.migrations import state
from inbox.models import Attachment
from inbox.settings import Settings

SIGNS = {Grade.OK: "[green]✓ ok[/]", Grade.NOTE: "[yellow]! note[/]", Grade.PROBLEM: "[red]✗ problem[/]"}

Check = Callable[[House, AsyncSession], Awaitable[list[Finding]]]


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    as_json: JsonOption = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the public address and the mail server.")] = False,
    remove_orphans: Annotated[
        bool, typer.Option("--remove-orphans", help="Remove files older than a day that belong to no message any more.")
    ] = False,
) -> None:
    """Check this installation. Ends with 0 when nothing is wrong, with 1 when there is a problem."""
    settings = Settings()
    try:
        with installation.database(settings) as place:
            state.prepare(place.url)
            found = [*checks.home(settings), *_look(settings, place.url, offline=offline)]
            if remove_orphans:
                asyncio.run(installation.within(settings, place.url, _remove_orphans))
    except ParleyError as error:
        found = [*checks.home(settings), Finding("database", Grade.PROBLEM, str(error))]
    _show(found, as_json=as_json)
    if any(finding.grade is Grade.PROBLEM for finding in found):
        raise typer.Exit(console.FAILED)


def _look(settings: Settings, url: str, *, offline: bool) -> list[Finding]:
    """Every check; one that itself fails is a finding, and the others go on."""
    wanted: dict[str, Check] = {"database": checks.database, "key": checks.secrets, "files": checks.files, "work": checks.vital}
    if not offline:
        wanted |= {"address": checks.public_address, "mail": checks.mail_server}
    found: list[Finding] = []
    for about, check in wanted.items():
        try:
            found += asyncio.run(installation.within(settings, url, check))
        except ParleyError as error:
            found.append(Finding(about, Grade.PROBLEM, str(error)))
    return found


async def _remove_orphans(house: House, session: AsyncSession) -> None:
    named = [digest for digest in await session.scalars(select(col(Attachment.sha256)).distinct()) if digest]
    removed = await asyncio.to_thread(checks.remove_orphans, house.files, named)
    console.err.print(f"{removed} files are removed.", highlight=False)


def _show(found: list[Finding], *, as_json: bool) -> None:
    if as_json:
        console.print_json([asdict(finding) for finding in found])
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in found:
        table.add_row(SIGNS[finding.grade], finding.about, finding.seen)
        if finding.mend:
            table.add_row("", "", f"[dim]→ {finding.mend}[/]")
    console.out.print(table, highlight=False)
