"""Laws of the cleaners: whatever the wording, the value is the same or there is none."""

import contextlib
from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.imports import cleaning
from crm.imports.cleaning import BadCell
from crm.imports.table import Cell, Formula

TODAY = date(2026, 11, 23)
yuan = st.decimals("-99999999999.99", "99999999999.99", places=2)
days = st.dates(date(1960, 1, 1), date(2060, 12, 31))
cells = st.one_of(
    st.none(),
    st.text(),
    st.text("0123456789.,-+%()¥万亿元/年月日 EXx'=#：:；", max_size=24),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
    st.builds(Formula, st.text()),
)


@given(yuan)
def test_no_two_wordings_of_an_amount_differ(value: Decimal) -> None:
    size, positive = abs(value), value >= 0
    wordings = [
        f"{value}",
        f"{value:,}",
        f"¥{size:,}" if positive else f"-¥{size:,}",
        f"{size}" if positive else f"({size:,})",
        f"{size}" if positive else f"{size}-",
        f"{value / 10_000}万" if "E" not in str(value / 10_000) else f"{value}",
        f"{value / 10_000:f}万元",
        f"{value / 100_000_000:f}亿",
        f" {value}元 ",
    ]
    assert {cleaning.amount(text) for text in wordings} == {value}


@given(yuan)
def test_an_amount_in_a_cell_of_numbers_is_the_amount_as_shown(value: Decimal) -> None:
    assert cleaning.amount(float(value)) == value


@given(days)
def test_no_two_wordings_of_a_day_differ(day: date) -> None:
    wordings = [
        day.isoformat(),
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}.{day.month:02}.{day.day:02}",
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}/{day.month}/{day.day} 0:00:00",
        f"{day.isoformat()}T00:00:00",
    ]
    found = {cleaning.day(text) for text in wordings}
    found |= {cleaning.day(day), cleaning.day(datetime.combine(day, time()))}
    assert found == {day}


@given(st.dates(date(1954, 10, 3), date(2064, 4, 8)))
def test_excels_count_of_days_is_understood_in_both_systems(day: date) -> None:
    serial = (day - date(1899, 12, 30)).days
    assert {cleaning.day(serial), cleaning.day(str(serial)), cleaning.day(float(serial))} == {day}
    if serial - 1462 > 10_000:  # five digits
        assert cleaning.day(serial - 1462, date1904=True) == day


@pytest.mark.parametrize("serial", [19_999, 60_001, 99_999])
def test_a_count_of_days_out_of_range_is_no_date(serial: int) -> None:
    with pytest.raises(BadCell, match="DATE_INVALID"):
        cleaning.day(serial)


@given(cells)
def test_whatever_a_cell_holds_it_is_a_value_or_refused(cell: Cell) -> None:
    for clean in (
        cleaning.fund_account,
        cleaning.trading_code,
        cleaning.name,
        lambda cell: cleaning.phones(cell, landlines=True),
        lambda cell: cleaning.phones(cell, landlines=False),
        lambda cell: cleaning.bank_card(cell, unit=False, today=TODAY),
        lambda cell: cleaning.document(cell, id_type=None, assumed=None, unit=False, today=TODAY),
        cleaning.day,
        cleaning.amount,
        lambda cell: cleaning.ratio(cell, percent=True),
        cleaning.level,
        cleaning.status,
        cleaning.client_type,
        cleaning.id_type,
        cleaning.tags,
        cleaning.free_text,
    ):
        with contextlib.suppress(BadCell):  # anything else would stop the whole import
            clean(cell)


@pytest.mark.parametrize(
    ("written", "level"),
    [("C1", "C1"), ("c3", "C3"), ("稳健型", "C3"), ("稳健", "C3"), ("C4积极型", "C4"),
     ("C5（激进型）", "C5"), ("C1-MIN", "C1_MIN"), ("", None), ("-", None)],
)  # fmt: skip
def test_levels_are_letters_or_words(written: str, level: str | None) -> None:
    assert cleaning.level(written) == level


@pytest.mark.parametrize("written", ["C6", "高", "C1激进型", "R3"])
def test_unknown_or_contradicting_levels_are_refused(written: str) -> None:
    with pytest.raises(BadCell, match="UNKNOWN_ENUM"):
        cleaning.level(written)


@pytest.mark.parametrize(
    ("written", "said", "heading", "kind"),
    [
        ("110101199003079972", None, None, "1"),
        ("91110000802100433B", None, "1", "N"),
        ("110101199003079972", None, "1", "1"),
        ("E12345678", "6", None, "6"),
        ("330100000012345", "9", None, "9"),
    ],
)
def test_the_kind_of_a_document_is_said_or_seen(
    written: str, said: str | None, heading: str | None, kind: str
) -> None:
    found = cleaning.document(written, id_type=said, assumed=heading, unit=False, today=TODAY)
    assert found is not None
    assert found.id_type == kind


def test_tags_are_split_however_they_are_joined() -> None:
    assert cleaning.tags("螺纹、豆粕; #套保，螺纹") == ("螺纹", "豆粕", "套保")
