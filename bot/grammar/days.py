"""The day in a line: every phrase that names one, and what it can mean on the day of speaking."""

import calendar as gregorian
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from bot.grammar import holidays
from bot.grammar.holidays import trading_after, trading_before
from bot.grammar.numerals import WHOLE, count
from crm.kernel.calendar import Calendar

State = Literal["day", "ask", "never", "recurring", "past"]

NIGHT_ENDS = time(5)  # until then 明天 may mean the day that has already begun
RECENT = timedelta(days=92)  # a month-day that passed so lately is asked
FORTNIGHT = timedelta(days=14)
_ONE = timedelta(days=1)


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

_WEEKDAYS = "一二三四五六日"
_DIGIT_PAIR = re.compile(r"[一二两三四五六七八九]{2}")
_WEEK_WORD = r"(?:周|星期|礼拜)"
_WEEK_PREFIX = r"(?P<pre>下下个?|下个?|上上个?|上个?|本|这个?)"
_BACK = {"之前", "以前", "前"}
_TAIL = r"(?:之前|以前|前(?![往去期面后来景]))?"


def scan(text: str, now: Now) -> list[Day]:
    """Every day that is named, from left to right; where two overlap the longer one."""
    if not _ANY.search(text):
        return []
    found = [
        day for pattern, rule in _RULES for m in pattern.finditer(text) if (day := rule(m, now))
    ]
    return _apart(found)


def _apart(found: list[Day]) -> list[Day]:
    kept: list[Day] = []
    for day in sorted(found, key=lambda d: (d.start, -d.end)):
        if kept and day.start < kept[-1].end:
            continue
        kept.append(day)
    return kept


def _sure(match: Match, *days: date, ahead: bool = True) -> Day:
    return Day(match.start(), match.end(), "day", days, ahead=ahead)


def _ask(match: Match, *days: date) -> Day:
    return Day(match.start(), match.end(), "ask", days)


def _state(state: State) -> Rule:
    return lambda match, _: Day(match.start(), match.end(), state)


# ── the date as the calendar on the wall has it ──────────────────────────────────────────────

_DAY_TAIL = rf"(?:\s?\(?{_WEEK_WORD}(?P<wd>[一二三四五六日天])\)?)?"
_FULL = re.compile(
    r"(?<!\d)(?P<y>20\d\d)\s?[年./-]\s?(?P<m>\d{1,2})\s?[月./-]\s?(?P<d>\d{1,2})[日号]?(?!\d)"
    + _DAY_TAIL
    + _TAIL
)
_MONTH_DAY = re.compile(
    rf"(?P<y>今年|明年|后年|去年)?(?:的)?(?<![\d.])(?P<m>{WHOLE})月(?P<d>{WHOLE})"
    r"(?:[日号](?!楼|院|线|均)|(?=$|[\s,。;)]|之?前|以前|[上下]午|早|晚|[回联拜打见给去再约跟发]|收盘|开盘|夜盘))"
    + _DAY_TAIL
    + _TAIL
)
_NUMERIC = re.compile(
    r"(?<![\d./:A-Za-z□价差~-])(?P<m>0?[1-9]|1[0-2])(?P<sep>[/-])(?P<d>0?[1-9]|[12]\d|3[01])"
    r"(?![\d/:.-]|\s?(?:个|%|万|亿|千|手|点|天|块|元|成|吨|价差|正套|反套|月|合约|套利|仓|的仓|周|年|小时|分|次|人"
    r"|家|户|均|线|比|左右))" + _DAY_TAIL + _TAIL
)
_DOTTED = re.compile(
    r"(?<![\d.])(?P<m>0?[1-9]|1[0-2])\.(?P<d>0?[1-9]|[12]\d|3[01])"
    r"(?=[号日]|之?前|[上下]午|\s?(?:回访|拜访|联系|见面|开会))[号日]?" + _TAIL
)


def _full(match: Match, now: Now) -> Day | None:
    day = _date(int(match["y"]), int(match["m"]), int(match["d"]))
    if day is None:
        return _ask(match)
    if day < now.day:
        return _ask(match, *_next_month_day(now, day.month, day.day))
    return _checked(match, day)


def _month_day(match: Match, now: Now) -> Day | None:
    month, number = count(match["m"]), count(match["d"])
    if month is None or number is None or month > 99:
        return None
    named = {"今年": 0, "明年": 1, "后年": 2, "去年": -1}.get(match["y"] or "")
    if named is not None:
        day = _date(now.day.year + named, month, number)
        if named < 0:
            return Day(match.start(), match.end(), "past")
        return _ask(match) if day is None or day < now.day else _checked(match, day)
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
        return _ask(match, *(c for c in coming if month == 2 and number == 29))
    if day >= now.day:
        return _checked(match, day)
    if now.day - day < RECENT:
        return _ask(match, *coming)
    return _checked(match, coming[0]) if coming else _ask(match)


def _checked(match: Match, day: date) -> Day:
    """A weekday written beside the date must be the right one."""
    weekday = match.groupdict().get("wd")
    if weekday and _weekday(weekday) != day.weekday():
        other = day + timedelta(days=(_weekday(weekday) - day.weekday()) % 7)
        return _ask(match, day, other)
    return _sure(match, day, ahead=False)


def _next_month_day(now: Now, month: int, number: int) -> tuple[date, ...]:
    every = (_date(now.day.year + n, month, number) for n in range(5))
    return tuple(day for day in every if day is not None and day > now.day)[:1]


def _date(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None


_NUMBER = re.compile(
    rf"(?<![第\d.月路街道巷弄村A-Za-z□◇零一二三四五六七八九十/-])(?P<d>{WHOLE})[号日]"
    r"(?!楼|院|线|门|库|厅|桌|店|仓|机|码|位|房|车|文|令|胶|油|均|内|新[高低]|高|低|平均|移动|K|k|涨|跌|游|报|常|元|子"
    r"|盘|志|程|前后|用|活|期|趋)" + _DAY_TAIL + _TAIL
)


def _number(match: Match, now: Now) -> Day | None:
    number = count(match["d"])
    if number is None or not 1 <= number <= 31:
        return None
    coming = _next_number(now.day, number)
    if now.day.day == number:
        return Day(match.start(), match.end(), "ask", (coming,), today=True)
    return _checked(match, coming)


def _next_number(after: date, number: int) -> date:
    for ahead in range(13):
        year, month = _month(after, ahead)
        day = _date(year, month, number)
        if day is not None and day > after:
            return day
    raise AssertionError("every day number comes within a year")


def _month(day: date, ahead: int) -> tuple[int, int]:
    months = day.year * 12 + day.month - 1 + ahead
    return months // 12, months % 12 + 1


_MONTH_WORD = r"(?P<rel>本|这个?|当|下下个?|下个?|上个?)"
_MONTH_NUMBER = re.compile(rf"{_MONTH_WORD}月(?:的)?(?P<d>{WHOLE})[日号]" + _TAIL)
_MONTHS_AHEAD = {"本": 0, "这": 0, "当": 0, "下": 1, "下下": 2, "上": -1}


def _ahead(word: str) -> int:
    return _MONTHS_AHEAD[word.removesuffix("个")]


def _month_number(match: Match, now: Now) -> Day | None:
    ahead = _ahead(match["rel"])
    if ahead < 0:
        return Day(match.start(), match.end(), "past")
    year, month = _month(now.day, ahead)
    day = _date(year, month, count(match["d"]) or 0)
    if day is None or day < now.day:
        return _ask(match)
    return _sure(match, day, ahead=ahead > 0)


# ── parts of a month, quarter or year ────────────────────────────────────────────────────────

_MONTH_PART = re.compile(
    rf"(?:{_MONTH_WORD}|(?P<y>今年|明年|20\d\d年)?(?<![个\d])(?P<m>{WHOLE})|(?<!个))月份?的?"
    r"(?P<part>上旬|中旬|下旬|初|中(?![国间旬介午期])|底|末|尾)" + _TAIL
)


def _month_part(match: Match, now: Now) -> Day | None:
    if match["rel"]:
        return _of_relative_month(match, now)
    if match["m"]:
        return _of_named_month(match, now)
    year, month = _month(now.day, 0)
    here = _part_of_month(year, month, match["part"], now)
    if here is None:
        return _ask(match)
    if here > now.day or (here == now.day and match["part"] not in {"初", "中"}):
        return _sure(match, here)
    later = _part_of_month(*_month(now.day, 1), match["part"], now)
    if here == now.day:
        return Day(match.start(), match.end(), "ask", _some(later), today=True)
    return _ask(match, *_some(later)) if match["part"] in {"底", "末", "尾"} else _one(match, later)


def _of_relative_month(match: Match, now: Now) -> Day:
    ahead = _ahead(match["rel"])
    if ahead < 0:
        return Day(match.start(), match.end(), "past")
    day = _part_of_month(*_month(now.day, ahead), match["part"], now)
    return _one(match, day) if day and day >= now.day else _ask(match)


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
    return _one(match, day) if day and day >= now.day else _ask(match)


def _one(match: Match, day: date | None) -> Day:
    return _sure(match, day) if day else _ask(match)


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
        return trading_after(now.calendar, first - _ONE)
    return trading_before(now.calendar, last + _ONE)


_QUARTER = re.compile(
    r"(?P<rel>本|这个?|当|下个?|上个?)?(?:(?P<n>[一二三四1-4])|Q(?P<q>[1-4]))?(?:季度?|(?<=Q\d))的?"
    r"(?P<part>初|末|底)" + _TAIL,
    re.IGNORECASE,
)


def _quarter(match: Match, now: Now) -> Day:
    ahead = _ahead(match["rel"] or "本")
    if ahead < 0:
        return Day(match.start(), match.end(), "past")
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
        day = _part_of_month(*_month(date(year, month, 1), 3), "初", now)
    return _one(match, day) if day and day >= now.day else _ask(match)


_YEAR_PART = re.compile(
    r"(?P<y>今|本|明|后|20\d\d)?年(?P<part>初|底|末|终(?!奖|总结|分红|考核)|中(?![国期]))" + _TAIL
)


def _year_part(match: Match, now: Now) -> Day | None:
    said = match["y"] or ""
    year = int(said) if said.isdigit() else now.day.year + {"明": 1, "后": 2}.get(said, 0)
    if match["part"] == "中":
        return _ask(match)
    if match["part"] == "初":
        year += 0 if said else 1
        day = _part_of_month(year, 1, "初", now)
    else:
        day = _part_of_month(year, 12, "底", now)
    return _one(match, day) if day and day >= now.day else _ask(match)


_MONTH_ALONE = re.compile(
    rf"(?:{_MONTH_WORD}|(?<![个\d.半])(?P<m>{WHOLE}))月(?:份|内|里)?"
    r"(?![\d初中底末尾上旬下线均合高低主交报结到期饼薪费租供付息]|以来|之后|后|前|的(?:行情|合约))"
    + _TAIL
)


def _month_alone(match: Match, now: Now) -> Day | None:
    if match["rel"]:
        ahead = _ahead(match["rel"])
        if ahead < 0:
            return Day(match.start(), match.end(), "past")
        year, month = _month(now.day, ahead)
    else:
        month = count(match["m"]) or 0
        if not 1 <= month <= 12:
            return None
        year = now.day.year + (month < now.day.month)
    parts = (_part_of_month(year, month, part, now) for part in "初中底")
    return _ask(match, *(day for day in parts if day and day >= now.day))


# ── weeks and weekdays ───────────────────────────────────────────────────────────────────────

_DAY_OF_WEEK = r"(?:[二四五六天]|一(?!起|般|定|直|切|些|样|旦|共|块|次|趟|下(?!午))|日(?!常|均|线|内|志|趋)|三(?!个月)|末)"
_WEEKDAY = re.compile(
    rf"(?:{_WEEK_PREFIX}|(?<=[周期拜][一二三四五六日天])|(?<![半\d一二两三四五六七八九十几每整双]))"
    rf"{_WEEK_WORD}(?P<d>{_DAY_OF_WEEK}|[1-6](?![\d个次天年%点]))" + _TAIL
)
_WEEKS_AHEAD = {"本": 0, "这": 0, "下": 1, "下下": 2, "上": -1, "上上": -2}


def _weekday(char: str) -> int:
    return int(char) - 1 if char.isdigit() else _WEEKDAYS.index(char.replace("天", "日"))


def _on_weekday(match: Match, now: Now) -> Day:
    weeks = _WEEKS_AHEAD[match["pre"].removesuffix("个")] if match["pre"] else None
    if match["d"] == "末":
        return _weekend(match, now, weeks)
    return weekday(match.start(), match.end(), _weekday(match["d"]), weeks, now)


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
        return Day(match.start(), match.end(), "past")
    saturday = now.monday + timedelta(days=5 + 7 * (weeks or 0))
    both = [day for day in (saturday, saturday + _ONE) if day >= now.day]
    return _ask(match, *both)


_WEEK = re.compile(rf"{_WEEK_PREFIX}{_WEEK_WORD}(?:初|中|之?内|里|前半|后半)?(?:之前|以前|前)?")


def _week(match: Match, now: Now) -> Day:
    weeks = _WEEKS_AHEAD[match["pre"].removesuffix("个")]
    if weeks < 0:
        return Day(match.start(), match.end(), "past")
    monday = now.monday + timedelta(days=7 * weeks)
    days = (monday + timedelta(days=n) for n in ((1, 2, 3, 4) if not weeks else (0, 2, 4)))
    return _ask(match, *[day for day in days if day > now.day][-3:])


# ── counted from today ───────────────────────────────────────────────────────────────────────

_RELATIVE = re.compile(
    r"(?P<both>明后两?天|今明两天)|大后天|(?<!大)后天(?![气性])|明天(?!控股|系|集团|资本)|明日(?!之星)"
    r"|(?<![声证说表聪发光分黎清文透])明(?=[早晚晨])|今天|今日(?!头条)|今儿(?!个)?|今(?=[早晚夜晨])"
)
_DAYS_AHEAD = {"大后天": 3, "后天": 2, "明天": 1, "明日": 1, "明": 1}


def _relative(match: Match, now: Now) -> Day:
    if match["both"]:
        first = 0 if match["both"].startswith("今") else 1
        return _ask(match, now.day + timedelta(days=first), now.day + timedelta(days=first + 1))
    ahead = _DAYS_AHEAD.get(match[0], 0)
    day = now.day + timedelta(days=ahead)
    if ahead and now.at.time() < NIGHT_ENDS:
        return _ask(match, day - _ONE, day)
    return Day(match.start(), match.end(), "day", (day,), ahead=ahead > 0)


_UNIT = r"交易日|工作日|天|日|周|星期|礼拜|月|季度|年|小时|钟头|分钟|刻钟"
_AFTER = re.compile(
    rf"(?<![第\d.前近到期割])(?:再|等)?(?:过|隔)?(?P<n>半|几|十几|数|{WHOLE})(?P<ge>个)?(?P<half>半)?(?P<unit>{_UNIT})"
    r"(?P<after>之后|以后|过后|后(?!续(?![签约费])|[面来仓台悔])|之?内|以内)"
)
_AFTER_SHORT = re.compile(
    rf"(?:再过|再等|过|隔)(?P<n>几|{WHOLE})(?P<ge>个)?(?P<half>)(?P<unit>交易日|天|周|星期|礼拜|月)"
    r"(?!了|来|就是|后|之后|以后|期|线|度)"
)
_ANCHORED = re.compile(r"(?:到期|交割|签约|上市|开户|入金|出金|放假|生日|摘牌|付款|合同)(?:日)?$")


def _after(match: Match, now: Now) -> Day | None:
    if _ANCHORED.search(match.string[: match.start()]):
        return _ask(match)
    said, unit = match["n"], match["unit"]
    if said in {"几", "十几", "数"}:
        return _ask(match, *(_later(now, n, unit) for n in (3, 5) if unit in {"天", "日"}))
    if unit == "月" and not match["ge"]:
        return None  # 3月后 is about March
    if _DIGIT_PAIR.fullmatch(said) and "十" not in said:
        return _ask(match, *(_later(now, count(char) or 0, unit) for char in said))
    return _exactly(match, said, unit, now)


def _after_short(match: Match, now: Now) -> Day | None:
    if match["n"] == "两" and match["unit"] == "天":
        return _ask(match, _later(now, 2, "天"), _later(now, 3, "天"))  # 过两天 is some time soon
    return _after(match, now)


def _exactly(match: Match, said: str, unit: str, now: Now) -> Day | None:
    half = said == "半" or bool(match["half"])
    number = 0 if said == "半" else count(said)
    if number is None or number > 999:
        return None
    minutes = {"小时": 60, "钟头": 60, "分钟": 1, "刻钟": 15}.get(unit)
    if minutes:
        moment = now.at + timedelta(minutes=minutes * number + (minutes // 2 if half else 0))
        whole = moment.replace(second=0, microsecond=0)
        return Day(match.start(), match.end(), "day", (whole.date(),), ahead=True, moment=whole)
    if not half:
        return _within_reach(match, _later(now, number, unit), unit, now)
    if unit == "月":
        return _sure(match, _later(now, number, "月") + timedelta(days=15))
    if unit == "年":
        return _sure(match, _later(now, number * 12 + 6, "月"))
    return _ask(match)


def _within_reach(match: Match, day: date, unit: str, now: Now) -> Day:
    if unit == "工作日" or (unit == "交易日" and day > now.calendar.last):
        return _ask(match, day)
    return _sure(match, day)


def _later(now: Now, number: int, unit: str) -> date:
    if unit in {"交易日", "工作日"}:
        return trading_after(now.calendar, now.day, number)
    if unit in {"月", "季度", "年"}:
        months = number * {"月": 1, "季度": 3, "年": 12}[unit]
        year, month = _month(now.day, months)
        return date(year, month, min(now.day.day, gregorian.monthrange(year, month)[1]))
    return now.day + timedelta(days=number * (1 if unit in {"天", "日"} else 7))


_NEXT_DAY = re.compile(r"次日(?!凌晨)|第二天|隔天|隔日")
_NEXT_TRADING = re.compile(rf"(?:下|次|隔)(?:一|1)?个?交易日{_TAIL}")
_OF_PERIOD = re.compile(
    rf"(?P<rel>本|这个?|下个?)?(?P<what>月|周|星期|礼拜)(?:底|末|初|份|内)?的?"
    rf"(?:第(?P<n>{WHOLE})个?|(?P<last>最后(?:一个?)?)|(?P<first>首个?))交易日{_TAIL}"
)


def _next_day(match: Match, now: Now) -> Day:
    """The day after something that was told: asked, with tomorrow as its reading."""
    return _ask(match, now.day + _ONE)


def _next_trading(match: Match, now: Now) -> Day:
    return _within_reach(match, trading_after(now.calendar, now.day), "交易日", now)


def _of_period(match: Match, now: Now) -> Day:
    ahead = _ahead(match["rel"] or "本")
    if match["what"] == "月":
        begin, end = date(*_month(now.day, ahead), 1), date(*_month(now.day, ahead + 1), 1)
    else:
        begin = now.monday + timedelta(days=7 * ahead)
        end = begin + timedelta(days=7)
    number = count(match["n"]) if match["n"] else 1
    if match["last"]:
        day = trading_before(now.calendar, end)
    else:
        day = trading_after(now.calendar, begin - _ONE, number or 1)
    return _sure(match, day) if begin <= day < end and day >= now.day else _ask(match)


# ── holidays ─────────────────────────────────────────────────────────────────────────────────

_FESTIVAL_WORDS = {
    "元旦": "元旦", "春节": "春节", "过年": "春节", "清明": "清明", "五一": "五一", "劳动节": "五一",
    "端午": "端午", "中秋": "中秋", "国庆": "国庆", "十一": "国庆",
}  # fmt: skip
_NTH = (
    rf"(?:的|以?后的?)?(?:(?:第(?P<n>{WHOLE})个?|(?P<first>首个?)|(?P<last>最后一?个?))交易日"
    rf"|(?P<count>{WHOLE})(?P<cunit>个?交易日|天|周|个?星期)(?:内|后|左右)?|(?P<vague>第?一周|几天))?"
)
_HOLIDAY = re.compile(
    r"(?P<name>元旦|春节|过年|清明|五一(?!路|广场)|劳动节|端午|中秋|国庆|(?<!双)十一(?![月点号日手个万年]))节?"
    r"(?:小?长假|假期|放假|黄金周)?"
    r"(?P<side>之前|以前|前(?!往|去|期|景)|之后|以后|过后|过完|后(?!续|台|天)|后(?=天(?!气))|回来|期间|当天)?"
    + _NTH
)
_BREAK = re.compile(
    r"(?:(?<![季章调细关环情春时礼佳氛适症小])节日?|小?长假|假期|放假|(?<![请休年病事产作真虚])假)"
    r"(?P<side>之前|以前|前(?!往|去|期|景)|之后|以后|过后|后(?!续|台))" + _NTH
)
_NEW_YEAR = re.compile(
    r"(?:过完年|(?<![\d一二两三四五六七八九十几近去今明后前半整全本每多当同早])年(?P<side>前|后))(?![期往])"
    + _NTH
)
_BEFORE = ("之前", "以前", "前")


def _holiday(match: Match, now: Now) -> Day:
    name = _FESTIVAL_WORDS[match["name"]]
    block = holidays.next_festival(now.calendar, name, now.day)
    if block is None:
        return _ask(match)
    side = match["side"] or ""
    if not side or side in {"期间", "当天"}:
        near = (trading_before(now.calendar, block.first), trading_after(now.calendar, block.last))
        return _ask(match, *(day for day in near if day > now.day))
    return _beside(match, block, now, before=side in _BEFORE)


def _break(match: Match, now: Now) -> Day:
    """节前, 节后: the next closed block; the one that we are in has no 节前 any more."""
    before = match["side"] in _BEFORE
    blocks = holidays.next_blocks(now.calendar, now.day, 3)
    if blocks and before and blocks[0].first <= now.day:
        blocks = blocks[1:]
    if not blocks:
        return _ask(match)
    if (
        blocks[1:]
        and not blocks[0].first <= now.day
        and blocks[1].first - blocks[0].last < FORTNIGHT
    ):
        both = [_beside(match, block, now, before=before) for block in blocks[:2]]
        return _ask(match, *(day for one in both for day in one.days))
    return _beside(match, blocks[0], now, before=before)


def _new_year(match: Match, now: Now) -> Day:
    """Before the Spring Festival of this year it is meant; in the last quarter it is asked."""
    before = match["side"] == "前"
    spring = holidays.next_festival(now.calendar, "春节", now.day)
    if spring is None:
        return _ask(match)
    if match[0].startswith("过完"):
        return _beside(match, spring, now, before=False)
    if now.day.month < 4 and spring.last.year == now.day.year:
        return _beside(match, spring, now, before=before)
    year_end = holidays.next_festival(now.calendar, "元旦", now.day)
    both = [_beside(match, block, now, before=before) for block in (year_end, spring) if block]
    return _ask(match, *(day for one in both for day in one.days))


def _beside(match: Match, block: holidays.Block, now: Now, *, before: bool) -> Day:
    if match["vague"] or (match["count"] and before):
        return _ask(match)
    if before:
        day = trading_before(now.calendar, block.first)
    else:
        day = trading_after(now.calendar, block.last, (count(match["n"]) if match["n"] else 1) or 1)
    if match["n"] and before:
        return _ask(match, day)
    if match["count"]:
        return _ask(match, day)
    if day < now.day or day > now.calendar.last:
        return _ask(match)
    return _sure(match, day)


# ── words that name no day ───────────────────────────────────────────────────────────────────

_VAGUE = re.compile(
    r"尽快|尽早|抓紧|早日|马上(?!就?[涨跌要到])|过些天|过些日子|过段时间|过一阵|过阵子|这两天|这几天|近几天|近期|近日"
    r"|不久|晚点(?!名)|晚些|待会儿?|一会儿|等会儿?|等下(?![周个月星礼])|稍后|稍晚|月内|年内|周内|随时|明年|后年|下半年|(?:(?:合约|合同)?(?:交割|到期|换月|移仓|摘牌|行权|最后交易)(?:日|月)?"
    rf"(?:之前|以前|前|之后|以后|后)(?:的?{WHOLE}个?(?:交易日|天|周|月))?)|进交割月前?"
)
_LATER = re.compile(
    r"改天|改日|有空(?:的时候)?(?:再说)?|得空|抽空|回头|以后再说?|下次|哪天|有机会|到时候?|择日|待定|再说吧?$"
)
_EVERY = re.compile(
    rf"每(?:个|隔|逢)?(?:{WHOLE})?个?(?:天|日|周|星期|礼拜|月|季度?|年|交易日|工作日|晚|早|晨)(?:[一二三四五六日天末](?!次))?"
    rf"(?:的?{WHOLE}[号日]|[底初末])?(?:[和、及]?(?:周|星期)?[一二三四五六日](?![次个]))*|天天|按[周月季]"
)
_GONE = re.compile(
    r"大?前天|昨[天日晚夜儿]|前[日晚]|前几天|前两天|前阵子|前段时间|去年|上次|刚才|刚刚|刚(?=[聊打见跟和给通从拜谈沟])|早前|此前"
    rf"|(?:近|过去|最近|连续|这|头){WHOLE}个?(?:交易日|天|日|周|星期|月|年)|(?<![到期割\d]){WHOLE}个?(?:天|周|星期|月|年|交易日)(?:之前|以前|前)"
    r"|几(?:天|周|个月|年)(?:之前|以前|前)|上周|上个?星期|上个?月(?![初中底末\d])"
)

_ANY = re.compile(
    r"[\d稍会等天日月年周号节拜期快早紧马近久过后前头次说空每儿假旦明秋午庆一晚季长放隔抓尽改随待]"
)

_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (_FULL, _full),
    (_MONTH_DAY, _month_day),
    (_NUMERIC, _numeric),
    (_DOTTED, _dotted),
    (_MONTH_NUMBER, _month_number),
    (_NUMBER, _number),
    (_MONTH_PART, _month_part),
    (_QUARTER, _quarter),
    (_YEAR_PART, _year_part),
    (_MONTH_ALONE, _month_alone),
    (_WEEKDAY, _on_weekday),
    (_WEEK, _week),
    (_RELATIVE, _relative),
    (_AFTER, _after),
    (_AFTER_SHORT, _after_short),
    (_NEXT_DAY, _next_day),
    (_NEXT_TRADING, _next_trading),
    (_OF_PERIOD, _of_period),
    (_HOLIDAY, _holiday),
    (_BREAK, _break),
    (_NEW_YEAR, _new_year),
    (_VAGUE, _state("ask")),
    (_LATER, _state("never")),
    (_EVERY, _state("recurring")),
    (_GONE, _state("past")),
)
