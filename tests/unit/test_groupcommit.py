"""Many callers, few commits, and each learns what became of its own item."""

import asyncio
from collections.abc import Awaitable, Sequence

import pytest

from bot.store.groupcommit import GroupCommit


class Disk:
    """Writes batches down, one at a time, each when the test lets it."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.good = 1000  # commits that succeed before the disk is full
        self._busy = False

    async def commit(self, items: Sequence[int]) -> list[int]:
        assert not self._busy, "two commits at once"
        self._busy = True
        self.begun.set()
        try:
            await self.may_end.wait()
        finally:
            self._busy = False
        if len(self.batches) >= self.good:
            raise OSError("disk full")
        self.batches.append(list(items))
        return [item * 10 for item in items]


@pytest.fixture(params=[False, True], ids=["by a task", "at once"])
def at_once(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def outcome(submitted: Awaitable[int]) -> int | str:
    try:
        return await submitted
    except OSError as error:
        return str(error)


async def test_whoever_comes_while_a_commit_runs_rides_on_the_next(at_once: bool) -> None:
    disk = Disk()
    group: GroupCommit[int, int] = GroupCommit(disk.commit, at_once=at_once)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(group.submit(0))
        await disk.begun.wait()
        others = [tasks.create_task(group.submit(n)) for n in range(1, 100)]
        await asyncio.sleep(0)
        disk.may_end.set()
    assert disk.batches == [[0], list(range(1, 100))]
    assert [await task for task in (first, *others)] == [n * 10 for n in range(100)]


async def test_no_batch_is_longer_than_allowed_and_the_order_is_kept(at_once: bool) -> None:
    disk = Disk()
    group: GroupCommit[int, int] = GroupCommit(disk.commit, batch=7, at_once=at_once)
    async with asyncio.TaskGroup() as tasks:
        for n in range(50):
            tasks.create_task(group.submit(n))
        await disk.begun.wait()
        await asyncio.sleep(0)
        disk.may_end.set()
    assert max(map(len, disk.batches)) == 7
    assert [item for batch in disk.batches for item in batch] == list(range(50))


async def test_a_failed_commit_is_told_to_those_who_rode_on_it_and_to_nobody_else(
    at_once: bool,
) -> None:
    disk = Disk()
    disk.good = 0
    group: GroupCommit[int, int] = GroupCommit(disk.commit, at_once=at_once)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(outcome(group.submit(0)))
        await disk.begun.wait()
        disk.may_end.set()
        assert await first == "disk full"
        disk.good = 1
        second = tasks.create_task(outcome(group.submit(1)))
    assert await second == 10
    assert disk.batches == [[1]]


async def test_each_rider_of_a_failed_commit_gets_the_error(at_once: bool) -> None:
    disk = Disk()
    group: GroupCommit[int, int] = GroupCommit(disk.commit, at_once=at_once)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(group.submit(0))
        await disk.begun.wait()
        riders = [tasks.create_task(outcome(group.submit(n))) for n in (1, 2, 3)]
        await asyncio.sleep(0)
        disk.good = 1
        disk.may_end.set()
        await first
    assert [await rider for rider in riders] == ["disk full"] * 3


async def test_one_who_gives_up_while_his_commit_runs_does_not_disturb_the_others() -> None:
    disk = Disk()
    group: GroupCommit[int, int] = GroupCommit(disk.commit)
    async with asyncio.TaskGroup() as tasks:
        hasty = tasks.create_task(group.submit(0))
        await disk.begun.wait()
        patient = tasks.create_task(group.submit(1))
        await asyncio.sleep(0)
        hasty.cancel()
        await asyncio.sleep(0)
        disk.may_end.set()
        assert await patient == 10
    assert hasty.cancelled()
    assert disk.batches == [[0], [1]]


async def test_one_who_gives_up_while_waiting_harms_nobody(at_once: bool) -> None:
    disk = Disk()
    group: GroupCommit[int, int] = GroupCommit(disk.commit, at_once=at_once)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(group.submit(0))
        await disk.begun.wait()
        hasty, patient = (tasks.create_task(group.submit(n)) for n in (1, 2))
        await asyncio.sleep(0)
        hasty.cancel()
        disk.may_end.set()
        assert (await first, await patient) == (0, 20)
    assert hasty.cancelled()


async def test_a_commit_that_answers_for_too_few_is_an_error_not_a_hang(at_once: bool) -> None:
    async def forgetful(items: Sequence[int]) -> list[int]:
        return list(items)[1:]

    group: GroupCommit[int, int] = GroupCommit(forgetful, at_once=at_once)
    with pytest.raises(ValueError, match="argument"):
        await group.submit(1)


async def test_items_that_came_together_are_committed_together_and_told_together() -> None:
    disk = Disk()
    group: GroupCommit[int, int] = GroupCommit(disk.commit, batch=4)
    disk.may_end.set()
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(group.submit_all(some)) for some in ([1, 2, 3], [4, 5], [6])]
        long = tasks.create_task(group.submit_all(range(10, 20)))
    assert [await each for each in asked] == [[10, 20, 30], [40, 50], [60]]
    assert await long == [n * 10 for n in range(10, 20)]
    assert disk.batches == [[1, 2, 3], [4, 5, 6], list(range(10, 20))]


async def test_it_settles_when_the_last_commit_has_ended() -> None:
    disk = Disk()
    group: GroupCommit[int, int] = GroupCommit(disk.commit)
    async with asyncio.TaskGroup() as tasks:
        hasty = tasks.create_task(group.submit(0))
        await disk.begun.wait()
        hasty.cancel()
        settled = tasks.create_task(group.settle())
        await asyncio.sleep(0)
        assert not settled.done()
        disk.may_end.set()
    assert disk.batches == [[0]]


async def test_who_comes_alone_and_gives_up_harms_nobody_who_came_after_him() -> None:
    disk = Disk()
    group: GroupCommit[int, int] = GroupCommit(disk.commit, at_once=True)
    async with asyncio.TaskGroup() as tasks:
        hasty = tasks.create_task(group.submit(0))
        await disk.begun.wait()
        patient = tasks.create_task(group.submit(1))
        await asyncio.sleep(0)
        hasty.cancel()
        settled = tasks.create_task(group.settle())
        await asyncio.sleep(0)
        assert not settled.done()
        disk.may_end.set()
        assert await patient == 10
    assert hasty.cancelled()
    assert disk.batches == [[1]]
