"""Given a crash at each place where one could hurt: nothing is lost, nothing happens twice."""

import asyncio

import pytest

from bot import crashpoint
from tests.kill.oracle import Oracle
from tests.kill.processes import KILLED, READY_SECONDS, Stage, until
from tests.kill.town import Crowd, Town

LINES_AFTER = 8


@pytest.mark.parametrize("point", crashpoint.NAMES)
async def test_after_a_crash_there_everything_is_as_if_it_had_not_been(
    stage: Stage, town: Town, point: str
) -> None:
    await stage.open_service(QIDESK_CRASH_AT=point)
    crowd = Crowd(town, seed=crashpoint.NAMES.index(point))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live())
        assert await stage.service.death() == KILLED
        assert await stage.open_service() < READY_SECONDS
        enough = len(town.journal.said) + LINES_AFTER

        async def lively() -> bool:
            return len(town.journal.said) >= enough

        await until(lively, "people go on talking", 30)
        crowd.enough()
    await Oracle(stage.config, town).judge()
