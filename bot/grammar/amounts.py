"""Amounts, lots and percentages in a line."""

import re
from collections.abc import Iterator
from decimal import Decimal

from bot.grammar.numerals import NUMERAL, number

_MULTIPLE = {
    "万": 10_000,
    "w": 10_000,
    "亿": 100_000_000,
    "千": 1_000,
    "k": 1_000,
    "百万": 1_000_000,
}
_MULTIPLE |= {"个亿": 100_000_000, "千万": 10_000_000, "百": 100, "": 1}

# what is counted after the number is no money
_COUNTED = (
    r"(?!\s?(?:多|余|来)?\s?(?:手|吨|张|点|股|套|头|桶|克|千克|公斤|斤|户|人|个|家|条|次|份|平|字"
    r"|公里|米|名|位|分之))"
    r"(?!\s?(?:元|块)?\s?(?:/|每|一)\s?(?:吨|手|克|桶|张|股|斤|公斤|头|点|平))"
)
_THOUSANDS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?"
_AMOUNT = re.compile(
    r"(?P<paid>[出入]金|追加|打款|转账)?(?<![\d.A-Za-z:/几数-])(?P<sign>[¥$]?)\s?"
    rf"(?P<number>(?>{_THOUSANDS}|{NUMERAL}))\s?"
    r"(?:多|来|余|几)?"
    r"(?P<unit>千万|百万|万|个?亿|千|w(?![a-z])|k(?![a-z]))?(?P<second>亿)?"
    r"(?P<rest>(?<=[万亿])零[一二三四五六七八九十百千]{1,6}|\d(?![\d.])(?!\s?[成号日月点%手])"
    r"|[一二三四五六七八九](?![一二三四五六七八九十百千成号日月点手个])"
    rf"|(?<=亿){NUMERAL}万|\d{{3,4}}(?=[元块])"
    r"|[\d一二两三四五六七八九]千(?![万亿])(?:[零\d一二两三四五六七八九十百]{1,6}(?=[元块]))?)?"
    r"(?:多|来|余)?\s?(?P<yuan>元|块钱?|人民币|rmb|cny)?" + _COUNTED,
    re.IGNORECASE,
)
_CAPITALS = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟", "一二三四五六七八九十百千")
_RANGE = re.compile(rf"({NUMERAL})\s?[-~到至]\s?({NUMERAL})\s?(千万|百万|万|亿|w(?![a-z]))")
_LOTS = re.compile(
    rf"(?<![第\d.A-Za-z-])({NUMERAL})\s?(万)?\s?(?:多|来)?手(?![续机段里上工法头动感册写])"
)
_NO_LOTS = re.compile(r"(?<!\d)(?:一手(?=资料|消息|信息|房|货)|二手|两手(?=准备|都)|三只手)")
_PERCENT = re.compile(
    rf"(?P<sign>[-+−±]?)\s?(?:百分之(?P<zh>{NUMERAL})|(?P<pct>\d+(?:\.\d+)?)\s?%"
    r"|(?P<tenths>[一二两三四五六七八九十\d])成(?P<half>半)?(?![本交为了员立果功长绩分品都就]))"
)


def amounts(text: str) -> tuple[Decimal, ...]:
    """Sums of money in yuan, in the order said: 3万, 30w, 1.2亿, 三十万, 50000元, 3万5."""
    each = _RANGE.sub(r"\1\3 \2\3", text.translate(_CAPITALS))
    found = (_amount(match) for match in _AMOUNT.finditer(each))
    return tuple(value for value in found if value is not None)


def _amount(match: re.Match[str]) -> Decimal | None:
    unit = (match["unit"] or "").lower()
    paid = match["paid"] and (unit or "千" in match["number"])  # 入金500k, 入金两千五
    sure = match["yuan"] or match["sign"] or paid
    if not sure and (not unit or unit in {"千", "k"}):
        return None
    value = number(match["number"].replace(",", ""))
    if value is None or value == 0:
        return None
    value *= _MULTIPLE[unit] * (100_000_000 if match["second"] else 1)
    if match["rest"] and not unit:
        return None
    if match["rest"]:
        value += _rest(match["rest"], _MULTIPLE[unit])
    return value.normalize() + 0 if value == value.to_integral() else value


def _rest(words: str, unit: int) -> Decimal:
    """What follows the unit: 5 of 3万5, 五千 of 十二万五千."""
    if words.endswith("万"):
        return (number(words[:-1]) or Decimal(0)) * 10_000
    if words.startswith("零"):
        return number(words.lstrip("零")) or Decimal(0)
    head, thousands, tail = words.partition("千")
    value = number(head) or Decimal(0)
    if thousands:
        return value * 1_000 + (number(tail.removeprefix("零")) or 0)
    return value * (unit // 10) if value < 10 else value


def lots(text: str) -> tuple[Decimal, ...]:
    """Lots of futures: 三手, 20手."""
    plain = _NO_LOTS.sub("  ", text)
    return tuple(_scaled(plain, _LOTS))


def _scaled(text: str, pattern: re.Pattern[str]) -> Iterator[Decimal]:
    for match in pattern.finditer(text):
        value = number(match[1])
        if value:
            yield value * (10_000 if match[2] else 1)


def percentages(text: str) -> tuple[Decimal, ...]:
    """Ratios (1 = 100 %): 5%, -5%, 百分之三十, 三成."""
    return tuple(value for match in _PERCENT.finditer(text) if (value := _ratio(match)) is not None)


def _ratio(match: re.Match[str]) -> Decimal | None:
    if match["tenths"]:
        value = number(match["tenths"])
        ratio = None if value is None else value / 10 + (Decimal("0.05") if match["half"] else 0)
    else:
        value = number(match["zh"] or match["pct"] or "")
        ratio = None if value is None else value / 100
    return -ratio if ratio is not None and match["sign"] in {"-", "−"} else ratio
