"""How values of rules are said and shown, and which days and spans admins may write."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.kernel.clock import SHANGHAI
from crm.kernel.errors import UserError
from crm.models import Role
from handlers.roles import HowToGrant, NoSuchRole, _wanted
from handlers.rulekinds import FLOW, KINDS, LADDER, NotAValue, NotInOrder, Place, Unit
from handlers.said import NotADay, day_in, end_of, span_in, span_words

NOW = datetime(2026, 11, 23, 14, 35, tzinfo=SHANGHAI)
CALL = next(place for place in LADDER.places if place.key == "call")
WAIT = next(place for place in LADDER.places if place.key == "wait_seconds")


@pytest.mark.parametrize(
    ("words", "value"),
    [("105%", "1.05"), ("105", "1.05"), ("1.05", "1.05"), ("100％", "1"), ("0.8", "0.8")],
)
def test_a_degree_is_percent_or_a_fraction(words: str, value: str) -> None:
    assert CALL.read(words) == value


@pytest.mark.parametrize("words", ["", "abc", "-5%", "0", "NaN", "Infinity", "1e9", "10.5.1"])
def test_what_is_no_degree_is_refused_with_an_example(words: str) -> None:
    with pytest.raises(NotAValue) as refused:
        CALL.read(words)
    assert "105%" in refused.value.text


@given(st.integers(1, 9_999))
def test_a_degree_reads_back_as_it_is_shown(hundredths: int) -> None:
    value = f"{(Decimal(hundredths) / 1000).normalize():f}"
    assert CALL.read(CALL.show(value)) == value


@given(st.integers(0, 86_400))
def test_a_span_reads_back_as_it_is_shown(seconds: int) -> None:
    assert WAIT.read(WAIT.show(seconds)) == seconds


@given(st.text(max_size=8))
def test_no_text_breaks_a_reader(words: str) -> None:
    for place in (CALL, WAIT, FLOW.places[0]):
        try:
            place.read(words)
        except UserError:
            continue
    try:
        day_in(words, NOW)
    except NotADay:
        return


def test_the_shipped_documents_fit_and_show_no_difference() -> None:
    for kind in KINDS.values():
        kind.must_fit(kind.shipped)
        assert kind.lines(kind.shipped, kind.shipped) == ()
        assert {place.key for place in kind.places} == set(kind.shipped)


def test_a_ladder_out_of_order_is_refused() -> None:
    with pytest.raises(NotInOrder):
        LADDER.must_fit({**LADDER.shipped, "call": "1.3"})
    for minutes in (0, -1, 10**6, True, "30"):
        with pytest.raises(NotInOrder):
            FLOW.must_fit({**FLOW.shipped, "compliance": minutes})


@pytest.mark.parametrize(
    ("line", "key", "rest"),
    [
        ("追保 105%", "call", "105%"),
        ("追保线到105%", "call", "105%"),
        ("交易所强平=100%", "exchange_force", "100%"),
        ("升级负责人 15分", "to_head_seconds", "15分"),
        ("升级 3分", "to_duty_seconds", "3分"),
    ],
)
def test_the_longest_name_of_a_rule_wins(line: str, key: str, rest: str) -> None:
    found = LADDER.named(line)
    assert found is not None
    assert (found[0].key, found[1]) == (key, rest)


def test_minutes_of_a_step_are_whole() -> None:
    place = Place(key="x", words=("复核",), unit=Unit.MINUTES)
    assert place.read("1小时") == 60
    assert place.show(90) == "90 分钟"


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("2026-11-01", date(2026, 11, 1)),
        ("2026年11月1日", date(2026, 11, 1)),
        ("11-01", date(2026, 11, 1)),
        ("12-01", date(2025, 12, 1)),
        ("2026.11.1", date(2026, 11, 1)),
        ("昨天", date(2026, 11, 22)),
        ("105%", None),
        ("1.05", None),
        ("升级", None),
    ],
)
def test_a_day_without_a_year_is_the_last_one_that_was(words: str, day: date | None) -> None:
    assert day_in(words, NOW) == day


@pytest.mark.parametrize("words", ["2026-13-01", "02-30"])
def test_what_looks_like_a_day_and_is_none_is_refused(words: str) -> None:
    with pytest.raises(NotADay):
        day_in(words, NOW)


def test_a_day_ends_at_midnight_in_shanghai() -> None:
    end = end_of(date(2026, 11, 1))
    assert end.astimezone(SHANGHAI).date() == date(2026, 11, 1)
    assert (end + timedelta(microseconds=1)).astimezone(SHANGHAI).date() == date(2026, 11, 2)


def test_spans_are_minutes_unless_told_otherwise() -> None:
    assert span_in("30") == timedelta(minutes=30)
    assert span_in("2小时") == timedelta(hours=2)
    assert span_in("90秒") == timedelta(seconds=90)
    assert span_in("很久") is None
    assert span_words(timedelta(minutes=90)) == "90 分钟"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["+风控"], {Role.MANAGER, Role.RISK}),
        (["授予", "风控", "开户岗"], {Role.MANAGER, Role.RISK, Role.OPENING_DESK}),
        (["−客户经理", "+负责人"], {Role.HEAD}),
        (["=合规岗"], {Role.COMPLIANCE}),
        (["收回", "客户经理"], set()),
    ],
)
def test_roles_are_given_and_taken_in_one_line(words: list[str], wanted: set[Role]) -> None:
    assert _wanted(frozenset({Role.MANAGER}), words) == (frozenset(wanted), "")


def test_what_follows_the_roles_is_the_reason() -> None:
    held = frozenset({Role.MANAGER})
    assert _wanted(held, ["+风控", "代班", "一周"]) == (held | {Role.RISK}, "代班 一周")
    with pytest.raises(NoSuchRole):
        _wanted(held, ["+厨师"])
    with pytest.raises(HowToGrant):
        _wanted(held, ["风控"])
