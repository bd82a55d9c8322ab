"""Yuan in the domain, fen in the tables, and nothing lost on the way."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.kernel.money import from_fen, to_fen, yuan, yuan_from_feed

FEN = st.integers(-(10**17), 10**17)


@given(FEN)
def test_fen_written_and_read_are_the_same(fen: int) -> None:
    assert to_fen(from_fen(fen)) == fen


@given(FEN)
def test_yuan_keeps_what_is_already_to_the_fen(fen: int) -> None:
    assert yuan(from_fen(fen)) == from_fen(fen)
    assert yuan(str(from_fen(fen))) == from_fen(fen)


@given(st.decimals(-(10**12), 10**12, places=6, allow_nan=False))
def test_an_amount_moves_by_half_a_fen_at_most_when_it_is_stored(amount: Decimal) -> None:
    assert abs(from_fen(to_fen(amount)) - amount) <= Decimal("0.005")
    assert from_fen(to_fen(amount)) == yuan(amount)


@pytest.mark.parametrize(
    ("given_amount", "stored"),
    [
        ("0.005", "0.01"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),
        ("2.675", "2.68"),
        ("-0.005", "-0.01"),
        ("0.00499999", "0.00"),
    ],
)
def test_half_a_fen_is_rounded_up_and_away_from_zero(given_amount: str, stored: str) -> None:
    assert yuan(given_amount) == Decimal(stored)
    assert from_fen(to_fen(Decimal(given_amount))) == Decimal(stored)


@given(st.integers(-(10**13), 10**13))
def test_a_feeds_double_is_read_as_the_decimal_it_prints(tenths_of_fen: int) -> None:
    printed = Decimal(tenths_of_fen) / 1000
    exact = printed.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    assert yuan_from_feed(float(printed)) == exact


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), float("-inf"), 1.7976931348623157e308]
)
def test_what_a_feed_did_not_send_is_none(value: float) -> None:
    assert yuan_from_feed(value) is None


@given(st.floats())
def test_no_double_of_a_feed_breaks_the_reading(value: float) -> None:
    read = yuan_from_feed(value)
    assert read is None or abs(float(read) - value) <= max(0.005001, abs(value) * 1e-9)
