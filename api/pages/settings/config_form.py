"""The set-up form of a channel, drawn from the JSON Schema of its connector's Config, and read back.

A field that is a choice may bring the words of its values along: `json_schema_extra={"words": {"tls": "TLS from the start"}}`.
A secret is never shown again. An empty secret keeps the one that is stored, or the one that was typed before the last check failed, which
comes back sealed in a hidden field.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from api.pages.settings import faults
from api.pages.settings.faults import Fault
from connectors.host.renewing import Tried
from inbox import channels
from inbox.errors import Unusable
from inbox.secrets import Vault

LONG_TEXT = 300  # characters; a text that may be longer gets more than a line
PREFIX = "config."


@dataclass(frozen=True, slots=True)
class Entry:
    """One field as the page draws it. `kind`: text, number, secret, yes, choice, lines, long or colour."""

    name: str
    label: str
    hint: str
    kind: str
    required: bool
    value: Any = ""
    choices: tuple[tuple[str, str], ...] = ()  # what is stored, and its words
    example: str = ""
    error: Fault | None = None
    kept: bool = False  # a secret that is there, though not shown

    @property
    def id(self) -> str:
        return PREFIX + self.name


@dataclass(slots=True)
class Filled:
    """A form that came back: its configuration when it fits, else what is wrong, by field; "" is the form as a whole."""

    values: dict[str, Any]
    config: BaseModel | None = None
    errors: dict[str, Fault] = field(default_factory=dict[str, Fault])

    def renewed(self, tried: Tried) -> None:
        """Take over the secrets that a platform gave anew while the form was tried."""
        self.config = tried.config
        self.values.update(tried.renewed)

    def about_all(self, locale: str) -> str:
        """What is wrong with the form as a whole."""
        return self.errors[""].told(locale) if "" in self.errors else ""


def entries(kind: type[BaseModel], values: Mapping[str, Any], *, errors: Mapping[str, Fault] | None = None) -> list[Entry]:
    """The fields of a Config, filled in; secrets stay empty."""
    schema = kind.model_json_schema()
    required = set(schema.get("required", ()))
    return [_entry(name, _plain(about, schema), name in required, values, errors or {}) for name, about in schema["properties"].items()]


def main_and_more(drawn: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """What everybody fills in, and what most leave as it is: optional fields, except the first secret."""
    first_secret = next((entry.name for entry in drawn if entry.kind == "secret"), None)
    main = [entry for entry in drawn if entry.required or entry.name == first_secret or entry.error]
    if not main:
        return drawn, []
    return main, [entry for entry in drawn if entry not in main]


def read(kind: type[BaseModel], form: Mapping[str, Any], kept: Mapping[str, Any]) -> Filled:
    """Check what was filled in. `kept` holds the secrets that an empty field keeps."""
    values: dict[str, Any] = {}
    for entry in entries(kind, {}):
        given = str(form.get(entry.id, "")).strip()
        if entry.kind == "yes":
            values[entry.name] = given != ""
        elif entry.kind == "lines":
            values[entry.name] = [line.strip() for line in given.splitlines() if line.strip()]
        elif entry.kind == "secret":
            if given or entry.name in kept:
                values[entry.name] = given or kept[entry.name]
        elif given:  # what is left empty keeps its default
            values[entry.name] = given
    return _checked(kind, values)


def read_secrets(kind: type[BaseModel], form: Mapping[str, Any], stored: Mapping[str, Any], typed: Mapping[str, Any]) -> Filled:
    """The same for a form of secrets alone: everything else stays as it is `stored`; `typed` are those of a form that came back."""
    given = {entry.name: str(form.get(entry.id, "")).strip() for entry in entries(kind, {}) if entry.kind == "secret"}
    return _checked(kind, {**stored, **typed, **{name: value for name, value in given.items() if value}})


def _checked(kind: type[BaseModel], values: dict[str, Any]) -> Filled:
    filled = Filled(values)
    try:
        filled.config = kind.model_validate(values)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            where = str(item["loc"][0]) if item["loc"] else ""
            filled.errors[where] = faults.of(item)
    return filled


def secrets(kind: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """The secrets among a Config's values."""
    names = {entry.name for entry in entries(kind, {}) if entry.kind == "secret"}
    return {name: value for name, value in values.items() if name in names and value}


def seal(vault: Vault, workspace_id: int, kind: type[BaseModel], values: Mapping[str, Any]) -> str:
    """The secrets typed so far, for the hidden field; only this workspace's form can use them."""
    return vault.encrypt(json.dumps({"workspace": workspace_id, "secrets": secrets(kind, values)}))


def unseal(vault: Vault, workspace_id: int, sealed: str) -> dict[str, Any]:
    """What `seal` kept; nothing when it was not made here."""
    try:
        kept: dict[str, Any] = json.loads(vault.decrypt(sealed)) if sealed else {}
    except (Unusable, json.JSONDecodeError):
        return {}
    return kept.get("secrets", {}) if kept.get("workspace") == workspace_id else {}


def generated(kind: type[BaseModel], filled: Filled, config: BaseModel) -> dict[str, str]:
    """Secrets that the connector made itself, to be shown this once: {label: secret}."""
    everything = channels.revealed(config)
    labels = {entry.name: entry.label for entry in entries(kind, {}) if entry.kind == "secret"}
    return {label: everything[name] for name, label in labels.items() if everything.get(name) and not filled.values.get(name)}


def _entry(name: str, about: dict[str, Any], required: bool, values: Mapping[str, Any], errors: Mapping[str, Fault]) -> Entry:
    kind = _kind(about)
    words = about.get("words", {})
    value = values.get(name, about.get("default"))
    if kind == "lines":
        value = "\n".join(str(line) for line in value or ())
    return Entry(
        name=name,
        label=str(about.get("title") or name.replace("_", " ").capitalize()),
        hint=str(about.get("description") or ""),
        kind=kind,
        required=required,
        value="" if value is None or kind == "secret" else value,
        choices=tuple((str(choice), str(words.get(str(choice), choice))) for choice in about.get("enum", ())),
        example=str((about.get("examples") or [""])[0]),
        error=errors.get(name),
        kept=kind == "secret" and bool(values.get(name)),
    )


def _kind(about: Mapping[str, Any]) -> str:
    if about.get("writeOnly") or about.get("format") == "password":
        return "secret"
    if "enum" in about:
        return "choice"
    if about.get("format") == "color":
        return "colour"
    by_type = {"boolean": "yes", "integer": "number", "number": "number", "array": "lines"}
    if about.get("type") in by_type:
        return by_type[str(about["type"])]
    return "long" if about.get("format") == "multiline" or about.get("maxLength", 0) > LONG_TEXT else "text"


def _plain(about: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A property without references and without "or nothing"."""
    options = [option for option in about.get("anyOf", ()) if option.get("type") != "null"] or [about]
    found: dict[str, Any] = dict(options[0])
    for reference in [found.pop("$ref", ""), *(part.get("$ref", "") for part in found.pop("allOf", ()))]:
        if reference:
            found = {**schema["$defs"][reference.rpartition("/")[2]], **found}
    if "const" in found:
        found["enum"] = [found["const"]]
    own = {name: value for name, value in about.items() if name not in {"anyOf", "allOf", "$ref"}}
    return {**found, **own}
