"""What the stand-in's bot says: the transcripts of product.md, as items of a screen."""

from datetime import datetime, timedelta
from typing import Any

Json = dict[str, Any]

NOW = datetime.fromisoformat("2026-11-23T14:32:10+08:00")

CURVE = b"""<svg xmlns="http://www.w3.org/2000/svg" width="720" height="300" viewBox="0 0 720 300">
<rect width="720" height="300" fill="#fff"/><path d="M20 200L120 170 210 190 320 120 430 150 540 90
 620 130 700 110" fill="none" stroke="#d1252b" stroke-width="3"/></svg>"""


def button(key: str, label: str, style: str = "plain", **more: Any) -> Json:
    return {"key": key, "label": label, "style": style, "enabled": True, "confirm": "", **more}


def facts(*pairs: tuple[str, str]) -> list[Json]:
    return [{"label": label, "value": value} for label, value in pairs]


def card(id_: str, title: str, **parts: Any) -> Json:
    whole = {
        "id": id_,
        "version": 1,
        "title": title,
        "status": "",
        "tone": "grey",
        "text": "",
        "fields": [],
        "columns": [],
        "rows": [],
        "sections": [],
        "inputs": [],
        "buttons": [],
        "footer": "",
        "link": "",
    }
    return {"kind": "card", "card": whole | parts}


def found() -> Json:
    return card(
        "found",
        "找到 3 位客户",
        columns=["", "客户", "账号", "等级", "品种", "风险度"],
        rows=[
            ["1", "张三", "80010023", "A类", "螺纹/热卷", "86.4%"],
            ["2", "张思远", "80010771", "B类", "豆粕", "23.1%"],
            ["3", "赵胜", "80012290", "C类", "", "休眠"],
        ],
        buttons=[button(f"pick:{n}", str(n)) for n in (1, 2, 3)],
        footer="回复数字或点按选择，10 分钟内有效",
    )


def found_on_wecom() -> Json:
    """As WeCom's card puts it: a source, a place it must lead to, a menu in its corner."""
    return card(
        "wecom",
        "张* · 80****23",
        status="期台",
        buttons=[button("pick:1", "1"), button("page:1", "下一页", menu=True)],
        link="https://work.weixin.qq.com/#wecom",
    )


def client() -> Json:
    return card(
        "client-17",
        "张三 · 80010023 · A类客户",
        status="警示",
        tone="amber",
        fields=facts(
            ("权益", "128.45万"),
            ("可用", "17.41万"),
            ("保证金", "111.04万"),
            ("风险度", "86.45% ▲5.2"),
            ("今日盈亏", "−3.21万"),
            ("出入金", "−5万"),
            ("距 100% 风险", "螺纹再跌 2.1%"),
            ("持仓", "rb2701 多30 · hc2701 空12"),
            ("权限", "商品✓ 原油✓ 股指✗ 期权✓(2027-03到期)"),
            ("最近沟通", "11-19 电话 «套保比例»"),
            ("待办", "11-25 回访"),
            ("身份证", "3301**********1234"),
            ("手机", "138****6688"),
        ),
        buttons=[
            button("positions:17", "持仓", "primary"),
            button("curve:17", "资金曲线"),
            button("log:17", "记录"),
            button("task:17", "待办"),
            button("permission:17", "开通权限", enabled=False),
            button("more:17", "更多"),
        ],
        footer="数据 14:32:07（3 秒前）",
    )


def logged() -> Json:
    return card(
        "log-1",
        "已记录 · 张三 · 电话 · 11-23 14:35",
        status="已记录",
        tone="green",
        text="«聊了螺纹套保比例，想降到三成，下周三回访»",
        fields=facts(("标签", "套保"), ("待办", "12-02（周三）09:00 回访")),
        buttons=[
            button("retime:1", "改时间"),
            button("undo:1", "撤销", "danger", confirm="撤销这条记录和它的待办？"),
            button("add:1", "补充"),
        ],
        footer="10 分钟内可撤销",
    )


def positions() -> Json:
    return card(
        "positions-17",
        "张三 · 持仓",
        columns=["合约", "方向", "手数", "均价", "最新", "盈亏"],
        rows=[
            ["rb2701", "多", "30", "3,142", "3,120", "−6,600 ▼0.7%"],
            ["hc2701", "空", "12", "3,305", "3,282", "+2,760 ▲0.7%"],
        ],
        footer="盈亏为当日盯市，单位元",
    )


def picture() -> Json:
    return {
        "kind": "image",
        "url": "/sandbox/media/curve",
        "text": "权益 60 日 · 最大回撤 18.2%",
    }


def margin_call() -> Json:
    return card(
        "alert-hz",
        "营业部 杭州 · 4 户 · 14:32",
        status="追保",
        tone="orange",
        columns=["客户", "账号", "风险度", "需追加", "经理"],
        rows=[
            ["张三", "80010023", "101.3% ▲", "1.42万", "王强"],
            ["陈立群", "80010112", "103.8% ▲", "4.10万", "李敏"],
            ["宁波宏远贸易", "80010390", "108.2% ▲", "22.6万", "王强"],
            ["解晓东", "80010455", "100.4% ▲", "0.21万", "李敏"],
        ],
        buttons=[
            button("claim:all", "认领全部", "primary"),
            *(button(f"open:{n}", str(n)) for n in (1, 2, 3, 4)),
            button("silence", "静默30分"),
        ],
        footer="5 分钟内无人认领将电话通知值班：陈曦",
    )


def call_of_one() -> Json:
    return card(
        "alert-1",
        "张三 追保处理",
        status="追保",
        tone="orange",
        text="需追加 14,200.00 元才能回到 100%；回到 95% 需 72,900.00 元",
        fields=facts(("风险度", "101.3% ▲"), ("可用", "−1.42万"), ("客户经理", "王强")),
        sections=[
            {"title": "再走一步", "text": "螺纹再跌 1.1% → 120%（强平线）"},
            {"title": "建议减仓", "text": "rb2701 多 4手 → 97.8%"},
        ],
        buttons=[
            button("own", "我来处理", "primary"),
            button("notice", "发追保通知"),
            button("called", "已电话"),
            button("promise", "客户承诺入金"),
            button("force", "强平申请", "danger", confirm="提交强平申请？需要第二个人确认。"),
        ],
        footer="14:32:07",
    )


def approval() -> Json:
    return card(
        "case-9",
        "开户审批 · 李建国 · 自然人",
        status="待审批",
        tone="blue",
        fields=facts(
            ("申请人", "王强"),
            ("营业部", "杭州"),
            ("适当性", "C4 匹配"),
            ("反洗钱", "低风险"),
            ("检查", "身份证✓ 银行卡✓ 问卷✓ 年龄 61 需回访"),
        ),
        inputs=[
            {
                "key": "comment",
                "label": "意见",
                "kind": "text",
                "required": True,
                "options": [],
                "value": "",
            },
            {
                "key": "reason",
                "label": "类别",
                "kind": "select",
                "required": False,
                "value": "",
                "options": [{"value": "docs", "label": "资料"}, {"value": "age", "label": "年龄"}],
            },
            {
                "key": "items",
                "label": "补件",
                "kind": "multi_select",
                "required": False,
                "value": "",
                "options": [
                    {"value": "id", "label": "身份证"},
                    {"value": "bank", "label": "银行卡"},
                ],
            },
            {
                "key": "visit",
                "label": "回访日",
                "kind": "date",
                "required": False,
                "value": "",
                "options": [],
            },
        ],
        buttons=[
            button("approve", "同意", "primary"),
            button("reject", "驳回", "danger"),
            button("forward", "转交"),
            button("return", "退回补件"),
        ],
        footer="第 1 步 / 共 4 步 · 营业部负责人",
    )


def answer(text: str) -> list[Json]:
    """The bot's parts for a line."""
    if text in ("zs", "张"):
        return [found()]
    if text in ("1", "张三"):
        return [client()]
    if text.startswith("记"):
        return [logged()]
    if text.startswith("持仓"):
        return [positions(), picture()]
    return [
        {
            "kind": "markdown",
            "text": f"没听懂「{escaped(text)}」，最接近的是：  \n"
            "[查](dtmd://dingtalkclient/sendMessage?content=%E6%9F%A5%20%E5%BC%A0%E4%B8%89) · "
            "**记** · **帮助**",
        }
    ]


def escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\[]()*_#>`" else letter for letter in text)


def pressed(card_: Json, action: str) -> Json:
    """The card after a press: done, and who did it."""
    after = card_ | {"version": card_["version"] + 1, "inputs": []}
    if action == "undo:1":
        return after | {"status": "已撤销", "tone": "grey", "buttons": [], "footer": "14:36 撤销"}
    if action.startswith("claim") or action == "own":
        return after | {
            "status": "处理中",
            "tone": "blue",
            "buttons": [],
            "footer": "陈曦 14:33 认领",
        }
    if action == "approve":
        return after | {
            "status": "已同意",
            "tone": "green",
            "buttons": [],
            "footer": "孙芳 14:33 同意",
        }
    return after | {"footer": f"已处理 {action}"}


def morning(stand_in: Any, person: str = "wangqiang") -> None:
    """A day's conversation of an account manager, as in J1 and J2."""

    def at(minutes: int) -> datetime:
        return NOW - timedelta(minutes=minutes)

    def say(minutes: int, **item: Any) -> None:
        stand_in.show("private", person, at=at(minutes), **item)

    def mine(minutes: int, text: str) -> None:
        say(minutes, **{"from": person}, text=text)

    mine(9, "zs")
    say(9, **found())
    mine(8, "1")
    say(8, **client())
    mine(7, "持仓")
    say(7, **positions())
    say(7, **picture())
    mine(1, "记 张三 电话 聊了螺纹套保比例，想降到三成，下周三回访 #套保")
    say(1, **logged())


def alarm(stand_in: Any) -> None:
    """What the risk desk's group shows when the market falls, as in J6."""

    def at(minutes: int) -> datetime:
        return NOW - timedelta(minutes=minutes)

    stand_in.show(
        "g-risk", "", **{"from": "fengjun"}, at=at(20), text="下午螺纹盯紧点，昨夜外盘走弱"
    )
    stand_in.show(
        "g-risk", "", **{"from": "sunfang"}, at=at(18), text="收到，杭州这边我让大家先打电话"
    )
    stand_in.show("g-risk", "", **margin_call(), at=at(1))
    stand_in.show("private", "chenxi", **call_of_one(), at=at(1))
    for kind, text in (
        ("ding", "追保 4 户 5 分钟无人认领，请处理"),
        ("sms", "【期台】杭州 4 户追保，请登录处理"),
        ("call", "期台提醒您：杭州营业部四户追保，五分钟无人认领。按 1 认领"),
    ):
        stand_in.show("private", "chenxi", kind=kind, text=text, at=at(0))
