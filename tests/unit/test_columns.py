"""The float64 columns say what the Decimal figures say, whatever is told in whatever order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from crm.kernel.calendar import Calendar
from risk.book import Book
from risk.figures import Terms, Usable
from risk.levels import Level
from risk.sources.base import (
    AccountFunds,
    Direction,
    Instrument,
    Option,
    OptionKind,
    PositionRow,
    Snapshot,
    Tick,
    Ticks,
)

D = Decimal
OPEN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
ACCOUNTS = ("1", "2", "3", "4", "5")
NAMES = ("rb2701", "rb2705", "hc2701", "m2701", "m2701-C-3000", "xx2701")

maybe = st.none
# Round amounts meet the thresholds exactly; odd ones fall on half a fen.
money = st.one_of(
    st.integers(-20, 200).map(lambda n: D(n * 1000)),
    st.decimals(-(10**5), 10**6, places=2),
    st.decimals(-1, 1, places=3),
)
prices = st.one_of(st.sampled_from([D(3000), D(2990), D("2999.5")]), st.decimals(1, 9000, places=3))
rates = st.one_of(maybe(), st.sampled_from([D("0.1"), D("0.07"), D("0.1234"), D("0.12345")]))


@st.composite
def an_instrument(draw: st.DrawFn, name: str) -> Instrument:
    option = None
    if "-C-" in name:
        option = Option(kind=draw(st.sampled_from(OptionKind)), strike=D(3000), underlying="m2701")
    return Instrument(
        id=name,
        product="m_o" if option else name[:2],
        exchange=draw(st.sampled_from(["SHFE", "CFFEX"])),
        multiplier=draw(st.sampled_from([1, 10, 300])),
        tick=D(1),
        prev_settle=draw(st.one_of(prices, prices, prices, maybe())),
        last=draw(st.one_of(prices, prices, maybe())),
        larger_side=draw(st.booleans()),
        option=option,
    )


@st.composite
def funds(draw: st.DrawFn, account: str) -> AccountFunds:
    told = st.one_of(maybe(), maybe(), money)
    amount = st.one_of(st.just(D(0)), st.just(D(0)), money)
    return AccountFunds(
        account=account,
        branch=draw(st.sampled_from(["HZ", "SH"])),
        pre_balance=draw(st.one_of(money, money, money, maybe())),
        deposit=draw(amount),
        commission=draw(amount),
        frozen=draw(amount),
        position_profit=draw(told),
        margin=draw(told),
        exchange_margin=draw(told),
        equity=draw(told),
        available=draw(told),
    )


@st.composite
def a_row(draw: st.DrawFn, account: str) -> PositionRow:
    lots = draw(st.integers(0, 40))
    return PositionRow(
        account=account,
        instrument=draw(st.sampled_from(NAMES)),
        direction=draw(st.sampled_from(Direction)),
        lots=lots,
        today_lots=draw(st.integers(0, lots)),
        open_price=draw(st.one_of(prices, prices, maybe())),
        margin_rate=draw(st.one_of(st.just(D("0.1")), rates)),
        exchange_margin_rate=draw(st.one_of(st.just(D("0.07")), rates)),
    )


@st.composite
def a_snapshot(draw: st.DrawFn, complete: bool) -> Snapshot:
    told = draw(st.lists(st.sampled_from(ACCOUNTS), unique=True))
    held = draw(st.lists(st.sampled_from(ACCOUNTS), unique=True))
    names = draw(st.lists(st.sampled_from(NAMES[:-1]), unique=True))
    if complete:
        told, names = [*ACCOUNTS[: draw(st.integers(3, 5))]], list(NAMES[:-1])
    rows = [draw(st.lists(a_row(account), max_size=4)) for account in held]
    return Snapshot(
        trading_day=date(2026, 11, 23),
        at=OPEN,
        complete=complete,
        instruments=tuple(draw(an_instrument(name)) for name in names),
        accounts=tuple(draw(funds(account)) for account in told),
        positions=tuple(row for some in rows for row in some),
    )


@st.composite
def some_ticks(draw: st.DrawFn) -> Ticks:
    moved = draw(st.lists(st.tuples(st.sampled_from(NAMES), prices), max_size=4))
    return Ticks(at=OPEN, ticks=tuple(Tick(instrument=n, last=p, at=OPEN) for n, p in moved))


words = st.lists(
    st.one_of(some_ticks(), some_ticks(), a_snapshot(complete=False), a_snapshot(complete=True)),
    max_size=6,
)


def exactly(book: Book) -> dict[str, Level]:
    found = ((account, book.figures_of(account, OPEN)) for account in book.accounts())
    return {account: figures.level for account, figures in found if figures}


class TestGivenAnyBook:
    @settings(max_examples=150)
    @given(a_snapshot(complete=True), words, st.sampled_from(Usable))
    def test_the_levels_are_those_of_the_figures_after_every_word(
        self, first: Snapshot, later: Sequence[Snapshot | Ticks], usable: Usable
    ) -> None:
        book = Book(Calendar.shipped(), terms=Terms(usable=usable))
        for word in (first, *later):
            book.take(word)
            assert book.levels() == exactly(book)

    @settings(max_examples=50)
    @given(a_snapshot(complete=True), words)
    def test_asking_from_a_level_on_leaves_out_the_rest(
        self, first: Snapshot, later: Sequence[Snapshot | Ticks]
    ) -> None:
        book = Book(Calendar.shipped())
        for word in (first, *later):
            book.take(word)
        wanted = {a: level for a, level in exactly(book).items() if level >= Level.WARN}
        assert book.levels(Level.WARN) == wanted


def carried(account: str, lots: int) -> PositionRow:
    return PositionRow(
        account=account,
        instrument="rb2701",
        direction=Direction.LONG,
        lots=lots,
        margin_rate=D("0.1"),
        exchange_margin_rate=D("0.07"),
    )


RB = Instrument(
    id="rb2701",
    product="rb",
    exchange="SHFE",
    multiplier=10,
    tick=D(1),
    prev_settle=D(3000),
    last=D(3000),
)


def book_of(balances: dict[str, int], source: str = "sim", book: Book | None = None) -> Book:
    book = book or Book(Calendar.shipped())
    told = [
        AccountFunds(account=account, branch="HZ", pre_balance=D(balance))
        for account, balance in balances.items()
    ]
    rows = [carried(account, 10) for account in balances]
    snapshot = Snapshot(
        trading_day=date(2026, 11, 23),
        at=OPEN,
        complete=True,
        instruments=(RB,),
        accounts=tuple(told),
        positions=tuple(rows),
    )
    book.take(snapshot, source)
    return book


class TestGivenOneLadder:
    def test_equality_is_exact_for_every_threshold(self) -> None:
        balances = {"normal": 37_501, "watch": 37_500, "warn": 33_333, "call": 30_000}
        book = book_of({**balances, "force": 25_000, "debt": -1})
        assert {name: level.word for name, level in book.levels().items()} == {
            "normal": "正常", "watch": "关注", "warn": "警示", "call": "追保",
            "force": "强平", "debt": "穿仓",
        }  # fmt: skip
        assert book.counts()[Level.NORMAL] == 1

    def test_the_worst_come_first(self) -> None:
        book = book_of({"b": 30_000, "a": 90_000, "d": -1, "c": 25_000})
        assert [each.account for each in book.top(3, OPEN)] == ["d", "c", "b"]
        assert [each.account for each in book.top(3, OPEN, among=["a", "b"])] == ["b", "a"]

    def test_a_branch_is_summed(self) -> None:
        [(name, found)] = book_of({"1": 30_000, "2": 90_000}).by_branch().items()
        assert (name, found.accounts) == ("HZ", 2)
        assert (found.equity, found.margin) == (D("120000.00"), D("60000.00"))

    def test_many_small_words_are_joined_and_nothing_is_lost(self) -> None:
        book = book_of({str(number): 30_000 + number for number in range(50)})
        for number in range(40):
            part = Snapshot(
                trading_day=date(2026, 11, 23),
                at=OPEN,
                complete=False,
                instruments=(),
                accounts=(AccountFunds(account=str(number), pre_balance=D(90_000)),),
                positions=(carried(str(number), 1),),
            )
            book.take(part)
            tick = Tick(instrument="rb2701", last=D(3000 - number), at=OPEN)
            book.take(Ticks(at=OPEN, ticks=(tick,)))
        assert book.levels() == exactly(book)


class TestGivenTwoSources:
    def test_the_market_of_the_sandbox_yields_to_a_real_source(self) -> None:
        book = book_of({"1": 30_000, "2": 30_000})
        book_of({"2": 90_000, "3": 30_000}, "counter", book)
        assert set(book.accounts()) == {"1", "2", "3"}
        assert book.levels(Level.WARN) == {"1": Level.CALL, "3": Level.CALL}
        assert book.source_of("2") == "counter"
        assert [each.account for each in book.top(9, OPEN)][-1] == "2"

    def test_a_complete_snapshot_concerns_its_own_source_alone(self) -> None:
        book = book_of({"1": 30_000})
        book_of({"2": 30_000, "3": 30_000}, "counter", book)
        book_of({"2": 30_000}, "counter", book)
        levels = book.levels()
        assert (levels["1"], levels["3"]) == (Level.CALL, Level.UNSURE)

    def test_prices_are_those_of_the_own_source(self) -> None:
        book = book_of({"1": 31_000})
        book_of({"2": 31_000}, "counter", book)
        book.take(
            Ticks(at=OPEN, ticks=(Tick(instrument="rb2701", last=D(2980), at=OPEN),)), "counter"
        )
        assert book.levels(Level.CALL) == {"2": Level.CALL}

    def test_each_has_an_age_of_its_own(self) -> None:
        book = book_of({"1": 1})
        later = OPEN + timedelta(minutes=1)
        book.take(replace(Ticks(at=later), heard=later), "counter")
        assert book.stale_sources(later) == ["sim"]
        stale = {account: book.figures_of(account, later) for account in book.accounts()}
        assert {account: each and each.stale for account, each in stale.items()} == {"1": True}
        assert not book.is_stale(later)
