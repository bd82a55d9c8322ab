"""Proves that a ledger may be as dirty as it likes: ``qidesk import clients`` keeps the good rows
on both databases, lists the bad ones with row, column and reason, and never falls over, however
the file is built to make it."""

import csv
import io
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from openpyxl import Workbook
from sqlalchemy import func, select

from bot.commands import bulk
from bot.commands.import_result import Result
from bot.settings import Settings
from crm.kernel.db import Store
from crm.models import Client

HEAD = [
    "资金账号",
    "客户名称",
    "手机号",
    "证件号码",
    "营业部",
    "客户经理",
    "居间人",
    "标签",
    "备注",
]
LONG = "长" * 10_000
BAD = {  # (what is changed, its value): the column that is named, what the reason says
    ("资金账号", "6.22202E+18"): "科学计数",
    ("资金账号", ""): "为空",
    ("资金账号", "8001\u202e0009Ω"): "不该出现",
    ("客户名称", ""): "为空",
    ("客户名称", LONG): "太长",
    ("居间人", LONG): "太长",
    ("标签", LONG): "太长",
    ("备注", LONG): "太长",
    ("客户经理", LONG): "太长",
    ("手机号", "12345"): "手机号",
    ("手机号", "#N/A"): "错误值",
    ("证件号码", "110101199003079973"): "校验位",
    ("证件号码", "1.10101E+17"): "科学计数",
    ("营业部", "火星营业部"): "随员工表导入",
}
GOOD = ["张三", "", "", "杭州营业部", "王强", "", "", ""]
SURVIVING = [
    "李\0四",
    "李\x1b[31m四",
    "\u202e李四",
    "李\u2067四\u2069",
    "[点我](http://evil.example)",
    "<@all>",
    "=1+1",
    "𠮷野家😀",
    "张" * 128,
    "x" * 128,
    "'; DROP TABLE client; --",
]
Kind = Callable[[Path, Sequence[Sequence[str]]], Path]


def in_csv(encoding: str) -> Kind:
    def write(folder: Path, rows: Sequence[Sequence[str]]) -> Path:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        path = folder / "台账.csv"
        path.write_bytes(text.getvalue().encode(encoding))
        return path

    return write


def in_excel(folder: Path, rows: Sequence[Sequence[str]]) -> Path:
    book, path = Workbook(), folder / "台账.xlsx"
    for row in rows:
        book.active.append([_storable(cell) for cell in row])
    for row in book.active.iter_rows():
        for cell in row:
            cell.data_type = "s"  # text, whatever it looks like
    book.save(path)
    return path


def _storable(cell: str) -> str:
    """Excel itself keeps no control characters and no more than 32,767 characters."""
    return "".join(char for char in cell if char >= " ")


KINDS = {
    "csv": in_csv("utf-8"),
    "csv of Excel": in_csv("utf-8-sig"),
    "csv in GB18030": in_csv("gb18030"),
    "unicode text": in_csv("utf-16"),
    "xlsx": in_excel,
}


async def take(settings: Settings, path: Path) -> Result:
    return await bulk.clients(settings, path, rejects=path.with_suffix(".rejects.csv"), quiet=True)


async def names(desk: Store) -> list[str]:
    async with desk.reading() as session:
        return sorted(await session.scalars(select(Client.name)))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
async def test_good_rows_are_kept_and_bad_ones_listed_with_row_column_and_reason(
    settings: Settings, desk: Store, tmp_path: Path, kind: Kind
) -> None:
    rows = [HEAD, ["80010001", *GOOD]]
    for number, (column, value) in enumerate(BAD, 2):
        row = [f"8001{number:04}", *GOOD]
        row[HEAD.index(column)] = value
        rows.append(row)
    rows.append(["80019999", *GOOD])
    result = await take(settings, kind(tmp_path, rows))
    assert (result.rows, result.taken, result.rejected) == (len(BAD) + 2, 2, len(BAD))
    found = {(one.row, one.column): one.reason for one in result.rejects}
    for number, ((column, _), why) in enumerate(BAD.items(), 3):
        assert why in found[number, column]
    listed = (tmp_path / "台账.rejects.csv").read_text("utf-8-sig")
    assert listed.count("\n") >= len(found)
    assert LONG not in listed + result.as_text()
    assert result.exit_code == 3


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
async def test_odd_names_are_kept_without_what_nobody_sees(
    settings: Settings, desk: Store, tmp_path: Path, kind: Kind
) -> None:
    rows = [[f"8001{n:04}", name, *GOOD[1:]] for n, name in enumerate(SURVIVING)]
    rows[0][-1] = "备注 长" + "很" * 500 + "\0\x1b]0;x\x07"
    result = await take(settings, kind(tmp_path, [HEAD, *rows]))
    assert (result.taken, result.rejects) == (len(SURVIVING), [])
    kept = await names(desk)
    assert len(kept) == len(SURVIVING)
    assert all(name.isprintable() for name in kept)
    assert {"李四", "<@all>", "𠮷野家😀"} <= set(kept)


async def test_what_the_terminal_shows_holds_no_control_characters(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    rows = [
        [*HEAD, "未知\x1b[2J列\u202e"],
        ["80010001", "张三", "", "", "", "王\x1b]0;x\x07五", "", "", "", ""],
        ["80\x1b[2J1", "李四", "", "", "", "", "", "", "", ""],
    ]
    result = await take(settings, KINDS["csv"](tmp_path, rows))
    shown = result.as_text().replace("\n", "")
    assert shown.isprintable()
    assert "未知" in shown


def html(rows: str) -> bytes:
    head = "".join(f"<td>{one}" for one in HEAD)
    return f"<table><tr>{head}</tr>{rows}</table>".encode()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return whole.getvalue()


def damaged(data: bytes, *, step: int) -> bytes:
    """With every so-manieth byte turned over, the first four left alone."""
    return data[:4] + bytes(b ^ 0xFF if n % step == 0 else b for n, b in enumerate(data[4:], 1))


def workbook() -> bytes:
    whole = io.BytesIO()
    book = Workbook()
    book.active.append(HEAD)
    book.active.append(["80010001", *GOOD])
    book.save(whole)
    return whole.getvalue()


def doctype_behind_a_comment() -> bytes:
    """Entities that a reader of the first bytes does not meet."""
    laughs = "".join(f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9))
    bomb = f"<!--{' ' * 9000}--><!DOCTYPE x [<!ENTITY a '哈哈'>{laughs}]><sst>&j;</sst>"
    whole = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook())) as old,
        zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.infolist():
            is_bomb = member.filename == "xl/sharedStrings.xml"
            new.writestr(member.filename, bomb if is_bomb else old.read(member))
    return whole.getvalue()


FILES: dict[str, bytes] = {
    "nothing": b"",
    "NULs": b"\0" * 5000,
    "no text": b"\xff" * 5000,
    "half a character": "资金账号,客户名称,手机号\n80010001,张".encode()[:-1],
    "UTF-16 cut in half": "资金账号,客户名称,手机号".encode("utf-16")[:-1],
    "a cell of ten megabytes": "资金账号,客户名称,手机号\n80010001,".encode() + b"x" * (10 << 20),
    "a million quotation marks": "资金账号,客户名称,手机号\n".encode() + b'"' * 1_000_000,
    "a million separators": "资金账号,客户名称,手机号\n".encode() + b"," * 1_000_000,
    "an archive's end alone": b"PK\5\6" + b"\xff" * 18,
    "an archive's beginning": b"PK\3\4" + b"\xff" * 200,
    "an archive that is none": b"PK" + b"\0" * 5000,
    "a broken LZMA member": damaged(
        zipped({"xl/workbook.xml": b"<x/>" * 900}, zipfile.ZIP_LZMA), step=61
    ),
    "old Excel's head alone": bytes.fromhex("D0CF11E0A1B11AE1") + b"\0" * 600,
    "old Excel, all ones": bytes.fromhex("D0CF11E0A1B11AE1") + b"\xff" * 4000,
    "a bomb in another kind of archive": zipped({"content.xml": b"\0" * (60 << 20)}),
    "entities behind a comment": doctype_behind_a_comment(),
    "a span of many digits": html(f"<tr><td rowspan={'9' * 5000}>x</tr>"),
    "spans over everything": html("<tr><td rowspan=512 colspan=512>8</td></tr>" * 2000),
    "tags that nobody closed": html("<a " * 200_000),
    "comments that nobody closed": html("<!--" * 200_000),
    "quotes that nobody closed": html('<td "' * 100_000 + "<td x='" * 100_000),
    "references without end": html("<tr><td>" + "&#" * 500_000),
    "a table in a table": html("<tr><td><table>" * 20_000),
} | {f"a workbook damaged at every {n}": damaged(workbook(), step=n) for n in (37, 211, 997, 1999)}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES.keys())
async def test_a_file_built_to_break_the_reader_gets_a_sentence_and_soon(
    sqlite_settings: Settings, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "台账.xls"
    path.write_bytes(data)
    began = time.monotonic()
    result = await take(sqlite_settings, path)
    assert time.monotonic() - began < 8
    assert result.taken == 0 or result.why == ""
    assert result.why or result.rejects or result.rows
    assert "Error" not in result.as_text() + result.why


async def test_a_ledger_of_thirty_megabytes_is_read(
    sqlite_settings: Settings, tmp_path: Path
) -> None:
    """Of rows that are all bad: nothing of them is written, all are listed."""
    path = tmp_path / "台账.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*HEAD[:3], "备注"])
        for n in range(8_000):
            lines.writerow([f"80{n:06}", "", "", "话" * 1250])
    assert path.stat().st_size > 28 << 20
    result = await take(sqlite_settings, path)
    assert (result.rows, result.rejected, result.taken) == (8_000, 8_000, 0)
    assert len(result.as_text()) < 10_000


async def test_no_row_of_the_others_is_lost_to_a_bad_one(
    settings: Settings, desk: Store, tmp_path: Path
) -> None:
    """Over the border of a batch too."""
    rows = [[f"81{n:06}", "张三" if n % 7 else LONG, *GOOD[1:]] for n in range(1100)]
    result = await take(settings, KINDS["csv"](tmp_path, [HEAD, *rows]))
    bad = len(range(0, 1100, 7))
    assert (result.taken, result.rejected) == (1100 - bad, bad)
    async with desk.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Client)) == 1100 - bad
