"""Money is Decimal yuan to the fen; tables keep integer fen; ratios are Decimal (1 = 100 %)."""

import math
from decimal import ROUND_HALF_UP, Decimal

FEN = Decimal("0.01")
UNSET = 1e16  # yuan; no table holds more, and CTP marks an unset double with DBL_MAX


def yuan(value: Decimal | int | str) -> Decimal:
    """``value`` as yuan, rounded half up to the fen."""
    return Decimal(value).quantize(FEN, rounding=ROUND_HALF_UP)


def to_fen(value: Decimal) -> int:
    """Yuan as integer fen, rounded half up."""
    return int((value * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def from_fen(value: int) -> Decimal:
    """Integer fen as yuan."""
    return (Decimal(value) / 100).quantize(FEN)


def yuan_from_feed(value: float) -> Decimal | None:
    """A double from a trading feed as yuan; None when the feed did not send it."""
    if not math.isfinite(value) or abs(value) > UNSET:
        return None
    return yuan(repr(value))  # via repr: 1.005 becomes 1.01, not 1.00
