"""Heat maps of a week: numbers by weekday and hour, each a cell whose shade says how large it is. The table is the chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isnan

SHADES = 8


@dataclass(frozen=True, slots=True)
class Cell:
    """A number and its shade, 0 (none) to 8 (the most); None where there is nothing to tell."""

    value: float | None
    shade: int


def cells(grid: Sequence[Sequence[float]]) -> list[list[Cell]]:
    """Shades in equal steps up to the largest number."""
    most = max((value for row in grid for value in row if not isnan(value)), default=0.0)
    return [[_cell(value, most) for value in row] for row in grid]


def _cell(value: float, most: float) -> Cell:
    if isnan(value):
        return Cell(None, 0)
    return Cell(value, ceil(SHADES * value / most) if most > 0 else 0)
