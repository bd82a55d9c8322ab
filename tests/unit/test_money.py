"""Yuan in the domain, fen in the tables, and nothing lost on the way."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.kernel.money import from_fen, to_fen, yuan

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
