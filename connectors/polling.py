"""What platforms without a live stream need: a memory of what was seen, and looks that a day's quota lasts for."""

import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from inbox.contract import Batch, CursorExpired, Event, Rejected

Json = dict[str, Any]
AT_ONCE = 200  # events of a batch
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def digest(*parts: object) -> str:
    """A short fingerprint of what somebody said: another one means that it was edited."""
    return hashlib.sha256(repr(parts).encode(errors="replace")).hexdigest()[:12]


def told_time(value: Any, parts: int = 1) -> datetime:
    """A time as seconds since 1970, or as so many `parts` of one. Raises ValueError, whatever it is: a shape then rejects it alone."""
    try:
        return datetime.fromtimestamp(float(value) / parts, UTC)
    except (TypeError, OverflowError, OSError):
        raise ValueError("it is no time") from None


def now() -> datetime:
    """The clock of the polling connectors."""
    return datetime.now(UTC)


def spread(rest: float, left: float, cost: float, *, shortest: float, longest: float) -> float:
    """Seconds until the next look of this cost, so that what is left lasts for the rest of the time."""
    return longest if left < cost else min(max(rest * cost / left, shortest), longest)


@dataclass(slots=True)
class Reach:
    """How far back a list is read that begins with its newest: until what was met before; at the very beginning, as much as is asked for.

    An id to go on from would be shorter, but platforms answer with nothing for ever once the thing with that id is deleted.
    """

    until: datetime | None
    history: int
    overlap: timedelta  # things may be listed late: they were looked at for spam
    pages: int = 1  # at least
    gap: bool = False
    newest: datetime = LONG_AGO  # of all that the list has; by the platform's clock, not by ours

    def __post_init__(self) -> None:
        self.newest = self.until or LONG_AGO

    async def read(self, pages: AsyncGenerator[list[Json]], began: Callable[[Json], datetime | None], most: int) -> list[Json]:
        """The entries, the newest first. `gap`: what was met before lies further back than `most` pages."""
        found: list[Json] = []
        count = 0
        async with aclosing(pages):
            async for page in pages:
                found, count = found + page, count + 1
                times = [at for at in map(began, page) if at]
                self.newest = max([self.newest, *times])
                met = self.until is not None and bool(times) and min(times) < self.until - self.overlap
                if count >= self.pages and (met or (self.until is None and len(found) >= max(1, self.history))):
                    return found if self.until else found[: self.history]
        self.gap = self.until is not None and count >= most
        return found if self.until else found[: self.history]


@dataclass(slots=True)
class Window:
    """The latest things that were seen, by id, each with its fingerprint; the oldest give way."""

    most: int
    known: dict[str, str] = field(default_factory=dict[str, str])

    def see(self, name: str, fingerprint: str) -> bool | None:
        """Note a thing: True if it was not known, False if it has changed, None if nothing is new."""
        before = self.known.get(name)
        if before == fingerprint:
            return None
        if before is None:
            self.known[name] = fingerprint
            while len(self.known) > self.most:
                del self.known[next(iter(self.known))]
            return True
        self.known[name] = fingerprint
        return False

    def forget(self, name: str) -> None:
        self.known.pop(name, None)

    def latest(self, count: int) -> list[str]:
        """The ids that were noted last."""
        return list(self.known)[-count:]


@dataclass(slots=True)
class Budget:
    """Units that a platform grants for a day, which ends at midnight in its own zone. `total`: all that this object saw spent."""

    limit: int
    zone: str
    used: int = 0
    day: str = ""
    total: int = 0

    def spend(self, units: int, at: datetime) -> None:
        """Note what a request has cost."""
        self._turn(at)
        self.used += units
        self.total += units

    def left(self, at: datetime) -> int:
        self._turn(at)
        return max(0, self.limit - self.used)

    def exhaust(self, at: datetime) -> None:
        """The platform says that nothing is left: others spend from it too."""
        self._turn(at)
        self.used = max(self.used, self.limit)

    def resets_at(self, at: datetime) -> datetime:
        zone = ZoneInfo(self.zone)
        tomorrow = at.astimezone(zone).date() + timedelta(days=1)
        return datetime.combine(tomorrow, time(), zone).astimezone(UTC)

    def pause(self, cost: float, at: datetime, *, reserve: int, shortest: float, longest: float) -> float:
        """Seconds until the next look of this cost, so that what is left lasts until the day ends; `reserve` units stay for replies."""
        spendable = self.left(at) - reserve
        rest = (self.resets_at(at) - at).total_seconds()
        if spendable < cost:
            return rest
        return spread(rest, spendable, cost, shortest=shortest, longest=longest)

    def _turn(self, at: datetime) -> None:
        today = at.astimezone(ZoneInfo(self.zone)).date().isoformat()
        if today != self.day:
            self.day, self.used = today, 0


@dataclass(slots=True)
class Pieces:
    """What becomes of a look."""

    events: list[Event] = field(default_factory=list[Event])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    passed: dict[str, int] = field(default_factory=dict[str, int])
    gap: bool = False

    def reject(self, kind: str, entry: Any, error: Exception) -> None:
        """Keep what cannot be read, with what is wrong about it."""
        self.rejected.append(Rejected(json.dumps({"kind": kind, "entry": entry}).encode(), reason(error)))

    def pass_over(self, why: str) -> None:
        self.passed[why] = self.passed.get(why, 0) + 1

    def batches(self, before: str | None, after: str) -> Iterable[Batch]:
        """Batches of bounded size; only the last one moves the cursor, so that a crash in between repeats and loses nothing."""
        rest = self.events
        while len(rest) > AT_ONCE:
            yield Batch(rest[:AT_ONCE], cursor=before, gap=self.gap)
            rest, self.gap = rest[AT_ONCE:], False
        yield Batch(rest, cursor=after, gap=self.gap, rejected=self.rejected, passed_over=self.passed)


def reason(error: Exception) -> str:
    """What is wrong, without what was given."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return "It is not what the platform's documents describe."


def read_cursor(cursor: str) -> Mapping[str, Any]:
    """The place that a cursor names."""
    try:
        told: Any = json.loads(cursor)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise CursorExpired("The place where reading stopped is not readable.")
    return cast("dict[str, Any]", told)


def kept(raw: bytes) -> tuple[str, Any]:
    """What `Pieces.reject` has kept: its kind and the thing itself. Raises ValueError."""
    told: Any = json.loads(raw)
    if not isinstance(told, dict) or "kind" not in told:
        raise ValueError
    return str(cast("dict[str, Any]", told)["kind"]), cast("dict[str, Any]", told).get("entry")
