"""Backups: one tar with the database, the files, the key and, last, a manifest. A backup that was cut short has no manifest and is refused.

database.dump     pg_dump's custom format
files/SHA256      every attachment, named by its hash
secret.key        the key of `PARLEY_HOME`, unless it is left out or comes from PARLEY_SECRET_KEY
erasures.jsonl    fingerprints of erased contacts, to be forgotten again when an older backup is restored
manifest.json     versions, sizes and hashes
"""

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, LiteralString

import psycopg
from pydantic import TypeAdapter

from inbox import dumps
from inbox.errors import Conflict, Invalid, Unusable
from inbox.files import Files
from inbox.migrations import run, state
from inbox.migrations.state import State
from inbox.secrets import Vault

FORMAT, BLOCK = 1, 1024 * 1024  # bytes
FILE = re.compile(r"files/([0-9a-f]{64})")
SMALL = {"manifest.json": BLOCK, "secret.key": BLOCK, "erasures.jsonl": 1024 * BLOCK}  # what is read whole, and its largest size

Report = Callable[
    [str, int, int], None
]  # hears what is worked on ("database", "files", "check"), how many bytes of it are done, and of how many


@dataclass(frozen=True, slots=True)
class Place:
    """The installation that is saved or brought back."""

    url: str
    home: Path
    bundled: Path | None  # where PostgreSQL's own programs are that come with Parley


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    parley: str
    made_at: str
    revision: str
    server: int  # PostgreSQL's major version
    key: str  # which key the secrets are encrypted with: a fingerprint
    database: str  # SHA-256
    files: int
    bytes: int


def write(target: Path, place: Place, vault: Vault, *, now: datetime, with_key: bool = True, report: Report) -> Manifest:
    """Save everything to a new file that only its owner can read. Works while Parley runs: the dump is one moment of the database."""
    if target.exists():
        raise Conflict("{target} exists already. Choose another name: a backup is never overwritten.", target=target)
    if state.state_of(state.read(place.url)) is State.EMPTY:
        raise Conflict("There is nothing to save yet: the database is empty.")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw, tarfile.open(fileobj=raw, mode="w") as tar:
            manifest = _fill(tar, part.parent, place, vault, now, with_key, report)
            tar.close()
            raw.flush()
            os.fsync(raw.fileno())
        os.link(part, target)  # fails when somebody else was first
        with psycopg.connect(place.url) as connection:
            connection.execute("UPDATE installation SET backed_up_at = %s", (now,))
    except FileExistsError:
        raise Conflict("{target} exists already. Choose another name: a backup is never overwritten.", target=target) from None
    finally:
        part.unlink(missing_ok=True)
    return manifest


def check(source: Path, *, report: Report) -> Manifest:
    """Read a whole backup and compare every hash; the manifest, or Invalid with what is wrong."""
    with _opened(source) as tar:
        _check_members(tar)
        manifest = _manifest(tar)
        files = done = 0
        for member in tar:
            found = FILE.fullmatch(member.name)
            expected = manifest.database if member.name == "database.dump" else found[1] if found else None
            if expected is not None and _digest(tar, member) != expected:
                raise Invalid("{name} in this backup is damaged.", code="backup_damaged", name=member.name)
            files += found is not None
            done += member.size
            report("check", done, max(done, manifest.bytes))
        if files != manifest.files:
            raise Invalid("This backup lacks files: {files} of {all}.", code="backup_damaged", files=files, all=manifest.files)
    return manifest


def restore(source: Path, place: Place, *, secret_key: str | None, now: datetime, report: Report) -> Manifest:
    """Bring a backup back into an empty installation, which is then held. Checks everything before it changes anything."""
    manifest = check(source, report=report)
    _check_fits(manifest, place)
    with _opened(source) as tar:
        key = _key(tar, place.home, secret_key)
        if key is None or Vault(key).sign("fingerprint") != manifest.key:
            raise Unusable("This backup's secrets need the key that was used then. Set PARLEY_SECRET_KEY to it.", code="other_key")
        _make_empty(place.url)
        if secret_key is None:
            _keep_key(place.home, key)
        _restore_files(tar, Files(place.home), manifest, report)
        with tempfile.TemporaryDirectory(dir=place.home, prefix=".restore-") as folder:
            dump = Path(folder) / "database.dump"
            with dump.open("wb") as file:
                shutil.copyfileobj(_read(tar, tar.getmember("database.dump")), file, BLOCK)
            dumps.restore(place.url, dump, bundled=place.bundled, held_since=now, report=lambda: report("database", 0, 0))
    run.upgrade(place.url)
    return manifest


def erasures(source: Path) -> list[str]:
    """The lines of a backup's list of erased contacts."""
    with _opened(source) as tar:
        return _read(tar, tar.getmember("erasures.jsonl")).read().decode().splitlines()


def _fill(tar: tarfile.TarFile, folder: Path, place: Place, vault: Vault, now: datetime, with_key: bool, report: Report) -> Manifest:
    with psycopg.connect(place.url) as connection:
        size = _one(connection, "SELECT pg_database_size(current_database())")
        erased = [str(row[0]) for row in connection.execute("SELECT row_to_json(erasure) FROM erasure ORDER BY id")]
    major, _ = dumps.server(place.url)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".parley-") as temporary:
        dump = Path(temporary) / "database.dump"
        dumps.dump(place.url, dump, bundled=place.bundled, report=lambda done: report("database", done, max(done, size)))
        with dump.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        tar.add(dump, "database.dump")
        saved = dump.stat().st_size
    count, kept = _add_files(tar, Files(place.home).folder, report)
    key = place.home / "secret.key"
    if with_key and key.exists() and Vault(key.read_text().strip()).sign("fingerprint") == vault.sign("fingerprint"):
        _add(tar, "secret.key", key.read_bytes(), now)
    _add(tar, "erasures.jsonl", "\n".join(erased).encode(), now)
    manifest = Manifest(
        format=FORMAT,
        parley=version("parley"),
        made_at=now.isoformat(),
        revision=state.read(place.url) or "",
        server=major,
        key=vault.sign("fingerprint"),
        database=digest,
        files=count,
        bytes=saved + kept,
    )
    _add(tar, "manifest.json", json.dumps(asdict(manifest), indent=1).encode(), now)
    return manifest


def _add_files(tar: tarfile.TarFile, folder: Path, report: Report) -> tuple[int, int]:
    """Every attachment; how many and how many bytes. The dump came first, so that none it names can be missing."""
    paths = [path for path in folder.glob("??/??/*") if len(path.name) == 64]
    sizes = {path: path.stat().st_size for path in paths}
    total, done, count = sum(sizes.values()), 0, 0
    for path, size in sizes.items():
        try:
            tar.add(path, f"files/{path.name}", recursive=False)
        except FileNotFoundError:
            continue  # swept meanwhile: nothing names it
        count += 1
        done += size
        report("files", done, total)
    return count, done


def _add(tar: tarfile.TarFile, name: str, content: bytes, now: datetime) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(now.timestamp())
    tar.addfile(member, io.BytesIO(content))


@contextmanager
def _opened(source: Path) -> Generator[tarfile.TarFile]:
    """A backup to read, or Invalid."""
    try:
        with tarfile.open(source, "r:") as tar:
            yield tar
    except (FileNotFoundError, IsADirectoryError):
        raise Invalid("There is no file {source}.", source=source) from None
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise Invalid("{source} is not a whole backup of Parley: {error}", code="backup_damaged", source=source, error=error) from None


def _manifest(tar: tarfile.TarFile) -> Manifest:
    """What the backup says of itself; a newer format is refused before anything in it is believed."""
    content = _read(tar, tar.getmember("manifest.json")).read()
    try:
        said = json.loads(content)
        if said["format"] > FORMAT:
            raise _newer(str(said["parley"]))
        return TypeAdapter(Manifest).validate_python(said)
    except (ValueError, TypeError, RecursionError):
        raise tarfile.ReadError("its manifest cannot be read") from None


def _check_members(tar: tarfile.TarFile) -> None:
    """Nothing but what `write` puts there: plain files of known names, each once, none larger than it can be."""
    names: set[str] = set()
    for member in tar:
        is_plain = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and member.sparse is None
        is_known = member.name in SMALL or member.name == "database.dump" or FILE.fullmatch(member.name) is not None
        if not (is_plain and is_known) or member.name in names or member.size > SMALL.get(member.name, member.size):
            raise tarfile.ReadError(f"{member.name[:100]!r} is nothing that a backup holds")
        names.add(member.name)


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    if file is None:
        raise tarfile.ReadError(f"{member.name} is not a file")
    return file


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    digest, file = hashlib.sha256(), _read(tar, member)
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _check_fits(manifest: Manifest, place: Place) -> None:
    """Refuse what this Parley or this server cannot take."""
    if manifest.revision not in state.revisions():
        raise _newer(manifest.parley)
    major, _ = dumps.server(place.url)
    if major < manifest.server:
        raise Unusable(
            "This backup is of PostgreSQL {theirs}, the server is {ours}. Restore it into {theirs} or newer.",
            code="older_server",
            theirs=manifest.server,
            ours=major,
        )


def _newer(parley: str) -> Invalid:
    return Invalid("This backup was made by Parley {version}. Restore it with that version.", code="newer_backup", version=parley)


def _key(tar: tarfile.TarFile, home: Path, secret_key: str | None) -> str | None:
    """The key that the restored installation will use: the setting's, else the backup's own, else the one in the home."""
    if secret_key is not None:
        return secret_key
    if "secret.key" in tar.getnames():
        return _read(tar, tar.getmember("secret.key")).read().decode().strip()
    kept = home / "secret.key"
    return kept.read_text().strip() if kept.exists() else None


def _keep_key(home: Path, key: str) -> None:
    """Put the key in the home. Nothing is encrypted with the one before: the database is empty."""
    new = home / f"secret.{os.getpid()}.new"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    new.replace(home / "secret.key")


def _make_empty(url: str) -> None:
    """Make sure that nothing is lost: only a database without tables, or one that nobody has begun to use, is restored into."""
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regclass('workspace')").fetchone() == (None,):
            return
        if _one(connection, "SELECT (SELECT count(*) FROM workspace) + (SELECT count(*) FROM account)"):
            raise Conflict("This installation is in use. Restore into an empty one: another PARLEY_HOME, or another database.")
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        if _one(connection, f"{others} AND backend_type = 'client backend'"):
            raise Conflict("Parley is running on this database. Stop it first.", code="running")
    state.clear(url)


def _restore_files(tar: tarfile.TarFile, files: Files, manifest: Manifest, report: Report) -> None:
    done = 0
    for member in tar:
        if FILE.fullmatch(member.name):
            files.store(_read(tar, member).read())
            done += member.size
            report("files", done, manifest.bytes)


def _one(connection: psycopg.Connection[Any], query: LiteralString) -> int:
    return int((connection.execute(query).fetchone() or (0,))[0])
