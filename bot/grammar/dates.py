"""When the follow-up is: every date in a line, weighed, and settled to moments or a question."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Literal

from bot.grammar import clauses, intent, weighing
from bot.grammar.clauses import CLAUSE_END
from bot.grammar.days.day import Day, Now
from bot.grammar.groups import Group, groups
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
    plain = intent.with_turns(intent.without_noise(without_contracts(text)))
    named = groups(plain, now)
    if not named:
        return NONE
    meant = weighing.meant(plain, named, promised=promised)
    return _together([_settle(group, now, plain) for group in meant])


def is_date(words: str, *, at: datetime, calendar: Calendar) -> bool:
    """Whether ``words`` are nothing but a date: 周一, though a client may be called 周一鸣."""
    return due(words, at=at, calendar=calendar, promised=True).said == ((0, len(words)),)


def around(text: str, due: Due) -> list[tuple[int, int]]:
    """What is left of the clauses that the dates stand in; the whole of ``text`` without any."""
    if not due.said:
        return [(0, len(text))]
    start, end = clauses.bounds(text, *due.said[0])
    if not text[start : due.said[0][0]].strip() and not text[due.said[0][1] : end].strip(" 的,"):
        following = CLAUSE_END.search(text, end + 1)
        end = following.start() if following else len(text)
        start = start if end > due.said[0][1] + 1 else 0
    cuts = sorted(span for span in due.said if start <= span[0] < end)
    edges = [start, *(edge for span in cuts for edge in span), end]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]


def without_clauses(text: str, due: Due) -> str:
    """``text`` with the follow-up blanked, from the date to the end of its clause."""
    for said in due.said:
        start, end = said[0], clauses.bounds(text, *said)[1]
        text = text[:start] + intent.BLANK * (end - start) + text[end:]
    return text


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
        return replace(_hour_alone(group.hours[0], now), said=said)
    alone = group.link == "one"
    settled = _day(*group.timed[0], now) if alone else _several(group, now)
    if group.doubted and settled.kind in {"date", "dates"}:
        settled = Due("ask", settled.at)
    return replace(settled, said=said)


def _several(group: Group, now: Now) -> Due:
    each = [_day(day, hour, now) for day, hour in group.timed]
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
    known = hour is None or not hour.session or day <= now.calendar.last
    if len(moments) == 1 and moments[0] > now.at and known:
        return Due("date", moments)
    if hour and not moments:
        return _question(_nearest_session(day, hour, now), now)
    if any(at > now.at for at in moments):
        return _question(moments, now)
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
    today, tomorrow = (hour.on(day, now.calendar) for day in (now.day, now.day + _ONE))
    if len(today) > 1 and today[-1] > now.at:  # 八点: this evening or tomorrow morning
        return _question([*today, *tomorrow[:-1]], now)
    return _on(now.day, hour, now) if today else Due("ask")


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
