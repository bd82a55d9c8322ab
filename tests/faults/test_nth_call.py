"""Given that the N-th call fails, for N = 1, 2, … until nothing is left to fail: people notice
nothing but the delay."""

import random
from collections.abc import Iterable, Iterator

import pytest

from tests.faults.house import House
from tests.faults.scenarios import SCENARIOS
from tests.faults.strikes import CallOut, Counted, Strike, commits, file_calls, statements
from tests.kill.lives import SEED, SOAK
from tests.kill.town import PLATFORMS

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(7200 if SOAK else 180),
]
# How many calls lie between two that fail, on average. Two scenarios are so long that they are for
# a soak, in which each seed takes other numbers of theirs.
GAPS = {"a_talk": 1, "a_picture": 1, "an_opening": 20, "an_alert": 20} if SOAK else {"a_talk": 14}
MOST = 10_000 if SOAK else 2  # times
BRIEF = [name for name in GAPS if SOAK or name == "a_talk"]


def numbers(gap: int) -> Iterator[int]:
    chance, number = random.Random(SEED), 0
    for _ in range(MOST):
        number += chance.randint(1, 2 * gap - 1)
        yield number


async def fail_each(
    house: House, strike: Strike, name: str, gap: int, times: Iterable[int] = range(MOST)
) -> None:
    """The oracle is asked when no call is left to fail; in a soak each time. By ``times`` a
    scenario chooses where it takes place."""
    async with house.hurry():
        for time, number in zip(times, numbers(gap), strict=False):
            house.town.journal.history.note("strike", scenario=name, at_call=number, seed=SEED)
            async with strike.at(number):
                await SCENARIOS[name](house.town, time)
            if SOAK:
                await house.oracle.judge(showings=3, deaf=True)
            if not strike.landed:
                break
    await house.oracle.judge(showings=3, deaf=True)


@pytest.mark.parametrize("name", GAPS)
async def test_statements(house: House, name: str) -> None:
    strike = Counted()
    with statements(strike):
        await fail_each(house, strike, name, GAPS[name])


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("name", BRIEF)
async def test_commits(house: House, name: str, done: bool) -> None:
    """On PostgreSQL also when they are done and nobody hears of it."""
    if done and house.service.store.is_sqlite:
        return
    strike = Counted()
    with commits(strike, done=done):
        await fail_each(house, strike, name, 1)


@pytest.mark.parametrize("name", BRIEF)
async def test_calls_of_files(house: House, name: str) -> None:
    strike, apart = Counted(), (f"{house.home}/sandbox", str(house.town.journal.history))

    def is_ours(path: str) -> bool:
        return path.startswith(str(house.home)) and not path.startswith(apart)

    with file_calls(strike, is_ours):
        await fail_each(house, strike, name, 1)


@pytest.mark.parametrize("kind", ["http_5xx", "half_body"])
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", BRIEF)
async def test_calls_to_a_platform(house: House, name: str, platform: str, kind: str) -> None:
    there = range(PLATFORMS.index(platform), 2 * MOST, len(PLATFORMS))
    await fail_each(house, CallOut(house.town, platform, kind), name, 1, there)
