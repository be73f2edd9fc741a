"""PostgreSQL's own pg_dump and pg_restore: which of those at hand fit a server, and how they are run."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from inbox.errors import ParleyError, Unusable

WATCH_SECONDS = 0.2


class DumpError(ParleyError):
    """pg_dump or pg_restore failed; nothing was changed."""

    code = "dump_failed"


def server(url: str) -> tuple[int, bool]:
    """The server's major version, and whether it is reached by TLS."""
    try:
        with psycopg.connect(url) as connection:
            return connection.info.server_version // 10_000, connection.pgconn.ssl_in_use
    except psycopg.OperationalError as error:
        raise Unusable("The database cannot be reached: {reason}", code="database", reason=str(error).strip()) from None


def dump(url: str, target: Path, *, bundled: Path | None, report: Callable[[int], None]) -> None:
    """Write the whole database to a file, in pg_dump's custom format; `report` hears the bytes written.

    The row of `installation` stays behind: `restore` writes its own.
    """
    options = ["--format=custom", "--no-owner", "--no-privileges", "--exclude-table-data=public.installation", f"--file={target}"]
    _run(_program("pg_dump", url, bundled), url, options, lambda: report(target.stat().st_size if target.exists() else 0))


def restore(url: str, source: Path, *, bundled: Path | None, held_since: datetime, report: Callable[[], None]) -> None:
    """Bring a dump into an empty database. It is held before the first row is in it, so that no process ever acts on a part of it."""
    program = _program("pg_restore", url, bundled)
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run(program, url, [*options, "--section=pre-data", str(source)], report)
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO installation (id, held, held_since) VALUES (1, true, %s)", [held_since])
    _run(program, url, [*options, "--section=data", "--section=post-data", str(source)], report)


def _program(name: str, url: str, bundled: Path | None) -> Path:
    """The system's program when it is new enough for the server, else the one that comes with Parley, which knows no TLS."""
    major, encrypted = server(url)
    system = shutil.which(name)
    if system and _major(Path(system)) >= major:
        return Path(system)
    if bundled and not encrypted and _major(bundled / name) >= major:
        return bundled / name
    why = "it is reached by TLS, which the programs that come with Parley do not speak" if encrypted else "none at hand is new enough"
    raise Unusable(
        "This needs {name} of PostgreSQL {major} or newer: {why}. Install PostgreSQL's client programs (Debian: postgresql-client).",
        code="no_pg_dump",
        name=name,
        major=major,
        why=why,
    )


def _major(program: Path) -> int:
    if not program.exists():
        return 0
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603  # PostgreSQL's own
    found = re.search(r"\) (\d+)", told)
    return int(found[1]) if found else 0


def _run(program: Path, url: str, options: list[str], report: Callable[[], None]) -> None:
    """Run a program against the database; the password goes through its environment, where `ps` does not show it."""
    parts = conninfo_to_dict(url)
    password = str(parts.pop("password", "") or "")
    environment = {**os.environ, "PGPASSWORD": password} if password else dict(os.environ)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603  # PostgreSQL's own programs, no shell
            [program, f"--dbname={make_conninfo('', **parts)}", "--no-password", *options], stderr=errors, env=environment
        )
        try:
            while process.poll() is None:
                report()
                time.sleep(WATCH_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            errors.seek(0)
            reason = errors.read().decode(errors="replace").strip()
            raise DumpError("{name} failed: {reason}", name=program.name, reason=reason[-2000:])
