"""When a change of level deserves a word. Pure: a state, what is seen now, the rules → what to do.

A level is raised at once. It is left only after the account has stayed under its threshold by the
rule's margin for a while, each level by a clock of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from risk.figures import Figures
from risk.ladder import Rules
from risk.levels import Ladder, Level, judge

LOWEST = Level.WARN  # 关注 is list-only
LEVELS = (Level.WARN, Level.CALL, Level.FORCE, Level.NEGATIVE)
NOT_BELOW: Mapping[Level, datetime] = MappingProxyType({})
DESK = Level.CALL  # from here on it is the risk desk's work


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An account now. ``held`` is its level by the lowered ladder: never less than ``level``."""

    level: Level
    held: Level
    risk: Decimal | None


IN_DOUBT = Seen(level=Level.UNSURE, held=Level.UNSURE, risk=None)  # also of what is too old


class What(StrEnum):
    RAISED = "raised"
    ROSE = "rose"
    WORSE = "worse"  # further up inside the level
    REMINDED = "reminded"  # still unclaimed
    FELL = "fell"
    RESOLVED = "resolved"


TELLING = frozenset({What.RAISED, What.ROSE, What.WORSE, What.REMINDED})  # these call people


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of an account between two looks; NORMAL when nothing is open. ``below``: since
    when it is well under each level, of those that it has not left."""

    level: Level = Level.NORMAL
    below: Mapping[Level, datetime] = field(default_factory=lambda: NOT_BELOW)
    told_at: datetime | None = None
    told_risk: Decimal | None = None
    claimed: bool = False
    silenced_until: datetime | None = None


CALM = State()


@dataclass(frozen=True, slots=True)
class Event:
    what: What
    before: Level
    level: Level


def seen(found: Figures, rules: Rules) -> Seen:
    return Seen(
        level=_judged(found, rules.ladder), held=_judged(found, rules.lowered), risk=found.risk
    )


def _judged(found: Figures, ladder: Ladder) -> Level:
    """As the book judges, by any ladder; what cannot be judged stays 异常."""
    unsure = found.level is Level.UNSURE
    if unsure or found.equity is None or found.margin is None or found.available is None:
        return Level.UNSURE
    return judge(found.equity, found.margin, found.exchange_margin, found.available, ladder)


def step(
    state: State, now: Seen, at: datetime, unheard: timedelta, rules: Rules
) -> tuple[State, Event | None]:
    """``unheard``: trading time since people were last told. Data in doubt change nothing, and
    the time under a threshold begins anew after them."""
    if now.level is Level.UNSURE:
        return replace(state, below=NOT_BELOW), None
    level = _counted(now.level)
    if level > state.level:
        return _raised(state, level, now, at)
    since = {
        each: state.below.get(each, at)
        for each in LEVELS
        if _counted(now.held) < each <= state.level
    }
    state = replace(state, below=since)
    held = (
        each for each in LEVELS if each <= state.level and not _left(since.get(each), at, rules)
    )
    lowest = max(held, default=Level.NORMAL)
    if lowest < state.level:
        return _lowered(state, lowest, now, at)
    return _again(state, now, at, unheard, rules)


def _counted(level: Level) -> Level:
    return level if level >= LOWEST else Level.NORMAL


def _raised(state: State, level: Level, now: Seen, at: datetime) -> tuple[State, Event]:
    """A silence ends with it; whoever has claimed it keeps it."""
    what = What.ROSE if state.level > Level.NORMAL else What.RAISED
    after = State(level=level, told_at=at, told_risk=now.risk, claimed=state.claimed)
    return after, Event(what, state.level, level)


def _left(since: datetime | None, at: datetime, rules: Rules) -> bool:
    return since is not None and at - since >= rules.settle


def _lowered(state: State, level: Level, now: Seen, at: datetime) -> tuple[State, Event]:
    if level is Level.NORMAL:
        return CALM, Event(What.RESOLVED, state.level, level)
    below = {each: since for each, since in state.below.items() if each <= level}
    after = replace(state, level=level, below=below, told_at=at, told_risk=now.risk)
    return after, Event(What.FELL, state.level, level)


def _again(
    state: State, now: Seen, at: datetime, unheard: timedelta, rules: Rules
) -> tuple[State, Event | None]:
    what = next(_reasons(state, now, at, unheard, rules), None)
    if what is None:
        return state, None
    risk = now.risk if what is What.WORSE else state.told_risk
    after = replace(state, told_at=at, told_risk=risk)
    return after, Event(what, state.level, state.level)


def _reasons(
    state: State, now: Seen, at: datetime, unheard: timedelta, rules: Rules
) -> Iterator[What]:
    """Why to tell again what is known; 警示 is told once."""
    silent = state.silenced_until is not None and at < state.silenced_until
    if state.level < DESK or silent:
        return
    risk, told = now.risk, state.told_risk
    if risk is not None and told is not None and risk >= told + rules.step:
        yield What.WORSE
    if not state.claimed and unheard >= rules.remind:
        yield What.REMINDED
