"""The futures products: names, multipliers, ticks, limits, sessions.

The shipped table holds stable facts and typical rates; a counter's own values win over it.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cache
from importlib import resources
from types import MappingProxyType

Session = tuple[time, time]  # a night session may end after midnight: its end is then the smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One row of the table. ``price_limit`` and ``margin_rate`` are fractions, typical values."""

    id: str
    name: str
    exchange: str
    multiplier: int
    unit: str
    tick: Decimal
    price_limit: Decimal
    margin_rate: Decimal
    sessions: tuple[Session, ...]
    larger_side: bool  # 大边


@cache
def shipped() -> Mapping[str, Product]:
    """Every product by its id in the exchange's own case."""
    text = resources.files("risk").joinpath("data/products.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return MappingProxyType({row["product_id"]: _product(row) for row in rows})


@cache
def _by_folded_id() -> Mapping[str, Product]:
    return {product.id.casefold(): product for product in shipped().values()}


def of_instrument(instrument: str) -> Product | None:
    """The product that an id like ``rb2701``, ``SR609C6000`` or ``IF`` belongs to.

    Ids are compared without case; the letters up to the first digit decide, so ``a`` is never
    taken for ``ag``.
    """
    letters = instrument[: next((i for i, c in enumerate(instrument) if c.isdigit()), None)]
    return _by_folded_id().get(letters.casefold())


def on_tick_up(price: Decimal, tick: Decimal) -> Decimal:
    """The lowest price of the tick's grid that is not below ``price``."""
    return (price / tick).to_integral_value(ROUND_CEILING) * tick


def on_tick_down(price: Decimal, tick: Decimal) -> Decimal:
    """The highest price of the tick's grid that is not above ``price``."""
    return (price / tick).to_integral_value(ROUND_FLOOR) * tick


def price_limits(settle: Decimal, limit: Decimal, tick: Decimal) -> tuple[Decimal, Decimal]:
    """The lowest and highest price of a day, on the tick's grid and inside the band.

    Rounding in odd cases differs by exchange (unsure); the counter's own limits win.
    """
    return on_tick_up(settle * (1 - limit), tick), on_tick_down(settle * (1 + limit), tick)


def _product(row: Mapping[str, str]) -> Product:
    multiplier = int(row["multiplier"])
    if multiplier <= 0:
        raise ValueError(f"product {row['product_id']} has no multiplier")
    spans = f"{row['day_sessions']} {row['night_session']}".split()
    return Product(
        id=row["product_id"],
        name=row["name_zh"],
        exchange=row["exchange"],
        multiplier=multiplier,
        unit=row["unit"],
        tick=Decimal(row["tick_size"]),
        price_limit=Decimal(row["price_limit_pct"]) / 100,
        margin_rate=Decimal(row["exchange_margin_pct"]) / 100,
        sessions=tuple(_session(span) for span in spans),
        larger_side=row["larger_side_margin"].startswith("product"),
    )


def _session(span: str) -> Session:
    begin, _, end = span.partition("-")
    return time.fromisoformat(begin), time.fromisoformat(end)
