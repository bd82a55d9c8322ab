"""The file of rejects: what to do, where, and nobody's number."""

import csv
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from crm.imports.records import ClientSheet
from crm.imports.rejects import REASONS, reject, write

Write = Callable[..., Path]
Read = Callable[..., ClientSheet]


def rows_of(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(data.decode("utf-8").splitlines()))


def test_each_bad_cell_is_a_line_with_its_heading_and_sheet_row(
    ledger: Write, read: Read, tmp_path: Path
) -> None:
    found = read(
        ledger(
            [
                ["客户台账"],
                ["资金账号", "*客户名称", "手机号"],
                ["80010001", "", "1380013800"],
                ["80010002", "李四", "13800138000"],
            ]
        )
    )
    out = tmp_path / "rejects.csv"
    write(out, [("台账.csv", one) for one in found.rejects])
    assert rows_of(out) == [
        ["file", "row", "column", "value_masked", "reason"],
        ["台账.csv", "3", "*客户名称", "", "「*客户名称」为空，请补上"],
        ["台账.csv", "3", "手机号", "13*****800", "「手机号」位数不对，请按原件核对后重填"],
    ]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_branch_that_nobody_knows_is_told_with_the_way_to_make_it(
    ledger: Write, read: Read
) -> None:
    found = read(ledger([["资金账号", "客户名称", "营业部"], ["80010001", "李四", "宁波"]]))
    [one] = found.rejects
    assert (one.row, one.value_masked) == (2, "宁波")
    assert "随员工表导入" in one.reason


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("id_no", "110101199003079973"),
        ("id_no", "110101 19900307 9973"),
        ("id_no", "13800138000"),
        ("mobile", "1380013800/1390013900"),
        ("mobile", "13800138000000"),
        ("bank_card", "6228481234567890"),
        ("name", "张三13800138000"),
        ("fund_account", "110101199003079973"),
        ("remark", "卡 6228 4812 3456 7890"),
    ],
)
def test_no_personal_number_is_shown(field: str, written: str) -> None:
    shown = reject("LENGTH", row=2, column="x", field=field, cell=written).value_masked
    digits = "".join(filter(str.isdigit, written))
    assert "*" in shown
    assert not any(digits[i : i + 8] in shown.replace(" ", "") for i in range(len(digits) - 7))


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(1)", "\t=1"])
def test_a_spreadsheet_program_will_not_execute_it(tmp_path: Path, text: str) -> None:
    one = reject("AMOUNT_INVALID", row=2, column=text, field="equity", cell=text)
    write(tmp_path / "r.csv", [(text, one)])
    [_, line] = rows_of(tmp_path / "r.csv")
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in line)


def test_several_ledgers_in_a_file_are_told_apart(read: Read, tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "杭州"
    book.create_sheet("上海")
    book.create_sheet("说明").append(["填表说明"])
    for name, account in (("杭州", "80010001"), ("上海", "80010002")):
        book[name].append(["资金账号", "客户名称", "手机号"])
        book[name].append([account, "张三", "1"])
        book[name].append([f"{account[:-1]}9", "李四", ""])
    book.save(tmp_path / "a.xlsx")
    found = read(tmp_path / "a.xlsx")
    write(tmp_path / "r.csv", [("a.xlsx", one) for one in found.rejects])
    files = [line[0] for line in rows_of(tmp_path / "r.csv")[1:]]
    assert files == ["a.xlsx#上海", "a.xlsx#杭州"]
    assert (found.row_count, found.repeated, len(found.rows)) == (4, 1, 1)


def test_every_reason_is_one_sentence_that_can_be_filled() -> None:
    for reason in REASONS.values():
        text = reason.format(column="手机号", elsewhere="第 2 行")
        assert "请" in text
        assert "{" not in text
