"""What a phrase that names a day can mean, and the pieces that such phrases share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from crm.kernel.calendar import Calendar

State = Literal["day", "ask", "never", "recurring", "past"]

ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """``days`` is the one day meant, or what it could be when asked.

    ``today``: it would be today if a later hour were named, otherwise it is asked.
    ``ahead``: it can only lie in the future, so a past tense beside it is about something else.
    """

    start: int
    end: int
    state: State
    days: tuple[date, ...] = ()
    today: bool = False
    ahead: bool = False
    moment: datetime | None = None
    week: int | None = None  # of a weekday: weeks from this one, as the person said it


@dataclass(frozen=True, slots=True)
class Now:
    """The moment of speaking in Shanghai, and the calendar."""

    at: datetime
    calendar: Calendar

    @property
    def day(self) -> date:
        return self.at.date()

    @property
    def monday(self) -> date:
        return self.day - timedelta(days=self.day.weekday())


Match = re.Match[str]
Rule = Callable[[Match, Now], Day | None]

WEEK_WORD = r"(?:周|星期|礼拜)"
MONTH_WORD = r"(?P<rel>本|这个?|当|(?<!一)下下个?|下个?|上个?)"
TAIL = r"(?:之前|以前|前(?![往去期面后来景]))?"  # a deadline means the day itself
_MONTHS_AHEAD = {"本": 0, "这": 0, "当": 0, "下": 1, "下下": 2, "上": -1}


def sure(match: Match, *days: date, ahead: bool = True) -> Day:
    return Day(match.start(), match.end(), "day", days, ahead=ahead)


def ask(match: Match, *days: date) -> Day:
    return Day(match.start(), match.end(), "ask", days)


def past(match: Match) -> Day:
    return Day(match.start(), match.end(), "past")


def months_ahead(word: str) -> int:
    """How many months ``MONTH_WORD`` is from this one."""
    return _MONTHS_AHEAD[word.removesuffix("个")]


def month_ahead(day: date, ahead: int) -> tuple[int, int]:
    """Year and month so many months after ``day``'s."""
    months = day.year * 12 + day.month - 1 + ahead
    return months // 12, months % 12 + 1
