"""Given a platform that misbehaves: people notice nothing but the delay."""

import asyncio

import pytest

from tests.kill.crowd import Crowd
from tests.kill.oracle import Oracle
from tests.kill.processes import Stage
from tests.kill.town import DESKS, DINGTALK, HEADS, LOOKERS, PLATFORMS, WECOM, Seat, Town

FAULTS = {  # strokes; half as many on WeCom, where fewer people talk
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
BY_THE_DESKS = ("no_ack", "duplicate", "throttle", "hang")  # struck while they are at work too
FAULT_SECONDS = 2.5
LINES = 5
DELIVERIES = 3


@pytest.mark.parametrize("kind", FAULTS)
async def test_people_are_served_as_if_there_were_no_fault(
    stage: Stage, town: Town, kind: str
) -> None:
    await stage.open_service()
    seconds = FAULT_SECONDS if kind == "hang" else 60
    strokes = {DINGTALK: FAULTS[kind], WECOM: (FAULTS[kind] + 1) // 2}
    for platform, times in strokes.items():
        await town.break_it(platform, kind, times, seconds)
    await Crowd(town, list(FAULTS).index(kind), desks=kind in BY_THE_DESKS).live(LINES)
    for platform, times in strokes.items():
        assert await town.strokes_left(platform, kind) < times
    await town.mend()
    oracle = Oracle(stage.config, town)
    await oracle.judge(showings=2, ordered=True, deaf=kind == "disconnect")


async def test_an_answer_of_wecoms_bot_whose_receipt_is_lost_is_shown_again_only_with_its_mark(
    stage: Stage, town: Town
) -> None:
    await stage.open_service()
    await town.break_it(WECOM, "no_ack", 1, app="aibot")
    await town.look_up(DESKS[1], town.accounts["wangqiang"][0])
    await Oracle(stage.config, town).judge(showings=2, ordered=True)
    assert await town.strokes_left(WECOM, "no_ack") == 0


async def test_several_faults_at_once_are_no_worse(stage: Stage, town: Town) -> None:
    await stage.open_service()
    for platform in PLATFORMS:
        for kind in ("no_ack", "duplicate", "disconnect", "http_5xx", "throttle"):
            await town.break_it(platform, kind, 5, FAULT_SECONDS)
        await town.break_it(platform, "half_body", 1, FAULT_SECONDS)
    await Crowd(town, seed=20).live(LINES)
    await town.mend()
    await Oracle(stage.config, town).judge(showings=2, ordered=True, deaf=True)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_message_that_is_delivered_three_times_has_one_effect(
    stage: Stage, town: Town, platform: str
) -> None:
    await stage.open_service()
    await town.break_it(platform, "no_ack", DELIVERIES - 1)
    said = await town.log(Seat(platform, "wangqiang"), town.accounts["wangqiang"][0])
    await Oracle(stage.config, town).judge(showings=2, ordered=True)
    assert await town.deliveries(said) == DELIVERIES


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_card_that_is_clicked_while_its_showing_is_in_doubt_keeps_the_clicks_outcome(
    stage: Stage, town: Town, platform: str
) -> None:
    """Its creation is repeated after the click, and must not bring the first version back."""
    await stage.open_service()
    await town.break_it(platform, "hang", 1, FAULT_SECONDS)
    said = await town.log(Seat(platform, "zhaolei"), town.accounts["zhaolei"][0])
    await town.press(said, "undo")
    await Oracle(stage.config, town).judge(showings=2, ordered=True)


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_button_that_is_pressed_three_times_at_once_works_once(
    stage: Stage, town: Town, platform: str
) -> None:
    await stage.open_service()
    said = await town.log(Seat(platform, "limin"), town.accounts["limin"][0])
    async with asyncio.TaskGroup() as tasks:
        first = await town.button(said, "undo")
        for _ in range(3):
            tasks.create_task(town.insist(first))
    await Oracle(stage.config, town).judge(showings=2, ordered=True)


async def test_what_a_head_decides_on_both_platforms_at_once_is_decided_once_and_told_on_both(
    stage: Stage, town: Town
) -> None:
    await stage.open_service()
    account = town.another()
    name = town.names[account]
    said = await town.insist_on(LOOKERS[0], "not_mine", account, name)
    await town.press(said, "ask_view")
    here, there = [await town.request(head, name) for head in HEADS]
    town.journal.pressed.remove(there)  # the same decision
    async with asyncio.TaskGroup() as tasks:
        for one in (here, there):
            tasks.create_task(town.insist(one))
    await Oracle(stage.config, town).judge(showings=2, ordered=True)
