"""What could not be taken, in words that say what to do, without showing personal numbers."""

import csv
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from crm.imports.cleaning import plain
from crm.imports.table import Cell
from crm.kernel import masks

COLUMNS = ("file", "row", "column", "value_masked", "reason")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
MOST_SHOWN = 60  # characters of a value

REASONS = {
    "REQUIRED": "「{column}」为空，请补上",
    "EMPTY": "「{column}」为空，请补上",
    "SCIENTIFIC": "「{column}」被 Excel 改成科学计数，末几位已丢失，请设为文本格式后按原件重填",
    "LENGTH": "「{column}」位数不对，请按原件核对后重填",
    "CHARSET": "「{column}」含有不该出现的字符或单元格不是文本格式，请设为文本后重填",
    "ALL_SAME": "「{column}」全是同一个字符，请按原件重填",
    "REGION": "「{column}」开头的地区码不存在，请按证件核对",
    "BIRTHDATE": "「{column}」中的出生日期不存在，请按证件核对",
    "FUTURE_DATE": "「{column}」晚于今天，请核对",
    "TYPE_DIGIT": "「{column}」的类别不符，请核对是否填错了号码或用了信用卡",
    "CHECKSUM": "「{column}」校验位不对，请按原件逐位核对",
    "SEGMENT": "「{column}」不是有效的手机号，请向客户核对",
    "UNDERAGE": "「{column}」显示未满 18 周岁，请核对证件",
    "DATE_INVALID": "「{column}」不是有效日期，请写成 2026-01-05 的样子",
    "DATE_AMBIGUOUS": "「{column}」的年份或月日有歧义，请写成 2026-01-05 的样子",
    "AMOUNT_INVALID": "「{column}」不是有效数字，请只保留数字和单位",
    "TOO_LONG": "「{column}」太长，请删去多余的文字",
    "CELL_ERROR": "「{column}」是 Excel 错误值或未计算的公式，请改成数值后保存",
    "UNKNOWN_ENUM": "「{column}」的内容不在可选范围内，请改用系统里的写法",
    "UNKNOWN_ENUM branch": "系统里没有这个营业部，请改用已有的名称；新营业部随员工表导入",
    "CONFLICT": "同一资金账号在{elsewhere}内容不同，请只保留正确的一行",
    "OTHER_PERSON": "该资金账号在系统里属于另一位客户，请核对账号、姓名和证件",
}
DIGITS = re.compile(r"\d(?:[ \-]?\d){4,}")
MASKS = {"id_no": masks.id_number, "bank_card": masks.bank_card, "trading_code": masks.account}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """One cell that stopped its row. ``column`` is the heading, ``row`` the sheet's number."""

    sheet: str | None  # named only where the file has several
    row: int
    column: str
    code: str
    value_masked: str
    reason: str


def reject(
    code: str,
    *,
    row: int,
    column: str,
    field: str,
    cell: Cell,
    sheet: str | None = None,
    elsewhere: str = "",
) -> Reject:
    """The reject of a cell. Raises KeyError for a code without a sentence."""
    return Reject(
        sheet=sheet,
        row=row,
        column=column,
        code=code,
        value_masked=masked(field, cell),
        reason=(REASONS.get(f"{code} {field}") or REASONS[code]).format(
            column=column, elsewhere=elsewhere
        ),
    )


def masked(field: str, cell: Cell) -> str:
    """A cell as it may be shown: numbers of people hidden, other text shortened."""
    text = " ".join(plain(cell).split())
    if field == "mobile":
        text = DIGITS.sub(lambda run: masks.mobile(run[0]), text)
    elif mask := MASKS.get(field):
        text = mask(text)
    else:
        text = masks.numbers(text)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def write(path: Path, rejects: Iterable[tuple[str, Reject]]) -> None:
    """A UTF-8 csv of (file name, reject) that no spreadsheet program will execute.

    The file appears whole or not at all, readable by its owner only.
    """
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=path.parent, delete=False
    ) as out:
        temporary = Path(out.name)
        try:
            _write(out, rejects)
        except OSError:
            temporary.unlink()
            raise
    temporary.replace(path)


def _write(out: IO[str], rejects: Iterable[tuple[str, Reject]]) -> None:
    lines = csv.writer(out)
    lines.writerow(COLUMNS)
    for name, one in rejects:
        file = f"{name}#{one.sheet}" if one.sheet else name
        cells = (file, one.row, one.column, one.value_masked, one.reason)
        lines.writerow([inert(str(cell)) for cell in cells])


def inert(text: str) -> str:
    """Text that a spreadsheet program shows instead of calculating it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
