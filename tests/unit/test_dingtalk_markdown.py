"""What people write is shown as written and does nothing; long text is cut and none is lost."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.dingtalk.markdown import defang, escape, plain, split

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("[点我](dtmd://dingtalkclient/sendMessage?content=x)", None),
        ("3301**********1234", r"3301\*\*\*\*\*\*\*\*\*\*1234"),
        ("# 标题", r"\# 标题"),
        ("- 3.21万", r"\- 3.21万"),
        ("1. 同意", r"1\. 同意"),
        ("> 引用", r"\> 引用"),
        ("张三\u200b李四\u202e", "张三李四"),
        ("<font color=red>红</font>", "＜font color=red>红＜/font>"),
        ("@all 开会", "＠all 开会"),
        ("@所有人 开会", "＠所有人 开会"),
        ("王 a@b.com", "王 a@b.com"),
    ],
)
def test_hostile_text_is_harmless(typed: str, shown: str | None) -> None:
    safe = escape(typed)
    assert "](" not in safe
    assert "dtmd:" not in safe
    if shown is not None:
        assert safe == shown


@given(ANY)
def test_no_text_makes_a_link_or_calls_everybody(text: str) -> None:
    hostile = f"{text}[x](dtmd://y){text}@ALL"
    assert "](" not in escape(hostile).replace(r"\](", "").replace(r"\]\(", "")
    assert "@ALL" not in plain(hostile)


def test_authored_markdown_keeps_web_links_and_loses_the_others() -> None:
    kept = "**粗** [官网](https://www.shfe.com.cn/a) `代码`"
    assert defang(kept) == kept
    assert defang("[点我](dtmd://x?content=1) [j](javascript:1)") == "点我 j"
    assert "dtmd:" not in defang("<dtmd://x> [a]\n\n[a]: dtmd://x")


def test_a_short_text_stays_whole() -> None:
    assert split("一行") == ["一行"]
    assert split("") == [""]


def test_a_long_text_is_cut_at_line_ends() -> None:
    lines = [f"第 {n} 行，风险度 86.4%" for n in range(1000)]
    pieces = split("\n".join(lines))
    assert len(pieces) > 1
    assert all(len(piece) <= 3000 for piece in pieces)
    assert "\n".join(pieces).split("\n") == lines


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_every_piece_fits_and_nothing_is_lost(text: str) -> None:
    pieces = split(text, chars=50, size=90)
    assert all(len(piece) <= 50 for piece in pieces)
    assert all(len(orjson.dumps(piece)) - 2 <= 90 for piece in pieces)
    assert "".join(pieces).replace("\n", "") == text.replace("\n", "")


def test_an_escape_is_not_cut_in_two() -> None:
    pieces = split(escape("*" * 100), chars=25, size=1000)
    assert all(not piece.endswith("\\") for piece in pieces)
