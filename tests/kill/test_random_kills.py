"""Given people at work: however often the service is killed, it is as if it had not been."""

from functools import partial

import pytest

from tests.kill.lives import SEED, SOAK, SOAK_SECONDS, kill_often
from tests.kill.oracle import Oracle
from tests.kill.processes import Stage, until
from tests.kill.town import LI, WANG, WANG_TOO, ZHAO_TOO, Town

KILLS = 60 if SOAK else 5


@pytest.mark.timeout(SOAK_SECONDS if SOAK else 180)
async def test_random_kills_under_mixed_load_lose_nothing(stage: Stage, town: Town) -> None:
    await kill_often(stage, town, seed=SEED, kills=KILLS)
    assert town.journal.refused, "nobody spoke while the service was down"
    await the_bot_itself_shows_each_record_once(town, Oracle(stage.config, town))


async def the_bot_itself_shows_each_record_once(town: Town, oracle: Oracle) -> None:
    """By 记录: the client that one person talked to most often, here and there."""
    undone = {one.mark for one in town.journal.pressed if one.action.startswith("undo:")}
    notes: dict[str, list[str]] = {}
    for seat in (WANG, WANG_TOO):
        for item in await town.seen(seat):
            if item["from"] == seat.person and item["text"].startswith("记 "):
                _, account, *_, mark = item["text"].split()
                if mark not in undone:
                    notes.setdefault(account, []).append(mark)
    account, marks = max(notes.items(), key=lambda one: len(one[1]))
    text = await oracle.read_back(WANG, account)
    newest = sorted(marks)[-10:]
    assert [text.count(mark) for mark in newest] == [1] * len(newest)
    assert not [mark for mark in undone if mark in text]


async def test_what_is_said_while_it_is_down_is_refused_and_what_was_taken_before_is_answered(
    stage: Stage, town: Town
) -> None:
    for seat in (LI, ZHAO_TOO):
        await stage.open_service()
        taken = [await town.log(seat, town.accounts[seat.person][n]) for n in range(5)]
        stage.service.kill()
        await until(partial(town.nobody_listens, seat.platform), "the platform knows", 5)
        before = await town.seen(seat)
        refused = town.journal.refused
        for _ in range(3):
            await town.refused(seat, "在吗")
        assert town.journal.refused == refused + 3
        assert await town.seen(seat) == before
        assert {one.message_id for one in taken} <= {one["message_id"] for one in before}
    await stage.open_service()
    await Oracle(stage.config, town).judge(showings=stage.service.lives)
