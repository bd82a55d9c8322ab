"""What a source of trading data says, as typed records, and how one is asked.

Amounts are yuan, rates and ratios fractions (1 = 100 %), prices in the contract's own unit.
A ``None`` was not told: it is computed from the positions, never taken for zero.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

ZERO = Decimal(0)


class Direction(StrEnum):
    LONG = "long"  # 多
    SHORT = "short"  # 空

    @property
    def sign(self) -> int:
        return 1 if self is Direction.LONG else -1


class OptionKind(StrEnum):
    CALL = "call"  # 看涨
    PUT = "put"  # 看跌


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    kind: OptionKind
    strike: Decimal
    underlying: str  # instrument id of the future, e.g. m2701


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """``larger_side``: of a product's long and short margin only the larger is occupied (大边)."""

    id: str
    product: str  # options: of the option itself, e.g. m_o
    exchange: str
    multiplier: int
    tick: Decimal
    prev_settle: Decimal | None = None
    last: Decimal | None = None  # at the snapshot; later prices come as ticks
    upper_limit: Decimal | None = None
    lower_limit: Decimal | None = None
    larger_side: bool = False
    option: Option | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFunds:
    """One account's money today. ``pre_balance`` is yesterday's settlement, without pledge."""

    account: str
    name: str = ""
    branch: str = ""
    pre_balance: Decimal | None = None
    deposit: Decimal = ZERO
    withdraw: Decimal = ZERO
    mortgage: Decimal = ZERO  # 质押
    close_profit: Decimal = ZERO
    premium: Decimal = ZERO  # 权利金收支
    commission: Decimal = ZERO
    frozen: Decimal = ZERO
    position_profit: Decimal | None = None
    margin: Decimal | None = None
    exchange_margin: Decimal | None = None
    equity: Decimal | None = None
    available: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """One row of the counter; rows of the same account, instrument and direction add up."""

    account: str
    instrument: str
    direction: Direction
    lots: int
    today_lots: int = 0
    hedge: str = "speculation"
    open_price: Decimal | None = None  # of today's lots
    margin_rate: Decimal | None = None  # options: the underlying future's
    exchange_margin_rate: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    instrument: str
    last: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """``complete`` replaces what this source said before for the day; otherwise the named
    accounts are replaced with all their positions."""

    trading_day: date
    at: datetime
    complete: bool
    instruments: tuple[Instrument, ...]
    accounts: tuple[AccountFunds, ...]
    positions: tuple[PositionRow, ...]
    heard: datetime | None = None  # by our clock, where ``at`` is the source's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """Prices since the last word. An empty one says that the source is alive and all is still."""

    at: datetime
    ticks: tuple[Tick, ...] = ()
    heard: datetime | None = None


@dataclass(frozen=True, slots=True)
class DayOfFunds:
    """One settled day of an account."""

    day: date
    equity: Decimal
    net_deposit: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """``detail`` is Chinese, for /readyz and qidesk check. ``age_seconds`` since it last spoke,
    None before its first word."""

    ok: bool
    detail: str
    age_seconds: float | None = None


class Source(Protocol):
    """One place that trading data come from. It reconnects by itself and never ends."""

    @property
    def name(self) -> str: ...

    def updates(self) -> AsyncGenerator[Snapshot | Ticks, None]:
        """A complete snapshot first, then what changes. Trouble shows in ``health``."""
        ...

    def health(self) -> SourceHealth: ...
