"""开户 from the first line to the client's file: filled in, decided, returned, handed on, late."""

import asyncio
import io
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image
from sqlalchemy import select

from approvals import cases
from approvals.models import Application, ApplicationEvent, Deed, Stage
from bot.chat.message import Ask, AskKind, Chat, Click, Place
from bot.chat.raw import raw_of
from crm.models import Client, Task
from tests.story.room import PATIENCE, Item, Room, fact, labels

pytestmark = pytest.mark.asyncio(loop_scope="module")
WECOM = True

ID_NUMBER = "110101199003079972"
CARD = "6222626541886102160"
PAPERS = ("身份证正面.jpg", "身份证反面.jpg", "银行卡照片.jpg")


def photograph() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((1011, 638), 16).save(file, "JPEG", quality=50)
    return file.getvalue()


async def screen(room: Room, platform: str, person: str) -> list[Item]:
    query = {"platform": platform, "person": person, "chat": "private"}
    async with room.http.get(f"{room.url}/sandbox/seen", params=query) as answer:
        found: list[Item] = await answer.json()
        return found


async def card_on(room: Room, platform: str, person: str, card: str) -> Item:
    return next(i for i in await screen(room, platform, person) if _id(i) == card)


async def shows(room: Room, platform: str, person: str, card: str, words: str) -> Item:
    """The card, once these words are on it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            item = await card_on(room, platform, person, card)
            if words in item["text"] or words in item["card"]["status"]:
                return item
            await asyncio.sleep(0.02)


async def tells(room: Room, platform: str, person: str, words: str) -> Item:
    """The newest thing on the screen with these words, once it is there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [i for i in await screen(room, platform, person) if words in i["text"]]
            if found:
                return found[-1]
            await asyncio.sleep(0.02)


def _id(item: Item) -> str:
    return item["card"]["id"] if item["card"] else ""


async def none_asks(room: Room, platform: str, person: str, title: str) -> None:
    """Returns once no card with this title has a button any more."""
    async with asyncio.timeout(PATIENCE):
        while True:
            cards = [i for i in await screen(room, platform, person) if i["card"]]
            found = [i for i in cards if title in i["card"]["title"]]
            if found and not any(labels(item) for item in found):
                return
            await asyncio.sleep(0.02)


async def say_on_wecom(room: Room, person: str, text: str) -> None:
    body = {"platform": "wecom", "person": person, "chat": "private", "text": text}
    await room.post("/sandbox/say", body)


async def press(
    room: Room, platform: str, person: str, card: str, label: str, **inputs: str
) -> dict[str, Any]:
    item = await card_on(room, platform, person, card)
    key = next(b["key"] for b in item["card"]["buttons"] if b["label"] == label)
    return await room.post(
        "/sandbox/click",
        {"platform": platform, "person": person, "card": card, "action": key, "inputs": inputs},
    )


async def scene(room: Room, *approvers: str) -> dict[str, Any]:
    """One complete application before these people."""
    body = {"name": "approval", "count": 1, "approvers": list(approvers)}
    staged = await room.post("/sandbox/scene", body)
    application: dict[str, Any] = staged["applications"][0]
    return application


def card_of(application: dict[str, Any], person: str, platform: str = "dingtalk") -> str:
    wanted = (person, platform)
    return next(
        str(each["card"])
        for each in application["cards"]
        if (each["person"], each["platform"]) == wanted
    )


async def fill_in(room: Room, person: str, name: str, id_number: str, mobile: str) -> Item:
    """Everything that an application asks for; the checklist then."""
    await room.ask(person, f"开户 {name}")
    await room.ask(person, f"{id_number} {mobile} 有效期 2035-05-01")
    await room.ask(person, CARD)
    item: Item = {}
    for paper in PAPERS:
        item = await room.upload(person, paper, photograph())
    return item


async def application_of(room: Room, name: str) -> Application:
    async with room.service.store.reading() as session:
        found = await session.scalar(select(Application).where(Application.name == name))
    assert found is not None
    return found


async def deeds(room: Room, application: int) -> list[tuple[Deed, str]]:
    async with room.service.store.reading() as session:
        rows = await session.scalars(
            select(ApplicationEvent)
            .where(ApplicationEvent.application_id == application)
            .order_by(ApplicationEvent.number)
        )
        return [(row.deed, row.actor) for row in rows]


async def stage_of(room: Room, application: int) -> Stage:
    async with room.service.store.reading() as session:
        found = await cases.open_stage(session, application)
    assert found is not None
    return found


async def forward(room: Room, person: str, click: Click) -> None:
    """A click that no simulated platform would let happen, as the adapter would hand it in."""
    chat = Chat(platform="dingtalk", place=Place.PRIVATE, id=person)
    ask = Ask(
        message_id=uuid4().hex,
        chat=chat,
        user=person,
        at=room.service.clock.now(),
        kind=AskKind.CLICK,
        click=click,
    )
    await room.service.front.ears.hear_click(raw_of("forwarded", ask))


class TestGivenADraft:
    async def test_when_it_is_filled_in_then_it_goes_all_the_way_to_a_client(
        self, room: Room
    ) -> None:
        item = await room.ask("wangqiang", "开户 范思哲")
        assert item["card"]["status"] == "填写中"
        assert "⚪ 证件号码 待提供" in item["text"]
        item = await room.ask("wangqiang", "110101199003079971")
        assert "没有收下：身份证号码最后一位校验不对" in item["text"]
        item = await fill_in(room, "wangqiang", "范思哲", ID_NUMBER, "13912340001")
        assert "⚪" not in item["text"]
        assert "1101**********9972" in item["text"]
        assert ID_NUMBER not in item["text"]
        await room.click("wangqiang", item, "提交")
        item = await room.now_showing("wangqiang", item)
        assert item["card"]["status"] == "审批中"
        assert fact(item, "审批人") == "孙芳"
        for person in ("sunfang", "zhouting", "wuhao"):
            card = await room.newest(person, "待审批 · 开户 · 范思哲")
            assert ID_NUMBER not in card["text"]
            await room.click(person, card, "同意")
            assert "已同意" in (await room.now_showing(person, card))["card"]["status"]
        card = await room.newest("zhengli", "待审批 · 开户 · 范思哲")
        assert ID_NUMBER in card["text"]
        await room.click("zhengli", card, "同意")
        told = await room.newest("wangqiang", "开户申请已通过 · 范思哲")
        await tells(room, "wecom", "wangqiang", "开户申请已通过 · 范思哲")
        track = await room.ask("wangqiang", "进度 范思哲")
        for line in (
            "王强 提交",
            "孙芳 同意",
            "周婷 同意",
            "吴昊 同意",
            "郑丽 同意",
            "建立客户档案",
        ):
            assert line in track["text"]
        await room.click("wangqiang", told, "查看客户")
        shown = await room.newest("wangqiang", "范思哲")
        assert "139****0001" in shown["text"]
        async with room.service.store.reading() as session:
            client = await session.scalar(select(Client).where(Client.name == "范思哲"))
            assert client is not None
            tasks = list(await session.scalars(select(Task).where(Task.client_id == client.id)))
        assert (client.owner, client.branch) == ("wangqiang", "HZ")
        assert [task.staff for task in tasks] == ["wangqiang"]

    async def test_when_the_number_is_a_clients_then_it_is_red_and_nothing_is_submitted(
        self, room: Room
    ) -> None:
        known = await room.client_of("limin")
        await room.ask("wangqiang", "开户 程咬金")
        item = await room.ask("wangqiang", known["id_number"])
        assert "🔴 证件号码" in item["text"]
        assert "已是客户：杭州营业部 李敏" in item["text"]
        assert "提交" not in labels(item)
        said = await room.ask("wangqiang", "提交")
        assert "还不能提交" in said["text"]

    @pytest.mark.parametrize(
        ("line", "name"),
        [
            ("开户 张三丰", "张三丰"),  # 张三 is a client: this is somebody else
            ("开户  欧阳克。", "欧阳克"),
            ("kaihu 杨过", "杨过"),
            ("开户：宁波某某贸易有限公司", "宁波某某贸易有限公司"),
        ],
    )
    async def test_when_a_name_begins_like_a_clients_then_it_is_still_the_whole_name(
        self, room: Room, line: str, name: str
    ) -> None:
        item = await room.ask("wangqiang", line)
        assert item["card"]["title"] == f"开户 · {name}"
        track = await room.ask("wangqiang", f"进度 {name}")
        assert track["card"]["title"] == f"开户 · {name}"

    async def test_when_a_file_comes_later_then_it_is_asked_where_it_goes(self, room: Room) -> None:
        await room.ask("limin", "开户 秦叔宝")
        await room.ask("limin", "待办")
        asked = await room.upload("limin", "IMG_1.jpg", photograph())
        assert "放进 秦叔宝 的开户申请" in labels(asked)
        await room.click("limin", asked, "放进 秦叔宝 的开户申请")
        item = await room.newest("limin", "开户 · 秦叔宝")
        assert "这张记为身份证正面" in item["text"]
        await room.click("limin", item, "是身份证反面")
        item = await room.newest_text("limin", "这张记为身份证反面")
        assert "🟢 身份证反面" in item["text"]
        assert "⚪ 身份证正面" in item["text"]

    async def test_when_numbers_stand_behind_the_name_then_they_are_taken_at_once(
        self, room: Room
    ) -> None:
        item = await room.ask("limin", f"开户 王伯当 13912340019 身份证{ID_NUMBER}")
        assert item["card"]["title"] == "开户 · 王伯当"
        assert "🟢 手机号 139****0019" in item["text"]
        assert "证件号码 1101**********9972" in item["text"]
        item = await room.ask("limin", "开户 徐茂公，手机号1391234")
        assert item["card"]["title"] == "开户 · 徐茂公"
        assert "没有收下：手机号应为 11 位" in item["text"]

    async def test_when_a_spreadsheet_spoilt_a_number_then_it_is_said_and_not_taken(
        self, room: Room
    ) -> None:
        await room.ask("limin", "开户 罗士信")
        item = await room.ask("limin", "1.10101E+17")
        assert "没有收下：号码被表格软件改成了科学计数" in item["text"]
        assert "⚪ 证件号码 待提供" in item["text"]

    async def test_when_all_papers_are_there_then_a_further_picture_mends_the_doubtful_one(
        self, room: Room
    ) -> None:
        await room.ask("limin", "开户 单雄信")
        small = io.BytesIO()
        Image.new("RGB", (300, 200)).save(small, "JPEG")
        await room.upload("limin", PAPERS[0], photograph())
        await room.upload("limin", PAPERS[1], small.getvalue())
        item = await room.upload("limin", PAPERS[2], photograph())
        assert "🟡 身份证反面 注意：图片偏小" in item["text"]
        item = await room.upload("limin", "IMG_2.jpg", photograph())
        assert "这张记为身份证反面，换下原来那张" in item["text"]
        assert "🟢 身份证反面" in item["text"]

    async def test_when_it_is_over_then_no_card_of_the_applicant_asks_on_and_none_is_told_again(
        self, room: Room
    ) -> None:
        name = "程知节"
        await fill_in(room, "limin", name, "110101199003070011", "13912340009")
        said = await room.ask("limin", "提交")
        assert said["card"]["status"] == "审批中"
        await room.ask("limin", f"进度 {name}")
        for line in (f"开户 {name}", f"进度 {name}"):
            await say_on_wecom(room, "limin", line)
        await tells(room, "wecom", "limin", "当前环节")
        before = len(await screen(room, "wecom", "limin"))
        await room.ask("limin", f"撤回 {name}")
        await room.ask("limin", "1")
        for platform in ("dingtalk", "wecom"):
            await none_asks(room, platform, "limin", f"开户 · {name}")
        assert len(await screen(room, "wecom", "limin")) == before

    async def test_when_the_word_comes_late_then_the_only_draft_is_submitted_or_it_is_asked_which(
        self, room: Room
    ) -> None:
        await fill_in(room, "zhaolei", "秦用", "110101199003070038", "13912340031")
        await room.advance("11m")
        item = await room.ask("zhaolei", "提交。")
        assert item["card"]["title"] == "开户 · 秦用"
        assert item["card"]["status"] == "审批中"
        for name in ("罗通", "苏定方"):
            await room.ask("zhaolei", f"开户 {name}")
        await room.advance("11m")
        asked = await room.ask("zhaolei", "提交")
        assert labels(asked) == ["提交 苏定方", "提交 罗通", "不提交"]
        item = await room.ask("zhaolei", "2")
        assert "还不能提交：还差" in item["text"]
        await room.advance("11m")
        asked = await room.ask("zhaolei", "撤回")
        assert labels(asked) == ["撤回 苏定方", "撤回 罗通", "撤回 秦用", "不撤回"]
        for name in ("苏定方", "罗通", "秦用"):
            await room.ask("zhaolei", f"撤回 {name}")
            await room.ask("zhaolei", "1")
            assert (await application_of(room, name)).state == "withdrawn"
        for word in ("提交", "撤回"):
            said = await room.ask("zhaolei", word)
            assert "没有" in said["text"]

    @pytest.mark.parametrize(
        ("line", "name"),
        [
            ("帮客户孙二娘开户", "孙二娘"),
            ("给顾大嫂开户", "顾大嫂"),
            ("阮小七要开户", "阮小七"),
            ("李想要开户 13912340032", "李想"),
        ],
    )
    async def test_when_it_is_said_around_the_name_then_it_is_begun_for_that_name(
        self, room: Room, line: str, name: str
    ) -> None:
        item = await room.ask("qianwei", line)
        assert item["card"]["title"] == f"开户 · {name}"
        assert (await application_of(room, name)).state == "draft"

    async def test_when_withdrawn_in_words_then_it_is_asked_once_and_ends(self, room: Room) -> None:
        await room.ask("zhaolei", "开户 尉迟恭")
        asked = await room.ask("zhaolei", "撤回 尉迟恭")
        assert asked["card"]["title"] == "撤回哪一份开户申请？"
        await room.ask("zhaolei", "1")
        assert (await application_of(room, "尉迟恭")).state == "withdrawn"


class TestGivenAStep:
    async def test_when_two_decide_at_once_then_one_wins_and_every_card_says_who(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang", "qianwei")
        cards = {each: card_of(application, each) for each in ("sunfang", "qianwei")}
        async with asyncio.TaskGroup() as both:
            for person, card in cards.items():
                both.create_task(press(room, "dingtalk", person, card, "同意"))
        winners = [
            actor for deed, actor in await deeds(room, application["id"]) if deed == "approved"
        ]
        assert len(winners) == 1
        name = {"sunfang": "孙芳", "qianwei": "钱伟"}[winners[0]]
        for each in application["cards"]:
            item = await shows(
                room, each["platform"], each["person"], each["card"], f"{name} 已同意"
            )
            assert labels(item) == []

    async def test_when_a_stranger_or_the_applicant_clicks_then_he_is_told_and_nothing_happens(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        card = card_of(application, "sunfang")
        item = await card_on(room, "dingtalk", "sunfang", card)
        key = next(b["key"] for b in item["card"]["buttons"] if b["label"] == "同意")
        for person in ("stranger", "wangqiang", "zhouting"):
            body = {"platform": "dingtalk", "person": person, "card": card, "action": key}
            async with room.http.post(f"{room.url}/sandbox/click", json=body) as answer:
                await answer.read()
        assert (await deeds(room, application["id"]))[-1] == (Deed.SUBMITTED, "wangqiang")
        found = await card_on(room, "dingtalk", "sunfang", card)
        assert "同意" in labels(found)

    async def test_when_refused_then_the_reason_is_asked_and_the_manager_reads_it(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        await press(room, "wecom", "sunfang", card_of(application, "sunfang", "wecom"), "驳回")
        await tells(room, "wecom", "sunfang", "请写明原因")
        await say_on_wecom(room, "sunfang", "资金来源说不清")
        told = await room.newest("wangqiang", f"开户申请未通过 · {application['client']}")
        assert "资金来源说不清" in told["text"]

    async def test_when_the_reason_is_only_a_number_then_nothing_is_refused(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        name = application["client"]
        await room.ask("sunfang", f"驳回 {name}")
        said = await room.ask("sunfang", "9")
        assert "请用文字写明原因" in said["text"]
        assert (await application_of(room, name)).state == "running"
        said = await room.ask("sunfang", "资料是假的")
        assert f"已驳回 {name} 的开户申请" in said["text"]

    async def test_when_another_decides_while_the_reason_is_asked_then_the_question_says_so(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang", "qianwei")
        name = application["client"]
        await press(room, "wecom", "sunfang", card_of(application, "sunfang", "wecom"), "驳回")
        question = await tells(room, "wecom", "sunfang", f"驳回 {name} 的开户申请：请写明原因")
        await press(room, "dingtalk", "qianwei", card_of(application, "qianwei"), "同意")
        await shows(room, "dingtalk", "qianwei", card_of(application, "qianwei"), "已同意")
        await press(room, "wecom", "sunfang", _id(question), "适当性不符")
        item = await shows(room, "wecom", "sunfang", _id(question), "这一步已由 钱伟 于")
        assert labels(item) == []

    async def test_when_two_names_are_agreed_to_in_one_line_then_neither_is_decided(
        self, room: Room
    ) -> None:
        both = [(await scene(room, "wuhao"))["client"] for _ in range(2)]
        said = await room.ask("wuhao", f"同意 {both[0]} {both[1]}")
        assert "一次只处理一份申请" in said["text"]
        for name in both:
            assert (await application_of(room, name)).state == "running"
            await room.ask("wuhao", f"同意 {name}")

    async def test_when_decided_in_words_then_the_card_that_he_saw_is_on_record(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        await room.ask("sunfang", f"同意 {application['client']}")
        async with room.service.store.reading() as session:
            event = await session.scalar(
                select(ApplicationEvent).where(
                    ApplicationEvent.application_id == application["id"],
                    ApplicationEvent.deed == Deed.APPROVED,
                )
            )
        assert event is not None
        assert (event.card, event.card_version) == (card_of(application, "sunfang"), 1)

    async def test_when_compliance_refuses_then_the_manager_does_not_read_why(
        self, room: Room
    ) -> None:
        application = await scene(room, "wuhao")
        said = await room.ask("wuhao", f"驳回 {application['client']} 名单筛查命中")
        assert "名单筛查命中" in said["text"]
        told = await room.newest("wangqiang", f"开户申请未通过 · {application['client']}")
        assert "命中" not in told["text"]
        track = await room.ask("sunfang", f"进度 {application['client']}")
        assert "命中" not in track["text"]

    async def test_when_returned_then_the_manager_mends_it_and_a_second_round_begins(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        name = application["client"]
        await press(room, "dingtalk", "sunfang", card_of(application, "sunfang"), "退回补件")
        question = await room.newest("sunfang", f"退回补件 {name}")
        assert "材料不清晰" in labels(question)
        await room.ask("sunfang", "身份证正面不清晰")
        told = await room.newest("wangqiang", f"开户申请需要补件 · {name}")
        assert "身份证正面不清晰" in told["text"]
        await room.click("wangqiang", told, "去补件")
        await room.newest_text("wangqiang", "退回意见")
        item = await room.upload("wangqiang", "IMG_3.jpg", photograph())
        assert "这张记为身份证正面，换下原来那张" in item["text"]
        await room.click("wangqiang", item, "提交")
        again = await room.newest("sunfang", f"待审批 · 开户 · {name}")
        assert "第 2 轮" in again["text"]
        assert fact(again, "本次补件") == "身份证正面"
        await room.click("sunfang", again, "同意")
        await room.newest("zhouting", f"待审批 · 开户 · {name}")

    async def test_when_handed_on_then_the_other_decides_and_the_first_may_not(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        card = card_of(application, "sunfang")
        await press(room, "dingtalk", "sunfang", card, "转交")
        question = await room.newest("sunfang", f"{application['client']} 的开户申请转交给谁")
        assert labels(question) == ["钱伟", "取消"]
        await room.click("sunfang", question, "钱伟")
        mine = await shows(room, "dingtalk", "sunfang", card, "已转交 钱伟")
        assert labels(mine) == []
        theirs = await room.newest("qianwei", f"待审批 · 开户 · {application['client']}")
        await room.click("qianwei", theirs, "同意")
        await shows(room, "dingtalk", "sunfang", card, "钱伟 已同意")

    async def test_when_a_cosigner_is_asked_then_his_word_comes_first(self, room: Room) -> None:
        application = await scene(room, "zhouting")
        name = application["client"]
        card = card_of(application, "zhouting")
        await room.ask("zhouting", f"加签 {name} 冯军")
        mine = await shows(room, "dingtalk", "zhouting", card, "等 冯军（加签）")
        assert "同意" not in labels(mine)
        theirs = await room.newest("fengjun", f"待审批 · 开户 · {name}")
        assert "转交" not in labels(theirs)
        assert theirs["card"]["status"] == "加签 · 适当性审核"
        await room.click("fengjun", theirs, "同意")
        theirs = await room.now_showing("fengjun", theirs)
        assert theirs["card"]["status"] == "已加签同意"
        await shows(room, "dingtalk", "zhouting", card, "适当性审核")
        await room.ask("zhouting", f"同意 {name}")
        await room.newest("wuhao", f"待审批 · 开户 · {name}")

    async def test_when_nobody_fits_then_it_is_said(self, room: Room) -> None:
        application = await scene(room, "zhouting")
        await press(room, "dingtalk", "zhouting", card_of(application, "zhouting"), "转交")
        await tells(room, "dingtalk", "zhouting", "没有可以转交的人")

    async def test_when_an_old_card_is_clicked_then_it_says_who_decided_and_when(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang", "qianwei")
        old = await card_on(room, "dingtalk", "qianwei", card_of(application, "qianwei"))
        key = next(b["key"] for b in old["card"]["buttons"] if b["label"] == "同意")
        await press(room, "dingtalk", "sunfang", card_of(application, "sunfang"), "同意")
        body = {"platform": "dingtalk", "person": "qianwei", "card": _id(old), "action": key}
        async with room.http.post(f"{room.url}/sandbox/click", json=body) as answer:
            await answer.read()
        await shows(room, "dingtalk", "qianwei", _id(old), "孙芳 已同意")
        assert [d for d, _ in await deeds(room, application["id"])].count(Deed.APPROVED) == 1

    async def test_when_the_papers_are_asked_for_then_the_pictures_come(self, room: Room) -> None:
        application = await scene(room, "zhengli")
        await press(room, "dingtalk", "zhengli", card_of(application, "zhengli"), "材料")

        def pictures(items: list[Item]) -> list[Item]:
            found = [i for i in items if i["kind"] == "image"]
            return found if len(found) >= 3 else []

        await room.until("zhengli", pictures)

    async def test_when_withdrawn_then_the_approvers_card_is_grey(self, room: Room) -> None:
        application = await scene(room, "sunfang")
        track = await room.ask("wangqiang", f"进度 {application['client']}")
        await room.click("wangqiang", track, "撤回")
        for platform in ("dingtalk", "wecom"):
            card = card_of(application, "sunfang", platform)
            item = await shows(room, platform, "sunfang", card, "已撤回")
            assert labels(item) == []

    @pytest.mark.parametrize("approver", ["zhouting", "wuhao", "zhengli"])
    async def test_when_withdrawn_at_a_later_step_then_it_is_over_there_and_opens_nobody(
        self, room: Room, approver: str
    ) -> None:
        application = await scene(room, approver)
        name = application["client"]
        await room.ask("wangqiang", f"撤回 {name}")
        await room.ask("wangqiang", "1")
        assert (await application_of(room, name)).state == "withdrawn"
        for platform in ("dingtalk", "wecom"):
            card = card_of(application, approver, platform)
            item = await shows(room, platform, approver, card, "已撤回")
            assert labels(item) == []
        await room.ask(approver, f"同意 {name}")
        assert (await deeds(room, application["id"]))[-1] == (Deed.WITHDRAWN, "wangqiang")
        assert (await application_of(room, name)).client_id is None

    async def test_when_withdrawn_after_it_came_back_then_no_card_asks_for_papers(
        self, room: Room
    ) -> None:
        application = await scene(room, "wuhao")
        name = application["client"]
        await room.ask("wuhao", f"退回 {name} 身份证反面不清晰")
        await room.newest("wangqiang", f"开户申请需要补件 · {name}")
        await room.ask("wangqiang", f"撤回 {name}")
        await room.ask("wangqiang", "1")
        for platform in ("dingtalk", "wecom"):
            await none_asks(room, platform, "wangqiang", f"开户 · {name}")
        item = await room.ask("wangqiang", f"进度 {name}")
        assert "王强 撤回" in item["text"]

    async def test_when_a_forwarded_card_is_clicked_then_nothing_happens_and_he_is_told(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        stage = await stage_of(room, application["id"])
        for person in ("zhouting", "wangqiang"):
            theirs = await room.ask(person, "帮助")
            at = stage.id, (await application_of(room, application["client"])).version
            for card, words in (
                (card_of(application, "sunfang"), "这张卡片是发给别人的"),
                (
                    _id(theirs),
                    {"zhouting": "不由您审批", "wangqiang": "不能审批自己的申请"}[person],
                ),
            ):
                click = Click(
                    card=card, version=1, action="case_approve:{}:{}".format(*at), inputs={}
                )
                await forward(room, person, click)
                await room.newest_text(person, words)
        assert (await deeds(room, application["id"]))[-1] == (Deed.SUBMITTED, "wangqiang")
        mine = await card_on(room, "dingtalk", "sunfang", card_of(application, "sunfang"))
        assert "同意" in labels(mine)

    async def test_when_listed_then_a_number_opens_one_and_the_next_decides(
        self, room: Room
    ) -> None:
        application = await scene(room, "zhengli")
        listed = await room.ask("zhengli", "待审批")
        row = next(r for r in listed["card"]["rows"] if application["client"] in r)
        opened = await room.ask("zhengli", str(row[0]))
        assert application["client"] in opened["card"]["title"]
        await room.ask("zhengli", "1")
        await room.newest("wangqiang", f"开户申请已通过 · {application['client']}")


class TestGivenAStepThatWaits:
    async def test_when_half_the_time_is_over_then_a_reminder_comes_and_then_the_head(
        self, room: Room
    ) -> None:
        application = await scene(room, "wuhao")
        name = application["client"]
        await room.advance("16m")
        reminder = await room.newest("wuhao", f"合规审核还没有审批 · {name}")
        assert labels(reminder) == ["打开"]
        await room.advance("15m")
        await room.newest("wuhao", f"合规审核已超时 · {name}")
        told = await room.newest("sunfang", f"{name} 的开户申请卡在合规审核")
        assert "等 吴昊" in told["text"]
        await room.click("wuhao", reminder, "打开")
        card = await room.newest("wuhao", f"待审批 · 开户 · {name}")
        assert "已超时" in card["text"]
        await room.click("wuhao", card, "同意")
        for platform in ("dingtalk", "wecom"):
            await none_asks(room, platform, "wuhao", f"{name} 的开户申请")
            await none_asks(room, platform, "wuhao", f"开户 · {name}")

    async def test_when_the_head_is_late_then_the_other_branchs_may_decide(
        self, room: Room
    ) -> None:
        application = await scene(room, "sunfang")
        await room.advance("1d")
        card = await room.newest("qianwei", f"待审批 · 开户 · {application['client']}")
        await room.click("qianwei", card, "同意")
        for platform in ("dingtalk", "wecom"):
            card_id = card_of(application, "sunfang", platform)
            await shows(room, platform, "sunfang", card_id, "钱伟 已同意")
