"""Which column holds what: headings as brokers write them, found below titles and over rows."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm.imports.table import Cell, Row, Sheet, is_blank

SYNONYMS: Mapping[str, str] = {  # of one field's columns the heading named first is preferred
    "fund_account": "资金账号 资金帐号 资金账户 投资者代码 投资者账号 InvestorID 交易账号 客户号"
    " 客户代码 客户编号 账号 帐号",
    "name": "客户名称 客户姓名 投资者名称 姓名 户名 名称",
    "client_type": "客户类型 户别 个人/机构 类型 性质",
    "id_type": "证件类型 证件种类",
    "id_no": "证件号码 证件号 身份证号 身份证号码 身份证 统一社会信用代码 营业执照号",
    "bank_card": "银行卡号 银行账号 银行帐号 结算账户 卡号",
    "trading_code": "交易编码 上期编码 大商编码 郑商编码 中金编码 能源编码 广期编码",
    "mobile": "手机号 手机号码 手机 移动电话 联系电话 电话",
    "open_date": "开户日期 开户时间 建户日期",
    "branch": "营业部 分支机构 所属机构 部门",
    "manager": "客户经理 服务人员 开发人员 业务员 经纪人 归属",
    "referrer": "居间人 居间 推荐人 介绍人",
    "equity": "客户权益 权益 期末权益 当前权益 动态权益 总权益",
    "available": "可用资金 可用",
    "margin": "保证金占用 占用保证金 保证金",
    "risk_rate": "风险度 风险率",
    "fee": "手续费 总手续费",
    "net_fee": "净手续费 净留存 留存 上交后手续费",
    "last_trade": "最后交易日 最近交易日期 末次交易",
    "level": "风险等级 风险承受能力 适当性等级",
    "status": "账户状态 状态",
    "tags": "标签 品种偏好",
    "remark": "备注 说明",
}
IGNORED = frozenset({"序号", "编号", "no."})
EXCHANGES = {  # the word in a trading code's heading → exchange
    "上期": "SHFE",
    "能源": "INE",
    "大商": "DCE",
    "郑商": "CZCE",
    "中金": "CFFEX",
    "广期": "GFEX",
}
ENOUGH = 3  # known headings that make a row the heading row
SEARCHED_ROWS = 40
MOST_HEADING_ROWS = 3

BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|【[^】]*】|<[^<>]*>|\{[^{}]*\}")
NOISE = re.compile("[\\s\u200b-\u200f\ufeff*:]")


def normalise(heading: str) -> str:
    """A heading as headings are compared."""
    text = unicodedata.normalize("NFKC", heading)
    return NOISE.sub("", BRACKETS.sub("", text)).lower()


FIELDS: Mapping[str, tuple[str, int]] = {  # heading → (field, preference)
    normalise(word): (target, place)
    for target, words in SYNONYMS.items()
    for place, word in enumerate(words.split())
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that we read. ``heading`` is what the person sees above it."""

    index: int
    field: str
    heading: str
    preference: int
    exchange: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Headings:
    """The columns of a sheet by field, best first, and the rows below its headings."""

    columns: Mapping[str, tuple[Column, ...]]
    not_recognised: tuple[str, ...]
    below: tuple[Row, ...]

    def of(self, target: str) -> tuple[Column, ...]:
        return self.columns.get(target, ())


def find(sheet: Sheet) -> Headings | None:
    """The headings of a sheet: the first row with three known ones, else two or three rows read
    as one, else a first row of nothing but known ones; None when there are none."""
    rows = sheet.rows[:SEARCHED_ROWS]
    for height in range(1, MOST_HEADING_ROWS + 1):
        for start in range(len(rows) - height + 1):
            window = rows[start : start + height]
            if _known(window) >= ENOUGH:
                return _read(sheet, *_extended(sheet.rows, start, height))
    if rows and 1 < _known(rows[:1]) == sum(not is_blank(cell) for cell in rows[0].cells):
        return _read(sheet, 0, 1)
    return None


def _extended(rows: Sequence[Row], start: int, height: int) -> tuple[int, int]:
    """Where the headings begin and how many rows they take, broken ones joined."""
    while height < MOST_HEADING_ROWS and start + height < len(rows):
        if not _continues(rows[start : start + height], rows[start + height]):
            break
        height += 1
    while height < MOST_HEADING_ROWS and start > 0:
        window = rows[start : start + height]
        if _known([rows[start - 1], *window]) <= _known(window):
            break
        start, height = start - 1, height + 1
    return start, height


def _continues(above: Sequence[Row], row: Row) -> bool:
    texts = [cell.strip() for cell in row.cells if isinstance(cell, str) and cell.strip()]
    if len(texts) < sum(not is_blank(cell) for cell in row.cells):
        return False  # numbers and dates are data
    if any(re.search(r"\d", unicodedata.normalize("NFKC", text)) for text in texts):
        return False
    known = {normalise(text) for text in texts} & FIELDS.keys()
    return bool(known) or _known([*above, row]) > _known(above)


def _known(window: Sequence[Row]) -> int:
    width = max(len(row.cells) for row in window)
    found = (_recognise(_parts(window, index), strict=len(window) > 1) for index in range(width))
    return len({target for target, *_ in filter(None, found) if target})


def _read(sheet: Sheet, start: int, height: int) -> Headings:
    window = sheet.rows[start : start + height]
    columns: dict[str, list[Column]] = defaultdict(list)
    unknown: list[str] = []
    for index in range(max(len(row.cells) for row in window)):
        parts = _parts(window, index)
        if not parts:
            continue
        if found := _recognise(parts):
            target, preference, heading = found
            columns[target].append(
                Column(
                    index=index,
                    field=target,
                    heading=heading,
                    preference=preference,
                    exchange=_exchange(parts) if target == "trading_code" else None,
                )
            )
        elif normalise(parts[-1]) not in IGNORED and parts[-1] not in unknown:
            unknown.append(parts[-1])
    return Headings(
        columns={
            target: tuple(sorted(many, key=lambda column: (column.preference, column.index)))
            for target, many in columns.items()
        },
        not_recognised=tuple(unknown),
        below=sheet.rows[start + height :],
    )


def _parts(window: Sequence[Row], index: int) -> list[str]:
    """The texts above a column, top to bottom, each once."""
    cells: list[Cell] = [row.cells[index] if index < len(row.cells) else None for row in window]
    texts = [re.sub(r"\s+", " ", cell).strip() for cell in cells if isinstance(cell, str)]
    return list(dict.fromkeys(text for text in texts if text))


def _recognise(parts: Sequence[str], *, strict: bool = False) -> tuple[str, int, str] | None:
    """(field, preference, heading as shown) of the joined parts, else of the lowest known one."""
    candidates = ["".join(parts)] if strict else ["".join(parts), *reversed(parts)]
    for text in candidates:
        if found := FIELDS.get(normalise(text)):
            return (*found, text)
    return None


def _exchange(parts: Sequence[str]) -> str | None:
    joined = unicodedata.normalize("NFKC", "".join(parts))
    return next((code for word, code in EXCHANGES.items() if word in joined), None)
