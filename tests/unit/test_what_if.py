"""Laws of what-if, on random accounts: it is the same engine, only asked about other prices."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from crm.kernel.calendar import Calendar
from risk.book import Book
from risk.figures import TERMS
from risk.legs import company, legs, now, occupied
from risk.sources.base import Snapshot
from risk.told import Account
from risk.what_if import AllAtLimit, InstrumentPrice, MarginRate, ProductMove, outcome
from tests.unit.test_columns import ACCOUNTS, a_snapshot, prices

D = Decimal
FEN = D("0.01")


def every(snapshot: Snapshot) -> list[Account]:
    book = Book(Calendar.shipped())
    book.take(snapshot)
    return [found for name in ACCOUNTS if (found := book.account(name))]


def ticked(account: Account, name: str, price: Decimal) -> Account:
    return replace(account, ticks={**account.ticks, name: price})


class TestLaws:
    @settings(max_examples=150)
    @given(a_snapshot(complete=True), prices)
    def test_equity_is_what_a_tick_would_make_it(self, told: Snapshot, price: Decimal) -> None:
        for account in every(told):
            found = outcome(account, [InstrumentPrice("rb2701", price)], TERMS)
            if found.before.missing or "rb2701" not in account.ticks:
                continue
            expected = ticked(account, "rb2701", price).figures(TERMS)
            assert (found.after.equity, found.after.day_pnl) == (expected.equity, expected.day_pnl)

    @settings(max_examples=150)
    @given(a_snapshot(complete=True), prices)
    def test_lots_of_today_are_margined_as_after_a_tick(
        self, told: Snapshot, price: Decimal
    ) -> None:
        rows = tuple(replace(row, today_lots=row.lots) for row in told.positions)
        for account in every(replace(told, positions=rows)):
            found = outcome(account, [InstrumentPrice("rb2701", price)], TERMS)
            if found.before.missing or "rb2701" not in account.ticks:
                continue
            expected = ticked(account, "rb2701", price).figures(TERMS)
            assert found.after.margin == expected.margin
            if account.funds.available is None:
                assert found.after.level == expected.level

    @given(a_snapshot(complete=True))
    def test_what_concerns_nobody_changes_nothing(self, told: Snapshot) -> None:
        for account in every(told):
            found = outcome(account, [ProductMove("zz", D("-0.5"))], TERMS)
            assert found.after == found.before

    @given(a_snapshot(complete=True), st.sampled_from([D("0.02"), D("0.1")]))
    def test_a_higher_rate_never_releases_margin(self, told: Snapshot, more: Decimal) -> None:
        for account in every(told):
            found = outcome(account, [MarginRate("rb", more, added=True)], TERMS)
            if found.before.margin is not None and found.after.margin is not None:
                assert found.after.margin >= found.before.margin
                assert found.after.equity == found.before.equity

    @given(a_snapshot(complete=True), st.booleans())
    def test_margin_changes_by_what_the_lots_occupy_more(self, told: Snapshot, up: bool) -> None:
        shock = AllAtLimit(up)
        for account in every(told):
            funds = replace(account.funds, margin=D(5000), equity=D(9000), available=None)
            plain = replace(account, funds=replace(funds, margin=None))
            found = outcome(replace(account, funds=funds), [shock], TERMS)
            free = outcome(plain, [shock], TERMS)
            if free.before.missing or free.after.margin is None or free.before.margin is None:
                continue
            assert found.after.margin is not None
            held = legs(account.positions, account.instruments, account.ticks)
            assert free.before.margin == occupied(held, company, now).quantize(FEN, "ROUND_HALF_UP")
            assert found.before.margin is not None
            grown = found.after.margin - found.before.margin
            assert abs(grown - (free.after.margin - free.before.margin)) <= FEN
