"""A client as a ledger tells it, and what is needed to read one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from crm.imports.rejects import Reject


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """A member of staff whom a row may name; ``number`` is the staff number on paper."""

    id: str
    name: str
    number: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Amounts in yuan, the risk ratio as a fraction, as the ledger had them."""

    equity: Decimal | None = None
    available: Decimal | None = None
    margin: Decimal | None = None
    risk_ratio: Decimal | None = None
    fee: Decimal | None = None
    net_fee: Decimal | None = None
    last_trade: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRow:
    """A client as one row tells it; None and () mean that the row does not say."""

    sheet: str | None
    row: int
    fund_account: str
    name: str
    client_type: str | None = None  # IND, ORG … of the rulebook
    id_type: str | None = None  # CTP IdentifiedCardType
    id_no: str | None = None
    bank_card: str | None = None
    mobile: str | None = None
    extra_contacts: tuple[str, ...] = ()
    trading_codes: tuple[tuple[str, str], ...] = ()  # (exchange, "" when unnamed; code)
    open_date: date | None = None
    branch: str | None = None
    manager: str | None = None  # the id of a Manager
    referrer: str | None = None
    level: str | None = None
    status: str | None = None
    tags: tuple[str, ...] = ()
    remark: str | None = None
    figures: Figures = Figures()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSheet:
    """A ledger as read. ``row_count`` = rows + repeated + the distinct rejected rows."""

    rows: tuple[ClientRow, ...]
    rejects: tuple[Reject, ...]
    row_count: int
    repeated: int  # rows that say the same as an earlier one
    skipped: int  # totals, notes and repeated headings; blank rows count nowhere
    headings_not_recognised: tuple[str, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a broker's ledger is to be read, as ``read_clients`` was told."""

    today: date
    known_managers: Sequence[Manager]
    branches: Mapping[str, str] | None
    account_width: int
    fill_down: frozenset[str]
    two_digit_years: bool
