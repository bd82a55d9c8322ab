"""Festivals and the closed days around them.

The names are the program's own: a calendar needs to know only which days are closed.
"""

from datetime import date, timedelta
from typing import NamedTuple

from crm.kernel.calendar import Calendar

# New Year, Dragon Boat and Mid-Autumn of the lunar calendar; Ching Ming is a solar term
_LUNAR = {
    "春节": "2024-02-10 2025-01-29 2026-02-17 2027-02-06 2028-01-26 2029-02-13 2030-02-03"
    " 2031-01-23 2032-02-11 2033-01-31 2034-02-19 2035-02-08",
    "端午": "2024-06-10 2025-05-31 2026-06-19 2027-06-09 2028-05-28 2029-06-16 2030-06-05"
    " 2031-06-24 2032-06-12 2033-06-01 2034-06-20 2035-06-10",
    "中秋": "2024-09-17 2025-10-06 2026-09-25 2027-09-15 2028-10-03 2029-09-22 2030-09-12"
    " 2031-10-01 2032-09-19 2033-09-08 2034-09-27 2035-09-16",
    "清明": "2024-04-04 2025-04-04 2026-04-05 2027-04-05 2028-04-04 2029-04-04 2030-04-05"
    " 2031-04-05 2032-04-04 2033-04-04 2034-04-05 2035-04-05",
}
_SOLAR = {"元旦": (1, 1), "五一": (5, 1), "国庆": (10, 1)}
_BY_YEAR = {
    (name, int(day[:4])): date.fromisoformat(day)
    for name, days in _LUNAR.items()
    for day in days.split()
}
_ONE = timedelta(days=1)
_HORIZON = 400  # days within which a block of closed days must come


class Block(NamedTuple):
    """Closed days in a row, weekends beside a holiday included."""

    first: date
    last: date


def festival(name: str, year: int) -> date | None:
    """The day itself; None beyond the years that are known."""
    if name in _SOLAR:
        return date(year, *_SOLAR[name])
    return _BY_YEAR.get((name, year))


def around(calendar: Calendar, day: date) -> Block | None:
    """The closed days that ``day`` lies in; None when it is a trading day."""
    if calendar.is_trading(day):
        return None
    first = last = day
    while not calendar.is_trading(first - _ONE):
        first -= _ONE
    while not calendar.is_trading(last + _ONE):
        last += _ONE
    return Block(first, last)


def next_festival(calendar: Calendar, name: str, today: date) -> Block | None:
    """The closed days of the next such festival that are not over."""
    for year in (today.year, today.year + 1):
        day = festival(name, year)
        if day is None:
            continue
        block = around(calendar, day) or Block(day, day)
        if block.last >= today:
            return block
    return None


def next_blocks(calendar: Calendar, today: date, count: int) -> list[Block]:
    """The next blocks with a closed weekday, the present one first if today is in it."""
    blocks: list[Block] = []
    day = today
    while len(blocks) < count and (day - today).days < _HORIZON:
        block = around(calendar, day)
        if block is None:
            day += _ONE
            continue
        if any(closed in calendar.closed for closed in _days(block)):
            blocks.append(block)
        day = block.last + _ONE
    return blocks


def _days(block: Block) -> list[date]:
    return [block.first + timedelta(days=n) for n in range((block.last - block.first).days + 1)]


def trading_before(calendar: Calendar, day: date) -> date:
    day -= _ONE
    while not calendar.is_trading(day):
        day -= _ONE
    return day


def trading_after(calendar: Calendar, day: date, count: int = 1) -> date:
    while count:
        day += _ONE
        count -= calendar.is_trading(day)
    return day
