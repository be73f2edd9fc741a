"""Backups are whole or refused, and what is restored waits for a person."""

import gzip
import io
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from inbox import backups, dumps, embedded
from inbox.backups import Place
from inbox.db import Database
from inbox.errors import Conflict, Invalid, ParleyError, Unusable
from inbox.files import Files
from inbox.migrations import run, state
from inbox.secrets import Vault, open_vault
from inbox.settings import Settings
from tests.make import Make

QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def quiet(what: str, done: int, total: int) -> None:
    """Hear the progress and say nothing."""
    assert what in {"database", "files", "check"}
    assert done <= total or not total


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """Another machine, to restore on."""
    with embedded.running(tmp_path_factory.mktemp("there"), settings=QUICK) as server:
        yield server
    shutil.rmtree(server.folder)


@pytest.fixture
def place(server: embedded.Server, tmp_path: Path) -> Place:
    """The installation that is saved."""
    home = tmp_path / "here"
    home.mkdir()
    return Place(url=server.url, home=home, bundled=server.bin)


@pytest.fixture
def vault(place: Place) -> Vault:
    return open_vault(Settings(home=place.home))


@pytest.fixture
def target(there: embedded.Server, tmp_path: Path) -> Iterator[Place]:
    """An empty installation."""
    home = tmp_path / "there"
    home.mkdir()
    yield Place(url=there.url, home=home, bundled=there.bin)
    state.clear(there.url)


@pytest.fixture
async def saved(database: Database, place: Place, vault: Vault, now: datetime) -> Path:
    """A backup with one message that has one attachment."""
    digest = Files(place.home).store(b"a picture")
    async with database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(name="City"), config=vault.encrypt('{"password": "hush"}'))
        await make.message(await make.conversation(channel), body=f"Grüße {digest}")
    path = place.home.parent / "parley.backup"
    backups.write(path, place, vault, now=now, report=quiet)
    return path


@pytest.fixture(scope="module")
def kept() -> dict[str, bytes]:
    return {}


@pytest.fixture
def spoilt(request: pytest.FixtureRequest, kept: dict[str, bytes], tmp_path: Path) -> Path:
    """A backup to be damaged: the same one, made once."""
    if not kept:
        kept["backup"] = request.getfixturevalue("saved").read_bytes()
    path = tmp_path / "spoilt.backup"
    path.write_bytes(kept["backup"])
    return path


async def test_what_was_saved_comes_back_and_is_held(saved: Path, target: Place, now: datetime):
    manifest = backups.restore(saved, target, secret_key=None, now=now, report=quiet)
    with psycopg.connect(target.url) as connection:
        body = connection.execute("SELECT body FROM message").fetchone()
        config = connection.execute("SELECT config FROM channel").fetchone()
        held = connection.execute("SELECT held, held_since FROM installation").fetchall()
    assert body
    digest = body[0].removeprefix("Grüße ")
    assert Files(target.home).path(digest).read_bytes() == b"a picture"
    assert config
    assert open_vault(Settings(home=target.home)).decrypt(config[0]) == '{"password": "hush"}'
    assert held == [(True, now)]
    assert (manifest.files, manifest.server) == (1, 18)


def test_a_backup_and_the_key_in_it_are_for_their_owner_only(saved: Path, target: Place, now: datetime):
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    backups.restore(saved, target, secret_key=None, now=now, report=quiet)
    assert stat.S_IMODE((target.home / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in saved.parent.iterdir() if path.name.startswith(".")] == []


async def test_the_log_goes_on_after_its_last_id_and_keeps_its_lock(saved: Path, target: Place, now: datetime):
    backups.restore(saved, target, secret_key=None, now=now, report=quiet)
    with psycopg.connect(target.url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_trigger WHERE tgname = 'event_lock'").fetchone() == (1,)
        new = connection.execute("INSERT INTO workspace (name, created_at) VALUES ('New', now()) RETURNING id").fetchone()
        old = connection.execute("SELECT id FROM workspace WHERE name = 'City'").fetchone()
    assert new
    assert old
    assert new[0] > old[0]


async def test_an_existing_file_is_never_overwritten(saved: Path, place: Place, vault: Vault, now: datetime):
    with pytest.raises(Conflict):
        backups.write(saved, place, vault, now=now, report=quiet)


async def test_a_backup_is_restored_only_where_nobody_has_begun(saved: Path, target: Place, now: datetime):
    run.upgrade(target.url)  # `parley serve` ran once, nobody signed up
    backups.restore(saved, target, secret_key=None, now=now, report=quiet)
    with pytest.raises(Conflict, match="in use"):
        backups.restore(saved, target, secret_key=None, now=now, report=quiet)


async def test_nothing_is_restored_under_a_running_parley(saved: Path, target: Place, now: datetime):
    run.upgrade(target.url)
    with psycopg.connect(target.url), pytest.raises(Conflict, match="running"):
        backups.restore(saved, target, secret_key=None, now=now, report=quiet)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_manifest(path: Path) -> None:
    copy = path.with_suffix(".copy")
    with tarfile.open(path) as old, tarfile.open(copy, "w") as new:
        for member in old:
            if member.name != "manifest.json":
                new.addfile(member, old.extractfile(member))
    copy.replace(path)


def other_picture(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"a picture", b"A PICTURE"))


def newer(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 9'))


def not_a_backup(path: Path) -> None:
    path.write_text("not a backup")


def nothing_at_all(path: Path) -> None:
    path.write_bytes(b"")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def compressed(path: Path) -> None:
    path.write_bytes(gzip.compress(path.read_bytes()))


def holding(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"evil", link: str = "", **more: Any) -> Callable[[Path], None]:
    """A backup that holds one thing more."""

    def add(path: Path) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, len(content) if kind == tarfile.REGTYPE else 0
        for field, value in more.items():
            setattr(member, field, value)
        with tarfile.open(path, "a") as tar:
            tar.addfile(member, io.BytesIO(content))

    return add


def manifest(content: bytes) -> Callable[[Path], None]:
    """A backup that says something else of itself."""

    def replace(path: Path) -> None:
        without_manifest(path)
        holding("manifest.json", content=content)(path)

    return replace


def _sparse(path: Path) -> None:
    holding("files/" + "0" * 64, pax_headers={"GNU.sparse.major": "0", "GNU.sparse.minor": "0", "GNU.sparse.size": str(2**50)})(path)


def _endless(path: Path) -> None:
    """A header that promises more than there is."""
    holding("files/" + "0" * 64)(path)
    content = bytearray(path.read_bytes())
    at = content.rindex(b"files/000")
    member = tarfile.TarInfo("files/" + "0" * 64)
    member.size = 2**40
    content[at : at + 512] = member.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(bytes(content))


DAMAGES = {
    "it is cut short": cut_short,
    "it has no manifest": without_manifest,
    "a file is another": other_picture,
    "it is of a newer format": newer,
    "it is words": not_a_backup,
    "it is empty": nothing_at_all,
    "it is a folder": a_folder,
    "it is compressed": compressed,
    "a name climbs out": holding("../../evil"),
    "a name climbs out of the files": holding("files/../../evil"),
    "a name begins at the root": holding("/tmp/evil"),  # never written
    "a file is a link to the key": holding("files/" + "0" * 64, tarfile.SYMTYPE, link="/etc/passwd"),
    "a file is another name of one outside": holding("files/" + "0" * 64, tarfile.LNKTYPE, link="/etc/passwd"),
    "the database is a link": holding("database.dump", tarfile.SYMTYPE, link="files/" + "0" * 64),
    "the files are a link": holding("files", tarfile.SYMTYPE, link="/tmp"),
    "it holds a device": holding("files/" + "0" * 64, tarfile.CHRTYPE, devmajor=1, devminor=5),
    "it holds a pipe": holding("secret.key", tarfile.FIFOTYPE),
    "it holds a folder": holding("files", tarfile.DIRTYPE),
    "something is there twice": holding("manifest.json", content=b"{}"),
    "a file has holes": _sparse,
    "a file has no end": _endless,
    "the key is a book": holding("secret.key", content=b"x" * 2_000_000),
    "its manifest is no JSON": manifest(b"{"),
    "its manifest is no text": manifest(b"\xff\xfe"),
    "its manifest is a list": manifest(b"[]"),
    "its manifest is deep": manifest(b"[" * 100_000),
    "its manifest says little": manifest(b'{"format": 1}'),
    "its manifest says nonsense": manifest(b'{"format": "1", "files": {}}'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_or_foreign_backup_is_refused_before_anything_changes(spoilt: Path, target: Place, now: datetime, damage):
    damage(spoilt)
    with pytest.raises(Invalid):
        backups.restore(spoilt, target, secret_key=None, now=now, report=quiet)
    assert state.read(target.url) is None
    assert list(target.home.iterdir()) == []


async def test_a_key_that_is_not_in_the_backup_has_to_be_given(database: Database, place: Place, target: Place, now: datetime):
    async with database.transaction() as session:
        await Make(session).workspace()
    path = place.home.parent / "parley.backup"
    backups.write(path, place, Vault("from the environment"), now=now, report=quiet)
    for key in (None, "another"):
        with pytest.raises(Unusable, match="PARLEY_SECRET_KEY"):
            backups.restore(path, target, secret_key=key, now=now, report=quiet)
    assert state.read(target.url) is None
    backups.restore(path, target, secret_key="from the environment", now=now, report=quiet)
    assert not (target.home / "secret.key").exists()


async def test_a_restore_that_breaks_off_leaves_an_installation_that_is_held(saved: Path, target: Place, now: datetime, monkeypatch):
    def die(url: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "upgrade", die)  # the process is killed right after the dump is in
    with pytest.raises(KeyboardInterrupt):
        backups.restore(saved, target, secret_key=None, now=now, report=quiet)
    with psycopg.connect(target.url) as connection:
        assert connection.execute("SELECT count(*) FROM message").fetchone() == (1,)
        assert connection.execute("SELECT held FROM installation").fetchall() == [(True,)]


async def test_a_restore_that_broke_off_before_the_first_row_can_be_done_again(saved: Path, target: Place, now: datetime, monkeypatch):
    run_program, calls = dumps._run, []

    def die(program, url, options, report) -> None:
        calls.append(options)
        if len(calls) == 2:
            raise KeyboardInterrupt
        run_program(program, url, options, report)

    with monkeypatch.context() as patched:
        patched.setattr(dumps, "_run", die)  # the process is killed between the tables and the rows
        with pytest.raises(KeyboardInterrupt):
            backups.restore(saved, target, secret_key=None, now=now, report=quiet)
    backups.restore(saved, target, secret_key=None, now=now, report=quiet)
    with psycopg.connect(target.url) as connection:
        assert connection.execute("SELECT count(*) FROM message").fetchone() == (1,)


async def test_an_unreachable_database_is_told_without_its_password(place: Place, vault: Vault, now: datetime):
    broken = Place(url="postgresql://parley:hush@127.0.0.1:1/parley", home=place.home, bundled=None)
    with pytest.raises(ParleyError) as raised:
        backups.write(place.home / "x", broken, vault, now=now, report=quiet)
    assert "hush" not in str(raised.value)
