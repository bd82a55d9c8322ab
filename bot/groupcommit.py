"""Many callers at once share one durable commit: whoever comes while it runs rides on the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """``commit`` writes a batch durably and gives one result for each item, in order."""

    def __init__(
        self, commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]], batch: int = 200
    ) -> None:
        self._commit = commit
        self._batch = batch
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._busy = asyncio.Lock()

    async def submit(self, item: T) -> R:
        """Returns when ``item`` is durable. Raises what the commit raised: then it is not."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        try:
            async with self._busy:
                while not done.done():  # the lock is fair: others may have committed us already
                    await self._flush()
            return await done
        finally:
            done.cancel()  # who gave up is not told; what was told stays

    async def _flush(self) -> None:
        """Ends with its commit, also when the caller gives up meanwhile: others ride on it."""
        riders, self._waiting = self._waiting[: self._batch], self._waiting[self._batch :]
        ride = asyncio.ensure_future(self._carry(riders))
        try:
            await asyncio.shield(ride)
        except asyncio.CancelledError:
            await asyncio.wait({ride})
            raise

    async def _carry(self, riders: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._commit([item for item, _ in riders])
            told = list(zip(riders, results, strict=True))
        except asyncio.CancelledError:
            self._waiting[:0] = riders  # whoever is next in line commits them
            raise
        except Exception as error:  # noqa: BLE001  each rider gets it and decides
            for _, done in riders:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done), result in told:
            if not done.done():
                done.set_result(result)
