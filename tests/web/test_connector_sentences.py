"""What connectors and the host say of a failure is stored in English, and read in German on a German page."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import connectors
from web.i18n import language

FOLDER = Path(connectors.__file__).parent
ERRORS = {"ConnectorError", "AuthError", "RateLimited", "Transient", "Ambiguous", "Permanent", "WindowClosed", "Misconfigured", "Refusal"}
MODULES = [path for path in sorted(FOLDER.rglob("*.py")) if path.parent.name != "conformance"]


def sentences(text: str) -> Iterator[str]:
    """The sentences of a module's errors, with something in each blank."""
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ERRORS and call.args:
            said = call.args[0]
            if isinstance(said, ast.Constant):
                yield said.value
            elif isinstance(said, ast.JoinedStr) and any(isinstance(part, ast.Constant) and len(part.value) > 2 for part in said.values):
                yield "".join(part.value if isinstance(part, ast.Constant) else "Xyzzy 7" for part in said.values)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_failure_is_told_in_german_too(path: Path) -> None:
    spoken = language("de")
    found = [sentence for sentence in sentences(path.read_text()) if "words" not in sentence]
    through = {"Xyzzy 7: the credentials are not accepted.", "Xyzzy 7: too many requests.", "Xyzzy 7: not now."}  # begin with an answer
    assert [sentence for sentence in found if sentence not in through and spoken.sentence(sentence) == sentence] == []


@pytest.mark.parametrize("platform", sorted(connectors.BUILT_IN))
def test_what_an_action_really_does_is_told_in_german_too(platform: str) -> None:
    capabilities = connectors.find(platform).capabilities
    assert set(capabilities.consequences) <= capabilities.actions
    assert capabilities.own_only <= capabilities.actions
    assert [told for told in capabilities.consequences.values() if language("de").gettext(told) == told] == []


@pytest.mark.parametrize(
    ("english", "german"),
    [
        ("The channel was removed.", "Der Kanal wurde entfernt."),
        ("Telegram answered 429: too many requests.", "Telegram antwortete 429: zu viele Anfragen."),
        ("Given up: Telegram asks us to wait.", "Aufgegeben: Telegram bittet uns zu warten."),  # a sentence within one
        ("“a@b” is not a mail address.", "„a@b“ ist keine Mailadresse."),
        ("Something that nobody has translated.", "Something that nobody has translated."),
        ("Telegram refuses: {chat}", "Telegram lehnt ab: {chat}"),  # what a platform says is no format
    ],
)
def test_a_sentence_is_known_by_its_shape(english: str, german: str) -> None:
    assert language("de").sentence(english) == german
    assert language("en").sentence(english) == english
