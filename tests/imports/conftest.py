"""Ledgers as people really save them, written anew for every test."""

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook

from crm.imports.clients import read_clients
from crm.imports.records import ClientSheet, Manager
from tests.imports.biff import workbook

TODAY = date(2026, 11, 23)
CSV_KINDS = ("utf-8", "utf-8-sig", "gb18030", "utf-16")
STAFF = (
    Manager(id="wangqiang", name="王强", number="8012"),
    Manager(id="limin", name="李敏", number="8013"),
    Manager(id="limin2", name="李敏", number="8014"),
    Manager(id="gone", name="张离", number="8015", active=False),
)
BRANCHES = {"杭州营业部": "HZ", "杭州": "HZ", "HZ": "HZ", "上海营业部": "SH"}

Rows = Sequence[Sequence[object]]
Write = Callable[..., Path]
Read = Callable[..., ClientSheet]


@pytest.fixture
def ledger(tmp_path: Path) -> Write:
    """Rows into a file of a kind: an encoding for csv, xls or xlsx."""

    def _write(rows: Rows, kind: str = "utf-8", separator: str = ",") -> Path:
        if kind == "xlsx":
            path = tmp_path / "台账.xlsx"
            book = Workbook()
            for row in rows:
                book.active.append(list(row))
            book.save(path)
            return path
        if kind == "xls":
            path = tmp_path / "台账.xls"
            path.write_bytes(workbook({"客户": rows}))
            return path
        path = tmp_path / "台账.csv"
        text = io.StringIO()
        csv.writer(text, delimiter=separator).writerows(rows)
        path.write_bytes(text.getvalue().encode(kind))
        return path

    return _write


@pytest.fixture
def read() -> Read:
    def _read(path: Path, **options: object) -> ClientSheet:
        given: dict[str, object] = {"known_managers": STAFF, "branches": BRANCHES, **options}
        return read_clients(path, today=TODAY, **given)  # type: ignore[arg-type]

    return _read


@pytest.fixture(params=[*CSV_KINDS, "xlsx", "xls"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each way to save a ledger, one after the other."""
    return str(request.param)


@pytest.fixture(params=["xlsx", "xls"])
def book(request: pytest.FixtureRequest) -> str:
    """Each kind of workbook: what only its cells can be, a number or a date."""
    return str(request.param)
