"""A card becomes the template's variables: strings of at most 1 KB, complete or saying so."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.message import (
    Button,
    Card,
    Fact,
    Input,
    InputKind,
    Section,
    Style,
    Table,
    Tone,
)
from bot.platforms.dingtalk.template import card_params, contract

ANY = st.text(max_size=700)


def joined(params: dict[str, str], name: str) -> list[Any]:
    """The elements of an array over all its chunks, as the client appends them."""
    return [element for key in contract().chunks(name) for element in json.loads(params[key])]


def test_a_card_is_complete() -> None:
    params = card_params(
        Card(
            id="K3F9",
            version=4,
            title="张三 追保处理",
            status="追保",
            tone=Tone.ORANGE,
            text="第一行\n第二行",
            facts=(Fact("风险度", "101.3%"), Fact("身份证", "3301**********1234")),
            table=Table(("合约", "手"), (("rb2701", "30"), ("hc2701", "12"))),
            sections=(Section(title="建议", text="减仓 4 手"),),
            buttons=(
                Button("claim:17", "我来处理", Style.PRIMARY),
                Button("close:17", "强平申请", Style.DANGER, enabled=False, confirm="确定吗"),
            ),
            footer="数据 14:32:07",
            link="https://desk.example/17",
            subject="alert:17",
        )
    )
    assert params["title"] == "张三 追保处理"
    assert (params["status"], params["tone"]) == ("追保", "orange")
    assert params["text"] == "第一行\n第二行"
    assert joined(params, "facts")[1] == {"label": "身份证", "text": "3301**********1234"}
    assert joined(params, "table") == [["合约", "手"], ["rb2701", "30"], ["hc2701", "12"]]
    assert joined(params, "sections") == [{"title": "建议", "text": "减仓 4 手"}]
    assert joined(params, "buttons")[1] == {
        "key": "close:17",
        "text": "强平申请",
        "style": "danger",
        "enabled": "false",
        "confirm": "确定吗",
    }
    assert params["footer"] == "数据 14:32:07"
    assert params["link"] == "https://desk.example/17"
    assert (params["rev"], params["subject"]) == ("4", "alert:17")


def test_every_public_variable_is_sent_so_that_an_update_leaves_nothing_old() -> None:
    full = card_params(Card(title="满", table=rows(300), text="字" * 2000))
    empty = card_params(Card(title="空"))
    assert set(full) == set(empty) == set(contract().types)
    assert empty["table_2"] == "[]"
    assert empty["text_2"] == ""


def rows(count: int) -> Table:
    return Table(("客户", "风险度"), tuple((f"客户{n}", f"{n}.5%") for n in range(count)))


def test_many_rows_are_spread_over_the_chunks() -> None:
    params = card_params(Card(title="榜", table=rows(200)))
    assert joined(params, "table")[1:] == [[f"客户{n}", f"{n}.5%"] for n in range(200)]


def test_too_many_rows_end_with_their_number() -> None:
    every = joined(card_params(Card(title="榜", table=rows(5000))), "table")
    assert every[-1] == ["…共 5000 行"]
    assert len(every) > 300


def test_too_many_facts_end_with_their_number() -> None:
    facts = tuple(Fact(f"项{n}", "值" * 30) for n in range(400))
    every = joined(card_params(Card(title="项", facts=facts)), "facts")
    assert every[-1] == {"label": "", "text": "…共 400 行"}


def test_a_text_beyond_all_chunks_says_how_long_it_was() -> None:
    params = card_params(Card(title="长", text="\n".join(["一行字"] * 5000)))
    shown = "".join(params[key] for key in contract().chunks("text"))
    assert shown.endswith("…共 5000 行")


def test_a_long_fact_goes_on_below_itself() -> None:
    value = "备注" * 900
    parts = joined(card_params(Card(title="备注", facts=(Fact("备注", value),))), "facts")
    assert [part["label"] for part in parts][:2] == ["备注", ""]
    assert "".join(part["text"] for part in parts) == value


def test_buttons_without_room_are_named_as_lines() -> None:
    buttons = tuple(Button(f"take:{n}", f"第 {n} 个很长的按钮名字") for n in range(40))
    params = card_params(Card(id="K3F9", version=2, title="很多", buttons=buttons))
    shown = joined(params, "buttons")
    assert shown[0]["key"] == "take:0"
    assert f"按 take:{len(shown)} #K3F9.2" in params["footer"]


def test_inputs_become_the_form() -> None:
    form = json.loads(
        card_params(
            Card(
                title="驳回",
                inputs=(
                    Input(key="reason", label="原因", required=True),
                    Input(
                        key="to",
                        label="转给",
                        kind=InputKind.SELECT,
                        options=(("a", "王强"), ("b", "李敏")),
                        value="b",
                    ),
                    Input(key="day", label="日期", kind=InputKind.DATE, value="2026-11-23"),
                ),
            )
        )["form"]
    )
    reason, to, day = form["fields"]
    assert (reason["name"], reason["type"], reason["required"]) == ("reason", "TEXT", True)
    assert to["options"] == [{"value": "a", "text": "王强"}, {"value": "b", "text": "李敏"}]
    assert to["defaultValue"] == {"index": 1, "value": "b"}
    assert (day["type"], day["defaultValue"]) == ("DATE", "2026-11-23")


def test_a_long_list_of_options_is_shortened_and_says_so() -> None:
    options = tuple((f"person{n}", f"员工第{n}号") for n in range(200))
    chosen = Input(key="to", label="转给", kind=InputKind.SELECT, options=options)
    form = card_params(Card(title="转", inputs=(chosen,)))["form"]
    assert len(form.encode()) <= contract().value_bytes
    assert json.loads(form)["fields"][0]["placeholder"] == "选项过多，未列全"


@given(
    title=ANY,
    text=ANY,
    facts=st.lists(st.tuples(ANY, ANY), max_size=12),
    table=st.lists(st.tuples(ANY, ANY, ANY), max_size=12),
    buttons=st.lists(ANY, max_size=30),
)
def test_no_value_is_over_a_kilobyte_whatever_people_write(
    title: str,
    text: str,
    facts: list[tuple[str, str]],
    table: list[tuple[str, str, str]],
    buttons: list[str],
) -> None:
    params = card_params(
        Card(
            id="K",
            title=title,
            text=text * 9,
            facts=tuple(Fact(*one) for one in facts),
            table=Table(("a", "b", "c"), tuple(table)),
            buttons=tuple(Button(f"k:{n}", label) for n, label in enumerate(buttons)),
            footer=text,
        )
    )
    assert all(len(value.encode()) <= 1024 for value in params.values())
    for name in ("facts", "table", "sections", "buttons"):
        assert isinstance(joined(params, name), list)


@pytest.mark.parametrize("name", ["text", "facts", "table", "sections", "buttons"])
def test_the_shipped_contract_has_continuations(name: str) -> None:
    assert len(contract().chunks(name)) >= 2
