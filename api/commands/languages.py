"""Tell the language of conversations that were there before it was told."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.commands import console, installation
from api.commands.installation import JsonOption, WorkspaceOption
from api.deps import House
from inbox.conversations import spoken


@dataclass(slots=True)
class Looked:
    """How many conversations of an unknown language were looked at, and of how many it could be told."""

    conversations: int = 0
    told: int = 0
    workspace_id: int = field(default=0, repr=False)
    ids: Sequence[int] = field(default=(), repr=False)


def add_to(app: typer.Typer) -> None:
    app.command("languages")(languages)


def languages(workspace: WorkspaceOption = "", as_json: JsonOption = False) -> None:
    """Tell the language of all conversations of which it is not known, from their customers' first messages.

    Needed once after an upgrade. May be stopped and run again, also while Parley runs.
    """

    async def find(house: House, session: AsyncSession) -> Looked:
        del house
        access = await installation.access(session, workspace)
        return Looked(workspace_id=access.workspace_id, ids=await spoken.unknown(session, access.workspace_id))

    done = installation.run(find)
    installation.run(lambda house, session: _look(house, session, done))
    if as_json:
        console.print_json({name: value for name, value in asdict(done).items() if name not in ("ids", "workspace_id")})
        return
    console.say(f"{done.conversations} conversations looked at: the language of {done.told} is known now.")


async def _look(house: House, session: AsyncSession, done: Looked) -> None:
    """Look at all that was found, in portions."""
    del session

    async def work(own: AsyncSession, portion: Sequence[int]) -> None:
        done.told += await spoken.look_back(own, done.workspace_id, portion, now=house.clock())
        done.conversations += len(portion)

    await installation.portioned(house, "conversations", done.ids, work)
