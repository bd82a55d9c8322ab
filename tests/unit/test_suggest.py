"""The fewest lots to close, checked against every other way on small accounts."""

from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.figures import TERMS
from risk.sources.base import AccountFunds, Direction, Instrument, PositionRow
from risk.suggest import suggestion
from risk.told import Account

D = Decimal


def contract(name: str, price: int, **changes: Any) -> Instrument:
    told: dict[str, Any] = {
        "id": name,
        "product": name.rstrip("0123456789"),
        "exchange": "SHFE",
        "multiplier": 10,
        "tick": D(1),
        "prev_settle": D(price),
        "last": D(price),
    }
    return Instrument(**(told | changes))


def row(instrument: str, lots: int, rate: str = "0.1", **changes: Any) -> PositionRow:
    told: dict[str, Any] = {
        "account": "1",
        "instrument": instrument,
        "direction": Direction.LONG if lots > 0 else Direction.SHORT,
        "lots": abs(lots),
        "margin_rate": D(rate),
    }
    return PositionRow(**(told | changes))


def account(equity: int, rows: list[PositionRow], *instruments: Instrument, **told: Any) -> Account:
    funds = replace(AccountFunds(account="1", pre_balance=D(equity)), **told)
    return Account(funds, tuple(rows), {each.id: each for each in instruments}, {})


def advised(held: Account) -> dict[tuple[str, str], int]:
    found = suggestion(held, held.figures(TERMS))
    return {(each.instrument, each.direction): each.lots for each in found}


M = contract("m2701", 3000)


class TestGivenAnAccountOver100Percent:
    def test_r5_fourteen_lots_of_thirty(self) -> None:
        held = account(50_000, [row("m2701", -30)], M)
        assert advised(held) == {("m2701", "short"): 14}

    def test_at_exactly_100_percent_nothing_is_to_be_done(self) -> None:
        assert advised(account(90_000, [row("m2701", -30)], M)) == {}

    def test_the_dearest_lots_go_first(self) -> None:
        rows = [row("m2701", 10), row("cu2701", 2)]
        held = account(60_000, rows, M, contract("cu2701", 80_000, multiplier=5))
        assert advised(held) == {("cu2701", "long"): 2}

    def test_lots_locked_at_the_limit_are_not_advised(self) -> None:
        stuck = contract("cu2701", 80_000, multiplier=5, lower_limit=D(80_000))
        held = account(105_000, [row("m2701", 10), row("cu2701", 2)], M, stuck)
        assert advised(held) == {("m2701", "long"): 2}

    def test_a_short_is_locked_at_the_upper_limit(self) -> None:
        held = account(50_000, [row("m2701", -30)], replace(M, upper_limit=D(3000)))
        assert advised(held) == {}

    def test_where_nothing_leads_to_100_percent_all_that_helps_is_closed(self) -> None:
        assert advised(account(-1, [row("m2701", -30)], M)) == {("m2701", "short"): 30}

    def test_a_told_margin_is_released_by_the_rates(self) -> None:
        held = account(50_000, [row("m2701", -30)], M, margin=D(95_000))
        assert advised(held) == {("m2701", "short"): 15}

    def test_without_rates_nothing_is_advised(self) -> None:
        bare = replace(row("m2701", -30), margin_rate=None)
        assert advised(account(50_000, [bare], M, margin=D(95_000))) == {}

    def test_thousands_of_lots_are_shared_out_in_parcels(self) -> None:
        held = account(50_000_000, [row("m2701", -30_000)], M)
        [lots] = advised(held).values()
        assert 13_334 <= lots <= 13_334 + 8


class TestGivenTheLargerSide:
    cu = contract("cu2701", 80_000, multiplier=5, larger_side=True)
    rows = (row("cu2701", 4, "0.12"), row("cu2701", -2, "0.12"))

    @pytest.mark.parametrize(("equity", "closed"), [
        (150_000, {("cu2701", "long"): 1}),
        (100_000, {("cu2701", "long"): 2}),
        # The third long lot alone would release nothing: a pair goes.
        (90_000, {("cu2701", "long"): 3, ("cu2701", "short"): 1}),
    ])  # fmt: skip
    def test_r6_only_what_releases_is_closed(
        self, equity: int, closed: dict[tuple[str, str], int]
    ) -> None:
        assert advised(account(equity, list(self.rows), self.cu)) == closed


small = st.integers(1, 4)
rates = st.sampled_from(["0.1", "0.12", "0.07"])


@st.composite
def small_books(draw: st.DrawFn) -> Account:
    instruments = [
        contract("cu2701", 500, larger_side=draw(st.booleans())),
        contract("cu2702", 700, larger_side=draw(st.booleans())),
        contract("m2701", 300),
    ]
    rows = [
        row(
            draw(st.sampled_from(["cu2701", "cu2702", "m2701"])),
            draw(small) * draw(st.sampled_from([1, -1])),
            draw(rates),
        )
        for _ in range(draw(st.integers(1, 3)))
    ]
    return account(draw(st.integers(0, 5000)), rows, *instruments)


def fewest_by_trying(held: Account) -> int | None:
    """Over all numbers of lots of all rows."""
    found = []
    for closed in product(*(range(each.lots + 1) for each in held.positions)):
        rows = [
            replace(each, lots=each.lots - n)
            for each, n in zip(held.positions, closed, strict=True)
        ]
        after = replace(held, positions=tuple(rows)).figures(TERMS, ahead=False)
        assert after.margin is not None
        assert after.equity is not None
        if after.margin <= after.equity:
            found.append(sum(closed))
    return min(found, default=None)


class TestLaws:
    @settings(max_examples=150)
    @given(small_books())
    def test_no_other_way_needs_fewer(self, held: Account) -> None:
        assert sum(advised(held).values()) == fewest_by_trying(held)
