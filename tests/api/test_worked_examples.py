"""The worked examples of trading data 4, pushed by a counter and read to the fen."""

from decimal import Decimal
from typing import Any

import pytest

from tests.api.conftest import Api, Json
from tests.api.test_book_by_api import account, instrument, position, snapshot, taken

SOY = instrument(
    "a2701", product="a", exchange="DCE", prev_settle="4000", last="4040", larger_side=False
)
BOUGHT = position(
    instrument="a2701",
    lots=20,
    today_lots=20,
    open_price="4000",
    margin_rate="0.05",
    exchange_margin_rate="0.05",
)


def percent(degree: str) -> Decimal:
    """As a statement prints it."""
    return (Decimal(degree) * 100).quantize(Decimal("0.01"))


async def told(api: Api, **changes: Any) -> Json:
    await api.push(snapshot(**changes))
    return await api.risk()


@pytest.mark.parametrize(
    ("deposit", "equity", "available", "degree"),
    [
        ("100000", "114000.00", "73600.00", "35.44"),
        ("200000", "214000.00", "173600.00", "18.88"),
    ],
    ids=["R1", "R2"],
)
async def test_r1_r2_bought_and_half_of_it_sold_on_the_same_day(
    api: Api, deposit: str, equity: str, available: str, degree: str
) -> None:
    funds = account(pre_balance="0", deposit=deposit, close_profit="6000")
    found = await told(api, accounts=[funds], instruments=[SOY], positions=[BOUGHT])
    assert found["positions"][0]["pnl"] == "8000.00"
    assert taken(found, "equity", "margin", "available") == (equity, "40400.00", available)
    assert percent(found["risk"]) == Decimal(degree)


async def test_r1_on_the_next_day_the_rest_is_sold(api: Api) -> None:
    funds = account(pre_balance="114000", close_profit="6000")
    settled = SOY | {"prev_settle": "4040", "last": "4050"}
    found = await told(api, accounts=[funds], instruments=[settled], positions=[])
    assert taken(found, "equity", "margin", "available") == ("120000.00", "0.00", "120000.00")


async def test_r3_a_short_of_the_index_against_two_settlements(api: Api) -> None:
    index = instrument(
        "IF2612",
        product="IF",
        exchange="CFFEX",
        multiplier=300,
        tick="0.2",
        prev_settle="4766.8",
        last="4855.0",
    )
    short = position(
        instrument="IF2612", direction="short", lots=1, open_price="5086.0", margin_rate="0.11"
    )
    found = await told(api, instruments=[index], positions=[short])
    assert found["positions"][0]["pnl"] == "-26460.00"
    settled = index | {"prev_settle": "4855.0"}
    found = await told(api, instruments=[settled], positions=[short])
    assert found["margin"] == "160215.00"


async def test_r3_the_statements_equity_and_margin_give_its_degree(api: Api) -> None:
    funds = account(equity="19995085.19", margin="8491395.00")
    found = await told(api, accounts=[funds], positions=[])
    assert found["available"] == "11503690.19"
    assert percent(found["risk"]) == Decimal("42.47")


async def test_r4_carried_steel_is_at_its_end_at_these_prices(api: Api) -> None:
    steel = instrument(prev_settle="3500", last="3500")
    found = await told(api, instruments=[steel], positions=[position(lots=20)])
    assert found["margin"] == "84000.00"
    assert percent(found["risk"]) == Decimal("84.00")
    [row] = found["positions"]
    assert Decimal(row["price_at_100"]) == 3420
    assert Decimal(row["price_at_zero"]) == 3000


async def test_r5_a_short_of_meal_and_the_fewest_lots(api: Api) -> None:
    meal = instrument("m2701", product="m", exchange="DCE")
    short = position(instrument="m2701", direction="short", lots=30, margin_rate="0.10")
    funds = account(pre_balance="50000")
    found = await told(api, accounts=[funds], instruments=[meal], positions=[short])
    assert taken(found, "margin", "available", "call_amount") == (
        "90000.00",
        "-40000.00",
        "40000.00",
    )
    assert percent(found["risk"]) == Decimal("180.00")
    assert found["suggestion"] == [{"instrument": "m2701", "direction": "short", "lots": 14}]
    left = await told(
        api, accounts=[funds], instruments=[meal], positions=[short | {"lots": 30 - 14}]
    )
    assert left["margin"] == "48000.00"
    assert percent(left["risk"]) == Decimal("96.00")


@pytest.mark.parametrize(
    ("long", "short", "margin"),
    [(4, 2, "192000.00"), (4, 0, "192000.00"), (3, 2, "144000.00"), (1, 2, "96000.00")],
    ids=["held", "2 short closed", "1 long closed", "3 long closed"],
)
async def test_r6_closing_the_smaller_side_releases_nothing(
    api: Api, long: int, short: int, margin: str
) -> None:
    copper = instrument(
        "cu2701",
        product="cu",
        multiplier=5,
        tick="10",
        prev_settle="80000",
        last="80000",
        larger_side=True,
    )
    rows = [
        position(instrument="cu2701", direction=direction, lots=lots)
        for direction, lots in (("long", long), ("short", short))
        if lots
    ]
    funds = account(pre_balance="1000000")
    found = await told(api, accounts=[funds], instruments=[copper], positions=rows)
    assert found["margin"] == margin


@pytest.mark.parametrize(("rate", "margin"), [("0.12", "24000.00"), ("0.15", "30000.00")])
async def test_r8_the_company_asks_for_more_than_the_exchange(
    api: Api, rate: str, margin: str
) -> None:
    steel = instrument(prev_settle="4000", last="4000")
    row = position(lots=5, margin_rate=rate, exchange_margin_rate="0.07")
    found = await told(api, instruments=[steel], positions=[row])
    assert taken(found, "exchange_margin", "margin") == ("14000.00", margin)


async def test_r10_equity_and_available_of_their_parts(api: Api) -> None:
    funds = account(
        deposit="20000",
        withdraw="5000",
        close_profit="-1500",
        position_profit="4000",
        commission="200",
        margin="90000",
        frozen="3000",
    )
    found = await told(api, accounts=[funds], positions=[])
    assert taken(found, "equity", "available") == ("117300.00", "24300.00")


async def test_r11_the_arithmetic_of_a_statement(api: Api) -> None:
    funds = account(
        pre_balance="12000.00",
        deposit="30000.00",
        withdraw="5000.00",
        close_profit="-1250.00",
        position_profit="640.00",
        commission="33.60",
        margin="29800.00",
    )
    found = await told(api, accounts=[funds], positions=[])
    assert taken(found, "equity", "available", "call_amount") == ("36356.40", "6556.40", "0.00")
    assert percent(found["risk"]) == Decimal("81.97")


async def test_r12_called_by_the_company_and_not_forced_by_the_exchange(api: Api) -> None:
    funds = account(equity="100000", margin="108000", exchange_margin="92000")
    found = await told(api, accounts=[funds], positions=[])
    assert taken(found, "level", "call_amount") == ("追保", "8000.00")
    assert percent(found["risk"]) == Decimal(108)
    assert percent(found["exchange_risk"]) == Decimal(92)


async def test_r13_a_debt_without_a_position(api: Api) -> None:
    found = await told(api, accounts=[account(equity="-350.00")], positions=[])
    assert taken(found, "level", "equity", "risk") == ("穿仓", "-350.00", None)
    assert found["call_amount"] == "350.00"
