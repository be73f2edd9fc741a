"""What came in and could not be read."""

import typer

app = typer.Typer(no_args_is_help=True, help="What came in and could not be read.")


def add_to(parent: typer.Typer) -> None:
    parent.add_typer(app, name="dead-letters")
