"""Money is Decimal yuan to the fen; tables keep integer fen; ratios are Decimal (1 = 100 %)."""

from decimal import ROUND_HALF_UP, Decimal

FEN = Decimal("0.01")


def yuan(value: Decimal | int | str) -> Decimal:
    """``value`` as yuan, rounded half up to the fen."""
    return Decimal(value).quantize(FEN, rounding=ROUND_HALF_UP)


def to_fen(value: Decimal) -> int:
    """Yuan as integer fen, rounded half up."""
    return int((value * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def from_fen(value: int) -> Decimal:
    """Integer fen as yuan."""
    return (Decimal(value) / 100).quantize(FEN)
