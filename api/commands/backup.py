"""Save an installation, bring it back, and let a restored one work."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.commands import console, installation
from api.commands.installation import JsonOption
from api.deps import House
from inbox import backups
from inbox.backups import Report
from inbox.conversations import erasing, hold
from inbox.secrets import open_vault
from inbox.settings import Settings

NAMES = {"database": "Database", "files": "Files", "check": "Checking"}


def add_to(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)
    app.command()(resume)


def backup(
    file: Annotated[Path, typer.Argument(help="New file to write; only its owner can read it.")],
    without_key: Annotated[bool, typer.Option("--without-key", help="Leave the key out that opens the channels' passwords.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Save database, files and key in one file. Parley may go on running meanwhile."""
    settings = Settings()
    with installation.database(settings) as place, _reporting() as report:
        vault = open_vault(settings)
        manifest = backups.write(file, place, vault, now=datetime.now(UTC), with_key=not without_key, report=report)
    if as_json:
        console.print_json({"file": str(file), "files": manifest.files, "bytes": file.stat().st_size, "revision": manifest.revision})
    else:
        console.say(f"Saved to {file}: {file.stat().st_size:,} bytes, {manifest.files} attachments.")
        if settings.secret_key is not None or without_key:
            console.say("The key is not in it. Keep PARLEY_SECRET_KEY somewhere else: without it the channels' passwords are lost.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `parley backup` wrote.")],
    erasures: Annotated[
        list[Path] | None,
        typer.Option(help="A newer backup, or an erasures.jsonl: contacts that were erased after this backup are erased again."),
    ] = None,
) -> None:
    """Bring a backup back into an empty installation. It is held afterwards: nothing is read or sent until `parley resume`."""
    settings = Settings()
    key = settings.secret_key.get_secret_value() if settings.secret_key else None
    lines = [line for path in erasures or [] for line in _erasures(path)]
    with installation.database(settings) as place:
        with _reporting() as report:
            manifest = backups.restore(file, place, secret_key=key, now=datetime.now(UTC), report=report)
        forgotten = asyncio.run(installation.within(settings, place.url, lambda house, session: _forget(house, session, lines)))
    console.say(f"Restored what was saved on {manifest.made_at} by Parley {manifest.parley}: {manifest.files} attachments.")
    if forgotten:
        console.say(f"{forgotten} contacts that were erased after the backup were erased again.")
    console.say("The installation is held: nothing is read or sent. Look at it with `parley serve`, then let it work with `parley resume`.")


def resume(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    send_overdue: Annotated[
        bool, typer.Option("--send-overdue", help='Send replies that were due before now; else a person decides: "may have been sent".')
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a held installation would send, then let it read and send again."""

    async def look(house: House, session: AsyncSession) -> tuple[datetime | None, list[hold.Waiting]]:
        return await hold.since(session), list(await hold.waiting(session, now=house.clock()))

    async def release(house: House, session: AsyncSession) -> int:
        await _forget(house, session, [])
        return await hold.release(session, send_overdue=send_overdue, now=house.clock())

    since, waiting = installation.run(look)
    if since is None:
        console.say("This installation is not held.")
        return
    columns = ("what", "number", "conversation", "channel", "by", "leaves_at", "then")
    rows = [_row(one, send_overdue=send_overdue) for one in waiting]
    console.print_rows(rows, columns, as_json=as_json, empty="No reply and no action is waiting.")
    if not yes and not typer.confirm("Read the channels and send again?", err=True):
        raise typer.Exit(console.FAILED)
    doubtful = installation.run(release)
    if not as_json:
        console.say("Parley reads and sends again.")
    if doubtful and not as_json:
        console.say(f"{doubtful} replies or actions may have left after the backup was made. Decide about each in its conversation.")


def _row(one: hold.Waiting, *, send_overdue: bool) -> dict[str, Any]:
    decides = one.overdue and not (send_overdue or one.repeatable)
    return {
        "what": one.what,
        "number": one.id,
        "conversation": one.conversation_id,
        "channel": one.channel,
        "by": one.author,
        "leaves_at": one.leaves_at,
        "then": "a person decides" if decides else "at once" if one.overdue else "at its time",
    }


async def _forget(house: House, session: AsyncSession, lines: list[str]) -> int:
    home = house.settings.home
    return await erasing.replay(session, house.vault, home, [*lines, *erasing.journal(home)], now=house.clock())


def _erasures(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.suffix == ".jsonl" else backups.erasures(path)


@contextmanager
def _reporting() -> Generator[Report]:
    """A bar for each part of the work."""
    with console.progress() as bar:
        tasks = {part: bar.add_task(name, total=None, visible=False) for part, name in NAMES.items()}

        def report(part: str, done: int, total: int) -> None:
            bar.update(tasks[part], completed=done, total=total or None, visible=True)

        yield report
