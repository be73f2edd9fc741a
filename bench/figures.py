"""One measured figure, and what a module of measurements gets to work with."""

from dataclasses import dataclass
from pathlib import Path

from inbox.db import Database


@dataclass(frozen=True)
class Context:
    """`full`: take the time for the large measurements. The database is durable and empty of this module's workspaces."""

    database: Database
    home: Path
    full: bool


@dataclass(frozen=True)
class Row:
    """A figure and what it was compared with. `ratio` is value ÷ baseline, or None where only the value has a goal."""

    name: str
    value: float
    unit: str
    baseline: float | None
    ratio: float | None
    goal: str
    ok: bool


def at_least(name: str, value: float, unit: str, baseline: float, goal: float) -> Row:
    """A rate that should reach a share of the baseline's."""
    ratio = value / baseline
    return Row(name, round(value, 2), unit, round(baseline, 2), round(ratio, 3), f"≥ {goal:g}", ratio >= goal)


def at_most(name: str, value: float, unit: str, baseline: float, goal: float) -> Row:
    """A cost that should not exceed a multiple of the baseline's."""
    ratio = value / baseline
    return Row(name, round(value, 2), unit, round(baseline, 2), round(ratio, 3), f"≤ {goal:g}", ratio <= goal)


def value_at_most(name: str, value: float, unit: str, goal: float) -> Row:
    """A cost with a limit of its own."""
    return Row(name, round(value, 2), unit, None, None, f"≤ {goal:g} {unit}", value <= goal)
