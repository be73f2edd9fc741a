"""The command line, as a person and a script use it."""

import asyncio
import io
import json
import os
import stat
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import func, select, update
from sqlmodel import col
from typer.testing import CliRunner

from api import cli
from inbox import embedded
from inbox.contract import Author, Batch, Event, EventKind, Rejected
from inbox.conversations import dead_letters, receive
from inbox.db import Database
from inbox.files import Files
from inbox.models import Attachment, Channel, Conversation, Installation, Message, Wait, Workspace
from inbox.secrets import Vault, open_vault
from inbox.settings import Settings
from tests.connectors.library import Shelf, comment, library, shelves
from tests.make import MONDAY, Make

__all__ = ["library"]  # a fixture

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + "A" * 43 + "="


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Parley = Callable[..., Done]


@pytest.fixture
def parley(server: embedded.Server, database: Database, tmp_path: Path, monkeypatch, capsys) -> Parley:
    """Run `parley …` in this process, on the tests' database."""
    monkeypatch.setenv("PARLEY_DATABASE_URL", server.url)
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PARLEY_URL", "https://inbox.example.org")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, given: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["parley", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run


def begun(parley: Parley) -> None:
    """A workspace with an admin."""
    added = parley("user", "add", "kim@example.org", "--new-workspace", "City", "--password-stdin", given="correct horse battery\n")
    assert added.code == 0, added.err


def commands(app: typer.Typer) -> list[str]:
    group = typer.main.get_command(app)
    every: list[str] = []
    for name, command in group.commands.items():
        every += [f"{name} {inner}" for inner in command.commands] if hasattr(command, "commands") else [name]
    return every


def test_every_command_explains_itself(parley: Parley):
    every = commands(cli.build())
    assert {name.split()[0] for name in every} == set(cli.MODULES)
    for name in every:
        done = parley(*name.split(), "--help")
        assert done.code == 0
        assert len(done.out.splitlines()) > 3


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "words"),
    [
        (("fly",), {}, 2, "No such command"),
        (("user", "add"), {}, 2, "Missing argument"),
        (("user", "list"), {}, 1, "There is no workspace yet"),
        (("user", "password", "nobody@example.org", "--password-stdin"), {}, 1, "no account"),
        (("user", "list"), {"PARLEY_PORT": "high"}, 3, "port"),
        (("user", "list"), {"PARLEY_DATABASE_URL": "postgresql://parley:hush@127.0.0.1:1/x"}, 3, "cannot be reached"),
        (("channel", "add", "carrier-pigeon"), {}, 1, "no connector"),
        (("restore", "nothing.backup"), {}, 1, "no file"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_an_exit_code(
    parley: Parley, monkeypatch, arguments: tuple[str, ...], environment: dict[str, str], code: int, words: str
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = parley(*arguments)
    assert (done.code, words in done.err) == (code, True), done
    assert done.out == ""
    assert "Traceback" not in done.err
    assert "hush" not in done.err


def test_members_are_added_and_listed(parley: Parley):
    begun(parley)
    assert parley("user", "add", "lee@example.org", "--role", "viewer", "--password-stdin", given="another horse battery\n").code == 0
    rows = parley("user", "list", "--json").json
    assert [(row["email"], row["role"]) for row in rows] == [("kim@example.org", "admin"), ("lee@example.org", "viewer")]
    assert "lee@example.org" in parley("user", "list").out
    assert parley("user", "password", "lee@example.org", "--password-stdin", given="short\n").code == 1
    assert parley("user", "password", "lee@example.org", "--password-stdin", given="a third horse battery\n").code == 0


def test_with_several_workspaces_one_has_to_be_named(parley: Parley):
    begun(parley)
    second = parley("user", "add", "kim@example.org", "--new-workspace", "Club")
    assert second.code == 0, second.err
    done = parley("user", "list")
    assert (done.code, "City" in done.err, "Club" in done.err) == (1, True, True)
    assert len(parley("user", "list", "--workspace", "club", "--json").json) == 1


async def test_a_token_opens_the_api(parley: Parley, client):
    await asyncio.to_thread(begun, parley)
    done = await asyncio.to_thread(parley, "token", "create", "dashboard", "--role", "viewer")
    answer = await client.get("/api/v1/channels", headers={"authorization": f"Bearer {done.out.strip()}"})
    assert answer.json() == []


def test_a_channel_is_added_listed_checked_and_removed(parley: Parley, tmp_path: Path):
    begun(parley)
    config = tmp_path / "webhook.json"
    config.write_text(json.dumps({"secret": SECRET}))
    added = parley("channel", "add", "webhook", "--config", str(config), "--name", "Shop", "--json")
    assert added.code == 0, added.err
    assert added.json["webhook"].startswith("https://inbox.example.org/hooks/")
    number = str(added.json["channel"])
    assert [row["name"] for row in parley("channel", "list", "--json").json] == ["Shop"]
    assert parley("channel", "check", "--json").json[0]["ok"] is True
    assert parley("channel", "remove", number, given="n\n").code == 1
    assert parley("channel", "remove", number, "--yes").code == 0
    assert parley("channel", "list", "--json").json == []
    for done in (added, parley("channel", "list"), parley("config")):
        assert SECRET not in done.out + done.err


def test_settings_of_a_channel_are_asked_one_by_one_until_they_fit(parley: Parley):
    begun(parley)
    answers = "nonsense\n\n\n\n" + f"{SECRET}\n\n\n\n"
    done = CliRunner().invoke(cli.build(["channel"]), ["channel", "add", "webhook", "--json"], input=answers)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["platform"] == "webhook"
    assert "signs both ways" in done.stderr
    assert SECRET not in done.output


@pytest.mark.parametrize("config", ["{}", '{"secret": "short"}', "not json"])
def test_wrong_settings_of_a_channel_are_named_and_nothing_is_stored(parley: Parley, tmp_path: Path, config: str):
    begun(parley)
    (tmp_path / "wrong.json").write_text(config)
    done = parley("channel", "add", "webhook", "--config", "wrong.json")
    assert (done.code, "cannot be used" in done.err, "short" in done.err) == (1, True, False)
    assert parley("channel", "list", "--json").json == []


def test_every_setting_is_listed_with_its_source_and_no_secret(parley: Parley, monkeypatch):
    monkeypatch.setenv("PARLEY_SECRET_KEY", "hush")
    rows = {row["setting"]: row for row in parley("config", "--json").json}
    assert set(rows) == {f"PARLEY_{name.upper()}" for name in Settings.model_fields}
    assert (rows["PARLEY_SECRET_KEY"]["value"], rows["PARLEY_SECRET_KEY"]["from"]) == ("(set)", "environment")
    assert rows["PARLEY_RAW_DAYS"]["from"] == "default"
    assert "hush" not in parley("config").out


def test_the_printed_file_is_one_that_parley_reads(parley: Parley, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PARLEY_RAW_DAYS", "7")
    printed = parley("config", "--toml").out
    assert tomllib.loads(printed)["raw_days"] == 7
    monkeypatch.delenv("PARLEY_RAW_DAYS")
    (tmp_path / "parley.toml").write_text(printed)
    rows = {row["setting"]: row for row in parley("config", "--json").json}
    assert (rows["PARLEY_RAW_DAYS"]["value"], rows["PARLEY_RAW_DAYS"]["from"]) == (7, "parley.toml")


async def test_a_contact_is_found_exported_and_erased_with_its_files(parley: Parley, database: Database, tmp_path: Path):
    files = Files(tmp_path / "home")
    async with database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(name="City"))
        anna = await make.identity(channel, name="Anna Schmidt")
        chat = await make.conversation(channel, contact_id=anna.contact_id)
        message = await make.message(chat, body="It is about my landlord", identity_id=anna.id)
        of = {"workspace_id": chat.workspace_id, "conversation_id": chat.id, "message_id": message.id, "created_at": MONDAY}
        digest = files.store(b"a picture")
        session.add(Attachment(**of, name="../landlord.png", media_type="image/png", sha256=digest))
    number = str((await asyncio.to_thread(parley, "contact", "find", "schmidt", "--json")).json[0]["contact"])
    assert (await asyncio.to_thread(parley, "contact", "export", number, "anna.zip")).code == 0
    with zipfile.ZipFile(tmp_path / "anna.zip") as archive:
        assert "my landlord" in archive.read("contact.json").decode()
        assert [name for name in archive.namelist() if name != "contact.json"] == ["attachments/1-landlord.png"]
    assert stat.S_IMODE((tmp_path / "anna.zip").stat().st_mode) == 0o600
    assert (await asyncio.to_thread(parley, "contact", "erase", number, given="n\n")).code == 1
    assert (await asyncio.to_thread(parley, "contact", "erase", number, "--yes", "--json")).json["files"] == 1
    assert not files.path(digest).exists()
    assert (await asyncio.to_thread(parley, "contact", "find", "schmidt", "--json")).json == []


async def test_doctor_finds_a_wrong_key_a_missing_file_and_a_broken_channel(parley: Parley, database: Database, tmp_path: Path):
    settings = Settings()
    vault = open_vault(settings)
    async with database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(), config=vault.encrypt("{}"))
        chat = await make.conversation(channel)
        digest = Files(settings.home).store(b"a picture")
        of = {"workspace_id": chat.workspace_id, "conversation_id": chat.id, "created_at": MONDAY}
        session.add(Attachment(**of, name="a.png", media_type="image/png", sha256=digest))
    (settings.home).chmod(0o700)
    well = await asyncio.to_thread(parley, "doctor", "--offline", "--json")
    assert [finding["seen"] for finding in well.json if finding["grade"] != "ok"] == ["fsync is off: a power cut loses messages."]
    Files(settings.home).path(digest).unlink()
    async with database.transaction() as session:
        row = await session.get_one(Channel, channel.id)
        row.config, row.state, row.error = Vault("another").encrypt("{}"), "broken", "The password was refused."
    ill = await asyncio.to_thread(parley, "doctor", "--offline", "--json")
    assert {finding["about"] for finding in ill.json if finding["grade"] == "problem"} == {"database", "key", "files", "channel"}
    assert all(finding["mend"] for finding in ill.json if finding["grade"] == "problem")
    assert ill.code == 1
    assert "The password was refused." in (await asyncio.to_thread(parley, "doctor", "--offline")).out


async def test_a_held_installation_is_resumed_after_a_look(parley: Parley, database: Database):
    assert "not held" in (await asyncio.to_thread(parley, "resume")).out
    async with database.transaction() as session:
        session.add(Workspace(name="City", created_at=MONDAY))
        await session.execute(update(Installation).values(held=True, held_since=MONDAY))
    assert (await asyncio.to_thread(parley, "resume", given="n\n")).code == 1
    assert "held" in (await asyncio.to_thread(parley, "doctor", "--offline")).out
    assert (await asyncio.to_thread(parley, "resume", "--yes")).code == 0
    assert "not held" in (await asyncio.to_thread(parley, "resume")).out


async def test_dead_letters_are_listed_shown_and_read_again(parley: Parley, database: Database):
    good = {"type": "message", "id": "1", "thread": "t", "author": {"id": "a", "name": "Anna"}, "text": "Hello"}
    vault = open_vault(Settings())
    async with database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(), config=vault.encrypt(json.dumps({"secret": SECRET})))
        for raw in (json.dumps(good).encode(), b"{broken"):
            await dead_letters.keep(session, channel, source="webhook", raw=raw, reason="not understood", now=MONDAY)
    rows = (await asyncio.to_thread(parley, "dead-letters", "list", "--json")).json
    assert [row["reason"] for row in rows] == ["not understood"] * 2
    broken, whole = [str(row["dead_letter"]) for row in rows]
    assert "{broken" in (await asyncio.to_thread(parley, "dead-letters", "show", broken)).out
    again = await asyncio.to_thread(parley, "dead-letters", "replay", "--json")
    assert [(str(row["dead_letter"]), row["read"]) for row in again.json] == [(whole, True), (broken, False)]
    assert again.code == 1
    assert len((await asyncio.to_thread(parley, "dead-letters", "list", "--json")).json) == 1
    async with database.transaction() as session:
        assert (await session.scalars(select(Message.body))).all() == ["Hello"]


def test_an_embedded_installation_moves_to_another_home(tmp_path: Path):
    """The whole way with real processes: sign up, save, bring back elsewhere, resume."""
    old, new = tmp_path / "old", tmp_path / "new"

    def run(home: Path, *arguments: str, given: str = "", code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "from api.cli import main; main()", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PARLEY_HOME": str(home), "PARLEY_PORT": "0"},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout

    run(old, "user", "add", "kim@example.org", "--new-workspace", "City", "--password-stdin", given="correct horse battery\n")
    run(old, "backup", "city.backup")
    run(new, "restore", "city.backup")
    assert "kim@example.org" in run(new, "user", "list")
    assert "held" in run(new, "doctor", "--offline")
    run(new, "resume", "--yes")
    run(new, "restore", "city.backup", code=1)
    assert (old / "secret.key").read_text() == (new / "secret.key").read_text()


async def test_waits_that_differ_from_what_was_said_are_corrected_unless_the_log_is_younger(parley: Parley, database: Database):
    async with database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(name="City"))
        for thread in ("t1", "t2", "t3"):
            asked = Event(thread, EventKind.MESSAGE, thread, thread, MONDAY, Author("anna", "Anna"), "When?")
            await receive.receive(session, channel, Batch([asked]), now=MONDAY, move_cursor=False)
        await session.execute(update(Wait).values(opened_at=MONDAY + timedelta(hours=1)))
        oldest = select(func.min(Conversation.id)).scalar_subquery()
        past = MONDAY - timedelta(days=500)
        await session.execute(update(Conversation).where(col(Conversation.id) == oldest).values(created_at=past))
    assert (await asyncio.to_thread(parley, "rebuild-waits", "--json")).json == {
        "conversations": 2,
        "corrected": 2,
        "settled": 0,
        "left_out": 1,
    }
    again = await asyncio.to_thread(parley, "rebuild-waits")
    assert (again.code, again.out.splitlines()[0]) == (
        0,
        "2 conversations told anew: 0 waits and episodes were corrected, and the targets or segments of 0.",
    )
    assert "older than the log" in again.out


async def test_the_language_of_earlier_conversations_is_told_by_a_command(parley: Parley, database: Database):
    async with database.transaction() as session:
        make = Make(session)
        channel = await make.channel(await make.workspace(name="City"))
        for body in ("Wann kommt mein Paket?", "Hm?"):
            await make.message(await make.conversation(channel), body=body)
    assert (await asyncio.to_thread(parley, "languages", "--json")).json == {"conversations": 2, "told": 1}
    again = await asyncio.to_thread(parley, "languages")
    assert (again.code, again.out) == (0, "1 conversations looked at: the language of 0 is known now.\n")


async def test_a_channel_is_compared_with_its_platform(parley: Parley, database: Database, library: None):
    vault, now = open_vault(Settings()), datetime.now(UTC)
    shelves["cli"] = Shelf()
    recent = [comment(number, at=now - timedelta(hours=number)) for number in (1, 2)]
    async with database.transaction() as session:
        make = Make(session)
        workspace = await make.workspace()
        values = {"connected_at": now - timedelta(days=9), "config": vault.encrypt(json.dumps({"shelf": "cli"}))}
        channel = await make.channel(workspace, platform="library", **values)
        silent = await make.channel(workspace, config=vault.encrypt(json.dumps({"secret": SECRET})))
        left_out = Batch(recent[:1], passed_over={"story_insights": 2}, gap=True)
        await receive.receive(session, channel, left_out, now=now - timedelta(minutes=1), move_cursor=False)
    shelves["cli"].posts = {"p1": [Batch(recent)]}
    done = await asyncio.to_thread(parley, "reconcile", str(channel.id), "--days", "3", "--json")
    told = done.json
    assert (done.code, told["fetched"], told["known"], told["complete"], told["days"]) == (0, 1, 1, True, 3), done
    shelves["cli"].posts = {"p1": [Batch(recent, rejected=[Rejected(b"?", "Not a comment.")])]}
    again = await asyncio.to_thread(parley, "reconcile", str(channel.id))
    assert again.code == 1
    assert "1 of 1 posts compared: the platform lists 3 messages, 2 were here." in again.out
    assert "1 are listed and could not be read." in again.out
    refused = await asyncio.to_thread(parley, "reconcile", str(silent.id))
    assert (refused.code, "lists nothing" in refused.err) == (1, True), refused
    rows = (await asyncio.to_thread(parley, "channel", "list", "--json")).json
    assert [(row["passed_over"], row["open_gaps"]) for row in rows] == [({"story_insights": 2}, 1), ({}, 0)]
    checked = (await asyncio.to_thread(parley, "channel", "check", str(channel.id), "--json")).json
    assert (checked[0]["ok"], checked[0]["passed_over"]) == (True, {"story_insights": 2})
