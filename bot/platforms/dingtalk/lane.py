"""Work taken in order by a fixed number of hands: bounded, and without a task per item."""

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
