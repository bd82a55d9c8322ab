"""The sender against a DingTalk that answers by script."""

import asyncio
import io
import logging
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from bot.chat.message import (
    Button,
    Card,
    Chat,
    Document,
    FileIn,
    Markdown,
    Part,
    Picture,
    Place,
    ReplyHook,
    Text,
)
from bot.chat.ports import Outgoing
from bot.platforms.dingtalk.api import Api, http_session
from bot.platforms.dingtalk.client import DingTalk, open_dingtalk
from bot.platforms.dingtalk.ding import DingKind
from bot.platforms.dingtalk.robots import sign
from crm.kernel.clock import StoppedClock
from crm.kernel.errors import Outcome, OutsideError
from tests.fakes.dingtalk import (
    CARDS,
    CREATE,
    DELIVER,
    GROUP,
    HOOK,
    PRIVATE,
    ROBOT,
    SECRETS,
    TOKEN,
    UPLOAD,
    FakeDingTalk,
    cuts_the_answer,
    fake_dingtalk,
    refuses,
    says,
    shows_a_page,
)

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
WANG = Chat(platform="dingtalk", place=Place.PRIVATE, id="wangqiang")
RISK = Chat(platform="dingtalk", place=Place.GROUP, id="g-risk")
CARD = Card(
    id="K3F9", version=4, title="开户审批", status="待审", buttons=(Button("ok:1", "同意"),)
)


class Shelf:
    """Blobs in memory."""

    def __init__(self, **blobs: bytes) -> None:
        self.blobs = blobs

    async def read(self, name: str) -> bytes:
        return self.blobs[name]


@pytest.fixture
async def far() -> AsyncIterator[FakeDingTalk]:
    async with fake_dingtalk() as fake:
        yield fake


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOON)


@pytest.fixture
async def ding(far: FakeDingTalk, clock: StoppedClock) -> AsyncIterator[DingTalk]:
    shelf = Shelf(chart=b"png", report=b"xlsx", rows=b"a,b", huge=b"0" * (20 * 1024 * 1024 + 1))
    async with open_dingtalk(far.settings(), clock, shelf) as client:
        yield client


def out(part: Part, chat: Chat = WANG, **more: Any) -> Outgoing:
    return Outgoing(key="out-1", chat=chat, part=part, **more)


async def outcome(ding: DingTalk, item: Outgoing) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        await ding.send(item)
    return caught.value


class TestWords:
    async def test_text_goes_to_the_person(self, far: FakeDingTalk, ding: DingTalk) -> None:
        receipt = await ding.send(out(Text(text="好的")))
        [call] = far.to(PRIVATE)
        assert call.body["userIds"] == ["wangqiang"]
        assert call.body["robotCode"] == "dingdemo"
        assert call.params == {"content": "好的"}
        assert receipt.platform_id.startswith("pqk")

    async def test_markdown_goes_to_the_group(self, far: FakeDingTalk, ding: DingTalk) -> None:
        await ding.send(out(Markdown(title="日报", text="**好**"), RISK))
        [call] = far.to(GROUP)
        assert call.body["openConversationId"] == "g-risk"
        assert call.params == {"title": "日报", "text": "**好**"}

    async def test_a_reply_takes_the_hook_while_it_lasts(
        self, far: FakeDingTalk, ding: DingTalk, clock: StoppedClock
    ) -> None:
        hook = ReplyHook(url=far.hook, expires=NOON + timedelta(minutes=90))
        await ding.send(out(Text(text="一"), hook=hook))
        clock.advance(timedelta(minutes=90))
        await ding.send(out(Text(text="二"), hook=hook))
        [first] = far.to(HOOK)
        assert first.body == {"msgtype": "text", "text": {"content": "一"}}
        assert [call.params["content"] for call in far.to(PRIVATE)] == ["二"]

    @pytest.mark.parametrize("code", [300001, 410100])
    async def test_a_hook_that_is_over_early_is_replaced_by_the_api(
        self, far: FakeDingTalk, ding: DingTalk, code: int
    ) -> None:
        far.script(HOOK, says(200, {"errcode": code, "errmsg": "session.expired"}))
        hook = ReplyHook(url=far.hook, expires=NOON + timedelta(minutes=9))
        await ding.send(out(Text(text="一"), hook=hook))
        assert len(far.to(PRIVATE)) == 1

    async def test_a_long_text_is_several_messages_in_order(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        lines = [f"第 {n} 行" for n in range(2000)]
        await ding.send(out(Text(text="\n".join(lines))))
        sent = [call.params["content"] for call in far.to(PRIVATE)]
        assert len(sent) > 2
        assert "\n".join(sent).split("\n") == lines

    async def test_a_retry_goes_on_where_a_long_text_stopped(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        slow = refuses("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", 403)
        far.script(PRIVATE, says(200, {"processQueryKey": "k"}), slow)
        long = out(Text(text="\n".join(f"第 {n} 行" for n in range(2000))))
        error = await outcome(ding, long)
        assert (error.outcome, error.wait_seconds) == (Outcome.RETRY, 1)
        before = len(far.to(PRIVATE))
        await ding.send(long)
        again = [call.params["content"] for call in far.to(PRIVATE)[before:]]
        assert again[0] == far.to(PRIVATE)[1].params["content"]

    async def test_a_repetition_is_marked(self, far: FakeDingTalk, ding: DingTalk) -> None:
        await ding.send(out(Text(text="请追加保证金"), again=True))
        assert far.to(PRIVATE)[0].params["content"] == "(重发) 请追加保证金"

    async def test_somebody_who_left_is_refused_for_good(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        far.script(PRIVATE, says(200, {"processQueryKey": "", "invalidStaffIdList": ["w"]}))
        assert (await outcome(ding, out(Text(text="x")))).outcome is Outcome.REFUSED

    async def test_flow_control_inside_a_success_is_tried_later(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        far.script(PRIVATE, says(200, {"flowControlledStaffIdList": ["wangqiang"]}))
        error = await outcome(ding, out(Text(text="x")))
        assert (error.outcome, error.wait_seconds) == (Outcome.RETRY, 60)

    async def test_refused_words_are_replaced_by_neutral_ones(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        far.script(PRIVATE, refuses("contain.notAllowed.text"))
        error = await outcome(ding, out(Text(text="敏感")))
        assert error.outcome is Outcome.REFUSED
        assert "out-1" in far.to(PRIVATE)[1].params["content"]


class TestCards:
    async def test_a_card_is_created_and_delivered_under_its_own_id(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        receipt = await ding.send(out(CARD, reply_to="msg-7"))
        [call] = far.to(CREATE)
        assert call.body["outTrackId"] == "K3F9"
        assert call.body["cardTemplateId"] == "desk.schema"
        assert call.body["callbackType"] == "STREAM"
        assert call.body["openSpaceId"] == "dtv1.card//IM_ROBOT.wangqiang"
        model = call.body["imRobotOpenDeliverModel"]
        assert model["spaceType"] == "IM_ROBOT"
        assert model["extension"] == {"replyTo": "msg-7"}
        assert call.body["imRobotOpenSpaceModel"]["supportForward"] is False
        assert all(type(v) is str for v in call.body["cardData"]["cardParamMap"].values())
        assert receipt.updatable

    async def test_a_group_card_goes_to_the_group(self, far: FakeDingTalk, ding: DingTalk) -> None:
        await ding.send(out(CARD, RISK))
        [call] = far.to(CREATE)
        assert call.body["openSpaceId"] == "dtv1.card//IM_GROUP.g-risk"
        assert call.body["imGroupOpenDeliverModel"]["robotCode"] == "dingdemo"
        assert call.body["imGroupOpenSpaceModel"]["supportForward"] is False

    async def test_an_update_goes_by_key(self, far: FakeDingTalk, ding: DingTalk) -> None:
        await ding.send(out(CARD, update=True))
        [call] = far.to(CARDS, "PUT")
        assert call.body["outTrackId"] == "K3F9"
        assert call.body["cardUpdateOptions"]["updateCardDataByKey"] is True
        assert call.body["cardData"]["cardParamMap"]["rev"] == "4"

    async def test_a_card_that_exists_was_shown_and_is_left_as_it_is(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        far.script(CREATE, refuses("param.cardAlreadyExist"))
        receipt = await ding.send(out(CARD, again=True))
        assert receipt.updatable
        assert far.to(CARDS, "PUT") == []  # it may have been clicked since
        assert far.to(DELIVER) == []

    async def test_a_failed_target_inside_a_success_is_a_failure(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        failed = [{"success": False, "errorMsg": "spaceId is illegal"}]
        far.script(CREATE, says(200, {"success": True, "result": {"deliverResults": failed}}))
        assert (await outcome(ding, out(CARD))).outcome is Outcome.REFUSED

    async def test_a_card_that_nobody_was_shown_is_only_delivered_by_the_retry(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        failed = [{"success": False, "errorMsg": "busy"}]
        far.script(CREATE, says(200, {"success": True, "result": {"deliverResults": failed}}))
        assert (await outcome(ding, out(CARD))).outcome is Outcome.RETRY
        await ding.send(out(CARD))
        assert len(far.to(CREATE)) == 1
        assert len(far.to(DELIVER)) == 1

    @pytest.mark.parametrize(
        "refusal",
        [
            refuses("param.templateNotExist"),
            refuses("param.templateUnpublished"),
            refuses("Forbidden.X", 403, accessdenieddetail={"requiredScopes": ["Card.Write"]}),
        ],
    )
    async def test_without_a_usable_template_the_card_is_said_in_words(
        self, far: FakeDingTalk, ding: DingTalk, refusal: Any
    ) -> None:
        far.script(CREATE, refusal)
        receipt = await ding.send(out(CARD))
        assert not receipt.updatable
        assert far.to(PRIVATE)[0].body["msgKey"] == "sampleActionCard"

    async def test_without_a_configured_template_no_card_call_is_made(
        self, far: FakeDingTalk, clock: StoppedClock
    ) -> None:
        async with open_dingtalk(far.settings(templates={}), clock, Shelf()) as ding:
            await ding.send(out(CARD, RISK))
            assert not ding.capabilities.update_in_place
        assert far.to(CREATE) == []
        assert "按 ok:1 #K3F9.4" in far.to(GROUP)[0].params["text"]


class TestPages:
    """A card that leads to a page of ours."""

    CARD = Card(id="K3F9", title="9 条待办", link="/pages/todo")

    @pytest.mark.parametrize(
        ("public_url", "link"),
        [
            ("https://desk.example.com", "https://desk.example.com/pages/todo"),
            ("", ""),  # nobody was told where the pages are
        ],
    )
    async def test_it_says_where_that_is_when_first_shown_and_later(
        self, far: FakeDingTalk, clock: StoppedClock, public_url: str, link: str
    ) -> None:
        async with open_dingtalk(far.settings(public_url=public_url), clock, Shelf()) as ding:
            await ding.send(out(self.CARD))
            await ding.send(out(self.CARD, update=True))
        for call in (*far.to(CREATE), *far.to(CARDS, "PUT")):
            assert call.body["cardData"]["cardParamMap"]["link"] == link
        assert len(far.calls) == 3  # with the token's

    async def test_in_words_too(self, far: FakeDingTalk, clock: StoppedClock) -> None:
        settings = far.settings(public_url="https://desk.example.com", templates={})
        async with open_dingtalk(settings, clock, Shelf()) as ding:
            await ding.send(out(self.CARD))
        [call] = far.to(PRIVATE)
        assert "[查看详情](https://desk.example.com/pages/todo)" in call.params["text"]

    async def test_a_link_to_elsewhere_is_left_alone(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        await ding.send(out(Card(id="K3F9", title="公告", link="https://x.example/1")))
        [call] = far.to(CREATE)
        assert call.body["cardData"]["cardParamMap"]["link"] == "https://x.example/1"


class TestMedia:
    async def test_a_picture_is_uploaded_and_shown_with_its_caption(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        await ding.send(out(Picture(blob="chart", caption="权益 60 日")))
        [upload] = far.to(UPLOAD)
        assert b'name="type"\r\n\r\nimage' in upload.body.replace(
            b"Content-Type: text/plain; charset=utf-8\r\n", b""
        )
        [call] = far.to(PRIVATE)
        assert call.params["text"].startswith("权益 60 日\n\n![](@media")

    async def test_a_picture_for_many_is_uploaded_once(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        for chat in (WANG, RISK):
            await ding.send(out(Picture(blob="chart", caption="图"), chat))
        assert len(far.to(UPLOAD)) == 1

    async def test_a_picture_that_was_drawn_anew_is_uploaded_anew(
        self, far: FakeDingTalk, clock: StoppedClock
    ) -> None:
        shelf = Shelf(curve=b"monday")
        async with open_dingtalk(far.settings(), clock, shelf) as ding:
            await ding.send(out(Picture(blob="curve", caption="图")))
            shelf.blobs["curve"] = b"tuesday"
            await ding.send(out(Picture(blob="curve", caption="图")))
        assert len(far.to(UPLOAD)) == 2

    async def test_a_document_is_a_file_after_its_caption(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        await ding.send(out(Document(blob="report", name="月报.xlsx", caption="十月月报")))
        words, file = far.to(PRIVATE)
        assert words.params == {"content": "十月月报"}
        assert file.body["msgKey"] == "sampleFile"
        assert (file.params["fileName"], file.params["fileType"]) == ("月报.xlsx", "xlsx")

    async def test_a_kind_of_file_that_dingtalk_refuses_goes_in_a_zip(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        await ding.send(out(Document(blob="rows", name="明细.csv")))
        assert far.to(PRIVATE)[0].params["fileName"] == "明细.csv.zip"
        [upload] = far.to(UPLOAD)
        start = upload.body.index(b"PK\x03\x04")
        with zipfile.ZipFile(io.BytesIO(upload.body[start:])) as archive:
            assert archive.read("明细.csv") == b"a,b"

    async def test_a_file_over_the_limit_is_refused_before_it_is_sent(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        error = await outcome(ding, out(Document(blob="huge", name="大.pdf")))
        assert (error.code, error.outcome) == ("file.tooLarge", Outcome.REFUSED)
        assert far.to(UPLOAD) == []

    async def test_a_repeated_document_is_announced_as_such(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        await ding.send(out(Document(blob="report", name="月报.xlsx"), again=True))
        assert far.to(PRIVATE)[0].params["content"] == "(重发) 文件 月报.xlsx"

    async def test_what_a_person_sent_is_fetched_by_its_code(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        path = "/v1.0/robot/messageFiles/download"
        far.script(path, says(200, {"downloadUrl": f"{far.base}/file?Signature=x"}))

        async def file(_: web.Request) -> web.StreamResponse:
            return web.Response(body=b"pdf")

        far.script("/file", file)
        assert await ding.fetch(FileIn(code="dc1", name="开户.pdf")) == b"pdf"
        assert far.to(path)[0].body == {"downloadCode": "dc1", "robotCode": "dingdemo"}

    async def test_a_fetched_file_may_not_be_endless(
        self, far: FakeDingTalk, ding: DingTalk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bot.platforms.dingtalk.client.FETCH_BYTES", 10)
        path = "/v1.0/robot/messageFiles/download"
        far.script(path, says(200, {"downloadUrl": f"{far.base}/file"}))

        async def file(_: web.Request) -> web.StreamResponse:
            return web.Response(body=b"0" * 11)

        far.script("/file", file)
        with pytest.raises(OutsideError) as caught:
            await ding.fetch(FileIn(code="dc1", name="大"))
        assert caught.value.outcome is Outcome.REFUSED


class TestTroubles:
    async def test_a_refused_token_is_renewed_once_and_the_call_repeated(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        far.script(PRIVATE, refuses("InvalidAuthentication"))
        await ding.send(out(Text(text="x")))
        first, second = far.to(PRIVATE)
        header = "x-acs-dingtalk-access-token"
        assert first.headers[header] != second.headers[header]
        assert len(far.to(TOKEN)) == 2

    async def test_a_token_refused_twice_ends_the_try(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        far.script(PRIVATE, refuses("InvalidAuthentication"), refuses("InvalidAuthentication"))
        assert (await outcome(ding, out(Text(text="x")))).outcome is Outcome.RETRY
        assert len(far.to(PRIVATE)) == 2

    async def test_an_old_token_is_renewed_for_the_old_host_too(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        far.script(UPLOAD, says(200, {"errcode": 40014, "errmsg": "x"}))
        await ding.send(out(Picture(blob="chart", caption="图")))
        assert len(far.to(UPLOAD)) == 2

    async def test_an_answer_that_never_comes_leaves_the_outcome_unknown(
        self, far: FakeDingTalk, clock: StoppedClock
    ) -> None:
        answering = asyncio.Event()

        async def hangs(_: web.Request) -> web.StreamResponse:
            async with asyncio.timeout(5):
                await answering.wait()
            return web.Response()

        far.script(PRIVATE, hangs)
        settings = far.settings()
        async with http_session(settings) as http:
            api = Api(settings, http, clock, call_seconds=0.2)
            ding = DingTalk(settings, api, clock, Shelf())
            error = await outcome(ding, out(Text(text="x")))
        answering.set()
        assert error.outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize("part", [Text(text="x"), CARD])
    async def test_half_an_answer_leaves_the_outcome_unknown(
        self, far: FakeDingTalk, ding: DingTalk, part: Part
    ) -> None:
        far.script(PRIVATE, cuts_the_answer)
        far.script(CREATE, cuts_the_answer)
        assert (await outcome(ding, out(part))).outcome is Outcome.UNKNOWN

    async def test_a_page_instead_of_an_answer_is_tried_again(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        far.script(PRIVATE, shows_a_page)
        assert (await outcome(ding, out(Text(text="x")))).outcome is Outcome.RETRY

    async def test_a_host_that_is_not_there_is_tried_again(
        self, far: FakeDingTalk, clock: StoppedClock, unused_tcp_port: int
    ) -> None:
        nowhere = f"http://127.0.0.1:{unused_tcp_port}"
        settings = far.settings(api_base=nowhere)
        async with open_dingtalk(settings, clock, Shelf()) as ding:
            assert (await outcome(ding, out(Text(text="x")))).outcome is Outcome.RETRY

    async def test_a_host_that_dies_after_the_token_is_tried_again(
        self, far: FakeDingTalk, clock: StoppedClock, unused_tcp_port: int
    ) -> None:
        hook = ReplyHook(
            url=f"http://127.0.0.1:{unused_tcp_port}/x?session={SECRETS[1]}",
            expires=NOON + timedelta(minutes=9),
        )
        async with open_dingtalk(far.settings(), clock, Shelf()) as ding:
            assert (await outcome(ding, out(Text(text="x"), hook=hook))).outcome is Outcome.RETRY

    @pytest.mark.parametrize(
        "answer",
        [
            refuses(SECRETS[2]),
            refuses("InvalidAuthentication"),
            says(200, {"errcode": 40014, "errmsg": SECRETS[1]}),
            cuts_the_answer,
            shows_a_page,
            says(500, {"code": "张三 13800001111", "message": "x"}),
        ],
    )
    async def test_no_secret_and_no_word_of_a_person_is_in_any_error_or_log_line(
        self,
        far: FakeDingTalk,
        ding: DingTalk,
        caplog: pytest.LogCaptureFixture,
        answer: Any,
    ) -> None:
        private = ("张三", "13800001111", *SECRETS[:2], *SECRETS[3:])
        hook = ReplyHook(url=far.hook, expires=NOON + timedelta(minutes=9))
        far.script(HOOK, answer, answer)
        far.script(PRIVATE, answer, answer, answer)
        far.script(CREATE, answer, answer)
        far.script(ROBOT, answer)
        seen = []
        with caplog.at_level(logging.DEBUG):
            for item in (
                out(Text(text="张三 13800001111"), hook=hook),
                out(Text(text="张三 13800001111")),
                out(CARD),
            ):
                try:
                    await ding.send(item)
                except OutsideError as error:
                    seen.append(f"{error!r} {error} {error.code}")
            try:
                await ding.robots.send("risk", "张三", "13800001111", uuid="u")
            except OutsideError as error:
                seen.append(f"{error!r} {error}")
        shown = "\n".join([*seen, caplog.text, repr(far.settings())])
        assert seen
        assert not [word for word in private if word in shown]
        assert f"{SECRETS[2]}-" not in shown


class TestProxy:
    async def test_calls_go_through_the_proxy(self, far: FakeDingTalk, clock: StoppedClock) -> None:
        settings = far.settings(api_base="http://api.dingtalk.invalid", proxy=far.base)
        async with open_dingtalk(settings, clock, Shelf()) as ding:
            await ding.send(out(Text(text="x")))
        [call] = far.to(PRIVATE)
        assert call.headers["Host"] == "api.dingtalk.invalid"


class TestOtherChannels:
    async def test_a_custom_robot_signs_and_names_its_message(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        await ding.robots.send(
            "risk", "追保", "风险度 **112%**", uuid="alert-778-1", mention=["chenxi"]
        )
        [call] = far.to(ROBOT)
        assert call.query["access_token"] == SECRETS[4]
        assert call.query["sign"] == sign(SECRETS[3], call.query["timestamp"])
        assert call.body["msgUuid"] == "alert-778-1"
        assert call.body["markdown"]["text"].endswith("@chenxi")
        assert call.body["at"] == {"atUserIds": ["chenxi"], "isAtAll": False}

    def test_the_signature_is_the_official_one(self) -> None:
        assert sign("SECdemo0001", "1767225600000") == (
            "rFkNJNiPLw+5HeJifGSjjzVcgD4oEUmYovKalWAW3JY="
        )

    async def test_a_ding_by_phone_says_whom_it_did_not_reach(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        path = "/v1.0/robot/ding/send"
        far.script(path, says(200, {"openDingId": "54", "failedList": {"no phone": ["chenxi"]}}))
        receipt = await ding.dings.send(DingKind.PHONE, ["chenxi", "fengjun"], "请处理")
        [call] = far.to(path)
        assert call.body["remindType"] == 3
        assert call.body["callVoice"]
        assert receipt.id == "54"
        assert receipt.failed == {"chenxi": "no phone"}

    async def test_a_ding_to_too_many_is_refused_here(self, ding: DingTalk) -> None:
        with pytest.raises(OutsideError) as caught:
            await ding.dings.send(DingKind.SMS, ["x"] * 21, "请处理")
        assert caught.value.outcome is Outcome.REFUSED

    async def test_a_person_is_read_however_stringly_he_is_written(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        result = {
            "userid": "risk0003",
            "unionid": "u3",
            "name": "风控岗",
            "active": "true",
            "dept_id_list": "[4021,7]",
            "role_list": [{"id": 501, "name": "风控审批", "group_name": "qidesk"}],
        }
        far.script("/topapi/v2/user/get", says(200, {"errcode": 0, "result": result}))
        contact = await ding.contacts.user("risk0003")
        assert contact.active
        assert contact.departments == (4021, 7)
        assert contact.roles == (501,)

    async def test_departments_are_walked_from_the_root(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        path = "/topapi/v2/department/listsub"

        def below(*children: tuple[int, str, int]) -> Any:
            rows = [{"dept_id": i, "name": n, "parent_id": p} for i, n, p in children]
            return says(200, {"errcode": 0, "result": rows})

        far.script(path, below((2, "杭州", 1), (3, "上海", 1)), below((4, "一部", 2)), below())
        far.script(path, below())
        names = [department.name async for department in ding.contacts.departments()]
        assert names == ["杭州", "上海", "一部"]


class TestRepeating:
    async def test_a_card_keeps_a_second_try_from_being_shown_and_words_do_not(
        self, ding: DingTalk
    ) -> None:
        assert ding.idempotent(out(CARD))
        assert ding.idempotent(out(CARD, update=True))
        assert not ding.idempotent(out(Text(text="x")))

    async def test_a_card_that_had_to_be_said_in_words_does_not_either(
        self, far: FakeDingTalk, ding: DingTalk
    ) -> None:
        far.script(CREATE, refuses("param.templateNotExist"))
        far.script(PRIVATE, cuts_the_answer)
        assert (await outcome(ding, out(CARD))).outcome is Outcome.UNKNOWN
        assert not ding.idempotent(out(CARD))


class TestTheMonthsQuota:
    async def test_calls_are_counted_by_pool_and_throttled_ones_are_free(
        self, far: FakeDingTalk, clock: StoppedClock
    ) -> None:
        counted = []

        def tally(platform: str, pool: str) -> None:
            counted.append((platform, pool))

        far.script(PRIVATE, refuses("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi", 403))
        async with open_dingtalk(far.settings(), clock, Shelf(), tally) as ding:
            await outcome(ding, out(Text(text="x")))
            await ding.send(out(Text(text="x")))
            await ding.contacts.members(1)
            hook = ReplyHook(url=far.hook, expires=NOON + timedelta(minutes=9))
            await ding.send(out(Text(text="x"), hook=hook))
        assert counted == [("dingtalk", "api"), ("dingtalk", "push")]


class TestBuckets:
    def test_they_name_the_call_and_the_chat(self, clock: StoppedClock) -> None:
        far = FakeDingTalk(base="http://127.0.0.1:1")
        settings = far.settings()
        ding = DingTalk(settings, None, clock, Shelf())  # type: ignore[arg-type]
        hook = ReplyHook(url=far.hook, expires=NOON + timedelta(minutes=9))
        assert ding.buckets(out(CARD)) == (
            "dingtalk:app:card_create",
            "dingtalk:private:wangqiang",
        )
        assert ding.buckets(out(CARD, update=True)) == ("dingtalk:app:card_update",)
        assert ding.buckets(out(Text(text="x"), RISK)) == (
            "dingtalk:app:robot_group",
            "dingtalk:group:g-risk",
        )
        assert ding.buckets(out(Text(text="x"), hook=hook))[0] == "dingtalk:hook"
