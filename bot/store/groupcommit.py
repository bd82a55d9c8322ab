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
    at most ``batch`` items, or one rider's.

    ``at_once``: whoever comes alone carries his items himself, which spares two turns of the loop;
    if he gives up meanwhile, so may his commit. Otherwise it goes on without him.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        batch: int = 200,
        *,
        at_once: bool = False,
    ) -> None:
        self._commit = commit
        self._batch = batch
        self._at_once = at_once
        self._waiting: list[Rider[T, R]] = []
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._crowded = False  # the last ride had several riders: there may be more on their heels
        self._ride: asyncio.Task[None] | None = None  # kept: a task that nobody knows may vanish

    async def submit(self, item: T) -> R:
        """Returns when ``item`` is durable. Raises what the commit raised: then it is not."""
        [result] = await self.submit_all([item])
        return result

    async def submit_all(self, items: Sequence[T]) -> Sequence[R]:
        """The same for items that share one batch, whoever else is on it."""
        if self._at_once and not self._crowded and self._at_rest.is_set():
            return await self._carry_alone(items)
        rider: Rider[T, R] = Rider(items, asyncio.get_running_loop().create_future())
        self._waiting.append(rider)
        if self._at_rest.is_set():
            self._set_off()
        try:
            return await rider.done
        finally:
            rider.done.cancel()  # who gave up is not told; what was told stays

    async def settle(self) -> None:
        """Returns when nothing is being committed any more."""
        while not self._at_rest.is_set():
            await self._at_rest.wait()

    async def _carry_alone(self, items: Sequence[T]) -> Sequence[R]:
        self._at_rest.clear()
        try:
            return _fitting(items, await self._commit(items))
        finally:
            if self._waiting:
                self._set_off()
            else:
                self._at_rest.set()

    def _set_off(self) -> None:
        """A task of its own: who gives up leaves it running, because others ride on it."""
        self._at_rest.clear()
        self._ride = asyncio.get_running_loop().create_task(self._carry_all())

    async def _carry_all(self) -> None:
        try:
            while self._waiting:
                count = self._seats()
                riders, self._waiting = self._waiting[:count], self._waiting[count:]
                self._crowded = count > 1
                await self._carry(riders)
        finally:
            self._ride = None
            self._at_rest.set()

    def _seats(self) -> int:
        """How many of those who wait go on the next batch."""
        total = len(self._waiting[0].items)
        for count, rider in enumerate(islice(self._waiting, 1, None), 1):
            total += len(rider.items)
            if total > self._batch:
                return count
        return len(self._waiting)

    async def _carry(self, riders: Sequence[Rider[T, R]]) -> None:
        items = [item for rider in riders for item in rider.items]
        try:
            left = iter(_fitting(items, await self._commit(items)))
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
        for rider in riders:
            result = list(islice(left, len(rider.items)))
            if not rider.done.done():
                rider.done.set_result(result)


def _fitting(items: Sequence[T], results: Sequence[R]) -> Sequence[R]:
    """Raises ValueError when the commit answered for too few or too many."""
    if len(results) != len(items):
        raise ValueError("a commit gave another number of results than it had arguments")
    return results
