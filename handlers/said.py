"""What admin commands have in common: words behind the verb, days, and who may hear the answer."""

import re
from datetime import date, datetime, time, timedelta

from bot.chat.message import Audience
from bot.router import Turn
from crm.kernel.clock import SHANGHAI
from crm.kernel.errors import UserError

DAY = re.compile(  # 1.05 without a year is a number
    r"(?:(?P<year>\d{4})[-/年]|(?P<dotted>\d{4})\.(?=\d{1,2}\.))?"
    r"(?P<month>\d{1,2})(?:[-/月]|(?(dotted)\.|(?!)))(?P<day>\d{1,2})日?"
)
SPAN = re.compile(r"(?P<count>\d{1,6}(?:\.\d{1,2})?)\s*(?P<unit>小时|分钟|分|秒钟?|时|天|h|m|s)?")
UNITS = {"秒": 1, "s": 1, "分": 60, "m": 60, "小": 3600, "时": 3600, "h": 3600, "天": 86_400}


class OnlyInPrivate(UserError):
    say = "管理命令请在私聊里发给期台"


class NotADay(UserError):
    say = "「{words}」不是一个日期，请写成 2026-11-01"


def in_private(turn: Turn) -> list[str]:
    """The words behind the verb. Raises OnlyInPrivate."""
    if turn.audience is not Audience.PRIVATE:
        raise OnlyInPrivate
    return words_of(turn)


def words_of(turn: Turn) -> list[str]:
    return (turn.said.query or "").replace("，", " ").split()


def day_in(words: str, at: datetime) -> date | None:
    """A day as 2026-11-01, 11-01 or 昨天; without a year the last one that was. Raises NotADay for
    what looks like one and is none."""
    today = at.astimezone(SHANGHAI).date()
    if words in ("今天", "昨天", "前天"):
        return today - timedelta(days=("今天", "昨天", "前天").index(words))
    found = DAY.fullmatch(words)
    if found is None:
        return None
    try:
        year = found["year"] or found["dotted"]
        day = date(int(year or today.year), int(found["month"]), int(found["day"]))
        return day.replace(year=day.year - 1) if not year and day > today else day
    except ValueError:  # 02-29 of a year without one, too
        raise NotADay(words=words) from None


def start_of(day: date) -> datetime:
    """The first moment of a day in Shanghai."""
    return datetime.combine(day, time(0), SHANGHAI)


def end_of(day: date) -> datetime:
    """The last moment of a day in Shanghai."""
    return start_of(day + timedelta(days=1)) - timedelta(microseconds=1)


def span_in(words: str, unit: str = "分") -> timedelta | None:
    """30分, 2小时, 90秒, 1天; a bare number counts in ``unit``."""
    found = SPAN.fullmatch(words)
    if found is None:
        return None
    seconds = float(found["count"]) * UNITS[(found["unit"] or unit)[0]]
    return timedelta(seconds=seconds)


def span_words(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, length in (("天", 86_400), ("小时", 3600), ("分钟", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} 秒"
