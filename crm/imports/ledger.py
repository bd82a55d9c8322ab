"""One sheet of a client ledger: what the rows mean together, then each row by itself.

A row with one bad cell is rejected whole. Rows of totals and notes are no rows at all.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TypeVar

from crm.imports import cleaning, headings
from crm.imports.cleaning import BadCell, plain
from crm.imports.headings import Column, Headings
from crm.imports.records import ClientRow, Figures, Manager, Options
from crm.imports.rejects import Reject, reject
from crm.imports.table import Cell, Row, Sheet, is_blank
from crm.kernel.identity import UNIT_CLIENTS

T = TypeVar("T")

TOTAL = re.compile(r".{0,12}(?:合计|总计|小计|共计|累计)(?:[:(户人\d].*)?")
FOOTER = re.compile(
    r"(?:制表|制单|填表|审核|复核|打印|导出|统计|截止|截至)(?:人|时间|日期|单位)?(?:[:\d].*)?"
    r"|(?:备注|注|说明)\d*[:.、].*"
)
LAST_TOTAL = re.compile(r"合计|总计|制表|制单|填表")  # below it only signatures and notes follow
LABELS = 3  # a total's word stands in one of the first filled cells
ALTERNATIVES = frozenset({"fund_account", "name", "id_no", "bank_card"})
MONEY = ("equity", "available", "margin", "fee", "net_fee")
LANDLINE_HEADING = "电话"
CLIENT_TYPE_OF_DOCUMENT = {"N": "ORG", "9": "ORG", "0": "ORG", "1": "IND", "M": "IND", "K": "IND"}
DOCUMENT_OF_HEADING = (("身份证", "1"), ("信用代码", "N"), ("营业执照", "9"))
MOST_ROWS_NAMED = 5


class Ledger:
    """Reads a sheet whose headings are known; the results are in ``rows`` and ``rejects``."""

    def __init__(self, sheet: Sheet, found: Headings, options: Options, label: str | None) -> None:
        self.sheet = sheet
        self.headings = found
        self.options = options
        self.label = label
        self.data = _without_asides(found)
        self.skipped = len(found.below) - len(self.data)
        self.rows: list[ClientRow] = []
        self.rejects: list[Reject] = []
        self.unassigned: dict[str, list[int]] = defaultdict(list)  # manager as written → rows
        self.padded = self._padded()
        self.handed_down = self._handed_down()
        self.percent = {
            column.index: cleaning.means_percent(_cell(row, column) for row in self.data)
            for column in found.of("risk_rate")
        }

    def read(self) -> None:
        for row in self.data:
            reader = RowReader(self, row)
            client = reader.client()
            if reader.rejects:
                self.rejects += reader.rejects
            else:
                self.rows.append(client)

    def pick(self, row: Row, target: str) -> tuple[Column, Cell] | None:
        """The column of a field and its cell: the preferred one, or where several columns may
        tell the same the preferred one that is filled."""
        columns = self.headings.of(target)[: None if target in ALTERNATIVES else 1]
        filled = (column for column in columns if not is_blank(_cell(row, column)))
        column = next(filled, columns[0] if columns else None)
        return (column, _cell(row, column)) if column else None

    def notices(self) -> list[str]:
        where = f"工作表「{self.label}」" if self.label else ""
        found: list[str] = []
        if hidden := self.sheet.hidden_rows & {row.number for row in self.data}:
            found.append(f"{where}隐藏的{_rows(sorted(hidden))}也已读取")
        if self.padded:
            found.append(f"{where}{_rows(self.padded)}的资金账号补了前导零，请确认")
        if self.handed_down:
            numbers = {number for number, _ in self.handed_down}
            found.append(f"{where}{_rows(sorted(numbers))}的空白按上一行补齐，请确认")
        found += [
            f"{where}没有名为「{said}」的在职员工，{_rows(numbers)}的客户进入待分配"
            for said, numbers in self.unassigned.items()
        ]
        return found

    def _padded(self) -> dict[int, str]:
        """Accounts that lost their leading zeros, where all the others have the full width."""
        accounts: dict[int, str] = {}
        for row in self.data:
            if picked := self.pick(row, "fund_account"):
                try:
                    accounts[row.number] = cleaning.fund_account(picked[1])
                except BadCell:
                    continue
        width = self.options.account_width
        full = {account for account in accounts.values() if len(account) == width}
        short = set(accounts.values()) - full
        if not full or not all(text.isdecimal() and len(text) < width for text in short):
            return {}
        if len(short) > 1 and len(short) >= len(full):
            return {}  # not the exception but the habit
        return {number: text.zfill(width) for number, text in accounts.items() if text in short}

    def _handed_down(self) -> dict[tuple[int, str], Cell]:
        """Values that a flattened merged cell has left only in its first row."""
        if not self.sheet.flat:
            return {}
        found: dict[tuple[int, str], Cell] = {}
        for target in sorted(self.options.fill_down):
            above: Cell = None
            for row in self.data:
                if (picked := self.pick(row, target)) is None:
                    break
                if not is_blank(picked[1]):
                    above = picked[1]
                elif above is not None:
                    found[row.number, target] = above
        return found


class RowReader:
    """One row on its way to a client; every bad cell is noted, not only the first."""

    def __init__(self, ledger: Ledger, row: Row) -> None:
        self.ledger = ledger
        self.row = row
        self.rejects: list[Reject] = []
        self.marks: set[str] = set()

    def client(self) -> ClientRow:
        """The row as a client, to be used only if nothing was rejected."""
        account = self._account()
        name = self._clean("name", cleaning.name) or cleaning.Name(name="")
        client_type = self._clean("client_type", cleaning.client_type)
        document = self._document(client_type)
        if client_type is None and document:
            client_type = CLIENT_TYPE_OF_DOCUMENT.get(document.id_type)
        mobile, extra_contacts = self._contacts(name.mobile)
        self._mark("NAME_SPLIT", name.split)
        self._mark("PUA_CHAR", cleaning.has_private_use(name.name))
        return ClientRow(
            sheet=self.ledger.label,
            row=self.row.number,
            fund_account=account,
            name=name.name,
            client_type=client_type,
            id_type=document.id_type if document else self._clean("id_type", cleaning.id_type),
            id_no=document.id_no if document else None,
            bank_card=self._bank_card(unit=client_type in UNIT_CLIENTS),
            mobile=mobile,
            extra_contacts=extra_contacts,
            trading_codes=self._trading_codes(),
            open_date=self._past_day("open_date"),
            branch=self._branch(),
            manager=self._manager(),
            referrer=self._clean("referrer", cleaning.word),
            level=self._clean("level", cleaning.level),
            status=self._clean("status", cleaning.status) or name.status,
            tags=self._clean("tags", cleaning.tags) or (),
            remark=self._remark(name.remark),
            figures=self._figures(),
            marks=tuple(sorted(self.marks)),
        )

    def _account(self) -> str:
        padded = self.ledger.padded.get(self.row.number)
        self._mark("PADDED", padded is not None)
        return padded or self._clean("fund_account", cleaning.fund_account) or ""

    def _document(self, client_type: str | None) -> cleaning.Document | None:
        if (picked := self.ledger.pick(self.row, "id_no")) is None:
            return None
        heading = picked[0].heading
        clean = partial(
            cleaning.document,
            id_type=self._said_id_type(),
            assumed=next((code for word, code in DOCUMENT_OF_HEADING if word in heading), None),
            unit=client_type in UNIT_CLIENTS,
            today=self.ledger.options.today,
        )
        document = self._try(clean, *picked)
        self.marks.update(document.warnings if document else ())
        return document

    def _said_id_type(self) -> str | None:
        picked = self.ledger.pick(self.row, "id_type")
        try:
            return cleaning.id_type(picked[1]) if picked else None
        except BadCell:
            return None  # noted when the column itself is read

    def _bank_card(self, *, unit: bool) -> str | None:
        today = self.ledger.options.today
        return self._clean("bank_card", partial(cleaning.bank_card, unit=unit, today=today))

    def _contacts(self, beside_name: str | None) -> tuple[str | None, tuple[str, ...]]:
        mobiles: list[str] = []
        others: list[str] = []
        for column in self.ledger.headings.of("mobile"):
            clean = partial(cleaning.phones, landlines=LANDLINE_HEADING in column.heading)
            found = self._try(clean, column, _cell(self.row, column)) or ([], [])
            self._mark("PHONE_SPLIT", len(found[0]) + len(found[1]) > 1)
            mobiles += found[0]
            others += found[1]
        if beside_name:
            mobiles.append(beside_name)
        first, *rest = dict.fromkeys(mobiles) or [None]
        return first, tuple(dict.fromkeys([text for text in rest if text] + others))

    def _trading_codes(self) -> tuple[tuple[str, str], ...]:
        codes: dict[str, str] = {}
        for column in self.ledger.headings.of("trading_code"):
            if found := self._try(cleaning.trading_code, column, _cell(self.row, column)):
                code, padded = found
                codes[column.exchange or ""] = code
                self._mark("PADDED", padded)
        return tuple(sorted(codes.items()))

    def _past_day(self, target: str) -> date | None:
        options = self.ledger.options

        def clean(cell: Cell) -> date | None:
            found = cleaning.day(
                cell,
                date1904=self.ledger.sheet.date1904,
                two_digit_years=options.two_digit_years,
            )
            if found and found > options.today:
                raise BadCell("FUTURE_DATE")
            return found

        return self._clean(target, clean)

    def _branch(self) -> str | None:
        known = self.ledger.options.branches

        def clean(cell: Cell) -> str | None:
            text = unicodedata.normalize("NFKC", cleaning.checked(cell))
            if not text or text in cleaning.DASHES or known is None:
                return text or None
            if text not in known:
                raise BadCell("UNKNOWN_ENUM")
            return known[text]

        return self._clean("branch", clean)

    def _manager(self) -> str | None:
        said = self._clean("manager", cleaning.word)
        if not said or said in cleaning.DASHES:
            return None
        if (found := manager_of(said, self.ledger.options.known_managers)) is None:
            self.ledger.unassigned[said].append(self.row.number)
        return found

    def _remark(self, beside_name: str | None) -> str | None:
        columns = self.ledger.headings.of("remark")
        said = [self._try(cleaning.free_text, one, _cell(self.row, one)) for one in columns]
        return "；".join(filter(None, [*said, beside_name])) or None

    def _figures(self) -> Figures:
        money: dict[str, Decimal | None] = {
            target: self._clean(target, cleaning.amount) for target in MONEY
        }
        risk = self.ledger.pick(self.row, "risk_rate")
        percent = self.ledger.percent[risk[0].index] if risk else False
        return Figures(
            equity=money["equity"],
            available=money["available"],
            margin=money["margin"],
            fee=money["fee"],
            net_fee=money["net_fee"],
            risk_ratio=self._clean("risk_rate", partial(cleaning.ratio, percent=percent)),
            last_trade=self._past_day("last_trade"),
        )

    def _clean(self, target: str, cleaner: Callable[[Cell], T]) -> T | None:
        if (picked := self.ledger.pick(self.row, target)) is None:
            return None
        column, cell = picked
        handed_down = self.ledger.handed_down.get((self.row.number, target))
        self._mark("FORWARD_FILLED", handed_down is not None)
        return self._try(cleaner, column, cell if handed_down is None else handed_down)

    def _try(self, cleaner: Callable[[Cell], T], column: Column, cell: Cell) -> T | None:
        try:
            return cleaner(cell)
        except BadCell as bad:
            found = reject(
                bad.code,
                row=self.row.number,
                column=column.heading,
                field=column.field,
                cell=cell,
                sheet=self.ledger.label,
            )
            self.rejects.append(found)
            return None

    def _mark(self, mark: str, applies: bool) -> None:
        if applies:
            self.marks.add(mark)


def manager_of(said: str, known: Sequence[Manager]) -> str | None:
    """Who is meant by 张三(8012), 8012 or 张三: by number, then by a name that only one bears."""
    text = re.sub(r"\s", "", unicodedata.normalize("NFKC", said))
    number = re.search(r"[0-9A-Za-z]+", text)
    if number:
        wanted = number[0].lower()
        for manager in known:
            if wanted in (manager.id.lower(), (manager.number or "").lower()):
                return manager.id if manager.active else None
    name = re.sub(r"\(.*?\)|[0-9A-Za-z()_/-]+", "", text)
    same = [manager.id for manager in known if manager.active and manager.name == name]
    return same[0] if len(same) == 1 else None


def _without_asides(found: Headings) -> list[Row]:
    """The rows that are clients: no totals, no notes, no headings printed again."""
    accounts = found.of("fund_account")
    data: list[Row] = []
    below_footer = False
    for row in found.below:
        own = next(filter(None, (_label(_cell(row, column)) for column in accounts)), "")
        if re.fullmatch(r"[0-9A-Z]{3,}", own) and not own.isalpha():
            data.append(row)
        elif _is_aside(row, own):
            below_footer = below_footer or _ends_the_table(row)
        elif not below_footer or not _is_note(row):
            data.append(row)
    return data


def _is_aside(row: Row, own: str) -> bool:
    labels = _labels(row)
    if any(TOTAL.fullmatch(text) for text in labels[:LABELS]) or FOOTER.fullmatch(labels[0]):
        return True
    if headings.FIELDS.get(headings.normalise(own), ("",))[0] == "fund_account":
        return True
    return len(labels) == 1 and not re.search(r"\d", own) and _is_sentence(labels[0])


def _ends_the_table(row: Row) -> bool:
    return any(LAST_TOTAL.search(text) for text in _labels(row)[:LABELS])


def _is_note(row: Row) -> bool:
    """Below the totals a row of one or two texts is a signature or an explanation."""
    return len(_labels(row)) <= 2


def _is_sentence(text: str) -> bool:
    return len(text) > 8 or re.search(r"[,。;:]", text) is not None


def _labels(row: Row) -> list[str]:
    """The different things that a row says, left to right; a merged cell says one."""
    return list(dict.fromkeys(_label(cell) for cell in row.cells if not is_blank(cell)))


def _label(cell: Cell) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", plain(cell))).upper()


def _cell(row: Row, column: Column) -> Cell:
    return row.cells[column.index] if column.index < len(row.cells) else None


def _rows(numbers: Iterable[int] | Mapping[int, str]) -> str:
    every = list(numbers)
    named = "、".join(map(str, every[:MOST_ROWS_NAMED]))
    return f"第 {named} 行" + (f"等 {len(every)} 行" if len(every) > MOST_ROWS_NAMED else "")
