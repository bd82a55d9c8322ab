"""Lives and deaths of the service while people are at work."""

import asyncio
import os
import random

from tests.kill.crowd import Crowd
from tests.kill.oracle import Oracle
from tests.kill.processes import KILLED, Stage, until
from tests.kill.town import LI, Town

LINES_AFTER = 8
SOAK = bool(os.environ.get("QIDESK_SOAK"))  # larger doses, for an hour that nobody waits for
SEED = int(os.environ.get("QIDESK_SEED", "7"))
SOAK_SECONDS = 3600
SHOWINGS = 3  # of a text that several troubles struck
PAUSE = 0.2  # seconds between two lines of a person: short lives must keep up with them


BY_THE_DESKS = ("desk.", "click.", "outbox.after_send")  # crash points of approvals and alerts


async def crash_at(
    stage: Stage, town: Town, point: str, seed: int, *, by_text: bool = False
) -> None:
    """One life that ends at ``point``, and the next one, in which people go on talking.
    ``by_text``: while it answers with a plain text, which has no key of its own."""
    desks = point.startswith(BY_THE_DESKS) and not by_text
    town.journal.history.note("crash", at=point, seed=seed)
    stage.service.kill()
    await stage.open_service(QIDESK_CRASH_AT=point)
    crowd = Crowd(town, seed, desks=desks)
    async with asyncio.TaskGroup() as tasks:
        if by_text:
            await town.ask_for_nobody(LI)
            await stage.service.death()
        tasks.create_task(crowd.live())
        assert await stage.service.death() == KILLED
        await stage.open_service()
        enough = len(town.journal.said) + LINES_AFTER

        async def lively() -> bool:
            return len(town.journal.said) >= enough

        await until(lively, "people go on talking", 30)
        crowd.enough()
    await Oracle(stage.config, town).judge(showings=2, deaf=True)


async def kill_often(stage: Stage, town: Town, seed: int, kills: int) -> None:
    """Lives of different lengths; some end before the service is ready."""
    town.journal.history.note("kills", number=kills, seed=seed)
    chance = random.Random(seed)
    crowd = Crowd(town, seed)
    crowd.pause = PAUSE
    await stage.open_service()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(crowd.live())
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.2, 2.0))
            stage.service.kill()
            if chance.random() < 0.25:
                stage.service.start()
                await asyncio.sleep(chance.uniform(0.3, 2.0))
                stage.service.kill()
            await stage.open_service()
        crowd.enough()
    await Oracle(stage.config, town).judge(showings=stage.service.lives, deaf=True)
