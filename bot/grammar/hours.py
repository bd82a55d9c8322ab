"""The time of day in a line: clock times, parts of the day, trading sessions."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Literal

from bot.grammar.numerals import WHOLE, count
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI

Session = Literal["day", "night"]
_MOST_OF_A_KIND = 60  # in one line; ``groups.MOST`` of all kinds are read
DEFAULT = time(9)


@dataclass(frozen=True, slots=True)
class Hour:
    """``times``: one when it is sure, several or none when it must be asked."""

    start: int
    end: int
    times: tuple[time, ...]
    session: Session | None = None

    def on(self, day: date, calendar: Calendar) -> tuple[datetime, ...]:
        """The moments meant on ``day``; none where the day lacks the session."""
        if self.session == "day" and not calendar.is_trading(day):
            return ()
        if self.session == "night" and not calendar.has_night(day):
            return ()
        return tuple(datetime.combine(day, at, SHANGHAI) for at in self.times)

    def next(self, now: datetime, calendar: Calendar) -> datetime | None:
        """The next moment of a session after ``now``."""
        for ahead in range(40):
            for at in self.on(now.date() + timedelta(days=ahead), calendar):
                if at > now:
                    return at
        return None


_PERIODS = {
    "凌晨": (), "半夜": (), "深夜": (),
    "清晨": (time(9),), "清早": (time(9),), "一早": (time(9),), "早上": (time(9),),
    "早晨": (time(9),), "早间": (time(9),), "早": (time(9),), "晨": (time(9),),
    "上午": (time(9),), "中午": (time(12),), "午间": (time(12),),
    "下午": (time(14),), "午后": (time(14),), "傍晚": (time(18),),
    "晚上": (time(20),), "晚间": (time(20),), "晚": (time(20),), "夜里": (time(20),),
    "夜间": (time(20),), "夜": (time(20),),
    "这个时候": (), "这时候": (), "同一时间": (),
}  # fmt: skip
_MORNING = frozenset({"凌晨", "清晨", "清早", "一早", "早上", "早晨", "早间", "早", "晨", "上午"})
_NOON = frozenset({"中午", "午间"})
_AFTERNOON = frozenset({"下午", "午后", "傍晚"})

_LONG_PERIOD = "|".join(word for word in _PERIODS if len(word) == 2).replace(
    "一早",
    "(?<![周期拜])一早",  # not of 周一早上
)
_LONG_PERIOD = rf"(?<!整)(?<!整个)(?<![了聊谈等忙]一)(?:{_LONG_PERIOD})"  # 聊了一下午 lasted
# one character only right behind a day: 明早, 周五晚
_PERIOD = (
    rf"(?:{_LONG_PERIOD})(?!茶)|(?<=[天日一二三四五六末号])(?:这个?时候|同一时间)"
    r"|(?<=[今明天日一二三四五六末号])(?:[早晚夜](?!盘|点|些|于|就|已|餐|饭|会)|晨)"
    r"|(?<![一-龥])[早晚](?=(?:\d{1,2}|[五六七八九十]|十一)[点:])"
)

_NOT_CLOCK = r"(?!建议|要求|意见|原因|问题|想法|内容|诉求|考虑|理由|:|位|数|差|子|评|击|名|多的)"
_CLOCK = re.compile(
    rf"(?P<period>{_PERIOD})?[\s的,]?"
    rf"(?:(?<![\d.A-Za-z:/%第几-])(?P<hour>{WHOLE})(?:\s?(?:-|~|到|至|或者?)\s?(?P<other>{WHOLE}))?"
    rf"(?:点钟?|时(?!间|候|期|段|常|刻|而|代|机|点|限|效)){_NOT_CLOCK}"
    r"(?:(?P<half>半)|(?P<quarter>[一三])刻|(?P<minute>[0-5]\d|[二三四五]?十[一二三四五六七八九]?"
    rf"|{WHOLE}(?=分(?!钟)))分?|整)?"
    r"|(?<![\d.:])(?P<hh>\d{1,2}):(?P<mm>[0-5]\d)(?::[0-5]\d)?(?![\d:]))"
    rf"(?:\s?(?:-|~|到|至)\s?(?:{_LONG_PERIOD})?(?:{WHOLE}点(?:半|{WHOLE}分?)?|\d{{1,2}}:\d\d))?"
    r"(?:左右|钟)?"
)
_ONE_OCLOCK = re.compile(
    r"(?<![上下午晨晚早间后天日号一二三四五六十\s\d])一点(?![钟半整前零一二三四五六\d])|一点点"
)

_SIDE = r"(?:之前|以前|之后|以后|前|后)?"
_SESSION_WORDS: tuple[tuple[str, Session, tuple[time, ...]], ...] = (
    (r"(?<![看盯做聊谈])夜盘(?:结束|收盘|收市|之?后|以后)+", "night", ()),
    (r"(?<![看盯做聊谈])夜盘(?:开盘|开始)?(?:之前|以前|前|时|后)?", "night", (time(21),)),
    (rf"(?:下午|午后|午盘)(?:再?开盘|开市){_SIDE}", "day", (time(13, 30),)),
    (r"(?:上午|早盘)(?:收盘|收市|结束)(?:之?后|前)?", "day", (time(11, 30),)),
    (r"午休(?:时|期间|前|后)?|(?:午间|中午)休市", "day", (time(11, 30),)),
    (rf"(?:日盘|下午|午后)?(?:收盘|收市){_SIDE}|盘后|尾盘", "day", (time(15),)),
    (rf"(?:日盘|早盘|早上|上午)?(?:开盘|开市){_SIDE}", "day", (time(9),)),
    (r"(?<![日夜早午])盘前|(?:早盘|日盘|集合竞价)(?:之前|前)?", "day", (time(9),)),
)
_NOT_SESSION = (
    r"(?!价|线|点位|点评|指数|跳水|品种|行情|走势|复盘|波动|大?涨|大?跌|低开|高开|交易|量|持仓|资金|冲高|成交"
    r"|拉升|走)"
)
_SESSIONS = tuple(
    (re.compile(rf"(?:{words}){_NOT_SESSION}"), session, times)
    for words, session, times in _SESSION_WORDS
)
_OFFSET = re.compile(rf"(?P<half>半)个?小时|(?P<n>{WHOLE})(?:分钟|(?P<hours>个?小时))")
_PERIOD_ALONE = re.compile(rf"(?:{_PERIOD})(?!好)")
_OR = re.compile(r"\s?(?:或者?是?|还是)\s?")
_LATIN = re.compile(
    r"(?<![\dA-Za-z.:])(?P<hour>1[0-2]|0?[1-9])(?::(?P<minute>[0-5]\d))?\s?(?P<half>[ap])\.?m(?![A-Za-z])",
    re.IGNORECASE,
)
_ANY = re.compile(r"[mM点时:盘早晚晨午夜收开]")


def scan(text: str) -> list[Hour]:
    """Every time of day in ``text``, from left to right, without overlaps."""
    if not _ANY.search(text):
        return []
    clocks = _first(_CLOCK, _ONE_OCLOCK.sub("□□", text))
    found = [hour for match in clocks if (hour := _clock(match))]
    found += [_latin(match) for match in _first(_LATIN, text)]
    for pattern, session, times in _SESSIONS:
        found += [_session(m, session, times) for m in _first(pattern, text)]
    found += [Hour(m.start(), m.end(), _PERIODS[m[0]]) for m in _first(_PERIOD_ALONE, text)]
    return _alternatives(text, _apart(text, found))


def _first(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    return islice(pattern.finditer(text), _MOST_OF_A_KIND)


def _session(match: re.Match[str], session: Session, times: tuple[time, ...]) -> Hour:
    """A session word, with 开盘前半小时 and 收盘后10分钟 counted from it."""
    offset = _OFFSET.match(match.string, match.end())
    if not offset or match[0][-1] not in "前后":
        return Hour(match.start(), match.end(), times, session)
    minutes = 30 if offset["half"] else (count(offset["n"]) or 0) * (60 if offset["hours"] else 1)
    sign = -1 if match[0].endswith("前") else 1
    moved = tuple(
        (
            datetime.combine(date(2000, 1, 1), at, SHANGHAI) + timedelta(minutes=sign * minutes)
        ).time()
        for at in times
    )
    return Hour(match.start(), offset.end(), moved, session)


def _apart(text: str, found: list[Hour]) -> list[Hour]:
    """A session beats the part of the day before it, but not the clock: 今晚夜盘前, 九点开盘."""
    kept: list[Hour] = []
    for hour in sorted(found, key=lambda h: (h.start, -h.end)):
        if kept and hour.start < kept[-1].end:
            continue
        if kept and hour.session and hour.start == kept[-1].end and not kept[-1].session:
            first = kept[-1]
            period = text[first.start : first.end] in _PERIODS
            times, session = (hour.times, hour.session) if period else (first.times, None)
            kept[-1] = Hour(first.start, hour.end, times, session)
            continue
        kept.append(hour)
    return kept


def _alternatives(text: str, found: list[Hour]) -> list[Hour]:
    """上午或者下午: one hour that can be either."""
    kept: list[Hour] = []
    for hour in found:
        if kept and _OR.fullmatch(text, kept[-1].end, hour.start):
            first = kept.pop()
            session = first.session if first.session == hour.session else None
            kept.append(Hour(first.start, hour.end, (*first.times, *hour.times), session))
        else:
            kept.append(hour)
    return kept


def _clock(match: re.Match[str]) -> Hour | None:
    start = match.start("period") if match["period"] else match.start(_head(match))
    if match["hh"]:
        hour, minute = int(match["hh"]), int(match["mm"])
        as_said = match["hh"].startswith("0") or hour > 12
        times = (_at(hour, minute),) if as_said else _meant(hour, minute, match["period"])
    else:
        times = _spoken(match)
    if None in times:
        return None
    return Hour(start, match.end(), tuple(at for at in times if at is not None))


def _latin(match: re.Match[str]) -> Hour:
    """3pm, 9:30 am"""
    hour = int(match["hour"]) % 12 + (12 if match["half"].lower() == "p" else 0)
    return Hour(match.start(), match.end(), (time(hour, int(match["minute"] or 0)),))


def _head(match: re.Match[str]) -> str:
    return "hh" if match["hh"] else "hour"


def _spoken(match: re.Match[str]) -> tuple[time | None, ...]:
    said = match["hour"]
    minute = 30 if match["half"] else {"一": 15, "三": 45}.get(match["quarter"] or "", 0)
    if match["minute"]:
        minute = count(match["minute"]) or 0
    pair = len(said) == 2 and all(char in "一二两三四五六七八九" for char in said)
    if pair:  # 三四点
        first, second = (count(char) or 0 for char in said)
        return (*_meant(first, minute, match["period"]), *_meant(second, minute, match["period"]))
    hour = count(said)
    if hour is None:
        return (None,)
    both = _meant(hour, minute, match["period"])
    if match["other"] and "或" in match[0]:
        return (*both, *_meant(count(match["other"]) or 0, minute, match["period"]))
    return both


def _meant(hour: int, minute: int, period: str | None) -> tuple[time | None, ...]:
    """The times that an hour can mean; (None,) when it is no hour of the day."""
    if hour > 24 or minute > 59:
        return (None,)
    if period is None:
        return _without_period(hour, minute)
    if period in _MORNING or hour > 12:
        return (_at(hour % 24, minute),)
    if period in _NOON:
        return (_at(hour + 12 if hour < 4 else hour, minute),)
    if period in _AFTERNOON:
        return (_at(hour + 12 if hour < 12 else hour, minute),)
    return (_at(hour + 12, minute),) if 5 <= hour < 12 else ()


def _without_period(hour: int, minute: int) -> tuple[time | None, ...]:
    if 1 <= hour <= 6:
        return (_at(hour + 12, minute),)
    if hour in {7, 8}:
        return (_at(hour, minute), _at(hour + 12, minute))
    return () if hour in {0, 24} else (_at(hour, minute),)


def _at(hour: int, minute: int) -> time | None:
    return time(hour, minute) if hour < 24 else None
