"""Delivers the outbox: in order within a lane, lanes in parallel, within the platforms' limits."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import crashpoint, outbox
from bot.chat import codec
from bot.chat.ports import Outgoing, Receipt, Sender
from bot.groupcommit import GroupCommit
from bot.limits import Limits
from bot.models import Delivery, Out, OutState
from crm.kernel.db import Store
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

SEND_SECONDS = 30
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
GIVE_UP_AFTER = timedelta(hours=24)
PARALLEL = 64
CARD_COMES_SECONDS = 0.2

_OPEN = (OutState.WAITING, OutState.SENDING)


@dataclass(slots=True)
class _Item:
    """A row of the outbox in memory."""

    id: int
    out: Outgoing
    lane: str
    priority: int
    not_before: datetime
    created_at: datetime
    attempts: int
    doubtful: bool  # an earlier try may have been shown


@dataclass(frozen=True, slots=True)
class _Mark:
    """What to write down about an item after (or before) a try."""

    item: _Item
    state: OutState
    outcome: str = ""
    code: str = ""
    platform_id: str = ""


class Dispatcher:
    """Runs for the life of the service; ``queued`` hands it what a transaction committed."""

    def __init__(self, store: Store, senders: Mapping[str, Sender], limits: Limits) -> None:
        self._store = store
        self._senders = senders
        self._limits = limits
        self._lanes: dict[str, deque[_Item]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._marks = GroupCommit(self._write)
        self._slots = asyncio.Semaphore(PARALLEL)
        self._moved = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        store.after_commit.append(self.queued)

    async def run(self) -> None:
        """Take up what the last process left, then deliver until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            async with self._store.reading() as session:
                await self._limits.load(session)
                for row in await outbox.pending(session):
                    self._queue(row)
            await asyncio.Event().wait()

    async def queued(self, session: AsyncSession) -> None:
        """After a commit: deliver what it put out. Before ``run`` the rows wait in the table."""
        rows: list[Out] = session.info.pop("queued", [])
        if self._tasks is not None:
            for row in rows:
                self._queue(row)

    def _queue(self, row: Out) -> None:
        item = _Item(
            id=row.id,
            out=codec.load_outgoing(row.item),
            lane=row.lane,
            priority=row.priority,
            not_before=row.not_before,
            created_at=row.created_at,
            attempts=row.attempts,
            doubtful=row.again or row.state is OutState.SENDING,
        )
        lane = self._lanes.get(item.lane)
        if lane is None:
            lane = self._lanes[item.lane] = deque()
            self._idle.clear()
            if self._tasks is not None:
                self._tasks.create_task(self._work(item.lane, lane))
        lane.append(item)

    @property
    def waiting(self) -> int:
        return sum(len(lane) for lane in self._lanes.values())

    async def drained(self) -> None:
        """Returns when nothing is queued in memory."""
        await self._idle.wait()

    def clock_moved(self) -> None:
        """The sandbox moved the clock: whoever waits for a moment looks again."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def _work(self, name: str, lane: deque[_Item]) -> None:
        while lane:
            item = lane[0]
            await self._until(item.not_before)
            if (item.out.update and not await self._still_wanted(item, lane)) or await self._try(
                item
            ):
                lane.popleft()
        del self._lanes[name]
        if not self._lanes:
            self._idle.set()

    async def _still_wanted(self, item: _Item, lane: deque[_Item]) -> bool:
        """False when a newer version of the card follows, or the click's answer carried this one.
        Returns once the card itself has been shown."""
        card = item.out.key.partition(".")[0]
        while True:
            if len(lane) > 1:
                await self._marks.submit(_Mark(item, OutState.SUPERSEDED))
                return False
            async with self._store.reading() as session:
                rows = await session.execute(
                    select(Out.key, Out.state).where(Out.key.in_((card, item.out.key)))
                )
                states = dict(rows.all())
            if states.get(item.out.key) not in _OPEN:
                return False
            if states.get(card) not in _OPEN:
                return True
            await asyncio.sleep(CARD_COMES_SECONDS)

    async def _until(self, moment: datetime) -> None:
        while (left := (moment - self._store.clock.now()).total_seconds()) > 0:
            moved = self._moved
            try:
                async with asyncio.timeout(min(left, LONGEST_WAIT)):
                    await moved.wait()
            except TimeoutError:
                continue

    async def _try(self, item: _Item) -> bool:
        """One try to send; True when the item is done with, one way or the other."""
        sender = self._senders.get(item.out.chat.platform)
        if sender is None:
            await self._marks.submit(_Mark(item, OutState.DEAD, "refused", "no such platform"))
            return True
        idempotent = sender.idempotent(item.out)
        out = replace(item.out, again=item.doubtful and not idempotent)
        async with self._slots:
            await self._limits.acquire(sender.buckets(out), item.priority)
            if not idempotent:
                await self._marks.submit(_Mark(item, OutState.SENDING))
            item.attempts += 1
            crashpoint.here("outbox.before_send")
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    receipt = await sender.send(out)
            except OutsideError as error:
                return await self._failed(item, error, idempotent=idempotent, again=out.again)
            except TimeoutError:
                late = OutsideError(item.out.chat.platform, "timeout", Outcome.UNKNOWN)
                return await self._failed(item, late, idempotent=idempotent, again=out.again)
        crashpoint.here("outbox.after_send")
        await self._sent(item, receipt)
        crashpoint.here("outbox.after_mark")
        return True

    async def _sent(self, item: _Item, receipt: Receipt) -> None:
        await self._marks.submit(
            _Mark(item, OutState.SENT, "sent", platform_id=receipt.platform_id)
        )

    async def _failed(
        self, item: _Item, error: OutsideError, *, idempotent: bool, again: bool
    ) -> bool:
        """Decide by what is known: try again, mark as doubtful, or give up and keep it."""
        log.warning("outbox %s: %s", item.id, error)
        too_old = self._store.clock.now() - item.created_at > GIVE_UP_AFTER
        unknown = error.outcome is Outcome.UNKNOWN
        hopeless = error.outcome is Outcome.REFUSED or too_old
        if hopeless or (unknown and not idempotent and again):
            mark = _Mark(item, OutState.DEAD, error.outcome.value, error.code)
            await self._marks.submit(mark)
            return True
        item.doubtful = item.doubtful or unknown
        item.not_before = self._store.clock.now() + timedelta(seconds=self._wait(item, error))
        await self._marks.submit(_Mark(item, OutState.WAITING, error.outcome.value, error.code))
        return False

    @staticmethod
    def _wait(item: _Item, error: OutsideError) -> float:
        if error.wait_seconds is not None:
            return error.wait_seconds * random.uniform(1.0, 1.2)  # noqa: S311  jitter
        longest: float = min(FIRST_WAIT * 2 ** (item.attempts - 1), LONGEST_WAIT)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  jitter

    async def _write(self, marks: Sequence[_Mark]) -> Sequence[None]:
        """One transaction for everything that was learned meanwhile."""
        at = self._store.clock.now()
        async with self._store.writing() as session:
            for mark in marks:
                await session.execute(
                    update(Out)
                    .where(Out.id == mark.item.id)
                    .values(
                        state=mark.state,
                        attempts=mark.item.attempts,
                        again=mark.item.doubtful,
                        not_before=mark.item.not_before,
                        ended_at=None if mark.state in _OPEN else at,
                    )
                )
            rows = [
                {
                    "out_id": mark.item.id,
                    "platform": mark.item.out.chat.platform,
                    "at": at,
                    "outcome": mark.outcome,
                    "code": mark.code[:128],
                    "platform_id": mark.platform_id[:128],
                }
                for mark in marks
                if mark.outcome
            ]
            if rows:
                await session.execute(insert(Delivery), rows)
            await self._limits.save(session)
        return [None] * len(marks)
