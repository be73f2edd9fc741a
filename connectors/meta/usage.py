"""How much of its limit an account has used (https://developers.facebook.com/docs/graph-api/overview/rate-limiting/#headers)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from connectors.meta.shapes import Json

PERCENTAGES = ("call_count", "total_cputime", "total_time")


@dataclass(frozen=True, slots=True)
class Usage:
    """`percent` of what is allowed in the rolling window; `regain`: seconds until it is allowed again, 0 where nothing is in the way."""

    percent: int = 0
    regain: float = 0.0


def read(headers: Mapping[str, str]) -> Usage | None:
    """What the headers of an answer tell; None when they tell nothing. The fullest of several limits counts."""
    tallies = [*_tallies(headers.get("x-app-usage")), *_tallies(headers.get("x-business-use-case-usage"))]
    if not tallies:
        return None
    percent = max(_number(tally.get(name)) for tally in tallies for name in PERCENTAGES)
    minutes = max(_number(tally.get("estimated_time_to_regain_access")) for tally in tallies)
    return Usage(int(percent), minutes * 60)


def _tallies(header: str | None) -> Iterator[Json]:
    """The app's tally is one object; business use cases are lists of them, by account."""
    try:
        told: Any = json.loads(header or "null")
    except (ValueError, RecursionError):
        return
    if not isinstance(told, dict):
        return
    told = cast("Json", told)
    if any(name in told for name in PERCENTAGES):
        yield told
    for value in told.values():
        if isinstance(value, list):
            yield from (cast("Json", tally) for tally in cast("list[Any]", value) if isinstance(tally, dict))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and value >= 0 else 0.0
