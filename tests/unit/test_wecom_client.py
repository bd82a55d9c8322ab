"""The sender against a WeCom that answers by script."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.chat.message import (
    Button,
    Card,
    Chat,
    Document,
    Fact,
    FileIn,
    Markdown,
    Picture,
    Place,
    Text,
)
from bot.chat.ports import Outgoing
from bot.platforms.wecom.channels import REPEAT_SECONDS
from bot.platforms.wecom.client import WeCom, open_wecom
from bot.platforms.wecom.contacts import Contact
from bot.platforms.wecom.errors import AddressNotTrusted
from bot.platforms.wecom.notes import NOT_CHANGED, Kind
from bot.platforms.wecom.probe import probe
from bot.platforms.wecom.settings import FETCH_BYTES
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import Outcome, OutsideError
from tests.contract.rig import Shelf
from tests.fakes.wecom import (
    APP_CHAT,
    MEDIA,
    RECALL,
    ROBOT,
    ROBOT_UPLOAD,
    SECRETS,
    SEND,
    TOKEN,
    UPDATE,
    UPLOAD,
    USER,
    Endless,
    FakeWeCom,
    cuts_the_answer,
    fake_wecom,
    refuses,
    says,
    shows_a_page,
)
from tests.fakes.wecom_notes import MemoryNotes

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
WANG = Chat(platform="wecom", place=Place.PRIVATE, id="wangqiang")
ROBOT_GROUP = Chat(platform="wecom", place=Place.GROUP, id="g-risk")
APP_GROUP = Chat(platform="wecom", place=Place.GROUP, id="riskopen01")
CARD = Card(
    id="K3F9", version=4, title="开户审批", status="待审", buttons=(Button("ok:1", "同意"),)
)
NEXT = replace(CARD, version=5, facts=(Fact("客户", "某某"),))
DONE = replace(CARD, version=6, status="已同意", buttons=())
BLOBS = {"curve": b"\x89PNG picture", "month": b"PK xlsx", "huge": b"x" * (21 << 20)}


@pytest.fixture
async def fake() -> AsyncIterator[FakeWeCom]:
    async with fake_wecom() as one:
        yield one


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOON)


@pytest.fixture
def notes(clock: StoppedClock) -> MemoryNotes:
    return MemoryNotes(clock)


@pytest.fixture
async def wecom(fake: FakeWeCom, clock: StoppedClock, notes: MemoryNotes) -> AsyncIterator[WeCom]:
    async with open_wecom(fake.settings(), clock, Shelf(BLOBS), notes) as one:
        yield one


def out(part: Any, key: str = "o1", chat: Chat = WANG, **more: Any) -> Outgoing:
    return Outgoing(key=key, chat=chat, part=part, **more)


async def failed(wecom: WeCom, item: Outgoing) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        await wecom.send(item)
    return caught.value


def bodies(fake: FakeWeCom, path: str = SEND) -> list[Any]:
    return [call.body for call in fake.to(path)]


class TestThroughTheApplication:
    async def test_a_text_goes_to_one_person_in_real_utf8(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        receipt = await wecom.send(out(Text(text="请追加保证金")))
        [call] = fake.to(SEND)
        assert call.body == {
            "touser": "wangqiang",
            "agentid": 1000007,
            "msgtype": "text",
            "text": {"content": "请追加保证金"},
        }
        assert receipt.platform_id.startswith("m")

    async def test_the_same_answer_twice_is_two_answers(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        for key in ("o1", "o2"):
            await wecom.send(out(Text(text="没有找到"), key))
        assert all("enable_duplicate_check" not in body for body in bodies(fake))
        assert not wecom.idempotent(out(Text(text="没有找到")))

    async def test_a_card_to_read_is_told_apart_by_our_key_alone(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        card = Card(title="月报", facts=(Fact("权益", "1.00 元"),))
        for key in ("o1", "o1", "o2"):
            assert wecom.idempotent(out(card, key))
            await wecom.send(out(card, key))
        first, again, other = bodies(fake)
        assert first == again != other
        assert first["enable_duplicate_check"] == 1
        assert first["duplicate_check_interval"] == REPEAT_SECONDS

    async def test_a_card_with_buttons_is_known_by_its_name(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        assert wecom.idempotent(out(CARD))
        receipt = await wecom.send(out(CARD))
        assert receipt.updatable
        [body] = bodies(fake)
        assert body["template_card"]["task_id"] == "K3F9"
        fake.script(SEND, refuses(42014))
        assert (await wecom.send(out(CARD))).updatable

    async def test_with_words_beside_it_a_card_is_not(self, wecom: WeCom) -> None:
        assert not wecom.idempotent(out(replace(CARD, text="长" * 200)))

    @pytest.mark.parametrize("name", ["invaliduser", "unlicenseduser"])
    async def test_a_failure_inside_success_is_one_whatever_its_case(
        self, fake: FakeWeCom, wecom: WeCom, name: str
    ) -> None:
        fake.script(SEND, says({"errcode": 0, name: "somebody|WangQiang"}))
        error = await failed(wecom, out(Text(text="在吗")))
        assert (error.outcome, error.code) == (Outcome.REFUSED, name)

    async def test_a_card_that_is_not_taken_is_said_in_words(
        self, fake: FakeWeCom, wecom: WeCom, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake.script(SEND, refuses(42045))
        await wecom.send(out(CARD))
        _, body = bodies(fake)
        assert body["msgtype"] == "markdown"
        assert "按 ok:1 #K3F9.4" in body["markdown"]["content"]
        assert "42045" in caplog.text

    async def test_a_retry_goes_on_after_what_was_taken(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        text = Text(text="\n".join(f"第 {n} 行" for n in range(400)))
        await wecom.send(out(text, "whole"))
        whole = [body["text"]["content"] for body in bodies(fake)]
        fake.calls.clear()
        fake.script(SEND, says({"errcode": 0, "msgid": "m"}), refuses(-1))
        assert (await failed(wecom, out(text))).outcome is Outcome.RETRY
        await wecom.send(out(text))
        sent = [body["text"]["content"] for body in bodies(fake)]
        assert sent == [whole[0], whole[1], *whole[1:]]

    async def test_beyond_a_members_share_it_waits_instead_of_being_dropped(
        self, fake: FakeWeCom, clock: StoppedClock, notes: MemoryNotes
    ) -> None:
        settings = fake.settings(member_minute=3)
        async with open_wecom(settings, clock, Shelf({}), notes) as wecom:
            for number in range(3):
                await wecom.send(out(Text(text="x"), f"o{number}"))
            error = await failed(wecom, out(Text(text="x")))
            assert error.outcome is Outcome.RETRY
            assert 0 < (error.wait_seconds or 0) <= 60
            await wecom.send(out(Text(text="x"), chat=replace(WANG, id="limin")))
        assert len(fake.to(SEND)) == 4

    async def test_it_is_rationed_by_app_and_member(self, wecom: WeCom) -> None:
        assert wecom.buckets(out(Text(text="x"))) == (
            "wecom:app:send",
            "wecom:member_minute:wangqiang",
            "wecom:member_hour:wangqiang",
        )
        assert wecom.buckets(out(CARD, update=True)) == ("wecom:update",)
        assert wecom.buckets(out(CARD, chat=ROBOT_GROUP)) == ("wecom:robot:g-risk",)

    async def test_what_was_sent_by_mistake_is_taken_back(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.recall("m1")
        assert bodies(fake, RECALL) == [{"msgid": "m1"}]


class TestFiles:
    async def test_a_picture_is_uploaded_once_and_sent_with_its_words(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        for key in ("o1", "o2"):
            await wecom.send(out(Picture(blob="curve", caption="权益"), key))
        [upload] = fake.to(UPLOAD)
        assert upload.query["type"] == "image"
        assert b"\x89PNG picture" in upload.body
        kinds = [body["msgtype"] for body in bodies(fake)]
        assert kinds == ["text", "image", "text", "image"]

    async def test_an_upload_is_not_used_beyond_its_life(
        self, fake: FakeWeCom, wecom: WeCom, clock: StoppedClock
    ) -> None:
        for key, hours in (("o1", 0), ("o2", 47), ("o3", 2)):
            clock.advance(timedelta(hours=hours))
            await wecom.send(out(Picture(blob="curve", caption=""), key))
        assert len(fake.to(UPLOAD)) == 2

    async def test_a_documents_name_arrives_in_chinese(self, fake: FakeWeCom, wecom: WeCom) -> None:
        await wecom.send(out(Document(blob="month", name='月报 "十月".xlsx')))
        [upload] = fake.to(UPLOAD)
        assert 'filename="月报 _十月_.xlsx"'.encode() in upload.body
        assert b"filename*" not in upload.body
        assert b"filelength=7" in upload.body

    async def test_what_is_too_large_is_refused_here(self, fake: FakeWeCom, wecom: WeCom) -> None:
        error = await failed(wecom, out(Document(blob="huge", name="x.zip")))
        assert (error.outcome, error.code) == (Outcome.REFUSED, "file.tooLarge")
        assert fake.to(UPLOAD) == []

    async def test_a_repeated_document_begins_with_words_that_say_so(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.send(out(Document(blob="month", name="月报.xlsx"), again=True))
        words, file = bodies(fake)
        assert words["text"]["content"] == "(重发) 文件 月报.xlsx"
        assert file["msgtype"] == "file"

    async def test_a_file_that_somebody_sent_is_fetched(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        assert await wecom.fetch(FileIn(code="media:M1", name="x")) == b"bytes"
        assert fake.to(MEDIA)[0].query["media_id"] == "M1"

    async def test_one_that_is_gone_is_refused(self, fake: FakeWeCom, wecom: WeCom) -> None:
        fake.script(MEDIA, refuses(40007))
        with pytest.raises(OutsideError, match="40007") as caught:
            await wecom.fetch(FileIn(code="media:M1", name="x"))
        assert caught.value.outcome is Outcome.REFUSED

    @pytest.mark.parametrize("code", ["media:M1", "sealed: {base}/bot-file"])
    async def test_one_without_end_is_read_to_the_limit_and_refused(
        self, fake: FakeWeCom, wecom: WeCom, code: str
    ) -> None:
        file = Endless()
        for path in (MEDIA, "/bot-file"):
            fake.script(path, file.pour)
        with pytest.raises(OutsideError, match=r"file\.tooLarge") as caught:
            await wecom.fetch(FileIn(code=code.format(base=fake.base), name="x"))
        assert caught.value.outcome is Outcome.REFUSED
        async with asyncio.timeout(5):
            await file.over.wait()
        assert FETCH_BYTES < file.poured < 2 * FETCH_BYTES  # some was on its way

    async def test_a_json_file_is_no_refusal(self, fake: FakeWeCom, wecom: WeCom) -> None:
        fake.script(MEDIA, says({"a": 1}))
        assert await wecom.fetch(FileIn(code="media:M1", name="x.json")) == b'{"a": 1}'


class TestUpdates:
    async def test_the_end_uses_the_code_that_came_with_the_card(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.send(out(CARD))
        receipt = await wecom.send(out(DONE, "u1", update=True))
        [body] = bodies(fake, UPDATE)
        assert body["response_code"].startswith(SECRETS[4])
        assert body["userids"] == ["wangqiang"]
        assert body["template_card"]["card_type"] == "text_notice"
        assert "task_id" not in body["template_card"]
        assert receipt.platform_id == "K3F9"

    async def test_what_only_changes_keeps_that_code_for_the_end(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.send(out(CARD))
        receipt = await wecom.send(out(NEXT, "u1", update=True))
        assert receipt.platform_id == NOT_CHANGED
        assert fake.to(UPDATE) == []
        await wecom.send(out(DONE, "u2", update=True))
        assert len(fake.to(UPDATE)) == 1

    async def test_a_clicks_code_shows_what_changes(self, fake: FakeWeCom, wecom: WeCom) -> None:
        await wecom.send(out(CARD))
        await wecom.pressed("K3F9", "rc_click")
        await wecom.send(out(NEXT, "u1", update=True))
        assert [body["response_code"] for body in bodies(fake, UPDATE)] == ["rc_click"]

    async def test_whoever_clicked_and_still_waits_is_shown_it_at_any_price(
        self, fake: FakeWeCom, wecom: WeCom, notes: MemoryNotes
    ) -> None:
        await wecom.send(out(CARD))
        await wecom.pressed("K3F9", "rc_click")
        fake.script(UPDATE, refuses(41079), refuses(41079))
        await wecom.send(out(NEXT, "u1", update=True))
        assert len(fake.to(UPDATE)) == 2
        *_, again = bodies(fake)
        assert again["template_card"]["task_id"] == "K3F9@5"
        assert await notes.read(Kind.OWED, "K3F9") is None

    async def test_an_end_without_a_code_is_a_card_of_its_own_and_only_once(
        self, fake: FakeWeCom, wecom: WeCom, clock: StoppedClock
    ) -> None:
        await wecom.send(out(CARD))
        clock.advance(timedelta(hours=73))
        await wecom.send(out(DONE, "u1", update=True))
        await wecom.send(out(replace(DONE, version=7), "u2", update=True))
        assert fake.to(UPDATE) == []
        _, end = bodies(fake)
        assert end["template_card"]["source"]["desc"] == "已同意"

    async def test_a_card_that_was_never_shown_is_not_updated(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        assert (await wecom.send(out(DONE, "u1", update=True))).platform_id == NOT_CHANGED
        assert fake.calls == []

    async def test_a_code_is_gone_before_it_is_used(
        self, fake: FakeWeCom, wecom: WeCom, notes: MemoryNotes
    ) -> None:
        await wecom.send(out(CARD))
        seen: list[str | None] = []

        async def look(request: Any) -> Any:
            seen.append(await notes.read(Kind.SENT, "K3F9"))
            return await says({"errcode": 0})(request)

        fake.script(UPDATE, look)
        await wecom.send(out(DONE, "u1", update=True))
        assert seen == [None]

    async def test_what_was_refused_for_now_may_be_tried_again_with_the_same_code(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.send(out(CARD))
        fake.script(UPDATE, refuses(45033))
        assert (await failed(wecom, out(DONE, "u1", update=True))).outcome is Outcome.RETRY
        await wecom.send(out(DONE, "u1", update=True))
        first, second = bodies(fake, UPDATE)
        assert first == second

    async def test_a_code_whose_use_had_no_answer_and_is_refused_then_had_worked(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.send(out(CARD))
        fake.script(UPDATE, cuts_the_answer, refuses(41079))
        assert (await failed(wecom, out(DONE, "u1", update=True))).outcome is Outcome.UNKNOWN
        await wecom.send(out(DONE, "u1", update=True))
        assert len(fake.to(SEND)) == 1

    async def test_words_that_found_no_room_follow_when_they_are_new(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        long = replace(CARD, text="长" * 200)
        await wecom.send(out(long))
        await wecom.pressed("K3F9", "rc1")
        await wecom.send(out(replace(long, version=5, status="处理"), "u1", update=True))
        assert [body["msgtype"] for body in bodies(fake)] == ["markdown", "template_card"]
        await wecom.pressed("K3F9", "rc2")
        await wecom.send(out(replace(long, version=6, text="短" * 200), "u2", update=True))
        assert "短" * 200 in bodies(fake)[-1]["markdown"]["content"]

    async def test_of_a_card_in_words_the_end_is_said_too(
        self, fake: FakeWeCom, clock: StoppedClock, notes: MemoryNotes
    ) -> None:
        settings = fake.settings(clickable=False)
        async with open_wecom(settings, clock, Shelf({}), notes) as wecom:
            assert not wecom.capabilities.update_in_place
            await wecom.send(out(CARD))
            await wecom.send(out(DONE, "u1", update=True))
        first, end = bodies(fake)
        assert "按 ok:1 ＃K3F9.4" in first["markdown"]["content"].replace("#", "＃")
        assert end["template_card"]["source"]["desc"] == "已同意"

    async def test_it_is_known_after_a_restart(
        self, fake: FakeWeCom, clock: StoppedClock, notes: MemoryNotes, wecom: WeCom
    ) -> None:
        await wecom.send(out(CARD))
        async with open_wecom(fake.settings(), clock, Shelf({}), notes) as another:
            await another.send(out(DONE, "u1", update=True))
        assert len(fake.to(UPDATE)) == 1


class TestGroups:
    async def test_by_its_robot_with_its_key_in_the_address_only(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.send(out(Markdown(title="t", text="**夜盘开始**"), chat=ROBOT_GROUP))
        [call] = fake.to(ROBOT)
        assert call.query == {"key": SECRETS[2]}
        assert call.body == {"msgtype": "markdown", "markdown": {"content": "**夜盘开始**"}}

    async def test_a_robot_shows_cards_to_read_and_others_in_words(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.send(out(Card(id="r", title="收盘"), "o1", ROBOT_GROUP))
        await wecom.send(out(CARD, "o2", ROBOT_GROUP))
        read, pressed = bodies(fake, ROBOT)
        assert read["template_card"]["card_type"] == "text_notice"
        assert "应用「期台」" in pressed["markdown"]["content"]

    async def test_what_the_robot_may_have_shown_is_not_shown_by_the_bot_as_if_new(
        self, fake: FakeWeCom, clock: StoppedClock, notes: MemoryNotes
    ) -> None:
        settings = fake.settings(aibot=fake.bot_settings())
        item = out(CARD, "o1", ROBOT_GROUP)
        fake.script(ROBOT, cuts_the_answer)
        async with open_wecom(settings, clock, Shelf({}), notes) as wecom:
            await failed(wecom, item)
            await wecom.met(ROBOT_GROUP)
            assert not wecom.idempotent(item)
        async with open_wecom(settings, clock, Shelf({}), notes) as after_a_restart:
            await after_a_restart.load()
            assert not after_a_restart.idempotent(item)
            assert after_a_restart.idempotent(out(item.part, "o2", ROBOT_GROUP))

    async def test_a_robots_picture_goes_with_its_digest(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.send(out(Picture(blob="curve", caption=""), chat=ROBOT_GROUP))
        [body] = bodies(fake, ROBOT)
        digest = hashlib.md5(BLOBS["curve"]).hexdigest()  # noqa: S324 - the platform's own choice
        assert body["image"]["md5"] == digest

    async def test_a_robots_file_is_its_own_upload(self, fake: FakeWeCom, wecom: WeCom) -> None:
        await wecom.send(out(Document(blob="month", name="月报.xlsx"), chat=ROBOT_GROUP))
        assert fake.to(ROBOT_UPLOAD)[0].query == {"key": SECRETS[2], "type": "file"}
        assert bodies(fake, ROBOT)[-1]["msgtype"] == "file"

    async def test_the_applications_own_group_gets_words(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        await wecom.send(out(CARD, chat=APP_GROUP))
        [body] = bodies(fake, APP_CHAT)
        assert (body["chatid"], body["msgtype"]) == ("riskopen01", "markdown")


class TestTroubles:
    @pytest.mark.parametrize(
        ("code", "outcome", "wait"),
        [
            (-1, Outcome.RETRY, 1),
            (45009, Outcome.RETRY, None),
            (45033, Outcome.RETRY, 2),
            (48002, Outcome.RETRY, 60),
            (301002, Outcome.RETRY, 60),
            (81013, Outcome.REFUSED, None),
            (40003, Outcome.REFUSED, None),
            (999999, Outcome.REFUSED, None),
        ],
    )
    async def test_their_codes_in_our_words(
        self, fake: FakeWeCom, wecom: WeCom, code: int, outcome: Outcome, wait: float | None
    ) -> None:
        fake.script(SEND, refuses(code))
        error = await failed(wecom, out(Text(text="x")))
        assert (error.outcome, error.wait_seconds, error.code) == (outcome, wait, str(code))

    async def test_an_address_that_is_not_trusted_is_named_for_the_admin(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        fake.script(SEND, refuses(60020))
        error = await failed(wecom, out(Text(text="x")))
        assert isinstance(error, AddressNotTrusted)
        assert error.address == "203.0.113.9"

    async def test_a_gateways_page_means_that_nothing_happened(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        fake.script(SEND, shows_a_page)
        assert (await failed(wecom, out(Text(text="x")))).outcome is Outcome.RETRY

    async def test_an_answer_cut_short_leaves_it_unknown(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        fake.script(SEND, cuts_the_answer)
        assert (await failed(wecom, out(Text(text="x")))).outcome is Outcome.UNKNOWN

    async def test_nobody_there_means_that_nothing_happened(
        self, clock: StoppedClock, notes: MemoryNotes, fake: FakeWeCom
    ) -> None:
        settings = fake.settings(api_base="http://127.0.0.1:9")
        async with open_wecom(settings, clock, Shelf({}), notes) as wecom:
            assert (await failed(wecom, out(Text(text="x")))).outcome is Outcome.RETRY


class TestTokens:
    async def test_many_at_once_share_one(self, fake: FakeWeCom, wecom: WeCom) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(wecom.send(out(Text(text="x"), f"o{number}")))
        assert len(fake.to(TOKEN)) == 1

    @pytest.mark.parametrize("code", [40001, 40014, 42001])
    async def test_a_refused_one_is_replaced_once_for_everybody(
        self, fake: FakeWeCom, wecom: WeCom, code: int
    ) -> None:
        await wecom.send(out(Text(text="x"), "o0"))
        fake.script(SEND, *[refuses(code)] * 5)
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(wecom.send(out(Text(text="x"), f"o{number}")))
        assert len(fake.to(TOKEN)) == 2

    async def test_it_never_goes_round_in_circles(self, fake: FakeWeCom, wecom: WeCom) -> None:
        fake.script(SEND, *[refuses(40014)] * 10)
        assert (await failed(wecom, out(Text(text="x")))).outcome is Outcome.RETRY
        assert len(fake.to(SEND)) == 2

    async def test_a_wrong_secret_is_not_tried_over_and_over(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        fake.script(TOKEN, refuses(40001))
        for number in range(20):
            error = await failed(wecom, out(Text(text="x"), f"o{number}"))
            assert (error.outcome, error.wait_seconds) == (Outcome.RETRY, 60)
        assert len(fake.to(TOKEN)) == 1

    async def test_it_is_renewed_before_it_ends(
        self, fake: FakeWeCom, wecom: WeCom, clock: StoppedClock
    ) -> None:
        await wecom.send(out(Text(text="x"), "o0"))
        clock.advance(timedelta(seconds=7200 - 299))
        await wecom.send(out(Text(text="x"), "o1"))
        assert len(fake.to(TOKEN)) == 2


class TestPeople:
    async def test_somebody_is_read(self, wecom: WeCom) -> None:
        assert await wecom.contacts.user("wangqiang") == Contact(
            user="wangqiang", name="王强", active=True, departments=(2,), superiors=()
        )

    @pytest.mark.parametrize("status", [2, 5])
    async def test_who_was_disabled_or_left_is_not_active(
        self, fake: FakeWeCom, wecom: WeCom, status: int
    ) -> None:
        fake.script(USER, says({"errcode": 0, "userid": "x", "status": status}))
        assert not await wecom.contacts.is_active("x")

    async def test_nor_is_somebody_unknown(self, fake: FakeWeCom, wecom: WeCom) -> None:
        fake.script(USER, refuses(60111))
        assert not await wecom.contacts.is_active("x")

    async def test_of_whom_nothing_can_be_known_nothing_is_said(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        fake.script(USER, refuses(60011))
        with pytest.raises(OutsideError):
            await wecom.contacts.is_active("x")

    async def test_a_login_goes_by_the_platform_and_comes_back_with_a_member(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        address = wecom.login.address("https://desk.example.com/h5?a=1", "s1")
        assert "redirect_uri=https%3A%2F%2Fdesk.example.com%2Fh5%3Fa%3D1" in address
        assert address.endswith("#wechat_redirect")
        fake.script("/cgi-bin/auth/getuserinfo", says({"errcode": 0, "userid": "wangqiang"}))
        assert await wecom.login.user("CODE") == "wangqiang"
        fake.script("/cgi-bin/auth/getuserinfo", says({"errcode": 0, "openid": "wo1"}))
        assert await wecom.login.user("CODE") == ""


class TestProbing:
    @staticmethod
    async def levels(wecom: WeCom) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {"ok": [], "warning": [], "wrong": []}
        for level, text in await probe(wecom.settings, wecom.api):
            found[level].append(text)
        return found

    async def test_a_sound_installation_has_nothing_wrong(
        self, fake: FakeWeCom, wecom: WeCom
    ) -> None:
        fake.script(SEND, refuses(81013))
        fake.script(USER, refuses(60111))
        found = await self.levels(wecom)
        assert found["wrong"] == []
        assert any("智能机器人" in text for text in found["warning"])

    @pytest.mark.parametrize(
        ("path", "code", "word"),
        [
            (TOKEN, 40013, "corp_id"),
            (TOKEN, 40001, "Secret"),
            ("/cgi-bin/agent/get", 60020, "203.0.113.9"),
            ("/cgi-bin/agent/get", 301002, "agent_id"),
        ],
    )
    async def test_what_is_wrong_is_said_with_what_to_do(
        self, fake: FakeWeCom, wecom: WeCom, path: str, code: int, word: str
    ) -> None:
        fake.script(path, refuses(code))
        [text] = (await self.levels(wecom))["wrong"]
        assert word in text

    async def test_settings_are_read_before_anybody_is_asked(
        self, fake: FakeWeCom, clock: StoppedClock, notes: MemoryNotes
    ) -> None:
        settings = fake.settings(agent_id="x", token="!")
        async with open_wecom(settings, clock, Shelf({}), notes) as wecom:
            assert len((await self.levels(wecom))["wrong"]) == 2
        assert fake.calls == []


async def test_no_secret_reaches_an_error_or_a_log_line(
    fake: FakeWeCom, wecom: WeCom, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for scripted in (refuses(40035), refuses(60020), cuts_the_answer, shows_a_page):
        fake.script(SEND, scripted)
        fake.script(ROBOT, scripted)
        said.append(str(await failed(wecom, out(Text(text="张三 13800001111")))))
        said.append(str(await failed(wecom, out(Text(text="张三"), chat=ROBOT_GROUP))))
    await wecom.send(out(CARD))
    fake.script(UPDATE, refuses(41079))
    await wecom.send(out(DONE, "u1", update=True))
    logged = [one.getMessage() for one in caplog.records if one.name != "aiohttp.access"]
    assert logged
    whole = "\n".join([*said, *logged, repr(wecom.settings), repr(fake.bot_settings())])
    for secret in (*SECRETS, "张三", "13800001111", "private words"):
        assert secret not in whole
