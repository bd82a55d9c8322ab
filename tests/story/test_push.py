"""A counter that pushes beside the sandbox's market: its accounts win, the others stay."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio

from bot.api.openapi import SNAPSHOT_EXAMPLE
from bot.cards import text
from tests.api.conftest import Json, give_token
from tests.story.room import Room

pytestmark = pytest.mark.asyncio(loop_scope="module")
SETTINGS = {"QIDESK_SOURCES__COUNTER__KIND": "push"}
OURS = "80010001"
HEADERS = {"Authorization": "Bearer qd_story"}


@pytest_asyncio.fixture(autouse=True, scope="module", loop_scope="module")
async def token(room: Room) -> AsyncIterator[None]:
    await give_token(room.service.store, "qd_story", ["data:push", "risk:read"])
    await room.service.book.changed(0)  # the market has told of everybody
    yield


async def push(room: Room, body: Json) -> Json:
    url = f"{room.url}/api/v1/push/snapshot"
    async with room.http.post(url, json=body, headers=HEADERS) as answer:
        assert answer.status == 202, await answer.text()
        found: Json = await answer.json()
        return found


async def risk(room: Room, account: str) -> Json:
    url = f"{room.url}/api/v1/accounts/{account}/risk"
    async with room.http.get(url, headers=HEADERS) as answer:
        assert answer.status == 200, await answer.text()
        found: Json = await answer.json()
        return found


class TestGivenACounterThatPushes:
    async def test_its_word_on_an_account_wins_over_the_invented_market(self, room: Room) -> None:
        before = await risk(room, OURS)
        [told] = SNAPSHOT_EXAMPLE["accounts"]
        account = {**told, "account": OURS, "equity": "123456.78", "margin": "1000"}
        found = await push(room, SNAPSHOT_EXAMPLE | {"accounts": [account], "positions": []})
        assert found["accepted"]["accounts"] == 1
        after = await risk(room, OURS)
        assert before["equity"] != after["equity"] == "123456.78"
        card = await room.ask("fengjun", f"查 {OURS}")
        assert text.short_yuan(Decimal("123456.78")) in str(card)

    async def test_an_account_that_no_client_has_is_taken(self, room: Room) -> None:
        await push(room, SNAPSHOT_EXAMPLE)
        found = await risk(room, "90000001")
        assert found["level"] == "追保"
        assert found["suggestion"] == [{"instrument": "rb2701", "direction": "long", "lots": 5}]

    async def test_the_invented_market_goes_on_beside_it(self, room: Room) -> None:
        await push(room, SNAPSHOT_EXAMPLE)
        assert (await risk(room, OURS))["level"] == "异常"  # the counter does not name it any more
        assert (await risk(room, "80010002"))["level"] != "异常"

    async def test_readiness_says_how_the_source_is(self, room: Room) -> None:
        async with room.http.get(f"{room.url}/readyz") as answer:
            parts = (await answer.json())["parts"]
        assert parts["source.counter"]["ok"]
        assert parts["source.counter"]["age_seconds"] < 60
        assert parts["source.sim"]["ok"]
