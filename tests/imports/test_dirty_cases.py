"""The twenty-two ways in which a real ledger is dirty, each as a file on disk."""

import shutil
import struct
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from crm.imports.records import ClientRow, ClientSheet
from crm.imports.table import NotATable, TableLocked, TableTooLarge
from tests.imports.biff import Calculated, workbook

Write = Callable[..., Path]
Read = Callable[..., ClientSheet]

HEAD = ["资金账号", "客户名称", "手机号", "证件号码"]
GOOD = ["80010001", "张三", "13800138000", "110101199003079972"]


def only(sheet: ClientSheet) -> ClientRow:
    assert sheet.rejects == ()
    [row] = sheet.rows
    return row


def codes(sheet: ClientSheet) -> list[tuple[int, str, str]]:
    return [(one.row, one.column, one.code) for one in sheet.rejects]


class TestCase1FullWidth:
    def test_letters_and_digits_become_half_width(
        self, ledger: Write, read: Read, kind: str
    ) -> None:
        wide = [
            "８００１０００１",
            "张\u3000三",
            "１３８００１３８０００",
            "１１０１０１１９９００３０７９９７２",
        ]
        row = only(read(ledger([HEAD, wide], kind)))
        assert (row.fund_account, row.name, row.mobile) == ("80010001", "张三", "13800138000")
        assert row.id_no == "110101199003079972"


class TestCase2LongNumbers:
    @pytest.mark.parametrize("card", [622202123456789000, 6.22202123456789e17, "6.22202E+17"])
    def test_a_rounded_card_is_refused_and_never_guessed(
        self, ledger: Write, read: Read, book: str, card: object
    ) -> None:
        rows = [[*HEAD, "银行卡号"], [*GOOD, card]]
        assert codes(read(ledger(rows, book))) == [(2, "银行卡号", "SCIENTIFIC")]

    def test_the_same_in_text_files(self, ledger: Write, read: Read, kind: str) -> None:
        rows = [HEAD, ["6.22202E+18", *GOOD[1:]]]
        assert codes(read(ledger(rows, kind))) == [(2, "资金账号", "SCIENTIFIC")]

    @pytest.mark.parametrize("account", [80012345, 80012345.0, "80012345.0"])
    def test_a_number_that_excel_can_hold_is_fine(
        self, ledger: Write, read: Read, book: str, account: object
    ) -> None:
        row = only(read(ledger([HEAD, [account, "张三", 13800138000, None]], book)))
        assert (row.fund_account, row.mobile) == ("80012345", "13800138000")


class TestCase3LeadingZeros:
    def test_a_single_short_account_is_padded_and_marked(
        self, ledger: Write, read: Read, kind: str
    ) -> None:
        rows = [HEAD, GOOD, ["80010002", "李四", "", ""], ["812345", "王五", "", ""]]
        found = read(ledger(rows, kind))
        assert [row.fund_account for row in found.rows] == ["80010001", "80010002", "00812345"]
        assert [row.marks for row in found.rows] == [(), (), ("PADDED",)]
        assert any("前导零" in notice for notice in found.notices)

    def test_mixed_widths_are_left_alone(self, ledger: Write, read: Read, kind: str) -> None:
        rows = [HEAD, GOOD, ["812345", "王五", "", ""], ["8123456789", "赵六", "", ""]]
        found = read(ledger(rows, kind))
        assert [row.fund_account for row in found.rows] == ["80010001", "812345", "8123456789"]


class TestCase4Invisible:
    def test_apostrophes_and_invisible_characters_go(
        self, ledger: Write, read: Read, kind: str
    ) -> None:
        rows = [HEAD, ["'80010001", "\ufeff张三\u200b", "\u00a013800138000\u200d", "'" + GOOD[3]]]
        row = only(read(ledger(rows, kind)))
        assert (row.fund_account, row.name, row.mobile) == ("80010001", "张三", "13800138000")
        assert row.id_no == GOOD[3]


class TestCase5MergedCells:
    rows = (
        [*HEAD, "营业部", "客户经理", "备注"],
        [*GOOD, "杭州营业部", "王强", "大户"],
        ["80010002", "李四", "", "", None, None, None],
        ["80010003", "王五", "", "", "上海营业部", None, None],
    )

    def test_in_a_workbook_the_merged_range_tells(self, read: Read, tmp_path: Path) -> None:
        book = Workbook()
        for row in self.rows:
            book.active.append(row)
        book.active.merge_cells("E2:E3")
        book.active.merge_cells("F2:F4")
        book.save(tmp_path / "a.xlsx")
        found = read(tmp_path / "a.xlsx")
        assert [row.branch for row in found.rows] == ["HZ", "HZ", "SH"]
        assert [row.manager for row in found.rows] == ["wangqiang"] * 3
        assert [row.remark for row in found.rows] == ["大户", None, None]

    def test_in_a_text_file_only_branch_and_manager_flow_down(
        self, ledger: Write, read: Read
    ) -> None:
        found = read(ledger(self.rows))
        assert [row.branch for row in found.rows] == ["HZ", "HZ", "SH"]
        assert [row.manager for row in found.rows] == ["wangqiang"] * 3
        assert [row.remark for row in found.rows] == ["大户", None, None]
        assert [row.marks for row in found.rows] == [(), ("FORWARD_FILLED",), ("FORWARD_FILLED",)]

    def test_holes_of_a_workbook_without_merges_stay_holes(self, ledger: Write, read: Read) -> None:
        found = read(ledger(self.rows, "xlsx"))
        assert [row.branch for row in found.rows] == ["HZ", None, "SH"]


class TestCase6TitlesAndTotals:
    def test_only_clients_are_left(self, ledger: Write, read: Read, kind: str) -> None:
        rows = [
            ["XX期货客户台账 2026年10月", "", "", "", ""],
            ["序号", *HEAD],
            [1, *GOOD],
            ["", "小 计", "1户", "", ""],
            ["", "", "", "", ""],
            [2, "80010002", "李四", "", ""],
            ["合计", "", "2户", "", ""],
            ["制表人：王强", "", "", "复核：李敏", ""],
            ["注：数据截至月末，仅供内部使用", "", "", "", ""],
        ]
        found = read(ledger(rows, kind))
        assert [(row.row, row.fund_account) for row in found.rows] == [
            (3, "80010001"),
            (6, "80010002"),
        ]
        assert (found.row_count, found.skipped, found.rejects) == (2, 4, ())
        assert found.headings_not_recognised == ()

    def test_headings_over_two_rows_are_joined(self, ledger: Write, read: Read, kind: str) -> None:
        rows = [
            ["资金", "客户", "手机", "交易编码", "", "星座"],
            ["账号", "名称", "号码", "上期编码", "大商编码", ""],
            ["80010001", "张三", "13800138000", "00123456", "00123457", "白羊"],
        ]
        found = read(ledger(rows, kind))
        assert only(found).trading_codes == (("DCE", "00123457"), ("SHFE", "00123456"))
        assert found.headings_not_recognised == ("星座",)

    def test_nothing_but_totals_and_blanks_is_nothing(
        self, ledger: Write, read: Read, kind: str
    ) -> None:
        rows = [HEAD, ["", "", "", ""], ["合计", "", "", ""], ["总计：0户", "", "", ""]]
        found = read(ledger(rows, kind))
        assert (found.rows, found.rejects, found.row_count) == ((), (), 0)

    def test_a_client_below_a_total_is_not_lost(self, ledger: Write, read: Read) -> None:
        rows = [HEAD, ["合计", "", "", ""], GOOD, ["", "李四", "13800138001", GOOD[3]]]
        found = read(ledger(rows))
        assert [row.row for row in found.rows] == [3]
        assert codes(found) == [(4, "资金账号", "REQUIRED")]

    def test_a_short_row_below_a_subtotal_is_refused_and_not_skipped(
        self, ledger: Write, read: Read
    ) -> None:
        found = read(ledger([HEAD, GOOD, ["", "小计", "", ""], ["", "李四", "13800138001", ""]]))
        assert codes(found) == [(4, "资金账号", "REQUIRED")]
        assert found.skipped == 1

    def test_headings_printed_again_are_no_clients(self, ledger: Write, read: Read) -> None:
        found = read(ledger([HEAD, GOOD, HEAD, ["80010002", "李四", "", ""]]))
        assert (found.row_count, found.skipped) == (2, 1)


class TestCase7Encodings:
    def test_every_encoding_reads_the_same_and_is_told(
        self, ledger: Write, read: Read, kind: str
    ) -> None:
        found = read(ledger([HEAD, GOOD], kind))
        assert only(found).name == "张三"
        said = {"utf-8": "UTF-8 ", "utf-8-sig": "BOM", "gb18030": "GB18030", "utf-16": "UTF-16"}
        assert kind in ("xlsx", "xls") or said[kind] in found.notices[0]

    def test_utf_16_without_its_mark_is_recognised(self, read: Read, tmp_path: Path) -> None:
        text = "\r\n".join("\t".join(row) for row in (HEAD, GOOD))
        (tmp_path / "a.txt").write_bytes(text.encode("utf-16-le"))
        assert only(read(tmp_path / "a.txt")).fund_account == "80010001"


class TestCase8Separators:
    @pytest.mark.parametrize("separator", [",", "\t", ";", "，", "|"])
    def test_the_heading_line_tells(self, ledger: Write, read: Read, separator: str) -> None:
        rows = [[*HEAD, "备注"], [*GOOD, "喜欢豆粕,生猪"]]
        assert only(read(ledger(rows, "gb18030", separator))).remark == "喜欢豆粕,生猪"

    def test_a_quotation_mark_left_open_costs_its_own_line_only(
        self, read: Read, tmp_path: Path
    ) -> None:
        lines = [",".join([*HEAD, "备注"]), ",".join([*GOOD, '"老客户'])]
        lines.append("80010002,李四,,,")
        (tmp_path / "a.csv").write_text("\n".join(lines), "utf-8")
        assert [row.row for row in read(tmp_path / "a.csv").rows] == [2, 3]


class TestCase9Dates:
    @pytest.mark.parametrize(
        "written",
        [
            "2026/1/5",
            "2026-01-05",
            "20260105",
            "2026年1月5日",
            "2026.1.5",
            "46027",
            "2026/1/5 0:00:00",
            "２０２６/1/5",
        ],
    )
    def test_every_wording_is_the_same_day(
        self, ledger: Write, read: Read, kind: str, written: str
    ) -> None:
        row = only(read(ledger([[*HEAD, "开户日期"], [*GOOD, written]], kind)))
        assert row.open_date == date(2026, 1, 5)

    @pytest.mark.parametrize(
        "cell", [46027, 20260105, datetime.fromisoformat("2026-01-05"), date(2026, 1, 5)]
    )
    def test_cells_of_a_workbook_too(
        self, ledger: Write, read: Read, book: str, cell: object
    ) -> None:
        row = only(read(ledger([[*HEAD, "开户日期"], [*GOOD, cell]], book)))
        assert row.open_date == date(2026, 1, 5)

    def test_a_workbook_of_the_1904_system(self, read: Read, tmp_path: Path) -> None:
        book = Workbook()
        book.epoch = CALENDAR_MAC_1904
        book.active.append([*HEAD, "开户日期"])
        book.active.append([*GOOD, 46027 - 1462])
        book.save(tmp_path / "a.xlsx")
        assert only(read(tmp_path / "a.xlsx")).open_date == date(2026, 1, 5)

    @pytest.mark.parametrize(
        ("written", "why"),
        [
            ("26-1-5", "DATE_AMBIGUOUS"),
            ("1/5/2026", "DATE_AMBIGUOUS"),
            ("2026-02-30", "DATE_INVALID"),
            ("19999", "DATE_INVALID"),
            ("去年", "DATE_INVALID"),
            ("2026-11-24", "FUTURE_DATE"),
        ],
    )
    def test_what_is_no_day_is_refused(
        self, ledger: Write, read: Read, kind: str, written: str, why: str
    ) -> None:
        found = read(ledger([[*HEAD, "开户日期"], [*GOOD, written]], kind))
        assert codes(found) == [(2, "开户日期", why)]

    def test_two_digit_years_can_be_allowed(self, ledger: Write, read: Read) -> None:
        path = ledger([[*HEAD, "开户日期"], [*GOOD, "26-1-5"]])
        assert only(read(path, two_digit_years=True)).open_date == date(2026, 1, 5)


class TestCase10Amounts:
    @pytest.mark.parametrize(
        ("written", "yuan"),
        [
            ("1,234,567.89", "1234567.89"),
            ("￥1.2万", "12000.00"),
            ("12.5万元", "125000.00"),
            ("3亿", "300000000.00"),
            ("(1,234.00)", "-1234.00"),
            ("1,234.00-", "-1234.00"),
            ("（￥5）", "-5.00"),
            ("−3.21万", "-32100.00"),
            ("0", "0.00"),
        ],
    )
    def test_every_wording_of_an_amount(
        self, ledger: Write, read: Read, kind: str, written: str, yuan: str
    ) -> None:
        row = only(read(ledger([[*HEAD, "客户权益"], [*GOOD, written]], kind)))
        assert row.figures.equity == Decimal(yuan)

    @pytest.mark.parametrize("written", ["--", "-", "", "—"])
    def test_a_dash_is_unknown_and_not_zero(
        self, ledger: Write, read: Read, kind: str, written: str
    ) -> None:
        row = only(read(ledger([[*HEAD, "客户权益"], [*GOOD, written]], kind)))
        assert row.figures.equity is None

    @pytest.mark.parametrize("written", ["1,23", "约5万", "abc", "1.2.3", "(-5)", "+-5", "nan"])
    def test_what_is_no_amount_is_refused(
        self, ledger: Write, read: Read, kind: str, written: str
    ) -> None:
        found = read(ledger([[*HEAD, "客户权益"], [*GOOD, written]], kind))
        assert codes(found) == [(2, "客户权益", "AMOUNT_INVALID")]


class TestCase11Percent:
    @pytest.mark.parametrize(
        ("column", "ratios"),
        [
            (["85.3%", "120%"], ["0.853", "1.2"]),
            (["0.853", "1.2"], ["0.853", "1.2"]),
            (["85.3", "2"], ["0.853", "0.02"]),
        ],
    )
    def test_the_column_tells_what_bare_numbers_mean(
        self, ledger: Write, read: Read, kind: str, column: Sequence[str], ratios: Sequence[str]
    ) -> None:
        rows = [[*HEAD, "风险度(%)"], [*GOOD, column[0]], ["80010002", "李四", "", "", column[1]]]
        found = read(ledger(rows, kind))
        assert [row.figures.risk_ratio for row in found.rows] == [Decimal(one) for one in ratios]

    def test_a_cell_formatted_as_percent_is_percent(self, read: Read, tmp_path: Path) -> None:
        book = Workbook()
        book.active.append([*HEAD, "风险度"])
        book.active.append([*GOOD, 4.2])
        book.active["E2"].number_format = "0.0%"
        book.save(tmp_path / "a.xlsx")
        assert only(read(tmp_path / "a.xlsx")).figures.risk_ratio == Decimal("4.2")


class TestCase12Phones:
    @pytest.mark.parametrize(
        ("written", "mobile", "extra"),
        [
            ("13800138000/010-88886666", "13800138000", ("010-88886666",)),
            ("010-88886666、13800138000", "13800138000", ("010-88886666",)),
            ("138 0013 8000", "13800138000", ()),
            ("+86-13800138000", "13800138000", ()),
            ("13800138000 13900139000", "13800138000", ("13900139000",)),
            ("13800138000；13900139000", "13800138000", ("13900139000",)),
        ],
    )
    def test_the_first_mobile_is_the_mobile(
        self,
        ledger: Write,
        read: Read,
        kind: str,
        written: str,
        mobile: str,
        extra: tuple[str, ...],
    ) -> None:
        row = only(read(ledger([HEAD, ["80010001", "张三", written, ""]], kind)))
        assert (row.mobile, row.extra_contacts) == (mobile, extra)
        assert ("PHONE_SPLIT" in row.marks) is bool(extra)

    def test_a_landline_will_do_only_where_the_heading_allows_it(
        self, ledger: Write, read: Read
    ) -> None:
        row = ["80010001", "张三", "010-88886666"]
        assert codes(read(ledger([HEAD[:3], row]))) == [(2, "手机号", "SEGMENT")]
        found = only(read(ledger([["资金账号", "客户名称", "联系电话"], row])))
        assert (found.mobile, found.extra_contacts) == (None, ("010-88886666",))


class TestCase13NamesWithNotes:
    @pytest.mark.parametrize(
        ("written", "name", "remark", "status", "mobile"),
        [
            ("张三(机构)", "张三", "机构", None, None),
            ("李四（已销户）", "李四", "已销户", "closed", None),
            ("王五 13800138001", "王五", None, None, "13800138001"),
            ("赵六（休眠） 13800138001", "赵六", "休眠", "dormant", "13800138001"),
        ],
    )
    def test_notes_leave_the_name(
        self, ledger: Write, read: Read, kind: str, written: str, name: str, remark: str | None,
        status: str | None, mobile: str | None,
    ) -> None:  # fmt: skip
        row = only(read(ledger([HEAD, ["80010001", written, "", ""]], kind)))
        assert (row.name, row.remark, row.status, row.mobile) == (name, remark, status, mobile)
        assert row.marks == ("NAME_SPLIT",)

    @pytest.mark.parametrize(
        "name", ["示例合伙企业（有限合伙）", "示例（中国）有限公司", "买买提·艾力"]
    )
    def test_brackets_of_a_legal_name_stay(self, ledger: Write, read: Read, name: str) -> None:
        row = only(read(ledger([HEAD, ["80010001", name, "", ""]])))
        assert (row.name, row.marks) == (name, ())


class TestCase14HiddenAndBroken:
    def test_hidden_rows_are_read_and_hidden_sheets_named(self, read: Read, tmp_path: Path) -> None:
        book = Workbook()
        book.active.append(HEAD)
        book.active.append(GOOD)
        book.active.row_dimensions[2].hidden = True
        book.create_sheet("旧台账").sheet_state = "hidden"
        book["旧台账"].append(HEAD)
        book.save(tmp_path / "a.xlsx")
        found = read(tmp_path / "a.xlsx")
        assert only(found).fund_account == "80010001"
        assert any("旧台账" in notice for notice in found.notices)
        assert any("隐藏的第 2 行" in notice for notice in found.notices)

    @pytest.mark.parametrize("value", ["#N/A", "#REF!", "=VLOOKUP(A1,B:C,2,0)"])
    def test_error_values_and_uncalculated_formulas_stop_their_row(
        self, ledger: Write, read: Read, value: str
    ) -> None:
        found = read(
            ledger([HEAD, [*GOOD[:2], value, GOOD[3]], ["80010002", "李四", "", ""]], "xlsx")
        )
        assert codes(found) == [(2, "手机号", "CELL_ERROR")]
        assert [row.row for row in found.rows] == [3]

    def test_error_texts_of_a_text_file_too(self, ledger: Write, read: Read, kind: str) -> None:
        found = read(ledger([HEAD, [*GOOD[:3], "#N/A"]], kind))
        assert codes(found) == [(2, "证件号码", "CELL_ERROR")]

    def test_a_formula_with_its_result_is_its_result(self, read: Read, tmp_path: Path) -> None:
        book = Workbook()
        book.active.append(HEAD)
        book.active.append([*GOOD[:1], "=A1", *GOOD[2:]])
        book.save(tmp_path / "a.xlsx")
        _replace(tmp_path / "a.xlsx", b"<f>A1</f><v />", b"<f>A1</f><v>7</v>", "sheet1.xml")
        _replace(tmp_path / "a.xlsx", b"<f>A1</f><v></v>", b"<f>A1</f><v>7</v>", "sheet1.xml")
        assert only(read(tmp_path / "a.xlsx")).name == "7"


class TestCase15Duplicates:
    def test_the_same_twice_is_once(self, ledger: Write, read: Read, kind: str) -> None:
        found = read(ledger([HEAD, GOOD, [GOOD[0], "张 三", *GOOD[2:]]], kind))
        assert only(found).row == 2
        assert (found.row_count, found.repeated) == (2, 1)

    def test_two_truths_about_an_account_are_both_refused(
        self, ledger: Write, read: Read, kind: str
    ) -> None:
        found = read(ledger([HEAD, GOOD, ["80010001", "李四", "", ""]], kind))
        assert found.rows == ()
        assert codes(found) == [(2, "资金账号", "CONFLICT"), (3, "资金账号", "CONFLICT")]
        assert "第 2 行、第 3 行" in found.rejects[0].reason


class TestCase16IdSpelling:
    def test_a_small_x_grows_and_fifteen_digits_are_marked(
        self, ledger: Write, read: Read, kind: str
    ) -> None:
        rows = [
            HEAD,
            ["80010001", "张三", "", "11010519491231002x"],
            ["80010002", "李四", "", "110105491231002"],
        ]
        found = read(ledger(rows, kind))
        assert [row.id_no for row in found.rows] == ["11010519491231002X"] * 2
        assert ["LEGACY_15" in row.marks for row in found.rows] == [False, True]


class TestCase17IdAsNumber:
    @pytest.mark.parametrize(
        ("cell", "why"),
        [
            (110101199003079972, "SCIENTIFIC"),
            (110105491231002, "CHARSET"),
            (datetime.fromisoformat("1990-03-07"), "CHARSET"),
        ],
    )
    def test_a_cell_that_is_no_text_is_refused(
        self, ledger: Write, read: Read, book: str, cell: object, why: str
    ) -> None:
        assert codes(read(ledger([HEAD, [*GOOD[:3], cell]], book))) == [(2, "证件号码", why)]

    def test_a_number_shown_as_a_date_is_refused(self, read: Read, tmp_path: Path) -> None:
        book = Workbook()
        book.active.append(HEAD)
        book.active.append([*GOOD[:3], 110101199003079])
        book.active["D2"].number_format = "yyyy-mm-dd"
        book.save(tmp_path / "a.xlsx")
        assert codes(read(tmp_path / "a.xlsx")) == [(2, "证件号码", "CELL_ERROR")]


class TestCase18Formulas:
    @pytest.mark.parametrize(
        "text", ['=HYPERLINK("http://x","点我")', "+cmd|' /C calc'!A0", "@SUM(1)"]
    )
    def test_a_formula_is_text_and_nothing_else(
        self, ledger: Write, read: Read, kind: str, text: str
    ) -> None:
        assert only(read(ledger([[*HEAD, "备注"], [*GOOD, text]], kind))).remark == text


class TestCase19Managers:
    @pytest.mark.parametrize(
        ("said", "manager"),
        [
            ("王强(8012)", "wangqiang"),
            ("王强", "wangqiang"),
            ("8012", "wangqiang"),
            ("小王（8012）", "wangqiang"),
            ("李敏", None),
            ("李敏(8014)", "limin2"),
            ("强哥", None),
            ("张离(8015)", None),
            ("张离", None),
            ("", None),
        ],
    )
    def test_by_number_then_by_a_unique_name_else_nobody(
        self, ledger: Write, read: Read, kind: str, said: str, manager: str | None
    ) -> None:
        found = read(ledger([[*HEAD, "客户经理"], [*GOOD, said]], kind))
        assert only(found).manager == manager
        told = any("待分配" in notice for notice in found.notices)
        assert told is (bool(said) and manager is None)


HTML = """<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head>
<meta http-equiv="Content-Type" content="text/html; charset={charset}"></head><body>
<table><tr><td colspan=4>客户台账</td></tr>
<tr><th>资金账号</th><th>客户<br>名称</th><th>手机号</th><th>营业部</th></tr>
<tr><td>80010001<td>张&#19977;<td>13800138000<td rowspan="2">杭州营业部</tr>
<tr><td>80010002</td><td>李四</td><td>&nbsp;</td></tr></table></body></html>"""


class TestCase20OtherFiles:
    @pytest.mark.parametrize(
        ("charset", "codec"),
        [
            ("utf-8", "utf-8"),
            ("gb2312", "gb18030"),
            ("utf-8", "gb18030"),
            ("gbk", "utf-8"),
            ("unicode", "utf-16"),
            ("utf-8", "utf-8-sig"),
        ],
    )
    def test_html_called_xls_is_read_whatever_it_declares(
        self, read: Read, tmp_path: Path, charset: str, codec: str
    ) -> None:
        (tmp_path / "a.xls").write_bytes(HTML.format(charset=charset).encode(codec))
        found = read(tmp_path / "a.xls")
        assert [(row.row, row.name, row.branch) for row in found.rows] == [
            (3, "张三", "HZ"),
            (4, "李四", "HZ"),
        ]

    def test_of_an_old_workbook_good_rows_are_kept_and_bad_ones_listed(
        self, read: Read, tmp_path: Path
    ) -> None:
        rows: list[list[object]] = [
            ["XX期货客户台账 2026年10月"],
            [*HEAD, "营业部", "开户日期"],
            [80010001.0, *GOOD[1:], "杭州营业部", date(2026, 1, 5)],
            ["80010002", "李四", Calculated("#N/A"), "", "", 46027],
            ["80010003", "王五", "13800138001", "#REF!", "", ""],
            [Calculated(80010004), "赵六😀", 13800138002, "", "", "去年"],
            [Calculated(80010005), "孙七", 13800138003, "", "", "2026.1.5"],
            ["合计", None, "4户"],
        ]
        books: dict[str, Sequence[Sequence[object]]] = {"客户": rows, "旧台账": [HEAD, GOOD]}
        data = workbook(books, hidden=["旧台账"], hidden_rows=[7], merged=[(2, 6, 4, 4)])
        (tmp_path / "a.et").write_bytes(data)
        found = read(tmp_path / "a.et")
        assert [(row.row, row.fund_account, row.branch, row.open_date) for row in found.rows] == [
            (3, "80010001", "HZ", date(2026, 1, 5)),
            (7, "80010005", "HZ", date(2026, 1, 5)),
        ]
        assert codes(found) == [
            (4, "手机号", "CELL_ERROR"),
            (5, "证件号码", "CELL_ERROR"),
            (6, "开户日期", "DATE_INVALID"),
        ]
        assert any("隐藏的第 7 行" in notice for notice in found.notices)

    def test_an_old_workbook_of_many_rows_is_read_whole(self, ledger: Write, read: Read) -> None:
        rows = [
            [str(80_010_000 + n), f"客户{n}", "", "#N/A" if n == 2999 else ""] for n in range(3000)
        ]
        found = read(ledger([HEAD, *rows], "xls"))
        assert len(found.rows) == 2999
        assert codes(found) == [(3001, "证件号码", "CELL_ERROR")]

    @pytest.mark.parametrize("cut", [600, 1100, 2000, 4000, 5040])
    def test_an_old_workbook_that_is_cut_off_or_torn_says_so(
        self, ledger: Write, read: Read, tmp_path: Path, cut: int
    ) -> None:
        whole = ledger([HEAD, GOOD], "xls").read_bytes()
        (tmp_path / "a.xls").write_bytes(whole[:cut])
        with pytest.raises(NotATable):
            read(tmp_path / "a.xls")

    def test_a_locked_workbook_says_what_to_do(self, read: Read, tmp_path: Path) -> None:
        head = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(1016)
        (tmp_path / "a.xlsx").write_bytes(head + "EncryptedPackage".encode("utf-16-le"))
        with pytest.raises(TableLocked, match="TableLocked") as caught:
            read(tmp_path / "a.xlsx")
        assert "密码" in caught.value.text

    def test_a_locked_old_workbook_too(self, read: Read, tmp_path: Path) -> None:
        (tmp_path / "a.xls").write_bytes(workbook({"客户": [HEAD, GOOD]}, locked=True))
        with pytest.raises(TableLocked):
            read(tmp_path / "a.xls")

    @pytest.mark.parametrize(
        "data",
        [
            bytes.fromhex("D0CF11E0A1B11AE1") + bytes(5000),
            b"PK\x03\x04 not a zip",
            b"%PDF-1.7",
            b"\xff\xff\xfe\x81\x00",
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-'
            b'com:office:spreadsheet"/>',
            b"<html><body>nothing</body></html>",
        ],
    )
    def test_what_is_no_table_says_so(self, read: Read, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "a.xls").write_bytes(data)
        with pytest.raises(NotATable):
            read(tmp_path / "a.xls")

    def test_the_ending_of_the_name_does_not_matter(
        self, ledger: Write, read: Read, tmp_path: Path
    ) -> None:
        shutil.copy(ledger([HEAD, GOOD], "xlsx"), tmp_path / "a.csv")
        assert only(read(tmp_path / "a.csv")).name == "张三"


class TestCase21Bombs:
    def test_a_member_that_swells_is_refused(self, ledger: Write, read: Read) -> None:
        path = ledger([HEAD, GOOD], "xlsx")
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/media/bomb.bin", bytes(60 * 1024 * 1024))
        with pytest.raises(TableTooLarge):
            read(path)

    def test_a_sheet_that_swells_is_refused(self, ledger: Write, read: Read) -> None:
        path = ledger([HEAD, GOOD], "xlsx")
        _replace(path, b"</sheetData>", b"<row><c><v>" + b"1" * (60 << 20) + b"</v></c></row>"
                 b"</sheetData>", "sheet1.xml")  # fmt: skip
        with pytest.raises(TableTooLarge):
            read(path)

    def test_a_million_formatted_empty_rows_are_not_read(self, ledger: Write, read: Read) -> None:
        path = ledger([HEAD, GOOD], "xlsx")
        empty = b"".join(b'<row r="%d" ht="15"/>' % number for number in range(3, 1_048_577))
        _replace(path, b"</sheetData>", empty + b"</sheetData>", "sheet1.xml")
        assert only(read(path)).name == "张三"

    def test_reading_stops_after_two_hundred_blank_rows(
        self, ledger: Write, read: Read, kind: str
    ) -> None:
        near = [HEAD, GOOD, *[[""]] * 199, ["80010002", "李四", "", ""]]
        assert len(read(ledger(near, kind)).rows) == 2
        far = [HEAD, GOOD, *[[""]] * 200, ["80010002", "李四", "", ""]]
        assert len(read(ledger(far, kind)).rows) == 1

    def test_a_document_type_is_refused(self, ledger: Write, read: Read) -> None:
        path = ledger([HEAD, GOOD], "xlsx")
        _replace(path, b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet', "sheet1.xml")
        with pytest.raises(NotATable):
            read(path)

    def test_an_old_workbook_of_many_mebibytes_is_read_to_its_end(
        self, ledger: Write, read: Read
    ) -> None:
        rows = [[str(80_010_000 + n), f"客户{n}" + "某" * 90, "", ""] for n in range(40_000)]
        path = ledger([HEAD, *rows, ["80099999", "末", "#REF!", ""]], "xls")
        assert path.stat().st_size > 8 << 20
        found = read(path)
        assert len(found.rows) == 40_000
        assert codes(found) == [(40_002, "手机号", "CELL_ERROR")]

    def test_a_chain_of_sectors_without_an_end_is_refused(self, ledger: Write, read: Read) -> None:
        path = ledger([HEAD, GOOD], "xls")
        data = bytearray(path.read_bytes())
        data[-508:-504] = struct.pack("<I", 1)  # the second sector follows itself
        path.write_bytes(data)
        with pytest.raises(NotATable):
            read(path)

    def test_a_table_of_sectors_beyond_the_end_is_refused(self, ledger: Write, read: Read) -> None:
        path = ledger([HEAD, GOOD], "xls")
        data = bytearray(path.read_bytes())
        data[68:72] = struct.pack("<I", 7_000)
        path.write_bytes(data)
        with pytest.raises(NotATable):
            read(path)

    @pytest.mark.parametrize(("row", "column", "why"), [
        (65_535, 255, TableTooLarge), (65_535, 65_535, TableTooLarge), (9, 9, None),
    ])  # fmt: skip
    def test_a_cell_far_out_does_not_take_the_memory_of_all_between(
        self, ledger: Write, read: Read, row: int, column: int, why: type[Exception] | None
    ) -> None:
        path = ledger([HEAD, [1.5, *GOOD[1:]]], "xls")
        place = struct.pack("<HHHH", 0x0203, 14, 1, 0)
        data = path.read_bytes()
        assert place in data
        path.write_bytes(data.replace(place, struct.pack("<HHHH", 0x0203, 14, row, column)))
        if why is None:
            assert codes(read(path))
        else:
            with pytest.raises(why):
                read(path)

    def test_a_size_beyond_all_sheets_is_refused(self, ledger: Write, read: Read) -> None:
        path = ledger([HEAD, GOOD], "xls")
        size = struct.pack("<HHIIHH", 0x0200, 14, 0, 2, 0, 4)
        data = path.read_bytes()
        assert size in data
        path.write_bytes(data.replace(size, struct.pack("<HHIIHH", 0x0200, 14, 0, 1 << 31, 0, 4)))
        with pytest.raises(NotATable):
            read(path)


class TestCase22RareCharacters:
    @pytest.mark.parametrize(
        ("name", "marks"),
        [("𠮷野", ()), ("王㛃", ()), ("张\ue123", ("PUA_CHAR",)), ("小明😀", ())],
    )
    def test_they_are_kept_and_private_ones_marked(
        self, ledger: Write, read: Read, kind: str, name: str, marks: tuple[str, ...]
    ) -> None:
        row = only(read(ledger([HEAD, ["80010001", name, "", ""]], kind)))
        assert (row.name, row.marks) == (name, marks)


def _replace(path: Path, old: bytes, new: bytes, member: str) -> None:
    """Change the XML of a workbook behind openpyxl's back."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data.replace(old, new) if name.endswith(member) else data)
