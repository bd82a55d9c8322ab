"""Who might be named in a line, and what the client index answered.

Understanding is pure, the index is a database: ``spans`` says what to look up, the caller does,
``read`` goes on from there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from bot.grammar.normalise import QUOTES
from crm import names
from crm.names import How, Probe
from crm.surnames import COMMON, DOUBLE, READINGS

MOST_QUERIES = 24
MOST_QUERIES_MADE = 2000  # repeats included, of lines that say one thing over and over
LONGEST_WORD = 24

Kind = Literal["word", "name", "surname", "number", "tail"]


@dataclass(frozen=True, slots=True)
class Query:
    """Something in a line that may name a client. ``name`` is looked up as it stands only."""

    kind: Kind
    text: str

    def probes(self) -> list[Probe]:
        """What to look up, surest first. Tiers of ``how`` are tried in the order of
        ``names.TIERS`` until one gives a client of one's own; the guesses ``sound`` and ``typo``
        only when nothing was found. Kinds outside ``names.OPEN_KINDS`` show own clients only."""
        match self.kind:
            case "name":
                return [Probe("name", self.text, "exact")]
            case "surname":
                return names.surname_keys(self.text)
            case "tail":
                return names.tail_keys(self.text)
            case "word" | "number":
                return names.query_keys(self.text)


@dataclass(frozen=True, slots=True)
class Hit:
    """A client that a query found. ``own``: the speaker's, or within what he oversees."""

    client_id: int
    account: str
    name: str
    own: bool
    how: How
    rank: int = 0


Found = Mapping[Query, Sequence[Hit]]


@dataclass(frozen=True, slots=True)
class Named:
    """A client's name in the line with everyone it may be."""

    start: int
    end: int
    typed: str
    hits: tuple[Hit, ...]

    @property
    def sure(self) -> Hit | None:
        """The one client that is meant; None when there are several or it is only a guess."""
        one = self.hits[0] if len(self.hits) == 1 else None
        return one if one and not self.is_guess else None

    @property
    def is_guess(self) -> bool:
        """Found by sound or with a slip only."""
        return self.hits[0].how in {"sound", "typo"}


_FAMILY = "".join(
    sorted((COMMON | {char for char in READINGS if len(char) == 1}) - set("师时那过"))
)
_DOUBLE = "|".join(sorted(DOUBLE))
_HAN = "一-龥"
_TITLE = re.compile(
    rf"(?P<family>{_DOUBLE}|[{_FAMILY}])(?:总(?![结部监量额体共是])|董(?!事会)|经理|老板|先生|女士"
    r"|小姐|老师|哥|姐|主任|厂长)"
    rf"|(?<![{_HAN}])老(?P<old>[{_FAMILY}])(?![{_HAN}]?[板])(?=[\s,:电微聊说打]|$)"
)
_TAIL = re.compile(
    r"(?:手机|电话|账号|资金账号)?(?:尾号|尾数|后四位|末四位)\s?(?:是|为|:)?\s?"
    r"(?P<tail>\d{4}|[零〇一二三四五六七八九幺]{4})(?!\d)(?:的(?:客户)?)?"
)
_LABEL = r"(?:(?:(?:资金)?账[号户]|客户号|手机号?码?)\s?[是为:]?\s?)?"
_NUMBER = re.compile(rf"{_LABEL}(?<![\d.A-Za-z-])(\d{{6,12}})(?![\d.%])")
_MOBILE = re.compile(
    rf"{_LABEL}(?<![\d.A-Za-z])(?:\+?86[ -]?)?(1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}})(?!\d)"
)
_SPECIAL: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (_TAIL, "tail"),
    (_MOBILE, "number"),
    (_NUMBER, "number"),
    (_TITLE, "surname"),
)
_SPELLED = str.maketrans("零〇一二三四五六七八九幺", "001234567891")
_TOKEN = re.compile(rf"[^\s,:;。!?、→|#{QUOTES}]+")
_BEFORE_NAME = re.compile(rf"[ ,:{QUOTES}]*")
_LEADS_IN = re.compile(
    r"[收核为验跟和给与同向找帮约请替对陪催见访醒系络知于问了过看查盯发寄送签办拜交把带让叫去到进接](?:一[下声眼趟]|下)?(?:那个|这个)?"
    r"|[今明昨后][天早晚]|[点号半]|早上|上午|中午|下午|晚上|刚[才刚]?|电话里?|微信[里上]?|短信|[\s,:;。、]|^"
)
_ACTION = "打?电话|微信|拜访|上门|见面|吃饭|开会|沟通|通话|聊|谈"
_LEADS_IN_ANY = re.compile(
    r"(?:拜访|联[系络]|回访|提醒|通知|[跟和给与找约去到为替帮把收催问看从]|[今明后]天|[上下]午|[点号])"
    r"(?:了|一[趟下眼]|下)?(?:那个|这个)?"
    rf"(?=([一-龥A-Za-z]{{2,16}}?)(?:[\s,;。、]|$|{_ACTION}|[送发寄签办续补开做出要能想]|核对|对[一]?[账接]|那边|这边|他们|财务|的(?!话)))"
)
_GLUED = re.compile(
    rf"[{_HAN}()]{{2,20}}?(?:公司|(?<=...)(?=的(?!话))|(?=的?(?:{_ACTION}|那个|这个|就是|他们|那边|这边|持仓|(?:开户)?进度|资金曲线|短信|邮件"
    r"|[今昨][天日早晚]|刚[才刚]|[上下]午)))"
)
PRONOUN = re.compile(
    r"(?:他|她|该客户|这个?客户|此客户)(?![们一-龥])|(?:他|她|该客户)(?=的|电话|微信|持仓)"
    r"|客户(?=[\s,:]|$)"
)


def token(text: str, start: int) -> tuple[int, int] | None:
    """The next word between blanks and marks."""
    match = _TOKEN.search(text, start)
    return match.span() if match else None


def word_queries(text: str, start: int) -> Iterator[Query]:
    """A place where a client is expected: the whole word, and names it may begin with."""
    span = token(text, start)
    if span is None:
        return
    word = text[span[0] : span[1]]
    if len(word) <= LONGEST_WORD:
        yield Query("word", word)
    yield from _beginnings(text, span[0])
    glued = _GLUED.match(text, span[0], span[1])
    if glued:
        yield Query("word", glued[0])


def _beginnings(text: str, start: int) -> Iterator[Query]:
    for length in (4, 3, 2):
        begun = text[start : start + length]
        if len(begun) == length and all("\u4e00" <= char <= "\u9fff" for char in begun):
            yield Query("name", begun)


def mention_queries(text: str, start: int) -> Iterator[Query]:
    """Places further on where a name may stand: numbers, titles, and behind 跟, 给, 约 …"""
    for tail in _TAIL.finditer(text, start):
        yield Query("tail", _digits(tail["tail"]))
    for pattern in (_MOBILE, _NUMBER):
        for number in pattern.finditer(text, start):
            yield Query("number", _digits(number[1]))
    for title in _TITLE.finditer(text, start):
        yield Query("surname", title["family"] or title["old"])
    for lead in _LEADS_IN_ANY.finditer(text, start):
        yield Query("word", lead[1])
    for lead in _LEADS_IN.finditer(text, start):
        place = lead.end()
        if text[place : place + 1] in _FAMILY or text[place : place + 2] in DOUBLE:
            yield from _beginnings(text, place)


def bounded(queries: Iterator[Query]) -> tuple[Query, ...]:
    """Each query once, and no more of them than a look-up should cost."""
    each: dict[Query, None] = {}
    for query in islice(queries, MOST_QUERIES_MADE):
        each[query] = None
        if len(each) == MOST_QUERIES:
            break
    return tuple(each)


def expected(text: str, start: int, found: Found) -> Named | None:
    """The client named at ``start``, by number, tail, title, whole word or beginning of one."""
    before = _BEFORE_NAME.match(text, start)
    start = before.end() if before else start
    special = _special(text, start, found)
    if special:
        return special
    span = token(text, start)
    if span is None or span[0] != start:
        return None
    word = text[start : span[1]]
    hits = found.get(Query("word", word), ())
    if hits and hits[0].how == "exact":
        return Named(start, span[1], word, tuple(hits))
    begun = _begun(text, start, found)
    begun = begun or _glued(text, start, found)
    if begun or not hits:
        return begun
    return Named(start, span[1], word, tuple(hits))


def mentioned(text: str, start: int, found: Found) -> Named | None:
    """The first client named somewhere behind ``start``."""
    places = {match.end() for match in _LEADS_IN.finditer(text, start)}
    places |= {m.start() for p, _ in _SPECIAL for m in p.finditer(text, start)}
    for place in sorted(places):
        named = _special(text, place, found) or _begun(text, place, found)
        if named:
            return named
    for lead in _LEADS_IN_ANY.finditer(text, start):
        hits = found.get(Query("word", lead[1]), ())
        if hits and hits[0].how in {"exact", "part"}:
            return Named(lead.end(), lead.end(1), lead[1], tuple(hits))
    return None


def _special(text: str, start: int, found: Found) -> Named | None:
    for pattern, kind in _SPECIAL:
        match = pattern.match(text, start)
        if match:
            typed = next((group for group in match.groups() if group), match[0])
            hits = found.get(Query(kind, typed if kind == "surname" else _digits(typed)), ())
            if hits:
                shown = match[0] if kind == "surname" else typed
                return Named(start, match.end(), shown, tuple(hits))
    return None


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number.translate(_SPELLED))


def _begun(text: str, start: int, found: Found) -> Named | None:
    for query in _beginnings(text, start):
        hits = found.get(query, ())
        if hits:
            end = start + len(query.text)
            return Named(start, end, query.text, tuple(hits))
    return None


def _glued(text: str, start: int, found: Found) -> Named | None:
    """A name longer or shorter than most, up to the word that must follow: 恒力石化持仓."""
    match = _GLUED.match(text, start)
    hits = found.get(Query("word", match[0]), ()) if match else ()
    if not match or not hits or hits[0].how not in {"exact", "part"}:
        return None
    return Named(start, match.end(), match[0], tuple(hits))


def breaks_off(named: Named, text: str) -> bool:
    """Whether a word follows that cannot be part of the name."""
    match = _GLUED.match(text, named.start)
    return match is not None and match.end() == named.end


def titled(text: str) -> bool:
    """Whether somebody is named by surname and title."""
    return _TITLE.search(text) is not None
