"""Delivers the outbox: in order within a lane, lanes in parallel, within the platforms' limits.

Of several processes the one that leads delivers: lanes and limits are in its memory.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import compress, islice
from secrets import token_hex
from typing import TypeVar

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import crashpoint, metrics
from bot.chat.message import Card
from bot.chat.ports import Sender
from bot.models import Delivery, LiveCard, Out, OutState
from bot.outbox import outbox
from bot.outbox.limits import Limits
from bot.outbox.outbox import Item
from bot.store.bell import Bell
from bot.store.failure import will_pass
from bot.store.groupcommit import GroupCommit
from bot.store.lease import ALONE, Leader
from crm.kernel.db import Store, table
from crm.kernel.errors import Outcome, OutsideError

log = logging.getLogger(__name__)

T = TypeVar("T")

SEND_SECONDS = 30
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
GIVE_UP_AFTER = 24 * 3600.0
PARALLEL = 64
CARD_COMES_SECONDS = 0.2
LONG_WAITED = 1.0  # its reader may have left meanwhile
DATABASE_WAIT = 5.0
STOP_SECONDS = 3.0  # for what is being sent when we stop
OVERLAP = 1_000  # a number may be seen so many later: transactions end in another order

_MARKED = ("state", "attempts", "again", "holder", "not_before", "ended_at")
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


def _state(mark: _Mark, holder: str, at: datetime) -> dict[str, object]:
    return {
        "number": mark.item.id,
        "to_state": mark.state,
        "to_attempts": mark.item.attempts,
        "to_again": mark.item.doubtful,
        "to_holder": holder,
        "to_not_before": mark.item.not_before,
        "to_ended_at": None if mark.state in _OPEN else at,
    }


class Dispatcher:
    """``queued`` hands it what a transaction of this process committed, ``take_up`` finds what
    others did; while it does not ``run``, the bell calls the process whose dispatcher does."""

    def __init__(
        self,
        store: Store,
        senders: Mapping[str, Sender],
        limits: Limits,
        bell: Bell,
        leader: Leader = ALONE,
    ) -> None:
        self._store = store
        self._senders = senders
        self._limits = limits
        self._bell = bell
        self._leader = leader
        self._name = token_hex(6)
        self._lanes: dict[str, deque[Item]] = {}
        self._known: set[int] = set()  # rows that are in a lane
        self._highest = 0  # row that was in one
        self._early: list[Item] | None = None  # put out while older ones are still being read
        self._tasks: asyncio.TaskGroup | None = None
        self._in_hand: set[asyncio.Task[None]] = set()  # which are sending
        self._marks = GroupCommit(self._write)
        self._slots = asyncio.Semaphore(PARALLEL)
        self._moved = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        store.after_commit.append(self.queued)

    async def run(self) -> None:
        """Take up what the last process left, then deliver until cancelled. What is being sent then
        may come to its end."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks, self._early = tasks, []
            self._idle.clear()
            try:
                await self._surely(self._take_over)
                await asyncio.Event().wait()
            finally:
                self._tasks = None
                await self._come_to_rest()

    async def _take_over(self) -> None:
        async with self._store.reading() as session:
            await self._limits.load(session)
        async with self._store.writing() as session:
            await outbox.release(session)
        await self._read_on(after=0)
        early, self._early = self._early or [], None
        self._queue_all(replace(item, found=True) for item in early)  # perhaps just now, too
        self._rest_if_idle()

    async def take_up(self) -> None:
        """What other processes put out."""
        if self._tasks is not None and self._early is None:
            await self._read_on(after=self._highest - OVERLAP)

    async def _read_on(self, after: int) -> None:
        """Queue what waits behind a number; in pieces, because it may be much."""
        while True:
            async with self._store.reading() as session:
                numbers = await outbox.waiting(session, after=after)
                unknown = [number for number in numbers if number not in self._known]
                self._queue_all(await outbox.read(session, unknown))
            if len(numbers) < outbox.MANY:
                return
            after = numbers[-1]

    async def _come_to_rest(self) -> None:
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=STOP_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._marks.settle()

    async def queued(self, session: AsyncSession) -> None:
        """After a commit: deliver what it put out."""
        items: list[Item] = session.info.pop("queued", [])
        if self._tasks is None:
            if items:
                self._bell.ring()
        elif self._early is not None:
            self._early += items
        else:
            self._queue_all(items)

    def _queue_all(self, items: Iterable[Item]) -> None:
        for item in items:
            if item.id not in self._known:
                self._queue(item)

    def _queue(self, item: Item) -> None:
        clock = self._store.clock
        before = (clock.now() - item.created_at).total_seconds() if item.found else 0.0
        item.since = clock.steady() - max(before, 0.0)
        self._known.add(item.id)
        self._highest = max(self._highest, item.id)
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
        while lane and self._tasks is not None and await self._leader.ours():
            item = lane[0]
            await self._until_its_time(item)
            done = not await self._still_wanted(item)
            if not done:
                done = await self._try(item)
                for later in islice(lane, 1, None):
                    later.overtaken = item.out.update
            if done:
                self._known.discard(lane.popleft().id)
        del self._lanes[name]
        self._rest_if_idle()

    def _rest_if_idle(self) -> None:
        if not self._lanes and self._early is None:
            self._idle.set()

    async def _still_wanted(self, item: Item) -> bool:
        """False for what was taken back while it waited, and for a version of a card when there is
        a newer one, or the click's answer carried this one. Returns once the card itself has been
        shown."""
        card = item.out.part
        late = item.found or self._age(item) > LONG_WAITED
        if late and not await self._surely(lambda: self._is_open(item)):
            return False
        if not item.out.update or not isinstance(card, Card):
            return True
        while True:
            newest, states = await self._surely(lambda: self._known_of(card.id, item.out.key))
            if newest > card.version:
                await self._mark(_Mark(item, OutState.SUPERSEDED))
                self._hasten(item)
                return False
            if states.get(item.out.key) not in _OPEN and not item.overtaken:
                return False
            if states.get(card.id) not in _OPEN:
                return True
            await asyncio.sleep(CARD_COMES_SECONDS)

    def _hasten(self, item: Item) -> None:
        """What comes in its place is due when it was: else somebody who presses again and again
        would never see what came of it."""
        for later in islice(self._lanes[item.lane], 1, None):
            later.not_before = min(later.not_before, item.not_before)

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

    async def _until_its_time(self, item: Item) -> None:
        """As long as it was told to wait, and no longer when the time of day is set back."""
        clock = self._store.clock
        left = min(item.not_before - clock.now(), item.not_before - item.created_at)
        end = clock.steady() + left.total_seconds()
        while (seconds := end - clock.steady()) > 0:
            moved = self._moved
            with suppress(TimeoutError):
                async with asyncio.timeout(min(seconds, LONGEST_WAIT)):
                    await moved.wait()

    def _age(self, item: Item) -> float:
        """Seconds since it was put out, by the steady clock."""
        return self._store.clock.steady() - item.since

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
        async with self._slots, self._to_its_end():
            if self._tasks is None or not await self._leader.ours():
                return False  # the next one to lead sends it
            if not idempotent and not await self._mark(_Mark(item, OutState.SENDING)):
                return True  # another process has it
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
            mark = _Mark(item, OutState.SENT, "sent", platform_id=receipt.platform_id)
            await self._mark(mark)
        crashpoint.here("outbox.after_mark")
        return True

    @asynccontextmanager
    async def _to_its_end(self) -> AsyncIterator[None]:
        """What is done in the block may come to its end when we stop."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be waited for")
        self._in_hand.add(task)
        try:
            yield
        finally:
            self._in_hand.discard(task)

    async def _failed(
        self, item: Item, error: OutsideError, *, idempotent: bool, again: bool
    ) -> bool:
        """Decide by what is known: try again, mark as doubtful, or give up and keep it."""
        log.warning("outbox %s: %s", item.id, error)
        too_old = self._age(item) > GIVE_UP_AFTER
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

    async def _mark(self, mark: _Mark) -> bool:
        """Written down; False when it is not ours to send."""
        return await self._surely(lambda: self._marks.submit(mark))

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

    async def _write(self, marks: Sequence[_Mark]) -> Sequence[bool]:
        """One transaction for everything that was learned meanwhile."""
        at = self._store.clock.now()
        async with self._store.writing(brief=True) as session:
            to_send = [mark.item.id for mark in marks if mark.state is OutState.SENDING]
            ours = await outbox.claim(session, to_send, self._name) if to_send else set()
            kept = [mark.state is not OutState.SENDING or mark.item.id in ours for mark in marks]
            states = [_state(mark, self._name, at) for mark in compress(marks, kept)]
            if states:
                await session.execute(_MARK, states)
            rows = [_told(mark, at) for mark in marks if mark.outcome]
            if rows:
                await session.execute(_TOLD, rows)
            await self._limits.save(session)
        for mark in marks:
            if mark.outcome:
                metrics.SENT.labels(mark.item.out.chat.platform, mark.outcome).inc()
        return kept


def _told(mark: _Mark, at: datetime) -> dict[str, object]:
    return {
        "out_id": mark.item.id,
        "platform": mark.item.out.chat.platform,
        "at": at,
        "outcome": mark.outcome,
        "code": mark.code[:128],
        "platform_id": mark.platform_id[:128],
    }
