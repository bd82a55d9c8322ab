"""What the clock does: APScheduler behind our own verbs.

APScheduler ticks in real time; each job looks at the service's own clock to see what is due, so
that moving the clock in the sandbox makes due jobs run at once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.dbfailure import will_pass
from bot.lease import ALONE, Leader
from crm.kernel.calendar import Calendar, NoCalendar
from crm.kernel.clock import SHANGHAI, Clock
from crm.kernel.errors import OutsideError

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]
TICK_SECONDS = 0.5
LIMIT_SECONDS = 120


@dataclass(slots=True)
class _Kept:
    name: str
    job: Job
    due: Callable[[datetime], datetime]  # the first moment after one when it is to run
    next: datetime
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
        self._tasks: asyncio.TaskGroup | None = None

    def every(self, seconds: float, job: Job, *, name: str, awaited: bool = True) -> None:
        """Run ``job`` every so many seconds of the service's clock, beginning now.

        ``run_due`` does not wait for one that is not ``awaited``: long errands that nobody sees.
        """
        step = timedelta(seconds=seconds)
        self._jobs.append(_Kept(name, job, lambda at: at + step, self._clock.now(), awaited))

    def on_trading_days(self, at: time, job: Job, *, name: str, awaited: bool = True) -> None:
        """Run ``job`` at a time of Shanghai's day on each trading day."""

        def due(after: datetime) -> datetime:
            local = after.astimezone(SHANGHAI)
            today = datetime.combine(local.date(), at, SHANGHAI)
            first = local.date() if today > after else local.date() + timedelta(days=1)
            return datetime.combine(self._open_day(first), at, SHANGHAI)

        self._jobs.append(_Kept(name, job, due, due(self._clock.now()), awaited))

    def _open_day(self, first: date) -> date:
        """The first trading day from ``first`` on; past the calendar's end any day will do."""
        try:
            return self._calendar().shift(first, 0)
        except NoCalendar:
            return first

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Scheduler"]:
        """Jobs run while the block does; what runs at its end is cancelled."""
        ticker = AsyncIOScheduler()
        ticker.add_job(self._start_due, "interval", seconds=TICK_SECONDS, coalesce=True)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            ticker.start()
            try:
                yield self
            finally:
                ticker.shutdown(wait=False)
                self._tasks = None
                for kept in self._jobs:
                    if kept.task is not None:
                        kept.task.cancel()

    async def run_due(self) -> None:
        """Run what is due by the service's clock; returns when it has run."""
        running = await self._start_due()
        if running:
            await asyncio.wait(running)

    async def _start_due(self) -> list[asyncio.Task[None]]:
        """Start each due job that is not running yet; those that run, these and earlier ones."""
        now = self._clock.now()
        for kept in self._jobs:
            idle = kept.task is None or kept.task.done()
            if self._tasks is not None and idle and kept.next <= now:
                kept.next = kept.due(now)
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
