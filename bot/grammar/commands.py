"""What each verb makes of the words behind it."""

import re
from dataclasses import replace

from bot.grammar import dates, note, noted, showing, talk
from bot.grammar.heard import Heard
from bot.grammar.numerals import WHOLE
from bot.grammar.opening import BETWEEN, FIELDS, FILLER, LOOK_FILLER
from bot.grammar.reading import Asked, Reading
from bot.grammar.verbs import Verb
from bot.grammar.who import Named, Query
from crm import names

OF_A_CLIENT = frozenset(
    {"look_up", "log", "task", "apply_opening", "reveal", "positions", "curve", "more", "progress"}
)
_WORD = re.compile(r"[^\s,:;\d#]+")
COUNT = re.compile(rf"第?{WHOLE}(?:[个号条件]|[\s,、]|$)")


def command(heard: Heard, verb: Verb, end: int, before: Named | None = None) -> Reading:
    """``end``: where the verb ends. ``before``: a client named in front of it."""
    match verb.name:
        case "look_up":
            return _look_up_behind(heard, end, before)
        case "log":
            return noted.log(heard, end, before)
        case "task":
            return noted.task(heard, end, before)
        case "lead":
            return _lead(heard, heard.skip(FILLER, end))
        case "apply_opening" | "positions" | "curve" | "more" | "progress":
            return _about_client(heard, verb, end, before)
        case "reveal":
            return _reveal(heard, end, before)
        case "calls" | "admin:为什么":
            return _of_an_alert(heard, verb, end, before)
        case "claim" | "done":
            return _of_a_list(heard, verb, end)
        case _:
            return _with_words(heard, verb, end)


def look_up(heard: Heard, named: Named | None) -> Reading:
    return heard.about(Reading(verb="look_up"), named, writes=False)


def _look_up_behind(heard: Heard, end: int, before: Named | None) -> Reading:
    kind = None if before else showing.kind(heard.text, end)
    if kind:
        return _about_client(heard, *kind, before)
    start = heard.skip(LOOK_FILLER, end)
    if heard.text.startswith("客户", start) and start + 2 < len(heard.text):
        start = heard.skip(LOOK_FILLER, start + 2)
    named = before or heard.whole(start) or heard.client_at(start)
    if named and not before:
        named = noted.with_others(heard, named)
    rest = start if before or named is None else heard.skip(BETWEEN, named.end)
    asked_for = showing.of_client(heard.text[rest:]) if named else None
    if named and asked_for and asked_for.name in showing.OF_A_CLIENT:
        return _about_client(heard, asked_for, len(heard.text), named)
    if named is None and _has_words(heard, start):
        return Reading(verb="look_up", query=heard.line.own(start))
    return look_up(heard, named)


def _has_words(heard: Heard, start: int) -> bool:
    """Whether somebody is named there, though nobody that is known."""
    return start < len(heard.text) and heard.pronoun_at(start) is None


def _about_client(heard: Heard, verb: Verb, end: int, before: Named | None) -> Reading:
    start = heard.skip(FILLER, end)
    named = before or heard.whole(start) or heard.client_at(start)
    writes = verb.writes != "no"
    if named is None and _has_words(heard, start):
        return _about_unknown(verb, heard.line.own(start))
    reading = heard.about(Reading(verb=verb.name), named, writes=writes)
    return replace(reading, write=writes and reading.asked is None)


def _about_unknown(verb: Verb, words: str) -> Reading:
    """Somebody who is no client yet can be opened an account."""
    plain = names.simplified(words)
    person = names.looks_like_name(plain) and not talk.is_common_word(plain)  # 开户 成功
    person_or_firm = person or plain.endswith("公司")
    new = verb.name == "apply_opening" and person_or_firm
    return Reading(verb=verb.name, query=words, write=new, asked=None if new else "client")


def _lead(heard: Heard, start: int) -> Reading:
    rest = heard.text[start:]
    if not rest:
        return Reading(verb="lead")
    phone = note.mobile(rest)
    name = _WORD.match(rest) or (phone and _name_behind(rest, phone.end()))
    after = max(name.end() if name else 0, phone.end() if phone else 0)
    words = heard.line.own(start + after).lstrip(" ,，:：;；、")
    marked = note.marks(rest[after:])
    reading = Reading(
        verb="lead",
        query=name[0] if name else None,
        mobile=re.sub(r"\D", "", phone[0]) if phone else None,
        note=words or None,
        due=dates.due(rest[after:], at=heard.at, calendar=heard.calendar, promised=False),
        tags=marked.tags,
        amounts=marked.amounts,
        lots=marked.lots,
        percentages=marked.percentages,
        products=marked.products,
        contracts=marked.contracts,
    )
    return _checked_lead(heard, reading, rest)


def _name_behind(words: str, start: int) -> re.Match[str] | None:
    """线索 13812345678 李四: only what looks like a name."""
    name = _WORD.match(words, start + len(words[start:]) - len(words[start:].lstrip(" ,:")))
    return name if name and names.looks_like_name(name[0]) else None


def _checked_lead(heard: Heard, reading: Reading, rest: str) -> Reading:
    """A lead wants a name, a whole number if any, and nobody who is a client already."""
    if reading.query is None:
        return replace(reading, asked="text")
    if reading.query == rest and not reading.mobile and not _could_be_called(rest):
        return replace(reading, asked="text")
    if reading.mobile is None and re.search(r"(?<!\d)\d{7,}(?!\d)", rest):
        return replace(reading, asked="phone")
    if reading.mobile:
        same = tuple(heard.found.get(Query("number", reading.mobile), ()))
    else:
        hits = heard.found.get(Query("word", reading.query), ())
        same = tuple(hit for hit in hits if hit.how == "exact")
    if same:
        return replace(reading, asked="duplicate", clients=same)
    return replace(reading, write=True)


def _could_be_called(words: str) -> bool:
    """Alone behind 线索, without a number: 李四 or a firm, but not 分配规则."""
    titled = re.fullmatch(r"[一-龥]{1,3}(?:总|董|哥|姐|叔|姨|工|老师|老板|经理|先生|女士)", words)
    named = names.looks_like_name(words) or words.isascii() or words[0] in "老小阿"
    return bool(titled) or len(words) > 4 or (named and not talk.is_common_word(words))


def _reveal(heard: Heard, end: int, before: Named | None) -> Reading:
    """显示 FIELD NAME REASON, field and name in either order."""
    start = heard.skip(FILLER, end)
    field = FIELDS.match(heard.text, start)
    start = heard.skip(FILLER, field.end()) if field else start
    named = before or heard.client_at(start)
    rest = heard.skip(BETWEEN, named.end) if named and not before else start
    if field is None:
        field = FIELDS.match(heard.text, rest)
        rest = heard.skip(BETWEEN, field.end()) if field else rest
    reason = re.sub(r"^原因[\s:：]*", "", heard.line.own(rest)) or None
    reading = heard.about(Reading(verb="reveal"), named, writes=False)
    reading = replace(reading, query=field[0] if field else None, note=reason)
    if reading.asked:
        return reading
    if field is None:
        return replace(reading, asked="which")
    return reading if reason else replace(reading, asked="text")


def _of_a_list(heard: Heard, verb: Verb, end: int) -> Reading:
    """完成 2, 认领 3: the one at this place of a list; anything else must be chosen."""
    start = heard.skip(BETWEEN, end)
    words = heard.line.own(start) or None
    if COUNT.match(heard.text, start):
        return Reading(verb=verb.name, write=True, query=words)
    named = heard.client_at(start)
    hits = named.hits if named else ()
    return Reading(verb=verb.name, asked="which", query=words, clients=hits)


def _of_an_alert(heard: Heard, verb: Verb, end: int, before: Named | None) -> Reading:
    """追保 张三, 为什么 9: of a client, else of what the words say."""
    start = heard.skip(FILLER, end)
    named = before or heard.whole(start) or heard.client_at(start)
    if named is None:
        return _with_words(heard, verb, end)
    return heard.about(Reading(verb=verb.name), named, writes=False)


def _with_words(heard: Heard, verb: Verb, end: int) -> Reading:
    """Verbs whose words their own command reads: reports, stress, admin."""
    start = heard.skip(BETWEEN, end)
    words = heard.line.own(start) or None
    marked = note.marks(heard.text[start:], codes=True)
    asked = _missing(verb, words)
    return Reading(
        verb=verb.name,
        write=verb.writes in {"yes", "with_text"} and asked is None,
        asked=asked,
        query=words,
        amounts=marked.amounts,
        lots=marked.lots,
        percentages=marked.percentages,
        products=marked.products,
        contracts=marked.contracts,
    )


def _missing(verb: Verb, words: str | None) -> Asked | None:
    if verb.name == "handover" and not _two_people(words or ""):
        return "to"
    if words or verb.writes != "with_text":
        return None
    return "text" if verb.name == "bind" else "which"


def _two_people(words: str) -> bool:
    """王强 → 李敏, 王强给李敏, 王强 李敏."""
    return len([part for part in re.split(r"\s*(?:→|->|=>|给|到|[\s,、])\s*", words) if part]) >= 2
