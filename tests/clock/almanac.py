"""The calendar file read a second time, as simply as can be: what the program's is held against."""

import csv
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path

from crm.kernel.clock import SHANGHAI

FILE = Path(__file__).parents[2] / "crm/kernel/data/trading_calendar.csv"
ROWS = list(csv.DictReader(FILE.read_text().splitlines()))
CLOSED = {row["date"] for row in ROWS if row["kind"] == "closed"}
WITHOUT_NIGHT = {row["date"] for row in ROWS if row["kind"] == "no_night"}

FIRST, LAST = date(2024, 1, 1), date(2027, 12, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
OPEN = [day for day in DAYS if day.weekday() < 5 and day.isoformat() not in CLOSED]
WITH_NIGHT = {day for day in OPEN if day.isoformat() not in WITHOUT_NIGHT}
NEXT_OPEN = dict(pairwise(OPEN))


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute, second), SHANGHAI)


def sessions() -> Iterator[tuple[datetime, datetime]]:
    """From when to when some product trades, in order."""
    for day in OPEN:
        yield at(day, 9), at(day, 10, 15)
        yield at(day, 10, 30), at(day, 11, 30)
        yield at(day, 13), at(day, 15, 15)
        if day in WITH_NIGHT:
            yield at(day, 21), at(day + timedelta(days=1), 2, 30)


def belongs_to(moment: datetime) -> date:
    """The trading day of a moment: after six in the evening the next one."""
    day = moment.date() + timedelta(days=moment.hour >= 18)
    while day not in NEXT_OPEN and day != OPEN[-1]:
        day += timedelta(days=1)
    return day
