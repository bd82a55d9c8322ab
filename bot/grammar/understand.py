"""From a line to a Reading, in two pure steps around one look-up of clients."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from bot.chat.message import Place
from bot.grammar import dates, note, noted, talk, verbs, who
from bot.grammar.commands import OF_A_CLIENT, command, look_up
from bot.grammar.heard import Heard
from bot.grammar.normalise import normalise
from bot.grammar.numerals import WHOLE
from bot.grammar.opening import BETWEEN, LOOK_FILLER, Opening, expected_places, opening, skip
from bot.grammar.reading import Asked, Reading
from bot.grammar.verbs import Verb
from bot.grammar.who import Found, Hit, Named, Query
from crm import names
from crm.kernel.calendar import Calendar

_PERIODS = re.compile(r"今[日天]|昨[日天]|本[周月]|上[周月]|近?\d|全部")
_HE = re.compile(r"他|她|(?:该|这个?|此)客户")
_COUNT = re.compile(rf"第?{WHOLE}(?:[个号条件]|[\s,]|$)")
_REMIND_ME = re.compile(r"(?P<when>[^,;。!?]{2,16}?)\s?(?:请|你|再)?(?:提醒|叫)我(?!们)(?:一下)?")
_LONGEST_VERB = 16


def spans(said: str) -> tuple[Query, ...]:
    """Everything in a line that might name a client: at most ``who.MOST_QUERIES``."""
    return who.bounded(_queries(normalise(said).text))


def _queries(text: str) -> Iterator[Query]:
    if not text:
        return
    if len(text) <= who.LONGEST_WORD:
        yield Query("word", text)
    begun = opening(text)
    if begun:
        yield Query("word", text[skip(LOOK_FILLER, text, begun.end) :])
    for place in expected_places(text):
        yield from who.word_queries(text, place)
    yield from who.mention_queries(text, 0)


def read(
    said: str,
    *,
    at: datetime,
    place: Place,
    mentioned: bool,
    calendar: Calendar,
    found: Found,
    focus: Hit | None = None,
) -> Reading:
    """How a line is understood, given the clients that ``spans`` of it found.

    A line that opens with a verb is that command; one that opens with a client may name the verb
    behind; a line that is nothing but a client is a look-up; what is left may be a slip or a
    story, which are offered and never written unasked.
    """
    line = normalise(said)
    if place is Place.GROUP and not (mentioned or line.called):
        return Reading(verb=None)
    heard = Heard(line, at, calendar, found, focus)
    return (
        _name_like_a_verb(heard)
        or _verb_in_front(heard)
        or _client_in_front(heard)
        or _date_in_front(heard)
        or _only_a_client(heard)
        or _unfinished_verb(heard)
        or _unknown_client(heard)
        or _told(heard)
        or Reading(verb="none")
    )


def _name_like_a_verb(heard: Heard) -> Reading | None:
    """A line that is exactly a client's name, also where it begins like a verb: 查英芳."""
    named = _whole(heard)
    if named is None or named.hits[0].how != "exact":
        return None
    if heard.text.isascii() or " " in heard.text:
        return None
    return look_up(heard, named)


def _whole(heard: Heard) -> Named | None:
    hits = heard.found.get(Query("word", heard.text), ())
    return Named(0, len(heard.text), heard.line.own(0), tuple(hits)) if hits else None


def _verb_in_front(heard: Heard) -> Reading | None:
    begun = opening(heard.text)
    if begun is None or not (begun.apart or _stands_glued(heard, begun)):
        return None
    return command(heard, begun.verb, begun.end)


def _stands_glued(heard: Heard, begun: Opening) -> bool:
    """Whether characters right behind the verb leave it a verb: 记张三, but not 记得."""
    rest = heard.text[skip(LOOK_FILLER, heard.text, begun.end) :]
    match begun.verb.name:
        case "look_up" | "log" | "positions" | "curve" | "progress" | "apply_opening" | "reveal":
            if heard.client_at(begun.end):
                return True
            return who.PRONOUN.match(rest) is not None and not talk.is_ordinary(heard.text)
        case "task":
            return heard.client_at(begun.end) is not None or _is_a_plan(heard, begun.end)
        case "lead":
            return note.mobile(rest) is not None
        case "claim" | "done":
            return _COUNT.match(rest) is not None
        case "stress" | "concentration":
            return bool(note.marks(rest[:12], codes=True).products or _PERIODS.match(rest))
        case "big_withdrawals" | "anomalies" | "noise" | "daily_report" | "monthly_report":
            return _PERIODS.match(rest) is not None
        case "handover":
            return "→" in rest or "->" in rest
        case _:
            return False


def _is_a_plan(heard: Heard, start: int) -> bool:
    """提醒明天开会, but not 提醒功能怎么用 nor 待办都清了."""
    if talk.is_ordinary(heard.text) or talk.is_question(heard.text):
        return False
    said = heard.text[start:]
    if not talk.tells_of_the_past(said):
        return True
    due = dates.due(said, at=heard.at, calendar=heard.calendar, promised=True)
    return due.kind != "none"


def _client_in_front(heard: Heard) -> Reading | None:
    """张三 持仓, 张三的持仓, 他的持仓, 张三 记 …"""
    named = who.expected(heard.text, 0, heard.found)
    end = named.end if named else heard.pronoun_at(0)
    if end is None or not (named or heard.focus):
        return None
    span = who.token(heard.text, heard.skip(BETWEEN, end))
    verb = verbs.exact(heard.text[slice(*span)]) if span else None
    if verb and span and verb.name in OF_A_CLIENT:
        return command(heard, verb, span[1], named)
    return None


def _date_in_front(heard: Heard) -> Reading | None:
    """明天下午两点提醒我给陈总回电话"""
    asked = _REMIND_ME.match(heard.text)
    if not (asked and dates.is_date(asked["when"], at=heard.at, calendar=heard.calendar)):
        return None
    return noted.task(heard, asked.end(), None, when=asked.span("when"))


def _only_a_client(heard: Heard) -> Reading | None:
    if talk.is_small_talk(heard.text):
        return None
    if heard.focus and _HE.fullmatch(heard.text):
        return look_up(heard, None)
    named = _whole(heard)
    if named is None:
        special = who.expected(heard.text, 0, heard.found)
        named = special if special and special.end == len(heard.text) else None
    if named is None:
        return None
    guess = named.hits[0].how in {"sound", "typo"}
    if guess and not (heard.text.isascii() or _could_be_a_name(heard.text)):
        return None
    return look_up(heard, named)


def _could_be_a_name(words: str) -> bool:
    return names.looks_like_name(words) and not talk.is_common_word(words)


def _unfinished_verb(heard: Heard) -> Reading | None:
    """A beginning of a verb is that verb; a slip is proposed; neither is taken out of talk."""
    slash = heard.text.startswith("/")
    span = who.token(heard.text, int(slash))
    if span is None or span[1] - span[0] > _LONGEST_VERB:
        return None
    word, whole = heard.text[int(slash) : span[1]], span[1] == len(heard.text)
    if not (slash or whole or heard.text[span[1]] in " :,"):
        return None
    resolved = verbs.resolve(word, slash=slash)
    match resolved.match:
        case "prefix" if whole or slash or len(word) > 1:
            return command(heard, resolved.verbs[0], span[1])
        case "near":
            return _proposed(heard, resolved.verbs[0], word, span[1])
        case "several" if slash or len(word) > 1:
            return _which_verb(heard, resolved.verbs)
        case "nothing" if slash:
            return _which_verb(heard, verbs.nearest(word))
        case _:
            return None


def _proposed(heard: Heard, verb: Verb, word: str, end: int) -> Reading | None:
    if len(word) == 1 and not heard.client_at(end):
        return None  # a single character has too many homophones
    meant = command(heard, verb, end)
    return replace(meant, verb=f"ask:{verb.name}", write=False, asked="verb")


def _which_verb(heard: Heard, candidates: tuple[Verb, ...]) -> Reading:
    suggestions = tuple(verb.name for verb in candidates)
    return Reading(verb="none", asked="verb", query=heard.line.own(0), suggestions=suggestions)


def _unknown_client(heard: Heard) -> Reading | None:
    """A number or a name that nobody has is still a look-up, answered with 没有找到."""
    plain = re.sub(r"[\s-]", "", heard.text)
    if talk.is_small_talk(plain) or talk.is_ordinary(plain):
        return None
    numbered = re.fullmatch(r"(?:尾号)?\d{4}|\d{6,12}", plain)
    spelled = plain.isascii() and plain.isalpha() and names.spells_a_name(plain.lower())
    if (
        numbered
        or spelled
        or plain.endswith("公司")
        or (len(plain) > 1 and _could_be_a_name(plain))
    ):
        return Reading(verb="look_up", query=heard.line.own(0))
    return None


def _told(heard: Heard) -> Reading | None:
    """A contact told, or a plan made, without a verb is offered to be written down."""
    if talk.is_ordinary(heard.text) or talk.is_question(heard.text):
        return None
    named = who.expected(heard.text, 0, heard.found)
    if named and named.hits[0].how not in {"exact", "part"}:
        named = None
    named = named or who.mentioned(heard.text, 0, heard.found)
    in_focus = heard.focus is not None and talk.about_that_one(heard.text)
    if talk.narrates_contact(heard.text) and (named or in_focus or who.titled(heard.text)):
        return _offered(heard, "log", named)
    if named is None:
        return None
    offered = _offered(heard, "task", named)
    return offered if offered.due.kind != "none" else None


def _offered(heard: Heard, verb: str, named: Named | None) -> Reading:
    in_front = named is not None and named.start == 0
    reading = noted.noted(heard, verb, named.end if named and in_front else 0, named)
    asked: Asked = "verb" if len(reading.clients) == 1 else "client"
    return replace(reading, verb=f"ask:{verb}", write=False, asked=asked)
