"""What if prices or rates were others: before and after, through HTTP."""

from typing import Any

import pytest

from tests.api.conftest import Api, Json
from tests.api.test_book_by_api import account, instrument, position, snapshot


async def asked(api: Api, *shocks: Json, accounts: list[str] | None = None) -> Json:
    answer = await api.post("risk/what-if", {"accounts": accounts, "shocks": list(shocks)})
    assert answer.status == 200, await answer.text()
    found: Json = await answer.json()
    return found


async def one(api: Api, *shocks: Json) -> tuple[Json, Json]:
    [found] = (await asked(api, *shocks))["accounts"]
    return found["before"], found["after"]


def money(found: Json) -> tuple[Any, ...]:
    return found["equity"], found["margin"], found["available"], found["level"]


class TestGivenShockedPrices:
    async def test_every_lot_follows_the_price_carried_ones_too(self, api: Api) -> None:
        await api.push(snapshot(positions=[position(lots=10, today_lots=4)]))
        before, after = await one(api, {"product": "rb", "move": "-0.05"})
        assert money(before) == ("102000.00", "36000.00", "66000.00", "正常")
        assert money(after) == ("87000.00", "34200.00", "52800.00", "正常")

    async def test_the_same_by_the_price_of_an_instrument(self, api: Api) -> None:
        await api.push(snapshot())
        _, after = await one(api, {"instrument": "rb2701", "price": "2850"})
        assert money(after) == ("85000.00", "34200.00", "50800.00", "正常")

    async def test_shocks_add_up_in_their_order(self, api: Api) -> None:
        await api.push(snapshot())
        _, after = await one(
            api, {"instrument": "rb2701", "price": "2000"}, {"product": "rb", "move": "0.5"}
        )
        assert after["equity"] == "100000.00"

    async def test_everything_at_its_limit(self, api: Api) -> None:
        told = [instrument(lower_limit="2850"), instrument("zz2701", last="3000")]
        rows = [position(), position(instrument="zz2701")]
        await api.push(snapshot(instruments=told, positions=rows))
        found = await asked(api, {"all": "down_limit"})
        assert found["accounts"][0]["after"]["equity"] == "85000.00"
        assert "没有涨跌停价、保持不变的合约：zz2701" in found["assumptions"]

    async def test_limits_that_were_not_told_come_from_the_table_of_products(
        self, api: Api
    ) -> None:
        await api.push(snapshot())
        found = await asked(api, {"all": "up_limit"})
        assert float(found["accounts"][0]["after"]["equity"]) > 100_000

    async def test_a_sold_option_needs_margin_by_the_shocked_underlying(self, api: Api) -> None:
        future = instrument("m2701", prev_settle="3200", last="3200")
        put = instrument(
            "m2701-P-3300",
            product="m_o",
            prev_settle="120",
            last="120",
            option={"kind": "put", "strike": "3300", "underlying": "m2701"},
        )
        row = position(instrument=put["instrument"], direction="short", lots=1, margin_rate="0.07")
        await api.push(snapshot(instruments=[future, put], positions=[row]))
        before, after = await one(api, {"product": "m", "move": "0.1"})
        assert (before["margin"], after["margin"]) == ("3440.00", "2564.00")  # 1200 + 2464 − 2200/2
        assert after["equity"] == before["equity"]


class TestGivenToldAmounts:
    async def test_the_counters_margin_changes_by_what_the_shock_changes(self, api: Api) -> None:
        funds = account(equity="90000", margin="40000", available="45000")
        await api.push(snapshot(accounts=[funds]))
        before, after = await one(api, {"product": "rb", "move": "-0.05"})
        assert money(before) == ("90000.00", "40000.00", "45000.00", "正常")
        assert money(after) == ("75000.00", "38200.00", "31800.00", "正常")

    async def test_after_a_tick_too(self, api: Api) -> None:
        funds = account(equity="90000", margin="40000")
        await api.push(snapshot(accounts=[funds], positions=[position(today_lots=4)]))
        await api.tick("rb2701", "2900")
        before, after = await one(api, {"instrument": "rb2701", "price": "2800"})
        assert before["margin"] == "39520.00"  # four lots of today by 100
        assert after["margin"] == "37600.00"  # four by 100 more, six carried ones by 200
        assert (before["equity"], after["equity"]) == ("80000.00", "70000.00")


class TestGivenShockedRates:
    @pytest.mark.parametrize(("rate", "margin"), [
        ("+0.02", "42000.00"), ("-0.02", "30000.00"), ("0.2", "60000.00"), ("-0.5", "0.00"),
    ])  # fmt: skip
    async def test_with_a_sign_it_is_added_without_it_replaces(
        self, api: Api, rate: str, margin: str
    ) -> None:
        await api.push(snapshot())
        before, after = await one(api, {"product": "rb", "margin_rate": rate})
        assert (after["margin"], after["equity"]) == (margin, before["equity"])

    async def test_price_and_rate_together(self, api: Api) -> None:
        await api.push(snapshot(accounts=[account(margin="40000")]))
        _, after = await one(
            api, {"product": "rb", "move": "-0.05"}, {"product": "rb", "margin_rate": "+0.02"}
        )
        assert after["margin"] == "43900.00"  # 40000 + 28500·1.4 − 36000


class TestGivenManyAccounts:
    async def test_levels_are_counted_before_and_after(self, api: Api) -> None:
        funds = [account(), account("90000002", pre_balance="40000")]
        rows = [position(), position(account="90000002")]
        await api.push(snapshot(accounts=funds, positions=rows))
        found = await asked(api, {"product": "rb", "move": "-0.05"})
        assert {k: n for k, n in found["levels"]["before"].items() if n} == {"正常": 1, "警示": 1}
        assert {k: n for k, n in found["levels"]["after"].items() if n} == {"正常": 1, "强平": 1}
        assert len((await asked(api, {"product": "rb", "move": "-0.05"}, accounts=["90000002"]))[
            "accounts"
        ]) == 1  # fmt: skip

    async def test_what_cannot_be_judged_stays_so(self, api: Api) -> None:
        await api.push(snapshot(accounts=[]))
        before, after = await one(api, {"product": "rb", "move": "-0.05"})
        assert (before["level"], after["level"]) == ("异常", "异常")

    async def test_a_product_that_nobody_holds_is_said(self, api: Api) -> None:
        await api.push(snapshot())
        found = await asked(api, {"product": "cu", "move": "-0.05"})
        assert "账本中没有品种 cu，该冲击没有影响" in found["assumptions"]
        assert found["accounts"][0]["before"] == found["accounts"][0]["after"]


class TestGivenAWrongQuestion:
    @pytest.mark.parametrize(("body", "path"), [
        ({}, "shocks"),
        ({"shocks": []}, "shocks"),
        ({"shocks": [{}]}, "shocks[0]"),
        ({"shocks": [{"product": "rb", "move": "-1"}]}, "shocks[0].move"),
        ({"shocks": [{"product": "rb", "move": "much"}]}, "shocks[0]"),
        ({"shocks": [{"instrument": "rb2701", "price": "0"}]}, "shocks[0]"),
        ({"shocks": [{"all": "sideways"}]}, "shocks[0]"),
        ({"shocks": [{"all": "down_limit"}], "more": 1}, "more"),
    ])  # fmt: skip
    async def test_its_place_is_named(self, api: Api, body: Json, path: str) -> None:
        answer = await api.post("risk/what-if", body)
        assert answer.status == 422
        assert [each["path"] for each in (await answer.json())["errors"]] == [path]

    async def test_an_account_that_no_source_told_of_is_not_found(self, api: Api) -> None:
        await api.push(snapshot())
        told = {"shocks": [{"all": "down_limit"}], "accounts": ["90000001", "1"]}
        answer = await api.post("risk/what-if", told)
        assert answer.status == 404
        assert [each["path"] for each in (await answer.json())["errors"]] == ["accounts[1]"]
