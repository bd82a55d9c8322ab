"""Trading time: when the exchanges are open, for ages that run only while they are."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI

# Every moment at which some product trades; products.csv has each product's own sessions.
DAY = ((time(9, 0), time(10, 15)), (time(10, 30), time(11, 30)), (time(13, 0), time(15, 15)))
NIGHT_BEGINS = time(21, 0)
NIGHT_LASTS = timedelta(hours=5, minutes=30)


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether some product trades at that moment."""
    return any(begin <= at < end for begin, end in _spans(calendar, at, at))


def open_time(calendar: Calendar, since: datetime, until: datetime) -> timedelta:
    """How much trading time lies between two moments."""
    inside = (min(end, until) - max(begin, since) for begin, end in _spans(calendar, since, until))
    return sum((span for span in inside if span > timedelta(0)), timedelta(0))


def same_session(calendar: Calendar, one: datetime, other: datetime) -> bool:
    """Whether both moments lie in one and the same session."""
    early, late = min(one, other), max(one, other)
    return any(begin <= early and late <= end for begin, end in _spans(calendar, early, late))


def _spans(
    calendar: Calendar, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The sessions that may touch the two moments; last night's reaches into today."""
    day = since.astimezone(SHANGHAI).date() - timedelta(days=1)
    last = until.astimezone(SHANGHAI).date()
    while day <= last:
        yield from _sessions_of(calendar, day)
        day += timedelta(days=1)


def _sessions_of(calendar: Calendar, day: date) -> Iterator[tuple[datetime, datetime]]:
    if not calendar.is_trading(day):
        return
    for begin, end in DAY:
        yield (
            datetime.combine(day, begin, SHANGHAI),
            datetime.combine(day, end, SHANGHAI),
        )
    if calendar.has_night(day):
        night = datetime.combine(day, NIGHT_BEGINS, SHANGHAI)
        yield night, night + NIGHT_LASTS
