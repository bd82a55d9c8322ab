"""What holds for every line, whatever people type."""

import re
from datetime import UTC, date, datetime, timedelta
from time import thread_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.chat.message import Place
from bot.grammar.index import Index
from bot.grammar.normalise import normalise
from bot.grammar.reading import Reading
from bot.grammar.record import calendar_of, moment
from bot.grammar.understand import read, spans
from bot.grammar.verbs import BY_NAME, TABLE
from bot.grammar.who import MOST_QUERIES
from crm.kernel.calendar import Calendar
from crm.kernel.clock import SHANGHAI

WORDS = """
    记 待办 提醒 查 线索 开户 持仓 显示 交接 认领 完成 /规则 张三 李伟 zs zhangsan 陈总 80010023
    尾号 6688 他 电话 微信 拜访 聊了 套保 螺纹 rb2705 M 3万 二十手 5% #套保 下周三 周五 明天 后天
    今晚 八点 15:30 收盘后 夜盘前 节前 国庆后 年前 月底 3月5日 2月30日 15号 三天后 5个交易日后
    半个月后 每周五 改天 尽快 或 和 到 不用 取消 改到 客户 回访 给报价 入金 了 的 前 , 。 ? / #
    @期台 1 一
    点 百 999年后 00:00 24点
"""
VERBS = [word for verb in TABLE for word in (*verb.words, *verb.latin)]
SPOKEN = """
    嗯 那个 就是 帮我 麻烦 给我 一下 一条 看 看看 把 我的 现在的 情况 给我看看 “ ” ( ) 期台 ，不对，
    说错了 今天电话 查文斌 国庆 周武 +86 138 1234 6688 13812346688 😊 記 張三 電話 下週三 壹佰萬
    十万零五 提醒我
"""
PIECES = st.sampled_from([*WORDS.split(), *VERBS, *SPOKEN.split()])
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
HARD = """
    2026-09-18T16:30 2026-09-20T10:00 2026-09-24T20:59 2026-09-30T15:00 2026-10-01T00:00
    2026-10-10T09:30 2026-11-24T02:00 2026-11-27T21:40 2026-11-28T01:10 2026-11-29T11:00
    2026-11-30T16:00 2026-12-31T23:59 2027-01-01T04:59 2026-02-13T10:00 2026-02-14T02:29
    2024-02-29T09:00 2028-02-29T23:30 2035-12-31T21:00 2040-06-30T15:00
"""
ANY_MOMENT = st.integers(0, 5 * 365 * 24 * 60).map(
    lambda minutes: FIRST + timedelta(minutes=minutes)
)
MOMENTS = st.one_of(ANY_MOMENT, st.sampled_from([moment(at) for at in HARD.split()]))
SHIPPED = Calendar.shipped()
NO_HOLIDAYS = Calendar(
    closed=frozenset(),
    no_night=frozenset(),
    first=FIRST.date(),
    last=date(2027, 12, 31),
    holidays={},
)
CALENDARS = st.sampled_from(
    [SHIPPED, calendar_of(SHIPPED.closed, SHIPPED.no_night), calendar_of([], []), NO_HOLIDAYS]
)
FOCUS = st.sampled_from(["80010023", ""])
UNADDRESSED = st.lists(PIECES, max_size=12).map(lambda said: " ".join(said).replace("@", ""))
REPEATED = """
    一 1 a 周一 下午三点 #a 一点 跟张 1- . 看一下 “ ( 和 说错了 提醒 8点 电话 , 张三 十万零五 有空
"""
A_MOMENT = 0.4  # seconds of processor time; about ten times what is needed
ANY = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def reading(
    said: str,
    at: datetime,
    index: Index,
    calendar: Calendar,
    place: Place = Place.PRIVATE,
    focus: str = "80010023",
) -> Reading:
    return read(
        said,
        at=at,
        place=place,
        mentioned=False,
        calendar=calendar,
        found=index.fetch(spans(said), person="wangqiang"),
        focus=index.client(focus, person="wangqiang") if focus else None,
    )


def is_named(verb: str, said: str) -> bool:
    """Whether the verb stands in the line: one of its words, or a beginning of its pinyin."""
    plain = normalise(said).text.lower()
    words = re.findall(r"[a-z]{3,}", plain)
    row = BY_NAME[verb]
    return any(word in plain for word in (*row.words, *row.latin)) or any(
        latin.startswith(word) for latin in row.latin for word in words
    )


@ANY
@given(said=SAID, at=MOMENTS, calendar=CALENDARS, focus=FOCUS)
def test_no_line_raises_and_none_writes_without_a_verb(
    said: str, at: datetime, index: Index, calendar: Calendar, focus: str
) -> None:
    got = reading(said, at, index, calendar, focus=focus)
    if got.write:
        assert got.verb in BY_NAME
        assert BY_NAME[got.verb].writes not in {"no", "confirmed"}
        assert is_named(got.verb, said)
        assert got.asked in {None, "date"}
    else:
        assert got.verb is not None


@ANY
@given(said=SAID.filter(lambda said: not any(is_named(verb, said) for verb in BY_NAME)), at=MOMENTS)
def test_nothing_without_a_verbs_characters_is_written(
    said: str, at: datetime, index: Index, calendar: Calendar
) -> None:
    assert not reading(said, at, index, calendar).write


FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


@ANY
@given(said=st.lists(PIECES, max_size=10).map(" ".join), at=MOMENTS)
def test_full_width_is_read_like_half_width(
    said: str, at: datetime, index: Index, calendar: Calendar
) -> None:
    one, two = (reading(each, at, index, calendar) for each in (said, said.translate(FULL_WIDTH)))
    assert (one.verb, one.write, one.asked, one.due) == (two.verb, two.write, two.asked, two.due)
    assert one.clients == two.clients
    assert one.amounts == two.amounts


@ANY
@given(said=st.lists(PIECES, min_size=1, max_size=10).map(" ".join), at=MOMENTS)
def test_the_bots_name_in_front_changes_nothing(
    said: str, at: datetime, index: Index, calendar: Calendar
) -> None:
    named = reading(f"@期台 {said}", at, index, calendar)
    plain = reading(said, at, index, calendar)
    assert (named.verb, named.write, named.clients, named.due) == (
        (plain.verb, plain.write, plain.clients, plain.due)
    )


@ANY
@given(said=SAID, at=MOMENTS, calendar=CALENDARS)
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


@pytest.mark.parametrize("piece", [*REPEATED.split(), " "])
def test_a_very_long_line_is_read_all_the_same(
    piece: str, index: Index, calendar: Calendar
) -> None:
    at = datetime(2026, 11, 23, 6, 35, tzinfo=UTC)
    for front in ("", "记 张三 ", "提醒", "查"):
        said = (front + piece * 10_000)[:9_999] + "x"
        begun = thread_time()
        assert reading(said, at, index, calendar).verb is not None
        assert thread_time() - begun < A_MOMENT


@ANY
@given(days=st.integers(2, 300), at=MOMENTS)
def test_counted_days_are_calendar_days(
    days: int, at: datetime, index: Index, calendar: Calendar
) -> None:
    due = reading(f"记 张三 {days}天后回访", at, index, calendar).due
    local = at.astimezone(SHANGHAI).date()
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
