"""From a line to a Reading, in two pure steps around one look-up of clients."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain

from bot.chat.message import Place
from bot.grammar import dates, glued, intent, newcomer, note, noted, showing, talk, verbs, who
from bot.grammar.commands import OF_A_CLIENT, command, look_up
from bot.grammar.heard import Heard
from bot.grammar.normalise import EMOJI, QUOTES, spoken
from bot.grammar.opening import (
    BETWEEN,
    LOOK_FILLER,
    Opening,
    expected_places,
    opening,
    skip,
)
from bot.grammar.preamble import preamble
from bot.grammar.reading import Asked, Reading
from bot.grammar.verbs import BY_NAME, Verb
from bot.grammar.who import Found, Hit, Named, Query
from crm import names
from crm.kernel.calendar import Calendar

_WHY = re.compile(r"为什么 *")
_CALLED = re.compile(r"\s?[又会要还]*被?(?:追保|强平|穿仓|预警|报警)了?")
_HE = re.compile(r"他|她|(?:该|这个?|此)客户")
_REMIND_ME = re.compile(
    r"(?P<when>[^,;。!?]{2,16}?)\s?(?:请|你|再|记得|帮我)*"
    r"(?:(?:提醒|叫)(?:一下)?我(?!们)(?:一下)?|(?P<whom>提醒|待办)\s?)"
)
_EDGES = re.compile(rf"^[\s{QUOTES}]+|[\s{QUOTES}{EMOJI}?…]+$")
_WRITTEN_POLITELY = frozenset({"log", "task", "lead", "claim", "done", "apply_opening"})
_LONGEST_VERB = 16
_LONGEST_EDGED = 60


def spans(said: str) -> tuple[Query, ...]:
    """Everything in a line that might name a client: at most ``who.MOST_QUERIES``."""
    text = spoken(said).text
    before = preamble(text)
    return who.bounded(chain(_queries(text), _queries(text[before.end :] if before else "")))


def _queries(text: str) -> Iterator[Query]:
    if not text:
        return
    whole = _without_edges(text)
    if len(whole) <= who.LONGEST_WORD:
        yield Query("word", whole)
    begun = opening(text)
    if begun:
        yield Query("word", text[skip(LOOK_FILLER, text, begun.end) :])
    why = _WHY.match(text)
    if why:
        yield from who.word_queries(text, why.end())
    for place in expected_places(text):
        yield from who.word_queries(text, place)
    yield from who.mention_queries(text, 0)


def _without_edges(text: str) -> str:
    """``text`` without the quotes, marks and pictures around it."""
    return _EDGES.sub("", text) if len(text) <= _LONGEST_EDGED else text


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
    line = spoken(said)
    if place is Place.GROUP and not (mentioned or line.called):
        return Reading(verb=None)
    heard = Heard(line, at, calendar, found, focus)
    return (
        _name_like_a_verb(heard)
        or _list_asked_for(heard)
        or _verb_in_front(heard)
        or _why_of_an_alert(heard)
        or _client_in_front(heard)
        or _newcomer(heard)
        or _date_in_front(heard)
        or _only_a_client(heard)
        or _behind_preamble(heard)
        or _unfinished_verb(heard)
        or _unknown_client(heard)
        or _told(heard)
        or Reading(verb="none")
    )


def _behind_preamble(heard: Heard) -> Reading | None:
    """在吗?帮忙记一下 张三 …: a command behind a preamble, but never a decision (谢谢,同意). Behind
    another clause than courtesy nothing is written but about somebody who is named."""
    line, before = heard.line, preamble(heard.text)
    if before is None:
        return None
    rest = replace(line, text=line.text[before.end :], origin=line.origin[before.end :])
    later = replace(heard, line=rest)
    reading = (
        _verb_in_front(later)
        or _list_asked_for(later)
        or _client_in_front(later)
        or _newcomer(later)
        or _date_in_front(later)
        or (_only_a_client(later) if later.skip(showing.LEAD, 0) else None)
    )
    return reading if reading and _may_follow(reading, courteous=before.courteous) else None


def _may_follow(reading: Reading, *, courteous: bool) -> bool:
    verb = BY_NAME.get(reading.verb or "")
    if verb and verb.writes != "no" and verb.name not in _WRITTEN_POLITELY:
        return False
    return not reading.write or courteous or bool(reading.clients and not reading.in_focus)


def _name_like_a_verb(heard: Heard) -> Reading | None:
    """A line that is exactly a client's name, also where it begins like a verb: 查英芳."""
    named = _whole(heard)
    if named is None or named.hits[0].how != "exact":
        return None
    if heard.text.isascii() or " " in heard.text:
        return None
    return look_up(heard, named)


def _whole(heard: Heard) -> Named | None:
    words = _without_edges(heard.text)
    hits = heard.found.get(Query("word", words), ())
    return Named(0, len(heard.text), words, tuple(hits)) if hits else None


def _verb_in_front(heard: Heard) -> Reading | None:
    begun = opening(heard.text)
    if begun is None or not (begun.apart or glued.stands(heard, begun)):
        return None
    if not heard.text.startswith("/") and glued.is_only_talk(heard, begun):
        return None
    if not begun.apart and _begins_with_a_client(heard):
        return None
    return command(heard, begun.verb, begun.end)


def _begins_with_a_client(heard: Heard) -> bool:
    """查文斌 记 …: the first word is exactly a client's name, though it begins like a verb."""
    named = who.expected(heard.text, 0, heard.found)
    return named is not None and named.hits[0].how == "exact" and heard.is_apart(named)


def _why_of_an_alert(heard: Heard) -> Reading | None:
    """为什么 张三, 为什么 9, 为什么张三被追保, without the slash: nothing else stands behind it."""
    found = _WHY.match(heard.text)
    if found is None:
        return None
    start = found.end()
    named = heard.whole(start) or heard.client_at(start)
    asked = heard.text[start:].isdecimal()
    if named and not named.is_guess:
        alone = named.end == len(heard.text) and found[0].endswith(" ")
        asked = alone or _CALLED.fullmatch(heard.text, named.end) is not None
    if not asked:
        return None
    return command(heard, BY_NAME["admin:为什么"], start)


def _client_in_front(heard: Heard) -> Reading | None:
    """张三 持仓, 张三的持仓, 他的持仓, 张三 记 …, 帮我看一下张三的持仓"""
    start = heard.skip(showing.LEAD, 0)
    named = who.expected(heard.text, 0, heard.found) or who.expected(heard.text, start, heard.found)
    if named and named.is_guess and _is_date(heard, named.typed):
        return None
    end = named.end if named else heard.pronoun_at(start)
    if end is None:
        return None
    behind = heard.skip(BETWEEN, end)
    span = who.token(heard.text, behind)
    if span is None:
        return None
    verb = showing.of_client(heard.text[slice(*span)])
    if not (named or heard.focus):
        alone = verb is not None and verb.writes == "no" and span[1] == len(heard.text)
        return command(heard, verb, span[1]) if verb and alone else None
    if verb and verb.name == "apply_opening" and talk.is_outcome(heard.text[span[1] :]):
        return None
    if verb and verb.name in OF_A_CLIENT:
        return command(heard, verb, span[1], named)
    begun = opening(heard.text[behind:])
    apart = begun is not None and (begun.asked or (named is not None and heard.is_apart(named)))
    if begun and apart and _is_written_behind(begun, heard.text[behind:]):
        return command(heard, begun.verb, behind + begun.end, named)
    return None


def _newcomer(heard: Heard) -> Reading | None:
    """给孙二娘开户, 孙二娘要开户; who is a client already may only be spoken of."""
    place = newcomer.named(heard.text)
    if place is None:
        return None
    named = who.expected(heard.text, place[0], heard.found)
    if named and named.end == place[1] and named.hits[0].how == "exact":
        return None
    return Reading(verb="apply_opening", query=heard.text[slice(*place)], write=True)


def _is_written_behind(begun: Opening, rest: str) -> bool:
    """张三记一下…, 张三 提醒我…; but not 张三记得…"""
    if begun.verb.name not in {"log", "task"} or talk.is_question(rest):
        return False
    return begun.asked or not talk.is_ordinary(rest)


def _date_in_front(heard: Heard) -> Reading | None:
    """明天下午两点提醒我给陈总回电话, 周五提醒张三补保证金"""
    asked = _REMIND_ME.match(heard.text)
    if not (asked and _is_date(heard, asked["when"])):
        return None
    if asked["whom"] and not _is_asked_of_us(heard, asked.end()):
        return None
    if talk.trails_off(heard.text[asked.end() :]):
        return None
    return noted.task(heard, asked.end(), None, when=asked.span("when"))


def _is_asked_of_us(heard: Heard, start: int) -> bool:
    """周五提醒张三, 夜盘前提醒 看下仓位; but not 明天提醒功能还能用吗."""
    if heard.client_at(start):
        return True
    words = heard.text[start:]
    if talk.is_about_reminders(words) or talk.is_question(words):
        return False
    return heard.text[start - 1] == " " and intent.ours("", words) and not intent.done(words)


def _list_asked_for(heard: Heard) -> Reading | None:
    """看下我的待办, 风险榜给我看一下, 昨天的日报, 铜的集中度"""
    asked = showing.of_all(heard.text)
    if asked is None:
        return None
    verb, words = asked
    reading = command(heard, verb, len(heard.text))
    if not words:
        return reading
    named = note.marks(words, codes=True)
    return replace(reading, query=words, products=named.products, percentages=named.percentages)


def _is_date(heard: Heard, words: str) -> bool:
    return dates.is_date(words, at=heard.at, calendar=heard.calendar)


def _only_a_client(heard: Heard) -> Reading | None:
    if talk.is_small_talk(heard.text) or _is_date(heard, heard.text):
        return None
    if heard.focus and _HE.fullmatch(heard.text):
        return look_up(heard, None)
    named = _whole(heard)
    if named is None:
        places = (0, heard.skip(showing.LEAD, 0))
        every = (who.expected(heard.text, place, heard.found) for place in places)
        named = next((one for one in every if one and _ends_with(heard, one)), None)
    if named is None:
        return None
    guess = named.hits[0].how in {"sound", "typo"}
    if guess and not (heard.text.isascii() or _could_be_a_name(heard.text)):
        return None
    return look_up(heard, named)


def _ends_with(heard: Heard, named: Named) -> bool:
    """Nothing behind the name but marks, or the account that is his too."""
    end = noted.with_account(heard, named).end
    return not _without_edges(heard.text[end:])


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
        case "prefix" if whole or slash or len(word) > 1 or _shows(heard, resolved.verbs[0], span):
            return command(heard, resolved.verbs[0], span[1])
        case "near":
            return _proposed(heard, resolved.verbs[0], word, span[1])
        case "several" if slash or len(word) > 1:
            return _which_verb(heard, resolved.verbs)
        case "nothing" if slash:
            return _which_verb(heard, verbs.nearest(word))
        case _:
            return None


def _shows(heard: Heard, verb: Verb, word: tuple[int, int]) -> bool:
    """持 张三: a single character, and a client alone behind it; nothing is written by it."""
    named = heard.client_at(word[1])
    return named is not None and verb.writes == "no" and not heard.text[named.end :].strip()


def _proposed(heard: Heard, verb: Verb, word: str, end: int) -> Reading | None:
    if len(word) == 1 and (talk.is_small_talk(word) or not heard.client_at(end)):
        return None  # a single character has too many homophones
    meant = command(heard, verb, end)
    return replace(meant, verb=f"ask:{verb.name}", write=False, asked="verb")


def _which_verb(heard: Heard, candidates: tuple[Verb, ...]) -> Reading:
    suggestions = tuple(verb.name for verb in candidates)
    return Reading(verb="none", asked="verb", query=heard.line.own(0), suggestions=suggestions)


def _unknown_client(heard: Heard) -> Reading | None:
    """A number or a name that nobody has is still a look-up, answered with 没有找到."""
    plain = re.sub(r"[\s-]", "", heard.text)
    if talk.is_small_talk(plain) or talk.is_ordinary(plain) or _is_date(heard, heard.text):
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
    end = named.end if named and in_front else 0
    reading = noted.noted(heard, verb, end, named, told=verb == "log")
    asked: Asked = "verb" if len(reading.clients) == 1 else "client"
    return replace(reading, verb=f"ask:{verb}", write=False, asked=asked)
