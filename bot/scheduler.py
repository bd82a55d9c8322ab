"""What the clock does: jobs at intervals, and at a time of each trading day.

APScheduler ticks; every tick looks at the service's own clock to see what is due, so that moving
the clock in the sandbox makes due jobs run at once. The machine's time of day may be set while we
run: an interval does not notice, and a day's job runs once for each day all the same.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, time, timedelta

from apscheduler.job import Job as Planned
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.store.failure import will_pass
from bot.store.lease import ALONE, Leader
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI, Clock
from crm.kernel.errors import OutsideError

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]
TICK_SECONDS = 0.5
WATCH_SECONDS = 2.0  # without a tick
LIMIT_SECONDS = 120


@dataclass(slots=True)
class _Kept:
    name: str
    job: Job
    take: Callable[[], bool]  # whether it is due; from then on it no longer is
    awaited: bool = True
    task: asyncio.Task[None] | None = None


class Scheduler:
    def __init__(
        self, clock: Clock, calendar: Callable[[], Calendar], leader: Leader = ALONE
    ) -> None:
        self._clock = clock
        self._calendar = calendar
        self._leader = leader
        self._jobs: list[_Kept] = []
        self._ticks = 0
        self._tasks: asyncio.TaskGroup | None = None

    def every(self, seconds: float, job: Job, *, name: str, awaited: bool = True) -> None:
        """Run ``job`` every so many seconds of the service's clock, beginning now.

        ``run_due`` does not wait for one that is not ``awaited``: long errands that nobody sees.
        """
        following = self._clock.steady()

        def take() -> bool:
            nonlocal following
            now = self._clock.steady()
            if now < following:
                return False
            following = now + seconds
            return True

        self._jobs.append(_Kept(name, job, take, awaited))

    def on_trading_days(self, at: time, job: Job, *, name: str, awaited: bool = True) -> None:
        """Run ``job`` at a time of Shanghai's day on each trading day, once."""
        first, ran = self._last_due(at), set[date]()

        def take() -> bool:
            day = self._last_due(at)
            if day <= first or day in ran:
                return False
            ran.add(day)
            return True

        self._jobs.append(_Kept(name, job, take, awaited))

    def _last_due(self, at: time) -> date:
        """The last trading day whose ``at`` has come; past the calendar's end any weekday."""
        local = self._clock.now().astimezone(SHANGHAI)
        day = local.date() - timedelta(days=local.time() < at)
        while not self._calendar().is_trading(day):
            day -= timedelta(days=1)
        return day

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Scheduler"]:
        """Jobs run while the block does; what runs at its end is cancelled."""
        ticker = AsyncIOScheduler()
        tick = ticker.add_job(self._start_due, "interval", seconds=TICK_SECONDS, coalesce=True)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            ticker.start()
            watching = tasks.create_task(self._keep_ticking(tick))
            try:
                yield self
            finally:
                watching.cancel()
                ticker.shutdown(wait=False)
                self._tasks = None
                for kept in self._jobs:
                    if kept.task is not None:
                        kept.task.cancel()

    async def _keep_ticking(self, tick: Planned) -> None:
        """APScheduler plans by the time of day: set back by an hour, it stands still for one."""
        while True:
            ticks = self._ticks
            await asyncio.sleep(WATCH_SECONDS)
            if self._ticks == ticks:
                tick.reschedule("interval", seconds=TICK_SECONDS)

    async def run_due(self) -> None:
        """Run what is due by the service's clock; returns when it has run."""
        running = await self._start_due()
        if running:
            await asyncio.wait(running)

    async def _start_due(self) -> list[asyncio.Task[None]]:
        """Start each due job that is not running yet; those that run, these and earlier ones."""
        self._ticks += 1
        for kept in self._jobs:
            idle = kept.task is None or kept.task.done()
            if self._tasks is not None and idle and kept.take():
                kept.task = self._tasks.create_task(self._run(kept))
        return [
            kept.task for kept in self._jobs if kept.awaited and kept.task and not kept.task.done()
        ]

    async def _run(self, kept: _Kept) -> None:
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                if await self._leader.ours():
                    await kept.job()
        except Exception as error:  # allowed here: a bug in one job is not an outage
            if isinstance(error, OutsideError | TimeoutError) or will_pass(error):
                log.warning("job %s will try again: %s", kept.name, type(error).__name__)
            else:
                log.exception("job %s is broken", kept.name)
