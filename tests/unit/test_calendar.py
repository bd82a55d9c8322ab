"""Which day a moment belongs to on the futures exchanges."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.kernel.calendar import NIGHT_BEGINS, Calendar, NoCalendar
from crm.kernel.clock import SHANGHAI

CALENDAR = Calendar.shipped()
KNOWN = st.datetimes(
    datetime(2024, 1, 2),  # noqa: DTZ001
    datetime(2027, 12, 1),  # noqa: DTZ001
    timezones=st.just(SHANGHAI),
)
DAYS = st.dates(date(2024, 3, 1), date(2027, 10, 1))


def at(day: str, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(hour, minute), SHANGHAI)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (at("2026-11-20", 14, 59), "2026-11-20"),  # Friday, by day
        (at("2026-11-20", 17, 59), "2026-11-20"),
        (at("2026-11-20", 18, 0), "2026-11-23"),
        (at("2026-11-20", 21, 0), "2026-11-23"),  # Friday night is Monday's
        (at("2026-11-21", 1, 0), "2026-11-23"),  # and so is Saturday before dawn
        (at("2026-11-22", 12, 0), "2026-11-23"),
        (at("2026-11-23", 2, 0), "2026-11-23"),
        (at("2026-11-23", 21, 0), "2026-11-24"),
        (at("2026-09-30", 21, 0), "2026-10-08"),  # the eve of the National Day week
        (at("2026-10-04", 12, 0), "2026-10-08"),
        (at("2026-12-31", 15, 0), "2026-12-31"),
        (at("2026-12-31", 21, 0), "2027-01-04"),  # New Year's Friday and a weekend
    ],
)
def test_a_moment_belongs_to_its_trading_day(moment: datetime, day: str) -> None:
    assert CALENDAR.trading_day(moment) == date.fromisoformat(day)


@given(KNOWN)
def test_a_trading_day_is_open_and_never_before_the_moment(moment: datetime) -> None:
    day = CALENDAR.trading_day(moment)
    assert CALENDAR.is_trading(day)
    assert day >= moment.date()
    late = moment.time() >= NIGHT_BEGINS
    skipped = [moment.date() + timedelta(days=n) for n in range((day - moment.date()).days)]
    assert not any(CALENDAR.is_trading(each) for each in skipped[1 if late else 0 :])


@given(KNOWN, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_later_moments_never_belong_to_earlier_days(moment: datetime, later: timedelta) -> None:
    assert CALENDAR.trading_day(moment) <= CALENDAR.trading_day(moment + later)


@given(KNOWN)
def test_the_time_zone_that_says_a_moment_does_not_matter(moment: datetime) -> None:
    utc = moment.astimezone(tz=None)
    assert CALENDAR.trading_day(utc) == CALENDAR.trading_day(moment)


@given(DAYS, st.integers(1, 40))
def test_going_forward_and_back_again_ends_on_the_same_trading_day(day: date, count: int) -> None:
    start = CALENDAR.shift(day, 0)
    assert CALENDAR.shift(CALENDAR.shift(start, count), -count) == start


@given(DAYS)
def test_steps_of_one_add_up(day: date) -> None:
    assert CALENDAR.shift(CALENDAR.shift(day, 1), 1) == CALENDAR.shift(day, 2)
    assert CALENDAR.shift(day, -1) < day < CALENDAR.shift(day, 1)
    assert CALENDAR.shift(day, 0) == (day if CALENDAR.is_trading(day) else CALENDAR.shift(day, 1))


@given(DAYS)
def test_no_night_session_begins_before_a_closed_weekday(day: date) -> None:
    tomorrow = day + timedelta(days=3 if day.weekday() == 4 else 1)
    if tomorrow in CALENDAR.closed:
        assert not CALENDAR.has_night(day)


def test_an_ordinary_evening_has_a_night_session_and_a_weekend_none() -> None:
    assert CALENDAR.has_night(date(2026, 11, 20))
    assert not CALENDAR.has_night(date(2026, 11, 21))
    assert not CALENDAR.has_night(date(2026, 9, 30))


def test_past_the_last_known_day_nobody_guesses() -> None:
    with pytest.raises(NoCalendar) as trouble:
        CALENDAR.trading_day(at("2028-01-03", 10))
    assert "2027-12-31" in trouble.value.text
    with pytest.raises(NoCalendar):
        CALENDAR.shift(date(2027, 12, 31), 1)


def test_before_the_first_known_day_nobody_guesses() -> None:
    with pytest.raises(NoCalendar):
        CALENDAR.trading_day(at("2019-01-02", 10))
    with pytest.raises(NoCalendar):
        CALENDAR.shift(CALENDAR.first, -1)


def test_a_calendar_of_unknown_kinds_of_day_is_refused() -> None:
    with pytest.raises(ValueError, match="half_day"):
        Calendar.of_rows([(date(2026, 1, 1), "half_day", "")])
