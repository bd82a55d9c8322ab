"""The running service: its parts, how they are, and what the sandbox may tell it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from bot import staging
from bot.app.front import STANDS_BY, Front
from bot.chat.ports import Blobs, Health
from bot.desk import Desk
from bot.jobs.alarm import alarm
from bot.jobs.people_left import Directory, people_left
from bot.outbox import backlog
from bot.outbox.dispatch import Dispatcher
from bot.pages.site import Site
from bot.platforms.wecom.stored import StoredNotes
from bot.scheduler import Scheduler
from bot.settings import Settings
from bot.store.lease import Lease
from crm.kernel.clock import SystemClock
from crm.kernel.database import Database
from crm.kernel.db import Store
from handlers.upkeep import SourceState
from risk.book import Book
from risk.sources.base import Source
from risk.sources.push import PushSource
from risk.sources.sim import SimSource
from risk.told import FRESH as LIMIT_OF_A_SOURCE

LEADS = "本进程处理全部消息"
BEAT_SECONDS = 2.0  # within which a source speaks


@dataclass(kw_only=True)
class Service:
    """The running service, as its web pages and the demo see it."""

    front: Front
    store: Store
    blobs: Blobs
    notes: StoredNotes
    desk: Desk
    dispatcher: Dispatcher
    scheduler: Scheduler
    book: Book
    pages: Site
    directories: Mapping[str, Directory]
    sources: dict[str, Source] = field(default_factory=dict)
    leads: bool = False  # of several processes the one that serves people; the others only hear

    @property
    def settings(self) -> Settings:
        return self.front.settings

    @property
    def clock(self) -> SystemClock:
        return self.front.clock

    @property
    def database(self) -> Database:
        return self.front.database

    @property
    def lease(self) -> Lease:
        return self.front.lease

    @property
    def pushes(self) -> dict[str, PushSource]:
        """The sources that are pushed to."""
        sources = self.sources.items()
        return {name: each for name, each in sources if isinstance(each, PushSource)}

    @property
    def control_secret(self) -> str:
        sandbox = self.settings.sandbox
        return sandbox.secret.get_secret_value() if sandbox else ""

    def health(self) -> dict[str, Health]:
        """Each part and how it is; adapters that cannot receive make the service unready."""
        parts = self.front.hearing()
        if not self.store.is_sqlite:  # there may be others
            parts["lead"] = Health(ok=True, detail=LEADS if self.leads else STANDS_BY)
        for name, source in self.sources.items() if self.leads else ():
            told, age = source.health(), None
            if told.age_seconds is not None:
                age = timedelta(seconds=told.age_seconds)
            since = None if age is None else self.clock.now() - age
            parts[f"source.{name}"] = Health(ok=told.ok, detail=told.detail, since=since)
        return parts

    def source_states(self) -> dict[str, SourceState]:
        """Each source with how long ago it spoke, and how long it may be silent."""
        return {name: self._state_of(source) for name, source in self.sources.items()}

    def _state_of(self, source: Source) -> SourceState:
        told = source.health()
        age = None if told.age_seconds is None else timedelta(seconds=told.age_seconds)
        known = self.book.told.get(source.name)
        return SourceState(
            health=Health(ok=told.ok, detail=told.detail),
            age=age,
            limit=known.limit if known else LIMIT_OF_A_SOURCE,
        )

    async def move_clock(self, offset: timedelta) -> None:
        """The sandbox moved its clock: follow, hear the market again, and run what is due."""
        self.clock.offset = offset
        self.dispatcher.clock_moved()
        with suppress(TimeoutError):
            follows = any(isinstance(each, SimSource) for each in self.sources.values())
            async with asyncio.timeout(BEAT_SECONDS if follows else 0):
                await self.book.changed(self.book.version)
        await self.scheduler.run_due()

    async def people_changed(self, platform: str, users: tuple[str, ...]) -> None:
        """Their records should be read again. Raises OutsideError."""
        await people_left(self.store, platform, self.directories[platform], users)

    async def alarm(self, part: str, title: str, text: str) -> None:
        """Something that the system admins must mend."""
        await alarm(self.store, self.desk, part, title, text)

    async def count_what_is_left(self) -> None:
        await backlog.count_what_is_left(self.store)

    async def stage(self, scene: dict[str, object]) -> dict[str, object]:
        """The sandbox wants a situation. Raises UserError, or ValueError for one not spelled
        right."""
        return await staging.approvals(self.store, self.desk, scene)
