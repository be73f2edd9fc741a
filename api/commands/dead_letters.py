"""What came in and could not be read: shown, and read again."""

from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.commands import console, installation
from api.commands.installation import JsonOption, WorkspaceOption
from api.deps import House
from connectors.host import accounts
from inbox.contract import Rereads
from inbox.conversations import dead_letters
from inbox.errors import Conflict, Invalid, ParleyError
from inbox.models import Channel, DeadLetter

app = typer.Typer(no_args_is_help=True, help="What came in and could not be read.")

SHOWN = 4000  # characters of a payload that a person is shown


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="dead-letters")


@app.command("list")
def list_letters(workspace: WorkspaceOption = "", as_json: JsonOption = False) -> None:
    """List the payloads that were not replayed yet, the newest first."""

    async def act(house: House, session: AsyncSession) -> list[dict[str, Any]]:
        del house
        access = await installation.access(session, workspace)
        return [_told(letter) for letter in await dead_letters.find(session, access.workspace_id, limit=200)]

    columns = ("dead_letter", "channel", "source", "at", "bytes", "reason")
    console.print_rows(installation.run(act), columns, as_json=as_json, empty="Everything that came in could be read.")


@app.command()
def show(
    number: Annotated[int, typer.Argument(metavar="DEAD_LETTER", help="Its number; `parley dead-letters list` shows it.")],
    workspace: WorkspaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a payload as it came, with the reason why it could not be read. It holds what customers wrote."""

    async def act(house: House, session: AsyncSession) -> dict[str, Any]:
        del house
        access = await installation.access(session, workspace)
        letter = await dead_letters.get(session, number, access.workspace_id)
        return {**_told(letter), "headers": letter.headers, "raw": letter.raw.decode(errors="backslashreplace")}

    told = installation.run(act)
    if as_json:
        console.print_json(told)
        return
    raw = told.pop("raw")
    console.say("\n".join(f"{name}: {value}" for name, value in told.items()))
    console.say("\n" + raw[:SHOWN] + (f"\n… {len(raw) - SHOWN} more characters: --json" if len(raw) > SHOWN else ""))


@app.command()
def replay(
    number: Annotated[int | None, typer.Argument(metavar="DEAD_LETTER", help="Its number; default: all of them.")] = None,
    workspace: WorkspaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Read payloads again, after an update or a mended connector. What still cannot be read stays."""

    async def look(house: House, session: AsyncSession) -> list[int]:
        del house
        access = await installation.access(session, workspace)
        if number is not None:
            return [(await dead_letters.get(session, number, access.workspace_id)).id]
        return [letter.id for letter in await dead_letters.find(session, access.workspace_id, limit=10_000)][::-1]

    rows = [_replay(one) for one in installation.run(look)]
    console.print_rows(rows, ("dead_letter", "read", "problem"), as_json=as_json, empty="Everything that came in could be read.")
    if not all(row["read"] for row in rows):
        raise typer.Exit(console.FAILED)


def _replay(number: int) -> dict[str, Any]:
    """One payload in a transaction of its own."""

    async def act(house: House, session: AsyncSession) -> None:
        letter = await dead_letters.get(session, number)
        channel = await session.get_one(Channel, letter.channel_id)
        if channel.removed_at is not None:
            raise Conflict("The channel was removed.", code="channel_removed")
        connector = accounts.connect(channel, house.vault, house.settings, house.database)
        try:
            if not isinstance(connector, Rereads):
                raise Invalid("The connector {platform} cannot read a payload again.", code="no_reread", platform=channel.platform)
            batch = connector.reread(letter.raw, letter.at)
        finally:
            await accounts.close(connector)
        await dead_letters.replay(session, letter, batch, now=house.clock(), files=house.files)

    try:
        installation.run(act)
    except ParleyError as error:
        return {"dead_letter": number, "read": False, "problem": str(error)}
    return {"dead_letter": number, "read": True, "problem": ""}


def _told(letter: DeadLetter) -> dict[str, Any]:
    return {
        "dead_letter": letter.id,
        "channel": letter.channel_id,
        "source": letter.source,
        "at": letter.at,
        "bytes": len(letter.raw),
        "reason": letter.reason,
    }
