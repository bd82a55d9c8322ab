"""Token buckets that survive a restart: per platform, app, member, group and robot.

Those who wait for the same bucket are served by priority, then in order of coming.
"""

import asyncio
import math
from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.models import Bucket
from crm.kernel import upsert
from crm.kernel.clock import Clock
from crm.kernel.db import table

SHORTEST_WAIT = 0.001  # seconds


@dataclass(frozen=True, slots=True)
class Limit:
    """``amount`` tokens, filled again evenly over ``seconds``."""

    amount: float
    seconds: float

    @property
    def rate(self) -> float:
        return self.amount / self.seconds


@dataclass(slots=True)
class _Level:
    limit: Limit
    tokens: float
    at: float  # by the steady clock: a time of day that is set lets no burst through
    dirty: bool = False

    def fill(self, now: float) -> None:
        passed = now - self.at
        most = max(self.limit.amount, 1.0)  # else there would never be a whole token
        self.tokens = min(most, self.tokens + passed * self.limit.rate)
        self.at = now

    def wait(self) -> float:
        """Seconds until there is a whole token."""
        return max(0.0, (1 - self.tokens) / self.limit.rate)


@dataclass(order=True, slots=True)
class _Turn:
    priority: int
    number: int
    names: tuple[str, ...] = field(compare=False)
    go: asyncio.Future[None] = field(compare=False)


class Limits:
    """``rules`` gives the limit of a bucket by the part of its name before the last colon, else by
    its whole name; a name without a rule is not limited."""

    def __init__(self, clock: Clock, rules: Mapping[str, Limit]) -> None:
        self._clock = clock
        self._rules = rules
        self._levels: dict[str, _Level] = {}
        self._waiting: list[_Turn] = []  # in the order of serving
        self._numbers = count()
        self._alarm: asyncio.TimerHandle | None = None

    async def acquire(self, names: Iterable[str], priority: int) -> None:
        """Returns when each of the buckets had a token, which is then taken."""
        limited = tuple(dict.fromkeys(name for name in names if self._rule(name) is not None))
        if not limited:
            return
        go = asyncio.get_running_loop().create_future()
        turn = _Turn(priority, next(self._numbers), limited, go)
        insort(self._waiting, turn)
        self._serve()
        try:
            await go
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def _serve(self) -> None:
        """Let go whoever can, in order, and look again when the next token comes."""
        short: set[str] = set()
        soonest = math.inf
        for turn in self._waiting[:]:
            if turn.go.done() or not short.isdisjoint(turn.names):
                continue  # gone, or behind somebody who waits for the same bucket
            lacking = self._lacking(turn.names)
            if lacking:
                short |= lacking.keys()
                soonest = min(soonest, *lacking.values())
                continue
            self._take(turn.names)
            self._waiting.remove(turn)
            turn.go.set_result(None)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._waiting:
            later = asyncio.get_running_loop().call_later
            self._alarm = later(max(soonest, SHORTEST_WAIT), self._serve)

    def _lacking(self, names: Iterable[str]) -> dict[str, float]:
        """The buckets without a token, with the seconds until they have one."""
        now = self._clock.steady()
        levels = {name: self._level(name) for name in names}
        for level in levels.values():
            level.fill(now)
        return {name: level.wait() for name, level in levels.items() if level.tokens < 1}

    def _take(self, names: Iterable[str]) -> None:
        for name in names:
            level = self._level(name)
            level.tokens -= 1
            level.dirty = True

    def _rule(self, name: str) -> Limit | None:
        return self._rules.get(name) or self._rules.get(name.rpartition(":")[0])

    def _level(self, name: str) -> _Level:
        level = self._levels.get(name)
        if level is None:
            limit = self._rule(name)
            if limit is None:
                raise KeyError(name)
            level = self._levels[name] = _Level(limit, limit.amount, self._clock.steady())
        return level

    async def load(self, session: AsyncSession) -> None:
        now, steady = self._clock.now(), self._clock.steady()
        for row in await session.scalars(select(Bucket)):
            limit = self._rule(row.name)
            if limit is not None:
                ago = max((now - row.at).total_seconds(), 0.0)
                tokens = min(row.tokens, limit.amount)
                self._levels[row.name] = _Level(limit, tokens, steady - ago)

    async def save(self, session: AsyncSession) -> None:
        """Write what changed; full buckets need no row."""
        dirty = {name: level for name, level in self._levels.items() if level.dirty}
        if not dirty:
            return
        now, steady = self._clock.now(), self._clock.steady()
        rows = [
            {"name": name, "tokens": level.tokens, "at": now - timedelta(seconds=steady - level.at)}
            for name, level in sorted(dirty.items())  # nobody waits in a circle
        ]
        for level in dirty.values():
            level.dirty = False  # before the waits: tokens are taken meanwhile
        await upsert.put(session, table(Bucket), rows)
