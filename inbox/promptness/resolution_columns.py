"""The episodes of a period in columns, and what is reckoned from them. Imports numpy: import it where it is needed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from inbox.promptness import percentiles
from inbox.promptness.calendars import Pause
from inbox.promptness.policies import WALL, Rule
from inbox.promptness.resolutions import Cut, Figure, Key, Length, Row

Numbers = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Columns:
    """The episodes of a period, one entry for each in every column."""

    def __init__(self, rows: Sequence[Row], known: Mapping[int, Rule], now: datetime) -> None:
        self.rows = rows
        self.is_first = np.array([row.first_at is not None for row in rows], dtype=bool)
        self.is_last = np.array([row.last_at is not None for row in rows], dtype=bool)
        self.first = _floored([((row.first_at or now) - row.began_at).total_seconds() for row in rows])
        self.last = _floored([((row.last_at or now) - row.began_at).total_seconds() for row in rows])
        so_far = [0.0 if row.last_at is not None else _so_far(row, known.get(row.policy or 0), now) for row in rows]
        pairs = list(zip(rows, so_far, strict=True))
        self.first_business = _floored([spent if row.first_business is None else row.first_business for row, spent in pairs])
        self.last_business = _floored([spent if row.last_business is None else row.last_business for row, spent in pairs])
        self.reopened = np.array([row.reopened > 0 for row in rows], dtype=bool)
        self.touched_once = np.array([row.replies == 1 for row in rows], dtype=bool)
        self.promised = np.array([row.target is not None for row in rows], dtype=bool)
        self.late = np.array([row.is_late for row in rows], dtype=bool) & self.promised

    def figures(self, cut: Cut) -> list[Figure]:
        if not self.rows:
            return []
        keys: list[Key] = [None if cut is Cut.ALL else getattr(row, cut.value) for row in self.rows]
        ordered = sorted(set(keys), key=lambda key: (key is None, key if isinstance(key, int) else 0, str(key)))
        place = {key: number for number, key in enumerate(ordered)}
        places = np.array([place[key] for key in keys])
        return [self._figure(key, places == number) for key, number in place.items()]

    def _figure(self, key: Key, which: Truths) -> Figure:
        first, last = self.is_first[which], self.is_last[which]
        promised, late = self.promised[which], self.late[which]
        n, resolved, decided = len(first), int(last.sum()), int((promised & (last | late)).sum())
        return Figure(
            key=key,
            n=n,
            resolved=resolved,
            open_now=n - resolved,
            first=length(self.first[which], first),
            last=length(self.last[which], last),
            first_business=length(self.first_business[which], first),
            last_business=length(self.last_business[which], last),
            reopened=_share(int((self.reopened[which] & first).sum()), int(first.sum())),
            one_touch=_share(int((self.touched_once[which] & last).sum()), resolved),
            promised=int(promised.sum()),
            late=int(late.sum()),
            kept=_share(decided - int(late.sum()), decided),
        )


def length(seconds: Numbers, is_over: Truths) -> Length:
    """Percentiles in whole seconds with what is not over yet in them, as those of waits; the mean of what is over alone."""
    curve = percentiles.curve(np.sort(percentiles.keys(seconds, is_over)))
    mean = float(seconds[is_over].mean()) if is_over.any() else None
    return Length(curve.percentile(0.5), curve.percentile(0.9), mean)


def _so_far(row: Row, rule: Rule | None, now: datetime) -> float:
    """Business seconds of an episode that is open, until now."""
    pauses: list[Pause] = [(_moment(since), now if until is None else _moment(until)) for since, until, _ in row.rests or ()]
    return (rule or WALL).elapsed(row.began_at, now, [(since, max(since, until)) for since, until in pauses])


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _floored(seconds: Sequence[float]) -> Numbers:
    return np.maximum(np.floor(np.array(seconds, dtype=np.float64)), 0)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
