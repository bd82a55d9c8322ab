"""All accounts of a source as float64 columns, marked to market by the arrays of ``risk.mtm``.

Position rows lie by instrument, then by account: a tick reads one stretch of them, and touches
only the accounts that hold the instrument. What is told later lies in blocks of its own, which are
joined as they become alike in size.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from risk.figures import Terms
from risk.levels import Level
from risk.mtm import Money, judged, lines, unusable
from risk.sheet import F64, I32, NAN, Bools, Sheet
from risk.sources.base import AccountFunds, Direction, Instrument, PositionRow

MOVES = 20_000  # ticks after which sums are made anew, before errors add up
ALIKE = 4  # blocks of less than so many times the next one's size are joined

Exact = Callable[[str, Terms], Level]


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """What was told of accounts, yuan, NaN where it was not. ``paid_in`` is what equity is made of
    but for the floating profit."""

    paid_in: F64
    frozen: F64
    profit: F64
    margin: F64
    exchange_margin: F64
    equity: F64
    available: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Rows as told. ``then`` is the price as the account was told, NaN where there was none."""

    account: I32
    code: I32
    sign: NDArray[np.int8]
    lots: I32
    today: I32
    open_price: F64
    rate: F64
    exchange_rate: F64
    then: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Accounts and their positions; codes count in ``instruments``."""

    accounts: Sequence[str]
    branches: Sequence[str]
    instruments: Sequence[str]
    funds: Funds
    positions: Positions


def rows_of(funds: Iterable[AccountFunds], positions: Iterable[PositionRow]) -> Rows:
    """Positions of accounts that are not among the funds are left out."""
    every = list({each.account: each for each in funds}.values())
    place = {each.account: index for index, each in enumerate(every)}
    held = [row for row in positions if row.lots and row.account in place]
    codes: dict[str, int] = {}
    code = [codes.setdefault(row.instrument, len(codes)) for row in held]
    long = Direction.LONG
    return Rows(
        accounts=list(place),
        branches=[each.branch for each in every],
        instruments=list(codes),
        funds=Funds(
            paid_in=_column(_paid_in(each) for each in every),
            frozen=_column(each.frozen for each in every),
            profit=_column(each.position_profit for each in every),
            margin=_column(each.margin for each in every),
            exchange_margin=_column(each.exchange_margin for each in every),
            equity=_column(each.equity for each in every),
            available=_column(each.available for each in every),
        ),
        positions=_ordered(
            Positions(
                account=np.array([place[row.account] for row in held], dtype=np.int32),
                code=np.array(code, dtype=np.int32),
                sign=np.array([1 if row.direction is long else -1 for row in held], dtype=np.int8),
                lots=np.array([row.lots for row in held], dtype=np.int32),
                today=np.array([row.today_lots for row in held], dtype=np.int32),
                open_price=_column(row.open_price for row in held),
                rate=_column(row.margin_rate for row in held),
                exchange_rate=_column(row.exchange_margin_rate for row in held),
                then=np.full(len(held), NAN),
            )
        ),
    )


def _paid_in(each: AccountFunds) -> Decimal | None:
    if each.pre_balance is None:
        return None
    paid_in = each.pre_balance + each.deposit - each.withdraw + each.mortgage
    return paid_in + each.close_profit + each.premium - each.commission


def _column(values: Iterable[Decimal | None]) -> F64:
    return np.fromiter((NAN if each is None else float(each) for each in values), dtype=float)


class Columns:
    """``exact`` decides by Decimal where the arrays cannot."""

    def __init__(self) -> None:
        self._sheet = Sheet()
        self.blocks: list[Block] = []

    def clear(self) -> None:
        """Forget the accounts."""
        self.blocks.clear()

    def know(
        self,
        instruments: Mapping[str, Instrument],
        prices: Mapping[str, Decimal | None],
        first: Mapping[str, Decimal],
    ) -> None:
        """Instruments, new or told anew, and their prices."""
        self._sheet.know(instruments)
        self.move(prices, first)

    def move(self, prices: Mapping[str, Decimal | None], first: Mapping[str, Decimal]) -> None:
        """Prices have changed: mark again whoever holds those instruments."""
        codes = self._sheet.codes(prices)
        before = self._sheet.price[codes]
        self._sheet.put(prices, first)
        change = self._sheet.price[codes] - before
        for code in np.flatnonzero(np.isfinite(change) & (change != 0)):
            for block in self.blocks:
                block.move(int(codes[code]), float(change[code]))

    def add(self, rows: Rows, then: Mapping[str, Decimal]) -> None:
        """Accounts, new or told anew; ``then`` are the prices of that moment."""
        for block in self.blocks:
            block.drop(rows.accounts)
        self.blocks.append(Block(_coded(rows, self._sheet, then), self._sheet))
        while len(self.blocks) > 1 and self.blocks[-2].size < ALIKE * self.blocks[-1].size:
            last, other = self.blocks.pop(), self.blocks.pop()
            self.blocks.append(Block(_joined(other.living(), last.living()), self._sheet))

    def settle(self) -> None:
        """Do now the work that the next look would do; it may be done in another thread while
        nothing is told."""
        for block in self.blocks:
            block.settled()

    def levels(self, terms: Terms, at_least: Level, exact: Exact) -> dict[str, Level]:
        """Every account that is at least so bad."""
        found: dict[str, Level] = {}
        for block in self.blocks:
            level, doubtful = judged(block.money(terms), terms)
            wanted = block.alive & ((level >= at_least) | doubtful)
            for index in np.flatnonzero(wanted).tolist():
                account = block.rows.accounts[index]
                now = exact(account, terms) if doubtful[index] else Level(int(level[index]))
                if now >= at_least:
                    found[account] = now
        return found

    def counts(self, terms: Terms, exact: Exact) -> dict[Level, int]:
        """How many accounts are at each level."""
        found = np.zeros(len(Level), dtype=np.int64)
        for block in self.blocks:
            level, doubtful = judged(block.money(terms), terms)
            for index in np.flatnonzero(block.alive & doubtful).tolist():
                level[index] = exact(block.rows.accounts[index], terms)
            found += np.bincount(level[block.alive], minlength=len(Level))
        return {each: int(found[each]) for each in Level}

    def worst(self, n: int, terms: Terms) -> list[str]:
        """About the ``n`` nearest to harm: debts first, then by risk degree."""
        ranked: list[tuple[float, str]] = []
        for block in self.blocks:
            money = block.money(terms)
            with np.errstate(divide="ignore", invalid="ignore"):
                degree = np.where(money.equity > 0, money.margin / money.equity, np.inf)
            degree[(money.equity >= 0) & (money.margin <= 0)] = 0.0
            degree[money.unsure | ~block.alive] = -1.0
            top = np.argsort(-degree, kind="stable")[:n].tolist()
            ranked += [(float(degree[i]), block.rows.accounts[i]) for i in top if degree[i] >= 0]
        return [account for _, account in sorted(ranked, key=lambda each: -each[0])[:n]]

    def by_branch(self, terms: Terms) -> dict[str, tuple[int, float, float]]:
        """Accounts, equity and margin of each branch, for a look; who is in doubt is left out."""
        found: dict[str, tuple[int, float, float]] = {}
        for block in self.blocks:
            money = block.money(terms)
            sure = block.alive & ~money.unsure
            names, place = np.unique(np.array(block.rows.branches)[sure], return_inverse=True)
            count = np.bincount(place)
            equity = np.bincount(place, money.equity[sure])
            margin = np.bincount(place, money.margin[sure])
            for index, name in enumerate(names.tolist()):
                had = found.get(name, (0, 0.0, 0.0))
                found[name] = (
                    had[0] + int(count[index]),
                    had[1] + float(equity[index]),
                    had[2] + float(margin[index]),
                )
        return found


class Block:
    """Accounts that were told together, their sums kept as prices move."""

    def __init__(self, rows: Rows, sheet: Sheet) -> None:
        self.rows = rows
        self.alive: Bools = np.ones(len(rows.accounts), dtype=bool)
        self._sheet = sheet
        self._place: dict[str, int] | None = None
        self._sums: Sums | None = None

    @property
    def size(self) -> int:
        return len(self.rows.accounts)

    def drop(self, accounts: Iterable[str]) -> None:
        """These are told anew elsewhere."""
        if self._place is None:
            self._place = {account: index for index, account in enumerate(self.rows.accounts)}
        gone = [self._place[account] for account in accounts if account in self._place]
        self.alive[gone] = False

    def living(self) -> Rows:
        return self.rows if self.alive.all() else _kept(self.rows, self.alive)

    def move(self, code: int, change: float) -> None:
        if self._sums is not None and self._sums.version == self._sheet.version:
            self._sums.move(code, change)

    def money(self, terms: Terms) -> Money:
        return self.settled().money(terms)

    def settled(self) -> "Sums":
        sums = self._sums
        if sums is None or sums.version != self._sheet.version or sums.moves > MOVES:
            self._sums = sums = Sums(self.rows, self._sheet)
        return sums


class Sums:
    """One block's sums over its positions, at the sheet's prices."""

    def __init__(self, rows: Rows, sheet: Sheet) -> None:
        self.version = sheet.version
        self.moves = 0
        self._funds = rows.funds
        held, size = rows.positions, len(rows.accounts)
        self._account = held.account
        found = lines(
            sheet.table,
            held.code,
            held.sign,
            held.lots,
            held.today,
            held.open_price,
            held.rate,
            held.exchange_rate,
        )
        now = sheet.price[held.code]
        then = np.where(np.isnan(held.then), sheet.first[held.code], held.then)
        priced = ~np.isnan(now)
        now, then = np.where(priced, now, 0.0), np.where(np.isnan(then), 0.0, then)
        self._quantity = np.where(priced, found.quantity, 0.0)
        self.profit = self._by_account(found.quantity * now - found.cost, size)
        self._profit_then = self._by_account(found.quantity * then - found.cost, size)
        self._gross = self._by_account(np.abs(found.quantity) * now + np.abs(found.cost), size)
        told, told_exchange = ~np.isnan(rows.funds.margin), ~np.isnan(rows.funds.exchange_margin)
        no_rate = self._any(~found.margin_known, size)
        no_exchange_rate = self._any(~(found.exchange_known & priced), size)
        self._missing = self._any(~(found.pnl_known & priced), size) | (no_rate & ~told)
        self._no_exchange = no_exchange_rate & ~told_exchange
        # Of a leg with and without rates Decimal counts nothing; the columns count what they can.
        self._mixed = no_rate & told & self._any(found.slope != 0, size)
        self._mixed |= no_exchange_rate & told_exchange & self._any(found.exchange_slope != 0, size)
        self._stretch = np.searchsorted(held.code, np.arange(len(sheet.price) + 1))
        self._margin = Occupied(found.base, found.slope, held, sheet, now, then, size)
        self._exchange = Occupied(
            found.exchange_base, found.exchange_slope, held, sheet, now, then, size
        )

    def move(self, code: int, change: float) -> None:
        begin, end = self._stretch[code], self._stretch[code + 1]
        self.moves += 1
        if begin == end:
            return
        np.add.at(self.profit, self._account[begin:end], self._quantity[begin:end] * change)
        self._margin.move(code, change)
        self._exchange.move(code, change)

    def money(self, terms: Terms) -> Money:
        told = self._funds
        moved = self.profit - self._profit_then
        profit = np.where(np.isnan(told.profit), self.profit, told.profit + moved)
        equity = np.where(np.isnan(told.equity), told.paid_in + profit, told.equity + moved)
        margin = self._margin.of(told.margin)
        exchange = self._exchange.of(told.exchange_margin)
        return Money(
            equity=equity,
            margin=margin,
            exchange_margin=np.where(self._no_exchange, NAN, exchange),
            told_available=told.available + moved,
            told_margin=told.margin,
            held_back=told.frozen + unusable(profit, terms.usable),
            gross=self._gross + np.abs(np.nan_to_num(equity)),
            unsure=self._missing | np.isnan(equity),
            mixed=self._mixed,
        )

    def _by_account(self, values: NDArray[np.generic], size: int) -> F64:
        return _summed(self._account, values.astype(float), size)

    def _any(self, rows: Bools, size: int) -> Bools:
        return self._by_account(rows, size) > 0


class Occupied:
    """Margin, of a product's two sides only the larger where the instrument says so."""

    def __init__(
        self,
        base: F64,
        slope: F64,
        held: Positions,
        sheet: Sheet,
        now: F64,
        then: F64,
        size: int,
    ) -> None:
        table = sheet.table
        both = table.larger_side[held.code]
        place = held.account.astype(np.int64) * (int(table.product.max(initial=0)) + 1)
        keys, group = np.unique((place + table.product[held.code])[both], return_inverse=True)
        owner = held.account[both][np.unique(group, return_index=True)[1]]
        self._owner = owner
        side = np.full(len(both), -1, dtype=np.int64)  # two for each group, long and short
        side[both] = 2 * group + (held.sign[both] < 0)
        self._sides = self._by_side(side, base + slope * now, len(keys))
        self._plain = self._by_account(held, side, base + slope * now, size)
        self._then = self._by_account(held, side, base + slope * then, size)
        self._then += self._larger(self._by_side(side, base + slope * then, len(keys)), size)
        self._total = self._plain + self._larger(self._sides, size)
        sloped = np.flatnonzero(slope != 0)
        self._slope, self._side, self._account = slope[sloped], side[sloped], held.account[sloped]
        self._stretch = np.searchsorted(held.code[sloped], np.arange(len(sheet.price) + 1))

    def of(self, told: F64) -> F64:
        return np.where(np.isnan(told), self._total, told + self._total - self._then)

    def move(self, code: int, change: float) -> None:
        begin, end = self._stretch[code], self._stretch[code + 1]
        if begin == end:
            return
        side, more = self._side[begin:end], self._slope[begin:end] * change
        plain = side < 0
        np.add.at(self._total, self._account[begin:end][plain], more[plain])
        touched = np.unique(side[~plain] // 2)
        if touched.size:
            before = self._sides[touched].max(axis=1)
            np.add.at(self._sides.reshape(-1), side[~plain], more[~plain])
            after = self._sides[touched].max(axis=1)
            np.add.at(self._total, self._owner[touched], after - before)

    def _larger(self, sides: F64, size: int) -> F64:
        return _summed(self._owner, sides.max(axis=1), size)

    @staticmethod
    def _by_side(side: NDArray[np.int64], margin: F64, groups: int) -> F64:
        grouped = side >= 0
        return _summed(side[grouped], margin[grouped], 2 * groups).reshape(-1, 2)

    @staticmethod
    def _by_account(held: Positions, side: NDArray[np.int64], margin: F64, size: int) -> F64:
        plain = side < 0
        return _summed(held.account[plain], margin[plain], size)


def _summed(place: NDArray[np.integer], values: F64, size: int) -> F64:
    """Of no values numpy would make integers."""
    return np.bincount(place, values, minlength=size).astype(float, copy=False)


def _coded(rows: Rows, sheet: Sheet, then: Mapping[str, Decimal]) -> Rows:
    """With the sheet's codes and the prices of the moment, in the order of the columns."""
    codes = sheet.codes(rows.instruments)
    prices = np.array([float(then.get(name, NAN)) for name in rows.instruments])
    local = rows.positions.code
    changed = {"code": codes[local], "then": prices[local]} if local.size else {}
    held = _replaced(rows.positions, changed)
    return _with(rows, _picked(held, np.argsort(held.code, kind="stable")))


def _ordered(held: Positions) -> Positions:
    return _picked(held, np.lexsort((held.account, held.code)))


def _picked(held: Positions, order: NDArray[np.intp]) -> Positions:
    return Positions(**{each.name: getattr(held, each.name)[order] for each in fields(held)})


def _kept(rows: Rows, alive: Bools) -> Rows:
    """Without the accounts that are told anew elsewhere."""
    place = np.cumsum(alive) - 1
    keep = alive[rows.positions.account]
    held = {each.name: getattr(rows.positions, each.name)[keep] for each in fields(Positions)}
    held["account"] = place[held["account"]].astype(np.int32)
    funds = {each.name: getattr(rows.funds, each.name)[alive] for each in fields(Funds)}
    chosen = np.flatnonzero(alive).tolist()
    return Rows(
        accounts=[rows.accounts[index] for index in chosen],
        branches=[rows.branches[index] for index in chosen],
        instruments=rows.instruments,
        funds=Funds(**funds),
        positions=Positions(**held),
    )


def _joined(one: Rows, other: Rows) -> Rows:
    moved = _replaced(
        other.positions, {"account": other.positions.account + np.int32(len(one.accounts))}
    )
    held = {
        each.name: np.concatenate([getattr(one.positions, each.name), getattr(moved, each.name)])
        for each in fields(Positions)
    }
    funds = {
        each.name: np.concatenate([getattr(one.funds, each.name), getattr(other.funds, each.name)])
        for each in fields(Funds)
    }
    return Rows(
        accounts=[*one.accounts, *other.accounts],
        branches=[*one.branches, *other.branches],
        instruments=(),
        funds=Funds(**funds),
        positions=_ordered(Positions(**held)),
    )


def _replaced(held: Positions, changed: Mapping[str, NDArray[np.generic]]) -> Positions:
    every = {each.name: getattr(held, each.name) for each in fields(Positions)}
    return Positions(**{**every, **changed})


def _with(rows: Rows, positions: Positions) -> Rows:
    return Rows(
        accounts=rows.accounts,
        branches=rows.branches,
        instruments=rows.instruments,
        funds=rows.funds,
        positions=positions,
    )
