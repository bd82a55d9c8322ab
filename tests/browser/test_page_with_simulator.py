"""The page before the simulated DingTalk, with a bot that is connected to it as a real one is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from bot.sandbox.broker import invent
from bot.sandbox.clock import SandboxClock
from bot.sandbox.launch import FarSide
from bot.sandbox.market import Market
from bot.sandbox.server import SandboxSettings, make_app
from crm.kernel.calendar import Calendar
from tests.browser import scenes
from tests.browser.conftest import Viewer
from tests.browser.stream_bot import StreamBot, connected

pytestmark = pytest.mark.asyncio(loop_scope="session")

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63606060f80f0001040100"
    "5fe5c34b0000000049454e44ae426082"
)


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[TestServer]:
    broker = invent(7, 60)
    clock = SandboxClock(tmp_path / "clock.json")
    market = Market(broker, clock, Calendar.shipped(), tmp_path / "market.json")
    far = FarSide(broker, market)
    running = TestServer(make_app(SandboxSettings(data_dir=tmp_path, far=far)))
    await running.start_server()
    yield running
    await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def viewer(browser: Browser, server: TestServer) -> AsyncIterator[Viewer]:
    looking = Viewer(browser, str(server.make_url("/sandbox/")))
    yield looking
    await looking.close()
    assert looking.verdict() == []


@pytest_asyncio.fixture(loop_scope="session")
async def bot(server: TestServer) -> AsyncIterator[StreamBot]:
    async with connected(str(server.make_url("")).rstrip("/")) as listening:
        yield listening


async def test_a_line_goes_to_the_bot_and_its_answer_comes_back(
    viewer: Viewer, bot: StreamBot
) -> None:
    page = await viewer.open()
    await page.get_by_test_id("person-wangqiang").click()
    await page.get_by_test_id("composer").fill("[你好]")
    await page.get_by_test_id("send").click()
    await expect(page.locator(".message.mine .bubble")).to_have_text(["[你好]"])
    await expect(page.locator(".markdown strong")).to_have_text("[你好]")
    assert bot.heard == ["[你好]"]


async def test_a_card_is_filled_in_clicked_and_finished_in_place(
    viewer: Viewer, bot: StreamBot
) -> None:
    page = await viewer.open("dingtalk/sunfang/private")
    await page.get_by_test_id("composer").fill("卡片")
    await page.get_by_test_id("send").click()
    card = page.get_by_test_id("card")
    await expect(card.locator(".status")).to_have_text("待审批")
    await page.get_by_label("意见").fill("资料齐全")
    await page.get_by_label("类别").select_option("age")
    await page.get_by_test_id("card-button").filter(has_text="同意").click()
    await expect(card.locator(".status")).to_have_text("已同意")
    await expect(card).to_have_count(1)
    assert bot.clicked == [
        {
            "actionIds": ["approve"],
            "params": {
                "rev": "1",
                "comment": "资料齐全",
                "reason": {"index": 1, "value": "age"},
            },
        }
    ]


async def test_a_group_hears_the_bot_only_when_it_was_mentioned(
    viewer: Viewer, bot: StreamBot
) -> None:
    page = await viewer.open("dingtalk/wangqiang/g-hz")
    await page.get_by_role("button", name="@期台").click()
    for line in ("大家好", "@期台 在吗"):
        await page.get_by_test_id("composer").fill(line)
        await page.get_by_test_id("send").click()
    await expect(page.locator(".markdown strong")).to_have_text("在吗")
    await expect(page.locator(".message.mine .bubble")).to_have_text(["大家好", "@期台 在吗"])
    assert bot.heard == ["在吗"]


async def test_a_card_for_another_person_is_an_unread_mark_for_him(
    viewer: Viewer, bot: StreamBot
) -> None:
    page = await viewer.open("dingtalk/chenxi/private")
    group = page.get_by_test_id("chat-g-risk")
    await expect(group).to_have_attribute("data-unread", "0")
    await bot.deliver(scenes.call_of_one()["card"], "IM_GROUP.g-risk")
    await expect(group.locator(".badge")).to_have_text("1")
    await group.click()
    await expect(page.get_by_test_id("card")).to_contain_text("张三 追保处理")
    await expect(group.locator(".badge")).to_have_count(0)


async def test_a_sent_picture_is_shown_and_heard(
    viewer: Viewer, bot: StreamBot, tmp_path: Path
) -> None:
    picture = tmp_path / "证件.png"
    picture.write_bytes(PIXEL)
    page = await viewer.open("dingtalk/wangqiang/private")
    await page.get_by_test_id("upload").set_input_files(picture)
    await expect(page.locator(".message.mine .photo img")).to_be_visible()
    await expect(page.locator(".markdown")).to_contain_text("picture")
    assert bot.heard == ["picture"]


async def test_without_a_service_the_line_is_refused_in_words(viewer: Viewer) -> None:
    viewer.excused.append("503")
    page = await viewer.open("dingtalk/wangqiang/private")
    await expect(page.locator(".offline")).to_be_visible()
    await page.get_by_test_id("composer").fill("zs")
    await page.get_by_test_id("send").click()
    await expect(page.locator("#toasts")).to_contain_text("没有连上")
    await expect(page.locator(".failed .bubble")).to_have_text("zs")


async def test_a_screen_looks_the_same_after_a_reload(viewer: Viewer, bot: StreamBot) -> None:
    await bot.deliver(scenes.client()["card"], "IM_ROBOT.wangqiang")
    page = await viewer.open("dingtalk/wangqiang/private")
    card = page.get_by_test_id("card")
    await expect(card).to_contain_text("86.45% ▲5.2")
    before = await card.inner_text()
    await page.reload()
    await expect(card).to_have_text(await card.text_content() or "")
    assert await card.inner_text() == before


async def test_the_wire_shows_the_real_frames_without_secrets(
    viewer: Viewer, bot: StreamBot
) -> None:
    page = await viewer.open("dingtalk/wangqiang/private")
    await page.get_by_test_id("tools").first.click()
    await page.get_by_test_id("tool-wire").click()
    await page.get_by_test_id("composer").fill("你好")
    await page.get_by_test_id("send").click()
    await expect(page.locator(".markdown strong")).to_have_text("你好")
    frames = page.locator(".frame")
    await expect(frames.first).to_be_visible()
    assert await frames.count() >= 3
    for way in ("in", "out"):
        await expect(page.locator(f'.frame[data-way="{way}"]').first).to_be_visible()


async def test_a_card_further_up_changes_in_place(viewer: Viewer, bot: StreamBot) -> None:
    page = await viewer.open("dingtalk/sunfang/private")
    await page.get_by_test_id("composer").fill("卡片")
    await page.get_by_test_id("send").click()
    card = page.get_by_test_id("card")
    await expect(card.locator(".status")).to_have_text("待审批")
    await page.get_by_test_id("composer").fill("另一句")
    await page.get_by_test_id("send").click()
    await expect(page.locator(".markdown strong")).to_have_text("另一句")
    await page.get_by_label("意见").fill("资料齐全")
    await page.get_by_label("类别").select_option("age")
    await page.get_by_test_id("card-button").filter(has_text="同意").click()
    await expect(card.locator(".status")).to_have_text("已同意")
    await expect(page.locator(".markdown strong")).to_have_text("另一句")


async def test_the_panel_moves_the_real_market(viewer: Viewer, bot: StreamBot) -> None:
    page = await viewer.open("dingtalk/wangqiang/private")
    await page.get_by_test_id("tools").first.click()
    steel = page.get_by_test_id("quote-rb2701")
    await expect(steel).to_contain_text("3120")
    await page.get_by_test_id("scene-limit_down_day").click()
    await expect(steel.locator(".fall")).to_have_text("▼4.98%")
    await page.get_by_test_id("scene-quiet").click()
    await expect(steel).to_contain_text("31310.00%")
