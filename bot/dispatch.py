"""Delivers the outbox: in order within a lane, lanes in parallel, within the platforms' limits."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import crashpoint, metrics, outbox
from bot.chat.message import Card
from bot.chat.ports import Receipt, Sender
from bot.dbfailure import will_pass
from bot.groupcommit import GroupCommit
from bot.limits import Limits
from bot.models import Delivery, LiveCard, Out, OutState
from bot.outbox import Item
from crm.kernel.db import Store, table
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

T = TypeVar("T")

SEND_SECONDS = 30
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
GIVE_UP_AFTER = timedelta(hours=24)
PARALLEL = 64
CARD_COMES_SECONDS = 0.2
LONG_WAITED = timedelta(seconds=1)  # its reader may have left meanwhile
DATABASE_WAIT = 5.0

_MARKED = ("state", "attempts", "again", "not_before", "ended_at")
_OPEN = outbox.UNDER_WAY


@dataclass(frozen=True, slots=True)
class _Mark:
    """What to write down about an item after (or before) a try."""

    item: Item
    state: OutState
    outcome: str = ""
    code: str = ""
    platform_id: str = ""


_MARK = (
    update(table(Out))
    .where(table(Out).c.id == bindparam("number"), table(Out).c.state != OutState.DROPPED)
    .values({name: bindparam(f"to_{name}") for name in _MARKED})
)
_TOLD = insert(table(Delivery))


def _state(mark: _Mark, at: datetime) -> dict[str, object]:
    return {
        "number": mark.item.id,
        "to_state": mark.state,
        "to_attempts": mark.item.attempts,
        "to_again": mark.item.doubtful,
        "to_not_before": mark.item.not_before,
        "to_ended_at": None if mark.state in _OPEN else at,
    }


class Dispatcher:
    """Runs for the life of the service; ``queued`` hands it what a transaction committed."""

    def __init__(self, store: Store, senders: Mapping[str, Sender], limits: Limits) -> None:
        self._store = store
        self._senders = senders
        self._limits = limits
        self._lanes: dict[str, deque[Item]] = {}
        self._early: list[Item] = []  # put out before ``run`` was ready for it
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
            async with self._store.reading() as session:
                await self._limits.load(session)
                left = await outbox.pending(session)
            self._tasks = tasks
            # What is committed while we read may be in both.
            waiting = {item.id: item for item in (*left, *self._early)}
            for number in sorted(waiting):
                self._queue(waiting[number])
            self._early.clear()
            await asyncio.Event().wait()

    async def queued(self, session: AsyncSession) -> None:
        """After a commit: deliver what it put out."""
        items: list[Item] = session.info.pop("queued", [])
        if self._tasks is None:
            self._early += items
            return
        for item in items:
            self._queue(item)

    def _queue(self, item: Item) -> None:
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

    async def _work(self, name: str, lane: deque[Item]) -> None:
        while lane:
            item = lane[0]
            await self._until(item.not_before)
            if not await self._still_wanted(item):
                lane.popleft()
                continue
            done = await self._try(item)
            for later in islice(lane, 1, None):
                later.overtaken = item.out.update
            if done:
                lane.popleft()
        del self._lanes[name]
        if not self._lanes:
            self._idle.set()

    async def _still_wanted(self, item: Item) -> bool:
        """False for what was taken back while it waited, and for a version of a card when there is
        a newer one, or the click's answer carried this one. Returns once the card itself has been
        shown."""
        card = item.out.part
        if self._store.clock.now() - item.created_at > LONG_WAITED and not await self._surely(
            lambda: self._is_open(item)
        ):
            return False
        if not item.out.update or not isinstance(card, Card):
            return True
        while True:
            newest, states = await self._surely(lambda: self._known_of(card.id, item.out.key))
            if newest > card.version:
                await self._mark(_Mark(item, OutState.SUPERSEDED))
                return False
            if states.get(item.out.key) not in _OPEN and not item.overtaken:
                return False
            if states.get(card.id) not in _OPEN:
                return True
            await asyncio.sleep(CARD_COMES_SECONDS)

    async def _is_open(self, item: Item) -> bool:
        async with self._store.reading(brief=True) as session:
            state = await session.scalar(select(Out.state).where(Out.id == item.id))
        return state in _OPEN

    async def _known_of(self, card: str, key: str) -> tuple[int, dict[str, OutState]]:
        """A card's newest version, and how far its showing and this version's delivery are."""
        async with self._store.reading() as session:
            newest = await session.scalar(select(LiveCard.version).where(LiveCard.id == card))
            rows = await session.execute(select(Out.key, Out.state).where(Out.key.in_((card, key))))
            return newest or 0, dict(rows.all())

    async def _until(self, moment: datetime) -> None:
        while (left := (moment - self._store.clock.now()).total_seconds()) > 0:
            moved = self._moved
            try:
                async with asyncio.timeout(min(left, LONGEST_WAIT)):
                    await moved.wait()
            except TimeoutError:
                continue

    async def _try(self, item: Item) -> bool:
        """One try to send; True when the item is done with, one way or the other."""
        try:
            return await self._send(item)
        except Exception as error:
            if will_pass(error):  # e.g. a picture could not be read from the store
                busy = OutsideError("store", type(error).__name__, Outcome.RETRY)
                return await self._failed(item, busy, idempotent=True, again=False)
            log.exception("outbox %s broke its sender", item.id)  # one bug is not an outage
            await self._mark(_Mark(item, OutState.DEAD, "refused", "broken"))
            return True

    async def _send(self, item: Item) -> bool:
        sender = self._senders.get(item.out.chat.platform)
        if sender is None:
            await self._mark(_Mark(item, OutState.DEAD, "refused", "no such platform"))
            return True
        idempotent = sender.idempotent(item.out)
        out = replace(item.out, again=item.doubtful and not idempotent)
        await self._limits.acquire(sender.buckets(out), item.priority)
        async with self._slots:
            if not idempotent:
                await self._mark(_Mark(item, OutState.SENDING))
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

    async def _sent(self, item: Item, receipt: Receipt) -> None:
        await self._mark(_Mark(item, OutState.SENT, "sent", platform_id=receipt.platform_id))

    async def _failed(
        self, item: Item, error: OutsideError, *, idempotent: bool, again: bool
    ) -> bool:
        """Decide by what is known: try again, mark as doubtful, or give up and keep it."""
        log.warning("outbox %s: %s", item.id, error)
        too_old = self._store.clock.now() - item.created_at > GIVE_UP_AFTER
        unknown = error.outcome is Outcome.UNKNOWN
        hopeless = error.outcome is Outcome.REFUSED or too_old
        if hopeless or (unknown and not idempotent and again):
            mark = _Mark(item, OutState.DEAD, error.outcome.value, error.code)
            await self._mark(mark)
            return True
        item.doubtful = item.doubtful or unknown
        item.not_before = self._store.clock.now() + timedelta(seconds=self._wait(item, error))
        await self._mark(_Mark(item, OutState.WAITING, error.outcome.value, error.code))
        return False

    @staticmethod
    def _wait(item: Item, error: OutsideError) -> float:
        if error.wait_seconds is not None:
            return error.wait_seconds * random.uniform(1.0, 1.2)  # noqa: S311  jitter
        longest: float = min(FIRST_WAIT * 2 ** (item.attempts - 1), LONGEST_WAIT)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  jitter

    async def _mark(self, mark: _Mark) -> None:
        await self._surely(lambda: self._marks.submit(mark))

    @staticmethod
    async def _surely(job: Callable[[], Awaitable[T]]) -> T:
        """What ``job`` gives, once the database is there: what was sent must be written down."""
        wait = FIRST_WAIT
        while True:
            try:
                return await job()
            except Exception as error:
                if not will_pass(error):
                    raise
                log.warning("outbox: waiting for the database: %s", type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(2 * wait, DATABASE_WAIT)

    async def _write(self, marks: Sequence[_Mark]) -> Sequence[None]:
        """One transaction for everything that was learned meanwhile."""
        at = self._store.clock.now()
        async with self._store.writing(brief=True) as session:
            await session.execute(_MARK, [_state(mark, at) for mark in marks])
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
                await session.execute(_TOLD, rows)
            await self._limits.save(session)
        for mark in marks:
            if mark.outcome:
                metrics.SENT.labels(mark.item.out.chat.platform, mark.outcome).inc()
        return [None] * len(marks)
