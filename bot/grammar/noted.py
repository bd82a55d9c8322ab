"""Lines that carry a note: 记 and 待办, with client, channel, text, tags and follow-up."""

import re
from dataclasses import dataclass, replace

from bot.grammar import dates, intent, note, opening, talk, verbs, who
from bot.grammar.dates import NONE, Due
from bot.grammar.heard import Heard
from bot.grammar.opening import BETWEEN, FILLER, TAG
from bot.grammar.reading import Asked, Reading
from bot.grammar.who import Named, Query
from crm import names

_ACCOUNT_TOO = re.compile(r"\s?\(?(\d{6,12})\)?(?!\d)")
_THIRD = re.compile(r"[一-龥](?:$|打?电话|微信|短信|邮件|拜访|见面|来电|来访|上门|通话)")
_AFTER_A_NAME = frozenset(
    "说想要来又再也刚已今昨明后电微短邮打聊谈问让约给把被在是有没不去到从对跟和做加减平开入出买卖发签看"
    "回追催补亏赚嫌怕觉认同拒答应定改换取送寄讲提反表希打准可能会该都就才还很太的地得了着过吗呢先总老哥姐"
)
_MARKS = " ?？!！,，.。…"  # 记一下？: no note
Span = tuple[int, int]

_WORD = re.compile(r"\S+")
_LONGEST_WORD = 3  # characters of an ordinary word; a longer part of a name is no accident
_ALSO = re.compile(r"\s?[、,和与跟及&]\s?|\s")


def log(heard: Heard, end: int, before: Named | None) -> Reading:
    """记 NAME TEXT writes; 记 NAME alone shows the last records."""
    reading = noted(heard, "log", end, before)
    if reading.note or reading.asked == "client":
        return reading
    if reading.channel or reading.tags:
        return replace(reading, write=False, asked="text")
    return replace(reading, write=False)


def task(heard: Heard, end: int, before: Named | None, when: Span | None = None) -> Reading:
    """待办 TEXT writes; 待办 and 待办 NAME list. ``when``: a date said before the verb."""
    if before is None and when is None and heard.skip(FILLER, end) == len(heard.text):
        return Reading(verb="task")
    reading = noted(heard, "task", end, before, when)
    if not reading.note:
        return replace(reading, write=False)
    if reading.asked == "client":
        return reading
    if not reading.action:
        return replace(reading, write=False, asked="text")
    if reading.due.kind == "ask":
        return replace(reading, write=False, asked="date")
    return reading


def noted(
    heard: Heard,
    verb: str,
    end: int,
    before: Named | None,
    when: Span | None = None,
    *,
    told: bool = False,
) -> Reading:
    """The whole of such a line. ``before``, ``when``: a client, a date in front of the verb.
    ``told``: a contact that was, so a doubtful hour of today is when it was."""
    promised = verb == "task"
    layout = _layout(heard, end, before, promised=promised)
    if when:
        layout = replace(layout, lead=(when, *layout.lead))
    body = layout.body(heard.text)
    due = _due(heard, body, promised=promised)
    if told and due.kind == "ask":
        body = intent.without_today(body)
        due = _due(heard, body, promised=promised)
    spoken = body if promised else dates.without_clauses(body, due)
    reading = replace(
        _marked(heard, layout, body, due, verb), channel=layout.channel or note.channel(spoken)
    )
    if layout.stranger:
        return replace(reading, asked="client", query=layout.stranger)
    needs = not promised or intent.wants_client(names.simplified(reading.action or ""))
    if layout.named is None and heard.focus is None and reading.note and not needs:
        return replace(reading, write=True)
    reading = heard.about(reading, layout.named, writes=True)
    if reading.asked:
        return reading
    asked: Asked | None = "date" if due.kind == "ask" else None
    return replace(reading, write=True, asked=asked)


# ── what stands where ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Layout:
    """The note: ``lead``, words said before the name, and the text from ``start`` to ``stop``."""

    start: int
    stop: int
    lead: tuple[Span, ...] = ()
    named: Named | None = None
    channel: str | None = None
    stranger: str | None = None  # named, but nobody's client

    def body(self, text: str) -> str:
        """The note for readers of dates, with a client's name in it blanked."""
        plain = text[self.start : self.stop]
        if self.named and self.named.start >= self.start:
            cut = slice(self.named.start - self.start, self.named.end - self.start)
            plain = plain[: cut.start] + intent.NAME * len(plain[cut]) + plain[cut.stop :]
        return self.ahead(text) + plain

    def ahead(self, text: str) -> str:
        return "".join(f"{text[start:end]} " for start, end in self.lead)


def _layout(heard: Heard, end: int, before: Named | None, *, promised: bool) -> _Layout:
    if before:
        start, channel = _channel_at(heard, heard.skip(FILLER, end), promised)
        return _Layout(start, _stop(heard, start), named=before, channel=channel)
    begin = _behind_just(heard, heard.skip(FILLER, end))
    in_front = _client_in_front(heard, begin, promised=promised)
    if in_front:
        return in_front
    start, channel = _channel_at(heard, begin, promised)
    stop = _stop(heard, start)
    stranger = _stranger(heard, start, stop)
    if stranger:
        behind = heard.skip(BETWEEN, start + len(stranger))
        start, later = _channel_at(heard, behind, promised)
        return _Layout(start, stop, channel=channel or later, stranger=stranger)
    pronoun = heard.pronoun_at(start)
    if pronoun is not None:
        start, later = _channel_at(heard, heard.skip(BETWEEN, pronoun), promised)
        return _Layout(start, max(start, stop), channel=channel or later)
    inside = who.mentioned(heard.text, start, heard.found)
    return _Layout(start, stop, named=inside, channel=channel)


def _behind_just(heard: Heard, start: int) -> int:
    """提醒下张三, 记客户张三: 下 is no part of a date when a client follows, nor 客户 a pronoun."""
    for word in ("下", "客户"):
        if heard.text.startswith(word, start):
            named = who.expected(heard.text, start + len(word), heard.found)
            if named is None or named.hits[0].how != "exact" or _is_day(heard, start, named.end):
                return start
            return start + len(word)
    return start


def _client_in_front(heard: Heard, begin: int, *, promised: bool) -> _Layout | None:
    """The client behind the verb, also where a channel or a date stands between them."""
    channel = None
    for place in opening.places_from(heard.text, begin):
        named = who.expected(heard.text, place, heard.found)
        if named and _is_believable(heard, named):
            lead = _lead(heard.text, begin, place, promised=promised)
            named = with_others(heard, with_account(heard, named))
            start, later = _channel_at(heard, heard.skip(BETWEEN, named.end), promised)
            start = heard.skip(BETWEEN, start)
            return _Layout(start, _stop(heard, start), lead, named, channel or later)
        channel = channel or _channel_before_name(heard.text, place)
    return None


def _channel_before_name(text: str, place: int) -> str | None:
    """The 电话 of 记 电话 张三 … and of 记 今天电话 张三 …"""
    span = who.token(text, place)
    word = text[slice(*span)] if span else ""
    return note.channel(word) if word[note.before_channel(word) :] else None


def _lead(text: str, begin: int, end: int, *, promised: bool) -> tuple[Span, ...]:
    """What stands between verb and client and belongs to the note: a date, a task's channel."""
    words = (match.span() for match in _WORD.finditer(text, begin, end))
    kept = [span for span in words if not TAG.match(text, *span)]
    if not promised:
        kept = [(a, a + note.before_channel(text[a:b])) for a, b in kept]
    return tuple((a, b) for a, b in kept if a < b)


def _channel_at(heard: Heard, start: int, promised: bool) -> tuple[int, str | None]:
    """A channel in front is a record's own; of a task it is what is to be done, and stays."""
    standing = None if promised else note.standing_channel(heard.text, start)
    return standing or (heard.skip(FILLER, start), None)


def _stop(heard: Heard, start: int) -> int:
    return start + note.before_last_tags(heard.text[start:])


def _is_believable(heard: Heard, named: Named) -> bool:
    """A guess or a fragment must at least look like a name where a note may begin."""
    if named.typed.isascii():
        return True
    if named.hits[0].how == "exact":
        return not (_goes_on(heard.text, named) or _is_day_of_another(heard, named))
    if _is_day(heard, named.start, named.end):
        return False
    if _goes_on(heard.text, named):
        return False
    if not heard.is_apart(named):
        part = named.hits[0].how == "part"
        return part and (who.titled(named.typed) or _stands_out(named, heard.text))
    if named.hits[0].how == "part":
        return len(named.typed) > _LONGEST_WORD or not talk.is_common_word(named.typed)
    return names.looks_like_name(named.typed) and not talk.is_common_word(named.typed)


def _is_day(heard: Heard, start: int, end: int) -> bool:
    return dates.is_date(heard.text[start:end], at=heard.at, calendar=heard.calendar)


def _is_day_of_another(heard: Heard, named: Named) -> bool:
    """待办 周一 回访赵胜 is no task about a client called 周一."""
    if not _is_day(heard, named.start, named.end):
        return False
    other = who.mentioned(heard.text, named.end, heard.found)
    return other is not None and other.hits[0].how == "exact"


def _goes_on(text: str, named: Named) -> bool:
    """张三丰 is somebody else than 张三; 张三说 is not."""
    span = who.token(text, named.start)
    rest = text[named.end : span[1]] if span else ""
    person = len(named.typed) == 2 and names.looks_like_name(named.typed)
    if not person or not _THIRD.match(rest):
        return False
    return rest[0] not in _AFTER_A_NAME


def _stands_out(named: Named, text: str) -> bool:
    """记恒力石化电话聊了…, but nobody called 国庆 in 记国庆电话…"""
    ordinary = talk.is_common_word(named.typed) or intent.is_dated(named.typed)
    return who.breaks_off(named, text) and not ordinary


def with_account(heard: Heard, named: Named) -> Named:
    """张三(80010023), 张三 13812341234: the number is the name's."""
    match = _ACCOUNT_TOO.match(heard.text, named.end)
    owners = heard.found.get(Query("number", match[1]), ()) if match else ()
    accounts = {hit.account for hit in owners}
    same = tuple(hit for hit in named.hits if hit.account in accounts)
    return replace(named, hits=same, end=match.end()) if match and same else named


def with_others(heard: Heard, named: Named) -> Named:
    """张三、李四: two are named, so it is asked of whom the note is."""
    also = _ALSO.match(heard.text, named.end)
    other = who.expected(heard.text, also.end(), heard.found) if also else None
    if other is None or other.hits[0].how != "exact" or other.typed.isascii():
        return named
    if not heard.is_apart(other):
        return named
    return replace(named, hits=(*named.hits, *other.hits), end=other.end)


def _stranger(heard: Heard, start: int, stop: int) -> str | None:
    """Somebody named who is nobody's client: better asked than written to the one in focus."""
    span = who.token(heard.text, start)
    if span is None or span[0] != start or span[1] >= stop:
        return None
    word = heard.text[start : span[1]]
    if names.looks_like_name(word) and not (talk.is_common_word(word) or intent.is_dated(word)):
        return word
    return None


# ── what it says ─────────────────────────────────────────────────────────────────────────────


def _due(heard: Heard, body: str, *, promised: bool) -> Due:
    if not body:
        return NONE
    return dates.due(body, at=heard.at, calendar=heard.calendar, promised=promised)


def _marked(heard: Heard, layout: _Layout, body: str, due: Due, verb: str) -> Reading:
    marked = note.marks(layout.ahead(heard.text) + heard.text[layout.start :])
    own = heard.line.own(layout.start, layout.stop).rstrip(" ,，;；、")
    text = "".join(f"{heard.line.own(*span)} " for span in layout.lead) + own
    return Reading(
        verb=verbs.BY_NAME[verb].name,
        note=text.strip() if text.strip(_MARKS) else None,
        action=_action(heard, layout, body, due) or None,
        tags=note.tags(heard.text),
        amounts=marked.amounts,
        lots=marked.lots,
        percentages=marked.percentages,
        products=marked.products,
        contracts=marked.contracts,
        due=due,
    )


def _action(heard: Heard, layout: _Layout, body: str, due: Due) -> str:
    """The note without its dates; of a long one only the clause that the date stands in."""
    ahead = len(layout.ahead(heard.text))
    offset = layout.start - ahead
    pieces = (
        body[start : min(end, ahead)]
        + heard.line.own(offset + max(start, ahead), offset + max(end, ahead))
        for start, end in dates.around(body, due)
    )
    return "".join(pieces).strip(" ,，;；、。的")
