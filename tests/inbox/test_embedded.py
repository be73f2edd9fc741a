"""The embedded PostgreSQL, with real processes that come, go and are killed."""

import os
import pwd
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from inbox import cluster, embedded
from tests.inbox.parties import Party, until

QUICK = {"fsync": "off"}


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A folder that the server's user can reach when root runs the tests: pytest's own are closed to everybody else."""
    yield from make_home()


@pytest.fixture(scope="module")
def used_home() -> Iterator[Path]:
    yield from make_home()


@pytest.fixture
def home(used_home: Path) -> Iterator[Path]:
    """One for most tests: each of them leaves it at rest."""
    yield used_home
    assert until(lambda: processes(used_home) == [])


def make_home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="parley-home-")).resolve()
    folder.chmod(0o711)
    yield folder
    assert until(lambda: processes(folder) == [])
    shutil.rmtree(folder)


@pytest.fixture
def join(request: pytest.FixtureRequest) -> Iterator[Callable[..., Party]]:
    """Processes of their own that use the server of this home until they are told to leave, or killed."""
    home: Path = request.getfixturevalue("new_home" if "new_home" in request.fixturenames else "home")
    parties: list[Party] = []

    def start(*, wait: bool = True, **environment: str) -> Party:
        parties.append(party := Party(home, environment))
        assert not wait or party.pid
        return party

    yield start
    for party in parties:
        party.kill()


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row and row[0]


def processes(home: Path) -> list[psutil.Process]:
    """Everything that belongs to the server of this home: PostgreSQL and the guard."""
    folder = (home / "postgres").resolve()
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and (process.cwd() == str(folder / "data") or str(folder) in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def guards(home: Path) -> list[psutil.Process]:
    return [process for process in processes(home) if process.name() != "postgres"]


def test_a_clean_home_gets_a_server_and_keeps_its_rows(new_home):
    with embedded.running(new_home, settings=QUICK) as server, psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'Grüße' AS word")
    assert processes(new_home) == []
    with embedded.running(new_home, settings=QUICK) as server:
        assert ask(server.url, "SELECT word FROM kept") == "Grüße"


@pytest.mark.parametrize("locale", ["C", "POSIX", "de_DE.UTF-8", ""])
def test_letters_are_letters_under_every_locale_of_the_system(join, locale):
    url = join(LC_ALL=locale, LANG=locale).url
    assert ask(url, "SELECT lower('ÄÖÜ') || upper('ß') || ('É' ~* 'é')") == "äöüßtrue"
    assert ask(url, "SELECT to_tsvector('german', 'Häuser') @@ to_tsquery('german', 'Haus')") is True
    assert ask(url, "SHOW server_encoding") == "UTF8"


def test_a_second_process_shares_the_server_and_the_last_one_stops_it(home, join):
    first, second = join(), join()
    assert first.pid == second.pid
    first.leave()
    assert ask(second.url, "SELECT 1") == 1
    second.leave()
    assert processes(home) == []


def test_processes_that_start_at_the_same_moment_on_a_new_home_share_one_server(new_home, join):
    parties = [join(wait=False) for _ in range(6)]
    assert len({party.pid for party in parties}) == 1
    for party in parties:
        party.leave(wait=False)
    for party in parties:
        party.gone()
    assert processes(new_home) == []


@pytest.mark.parametrize("reached", [True, False])  # not reached: the home holds a link to a folder elsewhere
def test_the_folder_of_a_new_home_is_made_once_however_many_make_it(tmp_path, monkeypatch, reached):
    monkeypatch.setattr(cluster, "_reaches", lambda _owner, _path: reached)
    monkeypatch.setattr(cluster, "_shared", lambda: tmp_path)
    together = threading.Barrier(8)

    def make(home: Path) -> Path:
        together.wait()
        return cluster.folder(home, pwd.getpwuid(os.getuid()))

    with ThreadPoolExecutor(8) as threads:
        for number in range(100):
            home = tmp_path / f"home-{number}"
            places = set(threads.map(make, [home] * 8))
            assert places == {(home / "postgres").resolve()}
    assert len([*tmp_path.iterdir()]) == (100 if reached else 200)  # nobody left a folder of their own behind


def test_a_killed_process_takes_nothing_from_the_others(join):
    first, second = join(), join()
    first.kill()
    assert ask(second.url, "SELECT 1") == 1


def test_the_server_stops_when_all_its_users_were_killed(home, join):
    for party in (join(), join()):
        party.kill()
    assert until(lambda: processes(home) == [])


def test_a_server_whose_users_and_guard_were_killed_is_joined_and_guarded_again(home, join):
    first = join()
    for process in guards(home):
        process.kill()
    first.kill()
    second = join()
    assert second.pid == first.pid
    assert len(guards(home)) == 1
    second.kill()
    assert until(lambda: processes(home) == [])


def test_the_last_user_stops_a_server_whose_guard_was_killed(home, join):
    party = join()
    for process in guards(home):
        process.kill()
    party.leave()
    assert processes(home) == []


def test_after_a_kill_of_the_postmaster_the_next_start_just_works(home, join):
    first = join()
    with psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    os.kill(first.pid, signal.SIGKILL)
    second = join()  # the first one is still there
    assert second.pid != first.pid
    assert ask(second.url, "SELECT one FROM kept") == 1
    assert len(guards(home)) == 1
    first.leave()
    assert ask(second.url, "SELECT 1") == 1
    second.leave()
    assert processes(home) == []


def test_a_socket_has_a_short_private_path_even_when_the_home_has_a_long_one(home):
    long = home / ("long" * 30) / "home"
    with embedded.running(long, settings=QUICK) as server:
        assert ask(server.url, "SHOW server_version_num") is not None
        sockets = Path(str(ask(server.url, "SHOW unix_socket_directories")))
        assert len(os.fsencode(sockets / cluster.SOCKET)) <= 107
        assert sockets.stat().st_mode & 0o777 == 0o700
        with embedded.running(long) as other:
            assert other.url == server.url
    sockets.rmdir()


def test_a_folder_that_somebody_put_where_the_socket_belongs_is_refused(home, monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "SOCKET_LIMIT", 70)
    long = home / ("long" * 10)
    long.mkdir(exist_ok=True)
    place = cluster.folder(long, cluster.account(long))
    monkeypatch.setattr(cluster.tempfile, "gettempdir", lambda: str(home))
    sockets = cluster.sockets(long, place, cluster.account(long))
    sockets.rmdir()
    sockets.symlink_to(tmp_path)
    with pytest.raises(embedded.EmbeddedError, match="not a private folder"):
        cluster.sockets(long, place, cluster.account(long))
    sockets.unlink()
    sockets.mkdir(mode=0o700)
    sockets.chmod(0o755)
    with pytest.raises(embedded.EmbeddedError, match="not a private folder"):
        cluster.sockets(long, place, cluster.account(long))


@pytest.mark.parametrize(
    "words",
    [
        "",  # empty: the disk was full
        "12",  # cut off, and a pid that may live
        "no pid at all\n",
        f"{os.getpid()}\n/somewhere/else\n1700000000\n5432\n/tmp\n\n  1 2\nready   \n",  # another program has this pid now
        "1\n/somewhere/else\n1700000000\n5432\n/tmp\n\n  1 2\nready   \n",  # nobody may signal it
        "4194000\n/somewhere/else\n1700000000\n5432\n/tmp\n\n  1 2\nready   \n",  # nobody has it
        "99999999999999999999\n",
    ],
    ids=["empty", "cut off", "no pid", "another program", "nobody may signal it", "nobody has it", "no number"],
)
def test_a_stale_alien_or_broken_pid_file_does_not_keep_the_server_from_starting(home, words):
    with embedded.running(home, settings=QUICK) as server:
        data = server.folder / "data"
    (data / "postmaster.pid").write_text(words)
    with embedded.running(home, settings=QUICK) as server:
        assert ask(server.url, "SELECT 1") == 1


@pytest.mark.servers  # waits ten seconds for the file to become whole
def test_a_running_server_that_lost_its_pid_file_is_stopped_and_started_anew(home, join):
    first = join()
    (home / "postgres" / "data" / "postmaster.pid").resolve().write_text("")
    second = join()
    assert second.pid != first.pid
    assert ask(second.url, "SELECT 1") == 1


def test_a_server_that_parley_did_not_start_is_left_alone(home):
    with embedded.running(home, settings=QUICK) as server:
        data = server.folder / "data"
        with pytest.raises(embedded.EmbeddedError, match=f"pid {server.pid}"):
            embedded._clear_pid_file(data.parent)
        assert ask(server.url, "SELECT 1") == 1


def test_data_of_another_major_version_is_refused_with_the_steps_and_not_touched(home):
    with embedded.running(home, settings=QUICK) as server:
        marker = server.folder / "data" / "PG_VERSION"
    before = {path: path.stat().st_mtime_ns for path in marker.parent.rglob("*")}
    right = marker.read_text()
    marker.write_text("17\n")
    before[marker] = marker.stat().st_mtime_ns
    with pytest.raises(embedded.EmbeddedError, match=r"PostgreSQL 17.*parley backup.*parley restore"):
        embedded.start(home)
    assert {path: path.stat().st_mtime_ns for path in marker.parent.rglob("*")} == before
    marker.write_text(right)


def test_a_cluster_that_was_half_made_is_made_again(home):
    with embedded.running(home, settings=QUICK) as server:
        place = server.folder
    (place / "data").rename(place / "data.new")
    (place / "data.new" / "PG_VERSION").unlink()
    with embedded.running(home, settings=QUICK) as server:
        assert ask(server.url, "SELECT 1") == 1
    assert not (place / "data.new").exists()


def test_a_server_that_cannot_start_says_why_and_leaves_nothing_behind(home):
    with pytest.raises(embedded.EmbeddedError, match="shared_buffers"):
        embedded.start(home, settings={"shared_buffers": "much"})
    assert until(lambda: processes(home) == [])
    with embedded.running(home, settings=QUICK) as server:
        assert ask(server.url, "SELECT 1") == 1


def test_the_log_of_the_server_holds_no_words_of_people(home):
    with embedded.running(home, settings=QUICK) as server:
        with pytest.raises(psycopg.Error, match="a secret word"):
            ask(server.url, "SELECT 'a secret word'::bigint")
        assert "a secret word" not in (server.folder / embedded.LOG).read_text()


def test_the_password_does_not_show(home):
    with embedded.running(home, settings=QUICK) as server:
        password = (server.folder / "password").read_text()
        assert password in server.url
        assert password not in repr(server)
        assert not any(password in " ".join(process.cmdline()) for process in processes(home))
        assert (server.folder / "password").stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask(server.url.replace(password, "guess"), "SELECT 1")


def test_no_folder_above_the_home_changes_its_mode_or_its_owner(home):
    deep = home / "one" / "two"
    deep.mkdir(parents=True)
    deep.chmod(0o755)
    above = [deep, *deep.parents]
    before = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in above]
    with embedded.running(deep, settings=QUICK):
        pass
    assert [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in above] == before


@pytest.mark.servers
def test_a_start_waits_as_long_as_recovery_takes(new_home):
    """About 1 GB of write-ahead log to go through."""
    roomy = {"max_wal_size": "8GB", "checkpoint_timeout": "1h", "autovacuum": "off", "fsync": "off"}
    server = embedded.start(new_home, settings=roomy)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE heap (id bigint PRIMARY KEY, word text)")
        connection.execute("CHECKPOINT")
        written, rows = 0, 0
        while written < 1_000_000_000:
            connection.execute(
                "INSERT INTO heap SELECT n, repeat('x', 200) FROM generate_series(%s::bigint, %s::bigint) n", (rows, rows + 199_999)
            )
            rows += 200_000
            row = connection.execute("SELECT pg_current_wal_lsn() - redo_lsn FROM pg_control_checkpoint()").fetchone()
            assert row is not None
            written = int(row[0])
    os.kill(server.pid, signal.SIGKILL)
    embedded.stop(server)
    with embedded.running(new_home, settings=roomy) as server:
        assert ask(server.url, "SELECT count(*) FROM heap") == rows
