"""A bell that must be heard: the loudest that is paid for, words where none is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bot.chat.message import Bell, Chat, Place, Ring
from bot.chat.ports import Outgoing
from bot.platforms.dingtalk.client import DingTalk, open_dingtalk
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import Outcome, OutsideError
from tests.fakes.dingtalk import PRIVATE, FakeDingTalk, fake_dingtalk, refuses, says

DING = "/v1.0/robot/ding/send"
EMPTY = "ding.serverquota.insufficient"
RING = Outgoing(
    key="ring-1",
    chat=Chat(platform="dingtalk", place=Place.PRIVATE, id="chenxi"),
    part=Ring(text="期台预警：杭州营业部 4 户追保，5 分钟无人认领，请立即处理", bell=Bell.PHONE),
)


class NoBlobs:
    async def read(self, name: str) -> bytes:
        raise LookupError(name)


@pytest.fixture
async def far() -> AsyncIterator[FakeDingTalk]:
    async with fake_dingtalk() as fake:
        yield fake


@pytest.fixture
async def ding(far: FakeDingTalk) -> AsyncIterator[DingTalk]:
    clock = StoppedClock(datetime(2026, 11, 23, 4, tzinfo=UTC))
    async with open_dingtalk(far.settings(), clock, NoBlobs()) as client:
        yield client


async def test_a_telephone_rings(far: FakeDingTalk, ding: DingTalk) -> None:
    far.script(DING, says(200, {"openDingId": "54"}))
    assert (await ding.send(RING)).platform_id == "54"
    [call] = far.to(DING)
    assert call.body["remindType"] == 3


async def test_without_calls_left_it_is_a_short_message(far: FakeDingTalk, ding: DingTalk) -> None:
    far.script(DING, refuses(EMPTY), says(200, {"openDingId": "55"}))
    assert (await ding.send(RING)).platform_id == "55"
    assert [call.body["remindType"] for call in far.to(DING)] == [3, 2]


async def test_without_anything_left_it_is_said_in_words(far: FakeDingTalk, ding: DingTalk) -> None:
    far.script(DING, *[refuses(EMPTY)] * 3)
    await ding.send(RING)
    [said] = far.to(PRIVATE)
    assert "4 户追保" in said.params["content"]


async def test_a_person_who_was_not_reached_is_no_success(
    far: FakeDingTalk, ding: DingTalk
) -> None:
    far.script(DING, says(200, {"openDingId": "56", "failedList": {"no phone": ["chenxi"]}}))
    with pytest.raises(OutsideError) as caught:
        await ding.send(RING)
    assert caught.value.outcome is Outcome.REFUSED
