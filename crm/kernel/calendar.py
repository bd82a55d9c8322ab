"""The trading calendar of the Chinese futures exchanges.

Weekends are always closed. ``closed`` days are weekdays without trading, ``no_night`` days have a
day session but no night session in their evening. The shipped seed is replaced by an admin's file
when the exchanges announce a new year.
"""

import csv
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from importlib import resources

from crm.kernel.clock import SHANGHAI
from crm.kernel.errors import UserError

NIGHT_BEGINS = time(18, 0)  # from here on a moment belongs to the next trading day


class NoCalendar(UserError):
    say = "交易日历只到 {last}，{day} 之后的日子请管理员导入新日历"


@dataclass(frozen=True)
class Calendar:
    """Which weekdays are closed, which evenings have no night session, and holidays' names."""

    closed: frozenset[date]
    no_night: frozenset[date]
    first: date
    last: date
    holidays: Mapping[date, str]  # closed weekday -> 春节, 国庆节 …

    @classmethod
    def of_rows(cls, rows: Iterable[tuple[date, str, str]]) -> "Calendar":
        """From (day, kind, holiday). Raises ValueError for an unknown kind or no rows."""
        closed: dict[date, str] = {}
        no_night: set[date] = set()
        for day, kind, holiday in rows:
            if kind == "closed":
                closed[day] = holiday
            elif kind == "no_night":
                no_night.add(day)
            else:
                raise ValueError(f"unknown kind of day: {kind}")
        every = [*closed, *no_night]
        return cls(
            closed=frozenset(closed),
            no_night=frozenset(no_night),
            first=date(min(every).year, 1, 1),
            last=date(max(every).year, 12, 31),
            holidays=closed,
        )

    @classmethod
    def shipped(cls) -> "Calendar":
        return cls.of_rows(
            (date.fromisoformat(row["date"]), row["kind"], row["holiday"])
            for row in _shipped_rows()
        )

    @staticmethod
    def shipped_until() -> date:
        """The last day of the shipped seed before the first that is not announced yet."""
        open_days = [
            date.fromisoformat(row["date"])
            for row in _shipped_rows()
            if row["certainty"] != "announced"
        ]
        if open_days:
            return min(open_days) - timedelta(days=1)
        return Calendar.shipped().last

    @cached_property
    def days(self) -> list[date]:
        """Every trading day, in order."""
        span = (self.last - self.first).days + 1
        every = (self.first + timedelta(days=n) for n in range(span))
        return [day for day in every if self.is_trading(day)]

    def is_trading(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.closed

    def has_night(self, day: date) -> bool:
        """Whether a night session begins in the evening of ``day``."""
        return self.is_trading(day) and day not in self.no_night

    def trading_day(self, at: datetime) -> date:
        """The trading day a moment belongs to. Raises NoCalendar outside the known years."""
        local = at.astimezone(SHANGHAI)
        find = bisect_right if local.time() >= NIGHT_BEGINS else bisect_left
        return self._at(find(self.days, local.date()), local.date())

    def shift(self, day: date, count: int) -> date:
        """The ``count``-th trading day after (before, if negative) ``day``; 0 gives the first
        trading day on or after it. Raises NoCalendar outside the known years."""
        if count > 0:
            index = bisect_right(self.days, day) + count - 1
        else:
            index = bisect_left(self.days, day) + count
        return self._at(index, day)

    def _at(self, index: int, asked: date) -> date:
        if asked < self.first or not 0 <= index < len(self.days):
            raise NoCalendar(last=self.last, day=asked)
        return self.days[index]


def _shipped_rows() -> list[dict[str, str]]:
    text = resources.files("crm.kernel").joinpath("data/trading_calendar.csv").read_text()
    return list(csv.DictReader(text.splitlines()))
