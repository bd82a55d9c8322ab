"""Work taken in order, bounded, and without a task per item: by a fixed number of hands, or by one
that takes everything that has come."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

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
    """``work`` takes over together, and in order, whatever came while it was away."""

    def __init__(self, work: Callable[[list[T]], Awaitable[None]], *, waiting: int) -> None:
        self._work = work
        self._most = waiting
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
            items, self._items = self._items, []
            self._some.clear()
            self._room.set()
            await self._work(items)
