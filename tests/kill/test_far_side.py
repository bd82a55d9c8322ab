"""Given the far side is killed: its screens are the same afterwards, and the talk goes on."""

import asyncio

import pytest

from tests.kill.crowd import Crowd
from tests.kill.oracle import Oracle
from tests.kill.processes import Stage, answers, until
from tests.kill.town import DESKS, MANAGERS, PLATFORMS, WANG, WANG_TOO, Seat, Town

LINES = 4
BACK_SECONDS = 40.0  # the service dials again within its back-off


async def talk(town: Town, seed: int) -> None:
    await Crowd(town, seed, desks=False).live(LINES)


async def ready(stage: Stage) -> bool:
    return await answers(f"http://127.0.0.1:{stage.port + 1}/readyz")


async def reconnected(stage: Stage) -> None:
    await until(lambda: ready(stage), "the service is connected again", BACK_SECONDS)


async def test_the_screens_are_the_same_when_it_comes_back(stage: Stage, town: Town) -> None:
    await stage.open_service()
    await talk(town, seed=3)
    oracle = Oracle(stage.config, town)
    await oracle.judge()
    before = {seat: await town.seen(seat) for seat in MANAGERS}
    stage.far.kill()
    await stage.open_far()
    assert {seat: await town.seen(seat) for seat in MANAGERS} == before
    await reconnected(stage)
    await talk(town, seed=4)
    await oracle.judge()


async def test_it_says_that_it_is_not_ready_until_every_platform_reaches_it_again(
    stage: Stage, town: Town
) -> None:
    await stage.open_service()
    stage.far.kill()

    async def not_ready() -> bool:
        return not await ready(stage)

    await until(not_ready, "the service says that nobody reaches it", 10)
    await stage.open_far()
    await reconnected(stage)
    for seat in (WANG, WANG_TOO, *DESKS):
        await town.look_up(seat, town.accounts["wangqiang"][0])  # NotTaken by whom it cannot reach
    await Oracle(stage.config, town).judge(showings=2, deaf=True)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_what_nobody_had_acknowledged_comes_again(
    stage: Stage, town: Town, platform: str
) -> None:
    await stage.open_service()
    await town.break_it(platform, "no_ack", times=1000)
    zhao = Seat(platform, "zhaolei")
    said = [await town.log(zhao, account) for account in town.accounts["zhaolei"][:5]]
    await town.answer_to(said[-1])
    assert await town.waiting() == len(said)
    stage.far.kill()
    await stage.open_far()
    await Oracle(stage.config, town).judge()
    assert [await town.deliveries(one) for one in said] == [1] * len(said)


async def test_killed_under_load_it_loses_nothing_that_it_took(stage: Stage, town: Town) -> None:
    await stage.open_service()
    crowd = Crowd(town, seed=5)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live())
        for _ in range(2):
            await asyncio.sleep(1.0)
            stage.far.kill()
            await stage.open_far()
            await reconnected(stage)
        await asyncio.sleep(1.0)
        crowd.enough()
    await Oracle(stage.config, town).judge(showings=2, deaf=True)


async def test_killed_together_both_come_back_to_the_same(stage: Stage, town: Town) -> None:
    await stage.open_service()
    crowd = Crowd(town, seed=6)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live())
        await asyncio.sleep(1.0)
        stage.service.kill()
        stage.far.kill()
        await stage.open_far()
        await stage.open_service()
        await asyncio.sleep(1.0)
        crowd.enough()
    await Oracle(stage.config, town).judge(showings=2, deaf=True)
