"""Mark-to-market (逐日盯市): arrays in, arrays out, in yuan as float64.

Float proposes: what ``judged`` calls doubtful, and whatever a person reads, is for Decimal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from risk.figures import Terms, Usable
from risk.levels import Ladder, Level
from risk.sheet import F64, I32, Bools, Table

EXACT = 2.0**53  # integers below are exact
NEAR = 4.0  # fen; what rounding to the fen can move a line by
HALF = 1e-3  # fen; nearer to half a fen than this and the rounding is not certain


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Position rows over the price of their instrument; nothing where ``*_known`` is False."""

    quantity: F64  # signed lots times multiplier: P&L for one yuan
    cost: F64  # P&L = quantity · price − cost
    pnl_known: Bools
    base: F64  # margin = base + slope · price, before the larger side
    slope: F64
    margin_known: Bools
    exchange_base: F64
    exchange_slope: F64
    exchange_known: Bools


def lines(
    table: Table,
    code: I32,
    sign: NDArray[np.int8],
    lots: I32,
    today: I32,
    open_price: F64,
    rate: F64,
    exchange_rate: F64,
) -> Lines:
    """All of shape (rows,); rates are fractions, NaN where not told."""
    multiplier, settle = table.multiplier[code], table.settle[code]
    carried = (lots - today).astype(float)
    cost = _product(carried, settle) + _product(today.astype(float), open_price)
    signed = sign * multiplier
    pnl_known = table.known[code] & ~np.isnan(cost)
    base, slope, known = _margin(table, code, sign, carried, lots, today, rate)
    exchange = _margin(table, code, sign, carried, lots, today, exchange_rate)
    return Lines(
        quantity=np.where(pnl_known, signed * lots, 0.0),
        cost=np.where(pnl_known, signed * cost, 0.0),
        pnl_known=pnl_known,
        base=base,
        slope=slope,
        margin_known=known,
        exchange_base=exchange[0],
        exchange_slope=exchange[1],
        exchange_known=exchange[2],
    )


def _product(lots: F64, price: F64) -> F64:
    """No lots cost nothing, whatever the price."""
    return np.where(lots == 0, 0.0, lots * price)


def _margin(
    table: Table,
    code: I32,
    sign: NDArray[np.int8],
    carried: F64,
    lots: I32,
    today: I32,
    rate: F64,
) -> tuple[F64, F64, Bools]:
    per_point = table.multiplier[code] * rate
    base = _product(carried, table.settle[code]) * per_point
    slope = today * per_point
    option = table.option[code]
    held = np.maximum(table.future[code] * rate - table.relief[code], table.floor[code] * rate)
    sold = (table.premium[code] + held) * lots
    base = np.where(option, np.where(sign > 0, 0.0, sold), base)
    slope = np.where(option, 0.0, slope)
    known = table.known[code] & ~np.isnan(base) & ~np.isnan(slope)
    return np.where(known, base, 0.0), np.where(known, slope, 0.0), known


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Accounts as they stand, shape (accounts,), yuan and not rounded; NaN is not known, or not
    told. ``told_available`` has moved with the prices, not yet with the margin."""

    equity: F64
    margin: F64
    exchange_margin: F64
    told_available: F64
    told_margin: F64
    held_back: F64  # frozen, and profit that is not usable
    gross: F64  # of all that was added up, for the error of the sums
    unsure: Bools
    mixed: Bools  # not for float to say


def unusable(profit: F64, usable: Usable) -> F64:
    """The part of the floating profit that does not count in available funds."""
    match usable:
        case Usable.BOTH:
            return np.zeros_like(profit)
        case Usable.LOSSES:
            return np.maximum(profit, 0.0)
        case Usable.GAINS:
            return np.minimum(profit, 0.0)
        case Usable.NONE:
            return profit


def judged(money: Money, terms: Terms) -> tuple[NDArray[np.int8], Bools]:
    """Each account's level, and where only Decimal can tell: near a line, roundings uncertain.

    Money is rounded to whole fen first, as it is in Decimal, and integers are compared exactly.
    """
    error = HALF + 1e-12 * 100 * money.gross
    equity, equity_open = _fen(money.equity, error)
    margin, margin_open = _fen(money.margin, error)
    exchange, exchange_open = _fen(money.exchange_margin, error)
    told_margin, _ = _fen(money.told_margin, error)
    grown = np.where(np.isnan(told_margin), 0.0, margin - told_margin)
    told, told_open = _fen(money.told_available, error)
    held_back, held_open = _fen(money.held_back, error)
    computed = np.isnan(told)
    available = np.where(computed, equity - margin - held_back, told - grown)
    available_open = np.where(computed, held_open, told_open)
    uncertain = equity_open | margin_open | available_open | exchange_open
    level, near = _level(equity, margin, exchange, available, terms.ladder)
    level[money.unsure] = Level.UNSURE
    largest = np.maximum(np.abs(equity), margin) * _widest(terms.ladder)
    doubtful = (near & uncertain) | (largest > EXACT) | money.mixed
    return level, doubtful & ~money.unsure


def _fen(amount: F64, error: F64) -> tuple[F64, Bools]:
    fen = amount * 100
    return np.rint(fen), np.abs(np.abs(fen - np.floor(fen)) - 0.5) < error


def _level(
    equity: F64, margin: F64, exchange: F64, available: F64, ladder: Ladder
) -> tuple[NDArray[np.int8], Bools]:
    """``risk.levels.judge`` over arrays of whole fen."""
    level = np.full(equity.shape, Level.NORMAL, dtype=np.int8)
    near = (np.abs(equity) < NEAR) | (np.abs(available) < NEAR) | (np.abs(margin) < NEAR)
    held = margin > 0
    steps = (
        (Level.WATCH, ladder.watch, margin),
        (Level.WARN, ladder.warn, margin),
        (Level.CALL, ladder.call, margin),
        (Level.FORCE, ladder.force, margin),
        (Level.FORCE, ladder.exchange_force, exchange),
    )
    for step, degree, amount in steps:
        up, down = degree.as_integer_ratio()
        over = amount * down - equity * up  # NaN is never over
        near |= np.abs(over) < NEAR * (up + down)
        if step is Level.CALL:
            level[(available < 0) & (level < Level.CALL)] = Level.CALL
        level[held & (over >= 0)] = step
    level[equity < 0] = Level.NEGATIVE
    return level, near


def _widest(ladder: Ladder) -> int:
    degrees = (ladder.watch, ladder.warn, ladder.call, ladder.force, ladder.exchange_force)
    return max(max(degree.as_integer_ratio()) for degree in degrees)
