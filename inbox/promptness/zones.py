"""When the clocks of a time zone change. `zoneinfo` knows, but tells only the offset of one moment."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000  # microseconds, as every number here: time and offset east of UTC
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
OPEN = 2**62  # a moment that has not come

Change = tuple[int, int]  # from this moment on (since 1970, UTC), this offset


def number(at: datetime) -> int:
    """An aware datetime as microseconds since 1970, UTC."""
    return (at - EPOCH) // MICROSECOND


def moment(micros: int) -> datetime:
    """The reverse of `number`, in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def first_day(year: int) -> int:
    """The beginning of a year, UTC."""
    return number(datetime(year, 1, 1, tzinfo=UTC))


def offset(zone: ZoneInfo, micros: int) -> int:
    """How far the zone's clocks are ahead of UTC at this moment."""
    found = moment(micros).astimezone(zone).utcoffset()
    return 0 if found is None else found // MICROSECOND


@lru_cache(maxsize=20_000)
def changes(zone: ZoneInfo, year: int) -> tuple[Change, ...]:
    """The changes of a year, in order. Since 1970 no zone has changed its mind within a week."""
    found: list[Change] = []
    at, end = first_day(year), first_day(year + 1)
    before = offset(zone, at)
    while at < end:
        later = min(at + 7 * DAY, end)
        after = offset(zone, later)
        if after != before:
            found.append((_second(zone, at, later, before), after))
        at, before = later, after
    return tuple(found)


def _second(zone: ZoneInfo, low: int, high: int, before: int) -> int:
    """The first second after `low` at which the offset is another one than `before`."""
    while high - low > SECOND:
        middle = (low + high) // 2 // SECOND * SECOND
        low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
    return high
