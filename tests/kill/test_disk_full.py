"""Given a disk that takes no more: what cannot be kept is not acknowledged, and comes again."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kill.crowd import Crowd
from tests.kill.oracle import Oracle
from tests.kill.processes import Stage, until
from tests.kill.town import PLATFORMS, Seat, Town

DELIVERIES = 2  # seen to come again


@contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """No file of the process takes a byte; its sockets do."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_message_is_not_acknowledged_and_is_served_when_there_is_room(
    stage: Stage, town: Town, platform: str
) -> None:
    await stage.open_service()
    oracle, wang = Oracle(stage.config, town), Seat(platform, "wangqiang")
    with full_disk(stage.service.pid):
        said = await town.log(wang, town.accounts["wangqiang"][0])

        async def came_again() -> bool:
            return await town.deliveries(said) >= DELIVERIES

        await until(came_again, "the platform delivers it again", 15)
        assert await town.waiting() == 1
        assert [one["from"] for one in await town.seen(wang)] == ["wangqiang"]
        assert stage.service.alive
    await oracle.judge()


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_click_says_that_it_failed_and_works_when_there_is_room(
    stage: Stage, town: Town, platform: str
) -> None:
    await stage.open_service()
    said = await town.log(Seat(platform, "limin"), town.accounts["limin"][0])
    pressed = await town.button(said, "undo")
    with full_disk(stage.service.pid):
        assert not await town.click(pressed)
    await town.insist(pressed)
    await Oracle(stage.config, town).judge()


async def test_a_disk_that_fills_up_under_load_leaves_nothing_half_done(
    stage: Stage, town: Town
) -> None:
    await stage.open_service()
    crowd = Crowd(town, seed=8)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live())
        for _ in range(2):
            await asyncio.sleep(0.7)
            with full_disk(stage.service.pid):
                await asyncio.sleep(1.0)
        crowd.enough()
    assert stage.service.alive
    await Oracle(stage.config, town).judge()
