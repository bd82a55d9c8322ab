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
# How many calls of a kind lie between two that fail, on average. The long scenarios are for a soak,
# in which each seed takes other calls of theirs.
Gaps = dict[str, int]
STATEMENTS: Gaps = {"a_talk": 1, "a_picture": 1, "an_opening": 120, "an_alert": 120}
COMMITS: Gaps = {"a_talk": 1, "a_picture": 1, "an_opening": 40, "an_alert": 24}
FILES: Gaps = {"a_talk": 1, "a_picture": 1, "an_opening": 4, "an_alert": 3}
CALLS_OUT: Gaps = {"a_talk": 1, "a_picture": 1, "an_opening": 14, "an_alert": 9}
BRIEFLY: Gaps = {"a_talk": 1}  # for everyday
MOST = 10_000 if SOAK else 2  # times


def each(gaps: Gaps, briefly: Gaps = BRIEFLY) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("name", "gap"), (gaps if SOAK else briefly).items())


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


@each(STATEMENTS, {"a_talk": 14})
async def test_statements(house: House, name: str, gap: int) -> None:
    strike = Counted()
    with statements(strike):
        await fail_each(house, strike, name, gap)


@pytest.mark.parametrize("done", [False, True])
@each(COMMITS)
async def test_commits(house: House, name: str, gap: int, done: bool) -> None:
    """On PostgreSQL also when they are done and nobody hears of it."""
    if done and house.service.store.is_sqlite:
        return
    strike = Counted()
    with commits(strike, done=done):
        await fail_each(house, strike, name, gap)


@each(FILES)
async def test_calls_of_files(house: House, name: str, gap: int) -> None:
    strike, apart = Counted(), (f"{house.home}/sandbox", str(house.town.journal.history))

    def is_ours(path: str) -> bool:
        return path.startswith(str(house.home)) and not path.startswith(apart)

    with file_calls(strike, is_ours):
        await fail_each(house, strike, name, gap)


@pytest.mark.parametrize("kind", ["http_5xx", "half_body"])
@pytest.mark.parametrize("platform", PLATFORMS)
@each(CALLS_OUT)
async def test_calls_to_a_platform(
    house: House, name: str, gap: int, platform: str, kind: str
) -> None:
    there = range(PLATFORMS.index(platform), 2 * MOST, len(PLATFORMS))
    await fail_each(house, CallOut(house.town, platform, kind), name, gap, there)
