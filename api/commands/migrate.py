"""Bring the database up to date."""

import typer

from api.commands import console, installation
from inbox.errors import Unusable
from inbox.migrations import run, state
from inbox.migrations.state import State
from inbox.settings import Settings


def add_to(app: typer.Typer) -> None:
    app.command()(migrate)


def migrate() -> None:
    """Bring the database up to date. `parley serve` does it by itself; this is for installations of several machines."""
    with installation.database(Settings()) as place:
        before = state.read(place.url)
        if state.state_of(before) is State.NEWER:
            raise Unusable("A newer Parley has changed this database. Install that version again, or a newer one.", code="newer_database")
        run.upgrade(place.url)
        after = state.read(place.url)
    console.say("The database is up to date." if before == after else f"The database is up to date: {before or 'empty'} → {after}.")
