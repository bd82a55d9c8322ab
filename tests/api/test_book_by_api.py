"""How the book reads what is pushed: each line of the contract, through HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Api, Json

ACCOUNT = "90000001"


def instrument(name: str = "rb2701", **changes: Any) -> Json:
    told = {
        "instrument": name,
        "product": name.rstrip("0123456789"),
        "exchange": "SHFE",
        "multiplier": 10,
        "tick": "1",
        "prev_settle": "3000",
        "last": "3000",
        "larger_side": False,
        "option": None,
    }
    return told | changes


def account(number: str = ACCOUNT, **changes: Any) -> Json:
    return {"account": number, "name": "示例", "branch": "HZ", "pre_balance": "100000"} | changes


def position(**changes: Any) -> Json:
    told = {
        "account": ACCOUNT,
        "instrument": "rb2701",
        "direction": "long",
        "lots": 10,
        "today_lots": 0,
        "open_price": "2950",
        "margin_rate": "0.12",
        "exchange_margin_rate": "0.07",
    }
    return told | changes


def snapshot(**changes: Any) -> Json:
    told = {
        "trading_day": "2026-11-23",
        "at": "2026-11-23T10:00:00+08:00",
        "complete": True,
        "instruments": [instrument()],
        "accounts": [account()],
        "positions": [position()],
    }
    return told | changes


def taken(found: Json, *keys: str) -> tuple[Any, ...]:
    return tuple(found[key] for key in keys)


class TestGivenProfitAndLoss:
    async def test_carried_lots_count_from_settlement_and_todays_from_their_open(
        self, api: Api
    ) -> None:
        rows = [position(lots=10, today_lots=4, open_price="2950")]
        await api.push(snapshot(positions=rows, instruments=[instrument(last="3010")]))
        found = await api.risk()
        assert found["positions"][0]["pnl"] == "3000.00"  # 6·10·10 + 4·60·10
        assert found["day_pnl"] == "3000.00"

    async def test_rows_of_one_side_add_up(self, api: Api) -> None:
        rows = [position(lots=3), position(lots=4, hedge="hedge"), position(direction="short")]
        await api.push(snapshot(positions=rows))
        assert [(p["direction"], p["lots"]) for p in (await api.risk())["positions"]] == [
            ("long", 7),
            ("short", 10),
        ]

    async def test_day_pnl_is_before_commission_and_premium(self, api: Api) -> None:
        funds = account(close_profit="500", commission="30", premium="-200")
        await api.push(snapshot(accounts=[funds], instruments=[instrument(last="3001")]))
        found = await api.risk()
        assert taken(found, "day_pnl", "equity") == ("600.00", "100370.00")


class TestGivenMargin:
    async def test_carried_lots_stand_at_settlement_and_todays_at_the_last_price(
        self, api: Api
    ) -> None:
        rows = [position(lots=10, today_lots=4)]
        await api.push(snapshot(positions=rows, instruments=[instrument(last="3100")]))
        found = await api.risk()
        assert taken(found, "margin", "exchange_margin") == ("36480.00", "21280.00")

    async def test_the_larger_side_is_in_the_totals_and_not_in_the_rows(self, api: Api) -> None:
        rows = [position(lots=10), position(lots=6, direction="short")]
        await api.push(snapshot(positions=rows, instruments=[instrument(larger_side=True)]))
        found = await api.risk()
        assert found["margin"] == "36000.00"
        assert [row["margin"] for row in found["positions"]] == ["36000.00", "21600.00"]

    async def test_a_sold_option_by_the_commodity_formula(self, api: Api) -> None:
        future = instrument("m2701", prev_settle="3200", last="3150")
        option = instrument(
            "m2701-P-3300",
            product="m_o",
            prev_settle="120",
            last="150",
            option={"kind": "put", "strike": "3300", "underlying": "m2701"},
        )
        rows = [
            position(
                instrument=option["instrument"], direction="short", lots=2, margin_rate="0.07"
            ),
            position(instrument=option["instrument"], lots=1, margin_rate="0.07"),
        ]
        await api.push(snapshot(instruments=[future, option], positions=rows))
        assert (await api.risk())["margin"] == "6880.00"

    async def test_half_a_fen_is_rounded_up_once_on_the_account(self, api: Api) -> None:
        far = instrument("rb2705", prev_settle="3001", last="3001")
        near = instrument(prev_settle="3001", last="3001")
        rows = [
            position(lots=1, margin_rate="0.1000005"),
            position(instrument="rb2705", lots=1, margin_rate="0.1000005"),
        ]
        await api.push(snapshot(instruments=[near, far], positions=rows))
        assert (await api.risk())["margin"] == "6002.03"  # 2 · 3001.015005


class TestGivenEquityAndAvailable:
    async def test_equity_is_the_sum_of_its_parts(self, api: Api) -> None:
        funds = account(
            deposit="20000",
            withdraw="5000",
            mortgage="1000",
            close_profit="-1500",
            position_profit="4000",
            premium="70",
            commission="200",
            frozen="3000",
            margin="90000",
        )
        await api.push(snapshot(accounts=[funds], positions=[]))
        found = await api.risk()
        assert taken(found, "equity", "available") == ("118370.00", "25370.00")

    async def test_a_given_equity_moves_by_the_change_of_profit(self, api: Api) -> None:
        funds = account(equity="77777", margin="50000")
        await api.push(snapshot(accounts=[funds]))
        assert taken(await api.risk(), "equity", "estimate") == ("77777.00", False)
        await api.tick("rb2701", "2990")
        found = await api.risk()
        assert taken(found, "equity", "margin", "estimate") == ("76777.00", "50000.00", True)

    async def test_a_given_margin_moves_with_todays_lots_alone(self, api: Api) -> None:
        funds = account(margin="50000")
        await api.push(snapshot(accounts=[funds], positions=[position(today_lots=4)]))
        await api.tick("rb2701", "2990")
        assert (await api.risk())["margin"] == "49952.00"

    async def test_an_account_told_later_moves_from_the_price_of_that_moment(
        self, api: Api
    ) -> None:
        await api.push(snapshot())
        await api.tick("rb2701", "2990")
        part = snapshot(
            complete=False, instruments=[], accounts=[account(equity="50000", margin="1")]
        )
        await api.push(part)
        assert (await api.risk())["equity"] == "50000.00"
        await api.tick("rb2701", "2980")
        assert (await api.risk())["equity"] == "49000.00"


class TestGivenTheLevel:
    @pytest.mark.parametrize(("margin", "exchange_margin", "level"), [
        ("79999.99", "1", "正常"), ("80000", "1", "关注"), ("90000", "1", "警示"),
        ("100000", "99999.99", "追保"), ("100000", "100000", "强平"), ("120000", "1", "强平"),
    ])  # fmt: skip
    async def test_thresholds_hold_at_equality(
        self, api: Api, margin: str, exchange_margin: str, level: str
    ) -> None:
        funds = account(margin=margin, exchange_margin=exchange_margin)
        await api.push(snapshot(accounts=[funds], positions=[]))
        assert (await api.risk())["level"] == level

    @pytest.mark.parametrize(("balance", "margin", "level"), [
        ("-350", "0", "穿仓"), ("0", "0", "正常"), ("0", "1", "强平"), ("-1", "50", "穿仓"),
    ])  # fmt: skip
    async def test_without_equity_there_is_no_degree(
        self, api: Api, balance: str, margin: str, level: str
    ) -> None:
        funds = account(pre_balance=balance, margin=margin, exchange_margin=margin)
        await api.push(snapshot(accounts=[funds], positions=[]))
        found = await api.risk()
        assert taken(found, "risk", "exchange_risk", "level") == (None, None, level)

    async def test_the_degree_has_at_least_four_digits(self, api: Api) -> None:
        await api.push(snapshot(accounts=[account(pre_balance="90000")]))
        found = await api.risk()
        assert taken(found, "risk", "call_amount") == ("0.400000", "0.00")

    async def test_the_house_line_wants_more_than_the_call(self, api: Api) -> None:
        funds = account(margin="108000", exchange_margin="92000")
        await api.push(snapshot(accounts=[funds], positions=[]))
        found = await api.risk()
        assert taken(found, "level", "call_amount", "call_to_house_line") == (
            "追保", "8000.00", "13684.21",
        )  # fmt: skip


class TestGivenTriggersAndAdvice:
    async def test_r4_the_prices_where_it_ends(self, api: Api) -> None:
        told = instrument(prev_settle="3500", last="3500")
        await api.push(snapshot(instruments=[told], positions=[position(lots=20)]))
        [held] = (await api.risk())["positions"]
        assert taken(held, "price_at_100", "price_at_zero") == ("3420", "3000")

    async def test_r4_with_todays_lots_on_the_careful_side_of_the_tick(self, api: Api) -> None:
        told = instrument(prev_settle="3500", last="3500", tick="0.01")
        row = position(lots=20, today_lots=20, open_price="3500")
        await api.push(snapshot(instruments=[told], positions=[row]))
        [held] = (await api.risk())["positions"]
        assert held["price_at_100"] == "3409.1"

    async def test_r5_the_fewest_lots(self, api: Api) -> None:
        row = position(direction="short", lots=30, margin_rate="0.1")
        await api.push(snapshot(accounts=[account(pre_balance="50000")], positions=[row]))
        found = await api.risk()
        assert taken(found, "risk", "available", "call_amount") == (
            "1.800000", "-40000.00", "40000.00",
        )  # fmt: skip
        assert found["suggestion"] == [{"instrument": "rb2701", "direction": "short", "lots": 14}]

    async def test_lots_at_their_limit_cannot_be_closed(self, api: Api) -> None:
        row = position(direction="short", lots=30, margin_rate="0.1")
        await api.push(
            snapshot(
                accounts=[account(pre_balance="50000")],
                positions=[row],
                instruments=[instrument(upper_limit="3000")],
            )
        )
        assert (await api.risk())["suggestion"] == []


class TestGivenACompleteSnapshot:
    async def test_it_replaces_even_what_was_said_with_a_later_moment(self, api: Api) -> None:
        await api.push(snapshot())
        await api.tick("rb2701", "2500", "2026-11-23T10:20:00+08:00")
        await api.push(snapshot())
        found = await api.risk()
        assert taken(found, "equity", "as_of") == ("100000.00", "2026-11-23T10:00:00+08:00")

    async def test_an_account_that_vanished_is_in_doubt(self, api: Api) -> None:
        await api.push(snapshot(accounts=[account(), account("90000002")]))
        await api.push(snapshot())
        found = await api.risk("90000002")
        assert taken(found, "level", "missing") == ("异常", ["最新快照中没有这个账户"])

    async def test_a_part_replaces_only_the_accounts_that_it_names(self, api: Api) -> None:
        await api.push(snapshot(accounts=[account(), account("90000002")]))
        part = snapshot(complete=False, accounts=[account(pre_balance="7")], positions=[])
        await api.push(part)
        assert (await api.risk())["equity"] == "7.00"
        assert (await api.risk("90000002"))["level"] == "正常"

    async def test_positions_without_funds_leave_the_account_in_doubt(self, api: Api) -> None:
        await api.push(snapshot(accounts=[]))
        found = await api.risk()
        assert taken(found, "level", "missing", "equity") == ("异常", ["缺上日结存"], None)


class TestGivenTime:
    async def test_half_a_minute_of_trading_without_a_word_and_it_is_stale(self, api: Api) -> None:
        await api.push(snapshot())
        api.clock.at += timedelta(seconds=31)
        assert (await api.risk())["stale"] is True
        assert (await api.post("push/ticks", {"ticks": []})).status == 202
        assert (await api.risk())["stale"] is False

    async def test_a_moment_outside_the_present_session_counts_from_receipt(self, api: Api) -> None:
        await api.push(snapshot(at="2026-11-20T14:00:00+08:00"))
        found = await api.risk()
        assert taken(found, "as_of", "stale") == ("2026-11-20T14:00:00+08:00", False)

    async def test_a_moment_of_the_present_session_is_believed(self, api: Api) -> None:
        await api.push(snapshot(at="2026-11-23T09:55:00+08:00"))
        assert (await api.risk())["stale"] is True

    async def test_a_clock_that_runs_ahead_is_not(self, api: Api) -> None:
        await api.push(snapshot(at="2026-11-23T10:14:00+08:00"))
        api.clock.at += timedelta(seconds=31)
        assert (await api.risk())["stale"] is True

    async def test_a_price_without_a_moment_is_the_newest(self, api: Api) -> None:
        await api.push(snapshot(at="2026-11-23T10:14:00+08:00"))
        await api.tick("rb2701", "2990")
        assert (await api.risk())["equity"] == "99000.00"
