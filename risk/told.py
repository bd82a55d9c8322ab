"""What one source said last: funds, positions and prices, and any account's figures from them."""

from collections import ChainMap
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from crm.kernel.calendar import Calendar
from risk.figures import Figures, Terms, figures
from risk.levels import Level
from risk.sessions import open_time, same_session
from risk.sources.base import AccountFunds, Instrument, PositionRow, Snapshot, Tick, Ticks

if TYPE_CHECKING:  # numpy is loaded when the first accounts come
    from risk.columns import Columns, Rows

FRESH = timedelta(seconds=30)  # no word for longer, in trading time, and figures are stale
GONE = "最新快照中没有这个账户"


@dataclass(frozen=True, slots=True)
class Account:
    """What one account's figures are made of; ``instruments`` stand as its funds were told."""

    funds: AccountFunds
    positions: tuple[PositionRow, ...]
    instruments: Mapping[str, Instrument]
    ticks: Mapping[str, Decimal]

    def figures(self, terms: Terms, *, ahead: bool = True) -> Figures:
        """Without age; ``ahead`` asks for trigger prices too."""
        return figures(self.funds, self.positions, self.instruments, self.ticks, terms, ahead=ahead)


@dataclass(frozen=True, slots=True)
class Accounts:
    """What was told of each, by its name. ``then`` are the prices as it was told."""

    funds: dict[str, AccountFunds] = field(default_factory=dict)
    positions: dict[str, tuple[PositionRow, ...]] = field(default_factory=dict)
    then: dict[str, Mapping[str, Decimal]] = field(default_factory=dict)

    def put(self, new: "Accounts") -> None:
        self.funds.update(new.funds)
        self.positions.update(new.positions)
        self.then.update(new.then)

    def with_(self, new: "Accounts") -> "Accounts":
        return Accounts(
            self.funds | new.funds, self.positions | new.positions, self.then | new.then
        )

    def free(self) -> None:
        """Little by little, so that others come to their turn."""
        for each in (self.funds, self.positions, self.then):
            while each:
                each.popitem()


@dataclass(frozen=True, slots=True)
class Sorted:
    """A snapshot made ready to be taken: the slow part, which touches nothing of the book."""

    snapshot: Snapshot
    accounts: Accounts
    then: dict[str, Decimal]  # of all its accounts, known when it is taken
    held: frozenset[str]  # accounts with positions whose funds were told before
    rows: "Rows"
    after: Accounts | None = None  # all accounts with these among them
    gone: frozenset[str] | None = None


class Told:
    """Written and read on one event loop."""

    def __init__(self, calendar: Calendar, *, limit: timedelta = FRESH) -> None:
        self.trading_day: date | None = None
        self.as_of: datetime | None = None  # the source's own moment
        self.words = 0  # how often it has spoken
        self._calendar = calendar
        self._limit = limit
        self._heard: datetime | None = None  # from where its age runs
        self._accounts = Accounts()
        self._instruments: dict[str, Instrument] = {}
        self._prices: dict[str, Tick] = {}
        self._first: dict[str, Decimal] = {}  # the first price of an instrument today
        self._gone: frozenset[str] = frozenset()
        self._columns: Columns | None = None
        self._spent: list[Accounts] = []  # what nobody asks for any more

    @property
    def limit(self) -> timedelta:
        """How long it may be silent, in trading time."""
        return self._limit

    def take(self, update: Snapshot | Ticks | Sorted) -> None:
        match update:
            case Ticks():
                self.words += 1
                self._take_ticks(update.ticks)
                self.as_of = max(self.as_of, update.at) if self.as_of else update.at
                self._hear(update.at, update.heard)
            case Snapshot():
                self.take(sort(update, self))
            case Sorted():
                self.words += 1
                self._take_snapshot(update.snapshot, update)
                self._hear(update.snapshot.at, update.snapshot.heard)

    def __contains__(self, account: object) -> bool:
        return account in self._accounts.funds

    def accounts(self) -> Collection[str]:
        return self._accounts.funds.keys()

    def instrument(self, name: str) -> Instrument | None:
        """An instrument with its latest price."""
        found, tick = self._instruments.get(name), self._prices.get(name)
        return replace(found, last=tick.last) if found and tick else found

    def instruments(self) -> Collection[str]:
        return self._instruments.keys()

    def account(self, account: str) -> Account | None:
        """What its figures are made of; None for one that was never told of."""
        funds = self._accounts.funds.get(account)
        if funds is None:
            return None
        positions = self._accounts.positions.get(account, ())
        then, held = self._accounts.then[account], {row.instrument for row in positions}
        stood = {
            name: self._as_told(found, then)
            for name in held
            if (found := self._instruments.get(name))
        }
        stood_and_all = ChainMap(stood, self._instruments)
        return Account(funds, positions, stood_and_all, self._prices_of(held))

    def _as_told(self, instrument: Instrument, then: Mapping[str, Decimal]) -> Instrument:
        """With the price that it had then. One that was told anew without any price has none, and
        its positions are in doubt."""
        has_one = self._price(instrument.id) is not None
        first = self._first.get(instrument.id) if has_one else None
        return replace(instrument, last=then.get(instrument.id, first))

    def figures_of(self, account: str, now: datetime, terms: Terms) -> Figures | None:
        found = self._figures(account, terms, ahead=True)
        return found and replace(found, as_of=self.as_of, stale=self.is_stale(now))

    def levels(self, terms: Terms, at_least: Level) -> dict[str, Level]:
        """Of every account that is at least so bad, 异常 being the worst."""
        found = {} if self._columns is None else self._columns.levels(terms, at_least, self._level)
        found.update(dict.fromkeys(self._gone, Level.UNSURE))
        return found

    def worst(self, n: int, terms: Terms) -> list[str]:
        """About the ``n`` accounts nearest to harm, for an exact look; those in doubt are not."""
        if self._columns is None:
            return []
        return [each for each in self._columns.worst(n, terms) if each not in self._gone]

    @property
    def columns(self) -> "Columns | None":
        """The float64 columns; None until the first accounts were told of."""
        return self._columns

    def settle(self) -> None:
        """What can be done in another thread while nothing is told: the work that the next look at
        the columns would do, and freeing what was replaced, little by little."""
        if self._columns is not None:
            self._columns.settle()
        for spent in self._spent:
            spent.free()

    def is_stale(self, now: datetime) -> bool:
        """Whether the source has been silent for too long, counting trading time only."""
        if self._heard is None:
            return True
        # Our clock may have been set back: what is silent must not be fresh until it has caught up.
        self._heard = min(self._heard, now)
        return open_time(self._calendar, self._heard, now) > self._limit

    def _figures(self, account: str, terms: Terms, *, ahead: bool) -> Figures | None:
        told = self.account(account)
        if told is None:
            return None
        found = told.figures(terms, ahead=ahead)
        if account in self._gone:
            return replace(found, level=Level.UNSURE, missing=(*found.missing, GONE))
        return found

    def _level(self, account: str, terms: Terms) -> Level:
        found = self._figures(account, terms, ahead=False)
        return found.level if found else Level.UNSURE

    def _hear(self, at: datetime, heard: datetime | None) -> None:
        """A clock of theirs counts only inside the session that is on, and never ahead of ours."""
        moment = at
        if heard is not None and not (at <= heard and same_session(self._calendar, at, heard)):
            moment = heard
        self._heard = max(self._heard, moment) if self._heard else moment

    def _take_snapshot(self, snapshot: Snapshot, update: Sorted) -> None:
        self._spent = []
        gone = self._gone_after(snapshot, update.accounts) if update.gone is None else update.gone
        if snapshot.trading_day != self.trading_day:
            self._forget()
            self.trading_day = snapshot.trading_day
        self._gone = gone
        self.as_of = snapshot.at if snapshot.complete or not self.as_of else self.as_of
        self.as_of = max(self.as_of, snapshot.at)
        columns = self._open_columns()
        self._take_instruments(snapshot, columns)
        # Amounts that the counter told are moved by the prices since, so those are kept with them.
        update.then.update(self._prices_of(update.rows.instruments))
        if update.after is None:
            self._accounts.put(update.accounts)
        else:
            self._spent.append(self._accounts)
            self._accounts = update.after
        if snapshot.complete:
            columns.clear()
        columns.add(update.rows, update.then)
        for account in update.held:
            self._take_positions(account, columns)

    def _gone_after(self, snapshot: Snapshot, told: Accounts) -> frozenset[str]:
        """An account that was there this morning has not vanished: its data are in doubt."""
        if snapshot.trading_day != self.trading_day:
            return frozenset()
        before = self._accounts.funds.keys() if snapshot.complete else self._gone
        return frozenset(before - told.positions.keys())

    def ready(self, snapshot: Snapshot) -> Sorted:
        """May run in another thread, while nothing else is told."""
        update = sort(snapshot, self)
        same_day = snapshot.trading_day == self.trading_day
        before = self._accounts if same_day else Accounts()
        gone = self._gone_after(snapshot, update.accounts)
        return replace(update, after=before.with_(update.accounts), gone=gone)

    def _take_positions(self, account: str, columns: "Columns") -> None:
        """New positions to funds that were told before."""
        from risk.columns import rows_of  # noqa: PLC0415

        positions = self._accounts.positions[account]
        then = self._prices_of({row.instrument for row in positions})
        self._accounts.then[account] = {**then, **self._accounts.then[account]}
        columns.add(
            rows_of([self._accounts.funds[account]], positions), self._accounts.then[account]
        )

    def _open_columns(self) -> "Columns":
        from risk.columns import Columns  # noqa: PLC0415  numpy is loaded when there is need

        if self._columns is None:
            self._columns = Columns()
            prices = {name: tick.last for name, tick in self._prices.items()}
            self._columns.move(prices, self._first)
        return self._columns

    def _take_instruments(self, snapshot: Snapshot, columns: "Columns") -> None:
        changed = {each.id: each for each in snapshot.instruments}
        self._instruments.update(changed)
        for each in snapshot.instruments:
            if each.last is not None:
                self._prices[each.id] = Tick(instrument=each.id, last=each.last, at=snapshot.at)
            if (price := self._price(each.id)) is not None:
                self._first.setdefault(each.id, price)
        columns.know(changed, {name: self._price(name) for name in changed}, self._first)

    def _take_ticks(self, ticks: Iterable[Tick]) -> None:
        moved: dict[str, Decimal] = {}
        for tick in ticks:
            known = self._prices.get(tick.instrument)
            if known is None or known.at <= tick.at:
                self._prices[tick.instrument] = tick
                self._first.setdefault(tick.instrument, tick.last)
                moved[tick.instrument] = tick.last
        if self._columns is not None:
            self._columns.move(moved, self._first)

    def _price(self, name: str) -> Decimal | None:
        if tick := self._prices.get(name):
            return tick.last
        found = self._instruments.get(name)
        if found is None:
            return None
        return found.prev_settle if found.last is None else found.last

    def _prices_of(self, names: Iterable[str]) -> dict[str, Decimal]:
        return {name: price for name in names if (price := self._price(name)) is not None}

    def _forget(self) -> None:
        self._spent.append(self._accounts)
        self._accounts = Accounts()
        for kept in (self._instruments, self._prices, self._first):
            kept.clear()
        self._gone = frozenset()
        self._columns = None


def sort(snapshot: Snapshot, known: Container[str] = ()) -> Sorted:
    """Python's own work on many rows; may run in another thread. ``known``: accounts that may have
    positions without funds in a snapshot that is not complete."""
    from risk.columns import rows_of  # noqa: PLC0415

    groups: dict[str, list[PositionRow]] = {each.account: [] for each in snapshot.accounts}
    for row in snapshot.positions:
        groups.setdefault(row.account, []).append(row)
    positions = {account: tuple(group) for account, group in groups.items()}
    funds = {each.account: each for each in snapshot.accounts}
    known = () if snapshot.complete else known
    # Positions of nobody are not lost: their account is in doubt for want of funds.
    bare = [each for each in positions if each not in funds and each not in known]
    funds |= {each: AccountFunds(account=each) for each in bare}
    then: dict[str, Decimal] = {}
    return Sorted(
        snapshot,
        Accounts(funds, positions, dict.fromkeys(funds, then)),
        then,
        frozenset(positions.keys() - funds.keys()),
        rows_of(funds.values(), snapshot.positions),
    )
