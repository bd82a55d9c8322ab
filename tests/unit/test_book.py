"""The book: the latest word of a source, and figures that say how old it is."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from crm.kernel.calendar import Calendar
from risk.book import Book
from risk.figures import Figures
from risk.levels import Level
from risk.sources.base import (
    AccountFunds,
    Direction,
    Instrument,
    PositionRow,
    Snapshot,
    Tick,
    Ticks,
)

D = Decimal
OPEN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday 10:00 in Shanghai
RB = Instrument(
    id="rb2701",
    product="rb",
    exchange="SHFE",
    multiplier=10,
    tick=D(1),
    prev_settle=D(3000),
    last=D(3000),
)


def funds(account: str, **told: Any) -> AccountFunds:
    return replace(AccountFunds(account=account, pre_balance=D(100_000)), **told)


def ten_lots(account: str) -> PositionRow:
    return PositionRow(
        account=account,
        instrument="rb2701",
        direction=Direction.LONG,
        lots=10,
        margin_rate=D("0.1"),
        exchange_margin_rate=D("0.07"),
    )


def snapshot(*accounts: AccountFunds, **changes: Any) -> Snapshot:
    told: dict[str, Any] = {
        "trading_day": date(2026, 11, 23),
        "at": OPEN,
        "complete": True,
        "instruments": (RB,),
        "accounts": accounts,
        "positions": tuple(ten_lots(each.account) for each in accounts),
    }
    return Snapshot(**(told | changes))


def ticked(price: int, at: datetime) -> Ticks:
    return Ticks(at=at, ticks=(Tick(instrument="rb2701", last=D(price), at=at),))


def of(book: Book, account: str, now: datetime = OPEN) -> Figures:
    found = book.figures_of(account, now)
    assert found is not None
    return found


def book_with(*updates: Snapshot | Ticks) -> Book:
    book = Book(Calendar.shipped())
    for update in updates:
        book.take(update)
    return book


SOON = OPEN + timedelta(seconds=5)


class TestGivenASnapshotAndTicks:
    def test_ticks_move_the_accounts_that_hold(self) -> None:
        book = book_with(snapshot(funds("1")), ticked(2990, SOON))
        found = of(book, "1")
        assert (found.equity, found.as_of) == (D(99_000), SOON)

    def test_a_tick_from_before_the_snapshot_does_not(self) -> None:
        book = book_with(snapshot(funds("1")), ticked(2990, OPEN - timedelta(seconds=1)))
        assert of(book, "1").equity == D(100_000)

    def test_an_unknown_account_is_none(self) -> None:
        assert book_with(snapshot(funds("1"))).figures_of("2", OPEN) is None

    def test_an_instrument_shows_its_latest_price(self) -> None:
        book = book_with(snapshot(funds("1")), ticked(2990, SOON))
        assert book.instrument("rb2701") == replace(RB, last=D(2990))
        assert book.instrument("hc2701") is None


class TestGivenPartialSnapshots:
    def test_only_the_named_accounts_are_replaced(self) -> None:
        part = snapshot(funds("2", pre_balance=D(7000)), complete=False)
        book = book_with(snapshot(funds("1"), funds("2")), part)
        assert of(book, "1").equity == D(100_000)
        assert of(book, "2").equity == D(7000)

    def test_a_named_account_without_positions_has_none_any_more(self) -> None:
        book = book_with(snapshot(funds("1")), snapshot(funds("1"), complete=False, positions=()))
        assert of(book, "1").holdings == ()

    def test_an_equity_told_earlier_is_moved_from_the_price_of_its_own_snapshot(self) -> None:
        first = snapshot(funds("1", equity=D(50_000), margin=D(0)))
        later = snapshot(
            funds("2"), complete=False, at=SOON, instruments=(replace(RB, last=D(2990)),)
        )
        assert of(book_with(first, later), "1").equity == D(49_000)

    def test_instruments_may_come_after_the_accounts(self) -> None:
        first = snapshot(funds("1"), instruments=())
        second = snapshot(complete=False)
        assert of(book_with(first), "1").level is Level.UNSURE
        assert of(book_with(first, second), "1").level is Level.NORMAL

    def test_an_instrument_told_anew_without_any_price_leaves_its_positions_in_doubt(self) -> None:
        untraded, nothing = replace(RB, last=None), replace(RB, prev_settle=None, last=None)
        today = replace(ten_lots("1"), today_lots=10, open_price=D(3000))
        book = book_with(
            snapshot(funds("1"), instruments=(untraded,), positions=()),
            snapshot(complete=False, instruments=(nothing,), positions=(today,)),
        )
        assert of(book, "1").level is Level.UNSURE
        assert book.levels() == {"1": Level.UNSURE}


class TestGivenACompleteSnapshot:
    def test_an_account_that_is_missing_now_is_in_doubt(self) -> None:
        book = book_with(snapshot(funds("1"), funds("2")), snapshot(funds("1")))
        found = of(book, "2")
        assert (found.level, found.missing) == (Level.UNSURE, ("最新快照中没有这个账户",))
        assert of(book, "1").level is Level.NORMAL

    def test_it_is_out_of_doubt_when_it_is_told_of_again(self) -> None:
        book = book_with(
            snapshot(funds("1"), funds("2")),
            snapshot(funds("1")),
            snapshot(funds("2"), complete=False),
        )
        assert of(book, "2").level is Level.NORMAL

    def test_a_new_trading_day_begins_empty(self) -> None:
        book = book_with(
            snapshot(funds("1"), funds("2")),
            snapshot(funds("1"), trading_day=date(2026, 11, 24)),
        )
        assert book.figures_of("2", OPEN) is None


class TestGivenSilence:
    def test_figures_are_stale_after_thirty_seconds_of_trading(self) -> None:
        book = book_with(snapshot(funds("1")))
        assert not of(book, "1", OPEN + timedelta(seconds=30)).stale
        assert of(book, "1", OPEN + timedelta(seconds=31)).stale

    def test_a_sign_of_life_keeps_them_fresh(self) -> None:
        book = book_with(snapshot(funds("1")), Ticks(at=OPEN + timedelta(seconds=20)))
        assert not of(book, "1", OPEN + timedelta(seconds=45)).stale

    def test_nothing_ages_while_the_exchanges_are_closed(self) -> None:
        closing = datetime(2026, 11, 20, 18, 30, tzinfo=UTC)  # Saturday 02:30 in Shanghai
        book = book_with(snapshot(funds("1"), at=closing))
        assert not of(book, "1", closing + timedelta(days=2)).stale

    def test_before_the_first_word_everything_is_stale(self) -> None:
        assert book_with().is_stale(OPEN)


class TestGivenAContractThatHasNotTraded:
    def test_a_settlement_told_anew_moves_it_for_figures_and_levels_alike(self) -> None:
        untraded = replace(RB, last=None)
        bought = replace(ten_lots("1"), today_lots=10, open_price=D(3000))
        book = book_with(
            snapshot(funds("1"), instruments=(untraded,), positions=(bought,)),
            snapshot(complete=False, instruments=(replace(untraded, prev_settle=D(1900)),)),
        )
        assert of(book, "1").equity == -D(10_000)
        assert book.levels() == {"1": Level.NEGATIVE}
