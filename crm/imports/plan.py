"""What an import would change: pure comparison of rows with what is stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crm.imports.records import ClientRow

COMPARED = (
    "name",
    "client_type",
    "id_type",
    "id_no",
    "bank_card",
    "mobile",
    "extra_contacts",
    "trading_codes",
    "open_date",
    "branch",
    "manager",
    "referrer",
    "level",
    "status",
    "tags",
    "remark",
)


@dataclass(frozen=True, slots=True)
class Change:
    """A stored client and the fields in which the file differs."""

    row: ClientRow
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``conflict`` rows name an account that belongs to somebody else."""

    new: tuple[ClientRow, ...]
    update: tuple[Change, ...]
    unchanged: tuple[ClientRow, ...]
    conflict: tuple[ClientRow, ...]


def comparable(row: ClientRow) -> dict[str, object]:
    """What the row says; what it leaves open is not there and changes nothing."""
    values = {field: getattr(row, field) for field in COMPARED}
    return {field: value for field, value in values.items() if value not in (None, (), "")}


def plan(rows: Iterable[ClientRow], existing: Mapping[str, Mapping[str, object]]) -> Plan:
    """``existing`` maps fund accounts to values named and shaped like a row's, and ``accounts``:
    those that the client has; a row may bring a known person another one."""
    new: list[ClientRow] = []
    update: list[Change] = []
    unchanged: list[ClientRow] = []
    conflict: list[ClientRow] = []
    for row in rows:
        stored = existing.get(row.fund_account)
        if stored is None:
            new.append(row)
        elif _somebody_else(row, stored):
            conflict.append(row)
        elif fields := _differing(row, stored):
            update.append(Change(row, fields))
        else:
            unchanged.append(row)
    return Plan(
        new=tuple(new), update=tuple(update), unchanged=tuple(unchanged), conflict=tuple(conflict)
    )


def _differing(row: ClientRow, stored: Mapping[str, object]) -> tuple[str, ...]:
    said = comparable(row)
    fields = tuple(field for field, value in said.items() if stored.get(field) != value)
    accounts = stored.get("accounts", (row.fund_account,))
    another = isinstance(accounts, tuple) and row.fund_account not in accounts
    return (*fields, "fund_account") if another else fields


def _somebody_else(row: ClientRow, stored: Mapping[str, object]) -> bool:
    """Another name and another document: a typing error in one of them is an update."""
    known = stored.get("id_no")
    differs = bool(known and row.id_no and known != row.id_no)
    return differs and stored.get("name") != row.name
