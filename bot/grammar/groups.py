"""Days with their hours, and several days linked: 周二或周四下午."""

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from bot.grammar import hours, intent
from bot.grammar.clauses import CLAUSE_END, clause
from bot.grammar.days import phrases, weeks
from bot.grammar.days.day import Day, Now, State
from bot.grammar.hours import Hour

MOST = 24  # days and hours that are read in one line

Link = Literal["one", "or", "and", "range"]


@dataclass(slots=True)
class Group:
    """One day with its hour, several days linked, or an hour alone (``days`` is empty).

    ``hours`` has one entry for each day; of 周二或周四下午 only the last, which then holds for all.
    """

    start: int
    end: int
    days: list[Day] = field(default_factory=list)
    hours: list[Hour | None] = field(default_factory=list)
    link: Link = "one"
    doubted: bool = False  # nothing beside it says that it is a task: asked

    @property
    def state(self) -> State:
        return self.days[0].state if self.days else "day"

    @property
    def timed(self) -> list[tuple[Day, Hour | None]]:
        """Each day with its hour."""
        shared = self.hours[-1] if not any(self.hours[:-1]) else None
        return [(day, hour or shared) for day, hour in zip(self.days, self.hours, strict=True)]


_OR = re.compile(r"\s?(?:,?或者?是?|要么|还是|/|,?或)\s?")
_AND = re.compile(r"\s?(?:[、和与及跟&]|以及|,(?=周|星期|下|\d+[号日]))\s?")
_TO = re.compile(r"\s?(?:到|至|-|~|—)\s?")
_NEAR = 8  # characters
_GAP = re.compile(r"[\s的,在于()]{0,2}")
_NEXT_WEEKDAY = re.compile(
    r"(?:\s?(?:[、和与及或/]|或者)\s?(?:周|星期)?)?([一二三四五六日天])"
    r"(?![\d个点次天月号起般定直切些样下旦共块刻年周万百千十成手位家名半时分盘内线均间气])"
)
_WEEKDAY_BEGINS = re.compile(r"(?:周|星期|礼拜)[一二三四五六日天]")
_WEEKDAY_NAMED = re.compile(r"(?:周|星期|礼拜)[一二三四五六日天]$")


def groups(text: str, now: Now) -> list[Group]:
    """Everything in ``text`` that speaks of a time, from left to right."""
    found = _with_short_weekdays(text, phrases.scan(text, now)[:MOST], now)
    found = _as_named_before(text, found)
    times = hours.scan(_without(found, text))[:MOST]
    every: list[Group] = []
    for day in found:
        linked = _link(text, every[-1], day) if every else None
        if linked:
            _join(every[-1], _inherit(every[-1].days[-1], day, now), linked)
        else:
            every.append(Group(day.start, day.end, [day], [None]))
        _take_adjacent(text, every[-1], times)
    return _add_hours(text, every, times)


def _without(days: list[Day], text: str) -> str:
    """``text`` with each day reduced to its kind, so that 周三十点 is ten o'clock."""
    for day in days:
        text = text[: day.start] + "天" * (day.end - day.start) + text[day.end :]
    return text


def _link(text: str, group: Group, day: Day) -> Link | None:
    if not {group.state, day.state} <= {"day", "ask"}:
        return None
    between = text[group.end : day.start]
    if _OR.fullmatch(between):
        return "or"
    if _AND.fullmatch(between):
        return "and"
    if _TO.fullmatch(between):
        return "range"
    if between.strip() == "(":
        return "or"  # 下周三(12月2日): the same day twice
    return None if between or group.hours[-1] else "or"  # 周四周五


def _join(group: Group, day: Day, link: Link, hour: Hour | None = None) -> None:
    group.days.append(day)
    group.hours.append(hour)
    group.end, group.link = (hour or day).end, link


def _inherit(first: Day, second: Day, now: Now) -> Day:
    """下周二或周四: the second is of the same week."""
    if not first.week or second.week is not None or not second.days:
        return second
    if (second.days[0] - now.day).days > 7:
        return second
    number = second.days[0].weekday()
    return weeks.weekday(second.start, second.end, number, first.week, now)


def _with_short_weekdays(text: str, found: list[Day], now: Now) -> list[Day]:
    """周二、四 names two days."""
    every: list[Day] = []
    for place, day in enumerate(found):
        every.append(day)
        limit = found[place + 1].start if place + 1 < len(found) else len(text)
        named = _WEEKDAY_NAMED.search(text, day.start, day.end) and day.days
        more = _NEXT_WEEKDAY.match(text, day.end, limit) if named else None
        while more and len(every) < MOST:
            number = "一二三四五六日".index(more[1].replace("天", "日"))
            every.append(weeks.weekday(more.start(1), more.end(), number, day.week, now))
            more = _NEXT_WEEKDAY.match(text, more.end(), limit)
    return every


def _as_named_before(text: str, found: list[Day]) -> list[Day]:
    """下周三下周四都行，先约周三: the weekday that was named with its week."""
    named: dict[int, Day] = {}
    every: list[Day] = []
    for day in found:
        weekday = day.days[0].weekday() if day.days else None
        plain = day.week is None and _WEEKDAY_BEGINS.match(text, day.start)
        if weekday is not None and day.week:
            named[weekday] = day
        again = named.get(weekday) if plain and weekday is not None else None
        every.append(replace(again, start=day.start, end=day.end) if again else day)
    return every


def _take_adjacent(text: str, group: Group, times: list[Hour]) -> None:
    for hour in times:
        if 0 <= hour.start - group.end <= 2 and _GAP.fullmatch(text[group.end : hour.start]):
            group.hours[-1], group.end = hour, hour.end
        elif 0 <= group.start - hour.end <= 1 and not text[hour.end : group.start].strip():
            group.hours[-1], group.start = hour, hour.start
        else:
            continue
        times.remove(hour)
        return


def _add_hours(text: str, groups: list[Group], times: list[Hour]) -> list[Group]:
    """An hour apart belongs to the day before it in the same or, standing bare, the next clause."""
    for hour in times:
        owner = _owner(text, groups, hour)
        if owner:
            owner.hours[-1] = hour
        elif again := _same_day(text, groups, hour):
            _join(again, again.days[-1], "and", hour)
        elif repeated := _said_again(text, groups, hour):
            repeated.hours[-1], repeated.end = hour, hour.end
        else:
            groups.append(Group(hour.start, hour.end, hours=[hour]))
    return sorted(groups, key=lambda group: group.start)


def _same_day(text: str, groups: list[Group], hour: Hour) -> Group | None:
    """明天上午十点和下午三点: another hour of the day before it."""
    before = [g for g in groups if g.days and g.end <= hour.start]
    if not before or not before[-1].hours[-1] or before[-1].state != "day":
        return None
    return before[-1] if _AND.fullmatch(text[before[-1].end : hour.start]) else None


def _said_again(text: str, groups: list[Group], hour: Hour) -> Group | None:
    """明天三点，对，三点，去拜访: the hour of the day before it once more, or another for it."""
    before = [g for g in groups if g.end <= hour.start and hour.start - g.end <= _NEAR]
    if not before or not before[-1].days or before[-1].days[0].moment:
        return None
    if intent.arranged(text[: hour.start]):
        return before[-1]
    stand_alone = (clause(text, one.start, one.end) for one in (before[-1], hour))
    return before[-1] if all(intent.bare("".join(rest)) for rest in stand_alone) else None


def _owner(text: str, groups: list[Group], hour: Hour) -> Group | None:
    before = [g for g in groups if g.days and g.end <= hour.start]
    if not before or before[-1].hours[-1] or before[-1].state not in {"day", "ask"}:
        return None
    if before[-1].days[0].moment:
        return None
    breaks = CLAUSE_END.findall(text[before[-1].end : hour.start])
    alone = intent.begins_hour("".join(clause(text, hour.start, hour.end)))
    return before[-1] if not breaks or (len(breaks) == 1 and alone) else None
