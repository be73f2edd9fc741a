"""What commands print: tables and progress for people, JSON for scripts, errors as one sentence."""

import json
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NoReturn

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from inbox.errors import ParleyError

FAILED = 1
MISUSED = 2
UNUSABLE = 3
INTERRUPTED = 130

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


@contextmanager
def told_errors() -> Generator[None]:
    """Turn what went wrong into a sentence on standard error and an exit code."""
    try:
        yield
    except ParleyError as error:
        fail(str(error), UNUSABLE if error.status == 503 else FAILED)
    except ValidationError as error:
        fail(f"The settings cannot be used: {problems(error)}. See `parley config`.", UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), FAILED)


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """Say what is wrong and end."""
    err.print(sentence, style="red", markup=False, highlight=False)
    sys.exit(code)


def problems(error: ValidationError) -> str:
    """What pydantic found, in one line, without the values: they may be secrets."""
    return "; ".join(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors(include_input=False))


def say(sentence: str) -> None:
    """A line for a person."""
    out.print(sentence, markup=False, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document for a script."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], *, as_json: bool, empty: str) -> None:
    """Rows as a table for people, whole for scripts."""
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        say(empty)
        return
    columns = list(columns)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    out.print(table, highlight=False, markup=False)


@contextmanager
def progress() -> Generator[Progress]:
    """A bar for long work, on standard error; nothing when that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield bar


@contextmanager
def counting(what: str, *, total: int) -> Generator[Callable[[int], None]]:
    """The same for things that are counted; call what it gives with how many more are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)
