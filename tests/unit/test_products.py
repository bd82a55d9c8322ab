"""The products' table, price limits, and trading time."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI
from risk.products import of_instrument, price_limits, shipped
from risk.sessions import is_open, open_time

D = Decimal
CALENDAR = Calendar.shipped()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


class TestGivenTheShippedTable:
    def test_it_has_every_product(self) -> None:
        assert len(shipped()) == 88
        assert all(product.tick > 0 and product.sessions for product in shipped().values())

    @pytest.mark.parametrize(("instrument", "product"), [
        ("rb2701", "rb"), ("RB2701", "rb"), ("a2701", "a"), ("ag2702", "ag"), ("T2703", "T"),
        ("TF2703", "TF"), ("SR609C6000", "SR"), ("m2609-C-3000", "m"), ("cu2606C80000", "cu"),
        ("IF", "IF"), ("xx2701", None), ("", None), ("2701", None),
    ])  # fmt: skip
    def test_an_id_leads_to_its_product(self, instrument: str, product: str | None) -> None:
        found = of_instrument(instrument)
        assert (found.id if found else None) == product

    def test_a_sample_row_is_read_as_written(self) -> None:
        rb = shipped()["rb"]
        assert (rb.name, rb.exchange, rb.multiplier, rb.tick) == ("螺纹钢", "SHFE", 10, D(1))
        assert (rb.price_limit, rb.margin_rate, rb.larger_side) == (D("0.05"), D("0.07"), True)
        assert len(rb.sessions) == 4


class TestGivenPriceLimits:
    def test_r9_the_band_of_a_day(self) -> None:
        assert price_limits(D(80_000), D("0.07"), D(10)) == (D(74_400), D(85_600))
        assert price_limits(D(85_600), D("0.10"), D(10)) == (D(77_040), D(94_160))

    def test_limits_are_on_the_grid_and_inside_the_band(self) -> None:
        assert price_limits(D("3131"), D("0.05"), D(1)) == (D(2975), D(3287))


class TestGivenTradingTime:
    @pytest.mark.parametrize(("moment", "opened"), [
        ("2026-11-23T08:59:59", False), ("2026-11-23T09:00:00", True),
        ("2026-11-23T10:20:00", False), ("2026-11-23T13:05:00", True),
        ("2026-11-23T15:15:00", False), ("2026-11-23T21:00:00", True),
        ("2026-11-24T02:29:59", True), ("2026-11-24T02:30:00", False),
        ("2026-11-21T01:00:00", True),  # Friday's night
        ("2026-11-21T21:30:00", False), ("2026-11-23T01:00:00", False),
        ("2026-09-30T21:30:00", False),  # the evening before the holidays
        ("2026-10-01T10:00:00", False),
    ])  # fmt: skip
    def test_sessions_know_nights_weekends_and_holidays(self, moment: str, opened: bool) -> None:
        assert is_open(CALENDAR, at(moment)) is opened

    @pytest.mark.parametrize(("since", "until", "minutes"), [
        ("2026-11-23T10:00:00", "2026-11-23T10:10:00", 10),
        ("2026-11-23T10:10:00", "2026-11-23T10:35:00", 10),
        ("2026-11-23T11:30:00", "2026-11-23T13:00:00", 0),
        ("2026-11-20T14:00:00", "2026-11-23T09:01:00", 75 + 330 + 1),
        ("2026-11-23T10:10:00", "2026-11-23T10:00:00", 0),
    ])  # fmt: skip
    def test_only_trading_time_counts(self, since: str, until: str, minutes: int) -> None:
        assert open_time(CALENDAR, at(since), at(until)) == timedelta(minutes=minutes)
