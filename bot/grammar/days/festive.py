"""Before and after holidays: 节前, 国庆后第一个交易日, 年前."""

import re
from datetime import date, timedelta

from bot.grammar import holidays
from bot.grammar.days.day import Day, Match, Now, Rule, ask, sure
from bot.grammar.holidays import trading_after, trading_before
from bot.grammar.numerals import WHOLE, count

FORTNIGHT = timedelta(days=14)  # two breaks so close: it is asked which

_FESTIVAL_WORDS = {
    "元旦": "元旦", "春节": "春节", "过年": "春节", "清明": "清明", "端午": "端午",
    "中秋": "中秋", "五一": "五一", "劳动节": "五一", "国庆": "国庆", "十一": "国庆",
}  # fmt: skip
_NTH = (
    rf"(?:的|以?后的?)?(?:(?:第(?P<n>{WHOLE})个?|(?P<first>首个?)|(?P<last>最后一?个?))交易日"
    rf"|(?P<count>{WHOLE})(?P<cunit>个?交易日|天|周|个?星期)(?:内|后|左右)?|(?P<vague>第?一周"
    r"|几天))?"
)
_HOLIDAY = re.compile(
    r"(?P<year>今年|明年)?(?P<name>元旦|春节|过年|清明|五一(?!路|广场)|劳动节|端午|中秋|国庆"
    r"|(?<!双)十一(?![月点号日手个万年]))节?"
    r"(?:小?长假|假期|放假|黄金周)?"
    r"(?P<side>之前|以前|前(?!往|去|期|景)|之后|以后|过后|过完|后(?!续|台|天)|后(?=天(?!气))|回来"
    r"|期间|当天)?" + _NTH
)
_BREAK = re.compile(
    r"(?:(?:(?<=行情)|(?<![季章调细关环情春时礼佳氛适症小宵夕阳人诞亲师童女年]))节日?|小?长假|假期|放假|(?<![请休年病事产作真虚])假)"
    r"(?P<side>之前|以前|前(?!往|去|期|景)|之后|以后|过后|后(?!续|台))" + _NTH
)
_NEW_YEAR = re.compile(
    r"(?:过完年|(?<![\d一二两三四五六七八九十几近去今明后前半整全本每多当同早])年(?P<side>前"
    r"|后))(?![期往])" + _NTH
)
_BEFORE = ("之前", "以前", "前")


def _holiday(match: Match, now: Now) -> Day:
    name = _FESTIVAL_WORDS[match["name"]]
    since = date(now.day.year + 1, 1, 1) if match["year"] == "明年" else now.day
    block = holidays.next_festival(now.calendar, name, since)
    if block is None or (match["year"] == "今年" and block.first.year > now.day.year):
        return ask(match)
    side = match["side"] or ""
    if not side or side in {"期间", "当天"}:
        near = (trading_before(now.calendar, block.first), trading_after(now.calendar, block.last))
        return ask(match, *(day for day in near if day > now.day))
    return _beside(match, block, now, before=side in _BEFORE)


def _break(match: Match, now: Now) -> Day:
    """节前, 节后: the next closed block; the one that we are in has no 节前 any more."""
    before = match["side"] in _BEFORE
    blocks = holidays.next_blocks(now.calendar, now.day, 3)
    if blocks and before and blocks[0].first <= now.day:
        blocks = blocks[1:]
    if not blocks:
        return ask(match)
    if (
        blocks[1:]
        and not blocks[0].first <= now.day
        and blocks[1].first - blocks[0].last < FORTNIGHT
    ):
        both = [_beside(match, block, now, before=before) for block in blocks[:2]]
        return ask(match, *(day for one in both for day in one.days))
    return _beside(match, blocks[0], now, before=before)


def _new_year(match: Match, now: Now) -> Day:
    """Before the Spring Festival of this year it is meant; in the last quarter it is asked."""
    before = match["side"] == "前"
    spring = holidays.next_festival(now.calendar, "春节", now.day)
    if spring is None:
        return ask(match)
    if match[0].startswith("过完"):
        return _beside(match, spring, now, before=False)
    if now.day.month < 4 and spring.last.year == now.day.year:
        return _beside(match, spring, now, before=before)
    year_end = holidays.next_festival(now.calendar, "元旦", now.day)
    both = [_beside(match, block, now, before=before) for block in (year_end, spring) if block]
    return ask(match, *(day for one in both for day in one.days))


def _beside(match: Match, block: holidays.Block, now: Now, *, before: bool) -> Day:
    if match["vague"] or (match["count"] and before):
        return ask(match)
    if before:
        day = trading_before(now.calendar, block.first)
    else:
        day = trading_after(now.calendar, block.last, (count(match["n"]) if match["n"] else 1) or 1)
    if match["n"] and before:
        return ask(match, day)
    if match["count"]:
        return ask(match, day)
    if day < now.day or day > now.calendar.last:
        return ask(match)
    return sure(match, day)


RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (_HOLIDAY, _holiday),
    (_BREAK, _break),
    (_NEW_YEAR, _new_year),
)
