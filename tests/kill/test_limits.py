"""Given the platforms' own rates: people wait longer, and that is all."""

import asyncio
import tomllib

import tomli_w

from tests.kill.oracle import Oracle
from tests.kill.processes import Stage
from tests.kill.town import MANAGERS, Town

LINES = 23  # twenty a minute may be shown to a person, and one more every three seconds


def with_real_limits(stage: Stage) -> None:
    """Without the sandbox's generous section the service keeps to the platforms' rates."""
    settings = tomllib.loads(stage.config.read_text())
    del settings["outbox"]
    stage.config.write_text(tomli_w.dumps(settings))


async def test_nothing_is_lost_and_each_chat_keeps_its_order(stage: Stage, town: Town) -> None:
    with_real_limits(stage)
    await stage.open_service()
    await town.break_it("throttle", times=15)

    async def talk(person: str) -> None:
        for account in town.accounts[person][:LINES]:
            await town.log(person, account)

    async def look_up() -> None:
        for account in town.accounts["limin"][:LINES]:
            await town.look_up("fengjun", account, "g-risk")

    async with asyncio.TaskGroup() as people:
        for person in MANAGERS:
            people.create_task(talk(person))
        people.create_task(look_up())
    await Oracle(stage.config, town).judge(ordered=True)
