"""The page before a stand-in for the sandbox: what a person sees, types, clicks and drops."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser import scenes
from tests.browser.conftest import Viewer
from tests.browser.stand_in import StandIn

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
WANGQIANG = "dingtalk/wangqiang/private"


async def say(page: Page, line: str) -> None:
    await page.get_by_test_id("composer").fill(line)
    await page.get_by_test_id("send").click()


def card(page: Page, id_: str) -> Locator:
    return page.locator(f'[data-testid="card"][data-card="{id_}"]')


# The first screen.


async def test_one_chooses_a_person_and_lands_in_his_chat_with_the_bot(viewer: Viewer) -> None:
    page = await viewer.open()
    await page.get_by_test_id("person-wangqiang").click()
    await expect(page.get_by_test_id("chat-private")).to_have_attribute("aria-current", "page")
    await expect(page.get_by_test_id("chat-g-hz")).to_be_visible()
    await expect(page.get_by_test_id("composer")).to_be_visible()


async def test_the_first_screen_says_three_sentences_and_offers_all_people_and_five_lines(
    viewer: Viewer,
) -> None:
    page = await viewer.open()
    await expect(page.locator(".intro p")).to_have_count(3)
    await expect(page.get_by_test_id("try-line")).to_have_count(5)
    await expect(page.locator('[data-testid^="person-"]')).to_have_count(17)


async def test_a_line_to_try_is_said_by_the_person_whose_job_it_is(
    viewer: Viewer, sandbox: StandIn
) -> None:
    page = await viewer.open()
    await page.get_by_test_id("try-line").first.click()
    await expect(card(page, "found")).to_be_visible()
    assert [(said["person"], said["text"]) for said in sandbox.said] == [("wangqiang", "zs")]


async def test_a_program_that_the_sandbox_lacks_cannot_be_chosen(viewer: Viewer) -> None:
    page = await viewer.open(WANGQIANG)
    await expect(page.get_by_test_id("platform-dingtalk")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_test_id("platform-wecom")).to_be_disabled()


async def test_a_reload_returns_to_the_same_chat(viewer: Viewer) -> None:
    page = await viewer.open()
    await page.get_by_test_id("person-wangqiang").click()
    await page.get_by_test_id("chat-g-hz").click()
    await expect(page.locator(".chat-title h2")).to_have_text("杭州营业部")
    await page.reload()
    await expect(page.locator(".chat-title h2")).to_have_text("杭州营业部")


# Saying things.


async def test_a_sent_line_is_answered_in_the_chat(viewer: Viewer, sandbox: StandIn) -> None:
    page = await viewer.open(WANGQIANG)
    await say(page, "zs")
    await expect(page.locator(".message.mine .bubble")).to_have_text(["zs"])
    await expect(card(page, "found")).to_contain_text("张思远")
    await expect(page.get_by_test_id("composer")).to_have_value("")
    assert sandbox.said[0] == {
        "platform": "dingtalk",
        "person": "wangqiang",
        "chat": "private",
        "text": "zs",
        "mention": True,
        "kind": "text",
    }


async def test_enter_sends_and_shift_enter_breaks_the_line(
    viewer: Viewer, sandbox: StandIn
) -> None:
    page = await viewer.open(WANGQIANG)
    composer = page.get_by_test_id("composer")
    await composer.press_sequentially("一")
    await composer.press("Shift+Enter")
    await composer.press_sequentially("二")
    await composer.press("Enter")
    await expect(page.locator(".message.mine .bubble")).to_have_text(["一\n二"])
    assert sandbox.said[0]["text"] == "一\n二"


async def test_a_line_that_nobody_takes_stays_and_can_be_sent_again(
    viewer: Viewer, sandbox: StandIn
) -> None:
    viewer.excused.append("503")
    sandbox.connected = False
    page = await viewer.open(WANGQIANG)
    await expect(page.locator(".offline")).to_be_visible()
    await say(page, "zs")
    await expect(page.locator(".failed .bubble")).to_have_text("zs")
    await expect(page.locator("#toasts")).to_contain_text("没有连上")
    sandbox.connected = True
    sandbox.tell("connected", "", {"connected": True})
    await expect(page.locator(".offline")).to_be_hidden()
    await page.locator(".retry").click()
    await expect(card(page, "found")).to_be_visible()
    await expect(page.locator(".failed")).to_have_count(0)
    assert len(sandbox.said) == 1


async def test_a_voice_text_is_sent_as_voice(viewer: Viewer, sandbox: StandIn) -> None:
    page = await viewer.open(WANGQIANG)
    await page.get_by_role("button", name="语音").click()
    await say(page, "记 张三 电话")
    await expect(card(page, "log-1")).to_be_visible()
    assert sandbox.said[0]["kind"] == "voice"


async def test_in_a_group_the_bot_answers_only_when_it_is_mentioned(
    viewer: Viewer, sandbox: StandIn
) -> None:
    page = await viewer.open("dingtalk/wangqiang/g-hz")
    mention = page.get_by_role("button", name="@期台")
    await expect(mention).to_have_attribute("aria-pressed", "true")
    await mention.click()
    await say(page, "大家好")
    await expect(page.locator(".message.mine .bubble")).to_have_text(["大家好"])
    await mention.click()
    await say(page, "zs")
    await expect(card(page, "found")).to_be_visible()
    assert [said["mention"] for said in sandbox.said] == [False, True]
    await expect(page.locator('.message[data-from="bot"]')).to_have_count(1)


async def test_an_uploaded_picture_is_shown_and_opens_large(
    viewer: Viewer, sandbox: StandIn, tmp_path: Path
) -> None:
    picture = tmp_path / "身份证.svg"
    picture.write_bytes(scenes.CURVE)
    page = await viewer.open(WANGQIANG)
    await page.get_by_test_id("upload").set_input_files(picture)
    await page.locator(".photo button").click()
    await expect(page.locator("dialog.viewer img")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    assert sandbox.uploaded == ["身份证.svg"]


async def test_an_uploaded_file_can_be_downloaded(viewer: Viewer, tmp_path: Path) -> None:
    sheet = tmp_path / "名单.xlsx"
    sheet.write_bytes(b"PK rows")
    page = await viewer.open(WANGQIANG)
    await page.get_by_test_id("upload").set_input_files(sheet)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="下载 名单.xlsx").click()
    saved = await download.value
    assert saved.suggested_filename == "名单.xlsx"
    assert (await saved.path()).read_bytes() == b"PK rows"


async def test_dropped_and_pasted_files_are_uploaded(viewer: Viewer, sandbox: StandIn) -> None:
    page = await viewer.open(WANGQIANG)
    await expect(page.get_by_test_id("composer")).to_be_visible()
    await page.evaluate(
        """() => {
          const carry = (name) => {
            const data = new DataTransfer();
            data.items.add(new File(["x"], name, { type: "text/plain" }));
            return data;
          };
          const drop = { dataTransfer: carry("drop.txt"), bubbles: true, cancelable: true };
          document.querySelector(".messages").dispatchEvent(new DragEvent("drop", drop));
          const paste = { clipboardData: carry("paste.txt"), bubbles: true, cancelable: true };
          document.querySelector("textarea").dispatchEvent(new ClipboardEvent("paste", paste));
        }"""
    )
    await expect(page.locator(".message.mine .file-name")).to_have_count(2)
    assert sorted(sandbox.uploaded) == ["drop.txt", "paste.txt"]


# Cards.


async def test_a_click_shows_that_it_is_under_way_and_then_the_new_card_in_place(
    viewer: Viewer, sandbox: StandIn
) -> None:
    sandbox.show("private", "chenxi", **scenes.call_of_one())
    sandbox.hold_clicks()
    page = await viewer.open("dingtalk/chenxi/private")
    own = page.get_by_test_id("card-button").filter(has_text="我来处理")
    await own.click()
    await expect(own).to_have_attribute("aria-busy", "true")
    await expect(page.get_by_test_id("card-button").filter(has_text="已电话")).to_be_disabled()
    sandbox.let_clicks_go()
    card = page.get_by_test_id("card")
    await expect(card.locator(".status")).to_have_text("处理中")
    await expect(card).to_have_attribute("data-version", "2")
    await expect(card).to_have_count(1)
    await expect(page.get_by_test_id("card-button")).to_have_count(0)
    assert sandbox.clicked == [
        {
            "platform": "dingtalk",
            "person": "chenxi",
            "card": "alert-1",
            "action": "own",
            "version": 1,
            "inputs": {},
        }
    ]


async def test_a_failed_click_says_so_and_can_be_pressed_again(
    viewer: Viewer, sandbox: StandIn
) -> None:
    sandbox.show("private", "chenxi", **scenes.call_of_one())
    sandbox.click_answer = {"ok": True, "answer": "failed", "toast": "期台没有及时回应"}
    page = await viewer.open("dingtalk/chenxi/private")
    own = page.get_by_test_id("card-button").filter(has_text="我来处理")
    await own.click()
    await expect(page.locator("#toasts")).to_contain_text("期台没有及时回应")
    await expect(own).to_be_enabled()


async def test_what_wecom_adds_to_a_card_misleads_nobody(viewer: Viewer, sandbox: StandIn) -> None:
    sandbox.show("private", "wangqiang", **scenes.found_on_wecom())
    page = await viewer.open(WANGQIANG)
    shown = card(page, "wecom")
    await expect(shown.locator(".card-menu")).to_have_text("右上角菜单下一页")
    await expect(shown.get_by_test_id("card-button")).to_have_text(["1", "下一页"])
    await expect(shown.locator(".status, .card-foot")).to_have_count(0)
    await expect(page.get_by_test_id("chat-private")).to_contain_text("[卡片] 张* · 80****23")


async def test_a_dangerous_button_asks_first(viewer: Viewer, sandbox: StandIn) -> None:
    sandbox.show("private", "wangqiang", **scenes.logged())
    page = await viewer.open(WANGQIANG)
    undo = page.get_by_test_id("card-button").filter(has_text="撤销")
    await undo.click()
    await page.get_by_role("dialog").get_by_role("button", name="取消").click()
    assert sandbox.clicked == []
    await undo.click()
    await page.get_by_role("dialog").get_by_role("button", name="撤销").click()
    await expect(page.locator(".status")).to_have_text("已撤销")
    assert len(sandbox.clicked) == 1


async def test_inputs_travel_with_the_click_and_a_required_one_is_asked_for(
    viewer: Viewer, sandbox: StandIn
) -> None:
    sandbox.show("private", "sunfang", **scenes.approval())
    page = await viewer.open("dingtalk/sunfang/private")
    approve = page.get_by_test_id("card-button").filter(has_text="同意")
    await approve.click()
    await expect(page.get_by_role("alert").filter(has_text="请填写意见")).to_be_visible()
    assert sandbox.clicked == []
    await page.get_by_label("意见").fill("资料齐全")
    await page.get_by_label("类别").select_option("age")
    await page.get_by_label("身份证").check()
    await page.get_by_label("银行卡").check()
    await page.get_by_label("回访日").fill("2026-12-01")
    await approve.click()
    await expect(page.locator(".status")).to_have_text("已同意")
    assert sandbox.clicked[0]["inputs"] == {
        "comment": "资料齐全",
        "reason": "age",
        "items": ["id", "bank"],
        "visit": "2026-12-01",
    }


async def test_what_is_chosen_beforehand_is_checked_and_travels_with_the_click(
    viewer: Viewer, sandbox: StandIn
) -> None:
    options = [{"value": value, "label": f"选项{value}"} for value in "abc"]
    several = {"key": "kinds", "label": "品种", "kind": "multi_select", "required": False}
    several |= {"value": "a,c", "placeholder": "", "options": options}
    asked = scenes.card("ask", "选一选", inputs=[several], buttons=[scenes.button("ok", "确定")])
    sandbox.show("private", "wangqiang", **asked)
    page = await viewer.open(WANGQIANG)
    await expect(page.get_by_label("选项a")).to_be_checked()
    await expect(page.get_by_label("选项b")).not_to_be_checked()
    await page.get_by_label("选项c").uncheck()
    await page.get_by_test_id("card-button").click()
    await expect(page.get_by_test_id("card-button")).to_be_enabled()
    assert sandbox.clicked[0]["inputs"] == {"kinds": ["a"]}


async def test_what_is_typed_in_a_card_outlives_its_update(
    viewer: Viewer, sandbox: StandIn
) -> None:
    item = sandbox.show("private", "sunfang", **scenes.approval())
    page = await viewer.open("dingtalk/sunfang/private")
    comment = page.get_by_label("意见")
    await comment.press_sequentially("资料")
    sandbox.change(
        "private",
        "sunfang",
        item["seq"],
        card=item["card"] | {"footer": "吴昊也在看", "version": 2},
    )
    await expect(page.locator(".card-foot")).to_have_text("吴昊也在看")
    await expect(comment).to_be_focused()
    await comment.press_sequentially("齐全")
    await expect(comment).to_have_value("资料齐全")


async def test_a_level_is_a_word_beside_its_colour_and_moves_are_red_and_green(
    viewer: Viewer, sandbox: StandIn
) -> None:
    sandbox.show("private", "wangqiang", **scenes.client())
    sandbox.show("private", "wangqiang", **scenes.positions())
    page = await viewer.open(WANGQIANG)
    await expect(card(page, "client-17")).to_have_attribute("data-tone", "amber")
    await expect(page.locator(".status")).to_have_text("警示")
    await expect(page.locator(".rise").first).to_have_text("▲5.2")
    await expect(page.locator(".fall")).to_have_text("▼0.7%")
    await expect(page.get_by_role("button", name="开通权限")).to_be_disabled()


async def test_hostile_names_and_notes_stay_text(viewer: Viewer, sandbox: StandIn) -> None:
    bad = '<img src=x onerror="alert(1)"><script>alert(2)</script>[x](javascript:alert(3))'
    sandbox.show("private", "wangqiang", text=bad)
    sandbox.show(
        "private", "wangqiang", kind="markdown", text=f"**{bad}** ![p](https://a.example/x.png)"
    )
    sandbox.show("private", "wangqiang", **scenes.card("bad", bad, fields=scenes.facts((bad, bad))))
    page = await viewer.open(WANGQIANG)
    await expect(card(page, "bad").locator("h3")).to_have_text(bad)
    log = page.get_by_role("log")
    await expect(log.locator("img[src='x'], script, a[href^='javascript']")).to_have_count(0)
    await expect(log.locator("img[src*='a.example']")).to_have_count(0)


async def test_markdown_is_drawn_and_a_command_link_speaks(
    viewer: Viewer, sandbox: StandIn
) -> None:
    text = (
        "### 持仓\n\n> 引用 **粗** *斜*\n\n- 一\n- 二\n\n"
        "第一行  \n第二行\n同一行 \\*不是斜体\\*\n\n"
        "[查张三](dtmd://dingtalkclient/sendMessage?content=%E6%9F%A5%20%E5%BC%A0%E4%B8%89)"
    )
    sandbox.show("private", "wangqiang", kind="markdown", text=text)
    page = await viewer.open(WANGQIANG)
    body = page.locator(".markdown")
    await expect(body.get_by_role("heading")).to_have_text("持仓")
    await expect(body.locator("blockquote strong")).to_have_text("粗")
    await expect(body.locator("li")).to_have_text(["一", "二"])
    await expect(body.locator("p").nth(1)).to_have_text("第一行第二行 同一行 *不是斜体*")
    await expect(body.locator("p br")).to_have_count(1)
    await body.get_by_role("button", name="查张三").click()
    await expect(page.locator(".message.mine .bubble")).to_have_text(["查 张三"])
    assert sandbox.said[0]["text"] == "查 张三"


async def test_calls_texts_and_dings_look_unlike_messages(viewer: Viewer, sandbox: StandIn) -> None:
    scenes.alarm(sandbox)
    page = await viewer.open("dingtalk/chenxi/private")
    for sign, word in (("sms", "短信"), ("phone", "电话"), ("ding", "DING")):
        await expect(page.locator(f".notice.{sign} strong")).to_have_text(word)


# News and unread marks.


async def test_what_arrives_elsewhere_is_marked_unread_until_it_is_opened(
    viewer: Viewer, sandbox: StandIn
) -> None:
    page = await viewer.open("dingtalk/chenxi/private")
    group = page.get_by_test_id("chat-g-risk")
    await expect(group).to_have_attribute("data-unread", "0")
    sandbox.show("g-risk", "", **scenes.margin_call())
    await expect(group.locator(".badge")).to_have_text("1")
    await expect(page).to_have_title(re.compile(r"^\(1\)"))
    await group.click()
    await expect(page.locator(".separator.new")).to_be_visible()
    await expect(group.locator(".badge")).to_have_count(0)
    assert sandbox.marks["g-risk", "chenxi"] > 0


async def test_two_pages_are_two_persons(viewer: Viewer) -> None:
    wang = await viewer.open("dingtalk/wangqiang/g-hz")
    sun = await viewer.open("dingtalk/sunfang/g-hz")
    await expect(sun.get_by_test_id("composer")).to_be_visible()
    await wang.get_by_role("button", name="@期台").click()
    await say(wang, "孙总，看下张三")
    await expect(sun.locator('.message[data-from="wangqiang"]')).to_contain_text("孙总，看下张三")
    await expect(sun.locator('.message[data-from="wangqiang"] .by')).to_have_text("王强")


async def test_a_lost_stream_is_taken_up_again_with_what_was_missed(
    viewer: Viewer, sandbox: StandIn
) -> None:
    viewer.excused.append("ERR_INCOMPLETE_CHUNKED_ENCODING")
    page = await viewer.open(WANGQIANG)
    await expect(page.get_by_test_id("composer")).to_be_visible()
    sandbox.hang_up()
    sandbox.show("private", "wangqiang", text="断线时的消息")
    await expect(page.get_by_text("断线时的消息").first).to_be_visible()
    sandbox.show("private", "wangqiang", text="接上后的消息")
    await expect(page.locator(".bubble").last).to_have_text("接上后的消息")


async def test_a_recalled_message_leaves_the_screen(viewer: Viewer, sandbox: StandIn) -> None:
    sandbox.show("private", "wangqiang", text="留下")
    gone = sandbox.show("private", "wangqiang", text="撤回")
    page = await viewer.open(WANGQIANG)
    await expect(page.locator(".bubble")).to_have_count(2)
    sandbox.recall("private", "wangqiang", gone["seq"])
    await expect(page.locator(".bubble")).to_have_text(["留下"])


async def test_two_thousand_messages_draw_a_window_and_the_rest_on_the_way_up(
    viewer: Viewer, sandbox: StandIn
) -> None:
    for n in range(2000):
        sandbox.show("private", "wangqiang", text=f"第{n}条", at=scenes.NOW + timedelta(seconds=n))
    page = await viewer.open(WANGQIANG)
    await expect(page.locator(".bubble").last).to_have_text("第1999条")
    assert await page.locator(".bubble").count() == 60
    top = page.get_by_text("第1940条", exact=True)
    await page.locator(".messages").evaluate("list => list.scrollTo(0, 0)")
    await expect(page.get_by_text("第1880条", exact=True)).to_be_attached()
    await expect(top).to_be_in_viewport()
    assert await page.locator(".bubble").count() < 300


async def test_a_reader_further_up_is_not_moved_by_what_arrives(
    viewer: Viewer, sandbox: StandIn
) -> None:
    for n in range(50):
        sandbox.show("private", "wangqiang", text=f"第{n}条")
    page = await viewer.open(WANGQIANG)
    await expect(page.locator(".bubble").last).to_have_text("第49条")
    messages = page.locator(".messages")
    await messages.hover()
    await page.mouse.wheel(0, -600)
    reading = page.get_by_text("第40条", exact=True)
    await expect(page.get_by_text("第35条", exact=True)).to_be_in_viewport()
    before = await reading.bounding_box()
    sandbox.show("private", "wangqiang", text="新的")
    await expect(page.locator(".jump")).to_have_text("1 条新消息")
    assert await reading.bounding_box() == before
    await page.locator(".jump").click()
    await expect(page.locator(".bubble").last).to_be_in_viewport()


async def test_a_change_far_up_is_drawn_even_when_it_comes_in_a_burst(
    viewer: Viewer, sandbox: StandIn
) -> None:
    first = sandbox.show("g-risk", "", **scenes.call_of_one())
    for n in range(40):
        sandbox.show("g-risk", "", text=f"第{n}条")
    page = await viewer.open("dingtalk/chenxi/g-risk")
    await expect(page.locator(".bubble").last).to_have_text("第39条")
    done = scenes.pressed(first["card"], "own")
    sandbox.change("g-risk", "", first["seq"], card=done)
    sandbox.show("g-risk", "", text="最后")
    await expect(page.locator(".bubble").last).to_have_text("最后")
    await expect(page.locator(".status")).to_have_text("处理中")


# Groups.


async def test_in_a_busy_group_an_answer_shows_whose_question_it_answers(
    viewer: Viewer, sandbox: StandIn
) -> None:
    for who, line, message in (("wangqiang", "持仓 张三", "m1"), ("limin", "陈静", "m2")):
        sandbox.show("g-hz", "", **{"from": who}, text=f"@期台 {line}", message_id=message)
    sandbox.show("g-hz", "", text="张三的", reply_to="m1", message_id="a1")
    sandbox.show("g-hz", "", text="还是张三的", reply_to="m1", message_id="a2")
    sandbox.show("g-hz", "", text="陈静的", reply_to="m2", message_id="a3")
    page = await viewer.open("dingtalk/sunfang/g-hz")
    answers = page.locator('.message[data-from="bot"]')
    await expect(answers.nth(0).locator(".quote")).to_have_text("王强：持仓 张三")
    await expect(answers.nth(1).locator(".quote")).to_have_count(0)
    await expect(answers.nth(2).locator(".quote")).to_have_text("李敏：陈静")


async def test_an_answer_right_below_its_question_quotes_nothing(
    viewer: Viewer, sandbox: StandIn
) -> None:
    sandbox.show("g-hz", "", **{"from": "limin"}, text="@期台 陈静", message_id="m1")
    sandbox.show("g-hz", "", text="陈静的", reply_to="m1", message_id="a1")
    page = await viewer.open("dingtalk/sunfang/g-hz")
    await expect(page.locator(".bubble")).to_have_text(["@期台 陈静", "陈静的"])
    await expect(page.locator(".quote")).to_have_count(0)


# The tools.


async def test_the_tools_move_the_market_and_the_clock_and_break_things(
    viewer: Viewer, sandbox: StandIn
) -> None:
    page = await viewer.open("dingtalk/fengjun/g-risk")
    await page.get_by_test_id("tools").first.click()
    await page.get_by_test_id("shock-rb--5").click()
    await expect(page.locator("#toasts")).to_contain_text("螺纹钢 −5%")
    await page.get_by_label("价格").fill("3010")
    await page.get_by_role("button", name="定价").click()
    await expect(page.locator("#toasts")).to_contain_text("rb2701 现价 3010")
    await page.get_by_test_id("tool-clock").click()
    await page.get_by_test_id("advance-2h").click()
    await expect(page.locator(".clock-face")).to_contain_text("16:3")
    await page.get_by_test_id("tool-fault").click()
    await page.get_by_test_id("fault-duplicate").click()
    await expect(page.locator(".fault-now")).to_contain_text("重复推送")
    await page.get_by_role("button", name="全部清除").click()
    await expect(page.locator(".fault-now")).to_have_count(0)
    assert sandbox.asked == [
        {"shock": {"rb": -0.05}},
        {"set": {"rb2701": 3010}},
        {"advance": "2h"},
    ]


async def test_the_board_follows_the_market_and_chooses_what_to_move(
    viewer: Viewer, sandbox: StandIn
) -> None:
    page = await viewer.open("dingtalk/fengjun/g-risk")
    await page.get_by_test_id("tools").first.click()
    steel, ore = page.get_by_test_id("quote-rb2701"), page.get_by_test_id("quote-i2701")
    await expect(steel).to_have_text("螺纹钢rb27013120▼0.35%")
    await expect(steel.locator(".fall")).to_have_text("▼0.35%")
    await expect(ore.locator(".rise")).to_have_text("▲0.51%")
    await expect(page.get_by_test_id("quote-m2701-C-3000")).to_have_count(0)
    sandbox.prices["rb2701"] |= {"last": "3150", "change": "0.0061"}
    await expect(steel.locator(".rise")).to_have_text("▲0.61%")
    await ore.click()
    await expect(page.locator(".chosen")).to_contain_text("铁矿石")
    await page.get_by_test_id("shock-i--2").click()
    await page.get_by_test_id("market-pause").click()
    await expect(page.get_by_test_id("market-go")).to_be_visible()
    await page.get_by_test_id("scene-limit_down_day").click()
    await expect(page.locator("#toasts")).to_contain_text("跌停")
    assert sandbox.asked == [
        {"shock": {"i": -0.02}},
        {"pause": True},
        {"name": "limit_down_day"},
    ]


async def test_the_wire_shows_frames_as_they_pass(viewer: Viewer) -> None:
    page = await viewer.open(WANGQIANG)
    await page.get_by_test_id("tools").first.click()
    await page.get_by_test_id("tool-wire").click()
    await say(page, "zs")
    frame = page.locator(".frame").filter(has_text="/v1.0/im/bot/messages/get")
    await frame.locator("summary").click()
    await expect(frame.locator("pre")).to_contain_text('"text": "zs"')


# How it looks.


async def test_dark_follows_the_system_and_the_switch_overrides_it(viewer: Viewer) -> None:
    page = await viewer.open(WANGQIANG, color_scheme="dark")
    await expect(page.get_by_test_id("composer")).to_be_visible()
    paper = "getComputedStyle(document.querySelector('.side')).backgroundColor"
    dark = await page.evaluate(paper)
    await page.get_by_test_id("theme").click()
    light = await page.evaluate(paper)
    assert brightness(dark) < 60 < 200 < brightness(light)
    await page.reload()
    await expect(page.get_by_test_id("composer")).to_be_visible()
    assert await page.evaluate(paper) == light


def brightness(colour: str) -> float:
    return sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / 3


@pytest.mark.parametrize("place", ["", "dingtalk/chenxi", "dingtalk/chenxi/g-risk", WANGQIANG])
async def test_a_narrow_phone_never_scrolls_sideways(
    viewer: Viewer, sandbox: StandIn, place: str
) -> None:
    scenes.morning(sandbox)
    scenes.alarm(sandbox)
    sandbox.show("g-risk", "", text="x" * 300)
    page = await viewer.open(place, **PHONE)
    ready = {0: "person-wangqiang", 1: "chat-g-risk", 2: "composer"}[place.count("/")]
    await expect(page.get_by_test_id(ready)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    lists = page.locator(".messages")
    if await lists.count():
        assert await lists.evaluate("list => list.scrollWidth - list.clientWidth") == 0


async def test_on_a_phone_a_button_of_two_characters_is_one_line(
    viewer: Viewer, sandbox: StandIn
) -> None:
    sandbox.show("private", "chenxi", **scenes.logged())
    page = await viewer.open("dingtalk/chenxi/private", **PHONE)
    undo = page.get_by_test_id("card-button").filter(has_text="撤销")
    await expect(undo).to_be_visible()
    words = "button => { const all = document.createRange(); all.selectNodeContents(button);"
    assert await undo.evaluate(f"{words} return all.getClientRects().length }}") == 1


async def test_on_a_phone_list_and_chat_are_two_screens(viewer: Viewer, sandbox: StandIn) -> None:
    scenes.alarm(sandbox)
    page = await viewer.open("dingtalk/chenxi", **PHONE)
    await expect(page.get_by_test_id("composer")).to_have_count(0)
    await page.get_by_test_id("chat-g-risk").tap()
    await expect(page.get_by_test_id("composer")).to_be_visible()
    await expect(page.get_by_test_id("chat-private")).to_be_hidden()
    await page.get_by_role("link", name="返回会话列表").tap()
    await expect(page.get_by_test_id("chat-private")).to_be_visible()


async def test_every_control_has_a_name_and_buttons_are_buttons(
    viewer: Viewer, sandbox: StandIn
) -> None:
    scenes.morning(sandbox)
    page = await viewer.open(WANGQIANG)
    await page.get_by_test_id("tools").first.click()
    await expect(page.get_by_test_id("card").first).to_be_visible()
    nameless = await page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, textarea")]
          .filter((node) => node.checkVisibility() && !(node.ariaLabel || node.textContent.trim()
            || node.labels?.[0]?.textContent.trim() || node.title))
          .map((node) => node.outerHTML)"""
    )
    assert nameless == []
    assert await page.locator("div[onclick], span[onclick]").count() == 0
