"""Work taken in order, bounded, and without a task per item: by a fixed number of hands, or by one
that takes everything that has come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

CROWD: Final = 8  # items of one trip
MOMENT: Final = 0.003  # seconds
TURNS: Final = 3  # of the loop: from the bytes on a socket to the item here
FULL: Final = 128  # items of one turn: there may be more behind them

T = TypeVar("T")


class Lane(Generic[T]):
    """``work`` is begun in the order of arrival and runs ``hands`` at a time."""

    def __init__(self, work: Callable[[T], Awaitable[None]], *, hands: int, waiting: int) -> None:
        self._work = work
        self._hands = hands
        self._queue: asyncio.Queue[T] = asyncio.Queue(waiting)

    async def put(self, item: T) -> None:
        """Waits while the lane is full: whoever reads then stops reading."""
        await self._queue.put(item)

    def offer(self, item: T) -> bool:
        """False when the lane is full."""
        try:
            self._queue.put_nowait(item)
        except asyncio.QueueFull:
            return False
        return True

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._hands):
                group.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            await self._work(await self._queue.get())


class Ferry(Generic[T]):
    """``work`` takes over together, and in order, whatever came while it was away.

    Waking up for each of many takes longer than the work on it. So a crowd is let gather: those
    who bring it ``rest`` while it is carried and for a moment more, and ``wake`` to bring all
    that has come at once. Whoever comes alone goes at once.
    """

    def __init__(
        self,
        work: Callable[[list[T]], Awaitable[None]],
        *,
        waiting: int,
        rest: Callable[[], None],
        wake: Callable[[], None],
    ) -> None:
        self._work = work
        self._most = waiting
        self._rest = rest
        self._wake = wake
        self._items: list[T] = []
        self._some = asyncio.Event()
        self._room = asyncio.Event()

    def put(self, item: T) -> bool:
        """False when it was the last that found room: wait for more ``room``."""
        self._items.append(item)
        self._some.set()
        return len(self._items) < self._most

    async def room(self) -> None:
        """Whoever reads stops reading meanwhile."""
        while len(self._items) >= self._most:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        while True:
            await self._some.wait()
            await self._quiet()
            items, self._items = self._items, []
            self._some.clear()
            self._room.set()
            if len(items) < CROWD:
                await self._work(items)
            else:
                await self._carry_crowd(items)

    async def _carry_crowd(self, items: list[T]) -> None:
        self._rest()
        try:
            await self._work(items)
            await asyncio.sleep(MOMENT)
        finally:
            self._wake()

    async def _quiet(self) -> None:
        """Until many do not come any more or all room is taken."""
        before = 0
        while before + FULL <= len(self._items) < self._most:
            before = len(self._items)
            for _ in range(TURNS):
                await asyncio.sleep(0)
