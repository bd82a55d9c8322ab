"""The invented market: quiet by itself, obedient to shocks, the same after a restart."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.broker import Broker, invent
from bot.sandbox.instruments import listed, option_price
from bot.sandbox.market import Market
from bot.sandbox.prices import NotPossible
from crm.kernel.calendar import Calendar
from crm.kernel.clock import StoppedClock
from risk.book import Book
from risk.figures import Figures
from risk.levels import Level

MONDAY = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)  # 10:15 in Shanghai
ZHANG_SAN = "80010023"
CALENDAR = Calendar.shipped()


whole = cache(invent)


@pytest.fixture
def broker() -> Broker:
    return whole(7, 60)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(MONDAY)


@pytest.fixture
def open_market(broker: Broker, clock: StoppedClock, tmp_path: Path) -> Callable[[], Market]:
    return lambda: Market(broker, clock, CALENDAR, tmp_path / "market.json")


@pytest.fixture
def market(open_market: Callable[[], Market]) -> Market:
    return open_market()


def everyone(market: Market) -> dict[str, Figures]:
    book = Book(CALENDAR)
    snapshot = market.snapshot()
    book.take(snapshot)
    found = {account: book.figures_of(account, snapshot.at) for account in book.accounts()}
    return {account: each for account, each in found.items() if each}


def levels(market: Market) -> Counter[Level]:
    return Counter(each.level for each in everyone(market).values())


def last(market: Market, name: str) -> Decimal:
    [price] = [each.last for each in market.snapshot().instruments if each.id == name]
    assert price is not None
    return price


def called(market: Market) -> int:
    return sum(count for level, count in levels(market).items() if level >= Level.CALL)


class TestGivenAQuietMarket:
    @pytest.fixture
    def broker(self) -> Broker:
        return whole()

    def test_nobody_is_called_at_the_start_but_some_are_close(self, market: Market) -> None:
        found = levels(market)
        assert found[Level.WATCH] >= 10
        assert found[Level.WARN] >= 2
        assert called(market) == found[Level.UNSURE] == 0

    def test_an_hour_of_walking_calls_nobody(self, market: Market) -> None:
        for _ in range(4):
            for _ in range(900):
                market.step()
            assert called(market) == 0

    def test_prices_do_move_and_stay_near(self, market: Market) -> None:
        before = {each.id: each.last for each in market.snapshot().instruments}
        for _ in range(300):
            market.step()
        after = market.snapshot().instruments
        assert sum(each.last != before[each.id] for each in after) > len(after) / 2
        for each in after:
            start = before[each.id]
            if not each.option and start and each.last:
                assert abs(each.last / start - 1) < Decimal("0.005")

    def test_every_price_is_on_its_tick(self, market: Market) -> None:
        for _ in range(100):
            market.step()
        market.apply({"shock": {"rb": -0.0333, "IF": 0.0171, "m": -0.02}})
        assert all(
            each.last and each.last % each.tick == 0 for each in market.snapshot().instruments
        )

    def test_main_contracts_of_many_products_are_listed(self, market: Market) -> None:
        futures = [each for each in market.snapshot().instruments if not each.option]
        assert {"rb2701", "hc2701", "i2701", "m2701"} <= {each.id for each in futures}
        assert len({each.product for each in futures}) >= 40

    def test_zhang_san_stands_as_the_tour_tells(self, market: Market) -> None:
        found = everyone(market)[ZHANG_SAN]
        assert found.risk is not None
        assert round(found.risk, 4) == Decimal("0.8645")
        held = {each.instrument: (each.direction.value, each.lots) for each in found.holdings}
        assert held == {"rb2701": ("long", 30), "hc2701": ("short", 12)}
        assert found.net_deposit == -50_000
        assert found.nearest is not None
        assert found.nearest.instrument == "rb2701"
        assert round(found.nearest.move, 2) == Decimal("-0.02")


class TestGivenShocks:
    @pytest.fixture
    def broker(self) -> Broker:
        return whole()

    def test_each_of_six_shocks_of_rebar_leaves_somebody_called(self, market: Market) -> None:
        for _ in range(6):
            market.apply({"shock": {"rb": -0.05}})
            assert levels(market)[Level.CALL] >= 1

    @pytest.mark.parametrize("back", [Decimal(1) / Decimal("0.95") - 1, Decimal("0.05")])
    def test_taking_six_shocks_back_calls_nobody_any_more(
        self, market: Market, back: Decimal
    ) -> None:
        for _ in range(6):
            market.apply({"shock": {"rb": -0.05}})
        for _ in range(6):
            market.apply({"shock": {"rb": str(back)}})
        for _ in range(100):
            market.step()
        found = everyone(market).values()
        worst = max(each.risk for each in found if each.risk is not None)
        assert worst < Decimal("0.98")  # below the call by more than the hysteresis

    def test_a_shock_is_not_clipped_at_the_limits_and_lasts(self, market: Market) -> None:
        market.apply({"shock": {"rb2701": -0.2}})
        for _ in range(200):
            market.step()
        assert abs(last(market, "rb2701") - 2496) < 15
        assert last(market, "rb2705") > 3100

    def test_a_set_price_is_told_at_once_and_lasts(self, market: Market) -> None:
        assert market.apply({"set": {"RB2701": 3010}}) == {
            "paused": False, "prices": {"rb2701": "3010"},
        }  # fmt: skip
        for _ in range(200):
            market.step()
        assert abs(last(market, "rb2701") - 3010) < 15

    def test_options_follow_their_underlying(self, market: Market) -> None:
        before = last(market, "m2701-C-3000")
        answer = market.apply({"shock": {"m2701": 0.03}})
        assert last(market, "m2701-C-3000") > before
        assert "m2701-C-3000" in answer["prices"]
        assert last(market, "m2701-P-2900") < last(market, "m2701-C-3000")

    def test_a_paused_market_stands_still_and_still_obeys(self, market: Market) -> None:
        market.apply({"pause": True})
        before = market.snapshot().instruments
        market.step()
        assert market.snapshot().instruments == before
        market.apply({"set": {"rb2701": "3000"}})
        assert last(market, "rb2701") == 3000
        market.apply({"pause": False})
        market.step()
        assert market.snapshot().instruments != before

    @pytest.mark.parametrize("body", [
        {}, {"set": {}}, {"set": {"rb2701": 3000}, "pause": True}, {"pause": 1}, {"shock": [1]},
        {"set": {"xx2701": 1}}, {"set": {"rb2701": "abc"}}, {"set": {"rb2701": 0}},
        {"set": {"rb2701": True}}, {"set": {"rb2701": float("nan")}}, {"shock": {"rb": -1}},
        {"shock": {"rb": 2}}, {"set": {"rb2701": 1e300}},
        {"shock": {"rb": -0.05, "nothing": -0.05}}, {"set": {"m2701-C-3000": 10}},
    ])  # fmt: skip
    def test_what_makes_no_sense_is_refused_and_changes_nothing(
        self, market: Market, body: dict[str, Any]
    ) -> None:
        before = market.snapshot()
        with pytest.raises(NotPossible) as refused:
            market.apply(body)
        assert refused.value.text
        assert market.snapshot() == before


class TestGivenARestart:
    def test_prices_and_the_pause_go_on(self, open_market: Callable[[], Market]) -> None:
        market = open_market()
        for _ in range(30):
            market.step()
        market.apply({"shock": {"rb": -0.05}})
        market.apply({"pause": True})
        again = open_market()
        assert again.paused
        assert again.snapshot() == market.snapshot()
        assert again.edition == market.edition  # the clock stands still here

    def test_the_walk_goes_on_as_if_nothing_had_happened(
        self, open_market: Callable[[], Market]
    ) -> None:
        market = open_market()
        for _ in range(30):
            market.step()
        again = open_market()
        for _ in range(30):
            market.step()
            again.step()
        assert again.snapshot() == market.snapshot()

    def test_days_that_were_settled_are_not_lost(
        self, open_market: Callable[[], Market], clock: StoppedClock
    ) -> None:
        market = open_market()
        market.apply({"shock": {"rb": -0.02}})
        for _ in range(5):
            clock.advance(timedelta(days=1))
            market.step()
        market.apply({"pause": True})  # keeps the last steps too
        again = open_market()
        assert again.snapshot() == market.snapshot()
        assert again.history(ZHANG_SAN) == market.history(ZHANG_SAN)

    def test_a_later_start_settles_the_days_between(
        self, open_market: Callable[[], Market], clock: StoppedClock
    ) -> None:
        open_market().apply({"set": {"rb2701": 3111}})
        clock.advance(timedelta(days=14))
        again = open_market()
        assert again.day == date(2026, 12, 7)
        days = [day for day, _, _ in again.history(ZHANG_SAN) or []]
        assert days[-2:] == [date(2026, 12, 3), date(2026, 12, 4)]
        assert len(set(days)) == 60

    def test_a_damaged_or_foreign_file_starts_afresh(
        self, open_market: Callable[[], Market], tmp_path: Path
    ) -> None:
        fresh = open_market().snapshot()
        for text in ("{", '{"seed": 8}'):
            (tmp_path / "market.json").write_text(text)
            assert open_market().snapshot() == fresh


class TestGivenTheNextDay:
    def test_equity_is_carried_and_the_days_profit_begins_at_nothing(
        self, market: Market, clock: StoppedClock
    ) -> None:
        market.apply({"shock": {"rb": -0.02}})
        market.apply({"pause": True})
        before = everyone(market)
        clock.advance(timedelta(days=1))
        after = everyone(market)
        assert market.day == date(2026, 11, 24)
        for account, found in after.items():
            equity, told = before[account].equity, found.equity
            assert equity is not None
            assert told is not None
            assert told == equity + found.net_deposit
            assert found.day_pnl == 0

    def test_settlement_becomes_the_base_of_margin_and_limits(
        self, market: Market, clock: StoppedClock
    ) -> None:
        market.apply({"set": {"rb2701": 3000}})
        clock.advance(timedelta(days=1))
        [rb] = [each for each in market.snapshot().instruments if each.id == "rb2701"]
        assert (rb.prev_settle, rb.lower_limit, rb.upper_limit) == (
            Decimal(3000), Decimal(2850), Decimal(3150),
        )  # fmt: skip
        assert all(row.today_lots == 0 for row in market.snapshot().positions)

    def test_history_ends_with_what_was_settled(self, market: Market, clock: StoppedClock) -> None:
        market.apply({"pause": True})
        equity = everyone(market)[ZHANG_SAN].equity
        clock.advance(timedelta(days=1))
        market.step()
        history = market.history(ZHANG_SAN) or []
        assert history[-1] == (date(2026, 11, 23), equity, Decimal(-50_000))

    def test_a_weekend_belongs_to_monday(self, market: Market, clock: StoppedClock) -> None:
        clock.advance(timedelta(days=5))
        market.step()
        assert market.day == date(2026, 11, 30)

    def test_past_the_calendar_the_last_day_goes_on(
        self, market: Market, clock: StoppedClock
    ) -> None:
        clock.advance(timedelta(days=600))
        market.step()
        market.step()
        assert market.day == CALENDAR.days[-1]


class TestGivenHistory:
    def test_it_leads_to_where_the_account_stands(self, market: Market) -> None:
        for funds in market.snapshot().accounts[:200]:
            history = market.history(funds.account)
            assert history is not None
            assert len(history) == 60
            assert history[-1][1] == funds.pre_balance
            assert all(equity >= 0 for _, equity, _ in history)

    def test_nobody_knows_a_strangers(self, market: Market) -> None:
        assert market.history("1") is None


class TestGivenSomebodyWhoFollows:
    async def test_only_what_moved_is_told(self, market: Market) -> None:
        market.apply({"set": {"rb2701": 3010}})
        after = market.sequence
        market.apply({"set": {"hc2701": 3300}})
        changes = market.changes(after)
        assert [(tick.instrument, tick.last) for tick in changes.ticks] == [
            ("hc2701", Decimal(3300))
        ]

    async def test_a_waiting_question_is_answered_by_the_change(self, market: Market) -> None:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            asked = group.create_task(market.changed(market.sequence, market.edition, 9))
            await asyncio.sleep(0)
            market.apply({"set": {"rb2701": 3010}})
            changes = await asked
        assert [tick.instrument for tick in changes.ticks] == ["rb2701"]

    async def test_a_question_of_an_earlier_edition_is_answered_at_once(
        self, market: Market
    ) -> None:
        async with asyncio.timeout(5):
            changes = await market.changed(10**9, "an earlier start", 9)
        assert changes.edition == market.edition


class TestGivenOptions:
    def test_a_call_and_a_put_of_one_strike_differ_by_the_inner_value(self) -> None:
        call = listed(7)["m2701-C-3000"]
        put = listed(7)["m2701-P-2900"]
        for price in (2500, 2900, 3000, 3400):
            underlying = Decimal(price)
            assert option_price(call, underlying) >= max(underlying - 3000, call.tick)
            assert option_price(put, underlying) >= max(2900 - underlying, put.tick)
