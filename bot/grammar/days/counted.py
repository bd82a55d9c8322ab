"""Days counted from today: 明天, 三天后, 半个月后, 5个交易日后, 下个交易日."""

import calendar as gregorian
import re
from datetime import date, time, timedelta

from bot.grammar.days.day import (
    ONE,
    TAIL,
    Day,
    Match,
    Now,
    Rule,
    ask,
    month_ahead,
    months_ahead,
    sure,
)
from bot.grammar.holidays import trading_after, trading_before
from bot.grammar.numerals import WHOLE, count

NIGHT_ENDS = time(5)  # until then 明天 may mean the day that has already begun
_DIGIT_PAIR = re.compile(r"[一二两三四五六七八九]{2}")

_RELATIVE = re.compile(
    r"(?P<both>明后两?天|今明两天)|大后天|(?<!大)后天(?![气性])|明天(?!控股|系|集团|资本)"
    r"|明日(?!之星)|(?:明|后)儿个?(?![女子])"
    r"|(?<![声证说表聪发光分黎清文透])明(?=[早晚晨])|今天|今日(?!头条)|今儿(?!个)?|今(?=[早晚夜晨])"
)
_DAYS_AHEAD = {"大后天": 3, "后天": 2, "后儿": 2, "明天": 1, "明日": 1, "明儿": 1, "明": 1}


def _relative(match: Match, now: Now) -> Day:
    if match["both"]:
        first = 0 if match["both"].startswith("今") else 1
        return ask(match, now.day + timedelta(days=first), now.day + timedelta(days=first + 1))
    ahead = _DAYS_AHEAD.get(match[0].removesuffix("个"), 0)
    day = now.day + timedelta(days=ahead)
    if ahead and now.at.time() < NIGHT_ENDS:
        return ask(match, day - ONE, day)
    return Day(match.start(), match.end(), "day", (day,), ahead=ahead > 0)


_UNIT = r"交易日|工作日|天|日|周|星期|礼拜|月|季度|年|小时|钟头|分钟|刻钟"
_AFTER = re.compile(
    r"(?<![第\d.前近到期割])(?:再|等)?(?:过|隔)?(?P<n>半|几|十几|数"
    rf"|{WHOLE})(?P<point>\.5|点五)?(?P<ge>个)?(?P<half>半)?(?P<unit>{_UNIT})"
    r"(?P<after>之后|以后|过后|后(?!续(?![签约费])|[面来仓台悔])|之?内|以内)"
)
_AFTER_SHORT = re.compile(
    rf"(?:再过|再等|过|隔)(?P<n>几|半|{WHOLE})(?P<point>)(?P<ge>个)?(?P<half>)(?P<unit>交易日|天|周|星期|礼拜|月|小时|钟头|分钟)"
    r"(?!了|来|就是|后|之后|以后|期|线|度)"
)
_ANCHORED = re.compile(r"(?:到期|交割|签约|上市|开户|入金|出金|放假|生日|摘牌|付款|合同)(?:日)?$")


def _after(match: Match, now: Now) -> Day | None:
    if _ANCHORED.search(match.string[: match.start()]):
        return ask(match)
    said, unit = match["n"], match["unit"]
    if said in {"几", "十几", "数"}:
        return ask(match, *(_later(now, n, unit) for n in (3, 5) if unit in {"天", "日"}))
    if unit == "月" and not match["ge"]:
        return None  # 3月后 is about March
    if _DIGIT_PAIR.fullmatch(said) and "十" not in said:
        return ask(match, *(_later(now, count(char) or 0, unit) for char in said))
    return _exactly(match, said, unit, now)


def _after_short(match: Match, now: Now) -> Day | None:
    if match["n"] == "两" and match["unit"] == "天":
        return ask(match, _later(now, 2, "天"), _later(now, 3, "天"))  # 过两天 is some time soon
    return _after(match, now)


def _exactly(match: Match, said: str, unit: str, now: Now) -> Day | None:
    half = said == "半" or bool(match["half"] or match["point"])
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
        return sure(match, _later(now, number, "月") + timedelta(days=15))
    if unit == "年":
        return sure(match, _later(now, number * 12 + 6, "月"))
    return ask(match)


def _within_reach(match: Match, day: date, unit: str, now: Now) -> Day:
    if unit == "工作日" or (unit == "交易日" and day > now.calendar.last):
        return ask(match, day)
    return sure(match, day)


def _later(now: Now, number: int, unit: str) -> date:
    if unit in {"交易日", "工作日"}:
        return trading_after(now.calendar, now.day, number)
    if unit in {"月", "季度", "年"}:
        months = number * {"月": 1, "季度": 3, "年": 12}[unit]
        year, month = month_ahead(now.day, months)
        return date(year, month, min(now.day.day, gregorian.monthrange(year, month)[1]))
    return now.day + timedelta(days=number * (1 if unit in {"天", "日"} else 7))


_NEXT_DAY = re.compile(r"次日(?!凌晨)|第二天|隔天|隔日")
_NEXT_TRADING = re.compile(rf"(?:下|次|隔)(?:一|1)?个?交易日{TAIL}")
_OF_PERIOD = re.compile(
    rf"(?:(?P<rel>本|这个?|下个?)|(?<![个\d])(?P<m>{WHOLE}))?(?P<what>月|周|星期|礼拜)(?:底|末|初|份|内)?的?"
    rf"(?:第(?P<n>{WHOLE})个?|(?P<last>最后(?:一个?)?)|(?P<first>首个?))交易日{TAIL}"
)


def _next_day(match: Match, now: Now) -> Day:
    """The day after something that was told: asked, with tomorrow as its reading."""
    return ask(match, now.day + ONE)


def _next_trading(match: Match, now: Now) -> Day:
    return _within_reach(match, trading_after(now.calendar, now.day), "交易日", now)


_MONTHS_TO_COME = 9  # a month that is further ahead has only just passed


def _of_period(match: Match, now: Now) -> Day | None:
    ahead = months_ahead(match["rel"] or "本")
    if match["m"]:
        month = count(match["m"]) or 0
        if match["what"] != "月" or not 1 <= month <= 12:
            return None
        ahead = (month - now.day.month) % 12
        if ahead > _MONTHS_TO_COME:
            return ask(match)
    if match["what"] == "月":
        begin, end = (
            date(*month_ahead(now.day, ahead), 1),
            date(*month_ahead(now.day, ahead + 1), 1),
        )
    else:
        begin = now.monday + timedelta(days=7 * ahead)
        end = begin + timedelta(days=7)
    number = count(match["n"]) if match["n"] else 1
    if match["last"]:
        day = trading_before(now.calendar, end)
    else:
        day = trading_after(now.calendar, begin - ONE, number or 1)
    return sure(match, day) if begin <= day < end and day >= now.day else ask(match)


RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (_RELATIVE, _relative),
    (_AFTER, _after),
    (_AFTER_SHORT, _after_short),
    (_NEXT_DAY, _next_day),
    (_NEXT_TRADING, _next_trading),
    (_OF_PERIOD, _of_period),
)
