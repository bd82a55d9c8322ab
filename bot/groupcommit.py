"""Many callers at once share one durable commit: whoever comes while it runs rides on the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Rider(NamedTuple, Generic[T, R]):
    """Items that are committed together, and the one who waits for them."""

    items: Sequence[T]
    done: "asyncio.Future[Sequence[R]]"


class GroupCommit(Generic[T, R]):
    """``commit`` writes a batch durably and gives one result for each item, in order. A batch has
    at most ``batch`` items, or one rider's."""

    def __init__(
        self, commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]], batch: int = 200
    ) -> None:
        self._commit = commit
        self._batch = batch
        self._waiting: list[Rider[T, R]] = []
        self._ride: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """Returns when ``item`` is durable. Raises what the commit raised: then it is not."""
        [result] = await self.submit_all([item])
        return result

    async def submit_all(self, items: Sequence[T]) -> Sequence[R]:
        """The same for items that share one batch, whoever else is on it."""
        loop = asyncio.get_running_loop()
        rider: Rider[T, R] = Rider(items, loop.create_future())
        self._waiting.append(rider)
        if self._ride is None:
            # Its own task: who gives up leaves it running, because others ride on it.
            self._ride = loop.create_task(self._carry_all())
        try:
            return await rider.done
        finally:
            rider.done.cancel()  # who gave up is not told; what was told stays

    async def settle(self) -> None:
        """Returns when nothing is being committed any more."""
        while self._ride is not None:
            await asyncio.wait({self._ride})

    async def _carry_all(self) -> None:
        try:
            while self._waiting:
                count = self._seats()
                riders, self._waiting = self._waiting[:count], self._waiting[count:]
                await self._carry(riders)
        finally:
            self._ride = None

    def _seats(self) -> int:
        """How many of those who wait go on the next batch."""
        total = len(self._waiting[0].items)
        for count, rider in enumerate(islice(self._waiting, 1, None), 1):
            total += len(rider.items)
            if total > self._batch:
                return count
        return len(self._waiting)

    async def _carry(self, riders: Sequence[Rider[T, R]]) -> None:
        try:
            results = await self._commit([item for rider in riders for item in rider.items])
            told = _shared_out(riders, results)
        except asyncio.CancelledError:
            for rider in (*riders, *self._waiting):
                rider.done.cancel()
            self._waiting.clear()
            raise
        except Exception as error:  # noqa: BLE001  each rider gets it and decides
            for rider in riders:
                if not rider.done.done():
                    rider.done.set_exception(error)
            return
        for rider, result in zip(riders, told, strict=True):
            if not rider.done.done():
                rider.done.set_result(result)


def _shared_out(riders: Sequence[Rider[T, R]], results: Sequence[R]) -> list[Sequence[R]]:
    """Each rider's part. Raises ValueError when the commit answered for too few or too many."""
    if len(results) != sum(len(rider.items) for rider in riders):
        raise ValueError("a commit gave another number of results than it had arguments")
    left = iter(results)
    return [list(islice(left, len(rider.items))) for rider in riders]
