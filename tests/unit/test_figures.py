"""One account's figures: the worked examples of the trade, the edges, and laws that always hold."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.figures import Figures, Terms, Usable, figures
from risk.levels import Level
from risk.sources.base import (
    AccountFunds,
    Direction,
    Instrument,
    Option,
    OptionKind,
    PositionRow,
)

D = Decimal


def contract(name: str = "rb2701", **changes: Any) -> Instrument:
    product = name.rstrip("0123456789")
    told: dict[str, Any] = {
        "id": name,
        "product": product,
        "exchange": "SHFE",
        "multiplier": 10,
        "tick": D(1),
    }
    return Instrument(**(told | changes))


def row(lots: int, rate: str | None = "0.12", **changes: Any) -> PositionRow:
    told: dict[str, Any] = {
        "account": "1",
        "instrument": "rb2701",
        "direction": Direction.LONG if lots > 0 else Direction.SHORT,
        "lots": abs(lots),
        "margin_rate": None if rate is None else D(rate),
        "exchange_margin_rate": None if rate is None else D(rate),
    }
    return PositionRow(**(told | changes))


def with_equity(amount: str, **changes: Any) -> AccountFunds:
    return replace(AccountFunds(account="1", pre_balance=D(amount)), **changes)


def read(
    funds: AccountFunds,
    rows: list[PositionRow],
    *instruments: Instrument,
    ticks: Mapping[str, Decimal] | None = None,
    terms: Terms | None = None,
) -> Figures:
    by_id = {each.id: each for each in instruments}
    return figures(funds, rows, by_id, ticks or {}, terms or Terms())


class TestGivenTheWorkedExamples:
    @pytest.mark.parametrize(("deposit", "equity", "available"), [
        ("100000", "114000", "73600"),
        ("200000", "214000", "173600"),
    ])  # fmt: skip
    def test_r1_r2_lots_opened_today_count_from_their_open_price(
        self, deposit: str, equity: str, available: str
    ) -> None:
        funds = with_equity("0", deposit=D(deposit), close_profit=D(6000))
        bought = row(20, "0.05", instrument="a2701", today_lots=20, open_price=D(4000))
        found = read(funds, [bought], contract("a2701", last=D(4040), prev_settle=D(3990)))
        assert found.holdings[0].pnl == 8000
        assert (found.equity, found.margin, found.available) == (D(equity), D(40400), D(available))
        assert found.day_pnl == 14000

    def test_r1_on_the_second_day_nothing_is_held(self) -> None:
        found = read(with_equity("114000", close_profit=D(6000)), [])
        assert (found.equity, found.margin, found.available) == (D(120000), D(0), D(120000))
        assert (found.risk, found.level) == (D(0), Level.NORMAL)

    def test_r3_a_carried_short_counts_from_yesterdays_settlement(self) -> None:
        index = contract("IF2109", multiplier=300, prev_settle=D("4766.8"), last=D("4855.0"))
        found = read(with_equity("20021545.19"), [row(-1, "0.11", instrument="IF2109")], index)
        assert found.holdings[0].pnl == -26460
        assert found.equity == D("19995085.19")

    def test_r3_the_counters_margin_gives_the_statements_risk(self) -> None:
        told = AccountFunds(account="1", equity=D("19995085.19"), margin=D("8491395.00"))
        found = read(told, [])
        assert found.available == D("11503690.19")
        assert found.risk is not None
        assert round(found.risk, 4) == D("0.4247")
        assert not found.estimate

    def test_r4_with_carried_lots_the_margin_stays_while_the_price_falls(self) -> None:
        rb = contract(prev_settle=D(3500), last=D(3500))
        found = read(with_equity("100000"), [row(20)], rb)
        assert (found.margin, found.risk, found.level) == (D(84000), D("0.84"), Level.WATCH)
        [held] = found.holdings
        assert (held.price_at_100, held.price_at_zero) == (D(3420), D(3000))

    def test_r4_with_todays_lots_the_margin_follows_and_the_trigger_is_rounded_up(self) -> None:
        rb = contract(prev_settle=D(3500), last=D(3500), tick=D("0.01"))
        bought = row(20, today_lots=20, open_price=D(3500))
        [held] = read(with_equity("100000"), [bought], rb).holdings
        assert held.price_at_100 == D("3409.10")  # exactly 3409.0909…

    def test_r5_a_short_that_is_called(self) -> None:
        m = contract("m2701", prev_settle=D(3000), last=D(3000))
        found = read(with_equity("50000"), [row(-30, "0.1", instrument="m2701")], m)
        assert (found.margin, found.risk) == (D(90000), D("1.8"))
        assert (found.available, found.call_amount) == (-D(40000), D(40000))

    @pytest.mark.parametrize(("closed", "margin", "risk"), [
        (13, 51000, "1.02"), (14, 48000, "0.96"), (17, 39000, "0.78"),
    ])  # fmt: skip
    def test_r5_closing_lots_at_the_mark_releases_margin_only(
        self, closed: int, margin: int, risk: str
    ) -> None:
        m = contract("m2701", prev_settle=D(3000), last=D(3000))
        found = read(with_equity("50000"), [row(closed - 30, "0.1", instrument="m2701")], m)
        assert (found.margin, found.risk) == (D(margin), D(risk))

    @pytest.mark.parametrize(("long", "short", "occupied"), [
        (4, 2, 192000), (4, 0, 192000), (3, 2, 144000), (1, 2, 96000), (2, 2, 96000),
    ])  # fmt: skip
    def test_r6_only_the_larger_side_of_a_product_is_occupied(
        self, long: int, short: int, occupied: int
    ) -> None:
        cu = contract("cu2701", multiplier=5, prev_settle=D(80000), larger_side=True)
        far = replace(cu, id="cu2702")
        rows = [row(long, instrument="cu2701"), row(-short, instrument="cu2702")]
        found = read(with_equity("500000"), rows, cu, far)
        assert (found.margin, found.exchange_margin) == (D(occupied), D(occupied))
        assert found.holdings[0].margin == long * 48000  # rows are before the larger side

    def test_without_the_flag_both_sides_are_occupied(self) -> None:
        cu = contract("cu2701", multiplier=5, prev_settle=D(80000))
        rows = [row(4, instrument="cu2701"), row(-2, instrument="cu2701")]
        assert read(with_equity("500000"), rows, cu).margin == 288000

    @pytest.mark.parametrize(("kind", "strike", "settle", "margin"), [
        (OptionKind.PUT, "3300", "120", 3440),
        (OptionKind.CALL, "3300", "20", 200 + 2240 - 500),
        (OptionKind.CALL, "4000", "5", 50 + 1120),
    ])  # fmt: skip
    def test_r7_the_seller_of_an_option_pays_margin_and_the_buyer_none(
        self, kind: OptionKind, strike: str, settle: str, margin: int
    ) -> None:
        m = contract("m2701", prev_settle=D(3200), last=D(3100))
        option = contract(
            "m2701-X",
            product="m_o",
            prev_settle=D(settle),
            option=Option(kind=kind, strike=D(strike), underlying="m2701"),
        )
        sold = row(-1, "0.07", instrument="m2701-X")
        assert read(with_equity("9999"), [sold], m, option).margin == margin
        bought = row(1, "0.07", instrument="m2701-X")
        assert read(with_equity("9999"), [bought], m, option).margin == 0

    @pytest.mark.parametrize(("kind", "strike", "margin"), [
        (OptionKind.CALL, "4000", 3000 + 48000),
        (OptionKind.CALL, "5000", 3000 + 24000),
        (OptionKind.PUT, "3000", 3000 + 18000),
    ])  # fmt: skip
    def test_index_options_have_a_formula_of_their_own(
        self, kind: OptionKind, strike: str, margin: int
    ) -> None:
        index = contract("IF2612", exchange="CFFEX", multiplier=300, prev_settle=D(4000))
        option = contract(
            "IO2612-X",
            product="IO",
            exchange="CFFEX",
            multiplier=100,
            prev_settle=D(30),
            option=Option(kind=kind, strike=D(strike), underlying="IF2612"),
        )
        sold = row(-1, "0.12", instrument="IO2612-X")
        assert read(with_equity("999999"), [sold], index, option).margin == margin

    @pytest.mark.parametrize(("company", "margin"), [("0.12", 24000), ("0.15", 30000)])
    def test_r8_broker_and_exchange_have_their_own_rates(self, company: str, margin: int) -> None:
        rb = contract(prev_settle=D(4000), last=D(4000))
        held = row(5, company, exchange_margin_rate=D("0.07"))
        found = read(with_equity("50000"), [held], rb)
        assert (found.margin, found.exchange_margin) == (D(margin), D(14000))

    @pytest.mark.parametrize(("usable", "available"), [
        (Usable.BOTH, 24300), (Usable.LOSSES, 20300), (Usable.GAINS, 24300), (Usable.NONE, 20300),
    ])  # fmt: skip
    def test_r10_floating_gains_may_not_be_usable(self, usable: Usable, available: int) -> None:
        funds = with_equity(
            "100000",
            deposit=D(20000),
            withdraw=D(5000),
            close_profit=D(-1500),
            position_profit=D(4000),
            commission=D(200),
            margin=D(90000),
            frozen=D(3000),
        )
        found = read(funds, [], terms=Terms(usable=usable))
        assert (found.equity, found.available) == (D(117300), D(available))
        assert found.day_pnl == 2500
        assert found.net_deposit == 15000

    def test_r11_the_arithmetic_of_a_statement(self) -> None:
        funds = with_equity(
            "12000",
            deposit=D(30000),
            withdraw=D(5000),
            close_profit=D(-1250),
            position_profit=D(640),
            commission=D("33.60"),
            margin=D("29800.00"),
        )
        found = read(funds, [])
        assert (found.equity, found.available) == (D("36356.40"), D("6556.40"))
        assert found.risk is not None
        assert round(found.risk, 4) == D("0.8197")
        assert found.call_amount == 0

    def test_r12_over_the_brokers_margin_but_not_the_exchanges_is_a_call(self) -> None:
        told = with_equity("100000", margin=D(108000), exchange_margin=D(92000))
        found = read(told, [])
        assert (found.risk, found.exchange_risk) == (D("1.08"), D("0.92"))
        assert (found.level, found.call_amount) == (Level.CALL, D(8000))

    def test_r13_a_debt_has_no_risk_degree(self) -> None:
        found = read(with_equity("-350"), [])
        assert (found.risk, found.level, found.equity) == (None, Level.NEGATIVE, D(-350))


class TestGivenTheLadder:
    @pytest.mark.parametrize(("margin", "exchange_margin", "level"), [
        ("79999.99", "1", Level.NORMAL), ("80000", "1", Level.WATCH),
        ("89999.99", "1", Level.WATCH), ("90000", "1", Level.WARN),
        ("99999.99", "99999.99", Level.WARN), ("100000", "99999.99", Level.CALL),
        ("119999.99", "99999.99", Level.CALL), ("120000", "1", Level.FORCE),
        ("100000", "100000", Level.FORCE),
    ])  # fmt: skip
    def test_a_threshold_holds_at_equality(
        self, margin: str, exchange_margin: str, level: Level
    ) -> None:
        told = with_equity("100000", margin=D(margin), exchange_margin=D(exchange_margin))
        assert read(told, []).level is level

    def test_frozen_money_alone_can_raise_a_call(self) -> None:
        told = with_equity("1000", margin=D(100), frozen=D("900.01"))
        found = read(told, [])
        assert (found.level, found.call_amount) == (Level.CALL, D("0.01"))

    @pytest.mark.parametrize(("margin", "level"), [("0", Level.NORMAL), ("1", Level.FORCE)])
    def test_at_exactly_zero_equity_margin_decides(self, margin: str, level: Level) -> None:
        found = read(with_equity("0", margin=D(margin)), [])
        assert (found.level, found.risk) == (level, None)

    def test_the_amount_back_to_the_house_line_is_more_than_the_call(self) -> None:
        found = read(with_equity("100000", margin=D(108000)), [])
        assert found.call_to_house_line == D("13684.21")  # 108000 / 0.95 − 100000

    def test_each_level_has_its_word(self) -> None:
        assert [level.word for level in Level] == [
            "正常", "关注", "警示", "追保", "强平", "穿仓", "异常",
        ]  # fmt: skip


class TestGivenWhatTheCounterTold:
    rb = contract(prev_settle=D(3000), last=D(3000))

    def test_its_equity_moves_with_the_ticks_since(self) -> None:
        told = AccountFunds(account="1", equity=D(100000), margin=D(50000))
        found = read(told, [row(10)], self.rb, ticks={"rb2701": D(2990)})
        assert (found.equity, found.margin, found.available) == (D(99000), D(50000), D(49000))
        assert found.estimate

    def test_its_margin_moves_only_with_todays_lots(self) -> None:
        told = AccountFunds(account="1", equity=D(100000), margin=D(50000))
        today = row(10, today_lots=4, open_price=D(3000))
        found = read(told, [today], self.rb, ticks={"rb2701": D(2990)})
        assert found.margin == 50000 - 4 * 10 * 10 * D("0.12")

    def test_its_available_is_kept_and_moved(self) -> None:
        told = AccountFunds(
            account="1", equity=D(100000), margin=D(50000), available=D(42000), frozen=D(1)
        )
        assert read(told, [row(10)], self.rb).available == 42000
        assert read(told, [row(10)], self.rb, ticks={"rb2701": D(2990)}).available == 41000

    def test_its_position_profit_is_kept_and_moved(self) -> None:
        told = with_equity("100000", position_profit=D(777))
        assert read(told, [row(10)], self.rb).equity == 100777
        assert read(told, [row(10)], self.rb, ticks={"rb2701": D(2990)}).day_pnl == 777 - 1000


class TestGivenWhatIsMissing:
    rb = contract(prev_settle=D(3000), last=D(3000))

    @pytest.mark.parametrize(("funds", "held", "instrument", "why"), [
        (with_equity("9"), row(1, instrument="xx"), rb, "xx 缺合约资料"),
        (with_equity("9"), row(1), replace(rb, last=None, prev_settle=None), "rb2701 缺价格"),
        (with_equity("9"), row(1), replace(rb, prev_settle=None), "rb2701 缺昨结算价"),
        (with_equity("9"), row(1, today_lots=1), rb, "rb2701 缺开仓价"),
        (with_equity("9"), row(1, None), rb, "rb2701 缺保证金率"),
        (AccountFunds(account="1"), row(1), rb, "缺上日结存"),
    ])  # fmt: skip
    def test_the_level_is_in_doubt_and_says_why(
        self, funds: AccountFunds, held: PositionRow, instrument: Instrument, why: str
    ) -> None:
        found = read(funds, [held], instrument)
        assert (found.level, found.missing) == (Level.UNSURE, (why,))
        assert found.nearest is None

    def test_a_contract_not_yet_traded_today_stands_at_its_settlement(self) -> None:
        found = read(with_equity("9000"), [row(1)], replace(self.rb, last=None))
        assert (found.equity, found.level) == (D(9000), Level.NORMAL)

    def test_rates_are_not_needed_where_the_counter_told_the_margin(self) -> None:
        told = with_equity("9000", margin=D(100))
        found = read(told, [row(1, None)], self.rb)
        assert (found.level, found.margin) == (Level.NORMAL, D(100))

    def test_a_sold_option_whose_underlying_is_unknown_is_in_doubt(self) -> None:
        option = contract(
            "m2701-C-3000",
            product="m_o",
            prev_settle=D(50),
            option=Option(kind=OptionKind.CALL, strike=D(3000), underlying="m2701"),
        )
        found = read(with_equity("9000"), [row(-1, instrument=option.id)], option)
        assert (found.level, found.margin) == (Level.UNSURE, None)


class TestGivenTheLineAhead:
    def test_it_is_the_one_that_the_smallest_move_reaches(self) -> None:
        rb = contract(prev_settle=D(3500), last=D(3500), lower_limit=D(3325), upper_limit=D(3675))
        hc = contract("hc2701", prev_settle=D(3400), last=D(3400))
        rows = [row(20), row(-5, instrument="hc2701")]
        nearest = read(with_equity("120000"), rows, rb, hc).nearest
        assert nearest is not None
        assert (nearest.instrument, nearest.price, nearest.degree) == ("rb2701", D(3422), D(1))
        assert round(nearest.move, 4) == D("-0.0223")
        assert nearest.reachable_today

    def test_past_100_percent_it_is_the_forced_closing(self) -> None:
        rb = contract(prev_settle=D(3500), last=D(3500))
        held = row(20, exchange_margin_rate=D("0.07"))
        nearest = read(with_equity("80000"), [held], rb).nearest
        assert nearest is not None
        assert (nearest.price, nearest.degree) == (D(3450), D("1.2"))

    def test_a_short_is_endangered_by_a_rise_and_rounded_down(self) -> None:
        rb = contract(prev_settle=D(3500), last=D(3500))
        found = read(with_equity("100001"), [row(-20)], rb)
        [held] = found.holdings
        assert (held.price_at_100, held.price_at_zero) == (D(3580), D(4000))
        assert found.nearest is not None
        assert found.nearest.move > 0

    def test_a_locked_pair_has_no_trigger(self) -> None:
        rb = contract(prev_settle=D(3500), last=D(3500), larger_side=True)
        found = read(with_equity("100000"), [row(5), row(-5)], rb)
        assert {held.price_at_100 for held in found.holdings} == {None}
        assert found.nearest is None

    def test_a_price_of_nothing_breaks_nothing(self) -> None:
        rb = contract(prev_settle=D(3500), last=D(0))
        found = read(with_equity("100000"), [row(1)], rb)
        assert (found.equity, found.nearest) == (D(65_000), None)

    def test_a_price_below_nothing_is_no_trigger(self) -> None:
        rb = contract(prev_settle=D(3500), last=D(3500))
        [held] = read(with_equity("9000000"), [row(1)], rb).holdings
        assert (held.price_at_100, held.price_at_zero) == (None, None)

    def test_at_its_price_the_risk_is_100_percent(self) -> None:
        rb = contract(prev_settle=D(3500), last=D(3480), larger_side=True, tick=D("0.0001"))
        rows = [
            row(20, today_lots=8, open_price=D(3490)),
            row(-3, today_lots=3, open_price=D(3500)),
        ]
        before = read(with_equity("100000"), rows, rb)
        price = before.holdings[0].price_at_100
        assert price is not None
        after = read(with_equity("100000"), rows, rb, ticks={"rb2701": price})
        assert after.risk is not None
        assert abs(after.risk - 1) < D("0.00001")


prices = st.decimals(min_value=1, max_value=9000, places=1)
amounts = st.decimals(min_value=-(10**6), max_value=10**7, places=2)


@st.composite
def rows_of_rb(draw: st.DrawFn) -> PositionRow:
    lots = draw(st.integers(1, 500))
    return row(
        lots * draw(st.sampled_from([1, -1])),
        draw(st.sampled_from(["0.05", "0.1234", "0.07"])),
        today_lots=draw(st.integers(0, lots)),
        open_price=draw(prices),
    )


class TestLaws:
    rb = contract(prev_settle=D(3000), last=D(3000), larger_side=True)

    @given(amounts, st.lists(rows_of_rb(), max_size=4), prices, st.decimals(0, 10**6, places=2))
    def test_a_deposit_never_worsens_the_level(
        self, balance: Decimal, rows: list[PositionRow], last: Decimal, paid: Decimal
    ) -> None:
        rb = replace(self.rb, last=last)
        before = read(AccountFunds(account="1", pre_balance=balance), rows, rb)
        after = read(AccountFunds(account="1", pre_balance=balance, deposit=paid), rows, rb)
        assert after.level <= before.level

    @given(st.lists(rows_of_rb(), max_size=4), prices, prices)
    def test_profit_is_linear_in_the_price(
        self, rows: list[PositionRow], one: Decimal, other: Decimal
    ) -> None:
        def profit(price: Decimal) -> Decimal:
            return read(with_equity("0"), rows, replace(self.rb, last=price)).day_pnl

        middle = (one + other) / 2
        assert abs(2 * profit(middle) - profit(one) - profit(other)) <= D("0.02")

    @given(st.lists(rows_of_rb(), min_size=1, max_size=6), prices)
    def test_rows_add_up(self, rows: list[PositionRow], last: Decimal) -> None:
        rb = replace(self.rb, last=last)
        together = read(with_equity("0"), rows, rb).day_pnl
        apart = sum(read(with_equity("0"), [each], rb).day_pnl for each in rows)
        assert together == apart

    @given(amounts, st.lists(rows_of_rb(), max_size=4), prices, prices)
    def test_ticks_lead_to_what_a_new_snapshot_says(
        self, balance: Decimal, rows: list[PositionRow], last: Decimal, later: Decimal
    ) -> None:
        funds = AccountFunds(account="1", pre_balance=balance)
        ticked = read(funds, rows, replace(self.rb, last=last), ticks={"rb2701": later})
        fresh = read(funds, rows, replace(self.rb, last=later))
        assert (ticked.equity, ticked.margin, ticked.level) == (
            fresh.equity, fresh.margin, fresh.level,
        )  # fmt: skip

    @given(st.integers(1, 10**7), st.integers(1, 300), st.integers(0, 300))
    def test_one_tick_before_the_trigger_is_under_100_percent(
        self, fen: int, lots: int, today: int
    ) -> None:
        rb = replace(self.rb, larger_side=False)
        held = row(lots, "0.1", today_lots=min(today, lots), open_price=D(3000))
        funds = AccountFunds(account="1", pre_balance=D(fen) / 100)
        price = read(funds, [held], rb).holdings[0].price_at_100
        if price is None:
            return
        above = read(funds, [held], rb, ticks={"rb2701": price + 1})
        at = read(funds, [held], rb, ticks={"rb2701": price})
        below = read(funds, [held], rb, ticks={"rb2701": price - 1})
        assert above.level < Level.CALL
        assert at.risk is not None
        assert at.risk <= 1
        assert below.level >= Level.CALL
