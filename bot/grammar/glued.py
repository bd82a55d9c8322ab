"""Whether characters right behind a verb leave it a verb: 记张三, but not 记得."""

import re

from bot.grammar import dates, intent, note, showing, talk, verbs, who
from bot.grammar.commands import COUNT
from bot.grammar.heard import Heard
from bot.grammar.opening import FIELDS, LOOK_FILLER, Opening, skip

_PERIODS = re.compile(r"今[日天]|昨[日天]|本[周月]|上[周月]|近?\d|全部")
_TOP = re.compile(r"(?:前|[Tt][Oo][Pp])? ?\d{1,3} ?[名户位个]?")
_UNDONE = re.compile(
    r"(?:一下)?(?:刚才|刚刚|上|前面)?的?[这那]?(?:一?[条个笔次])?的?(?:记录|待办|操作)?"
)
_TO_OTHERS = re.compile(r"(?:一下)?(?:你|您|[他她]们|[他她]俩|大家|各位|所有|全体|同事|同学|诸位)")
_ERRAND = re.compile(
    r"(?:一下|我)?(?:$|[买订换缴付充搬抄印]|还(?=[钱款书车清])|领(?!导)|存(?!在)|取(?!消)|下载|上传)"
)
_BIND = re.compile(r"(?=.*\d)[A-Za-z0-9]{4}[ -]?[A-Za-z0-9]{4}|列出|解除 ?(?:钉钉|企微|企业微信)")


def stands(heard: Heard, begun: Opening) -> bool:
    """Whether characters right behind the verb leave it a verb: 记张三, but not 记得."""
    rest = heard.text[skip(LOOK_FILLER, heard.text, begun.end) :]
    match begun.verb.name:
        case "look_up" | "log" | "positions" | "curve" | "progress" | "apply_opening" | "reveal":
            return _is_about_a_client(heard, begun, rest)
        case "help":
            return verbs.exact(rest) is not None
        case "task":
            return _is_a_plan(heard, begun.end)
        case "lead":
            return note.mobile(rest) is not None
        case "claim" | "done":
            all_of_them = begun.verb.name == "claim" and rest == "全部"
            return all_of_them or COUNT.fullmatch(rest) is not None
        case "stress" | "concentration":
            return bool(note.marks(rest[:12], codes=True).products or _PERIODS.match(rest))
        case "risk_rank":
            return _TOP.fullmatch(rest) is not None
        case "big_withdrawals" | "anomalies" | "noise" | "daily_report" | "monthly_report":
            return _PERIODS.match(rest) is not None
        case "bind":
            return _BIND.fullmatch(rest) is not None
        case "undo":
            return _UNDONE.fullmatch(rest) is not None
        case "handover":
            return "→" in rest or "->" in rest
        case _:
            return False


def _is_about_a_client(heard: Heard, begun: Opening, rest: str) -> bool:
    named = heard.client_at(_where_named(heard, begun))
    if named:
        behind = heard.text[named.end :]
        sighed = talk.is_complaint(behind) or (
            heard.text.startswith("跟进") and talk.tells_how_long(behind)
        )
        sighed = sighed or (begun.verb.name == "log" and talk.is_left_open(behind))
        return not sighed and (len(named.typed) > 1 or begun.verb.name != "log")
    if begun.verb.name == "log" and _told_to_log(heard, begun):
        return True
    if begun.verb.name == "look_up" and showing.kind(heard.text, begun.end):
        return True
    pronoun = who.PRONOUN.match(rest)
    if pronoun is None or talk.is_ordinary(heard.text):
        return False
    return begun.verb.name != "apply_opening" or pronoun[0] != "客户"  # 开户客户 are many


def _where_named(heard: Heard, begun: Opening) -> int:
    """显示手机张三核对: the field stands before the name."""
    return heard.skip(FIELDS, begun.end) if begun.verb.name == "reveal" else begun.end


def _told_to_log(heard: Heard, begun: Opening) -> bool:
    """记一下今天上午拜访了张三: asked for in so many words, and somebody known is in it."""
    if not begun.asked or talk.is_question(heard.text):
        return False
    named = who.mentioned(heard.text, begun.end, heard.found)
    return named is not None and not named.is_guess


def _is_a_plan(heard: Heard, start: int) -> bool:
    """提醒明天开会, but not 提醒功能怎么用 nor 待办都清了."""
    if talk.is_ordinary(heard.text) or talk.is_question(heard.text):
        return False
    said = heard.text[start:]
    if _TO_OTHERS.match(said) or talk.is_about_reminders(said):
        return False
    due = dates.due(said, at=heard.at, calendar=heard.calendar, promised=True)
    if due.kind != "none":
        return True
    if talk.tells_of_the_past(said) or talk.cannot(said):
        return False
    if _speaks_of(heard, start) or _ERRAND.match(said):
        return True
    return intent.ours("", said) and not intent.done(said)


def _speaks_of(heard: Heard, start: int) -> bool:
    return bool(heard.client_at(start) or who.mentioned(heard.text, start, heard.found))
