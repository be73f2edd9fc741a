"""Tell the waits and episodes anew from what was said and done."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.commands import console, installation
from api.commands.installation import JsonOption, WorkspaceOption
from api.deps import House
from inbox.promptness import waits


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild has looked at, corrected, and left alone since the log does not reach back to its beginning."""

    conversations: int = 0
    corrected: int = 0
    settled: int = 0
    left_out: int = 0
    workspace_id: int = field(default=0, repr=False)
    ids: list[int] = field(default_factory=list[int], repr=False)


def add_to(app: typer.Typer) -> None:
    app.command("rebuild-waits")(rebuild_waits)


def rebuild_waits(workspace: WorkspaceOption = "", as_json: JsonOption = False) -> None:
    """Tell all waits and episodes anew from messages and events, and correct those that differ.

    May be stopped and run again, also while Parley runs.
    """

    async def find(house: House, session: AsyncSession) -> Rebuilt:
        del house
        access = await installation.access(session, workspace)
        ids, left_out = await waits.rebuildable(session, access.workspace_id)
        return Rebuilt(workspace_id=access.workspace_id, left_out=left_out, ids=list(ids))

    done = installation.run(find)
    installation.run(lambda house, session: _rebuild(house, session, done))
    if as_json:
        console.print_json({name: value for name, value in asdict(done).items() if name not in ("ids", "workspace_id")})
        return
    console.say(
        f"{done.conversations} conversations told anew: {done.corrected} waits and episodes were corrected, "
        f"and the targets or segments of {done.settled}."
    )
    if done.left_out:
        console.say(f"{done.left_out} conversations are older than the log (PARLEY_EVENT_DAYS); their waits and episodes stay as they are.")


async def _rebuild(house: House, session: AsyncSession, done: Rebuilt) -> None:
    """Tell all that was found anew, in portions."""
    del session

    async def work(own: AsyncSession, portion: Sequence[int]) -> None:
        corrected, settled = await waits.retell(own, done.workspace_id, portion, now=house.clock())
        done.corrected, done.settled = done.corrected + corrected, done.settled + settled
        done.conversations += len(portion)

    await installation.portioned(house, "waits", done.ids, work)
