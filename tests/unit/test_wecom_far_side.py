"""What is WeCom's alone, against the simulated WeCom: codes, copies, kicks, repetitions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bot.chat.message import Button, Card, Chat, Fact, Place, Text
from bot.chat.ports import Outgoing
from bot.chat.raw import Raw
from bot.platforms.wecom.probe import probe
from bot.sandbox.wecom import company
from tests.contract.rig import GROUP, PERSON, until
from tests.contract.wecom_rig import WeComRig, wecom_rig

OTHER = "chenxi"
CARD = Card(id="apr-a", version=1, title="开户审批", buttons=(Button("approve:17", "同意"),))
DONE = Card(id="apr-a", version=2, title="开户审批", status="已同意（冯军）")


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[WeComRig]:
    async with wecom_rig(tmp_path) as one:
        yield one


@asynccontextmanager
async def rig_with(folder: Path, **switches: Any) -> AsyncIterator[WeComRig]:
    async with wecom_rig(folder, **switches) as one:
        yield one


def private(person: str) -> Chat:
    return Chat(platform="wecom", place=Place.PRIVATE, id=person)


def out(card: Card, person: str = PERSON, **more: Any) -> Outgoing:
    key = f"{card.id}.{card.version}" if more.get("update") else card.id
    return Outgoing(key=key, chat=private(person), part=card, **more)


async def cards(rig: WeComRig, person: str = PERSON) -> list[dict[str, Any]]:
    query = {"platform": "wecom", "person": person, "chat": "private"}
    async with rig.http.get(f"{rig.base}/sandbox/seen", params=query) as response:
        return [item for item in await response.json() if item["kind"] == "card"]


async def press(rig: WeComRig, person: str, card: str, version: int = 1) -> dict[str, Any]:
    return await rig.post("click", person=person, card=card, action=f"approve:17#{version}")


class TestTwoApprovers:
    def theirs(self, card: Card) -> Card:
        return replace(card, id="apr-b")

    async def test_a_decision_of_one_ends_the_card_of_the_other(self, rig: WeComRig) -> None:
        await rig.sender.send(out(CARD))
        await rig.sender.send(out(self.theirs(CARD), OTHER))
        rig.desk.answer = lambda _: DONE
        await press(rig, PERSON, "apr-a")
        await rig.sender.send(out(self.theirs(DONE), OTHER, update=True))
        for person in (PERSON, OTHER):
            [item] = await cards(rig, person)
            assert item["card"]["status"] == "已同意（冯军）"
            assert item["card"]["buttons"] == []

    async def test_both_at_once_see_one_decision(self, rig: WeComRig) -> None:
        await rig.sender.send(out(CARD))
        await rig.sender.send(out(self.theirs(CARD), OTHER))
        decided: list[str] = []

        def decide(raw: Raw) -> Card:
            decided.append(raw.ask.user)
            assert raw.ask.click is not None
            return replace(DONE, id=raw.ask.click.card, status=f"已同意（{decided[0]}）")

        rig.desk.answer = decide
        async with asyncio.TaskGroup() as group:
            group.create_task(press(rig, PERSON, "apr-a"))
            group.create_task(press(rig, OTHER, "apr-b"))
        [mine], [other] = await cards(rig), await cards(rig, OTHER)
        assert mine["card"]["status"] == other["card"]["status"] == f"已同意（{decided[0]}）"

    @pytest.mark.parametrize("spends", [True, False])
    async def test_what_changes_after_a_click_is_shown_whether_or_not_the_answer_used_the_code(
        self, tmp_path: Path, spends: bool
    ) -> None:
        async with rig_with(tmp_path, passive_spends=spends) as rig:
            await rig.sender.send(out(CARD))
            await press(rig, PERSON, "apr-a")
            [item] = await cards(rig)
            assert rig.state(item) == "处理中"
            again = replace(CARD, version=3, status="请补充")
            await rig.sender.send(out(again, update=True))
            [item] = await cards(rig)
            assert item["card"]["status"] == "请补充"
            assert [one["enabled"] for one in item["card"]["buttons"]] == [True]

    async def test_a_click_after_the_end_changes_nothing(self, rig: WeComRig) -> None:
        await rig.sender.send(out(CARD))
        rig.desk.answer = lambda _: DONE
        await press(rig, PERSON, "apr-a")
        await rig.post("click", person=PERSON, card="apr-a", action="approve:17#1", version=1)
        [item] = await cards(rig)
        assert item["card"]["status"] == "已同意（冯军）"
        assert [raw.ask.click.version for raw in rig.desk.clicked if raw.ask.click] == [1, 1]


class TestRepetitions:
    async def test_a_click_whose_answer_was_lost_comes_again_as_the_same_click(
        self, rig: WeComRig
    ) -> None:
        await rig.sender.send(out(CARD))
        rig.desk.answer = lambda _: DONE
        await rig.fault("no_ack")
        await press(rig, PERSON, "apr-a")

        async def twice() -> bool:
            return len(rig.desk.clicked) == 2

        await until(twice)
        first, second = rig.desk.clicked
        assert first.key == second.key

    @pytest.mark.parametrize("kind", ["hang", "half_body"])
    async def test_a_card_to_read_without_an_answer_is_shown_once(
        self, rig: WeComRig, kind: str
    ) -> None:
        await rig.sender.send(Outgoing(key="o0", chat=rig.private(), part=Text(text="先取令牌")))
        report = Card(id="rep-1", title="月报", facts=(Fact("权益", "1.00 元"),))
        await rig.fault(kind)
        await rig.failed(out(report))
        assert rig.sender.idempotent(out(report))
        await rig.sender.send(out(report))
        await rig.sender.send(out(replace(report, id="rep-2")))
        assert len(await cards(rig)) == 2


class TestTheBot:
    @pytest.mark.parametrize("mode", ["close", "abort", "zombie"])
    async def test_thrown_out_it_stays_out_however_the_other_end_does_it(
        self, tmp_path: Path, mode: str
    ) -> None:
        async with rig_with(tmp_path, kick=mode) as rig:
            assert rig.adapter.sender.bot is not None
            settings = rig.adapter.sender.bot.settings
            body = {"bot_id": settings.bot_id, "secret": settings.secret}
            frame = {"cmd": "aibot_subscribe", "headers": {"req_id": "x"}, "body": body}
            async with rig.http.ws_connect(settings.ws_url) as other:
                await other.send_json(frame)

                async def told() -> bool:
                    return "挤下线" in rig.adapter.health().detail

                await until(told)
                assert not rig.adapter.health().ok
                await rig.say("风险榜", chat=GROUP, mention=True)
                async with asyncio.timeout(5):
                    while True:
                        message = await other.receive()
                        assert message.type is aiohttp.WSMsgType.TEXT
                        if "风险榜" in message.data:
                            break

    async def test_a_name_with_blanks_is_cut_off(self, tmp_path: Path) -> None:
        bot = replace(company.BOT, called="期台 小助手")
        async with rig_with(tmp_path, bot=bot) as rig:
            await rig.say("风险榜", chat=GROUP, mention=True)
            [raw] = await rig.desk.hears()
            assert raw.ask.text == "风险榜"

    async def test_an_answer_in_a_group_stands_under_its_question(self, rig: WeComRig) -> None:
        message = await rig.say("风险榜", chat=GROUP, mention=True)
        [raw] = await rig.desk.hears()
        await rig.sender.send(
            Outgoing(key="o", chat=raw.ask.chat, part=Text(text="好"), hook=raw.ask.hook)
        )
        [item] = await rig.seen(GROUP)
        assert (item["text"], item["reply_to"]) == ("好", message)

    async def test_a_question_to_the_bot_in_private_is_answered_there(self, rig: WeComRig) -> None:
        message = await rig.say("张三", kind="voice")
        [raw] = await rig.desk.hears()
        await rig.sender.send(Outgoing(key="o", chat=raw.ask.chat, part=CARD, hook=raw.ask.hook))
        [item] = await rig.seen()
        assert item["reply_to"] == message
        rig.desk.answer = lambda _: DONE
        await press(rig, PERSON, "apr-a")
        [item] = await rig.seen()
        assert item["card"]["status"] == "已同意（冯军）"


class TestBeside:
    async def test_who_opens_a_page_is_known(self, rig: WeComRig) -> None:
        login = rig.adapter.sender.login
        address = URL(login.address("http://desk.example.com/h5", "s1"))
        chosen = address.update_query(person="sunfang")
        async with rig.http.get(chosen, allow_redirects=False) as response:
            back = URL(response.headers["Location"])
        assert back.query["state"] == "s1"
        assert await login.user(back.query["code"]) == "sunfang"

    async def test_the_company_is_read(self, rig: WeComRig) -> None:
        contacts = rig.adapter.sender.contacts
        assert await contacts.is_active("sunfang")
        assert not await contacts.is_active("nobody")
        departments = [one async for one in contacts.departments()]
        people = [user for one in departments for user in await contacts.members(one.id)]
        assert "sunfang" in people

    async def test_a_sound_installation_probes_well(self, rig: WeComRig) -> None:
        sender = rig.adapter.sender
        found = await probe(sender.settings, sender.api)
        assert "wrong" not in [level for level, _ in found]
        for person in (PERSON, OTHER):
            assert await cards(rig, person) == []


class TestAGroupInWhichNobodySpokeToTheBot:
    async def test_hears_from_its_robot_until_somebody_does(self, rig: WeComRig) -> None:
        """Also when it is believed that somebody did: there it was another bot, or long ago."""
        group = Chat(platform="wecom", place=Place.GROUP, id="g-hz")
        await rig.adapter.sender.met(group)
        await rig.sender.send(Outgoing(key="o1", chat=group, part=Text(text="夜盘开始")))
        await rig.post("say", person="limin", chat=group.id, text="在吗", mention=True)
        later = Outgoing(key="o2", chat=group, part=Text(text="夜盘结束"))

        async def met() -> bool:
            return rig.adapter.sender.channel(later).name == "bot"

        await until(met)
        await rig.sender.send(later)
        query = {"platform": "wecom", "person": "limin", "chat": group.id}
        async with rig.http.get(f"{rig.base}/sandbox/seen", params=query) as response:
            shown = [item for item in await response.json() if item["from"] == "bot"]
        assert [item["text"] for item in shown] == ["夜盘开始", "夜盘结束"]
        assert [item.get("app") for item in shown] == [None, "aibot:qidesk"]
