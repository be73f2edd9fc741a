"""Heat maps of a week: numbers by weekday and hour, each a cell whose shade says how large it is. The table is the chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isnan

SHADES = 8  # besides nothing
RARE = 50  # one of so many cells is taken for a storm


@dataclass(frozen=True, slots=True)
class Cell:
    """A number and its shade, 0 (none) to 8 (the most); None where there is nothing to tell."""

    value: float | None
    shade: int


def cells(grid: Sequence[Sequence[float]]) -> list[list[Cell]]:
    """The numbers with their shades; what is not a number is nothing to tell."""
    shaded = zip(grid, shades(grid), strict=True)
    return [[Cell(None if isnan(value) else value, shade) for value, shade in zip(*rows, strict=True)] for rows in shaded]


def shades(grid: Sequence[Sequence[float]]) -> list[list[int]]:
    """How dark each cell is: 0 for nothing, 1 … SHADES in equal steps; the few largest share the darkest, or one storm would pale all."""
    filled = sorted(value for row in grid for value in row if value > 0)
    most = filled[-1 - len(filled) // RARE] if filled else 0
    return [[min(SHADES, ceil(value * SHADES / most)) if value > 0 else 0 for value in row] for row in grid]
