"""What the clock does, when somebody sets it, and on every day that the calendar knows."""

import asyncio
import random
from datetime import date, time, timedelta

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot import scheduler as scheduler_module
from bot.scheduler import Scheduler
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI, StoppedClock
from tests.clock.almanac import OPEN, at
from tests.clock.test_set_clock import step

__all__ = ["step"]
CALENDAR = Calendar.shipped()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Days:
    """A job that writes down the day on which it ran."""

    def __init__(self, clock: StoppedClock) -> None:
        self._clock = clock
        self.ran: list[date] = []

    async def run(self) -> None:
        self.ran.append(self._clock.now().astimezone(SHANGHAI).date())


async def test_an_interval_goes_on_whatever_the_clock_is_set_to(
    clock: StoppedClock, step: timedelta
) -> None:
    ran = 0

    async def job() -> None:
        nonlocal ran
        ran += 1

    async with Scheduler(clock, lambda: CALENDAR).open() as scheduler:
        scheduler.every(60, job, name="remind")
        await scheduler.run_due()
        clock.step(step)
        await scheduler.run_due()
        assert ran == 1
        for minutes in range(1, 5):
            clock.advance(timedelta(minutes=1))
            await scheduler.run_due()
            assert ran == 1 + minutes


async def test_the_ticks_themselves_go_on_when_the_time_of_day_is_set_back(
    clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(scheduler_module, "WATCH_SECONDS", 0.1)
    ticker, ran = AsyncIOScheduler(), asyncio.Event()
    monkeypatch.setattr(scheduler_module, "AsyncIOScheduler", lambda: ticker)

    async def job() -> None:
        ran.set()

    async with Scheduler(clock, lambda: CALENDAR).open() as scheduler, asyncio.timeout(5):
        scheduler.every(1, job, name="remind")
        for _ in range(3):
            await ran.wait()
            ran.clear()
            [tick] = ticker.get_jobs()
            tick.modify(next_run_time=tick.next_run_time + HOUR)  # as it lies then
            clock.advance(timedelta(seconds=1))


async def test_a_days_job_runs_once_on_each_trading_day_of_all_years() -> None:
    clock = StoppedClock(at(date(2024, 1, 1), 0))
    days = Days(clock)
    async with Scheduler(clock, lambda: CALENDAR).open() as scheduler:
        scheduler.on_trading_days(time(3, 30), days.run, name="archive")
        while clock.now() < at(OPEN[-1], 23):
            clock.advance(DAY / 4)
            await scheduler.run_due()
    assert days.ran == OPEN


@pytest.mark.parametrize("seed", range(5))
async def test_a_clock_that_goes_to_and_fro_runs_no_day_twice_and_leaves_none_out(
    seed: int,
) -> None:
    fate = random.Random(seed)
    clock = StoppedClock(at(date(2026, 9, 1), 0))
    days, wrong, latest = Days(clock), timedelta(0), clock.now()
    async with Scheduler(clock, lambda: CALENDAR).open() as scheduler:
        scheduler.on_trading_days(time(3, 30), days.run, name="archive")
        while clock.now() < at(date(2026, 11, 1), 0):
            clock.advance(HOUR)
            await scheduler.run_due()
            if fate.random() < 0.1:  # wrong by an hour or a day, and put right later
                by = -wrong or fate.choice([-DAY, -HOUR, HOUR, DAY])
                wrong += by
                clock.step(by)
                await scheduler.run_due()
            latest = max(latest, clock.now())
    come = [day for day in OPEN if date(2026, 9, 1) <= day and at(day, 3, 30) <= latest]
    assert len(days.ran) == len(come)
