"""What is there is documented, and what is documented is there."""

import re
from pathlib import Path

import pytest
import typer
from fastapi import FastAPI

import connectors
from api import cli, measures
from api.deps import House
from inbox.assistant import templates
from inbox.events import KINDS
from inbox.settings import Settings
from inbox.vitals import ChannelVitals, Vitals
from tests.app import app_of
from tests.connectors import maturity

DOCS = Path(__file__).parents[1] / "docs"
ALSO_READ = {"PARLEY_CONFIG"}  # not a setting: where the settings are


def page(name: str) -> str:
    return (DOCS / name).read_text()


def commands() -> dict[str, list[str]]:
    """Every command with its options."""
    found: dict[str, list[str]] = {}
    for name, command in typer.main.get_command(cli.build()).commands.items():
        inner = {f"{name} {part}": below for part, below in command.commands.items()} if hasattr(command, "commands") else {name: command}
        found |= {whole: [option for parameter in each.params for option in parameter.opts] for whole, each in inner.items()}
    return found


def test_every_setting_is_documented_and_no_other():
    told = set(re.findall(r"PARLEY_[A-Z_]+", page("operations.md")))
    assert told - ALSO_READ == {f"PARLEY_{name.upper()}" for name in Settings.model_fields}


def test_every_command_is_documented_with_its_options_and_no_other():
    rows = dict(re.findall(r"^\| `parley ([a-z -]+)`(.*)$", page("operations.md"), re.MULTILINE))
    known = commands()
    assert set(rows) == set(known)
    usual = {"--json", "--workspace", "-w", "-y", "--help"}  # explained once for all
    for name, options in known.items():
        missing = [option for option in options if option.startswith("-") and option not in usual and f"`{option}`" not in rows[name]]
        assert missing == [], name


def test_every_kind_of_event_is_documented_and_no_other():
    assert set(re.findall(r"^\| `([a-z_]+\.[a-z_]+)`", page("events.md"), re.MULTILINE)) == set(KINDS)


@pytest.fixture
def described(house: House) -> FastAPI:
    return app_of(house)


def test_every_route_of_the_api_is_documented_and_no_other(described: FastAPI):
    paths = described.openapi()["paths"]
    known = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
    assert set(re.findall(r"^\| `([A-Z]+ /api/v1[^`]*)`", page("api.md"), re.MULTILINE)) == known


def test_every_variable_of_templates_is_documented():
    assert [name for name in templates.VARIABLES if f"{{{{{name}}}}}" not in page("api.md")] == []


def test_every_number_for_monitoring_is_documented():
    channel = ChannelVitals(1, "", "demo", "healthy", None, 1.0, 1.0, None)
    vitals = Vitals(False, 1, 0, 0, None, 0, 0, 0, None, 0, 1, 100, [channel])
    told = measures.text(measures.Measures(), vitals).decode()
    known = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in re.findall(r"^# HELP (\w+)", told, re.MULTILINE)}
    assert set(re.findall(r"`(parley_\w+)`", page("operations.md"))) == known


def test_the_rules_for_prometheus_ask_for_numbers_that_there_are():
    channel = ChannelVitals(1, "", "demo", "healthy", None, 1.0, 1.0, None)
    vitals = Vitals(False, 1, 0, 0, None, 0, 0, 0, None, 0, 1, 100, [channel])
    known = set(re.findall(r"^# TYPE (\w+)", measures.text(measures.Measures(), vitals).decode(), re.MULTILINE))
    asked = set(re.findall(r"\bparley_\w+", page("prometheus-alerts.yml")))
    assert asked
    assert asked <= known


@pytest.mark.parametrize("platform", sorted(connectors.addresses()))
def test_every_connector_is_documented(platform: str):
    assert len(page(f"channels/{platform}.md")) > 400


def test_what_each_connector_can_do_is_told_as_it_is() -> None:
    assert maturity.PAGE.read_text() == maturity.page(), "python -m tests.connectors.maturity writes it anew"


def test_a_connector_that_says_nothing_about_itself_is_in_the_table_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connectors.BUILT_IN, "stage", "tests.connectors.stage:Stage")
    connectors.find.cache_clear()
    connectors.addresses.cache_clear()
    rows = [line for line in maturity.page().splitlines() if line.startswith("| [stage]")]
    connectors.find.cache_clear()
    connectors.addresses.cache_clear()
    assert rows[1] == "| [stage](channels/stage.md) | done | **todo** | **todo** | **todo** | **todo** |"


def test_links_between_pages_lead_somewhere():
    pages = list(DOCS.rglob("*.md"))
    broken = [
        (path.name, target)
        for path in pages
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]
    assert broken == []
