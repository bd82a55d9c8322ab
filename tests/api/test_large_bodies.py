"""Bodies of many mebibytes: read as a small one is, while the loop goes on."""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO

import orjson
import pytest
from aiohttp import ClientResponse

from bot.api.openapi import SNAPSHOT_EXAMPLE
from risk.sources import push
from risk.sources.pieces import LARGEST_ROW
from tests.api.conftest import Api, Json
from tests.api.test_bodies import sent
from tests.api.test_book_by_api import account, instrument, position, snapshot

HELD = 0.15  # seconds of CPU where this process is the client too; before, it was 0.3


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What is pushed does not go into it."""
    return sqlite_url


def large(count: int = 12_000, **changes: object) -> Json:
    """A snapshot well above what is read at once."""
    names = [str(80_000_000 + n) for n in range(count)]
    every = [account(name, pre_balance="100000") for name in names]
    held = [position(account=name) for name in names]
    return snapshot(instruments=[instrument()], accounts=every, positions=held) | changes


async def pushed(api: Api, told: Json, path: str = "push/snapshot") -> Json:
    found: Json = await (await taken(api, json.dumps(told).encode(), path)).json()
    return found


async def taken(api: Api, data: bytes, path: str = "push/snapshot") -> ClientResponse:
    assert len(data) > push.HUGE
    headers = {**api.headers, "Content-Type": "application/json"}
    answer = await api.post(path, data=BytesIO(data), headers=headers)
    assert answer.status == 202
    return answer


@asynccontextmanager
async def longest_hold() -> AsyncIterator[list[float]]:
    """The most CPU that this process spent between two turns of its loop. Unlike the time that
    went by it does not tell of what else the machine did."""
    holds = [0.0]

    async def beat() -> None:
        before = time.process_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.process_time()
            holds[0] = max(holds[0], now - before)
            before = now

    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(beat())
        yield holds
        beating.cancel()


class TestGivenALargeSnapshot:
    async def test_it_is_read_as_a_small_one_is(self, api: Api) -> None:
        told = large()
        told["accounts"][7] |= {"deposit": "abc"}
        told["accounts"][8] = 7
        told["positions"][11_999] |= {"lots": -1}
        found = await pushed(api, dict(reversed(told.items())))  # keys come in any order
        assert found["accepted"] == {"instruments": 1, "accounts": 11_998, "positions": 11_999}
        assert [each["path"] for each in found["rejected"]] == [
            "accounts[7].deposit", "accounts[8]", "positions[11999].lots",
        ]  # fmt: skip
        small = snapshot(
            accounts=[account("1", pre_balance="100000")], positions=[position(account="1")]
        )
        await api.push(small | {"complete": False})
        one, other = await api.risk("1"), await api.risk("80000005")
        assert one | {"account": "", "as_of": ""} == other | {"account": "", "as_of": ""}

    async def test_a_second_one_takes_the_place_of_the_first(self, api: Api) -> None:
        await pushed(api, large())
        await pushed(api, large(11_000))
        assert (await api.risk("80010999"))["level"] != "异常"
        gone = await api.risk("80011000")
        assert (gone["level"], gone["missing"]) == ("异常", ["最新快照中没有这个账户"])
        await pushed(api, large(trading_day="2026-11-24", complete=False))
        assert (await api.risk("80011000"))["level"] != "异常"

    async def test_rows_that_are_odd_are_listed(self, api: Api) -> None:
        deep: Json = {}
        for _ in range(500):
            deep = {"a": deep}
        odd: list[object] = [
            account("1", more=deep),
            account("2", more="x" * LARGEST_ROW),
            [],
            None,
            "]},{[",
        ]
        told = large(accounts=[*odd, account("3", name=']},{\\"' * 5)])
        found = await pushed(api, told)
        assert found["accepted"]["accounts"] == 1
        assert [each["path"] for each in found["rejected"]] == [f"accounts[{n}]" for n in range(5)]
        assert (await api.risk("3"))["account"] == "3"

    async def test_large_ticks_leave_the_newest_price_of_each(self, api: Api) -> None:
        await api.push(snapshot())
        at = "2026-11-23T10:15:{:02}+08:00"
        ticks = [
            {"instrument": name, "last": str(3000 + n % 1000), "at": at.format(n % 60)}
            for n in range(25_000)
            for name in ("rb2701", "cu2701")
        ]
        found = await pushed(api, {"ticks": ticks}, "push/ticks")
        assert found == {"accepted": {"ticks": 50_000}, "rejected": []}
        newest = max(n for n in range(25_000) if n % 60 == 59)
        rebar = api.behind.book.instrument("rb2701")
        assert rebar is not None
        assert rebar.last == 3000 + newest % 1000

    async def test_the_loop_goes_on_meanwhile(self, api: Api) -> None:
        told = large(70_000)
        await api.push(SNAPSHOT_EXAMPLE)  # what is loaded with the first numbers is loaded
        thresholds = gc.get_threshold()
        data = orjson.dumps(told)
        del told
        async with longest_hold() as holds:
            for _ in range(2):
                await taken(api, data)
        assert holds[0] < HELD
        assert gc.get_threshold() == thresholds


class TestGivenALargeBodyThatCannotBeTaken:
    @pytest.mark.parametrize(
        ("change", "status", "detail"),
        [
            (lambda data: data[:-1], 400, "请求体不是有效的 JSON（UTF-8）"),
            (lambda data: data[:-9] + b"\xff" + data[-8:], 400, "请求体不是有效的 JSON（UTF-8）"),
            (lambda data: b"[" + data + b"]", 422, "请求体应为 JSON 对象"),
            (lambda data: data.replace(b"2026-11-23", b"11/23"), 422, "trading_day"),
            (lambda data: data.replace(b'"accounts":[', b'"accounts":7,"x":['), 422, "accounts"),
            (lambda data: data.replace(b'"2026-11-23"', b"[1]"), 422, "trading_day"),
        ],
    )  # fmt: skip
    async def test_it_is_refused_in_the_same_words(
        self, api: Api, change: object, status: int, detail: str
    ) -> None:
        assert callable(change)
        found, said = await sent(api, BytesIO(change(orjson.dumps(large()))))
        assert (found, said[: len(detail)]) == (status, detail)

    async def test_a_reader_that_cannot_be_started_is_asked_again_later(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.executable", "/nonexistent/python")
        status, _ = await sent(api, BytesIO(orjson.dumps(large())))
        assert status == 429
