"""A broker's client ledger: any file in, typed rows and rejects out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from crm.imports import headings, sheets
from crm.imports.headings import Headings
from crm.imports.ledger import Ledger
from crm.imports.records import ClientRow, ClientSheet, Manager, Options
from crm.imports.rejects import Reject, reject
from crm.imports.table import Sheet
from crm.kernel.errors import UserError


class NoHeadings(UserError):
    say = "没有找到标题行：标题中至少要有「资金账号」「客户名称」和另一个认识的列名"


def read_clients(
    path: Path,
    *,
    today: date,
    known_managers: Sequence[Manager] = (),
    branches: Mapping[str, str] | None = None,
    account_width: int = 8,
    fill_down: frozenset[str] = frozenset({"branch", "manager"}),
    two_digit_years: bool = False,
) -> ClientSheet:
    """Every client sheet of a file; blocks, so call it in a thread.

    ``branches`` maps each accepted word to its value; None takes any word as it is.
    ``fill_down``: fields whose holes in a text file mean the value above.
    Raises NoHeadings, NotATable, TableLocked or TableTooLarge.
    """
    options = Options(
        today=today,
        known_managers=known_managers,
        branches=branches,
        account_width=account_width,
        fill_down=fill_down,
        two_digit_years=two_digit_years,
    )
    table = sheets.read(path)
    ledgers = [(sheet, found) for sheet in table.sheets if (found := _client_headings(sheet))]
    if not ledgers:
        raise NoHeadings
    readers = [
        Ledger(sheet, found, options, sheet.name if len(ledgers) > 1 else None)
        for sheet, found in ledgers
    ]
    for reader in readers:
        reader.read()
    rows, conflicts, repeated = _without_duplicates(readers)
    notices = [*table.notices, *(notice for reader in readers for notice in reader.notices())]
    if table.encoding:
        notices.insert(0, f"文件按 {table.encoding} 编码读取")
    unknown = (word for reader in readers for word in reader.headings.not_recognised)
    rejects = [one for reader in readers for one in reader.rejects] + conflicts
    return ClientSheet(
        rows=tuple(rows),
        rejects=tuple(sorted(rejects, key=lambda one: (one.sheet or "", one.row))),
        row_count=sum(len(reader.data) for reader in readers),
        repeated=repeated,
        skipped=sum(reader.skipped for reader in readers),
        headings_not_recognised=tuple(dict.fromkeys(unknown)),
        notices=tuple(notices),
    )


def _client_headings(sheet: Sheet) -> Headings | None:
    found = headings.find(sheet)
    return found if found and found.of("fund_account") and found.of("name") else None


def _without_duplicates(ledgers: Iterable[Ledger]) -> tuple[list[ClientRow], list[Reject], int]:
    """Rows of the same account: equal ones become one, different ones are all refused."""
    by_account: dict[str, list[tuple[Ledger, ClientRow]]] = defaultdict(list)
    for ledger in ledgers:
        for row in ledger.rows:
            by_account[row.fund_account].append((ledger, row))
    kept: list[ClientRow] = []
    conflicts: list[Reject] = []
    repeated = 0
    for same in by_account.values():
        first = same[0][1]
        if any(_said(row) != _said(first) for _, row in same[1:]):
            conflicts += _conflicts(same)
        else:
            kept.append(first)
            repeated += len(same) - 1
    return kept, conflicts, repeated


def _said(row: ClientRow) -> ClientRow:
    return replace(row, sheet=None, row=0, marks=())


def _conflicts(same: Sequence[tuple[Ledger, ClientRow]]) -> list[Reject]:
    places = [f"{row.sheet or ''}第 {row.row} 行" for _, row in same]
    elsewhere = "、".join(places[:5]) + ("等处" if len(places) > 5 else "")
    return [
        reject(
            "CONFLICT",
            row=row.row,
            column=ledger.headings.of("fund_account")[0].heading,
            field="fund_account",
            cell=row.fund_account,
            sheet=row.sheet,
            elsewhere=elsewhere,
        )
        for ledger, row in same
    ]
