"""Pushed trading data: good rows are taken, bad ones listed with their place."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from risk.sources import wire
from risk.sources.base import Direction, Option, OptionKind
from risk.sources.wire import NotReadable, Rejected

D = Decimal
AT = datetime(2026, 11, 23, 2, 15, tzinfo=UTC)


def body(**changes: Any) -> dict[str, Any]:
    told = {
        "trading_day": "2026-11-23",
        "at": "2026-11-23T10:15:00+08:00",
        "complete": True,
        "instruments": [instrument()],
        "accounts": [{"account": "90000001", "pre_balance": "100000", "margin": None}],
        "positions": [position()],
    }
    return told | changes


def instrument(**changes: Any) -> dict[str, Any]:
    told = {
        "instrument": "rb2701",
        "product": "rb",
        "exchange": "SHFE",
        "multiplier": 10,
        "tick": "1",
        "prev_settle": "3131",
        "last": "3120",
        "larger_side": True,
        "option": None,
    }
    return told | changes


def position(**changes: Any) -> dict[str, Any]:
    told = {
        "account": "90000001",
        "instrument": "rb2701",
        "direction": "long",
        "lots": 30,
        "today_lots": 0,
        "open_price": "3100",
        "margin_rate": "0.12",
    }
    return told | changes


class TestGivenAGoodSnapshot:
    def test_everything_is_read_exactly(self) -> None:
        read, rejected = wire.snapshot(body())
        assert rejected == ()
        assert (read.trading_day, read.at, read.complete) == (date(2026, 11, 23), AT, True)
        [rb] = read.instruments
        assert (rb.id, rb.last, rb.larger_side, rb.upper_limit) == ("rb2701", D(3120), True, None)
        [account] = read.accounts
        assert (account.pre_balance, account.margin, account.deposit) == (D(100_000), None, D(0))
        [row] = read.positions
        assert (row.direction, row.margin_rate) == (Direction.LONG, D("0.12"))
        assert row.exchange_margin_rate is None

    def test_an_option_names_its_underlying(self) -> None:
        option = {"kind": "put", "strike": "3300", "underlying": "m2701"}
        read, _ = wire.snapshot(body(instruments=[instrument(option=option)]))
        assert read.instruments[0].option == Option(
            kind=OptionKind.PUT, strike=D(3300), underlying="m2701"
        )

    def test_a_number_keeps_its_decimals(self) -> None:
        read, _ = wire.snapshot(body(instruments=[instrument(last=0.1)]))
        assert read.instruments[0].last == D("0.1")

    def test_lists_may_be_absent(self) -> None:
        read, _ = wire.snapshot({"trading_day": "2026-11-23", "at": "2026-11-23T02:15:00Z"})
        assert (read.accounts, read.complete) == ((), False)


class TestGivenABadRow:
    @pytest.mark.parametrize(("key", "rows", "path"), [
        ("positions", [position(), position(lots=-1)], "positions[1].lots"),
        ("positions", [position(lots=1.5)], "positions[0].lots"),
        ("positions", [position(lots=True)], "positions[0].lots"),
        ("positions", [position(today_lots=31)], "positions[0].today_lots"),
        ("positions", [position(direction="up")], "positions[0].direction"),
        ("positions", [position(direction=None)], "positions[0].direction"),
        ("positions", [position(margin_rate="-0.1")], "positions[0].margin_rate"),
        ("positions", [position(account=" ")], "positions[0].account"),
        ("positions", ["row"], "positions[0]"),
        ("instruments", [instrument(multiplier=0)], "instruments[0].multiplier"),
        ("instruments", [instrument(tick="0")], "instruments[0].tick"),
        ("instruments", [instrument(last="NaN")], "instruments[0].last"),
        ("instruments", [instrument(last="1e999999999")], "instruments[0].last"),
        ("positions", [position(lots=10**30)], "positions[0].lots"),
        ("instruments", [instrument(last=[1])], "instruments[0].last"),
        ("instruments", [instrument(option={"kind": "x"})], "instruments[0].option.kind"),
        ("instruments", [instrument(option=3)], "instruments[0].option"),
        ("accounts", [{"account": "1", "deposit": "much"}], "accounts[0].deposit"),
        ("accounts", [{"name": "示例"}], "accounts[0].account"),
    ])  # fmt: skip
    def test_it_is_listed_with_its_place_and_the_others_are_taken(
        self, key: str, rows: list[Any], path: str
    ) -> None:
        read, rejected = wire.snapshot(body(**{key: rows}))
        assert [each.path for each in rejected] == [path]
        assert rejected[0].why
        assert len(getattr(read, key)) == len(rows) - 1


class TestGivenABadBody:
    @pytest.mark.parametrize("changes", [
        {"trading_day": None}, {"trading_day": "23.11."}, {"at": "10:15"}, {"at": None},
        {"at": "2026-11-23T10:15:00"}, {"accounts": {"account": "1"}},
    ])  # fmt: skip
    def test_nothing_is_taken(self, changes: dict[str, Any]) -> None:
        with pytest.raises(NotReadable):
            wire.snapshot(body(**changes))


class TestGivenTicks:
    def test_a_tick_without_a_moment_is_of_now(self) -> None:
        told = {"ticks": [{"instrument": "rb2701", "last": "3110"}, {"instrument": "hc2701"}]}
        [tick], rejected = wire.ticks(told, AT)
        assert (tick.last, tick.at) == (D(3110), AT)
        assert rejected == (Rejected("ticks[1].last", "应为正数"),)
