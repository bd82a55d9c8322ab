"""Weeks and weekdays: 周五, 下周三, 下下周二, 周末, 下周. A week begins on Monday."""

import re
from datetime import timedelta

from bot.grammar.days.day import ONE, TAIL, WEEK_WORD, Day, Match, Now, Rule, ask, past

_WEEKDAYS = "一二三四五六日"
_WEEK_PREFIX = r"(?P<pre>(?<!一)下下个?|下个?|上上个?|上个?|本|这个?)"

_DAY_OF_WEEK = (
    r"(?:[二四五六天末]|一(?!起|般|定|直|切|些|样|旦|共|块|次|趟|下(?!午))"
    r"|日(?!常|均|线|内|志|趋)|三(?!个月))"
)
_WEEKDAY = re.compile(
    rf"(?:{_WEEK_PREFIX}|(?<=[周期拜][一二三四五六日天])|(?<![半\d一二两三四五六七八九十几每整双]))"
    rf"{WEEK_WORD}(?P<d>{_DAY_OF_WEEK}|[1-6](?![\d个次天年%点]))" + TAIL
)
_WEEKS_AHEAD = {"本": 0, "这": 0, "下": 1, "下下": 2, "上": -1, "上上": -2}


def weekday_number(char: str) -> int:
    return int(char) - 1 if char.isdigit() else _WEEKDAYS.index(char.replace("天", "日"))


def _on_weekday(match: Match, now: Now) -> Day:
    weeks = _WEEKS_AHEAD[match["pre"].removesuffix("个")] if match["pre"] else None
    if match["d"] == "末":
        return _weekend(match, now, weeks)
    return weekday(match.start(), match.end(), weekday_number(match["d"]), weeks, now)


def weekday(start: int, end: int, number: int, weeks: int | None, now: Now) -> Day:
    """周X with ``weeks`` None, 本周X 0, 下周X 1, 上周X -1; Monday is number 0."""
    if weeks is None:
        ahead = (number - now.day.weekday()) % 7
        if ahead:
            return Day(start, end, "day", (now.day + timedelta(days=ahead),))
        return Day(start, end, "ask", (now.day + timedelta(days=7),), today=True)
    day = now.monday + timedelta(days=7 * weeks + number)
    if weeks < 0:
        return Day(start, end, "past", week=weeks)
    if day < now.day:
        return Day(start, end, "ask", (day + timedelta(days=7),), week=weeks)
    return Day(start, end, "day", (day,), ahead=weeks > 0, week=weeks)


def _weekend(match: Match, now: Now, weeks: int | None) -> Day:
    if weeks is not None and weeks < 0:
        return past(match)
    saturday = now.monday + timedelta(days=5 + 7 * (weeks or 0))
    both = [day for day in (saturday, saturday + ONE) if day >= now.day]
    return ask(match, *both)


_WEEK = re.compile(rf"{_WEEK_PREFIX}{WEEK_WORD}(?:初|中|之?内|里|前半|后半)?(?:之前|以前|前)?")


def _week(match: Match, now: Now) -> Day:
    weeks = _WEEKS_AHEAD[match["pre"].removesuffix("个")]
    if weeks < 0:
        return past(match)
    monday = now.monday + timedelta(days=7 * weeks)
    days = (monday + timedelta(days=n) for n in ((1, 2, 3, 4) if not weeks else (0, 2, 4)))
    return ask(match, *[day for day in days if day > now.day][-3:])


RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (_WEEKDAY, _on_weekday),
    (_WEEK, _week),
)
