"""Bodies that are too large, no JSON, half good, or nonsense."""

import gzip
import json
from collections.abc import AsyncIterator
from io import BytesIO

import orjson
import pytest

from bot.api import body
from bot.api.openapi import SNAPSHOT_EXAMPLE
from tests.api.conftest import Api, Json
from tests.api.test_book_by_api import account, instrument, position, snapshot

PROBLEM = "application/problem+json"
JSON = {"Content-Type": "application/json"}


async def sent(
    api: Api, data: object, path: str = "push/snapshot", **headers: str
) -> tuple[int, str]:
    answer = await api.post(path, data=data, headers={**api.headers, **JSON, **headers})
    assert answer.content_type == PROBLEM
    return answer.status, (await answer.json())["detail"]


class TestGivenBadRows:
    async def test_good_ones_are_taken_and_bad_ones_listed_with_their_place(self, api: Api) -> None:
        found = await api.push(
            snapshot(
                instruments=[instrument(), instrument("hc2701", multiplier=0)],
                accounts=[account(), account("90000002", deposit="abc"), account("x" * 33), 7],
                positions=[
                    position(), position(), position(), position(lots=-1),
                    position(direction="up"), position(margin_rate="-0.1"), position(today_lots=11),
                ],
            )
        )  # fmt: skip
        assert found["accepted"] == {"instruments": 1, "accounts": 1, "positions": 3}
        assert [each["path"] for each in found["rejected"]] == [
            "instruments[1].multiplier",
            "accounts[1].deposit",
            "accounts[2].account",
            "accounts[3]",
            "positions[3].lots",
            "positions[4].direction",
            "positions[5].margin_rate",
            "positions[6].today_lots",
        ]
        assert all(each["why"] for each in found["rejected"])
        assert (await api.risk())["positions"][0]["lots"] == 30

    @pytest.mark.parametrize("last", ["1e14", "NaN", "Infinity", "", "1" * 65, "三", [], {}, True])
    async def test_a_price_that_is_none_is_listed(self, api: Api, last: object) -> None:
        found = await api.push(snapshot(instruments=[instrument(last=last)]))
        assert [each["path"] for each in found["rejected"]] == ["instruments[0].last"]

    async def test_control_characters_do_not_come_in(self, api: Api) -> None:
        found = await api.push(snapshot(accounts=[account(name="a\x00b"), account("9\u202e1")]))
        assert found["accepted"]["accounts"] == 0

    async def test_money_beyond_belief_leaves_the_account_in_doubt(self, api: Api) -> None:
        row = position(lots=10**8, today_lots=0, margin_rate="99")
        told = instrument(prev_settle="999999999", last="1", multiplier=10**6)
        await api.push(snapshot(positions=[row], instruments=[told]))
        found = await api.risk()
        assert (found["level"], found["missing"]) == ("异常", ["金额大得不可信"])
        assert api.behind.book.levels() == {"90000001": api.behind.book.levels()["90000001"]}

    async def test_ticks_too(self, api: Api) -> None:
        await api.push(snapshot())
        ticks = [
            {"instrument": "rb2701", "last": "2990"},
            {"instrument": "rb2701", "last": "0"},
            {"instrument": "rb2701", "last": "1", "at": "10:15"},
            {"last": "1"},
        ]
        answer = await api.post("push/ticks", {"ticks": ticks})
        found = await answer.json()
        assert (answer.status, found["accepted"]) == (202, {"ticks": 1})
        assert [each["path"] for each in found["rejected"]] == [
            "ticks[1].last", "ticks[2].at", "ticks[3].instrument",
        ]  # fmt: skip
        assert (await api.risk())["equity"] == "99000.00"


class TestGivenABodyThatCannotBeTaken:
    @pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b'{"a":NaN}', b"[" * 100_000])
    async def test_no_json_is_400(self, api: Api, data: bytes) -> None:
        assert await sent(api, data) == (400, "请求体不是有效的 JSON（UTF-8）")

    @pytest.mark.parametrize(("change", "word"), [
        ({"trading_day": "11/23"}, "trading_day"), ({"trading_day": None}, "trading_day"),
        ({"at": "2026-11-23T10:00:00"}, "at"), ({"at": 5}, "at"), ({"accounts": {}}, "accounts"),
        ({"complete": "yes"}, "complete"), ({"positions": "x"}, "positions"),
    ])  # fmt: skip
    async def test_a_head_that_is_wrong_is_422(self, api: Api, change: Json, word: str) -> None:
        status, detail = await sent(api, orjson.dumps(SNAPSHOT_EXAMPLE | change))
        assert (status, detail.split()[0]) == (422, word)

    @pytest.mark.parametrize("data", [b"[]", b"7", b"null", b'"x"'])
    async def test_something_that_is_no_object_is_422(self, api: Api, data: bytes) -> None:
        assert await sent(api, data) == (422, "请求体应为 JSON 对象")
        assert (await sent(api, data, "risk/what-if"))[0] == 422

    async def test_another_kind_of_content_is_415(self, api: Api) -> None:
        status, _ = await sent(api, b"{}", **{"Content-Type": "text/plain"})
        assert status == 415

    async def test_a_body_over_its_limit_is_413_said_or_found(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(body, "SNAPSHOT", 1 << 20)
        large = b" " * (1 << 20) + b"{}"
        assert await sent(api, BytesIO(large)) == (413, "请求体超过 1 MiB，请分批提交")

        async def in_parts() -> AsyncIterator[bytes]:
            yield large

        assert (await sent(api, in_parts()))[0] == 413

    async def test_a_large_body_within_the_limit_is_taken(self, api: Api) -> None:
        accounts = [account(str(80_000_000 + n)) for n in range(3000)]
        found = await api.push(snapshot(accounts=accounts, positions=[]))
        assert found["accepted"]["accounts"] == 3000
        assert len(json.dumps(accounts)) > 1 << 18  # read in a thread

    async def test_too_many_at_once_are_asked_to_wait(self, api: Api) -> None:
        source = api.behind.pushes["push"]
        source._waiting = 8
        answer = await api.post("push/ticks", {"ticks": []})
        assert (answer.status, answer.headers["Retry-After"]) == (429, "2")
        source._waiting = 0

    async def test_without_a_push_source_it_says_how_to_have_one(self, api: Api) -> None:
        api.behind.pushes.clear()
        status, detail = await sent(api, b"{}")
        assert status == 404
        assert 'kind = "push"' in detail

    async def test_one_of_several_sources_is_named(self, api: Api) -> None:
        api.behind.pushes["other"] = api.behind.pushes["push"]
        status, detail = await sent(api, b"{}")
        assert status == 404
        assert detail.endswith("可选：push、other")
        answer = await api.post("push/snapshot?source=push", SNAPSHOT_EXAMPLE)
        assert answer.status == 202


class TestGivenAnEncodedBody:
    async def test_gzip_is_read(self, api: Api) -> None:
        packed = gzip.compress(orjson.dumps(SNAPSHOT_EXAMPLE))
        headers = {**api.headers, **JSON, "Content-Encoding": "gzip"}
        answer = await api.post("push/snapshot", data=packed, headers=headers)
        assert answer.status == 202

    async def test_a_bomb_stops_at_the_limit(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(body, "SNAPSHOT", 1 << 20)
        packed = gzip.compress(b" " * (50 << 20))
        assert (await sent(api, packed, **{"Content-Encoding": "gzip"}))[0] == 413

    async def test_what_cannot_be_unpacked_is_400(self, api: Api) -> None:
        status, detail = await sent(api, b"no gzip", **{"Content-Encoding": "gzip"})
        assert (status, detail) == (400, "请求体没有完整到达，或压缩已损坏")
