"""Token buckets that survive a restart: per platform, app, member, group and robot.

Those who wait for the same bucket are served by priority, then in order of coming.
"""

import asyncio
import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.models import Bucket
from crm.kernel.clock import Clock


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
    at: datetime
    dirty: bool = False

    def fill(self, now: datetime) -> None:
        passed = max((now - self.at).total_seconds(), 0.0)
        self.tokens = min(self.limit.amount, self.tokens + passed * self.limit.rate)
        self.at = now

    def wait(self) -> float:
        """Seconds until there is a whole token."""
        return max(0.0, (1 - self.tokens) / self.limit.rate)


@dataclass(order=True, slots=True)
class _Turn:
    priority: int
    number: int
    go: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


class Limits:
    """``rules`` gives the limit of a bucket by the part of its name before the last colon, else by
    its whole name; a name without a rule is not limited."""

    def __init__(self, clock: Clock, rules: Mapping[str, Limit]) -> None:
        self._clock = clock
        self._rules = rules
        self._levels: dict[str, _Level] = {}
        self._queues: dict[tuple[str, ...], list[_Turn]] = {}
        self._numbers = count()

    async def acquire(self, names: Iterable[str], priority: int) -> None:
        """Returns when each of the buckets had a token, which is then taken."""
        limited = tuple(name for name in names if self._rule(name) is not None)
        if not limited:
            return
        queue = self._queues.setdefault(limited, [])
        turn = _Turn(priority, next(self._numbers))
        heapq.heappush(queue, turn)
        try:
            while not (queue[0] is turn and self._take(limited)):
                await self._wait(queue, turn, limited)
        finally:
            queue.remove(turn)
            heapq.heapify(queue)
            if queue:
                queue[0].go.set()
            else:
                self._queues.pop(limited, None)

    async def _wait(self, queue: list[_Turn], turn: _Turn, names: tuple[str, ...]) -> None:
        turn.go.clear()
        longest = max((self._level(name).wait() for name in names), default=0.0)
        first = queue[0] is turn
        try:
            async with asyncio.timeout(max(longest, 0.001) if first else None):
                await turn.go.wait()
        except TimeoutError:
            return

    def _take(self, names: tuple[str, ...]) -> bool:
        now = self._clock.now()
        levels = [self._level(name) for name in names]
        for level in levels:
            level.fill(now)
        if any(level.tokens < 1 for level in levels):
            return False
        for level in levels:
            level.tokens -= 1
            level.dirty = True
        return True

    def drain(self, name: str) -> None:
        """The platform said it was too much: nothing is left in this bucket."""
        if self._rule(name) is not None:
            level = self._level(name)
            level.fill(self._clock.now())
            level.tokens = min(level.tokens, 0.0)
            level.dirty = True

    def _rule(self, name: str) -> Limit | None:
        return self._rules.get(name) or self._rules.get(name.rpartition(":")[0])

    def _level(self, name: str) -> _Level:
        level = self._levels.get(name)
        if level is None:
            limit = self._rule(name)
            if limit is None:
                raise KeyError(name)
            level = self._levels[name] = _Level(limit, limit.amount, self._clock.now())
        return level

    async def load(self, session: AsyncSession) -> None:
        for row in await session.scalars(select(Bucket)):
            limit = self._rule(row.name)
            if limit is not None:
                self._levels[row.name] = _Level(limit, min(row.tokens, limit.amount), row.at)

    async def save(self, session: AsyncSession) -> None:
        """Write what changed; full buckets need no row."""
        dirty = {name: level for name, level in self._levels.items() if level.dirty}
        if not dirty:
            return
        await session.execute(delete(Bucket).where(Bucket.name.in_(dirty)))
        rows = [{"name": n, "tokens": v.tokens, "at": v.at} for n, v in dirty.items()]
        await session.execute(insert(Bucket), rows)
        for level in dirty.values():
            level.dirty = False
