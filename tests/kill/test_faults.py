"""Given a platform that misbehaves: people notice nothing but the delay."""

import asyncio

import pytest

from tests.kill.oracle import Oracle
from tests.kill.processes import Stage
from tests.kill.town import Crowd, Town

FAULTS = {  # strokes
    "no_ack": 6,
    "late_ack": 6,
    "duplicate": 20,
    "reorder": 20,
    "http_5xx": 12,
    "throttle": 12,
    "token_expired": 5,
    "disconnect": 6,
    "hang": 3,  # few: a text that is struck twice is given up, as it should be
    "half_body": 3,
    "html": 12,
}
FAULT_SECONDS = 2.5
LINES = 5
DELIVERIES = 3


@pytest.mark.parametrize("kind", FAULTS)
async def test_people_are_served_as_if_there_were_no_fault(
    stage: Stage, town: Town, kind: str
) -> None:
    await stage.open_service()
    await town.break_it(kind, FAULTS[kind], FAULT_SECONDS if kind == "hang" else 60)
    await Crowd(town, seed=list(FAULTS).index(kind)).live(LINES)
    assert await town.strokes_left(kind) < FAULTS[kind]
    await town.mend()
    await Oracle(stage.config, town).judge(showings=2, ordered=True)


async def test_several_faults_at_once_are_no_worse(stage: Stage, town: Town) -> None:
    await stage.open_service()
    for kind in ("no_ack", "duplicate", "disconnect", "http_5xx", "throttle"):
        await town.break_it(kind, 5, FAULT_SECONDS)
    await town.break_it("half_body", 1, FAULT_SECONDS)
    await Crowd(town, seed=20).live(LINES)
    await town.mend()
    await Oracle(stage.config, town).judge(showings=2, ordered=True)


async def test_a_message_that_is_delivered_three_times_has_one_effect(
    stage: Stage, town: Town
) -> None:
    await stage.open_service()
    await town.break_it("no_ack", DELIVERIES - 1)
    said = await town.log("wangqiang", town.accounts["wangqiang"][0])
    await Oracle(stage.config, town).judge(showings=2, ordered=True)
    assert await town.deliveries(said) == DELIVERIES


async def test_a_card_that_is_clicked_while_its_showing_is_in_doubt_keeps_the_clicks_outcome(
    stage: Stage, town: Town
) -> None:
    """Its creation is repeated after the click, and must not bring the first version back."""
    await stage.open_service()
    await town.break_it("hang", 1, FAULT_SECONDS)
    await town.press(await town.log("zhaolei", town.accounts["zhaolei"][0]), "undo")
    await Oracle(stage.config, town).judge(showings=2, ordered=True)


async def test_a_button_that_is_pressed_three_times_at_once_works_once(
    stage: Stage, town: Town
) -> None:
    await stage.open_service()
    said = await town.log("limin", town.accounts["limin"][0])
    async with asyncio.TaskGroup() as tasks:
        first = await town.button(said, "undo")
        for _ in range(3):
            tasks.create_task(town.insist(first))
    await Oracle(stage.config, town).judge(showings=2, ordered=True)
