"""Business time over ten years beside ten days, in processor time of this process: the same calendar, warm, asked at many moments; and
calendars that are asked for the first time, which then add up the years that the question spans."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.figures import Context, Row, at_most
from inbox.promptness.calendars import Calendar

GOAL = 3.0
TIMES = 400
BEGIN = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
SHORT, LONG = timedelta(days=10), timedelta(days=3652)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
OFFICE: dict[str, Any] = {
    "tz": "Europe/Berlin",
    "hours": {day: [["09:00", "12:30"], ["13:30", "18:00"]] for day in WEEKDAYS} | {"sat": [["22:00", "06:00"]]},
    "dates": {f"{year}-12-24": [["09:00", "12:00"]] for year in range(2026, 2037)},
    "holidays": ["DE-SH"],
}


async def rows(context: Context) -> list[Row]:
    """How much time has passed, and when so much will have."""
    del context
    office = Calendar.from_dict(OFFICE)
    amounts = {span: office.elapsed(BEGIN, BEGIN + span) for span in (LONG, SHORT)}  # warm: what years have of holidays is known
    return [
        _row("elapsed", lambda at, span: office.elapsed(at, at + span)),
        _row("due", lambda at, span: office.due(at, amounts[span])),
        at_most("business time, first question, over ten years ÷ over ten days", _first(LONG), "µs of processor time", _first(SHORT), GOAL),
    ]


def _row(name: str, ask: Callable[[datetime, timedelta], object]) -> Row:
    long, short = _microseconds(ask, LONG), _microseconds(ask, SHORT)
    return at_most(f"business time, {name} over ten years ÷ over ten days", long, "µs of processor time", short, GOAL)


def _microseconds(ask: Callable[[datetime, timedelta], object], span: timedelta) -> float:
    """For one question: by the median."""
    taken: list[float] = []
    for number in range(TIMES):
        at = BEGIN + timedelta(minutes=number)
        ask(at, span)
        began = time.process_time_ns()
        for _ in range(10):
            ask(at, span)
        taken.append((time.process_time_ns() - began) / 10 / 1000)
    return statistics.median(taken)


def _first(span: timedelta) -> float:
    """For the first question to a calendar whose holidays are known: by the median."""
    taken: list[float] = []
    for number in range(TIMES):
        office, at = Calendar.from_dict(OFFICE), BEGIN + timedelta(minutes=number)
        began = time.process_time_ns()
        office.elapsed(at, at + span)
        taken.append((time.process_time_ns() - began) / 1000)
    return statistics.median(taken)
