"""What the clock does: APScheduler behind our own verbs.

APScheduler ticks in real time; each job looks at the service's own clock to see what is due, so
that moving the clock in the sandbox makes due jobs run at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI, Clock
from crm.kernel.errors import OutsideError

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]
LIMIT_SECONDS = 60


@dataclass(slots=True)
class _Kept:
    name: str
    job: Job
    due: Callable[[datetime], datetime]  # the first moment after one when it is to run
    next: datetime
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class Scheduler:
    def __init__(self, clock: Clock, calendar: Callable[[], Calendar]) -> None:
        self._clock = clock
        self._calendar = calendar
        self._jobs: list[_Kept] = []
        self._ticker = AsyncIOScheduler()

    def every(self, seconds: float, job: Job, *, name: str) -> None:
        """Run ``job`` every so many seconds of the service's clock, beginning now."""
        step = timedelta(seconds=seconds)
        self._jobs.append(_Kept(name, job, lambda at: at + step, self._clock.now()))

    def on_trading_days(self, at: time, job: Job, *, name: str) -> None:
        """Run ``job`` at a time of Shanghai's day on each trading day."""
        due = self._next_trading(at)
        self._jobs.append(_Kept(name, job, due, due(self._clock.now())))

    def _next_trading(self, at: time) -> Callable[[datetime], datetime]:
        def due(after: datetime) -> datetime:
            local = after.astimezone(SHANGHAI)
            today = datetime.combine(local.date(), at, SHANGHAI)
            first = local.date() if today > after else local.date() + timedelta(days=1)
            return datetime.combine(self._calendar().shift(first, 0), at, SHANGHAI)

        return due

    def start(self) -> None:
        self._ticker.add_job(self.run_due, "interval", seconds=0.5, max_instances=1, coalesce=True)
        self._ticker.start()

    def stop(self) -> None:
        if self._ticker.running:
            self._ticker.shutdown(wait=False)

    async def run_due(self) -> None:
        """Run what is due by the service's clock, one after the other."""
        now = self._clock.now()
        for kept in self._jobs:
            if kept.next <= now:
                await self._run(kept, now)

    async def _run(self, kept: _Kept, now: datetime) -> None:
        async with kept.busy:
            if kept.next > now:
                return
            try:
                async with asyncio.timeout(LIMIT_SECONDS):
                    await kept.job()
            except (OutsideError, TimeoutError) as error:
                log.warning("job %s will try again: %s", kept.name, type(error).__name__)
            except Exception:  # allowed here: a bug in one job is not an outage
                log.exception("job %s is broken", kept.name)
            kept.next = kept.due(now)
