"""An alert on WeCom: one card that is read at a glance, in a group as to a person, never in two
messages and never with a line that only a program can read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.cards import board
from bot.cards.alert.buttons import with_numbers
from bot.cards.alert.case import case_card
from bot.cards.alert.group import group_card
from bot.cards.alert.lists import calls_card
from bot.cards.alert.words import Reader
from bot.chat.message import Audience, Card
from bot.platforms.wecom import render
from bot.platforms.wecom.channels import AppChat
from bot.platforms.wecom.template import NARROW, WIDE, Room, draw
from risk.levels import Level
from risk.models import Alert, AlertEvent, AlertGroup, AlertKind, AlertState

LINK = "https://qidesk.example/"
AT = datetime(2026, 11, 23, 6, 32, tzinfo=UTC)
ROOMS = pytest.mark.parametrize("room", [NARROW, WIDE], ids=["group", "person"])
READER = Reader(
    audience=Audience.RISK_GROUP,
    works=True,
    staff={"chenxi": "陈曦", "wangqiang": "王强"},
    at=AT,
)


def alert(number: int, **changes: object) -> Alert:
    values: dict[str, object] = {
        "id": number,
        "kind": AlertKind.MARGIN,
        "account": f"8001{number:04}",
        "name": f"欧阳客户{number}",
        "client_id": number,
        "branch": "HZ",
        "manager": "wangqiang",
        "state": AlertState.FIRING,
        "level": Level.CALL,
        "peak": Level.CALL,
        "below": {},
        "group_id": 1,
        "claimed_by": None,
        "silenced_until": None,
        "as_of": AT,
        "risk": Decimal("1.1234"),
        "exchange_risk": Decimal("0.98"),
        "equity": Decimal(100_000),
        "available": Decimal(-12_340),
        "call_amount": Decimal(12_340),
        "call_to_house_line": Decimal(20_000),
        "advice": {
            "ahead": None,
            "closing": [{"instrument": "rb2701", "direction": "long", "lots": 4}],
            "after": "0.978",
        },
    }
    return Alert(**(values | changes))


def group(level: Level = Level.CALL) -> AlertGroup:
    return AlertGroup(id=1, kind=AlertKind.MARGIN, branch="HZ", level=level, ended_at=None)


def on_wecom(card: Card, room: Room) -> tuple[str, str]:
    """All that is read on the card, and all beside it."""
    drawn = draw(replace(card, id="k"), "k", LINK, room)
    facts = drawn.json.get("horizontal_content_list", [])
    rows = [f"{fact['keyname']} {fact['value']}" for fact in facts]
    return "\n".join([drawn.json.get("sub_title_text", ""), *rows]), "\n".join(drawn.body)


@ROOMS
def test_six_of_nine_clients_are_on_the_card_and_it_says_how_to_see_the_others(room: Room) -> None:
    shown, beside = on_wecom(
        group_card(group(), [alert(n) for n in range(1, 10)], "杭州营业部", READER), room
    )
    assert beside == ""
    assert "1 欧阳… 80010001 112.3% 缺1.23万 待认领" in shown
    assert "80010006" in shown
    assert "另有 3 户，发「风险榜」或「追保」看" in shown
    assert "可能滞后，点按为准" in shown


@ROOMS
def test_a_case_with_a_long_history_stays_one_card_with_what_was_done_last(room: Room) -> None:
    events = [
        AlertEvent(
            alert_id=1,
            at=AT + timedelta(minutes=n),
            what="called",
            by="chenxi",
            level=Level.CALL,
            risk=None,
            note=f"第 {n} 次电话，客户说下午两点以前一定入金五万元，已经在路上",
            facts={},
        )
        for n in range(1, 9)
    ]
    case = alert(1, claimed_by="chenxi", claimed_at=AT, state=AlertState.CLAIMED)
    shown, beside = on_wecom(with_numbers(case_card(case, events, READER)), room)
    assert beside == ""
    assert "14:40 陈曦" in shown
    assert "全部见「/为什么 80010001」" in shown


def test_where_nothing_can_be_pressed_it_says_what_to_say() -> None:
    card = group_card(group(), [alert(1), alert(2)], "杭州营业部", READER)
    [message] = render.in_words(card, AppChat.style)
    assert isinstance(message, render.Written)
    assert "「认领 欧阳客户1」「认领 全部」「静默 欧阳客户1」" in message.text
    assert "按 " not in message.text


def test_what_may_not_be_silenced_is_not_offered_for_it() -> None:
    card = group_card(group(Level.FORCE), [alert(1, level=Level.FORCE)], "杭州营业部", READER)
    assert "静默" not in card.in_words


def test_namesakes_are_told_apart_by_their_accounts() -> None:
    both = [alert(1, name="张三"), alert(2, name="张三")]
    assert "认领 80010001" in group_card(group(), both, "杭州营业部", READER).in_words


@pytest.mark.parametrize(
    ("after", "equity", "words"),
    [
        ("0.978", "100000", "rb2701 多 4 手 → 97.8%"),
        ("1.75", "100000", "rb2701 多 4 手 → 175.0%，仍不足，须入金"),
        (None, "-350", "rb2701 多 4 手，仍不足，须入金"),
    ],
)
def test_closing_is_never_said_to_be_enough_where_it_is_not(
    after: str | None, equity: str, words: str
) -> None:
    known = alert(1).advice | {"after": after}
    card = case_card(alert(1, advice=known, equity=Decimal(equity)), [], READER)
    assert next(fact.value for fact in card.facts if fact.label == "建议减仓") == words


def test_where_everything_is_to_be_closed_it_is_said_and_no_degree_is() -> None:
    known = alert(1).advice | {"after": "0"}
    card = case_card(alert(1, advice=known), [], READER)
    [told] = [fact for fact in card.facts if fact.label.startswith("建议")]
    assert (told.label, told.value) == ("建议全平", "rb2701 多 4 手，不再占用保证金")


def test_an_account_that_is_well_again_is_told_so_once() -> None:
    well = alert(1, state=AlertState.RESOLVED, ended_at=AT)
    card = case_card(well, [], READER)
    assert (card.status, card.text) == ("已解除", "")


def test_what_is_left_out_of_the_list_is_told_as_it_is() -> None:
    still = [alert(n) for n in range(1, 10)]
    well = [alert(n, state=AlertState.RESOLVED, ended_at=AT) for n in range(10, 13)]
    assert calls_card(still, READER, owner=False).text == "另有 3 条未解除，发「风险榜」看前 20 户"
    both = calls_card([*still[:5], *well], READER, owner=False)
    assert both.text == "另有 2 条已解除，没有列出"


def test_an_account_that_is_coming_back_says_so() -> None:
    falling = alert(1, below={str(int(Level.CALL)): AT.isoformat()})
    card = group_card(group(), [falling], "杭州营业部", READER)
    assert card.table is not None
    assert card.table.rows[0][-1] == "回落中"


def test_whoever_rose_is_not_said_to_be_well_on_the_card_he_left() -> None:
    worse = alert(2, name="李四", level=Level.FORCE)
    left = group_card(group(), [], "杭州营业部", READER, {worse: True})
    assert (left.title, left.status) == ("【追保】杭州营业部 · 1 户升级", "已转级")
    assert left.text == "李四 升至强平"
    well = alert(1, name="张三", state=AlertState.RESOLVED, ended_at=AT)
    assert group_card(group(), [well], "杭州营业部", READER).title.endswith("· 1 户已解除")
    both = group_card(group(), [well], "杭州营业部", READER, {worse: True})
    assert both.title == "【追保】杭州营业部 · 1 户已解除，1 户升级"
    assert (both.status, both.text.endswith("解除；李四 升至强平")) == ("已转级", True)
    worse.state, worse.ended_at = AlertState.RESOLVED, AT
    after = group_card(group(), [well], "杭州营业部", READER, {worse: True})
    assert after.title.endswith("· 2 户已解除")


def test_whose_clients_are_a_colleagues_by_now_is_told_so() -> None:
    card = group_card(group(), [], "杭州营业部", READER)
    assert (card.title, card.status, card.text) == (
        "【追保】杭州营业部 · 现由其他同事负责",
        "已转交",
        "",
    )


@ROOMS
def test_a_company_with_a_long_name_is_one_card_that_says_all_of_it(room: Room) -> None:
    name = "浙江示例新材料股份有限公司"
    shown, beside = on_wecom(case_card(alert(1, name=name), [], READER), room)
    assert beside == ""
    assert name in shown


def test_a_silent_source_that_somebody_has_claimed_still_waits_for_its_end() -> None:
    source = alert(1, kind=AlertKind.SOURCE, name="sim", account="sim", advice={"why": "没有数据"})
    told = AlertGroup(id=1, kind=AlertKind.SOURCE, branch="", level=Level.UNSURE, ended_at=None)
    source.claimed_by, source.claimed_at = "chenxi", AT
    card = group_card(told, [source], "", READER)
    assert [button.label for button in card.buttons] == ["转交"]
    told.ended_at, source.state = AT, AlertState.RESOLVED
    assert group_card(told, [source], "", READER).buttons == ()


def test_nothing_is_called_calm_while_a_source_is_silent() -> None:
    calm = calls_card([], READER, owner=False)
    assert calm.title == "今日没有追保"
    unsure = calls_card([], READER, owner=False, silent=["ctp"])
    assert "没有追保" not in unsure.title.replace("有没有", "")
    assert "数据源 ctp 没有新数据，不能据此判断安全" in unsure.text
    over = alert(1, state=AlertState.RESOLVED, ended_at=AT)
    assert calls_card([over], READER, owner=False, silent=["ctp"]).status == "数据已中断"
    row = board.Row(account="1", name="张三", level=Level.NORMAL, risk=Decimal(0), call_amount=None)
    ranked = board.rank_card([row], AT, stale=False, now=AT, silent=["ctp"])
    assert "数据源 ctp 没有新数据" in ranked.text
