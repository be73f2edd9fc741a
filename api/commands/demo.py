"""Run Parley with the demonstration community in it."""

import typer

from api import logs, supervisor
from inbox.settings import Settings


def add_to(app: typer.Typer) -> None:
    app.command()(demo)


def demo() -> None:
    """Run Parley with a demonstration workspace of its own; the printed link signs in as its supervisor."""
    from api.commands import serve
    from api.demo import run

    def prepare(settings: Settings) -> str:
        return f"{run.prepare(settings)}\n{serve.prepare(settings)}"

    settings = Settings()
    logs.configure(settings)
    raise typer.Exit(supervisor.serve(settings, workers=settings.workers, prepare=prepare))
