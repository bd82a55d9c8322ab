"""What traders call a product, short enough for a column on a phone."""

import re

from risk import products

# where the exchange's own name is long or nobody says it
_SHORT = {
    "ad": "铝合金",
    "br": "合成橡胶",
    "bu": "沥青",
    "fu": "燃油",
    "hc": "热卷",
    "op": "双胶纸",
    "rb": "螺纹",
    "ru": "橡胶",
    "ec": "集运欧线",
    "lu": "低硫燃油",
    "a": "豆一",
    "b": "豆二",
    "cs": "淀粉",
    "i": "铁矿",
    "l": "塑料",
    "p": "棕榈",
    "pg": "液化气",
    "v": "PVC",
    "OI": "菜油",
    "PR": "瓶片",
    "RS": "菜籽",
    "TA": "PTA",
    "IC": "中证500",
    "IF": "沪深300",
    "IH": "上证50",
    "IM": "中证1000",
    "T": "十债",
    "TF": "五债",
    "TL": "三十债",
    "TS": "二债",
}
_OPTION = "_o"  # how the book writes the product of an option


def short_name(product: str) -> str:
    """螺纹 for ``rb``, 豆粕期权 for ``m_o``; an unknown id stays as it is."""
    future = product.removesuffix(_OPTION)
    known = products.of_instrument(future)
    if known is None:
        return product
    name = _SHORT.get(known.id) or re.sub(r"\(.*\)", "", known.name)
    return f"{name}期权" if future != product else name
