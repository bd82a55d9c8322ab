"""Given a crash at each place where one could hurt: nothing is lost, nothing happens twice."""

import pytest

from bot import crashpoint
from tests.kill.lives import SEED, SOAK, crash_at
from tests.kill.processes import Stage
from tests.kill.town import Town

TIMES = range(5 if SOAK else 1)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("point", crashpoint.NAMES)
async def test_after_a_crash_there_everything_is_as_if_it_had_not_been(
    stage: Stage, town: Town, point: str, time: int
) -> None:
    await crash_at(stage, town, point, seed=SEED * 100 + time * 20 + crashpoint.NAMES.index(point))


@pytest.mark.parametrize("point", [name for name in crashpoint.NAMES if "outbox" in name])
async def test_after_a_crash_while_a_text_goes_out_it_is_shown_again_only_with_its_mark(
    stage: Stage, town: Town, point: str
) -> None:
    await crash_at(stage, town, point, seed=20, by_text=True)
