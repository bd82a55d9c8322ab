"""The picture of an account's equity over its last days, and the sentence that says the same."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from bot.cards import board
from bot.cards.drawdown import drawdown
from bot.cards.text import percent
from risk.sources.base import DayOfFunds

LIMIT = 20.0  # seconds for one picture; the first one starts the painter's process

T = TypeVar("T")


def finding(points: Sequence[DayOfFunds]) -> str:
    """What the picture shows, in one line: its title and its caption."""
    if len(points) < 2:
        return "权益 · 不足两个交易日，暂无曲线"
    worst = drawdown(points)
    if worst is None:
        return f"权益 {len(points)} 日 · 没有回撤"
    return f"权益 {len(points)} 日 · 最大回撤 {percent(worst.degree, 1)}"


class Painter:
    """Draws in one process of its own, started with the first picture and again when it died."""

    def __init__(self, limit_seconds: float = LIMIT) -> None:
        self._limit = limit_seconds
        self._turn = asyncio.Lock()
        self._pool: Executor | None = None
        self._worker = 0  # its process id

    async def equity_curve(
        self, points: Sequence[DayOfFunds], *, note: str = "", rise_is_red: bool = True
    ) -> bytes:
        """A PNG of 1440 pixels across. ``note`` stands small beside the title.

        Raises ValueError for fewer than two points, TimeoutError when it takes too long.
        """
        if len(points) < 2:
            raise ValueError("a curve needs two points")
        return await self._run(_draw, tuple(points), finding(points), note, rise_is_red)

    async def risk_rank(self, rows: Sequence[board.Row]) -> bytes:
        """A PNG of 1440 pixels across. Raises TimeoutError when it takes too long."""
        return await self._run(_draw_rank, tuple(rows), board.finding(rows))

    async def warm_up(self) -> None:
        """Start the process now, so that the first picture is quick."""
        await self._run(_load)

    async def close(self) -> None:
        async with self._turn:
            pool, self._pool = self._pool, None
            if pool:
                await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    async def _run(self, work: Callable[..., T], *arguments: object) -> T:
        async with self._turn:
            try:
                return await self._once(work, *arguments)
            except BrokenProcessPool:  # the worker was killed, perhaps while idle: a new one
                self._pool = None
                return await self._once(work, *arguments)

    async def _once(self, work: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limit):
                if self._pool is None:
                    self._pool = ProcessPoolExecutor(1, get_context("spawn"), _leave_ctrl_c_alone)
                    self._worker = await loop.run_in_executor(self._pool, os.getpid)
                return await loop.run_in_executor(self._pool, work, *arguments)
        except TimeoutError:
            self._drop()
            raise

    def _drop(self) -> None:
        """Away with a worker that hangs; its pool then ends by itself."""
        if self._worker:
            os.kill(self._worker, signal.SIGKILL)
        self._pool, self._worker = None, 0


def _leave_ctrl_c_alone() -> None:
    """The parent ends the worker in its own time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _draw(points: Sequence[DayOfFunds], title: str, note: str, rise_is_red: bool) -> bytes:
    from bot.cards.drawing import equity_curve  # noqa: PLC0415 - matplotlib stays in the worker

    return equity_curve(points, drawdown(points), title, note, rise_is_red=rise_is_red)


def _draw_rank(rows: Sequence[board.Row], title: str) -> bytes:
    from bot.cards.ranking import risk_rank  # noqa: PLC0415 - as above

    return risk_rank(rows, title)


def _load() -> None:
    from bot.cards import drawing  # noqa: F401, PLC0415 - as above
