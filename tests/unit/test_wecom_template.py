"""A card of ours as one of WeCom's, within every limit, whole, and back again from a click."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.button_line import read_button_line
from bot.chat.message import (
    Button,
    Card,
    Fact,
    Input,
    InputKind,
    Markdown,
    Section,
    Style,
    Table,
    Text,
    Tone,
)
from bot.platforms.wecom import render
from bot.platforms.wecom.channels import AppChat, BotChannel, GroupRobot
from bot.platforms.wecom.passive import grey_buttons, update_card
from bot.platforms.wecom.render import Said, Shown, Written
from bot.platforms.wecom.template import (
    NARROW,
    WIDE,
    Room,
    card_of,
    draw,
    draw_worked_on,
    read_key,
    task_of,
    write_key,
)
from bot.platforms.wecom.words import defang, escape, one_line, plain, split
from bot.sandbox.wecom import passive, xml
from bot.sandbox.wecom.card_rules import Channel, read_card
from bot.sandbox.wecom.face import APP as APP_LENGTHS
from bot.sandbox.wecom.face import SHORT, Lengths, cut

LINK = "https://desk.example.com/"
APP = render.Style(
    text_bytes=2048, markdown_bytes=2048, cards=True, clicks=True, hears=True, mention=False
)
WORDLESS = replace(APP, clicks=False)

words = st.text(max_size=60)
names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True)
options = st.lists(
    st.tuples(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), st.text(min_size=1, max_size=20)),
    min_size=0,
    max_size=25,
    unique_by=lambda pair: pair[0],
).map(tuple)
inputs = st.builds(
    Input,
    key=names,
    label=st.text(min_size=1, max_size=12),
    kind=st.sampled_from(InputKind),
    options=options,
    required=st.booleans(),
)
buttons = st.builds(
    Button,
    st.from_regex(r"[a-z]{1,8}:[0-9]{1,4}", fullmatch=True),
    st.text(min_size=1, max_size=16),
    st.sampled_from(Style),
    st.booleans(),
)
cards = st.builds(
    Card,
    id=st.just("qd01"),
    version=st.integers(1, 99),
    title=st.text(min_size=1, max_size=50).filter(lambda text: plain(text).strip()),
    status=st.sampled_from(["", "待审", "追保", "x" * 30]),
    tone=st.sampled_from(Tone),
    text=st.text(max_size=300),
    facts=st.lists(st.builds(Fact, words, words), max_size=9).map(tuple),
    table=st.none() | st.just(Table(("户", "率"), tuple((f"客{n}", f"{n}%") for n in range(30)))),
    sections=st.lists(st.builds(Section, title=words, text=words), max_size=2).map(tuple),
    inputs=st.lists(inputs, max_size=4, unique_by=lambda one: one.key).map(tuple),
    buttons=st.lists(buttons, max_size=9, unique_by=lambda one: one.key).map(tuple),
    footer=words,
    link=st.sampled_from(["", "https://a.example/x", "javascript:alert(1)"]),
)
BUTTON = Button("approve:17", "同意", Style.PRIMARY)


@settings(max_examples=60)
@given(cards)
def test_whatever_the_card_wecom_takes_it_in_every_channel(card: Card) -> None:
    drawn = draw(card, "qd01", LINK, NARROW)
    for channel in (Channel.APP, Channel.BOT):
        assert read_card(drawn.json, channel)
    if not drawn.clickable:
        assert read_card(drawn.json, Channel.HOOK)


@settings(max_examples=60)
@given(cards)
def test_every_word_of_it_is_in_the_card_or_before_it(card: Card) -> None:
    drawn = draw(card, "qd01", LINK, NARROW)
    content = drawn.json.get("horizontal_content_list", [])
    shown = "\n".join(
        [
            drawn.json["main_title"]["title"],
            drawn.json.get("sub_title_text", ""),
            *(f"{one['keyname']}：{one['value']}" for one in content),
            *drawn.body,
        ]
    )
    for fact in card.facts:
        assert f"{plain(fact.label)}：{plain(fact.value)}" in shown
    assert one_line(card.title) in shown
    for text in (card.text, card.footer, *(section.text for section in card.sections)):
        assert plain(text) in shown


@pytest.mark.parametrize(("room", "lengths"), [(NARROW, SHORT), (WIDE, APP_LENGTHS)])
@settings(max_examples=60)
@given(card=cards)
def test_nothing_that_carries_a_figure_is_cut_on_the_screen(
    room: Room, lengths: Lengths, card: Card
) -> None:
    drawn = draw(card, "qd01", LINK, room)
    for one in drawn.json.get("horizontal_content_list", []):
        assert cut(one["keyname"], lengths.label) == one["keyname"]
        assert cut(one["value"], lengths.value) == one["value"]
    sub_title = drawn.json.get("sub_title_text", "")
    assert cut(sub_title, lengths.sub_title) == sub_title


@settings(max_examples=60)
@given(cards)
def test_the_answer_to_a_click_is_the_same_card_in_camel_case(card: Card) -> None:
    drawn = draw(card, "qd01", LINK, NARROW).json
    answer = update_card("wang]]>qiang", "ww1", 1767225600, drawn)
    read = passive.card_of(xml.read(answer.decode()))
    assert read_card(read, Channel.APP, updating=True)
    for name in ("card_type", "main_title", "button_list", "select_list", "submit_button"):
        assert read.get(name) == _as_xml_has_it(drawn.get(name))


def _as_xml_has_it(value: Any) -> Any:
    """Blanks at the ends of a text and characters that XML has not are lost; no matter."""
    match value:
        case dict():
            return {key: _as_xml_has_it(inner) for key, inner in value.items()}
        case list():
            return [_as_xml_has_it(inner) for inner in value]
        case str():
            return "".join(one for one in value if one not in "￾￿").strip()
        case _:
            return value


def test_greying_names_nothing_but_the_word() -> None:
    read = xml.read(grey_buttons("wangqiang", "ww1", 1767225600).decode())
    assert xml.word(read, "Button/ReplaceName") == "处理中"
    assert read_card(draw_worked_on() | {"task_id": "k"}, Channel.BOT)


class TestAClickComesBack:
    @given(st.text(min_size=1), st.integers(1, 10**6))
    def test_with_the_action_and_the_version_that_was_seen(self, action: str, version: int) -> None:
        assert read_key(write_key(action, version)) == (action, version)

    def test_with_the_card_however_often_it_was_shown(self) -> None:
        assert card_of(task_of("qd01JGZ")) == card_of(task_of("qd01JGZ", 7)) == "qd01JGZ"

    @pytest.mark.parametrize("card_id", ["", "a b", "名", "x@1", "x" * 97])
    def test_a_card_that_wecom_could_not_name_is_refused_before_it_is_sent(
        self, card_id: str
    ) -> None:
        with pytest.raises(ValueError, match="card id"):
            task_of(card_id)


class TestInputs:
    def test_one_choice_stands_beside_all_buttons(self) -> None:
        one = Input(key="to", label="转给", kind=InputKind.SELECT, options=(("a", "甲"),))
        more = Button("reject:17", "驳回", Style.DANGER)
        drawn = draw(
            Card(id="k", title="t", inputs=(one,), buttons=(BUTTON, more)), "k", LINK, NARROW
        )
        assert drawn.json["card_type"] == "button_interaction"
        assert [x["id"] for x in drawn.json["button_selection"]["option_list"]] == ["-", "a"]
        assert [x["style"] for x in drawn.json["button_list"]] == [1, 4]

    def test_several_choices_make_a_form_with_one_button(self) -> None:
        two = tuple(
            Input(key=key, label=key, kind=InputKind.SELECT, options=(("a", "甲"),), required=True)
            for key in ("x", "y")
        )
        drawn = draw(Card(id="k", title="t", inputs=two, buttons=(BUTTON,)), "k", LINK, NARROW)
        assert drawn.json["card_type"] == "multiple_interaction"
        assert drawn.json["submit_button"] == {"text": "同意", "key": "approve:17#1"}

    def test_choosing_several_makes_a_vote(self) -> None:
        one = Input(
            key="papers",
            label="缺件",
            kind=InputKind.MULTI_SELECT,
            options=(("id", "身份证"), ("bank", "银行卡")),
            value="bank",
        )
        drawn = draw(Card(id="k", title="t", inputs=(one,), buttons=(BUTTON,)), "k", LINK, NARROW)
        assert drawn.json["card_type"] == "vote_interaction"
        checks = drawn.json["checkbox"]["option_list"]
        assert [(x["id"], x["is_checked"]) for x in checks] == [("id", False), ("bank", True)]

    def test_what_may_be_typed_is_typed_behind_a_line(self) -> None:
        card = Card(
            id="k", title="t", inputs=(Input(key="reason", label="意见"),), buttons=(BUTTON,)
        )
        drawn = draw(card, "k", LINK, NARROW)
        assert drawn.clickable
        assert "按 approve:17 #k.1 reason=意见" in drawn.json["sub_title_text"]

    def test_what_must_be_typed_leaves_no_button_to_press_alone(self) -> None:
        reason = Input(key="reason", label="意见", required=True)
        card = Card(id="k", title="t", inputs=(reason,), buttons=(BUTTON,))
        drawn = draw(card, "k", LINK, NARROW)
        assert not drawn.clickable
        assert drawn.json["card_type"] == "text_notice"
        assert "按 approve:17 #k.1" in drawn.json["sub_title_text"]


class TestButtons:
    def test_beyond_six_they_are_in_the_menu_and_beyond_nine_they_are_lines(self) -> None:
        eleven = tuple(Button(f"client:{n}", str(n)) for n in range(11))
        drawn = draw(Card(id="k", title="t", buttons=eleven), "k", LINK, NARROW)
        assert len(drawn.json["button_list"]) == 6
        menu = drawn.json["action_menu"]["action_list"]
        assert menu == [{"text": str(n), "key": f"client:{n}#1"} for n in (6, 7, 8)]
        text = "\n".join([drawn.json["sub_title_text"], *drawn.body])
        assert "右上角还有：6、7、8" in text
        assert "9：回复「按 client:9 #k.1」" in text
        assert "10：回复「按 client:10 #k.1」" in text

    def test_a_card_that_asks_for_a_choice_has_no_menu_which_would_not_send_it(self) -> None:
        eight = tuple(Button(f"client:{n}", str(n)) for n in range(8))
        one = Input(key="to", label="转给", kind=InputKind.SELECT, options=(("a", "甲"),))
        drawn = draw(Card(id="k", title="t", buttons=eight, inputs=(one,)), "k", LINK, NARROW)
        assert "action_menu" not in drawn.json
        text = "\n".join([drawn.json["sub_title_text"], *drawn.body])
        assert "7：回复「按 client:7 #k.1」" in text

    def test_where_a_label_has_no_room_its_number_stands_and_the_label_in_a_line(self) -> None:
        early, late = Button("at:7", "11-24（周二）07:00"), Button("at:19", "11-24（周二）19:00")
        drawn = draw(Card(id="k", title="t", buttons=(early, late, BUTTON)), "k", LINK, NARROW)
        assert [one["text"] for one in drawn.json["button_list"]] == ["1", "2", "同意"]
        assert drawn.json["sub_title_text"] == "1 11-24（周二）07:00\n2 11-24（周二）19:00"

    def test_one_that_cannot_be_pressed_is_not_shown(self) -> None:
        off = Button("reject:17", "驳回", enabled=False)
        drawn = draw(Card(id="k", title="t", buttons=(BUTTON, off)), "k", LINK, NARROW)
        assert [one["text"] for one in drawn.json["button_list"]] == ["同意"]


class TestDegrading:
    def test_a_card_to_read_is_a_notice_that_leads_to_its_page(self) -> None:
        card = Card(title="月报", facts=(Fact("权益", "1,234.00 元"),), link="https://a.example/x")
        [message] = render.carded(card, "k", LINK, APP)
        assert isinstance(message, Shown)
        assert message.json["card_action"] == {"type": 1, "url": "https://a.example/x"}

    def test_one_with_much_to_read_is_markdown_with_everything(self) -> None:
        card = Card(title="风险榜", table=Table(("户", "率"), (("甲", "90%"),) * 60))
        [message] = render.carded(card, "k", LINK, APP)
        assert isinstance(message, Written)
        assert message.text.count("甲 · 90%") == 60

    def test_one_with_buttons_and_much_to_read_is_both(self) -> None:
        card = Card(id="k", title="t", text="很长" * 100, buttons=(BUTTON,))
        body, shown = render.carded(card, "k", LINK, APP)
        assert isinstance(body, Written)
        assert isinstance(shown, Shown)
        assert "很长" * 100 in body.text
        assert "单独的一条消息" in shown.json["sub_title_text"]

    def test_without_clicks_its_buttons_are_numbered_lines(self) -> None:
        card = Card(id="k", title="t", buttons=(BUTTON,))
        [notice] = render.carded(card, "k", LINK, WORDLESS)
        assert isinstance(notice, Shown)
        assert not notice.clickable
        assert "1. 同意：按 approve:17 #k.1" in notice.json["sub_title_text"]

    @pytest.mark.parametrize(
        ("style", "how"),
        [(BotChannel.style, "@我回复"), (AppChat.style, "应用"), (GroupRobot.style, "应用")],
        ids=["bot", "app chat", "robot"],
    )
    def test_in_a_group_they_say_where_to_reply(self, style: render.Style, how: str) -> None:
        card = Card(id="k", title="t", buttons=(BUTTON,))
        [message] = render.in_words(card, style)
        assert isinstance(message, Written)
        assert how in message.text
        line = message.text.partition("：按 ")[2].splitlines()[0]
        click = read_button_line(f"按 {line}")
        assert click is not None
        assert (click.card, click.action, click.version) == ("k", "approve:17", 1)

    def test_what_cannot_be_marked_by_its_name_is_marked_by_a_word(self) -> None:
        notice = Shown(draw(Card(title="月报"), "k", LINK, NARROW).json, clickable=False)
        pressed = Shown(
            draw(Card(title="t", buttons=(BUTTON,)), "k", LINK, NARROW).json, clickable=True
        )
        assert notice.again().json["main_title"]["title"] == "(重发) 月报"
        assert pressed.again() is pressed
        assert Said("好").again().text.startswith("(重发)")
        assert Written("好").again().text.startswith("(重发)")


HOSTILE = (
    "[点我](http://evil.example) <a href='x'>y</a> <@all> @all **b** `c` <font color=\"warning\">"
)


class TestHostileWords:
    def test_as_plain_text_they_neither_link_nor_ring(self) -> None:
        shown = plain(HOSTILE)
        assert "<a" not in shown
        assert "<@" not in shown
        assert "@all" not in shown.replace("＠all", "")

    def test_in_markdown_they_stay_what_was_typed(self) -> None:
        shown = escape(HOSTILE)
        for sign in "[]<`*":
            assert sign not in shown
        assert escape("# t\n> q\n3301****1234") == "＃ t\n＞ q\n3301＊＊＊＊1234"

    def test_our_own_markdown_keeps_links_to_the_web_and_colours_only(self) -> None:
        shown = defang(
            '[a](https://a.example) [b](dtmd://x) ![c](file:///x) <font color="info">d</font>'
            " <a href=x>e</a> <@wang>"
        )
        assert shown == (
            '[a](https://a.example) b 图：c <font color="info">d</font> ＜a href=x>e＜/a> ＜@wang>'
        )

    @given(st.text(), st.integers(8, 64))
    def test_pieces_fit_and_lose_nothing_but_line_ends(self, text: str, size: int) -> None:
        text = text.encode(errors="ignore").decode()
        pieces = split(text, size)
        assert all(len(piece.encode()) <= size for piece in pieces)
        assert "".join(pieces).replace("\n", "") == text.replace("\n", "")

    def test_a_markdown_part_without_text_shows_its_title(self) -> None:
        assert render.said(Markdown(title="**t**", text=""), APP) == [Written("**t**")]

    def test_text_where_there_is_none_goes_as_markdown(self) -> None:
        assert render.said(Text(text="a*b"), BotChannel.style) == [Written("a＊b")]
