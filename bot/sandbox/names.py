"""Invented Chinese names with the reading that a surname has as a surname."""

from dataclasses import dataclass
from functools import cache
from random import Random

from pypinyin import Style, pinyin

# The most frequent surnames with people per thousand (public census figures, rounded).
COMMON = {
    "王": 72, "李": 71, "张": 68, "刘": 54, "陈": 45, "杨": 31, "赵": 21, "黄": 22, "周": 20,
    "吴": 20, "徐": 17, "孙": 15, "胡": 13, "朱": 13, "高": 12, "林": 12, "何": 12, "郭": 12,
    "马": 11, "罗": 9, "梁": 9, "宋": 8, "郑": 8, "谢": 8, "韩": 7, "唐": 7, "冯": 6, "于": 6,
    "董": 6, "萧": 2, "程": 6, "曹": 6, "袁": 6, "邓": 6, "许": 6, "傅": 5, "沈": 5, "彭": 5,
    "吕": 5, "苏": 5, "卢": 5, "蒋": 5, "蔡": 5, "贾": 4, "丁": 4, "魏": 4, "薛": 4, "叶": 4,
    "阎": 3, "余": 4, "潘": 4, "杜": 4, "戴": 3, "夏": 3, "钟": 3, "汪": 3, "田": 3, "姜": 3,
    "范": 3, "方": 3, "石": 3, "姚": 3, "谭": 3, "廖": 3, "邹": 3, "熊": 3, "金": 3, "陆": 3,
    "郝": 2, "孔": 2, "白": 2, "崔": 2, "康": 2, "毛": 2, "邱": 2, "秦": 2, "江": 2, "史": 2,
    "顾": 2, "侯": 2, "邵": 2, "孟": 2, "龙": 2, "万": 2, "段": 2, "雷": 2, "钱": 2, "汤": 2,
    "尹": 2, "黎": 2, "易": 2, "常": 1, "武": 2, "贺": 2, "赖": 2, "龚": 2, "文": 2, "欧阳": 1,
    "诸葛": 1, "司马": 1, "上官": 1,
}  # fmt: skip
# Surnames that are read otherwise than the character usually is.
READINGS = {
    "单": "shan", "曾": "zeng", "解": "xie", "仇": "qiu", "区": "ou", "查": "zha", "盖": "ge",
    "乐": "yue", "朴": "piao", "任": "ren", "华": "hua", "翟": "zhai", "缪": "miao", "覃": "qin",
    "冼": "xian", "燕": "yan", "员": "yun", "种": "chong", "秘": "bi", "尉迟": "yu chi",
    "万俟": "mo qi", "令狐": "ling hu", "纪": "ji", "葛": "ge", "洗": "xian",
}  # fmt: skip
POLYPHONE_WEIGHT = {"曾": 5, "任": 4, "葛": 3, "纪": 2, "翟": 2, "单": 2, "解": 2, "华": 2}
FEMALE = "芳娜敏静丽艳娟霞燕玲萍红玉兰英梅琳雪琴婷倩洁颖慧莉蕾薇怡悦欣妍瑶璐菲蓉岚珊琪彤"
MALE = "伟强军勇磊涛斌杰鹏辉刚健明亮超浩峰宁波志国建新海龙平东林飞宇凯俊晨阳博文哲轩睿坤"
MIDDLE = "晓小志建国文玉海春秋子思嘉梓雨佳俊永家明德天光立正世景承启君若书一可安清云"
SELDOM = (
    "丞丹乔乾予亚亭仁仪伊传伦佑佩信修倚倪允元充先克冉冠冬凌凝凡利力励勤升卉卓南卿厚原又友双叙可"
    "合吉同含启吟周和咏品哲唯善喜嗣器囡园圆均坚垚城培堃墨士声夏夕奇奕好妤妮姗姣姿娅娇婉婵嫣孜存"
    "孟季学宁守宏宛宜宝实宣宸容宽宾密富寒寅寒尔尚尧展山岑岩岱峥峰崇川州巧己希帆帅常干平年庆序应"
    "廷延弘张弛彦彬影征律徐微心忆忠念怀思恒恩悟惠愉愿慈懿戈成扬承拓振捷掌措旋旭旻昊昌昕昭显晋晏"
    "晓晗晚智暄暖曦曼月有朔朗望木未朵杉权杨松果枫柏柔柯柳栋栩根格桂桐桦梁梓梦森棋植楚楠榕槿樱橙"
    "欢歌正步毅民水永汐沁沐沛河治泉泓泽洋洛津洲浅浦涓润涵淇淑淼清渊渝温湘源溪滢漫潇潮澄澜激灵炎"
)
TRADES = (
    "贸易",
    "物资",
    "钢铁",
    "粮油",
    "能源",
    "化工",
    "农产品",
    "供应链管理",
    "实业",
    "投资管理",
)
WORDS = "恒盛泰丰源瑞金鑫宏达兴旺嘉禾海润中汇永诚联创德邦华信东方顺通"
PLACES = ("浙江", "杭州", "宁波", "上海", "绍兴", "嘉兴", "温州")


@dataclass(frozen=True, slots=True)
class Name:
    """``pinyin`` is one lower-case word, ``initials`` the first letter of each syllable."""

    text: str
    pinyin: str
    initials: str


def read(text: str, surname: str = "") -> Name:
    """``text`` with its reading; the part that is a surname is read as one."""
    rest = text.removeprefix(surname)
    syllables = [*_surname_syllables(surname), *(_syllable(character) for character in rest)]
    return Name(text, "".join(syllables), "".join(syllable[0] for syllable in syllables))


def person(random: Random, *, female: bool, polyphone: bool = False, rare: bool = False) -> Name:
    """One person's name, surnames as frequent as they are. ``rare``: of characters that are
    seldom given."""
    weights = dict.fromkeys(READINGS, 1) | POLYPHONE_WEIGHT
    if not polyphone:
        weights |= COMMON
    surname = random.choices(list(weights), list(weights.values()))[0]
    if rare:
        return read(surname + "".join(random.sample(SELDOM, 2)), surname)
    last = random.choice(FEMALE if female else MALE)
    if random.random() < (0.15 if len(surname) == 1 else 0.5):
        return read(surname + last, surname)
    return read(surname + random.choice(MIDDLE.replace(last, "")) + last, surname)


def company(random: Random, *, rare: bool = False) -> Name:
    """``rare``: with three characters before its trade instead of two."""
    place, trade = random.choice(PLACES), random.choice(TRADES)
    word = "".join(random.sample(WORDS, 3 if rare else 2))
    return read(f"{place}{word}{trade}有限公司")


@cache
def _syllable(character: str) -> str:
    return str(pinyin(character, style=Style.NORMAL, v_to_u=False)[0][0])


def _surname_syllables(surname: str) -> list[str]:
    if surname in READINGS:
        return READINGS[surname].split()
    return [_syllable(character) for character in surname]
