"""Which lots to close: the fewest that bring an account to 100 % or less. Advice, never an order.

Closing at the mark releases margin and leaves equity as it is. With the larger side (大边) closing
the smaller side releases nothing, and the larger only down to the other; so of each product it is
found what n lots release at best, and the lots are shared out among the products.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import accumulate, chain, repeat
from typing import TYPE_CHECKING

from risk import legs as of_legs
from risk.advice import Close
from risk.figures import Figures
from risk.sources.base import ZERO, Direction, Instrument, PositionRow
from risk.told import Account

if TYPE_CHECKING:  # loaded when somebody needs advice
    from risk.sheet import F64

HALF_A_FEN = Decimal("0.005")  # which rounding on the account forgives
CLOSE_ENOUGH = 1e-6  # yuan; floats propose so near to what is needed, Decimal decides
MOST = 4096  # lots that are shared out one by one; above, in parcels of as many as it takes


@dataclass(frozen=True, slots=True)
class Lots:
    """Lots that are alike; ``margin`` is what one of them occupies before the larger side."""

    instrument: str
    direction: Direction
    count: int
    margin: Decimal


@dataclass(slots=True)
class Way:
    """What can be closed of one product. A side that occupies something by lots that cannot be
    closed has it in ``long_held`` and ``short_held``. Without the larger side all are ``long``."""

    long: list[Lots] = field(default_factory=list)
    short: list[Lots] = field(default_factory=list)
    long_held: Decimal = ZERO
    short_held: Decimal = ZERO

    def count(self) -> int:
        return sum(each.count for each in (*self.long, *self.short))

    def released(self, long: int, short: int) -> Decimal:
        """By closing the dearest so many of each side."""
        return self._occupied(ZERO, ZERO) - self._occupied(
            _of_dearest(self.long, long), _of_dearest(self.short, short)
        )

    def splits(self) -> list[tuple[int, int]]:
        """How n lots are best shared between the sides, by n."""
        longs, shorts = _sums(self.long), _sums(self.short)
        found = [(0, 0)]
        for _ in range(self.count()):
            long, short = found[-1]
            more = [
                (self._occupied(longs[one], shorts[other]), one, other)
                for one, other in ((long + 1, short), (long, short + 1), (long + 2, short - 1),
                                   (long - 1, short + 2))
                if 0 <= one < len(longs) and 0 <= other < len(shorts)
            ]  # fmt: skip
            _, long, short = min(more)
            found.append((long, short))
        return found

    def _occupied(self, long: Decimal, short: Decimal) -> Decimal:
        return max(self.long_held - long, self.short_held - short)


def suggestion(account: Account, found: Figures) -> tuple[Close, ...]:
    """Empty where nothing needs closing, nothing helps, or too little is known; all that helps
    where even that does not lead to 100 %."""
    closing, _ = with_degree(account, found)
    return closing


def with_degree(account: Account, found: Figures) -> tuple[tuple[Close, ...], Decimal | None]:
    """The suggestion and the degree that it leads to; None where there is none, or no equity."""
    if found.margin is None or found.equity is None or found.missing:
        return (), None
    if found.margin <= found.equity:
        return (), None
    need = found.margin - found.equity - HALF_A_FEN
    ways = _ways(account)
    unit = -(-sum(way.count() for way in ways) // MOST) or 1
    parcels = [_in_parcels(way, unit) for way in ways]
    chosen = _fewest(parcels, need)
    lots: Counter[tuple[str, Direction]] = Counter()
    for way, (long, short) in zip(ways, chosen, strict=True):
        for each, count in (*_dearest(way.long, long * unit), *_dearest(way.short, short * unit)):
            lots[each.instrument, each.direction] += count
    closing = tuple(
        Close(instrument=name, direction=direction.value, lots=count)
        for (name, direction), count in lots.items()
    )
    if found.equity <= 0 or not closing:
        return closing, None
    released = sum((way.released(*c) for way, c in zip(parcels, chosen, strict=True)), ZERO)
    return closing, (found.margin - released) / found.equity


def _ways(account: Account) -> list[Way]:
    ways: dict[str, Way] = {}
    plain = ways.setdefault("", Way())
    for row in account.positions:
        instrument = account.instruments.get(row.instrument)
        if instrument is None:
            continue
        long = row.direction is Direction.LONG or not instrument.larger_side
        way = ways.setdefault(instrument.product, Way()) if instrument.larger_side else plain
        for each in _lots(row, account):
            held = each.margin * each.count
            way.long_held += held if long else ZERO
            way.short_held += ZERO if long else held
            if not _locked(row, instrument, account):
                (way.long if long else way.short).append(each)
    for way in ways.values():
        for side in (way.long, way.short):
            side.sort(key=lambda each: (-each.margin, each.instrument))
    return [way for way in ways.values() if way.count()]


def _lots(row: PositionRow, account: Account) -> Iterator[Lots]:
    """Carried lots and today's; those that occupy nothing are left out."""
    for count, today in ((row.lots - row.today_lots, 0), (row.today_lots, 1)):
        if not count:
            continue
        one = replace(row, lots=1, today_lots=today)
        [leg] = of_legs.legs([one], account.instruments, account.ticks)
        margin = of_legs.occupied([leg], of_legs.company, of_legs.now)
        if margin > 0:
            yield Lots(row.instrument, row.direction, count, margin)


def _locked(row: PositionRow, instrument: Instrument, account: Account) -> bool:
    """At the limit against it nobody takes the other side."""
    last = account.ticks.get(row.instrument, instrument.last)
    if last is None:
        return False
    if row.direction is Direction.LONG:
        return instrument.lower_limit is not None and last <= instrument.lower_limit
    return instrument.upper_limit is not None and last >= instrument.upper_limit


def _fewest(ways: Sequence[Way], need: Decimal) -> list[tuple[int, int]]:
    """How many of each way's long and short lots: the least number that releases ``need``, or
    where none does the least that releases most."""
    import numpy as np  # noqa: PLC0415

    splits = [way.splits() for way in ways]
    gains = [
        np.array([float(way.released(*split)) for split in every])
        for way, every in zip(ways, splits, strict=True)
    ]
    best: list[F64] = [np.zeros(1)]
    for gain in gains:
        best.append(_shared(best[-1], gain))
    wanted = min(float(need), float(best[-1][-1])) - CLOSE_ENOUGH
    for total in range(int(np.searchsorted(best[-1], wanted)), len(best[-1])):
        counts = _shares(best, gains, total)
        chosen = [every[count] for every, count in zip(splits, counts, strict=True)]
        released = sum((way.released(*c) for way, c in zip(ways, chosen, strict=True)), ZERO)
        if released >= need or best[-1][total] >= best[-1][-1] - CLOSE_ENOUGH:
            return chosen
    return [(0, 0) for _ in ways]


def _shared(best: "F64", gain: "F64") -> "F64":
    """What n lots release at best of both: lots of the second in every number."""
    import numpy as np  # noqa: PLC0415

    found = np.zeros(len(best) + len(gain) - 1)
    for count, released in enumerate(gain):
        stretch = found[count : count + len(best)]
        np.maximum(stretch, best + released, out=stretch)
    return np.maximum.accumulate(found)


def _shares(best: Sequence["F64"], gains: Sequence["F64"], total: int) -> list[int]:
    """The lots of each way behind ``best[-1][total]``."""
    import numpy as np  # noqa: PLC0415

    counts: list[int] = []
    for before, gain in zip(best[-2::-1], reversed(gains), strict=True):
        low, high = max(0, total - len(before) + 1), min(total, len(gain) - 1)
        taken = np.arange(low, high + 1)
        count = low + int(np.argmax(gain[taken] + before[total - taken]))
        counts.append(count)
        total -= count
    return counts[::-1]


def _in_parcels(way: Way, unit: int) -> Way:
    """As if ``unit`` lots were one; what is left over of a kind stays open."""
    if unit == 1:
        return way

    def parcels(side: Sequence[Lots]) -> list[Lots]:
        return [
            replace(each, count=each.count // unit, margin=each.margin * unit)
            for each in side
            if each.count >= unit
        ]

    return replace(way, long=parcels(way.long), short=parcels(way.short))


def _dearest(side: Sequence[Lots], count: int) -> Iterator[tuple[Lots, int]]:
    for each in side:
        taken = min(count, each.count)
        count -= taken
        if taken:
            yield each, taken


def _of_dearest(side: Sequence[Lots], count: int) -> Decimal:
    return sum((each.margin * taken for each, taken in _dearest(side, count)), ZERO)


def _sums(side: Sequence[Lots]) -> list[Decimal]:
    """What the dearest n lots occupy, by n."""
    single = chain.from_iterable(repeat(each.margin, each.count) for each in side)
    return list(accumulate(single, initial=ZERO))
