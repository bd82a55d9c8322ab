"""Moments to choose from, and a moment that a person wrote as the answer to a question."""

import re
from datetime import datetime, time, timedelta

from bot.grammar import dates, normalise
from bot.grammar.dates import Due
from bot.router import Turn
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI
from crm.kernel.errors import UserError
from handlers.asking import answer_text

MORNING = time(9)
MOST_BESIDE = 5  # characters: 那就……吧, 改到……提醒我


class WhichMoment(UserError):
    say = "没有看懂这个时间，或它已经过去，请换个说法，例如：下周三下午三点"


def moment_said(turn: Turn) -> datetime:
    """The one moment that the answer names. Raises WhichMoment."""
    line = normalise.normalise(answer_text(turn))
    due = dates.due(line.text, at=turn.at, calendar=turn.calendar, promised=True)
    if due.kind != "date" or not due.at or _says_more(line.text, due):
        raise WhichMoment
    return due.at[0]


def _says_more(words: str, due: Due) -> bool:
    """Whether a line has a matter of its own beside the moment: 周五给张三打电话."""
    beside = "".join(c for n, c in enumerate(words) if not any(a <= n < b for a, b in due.said))
    return len(re.sub(r"\W", "", beside)) > MOST_BESIDE


def coming(words: str, turn: Turn) -> list[datetime]:
    """When something that recurs, 每周五回访, is due for the first time."""
    line = normalise.normalise(words.replace("每个", "").replace("每", ""))
    due = dates.due(line.text, at=turn.at, calendar=turn.calendar, promised=True)
    return list(due.at) or choices(turn.at, turn.calendar)


def choices(now: datetime, calendar: Calendar) -> list[datetime]:
    """Moments that people mostly mean: tomorrow, the next trading day but two, next Monday."""
    today = now.astimezone(SHANGHAI).date()
    monday = today + timedelta(days=7 - today.weekday())
    days = (today + timedelta(days=1), calendar.shift(today, 3), monday)
    return [datetime.combine(day, MORNING, SHANGHAI) for day in dict.fromkeys(sorted(days))]


def from_key(seconds: str) -> datetime:
    """A moment as a button's key carries it."""
    return datetime.fromtimestamp(int(seconds), tz=SHANGHAI)
