"""Work in order: whoever comes alone goes at once, a crowd goes together, and nobody stays shut."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bot.platforms.dingtalk.lane import CROWD, FULL, Ferry

ROOM = 4 * FULL


class Shore:
    """Where the ferry's work is written down; ``queue`` boards when it is woken."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self.queue: list[int] = []
        self.gate: asyncio.Event | None = None
        self.ferry: Ferry[int] = Ferry(self.carry, waiting=ROOM, rest=self.rest, wake=self.wake)

    async def carry(self, items: list[int]) -> None:
        self.log.append(items)
        if self.gate is not None:
            await self.gate.wait()

    def rest(self) -> None:
        self.log.append("rest")

    def wake(self) -> None:
        self.log.append("wake")
        asyncio.get_running_loop().call_soon(self._come)

    def _come(self) -> None:
        """As many a turn of the loop as a read of a socket brings."""
        come, self.queue = self.queue[:FULL], self.queue[FULL:]
        for item in come:
            self.ferry.put(item)
        if self.queue:
            asyncio.get_running_loop().call_soon(self._come)


def carried(shore: Shore) -> list[list[object]]:
    return [one for one in shore.log if isinstance(one, list)]


@asynccontextmanager
async def sailing(shore: Shore) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(shore.ferry.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_who_comes_alone_goes_at_once_and_nobody_rests() -> None:
    shore = Shore()
    async with sailing(shore):
        for number in range(3):
            shore.ferry.put(number)
            await until(lambda: [number] in shore.log)  # noqa: B023 - awaited within the round
    assert shore.log == [[0], [1], [2]]


async def test_a_crowd_rests_and_what_comes_then_goes_together() -> None:
    shore = Shore()
    crowd = list(range(CROWD))
    shore.queue = [100, 101, 102, 103, 104]
    async with sailing(shore):
        for number in crowd:
            shore.ferry.put(number)
        await until(lambda: len(shore.log) == 4)
    assert shore.log == ["rest", crowd, "wake", [100, 101, 102, 103, 104]]


async def test_after_a_crowd_nobody_rests_when_nobody_comes() -> None:
    shore = Shore()
    async with sailing(shore):
        for number in range(CROWD):
            shore.ferry.put(number)
        await until(lambda: "wake" in shore.log)
        shore.ferry.put(99)
        await until(lambda: shore.log[-1] == [99])
    assert shore.log.count("rest") == shore.log.count("wake") == 1


async def test_it_wakes_them_when_it_is_cancelled_under_way() -> None:
    shore = Shore()
    shore.gate = asyncio.Event()
    async with sailing(shore) as task:
        for number in range(CROWD):
            shore.ferry.put(number)
        await until(lambda: len(shore.log) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert shore.log[-1] == "wake"


async def test_what_several_reads_bring_goes_together() -> None:
    shore = Shore()
    shore.queue = list(range(100, 100 + 2 * FULL + 1))
    many = shore.queue
    async with sailing(shore):
        for number in range(CROWD):
            shore.ferry.put(number)
        await until(lambda: len(shore.log) >= 5)
    assert shore.log[4] == many


async def test_when_all_room_is_taken_it_waits_no_longer() -> None:
    shore = Shore()
    count = 8 * FULL
    shore.queue = list(range(100, 100 + count))
    async with sailing(shore):
        for number in range(CROWD):
            shore.ferry.put(number)
        await until(lambda: not shore.queue)
        await until(lambda: sum(map(len, carried(shore))) == CROWD + count)
    assert ROOM <= len(carried(shore)[1]) < count
