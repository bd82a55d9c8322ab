"""One account's figures from its funds, positions and prices, exactly, in Decimal.

Mark-to-market by date (逐日盯市), margin of carried lots at yesterday's settlement price and of
today's at the last price, larger side per product. Sums are exact; money is rounded half up to the
fen on the account only. What the counter told is kept and moved by what changed since.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from crm.kernel.money import yuan
from risk import legs as of_legs
from risk.legs import Leg, MarginOf
from risk.levels import LADDER, Ladder, Level, judge
from risk.sources.base import ZERO, AccountFunds, Direction, Instrument, PositionRow
from risk.triggers import Standing, Trigger

ONE = Decimal(1)
UNBELIEVABLE = Decimal(10**15)  # yuan; no table holds more, and no account is so rich
NO_TICKS: Mapping[str, Decimal] = MappingProxyType({})


class Usable(StrEnum):
    """Which floating P&L counts in available funds (盈亏算法), by the total (official doc)."""

    BOTH = "both"
    LOSSES = "losses"
    GAINS = "gains"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The broker's own settings."""

    ladder: Ladder = LADDER
    house_line: Decimal = Decimal("0.95")  # the degree that a called client should come back to
    usable: Usable = Usable.BOTH


TERMS = Terms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An account's lots of one instrument on one side. ``margin`` is before the larger side.

    Triggers are prices of this instrument, all else unchanged, on the tick's careful side; None
    where no price leads there.
    """

    instrument: str
    product: str
    direction: Direction
    lots: int
    today_lots: int
    last: Decimal | None
    pnl: Decimal | None
    margin: Decimal | None
    exchange_margin: Decimal | None
    price_at_100: Decimal | None
    price_at_zero: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """``risk`` is None where equity is not positive. What cannot be known is None; the level is
    then UNSURE and ``missing`` says in Chinese what is lacking."""

    account: str
    name: str
    branch: str
    equity: Decimal | None
    available: Decimal | None
    margin: Decimal | None
    exchange_margin: Decimal | None
    risk: Decimal | None
    exchange_risk: Decimal | None
    level: Level
    day_pnl: Decimal
    net_deposit: Decimal
    call_amount: Decimal | None
    call_to_house_line: Decimal | None
    holdings: tuple[Holding, ...]
    nearest: Trigger | None
    missing: tuple[str, ...]
    estimate: bool  # computed here or moved by ticks, not the counter's own word
    as_of: datetime | None = None
    stale: bool = False


def figures(
    funds: AccountFunds,
    positions: Sequence[PositionRow],
    instruments: Mapping[str, Instrument],
    ticks: Mapping[str, Decimal] = NO_TICKS,
    terms: Terms = TERMS,
    *,
    ahead: bool = True,
) -> Figures:
    """``instruments`` as of the snapshot that told ``funds``; ``ticks`` are last prices since.

    Without ``ahead`` no trigger prices are looked for, which is most of the work.
    """
    legs = of_legs.legs(positions, instruments, ticks)
    pnl_now = sum((_pnl(leg, leg.now) or ZERO for leg in legs), ZERO)
    moved = pnl_now - sum((_pnl(leg, leg.then) or ZERO for leg in legs), ZERO)
    profit = pnl_now if funds.position_profit is None else funds.position_profit + moved
    margin = _margin(legs, of_legs.company, funds.margin)
    exchange_margin = _margin(legs, of_legs.exchange, funds.exchange_margin)
    equity = _equity(funds, profit, moved)
    available = _available(funds, equity, margin, profit, moved, terms.usable)
    missing = tuple(_missing(funds, legs))
    if any(abs(each) >= UNBELIEVABLE for each in (equity, margin, available) if each is not None):
        equity = margin = exchange_margin = available = None
        missing = (*missing, "金额大得不可信")
    standing = None
    level = Level.UNSURE
    if equity is not None and margin is not None and available is not None:
        standing = Standing(legs, equity, margin, exchange_margin) if ahead else None
        if not missing:
            level = judge(equity, margin, exchange_margin, available, terms.ladder)
    return Figures(
        account=funds.account,
        name=funds.name,
        branch=funds.branch,
        equity=equity,
        available=available,
        margin=margin,
        exchange_margin=exchange_margin,
        risk=_degree(margin, equity),
        exchange_risk=_degree(exchange_margin, equity),
        level=level,
        day_pnl=yuan(funds.close_profit + profit),
        net_deposit=funds.deposit - funds.withdraw,
        call_amount=None if available is None else max(ZERO, -available),
        call_to_house_line=_short_of(terms.house_line, margin, equity),
        holdings=tuple(_holding(leg, standing) for leg in legs),
        nearest=standing.nearest(terms.ladder) if standing and not missing else None,
        missing=missing,
        estimate=funds.equity is None or funds.margin is None or moved != 0,
    )


def _pnl(leg: Leg, price: Decimal | None) -> Decimal | None:
    return None if leg.pnl is None or price is None else leg.pnl.at(price)


def _margin(legs: Sequence[Leg], margin_of: MarginOf, told: Decimal | None) -> Decimal | None:
    """Computed, or the counter's, moved by what today's lots have changed since."""
    present = of_legs.occupied(legs, margin_of, of_legs.now)
    if told is not None:
        return yuan(told + present - of_legs.occupied(legs, margin_of, of_legs.then))
    known = all(margin_of(leg) is not None and leg.now is not None for leg in legs)
    return yuan(present) if known else None


def _equity(funds: AccountFunds, profit: Decimal, moved: Decimal) -> Decimal | None:
    if funds.equity is not None:
        return yuan(funds.equity + moved)
    if funds.pre_balance is None:
        return None
    paid_in = funds.pre_balance + funds.deposit - funds.withdraw + funds.mortgage
    return yuan(paid_in + funds.close_profit + profit + funds.premium - funds.commission)


def _available(
    funds: AccountFunds,
    equity: Decimal | None,
    margin: Decimal | None,
    profit: Decimal,
    moved: Decimal,
    usable: Usable,
) -> Decimal | None:
    if margin is None:
        return None
    if funds.available is not None:
        grown = ZERO if funds.margin is None else margin - yuan(funds.margin)
        return yuan(funds.available + moved - grown)
    if equity is None:
        return None
    return yuan(equity - margin - funds.frozen - (profit - _usable(profit, usable)))


def _usable(profit: Decimal, usable: Usable) -> Decimal:
    match usable:
        case Usable.BOTH:
            return profit
        case Usable.LOSSES:
            return min(profit, ZERO)
        case Usable.GAINS:
            return max(profit, ZERO)
        case Usable.NONE:
            return ZERO


def _degree(margin: Decimal | None, equity: Decimal | None) -> Decimal | None:
    return None if margin is None or equity is None or equity <= 0 else margin / equity


def _short_of(degree: Decimal, margin: Decimal | None, equity: Decimal | None) -> Decimal | None:
    """The deposit that brings the risk degree down to ``degree``."""
    return None if margin is None or equity is None else max(ZERO, yuan(margin / degree - equity))


def _missing(funds: AccountFunds, legs: Iterable[Leg]) -> Iterable[str]:
    if funds.equity is None and funds.pre_balance is None:
        yield "缺上日结存"
    for leg in legs:
        if leg.instrument is None:
            yield f"{leg.id} 缺合约资料"
        elif leg.now is None:
            yield f"{leg.id} 缺价格"
        elif leg.pnl is None:
            yield f"{leg.id} 缺{'开仓价' if leg.instrument.prev_settle else '昨结算价'}"
        elif funds.margin is None and leg.margin is None:
            yield f"{leg.id} 缺保证金率"


def _holding(leg: Leg, standing: Standing | None) -> Holding:
    at_100 = at_zero = None
    if standing and leg.instrument:
        at_100 = standing.price_where(leg.instrument, ONE)
        at_zero = standing.price_at_zero(leg.instrument)
    return Holding(
        instrument=leg.id,
        product=leg.product,
        direction=leg.direction,
        lots=leg.lots,
        today_lots=leg.today_lots,
        last=leg.now,
        pnl=_pnl(leg, leg.now),
        margin=_at(leg.margin, leg.now),
        exchange_margin=_at(leg.exchange_margin, leg.now),
        price_at_100=at_100,
        price_at_zero=at_zero,
    )


def _at(line: of_legs.Line | None, price: Decimal | None) -> Decimal | None:
    return None if line is None or price is None else line.at(price)
