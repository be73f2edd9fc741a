"""Keys for programs."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.commands import console, installation
from api.commands.installation import JsonOption, WorkspaceOption
from api.deps import House
from inbox.errors import NotFound
from inbox.models import Role
from inbox.team import members, tokens

app = typer.Typer(no_args_is_help=True, help="Keys for programs that use /api/v1.")


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="token")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the program is, so that people know it again.")],
    role: Annotated[Role, typer.Option(help="What the program may do.")] = Role.AGENT,
    member: Annotated[str, typer.Option(help="E-mail address of the member for whom it acts: it sees and may do no more than they.")] = "",
    workspace: WorkspaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Make a token. It is shown this once; Parley keeps only its hash."""

    async def act(house: House, session: AsyncSession) -> str:
        access = await installation.access(session, workspace)
        owner = None
        if member:
            known = {account.email: row.id for row, account in await members.list_for(session, access)}
            if (owner := known.get(member.lower())) is None:
                raise NotFound("{member} is not a member of this workspace.", member=member)
        return await tokens.create(session, access, name=name, role=role, member_id=owner, now=house.clock())

    token = installation.run(act)
    if as_json:
        console.print_json({"token": token, "name": name, "role": role.value})
    else:
        console.say(token)
