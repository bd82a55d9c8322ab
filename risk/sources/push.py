"""Trading data that others push to us over HTTP: their words in the order in which they came.

Nothing is kept over a restart: until the feed has spoken again its accounts have no figures, and
nothing may be called calm.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import orjson

from crm.kernel.clock import SHANGHAI, Clock
from risk.sources import wire
from risk.sources.base import Snapshot, SourceHealth, Tick, Ticks
from risk.sources.pieces import NotJson, in_pieces
from risk.sources.wire import Rejected

BIG = 1 << 18  # bytes; a larger body is read in a thread
HUGE = 1 << 21  # bytes; a larger one would hold the interpreter for too long
NEVER = 1 << 30  # collections of garbage
WAITING = 8  # words under way at once, memory being finite
TAKEN_SECONDS = 30.0

T = TypeVar("T")


class Busy(Exception):
    """Too many words are under way; the feed may come again in a moment."""


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
        age = max((now - self._heard).total_seconds(), 0.0)  # our clock may have been set back
        if self._is_stale(now):
            told = f"{self._latest.astimezone(SHANGHAI):%m-%d %H:%M:%S}"
            detail = f"最近一次推送在 {age:.0f} 秒前，是 {told} 的数据"
            return SourceHealth(ok=False, detail=detail, age_seconds=age)
        return SourceHealth(ok=True, detail="正常", age_seconds=age)

    async def take_snapshot(self, body: bytes | bytearray) -> Taken:
        """In the book when this returns. Raises Busy, NotJson or NotReadable."""

        def read(told: Any) -> tuple[Snapshot, Taken]:
            snapshot, rejected = wire.snapshot(told)
            return snapshot, Taken(accepted=_counted(snapshot), rejected=rejected)

        return await self._take(body, wire.SNAPSHOT, read)

    async def take_ticks(self, body: bytes | bytearray) -> Taken:
        """In the book when this returns. Raises Busy, NotJson or NotReadable."""

        def read(told: Any) -> tuple[Ticks, Taken]:
            # Without a moment of its own a price is the newest, whatever the feed's clock says.
            now = self._clock.now()
            newest = max(self._latest, now) if self._latest else now
            ticks, rejected = wire.ticks(told, newest)
            at = max((tick.at for tick in ticks), default=newest)
            taken = Taken(accepted={"ticks": len(ticks)}, rejected=rejected)
            return Ticks(at=at, ticks=_that_matter(ticks)), taken

        return await self._take(body, wire.TICKS, read)

    async def _take(
        self,
        body: bytes | bytearray,
        keys: Sequence[str],
        read: Callable[[Any], tuple[Snapshot | Ticks, Taken]],
    ) -> Taken:
        if self._waiting >= WAITING:
            raise Busy
        self._waiting += 1
        calm = _uncollected() if len(body) > HUGE else nullcontext()
        try:
            async with asyncio.timeout(TAKEN_SECONDS), self._turn:
                with calm:
                    word, taken = await _read(body, keys, read)
                    now = self._clock.now()
                    word = replace(word, heard=now)
                    self._latest = _latest(self._latest, word)
                    in_the_book = asyncio.Event()
                    await self._words.put((word, in_the_book))
                    await in_the_book.wait()
                    self._heard = now
        except (TimeoutError, OSError):  # no room for a process is for a moment too
            raise Busy from None
        finally:
            self._waiting -= 1
        return taken


async def _read(
    body: bytes | bytearray, keys: Sequence[str], read: Callable[[Any], tuple[T, Taken]]
) -> tuple[T, Taken]:
    def whole() -> tuple[T, Taken]:
        try:
            told = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise NotJson from None
        return read(told)

    def piecemeal() -> tuple[T, Taken]:
        with in_pieces(body, keys) as told:
            return read(told)

    if len(body) > HUGE:
        return await asyncio.to_thread(piecemeal)
    return await asyncio.to_thread(whole) if len(body) > BIG else whole()


_usual: list[tuple[int, int, int]] = []  # thresholds, of each who made it calm


@contextmanager
def _uncollected() -> Iterator[None]:
    """Many rows come, and stay. They hold no cycles, and whoever searches them for garbage stops
    everybody: meanwhile only what is young is searched, and what has then grown old never again
    (a row is freed all the same when the next one takes its place)."""
    _usual.append(gc.get_threshold())
    gc.set_threshold(_usual[0][0], _usual[0][1], NEVER)
    try:
        yield
    finally:
        gc.collect(1)
        gc.freeze()
        usual = _usual[0]
        _usual.pop()
        if not _usual:
            gc.set_threshold(*usual)


def _that_matter(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """Of each instrument the first and the newest: where it began, and where it stands."""
    first: dict[str, Tick] = {}
    newest: dict[str, Tick] = {}
    for tick in ticks:
        before = newest.get(first.setdefault(tick.instrument, tick).instrument)
        if before is None or before.at <= tick.at:
            newest[tick.instrument] = tick
    return tuple(
        each
        for name, tick in first.items()
        for each in ((tick,) if newest[name] is tick else (tick, newest[name]))
    )


def _latest(before: datetime | None, word: Snapshot | Ticks) -> datetime:
    begins_anew = before is None or (isinstance(word, Snapshot) and word.complete)
    return word.at if begins_anew or before is None else max(before, word.at)


def _counted(word: Snapshot) -> dict[str, int]:
    return {
        "instruments": len(word.instruments),
        "accounts": len(word.accounts),
        "positions": len(word.positions),
    }
