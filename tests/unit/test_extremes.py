"""Whatever passes the wire can be worked out: nothing breaks on the largest and oddest numbers."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crm.kernel.calendar import Calendar
from risk import what_if
from risk.book import Book
from risk.sources import wire
from risk.sources.base import Ticks
from risk.suggest import suggestion

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
NAMES = ("rb2701", "m2701", "m2701-C")

amounts = st.one_of(
    st.none(),
    st.sampled_from(
        ["0", "-0", "99999999999999.99", "-99999999999999", "0.000000001", "1e3", "-1"]
    ),
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(),
    st.text(max_size=5),
)
prices = st.one_of(st.sampled_from(["1", "999999999.999999999", "0.000000001", "-37"]), amounts)
counts = st.one_of(st.sampled_from([0, 1, 3, 10**6, 10**8, -1, 10**9]), st.integers(0, 50))
rates = st.one_of(st.sampled_from(["0.1", "100", "0", "0.000000001"]), amounts)


def instruments(name: str) -> st.SearchStrategy[dict[str, Any]]:
    option = {"kind": "call", "strike": "3000", "underlying": "m2701"} if "-C" in name else None
    return st.fixed_dictionaries(
        {
            "instrument": st.just(name),
            "product": st.just(name[:2]),
            "exchange": st.sampled_from(["SHFE", "CFFEX"]),
            "multiplier": st.sampled_from([1, 10, 10**6]),
            "tick": st.sampled_from(["1", "0.000000001", "999999999"]),
            "prev_settle": prices,
            "last": prices,
            "upper_limit": prices,
            "lower_limit": prices,
            "larger_side": st.booleans(),
            "option": st.just(option),
        }
    )


money = ("pre_balance", "deposit", "frozen", "equity", "available", "margin", "exchange_margin")
accounts = st.fixed_dictionaries({"account": st.just("1"), **dict.fromkeys(money, amounts)})
positions = st.fixed_dictionaries(
    {
        "account": st.just("1"),
        "instrument": st.sampled_from(NAMES),
        "direction": st.sampled_from(["long", "short"]),
        "lots": counts,
        "today_lots": counts,
        "open_price": prices,
        "margin_rate": rates,
        "exchange_margin_rate": rates,
    }
)
snapshots = st.fixed_dictionaries(
    {
        "trading_day": st.just("2026-11-23"),
        "at": st.just("2026-11-23T10:00:00+08:00"),
        "complete": st.booleans(),
        "instruments": st.tuples(*(instruments(name) for name in NAMES)).map(list),
        "accounts": st.lists(accounts, max_size=1),
        "positions": st.lists(positions, max_size=4),
    }
)


class TestGivenAnythingThatPassesTheWire:
    @settings(max_examples=300)
    @given(st.lists(snapshots, min_size=1, max_size=3), prices)
    def test_figures_levels_advice_and_stress_come_out(
        self, told: list[dict[str, Any]], price: Any
    ) -> None:
        book = Book(Calendar.shipped())
        for body in told:
            book.take(wire.snapshot(body)[0])
            ticks, _ = wire.ticks({"ticks": [{"instrument": "rb2701", "last": price}]}, NOW)
            book.take(Ticks(at=NOW, ticks=ticks))
            levels = book.levels()
            book.by_branch()
            book.top(5, NOW)
            for name in book.accounts():
                account, found = book.account(name), book.figures_of(name, NOW)
                assert account is not None
                assert found is not None
                assert levels[name] is found.level
                suggestion(account, found)
                what_if.outcome(account, [what_if.AllAtLimit(up=True)], book.terms)
