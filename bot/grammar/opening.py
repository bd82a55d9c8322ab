"""What stands where in a line, before anybody is known: the verb in front, places for a name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.grammar import note, showing, talk, verbs, who
from bot.grammar.normalise import EMOJI, QUOTES
from bot.grammar.verbs import Verb

_ER = r"(?:那个|就是|这个)(?!客户|人|月|周|星期|礼拜|季)"
FILLER = re.compile(
    rf"(?:一[下笔条][吧哈呗啊]?|{_ER}|[上吧哈呗](?=[\s,:])|[啊呃嗯哦!\s,:{QUOTES}{EMOJI}])*"
)
LOOK_FILLER = re.compile(
    rf"(?:一[下条查][吧哈呗啊]?|[上吧哈呗](?=[\s,:])|{_ER}|下|个(?:人|客户)(?=[\s,:])|个|看看|看|查(?!询)|客户(?=[^\s,:经])"
    rf"|[啊呃嗯哦!\s,:{QUOTES}{EMOJI}])*"
)
BETWEEN = re.compile(rf"[\s,:、的{QUOTES}]*")
TAG = re.compile(r"#[^\s#]+#?\s*")
FIELDS = re.compile(r"手机号?码?|电话|身份证号?码?|证件号?码?|银行卡号?|地址|生日|联系人")

_A_NEW = r"(?:(?:新建|新增|创建|设置|添加)(?:一?[个条笔])?|[设加建定记做写补来]一?[个条笔])"
_POLITE = re.compile(rf"你?(?:{showing.PLEASE}+\s?)?(?:{_A_NEW}(?=待办|提醒|记录|跟进|线索))?")
_APART = re.compile(rf"[ ,:{QUOTES}]|$")
_LATIN = re.compile(r"[A-Za-z]{2,}(?=[一-龥])")  # cha张三
_JUST = re.compile(r"一[下笔条]")
_DATE_LIKE = re.compile(
    r"[今明后大下本这周星礼每\d节月年收开夜早上中晚国春端清元五]"
    r"|[一二两三四五六七八九十半]+[个天周点月号]"
)
_MOST_PLACES = 4


@dataclass(frozen=True, slots=True)
class Opening:
    """A verb in front: where what follows begins, and whether a blank or mark sets it apart."""

    verb: Verb
    end: int
    apart: bool
    asked: bool = False  # 帮我记, 记一下: as nobody says who is only telling


def opening(text: str) -> Opening | None:
    """The verb in front of a line: a word of its own, or the beginning of one."""
    slash = text.startswith("/")
    start = len(text) - len(text[1:].lstrip()) if slash else 0
    span = who.token(text, start)
    if span is None or span[0] != start:
        return None
    verb = verbs.exact(text[start : span[1]], slash=slash)
    if verb:
        return Opening(verb, span[1], apart=True)
    latin = _LATIN.match(text, start)
    verb = verbs.exact(latin[0]) if latin else None
    if latin and verb:
        return Opening(verb, latin.end(), apart=False)
    begun = _in_chinese(text, start)
    if begun is None or (begun.verb.name == "look_up" and not begun.apart):
        return _asked_to_show(text, start) or begun
    return begun


def _in_chinese(text: str, begin: int) -> Opening | None:
    """记张三, 帮我记一下: a Chinese verb, with or without a blank behind."""
    start = skip(_POLITE, text, begin)
    if start > begin and talk.is_ordinary(text[start:]):
        return None  # 请记得给张三打电话
    for word, verb in verbs.chinese_words():
        end = start + len(word)
        if text.startswith(word, start) and not text.startswith("们", end):
            asked = start > begin or _JUST.search(text[end - 2 : end + 2]) is not None
            return Opening(verb, end, apart=is_apart(text, end), asked=asked)
    return None


def _asked_to_show(text: str, start: int) -> Opening | None:
    """看下集中度 铜, 跑一下压力 rb -5%: what only shows may be asked for in more words."""
    requested = skip(showing.REQUEST, text, start)
    if requested == start:
        return None
    for word, verb in verbs.chinese_words():
        if verb.name in showing.SHOWN and text.startswith(word, requested):
            return Opening(verb, requested + len(word), apart=False)
    return None


def expected_places(text: str) -> Iterator[int]:
    """Where a client is expected: in front, behind the verb, behind a channel or a date there."""
    yield 0
    yield skip(showing.LEAD, text, 0)
    found = opening(text)
    first = who.token(text, 0)
    start = found.end if found else (first[1] if first else 0)
    if found:
        yield skip(LOOK_FILLER, text, start)
        yield skip(FIELDS, text, start)
    yield from places_from(text, start)


def places_from(text: str, start: int) -> Iterator[int]:
    for _ in range(_MOST_PLACES):
        start = skip(TAG, text, skip(FILLER, text, start))
        if start >= len(text):
            return
        yield start
        span = who.token(text, start)
        if span is None or not _may_stand_before_a_name(text[span[0] : span[1]]):
            return
        start = span[1]


def _may_stand_before_a_name(word: str) -> bool:
    return bool(note.standing_channel(word, 0) or FIELDS.fullmatch(word) or _DATE_LIKE.match(word))


def is_apart(text: str, end: int) -> bool:
    """Whether a blank, a mark or the end of the line follows."""
    return _APART.match(text, end) is not None


def skip(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where ``pattern`` ends when it begins at ``start``; ``start`` when it does not."""
    match = pattern.match(text, start)
    return match.end() if match else start
