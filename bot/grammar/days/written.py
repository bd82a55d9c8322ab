"""Dates by number: 2026-12-08, 12月8日, 12/8, 8号, 下月8号."""

import re
from datetime import date, timedelta

from bot.grammar.days.day import (
    MONTH_WORD,
    TAIL,
    WEEK_WORD,
    Day,
    Match,
    Now,
    Rule,
    ask,
    month_ahead,
    months_ahead,
    past,
    sure,
)
from bot.grammar.days.weeks import weekday_number
from bot.grammar.numerals import WHOLE, count

RECENT = timedelta(days=92)  # a month-day that passed so lately is asked

_DAY_TAIL = rf"(?:\s?\(?{WEEK_WORD}(?P<wd>[一二三四五六日天])\)?)?"
_FULL = re.compile(
    r"(?<!\d)(?P<y>20\d\d)\s?[年./-]\s?(?P<m>\d{1,2})\s?[月./-]\s?(?P<d>\d{1,2})[日号]?(?!\d)"
    + _DAY_TAIL
    + TAIL
)
_MONTH_DAY = re.compile(
    rf"(?P<y>今年|明年|后年|去年)?(?:的)?(?<![\d.])(?P<m>{WHOLE})\s?月\s?(?P<d>{WHOLE})"
    r"(?:\s?[日号](?!楼|院|线|均)|(?=$|[\s,。;)]|之?前|以前|[上下]午|早|晚|[回联拜打见给去再约跟发]"
    r"|收盘|开盘|夜盘))" + _DAY_TAIL + TAIL
)
_NUMERIC = re.compile(
    r"(?<![\d./:A-Za-z□价差~-])(?P<m>0?[1-9]|1[0-2])(?P<sep>[/-])(?P<d>0?[1-9]|[12]\d|3[01])"
    r"(?![\d/:.-]|\s?(?:个|%|万|亿|千|手|点|天|块|元|成|吨|价差|正套|反套|月|合约|套利|仓|的仓|周"
    r"|年|小时|分|次|人"
    r"|家|户|均|线|比|左右))" + _DAY_TAIL + TAIL
)
_DOTTED = re.compile(
    r"(?<![\d.])(?P<m>0?[1-9]|1[0-2])\.(?P<d>0?[1-9]|[12]\d|3[01])"
    r"(?=[号日]|之?前|[上下]午|\s?(?:回访|拜访|联系|见面|开会))[号日]?" + TAIL
)


def _full(match: Match, now: Now) -> Day | None:
    day = _date(int(match["y"]), int(match["m"]), int(match["d"]))
    if day is None:
        return ask(match)
    if day < now.day:
        return ask(match, *_next_month_day(now, day.month, day.day))
    return _checked(match, day)


def _month_day(match: Match, now: Now) -> Day | None:
    month, number = count(match["m"]), count(match["d"])
    if month is None or number is None or month > 99:
        return None
    named = {"今年": 0, "明年": 1, "后年": 2, "去年": -1}.get(match["y"] or "")
    if named is not None:
        day = _date(now.day.year + named, month, number)
        if named < 0:
            return past(match)
        return ask(match) if day is None or day < now.day else _checked(match, day)
    return _next_such(match, month, number, now)


def _numeric(match: Match, now: Now) -> Day | None:
    month, number = int(match["m"]), int(match["d"])
    if match["sep"] == "/" and month < number <= 10 and month <= 3 and "0" not in match[0]:
        return None  # 1/3 is a fraction
    if match["sep"] == "-" and len(match["d"]) == 1 and len(match["m"]) == 1:
        return None  # 3-5 is a range or a spread
    return _next_such(match, month, number, now)


def _dotted(match: Match, now: Now) -> Day:
    return _next_such(match, int(match["m"]), int(match["d"]), now)


def _next_such(match: Match, month: int, number: int, now: Now) -> Day:
    day = _date(now.day.year, month, number)
    coming = _next_month_day(now, month, number)
    if day is None:
        return ask(match, *(c for c in coming if month == 2 and number == 29))
    if day >= now.day:
        last = _date(now.day.year - 1, month, number)
        if last and now.day - last < RECENT:  # 12月31日 said on New Year's Day
            return ask(match, day)
        return _checked(match, day)
    if now.day - day < RECENT:
        return ask(match, *coming)
    return _checked(match, coming[0]) if coming else ask(match)


def _checked(match: Match, day: date) -> Day:
    """A weekday written beside the date must be the right one."""
    weekday = match.groupdict().get("wd")
    if weekday and weekday_number(weekday) != day.weekday():
        other = day + timedelta(days=(weekday_number(weekday) - day.weekday()) % 7)
        return ask(match, day, other)
    return sure(match, day, ahead=False)


def _next_month_day(now: Now, month: int, number: int) -> tuple[date, ...]:
    every = (_date(now.day.year + n, month, number) for n in range(5))
    return tuple(day for day in every if day is not None and day > now.day)[:1]


def _date(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None


_NUMBER = re.compile(
    rf"(?<![第\d.月路街道巷弄村A-Za-z□◇零一二三四五六七八九十廿卅/-])(?P<d>{WHOLE})[号日]"
    r"(?!楼|院|线|门|库|厅|桌|店|仓|机|码|位|房|车|文|令|胶|油|均|内|新[高低]|高|低|平均|移动|K|k"
    r"|涨|跌|游|报|常|元|子"
    r"|盘|志|程|前后|用|活|期|趋)" + _DAY_TAIL + TAIL
)


_MISSAID = 39  # a number beyond the 31st that may still be a day said wrongly


def _number(match: Match, now: Now) -> Day | None:
    number = count(match["d"])
    if number is None or not 1 <= number <= _MISSAID:
        return None
    if number > 31:
        return ask(match)
    coming = _next_number(now.day, number)
    if now.day.day == number:
        return Day(match.start(), match.end(), "ask", (coming,), today=True)
    return _checked(match, coming)


def _next_number(after: date, number: int) -> date:
    for ahead in range(13):
        year, month = month_ahead(after, ahead)
        day = _date(year, month, number)
        if day is not None and day > after:
            return day
    raise AssertionError("every day number comes within a year")


_MONTH_NUMBER = re.compile(rf"{MONTH_WORD}月(?:的)?(?P<d>{WHOLE})[日号]" + TAIL)


def _month_number(match: Match, now: Now) -> Day | None:
    ahead = months_ahead(match["rel"])
    if ahead < 0:
        return past(match)
    year, month = month_ahead(now.day, ahead)
    day = _date(year, month, count(match["d"]) or 0)
    if day is None or day < now.day:
        return ask(match)
    return sure(match, day, ahead=ahead > 0)


_PAIR = re.compile(
    r"(?<![\d.])(?:(?P<m>\d{1,2})月)?(?P<d>\d{1,2})、(?P<e>\d{1,2})[日号](?!楼|院|线|均|门|库)"
    + TAIL
)


def _pair(match: Match, now: Now) -> Day | None:
    """5、6号: one of two days."""
    numbers = [number for key in "de" if 1 <= (number := int(match[key])) <= 31]
    if len(numbers) < 2:
        return None
    if match["m"] is None:
        return ask(match, *(_next_number(now.day, number) for number in numbers))
    month = int(match["m"])
    return ask(match, *(day for n in numbers for day in _next_month_day(now, month, n)))


RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (_FULL, _full),
    (_PAIR, _pair),
    (_MONTH_DAY, _month_day),
    (_NUMERIC, _numeric),
    (_DOTTED, _dotted),
    (_MONTH_NUMBER, _month_number),
    (_NUMBER, _number),
)
