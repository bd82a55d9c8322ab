"""The pieces: the person's own characters, task titles, figures, the table of verbs, the record."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bot.grammar import amounts, holidays, note, numerals, products, verbs
from bot.grammar.index import Index
from bot.grammar.normalise import normalise
from bot.grammar.reading import Reading
from bot.grammar.record import calendar_of, moment, parse_record, to_json
from bot.grammar.understand import spans
from bot.grammar.who import Query
from crm.kernel.calendar import Calendar
from tests.grammar.conftest import Understand


class TestGivenALineAsItWasTyped:
    def test_when_full_width_and_traditional_then_it_is_matched_in_plain_characters(self) -> None:
        line = normalise("@期台　記　張三：３成。")
        assert line.text == "记 张三:3成"
        assert line.called

    def test_when_a_part_is_stored_then_it_is_the_persons_own(self) -> None:
        line = normalise("記 張三 入金３万，㎡")
        start = line.text.index("入金")
        assert line.own(start) == "入金３万，㎡"

    def test_when_it_is_very_long_then_the_rest_stays_in_the_note(self) -> None:
        line = normalise("记 张三 " + "好" * 9000)
        assert len(line.own(0)) == 9005
        assert len(line.text) < 5000

    def test_when_another_is_called_then_the_bot_is_not(self) -> None:
        assert not normalise("@张三 查 李伟").called


class TestGivenANoteWithAFollowUp:
    @pytest.mark.parametrize(
        ("said", "action"),
        [
            ("记 张三 电话 聊了螺纹套保比例,想降到三成,下周三回访 #套保", "回访"),
            ("待办 张三 周五 回访", "回访"),
            ("提醒 明天下午三点给陈总打电话", "给陈总打电话"),
            ("待办 张三 下周三之前发對賬單", "发對賬單"),
            ("记 张三 聊了套保，四点前给报价", "给报价"),
            ("记 张三 聊了套保，下周三，给他回电", "给他回电"),
            ("待办 寄合同", "寄合同"),
        ],
    )
    def test_then_the_tasks_title_is_what_is_left_without_the_date(
        self, said: str, action: str, understand: Understand
    ) -> None:
        assert understand(said, focus="80010023").action == action

    def test_then_the_note_keeps_the_date(self, understand: Understand) -> None:
        reading = understand("记 張三 電話 聊了，下週三回訪 #套保")
        assert reading.note == "聊了，下週三回訪"

    def test_then_a_client_from_the_focus_is_marked_as_such(self, understand: Understand) -> None:
        assert understand("记 电话 聊了套保", focus="80010023").in_focus
        assert not understand("记 张三 电话 聊了套保", focus="80010106").in_focus

    def test_then_lots_and_percentages_are_there_too(self, understand: Understand) -> None:
        reading = understand("记 张三 电话 平了三手,剩20手,比例降到三成,跌5%")
        assert reading.lots == (Decimal(3), Decimal(20))
        assert reading.percentages == (Decimal("0.3"), Decimal("0.05"))


class TestGivenALead:
    def test_then_its_mobile_is_read_apart_from_the_note(self, understand: Understand) -> None:
        reading = understand("线索 李四 138-1234-5678 抖音 有意向做生猪")
        assert (reading.query, reading.mobile) == ("李四", "13812345678")
        assert reading.note == "抖音 有意向做生猪"
        assert reading.amounts == ()


class TestGivenFigures:
    @pytest.mark.parametrize(
        ("words", "value"),
        [
            ("三", 3), ("十", 10), ("十二", 12), ("二十", 20), ("二十三", 23), ("一百零五", 105),
            ("两百五", 250), ("三千二", 3200), ("一百二十", 120), ("二〇二六", 2026), ("15", 15),
        ],
    )  # fmt: skip
    def test_then_chinese_numerals_have_values(self, words: str, value: int) -> None:
        assert numerals.count(words) == value

    @pytest.mark.parametrize(
        ("words", "value"), [("三点五", "3.5"), ("1.2", "1.2"), ("十二点二五", "12.25")]
    )
    def test_then_fractions_too(self, words: str, value: str) -> None:
        assert numerals.number(words) == Decimal(value)

    def test_then_no_two_wordings_of_an_amount_differ(self) -> None:
        for said in (
            "30万",
            "三十万",
            "30w",
            "300000元",
            "300,000元",
            "¥300000",
            "30万元",
            "三十万块",
        ):
            assert amounts.amounts(said) == (Decimal(300_000),), said

    @pytest.mark.parametrize("said", ["两手准备", "一手资料", "二手房", "手续费", "3手机", "第3手"])
    def test_then_a_hand_is_not_always_a_lot(self, said: str) -> None:
        assert amounts.lots(said) == ()

    @pytest.mark.parametrize(
        ("said", "ratio"),
        [
            ("-5%", "-0.05"),
            ("百分之三十", "0.3"),
            ("三成", "0.3"),
            ("三成半", "0.35"),
            ("0.5%", "0.005"),
        ],
    )
    def test_then_percentages_are_ratios(self, said: str, ratio: str) -> None:
        assert amounts.percentages(said) == (Decimal(ratio),)


class TestGivenProducts:
    def test_then_every_official_name_is_its_own_code(self) -> None:
        for name, code in products._names().items():
            assert products.products(f"聊了{name}") == (code,), name

    def test_then_options_are_spelled_as_the_exchange_does(self) -> None:
        said = "卖 M2705-C-3000 买 sr705C5800 和 RB2705P3000"
        assert products.contracts(said) == ("m2705-C-3000", "SR705C5800", "rb2705P3000")

    def test_then_a_single_letter_needs_a_reason(self) -> None:
        assert products.products("C4 客户, B 类, m 主力") == ("m",)
        assert products.products("i -8%") == ("i",)
        assert products.products("j", codes=True) == ("j",)


class TestGivenChannels:
    @pytest.mark.parametrize("said", ["微信号换了", "电话号码", "会议室订好了", "短信费", "微信群"])
    def test_then_a_thing_named_after_one_is_none(self, said: str) -> None:
        assert note.channel(said) is None


class TestGivenTheTableOfVerbs:
    def test_then_no_word_means_two_things(self) -> None:
        words = Counter(word for verb in verbs.TABLE for word in (*verb.words, *verb.latin))
        assert [word for word, times in words.items() if times > 1] == []

    def test_then_every_word_finds_its_row(self) -> None:
        for verb in verbs.TABLE:
            for word in (*verb.words, *verb.latin):
                assert verbs.resolve(word, slash=True).verbs == (verb,)

    def test_then_every_example_is_understood_as_its_verb(self, understand: Understand) -> None:
        for verb in verbs.TABLE:
            for example in verb.examples:
                assert understand(example).verb == verb.name, example

    def test_then_three_are_near_anything(self) -> None:
        assert len(verbs.nearest("风险表")) == 3
        assert verbs.nearest("风险表")[0].name == "risk_rank"

    def test_then_an_unknown_command_is_answered_with_the_nearest(
        self, understand: Understand
    ) -> None:
        reading = understand("/风险表")
        assert (reading.verb, reading.asked) == ("none", "verb")
        assert reading.suggestions[0] == "risk_rank"


class TestGivenHolidays:
    def test_then_the_programs_festivals_are_closed_in_the_shipped_calendar(
        self, calendar: Calendar
    ) -> None:
        for (name, year), day in holidays._BY_YEAR.items():
            if calendar.first.year <= year <= 2026:
                assert not calendar.is_trading(day), (name, day)

    def test_then_a_block_takes_the_weekends_beside_it(self, calendar: Calendar) -> None:
        block = holidays.around(calendar, date(2026, 10, 6))
        assert block == (date(2026, 10, 1), date(2026, 10, 7))


class TestGivenARecord:
    def test_then_the_answer_has_the_agreed_shape(self, index: Index, calendar: Calendar) -> None:
        record = {"id": 7, "text": "查 张三", "at": "2026-11-23T06:35:00+00:00"}
        assert parse_record(record, index, calendar) == {
            "id": 7,
            "verb": "look_up",
            "write": False,
            "asked": None,
            "clients": ["80010023"],
            "query": "张三",
            "channel": None,
            "note": None,
            "tags": [],
            "amounts": [],
            "products": [],
            "contracts": [],
            "due": {"kind": "none"},
        }

    def test_then_the_moment_is_shanghais(self, index: Index, calendar: Calendar) -> None:
        record = {"text": "记 张三 明天回访", "at": "2026-11-23T22:30:00+00:00"}
        due = parse_record(record, index, calendar)["due"]
        assert due == {"kind": "date", "at": "2026-11-25T09:00"}

    def test_then_a_moment_without_offset_is_shanghais(self) -> None:
        assert moment("2026-11-23T08:00") == datetime(2026, 11, 23, tzinfo=UTC)

    def test_then_whole_yuan_are_whole_numbers(self) -> None:
        reading = Reading(verb="log", amounts=(Decimal(30000), Decimal("0.5")))
        assert to_json(reading)["amounts"] == [30000, 0.5]

    def test_then_a_place_that_is_none_is_refused(self, index: Index, calendar: Calendar) -> None:
        with pytest.raises(ValueError, match="cellar"):
            parse_record({"text": "查", "at": "2026-11-23", "where": "cellar"}, index, calendar)

    def test_then_a_calendar_may_be_dates_alone(self) -> None:
        bare = calendar_of(["2026-10-01"], [date(2026, 9, 30)])
        assert not bare.is_trading(date(2026, 10, 1))
        assert not bare.has_night(date(2026, 9, 30))


class TestGivenTheIndexInMemory:
    def test_when_others_have_the_name_too_then_ones_own_come_first(self, index: Index) -> None:
        query = Query("word", "王芳")
        hits = index.fetch([query], person="zhaolei")[query]
        assert [(hit.account, hit.own) for hit in hits] == [("80020108", True), ("80010108", False)]

    def test_when_it_is_a_part_then_others_clients_are_not_listed(self, index: Index) -> None:
        query = Query("word", "刘")
        assert index.fetch([query], person="wangqiang")[query] == ()
        assert len(index.fetch([query], person="zhaolei")[query]) == 1

    def test_when_somebody_manages_nobody_then_he_sees_all(self, index: Index) -> None:
        query = Query("word", "zs")
        assert len(index.fetch([query], person="fengjun")[query]) == 3

    def test_when_found_exactly_then_nothing_is_guessed(self, index: Index) -> None:
        query = Query("word", "张三")
        assert [hit.how for hit in index.fetch([query], person="wangqiang")[query]] == ["exact"]

    def test_a_long_note_asks_for_few(self) -> None:
        said = "记 张三 电话 聊了" + "跟李四和王五" * 30
        assert len(spans(said)) <= 24
