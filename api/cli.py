"""The command `parley`.

Exit codes: 0 done · 1 it could not be done, the sentence says why · 2 the command was not understood · 3 the installation cannot be used
as it stands (settings, database, key) · 130 interrupted.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from api.commands import console
from api.imports import quick

MODULES = {
    "serve": "serve",
    "work": "serve",
    "demo": "demo",
    "migrate": "migrate",
    "config": "config",
    "user": "user",
    "channel": "channel",
    "token": "token",
    "dead-letters": "dead_letters",
    "backup": "backup",
    "restore": "backup",
    "resume": "backup",
    "contact": "contact",
    "reconcile": "reconcile",
    "doctor": "doctor",
    "rebuild-waits": "rebuild_waits",
    "languages": "languages",
}
"""Which module of `api.commands` brings a command. Only the one that is asked for is imported: `serve` stays small."""


def main() -> None:
    """Run one command and exit with its code."""
    with console.told_errors():
        with quick():
            parley = build(sys.argv[1:])
        parley()


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The command line with the command that the arguments begin with, or with all of them."""
    app = typer.Typer(
        help="Parley: every platform's comments and messages in one live, shared inbox.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,  # it would print variables, and some hold secrets
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_parley)
    wanted = [arguments[0]] if arguments and arguments[0] in MODULES else list(MODULES)
    for module in dict.fromkeys(MODULES[name] for name in wanted):
        import_module(f"api.commands.{module}").add_to(app)
    return app


def _parley() -> None:
    """Parley: every platform's comments and messages in one live, shared inbox."""
