"""What a file of rows holds, before anybody knows what the columns mean."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from crm.kernel.errors import UserError

MAX_UNPACKED = 50 * 1024 * 1024  # bytes
MAX_BLANK_ROWS = 200  # in a row; what lies behind them is not read
MAX_COLUMNS = 512
MAX_SPREAD = 5_000_000  # cells that merged ranges may fill
UNSEEN = re.compile(  # control characters, and those that turn a text's direction round
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


class NotATable(UserError):
    say = "无法识别这个文件，请另存为 xlsx 或 csv 后重新导入"


class TableLocked(UserError):
    say = "文件设置了打开密码，请在 Excel 或 WPS 中取消密码后重新导入"


class TableTooLarge(UserError):
    say = "文件展开后超过 50 MB，请拆成几个文件后重新导入"


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula whose result the file does not contain."""

    text: str


Cell = str | int | float | date | datetime | time | timedelta | Formula | None


@dataclass(frozen=True, slots=True)
class Row:
    """``number`` is what Excel shows beside the row."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The rows that are not blank. ``flat``: merged cells have left holes that nobody filled."""

    name: str
    rows: tuple[Row, ...]
    flat: bool = False
    date1904: bool = False
    hidden_rows: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Every visible sheet of a file, and what its reader wants to tell."""

    sheets: tuple[Sheet, ...]
    notices: tuple[str, ...] = ()
    encoding: str | None = None


def is_blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def filled(cells: Sequence[Cell]) -> bool:
    return any(not is_blank(cell) for cell in cells)


class RowCollector:
    """Keeps what is not blank and says when the sheet has ended."""

    def __init__(self) -> None:
        self.rows: dict[int, list[Cell]] = {}
        self._last = 0
        self._spread = 0

    def take(self, number: int, cells: Sequence[Cell]) -> bool:
        """False once too many blank rows have followed one another."""
        seen = [_seen(cell) for cell in cells[:MAX_COLUMNS]]
        if filled(seen):
            self.rows[number] = seen
            self._last = number
        return number - self._last < MAX_BLANK_ROWS

    def spread(self, top: int, left: int, bottom: int, right: int) -> None:
        """Copy the value at (top, left) over a merged range; columns count from 0. Raises
        TableTooLarge."""
        if top not in self.rows or left >= len(self.rows[top]):
            return
        value = self.rows[top][left]
        right = min(right, MAX_COLUMNS - 1)
        for number in range(top, min(bottom, self._last) + 1):
            if (cells := self.rows.get(number)) is None:
                continue
            self._spread += right + 1 - left
            if self._spread > MAX_SPREAD:
                raise TableTooLarge
            cells.extend([None] * (right + 1 - len(cells)))
            cells[left : right + 1] = [value] * (right + 1 - left)

    def finish(self) -> tuple[Row, ...]:
        return tuple(Row(number, tuple(cells)) for number, cells in sorted(self.rows.items()))


def _seen(cell: Cell) -> Cell:
    """Without characters that nobody sees and that do harm on a screen or in a table."""
    return UNSEEN.sub("", cell) if isinstance(cell, str) and not cell.isprintable() else cell
