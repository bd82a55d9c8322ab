"""When the follow-up is: every date in a line, weighed, and settled to moments or a question."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Literal

from bot.grammar import hours, intent
from bot.grammar.days import phrases, weeks
from bot.grammar.days.day import Day, Now
from bot.grammar.holidays import trading_after
from bot.grammar.hours import DEFAULT, Hour
from bot.grammar.products import without_contracts
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI

DueKind = Literal["date", "dates", "ask", "none", "recurring"]
MOST_READINGS = 3
_ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """``at``: the moments, or the readings of a question. ``said``: where in the text."""

    kind: DueKind
    at: tuple[datetime, ...] = ()
    said: tuple[tuple[int, int], ...] = ()


NONE = Due("none")


def due(text: str, *, at: datetime, calendar: Calendar, promised: bool) -> Due:
    """The follow-up that ``text`` speaks of.

    ``text`` is normalised, with clients' names as ``intent.NAME``. ``promised``: the whole line is
    a task of ours, so a date needs no action beside it.
    """
    now = Now(at.astimezone(SHANGHAI), calendar)
    plain = intent.without_noise(without_contracts(text))
    groups = _groups(plain, now)
    if not groups:
        return NONE
    meant = _Weighing(plain, groups, promised=promised).meant()
    return _together([_settle(group, now, plain) for group in meant])


def around(text: str, due: Due) -> list[tuple[int, int]]:
    """What is left of the clauses that the dates stand in; the whole of ``text`` without any."""
    if not due.said:
        return [(0, len(text))]
    start, end = _clause_span(text, due.said[0])
    if not text[start : due.said[0][0]].strip() and not text[due.said[0][1] : end].strip(" 的,"):
        following = _CLAUSE_END.search(text, end + 1)
        end = following.start() if following else len(text)
        start = start if end > due.said[0][1] + 1 else 0
    cuts = sorted(span for span in due.said if start <= span[0] < end)
    edges = [start, *(edge for span in cuts for edge in span), end]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def without_clauses(text: str, due: Due) -> str:
    """``text`` with the follow-up blanked, from the date to the end of its clause."""
    for said in due.said:
        start, end = said[0], _clause_span(text, said)[1]
        text = text[:start] + intent.BLANK * (end - start) + text[end:]
    return text


def _clause_span(text: str, said: tuple[int, int]) -> tuple[int, int]:
    before, after = _clause(text, *said)
    return said[0] - len(before), said[1] + len(after)


# ── groups: a day with its hour, or several days linked ──────────────────────────────────────

Link = Literal["one", "or", "and", "range"]


@dataclass(slots=True)
class Group:
    days: list[Day] = field(default_factory=list)
    hour: Hour | None = None
    link: Link = "one"
    start: int = 0
    end: int = 0
    doubted: bool = False  # nothing beside it says that it is a task: asked

    @property
    def state(self) -> str:
        return self.days[0].state if self.days else "day"


_OR = re.compile(r"\s?(?:,?或者?是?|要么|还是|/|,?或)\s?")
_AND = re.compile(r"\s?(?:[、和与及跟&]|以及|,(?=周|星期|下|\d+[号日]))\s?")
_TO = re.compile(r"\s?(?:到|至|-|~|—)\s?")
_GAP = re.compile(r"[\s的,在于(]{0,2}")
_NEXT_WEEKDAY = re.compile(
    r"(?:\s?(?:[、和与及或/]|或者)\s?(?:周|星期)?)?([一二三四五六日天])"
    r"(?![\d个点次天月号起般定直切些样下旦共块刻年周万百千十成手位家名半时分])"
)
_WEEKDAY_NAMED = re.compile(r"(?:周|星期|礼拜)[一二三四五六日天]$")
_CLAUSE_END = re.compile(r"[;。!?]|(?<!\d),|,(?!\d)")


def _groups(text: str, now: Now) -> list[Group]:
    found = _with_short_weekdays(text, phrases.scan(text, now), now)
    times = [h for h in hours.scan(text) if not any(d.start <= h.start < d.end for d in found)]
    groups: list[Group] = []
    for day in found:
        link = _link(text[groups[-1].end : day.start]) if groups and not groups[-1].hour else None
        if groups and link:
            groups[-1].days.append(_inherit(groups[-1].days[-1], day, now))
            groups[-1].end = day.end
            groups[-1].link = link
        else:
            groups.append(Group([day], start=day.start, end=day.end))
        _take_adjacent(text, groups[-1], times)
    return _add_hours(text, groups, times)


def _link(between: str) -> Link | None:
    if _OR.fullmatch(between):
        return "or"
    if _AND.fullmatch(between):
        return "and"
    if _TO.fullmatch(between):
        return "range"
    return "or" if not between else None  # 周四周五


def _inherit(first: Day, second: Day, now: Now) -> Day:
    """下周二或周四: the second is of the same week."""
    if first.week and second.week is None and second.days and second.state in {"day", "ask"}:
        number = second.days[0].weekday()
        if (second.days[0] - now.day).days <= 7:
            return weeks.weekday(second.start, second.end, number, first.week, now)
    return second


def _with_short_weekdays(text: str, found: list[Day], now: Now) -> list[Day]:
    """周二、四 names two days."""
    every: list[Day] = []
    for place, day in enumerate(found):
        every.append(day)
        limit = found[place + 1].start if place + 1 < len(found) else len(text)
        named = _WEEKDAY_NAMED.search(text, day.start, day.end) and day.days
        more = _NEXT_WEEKDAY.match(text, day.end, limit) if named else None
        while more:
            number = "一二三四五六日".index(more[1].replace("天", "日"))
            every.append(weeks.weekday(more.start(1), more.end(), number, day.week, now))
            more = _NEXT_WEEKDAY.match(text, more.end(), limit)
    return every


def _take_adjacent(text: str, group: Group, times: list[Hour]) -> None:
    for hour in times:
        if 0 <= hour.start - group.end <= 2 and _GAP.fullmatch(text[group.end : hour.start]):
            group.hour, group.end = hour, hour.end
        elif 0 <= group.start - hour.end <= 1 and not text[hour.end : group.start].strip():
            group.hour, group.start = hour, hour.start
        else:
            continue
        times.remove(hour)
        return


def _add_hours(text: str, groups: list[Group], times: list[Hour]) -> list[Group]:
    """An hour apart belongs to the day before it in the same or, standing bare, the next clause."""
    for hour in times:
        owner = _owner(text, groups, hour)
        if owner:
            owner.hour = hour
        else:
            groups.append(Group(hour=hour, start=hour.start, end=hour.end))
    return sorted(groups, key=lambda group: group.start)


def _owner(text: str, groups: list[Group], hour: Hour) -> Group | None:
    before = [g for g in groups if g.days and g.end <= hour.start]
    if not before or before[-1].hour or before[-1].state not in {"day", "ask"}:
        return None
    if before[-1].days[0].moment:
        return None
    breaks = _CLAUSE_END.findall(text[before[-1].end : hour.start])
    alone = intent.bare(
        _clause(text, hour.start, hour.end)[0] + _clause(text, hour.start, hour.end)[1]
    )
    return before[-1] if not breaks or (len(breaks) == 1 and alone) else None


# ── weighing: which groups are a future action of ours ───────────────────────────────────────


def _clause(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands before and after a span in its clause."""
    head = 0
    for stop in _CLAUSE_END.finditer(text, 0, start):
        head = stop.end()
    following = _CLAUSE_END.search(text, end)
    return text[head:start], text[end : following.start() if following else len(text)]


class _Weighing:
    """Drops the groups that are past, called off, or nobody's task."""

    def __init__(self, text: str, groups: list[Group], *, promised: bool) -> None:
        self.text = text
        self.groups = groups
        self.promised = promised

    def meant(self) -> list[Group]:
        kept = [group for group in self.groups if self._counts(group)]
        moved = [g for g in kept if intent.moved_to(self.text[: g.start])]
        if moved:
            kept = [group for group in kept if group.start >= moved[0].start]
        if self.promised:
            return self._of_task(kept)
        return kept

    def _of_task(self, kept: list[Group]) -> list[Group]:
        """Days beat bare hours; a date that only describes a thing counts when it is alone."""
        dated = [g for g in kept if g.days] or kept
        acting = [g for g in dated if not intent.describes(self.text[g.end :])]
        if acting:
            return acting
        return [replace(group, doubted=True) for group in dated[:1]]

    def _counts(self, group: Group) -> bool:
        if group.state == "past":
            return False
        before, after = self._beside(group)
        if intent.moved_to(self.text[: group.start]):
            return True
        if intent.called_off(before + after) or intent.moved_away(after):
            return False
        if self.promised:
            return True
        ahead = bool(group.days) and group.days[0].ahead
        if (not ahead and intent.done(after)) or intent.describes(after):
            return False
        if intent.conditional(before):
            return False
        return self._acts(group, before, after)

    def _beside(self, group: Group) -> tuple[str, str]:
        """The rest of the clause, up to the neighbouring groups."""
        before, after = _clause(self.text, group.start, group.end)
        for other in self.groups:
            if group.start - len(before) < other.end <= group.start:
                before = self.text[other.end : group.start]
            if group.end <= other.start < group.end + len(after):
                after = self.text[group.end : other.start]
        return before, after

    def _acts(self, group: Group, before: str, after: str) -> bool:
        if group.state in {"never", "recurring"}:
            return True
        if intent.ours(before, after):
            return True
        if not intent.bare(before + after):
            return False
        return self._neighbour_acts(group)

    def _neighbour_acts(self, group: Group) -> bool:
        """A clause that is only a date takes its action from the next clause or the one before;
        without any it is still no accident, so it is asked."""
        following = _CLAUSE_END.search(self.text, group.end)
        if following:
            _, after = _clause(self.text, following.end(), following.end())
            if intent.called_off(after):
                return False
            if intent.ours("", after) and not intent.done(after):
                return True
        group.doubted = not self._asked_before(group)
        return bool(group.days)

    def _asked_before(self, group: Group) -> bool:
        stops = list(_CLAUSE_END.finditer(self.text, 0, group.start))
        if not stops:
            return False
        before, _ = _clause(self.text, stops[-1].start(), stops[-1].start())
        return intent.ours("", before) and not intent.done(before)


# ── settling: from phrases to moments ────────────────────────────────────────────────────────


_DEADLINE = re.compile(r"\s?(?:之前|以前|前(?![往去期面后来景])|之内|以内|左右|的时候|时候)")


def _settle(group: Group, now: Now, text: str) -> Due:
    deadline = _DEADLINE.match(text, group.end)
    said = ((group.start, deadline.end() if deadline else group.end),)
    if group.state == "recurring":
        return Due("recurring", said=said)
    if group.state == "never":
        return Due("none", said=said)
    if not group.days:
        return replace(_hour_alone(group.hour, now), said=said)
    alone = group.link == "one"
    settled = _day(group.days[0], group.hour, now) if alone else _several(group, now)
    if group.doubted and settled.kind in {"date", "dates"}:
        settled = Due("ask", settled.at)
    return replace(settled, said=said)


def _several(group: Group, now: Now) -> Due:
    each = [_day(day, group.hour, now) for day in group.days]
    every = [at for one in each for at in one.at]
    if all(one.kind == "date" for one in each):
        if len(set(every)) == 1:  # 12月2日下周三
            return each[0]
        if group.link == "and":
            return Due("dates", tuple(sorted(set(every))))
    return _question(every, now)


def _day(day: Day, hour: Hour | None, now: Now) -> Due:
    if day.moment:
        return Due("date", (day.moment,)) if hour is None else _question([day.moment], now)
    if day.state == "day":
        return _on(day.days[0], hour, now)
    today = _moments(now.day, hour, now) if day.today else ()
    if hour and len(today) == 1 and today[0] > now.at:
        return Due("date", today)
    later = [at for each in day.days for at in _moments(each, hour, now)]
    return _question([*today, *later], now)


def _on(day: date, hour: Hour | None, now: Now) -> Due:
    moments = _moments(day, hour, now)
    if len(moments) == 1 and moments[0] > now.at:
        return Due("date", moments)
    if hour and not moments:
        return _question(_nearest_session(day, hour, now), now)
    if any(at > now.at for at in moments):
        tomorrow = _moments(day + _ONE, hour, now) if day == now.day else ()
        return _question([*moments, *tomorrow[: len(moments) - 1]], now)
    return _question(_instead(hour, now), now)


def _moments(day: date, hour: Hour | None, now: Now) -> tuple[datetime, ...]:
    if hour is None:
        return (datetime.combine(day, DEFAULT, SHANGHAI),)
    return hour.on(day, now.calendar)


def _instead(hour: Hour | None, now: Now) -> Iterator[datetime]:
    """What a passed moment of today may have meant."""
    tomorrow = now.day + _ONE
    if hour is None:
        yield from (datetime.combine(now.day, at, SHANGHAI) for at in (time(15), time(20)))
        yield datetime.combine(tomorrow, DEFAULT, SHANGHAI)
        return
    for day in (now.day, tomorrow, trading_after(now.calendar, now.day)):
        yield from hour.on(day, now.calendar)


def _nearest_session(day: date, hour: Hour, now: Now) -> Iterator[datetime]:
    """The last such moment before a day without it, and the next one after."""
    for ahead in range(1, 12):
        found = hour.on(day - timedelta(days=ahead), now.calendar)
        if found:
            yield from found
            break
    following = hour.next(datetime.combine(day + _ONE, time(0), SHANGHAI), now.calendar)
    if following:
        yield following


def _hour_alone(hour: Hour | None, now: Now) -> Due:
    if hour is None:
        return NONE
    if hour.session:
        coming = hour.next(now.at, now.calendar)
        return Due("date", (coming,)) if coming else Due("ask")
    return _on(now.day, hour, now) if hour.times else Due("ask")


def _question(readings: Iterable[datetime], now: Now) -> Due:
    coming = sorted({at for at in readings if at > now.at})
    return Due("ask", tuple(coming[:MOST_READINGS]))


# ── several groups: one answer ───────────────────────────────────────────────────────────────


def _together(settled: Sequence[Due]) -> Due:
    """A recurring one is shown as such; a sure date beats a doubtful one; several are dates."""
    by_kind: dict[DueKind, list[Due]] = {}
    for one in settled:
        by_kind.setdefault(one.kind, []).append(one)
    if "recurring" in by_kind:
        return by_kind["recurring"][0]
    sure = [*by_kind.get("date", []), *by_kind.get("dates", [])]
    if sure:
        return _merged(sure)
    asked = by_kind.get("ask", [])
    if asked:
        readings = sorted({at for one in asked for at in one.at})
        said = tuple(span for one in asked for span in one.said)
        return Due("ask", tuple(readings[:MOST_READINGS]), said)
    return settled[0] if settled else NONE


def _merged(sure: Sequence[Due]) -> Due:
    moments = tuple(sorted({at for d in sure for at in d.at}))
    said = tuple(s for d in sure for s in d.said)
    return Due("date" if len(moments) == 1 else "dates", moments, said)
