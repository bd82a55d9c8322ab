"""What is due by the service's own clock runs, once, and nothing stops the rest."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

import pytest

from bot.scheduler import Job, Scheduler
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI, StoppedClock
from crm.kernel.errors import Outcome, OutsideError

MINUTE = timedelta(minutes=1)


class Diary:
    """Jobs that write down when they ran."""

    def __init__(self, clock: StoppedClock) -> None:
        self.clock = clock
        self.ran: list[str] = []

    def job(self, name: str) -> Job:
        async def run() -> None:
            self.ran.append(f"{name} {self.clock.now().astimezone(SHANGHAI):%m-%d %H:%M}")

        return run


@pytest.fixture
def diary(clock: StoppedClock) -> Diary:
    return Diary(clock)


@pytest.fixture
async def scheduler(clock: StoppedClock) -> AsyncIterator[Scheduler]:
    async with Scheduler(clock, Calendar.shipped).open() as opened:
        yield opened


async def test_a_job_runs_at_once_and_then_after_each_interval(
    scheduler: Scheduler, diary: Diary, clock: StoppedClock
) -> None:
    scheduler.every(60, diary.job("brief"), name="brief")
    for _ in range(4):
        await scheduler.run_due()
        await scheduler.run_due()
        clock.advance(MINUTE / 2)
    assert diary.ran == ["brief 11-23 10:00", "brief 11-23 10:01"]


async def test_a_clock_that_jumps_runs_a_job_once(
    scheduler: Scheduler, diary: Diary, clock: StoppedClock
) -> None:
    scheduler.every(60, diary.job("brief"), name="brief")
    clock.advance(60 * MINUTE)
    await scheduler.run_due()
    await scheduler.run_due()
    assert diary.ran == ["brief 11-23 11:00"]


async def test_a_daily_job_runs_on_trading_days_alone(
    scheduler: Scheduler, diary: Diary, clock: StoppedClock
) -> None:
    clock.at = datetime(2026, 9, 29, 9, 0, tzinfo=SHANGHAI).astimezone(UTC)
    scheduler.on_trading_days(time(8, 30), diary.job("brief"), name="brief")
    for _ in range(12 * 24):
        await scheduler.run_due()
        clock.advance(60 * MINUTE)
    assert diary.ran == ["brief 09-30 09:00", "brief 10-08 09:00", "brief 10-09 09:00"]


async def test_past_the_calendars_end_the_jobs_go_on(
    scheduler: Scheduler, diary: Diary, clock: StoppedClock
) -> None:
    clock.at = datetime(2027, 12, 31, 8, 0, tzinfo=SHANGHAI).astimezone(UTC)
    scheduler.on_trading_days(time(8, 30), diary.job("brief"), name="brief")
    scheduler.every(3600, diary.job("remind"), name="remind")
    clock.advance(60 * MINUTE)
    await scheduler.run_due()
    clock.advance(60 * MINUTE)
    await scheduler.run_due()
    assert diary.ran == ["brief 12-31 09:00", "remind 12-31 09:00", "remind 12-31 10:00"]


@pytest.mark.parametrize(
    "trouble", [OutsideError("source", "away", Outcome.RETRY), TimeoutError(), KeyError("bug")]
)
async def test_a_job_that_fails_is_tried_again_and_does_not_stop_the_others(
    scheduler: Scheduler, diary: Diary, clock: StoppedClock, trouble: Exception
) -> None:
    failed: list[str] = []

    async def fail() -> None:
        failed.append("failed")
        raise trouble

    scheduler.every(60, fail, name="fail")
    scheduler.every(60, diary.job("remind"), name="remind")
    for _ in range(2):
        await scheduler.run_due()
        clock.advance(MINUTE)
    assert failed == ["failed"] * 2
    assert diary.ran == ["remind 11-23 10:00", "remind 11-23 10:01"]


async def test_a_job_that_still_runs_is_not_begun_again_and_holds_nobody_up(
    scheduler: Scheduler, diary: Diary, clock: StoppedClock
) -> None:
    go_on, begun = asyncio.Event(), 0

    async def slow() -> None:
        nonlocal begun
        begun += 1
        await go_on.wait()

    scheduler.every(60, slow, name="slow", awaited=False)
    scheduler.every(60, diary.job("remind"), name="remind")
    async with asyncio.timeout(5):
        for _ in range(3):
            await scheduler.run_due()
            clock.advance(MINUTE)
    assert begun == 1
    assert len(diary.ran) == 3
    go_on.set()


async def test_what_runs_at_the_end_is_cancelled(clock: StoppedClock) -> None:
    begun, ended = asyncio.Event(), []

    async def linger() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async with asyncio.timeout(5), Scheduler(clock, Calendar.shipped).open() as scheduler:
        scheduler.every(60, linger, name="linger", awaited=False)
        await scheduler.run_due()
        await begun.wait()
    assert ended == ["cancelled"]
