"""What is left of a number or a name for eyes that need not see it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.kernel import masks


@pytest.mark.parametrize(
    ("shown", "mask", "text"),
    [
        ("3301**********1234", masks.id_number, "330106199003071234"),
        ("1101*******9972", masks.id_number, "110101900309972"),
        ("138****6688", masks.mobile, "13812346688"),
        ("**** **** **** 8903", masks.bank_card, "6228481234568903"),
        ("80****23", masks.account, "80010023"),
        ("张*", masks.name, "张三"),
        ("王*", masks.name, "王小明"),
        ("欧阳*", masks.name, "欧阳修"),
        ("欧*", masks.name, "欧阳"),
        ("买*", masks.name, "买买提·艾力"),
        ("杭州**有限公司", masks.name, "杭州示例贸易有限公司"),
        ("示**公司", masks.name, "示例公司"),
        ("稳健**3号", masks.name, "稳健成长3号"),
        ("王*", masks.name, "王号"),
        ("", masks.name, " "),
    ],
)
def test_a_mask_keeps_what_people_recognise_and_no_more(
    shown: str, mask: object, text: str
) -> None:
    assert callable(mask)
    assert mask(text) == shown


@given(st.text("0123456789X", min_size=1, max_size=30))
def test_whatever_the_length_a_third_stays_hidden(text: str) -> None:
    for mask in (masks.id_number, masks.mobile, masks.account):
        shown = mask(text)
        assert len(shown) == len(text)
        assert shown.count("*") * 3 >= len(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("电话13800138000", "电话138****8000"),
        ("tel138 0013 8000转", "tel138****8000转"),
        ("１１０１０１１９９００３０７９９７２", "1101**********9972"),
        ("卡6228481234568903", "卡**** **** **** 8903"),
        ("账号80010023 于2026-01-05开户", "账号80010023 于2026-01-05开户"),
    ],
)
def test_long_numbers_in_free_text_are_masked(text: str, shown: str) -> None:
    assert masks.numbers(text) == shown
