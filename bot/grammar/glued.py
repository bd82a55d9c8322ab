"""Whether characters right behind a verb leave it a verb: 记张三, but not 记得."""

import re

from bot.grammar import dates, intent, note, showing, talk, verbs, who
from bot.grammar.commands import COUNT
from bot.grammar.heard import Heard
from bot.grammar.numerals import WHOLE
from bot.grammar.opening import FIELDS, FILLER, LOOK_FILLER, Opening, skip
from crm import names

_PERIODS = re.compile(r"今[日天]|昨[日天]|本[周月]|上[周月]|近?\d|全部")
_TOP = re.compile(rf"(?:前|[Tt][Oo][Pp])? ?{WHOLE} ?[名户位个]?")
_UNDONE = re.compile(
    r"(?:一下)?(?:刚才|刚刚|上|前面)?的?[这那]?(?:一?[条个笔次])?的?(?:记录|待办|操作)?"
)
_TO_OTHERS = re.compile(r"(?:一下)?(?:你|您|[他她]们|[他她]俩|大家|各位|所有|全体|同事|同学|诸位)")
_ERRAND = re.compile(
    r"(?:一下|我)?(?:$|[买订换缴付充搬抄印]|还(?=[钱款书车清])|领(?!导)|存(?!在)|取(?!消)|下载|上传)"
)
_SAYS = re.compile(r"(?:他|她|客户|对方)(?:刚才?|今天)?(?:说|讲|表示|要求|同意|答应|想)")
_FOR_A_WHILE = re.compile(r"[\d一二两三半]|全部")
_SHORT = 6  # characters of a complaint about reminders; a thing to do may begin like one
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
            return "→" in rest or "->" in rest or _is_from_one_to_another(rest)
        case "admin:静默":
            return _FOR_A_WHILE.match(rest) is not None or heard.client_at(begun.end) is not None
        case _:
            return False


def _is_from_one_to_another(rest: str) -> bool:
    """交接王强给李敏"""
    one, _, other = rest.partition("给")
    return names.looks_like_name(one) and names.looks_like_name(other)


def is_only_talk(heard: Heard, begun: Opening) -> bool:
    """驳回 了吗, 线索 没了, 撤销 订单怎么操作: said about what would write at once."""
    start = heard.skip(LOOK_FILLER, begun.end)
    rest = heard.text[start:]
    if not rest or begun.verb.writes in {"no", "confirmed"}:
        return False
    if talk.trails_off(rest):
        return True
    named = heard.client_at(start)
    behind = heard.text[named.end :] if named else ""
    match begun.verb.name:
        case "task" if len(rest) <= _SHORT and talk.is_about_reminders(rest):
            return True
        case "apply_opening" if named and talk.is_outcome(behind):
            return True
        case "approve" | "reject" | "send_back" | "hand_on" | "cosign" if talk.is_asked_how(behind):
            return True
        case "log" | "task" | "reject" | "send_back":
            return False  # what follows may well be a question
        case "bind" if not re.search(r"[A-Za-z0-9]|列出|解除|钉钉|企", rest):
            return True  # 绑定 失败
        case "undo" if not (_UNDONE.fullmatch(rest) or _may_be_named(rest)):
            return True
        case _:
            return not (note.mobile(rest) or named) and talk.is_question(rest)


def _may_be_named(words: str) -> bool:
    person = names.looks_like_name(words) and not talk.is_common_word(words)
    return person or words.endswith("公司")


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
    """显示手机张三核对, 记电话张三没接: the field or the channel stands before the name."""
    before = {"reveal": FIELDS, "log": note.CHANNEL}.get(begun.verb.name)
    return heard.skip(before, begun.end) if before else begun.end


def _told_to_log(heard: Heard, begun: Opening) -> bool:
    """记一下今天上午拜访了张三, 记一下他说…: asked for in so many words, and about somebody."""
    if not begun.asked or talk.is_question(heard.text):
        return False
    if _SAYS.match(heard.text, heard.skip(FILLER, begun.end)):
        return True
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
