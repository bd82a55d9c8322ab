"""Numbers of people, units, cards and telephones: what is accepted, and why not."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.kernel.identity import (
    PROVINCES,
    USCC_ALPHABET,
    USCC_TYPES,
    citizen_check,
    evaluate,
    luhn,
    uscc_check,
)

TODAY = date(2026, 11, 23)


def code(kind: str, number: object, **context: object) -> str:
    return evaluate(kind, number, context, as_of=TODAY).code


def citizen(born: date, *, province: str = "33", sequence: int = 11) -> str:
    body = f"{province}0106{born:%Y%m%d}{sequence:03}"
    return body + citizen_check(body)


def unit(first: str, rest: str = "330100MA27XABCD"[:15]) -> str:
    return first + rest + uscc_check(first + rest)


def card(body: str) -> str:
    return next(body + last for last in "0123456789" if luhn(body + last))


class TestGivenACitizenId:
    def test_the_rulebooks_two_examples_are_correct(self) -> None:
        found = evaluate("citizen_id", "110101199003079972", as_of=TODAY)
        assert (found.valid, found.code, found.facts["sex"]) == (True, "OK", "male")
        old = evaluate("citizen_id", "11010519491231002x", as_of=TODAY)
        assert (old.valid, old.code, old.normalized) == (True, "TOO_OLD", "11010519491231002X")

    @pytest.mark.parametrize("province", sorted(PROVINCES))
    def test_every_province_is_known(self, province: str) -> None:
        found = evaluate("id", citizen(date(1990, 3, 7), province=province), as_of=TODAY)
        assert found.code == "OK"
        assert found.facts.get("residence_permit", False) is (province in {"81", "82", "83"})

    @pytest.mark.parametrize(
        "province",
        [
            "00",
            "10",
            "16",
            "20",
            "24",
            "30",
            "38",
            "40",
            "47",
            "49",
            "55",
            "60",
            "66",
            "70",
            "72",
            "80",
            "84",
            "91",
        ],
    )
    def test_no_other_province_is_known(self, province: str) -> None:
        assert code("id", citizen(date(1990, 3, 7), province=province)) == "REGION"

    def test_a_foreign_resident_may_begin_with_nine(self) -> None:
        number = citizen(date(1990, 3, 7), province="91")
        assert code("id", number, doc_type="K") == "OK"
        assert code("id", number[:-1] + "0", doc_type="K") == "CHECKSUM"

    @pytest.mark.parametrize(
        ("number", "why"),
        [
            (None, "EMPTY"),
            ("  ' ", "EMPTY"),
            ("1.10101E+17", "SCIENTIFIC"),
            (110101199003079972.0, "SCIENTIFIC"),
            ("11010119900307997", "LENGTH"),
            ("1101011990030799722", "LENGTH"),
            ("11010119900X079972", "CHARSET"),
            ("11010119900307997Y", "CHARSET"),
            ("1101011990030七9972", "CHARSET"),
            ("111111111111111111", "ALL_SAME"),
            ("110101199013079972", "BIRTHDATE"),
            ("110101199002309972", "BIRTHDATE"),
            ("110101209003079972", "FUTURE_DATE"),
            ("110101199003079973", "CHECKSUM"),
            ("990101199013079973", "REGION"),
        ],
    )
    def test_the_first_reason_in_the_rulebooks_order_is_told(
        self, number: object, why: str
    ) -> None:
        found = evaluate("id", number, as_of=TODAY)
        assert (found.valid, found.code) == (False, why)

    @pytest.mark.parametrize(
        "number",
        [
            "１１０１０１１９９００３０７９９７２",
            "'110101199003079972",
            "110101-19900307-9972",
            "\ufeff110101 19900307 9972\u200b",
            "110101\u00a019900307\u30009972",
            110101199003079972,
        ],
    )
    def test_how_it_was_typed_does_not_matter(self, number: object) -> None:
        assert evaluate("id", number, as_of=TODAY).normalized == "110101199003079972"
        assert code("id", number) == "OK"

    def test_fifteen_digits_are_converted_and_refused_only_for_an_opening(self) -> None:
        found = evaluate("id", "110105491231002", as_of=TODAY)
        assert (found.valid, found.code) == (True, "LEGACY_15")
        assert found.normalized == "11010519491231002X"
        assert not evaluate("id", "110105491231002", {"opening": True}, as_of=TODAY).valid

    @pytest.mark.parametrize(
        ("born", "on", "why"),
        [
            (date(2008, 11, 23), TODAY, "OK"),
            (date(2008, 11, 24), TODAY, "UNDERAGE"),
            (date(2008, 2, 29), date(2026, 2, 28), "UNDERAGE"),
            (date(2008, 2, 29), date(2026, 3, 1), "OK"),
            (date(1956, 11, 23), TODAY, "OK"),
            (date(1955, 11, 24), TODAY, "OK"),
            (date(1955, 11, 23), TODAY, "TOO_OLD"),
        ],
    )
    def test_age_is_that_of_the_application_date(self, born: date, on: date, why: str) -> None:
        assert code("id", citizen(born), application_date=on.isoformat()) == why

    def test_what_the_person_declared_is_compared(self) -> None:
        number = citizen(date(1990, 3, 7), sequence=11)
        assert code("id", number, sex="男", birth="1990-03-07") == "OK"
        assert code("id", number, sex="女") == "SEX_MISMATCH"
        assert code("id", number, birth="1990-03-08") == "BIRTH_MISMATCH"

    def test_a_warning_that_comes_first_does_not_hide_a_failure(self) -> None:
        found = evaluate("id", "11010519491231002X", {"sex": "male"}, as_of=TODAY)
        assert not found.valid
        assert found.facts["codes"] == ["TOO_OLD", "SEX_MISMATCH"]

    @given(st.integers(0, 25_000), st.integers(0, 999), st.integers(0, 17), st.integers(1, 9))
    def test_one_wrong_digit_never_passes(self, age: int, order: int, at: int, by: int) -> None:
        number = citizen(TODAY - timedelta(days=7000 + age % 18_000), sequence=order)
        digit = "0123456789X".index(number[at])
        wrong = number[:at] + str((digit + by) % 10) + number[at + 1 :]
        assert wrong == number or not evaluate("id", wrong, as_of=TODAY).valid


class TestGivenAUnitsCode:
    @pytest.mark.parametrize("first", sorted(USCC_TYPES))
    def test_every_published_type_passes(self, first: str) -> None:
        found = evaluate("uscc", unit(first), as_of=TODAY)
        assert found.code == "OK"
        assert found.facts["may_open"] is (first not in {"11", "12"})

    @pytest.mark.parametrize(
        ("number", "why"),
        [
            ("", "EMPTY"),
            ("9.13301E+17", "SCIENTIFIC"),
            (unit("91")[:-1], "LENGTH"),
            ("91330100MA27XABCIO", "CHARSET"),
            ("0" * 18, "ALL_SAME"),
            (unit("97"), "TYPE_DIGIT"),
            (unit("91")[:-1] + ("0" if unit("91")[-1] != "0" else "1"), "CHECKSUM"),
        ],
    )
    def test_a_wrong_one_is_told_why(self, number: str, why: str) -> None:
        assert code("uscc", number) == why

    @given(st.text(USCC_ALPHABET, min_size=15, max_size=15), st.integers(2, 16), st.data())
    def test_one_wrong_character_never_passes(
        self, rest: str, at: int, data: st.DataObject
    ) -> None:
        number = unit("91", rest)
        wrong = data.draw(st.sampled_from(USCC_ALPHABET.replace(number[at], "")))
        assert code("uscc", number.lower()) == "OK"
        assert code("uscc", number[:at] + wrong + number[at + 1 :]) == "CHECKSUM"


class TestGivenABankCard:
    @pytest.mark.parametrize("length", range(13, 20))
    def test_a_debit_card_of_any_usual_length_passes(self, length: int) -> None:
        found = evaluate("bank_card", card("622848" + "1234567890123"[: length - 7]), as_of=TODAY)
        assert (found.code, found.facts["bank"]) == ("OK", "ABC")

    @pytest.mark.parametrize(
        ("number", "why"),
        [
            ("", "EMPTY"),
            ("6.22202E+18", "SCIENTIFIC"),
            (6.22202e18, "SCIENTIFIC"),
            ("622848123456", "LENGTH"),
            ("62284812345678901234", "LENGTH"),
            ("622848123456789O", "CHARSET"),
            ("0" * 16, "ALL_SAME"),
            (card("622575123456789"), "TYPE_DIGIT"),
            ("6228481234567890", "CHECKSUM"),
        ],
    )
    def test_a_wrong_one_is_told_why(self, number: object, why: str) -> None:
        found = evaluate("bank_card", number, as_of=TODAY)
        assert (found.valid, found.code) == (False, why)

    def test_an_unknown_bank_is_only_a_warning(self) -> None:
        found = evaluate("bank_card", card("699999123456789"), as_of=TODAY)
        assert (found.valid, found.code) == (True, "BIN_UNKNOWN")

    @pytest.mark.parametrize(
        ("number", "why"), [("123456789", "OK"), ("12345678", "LENGTH"), ("1" * 33, "LENGTH")]
    )
    def test_a_units_account_is_judged_by_length_alone(self, number: str, why: str) -> None:
        assert code("bank_card", number, client_type="ORG") == why


def segments() -> Iterator[tuple[str, str]]:
    """Every beginning of three digits after a 1, and what becomes of it."""
    for second, third in product("0123456789", repeat=2):
        first = f"1{second}{third}"
        bad = second in "012" or first in {"140", "141", "144", "146", "148"}
        yield first, "SEGMENT" if bad else "OK"


class TestGivenAMobile:
    @pytest.mark.parametrize(("first", "why"), list(segments()))
    def test_its_segment_decides(self, first: str, why: str) -> None:
        found = evaluate("mobile", f"{first}12345678", as_of=TODAY)
        assert (found.valid, found.code) == (why == "OK", why)
        virtual = first in {"162", "165", "167", "170", "171"}
        assert found.facts.get("virtual", False) is virtual

    @pytest.mark.parametrize(
        "number",
        [
            "13800138000",
            13800138000.0,
            "+86-138 0013 8000",
            "008613800138000",
            "8613800138000",
            "１３８００１３８０００",
            "'138-0013-8000",
        ],
    )
    def test_how_it_was_typed_does_not_matter(self, number: object) -> None:
        assert evaluate("mobile", number, as_of=TODAY).normalized == "13800138000"

    @pytest.mark.parametrize(
        ("number", "why"),
        [
            ("", "EMPTY"),
            ("1.38E+10", "SCIENTIFIC"),
            ("1380013800", "LENGTH"),
            ("86138", "LENGTH"),
            ("1380013800a", "CHARSET"),
            ("11111111111", "ALL_SAME"),
            ("23800138000", "SEGMENT"),
        ],
    )
    def test_a_wrong_one_is_told_why(self, number: str, why: str) -> None:
        assert code("mobile", number) == why

    @pytest.mark.parametrize("number", ["+852 9123 4567", "00853 6612 3456", "+886-912345678"])
    def test_hong_kong_macao_and_taiwan_are_kept_with_their_country(self, number: str) -> None:
        found = evaluate("mobile", number, as_of=TODAY)
        assert found.valid
        assert found.normalized.startswith("+8")


def test_an_unknown_kind_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="passport"):
        evaluate("passport", "E12345678", as_of=TODAY)
