"""The geometry of charts: numbers in, places out. Templates draw them as SVG that stretches with the page; words stand beside it as HTML.

The box is WIDTH × HEIGHT, whatever the screen; lines keep their strength when it is stretched (`vector-effect`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 200
PARTS = 4  # of a scale
TOPS = (
    60, 120, 240, 480, 1200, 2400, 3600, 7200, 14_400, 28_800, 57_600, 86_400,
    172_800, 345_600, 691_200, 1_382_400, 2_419_200, 4_838_400, 9_676_800, 38_707_200,
)  # fmt: skip  # seconds whose quarters are lengths that people know


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines over time: the `d` of each path. `ticks`: what the scale says, the top first; `mark`: where the goal lies, None: above."""

    paths: Mapping[str, str]
    ticks: Sequence[float]
    mark: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of two parts, the lower first: x, width, and y and height of each."""

    x: float
    width: float
    lower: tuple[float, float]
    upper: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stacks:
    """Bars, and a line over them on the same scale."""

    bars: Sequence[Bar]
    path: str
    ticks: Sequence[float]


def lines(series: Mapping[str, Sequence[float | None]], *, mark: float | None = None) -> Lines:
    """Lengths in seconds over equal steps of time; where one is unknown the line is broken."""
    most = max((value for values in series.values() for value in values if value is not None), default=0)
    top = next((top for top in TOPS if top >= most), most)
    paths = {name: _path(values, top) for name, values in series.items()}
    is_inside = mark is not None and mark <= top
    return Lines(paths, _ticks(top), _y(mark, top) if is_inside and mark is not None else None)


def stacks(bars: Sequence[tuple[int, int]], over: Sequence[int]) -> Stacks:
    """Counts: two parts of each bar, and a line."""
    most = max((*(sum(bar) for bar in bars), *over), default=0)
    top = _round_top(most)
    step = WIDTH / max(1, len(bars))
    drawn = [_bar(at, bar, step, top) for at, bar in enumerate(bars)]
    return Stacks(drawn, _path(over, top), _ticks(top))


def shares(values: Sequence[float | None]) -> Lines:
    """Shares of 0 … 1 over equal steps of time, on a scale of all of it."""
    return Lines({"share": _path(values, 1)}, _ticks(1), None)


def _round_top(most: float) -> int:
    """The next number whose quarters are whole: 4, 8, 20, 40, 80, 200 …"""
    size = 1
    while True:
        for top in (4, 8, 20):
            if most <= top * size:
                return top * size
        size *= 10


def _ticks(top: float) -> list[float]:
    return [top * part / PARTS for part in range(PARTS, -1, -1)]


def _y(value: float, top: float) -> float:
    return round(HEIGHT - HEIGHT * value / top, 1) if top else HEIGHT


def _path(values: Sequence[float | None], top: float) -> str:
    """A line through the middle of each step; a value between unknown ones is a short stroke."""
    step = WIDTH / max(1, len(values))
    parts: list[str] = []
    for at, value in enumerate(values):
        if value is None:
            continue
        x, y = round((at + 0.5) * step, 1), _y(value, top)
        follows = at > 0 and values[at - 1] is not None
        goes_on = at + 1 < len(values) and values[at + 1] is not None
        if follows:
            parts.append(f"L{x} {y}")
        elif goes_on:
            parts.append(f"M{x} {y}")
        else:
            parts.append(f"M{round(x - step / 3, 1)} {y}h{round(step * 2 / 3, 1)}")
    return "".join(parts)


def _bar(at: int, bar: tuple[int, int], step: float, top: float) -> Bar:
    lower, upper = (HEIGHT * part / top for part in bar)
    below, above = (round(HEIGHT - lower, 1), round(lower, 1)), (round(HEIGHT - lower - upper, 1), round(upper, 1))
    return Bar(round(at * step + step * 0.1, 1), round(step * 0.8, 1), below, above)
