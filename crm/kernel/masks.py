"""How a personal number or name looks to people who need not see all of it."""

import re
import unicodedata

_COMPOUND = (
    "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政"
    " 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马"
    " 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌"
    " 微生 梁丘 左丘 东门 西门 第五 纳兰 完颜 耶律"
)
COMPOUND_SURNAMES = frozenset(_COMPOUND.split())
COMPANY_TAIL = re.compile(
    r"(股份有限公司|有限责任公司|有限公司|集团公司|分公司|总公司|公司|集团|事务所|研究院|研究所"
    r"|合作社|商行|经营部|合伙企业(?:[（(].{2,6}[）)])?|基金|信托|资管计划|资产管理计划"
    r"|[0-9一二三四五六七八九十]+号)$"
)
LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[ \-]?\d){9,31}[Xx]?(?!\d)")


def id_number(text: str) -> str:
    """First four and last four; short documents keep two and two."""
    return _keep(text, 4, 4)


def mobile(text: str) -> str:
    """First three and last four."""
    return _keep(text, 3, 4)


def bank_card(text: str) -> str:
    """The last four alone, whatever the length."""
    return "*" * len(text) if len(text) < 8 else f"**** **** **** {text[-4:]}"


def account(text: str) -> str:
    """A fund account with its middle hidden, for groups."""
    return _keep(text, 2, 2)


def name(text: str) -> str:
    """A surname and one star; of a company its first two characters and its legal form."""
    text = text.strip()
    if len(text) > 3 and (tail := COMPANY_TAIL.search(text)):
        return f"{text[: min(2, tail.start() // 2)]}**{tail[1]}"
    keep = 2 if len(text) > 2 and text[:2] in COMPOUND_SURNAMES else 1
    return f"{text[:keep]}*" if text else ""


def numbers(text: str) -> str:
    """Free text in which whatever looks like an ID, a mobile or a card is masked."""
    masked, found = LONG_NUMBER.subn(_number, unicodedata.normalize("NFKC", text))
    return masked if found else text


def _number(found: re.Match[str]) -> str:
    digits = re.sub(r"[ \-]", "", found[0])
    if len(digits) in (15, 18):
        return id_number(digits)
    return bank_card(digits) if len(digits) > 13 else mobile(digits)


def _keep(text: str, head: int, tail: int) -> str:
    while 3 * (head + tail) > 2 * len(text):  # at least a third stays hidden
        head, tail = max(head - 1, 0), max(tail - 1, 0)
    return text[:head] + "*" * (len(text) - head - tail) + text[len(text) - tail :]
