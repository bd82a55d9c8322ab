"""Given people at work: however often the service is killed, it is as if it had not been."""

import pytest

from tests.kill.lives import SHOWINGS, SOAK, SOAK_SECONDS, kill_often
from tests.kill.oracle import Oracle
from tests.kill.processes import Stage
from tests.kill.town import PRIVATE, Town

KILLS = 60 if SOAK else 6


@pytest.mark.timeout(SOAK_SECONDS if SOAK else 180)
async def test_random_kills_under_mixed_load_lose_nothing(stage: Stage, town: Town) -> None:
    await kill_often(stage, town, seed=7, kills=KILLS)
    assert town.journal.refused, "nobody spoke while the service was down"
    await the_bot_itself_shows_each_record_once(town, Oracle(stage.config, town))


async def the_bot_itself_shows_each_record_once(town: Town, oracle: Oracle) -> None:
    """By 记录: the client that was talked to most often."""
    undone = {one.said.mark for one in town.journal.pressed}
    notes: dict[tuple[str, str], list[str]] = {}
    for item in await town.seen("wangqiang", PRIVATE):
        if item["from"] == "wangqiang" and item["text"].startswith("记 "):
            _, account, *_, mark = item["text"].split()
            if mark not in undone:
                notes.setdefault(("wangqiang", account), []).append(mark)
    (person, account), marks = max(notes.items(), key=lambda one: len(one[1]))
    text = await oracle.read_back(person, account)
    assert [text.count(mark) for mark in marks[-10:]] == [1] * len(marks[-10:])
    assert not any(mark in text for mark in undone)


async def test_what_is_said_while_it_is_down_is_refused_and_what_was_taken_before_is_answered(
    stage: Stage, town: Town
) -> None:
    for _ in range(2):
        await stage.open_service()
        taken = [await town.log("limin", town.accounts["limin"][n]) for n in range(5)]
        stage.service.kill()
        before = await town.seen("limin")
        refused = town.journal.refused
        for _ in range(3):
            await town.refused("limin", "在吗")
        assert town.journal.refused == refused + 3
        assert await town.seen("limin") == before
        assert {one.message_id for one in taken} <= {one["message_id"] for one in before}
    await stage.open_service()
    await Oracle(stage.config, town).judge(showings=SHOWINGS)
