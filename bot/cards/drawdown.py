"""How far an account fell from a high."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from risk.sources.base import DayOfFunds

SEEN = Decimal("0.0005")  # a smaller one reads 0.0%


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The largest fall from a high. Places in the points; ``degree`` is positive, of the high."""

    peak: int
    trough: int
    degree: Decimal


def drawdown(points: Sequence[DayOfFunds]) -> Drawdown | None:
    """The largest fall of what one yuan became: money paid in or out is no gain or loss."""
    worth, high, peak = Decimal(1), Decimal(1), 0
    worst: Drawdown | None = None
    for place in range(1, len(points)):
        before, today = points[place - 1].equity, points[place]
        if before <= 0:  # nothing to lose: count anew
            worth, high, peak = Decimal(1), Decimal(1), place
            continue
        worth *= max((today.equity - today.net_deposit) / before, Decimal(0))
        if worth >= high:
            high, peak = worth, place
            continue
        fall = 1 - worth / high
        if worst is None or fall > worst.degree:
            worst = Drawdown(peak, place, fall)
    return worst if worst and worst.degree >= SEEN else None
