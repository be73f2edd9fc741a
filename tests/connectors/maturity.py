"""What each connector can do: docs/maturity.md, made from capabilities, protocols and the adapters of the tests.

`python -m tests.connectors.maturity` writes it anew; a test fails while it is not what this would write.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import connectors
from connectors.conformance import Adapter, checks
from inbox.contract import Action, Connector, EventKind
from tests.connectors.adapters import ADAPTERS

PAGE = Path(__file__).parents[2] / "docs" / "maturity.md"
DONE, UNSUPPORTED, TODO = "done", "–", "todo"
Kind = type[Connector]
HEAD = """# What each connector can do

Made by `python -m tests.connectors.maturity` from the connectors' capabilities, their protocols, and their adapters in the tests; do not
edit it by hand. *done*: it is there, and tests show it. **–**: the platform cannot do it, or there is nothing to do. **todo**: it could be
done and is not. The reasons are below the tables.
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """How far one connector has come with one thing, and why it is not done, or where else it is shown."""

    state: str
    reason: str = ""


def _has(method: str) -> Callable[[Kind, Adapter | None], bool]:
    return lambda kind, _: hasattr(kind, method)


def _acts(action: Action) -> Callable[[Kind, Adapter | None], bool]:
    return lambda kind, _: action in kind.capabilities.actions


READING: dict[str, Callable[[Kind, Adapter | None], bool]] = {
    "history": lambda kind, _: kind.capabilities.history,
    "edits": lambda kind, _: kind.capabilities.edits_in,
    "deletions": lambda kind, _: kind.capabilities.deletes_in,
    "reactions": lambda _, adapter: adapter is not None and EventKind.REACTION in adapter.kinds,
    "webhooks": _has("webhook"),
    "reread": _has("reread"),
    "fetched files": _has("fetch_file"),
    "listing": _has("listed"),
    "counts": _has("counts"),
    "standing": _has("standing"),
}
SENDING: dict[str, Callable[[Kind, Adapter | None], bool]] = {
    "replies": lambda kind, _: kind.capabilities.replies,
    "attachments": lambda kind, _: kind.capabilities.attachments,
    "once": lambda kind, _: kind.capabilities.idempotent_send or hasattr(kind, "find_sent"),
    "private replies": _acts(Action.PRIVATE_REPLY),
    "approved texts": _has("templates"),
}
ACTING = {action.value: _acts(action) for action in Action if action is not Action.PRIVATE_REPLY}
SUBJECTS = (
    "repeats", "any order", "echoes", "native answers", "every character", "receipts", "failures", "dead connections", "length", "secrets",
)  # fmt: skip
GROUPS = {**dict.fromkeys(READING, "reading"), **dict.fromkeys(SENDING, "sending"), **dict.fromkeys(ACTING, "actions")}


def page() -> str:
    """The page as it should be."""
    adapters = {adapter.name: adapter for adapter in ADAPTERS}
    kinds = {name: connectors.find(name) for name in sorted(connectors.BUILT_IN)}
    cells: dict[str, dict[str, Cell]] = {name: dict(_cells(kind, adapters.get(name))) for name, kind in kinds.items()}
    parts = [HEAD]
    for title, features in (
        ("Reading", READING),
        ("Answering", SENDING),
        ("Acting on messages", ACTING),
        ("Checked by the suite", SUBJECTS),
    ):
        parts.append(_table(title, kinds, list(features), cells))
    parts.append(_reasons(cells))
    return "\n".join(parts)


def _cells(kind: Kind, adapter: Adapter | None) -> Iterator[tuple[str, Cell]]:
    for name, test in {**READING, **SENDING, **ACTING}.items():
        yield name, Cell(DONE) if test(kind, adapter) else _missing(name, adapter)
    found: dict[str, list[str | None]] = defaultdict(list)
    for check in checks.of(adapter) if adapter is not None else ():
        found[check.subject].append(check.exempt)
    for name in SUBJECTS:
        exempt = found.get(name)
        if exempt is not None and None in exempt:
            yield name, Cell(DONE, getattr(adapter, "reasons", {}).get(name, ""))
        else:
            missing = _missing(name, adapter)
            yield name, missing if missing.reason or not exempt else Cell(UNSUPPORTED, f"{str(exempt[0]).capitalize()}.")


def _missing(name: str, adapter: Adapter | None) -> Cell:
    """Not done: shown elsewhere, not supported with a declared reason, or still to do."""
    for attribute, state in (("elsewhere", DONE), ("reasons", UNSUPPORTED), ("todo", TODO)):
        if reason := _said(adapter, attribute, name):
            return Cell(state, reason)
    return Cell(TODO)


def _said(adapter: Adapter | None, attribute: str, name: str) -> str:
    """What the adapter says about a thing, or about all of its sort."""
    said: Mapping[str, str] = getattr(adapter, attribute, {})
    return said.get(name) or said.get(GROUPS.get(name, "suite"), "")


def _table(title: str, kinds: Mapping[str, Any], features: list[str], cells: Mapping[str, Mapping[str, Cell]]) -> str:
    lines = [f"\n## {title}\n", f"| | {' | '.join(features)} |", f"|---|{'---|' * len(features)}"]
    for name in kinds:
        shown = [cells[name][feature] for feature in features]
        lines.append(f"| [{name}](channels/{name}.md) | {' | '.join(f'**{c.state}**' if c.state == TODO else c.state for c in shown)} |")
    return "\n".join(lines)


def _reasons(cells: Mapping[str, Mapping[str, Cell]]) -> str:
    lines = ["\n\n## Why\n"]
    for name, found in cells.items():
        by_reason: dict[tuple[str, str], list[str]] = defaultdict(list)
        for feature, cell in found.items():
            if cell.reason:
                by_reason[cell.state, cell.reason].append(feature)
        if by_reason:
            lines.append(f"**{name}**\n")
            lines += [f"- {', '.join(features)} ({state}): {reason}" for (state, reason), features in by_reason.items()]
            lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
