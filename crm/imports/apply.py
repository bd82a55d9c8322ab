"""Rows of a client ledger into the client file: new files opened, known ones brought up to date.

A known client is found by the fund account, else by document and name: the row then brings another
account. What a row does not say stays as it is; tags and further telephone numbers are added to,
never taken away. The tables hold no trading codes and no type of document: these are not compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from crm import clients, filing, names
from crm.clients import NewClient
from crm.imports.plan import Change, plan
from crm.imports.records import ClientRow
from crm.imports.rejects import Reject, reject
from crm.kernel import audit
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import now, vault
from crm.models import (
    Client,
    ClientKind,
    ClientStatus,
    ClientTag,
    FundAccount,
    Personal,
    PersonalKind,
)

ACCOUNT_HEADING = "资金账号"
KINDS: Mapping[str, ClientKind] = {
    "IND": ClientKind.PERSON,
    "FOR_IND": ClientKind.PERSON,
    "ORG": ClientKind.COMPANY,
    "SPEC": ClientKind.COMPANY,
    "FOR_ORG": ClientKind.COMPANY,
    "FUND": ClientKind.PRODUCT,
    "ASSET": ClientKind.PRODUCT,
}
STATUSES: Mapping[str, ClientStatus] = {
    "normal": ClientStatus.ACTIVE,
    "dormant": ClientStatus.DORMANT,
    "closed": ClientStatus.CLOSED,
    "frozen": ClientStatus.RESTRICTED,
    "restricted": ClientStatus.RESTRICTED,
}
COLUMNS: Mapping[str, str] = {  # a row's field → the client's column, where it is stored as it is
    "name": "name",
    "open_date": "opened_on",
    "branch": "branch",
    "manager": "owner",
    "referrer": "referrer",
    "level": "risk_level",
    "remark": "remark",
}
PERSONAL: Mapping[str, PersonalKind] = {
    "id_no": PersonalKind.ID_NUMBER,
    "bank_card": PersonalKind.BANK_CARD,
    "mobile": PersonalKind.MOBILE,
}
SEARCHED = frozenset({"name", "fund_account", "mobile", "manager", "branch", "status"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    taken: int
    updated: int
    unchanged: int
    rejects: Sequence[Reject]


@dataclass(frozen=True, slots=True)
class _Known:
    """A stored client, with what a row can say of it in a row's words."""

    client: Client
    personal: Mapping[PersonalKind, Sequence[str]]
    values: Mapping[str, object]


async def look(session: AsyncSession, rows: Sequence[ClientRow]) -> Applied:
    """What ``apply`` would do."""
    return (await _compare(session, rows))[0]


async def apply(session: AsyncSession, rows: Sequence[ClientRow], *, by: str) -> Applied:
    """Bring the client file up to date with rows of different accounts."""
    applied, known, new, changes = await _compare(session, rows)
    first, later = _by_person(new)
    if first:
        await clients.add_many(session, [_new(row) for row in first], by=by)
    if later:
        accounts = {row.fund_account for row in later}
        again = [row for row in rows if row.fund_account in accounts]
        _, also_known, _, more = await _compare(session, again)
        known, changes = {**known, **also_known}, [*changes, *more]
    for change in changes:
        await _update(session, known[change.row.fund_account], change, by=by)
    await session.flush()
    elsewhere = [known[c.row.fund_account].client.id for c in changes if SEARCHED & set(c.fields)]
    await filing.mend(session, elsewhere)
    return applied


async def _compare(
    session: AsyncSession, rows: Sequence[ClientRow]
) -> tuple[Applied, Mapping[str, _Known], Sequence[ClientRow], Sequence[Change]]:
    known = await _known(session, [row.fund_account for row in rows])
    known |= await _known_people(session, [row for row in rows if row.fund_account not in known])
    told = [_in_our_words(row, known.get(row.fund_account)) for row in rows]
    found = plan(told, {account: one.values for account, one in known.items()})
    first, later = _by_person(found.new)
    applied = Applied(
        taken=len(first),
        updated=len(found.update) + len(later),
        unchanged=len(found.unchanged),
        rejects=[_conflict(row) for row in found.conflict],
    )
    return applied, known, found.new, found.update


async def _known(session: AsyncSession, accounts: Sequence[str]) -> dict[str, _Known]:
    """Stored clients by fund account."""
    rows = await session.execute(
        select(FundAccount.account, Client)
        .join(Client, Client.id == FundAccount.client_id)
        .where(FundAccount.account.in_(accounts))
        .options(selectinload(Client.tags))
        .execution_options(populate_existing=True)
    )
    return await _with_values(session, dict(rows.all()))


async def _known_people(session: AsyncSession, rows: Sequence[ClientRow]) -> dict[str, _Known]:
    """Stored clients of another account, by the account that a row brings: the same document and
    the same name, and nobody else has that document."""
    kind, key = PersonalKind.ID_NUMBER, vault(session)
    wanted = {key.index(kind, row.id_no): row for row in rows if row.id_no}
    held = await session.execute(
        select(Personal.whole, Client)
        .join(Client, Client.id == Personal.client_id)
        .where(Personal.kind == kind, Personal.whole.in_(wanted))
        .options(selectinload(Client.tags))
        .execution_options(populate_existing=True)
    )
    holders: dict[bytes, list[Client]] = {}
    for whole, client in held:
        holders.setdefault(whole, []).append(client)
    same = {
        row.fund_account: holders[whole][0]
        for row in rows
        if row.id_no
        and len(holders.get(whole := key.index(kind, row.id_no), ())) == 1
        and holders[whole][0].name == row.name
    }
    return await _with_values(session, same)


def _by_person(rows: Sequence[ClientRow]) -> tuple[list[ClientRow], list[ClientRow]]:
    """Of rows that are all new: the first of each person, and those with further accounts."""
    first: list[ClientRow] = []
    later: list[ClientRow] = []
    met: set[tuple[str, str]] = set()
    for row in rows:
        person = (row.name, row.id_no or row.fund_account)
        (later if person in met else first).append(row)
        met.add(person)
    return first, later


async def _with_values(session: AsyncSession, found: Mapping[str, Client]) -> dict[str, _Known]:
    ids = [client.id for client in found.values()]
    personal = await _personal(session, ids)
    accounts: dict[int, list[str]] = {}
    held = await session.execute(
        select(FundAccount.client_id, FundAccount.account).where(FundAccount.client_id.in_(ids))
    )
    for client_id, account in held:
        accounts.setdefault(client_id, []).append(account)
    return {
        account: _Known(
            client,
            personal.get(client.id, {}),
            {**_values(client, personal), "accounts": tuple(accounts.get(client.id, ()))},
        )
        for account, client in found.items()
    }


async def _personal(
    session: AsyncSession, ids: Sequence[int]
) -> dict[int, dict[PersonalKind, list[str]]]:
    rows = await session.execute(
        select(Personal.client_id, Personal.kind, Personal.value)
        .where(Personal.client_id.in_(ids))
        .order_by(Personal.client_id, Personal.kind, Personal.position)
    )
    found: dict[int, dict[PersonalKind, list[str]]] = {}
    for client_id, kind, value in rows:
        found.setdefault(client_id, {}).setdefault(kind, []).append(value)
    return found


def _values(
    client: Client, personal: Mapping[int, Mapping[PersonalKind, Sequence[str]]]
) -> dict[str, object]:
    own = personal.get(client.id, {})
    return {
        **{field: getattr(client, column) for field, column in COLUMNS.items()},
        **{field: next(iter(own.get(kind, ())), None) for field, kind in PERSONAL.items()},
        "client_type": client.kind.value,
        "status": client.status.value,
        "tags": tuple(sorted(tag.tag for tag in client.tags)),
        "extra_contacts": tuple(own.get(PersonalKind.CONTACT, ())),
    }


def _in_our_words(row: ClientRow, known: _Known | None) -> ClientRow:
    """The row as the tables would hold it, what is added to already added."""
    kind = KINDS[row.client_type].value if row.client_type else None
    status = STATUSES[row.status].value if row.status else None
    tags = {*row.tags, *(tag.tag for tag in known.client.tags)} if known else set(row.tags)
    contacts = [*(known.personal.get(PersonalKind.CONTACT, ()) if known else ())]
    return replace(
        row,
        client_type=kind,
        status=status,
        tags=tuple(sorted(tags)),
        extra_contacts=tuple(dict.fromkeys([*contacts, *row.extra_contacts])),
        id_type=None,
        trading_codes=(),
    )


def _new(row: ClientRow) -> NewClient:
    personal = {kind: [value] for field, kind in PERSONAL.items() if (value := getattr(row, field))}
    if row.extra_contacts:
        personal[PersonalKind.CONTACT] = list(row.extra_contacts)
    return NewClient(
        name=row.name,
        accounts=[(row.fund_account, "CNY")],
        kind=ClientKind(row.client_type) if row.client_type else _likely_kind(row.name),
        branch=row.branch,
        owner=row.manager,
        status=ClientStatus(row.status) if row.status else ClientStatus.ACTIVE,
        risk_level=row.level or "",
        opened_on=row.open_date,
        referrer=row.referrer or "",
        remark=row.remark or "",
        tags=row.tags,
        personal=personal,
    )


def _likely_kind(name: str) -> ClientKind:
    return ClientKind.COMPANY if names.is_company(name) else ClientKind.PERSON


async def _update(session: AsyncSession, known: _Known, change: Change, *, by: str) -> None:
    client, row = known.client, change.row
    for field in change.fields:
        value = getattr(row, field)
        if field in COLUMNS:
            setattr(client, COLUMNS[field], value)
        elif field in PERSONAL:
            kind = PERSONAL[field]
            rest = known.personal.get(kind, ())[1:]
            kept = [value, *(other for other in rest if other != value)]
            await clients.set_personal(session, client.id, kind, kept)
        elif field == "fund_account":
            session.add(FundAccount(account=value, client_id=client.id, currency="CNY"))
        elif field == "extra_contacts":
            await clients.set_personal(session, client.id, PersonalKind.CONTACT, value)
        elif field == "tags":
            held = {tag.tag for tag in client.tags}
            client.tags += [ClientTag(tag=tag) for tag in value if tag not in held]
        elif field == "client_type":
            client.kind = ClientKind(value)
        elif field == "status":
            today = now(session).astimezone(SHANGHAI).date()
            clients.set_status(client, ClientStatus(value), today)
    client.version += 1
    client.updated_at = now(session)
    audit.note(session, by, "client.import", f"client:{client.id}", fields=list(change.fields))


def _conflict(row: ClientRow) -> Reject:
    return reject(
        "OTHER_PERSON",
        row=row.row,
        column=ACCOUNT_HEADING,
        field="fund_account",
        cell=row.fund_account,
        sheet=row.sheet,
    )
