"""A margin alert as a piece of work, on DingTalk: from the market's fall to the last green card."""

import asyncio

import pytest

from tests.story.room import PATIENCE, Item, Room, fact, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")

DOWN, BACK = {"shock": {"rb": -0.05}}, {"shock": {"rb": 1 / 0.95 - 1}}


async def group_card(room: Room, word: str, branch: str = "杭州") -> Item:
    return await room.newest("chenxi", f"【{word}】{branch}", "g-risk")


async def shows(room: Room, person: str, item: Item, words: str, chat: str = "private") -> Item:
    """The same item once it holds these words."""
    found = await room.until(
        person,
        lambda items: [i for i in items if i["seq"] == item["seq"] and words in _all(i)],
        chat,
    )
    return found[0]


def _all(item: Item) -> str:
    card = item["card"] or {"title": "", "status": ""}
    return f"{item['text']} {card['title']} {card['status']}"


async def market_seen(room: Room) -> None:
    """Returns when the watch has looked at the newest prices."""
    version = room.service.book.version
    async with asyncio.timeout(PATIENCE):
        await room.service.book.changed(version + 1)
    await asyncio.sleep(0.5)


class TestGivenAFallOfSteel:
    async def test_when_it_comes_then_the_group_has_one_card_a_branch_and_level(
        self, room: Room
    ) -> None:
        await room.post("/sandbox/market", DOWN)
        card = await group_card(room, "追保")
        assert "认领全部" in labels(card)
        assert {"1", "2"} <= set(labels(card))
        assert "静默30分" in labels(card)
        forced = await group_card(room, "强平")
        assert "静默30分" not in labels(forced)
        assert "80010023" in forced["text"]
        titles = [i["card"]["title"] for i in await room.screen("chenxi", "g-risk") if i["card"]]
        assert len(titles) == len({title.split(" · ")[0] for title in titles})

    async def test_when_it_comes_then_the_manager_has_a_card_and_a_task(self, room: Room) -> None:
        card = await room.newest("wangqiang", "张三 80010023 · 强平处理")
        assert "我来处理" not in labels(card)
        assert "已电话" in labels(card)
        tasks = await room.ask("wangqiang", "待办 张三")
        assert "强平 80010023" in tasks["text"]

    async def test_when_a_head_or_manager_claims_then_it_is_refused(self, room: Room) -> None:
        forced = await group_card(room, "强平")
        await room.click("sunfang", forced, "认领全部")
        await room.newest_text("sunfang", "处理预警")

    async def test_when_two_claim_the_same_case_then_one_has_it_and_all_cards_tell(
        self, room: Room
    ) -> None:
        forced = await group_card(room, "强平")
        await room.click("fengjun", forced, "1")
        case = await room.newest("fengjun", "强平处理", "g-risk")
        assert fact(case, "权益")
        async with asyncio.TaskGroup() as both:
            for person in ("fengjun", "chenxi"):
                both.create_task(room.click(person, case, "我来处理"))
        now = await shows(room, "fengjun", case, "处理中", "g-risk")
        winner = fact(now, "处理人").split()[0]
        assert winner in ("冯军", "陈曦")
        await shows(room, "chenxi", forced, winner, "g-risk")
        told = await room.newest("wangqiang", "张三 80010023 · 强平处理")
        await shows(room, "wangqiang", told, winner)

    async def test_when_a_call_is_put_down_in_words_then_it_is_in_the_clients_file(
        self, room: Room
    ) -> None:
        told = await room.newest("wangqiang", "张三 80010023 · 强平处理")
        await room.click("wangqiang", told, "已电话")
        await room.newest("wangqiang", "张三 · 电话结果？")
        await room.say("wangqiang", "已通知，两点前入金五万", count=0)
        await shows(room, "wangqiang", told, "«已通知，两点前入金五万»")
        records = await room.ask("wangqiang", "记录 张三")
        assert "已通知，两点前入金五万" in records["text"]

    async def test_when_the_desk_asks_why_then_the_ledger_tells(self, room: Room) -> None:
        card = await room.ask("chenxi", "/为什么 80010023")
        assert "为什么 · 张三 80010023" in card["card"]["title"]
        assert "触发 强平" in card["text"]
        assert "钉钉 群 已送达平台" in card["text"]
        assert "王强" in card["text"]
        assert "阶梯（出厂值）" in card["text"]

    async def test_when_calls_are_listed_then_a_number_opens_a_case(self, room: Room) -> None:
        listed = await room.ask("chenxi", "追保 今日")
        assert "今日追保" in listed["card"]["title"]
        opened = await room.ask("chenxi", "1")
        assert "强平处理" in opened["card"]["title"]
        mine = await room.ask("wangqiang", "追保")
        assert len(labels(mine)) < len(labels(listed))

    async def test_when_a_case_is_worked_in_words_then_numbers_press_its_buttons(
        self, room: Room
    ) -> None:
        await room.ask("fengjun", "追保")
        case = await room.ask("fengjun", "3")
        assert "也可回复序号" in case["text"]
        assert labels(case)[:2] == ["我来处理", "已电话"]
        await room.ask("fengjun", "1")
        await shows(room, "fengjun", case, "处理中")
        await room.ask("fengjun", "追保 张三")
        question = await room.ask("fengjun", "1")
        assert "电话结果" in question["card"]["title"]
        await room.say("fengjun", "3", count=0)
        await shows(room, "fengjun", case, "处理中")

    async def test_when_a_case_is_handed_on_then_the_colleague_has_the_card(
        self, room: Room
    ) -> None:
        card = await group_card(room, "追保", "上海")
        await room.click("chenxi", card, "认领全部")
        await shows(room, "chenxi", card, "处理中", "g-risk")
        await room.click("chenxi", card, "1")
        case = await room.newest("chenxi", "追保处理", "g-risk")
        await room.click("chenxi", case, "转交")
        question = await room.newest("chenxi", "转交给谁？", "g-risk")
        await room.click("chenxi", question, "冯军")
        title = case["card"]["title"]
        handed = await room.newest("fengjun", title)
        assert "冯军" in fact(handed, "处理人")

    async def test_when_the_board_is_asked_for_then_there_is_a_picture(self, room: Room) -> None:
        picture, card = await room.say("chenxi", "风险榜", count=2)
        assert picture["kind"] == "image"
        assert "风险榜 · 前 20 户" in card["card"]["title"]
        assert "这里列前 10 户，其余见图" in str(card["card"])

    async def test_when_forced_closing_is_to_be_silenced_then_it_is_refused(
        self, room: Room
    ) -> None:
        card = await group_card(room, "追保")
        await room.click("chenxi", card, "静默30分")
        await shows(room, "chenxi", card, "静默至", "g-risk")

    async def test_when_nobody_claims_for_five_minutes_then_the_one_on_duty_is_rung(
        self, room: Room
    ) -> None:
        await room.advance("6m")
        [ring, *more] = await room.until(
            "chenxi", lambda items: [i for i in items if i["kind"] == "call"]
        )
        assert more == []
        assert "强平" in ring["text"]
        assert "无人认领" in ring["text"]

    async def test_when_nobody_claims_for_ten_then_the_head_is_rung(self, room: Room) -> None:
        await room.advance("5m")
        [ring] = await room.until(
            "qianwei", lambda items: [i for i in items if i["kind"] == "call"]
        )
        assert "请督促风控岗处理" in ring["text"]

    async def test_when_it_is_claimed_in_words_then_the_cards_tell(self, room: Room) -> None:
        listed = await room.ask("chenxi", "追保")
        account = next(line.split()[2] for line in listed["text"].splitlines() if "待认领" in line)
        case = await room.ask("chenxi", f"认领 {account}")
        assert fact(case, "处理人").startswith("陈曦")
        refused = await room.ask("fengjun", f"认领 {account}")
        assert "已由 陈曦 在" in refused["text"]
        nobody = await room.ask("fengjun", "认领 查无此人")
        assert "没有「查无此人」的未解除预警" in nobody["text"]
        manager = await room.ask("wangqiang", f"认领 {account}")
        assert "权限" in manager["text"]
        await room.click("fengjun", await room.ask("fengjun", f"追保 {account}"), "转交")
        await room.newest_text("fengjun", "由 陈曦 处理，请由本人转交")

    async def test_when_the_calls_of_somebody_unknown_are_asked_for_then_nobody_elses_are_shown(
        self, room: Room
    ) -> None:
        item = await room.ask("zhaolei", "追保 张三")
        assert "没有找到客户「张三」" in item["text"]

    async def test_when_prices_come_back_then_everything_is_resolved_and_says_so(
        self, room: Room
    ) -> None:
        forced = await group_card(room, "强平")
        told = await room.newest("wangqiang", "张三 80010023 · 强平处理")
        listed = await room.ask("wangqiang", "待办 张三")
        number = next(r[0] for r in listed["card"]["rows"] if "强平 80010023" in " ".join(r))
        todo = await room.ask("wangqiang", str(number))
        await room.post("/sandbox/market", BACK)
        await market_seen(room)
        await room.advance("2m")
        now = await shows(room, "chenxi", forced, "户已解除", "g-risk")
        assert labels(now) == []
        assert now["card"]["status"] == "已解除"
        told = await shows(room, "wangqiang", told, "已解除")
        assert told["card"]["status"] == "已解除"
        todo = await shows(room, "wangqiang", todo, "已解除 · 无需处理")
        assert labels(todo) == []
        audit = await room.ask("linlan", "/审计 张三")
        assert "解除待办" in audit["text"]
        assert "完成待办" not in audit["text"]
        tasks = await room.ask("wangqiang", "待办 张三")
        assert "强平 80010023" not in tasks["text"]
        assert "未解除" in (await room.ask("chenxi", "追保"))["card"]["title"]
