"""What holds for every line, whatever people type."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.chat.message import Place
from bot.grammar.index import Index
from bot.grammar.reading import Reading
from bot.grammar.understand import read, spans
from bot.grammar.verbs import BY_NAME
from bot.grammar.who import MOST_QUERIES
from crm.kernel.calendar import Calendar

WORDS = """
    记 待办 提醒 查 线索 开户 持仓 显示 交接 认领 完成 /规则 张三 李伟 zs zhangsan 陈总 80010023
    尾号 6688 他 电话 微信 拜访 聊了 套保 螺纹 rb2705 M 3万 二十手 5% #套保 下周三 周五 明天 后天
    今晚 八点 15:30 收盘后 夜盘前 节前 国庆后 年前 月底 3月5日 2月30日 15号 三天后 5个交易日后
    半个月后 每周五 改天 尽快 或 和 到 不用 取消 改到 客户 回访 给报价 入金 了 的 前 , 。 ? / #
    @期台 1 一
    点 百 999年后 00:00 24点
"""
PIECES = st.sampled_from(WORDS.split())
DATE_CHARACTERS = "一二三十百千万周月日号点半天后前上下本今明年节个交易0123456789:-/.,% 记张三"
SAID = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=12).map(" ".join),
    st.text(
        alphabet="一二三十百千万周月日号点半天后前上下本今明年节个交易0123456789:-/.,% 记张三",
        max_size=40,
    ),
)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))
UNADDRESSED = st.lists(PIECES, max_size=12).map(lambda said: " ".join(said).replace("@", ""))
ANY = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def reading(
    said: str, at: datetime, index: Index, calendar: Calendar, place: Place = Place.PRIVATE
) -> Reading:
    return read(
        said,
        at=at,
        place=place,
        mentioned=False,
        calendar=calendar,
        found=index.fetch(spans(said), person="wangqiang"),
        focus=index.client("80010023", person="wangqiang"),
    )


@ANY
@given(said=SAID, at=MOMENTS)
def test_no_line_raises_and_none_writes_without_a_verb(
    said: str, at: datetime, index: Index, calendar: Calendar
) -> None:
    got = reading(said, at, index, calendar)
    if got.write:
        assert got.verb in BY_NAME
        assert BY_NAME[got.verb].writes not in {"no", "confirmed"}
        assert got.asked in {None, "date"}
    else:
        assert got.verb is not None


@ANY
@given(said=SAID, at=MOMENTS)
def test_no_follow_up_lies_in_the_past(
    said: str, at: datetime, index: Index, calendar: Calendar
) -> None:
    due = reading(said, at, index, calendar).due
    assert all(moment > at for moment in due.at)
    assert len(due.at) == 1 or due.kind != "date"
    assert len(due.at) <= 3 or due.kind != "ask"
    assert due.at or due.kind not in {"date", "dates"}


@ANY
@given(said=SAID)
def test_few_things_are_looked_up(said: str) -> None:
    queries = spans(said)
    assert len(queries) <= MOST_QUERIES
    assert len(set(queries)) == len(queries)


@ANY
@given(said=SAID, at=MOMENTS)
def test_a_note_is_made_of_the_persons_own_characters(
    said: str, at: datetime, index: Index, calendar: Calendar
) -> None:
    got = reading(said, at, index, calendar)
    assert set(got.note or "") <= set(said) | {" "}


@ANY
@given(said=UNADDRESSED)
def test_nothing_is_read_in_a_group_that_is_not_addressed(
    said: str, index: Index, calendar: Calendar
) -> None:
    at = datetime(2026, 11, 23, 6, 35, tzinfo=UTC)
    assert reading(said, at, index, calendar, Place.GROUP) == Reading(verb=None)


@pytest.mark.parametrize(
    "piece", ["一", "1", "a", "周一", "下午三点", "#a", "一点", "跟张", "1-", ".", " "]
)
def test_a_very_long_line_is_read_all_the_same(
    piece: str, index: Index, calendar: Calendar
) -> None:
    at = datetime(2026, 11, 23, 6, 35, tzinfo=UTC)
    for said in (piece * 4000, "记 张三 " + piece * 4000):
        assert reading(said, at, index, calendar).verb is not None


@ANY
@given(days=st.integers(2, 300), at=MOMENTS)
def test_counted_days_are_calendar_days(
    days: int, at: datetime, index: Index, calendar: Calendar
) -> None:
    due = reading(f"记 张三 {days}天后回访", at, index, calendar).due
    local = (at + timedelta(hours=8)).date()
    assert [moment.date() for moment in due.at] == [local + timedelta(days=days)]


@ANY
@given(
    weekday=st.sampled_from("一二三四五六日"),
    hour=st.sampled_from(["一", "两", "三", "四", "九", "十", "十一", "十二", "二十"]),
    at=MOMENTS,
)
def test_an_hour_right_behind_a_weekday_is_the_same_as_one_apart(
    weekday: str, hour: str, at: datetime, index: Index, calendar: Calendar
) -> None:
    together = reading(f"提醒 周{weekday}{hour}点 给张三打电话", at, index, calendar).due
    apart = reading(f"提醒 周{weekday} {hour}点 给张三打电话", at, index, calendar).due
    assert (together.kind, together.at) == (apart.kind, apart.at)
