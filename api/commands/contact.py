"""What is kept about a person outside: find, hand over, forget."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from api import dossiers
from api.commands import console, installation
from api.commands.installation import JsonOption, WorkspaceOption
from api.deps import House
from inbox.conversations import contacts, erasing
from inbox.errors import Invalid
from inbox.models import Contact

app = typer.Typer(no_args_is_help=True, help="What is kept about a person outside.")

WhoArgument = Annotated[str, typer.Argument(help="Number, e-mail address, handle or platform id; `parley contact find` shows them.")]


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="contact")


@app.command()
def find(
    words: Annotated[str, typer.Argument(help="Part of a name, an address, a handle, a platform id or a number.")],
    workspace: WorkspaceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Find contacts, to export or erase one of them."""

    async def act(house: House, session: AsyncSession) -> list[dict[str, Any]]:
        del house
        found = await contacts.find(session, await installation.access(session, workspace), words)
        return [
            {"contact": one.id, "name": one.name, "email": one.email, "since": one.created_at, "legal_hold": one.legal_hold}
            for one in found
        ]

    columns = ("contact", "name", "email", "since", "legal_hold")
    console.print_rows(installation.run(act), columns, as_json=as_json, empty="Nobody is found by these words.")


@app.command()
def export(
    who: WhoArgument,
    file: Annotated[Path, typer.Argument(help="New zip file: contact.json and the attachments.")],
    workspace: WorkspaceOption = "",
) -> None:
    """Write everything that is kept about a contact into a zip file."""

    async def act(house: House, session: AsyncSession) -> int:
        access = await installation.access(session, workspace)
        contact = await _one(session, access, who)
        known = await contacts.export(session, access, contact, now=house.clock())
        return _pack(house, file, known)

    messages = installation.run(act)
    console.say(f"{file}: everything about this contact, {messages} messages.")


@app.command()
def erase(
    who: WhoArgument,
    workspace: WorkspaceOption = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forget a contact everywhere: messages, answers to them, attachments, notes, drafts, raw payloads, dead letters."""

    async def look(house: House, session: AsyncSession) -> tuple[int, str, datetime]:
        del house
        contact = await _one(session, await installation.access(session, workspace), who)
        return contact.id, contact.name, contact.created_at

    contact_id, name, since = installation.run(look)
    question = f"Erase {name} (contact {contact_id}, known since {since:%Y-%m-%d}) everywhere? This cannot be undone."
    if not yes and not typer.confirm(question, err=True):
        raise typer.Exit(console.FAILED)

    async def act(house: House, session: AsyncSession) -> erasing.Erased:
        access = await installation.access(session, workspace)
        contact = await contacts.get(session, access, contact_id)
        return await erasing.erase(session, house.vault, house.settings.home, access, contact, now=house.clock())

    erased = installation.run(act)
    files = _remove_files(erased.files)
    told = {
        "contact": contact_id,
        "messages": erased.messages,
        "files": files,
        "notes": erased.notes,
        "drafts": erased.drafts,
        "payloads": erased.payloads,
        "dead_letters": erased.dead_letters,
    }
    if as_json:
        console.print_json(told)
    else:
        console.say("Erased: " + ", ".join(f"{count} {part.replace('_', ' ')}" for part, count in told.items() if part != "contact") + ".")


async def _one(session: AsyncSession, access: Any, who: str) -> Contact:
    found = await contacts.find(session, access, who)
    exact = [one for one in found if who in (str(one.id), one.email)] or found
    if len(exact) != 1:
        known = ", ".join(f"{one.id} ({one.name})" for one in exact) or "nobody"
        raise Invalid("{who} means {known}. Give the number of one contact.", code="which_contact", who=who, known=known)
    return exact[0]


def _pack(house: House, file: Path, known: dict[str, Any]) -> int:
    with file.open("xb") as raw:
        file.chmod(0o600)
        dossiers.pack(house.files, raw, known)
    return len(known["messages"])


def _remove_files(digests: tuple[str, ...]) -> int:
    async def act(house: House, session: AsyncSession) -> int:
        del session
        return await dossiers.sweep(house, digests)

    return installation.run(act) if digests else 0
