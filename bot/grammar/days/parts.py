"""Parts of a month, quarter or year: 月底, 下月初, 季末, 年底, 3月份."""

import calendar as gregorian
import re
from datetime import date

from bot.grammar.days.day import (
    MONTH_WORD,
    ONE,
    TAIL,
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
from bot.grammar.days.written import RECENT
from bot.grammar.holidays import trading_after, trading_before
from bot.grammar.numerals import WHOLE, count

_MONTH_PART = re.compile(
    rf"(?:{MONTH_WORD}|(?P<y>今年|明年|20\d\d年)?(?<![个\d])(?P<m>{WHOLE})|(?<!个))月份?的?"
    r"(?P<part>上旬|中旬|下旬|初|中(?![国间旬介午期])|底|末|尾)" + TAIL
)


def _month_part(match: Match, now: Now) -> Day | None:
    if match["rel"]:
        return _of_relative_month(match, now)
    if match["m"]:
        return _of_named_month(match, now)
    year, month = month_ahead(now.day, 0)
    here = _part_of_month(year, month, match["part"], now)
    if here is None:
        return ask(match)
    if here > now.day or (here == now.day and match["part"] not in {"初", "中"}):
        return sure(match, here)
    later = _part_of_month(*month_ahead(now.day, 1), match["part"], now)
    if here == now.day:
        return Day(match.start(), match.end(), "ask", _some(later), today=True)
    return ask(match, *_some(later)) if match["part"] in {"底", "末", "尾"} else _one(match, later)


def _of_relative_month(match: Match, now: Now) -> Day:
    ahead = months_ahead(match["rel"])
    if ahead < 0:
        return past(match)
    day = _part_of_month(*month_ahead(now.day, ahead), match["part"], now)
    return _one(match, day) if day and day >= now.day else ask(match)


def _of_named_month(match: Match, now: Now) -> Day | None:
    month = count(match["m"]) or 0
    if not 1 <= month <= 12:
        return None
    year = {"今年": now.day.year, "明年": now.day.year + 1}.get(match["y"] or "")
    if match["y"] and year is None:
        year = int(match["y"][:4])
    day = _part_of_month(year or now.day.year, month, match["part"], now)
    if day and day < now.day and year is None and now.day - day >= RECENT:
        day = _part_of_month(now.day.year + 1, month, match["part"], now)
    return _one(match, day) if day and day >= now.day else ask(match)


def _one(match: Match, day: date | None) -> Day:
    return sure(match, day) if day else ask(match)


def _some(day: date | None) -> tuple[date, ...]:
    return (day,) if day else ()


def _part_of_month(year: int, month: int, part: str, now: Now) -> date | None:
    """None for a third of a month, and where the calendar does not reach."""
    first = date(year, month, 1)
    last = date(year, month, gregorian.monthrange(year, month)[1])
    if part.endswith("旬") or last > now.calendar.last:
        return None
    if part == "中":
        return date(year, month, 15)
    if part == "初":
        return trading_after(now.calendar, first - ONE)
    return trading_before(now.calendar, last + ONE)


_QUARTER = re.compile(
    r"(?P<rel>本|这个?|当|下个?|上个?)?(?:(?P<n>[一二三四1-4])|Q(?P<q>[1-4]))?(?:季度?|(?<=Q\d))的?"
    r"(?P<part>初|末|底)" + TAIL,
    re.IGNORECASE,
)


def _quarter(match: Match, now: Now) -> Day:
    ahead = months_ahead(match["rel"] or "本")
    if ahead < 0:
        return past(match)
    named = match["n"] or match["q"]
    here = (now.day.month - 1) // 3
    quarter = here + ahead
    if named:
        quarter = (count(named) or 1) - 1
        quarter += 4 if quarter < here else 0
    year, month = now.day.year + quarter // 4, quarter % 4 * 3 + 1
    shift = 0 if match["part"] == "初" else 2
    day = _part_of_month(year, month + shift, match["part"], now)
    if day and day < now.day and match["part"] == "初" and not match["rel"] and not named:
        day = _part_of_month(*month_ahead(date(year, month, 1), 3), "初", now)
    return _one(match, day) if day and day >= now.day else ask(match)


_YEAR_PART = re.compile(
    r"(?:(?P<y>今|本|明|后|20\d\d)年?)?年"
    r"(?P<part>初|底|末|终(?!奖|总结|分红|考核)|中(?![国期]))" + TAIL
)


def _year_part(match: Match, now: Now) -> Day | None:
    said = match["y"] or ""
    year = int(said) if said.isdigit() else now.day.year + {"明": 1, "后": 2}.get(said, 0)
    if match["part"] == "中":
        return ask(match)
    if match["part"] == "初":
        year += 0 if said else 1
        day = _part_of_month(year, 1, "初", now)
    else:
        day = _part_of_month(year, 12, "底", now)
    return _one(match, day) if day and day >= now.day else ask(match)


_MONTH_ALONE = re.compile(
    rf"(?:{MONTH_WORD}|(?<![个\d.半])(?P<m>{WHOLE}))月(?:份|内|里)?"
    r"(?![\d初中底末尾上旬下线均合高低主交报结到期饼薪费租供付息天花稻]|以来|之后|后|前|的(?:行情|合约))"
    + TAIL
)


def _month_alone(match: Match, now: Now) -> Day | None:
    if match["rel"]:
        ahead = months_ahead(match["rel"])
        if ahead < 0:
            return past(match)
        year, month = month_ahead(now.day, ahead)
    else:
        month = count(match["m"]) or 0
        if not 1 <= month <= 12:
            return None
        year = now.day.year + (month < now.day.month)
    parts = (_part_of_month(year, month, part, now) for part in "初中底")
    return ask(match, *(day for day in parts if day and day >= now.day))


RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (_MONTH_PART, _month_part),
    (_QUARTER, _quarter),
    (_YEAR_PART, _year_part),
    (_MONTH_ALONE, _month_alone),
)
