"""The invented market and counter: prices that move by themselves, accounts that follow them.

It never closes. At the change of the trading day it settles at the last prices. What it keeps on
disk is small: last prices and anchors, the settlements since its first day, whether it is paused.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import orjson

from bot.sandbox.accounts import Accounts
from bot.sandbox.broker import Broker
from bot.sandbox.holdings import HISTORY_DAYS, HistoryRow, holders
from bot.sandbox.instruments import product_of
from bot.sandbox.plays import Play, Score
from bot.sandbox.prices import NotPossible, Prices
from crm.kernel.calendar import Calendar, NoCalendar
from crm.kernel.clock import SHANGHAI, Clock
from risk.sources.base import ZERO, Instrument, Snapshot, Tick

SAVED_EVERY = 15  # steps; what a person did is kept at once
FINE = Decimal("0.0001")  # a hundredth of a percent
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What changed after a sequence number. A new ``edition`` asks for a new snapshot."""

    edition: str
    sequence: int
    at: datetime
    ticks: tuple[Tick, ...]


class Market:
    """One per sandbox, used on one event loop. ``path`` is its small file."""

    def __init__(self, broker: Broker, clock: Clock, calendar: Calendar, path: Path) -> None:
        self.paused = False
        self.sequence = 0
        self._seed = broker.seed
        self._clock = clock
        self._calendar = calendar
        self._path = path
        self._started = clock.now()
        self._news = asyncio.Event()
        self._changed_at: dict[str, int] = {}
        self._play: Play | None = None
        self._settlements: list[Mapping[str, Decimal]] = []  # one per day since the first
        self._prices = Prices(broker.seed)
        self.day = self._first_day = self._today()
        kept = self._read()
        if kept:
            self.day = self._first_day = date.fromisoformat(kept["first_day"])
        before = [calendar.shift(self.day, -ago) for ago in range(HISTORY_DAYS, 0, -1)]
        everyone = holders(broker, self._prices.instruments)
        self._accounts = Accounts(broker.seed, everyone, before)
        if kept:
            self._restore(kept)
        self._follow_the_calendar()

    @property
    def edition(self) -> str:
        """Changes with a restart and with the trading day."""
        return f"{self._started:%Y%m%dT%H%M%S%f}.{self.day}"

    async def run(self, seconds_per_step: float = 1.0) -> None:
        """Walk for ever; on the way out what was reached is kept."""
        try:
            while True:
                await asyncio.sleep(seconds_per_step)
                self.step()
        finally:
            self._save()

    def step(self) -> None:
        """One second of the market."""
        self._follow_the_calendar()
        if not self.paused:
            self._tell(self._prices.walk() | self._played())
            if self.sequence % SAVED_EVERY == 0:
                self._save()

    def begin(self, score: Score) -> dict[str, Any]:
        """Play this from its first beat, also where the market stood still. A restart ends it."""
        self.paused = False
        self._play = Play(score)
        self._tell(self._played())
        self._save()
        return self.quotes()

    def _played(self) -> set[str]:
        """Who moved because a new beat began."""
        if self._play is None:
            return set()
        wanted = self._play.step(self._prices.instruments)
        if self._play.over:
            self._play = None
        return self._prices.put(wanted)

    def apply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What ``POST /sandbox/market`` asks; the prices that changed. Whoever sets prices ends a
        play. Raises NotPossible."""
        moved: set[str] = set()
        match dict(body):
            case {"set": dict(wanted), **rest} if wanted and not rest:
                moved = self._prices.put(_numbers(wanted))
            case {"shock": dict(wanted), **rest} if wanted and not rest:
                moved = self._prices.shock(_numbers(wanted))
            case {"pause": bool(paused), **rest} if not rest:
                self.paused = paused
            case _:
                raise NotPossible("请给出 set、shock 或 pause 之一")
        if moved:
            self._play = None
        self._tell(moved)
        self._save()
        instruments = self._prices.instruments
        return {
            "paused": self.paused,
            "prices": {name: str(instruments[name].last) for name in sorted(moved)},
        }

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """Every instrument by id, with its last price and today's limits."""
        self._follow_the_calendar()
        return self._prices.instruments

    def quotes(self) -> dict[str, Any]:
        """What ``GET /sandbox/market`` shows; ``change`` is a fraction of ``prev_settle``, ``play``
        null where none is on."""
        return {
            "paused": self.paused,
            "play": self._play.told() if self._play else None,
            "prices": {name: _quote(each) for name, each in self.instruments.items()},
        }

    def snapshot(self) -> Snapshot:
        """Everything, margins and equity left for the book to compute."""
        self._follow_the_calendar()
        return Snapshot(
            trading_day=self.day,
            at=self._now(),
            complete=True,
            instruments=tuple(self._prices.instruments.values()),
            accounts=self._accounts.funds,
            positions=self._accounts.positions,
        )

    def changes(self, after: int) -> Changes:
        """The latest price of everything that moved after this sequence number."""
        at = self._now()
        instruments = self._prices.instruments
        ticks = tuple(
            Tick(instrument=name, last=instruments[name].last or ZERO, at=at)
            for name, changed in self._changed_at.items()
            if changed > after
        )
        return Changes(edition=self.edition, sequence=self.sequence, at=at, ticks=ticks)

    async def changed(self, after: int, edition: str, wait_seconds: float) -> Changes:
        """``changes``, as soon as there are any or the wait is over; at once for an old edition."""
        try:
            async with asyncio.timeout(wait_seconds):
                while self.sequence <= after and self.edition == edition:
                    await self._news.wait()
        except TimeoutError:
            pass
        return self.changes(after)

    def history(self, account: str) -> list[HistoryRow] | None:
        """Settled equity and net deposit of the last sixty days; None for an unknown account."""
        return self._accounts.history(account)

    def _tell(self, moved: Iterable[str]) -> None:
        self.sequence += 1
        self._changed_at.update(dict.fromkeys(moved, self.sequence))
        self._news.set()
        self._news = asyncio.Event()

    def _follow_the_calendar(self) -> None:
        today = self._today()
        if self.day >= today:
            return
        while self.day < today:
            self._close_day(self._prices.last())
        self._tell(())
        self._save()

    def _close_day(self, settlement: Mapping[str, Decimal]) -> None:
        next_day = self._calendar.shift(self.day, 1)
        self._accounts.settle(self.day, next_day, self._prices.instruments, settlement)
        self._prices.open_after(settlement)
        self._settlements.append(settlement)
        self.day = next_day

    def _today(self) -> date:
        try:
            return self._calendar.trading_day(self._clock.now())
        except NoCalendar:  # past the announced years the last known day goes on
            return self._calendar.days[-1]

    def _now(self) -> datetime:
        return self._clock.now().astimezone(SHANGHAI)

    def _read(self) -> dict[str, Any] | None:
        """What an earlier run of the same seed kept."""
        try:
            kept = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except orjson.JSONDecodeError:
            log.warning("market state %s is not readable, starting afresh", self._path)
            return None
        return kept if kept["seed"] == self._seed else None

    def _restore(self, kept: Mapping[str, Any]) -> None:
        for settlement in kept["settlements"]:
            self._close_day({name: Decimal(price) for name, price in settlement.items()})
        self._prices.restore(kept["prices"])
        self.paused = kept["paused"]

    def _save(self) -> None:
        """All or nothing, so that a kill at any moment leaves a readable file."""
        kept = {
            "seed": self._seed,
            "first_day": self._first_day,
            "paused": self.paused,
            "prices": self._prices.state(),
            "settlements": self._settlements,
        }
        draft = self._path.with_suffix(".new")
        draft.write_bytes(orjson.dumps(kept, default=str))
        draft.replace(self._path)


def _quote(each: Instrument) -> dict[str, str]:
    last, settled = each.last or ZERO, each.prev_settle or ZERO
    change = (last / settled - 1).quantize(FINE) if settled else ZERO
    return {
        "name": product_of(each).name,
        "last": str(last),
        "prev_settle": str(settled),
        "change": str(change),
    }


def _numbers(wanted: Mapping[str, Any]) -> dict[str, Decimal]:
    return {name: _number(value, name) for name, value in wanted.items()}


def _number(value: object, name: str) -> Decimal:
    """A JSON number or decimal string, without the binary dust of a float."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise NotPossible(f"{name} 应为数字")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise NotPossible(f"{name} 应为数字") from None
    if not number.is_finite():
        raise NotPossible(f"{name} 应为有限的数字")
    return number
