"""Trading data as JSON, the shape of ``POST /api/v1/push/snapshot``, read into records.

Good rows are taken, bad ones listed with their place; a missing amount stays missing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar

from risk.sources.base import (
    ZERO,
    AccountFunds,
    Direction,
    Instrument,
    Option,
    OptionKind,
    PositionRow,
    Snapshot,
    Tick,
)

# Beyond these no amount or price makes sense, and exact sums would not be exact any more.
LARGEST, FINEST = 14, -9  # powers of ten
MOST_LOTS = 10**8
MOST_UNITS = 10**6  # of a contract
DEAREST = Decimal(10**9)
HIGHEST_RATE = Decimal(100)
LONGEST = 64  # characters of a number
YEARS = range(2000, 2100)  # outside of them a moment has no place in every time zone's calendar
LONGEST_ID, LONGEST_NAME, LONGEST_BRANCH = 32, 128, 16  # characters, as the tables have them

SNAPSHOT = ("trading_day", "at", "complete", "instruments", "accounts", "positions")
TICKS = ("ticks",)

Json = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rejected:
    path: str  # e.g. positions[3].lots
    why: str  # Chinese


class NotReadable(ValueError):
    """The body as a whole cannot be taken. ``str()`` is one Chinese sentence."""


class _Bad(Exception):
    """A field of a row is wrong."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(key)
        self.key = key
        self.why = why


@dataclass(slots=True)
class _Rows:
    """Reads lists of rows and remembers what was refused."""

    rejected: list[Rejected] = field(default_factory=list)

    def read(self, body: Json, key: str, read_row: Callable[[Json], T]) -> tuple[T, ...]:
        rows = body.get(key)
        if rows is None:
            return ()
        if not isinstance(rows, list | Iterator):
            raise NotReadable(f"{key} 应为列表")
        return tuple(self._each(rows, key, read_row))

    def _each(self, rows: Iterable[object], key: str, read_row: Callable[[Json], T]) -> Iterable[T]:
        for index, row in enumerate(rows):
            if not isinstance(row, dict):
                self.rejected.append(Rejected(f"{key}[{index}]", "应为对象"))
                continue
            try:
                yield read_row(row)
            except _Bad as bad:
                self.rejected.append(Rejected(f"{key}[{index}].{bad.key}", bad.why))


def snapshot(told: object) -> tuple[Snapshot, tuple[Rejected, ...]]:
    """Rows are taken from lists or iterators, in the order of ``SNAPSHOT``. Raises NotReadable
    without a trading day, a moment, or with something that is no list."""
    body, rows = _object(told), _Rows()
    read = Snapshot(
        trading_day=_trading_day(body),
        at=_moment_of_body(body),
        complete=_flag(body),
        instruments=rows.read(body, "instruments", _instrument),
        accounts=rows.read(body, "accounts", _account),
        positions=rows.read(body, "positions", _position),
    )
    return read, tuple(rows.rejected)


def ticks(told: object, default_at: datetime) -> tuple[tuple[Tick, ...], tuple[Rejected, ...]]:
    """``default_at`` stands in where a tick does not say when. Raises NotReadable."""
    body, rows = _object(told), _Rows()

    def tick(row: Json) -> Tick:
        at = _moment(row, "at") if row.get("at") is not None else default_at
        return Tick(instrument=_text(row, "instrument"), last=_price(row, "last"), at=at)

    return rows.read(body, "ticks", tick), tuple(rows.rejected)


def _object(told: object) -> Json:
    if not isinstance(told, dict):
        raise NotReadable("请求体应为 JSON 对象")
    return told


def _flag(body: Json) -> bool:
    value = body.get("complete", False)
    if not isinstance(value, bool):
        raise NotReadable("complete 应为 true 或 false")
    return value


def _trading_day(body: Json) -> date:
    try:
        day = date.fromisoformat(body["trading_day"])
    except (KeyError, TypeError, ValueError):
        raise NotReadable("trading_day 应为日期，如 2026-11-23") from None
    if day.year not in YEARS:
        raise NotReadable("trading_day 年份不对")
    return day


def _moment_of_body(body: Json) -> datetime:
    try:
        return _moment(body, "at")
    except _Bad as bad:
        raise NotReadable(f"at {bad.why}") from None


def _instrument(row: Json) -> Instrument:
    option = row.get("option")
    return Instrument(
        id=_text(row, "instrument"),
        product=_text(row, "product"),
        exchange=_text(row, "exchange"),
        multiplier=_count(row, "multiplier", least=1, most=MOST_UNITS),
        tick=_price(row, "tick"),
        prev_settle=_maybe_price(row, "prev_settle"),
        last=_maybe_price(row, "last"),
        upper_limit=_maybe_price(row, "upper_limit"),
        lower_limit=_maybe_price(row, "lower_limit"),
        larger_side=row.get("larger_side") is True,
        option=None if option is None else _option(option),
    )


def _option(row: object) -> Option:
    if not isinstance(row, dict):
        raise _Bad("option", "应为对象或空")
    try:
        return Option(
            kind=_one_of(row, "kind", OptionKind),
            strike=_price(row, "strike"),
            underlying=_text(row, "underlying"),
        )
    except _Bad as bad:
        raise _Bad(f"option.{bad.key}", bad.why) from None


def _account(row: Json) -> AccountFunds:
    return AccountFunds(
        account=_text(row, "account"),
        name=_maybe_text(row, "name", LONGEST_NAME),
        branch=_maybe_text(row, "branch", LONGEST_BRANCH),
        pre_balance=_maybe_amount(row, "pre_balance"),
        deposit=_maybe_amount(row, "deposit") or ZERO,
        withdraw=_maybe_amount(row, "withdraw") or ZERO,
        mortgage=_maybe_amount(row, "mortgage") or ZERO,
        close_profit=_maybe_amount(row, "close_profit") or ZERO,
        premium=_maybe_amount(row, "premium") or ZERO,
        commission=_maybe_amount(row, "commission") or ZERO,
        frozen=_maybe_amount(row, "frozen") or ZERO,
        position_profit=_maybe_amount(row, "position_profit"),
        margin=_maybe_amount(row, "margin"),
        exchange_margin=_maybe_amount(row, "exchange_margin"),
        equity=_maybe_amount(row, "equity"),
        available=_maybe_amount(row, "available"),
    )


def _position(row: Json) -> PositionRow:
    lots = _count(row, "lots")
    today_lots = _count(row, "today_lots") if row.get("today_lots") is not None else 0
    if today_lots > lots:
        raise _Bad("today_lots", "今仓多于总持仓")
    return PositionRow(
        account=_text(row, "account"),
        instrument=_text(row, "instrument"),
        direction=_one_of(row, "direction", Direction),
        lots=lots,
        today_lots=today_lots,
        hedge=_maybe_text(row, "hedge", LONGEST_ID) or "speculation",
        open_price=_maybe_price(row, "open_price"),
        margin_rate=_maybe_rate(row, "margin_rate"),
        exchange_margin_rate=_maybe_rate(row, "exchange_margin_rate"),
    )


def _text(row: Json, key: str, most: int = LONGEST_ID) -> str:
    found = _maybe_text(row, key, most)
    if not found:
        raise _Bad(key, "不能为空")
    return found


def _maybe_text(row: Json, key: str, most: int) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Bad(key, "应为文字")
    if len(value) > most:
        raise _Bad(key, f"超过 {most} 个字符")
    if not value.isprintable():
        raise _Bad(key, "含有不可见字符")
    return intern(value.strip())


def _count(row: Json, key: str, *, least: int = 0, most: int = MOST_LOTS) -> int:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _Bad(key, f"应为 {least} 到 {most} 的整数")
    return value


def _maybe_amount(row: Json, key: str) -> Decimal | None:
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Bad(key, "应为数字")
    number = _number(str(value))
    if isinstance(number, str):
        raise _Bad(key, number)
    return number


@lru_cache(maxsize=1 << 16)  # rates, prices and noughts come in their thousands
def _number(text: str) -> Decimal | str:
    """The number, or why it is none."""
    if len(text) > LONGEST:
        return "数字过长"
    try:
        number = Decimal(text)
    except InvalidOperation:
        return "应为数字"
    if number.is_nan():
        return "应为数字"
    if not number:
        return ZERO
    if not number.is_finite() or not FINEST <= number.adjusted() < LARGEST:
        return "数字过大或过小"
    return number


def _maybe_rate(row: Json, key: str) -> Decimal | None:
    rate = _maybe_amount(row, key)
    if rate is not None and rate < 0:
        raise _Bad(key, "不能为负")
    if rate is not None and rate > HIGHEST_RATE:
        raise _Bad(key, "应为小数，如 0.12")
    return rate


def _maybe_price(row: Json, key: str) -> Decimal | None:
    """May be below nothing, as oil once was."""
    price = _maybe_amount(row, key)
    if price is not None and abs(price) >= DEAREST:
        raise _Bad(key, "价格过大")
    return price


def _price(row: Json, key: str) -> Decimal:
    price = _maybe_price(row, key)
    if price is None or price <= 0:
        raise _Bad(key, "应为正数")
    return price


def _moment(row: Json, key: str) -> datetime:
    try:
        at = datetime.fromisoformat(row[key])
    except (KeyError, TypeError, ValueError):
        raise _Bad(key, "应为时间，如 2026-11-23T10:15:00+08:00") from None
    if at.tzinfo is None:
        raise _Bad(key, "缺少时区，如 +08:00")
    if at.year not in YEARS:
        raise _Bad(key, "年份不对")
    return at


Word = TypeVar("Word", Direction, OptionKind)


def _one_of(row: Json, key: str, kind: type[Word]) -> Word:
    value = row.get(key)
    try:
        return kind(value if isinstance(value, str) else "")
    except ValueError:
        raise _Bad(key, f"应为 {' 或 '.join(kind)}") from None
