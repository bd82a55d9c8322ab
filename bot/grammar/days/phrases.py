"""Every phrase of a line that names a day, or says that there is none."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import islice

from bot.grammar.days import counted, festive, parts, weeks, written
from bot.grammar.days.day import Day, Now, Rule, State
from bot.grammar.holidays import trading_before
from bot.grammar.numerals import WHOLE, count

_VAGUE = re.compile(
    r"尽快|尽早|抓紧|早日|马上(?!就?[涨跌要到])|过些天|过些日子|过段时间|过一阵|过阵子|这两天"
    r"|这几天|近几天|近期|近日"
    r"|不久|晚点(?!名)|晚些|待会儿?|一会儿|等会儿?|等下(?![周个月星礼])|稍后|稍晚|月内|年内|周内"
    r"|(?:元宵|七夕|重阳|情人|圣诞|腊八|小年|双十[一二]|[母父]亲|教师|儿童|妇女|青年)节?(?:当天|[之以]?[前后])"
    r"|下班(?:[之以]?前|后)|随时|明年|后年|下半年|下个?季度|(?:(?:合约|合同)?(?:交割|到期|换月|移仓|摘牌|行权|最后交易)(?:日|月)?"
    rf"(?:之前|以前|前|之后|以后|后)(?:的?{WHOLE}个?(?:交易日|天|周|月))?)|进交割月前?"
)
_LATER = re.compile(
    r"改天|改日|(?<![天日午上晚一二三四五六末号点半没都也才])有空(?:的时候)?(?:再说)?|得空|抽空|回头|以后再说?|下次|哪天|有机会|到时候?|择日"
    r"|待定|再说吧?$"
)
_EVERY = re.compile(
    rf"每年{WHOLE}月(?:份|{WHOLE}[日号])?"
    rf"|每(?:个|隔|逢)?(?:{WHOLE})?个?(?:天|日|周|星期|礼拜|月|季度?|年|交易日|工作日|晚|早"
    r"|晨)(?:[一二三四五六日天末](?!次))?"
    rf"(?:的?{WHOLE}[号日]|[底初末])?(?:[和、及]?(?:周|星期)?[一二三四五六日](?![次个]))*|天天"
    r"|按[周月季]"
)
_GONE = re.compile(
    r"大?前天|昨[天日晚夜儿]|前[日晚]|前几天|前两天|前阵子|前段时间|去年|上次|刚才|刚刚"
    r"|刚(?=[聊打见跟和给通从拜谈沟])|早前|此前"
    rf"|(?:近|过去|最近|连续|这|头){WHOLE}个?(?:交易日|天|日|周|星期|月|年)"
    rf"|(?<![到期割\d]){WHOLE}个?(?:天|周|星期|月|年|交易日)(?:之前|以前|前)"
    r"|几(?:天|周|个月|年)(?:之前|以前|前)|上周|上个?星期|上个?月(?![初中底末\d])"
)

_BACK = re.compile(
    rf"(?<=前)的?(?P<n>{WHOLE})个?(?P<unit>交易日|工作日|天|日|周|星期|礼拜)(?!之?[后内]|以[后内])"
)
_WEEKS = {"周", "星期", "礼拜"}
_MOST_BACK = 60
_MOST_OF_A_KIND = 60  # in one line; ``groups.MOST`` of all kinds are read

_ANY = re.compile(
    r"[\d稍会等天日月年周号节拜期快早紧马近久过后前头次说空每儿假旦明秋午庆一晚季长放隔抓尽改随待]"
)


def _state(state: State) -> Rule:
    return lambda match, _: Day(match.start(), match.end(), state)


_RULES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    *written.RULES,
    *parts.RULES,
    *weeks.RULES,
    *counted.RULES,
    *festive.RULES,
    (_VAGUE, _state("ask")),
    (_LATER, _state("never")),
    (_EVERY, _state("recurring")),
    (_GONE, _state("past")),
)


def scan(text: str, now: Now) -> list[Day]:
    """Every day that is named, from left to right; where two overlap the longer one."""
    if not _ANY.search(text):
        return []
    found = [
        day
        for pattern, rule in _RULES
        for m in islice(pattern.finditer(text), _MOST_OF_A_KIND)
        if (day := rule(m, now))
    ]
    return [_of_today(_counted_back(day, text, now), now) for day in _apart(found)]


def _of_today(day: Day, now: Now) -> Day:
    """月底 or 节前 said on that day itself may speak of what has been."""
    return replace(day, ahead=False) if day.ahead and day.days[:1] == (now.day,) else day


def _counted_back(day: Day, text: str, now: Now) -> Day:
    """月底前两个交易日 counts back from the day. 月底前两天 is asked: days of the calendar, or of
    trading; where both are the same day it is that."""
    back = _BACK.match(text, day.end)
    number = count(back["n"]) if back else None
    if not back or not number or number > _MOST_BACK or day.state != "day" or not day.days:
        return day
    traded = counted = day.days[0] - timedelta(days=number * (7 if back["unit"] in _WEEKS else 1))
    if back["unit"] not in _WEEKS:
        traded = day.days[0]
        for _ in range(number):
            traded = trading_before(now.calendar, traded)
    both = {traded} if back["unit"] == "交易日" else {traded, counted}
    sure = len(both) == 1 and back["unit"] not in _WEEKS and traded >= now.day
    days = tuple(sorted(each for each in both if each >= now.day))
    return replace(day, end=back.end(), state="day" if sure else "ask", days=days)


def _apart(found: list[Day]) -> list[Day]:
    kept: list[Day] = []
    for day in sorted(found, key=lambda d: (d.start, -d.end)):
        if kept and day.start < kept[-1].end:
            continue
        kept.append(day)
    return kept
