"""Where a card cannot be one, it degrades in a fixed order and stays workable by words."""

from urllib.parse import unquote

import orjson

from bot.chat.button_line import read_button_line
from bot.chat.message import (
    Button,
    Card,
    Fact,
    Input,
    Markdown,
    Place,
    Section,
    Table,
    Text,
)
from bot.platforms.dingtalk.fallback import card_in_words
from bot.platforms.dingtalk.messages import Choices, Message, Written
from bot.platforms.dingtalk.render import picture, said


def card(buttons: int, **more: object) -> Card:
    every = tuple(Button(f"take:{n}", f"认领{n}") for n in range(buttons))
    return Card(id="K3F9", version=4, title="追保 4 户", status="追保", buttons=every, **more)  # type: ignore[arg-type]


def text_of(message: Message) -> str:
    return message.api()[1]["text"]


def test_in_private_up_to_five_buttons_are_an_action_card_that_says_their_lines() -> None:
    [message] = card_in_words(card(2, facts=(Fact("户数", "4"),)), Place.PRIVATE)
    key, params = message.api()
    assert key == "sampleActionCard2"
    assert params["title"] == "【追保】 追保 4 户"
    assert "- 户数：4" in params["text"]
    assert params["actionTitle1"] == "认领0"
    says = unquote(params["actionURL1"].partition("content=")[2])
    click = read_button_line(says)
    assert click is not None
    assert (click.card, click.version, click.action) == ("K3F9", 4, "take:0")


def test_one_button_is_a_single_action_card_in_both_dialects() -> None:
    [message] = card_in_words(card(1), Place.PRIVATE)
    key, params = message.api()
    hook = message.webhook()
    assert key == "sampleActionCard"
    assert params["singleTitle"] == "认领0"
    assert hook is not None
    assert hook["actionCard"]["singleURL"] == params["singleURL"]


def test_two_buttons_by_webhook_are_a_list() -> None:
    [message] = card_in_words(card(2), Place.PRIVATE)
    hook = message.webhook()
    assert hook is not None
    assert [button["title"] for button in hook["actionCard"]["btns"]] == ["认领0", "认领1"]


def test_in_private_more_than_five_buttons_are_links() -> None:
    [message] = card_in_words(card(6), Place.PRIVATE)
    assert message.api()[0] == "sampleMarkdown"
    assert text_of(message).count("](dtmd://dingtalkclient/sendMessage?content=") == 6


def test_in_a_group_buttons_are_numbered_lines_without_links() -> None:
    [message] = card_in_words(card(2), Place.GROUP)
    assert isinstance(message, Written)
    assert "dtmd" not in message.text
    assert "@我" in message.text
    assert "2. 认领1：按 take:1 #K3F9.4" in message.text


def test_a_card_with_inputs_asks_for_them_behind_the_line() -> None:
    asked = card(1, inputs=(Input(key="reason", label="原因"),))
    [message] = card_in_words(asked, Place.PRIVATE)
    assert isinstance(message, Written)
    assert "1. 认领0：按 take:0 #K3F9.4" in message.text
    assert "reason=原因" in message.text


def test_dead_buttons_are_not_offered() -> None:
    dead = Card(id="K", title="完", buttons=(Button("x", "同意", enabled=False),))
    [message] = card_in_words(dead, Place.PRIVATE)
    assert "同意" not in text_of(message)


def test_a_card_without_an_id_offers_nothing_to_press() -> None:
    [message] = card_in_words(Card(title="完", buttons=(Button("x", "同意"),)), Place.GROUP)
    assert "按 " not in text_of(message)


def test_tables_and_sections_are_lines() -> None:
    shown = Card(
        title="榜",
        table=Table(("客户", "风险度"), (("张三", "101%"),)),
        sections=(Section(title="建议", text="减仓\n4 手"),),
        footer="数据 14:32",
        link="https://desk.example/1",
    )
    [message] = card_in_words(shown, Place.PRIVATE)
    text = text_of(message)
    assert "**客户 · 风险度**" in text
    assert "- 张三 · 101%" in text
    assert "减仓  \n4 手" in text
    assert "[查看详情](https://desk.example/1)" in text


def test_hostile_names_do_nothing_in_words() -> None:
    hostile = card(
        1, facts=(Fact("备注", "[x](dtmd://dingtalkclient/sendMessage?content=1) @all"),)
    )
    [message] = card_in_words(hostile, Place.PRIVATE)
    assert "](dtmd" not in text_of(message)
    assert "@all" not in text_of(message)


def test_a_long_card_is_several_messages_and_the_last_has_the_buttons() -> None:
    long = card(2, table=Table(("客户",), tuple((f"客户{n}",) for n in range(1500))))
    *before, last = card_in_words(long, Place.PRIVATE)
    assert before
    assert all(isinstance(one, Written) for one in before)
    assert isinstance(last, Choices)
    assert all(len(text_of(one)) <= 3000 for one in [*before, last])


def test_every_message_stays_within_the_platforms_bytes() -> None:
    for part in (Text(text="字" * 20_000), Markdown(title="题", text="😀\n" * 9_000)):
        for message in said(part, Place.PRIVATE):
            assert len(orjson.dumps(message.api()[1])) <= 15_000


def test_a_picture_is_its_caption_and_the_image() -> None:
    _, params = picture("@media1", "权益 60 日 · 最大回撤 18.2%").api()
    assert params["text"] == "权益 60 日 · 最大回撤 18.2%\n\n![](@media1)"


def test_a_repetition_is_marked_whatever_its_kind() -> None:
    for message in (
        *said(Text(text="好"), Place.PRIVATE),
        *said(Markdown(title="题", text="好"), Place.PRIVATE),
        *card_in_words(card(2), Place.PRIVATE),
    ):
        assert any("(重发)" in value for value in message.again().api()[1].values())
