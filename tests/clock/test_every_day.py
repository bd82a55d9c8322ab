"""Every day that the shipped calendar knows: nights over midnight, Fridays, eves of holidays."""

from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from approvals import hours, seating, versions
from bot.grammar import dates
from bot.jobs.silent_sources import SilentSources
from crm.kernel.calendar import Calendar, NoCalendar
from risk import alerts
from risk.alerts import CALM, Seen, State, What
from risk.book import Book
from risk.ladder import RULES
from risk.levels import Level
from risk.sessions import is_open, open_time, same_session
from risk.sources.base import (
    AccountFunds,
    Direction,
    Instrument,
    PositionRow,
    Snapshot,
    Tick,
    Ticks,
)
from tests.clock.almanac import DAYS, NEXT_OPEN, OPEN, WITH_NIGHT, at, belongs_to, sessions

CALENDAR = Calendar.shipped()
SESSIONS = list(sessions())
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
WORDS = """
    今天 明天 后天 大后天 今晚八点 今晚 明早九点 下午三点 周一 周五 本周五 下周一 下周五 周末 月底
    下月初 三天后 两小时后 收盘后 夜盘前 开盘前 节前 节后 下个交易日 3个交易日后 年底 15号 31号
    1月1日 2月29日 国庆后 春节前 下周三下午两点
"""
TIMES = ((0, 0), (2, 0), (2, 29), (9, 0), (12, 0), (15, 15), (17, 59), (18, 0), (20, 30), (21, 0))
MOMENTS = [at(day, hour, minute) for day in DAYS for hour, minute in (*TIMES, (23, 59))]
KNOWN = [moment for moment in MOMENTS if moment < at(OPEN[-1], 18)]


class TestTheCalendar:
    def test_knows_which_days_are_open_and_which_evenings_have_a_night(self) -> None:
        assert [day for day in DAYS if CALENDAR.is_trading(day)] == OPEN
        assert {day for day in DAYS if CALENDAR.has_night(day)} == WITH_NIGHT

    def test_says_of_each_moment_which_trading_day_it_belongs_to(self) -> None:
        found = {moment: CALENDAR.trading_day(moment) for moment in KNOWN}
        assert found == {moment: belongs_to(moment) for moment in KNOWN}

    def test_guesses_nothing_after_the_last_evening(self) -> None:
        with pytest.raises(NoCalendar):
            CALENDAR.trading_day(at(OPEN[-1], 18))

    def test_a_night_belongs_to_one_day_from_its_beginning_to_its_end(self) -> None:
        for day in sorted(WITH_NIGHT - {OPEN[-1]}):
            night = [at(day, 21), at(day, 23, 59, 59), at(day + DAY, 0), at(day + DAY, 2, 29)]
            assert {CALENDAR.trading_day(moment) for moment in night} == {NEXT_OPEN[day]}


class TestTradingTime:
    def test_begins_and_ends_with_each_session_to_the_second(self) -> None:
        edges = [edge for session in SESSIONS for edge in session]
        for moment in [*MOMENTS, *edges, *(edge - SECOND for edge in edges)]:
            index = bisect_right(SESSIONS, (moment, moment + 2 * DAY)) - 1
            within = index >= 0 and SESSIONS[index][0] <= moment < SESSIONS[index][1]
            assert is_open(CALENDAR, moment) == within, moment

    def test_stands_still_between_two_sessions_however_long_that_is(self) -> None:
        for (_, end), (begin, _) in pairwise(SESSIONS):
            assert open_time(CALENDAR, end, begin) == timedelta(0)
            assert open_time(CALENDAR, end - MINUTE, begin + MINUTE) == 2 * MINUTE
            assert not same_session(CALENDAR, end - SECOND, begin)

    def test_adds_up_over_each_week(self) -> None:
        for day in DAYS[:-8]:
            since, until = at(day, 12), at(day + 7 * DAY, 12)
            whole = sum((e - b for b, e in SESSIONS if since <= b < until), timedelta(0))
            assert open_time(CALENDAR, since, until) == whole
            assert open_time(CALENDAR, until, since) == timedelta(0)


class TestASourceThatFallsSilent:
    """Its last word came ten seconds before the end of a session; 30 s of trading are allowed."""

    async def test_is_an_alarm_when_the_market_is_open_again_and_not_before(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.jobs.silent_sources.SILENT_FOR", 0.0)
        for (_, end), (begin, _) in pairwise(SESSIONS):
            book = Book(CALENDAR)
            silent = SilentSources(book)
            book.take(Ticks(at=end - 10 * SECOND), "counter")
            quiet = [end + (begin - end) * share / 4 for share in range(5)]
            for moment in [*quiet, begin + 20 * SECOND]:
                silent.look(moment, CALENDAR)
                assert not silent.known, moment
            silent.look(begin + 21 * SECOND, CALENDAR)
            assert list(silent.known) == ["counter"], begin

    async def test_from_the_start_on_is_an_alarm_in_trading_time_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.jobs.silent_sources.NEVER_HEARD_FOR", 0.0)
        book = Book(CALENDAR)
        book.expect("counter")
        for moment in MOMENTS[::3]:
            silent = SilentSources(book)
            silent.look(moment, CALENDAR)
            assert bool(silent.known) == is_open(CALENDAR, moment), moment


class TestAnAlertThatNobodyClaims:
    """Raised two minutes before a session ends, of an account that stays where it is."""

    SEEN = Seen(level=Level.CALL, held=Level.CALL, risk=Decimal("1.01"))

    def test_is_one_piece_of_work_over_midnight_and_over_holidays(self) -> None:
        for (_, end), (begin, _) in pairwise(SESSIONS):
            state, told = self.look(CALM, end - 2 * MINUTE)
            assert told is What.RAISED
            looks = [end - MINUTE, end, end + (begin - end) / 2, begin, begin + 7 * MINUTE]
            for moment in looks:
                state, told = self.look(state, moment)
                assert told is None, moment
            state, told = self.look(state, begin + 8 * MINUTE)
            assert told is What.REMINDED, begin
            assert state.level is Level.CALL

    def look(self, state: State, moment: datetime) -> tuple[State, What | None]:
        since = state.told_at
        unheard = open_time(CALENDAR, since, moment) if since else timedelta(0)
        after, event = alerts.step(state, self.SEEN, moment, unheard, RULES)
        return after, event.what if event else None


class TestTheBook:
    def test_begins_a_new_day_in_the_evening_and_goes_on_at_midnight(self) -> None:
        book = Book(CALENDAR)
        for day in sorted(WITH_NIGHT - {OPEN[-1]}):
            for number, moment in enumerate((at(day, 20, 30), at(day + DAY, 1))):
                trading = CALENDAR.trading_day(moment)
                book.take(told(trading, moment), "counter")
                account = book.account("80010023")
                assert account is not None
                assert book.trading_day == trading == NEXT_OPEN[day]
                # Yesterday's last price is not today's: it would be profit made twice.
                moved = account.ticks.get("rb2701")
                assert moved == (Decimal(3100) if number == 0 else Decimal(3130)), moment
                tick = Tick(instrument="rb2701", last=Decimal(3130), at=moment + MINUTE)
                book.take(Ticks(at=tick.at, ticks=(tick,)), "counter")


def told(day: date, moment: datetime) -> Snapshot:
    """Without a last price of its own after the evening's: the ticks go on."""
    evening = moment.hour == 20
    rebar = Instrument(
        id="rb2701",
        product="rb",
        exchange="SHFE",
        multiplier=10,
        tick=Decimal(1),
        prev_settle=Decimal(3100),
        last=None,
    )
    held = PositionRow(
        account="80010023",
        instrument="rb2701",
        direction=Direction.LONG,
        lots=1,
        margin_rate=Decimal("0.12"),
    )
    return Snapshot(
        trading_day=day,
        at=moment,
        complete=evening,
        instruments=(rebar,),
        accounts=(AccountFunds(account="80010023", pre_balance=Decimal(100_000)),),
        positions=(held,),
    )


class TestADeadlineOfAnApproval:
    HOURS = ((time(9), time(11, 30)), (time(13), time(17)))

    def test_counts_the_minutes_of_working_time_alone(self) -> None:
        minutes = [
            at(day, 0, 0) + n * MINUTE
            for day in OPEN
            for n in (*range(9 * 60, 11 * 60 + 30), *range(13 * 60, 17 * 60))
        ]
        last = len(minutes) - 2000
        for begun in MOMENTS:
            first = bisect_right(minutes, begun - SECOND)
            if first > last:
                break
            for wait in (1, 30, 240, 390, 780):
                due = hours.after(begun, wait, self.HOURS, CALENDAR)
                assert due == minutes[first + wait - 1] + MINUTE, (begun, wait)

    def test_is_never_outside_of_working_time(self) -> None:
        flow = versions.flow_of(versions.shipped(versions.ACCOUNT_OPENING), 1)
        step = flow.steps[0]
        for begun in KNOWN[: -60 * len(TIMES)]:
            for chased in range(3):
                due = seating.chase_at(flow, step, begun, chased, CALENDAR)
                assert due is not None
                assert due.date() in NEXT_OPEN, (begun, due)


class TestAPromisedDate:
    def test_never_lies_in_the_past_whenever_it_is_said(self) -> None:
        said = WORDS.split()
        for number, moment in enumerate(MOMENTS):
            for words in said[number % 19 :: 19]:
                found = dates.due(words, at=moment, calendar=CALENDAR, promised=True)
                assert all(due > moment for due in found.at), (moment, words, found)

    def test_the_next_trading_day_is_the_exchanges_own(self) -> None:
        for day in DAYS[:-20]:
            for hour in (2, 10, 21):
                moment = at(day, hour)
                coming = next(each for each in OPEN if each > day)
                found = dates.due("下个交易日", at=moment, calendar=CALENDAR, promised=True)
                assert found.kind == "date", moment
                assert found.at[0].date() == coming, moment
