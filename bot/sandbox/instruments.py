"""What is listed on the invented market, and the prices it opens with."""

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

from bot.sandbox.numbers import seeded
from risk.products import Product, of_instrument, price_limits
from risk.sources.base import Instrument, Option, OptionKind

SETTLED: Mapping[str, str] = {  # contract -> yesterday's settlement price
    "rb2701": "3131", "rb2705": "3156", "hc2701": "3292", "i2701": "785.5", "j2701": "1684",
    "jm2701": "1106.5", "cu2701": "86480", "al2701": "21515", "zn2701": "22620", "ni2701": "118560",
    "sn2701": "292300", "au2702": "942.36", "ag2702": "11806", "ru2701": "15230", "fu2701": "2566",
    "bu2701": "3024", "sp2701": "5484", "ss2701": "12465", "sc2701": "458.3", "m2701": "3012",
    "m2705": "2836", "y2701": "8242", "p2701": "8736", "a2701": "4086", "c2701": "2191",
    "l2701": "6842", "v2701": "4566", "pp2701": "6483", "eg2701": "3894", "lh2701": "11525",
    "jd2701": "3268", "TA701": "4692", "MA701": "2083", "SA701": "1184", "FG701": "1032",
    "SR701": "5414", "CF701": "13555", "RM701": "2422", "OI701": "9856", "UR701": "1653",
    "AP701": "9157", "IF2612": "4582.6", "IH2612": "3011.4", "IC2612": "7124.2", "IM2612": "7342.8",
    "T2703": "108.245", "lc2701": "86520", "si2701": "9055",
}  # fmt: skip
OPENS_AT: Mapping[str, str] = {"rb2701": "3120", "hc2701": "3288"}  # the tour's; others by chance
OPTIONS: Mapping[str, tuple[str, OptionKind, str, str]] = {  # id -> underlying, kind, strike, tick
    "m2701-C-3000": ("m2701", OptionKind.CALL, "3000", "0.5"),
    "m2701-C-3150": ("m2701", OptionKind.CALL, "3150", "0.5"),
    "m2701-P-2900": ("m2701", OptionKind.PUT, "2900", "0.5"),
    "cu2701C88000": ("cu2701", OptionKind.CALL, "88000", "2"),
}
DEVIATION = 0.05  # of the underlying's price until expiry, for the options' value


def listed(seed: int) -> dict[str, Instrument]:
    """Every instrument by id, before the first step of the market."""
    futures = {name: _future(seed, name, Decimal(settled)) for name, settled in SETTLED.items()}
    return futures | {name: _option(name, futures[OPTIONS[name][0]]) for name in OPTIONS}


def option_price(instrument: Instrument, underlying: Decimal) -> Decimal:
    """The option's fair price in the normal model, at least one tick."""
    if instrument.option is None:
        raise ValueError(f"{instrument.id} is no option")
    deviation = DEVIATION * float(underlying)
    sign = 1 if instrument.option.kind is OptionKind.CALL else -1
    inside = sign * float(underlying - instrument.option.strike)
    depth = inside / deviation
    density = math.exp(-depth * depth / 2) / math.sqrt(2 * math.pi)
    fair = inside * (1 + math.erf(depth / math.sqrt(2))) / 2 + deviation * density
    return max(to_tick(Decimal(fair), instrument.tick), instrument.tick)


def to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """The nearest price of the grid."""
    return (price / tick).to_integral_value(ROUND_HALF_UP) * tick


def product_of(instrument: Instrument) -> Product:
    """The table's row for a future, or for the future under an option."""
    product = of_instrument(instrument.option.underlying if instrument.option else instrument.id)
    if product is None:
        raise KeyError(instrument.id)
    return product


def settled_at(instrument: Instrument, price: Decimal) -> Instrument:
    """The instrument on the next trading day, with the limits that follow from its settlement."""
    if instrument.option:
        return replace(instrument, prev_settle=price, last=price)
    limit = product_of(instrument).price_limit
    lower, upper = price_limits(price, limit, instrument.tick)
    return replace(instrument, prev_settle=price, last=price, lower_limit=lower, upper_limit=upper)


def _future(seed: int, name: str, settled: Decimal) -> Instrument:
    product = of_instrument(name)
    if product is None:
        raise KeyError(name)
    move = Decimal(seeded(seed, name).randint(-60, 60)) / 10_000
    last = (
        Decimal(OPENS_AT[name]) if name in OPENS_AT else to_tick(settled * (1 + move), product.tick)
    )
    future = Instrument(
        id=name,
        product=product.id,
        exchange=product.exchange,
        multiplier=product.multiplier,
        tick=product.tick,
        larger_side=product.larger_side,
    )
    return replace(settled_at(future, settled), last=last)


def _option(name: str, underlying: Instrument) -> Instrument:
    _, kind, strike, tick = OPTIONS[name]
    option = Instrument(
        id=name,
        product=f"{underlying.product}_o",
        exchange=underlying.exchange,
        multiplier=underlying.multiplier,
        tick=Decimal(tick),
        option=Option(kind=kind, strike=Decimal(strike), underlying=underlying.id),
    )
    return replace(
        option,
        prev_settle=option_price(option, Decimal(SETTLED[underlying.id])),
        last=option_price(option, underlying.last or Decimal(SETTLED[underlying.id])),
    )
