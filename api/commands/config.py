"""Every setting: what it means, its value, and where that comes from."""

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from api.commands import console
from api.commands.installation import JsonOption
from inbox.settings import Settings


def add_to(app: typer.Typer) -> None:
    app.command()(config)


def config(
    as_json: JsonOption = False, toml: Annotated[bool, typer.Option("--toml", help="Print a parley.toml to begin with.")] = False
) -> None:
    """List every setting with its value, where that comes from, and what it means. Secrets are not shown."""
    settings = Settings()
    if toml:
        console.out.out(_toml(settings), end="", highlight=False)
        return
    rows = [
        {
            "setting": f"PARLEY_{name.upper()}",
            "value": _shown(getattr(settings, name)),
            "from": _source(name),
            "description": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]
    console.print_rows(rows, ("setting", "value", "from", "description"), as_json=as_json, empty="")


def _source(name: str) -> str:
    if f"PARLEY_{name.upper()}" in os.environ:
        return "environment"
    path = Path(os.environ.get("PARLEY_CONFIG", "parley.toml"))
    if path.exists() and name in tomllib.loads(path.read_text()):
        return str(path)
    return "default"


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "(set)"
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value) if isinstance(value, Path) else value


def _toml(settings: Settings) -> str:
    """A file with every setting, those at their defaults commented out; secrets never."""
    parts = [_toml_setting(name, field, getattr(settings, name)) for name, field in Settings.model_fields.items()]
    return "\n".join(parts)


def _toml_setting(name: str, field: FieldInfo, value: Any) -> str:
    shown = "" if value is None or isinstance(value, SecretStr) else _shown(value)
    line = f"{name} = {json.dumps(shown, ensure_ascii=False)}"
    return f"# {field.description}\n{'# ' if _source(name) == 'default' or isinstance(value, SecretStr) else ''}{line}\n"
