"""From a line to a Reading, in two pure steps around one look-up of clients."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from bot.chat.message import Place
from bot.grammar import dates, intent, note, talk, verbs, who
from bot.grammar.dates import NONE, Due
from bot.grammar.normalise import Line, normalise
from bot.grammar.reading import Asked, Reading
from bot.grammar.verbs import Verb
from bot.grammar.who import Found, Hit, Named, Query
from crm import names
from crm.kernel.calendar import Calendar

_POLITE = re.compile(r"(?:请|麻烦你?|帮忙|帮我|给我|替我|我要|我想)+\s?")
_FILLER = re.compile(r"(?:一下|一笔|[\s,:])*")
_LOOK_FILLER = re.compile(r"(?:一下|下|个|看看|看|[\s,:])*")
_TAG = re.compile(r"#[^\s#]+#?\s*")
_ACCOUNT_TOO = re.compile(r"\s?\(?(\d{6,12})\)?(?!\d)")
_ALSO = re.compile(r"\s?[、,和与跟及&]\s?|\s")
_BETWEEN = re.compile(r"[\s,:、的]*")
_DATE_LIKE = re.compile(
    r"[今明后大下本这周星礼每\d节月年收开夜早上中晚国春端清元五]|[一二两三四五六七八九十半]+[个天周点月号]|[上下]午"
)
_FIELDS = re.compile(r"手机号?码?|电话|身份证号?码?|证件号?码?|银行卡号?|地址|生日|联系人")
_PERIODS = re.compile(r"今[日天]|昨[日天]|本[周月]|上[周月]|近?\d|全部")
_HE = re.compile(r"他|她|(?:该|这个?|此)客户")
_MOST_PLACES = 4
_LONGEST_VERB = 8


@dataclass(frozen=True, slots=True)
class Opening:
    """A verb in front: where what follows begins, and whether a blank or mark sets it apart."""

    verb: Verb
    end: int
    apart: bool


# ── step one: what to look up ────────────────────────────────────────────────────────────────


def spans(said: str) -> tuple[Query, ...]:
    """Everything in a line that might name a client: at most ``who.MOST_QUERIES``."""
    return who.bounded(_queries(normalise(said).text))


def _queries(text: str) -> Iterator[Query]:
    if not text:
        return
    if len(text) <= who.LONGEST_WORD:
        yield Query("word", text)
    for place in _expected_places(text):
        yield from who.word_queries(text, place)
    yield from who.mention_queries(text, 0)


def _expected_places(text: str) -> Iterator[int]:
    """Where a client is expected: in front, behind the verb, behind a channel or a date there."""
    yield 0
    opening = _opening(text)
    first = who.token(text, 0)
    start = opening.end if opening else (first[1] if first else 0)
    yield from _places_from(text, start)


def _places_from(text: str, start: int) -> Iterator[int]:
    for _ in range(_MOST_PLACES):
        start = _end(_TAG, text, _end(_FILLER, text, start))
        if start >= len(text):
            return
        yield start
        span = who.token(text, start)
        if span is None or not _may_stand_before_a_name(text[span[0] : span[1]]):
            return
        start = span[1]


def _may_stand_before_a_name(word: str) -> bool:
    return bool(note.standing_channel(word, 0) or _FIELDS.fullmatch(word) or _DATE_LIKE.match(word))


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start


def _opening(text: str) -> Opening | None:
    """The verb in front of a line: a word of its own, or the beginning of one."""
    slash = text.startswith("/")
    start = 1 if slash else 0
    span = who.token(text, start)
    if span is None or span[0] != start:
        return None
    verb = verbs.exact(text[start : span[1]], slash=slash)
    if verb:
        return Opening(verb, span[1], apart=True)
    polite = _POLITE.match(text, start)
    start = polite.end() if polite else start
    for word, verb in verbs.chinese_words():
        if text.startswith(word, start):
            end = start + len(word)
            return Opening(verb, end, apart=not text[end : end + 1].strip(" ,:"))
    return None


# ── step two: what it means ──────────────────────────────────────────────────────────────────


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
    """How a line is understood, given the clients that ``spans`` of it found."""
    line = normalise(said)
    if place is Place.GROUP and not (mentioned or line.called):
        return Reading(verb=None)
    if not line.text:
        return Reading(verb="none")
    return _Listener(line, at, calendar, found, focus).reading()


class _Listener:
    """One line on its way to a Reading."""

    def __init__(
        self, line: Line, at: datetime, calendar: Calendar, found: Found, focus: Hit | None
    ) -> None:
        self.line = line
        self.text = line.text
        self.at = at
        self.calendar = calendar
        self.found = found
        self.focus = focus

    def reading(self) -> Reading:
        steps: tuple[Callable[[], Reading | None], ...] = (
            self._a_name_that_begins_like_a_verb,
            self._verb_in_front,
            self._client_in_front,
            self._only_a_client,
            self._unfinished_verb,
            self._unknown_client,
            self._narrated,
        )
        for step in steps:
            reading = step()
            if reading:
                return reading
        return Reading(verb="none")

    # ── which verb ───────────────────────────────────────────────────────────────────────────

    def _a_name_that_begins_like_a_verb(self) -> Reading | None:
        hits = self.found.get(Query("word", self.text), ())
        if hits and hits[0].how == "exact" and not (self.text.isascii() or " " in self.text):
            return self._look_up(Named(0, len(self.text), self.text, tuple(hits)))
        return None

    def _verb_in_front(self) -> Reading | None:
        opening = _opening(self.text)
        if opening is None:
            return None
        if not opening.apart and not self._stands_glued(opening):
            return None
        return self._command(opening.verb, opening.end)

    def _stands_glued(self, opening: Opening) -> bool:
        """Whether characters right behind the verb leave it a verb: 记张三, but not 记得."""
        rest = self.text[opening.end :]
        filled = rest[_end(_LOOK_FILLER, rest, 0) :]
        match opening.verb.name:
            case "claim" | "done":
                return filled[:1].isdigit()
            case "stress" | "concentration":
                return bool(note.marks(filled[:12], codes=True).products or _PERIODS.match(filled))
            case "big_withdrawals" | "anomalies" | "noise" | "daily_report" | "monthly_report":
                return _PERIODS.match(filled) is not None
            case "look_up" | "log" | "positions" | "progress" | "apply_opening" | "reveal":
                return self._client_at(opening.end) is not None or bool(
                    who.PRONOUN.match(filled) and not talk.is_ordinary(self.text)
                )
            case "lead":
                return note.mobile(rest) is not None
            case "task":
                return self._client_at(opening.end) is not None or not talk.is_ordinary(self.text)
            case "handover":
                return "→" in rest or "->" in rest
            case _:
                return False

    def _client_in_front(self) -> Reading | None:
        """张三 持仓, 张三的持仓, 张三 记 ….."""
        named = who.expected(self.text, 0, self.found)
        if named is None:
            return None
        start = self._skip(_BETWEEN, named.end)
        if start >= len(self.text):
            return None
        span = who.token(self.text, start)
        verb = verbs.exact(self.text[start : span[1]]) if span else None
        if verb and span and verb.name in _OF_A_CLIENT:
            return self._command(verb, span[1], named)
        return None

    def _only_a_client(self) -> Reading | None:
        if talk.is_small_talk(self.text):
            return None
        hits = self.found.get(Query("word", self.text), ())
        named = Named(0, len(self.text), self.text, tuple(hits)) if hits else None
        special = None if named else who.expected(self.text, 0, self.found)
        if special and special.end == len(self.text):
            named = special
        if named is None and self.focus and _HE.fullmatch(self.text):
            return self._look_up(None)
        if named is None or (named.hits[0].how in {"sound", "typo"} and not self._name_like()):
            return None
        return self._look_up(named)

    def _name_like(self) -> bool:
        return self.text.isascii() or self._unknown_name(self.text)

    def _unfinished_verb(self) -> Reading | None:
        """A beginning of a verb is that verb; a slip is proposed; neither is taken out of talk."""
        slash = self.text.startswith("/")
        span = who.token(self.text, int(slash))
        if span is None or span[1] - span[0] > _LONGEST_VERB + 8:
            return None
        word = self.text[int(slash) : span[1]]
        resolved = verbs.resolve(word, slash=slash)
        whole = span[1] == len(self.text)
        if not slash and not whole and self.text[span[1]] not in " :,":
            return None
        match resolved.match:
            case "prefix" if whole or slash or len(word) > 1:
                return self._command(resolved.verbs[0], span[1])
            case "near":
                return self._proposed(resolved.verbs[0], word, span[1])
            case "several" if slash or len(word) > 1:
                return self._which_verb(resolved.verbs)
            case "nothing" if slash:
                return self._which_verb(verbs.nearest(word))
            case _:
                return None

    def _proposed(self, verb: Verb, word: str, end: int) -> Reading | None:
        named = self._client_at(end)
        if len(word) == 1 and not named:
            return None  # a single character has too many homophones
        meant = self._command(verb, end)
        return replace(meant, verb=f"ask:{verb.name}", write=False, asked="verb")

    def _which_verb(self, candidates: tuple[Verb, ...]) -> Reading:
        return Reading(
            verb="none",
            asked="verb",
            query=self.line.own(0),
            suggestions=tuple(verb.name for verb in candidates),
        )

    def _unknown_client(self) -> Reading | None:
        """A number or a name that nobody has is still a look-up, answered with 没有找到."""
        plain = self.text.replace(" ", "")
        numbered = re.fullmatch(r"(?:尾号)?\d{4}|\d{6,12}", plain)
        spelled = plain.isascii() and plain.isalpha() and self._spells_a_name(plain.lower())
        if numbered or spelled or (len(plain) >= 2 and self._unknown_name(plain)):
            return Reading(verb="look_up", query=self.line.own(0))
        return None

    def _spells_a_name(self, letters: str) -> bool:
        return names.spells_a_name(letters) and not talk.is_small_talk(letters)

    def _unknown_name(self, words: str) -> bool:
        return names.looks_like_name(words) and not _is_common_word(words)

    def _narrated(self) -> Reading | None:
        """A contact told, or a plan made, without a verb is offered to be written down."""
        if talk.is_ordinary(self.text):
            return None
        named = who.expected(self.text, 0, self.found)
        if named and named.hits[0].how not in {"exact", "part"}:
            named = None
        named = named or who.mentioned(self.text, 0, self.found)
        known = named or who.titled(self.text) or (self.focus and talk.about_that_one(self.text))
        if known and talk.narrates_contact(self.text):
            return self._offered("log", named)
        if named and not talk.is_question(self.text):
            offered = self._offered("task", named)
            return offered if offered.due.kind in {"date", "dates", "ask"} else None
        return None

    def _offered(self, verb: str, named: Named | None) -> Reading:
        start = named.end if named and named.start == 0 else 0
        inner = named if named and named.start else None
        reading = self._noted(verbs.BY_NAME[verb], start, [inner or named], promised=False)
        asked: Asked = "verb" if len(reading.clients) == 1 else "client"
        return replace(reading, verb=f"ask:{verb}", write=False, asked=asked)

    # ── the verbs ────────────────────────────────────────────────────────────────────────────

    def _command(self, verb: Verb, end: int, named: Named | None = None) -> Reading:
        match verb.name:
            case "look_up":
                return self._look_up_behind(end, named)
            case "log":
                return self._log(end, named)
            case "task":
                return self._task(end, named)
            case "lead":
                return self._lead(end)
            case "apply_opening" | "positions" | "progress":
                return self._about_client(verb, end, named)
            case "reveal":
                return self._reveal(end, named)
            case _:
                return self._with_words(verb, end)

    def _look_up_behind(self, end: int, before: Named | None) -> Reading:
        start = self._skip(_LOOK_FILLER, end)
        if self.text.startswith("客户", start) and start + 2 < len(self.text):
            start = self._skip(_LOOK_FILLER, start + 2)
        named = before or self._client_at(start)
        rest = start if before or named is None else self._skip(_BETWEEN, named.end)
        asked_for = verbs.exact(self.text[rest:]) if named else None
        if named and asked_for and asked_for.name in _READ_OF_A_CLIENT:
            return self._about_client(asked_for, len(self.text), named)
        if named is None and start < len(self.text) and not self._pronoun(start):
            return Reading(verb="look_up", query=self.line.own(start))
        return self._look_up(named)

    def _look_up(self, named: Named | None) -> Reading:
        return self._of_client(Reading(verb="look_up"), named, writes=False)

    def _about_client(self, verb: Verb, end: int, named: Named | None) -> Reading:
        start = self._skip(_FILLER, end)
        named = named or self._client_at(start)
        reading = Reading(verb=verb.name)
        if named is None and start < len(self.text) and not self._pronoun(start):
            return self._about_unknown(verb, start)
        reading = self._of_client(reading, named, writes=verb.writes != "no")
        return replace(reading, write=verb.writes != "no" and reading.asked is None)

    def _about_unknown(self, verb: Verb, start: int) -> Reading:
        """Somebody who is no client yet can be opened an account."""
        words = self.line.own(start)
        new = verb.name == "apply_opening" and (
            names.looks_like_name(words) or names.is_company(words) and "公司" in words
        )
        return Reading(verb=verb.name, query=words, write=new, asked=None if new else "client")

    def _log(self, end: int, before: Named | None) -> Reading:
        verb = verbs.BY_NAME["log"]
        reading = self._noted(verb, end, [before], promised=False)
        if reading.note or reading.asked == "client":
            return reading
        if reading.channel or reading.tags:
            return replace(reading, write=False, asked="text")
        return replace(reading, write=False, note=None)

    def _task(self, end: int, before: Named | None) -> Reading:
        reading = self._noted(verbs.BY_NAME["task"], end, [before], promised=True)
        if not reading.note:
            alone = not reading.clients or reading.in_focus
            if alone and not self.text[end:].strip():
                return Reading(verb="task")
            return replace(reading, write=False, note=None)
        if reading.asked == "client":
            return reading
        if not reading.action:
            return replace(reading, write=False, asked="text")
        if reading.due.kind == "ask":
            return replace(reading, write=False, asked="date")
        return reading

    def _lead(self, end: int) -> Reading:
        rest = self.text[self._skip(_FILLER, end) :]
        if not rest:
            return Reading(verb="lead")
        start = len(self.text) - len(rest)
        phone = note.mobile(rest)
        mobile = re.sub(r"\D", "", phone[0]) if phone else None
        name = re.match(r"[^\s,:;\d#]+", rest)
        after = max(name.end() if name else 0, phone.end() if phone else 0)
        words = self.line.own(start + after).lstrip(" ,，:：;；、")
        marked = note.marks(rest[after:])
        reading = Reading(
            verb="lead",
            query=name[0] if name else None,
            mobile=mobile,
            note=words or None,
            due=self._due(rest[after:], promised=False),
            tags=marked.tags,
            amounts=marked.amounts,
            lots=marked.lots,
            percentages=marked.percentages,
            products=marked.products,
            contracts=marked.contracts,
        )
        return self._checked_lead(reading, rest)

    def _checked_lead(self, reading: Reading, rest: str) -> Reading:
        if reading.query is None:
            return replace(reading, asked="text")
        if reading.mobile is None and re.search(r"(?<!\d)\d{7,}(?!\d)", rest):
            return replace(reading, asked="phone")
        same = self.found.get(Query("number", reading.mobile or ""), ())
        if not same and reading.mobile is None:
            same = tuple(
                hit
                for hit in self.found.get(Query("word", names.simplified(reading.query)), ())
                if hit.how == "exact"
            )
        if same:
            return replace(reading, asked="duplicate", clients=tuple(same))
        return replace(reading, write=True)

    def _reveal(self, end: int, named: Named | None) -> Reading:
        start = self._skip(_FILLER, end)
        field = _FIELDS.match(self.text, start)
        start = self._skip(_FILLER, field.end()) if field else start
        named = named or self._client_at(start)
        rest = self._skip(_BETWEEN, named.end) if named else start
        field = field or _FIELDS.match(self.text, rest)
        if field and field.end() > rest:
            rest = self._skip(_BETWEEN, field.end())
        reading = self._of_client(Reading(verb="reveal"), named, writes=False)
        reason = re.sub(r"^原因[\s::]*", "", self.line.own(rest))
        reading = replace(reading, query=field[0] if field else None, note=reason or None)
        if reading.asked:
            return reading
        if field is None:
            return replace(reading, asked="which")
        return reading if reason else replace(reading, asked="text")

    def _with_words(self, verb: Verb, end: int) -> Reading:
        """Verbs whose words their own command reads: reports, stress, admin."""
        start = self._skip(_BETWEEN, end)
        words = self.line.own(start) or None
        marked = note.marks(self.text[start:], codes=True)
        asked: Asked | None = None
        if not words and verb.writes == "with_text":
            asked = "text" if verb.name == "bind" else "which"
        if verb.name == "handover" and not _two_people(words or ""):
            asked = "to"
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

    # ── the parts of a note ──────────────────────────────────────────────────────────────────

    def _noted(
        self, verb: Verb, end: int, before: list[Named | None], *, promised: bool
    ) -> Reading:
        """A line with a note: client, channel, text, tags, follow-up."""
        named = before[0]
        start = self._skip(_FILLER, end)
        lead, channel = "", None
        if named is None:
            named, start, lead, channel = self._client_and_channel(start)
        elif not channel:
            start, channel = self._channel_at(start)
        start = self._skip(_BETWEEN if named else _FILLER, start)
        stop = start + note.before_last_tags(self.text[start:])
        unknown = None if named else self._stranger(start, stop)
        if unknown:
            start = self._skip(_BETWEEN, start + len(unknown))
            start, channel = self._channel_at(start)
        inner = named if named and named.start >= start else None
        if named is None and unknown is None and not self._pronoun(start):
            inner = named = who.mentioned(self.text, start, self.found)
        if named is None and self._pronoun(start):
            start = self._skip(_BETWEEN, self._pronoun_end(start))
            start, channel = (start, channel) if channel else self._channel_at(start)
            stop = max(start, stop)
        body = self._body(start, stop, inner, lead)
        due = self._due(body, promised=promised)
        reading = self._marked(verb, start, stop, lead, body, due)
        reading = replace(
            reading, channel=channel or self._channel_in(body, due, promised=promised)
        )
        return self._addressed(reading, named, unknown, promised=promised)

    def _client_and_channel(self, start: int) -> tuple[Named | None, int, str, str | None]:
        """The client behind the verb, also where a channel or a date stands between them."""
        channel, begin = None, start
        for place in list(_places_from(self.text, start)):
            named = who.expected(self.text, place, self.found)
            if named and self._believable(named, place):
                lead = "" if channel else self.text[begin:place].strip()
                named = self._with_others(self._with_account(named))
                after, later = self._channel_at(named.end)
                return named, after, lead, channel or later
            standing = note.standing_channel(self.text, place)
            if standing:
                channel = channel or standing[1]
        after, standing_name = self._channel_at(begin)
        return None, after, "", standing_name

    def _with_account(self, named: Named) -> Named:
        """张三(80010023): the account is the name's."""
        match = _ACCOUNT_TOO.match(self.text, named.end)
        same = tuple(hit for hit in named.hits if match and hit.account == match[1])
        return replace(named, hits=same, end=match.end()) if match and same else named

    def _with_others(self, named: Named) -> Named:
        """张三、李四: two are named, so it is asked of whom the note is."""
        also = _ALSO.match(self.text, named.end)
        other = who.expected(self.text, also.end(), self.found) if also else None
        if other is None or other.hits[0].how != "exact" or other.typed.isascii():
            return named
        if not self._apart(other):
            return named
        return replace(named, hits=(*named.hits, *other.hits), end=other.end)

    def _believable(self, named: Named, place: int) -> bool:
        """A guess or a fragment must at least look like a name where a note may begin."""
        if named.hits[0].how == "exact" or named.typed.isascii():
            return True
        if named.hits[0].how == "part":
            return self._apart(named) and not _is_common_word(named.typed)
        return self._apart(named) and self._unknown_name(named.typed) and place > 0

    def _apart(self, named: Named) -> bool:
        return self.text[named.end : named.end + 1].strip(" ,:") == ""

    def _channel_at(self, start: int) -> tuple[int, str | None]:
        standing = note.standing_channel(self.text, start)
        return standing if standing else (start, None)

    def _stranger(self, start: int, stop: int) -> str | None:
        """Somebody named who is nobody's client: better asked than written to the one in focus."""
        span = who.token(self.text, start)
        if span is None or span[0] != start or span[1] >= stop:
            return None
        word = self.text[start : span[1]]
        if self._unknown_name(word) and not intent.is_dated(word):
            return word
        return None

    def _body(self, start: int, stop: int, inner: Named | None, lead: str) -> str:
        text = self.text[start:stop]
        if inner:
            cut = slice(inner.start - start, inner.end - start)
            text = text[: cut.start] + intent.NAME * len(text[cut]) + text[cut.stop :]
        return f"{lead} {text}" if lead else text

    def _due(self, body: str, *, promised: bool) -> Due:
        if not body:
            return NONE
        return dates.due(body, at=self.at, calendar=self.calendar, promised=promised)

    def _marked(self, verb: Verb, start: int, stop: int, lead: str, body: str, due: Due) -> Reading:
        marked = note.marks(f"{lead} {self.text[start:]}")
        own = self.line.own(start, stop).rstrip(" ,，;；、")
        text = f"{_TAG.sub('', lead)} {own}".strip() if lead else own
        offset = start - (len(lead) + 1 if lead else 0)
        return Reading(
            verb=verb.name,
            note=text or None,
            action=self._action(body, due, offset) or None,
            tags=marked.tags,
            amounts=marked.amounts,
            lots=marked.lots,
            percentages=marked.percentages,
            products=marked.products,
            contracts=marked.contracts,
            due=due,
        )

    def _action(self, body: str, due: Due, offset: int) -> str:
        """The note without its dates; of a long one only the clause that the date stands in."""
        pieces = dates.around(body, due)
        own = "".join(
            self.line.own(offset + a, offset + b) if offset + a >= 0 else body[a:b]
            for a, b in pieces
        )
        return own.strip(" ,，;；、。的")

    def _channel_in(self, body: str, due: Due, *, promised: bool) -> str | None:
        """How the contact was, so not what the follow-up will be."""
        return note.channel(body if promised else dates.without_clauses(body, due))

    def _addressed(
        self, reading: Reading, named: Named | None, unknown: str | None, *, promised: bool
    ) -> Reading:
        if unknown:
            return replace(reading, asked="client", query=unknown)
        if named is None and promised and self.focus is None and not self._needs_client(reading):
            return replace(reading, write=True)
        reading = self._of_client(reading, named, writes=True)
        if reading.asked:
            return reading
        asked: Asked | None = "date" if reading.due.kind == "ask" else None
        return replace(reading, write=True, asked=asked)

    def _needs_client(self, reading: Reading) -> bool:
        return not reading.note or intent.wants_client(names.simplified(reading.action or ""))

    # ── the client ───────────────────────────────────────────────────────────────────────────

    def _client_at(self, start: int) -> Named | None:
        place = self._skip(_LOOK_FILLER, start)
        return who.expected(self.text, place, self.found) or who.expected(
            self.text, self._skip(_FILLER, start), self.found
        )

    def _pronoun(self, start: int) -> bool:
        return who.PRONOUN.match(self.text, start) is not None

    def _pronoun_end(self, start: int) -> int:
        match = who.PRONOUN.match(self.text, start)
        return match.end() if match else start

    def _of_client(self, reading: Reading, named: Named | None, *, writes: bool) -> Reading:
        """With the one client that is meant, or the question who it is."""
        if named is None:
            if self.focus is None:
                return replace(reading, asked="client")
            return replace(reading, clients=(self.focus,), in_focus=True)
        one = named.sure
        asked: Asked | None = None if one and (one.own or not writes) else "client"
        return replace(reading, clients=named.hits, query=named.typed, asked=asked)

    def _skip(self, pattern: re.Pattern[str], start: int) -> int:
        return _end(pattern, self.text, start)


_READ_OF_A_CLIENT = frozenset({"positions", "progress"})
_OF_A_CLIENT = _READ_OF_A_CLIENT | {"look_up", "log", "task", "apply_opening", "reveal"}

_COMMON_WORDS = frozenset(
    (
        "高位 高点 高兴 高开 方案 方便 方面 时间 时候 金额 成本 成交 成功 成立 安排 安全 关于 关注 今天 明天 马上 白糖 黄金 白银 黄豆"
        " 钱到 应该 应收 于是 单边 单子 常规 常来 计划 计算 向好 万元 万一 江苏 江浙 温度 明白 明确 强平 强势 平仓 平安 平时 全部 全平"
        " 水平 和解 和他 任务 田间 管理 史上 包括 包装 沙子 石油 雷同 文件 文华 路演 路上 顾虑 汤料 康复 严重 武汉 许可 何时 何况 张家港"
        " 余额 余下 祝您 祝好 宁可 宁愿 解释 解决 单位 单独 曾经 查询 区间 区别 乐观 能否 应对 从来 易变 周末 周报 周期 周边 周线 周度"
        " 毛利 毛猪 金属 金融 花生 苗头 谢谢 程序 白天 黑色 游资 连续 车间 项目 项下 燃油 沈阳 南宁 杭州 杜绝 费用 习惯 广州 宫颈 印度"
        " 古老 卜算 席位 强烈 经过 经常 那边 那个 那天 过来 过去 相关 相对 行情 行业 行吧 都行 都是 重点 重新 冷静 权益 权限 海运 海外"
        " 水分 公司 车皮 居间 居然 法人 法定 司机 计价 别忘 好的 好啊 好吧 是的 容易 季节 季度 包销 麦收 苏州 常州 温州 郑州 郑棉 郑糖"
        " 商量 商品 支持 支撑 池子 邮件 农户 农产 汪洋 房子 房产 全天 平台 平均 贝壳 通知 通话 通过 边际 国际 国庆 元旦 元月 党员 莫名"
        " 柴油 米价 伏天 司法 都在 开盘 收盘 申请 申报 申购 相信 仓单 仓位 仓储 充分 充值 阳光 阴跌 空单 空头 多单 多头 还在 还是 有空"
        " 胡说 万吨 宋体 颜色 龙头 段位 汤汤 雷打 巴西 尹始 路费 练习 佟掌 幸运 满意 满仓 满足 古巴 都好 重仓 折扣 折算 种植 种子 召开 过户"
    ).split()
)  # fmt: skip


def _is_common_word(words: str) -> bool:
    return words in _COMMON_WORDS or words[:2] in _COMMON_WORDS


def _two_people(words: str) -> bool:
    """王强 → 李敏, 王强给李敏, 王强 李敏."""
    return len([part for part in re.split(r"\s*(?:→|->|=>|给|到|[\s,、])\s*", words) if part]) >= 2
