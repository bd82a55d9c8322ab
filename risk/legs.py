"""The legs of an account: its lots of one instrument on one side, as lines over the price.

P&L and margin of a leg are linear in its price, so an account's margin is a sum of lines and of
larger sides, and its triggers are roots.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from risk.sources.base import ZERO, Direction, Instrument, OptionKind, PositionRow

HALF = Decimal("0.5")
INDEX_EXCHANGE = "CFFEX"


@dataclass(frozen=True, slots=True)
class Line:
    """``base + slope · price``"""

    base: Decimal
    slope: Decimal = ZERO

    def at(self, price: Decimal) -> Decimal:
        return self.base + self.slope * price

    def __add__(self, other: "Line") -> "Line":
        return Line(self.base + other.base, self.slope + other.slope)


NOTHING = Line(ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """Lines are None when what they need was not told. ``then`` is the price at the snapshot,
    ``now`` the latest; before the first trade of a day both are yesterday's settlement."""

    id: str
    instrument: Instrument | None
    direction: Direction
    lots: int
    today_lots: int
    then: Decimal | None
    now: Decimal | None
    pnl: Line | None
    margin: Line | None  # at the broker's rates, before the larger side
    exchange_margin: Line | None

    @property
    def product(self) -> str:
        return self.instrument.product if self.instrument else ""

    @property
    def quantity(self) -> int:
        """Signed lots times multiplier."""
        return (
            self.direction.sign * self.lots * (self.instrument.multiplier if self.instrument else 0)
        )


def legs(
    positions: Iterable[PositionRow],
    instruments: Mapping[str, Instrument],
    ticks: Mapping[str, Decimal],
) -> tuple[Leg, ...]:
    """The rows of one account, added up, in the order in which they first appear."""
    found: dict[tuple[str, Direction], Leg] = {}
    for row in positions:
        if not row.lots:
            continue
        leg = _leg(row, instruments, ticks)
        key = row.instrument, row.direction
        found[key] = _joined(found[key], leg) if key in found else leg
    return tuple(found.values())


MarginOf = Callable[[Leg], Line | None]
PriceOf = Callable[[Leg], Decimal | None]


def company(leg: Leg) -> Line | None:
    return leg.margin


def exchange(leg: Leg) -> Line | None:
    return leg.exchange_margin


def now(leg: Leg) -> Decimal | None:
    return leg.now


def then(leg: Leg) -> Decimal | None:
    return leg.then


def occupied(every: Iterable[Leg], margin_of: MarginOf, price_of: PriceOf) -> Decimal:
    """Margin of all legs, larger side per product; what is not known counts nothing."""
    by_product: dict[str, list[tuple[Leg, Line]]] = {}
    for leg in every:
        by_product.setdefault(leg.product, []).append((leg, _fixed(leg, margin_of, price_of)))
    return sum((max(line.base for line in sides(group)) for group in by_product.values()), ZERO)


def sides(group: Iterable[tuple[Leg, Line]]) -> Sequence[Line]:
    """The lines of one product whose maximum is occupied: one, or two with the larger side."""
    plain, long, short = NOTHING, NOTHING, NOTHING
    for leg, line in group:
        if not (leg.instrument and leg.instrument.larger_side):
            plain += line
        elif leg.direction is Direction.LONG:
            long += line
        else:
            short += line
    return plain + long, plain + short


def product_lines(
    every: Iterable[Leg], instrument: Instrument, margin_of: MarginOf
) -> Sequence[Line]:
    """The product's margin over the price of one of its instruments, the others as they are."""
    return sides(
        (
            leg,
            (margin_of(leg) or NOTHING) if leg.id == instrument.id else _fixed(leg, margin_of, now),
        )
        for leg in every
        if leg.product == instrument.product
    )


def _fixed(leg: Leg, margin_of: MarginOf, price_of: PriceOf) -> Line:
    line, price = margin_of(leg), price_of(leg)
    if line is None or (price is None and line.slope):
        return NOTHING
    return Line(line.at(price or ZERO))


def _leg(
    row: PositionRow, instruments: Mapping[str, Instrument], ticks: Mapping[str, Decimal]
) -> Leg:
    instrument = instruments.get(row.instrument)
    before = None
    if instrument:
        before = instrument.prev_settle if instrument.last is None else instrument.last
    return Leg(
        id=row.instrument,
        instrument=instrument,
        direction=row.direction,
        lots=row.lots,
        today_lots=row.today_lots,
        then=before,
        now=ticks.get(row.instrument, before),
        pnl=_pnl(row, instrument) if instrument else None,
        margin=_margin(row, instrument, row.margin_rate, instruments) if instrument else None,
        exchange_margin=_margin(row, instrument, row.exchange_margin_rate, instruments)
        if instrument
        else None,
    )


def _joined(one: Leg, other: Leg) -> Leg:
    return replace(
        one,
        lots=one.lots + other.lots,
        today_lots=one.today_lots + other.today_lots,
        pnl=_sum(one.pnl, other.pnl),
        margin=_sum(one.margin, other.margin),
        exchange_margin=_sum(one.exchange_margin, other.exchange_margin),
    )


def _sum(one: Line | None, other: Line | None) -> Line | None:
    return None if one is None or other is None else one + other


def _pnl(row: PositionRow, instrument: Instrument) -> Line | None:
    """Today's lots against their open price, carried ones against yesterday's settlement."""
    cost = ZERO
    for lots, reference in _by_reference(row, instrument.prev_settle, row.open_price):
        if reference is None:
            return None
        cost += lots * reference
    signed = row.direction.sign * instrument.multiplier
    return Line(-signed * cost, Decimal(signed * row.lots))


def _by_reference(
    row: PositionRow, carried: Decimal | None, today: Decimal | None
) -> Iterable[tuple[int, Decimal | None]]:
    parts = ((row.lots - row.today_lots, carried), (row.today_lots, today))
    return ((lots, reference) for lots, reference in parts if lots)


def _margin(
    row: PositionRow,
    instrument: Instrument,
    rate: Decimal | None,
    instruments: Mapping[str, Instrument],
) -> Line | None:
    if instrument.option:
        if row.direction is Direction.LONG:
            return NOTHING
        per_lot = None if rate is None else short_option(instrument, rate, instruments)
        return None if per_lot is None else Line(per_lot * row.lots)
    carried = row.lots - row.today_lots
    if rate is None or (carried and instrument.prev_settle is None):
        return None
    per_point = instrument.multiplier * rate
    return Line(carried * (instrument.prev_settle or ZERO) * per_point, row.today_lots * per_point)


def short_option(
    instrument: Instrument, rate: Decimal, instruments: Mapping[str, Instrument]
) -> Decimal | None:
    """Margin of one sold lot at yesterday's settlement; ``rate`` is the underlying future's.

    Commodity options: premium + max(F − OTM/2, F/2) (official doc). Index options: premium +
    max(U·m·a − OTM, b·U·m·a) with b = 0.5, for puts on the strike (unsure).
    """
    option = instrument.option
    underlying = instruments.get(option.underlying) if option else None
    if (
        not option
        or not underlying
        or underlying.prev_settle is None
        or instrument.prev_settle is None
    ):
        return None
    price, m = underlying.prev_settle, instrument.multiplier
    is_call = option.kind is OptionKind.CALL
    out_of_money = max(option.strike - price if is_call else price - option.strike, ZERO) * m
    future = price * m * rate
    if instrument.exchange == INDEX_EXCHANGE:
        floor = (price if is_call else option.strike) * m * rate * HALF
        held = max(future - out_of_money, floor)
    else:
        held = max(future - out_of_money * HALF, future * HALF)
    return instrument.prev_settle * m + held
