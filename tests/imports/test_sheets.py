"""What the readers of files leave of them."""

import zipfile
from datetime import date
from pathlib import Path

import pytest

from crm.imports import headings, sheets
from crm.imports.clients import NoHeadings, read_clients
from crm.imports.table import Row, Sheet, TableTooLarge

ODS = """<?xml version="1.0" encoding="UTF-8"?><office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>
<table:table table:name="客户">{rows}</table:table></office:spreadsheet></office:body>
</office:document-content>"""


def test_older_kinds_of_workbooks_keep_their_row_numbers(tmp_path: Path) -> None:
    def cell(text: str) -> str:
        value = f"<text:p>{text}</text:p>"
        return f'<table:table-cell office:value-type="string">{value}</table:table-cell>'

    lines = [["资金账号", "客户名称", "手机号"], [], ["80010001", "张三", "13800138000"]]
    rows = "".join(
        f"<table:table-row>{''.join(map(cell, line)) or '<table:table-cell/>'}</table:table-row>"
        for line in lines
    )
    with zipfile.ZipFile(tmp_path / "a.et", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", ODS.format(rows=rows))
    [sheet] = sheets.read(tmp_path / "a.et").sheets
    assert [(row.number, row.cells) for row in sheet.rows] == [
        (1, tuple(lines[0])),
        (3, tuple(lines[2])),
    ]


def test_a_file_that_is_too_large_is_not_even_opened(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(51 * 1024 * 1024)
    with pytest.raises(TableTooLarge):
        sheets.read(tmp_path / "a.csv")


def test_a_line_break_inside_a_cell_does_not_count_as_a_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,"b\nc"\n\nd,e\n', "utf-8")
    [sheet] = sheets.read(tmp_path / "a.csv").sheets
    assert [(row.number, row.cells) for row in sheet.rows] == [(1, ("a", "b\nc")), (3, ("d", "e"))]


@pytest.mark.parametrize("text", ["", "\n\n", "你好\n", "姓名,爱好,星座\n张三,钓鱼,白羊\n"])
def test_a_file_without_client_headings_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text, "utf-8")
    with pytest.raises(NoHeadings) as caught:
        read_clients(tmp_path / "a.csv", today=date(2026, 11, 23))
    assert "资金账号" in caught.value.text


class TestHeadings:
    @pytest.mark.parametrize(
        ("heading", "field"),
        [
            ("资金帐号", "fund_account"),
            ("＊客户\n名称：", "name"),
            ("手机号（必填）", "mobile"),
            ("investorid", "fund_account"),
            ("ＩｎｖｅｓｔｏｒＩＤ", "fund_account"),
            ("个人/机构", "client_type"),
            ("风险度【%】", "risk_rate"),
        ],
    )
    def test_decoration_does_not_matter(self, heading: str, field: str) -> None:
        assert headings.FIELDS[headings.normalise(heading)][0] == field

    def test_a_merged_title_above_does_not_disturb(self) -> None:
        title = Row(1, ("2026 客户台账",) * 3)
        sheet = Sheet(name="x", rows=(title, Row(2, ("账号", "姓名", "电话")), Row(3, ("1",))))
        found = headings.find(sheet)
        assert found is not None
        assert [column.heading for (column,) in found.columns.values()] == ["账号", "姓名", "电话"]
        assert [row.number for row in found.below] == [3]

    def test_of_two_columns_for_one_field_the_plainer_word_wins(self) -> None:
        sheet = Sheet(name="x", rows=(Row(1, ("客户号", "资金账号", "姓名", "爱好")),))
        found = headings.find(sheet)
        assert found is None  # two fields are not enough to be sure beside an unknown word
        sheet = Sheet(name="x", rows=(Row(1, ("客户号", "资金账号", "姓名", "电话", "爱好")),))
        found = headings.find(sheet)
        assert found is not None
        assert [column.heading for column in found.of("fund_account")] == ["资金账号", "客户号"]
        assert found.not_recognised == ("爱好",)
