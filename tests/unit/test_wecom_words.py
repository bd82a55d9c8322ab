"""Cutting to size: in bytes and characters, never within a figure or a character."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.wecom.render import Shown
from bot.platforms.wecom.words import clip, split

FIGURE = re.compile(r"[\d.,:%]*\d[\d.,:%]*[万亿元手户%]*")
figures = st.from_regex(
    r"[1-9][0-9]{0,2}(,[0-9]{3}){0,3}(\.[0-9]{1,2})?[万亿元手%]?", fullmatch=True
)
lines = st.lists(st.one_of(figures, st.text("客户风险度追保abc ，。", max_size=8)), max_size=40)


@given(lines, st.integers(60, 300))
def test_pieces_fit_join_to_the_whole_and_keep_figures_whole(parts: list[str], size: int) -> None:
    text = " ".join(parts)
    pieces = split(text, size)
    assert all(len(piece.encode()) <= size for piece in pieces)
    assert "".join(pieces).replace("\n", "") == text.replace("\n", "")
    whole = FIGURE.findall(text)
    assert [one for piece in pieces for one in FIGURE.findall(piece)] == whole


@given(lines, st.integers(8, 60))
def test_what_is_clipped_has_only_whole_figures(parts: list[str], chars: int) -> None:
    text = " ".join(parts)
    clipped = clip(text, chars)
    assert len(clipped) <= chars
    kept = clipped.removesuffix("…") if clipped != text else text
    assert text.startswith(kept)
    assert FIGURE.findall(kept) == FIGURE.findall(text)[: len(FIGURE.findall(kept))]


@pytest.mark.parametrize(
    ("text", "chars", "clipped"),
    [
        ("应追加 182,300.00 元", 9, "应追加 …"),
        ("风险度 108.6%", 8, "风险度 …"),
        ("18.5万元以上", 4, "…"),
        ("张三 · 80010023", 9, "张三 · …"),
        ("王强👨‍👩‍👧好", 4, "王强…"),
        ("ée\u0301x", 3, "é…"),
    ],
)
def test_a_figure_or_a_joined_character_is_there_whole_or_not_at_all(
    text: str, chars: int, clipped: str
) -> None:
    assert clip(text, chars) == clipped


def test_a_wall_of_digits_is_cut_where_it_must_be() -> None:
    assert split("7" * 100, 40) == ["7" * 40, "7" * 40, "7" * 20]


def test_no_mark_of_a_combined_character_stands_alone() -> None:
    text = "e\u0301" * 50
    for piece in split(text, 32):
        assert not unicodedata.combining(piece[0])


def test_the_mark_of_a_repetition_leaves_the_title_within_its_room() -> None:
    title = "追保通知 应追加 182,300.00 元 客户张三"
    shown = Shown({"main_title": {"title": title}}, clickable=False).again()
    marked = shown.json["main_title"]["title"]
    assert marked == "(重发) 追保通知 应追加 182,300.00 …"
    assert len(marked) <= 26
