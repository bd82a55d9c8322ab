"""The latest funds, positions and prices of every account, and any one's figures from them."""

import asyncio
from collections import ChainMap
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from crm.kernel.calendar import Calendar
from risk.figures import TERMS, Figures, Terms, figures
from risk.levels import Level
from risk.sessions import open_time
from risk.sources.base import AccountFunds, Instrument, PositionRow, Snapshot, Source, Tick, Ticks

FRESH = timedelta(seconds=30)  # no word for longer, in trading time, and figures are stale


class Book:
    """What one source said last. Written and read on one event loop."""

    def __init__(
        self, calendar: Calendar, *, terms: Terms = TERMS, limit: timedelta = FRESH
    ) -> None:
        self.terms = terms
        self.trading_day: date | None = None
        self.as_of: datetime | None = None
        self.version = 0  # grows with every word of the source
        self._calendar = calendar
        self._limit = limit
        self._funds: dict[str, AccountFunds] = {}
        self._positions: dict[str, tuple[PositionRow, ...]] = {}
        self._instruments: dict[str, Instrument] = {}
        self._instruments_then: dict[str, dict[str, Instrument]] = {}  # by account
        self._prices: dict[str, Tick] = {}
        self._gone: frozenset[str] = frozenset()
        self._changed = asyncio.Condition()

    async def run(self, source: Source) -> None:
        """Follow ``source`` for ever."""
        async with aclosing(source.updates()) as updates:
            async for update in updates:
                self.take(update)
                async with self._changed:
                    self._changed.notify_all()

    async def changed(self, since: int) -> int:
        """Wait until the source has spoken after version ``since``; the version then."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.version > since)
            return self.version

    def take(self, update: Snapshot | Ticks) -> None:
        match update:
            case Snapshot():
                self._take_snapshot(update)
            case Ticks():
                self._take_ticks(update.ticks)
        self.as_of = max(self.as_of, update.at) if self.as_of else update.at
        self.version += 1

    def accounts(self) -> Iterable[str]:
        return self._funds.keys()

    def instrument(self, name: str) -> Instrument | None:
        """An instrument with its latest price."""
        found, tick = self._instruments.get(name), self._prices.get(name)
        return replace(found, last=tick.last) if found and tick else found

    def figures_of(self, account: str, now: datetime) -> Figures | None:
        """None for an account that the source never told of."""
        funds = self._funds.get(account)
        if funds is None:
            return None
        positions = self._positions.get(account, ())
        instruments = ChainMap(self._instruments_then[account], self._instruments)
        found = figures(funds, positions, instruments, self._ticks(positions), self.terms)
        found = replace(found, as_of=self.as_of, stale=self.is_stale(now))
        if account in self._gone:
            missing = (*found.missing, "最新快照中没有这个账户")
            return replace(found, level=Level.UNSURE, missing=missing)
        return found

    def is_stale(self, now: datetime) -> bool:
        """Whether the source has been silent for too long, counting trading time only."""
        if self.as_of is None:
            return True
        return open_time(self._calendar, self.as_of, now) > self._limit

    def _ticks(self, positions: Iterable[PositionRow]) -> dict[str, Decimal]:
        held = {row.instrument for row in positions}
        return {name: self._prices[name].last for name in held if name in self._prices}

    def _take_snapshot(self, snapshot: Snapshot) -> None:
        told = {funds.account for funds in snapshot.accounts}
        if snapshot.trading_day != self.trading_day:
            self._forget()
            self.trading_day = snapshot.trading_day
        # An account that was there this morning has not vanished: its data are in doubt.
        self._gone = frozenset(
            self._funds.keys() - told if snapshot.complete else self._gone - told
        )
        self._instruments.update((each.id, each) for each in snapshot.instruments)
        self._take_ticks(
            Tick(instrument=each.id, last=each.last, at=snapshot.at)
            for each in snapshot.instruments
            if each.last is not None
        )
        # Amounts that the counter told are moved by the prices since, so those are kept with them.
        then = dict(self._instruments)
        self._instruments_then.update((account, then) for account in told)
        self._funds.update((each.account, each) for each in snapshot.accounts)
        self._positions.update(_by_account(told, snapshot.positions))

    def _take_ticks(self, ticks: Iterable[Tick]) -> None:
        for tick in ticks:
            known = self._prices.get(tick.instrument)
            if known is None or known.at <= tick.at:
                self._prices[tick.instrument] = tick

    def _forget(self) -> None:
        self._funds.clear()
        self._positions.clear()
        self._instruments.clear()
        self._instruments_then.clear()
        self._prices.clear()
        self._gone = frozenset()


def _by_account(
    accounts: Iterable[str], positions: Iterable[PositionRow]
) -> dict[str, tuple[PositionRow, ...]]:
    rows: dict[str, list[PositionRow]] = {account: [] for account in accounts}
    for row in positions:
        rows.setdefault(row.account, []).append(row)
    return {account: tuple(group) for account, group in rows.items()}
