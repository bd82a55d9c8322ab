"""What arrives for an application: recognised, judged, and told in one sentence."""

import io
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from approvals import checks, documents, intake, versions
from approvals.checks import Attached, Light, Others
from approvals.documents import Field, Paper, PaperFacts, WrongNumber, WrongPaper
from bot.sandbox import numbers

FLOW = versions.flow_of(versions.shipped("account_opening"), 1)
LIMITS = FLOW.limits
PERSON = [Field(each) for each in FLOW.papers["person"].fields]
COMPANY = [Field(each) for each in FLOW.papers["company"].fields]
PAPERS = [Paper(each) for each in FLOW.papers["person"].files]
DAY = date(2026, 11, 23)
ID_NUMBER = "110101199003079972"
CARD = "6222626541886102160"
MOBILE = "13800138000"


def read(line: str, wanted: list[Field] = PERSON) -> dict[Field, str]:
    return {each.field: each.text for each in intake.read(line, wanted)}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (ID_NUMBER, {Field.ID_NUMBER: ID_NUMBER}),
        ("11010519491231002x", {Field.ID_NUMBER: "11010519491231002x"}),
        ("１１０１０１１９９００３０７９９７２", {Field.ID_NUMBER: ID_NUMBER}),
        ("110101 19900307 9972", {Field.ID_NUMBER: "110101 19900307 9972"}),
        ("手机 138 0013 8000", {Field.MOBILE: "138 0013 8000"}),
        ("+86 13800138000", {Field.MOBILE: "+86 13800138000"}),
        (CARD, {Field.BANK_CARD: CARD}),
        ("卡号：6222 6265 4188 6102 160", {Field.BANK_CARD: "6222 6265 4188 6102 160"}),
        (
            f"身份证{ID_NUMBER}，电话{MOBILE}，长期",
            {Field.ID_NUMBER: ID_NUMBER, Field.MOBILE: MOBILE, Field.ID_EXPIRES: "长期"},
        ),
        (f"{ID_NUMBER} {MOBILE}", {Field.ID_NUMBER: ID_NUMBER, Field.MOBILE: MOBILE}),
        ("有效期 2035-05-01", {Field.ID_EXPIRES: "2035-05-01"}),
        ("有效期至2035年5月1日", {Field.ID_EXPIRES: "2035-05-01"}),
        ("2015.05.01-2035.05.01", {Field.ID_EXPIRES: "2035-05-01"}),
        ("有效期20150501-20350501", {Field.ID_EXPIRES: "2035-05-01"}),
        ("2015.05.01至长期", {Field.ID_EXPIRES: "长期"}),
        ("2035-13-41", {Field.ID_EXPIRES: "2035-13-41"}),
        ("好的", {}),
        ("11010119900307997", {Field.ID_NUMBER: "11010119900307997"}),  # one digit short
    ],
)
def test_a_line_is_read(line: str, wanted: dict[Field, str]) -> None:
    assert read(line) == wanted


def test_a_companys_line_is_read_by_its_own_places() -> None:
    line = "信用代码 91330106MA2AXXXX0X 对公账号 1202020409900012345"
    assert read(line.replace("XXXX0X", "YC8Q4J"), COMPANY).keys() == {
        Field.CREDIT_CODE,
        Field.BANK_ACCOUNT,
    }
    assert read(MOBILE, COMPANY) == {Field.MOBILE: MOBILE}


@given(seed=st.integers(), order=st.permutations([0, 1, 2]), blank=st.sampled_from(" ，\n、"))
def test_whatever_the_order_each_invented_number_finds_its_place(
    seed: int, order: list[int], blank: str
) -> None:
    random = numbers.seeded(seed)
    birthday = date(1985, 1, 1) + timedelta(days=random.randrange(7000))
    given_ = {
        Field.ID_NUMBER: numbers.citizen_id(random, birthday, female=True),
        Field.MOBILE: numbers.mobile(random),
        Field.BANK_CARD: numbers.bank_card(random),
    }
    said = blank.join(list(given_.values())[n] for n in order)
    assert read(said) == given_


@pytest.mark.parametrize(
    ("field", "given_", "says"),
    [
        (Field.ID_NUMBER, "11010119900307997", "应为 18 位，收到 17 位"),
        (Field.ID_NUMBER, "110101199003079971", "最后一位校验不对"),
        (Field.ID_NUMBER, "990101199003079972", "地区代码"),
        (Field.ID_NUMBER, "110101199002309973", "出生日期不存在"),
        (Field.ID_NUMBER, "130503670401001", "15 位的旧号码"),
        (Field.MOBILE, "1380013800", "应为 11 位，收到 10 位"),
        (Field.MOBILE, "14612345678", "手机号段"),
        (Field.BANK_CARD, "6222626541886102161", "校验不对"),
        (Field.ID_EXPIRES, "2026-11-22", "已于 2026-11-22 过期"),
        (Field.ID_EXPIRES, "2035-13-41", "没有 2035-13-41 这一天"),
    ],
)
def test_a_wrong_number_is_refused_with_what_is_wrong(field: Field, given_: str, says: str) -> None:
    with pytest.raises(WrongNumber) as refused:
        documents.accept(field, given_, DAY, LIMITS)
    assert says in refused.value.text


@pytest.mark.parametrize(
    ("day", "old_enough"), [(date(2026, 3, 6), False), (date(2026, 3, 7), True)]
)
def test_who_is_not_eighteen_yet_is_refused_until_the_birthday(day: date, old_enough: bool) -> None:
    young = numbers.with_id_check("33019920080307001")
    if old_enough:
        assert documents.accept(Field.ID_NUMBER, young, day, LIMITS) == young
        return
    with pytest.raises(WrongNumber, match="WrongNumber") as refused:
        documents.accept(Field.ID_NUMBER, young, day, LIMITS)
    assert "未满 18 周岁" in refused.value.text


def picture(kind: str, size: tuple[int, int] = (1011, 638)) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 16).save(file, kind)
    return file.getvalue()


def test_photographs_and_documents_are_taken_and_anything_else_is_not() -> None:
    assert documents.accept_paper("a.jpg", picture("JPEG"), LIMITS).width == 1011
    assert documents.accept_paper("a.png", picture("PNG"), LIMITS).height == 638
    assert documents.accept_paper("a.pdf", b"%PDF-1.7 ...", LIMITS).width == 0
    for content in (b"", b"MZ\x90", picture("GIF"), b"<svg/>"):
        with pytest.raises(WrongPaper):
            documents.accept_paper("a.jpg", content, LIMITS)
    with pytest.raises(WrongPaper) as refused:
        documents.accept_paper("a.pdf", b"%PDF-" + bytes(LIMITS.file_max_bytes), LIMITS)
    assert "5 MB" in refused.value.text


@pytest.mark.parametrize(
    ("name", "paper"),
    [
        ("身份证正面.jpg", Paper.ID_FRONT),
        ("身份证国徽面.png", Paper.ID_BACK),
        ("sfz_back.JPG", Paper.ID_BACK),
        ("银行卡.jpg", Paper.CARD_PHOTO),
        ("IMG_2031.jpg", None),
        ("营业执照.jpg", None),  # a person has none
    ],
)
def test_a_files_name_may_say_what_it_is(name: str, paper: Paper | None) -> None:
    assert intake.paper_named(name, PAPERS) is paper


GOOD = {
    Field.ID_NUMBER: ID_NUMBER,
    Field.ID_EXPIRES: "2035-05-01",
    Field.MOBILE: MOBILE,
    Field.BANK_CARD: CARD,
}


def papers(**size: int) -> dict[Paper, Attached]:
    facts = PaperFacts(**{"size": 90_000, "width": 1011, "height": 638, **size})
    return {
        paper: Attached(number=n, blob=f"{n}", name="x.jpg", facts=facts)
        for n, paper in enumerate(PAPERS, 1)
    }


def lights(
    values: dict[Field, str], files: dict[Paper, Attached], others: Others
) -> dict[str, Light]:
    found = checks.check_all(values, files, FLOW.papers["person"], others, DAY, LIMITS)
    return {check.what: check.light for check in found}


def test_a_complete_application_is_green_everywhere() -> None:
    assert set(lights(GOOD, papers(), Others()).values()) == {Light.GREEN}


def test_what_is_missing_keeps_it_from_being_submitted() -> None:
    for field in PERSON:
        values = {each: value for each, value in GOOD.items() if each is not field}
        found = checks.check_all(values, papers(), FLOW.papers["person"], Others(), DAY, LIMITS)
        assert not checks.ready(found)


@pytest.mark.parametrize(
    ("others", "what", "light"),
    [
        (Others(same_client="杭州营业部 李敏"), "证件号码", Light.RED),
        (Others(same_case=True), "证件号码", Light.RED),
        (Others(closed_client=True), "证件号码", Light.AMBER),
        (Others(mobile=1), "手机号", Light.AMBER),
        (Others(mobile=2), "手机号", Light.AMBER),
        (Others(mobile=3), "手机号", Light.RED),
        (Others(card=1), "银行卡", Light.AMBER),
        (Others(card=3), "银行卡", Light.RED),
        (Others(namesakes=2), "同名", Light.AMBER),
        (Others(staff=True), "从业人员", Light.AMBER),
    ],
)
def test_what_others_have_too_is_seen(others: Others, what: str, light: Light) -> None:
    assert lights(GOOD, papers(), others)[what] is light


@pytest.mark.parametrize(
    ("born", "light"),
    [
        ("19611124", Light.GREEN),  # 64 until tomorrow
        ("19611123", Light.AMBER),  # 65
        ("19551123", Light.AMBER),  # 71
    ],
)
def test_age_is_a_doubt_from_the_limits_on(born: str, light: Light) -> None:
    values = {**GOOD, Field.ID_NUMBER: numbers.with_id_check(f"330199{born}001")}
    assert lights(values, papers(), Others())["证件号码"] is light


@pytest.mark.parametrize(
    ("until", "light"),
    [
        ("长期", Light.GREEN),
        ("2026-12-24", Light.GREEN),
        ("2026-12-23", Light.AMBER),
        ("2026-11-23", Light.AMBER),
        ("2026-11-22", Light.RED),
    ],
)
def test_an_expiry_is_judged_on_the_day(until: str, light: Light) -> None:
    values = {**GOOD, Field.ID_EXPIRES: until}
    assert lights(values, papers(), Others())["证件有效期"] is light


def test_small_pictures_and_one_picture_for_two_papers_are_doubts() -> None:
    assert lights(GOOD, papers(width=999, height=600), Others())["身份证正面"] is Light.AMBER
    assert lights(GOOD, papers(size=51_199), Others())["身份证正面"] is Light.AMBER
    twice = papers()
    twice[Paper.ID_BACK] = twice[Paper.ID_FRONT]
    assert lights(GOOD, twice, Others())["身份证反面"] is Light.AMBER


def test_a_virtual_operators_number_is_a_doubt() -> None:
    assert (
        lights({**GOOD, Field.MOBILE: "17012345678"}, papers(), Others())["手机号"] is Light.AMBER
    )
