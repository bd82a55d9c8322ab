"""All trading data: what each source said last, and any account's figures and level from it.

Sources are kept apart, with prices of their own. An account is taken from the first that tells of
it, in the order of the settings; the invented market of the sandbox comes last.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from heapq import nlargest

from crm.kernel.calendar import Calendar
from crm.kernel.money import yuan
from risk.figures import TERMS, Figures, Terms
from risk.levels import Level
from risk.sources.base import Instrument, Snapshot, Source, Ticks
from risk.told import FRESH, Account, Sorted, Told

MANY = 2_000  # rows of a snapshot that are made ready in a thread
LAST = "sim"


@dataclass(frozen=True, slots=True)
class BranchSum:
    """For a look: sums of float64 columns, accounts in doubt left out."""

    accounts: int
    equity: Decimal
    margin: Decimal


class Book:
    """Written and read on one event loop."""

    def __init__(
        self, calendar: Calendar, *, terms: Terms = TERMS, limit: timedelta = FRESH
    ) -> None:
        self.terms = terms
        self.version = 0  # grows with every word of a source
        self._calendar = calendar
        self._limit = limit
        self._told: dict[str, Told] = {}
        self._changed = asyncio.Condition()

    async def run(self, source: Source) -> None:
        """Follow ``source`` for ever."""
        self.expect(source.name)
        async with aclosing(source.updates()) as updates:
            async for update in updates:
                ready = await self._ready(update, source.name)
                self.take(ready, source.name)
                if isinstance(ready, Sorted):
                    await asyncio.to_thread(self._told[source.name].settle)
                async with self._changed:
                    self._changed.notify_all()

    async def changed(self, since: int) -> int:
        """Wait until a source has spoken after version ``since``; the version then."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.version > since)
            return self.version

    def expect(self, source: str, *, limit: timedelta | None = None) -> Told:
        """The place of a source; ``limit`` is how long it may be silent."""
        if source not in self._told:
            self._told[source] = Told(self._calendar, limit=limit or self._limit)
            self._told = dict(sorted(self._told.items(), key=lambda each: each[0] == LAST))
        return self._told[source]

    def take(self, update: Snapshot | Ticks | Sorted, source: str = LAST) -> None:
        self.expect(source).take(update)
        self.version += 1

    @property
    def told(self) -> Mapping[str, Told]:
        """By name of the source."""
        return self._told

    @property
    def trading_day(self) -> date | None:
        """The newest that a source has told of."""
        return max((told.trading_day for told in self._spoken() if told.trading_day), default=None)

    @property
    def as_of(self) -> datetime | None:
        return max((told.as_of for told in self._spoken() if told.as_of), default=None)

    def accounts(self) -> Collection[str]:
        spoken = list(self._spoken())
        if len(spoken) == 1:
            return spoken[0].accounts()
        return {account for told in spoken for account in told.accounts()}

    def source_of(self, account: str) -> str | None:
        """Who tells of the account."""
        return next((name for name, told in self._told.items() if account in told), None)

    def instrument(self, name: str) -> Instrument | None:
        """An instrument with its latest price."""
        found = (told.instrument(name) for told in self._told.values())
        return next((each for each in found if each), None)

    def account(self, account: str) -> Account | None:
        """What its figures are made of."""
        source = self.source_of(account)
        return None if source is None else self._told[source].account(account)

    def figures_of(self, account: str, now: datetime) -> Figures | None:
        """None for an account that no source told of."""
        source = self.source_of(account)
        return None if source is None else self._told[source].figures_of(account, now, self.terms)

    def levels(self, at_least: Level = Level.NORMAL) -> dict[str, Level]:
        """Every account that is at least so bad; 异常 counts as worst. Exact: float64 columns
        propose, Decimal decides near a line."""
        found: dict[str, Level] = {}
        for told in reversed(self._told.values()):  # the first to tell has the last word
            found = {name: level for name, level in found.items() if name not in told}
            found.update(told.levels(self.terms, at_least))
        return found

    def counts(self) -> Counter[Level]:
        """How many accounts are at each level."""
        return Counter(self.levels().values())

    def top(self, n: int, now: datetime, among: Collection[str] | None = None) -> list[Figures]:
        """The ``n`` nearest to harm, worst first: debts, then by risk degree; 异常 is left out."""
        chosen = self._worst(n) if among is None else among
        found = (self.figures_of(account, now) for account in chosen)
        sure = (each for each in found if each and each.level is not Level.UNSURE)
        return nlargest(n, sure, key=_harm)

    def by_branch(self) -> dict[str, BranchSum]:
        found: dict[str, BranchSum] = {}
        for told in self._spoken():
            if told.columns is None:
                continue
            for branch, (count, equity, margin) in told.columns.by_branch(self.terms).items():
                had = found.get(branch, BranchSum(0, Decimal(0), Decimal(0)))
                found[branch] = BranchSum(
                    had.accounts + count,
                    had.equity + yuan(repr(equity)),
                    had.margin + yuan(repr(margin)),
                )
        return found

    def is_stale(self, now: datetime) -> bool:
        """Whether no source is fresh; an account's own figures say how it is with its source."""
        return all(told.is_stale(now) for told in self._told.values())

    def stale_sources(self, now: datetime) -> list[str]:
        return [name for name, told in self._told.items() if told.is_stale(now)]

    def _worst(self, n: int) -> list[str]:
        """Candidates from each source, more than needed for those told of twice."""
        return [
            account
            for name, told in self._told.items()
            for account in told.worst(2 * n, self.terms)
            if self.source_of(account) == name
        ]

    def _spoken(self) -> Iterator[Told]:
        return (told for told in self._told.values() if told.as_of)

    async def _ready(
        self, update: Snapshot | Ticks | Sorted, source: str
    ) -> Snapshot | Ticks | Sorted:
        if not isinstance(update, Snapshot):
            return update
        told = self.expect(source)
        few = len(update.accounts) + len(update.positions) < MANY
        if few and told.columns is not None:
            return update
        return await asyncio.to_thread(told.ready, update)  # the first one loads numpy there


def _harm(found: Figures) -> tuple[bool, Decimal]:
    return found.level >= Level.FORCE and found.risk is None, found.risk or Decimal(0)
