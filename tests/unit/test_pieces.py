"""A body that another process reads says what it says when it is read at once."""

from collections.abc import Iterator
from io import BytesIO

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.sources import pieces
from risk.sources.pieces import Broken, NotJson

KEYS = ("trading_day", "at", "accounts", "positions")
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=9)
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=9,
)
BODIES = st.dictionaries(st.sampled_from((*KEYS, "more")), VALUES)


def told(body: bytes) -> object:
    return pieces.read(BytesIO(b"".join(pieces.lines(body, KEYS))))


def whole(found: object) -> object:
    """The rows behind an iterator."""
    return list(found) if isinstance(found, Iterator) else found


@given(BODIES)
def test_lists_keep_their_rows_and_scalars_their_values(body: dict[str, object]) -> None:
    found = told(orjson.dumps(body))
    assert isinstance(found, dict)
    assert found.keys() == body.keys() & set(KEYS)
    for key in filter(found.__contains__, KEYS):
        is_nested = isinstance(body[key], dict)
        assert whole(found[key]) == ({} if is_nested else body[key])


@given(st.binary(max_size=60))
def test_whatever_comes_is_read_or_is_no_json(body: bytes) -> None:
    try:
        expected = orjson.loads(body)
    except orjson.JSONDecodeError:
        with pytest.raises(NotJson):
            told(body)
    else:
        assert isinstance(told(body), dict) is isinstance(expected, dict)


def test_many_rows_come_in_several_pieces_in_their_order() -> None:
    rows = [{"account": str(n), "name": "某" * 40} for n in range(5000)]
    said = list(pieces.lines(orjson.dumps({"accounts": rows}), KEYS))
    assert len(said) > 5
    found = pieces.read(BytesIO(b"".join(said)))
    assert list(found["accounts"]) == rows


def test_a_process_that_ends_too_early_is_no_end_of_the_rows() -> None:
    said = list(pieces.lines(orjson.dumps({"accounts": [1, 2]}), KEYS))
    with pytest.raises(Broken):
        list(pieces.read(BytesIO(b"".join(said[:-1])))["accounts"])
    with pytest.raises(Broken):
        pieces.read(BytesIO(b""))
