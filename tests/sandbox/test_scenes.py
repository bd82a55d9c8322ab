"""Scenes: the market as a tour or a test wants it."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.broker import invent
from bot.sandbox.launch import FarSide
from bot.sandbox.market import Market
from bot.sandbox.refused import Refused
from bot.sandbox.scenes import RB_FAMILY
from crm.kernel.calendar import Calendar
from crm.kernel.clock import StoppedClock
from risk.book import Book
from risk.levels import Level
from tests.sandbox.room import OpenRoom

MONDAY = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)  # 10:15 in Shanghai
CALENDAR = Calendar.shipped()


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(invent(7, 200), StoppedClock(MONDAY), CALENDAR, tmp_path / "market.json")


@pytest.fixture
def far(market: Market) -> FarSide:
    return FarSide(invent(7, 200), market)


def called(market: Market) -> list[str]:
    """The accounts that would be called, or worse."""
    book = Book(CALENDAR)
    snapshot = market.snapshot()
    book.take(snapshot)
    figures = {account: book.figures_of(account, snapshot.at) for account in book.accounts()}
    return [one for one, each in figures.items() if each and each.level >= Level.CALL]


class TestGivenALimitDownDay:
    async def test_when_it_begins_then_steel_and_its_kin_stand_at_the_lower_limit(
        self, far: FarSide, market: Market
    ) -> None:
        before = {name: each.last for name, each in market.instruments.items()}
        answer = await far.scene({"name": "limit_down_day"})
        for name, each in market.instruments.items():
            wanted = each.lower_limit if each.product in RB_FAMILY else before[name]
            assert each.last == wanted, name
        assert answer["prices"]["rb2701"] == str(market.instruments["rb2701"].lower_limit)

    async def test_when_the_market_goes_on_then_no_price_falls_through_the_limit(
        self, far: FarSide, market: Market
    ) -> None:
        await far.scene({"name": "limit_down_day"})
        for _ in range(200):
            market.step()
        rb = market.instruments["rb2701"]
        assert rb.last is not None
        assert rb.lower_limit is not None
        assert rb.lower_limit <= rb.last

    async def test_when_it_was_bad_then_quiet_calls_nobody_and_stands_still(
        self, far: FarSide, market: Market
    ) -> None:
        await far.scene({"name": "limit_down_day"})
        assert "80010023" in called(market)
        answer = await far.scene({"name": "quiet"})
        assert answer["paused"]
        assert called(market) == []
        market.step()
        assert all(each.last == each.prev_settle for each in market.instruments.values())


class TestGivenALimitDownMorning:
    async def test_when_it_begins_then_steel_falls_step_by_step_to_its_limit(
        self, far: FarSide, market: Market
    ) -> None:
        await far.scene({"name": "limit_down_morning"})
        rb, seen = market.instruments["rb2701"], []
        assert rb.prev_settle is not None
        assert rb.lower_limit is not None
        for _ in range(60):
            market.step()
            seen.append(market.instruments["rb2701"].last or Decimal(0))
        assert seen[0] > seen[20] > seen[30] > seen[-1]
        assert seen[-1] < rb.lower_limit * Decimal("1.004")
        assert "80010023" in called(market)

    async def test_when_it_is_left_alone_then_prices_come_back_and_it_ends(
        self, far: FarSide, market: Market
    ) -> None:
        answer = await far.scene({"name": "limit_down_morning"})
        assert (answer["play"]["beat"], answer["play"]["beats"]) == (1, 7)
        for _ in range(600):
            market.step()
        assert market.quotes()["play"] is None
        assert called(market) == []

    async def test_when_the_rebound_is_asked_for_then_nobody_waits_for_it(
        self, far: FarSide, market: Market
    ) -> None:
        await far.scene({"name": "limit_down_day"})
        await far.scene({"name": "rebound"})
        for _ in range(20):
            market.step()
        assert called(market) == []

    async def test_when_somebody_sets_a_price_then_the_play_is_over(
        self, far: FarSide, market: Market
    ) -> None:
        await far.scene({"name": "limit_down_morning"})
        market.apply({"set": {"rb2701": "3131"}})
        assert market.quotes()["play"] is None

    async def test_when_the_market_is_paused_then_the_play_waits(
        self, far: FarSide, market: Market
    ) -> None:
        await far.scene({"name": "limit_down_morning"})
        market.apply({"pause": True})
        before = market.quotes()
        for _ in range(30):
            market.step()
        assert market.quotes() == before


class TestGivenAnApplicant:
    async def test_when_one_is_wanted_then_he_has_numbers_and_photographs_and_is_new(
        self, far: FarSide
    ) -> None:
        one, other = [await far.scene({"name": "applicant"}) for _ in range(2)]
        assert one["name"] != other["name"]
        assert one["fields"].keys() == {"id_number", "id_expires", "mobile", "bank_card"}
        assert one["photographs"].keys() == {"id_front", "id_back", "card_photo"}


class TestGivenASceneThatThereIsNot:
    @pytest.mark.parametrize("body", [{}, {"name": "none"}, {"name": ["quiet"]}])
    async def test_when_it_is_asked_for_then_the_others_are_named(
        self, far: FarSide, body: dict[str, Any]
    ) -> None:
        with pytest.raises(Refused) as refused:
            await far.scene(body)
        assert "limit_down_day quiet" in refused.value.text

    async def test_when_applications_are_asked_for_without_a_service_then_503_says_so(
        self, far: FarSide, open_room: OpenRoom
    ) -> None:
        room = await open_room({"far": far})
        answer = await room.post("scene", name="approval", count=1, approvers=["sunfang"])
        assert (answer.status, "没有连接" in answer.body["error"]) == (503, True)

    @pytest.mark.parametrize(
        "wrong",
        [{"count": 0}, {"count": "3"}, {"approvers": []}, {"approvers": ["nobody"]}],
    )
    async def test_when_what_is_asked_for_makes_no_sense_then_it_is_refused(
        self, far: FarSide, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(Refused):
            await far.scene({"name": "approval", "count": 1, "approvers": ["sunfang"], **wrong})


class TestGivenThePriceBoard:
    async def test_when_it_is_read_then_every_instrument_has_its_price_and_change(
        self, far: FarSide, market: Market, open_room: OpenRoom
    ) -> None:
        room = await open_room({"far": far})
        await room.post("market", set={"rb2701": 3010})
        await room.post("market", pause=True)
        board = await room.get("market")
        assert board["paused"] is True
        assert board["prices"].keys() == market.instruments.keys()
        rb = board["prices"]["rb2701"]
        assert (rb["last"], rb["prev_settle"]) == ("3010", "3131")
        assert Decimal(rb["change"]) == Decimal("-0.0386")  # 3010 / 3131 - 1
