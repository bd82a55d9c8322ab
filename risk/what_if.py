"""What accounts would look like if prices or margin rates were others. Pure, exact, in Decimal.

Every lot follows the shocked price, carried ones too, in P&L and in margin. That is done by telling
the engine that a carried lot was opened today at yesterday's settlement: its P&L stays the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from risk import legs as of_legs
from risk.figures import Figures, Terms
from risk.products import of_instrument, price_limits
from risk.sources.base import ZERO, AccountFunds, Instrument, PositionRow
from risk.told import Account


@dataclass(frozen=True, slots=True)
class ProductMove:
    """Every price of a product by a fraction of itself; not clipped at limits."""

    product: str
    move: Decimal


@dataclass(frozen=True, slots=True)
class InstrumentPrice:
    instrument: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class MarginRate:
    """The broker's rate of a product; ``added`` to each account's own, or instead of it."""

    product: str
    rate: Decimal
    added: bool


@dataclass(frozen=True, slots=True)
class AllAtLimit:
    """Everything at today's limit, up or down."""

    up: bool


Shock = ProductMove | InstrumentPrice | MarginRate | AllAtLimit


@dataclass(frozen=True, slots=True)
class Outcome:
    before: Figures
    after: Figures


def outcome(account: Account, shocks: Sequence[Shock], terms: Terms) -> Outcome:
    before = account.figures(terms, ahead=False)
    held = {row.instrument for row in account.positions}
    concerned = held | {
        each.option.underlying
        for name in held
        if (each := account.instruments.get(name)) and each.option
    }
    prices = {}
    for name in concerned:
        instrument = account.instruments.get(name)
        if instrument and (price := shocked(instrument, account.ticks.get(name), shocks)):
            prices[name] = price
    rows = tuple(_shocked_rates(account, shocks))
    if not prices and rows == account.positions:
        return Outcome(before, before)
    after = _moved(account, rows, prices).figures(terms, ahead=False)
    if before.level != after.level and before.missing:
        after = replace(after, level=before.level, missing=before.missing)
    return Outcome(before, after)


def shocked(
    instrument: Instrument, last: Decimal | None, shocks: Iterable[Shock]
) -> Decimal | None:
    """Its price after all shocks, in their order; None when none concerns it."""
    price = last if last is not None else instrument.last or instrument.prev_settle
    found: Decimal | None = None
    for shock in shocks:
        match shock:
            case ProductMove(product, move) if product == instrument.product and price is not None:
                price = found = price * (1 + move)
            case InstrumentPrice(name, told) if name == instrument.id:
                price = found = told
            case AllAtLimit(up):
                limit = limit_of(instrument, up=up)
                price, found = (limit, limit) if limit is not None else (price, found)
    return found


def limit_of(instrument: Instrument, *, up: bool) -> Decimal | None:
    """Today's, as told or by the table of products; None where neither is known."""
    told = instrument.upper_limit if up else instrument.lower_limit
    product = of_instrument(instrument.id)
    if told is not None or instrument.option or product is None or instrument.prev_settle is None:
        return told
    return price_limits(instrument.prev_settle, product.price_limit, instrument.tick)[up]


def assumptions(
    shocks: Sequence[Shock], instruments: Iterable[Instrument], *, stale: bool = False
) -> list[str]:
    """What the answer rests on, in Chinese."""
    every = list(instruments)
    found = ["按最新价起算，未被冲击的合约价格不变，不计手续费和后续出入金"]
    if any(not isinstance(shock, MarginRate) for shock in shocks):
        found.append("被冲击合约的全部持仓（含昨仓）按冲击后价格计算盈亏和保证金")
    if any(isinstance(shock, ProductMove | InstrumentPrice) for shock in shocks):
        found.append("冲击价格不受涨跌停板限制，也不取整到最小变动价位")
    if any(isinstance(shock, MarginRate) for shock in shocks):
        found.append("只改公司保证金率，交易所保证金率不变")
    if any(each.option for each in every):
        found.append("期权价格不随标的变动，卖方保证金按冲击后的标的价格计算")
    found.extend(_without_effect(shocks, every))
    if stale:
        found.append("行情或资金数据已过期，结果仅供参考")
    return found


def _without_effect(shocks: Iterable[Shock], every: Sequence[Instrument]) -> Iterator[str]:
    products, names = {each.product for each in every}, {each.id for each in every}
    for shock in shocks:
        match shock:
            case ProductMove(product) | MarginRate(product) if product not in products:
                yield f"账本中没有品种 {product}，该冲击没有影响"
            case InstrumentPrice(name) if name not in names:
                yield f"账本中没有合约 {name}，该冲击没有影响"
            case AllAtLimit(up):
                without = sorted(each.id for each in every if limit_of(each, up=up) is None)
                if without:
                    yield f"没有涨跌停价、保持不变的合约：{'、'.join(without)}"


def _shocked_rates(account: Account, shocks: Iterable[Shock]) -> Iterator[PositionRow]:
    changes = [shock for shock in shocks if isinstance(shock, MarginRate)]
    for told in account.positions:
        row, instrument = told, account.instruments.get(told.instrument)
        for change in changes:
            rate = row.margin_rate
            if instrument and instrument.product == change.product and rate is not None:
                changed = max(rate + change.rate, ZERO) if change.added else change.rate
                row = replace(row, margin_rate=changed)
        yield row


def _moved(account: Account, rows: Sequence[PositionRow], prices: Mapping[str, Decimal]) -> Account:
    positions = tuple(part for row in rows for part in _opened_today(row, account, prices))
    stood = {
        name: replace(account.instruments[name], prev_settle=price)
        for name, price in prices.items()
    }
    instruments = {**account.instruments, **stood}
    ticks = {**account.ticks, **prices}
    after = replace(account, positions=positions, instruments=instruments, ticks=ticks)
    return replace(after, funds=_kept(account, after))


def _opened_today(
    row: PositionRow, account: Account, prices: Mapping[str, Decimal]
) -> Iterator[PositionRow]:
    carried = row.lots - row.today_lots
    instrument = account.instruments.get(row.instrument)
    if row.instrument not in prices or not carried or instrument is None:
        yield row
        return
    yield replace(row, lots=carried, today_lots=carried, open_price=instrument.prev_settle)
    if row.today_lots:
        yield replace(row, lots=row.today_lots)


def _kept(account: Account, after: Account) -> AccountFunds:
    """Told amounts that make the engine add to the margin exactly what the shocks change.

    It counts from what the lots occupied as they were told, which the new rows would not give.
    """
    funds = account.funds
    if funds.margin is None and funds.exchange_margin is None and funds.available is None:
        return funds
    company = _grown(account, after, of_legs.company)
    exchange = _grown(account, after, of_legs.exchange)
    available = funds.available
    if available is not None and funds.margin is not None:
        available -= company
    elif available is not None:
        available -= _occupied(after, of_legs.company, of_legs.now) - _occupied(
            account, of_legs.company, of_legs.now
        )
    return replace(
        funds,
        margin=None if funds.margin is None else funds.margin + company,
        exchange_margin=None if funds.exchange_margin is None else funds.exchange_margin + exchange,
        available=available,
    )


def _grown(account: Account, after: Account, margin_of: of_legs.MarginOf) -> Decimal:
    return _occupied(after, margin_of, of_legs.then) - _occupied(account, margin_of, of_legs.then)


def _occupied(account: Account, margin_of: of_legs.MarginOf, price_of: of_legs.PriceOf) -> Decimal:
    legs = of_legs.legs(account.positions, account.instruments, account.ticks)
    return of_legs.occupied(legs, margin_of, price_of)
