"""At which price an account reaches a line, and which line is the next one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from risk.legs import Leg, Line, MarginOf, company, exchange, now, product_lines
from risk.levels import Ladder
from risk.products import on_tick_down, on_tick_up
from risk.sources.base import Instrument

ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """The next line ahead: «rb2701 falls 2.1 % → 100 %». ``move`` is a signed fraction of the last
    price; ``by_exchange``: the line is one of margin at the exchange's rates."""

    instrument: str
    product: str
    price: Decimal
    move: Decimal
    degree: Decimal
    by_exchange: bool
    reachable_today: bool | None  # inside today's price limits; None when those are not known


@dataclass(frozen=True, slots=True)
class Standing:
    """An account as it stands. Margins are those occupied, after the larger side."""

    legs: Sequence[Leg]
    equity: Decimal
    margin: Decimal
    exchange_margin: Decimal | None

    def price_where(
        self, instrument: Instrument, degree: Decimal, *, by_exchange: bool = False
    ) -> Decimal | None:
        """The price of ``instrument`` at which margin = degree · equity, everything else held."""
        margin_of = exchange if by_exchange else company
        margin = self.exchange_margin if by_exchange else self.margin
        if margin is None:
            return None
        rooms = list(self._rooms(instrument, degree, margin_of, margin))
        return self._careful(instrument, _edge(rooms, self._quantity(instrument)))

    def price_at_zero(self, instrument: Instrument) -> Decimal | None:
        """The price of ``instrument`` at which equity is gone."""
        quantity, price = self._quantity(instrument), self._price(instrument)
        if not quantity or price is None:
            return None
        return self._careful(instrument, price - self.equity / quantity)

    def nearest(self, ladder: Ladder) -> Trigger | None:
        """The line ahead that the smallest move leads to: 100 %, or past it a forced closing."""
        if self.equity <= 0:
            return None
        if self.margin < ladder.call * self.equity:
            lines = [(ladder.call, False)]
        else:
            lines = [(ladder.force, False), (ladder.exchange_force, True)]
        instruments = {leg.id: leg.instrument for leg in self.legs if leg.instrument}
        triggers = (
            self._trigger(instrument, degree, by_exchange=by_exchange)
            for instrument in instruments.values()
            for degree, by_exchange in lines
        )
        ahead = (trigger for trigger in triggers if trigger)
        return min(ahead, key=lambda trigger: abs(trigger.move), default=None)

    def _trigger(
        self, instrument: Instrument, degree: Decimal, *, by_exchange: bool
    ) -> Trigger | None:
        price = self.price_where(instrument, degree, by_exchange=by_exchange)
        last = self._price(instrument)
        if price is None or not last:
            return None
        move = price / last - 1
        if move * self._quantity(instrument) >= 0:  # behind us already
            return None
        low, high = instrument.lower_limit, instrument.upper_limit
        return Trigger(
            instrument=instrument.id,
            product=instrument.product,
            price=price,
            move=move,
            degree=degree,
            by_exchange=by_exchange,
            reachable_today=None if low is None or high is None else low <= price <= high,
        )

    def _rooms(
        self, instrument: Instrument, degree: Decimal, margin_of: MarginOf, margin: Decimal
    ) -> Iterable[Line]:
        """degree · equity − margin over the price: the least of these lines, which is concave."""
        price = self._price(instrument)
        if price is None:
            return
        quantity = self._quantity(instrument)
        lines = product_lines(self.legs, instrument, margin_of)
        others = margin - max(line.at(price) for line in lines)
        for line in lines:
            yield Line(
                degree * (self.equity - quantity * price) - others - line.base,
                degree * quantity - line.slope,
            )

    def _quantity(self, instrument: Instrument) -> int:
        """Net and signed, times the multiplier."""
        return sum(leg.quantity for leg in self.legs if leg.id == instrument.id)

    def _price(self, instrument: Instrument) -> Decimal | None:
        return next((now(leg) for leg in self.legs if leg.id == instrument.id), None)

    def _careful(self, instrument: Instrument, price: Decimal | None) -> Decimal | None:
        """On the tick that comes first on the way there."""
        if price is None or price <= 0:
            return None
        rounded = on_tick_up if self._quantity(instrument) > 0 else on_tick_down
        return rounded(price, instrument.tick)


def _edge(rooms: Sequence[Line], quantity: int) -> Decimal | None:
    """The end, towards which it hurts, of the price range in which every line is positive."""
    low = max((-room.base / room.slope for room in rooms if room.slope > 0), default=None)
    high = min((-room.base / room.slope for room in rooms if room.slope < 0), default=None)
    never = any(room.slope == 0 and room.base <= 0 for room in rooms)
    if never or (low is not None and high is not None and low > high):
        return None
    if quantity > 0:
        return low
    return high if quantity < 0 else None
