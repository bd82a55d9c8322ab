"""What can be said of a case beside its figures, as plain values: the next line ahead, and what to
close. Kept with an alert as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from risk.figures import Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The next line: which product has to move how far, as a signed fraction."""

    product: str
    instrument: str
    move: Decimal
    degree: Decimal
    by_exchange: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Lots to close. Advice to the desk: nothing here sends orders."""

    instrument: str
    direction: str
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """``after``: the degree that closing leads to; None where no equity is left."""

    ahead: Ahead | None = None
    closing: tuple[Close, ...] = ()
    after: Decimal | None = None


def of(found: Figures, closing: tuple[Close, ...] = (), after: Decimal | None = None) -> Advice:
    near = found.nearest
    if near is None:
        return Advice(closing=closing, after=after)
    ahead = Ahead(
        product=near.product,
        instrument=near.instrument,
        move=near.move,
        degree=near.degree,
        by_exchange=near.by_exchange,
    )
    return Advice(ahead=ahead, closing=closing, after=after)


def dump(advice: Advice) -> dict[str, Any]:
    ahead = advice.ahead
    return {
        "ahead": ahead
        and {
            "product": ahead.product,
            "instrument": ahead.instrument,
            "move": str(ahead.move),
            "degree": str(ahead.degree),
            "by_exchange": ahead.by_exchange,
        },
        "closing": [
            {"instrument": each.instrument, "direction": each.direction, "lots": each.lots}
            for each in advice.closing
        ],
        "after": None if advice.after is None else str(advice.after),
    }


def load(kept: Mapping[str, Any]) -> Advice:
    ahead = kept.get("ahead")
    return Advice(
        ahead=Ahead(
            product=ahead["product"],
            instrument=ahead["instrument"],
            move=Decimal(ahead["move"]),
            degree=Decimal(ahead["degree"]),
            by_exchange=ahead["by_exchange"],
        )
        if ahead
        else None,
        closing=tuple(Close(**each) for each in kept.get("closing", ())),
        after=Decimal(kept["after"]) if kept.get("after") else None,
    )
