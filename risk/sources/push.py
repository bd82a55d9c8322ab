"""Trading data that others push to us over HTTP: their words in the order in which they came.

Nothing is kept over a restart: until the feed has spoken again its accounts have no figures, and
nothing may be called calm.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import orjson

from crm.kernel.clock import SHANGHAI, Clock
from risk.sources import wire
from risk.sources.base import Snapshot, SourceHealth, Ticks
from risk.sources.wire import NotReadable, Rejected

BIG = 1 << 18  # bytes; a larger body is read in a thread
WAITING = 8  # words under way at once, memory being finite
TAKEN_SECONDS = 30.0

T = TypeVar("T")


class Busy(Exception):
    """Too many words are under way; the feed may come again in a moment."""


class NotJson(ValueError):
    """The body is no JSON that we read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was taken by kind of row, and what was not."""

    accepted: dict[str, int]
    rejected: tuple[Rejected, ...]


class PushSource:
    """``is_stale`` is the book's own judgement of this source's silence."""

    def __init__(self, name: str, clock: Clock, is_stale: Callable[[datetime], bool]) -> None:
        self._name = name
        self._clock = clock
        self._is_stale = is_stale
        self._heard: datetime | None = None
        self._latest: datetime | None = None  # by the feed's own clock
        self._waiting = 0
        self._turn = asyncio.Lock()  # a tick that came after a snapshot is taken after it
        self._words: asyncio.Queue[tuple[Snapshot | Ticks, asyncio.Event]] = asyncio.Queue(1)

    @property
    def name(self) -> str:
        return self._name

    async def updates(self) -> AsyncGenerator[Snapshot | Ticks, None]:
        while True:
            word, taken = await self._words.get()
            yield word
            taken.set()

    def health(self) -> SourceHealth:
        if self._heard is None or self._latest is None:
            return SourceHealth(ok=False, detail="等待推送，启动后还没有收到数据")
        now = self._clock.now()
        age = (now - self._heard).total_seconds()
        if self._is_stale(now):
            told = f"{self._latest.astimezone(SHANGHAI):%m-%d %H:%M:%S}"
            detail = f"最近一次推送在 {age:.0f} 秒前，是 {told} 的数据"
            return SourceHealth(ok=False, detail=detail, age_seconds=age)
        return SourceHealth(ok=True, detail="正常", age_seconds=age)

    async def take_snapshot(self, body: bytes) -> Taken:
        """In the book when this returns. Raises Busy, NotJson or NotReadable."""

        return await self._take(body, wire.snapshot)

    async def take_ticks(self, body: bytes) -> Taken:
        """In the book when this returns. Raises Busy, NotJson or NotReadable."""

        def read(told: Any) -> tuple[Ticks, tuple[Rejected, ...]]:
            # Without a moment of its own a price is the newest, whatever the feed's clock says.
            now = self._clock.now()
            newest = max(self._latest, now) if self._latest else now
            ticks, rejected = wire.ticks(told, newest)
            return Ticks(at=max((tick.at for tick in ticks), default=newest), ticks=ticks), rejected

        return await self._take(body, read)

    async def _take(
        self,
        body: bytes,
        read: Callable[[Any], tuple[Snapshot | Ticks, tuple[Rejected, ...]]],
    ) -> Taken:
        if self._waiting >= WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with asyncio.timeout(TAKEN_SECONDS), self._turn:
                word, rejected = await _read(body, read)
                now = self._clock.now()
                word = replace(word, heard=now)
                self._latest = _latest(self._latest, word)
                taken = asyncio.Event()
                await self._words.put((word, taken))
                await taken.wait()
                self._heard = now
        except TimeoutError:
            raise Busy from None
        finally:
            self._waiting -= 1
        return Taken(accepted=_counted(word), rejected=rejected)


async def _read(body: bytes, read: Callable[[Any], T]) -> T:
    def whole() -> T:
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise NotJson from None
        if not isinstance(told, dict):
            raise NotReadable("请求体应为 JSON 对象")
        return read(told)

    return await asyncio.to_thread(whole) if len(body) > BIG else whole()


def _latest(before: datetime | None, word: Snapshot | Ticks) -> datetime:
    begins_anew = before is None or (isinstance(word, Snapshot) and word.complete)
    return word.at if begins_anew or before is None else max(before, word.at)


def _counted(word: Snapshot | Ticks) -> dict[str, int]:
    if isinstance(word, Ticks):
        return {"ticks": len(word.ticks)}
    return {
        "instruments": len(word.instruments),
        "accounts": len(word.accounts),
        "positions": len(word.positions),
    }
