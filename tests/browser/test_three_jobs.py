"""The three jobs, done on the page before the whole program."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.conftest import Viewer
from tests.story.room import Room, open_room

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def room(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    expect.set_options(timeout=15_000)  # whole programs on a busy machine
    async with open_room(tmp_path_factory.mktemp("jobs"), {}, wecom=True) as found:
        yield found
    expect.set_options(timeout=5_000)


@pytest_asyncio.fixture(loop_scope="session")
async def viewer(browser: Browser, room: Room) -> AsyncIterator[Viewer]:
    looking = Viewer(browser, f"{room.url}/sandbox/")
    yield looking
    await looking.close()
    assert looking.verdict() == []


async def begin(viewer: Viewer, story: str) -> Page:
    """The first screen, and the story chosen on it."""
    page = await viewer.open()
    await page.get_by_test_id(f"story-{story}").click()
    await expect(page.get_by_test_id("step-1")).to_have_attribute("data-state", "next")
    return page


async def take(page: Page, step: int) -> None:
    await page.get_by_test_id(f"step-{step}").click()
    await expect(page.get_by_test_id(f"step-{step}")).to_have_attribute("data-state", "done")


def card(page: Page, *words: str) -> Locator:
    """The newest card with all these words."""
    found = page.get_by_test_id("card")
    for word in words:
        found = found.filter(has_text=word)
    return found.last


async def press(within: Locator, label: str) -> None:
    await within.get_by_test_id("card-button").filter(has_text=label).first.click()


async def minutes_pass(room: Room, place: Locator, words: str) -> None:
    """Move the clock on until these words stand there."""
    async with asyncio.timeout(20):
        while await place.inner_text() != words:
            await room.advance("1m")
            await asyncio.sleep(0.2)  # the page draws what came of it


async def test_an_account_is_opened_from_the_first_line_to_the_last_approver(
    viewer: Viewer,
) -> None:
    page = await begin(viewer, "opening")
    await take(page, 1)
    await expect(card(page, "填写中")).to_contain_text("证件号码 待提供")
    for step, words in ((2, "🟢 手机号"), (3, "🟢 银行卡"), (4, "资料已齐")):
        await take(page, step)
        await expect(card(page, "填写中")).to_contain_text(words)
    await take(page, 5)
    await press(card(page, "资料已齐"), "提交")
    await expect(card(page, "审批中")).to_contain_text("孙芳")
    for step, name in ((6, "孙芳"), (7, "周婷"), (8, "吴昊")):
        await take(page, step)
        await press(card(page, "待审批 · 开户"), "同意")
        await expect(card(page, f"{name} 已同意")).to_be_visible()
    await take(page, 9)
    await page.get_by_test_id("platform-wecom").click()
    await press(card(page, "待审批 · 开户"), "同意")
    await expect(card(page, "郑丽 已同意")).to_be_visible()
    await take(page, 10)
    await expect(card(page, "已通过")).to_contain_text("建立客户档案")
    await expect(page.locator(".lead")).to_contain_text("走完了")


async def test_a_limit_down_morning_is_watched_claimed_called_and_over(
    viewer: Viewer, room: Room
) -> None:
    page = await begin(viewer, "morning")
    await take(page, 1)
    await page.get_by_test_id("tool-market").click()
    await expect(page.locator(".playing")).to_contain_text("1/7")
    await page.get_by_test_id("scene-limit_down_day").click()  # nobody waits for all of it
    await expect(page.locator(".playing")).to_be_hidden()
    await page.get_by_test_id("tool-tour").click()
    await take(page, 2)
    called = card(page, "【追保】杭州营业部")
    await press(called, "认领全部")
    await expect(called.locator(".status")).to_have_text("处理中")
    await expect(called).to_contain_text("陈曦")
    await take(page, 3)
    await press(called, "1")
    case = card(page, "追保处理", "处理人")
    await press(case, "已电话")
    await press(card(page, "电话结果"), "承诺入金")
    await expect(case).to_contain_text("陈曦 已电话 «已通知，承诺入金»")
    await take(page, 4)  # 冯军 looks at the same card
    await expect(called.locator(".status")).to_have_text("处理中")
    await page.get_by_test_id("tool-market").click()
    await page.get_by_test_id("scene-quiet").click()
    await expect(page.locator("#toasts")).to_contain_text("回到昨结算")
    await minutes_pass(room, called.locator(".status"), "已解除")


async def test_a_rule_is_changed_by_two_and_taken_back_by_a_tap(viewer: Viewer) -> None:
    page = await begin(viewer, "rule")
    await take(page, 1)
    await expect(card(page, "追保线 100%")).to_be_visible()
    await take(page, 2)
    asked = card(page, "更改 1", "待确认")
    await expect(asked).to_contain_text("105%")
    await expect(asked.get_by_test_id("card-button").filter(has_text="确认")).to_have_count(0)
    await take(page, 3)
    await press(card(page, "更改 1"), "确认")
    await expect(card(page, "更改 1")).to_contain_text("已确认生效")
    await take(page, 4)
    await expect(card(page, "追保线 105%")).to_be_visible()
    await take(page, 5)
    await press(card(page, "已生效", "预警规则"), "回退到上一版")
    await expect(card(page, "更改 2", "待确认")).to_contain_text("100%")
    await take(page, 6)
    await press(card(page, "更改 2"), "确认")
    await expect(card(page, "更改 2")).to_contain_text("已确认生效")
    await take(page, 7)
    await expect(card(page, "陈曦 · 近 7 天")).to_contain_text("提出更改")


@pytest.mark.parametrize(("platform", "name"), [("dingtalk", "钉钉"), ("wecom", "企业微信")])
async def test_the_card_of_tasks_leads_to_the_page_of_all_by_the_platforms_login(
    viewer: Viewer, platform: str, name: str
) -> None:
    page = await viewer.open(f"{platform}/wangqiang/private")
    for line, title in ((f"待办 明天 用{name}补签合同", "已建待办"), ("待办", "条待办")):
        await page.get_by_test_id("composer").fill(line)
        await page.get_by_test_id("send").click()
        await expect(card(page, title)).to_be_visible()
    async with page.context.expect_page() as opened:
        await card(page, "条待办").get_by_role("link", name="查看详情").click()
    tab = await opened.value
    await tab.get_by_role("link", name=name, exact=True).click()
    await expect(tab).to_have_title(f"{name}登录")
    await tab.get_by_role("link", name="王强").click()
    await expect(tab.locator("body")).to_contain_text(f"用{name}补签合同")
    await expect(tab.get_by_role("button", name="退出")).to_be_visible()


async def test_on_a_phone_a_step_makes_way_for_the_chat(viewer: Viewer) -> None:
    page = await viewer.open(viewport={"width": 390, "height": 844}, has_touch=True)
    await page.get_by_test_id("story-rule").tap()
    await page.get_by_test_id("step-1").tap()
    await expect(page.locator(".panel")).to_be_hidden()
    await expect(page.get_by_test_id("composer")).to_be_visible()
    await expect(card(page, "追保线")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
