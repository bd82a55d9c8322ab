"""A button written as a line is read back as the same click."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.button_line import button_line, read_button_line
from bot.chat.message import Click

WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(card=WORD, version=st.integers(0, 999_999), key=WORD)
def test_every_button_comes_back(card: str, version: int, key: str) -> None:
    line = button_line(card, version, key)
    assert read_button_line(line) == Click(card=card, version=version, action=key)


def test_the_line_is_short_and_can_be_typed() -> None:
    assert button_line("K3F9", 4, "approve:17") == "按 approve:17 #K3F9.4"


def test_inputs_follow_the_line() -> None:
    click = read_button_line("按 reject:17 #K3F9.4 reason=资料 不全 level=C3")
    assert click is not None
    assert click.inputs == {"reason": "资料 不全", "level": "C3"}


@pytest.mark.parametrize(
    "talk",
    [
        "按 计划 2.5 加仓",
        "按计划办",
        "按 approve:17",
        "记 张三 按 approve:17 #K3F9.4",
        "",
        "按 approve:17 #K3F9.x",
    ],
)
def test_ordinary_talk_is_no_click(talk: str) -> None:
    assert read_button_line(talk) is None
