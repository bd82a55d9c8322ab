"""Given the platforms' own rates: people wait longer, and that is all."""

import asyncio
import tomllib

import tomli_w

from tests.kill.oracle import Oracle
from tests.kill.processes import Stage
from tests.kill.town import DESKS, DINGTALK, LI, WANG, ZHAO, Seat, Town

LINES = 22  # twenty a minute may be shown to a person, and one more every three seconds


def with_real_limits(stage: Stage) -> None:
    """Without the sandbox's generous section the service keeps to the platforms' rates."""
    settings = tomllib.loads(stage.config.read_text())
    del settings["outbox"]
    stage.config.write_text(tomli_w.dumps(settings))


async def test_nothing_is_lost_and_each_chat_keeps_its_order(stage: Stage, town: Town) -> None:
    with_real_limits(stage)
    await stage.open_service()
    await town.break_it(DINGTALK, "throttle", times=15)

    async def talk(seat: Seat) -> None:
        for account in town.accounts[seat.person][:LINES]:
            await town.log(seat, account)

    async def look_up() -> None:
        for account in town.accounts["limin"][:LINES]:
            await town.look_up(DESKS[0], account)

    async with asyncio.TaskGroup() as people:
        for seat in (WANG, LI, ZHAO):
            people.create_task(talk(seat))
        people.create_task(look_up())
    await Oracle(stage.config, town).judge(ordered=True)
