"""The short way that an ordinary text takes reads what the long way would have read."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.message import Ask, AskKind, Chat, Click, FileIn, Place, ReplyHook
from bot.chat.raw import load_ask, raw_of
from bot.platforms.dingtalk import parse as dingtalk
from bot.platforms.wecom import parse as wecom
from bot.platforms.wecom.markup import Malformed, read_xml

NOW = datetime(2026, 11, 23, 4, tzinfo=UTC)
CORP = "dingcorpdemo01"

DINGTALK: dict[str, Any] = {
    "msgId": "msgDemo==",
    "msgtype": "text",
    "text": {"content": " 记 张三 电话"},
    "conversationType": "1",
    "conversationId": "cidDemo==",
    "senderStaffId": "am0107",
    "senderCorpId": CORP,
    "chatbotCorpId": CORP,
    "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=5c0ffee5",
    "sessionWebhookExpiredTime": 1767231000123,
    "createAt": 1767225600123,
    "isInAtList": True,
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**14),
    st.text(max_size=8),
    st.sampled_from(["1", "2", "", "text", CORP, "20001"]),
    st.dictionaries(st.sampled_from(["content", "x"]), st.none() | st.text(max_size=8), max_size=2),
)
NAMES = (*DINGTALK, "errorCode", "errCode")

WECOM = (
    "<xml><ToUserName><![CDATA[ww1]]></ToUserName>\n<FromUserName><![CDATA[{user}]]></FromUserName>"
    "<CreateTime>{at}</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>"
    "<Content><![CDATA[{words}]]></Content><MsgId>{id}</MsgId><AgentID>1000007</AgentID></xml>"
)


class TestFromDingTalk:
    @pytest.mark.parametrize(
        "change", [{}, {"conversationType": "2"}, {"isInAtList": None, "conversationType": "2"}]
    )
    def test_an_ordinary_one_takes_the_short_way(self, change: dict[str, Any]) -> None:
        data = json.dumps(DINGTALK | change)
        raw = dingtalk.read_text(data, app="ding1", corp_id=CORP)
        assert raw is not None
        assert (raw.platform, raw.app, raw.key) == ("dingtalk", "ding1", "msgDemo==")
        assert raw.ask == dingtalk.read_message(data, corp_id=CORP, now=NOW)

    @given(st.dictionaries(st.sampled_from(NAMES), ODD, max_size=3), st.sampled_from(["", CORP]))
    def test_what_takes_the_short_way_is_read_as_by_the_long_one(
        self, change: dict[str, Any], corp_id: str
    ) -> None:
        data = json.dumps(DINGTALK | change)
        raw = dingtalk.read_text(data, app="ding1", corp_id=corp_id)
        if raw is not None:
            assert raw.ask == dingtalk.read_message(data, corp_id=corp_id, now=NOW)

    @pytest.mark.parametrize(
        "change",
        [
            {"senderCorpId": "dingother"},
            {"senderCorpId": "dingother", "chatbotCorpId": "dingother"},
            {"errCode": "20001"},
            {"senderStaffId": ""},
            {"msgtype": "audio"},
            {"createAt": "1767225600123"},
        ],
    )
    def test_what_is_not_ordinary_takes_the_long_way(self, change: dict[str, Any]) -> None:
        data = json.dumps(DINGTALK | change)
        assert dingtalk.read_text(data, app="ding1", corp_id=CORP) is None

    @pytest.mark.parametrize("data", ["", "[]", "3", "null", "{}", "{", '"msgId"'])
    def test_rubbish_takes_the_long_way(self, data: str) -> None:
        assert dingtalk.read_text(data, app="ding1", corp_id=CORP) is None


class TestFromWeCom:
    @staticmethod
    def plain(words: str = "记 张三", user: str = "wangqiang", at: str = "1767225600") -> bytes:
        text = WECOM.format(user=user, at=at, kind="text", words=words, id="7")
        return text.encode(errors="surrogatepass")

    def test_an_ordinary_one_takes_the_short_way(self) -> None:
        raw = wecom.read_text(self.plain(" 查 张三\n&lt; "), app="1000007")
        assert raw is not None
        assert (raw.platform, raw.app, raw.key) == ("wecom", "1000007", "7")
        assert raw.ask.text == "查 张三\n&lt;"

    @given(
        st.text(st.characters(), max_size=12) | st.sampled_from(["]]>", "]", "\r\n", "\ufffe"]),
        st.sampled_from(["wangqiang", "a.b-c_d@e", " x", "王强", ""]),
        st.sampled_from(["1767225600", "0", "-1", "9999999999", "99999999999", ""]),
    )
    def test_what_takes_the_short_way_is_read_as_by_the_long_one(
        self, words: str, user: str, at: str
    ) -> None:
        plain = self.plain(words, user, at)
        raw = wecom.read_text(plain, app="1000007")
        if raw is not None:
            assert raw.ask == self.read(plain)

    @staticmethod
    def read(plain: bytes) -> object:
        try:
            return wecom.read_callback(read_xml(plain), plain, now=NOW)
        except Malformed:
            return "refused"

    @pytest.mark.parametrize("kind", ["event", "image", "TEXT"])
    def test_what_is_not_ordinary_takes_the_long_way(self, kind: str) -> None:
        text = WECOM.format(user="wangqiang", at="1767225600", kind=kind, words="查", id="7")
        assert wecom.read_text(text.encode(), app="1000007") is None


CHAT = Chat(platform="dingtalk", place=Place.GROUP, id="g1")


@pytest.mark.parametrize(
    "more",
    [
        {"kind": AskKind.TEXT},
        {"kind": AskKind.VOICE, "text": "张三 👌", "mentioned": True},
        {"kind": AskKind.FILE, "files": (FileIn(code="c", name="名.xlsx"),)},
        {
            "kind": AskKind.CLICK,
            "click": Click(card="q", version=3, action="a:1", inputs={"x": "1", "y": ("a", "b")}),
        },
        {"kind": AskKind.OTHER, "hook": ReplyHook(url="https://x/?s=1", expires=NOW)},
    ],
)
def test_whatever_was_asked_is_read_back_from_the_form_in_which_it_is_stored(
    more: dict[str, Any],
) -> None:
    ask = Ask(message_id="m1", chat=CHAT, user="u1", at=NOW, **more)
    raw = raw_of("app1", ask)
    assert (raw.platform, raw.app, raw.key) == ("dingtalk", "app1", "m1")
    assert raw.ask == load_ask(raw.body) == ask
