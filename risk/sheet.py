"""The instruments as arrays, one entry each, for the columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from risk.legs import INDEX_EXCHANGE
from risk.sources.base import Instrument, OptionKind

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
Bools = NDArray[np.bool_]
NAN = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What stands still during the day, by code. Money is yuan, NaN what was not told.

    A sold option's margin for one lot is ``premium`` + max(``future``·rate − ``relief``,
    ``floor``·rate), NaN for what is not an option or lacks something.
    """

    known: Bools
    multiplier: F64
    settle: F64
    product: I32
    larger_side: Bools
    option: Bools
    premium: F64
    future: F64
    relief: F64
    floor: F64


class Sheet:
    """Codes are given for ever; ``price`` and ``first`` are by code too, NaN where unknown."""

    def __init__(self) -> None:
        self.price: F64 = np.empty(0)
        self.first: F64 = np.empty(0)
        self.version = 0  # grows when something that should stand still has changed
        self._codes: dict[str, int] = {}
        self._instruments: list[Instrument | None] = []
        self._products: dict[str, int] = {}
        self._table: Table | None = None

    def codes(self, names: Iterable[str]) -> I32:
        found = [self._codes.setdefault(name, len(self._codes)) for name in names]
        self._grow()
        return np.array(found, dtype=np.int32)

    def know(self, instruments: Mapping[str, Instrument]) -> None:
        codes = self.codes(instruments)
        for code, each in zip(codes, instruments.values(), strict=True):
            bare = replace(each, last=None, upper_limit=None, lower_limit=None)
            if self._instruments[code] != bare:
                self._instruments[code] = bare
                self._table = None
        if self._table is None:
            self.version += 1

    def put(self, prices: Mapping[str, Decimal | None], first: Mapping[str, Decimal]) -> None:
        """Prices as they are now; one that was not known before concerns whoever holds it."""
        codes = self.codes(prices)
        now = np.array([_float(price) for price in prices.values()])
        if (np.isnan(self.price[codes]) & ~np.isnan(now)).any():
            self.version += 1
        self.price[codes] = now
        self.first[codes] = [_float(first.get(name)) for name in prices]

    @property
    def table(self) -> Table:
        if self._table is None:
            self._table = self._drawn()
        return self._table

    def _grow(self) -> None:
        more = len(self._codes) - len(self._instruments)
        if more:
            self._instruments += [None] * more
            self.price = np.concatenate([self.price, np.full(more, NAN)])
            self.first = np.concatenate([self.first, np.full(more, NAN)])
            self._table = None

    def _drawn(self) -> Table:
        every = self._instruments
        options = np.array([self._option(each) for each in every]).reshape(-1, 4)
        return Table(
            known=np.array([each is not None for each in every], dtype=bool),
            multiplier=np.array([each.multiplier if each else 0 for each in every], dtype=float),
            settle=np.array([_float(each.prev_settle) if each else NAN for each in every]),
            product=np.array([self._product(each) for each in every], dtype=np.int32),
            larger_side=np.array([bool(each and each.larger_side) for each in every], dtype=bool),
            option=np.array([bool(each and each.option) for each in every], dtype=bool),
            premium=options[:, 0],
            future=options[:, 1],
            relief=options[:, 2],
            floor=options[:, 3],
        )

    def _product(self, each: Instrument | None) -> int:
        return self._products.setdefault(each.product if each else "", len(self._products))

    def _option(self, each: Instrument | None) -> tuple[float, float, float, float]:
        """As ``risk.legs.short_option`` has it, rates left open."""
        option = each.option if each else None
        code = self._codes.get(option.underlying) if option else None
        underlying = None if code is None else self._instruments[code]
        if each is None or option is None or underlying is None:
            return NAN, NAN, NAN, NAN
        if each.prev_settle is None or underlying.prev_settle is None:
            return NAN, NAN, NAN, NAN
        price, strike = float(underlying.prev_settle), float(option.strike)
        m, is_call = each.multiplier, option.kind is OptionKind.CALL
        out_of_money = max(strike - price if is_call else price - strike, 0.0) * m
        premium = float(each.prev_settle) * m
        if each.exchange == INDEX_EXCHANGE:
            return premium, price * m, out_of_money, (price if is_call else strike) * m / 2
        return premium, price * m, out_of_money / 2, price * m / 2


def _float(value: Decimal | None) -> float:
    return NAN if value is None else float(value)
