"""One request for a token at a time, believed as long as DingTalk says, replaced when refused."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from bot.platforms.dingtalk.tokens import Tokens
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import Outcome, OutsideError


class Counter:
    """Hands out numbered tokens; fails while ``broken``."""

    def __init__(self, seconds: float = 7200) -> None:
        self.seconds = seconds
        self.count = 0
        self.broken = False

    async def fetch(self) -> tuple[str, float]:
        self.count += 1
        await asyncio.sleep(0)
        if self.broken:
            raise OutsideError("token", "down", Outcome.RETRY)
        return f"t{self.count}", self.seconds


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(datetime(2026, 11, 23, 6, tzinfo=UTC))


async def test_many_at_once_share_one_request(clock: StoppedClock) -> None:
    counter = Counter()
    tokens = Tokens(counter.fetch, clock)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(tokens.get()) for _ in range(50)]
    assert {task.result() for task in asked} == {"t1"}
    assert counter.count == 1


async def test_it_is_renewed_ten_minutes_early(clock: StoppedClock) -> None:
    tokens = Tokens(Counter().fetch, clock)
    assert await tokens.get() == "t1"
    clock.advance(timedelta(seconds=7200 - 601))
    assert await tokens.get() == "t1"
    clock.advance(timedelta(seconds=2))
    assert await tokens.get() == "t2"


async def test_a_short_life_is_believed(clock: StoppedClock) -> None:
    tokens = Tokens(Counter(seconds=60).fetch, clock)
    await tokens.get()
    clock.advance(timedelta(seconds=31))
    assert await tokens.get() == "t2"


async def test_those_refused_together_renew_once(clock: StoppedClock) -> None:
    counter = Counter()
    tokens = Tokens(counter.fetch, clock)
    old = await tokens.get()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(tokens.renew(old)) for _ in range(20)]
    assert {task.result() for task in asked} == {"t2"}
    assert counter.count == 2


async def test_a_failure_is_not_repeated_by_everybody_who_waited(clock: StoppedClock) -> None:
    counter = Counter()
    counter.broken = True
    tokens = Tokens(counter.fetch, clock)

    async def ask() -> bool:
        with pytest.raises(OutsideError):
            await tokens.get()
        return True

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ask()) for _ in range(20)]
    assert all(task.result() for task in asked)
    assert counter.count == 1
