"""Accounts and memberships, for whoever keeps the installation."""

import sys
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api.commands import console, installation
from api.commands.installation import JsonOption, WorkspaceOption
from api.deps import House
from inbox.errors import NotFound
from inbox.models import Role
from inbox.team import accounts, members, workspaces

app = typer.Typer(no_args_is_help=True, help="Accounts and their roles.")

PasswordOption = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input instead of asking for it.")]


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="user")


@app.command()
def add(
    email: Annotated[str, typer.Argument(help="Address to sign in with.")],
    name: Annotated[str, typer.Option(help="Name that colleagues see; default: the part before the @.")] = "",
    role: Annotated[Role, typer.Option(help="What the member may do.")] = Role.AGENT,
    workspace: WorkspaceOption = "",
    new_workspace: Annotated[str, typer.Option("--new-workspace", help="Make a workspace of this name; the member is its admin.")] = "",
    password_stdin: PasswordOption = False,
) -> None:
    """Make an account a member of a workspace. The account is made when the address has none."""

    async def act(house: House, session: AsyncSession) -> tuple[str, str]:
        now = house.clock()
        if new_workspace:
            home, given = await workspaces.create(session, name=new_workspace, now=now), Role.ADMIN
        else:
            home, given = await installation.workspace(session, workspace), role
        account = await accounts.find(session, email)
        if account is None:
            password = _password(password_stdin)
            account = await accounts.create(session, email=email, name=name or email.partition("@")[0], password=password, now=now)
        await members.add(session, home.id, account, role=given, now=now)
        return home.name, given.value

    home, given = installation.run(act)
    console.say(f"{email} is now {given} of {home}.")


@app.command("list")
def list_users(workspace: WorkspaceOption = "", as_json: JsonOption = False) -> None:
    """List the members of a workspace."""

    async def act(house: House, session: AsyncSession) -> list[dict[str, Any]]:
        del house
        access = await installation.access(session, workspace)
        return [
            {
                "member": member.id,
                "email": account.email,
                "name": member.name,
                "role": member.role.value,
                "two_factor": "on" if account.totp_secret else "off",
                "since": member.created_at,
            }
            for member, account in await members.list_for(session, access)
        ]

    console.print_rows(
        installation.run(act), ("member", "email", "name", "role", "two_factor", "since"), as_json=as_json, empty="Nobody yet."
    )


@app.command()
def password(
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    password_stdin: PasswordOption = False,
    reset_totp: Annotated[bool, typer.Option("--reset-totp", help="Also switch the second factor off: a lost telephone.")] = False,
) -> None:
    """Set an account's password. Every browser that is signed in with it is signed out."""

    async def act(house: House, session: AsyncSession) -> None:
        account = await accounts.find(session, email)
        if account is None:
            raise NotFound("There is no account with this address.")
        await accounts.set_password(session, account, _password(password_stdin), now=house.clock())
        if reset_totp:
            await accounts.reset_totp(session, account)

    installation.run(act)
    console.say("The password is set, and every browser is signed out.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return typer.prompt("Password", hide_input=True, confirmation_prompt="The same again")
