"""Prices of the invented market: a walk in a narrow band around anchors that people may move."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from bot.sandbox.instruments import listed, option_price, settled_at, to_tick
from bot.sandbox.numbers import seeded
from bot.sandbox.refused import Refused
from risk.sources.base import ZERO, Instrument

BAND = Decimal("0.003")  # of the anchor, to either side: too little to call anybody
STRIDE = Decimal("0.00005")  # of the anchor, but at least a tick
HIGHEST = Decimal(10_000_000)
MOVING = 0.35  # share of the futures that move in one step


class NotPossible(Refused):
    """What was asked of the market makes no sense."""


class Prices:
    """Every instrument with its last price. The same steps lead to the same prices."""

    def __init__(self, seed: int) -> None:
        self.instruments: dict[str, Instrument] = listed(seed)
        self._seed = seed
        self._steps = 0
        self._anchors = {each.id: _last(each) for each in self._futures()}

    def walk(self) -> set[str]:
        """One step of about a third of the futures; who moved, options included."""
        random = seeded(self._seed, "step", self._steps)
        self._steps += 1
        moved = set()
        for each in list(self._futures()):
            if random.random() < MOVING:
                rise = random.random() < self._chance_to_rise(each)
                stride = max(to_tick(self._anchors[each.id] * STRIDE, each.tick), each.tick)
                self._move(each, _inside(each, _last(each) + (stride if rise else -stride)))
                moved.add(each.id)
        return moved | self._follow(moved)

    def put(self, wanted: Mapping[str, Decimal]) -> set[str]:
        """Raises NotPossible for an unknown instrument, an option, or a price below a tick."""
        targets = [(self._future(name), price) for name, price in wanted.items()]
        for each, price in targets:
            if not each.tick <= price <= HIGHEST:
                raise NotPossible(f"{each.id} 的价格应在 {each.tick} 到 {HIGHEST} 之间")
        for each, price in targets:
            self._anchors[each.id] = to_tick(price, each.tick)
            self._move(each, self._anchors[each.id])
        moved = {each.id for each, _ in targets}
        return moved | self._follow(moved)

    def shock(self, wanted: Mapping[str, Decimal]) -> set[str]:
        """Multiply the prices of products or single instruments, not clipped at the limits.

        Anchors are multiplied unrounded, so that a shock which is taken back leaves nothing behind.
        Raises NotPossible for what is not listed and beyond ±100 %.
        """
        if not all(-1 < share <= 1 for share in wanted.values()):
            raise NotPossible("跌幅应小于 100%，涨幅应不大于 100%")
        targets = [(self._named(what), 1 + share) for what, share in wanted.items()]
        for names, factor in targets:
            for name in names:
                each = self.instruments[name]
                self._anchors[name] *= factor
                self._move(each, to_tick(_last(each) * factor, each.tick))
        moved = {name for names, _ in targets for name in names}
        return moved | self._follow(moved)

    def last(self) -> dict[str, Decimal]:
        return {name: _last(each) for name, each in self.instruments.items()}

    def open_after(self, settlement: Mapping[str, Decimal]) -> None:
        """Begin a day after these settlement prices."""
        for name, price in settlement.items():
            if name in self.instruments:
                self.instruments[name] = settled_at(self.instruments[name], price)

    def state(self) -> dict[str, Any]:
        return {
            "steps": self._steps,
            "anchors": {name: str(price) for name, price in self._anchors.items()},
            "last": {each.id: str(each.last) for each in self._futures()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._steps = state["steps"]
        for each in list(self._futures()):
            if each.id in state["last"]:
                self._anchors[each.id] = Decimal(state["anchors"][each.id])
                self._move(each, Decimal(state["last"][each.id]))
        self._follow(self._anchors)

    def _futures(self) -> Iterable[Instrument]:
        return (each for each in self.instruments.values() if not each.option)

    def _future(self, name: str) -> Instrument:
        folded = name.casefold()
        found = next(
            (each for each in self.instruments.values() if each.id.casefold() == folded), None
        )
        if found is None:
            raise NotPossible(f"没有合约 {name}")
        if found.option:
            raise NotPossible(f"{found.id} 是期权，价格随标的 {found.option.underlying}")
        return found

    def _named(self, what: str) -> list[str]:
        """The futures of a product, or the one of that id."""
        names = [each.id for each in self._futures() if what.casefold() in _names(each)]
        if not names:
            raise NotPossible(f"没有品种或合约 {what}")
        return names

    def _chance_to_rise(self, each: Instrument) -> float:
        anchor = self._anchors[each.id]
        band = max(anchor * BAND, 2 * each.tick)
        return float(1 - (_last(each) - anchor) / band) / 2

    def _move(self, each: Instrument, price: Decimal) -> None:
        self.instruments[each.id] = replace(each, last=min(max(price, each.tick), HIGHEST))

    def _follow(self, moved: Iterable[str]) -> set[str]:
        """Price the options anew whose underlying has moved."""
        underlyings, followed = set(moved), set()
        for each in list(self.instruments.values()):
            if each.option and each.option.underlying in underlyings:
                price = option_price(each, _last(self.instruments[each.option.underlying]))
                if price != each.last:
                    self._move(each, price)
                    followed.add(each.id)
        return followed


def _last(each: Instrument) -> Decimal:
    return ZERO if each.last is None else each.last


def _inside(each: Instrument, price: Decimal) -> Decimal:
    """``price``, kept within the day's limits unless a person has moved the price beyond them."""
    low, high = each.lower_limit, each.upper_limit
    if low is None or high is None or not low <= _last(each) <= high:
        return price
    return min(max(price, low), high)


def _names(each: Instrument) -> tuple[str, str]:
    return each.product.casefold(), each.id.casefold()
