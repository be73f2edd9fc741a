"""Every sentence that refuses something is there in German too."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import api.app  # with every error that it knows
import inbox
from inbox.errors import ParleyError
from tests.web.test_templates import german

INBOX, API = Path(inbox.__file__).parent, Path(api.__file__).parent
# These speak in a terminal, as the commands do: English.
TERMINAL = (
    *(API / "commands").rglob("*.py"),
    *(INBOX / "migrations").rglob("*.py"),
    *(INBOX / name for name in ("backups.py", "cluster.py", "dumps.py", "embedded.py", "guard.py", "secrets.py")),
    *(API / name for name in ("process.py", "supervisor.py", "demo/run.py", "demo/seed.py")),
)
MODULES = sorted({*INBOX.rglob("*.py"), *API.rglob("*.py")} - set(TERMINAL))


def refusals(text: str) -> Iterator[str]:
    """The sentences of a module's errors: literal ones, and those that the module has a name for."""
    tree = ast.parse(text)
    named = {
        target.id: statement.value.value
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in KINDS and call.args:
            sentence = call.args[0]
            yield sentence.value if isinstance(sentence, ast.Constant) else named.get(ast.unparse(sentence), ast.unparse(sentence))


def kinds() -> set[str]:
    """The names of all errors that a person reads."""
    waiting: list[type[ParleyError]] = [ParleyError]
    found: set[str] = set()
    while waiting:
        kind = waiting.pop()
        found.add(kind.__name__)
        waiting += kind.__subclasses__()
    return found


KINDS = kinds()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_refuses_is_said_in_german_too(path: Path) -> None:
    elsewhere = {"invitations.GONE"}  # of the module that is named
    assert sorted(set(refusals(path.read_text())) - german().keys() - elsewhere) == []


def test_a_refusal_without_german_is_found() -> None:
    module = """
SAID = "No."

def refuse():
    raise Invalid(SAID)
    raise NotFound("Never " "heard.")
    raise Unrelated("Whatever.")
"""
    assert list(refusals(module)) == ["No.", "Never heard."]
