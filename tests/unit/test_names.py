"""Names: surname readings, keys that clients are filed under, probes for what people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import names, spelling
from crm.names import Key, Probe
from crm.surnames import COMMON, SYLLABLES


def finds(name: str, typed: str) -> set[str]:
    """How ``typed`` finds a client of this name."""
    keys = set(names.search_keys(name))
    return {
        probe.how
        for probe in names.query_keys(typed)
        if any(Key(probe.kind, key) in keys for key in probe.sought())
        and all(Key(probe.kind, key) in keys for key in probe.also)
    }


class TestGivenASurnameOfSeveralReadings:
    @pytest.mark.parametrize(
        ("name", "reading"),
        [
            ("单晓明", "shan"), ("曾琳", "zeng"), ("解放", "xie"), ("仇英", "qiu"), ("区明", "ou"),
            ("查英芳", "zha"), ("盖聂", "ge"), ("乐毅", "yue"), ("朴明", "piao"), ("任正", "ren"),
            ("欧阳明", "ouyang"), ("尉迟恭", "yuchi"), ("长孙无忌", "zhangsun"), ("吕布", "lv"),
            ("万俟明", "moqi"), ("冼星", "xian"), ("覃明", "qin"), ("燕青", "yan"),
        ],
    )  # fmt: skip
    def test_then_the_surnames_reading_comes_first(self, name: str, reading: str) -> None:
        assert names.surname_reading(name)[0] == reading

    def test_then_the_other_readings_find_too(self) -> None:
        assert finds("单晓明", "danxiaoming") == {"exact"}
        assert "exact" in finds("吕布", "lubu")
        assert finds("曾乐", "zengyue") == {"exact"}

    def test_then_the_initials_are_of_the_surname(self) -> None:
        assert names.initials("单晓明") == "sxm"
        assert names.initials("查英芳") == "zyf"
        assert names.initials("欧阳明") == "oym"
        assert names.initials("尉迟恭") == "ycg"


class TestGivenACompanyOfACityWithTwoReadings:
    @pytest.mark.parametrize(
        "typed",
        [
            "chongqinghengli", "zhongqinghengli", "cqhl", "zqhl", "chongqing", "zhongqing",
            "chongqinghenglishihuayouxiangongsi", "zhongqinghenglishihuayouxiangongsi", "chongq",
            "重庆恒力", "崇庆恒力", "中庆恒力", "hengli", "hlsh",
        ],
    )  # fmt: skip
    def test_then_both_find_it(self, typed: str) -> None:
        assert finds("重庆恒力石化有限公司", typed)

    def test_then_the_reading_that_people_know_comes_first(self) -> None:
        assert names.initials("重庆恒力石化有限公司").startswith("cqhl")
        assert names.initials("六安瓜片合作社").startswith("lagp")
        assert names.pinyin("长城电厂物资")[0][:2] == ("chang", "cheng")

    @pytest.mark.parametrize(
        "name", ["重庆Steel钢铁(西南)有限公司", "𠮷野重庆商贸", "长春ＡＢＣ-重型"]
    )
    def test_then_every_reading_has_a_syllable_for_each_character(self, name: str) -> None:
        assert {len(row) for row in names.pinyin(name)} == {len(name)}


class TestGivenWhatAPersonTypes:
    @pytest.mark.parametrize(
        ("name", "typed", "how"),
        [
            ("张思远", "张思远", "exact"), ("张思远", "張思遠", "exact"), ("张思远", "张", "part"),
            ("张思远", "思远", "part"), ("张思远", "zhangsiyuan", "exact"),
            ("张思远", "Zhang Siyuan", "exact"), ("张思远", "zhang'siyuan", "exact"),
            ("张思远", "zhang", "part"), ("张思远", "siyuan", "part"), ("张思远", "zsy", "part"),
            ("张思远", "zs", "part"), ("张思远", "zhangsy", "part"), ("张思远", "章思源", "sound"),
            ("张思远", "思源", "sound"), ("张思远", "张si远", "sound"),
            ("张思远", "zangsiyuan", "typo"),
            ("张思远", "zhangshiyuan", "typo"), ("张思远", "zhangsiyaun", "typo"),
            ("张思远", "zhangsiyuann", "typo"), ("张思远", "zhngsiyuan", "typo"),
            ("李宁", "lining", "exact"), ("李宁", "lilin", "none"),
            ("陈静", "陈金", "typo"), ("宁静", "lingjing", "typo"), ("吕布", "lyubu", "exact"),
            ("浙江恒力石化有限公司", "恒力", "part"), ("浙江恒力石化有限公司", "恒力石化", "part"),
            ("浙江恒力石化有限公司", "hengli", "part"), ("浙江恒力石化有限公司", "hlsh", "part"),
            ("浙江恒力石化有限公司", "浙江恒力石化有限公司", "exact"),
        ],
    )  # fmt: skip
    def test_then_the_name_is_found_this_way(self, name: str, typed: str, how: str) -> None:
        assert (how in finds(name, typed)) if how != "none" else not finds(name, typed)

    def test_then_numbers_are_accounts_tails_and_mobiles(self) -> None:
        assert names.query_keys("80010023") == [Probe("account", "80010023", "exact")]
        assert Probe("mobile", "13812346688", "exact") in names.query_keys("138 1234 6688")
        assert Probe("mtail", "6688", "exact") in names.query_keys("6688")
        assert Probe("head", "8001", "part") in names.query_keys("8001")

    def test_then_a_guess_comes_last(self) -> None:
        order = [names.TIERS.index(probe.how) for probe in names.query_keys("章三")]
        assert order == sorted(order)

    def test_then_a_slip_costs_a_bounded_number_of_probes(self) -> None:
        assert len(names.query_keys("zhuangxiaoshuang")) < 60
        assert len(names.query_keys("a" * 300)) < 60

    @given(st.text(max_size=20))
    def test_then_nothing_raises(self, typed: str) -> None:
        for probe in names.query_keys(typed):
            assert probe.key

    @given(
        st.sampled_from(sorted(COMMON)),
        st.text(
            alphabet="伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华", min_size=1, max_size=2
        ),
    )
    def test_then_every_client_is_found_by_his_own_name_and_pinyin(
        self, family: str, given_name: str
    ) -> None:
        name = family + given_name
        assert "exact" in finds(name, name)
        assert "exact" in finds(name, "".join(names.pinyin(name)[0]))
        assert "part" in finds(name, names.initials(name)) or len(names.initials(name)) < 2


class TestGivenKeys:
    def test_then_they_are_few_short_and_unrepeated(self) -> None:
        for name in (
            "张三",
            "曾乐朝",
            "杭州鑫源贸易有限公司",
            "浙江省杭州市" + "很" * 80 + "有限公司",
        ):
            keys = names.search_keys(name, accounts=["80010023"], mobiles=["13812346688"])
            assert len(keys) <= 160
            assert all(0 < len(key.key) <= 64 and len(key.kind) <= 12 for key in keys)

    def test_then_an_account_is_filed_by_head_and_tail(self) -> None:
        keys = names.search_keys("张三", accounts=["80010023"], mobiles=["13812346688"])
        for key in [("account", "80010023"), ("tail", "0023"), ("head", "8001"), ("mtail", "6688")]:
            assert key in keys

    def test_then_a_name_alone_gives_no_numbers(self) -> None:
        kinds = {key.kind for key in names.search_keys("张三")}
        assert kinds == {"name", "surname", "gram", "pinyin", "latin"}

    def test_then_a_company_goes_by_its_short_names(self) -> None:
        assert names.short_names("浙江恒力石化有限公司") == ("恒力石化", "恒力")
        assert names.short_names("杭州鑫源贸易有限公司") == ("鑫源贸易", "鑫源")
        assert names.short_names("张三") == ()

    def test_then_neighbours_are_legal_and_other(self) -> None:
        near = spelling.one_letter_off("zhangsan")
        assert "zangsan" in near
        assert "zhangsan" not in near
        for letters in near:
            assert spelling.syllabify(letters)

    def test_then_syllables_are_pinyin(self) -> None:
        assert len(SYLLABLES) > 390
        assert {"zhuang", "lv", "er", "a"} <= SYLLABLES


class TestGivenWordsThatMayBeNames:
    @pytest.mark.parametrize("words", ["王小明", "李四", "欧阳修", "诸葛亮", "单田芳"])
    def test_then_a_surname_and_one_or_two_characters_look_like_one(self, words: str) -> None:
        assert names.looks_like_name(words)

    @pytest.mark.parametrize("words", ["聊了", "王", "王小明你好", "abc", "", "你好"])
    def test_then_others_do_not(self, words: str) -> None:
        assert not names.looks_like_name(words)
