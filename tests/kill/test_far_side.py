"""Given the far side is killed: its screens are the same afterwards, and the talk goes on."""

import asyncio

from tests.kill.oracle import Oracle
from tests.kill.processes import Stage, answers, until
from tests.kill.town import MANAGERS, Crowd, Town

LINES = 6
BACK_SECONDS = 40.0  # the service dials again within its back-off


async def talk(town: Town, seed: int) -> None:
    await Crowd(town, seed).live(LINES)


async def reconnected(stage: Stage) -> None:
    ready = f"http://127.0.0.1:{stage.port + 1}/readyz"
    await until(lambda: answers(ready), "the service is connected again", BACK_SECONDS)


async def test_the_screens_are_the_same_when_it_comes_back(stage: Stage, town: Town) -> None:
    await stage.open_service()
    await talk(town, seed=3)
    oracle = Oracle(stage.config, town)
    await oracle.judge()
    before = {person: await town.seen(person) for person in MANAGERS}
    stage.far.kill()
    await stage.open_far()
    assert {person: await town.seen(person) for person in MANAGERS} == before
    await reconnected(stage)
    await talk(town, seed=4)
    await oracle.judge()


async def test_what_nobody_had_acknowledged_comes_again(stage: Stage, town: Town) -> None:
    await stage.open_service()
    await town.break_it("no_ack", times=1000)
    said = [await town.log("zhaolei", account) for account in town.accounts["zhaolei"][:5]]
    await town.card_of(said[-1])
    assert await town.waiting() == len(said)
    stage.far.kill()
    await stage.open_far()
    assert await town.waiting() == len(said)
    await Oracle(stage.config, town).judge()


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
    await Oracle(stage.config, town).judge(showings=2)


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
    await Oracle(stage.config, town).judge(showings=2)
