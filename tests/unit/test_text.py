"""How figures and moments read."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards import text
from crm.kernel.clock import SHANGHAI

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # ten in Shanghai
AMOUNTS = st.decimals(-(10**13), 10**13, places=2)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (None, "—"),
        ("0", "0"),
        ("-0.00", "0"),
        ("9999.99", "9,999.99"),
        ("14200", "1.42万"),
        ("10000", "1万"),
        ("-50000", "−5万"),
        ("1284500", "128.45万"),
        ("1110449.99", "111.04万"),
        ("1110450", "111.05万"),
        ("99999999", "1亿"),
        ("100000000", "1亿"),
        ("-345678900000", "−3456.79亿"),
    ],
)
def test_a_short_amount(amount: str | None, shown: str) -> None:
    assert text.short_yuan(None if amount is None else Decimal(amount)) == shown


@given(AMOUNTS)
def test_a_short_amount_is_at_most_half_a_hundredth_of_its_unit_off(amount: Decimal) -> None:
    shown = text.short_yuan(amount)
    unit = {"万": text.WAN, "亿": text.YI}.get(shown[-1], Decimal(1))
    read = Decimal(shown.rstrip("万亿").replace(",", "").replace("−", "-")) * unit
    assert abs(read - amount) <= unit / 200
    assert unit == text.YI or abs(read) < text.YI
    assert unit != 1 or abs(read) < text.WAN


@given(AMOUNTS)
def test_a_full_amount_says_every_fen(amount: Decimal) -> None:
    assert Decimal(text.full_yuan(amount).replace(",", "").replace("−", "-")) == amount


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (None, "—"),
        ("0.8645", "86.45%"),
        ("1", "100.00%"),
        ("0.99995", "100.00%"),
        ("-0.0321", "−3.21%"),
        ("-0.00001", "0.00%"),
        ("12.5", "1250.00%"),
    ],
)
def test_a_ratio_as_percent(ratio: str | None, shown: str) -> None:
    assert text.percent(None if ratio is None else Decimal(ratio)) == shown


@pytest.mark.parametrize(
    ("change", "shown"), [("0.052", "▲5.2"), ("-0.0005", "▼0.1"), ("0.0004", ""), ("0", "")]
)
def test_a_change_of_a_ratio(change: str, shown: str) -> None:
    assert text.points(Decimal(change)) == shown


@pytest.mark.parametrize(
    ("price", "shown"), [("3100.0000", "3100"), ("100", "100"), ("101.0050", "101.005"), ("0", "0")]
)
def test_a_price_without_idle_zeros(price: str, shown: str) -> None:
    assert text.price(Decimal(price)) == shown


def test_moments_are_shanghais() -> None:
    late = datetime(2026, 12, 31, 16, 30, 5, tzinfo=UTC)
    assert text.moment(late) == "01-01 00:30"
    assert text.clock(late) == "00:30:05"
    assert text.day(date(2026, 11, 19)) == "11-19"


def test_a_due_moment_says_its_weekday_and_another_year() -> None:
    assert text.due(datetime(2026, 12, 2, 9, tzinfo=SHANGHAI), NOW) == "12-02（周三）09:00"
    assert text.due(datetime(2027, 1, 4, 9, tzinfo=SHANGHAI), NOW) == "2027-01-04（周一）09:00"


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        (timedelta(seconds=-5), "0 秒前"),
        (timedelta(seconds=3), "3 秒前"),
        (timedelta(seconds=59.9), "59 秒前"),
        (timedelta(minutes=1), "1 分钟前"),
        (timedelta(minutes=59), "59 分钟前"),
        (timedelta(hours=1), "1 小时前"),
        (timedelta(hours=47), "1 天前"),
    ],
)
def test_an_age(passed: timedelta, shown: str) -> None:
    assert text.age(NOW - passed, NOW) == shown


@given(st.text(max_size=60), st.integers(1, 30))
def test_a_cut_text_is_one_line_and_short_enough(words: str, length: int) -> None:
    line = text.cut(words, length)
    assert len(line) <= length
    assert len(line.splitlines()) <= 1
