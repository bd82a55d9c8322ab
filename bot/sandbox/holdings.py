"""What the invented broker's clients hold: funds and positions on the market's first day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from random import Random

from bot.sandbox.broker import Broker, Client
from bot.sandbox.instruments import product_of
from bot.sandbox.numbers import seeded
from crm.kernel.money import yuan
from risk.figures import figures
from risk.sources.base import ZERO, AccountFunds, Direction, Instrument, PositionRow

HISTORY_DAYS = 60
ADD_ON = {"A": Decimal("0.02"), "B": Decimal("0.03"), "C": Decimal("0.04")}  # over the exchange
FAVOURITES: Mapping[str, int] = {  # instrument -> how often it is held; others once
    "rb2701": 26, "m2701": 14, "i2701": 8, "hc2701": 7, "TA701": 7, "MA701": 7, "SA701": 7,
    "FG701": 7, "p2701": 6, "y2701": 5, "c2701": 5, "rb2705": 4, "au2702": 4, "ag2702": 4,
    "CF701": 4, "SR701": 4, "IF2612": 2, "lc2701": 3, "cu2701": 3, "m2701-C-3150": 2,
}  # fmt: skip
STEADY_RATE = Decimal("0.07")  # a risky account holds nothing with more leverage than this

CALM = 0.02  # an account that moves less in a day may pay in or out without coming near a call

HistoryRow = tuple[date, Decimal, Decimal]  # day, equity at settlement, net deposit


@dataclass(frozen=True, slots=True)
class Holder:
    """One fund account. ``volatility`` is its equity's in a day, for the days before."""

    funds: AccountFunds
    rows: tuple[PositionRow, ...]
    volatility: float


def holders(broker: Broker, instruments: Mapping[str, Instrument]) -> dict[str, Holder]:
    """Every yuan account of the counter, by its number, as of the first day's first prices."""
    return {
        fund.account: _holder(broker.seed, client, fund.account, instruments)
        for client in broker.clients
        for fund in client.accounts
        if fund.currency == "CNY"
    }


def history(seed: int, holder: Holder, days: Sequence[date]) -> list[HistoryRow]:
    """Settled equity of the days before the first, backwards from where that one begins."""
    random = seeded(seed, "history", holder.funds.account)
    equity = holder.funds.pre_balance or ZERO
    rows: list[HistoryRow] = []
    for day in reversed(days):
        flow = _past_flow(random, equity)
        rows.append((day, equity, flow))
        change = max(-0.12, min(0.12, random.gauss(0.0004, holder.volatility)))
        equity = max(ZERO, yuan((equity - flow) / Decimal(1 + change)))
    return rows[::-1]


def flow_of_day(seed: int, holder: Holder, day: date, equity: Decimal) -> Decimal:
    """Money that a few calm accounts pay in or take out on a later day."""
    random = seeded(seed, "flow", holder.funds.account, day)
    if random.random() > 0.015 or equity <= 0:
        return ZERO
    share = random.choice((-10, -5, 5, 10, 20))
    return round(equity * share / 100, -3) if holder.volatility < CALM else ZERO


def _past_flow(random: Random, equity: Decimal) -> Decimal:
    if random.random() > 0.04:
        return ZERO
    return round(equity * random.choice((-15, -8, 5, 10)) / 100, -3)


@dataclass(frozen=True, slots=True)
class _Wish:
    """How large and how risky an account is to be."""

    margin: float
    degree: Decimal
    names: tuple[str, ...]


def _holder(
    seed: int, client: Client, account: str, instruments: Mapping[str, Instrument]
) -> Holder:
    random = seeded(seed, "holdings", account)
    empty = AccountFunds(account=account, name=client.name.text, branch=client.branch)
    if client.name.text in TOUR:
        return TOUR[client.name.text](empty, instruments)
    if client.status == "dormant" or account != client.account:
        return Holder(replace(empty, pre_balance=yuan(random.randrange(0, 100_000)) / 100), (), 0)
    if random.random() < 0.3:
        return Holder(replace(empty, pre_balance=_pocket(random, client)), (), 0)
    wish = _wish(random, client, instruments)
    rows = tuple(_rows(random, client, account, wish, instruments))
    return _funded(_busy(random, empty), rows, wish.degree, instruments)


def _wish(random: Random, client: Client, instruments: Mapping[str, Instrument]) -> _Wish:
    draw = random.random()
    if draw < 0.004:
        degree = random.randint(915, 930)
    elif draw < 0.02:
        degree = random.randint(805, 840)
    elif draw < 0.08:
        degree = random.randint(700, 780)
    else:
        degree = round(1000 * random.betavariate(2, 4) * 0.65) + 50
    steady = [
        name
        for name, each in instruments.items()
        if degree < 700 or (not each.option and product_of(each).margin_rate >= STEADY_RATE)
    ]
    weights = [FAVOURITES.get(name, 1) for name in steady]
    names = random.choices(steady, weights, k=random.choice((1, 1, 2, 2, 3, 4)))
    margin = float(_pocket(random, client)) * degree / 1000
    return _Wish(margin, Decimal(degree) / 1000, tuple(dict.fromkeys(names)))


def _pocket(random: Random, client: Client) -> Decimal:
    """Equity, larger for better tiers and companies."""
    scale = {"A": 4.0, "B": 1.5, "C": 0.6}[client.tier] * (6 if client.is_company else 1)
    return yuan(2000 + 100 * round(random.lognormvariate(7.3, 0.9) * scale))


def _rows(
    random: Random,
    client: Client,
    account: str,
    wish: _Wish,
    instruments: Mapping[str, Instrument],
) -> Iterable[PositionRow]:
    for name in wish.names:
        each = instruments[name]
        rate = product_of(each).margin_rate
        company = rate + min(ADD_ON[client.tier], rate)
        future = instruments[each.option.underlying] if each.option else each
        per_lot = (future.prev_settle or ZERO) * each.multiplier * company
        lots = min(max(1, round(wish.margin / len(wish.names) / float(per_lot))), 2000)
        fresh = wish.degree < Decimal("0.7") and random.random() < 0.2
        yield PositionRow(
            account=account,
            instrument=name,
            direction=Direction.LONG if random.random() < 0.62 else Direction.SHORT,
            lots=lots,
            today_lots=random.randint(1, lots) if fresh else 0,
            open_price=(each.prev_settle or ZERO) + random.randint(-5, 5) * each.tick,
            margin_rate=company,
            exchange_margin_rate=rate,
        )


def _busy(random: Random, funds: AccountFunds) -> AccountFunds:
    """With what has happened to it on the first day so far."""
    commission = yuan(random.randrange(0, 30_000)) / 100
    draw = random.random()
    return replace(
        funds,
        commission=commission,
        close_profit=Decimal(random.randrange(-300, 320) * 10) if draw < 0.3 else ZERO,
        deposit=Decimal(random.randrange(1, 60) * 10_000) if draw > 0.97 else ZERO,
        withdraw=Decimal(random.randrange(1, 40) * 10_000) if draw < 0.03 else ZERO,
    )


def _funded(
    funds: AccountFunds,
    rows: tuple[PositionRow, ...],
    degree: Decimal,
    instruments: Mapping[str, Instrument],
) -> Holder:
    """With the balance that gives this risk degree at the first prices."""
    found = figures(replace(funds, pre_balance=ZERO), rows, instruments)
    if found.margin is None or found.equity is None:
        raise ValueError(f"account {funds.account} cannot be priced")
    equity = yuan(found.margin / degree) if found.margin else Decimal(50_000)
    if equity <= found.equity and (funds.deposit or funds.close_profit):
        quiet = replace(funds, deposit=ZERO, close_profit=ZERO)  # it brought more than it has
        return _funded(quiet, rows, degree, instruments)
    balance = equity - found.equity
    return Holder(replace(funds, pre_balance=balance), rows, 0.004 + 0.03 * float(degree))


def _zhang_san(funds: AccountFunds, instruments: Mapping[str, Instrument]) -> Holder:
    rows = (
        _carried(funds, "rb2701", Direction.LONG, 30, "0.09"),
        _carried(funds, "hc2701", Direction.SHORT, 12, "0.09"),
    )
    return _funded(replace(funds, withdraw=Decimal(50_000)), rows, Decimal("0.8645"), instruments)


def _zhang_siyuan(funds: AccountFunds, instruments: Mapping[str, Instrument]) -> Holder:
    rows = (_carried(funds, "m2701", Direction.LONG, 8, "0.1"),)
    return _funded(funds, rows, Decimal("0.231"), instruments)


def _zhao_sheng(funds: AccountFunds, _instruments: Mapping[str, Instrument]) -> Holder:
    return Holder(replace(funds, pre_balance=Decimal("812.40")), (), 0)


TOUR = {"张三": _zhang_san, "张思远": _zhang_siyuan, "赵胜": _zhao_sheng}


def _carried(
    funds: AccountFunds, name: str, direction: Direction, lots: int, rate: str
) -> PositionRow:
    return PositionRow(
        account=funds.account,
        instrument=name,
        direction=direction,
        lots=lots,
        margin_rate=Decimal(rate),
        exchange_margin_rate=Decimal("0.07"),
    )
