"""Futures products and contracts in a line, spelled as their exchange spells them."""

import csv
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

# what people say beside the exchange's name
_ALIASES = {
    "ad": "铝合金", "ag": "沪银", "al": "沪铝 电解铝", "au": "沪金", "br": "合成橡胶 BR橡胶 丁二烯",
    "bu": "沥青", "cu": "沪铜", "fu": "燃油 高硫", "hc": "热卷 热轧", "ni": "沪镍", "op": "双胶纸",
    "pb": "沪铅", "rb": "螺纹", "ru": "橡胶 沪胶", "sn": "沪锡", "zn": "沪锌",
    "ec": "集运欧线 集运指数 集运 欧线", "lu": "低硫燃油 低硫", "nr": "二十号胶",
    "a": "豆一 黄大豆一号 大豆", "b": "豆二 黄大豆二号",
    "cs": "淀粉", "eg": "MEG", "i": "铁矿 矿石",
    "l": "塑料 聚乙烯 LLDPE", "lh": "猪 毛猪", "p": "棕榈", "pg": "液化气 LPG", "v": "PVC",
    "CF": "郑棉", "OI": "菜油", "PR": "瓶片", "RM": "菜籽粕", "RS": "菜籽", "SR": "糖 郑糖",
    "TA": "PTA 精对苯二甲酸", "IC": "中证500", "IF": "沪深300", "IH": "上证50", "IM": "中证1000",
    "T": "十年国债 十债 10年国债 十年期国债", "TF": "五年国债 五债 5年国债 五年期国债",
    "TL": "三十年国债 三十债 30年国债 三十年期国债", "TS": "两年国债 二债 2年国债 二年期国债",
    "lc": "碳酸锂 锂", "ZC": "郑煤",
}  # fmt: skip

# a short name inside another word is no product
_NOT_HERE = {
    "铜": r"铜(?![陵川仁牌臭])",
    "铅": r"铅(?!笔|球|山)",
    "锡": r"(?<!无)锡(?![林山恩剑])",
    "铝": r"铝(?!箔餐|膜)",
    "镍": r"镍(?!镉)",
    "铂": r"铂(?!金卡|金会员|尔曼)",
    "锂": r"锂(?!电池)",
    "猪": r"(?<!野)猪(?!八戒|年)",
    "糖": r"(?<![喜血口])糖(?!尿|果|醋)",
    "黄金": r"黄金(?!周|假|时|分割|海岸)",
    "白银": r"白银(?!市)",
    "苹果": r"苹果(?!手机|电脑|公司|系统|股价)",
    "玻璃": r"玻璃(?!心|杯)",
    "橡胶": r"橡胶(?!鞋)",
    "塑料": r"塑料(?!袋|瓶|盒)",
    "低硫": r"低硫(?!铁)",
    "集运": r"集运(?!仓)",
    "大豆": r"大豆(?!油|粕)",
    "鸡蛋": r"鸡蛋(?!里挑|碰)",
}


class Product(NamedTuple):
    code: str
    exchange: str
    year_digits: int  # of the year in a contract: 3-digit contracts have one, others two


@lru_cache(maxsize=1)
def _products() -> dict[str, Product]:
    """By lower-case code."""
    text = resources.files("risk").joinpath("data/products.csv").read_text("utf-8")
    return {
        row["product_id"].lower(): Product(
            row["product_id"], row["exchange"], int(row["contract_digits"]) - 2
        )
        for row in csv.DictReader(text.splitlines())
    }


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Name (upper-case where Latin) → code."""
    text = resources.files("risk").joinpath("data/products.csv").read_text("utf-8")
    every = {}
    for row in csv.DictReader(text.splitlines()):
        official = row["name_zh"]
        every[re.sub(r"\(.*\)", "", official)] = row["product_id"]
    for code, aliases in _ALIASES.items():
        every.update(dict.fromkeys(aliases.upper().split(), code))
    return every


@lru_cache(maxsize=1)
def _name_pattern() -> re.Pattern[str]:
    longest_first = sorted(_names(), key=len, reverse=True)
    parts = [
        _NOT_HERE.get(name)
        or (rf"(?<![A-Za-z]){name}(?![A-Za-z])" if name.isascii() else re.escape(name))
        for name in longest_first
    ]
    return re.compile("|".join(parts), re.IGNORECASE)


_CODE = re.compile(r"(?<![A-Za-z0-9#@./_-])([A-Za-z]{1,2})(?![A-Za-z0-9_@/])")
_TRADED = re.compile(r"\s?(?:合约|主力|多单|空单|多头|空头|期货|期权|[-+−]?\d+(?:\.\d+)?%)")
_NOT_CODES = frozenset(
    {"if", "op", "ps", "sc", "pm", "ic", "im", "pk", "pp", "pr", "ad", "pl", "ss"}
)

_CONTRACT = re.compile(
    r"(?<![A-Za-z0-9])(?P<code>PTA|PVC|[A-Za-z]{1,2})\s?(?P<month>\d{3,4})"
    r"(?:-?(?P<side>[CPcp])-?(?P<strike>\d{2,6}))?(?![0-9A-Za-z])"
)
_NOT_COUNTED = r"(?![\d%.]|[万亿元块点手吨])"
_AFTER_NAME = re.compile(rf"\s?(2\d(?:0[1-9]|1[0-2])){_NOT_COUNTED}(?:合约)?")
_SHORT_AFTER_NAME = re.compile(rf"(\d(?:0[1-9]|1[0-2])){_NOT_COUNTED}")  # 甲醇701


def products(text: str, *, codes: bool = False) -> tuple[str, ...]:
    """Products named in ``text``, each once. ``codes``: single letters count as products too."""
    found = [(m.start(), _names()[m[0].upper()]) for m in _name_pattern().finditer(text)]
    found += _codes(text, single=codes)
    return tuple(dict.fromkeys(code for _, code in sorted(found)))


def is_product(words: str) -> bool:
    """Whether ``words`` are a product's name or code, and nothing else."""
    return words.upper() in _names() or words.lower() in _products()


def _codes(text: str, *, single: bool) -> Iterator[tuple[int, str]]:
    for match in _CODE.finditer(text):
        product = _products().get(match[1].lower())
        if product is None:
            continue
        traded = single or _TRADED.match(text, match.end()) is not None
        doubtful = len(match[1]) == 1 or (match[1].islower() and match[1] in _NOT_CODES)
        if traded or not doubtful:
            yield match.start(), product.code


def contracts(text: str) -> tuple[str, ...]:
    """Contracts as their exchange spells them: RB2705 → rb2705, ta705 → TA705, 螺纹2705."""
    found = [(m.start(), _spelled(m)) for m in _CONTRACT.finditer(text)]
    for name in _name_pattern().finditer(text):
        product = _products()[_names()[name[0].upper()].lower()]
        month = _AFTER_NAME.match(text, name.end())
        if month is None and product.year_digits == 1:
            month = _SHORT_AFTER_NAME.match(text, name.end())
        if month:
            found.append((name.start(), _contract(product, month[1])))
    return tuple(dict.fromkeys(contract for _, contract in sorted(found) if contract))


def without_contracts(text: str) -> str:
    """``text`` with contracts blanked, in the same length, for readers of dates and money."""
    return _CONTRACT.sub(lambda match: "□" * len(match[0]) if _spelled(match) else match[0], text)


def _spelled(match: re.Match[str]) -> str:
    code = {"pta": "ta", "pvc": "v"}.get(match["code"].lower(), match["code"].lower())
    product = _products().get(code)
    if product is None:
        return ""
    future = _contract(product, match["month"])
    if not future or not match["side"]:
        return future
    dash = "-" if product.exchange in {"DCE", "GFEX", "CFFEX"} else ""
    return f"{future}{dash}{match['side'].upper()}{dash}{match['strike']}"


def _contract(product: Product, digits: str) -> str:
    """ "" where the last two digits are no month, or the year cannot be told."""
    if not 1 <= int(digits[-2:]) <= 12:
        return ""
    year = digits[:-2]
    if product.year_digits == 1:
        return f"{product.code}{year[-1]}{digits[-2:]}"
    if len(year) == 2 and year[0] in "23":
        return f"{product.code}{digits}"
    return ""
