"""The embedded PostgreSQL and the users of one machine: root, who may not run it, and others, who may not touch it."""

import logging
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest

from inbox import cluster, embedded
from tests.inbox.parties import PROGRAM, ROOT

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as several users")

QUICK = {"fsync": "off"}
LIBRARIES = f"{cluster.PACKAGE}.libs"
PLAIN = pwd.getpwnam("nobody")
OTHER = pwd.getpwnam("daemon")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every user can reach, with root's folder for shared things inside."""
    folder = Path(tempfile.mkdtemp(prefix="parley-users-")).resolve()
    folder.chmod(0o711)
    monkeypatch.setattr(cluster, "SHARED", folder / "shared")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """A plain user's own clone: the parts that run the server, and the wheel."""
    folder = Path(tempfile.mkdtemp(prefix="parley-clone-")).resolve()
    (folder / "inbox").mkdir()
    for name in ("__init__", "embedded", "cluster", "guard", "errors"):
        shutil.copy(ROOT / "inbox" / f"{name}.py", folder / "inbox")
    for package in (cluster.PACKAGE, "psutil"):
        found = find_spec(package)
        assert found is not None
        assert found.origin is not None
        shutil.copytree(Path(found.origin).parent, folder / package, ignore=shutil.ignore_patterns("include", "*.a"))
    shutil.copytree(Path(found.origin).parents[1] / LIBRARIES, folder / LIBRARIES)
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that a plain user may run: root's own may lie in a closed folder."""
    for program in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            if as_user(PLAIN, program, "-c", "import sys; assert sys.version_info >= (3, 11)").returncode == 0:
                return program
        except OSError:
            continue
    pytest.skip("there is no Python 3.11 here that a plain user may run")


def as_user(user: pwd.struct_passwd, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody else to its end; it reads nothing."""
    return subprocess.run(
        command,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.defpath, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row and row[0]


def test_root_and_then_a_plain_user_can_each_run_a_server_on_one_machine(machine, clone, python):
    mine, theirs = machine / "mine", machine / "theirs"
    theirs.mkdir()
    os.chown(theirs, PLAIN.pw_uid, PLAIN.pw_gid)
    with embedded.running(mine, settings=QUICK) as server:
        done = as_user(PLAIN, python, "-c", PROGRAM, theirs, PYTHONPATH=str(clone))
        assert done.returncode == 0, done.stderr
        assert int(done.stdout.split()[0]) != server.pid
        assert ask(server.url, "SELECT 1") == 1
    done = as_user(PLAIN, python, "-c", PROGRAM, theirs, PYTHONPATH=str(clone))
    assert done.returncode == 0, done.stderr
    assert (theirs / "postgres" / "data").stat().st_uid == PLAIN.pw_uid


def test_a_home_of_another_user_is_refused_and_stays_theirs(machine, clone, python):
    theirs, mine = machine / "theirs", machine / "mine"
    theirs.mkdir()
    os.chown(theirs, PLAIN.pw_uid, PLAIN.pw_gid)
    assert as_user(PLAIN, python, "-c", PROGRAM, theirs, PYTHONPATH=str(clone)).returncode == 0
    before = (theirs / "postgres").stat()
    with pytest.raises(embedded.EmbeddedError, match="belongs to another user"):
        embedded.start(theirs)
    after = (theirs / "postgres").stat()
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)
    with embedded.running(mine, settings=QUICK):
        done = as_user(PLAIN, python, "-c", PROGRAM, mine, PYTHONPATH=str(clone))
    assert done.returncode != 0
    assert "belongs to another user" in done.stderr


def test_as_root_the_server_runs_as_a_user_who_may_do_nothing_else(machine):
    with embedded.running(machine / "home", settings=QUICK) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
        assert server.folder.stat().st_uid == 0  # its locks and the password are root's: the server cannot bend them
        assert (server.folder / "data").stat().st_uid == Path(f"/proc/{server.pid}").stat().st_uid


def test_where_that_user_cannot_reach_the_home_root_keeps_the_data_elsewhere_and_says_so(machine, caplog):
    closed = machine / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    with caplog.at_level(logging.INFO), embedded.running(home, settings=QUICK) as server:
        ask(server.url, "SELECT 1")
    assert server.folder.is_relative_to(machine / "shared")
    assert str(server.folder) in caplog.text
    assert closed.stat().st_mode & 0o777 == 0o700
    with embedded.running(home, settings=QUICK) as again:
        assert again.folder == server.folder
    shutil.rmtree(home)
    with embedded.running(home, settings=QUICK) as fresh:  # a home that was removed does not come back with old data
        assert fresh.folder != server.folder
    shutil.rmtree(fresh.folder)
    with pytest.raises(embedded.EmbeddedError, match="is gone"):
        embedded.start(home)


def test_programs_that_the_servers_user_cannot_reach_are_copied_once(machine, clone, monkeypatch):
    closed = machine / "closed"
    closed.mkdir(mode=0o700)
    for part in (cluster.PACKAGE, LIBRARIES):
        shutil.copytree(clone / part, closed / part)
    monkeypatch.syspath_prepend(str(closed))
    for _ in range(2):
        with embedded.running(machine / "home", settings=QUICK) as server:
            assert ask(server.url, "SELECT 1") == 1
    copy = machine / "shared" / f"{cluster.PACKAGE}-{version(cluster.PACKAGE)}"
    assert server.bin.is_relative_to(copy)
    assert list((machine / "shared").iterdir()) == [copy]
    for path in copy.rglob("*"):
        assert path.stat().st_uid == 0
        assert not path.stat().st_mode & 0o022
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("inside", [True, False], ids=["socket in the home", "socket under a short name"])
def test_another_user_of_the_machine_is_refused_at_the_socket(machine, clone, inside):
    home = machine / ("home" if inside else "long" * 30)
    psql = clone / cluster.PACKAGE / f"pginstall{cluster.MAJOR}" / "bin" / "psql"
    with embedded.running(home, settings=QUICK) as server:
        done = as_user(OTHER, psql, server.url, "-Atc", "SELECT 1")
    sockets = Path(unquote(server.url.partition("host=")[2]))
    assert sockets.is_relative_to(home) is inside
    sockets.rmdir()
    assert done.returncode != 0
    assert "Permission denied" in done.stderr


def test_even_the_user_of_the_server_needs_the_password(machine, clone):
    psql = clone / cluster.PACKAGE / f"pginstall{cluster.MAJOR}" / "bin" / "psql"
    with embedded.running(machine / "home", settings=QUICK) as server:
        user = pwd.getpwuid((server.folder / "data").stat().st_uid)
        password = (server.folder / "password").read_text()
        done = as_user(user, psql, "--no-password", server.url.replace(f":{password}@", "@"), "-Atc", "SELECT 1")
    assert done.returncode != 0
    assert "no password supplied" in done.stderr


def test_root_refuses_a_shared_folder_that_others_may_write_to(machine):
    closed = machine / "closed"
    closed.mkdir(mode=0o700)
    (machine / "shared").mkdir()
    (machine / "shared").chmod(0o777)
    with pytest.raises(embedded.EmbeddedError, match="belongs to root"):
        embedded.start(closed / "home")
