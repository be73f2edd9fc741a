"""Run an installation."""

from typing import Annotated

import typer

from api import logs, supervisor
from inbox.settings import Settings


def add_to(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(work)


def serve(
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Web processes; default: the setting `workers`.")] = None,
    no_work: Annotated[bool, typer.Option("--no-work", help="Answer only; the background work is done by `parley work`.")] = False,
) -> None:
    """Run Parley: the database, the page and the background work, until Ctrl-C."""
    settings = Settings()
    logs.configure(settings)
    raise typer.Exit(supervisor.serve(settings, workers=workers or settings.workers, work=not no_work, prepare=prepare))


def work() -> None:
    """Do only the background work, beside a `parley serve --no-work` of the same home or database."""
    settings = Settings()
    logs.configure(settings)
    raise typer.Exit(supervisor.work(settings))


def prepare(settings: Settings) -> str:
    """What to tell before the first request: the link that makes the first admin, and whether the installation is held."""
    import asyncio

    from sqlalchemy.ext.asyncio import AsyncSession

    from api.commands import installation
    from api.deps import House
    from inbox.conversations import hold
    from inbox.team import invitations

    async def tell(house: House, session: AsyncSession) -> str:
        lines: list[str] = []
        token = await invitations.first_run_link(session, now=house.clock())
        if token:
            lines.append(f"Nobody has signed up yet. Begin here: {settings.public_url}/first-run/{token}")
        if await hold.since(session):
            lines.append("This installation was restored and is held: nothing is read or sent until `parley resume`.")
        return "\n".join(lines)

    if settings.database_url is None:
        return ""
    return asyncio.run(installation.within(settings, settings.database_url.get_secret_value(), tell))
