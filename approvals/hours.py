"""Deadlines in working time."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI

Hours = Sequence[tuple[time, time]]
LOOKED_AHEAD = 400  # days


def after(start: datetime, minutes: float, hours: Hours, calendar: Calendar) -> datetime:
    """The moment when so many minutes of working time have passed since ``start``."""
    left = timedelta(minutes=minutes)
    for opens, ends in _spans(start, hours, calendar):
        begins = max(opens, start)
        if ends - begins >= left:
            return begins + left
        left -= ends - begins
    return start + left  # hours that are all empty


Span = tuple[datetime, datetime]


def _spans(start: datetime, hours: Hours, calendar: Calendar) -> Iterator[Span]:
    """Working time that is not over at ``start``; past the calendar's end any weekday will do."""
    first = start.astimezone(SHANGHAI).date()
    for day in (first + timedelta(days=n) for n in range(LOOKED_AHEAD)):
        if calendar.is_trading(day):
            for opens, closes in hours:
                ends = datetime.combine(day, closes, SHANGHAI)
                if ends > start:
                    yield datetime.combine(day, opens, SHANGHAI), ends
