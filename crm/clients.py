"""Clients: opening the file, changing it, and showing what is personal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from crm import filing
from crm.access import NotYours, reader, visible_to
from crm.kernel import audit
from crm.kernel.audit import AuditRow
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import now, takes_long, vault, years_later
from crm.kernel.errors import UserError
from crm.models import (
    Client,
    ClientKind,
    ClientStatus,
    ClientTag,
    FundAccount,
    Permission,
    Personal,
    PersonalKind,
)
from crm.people import Action, Person, Scope
from crm.recent import dealt_with

REVEALS_A_DAY = 20
KEEP_YEARS = 20  # 期货和衍生品法 art. 85: at least 20 years after the client left


class NoSuchClient(UserError):
    say = "没有找到客户「{words}」，可以换成全名、资金账号、手机号或尾号再试"


class TooManyReveals(UserError):
    say = "今天已显示 {limit} 次个人信息，达到上限，请明天再试或联系安全管理员"


class NothingToReveal(UserError):
    say = "{name} 没有登记{what}"


class ReasonNeeded(UserError):
    say = "请写明原因，例如：显示 手机 张三 客户要求核对号码"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """A client as it comes from an import or the invented broker."""

    name: str
    accounts: Sequence[tuple[str, str]]  # (account, currency)
    kind: ClientKind = ClientKind.PERSON
    branch: str | None = None
    owner: str | None = None
    tier: str = ""
    status: ClientStatus = ClientStatus.ACTIVE
    risk_level: str = ""
    opened_on: date | None = None
    referrer: str = ""
    remark: str = ""
    tags: Sequence[str] = ()
    permissions: Sequence[tuple[str, bool, date | None]] = ()
    personal: Mapping[PersonalKind, Sequence[str]] = field(default_factory=dict)


async def add_many(session: AsyncSession, batch: Sequence[NewClient], *, by: str) -> list[int]:
    """Open files for new clients; gives their numbers. One audit row for the batch."""
    at = now(session)
    rows = [_row(new) for new in batch]
    for row in rows:
        row.created_at = row.updated_at = at
        set_status(row, row.status, at.astimezone(SHANGHAI).date())
    await _number(session, rows)
    session.add_all(rows)
    await session.flush()
    personal = [
        datum
        for row, new in zip(rows, batch, strict=True)
        for kind, values in new.personal.items()
        for datum in _personal_rows(session, row.id, kind, values)
    ]
    if personal:
        await session.execute(insert(Personal), personal)
    await filing.file(
        session,
        [
            _filed(row, new.personal.get(PersonalKind.MOBILE, ()))
            for row, new in zip(rows, batch, strict=True)
        ],
    )
    ids = [row.id for row in rows]
    first = f"client:{ids[0]}" if ids else "client"
    audit.note(session, by, "client.add", first, count=len(ids))
    return ids


async def _number(session: AsyncSession, rows: Sequence[Client]) -> None:
    """SQLite would give numbers row by row, which takes ten times as long as the rows; who writes
    there writes alone and may count on from the last."""
    if session.get_bind().dialect.name != "sqlite":
        return
    last = await session.scalar(select(func.max(Client.id)))
    for number, row in enumerate(rows, start=(last or 0) + 1):
        row.id = number


def _row(new: NewClient) -> Client:
    return Client(
        name=new.name,
        kind=new.kind,
        branch=new.branch,
        owner=new.owner,
        tier=new.tier,
        status=new.status,
        risk_level=new.risk_level,
        opened_on=new.opened_on,
        referrer=new.referrer,
        remark=new.remark,
        accounts=[FundAccount(account=a, currency=c) for a, c in new.accounts],
        permissions=[
            Permission(group=group, granted=granted, expires_on=expires, position=n)
            for n, (group, granted, expires) in enumerate(new.permissions)
        ],
        tags=[ClientTag(tag=tag) for tag in dict.fromkeys(new.tags)],
    )


def _personal_rows(
    session: AsyncSession, client_id: int, kind: PersonalKind, values: Sequence[str]
) -> list[dict[str, object]]:
    key = vault(session)
    return [
        {
            "client_id": client_id,
            "kind": kind,
            "position": n,
            "value": value,
            "whole": key.index(kind, value),
            "tail": key.index(f"{kind}.tail", value[-4:]) if len(value) > 4 else None,
        }
        for n, value in enumerate(values)
    ]


def _filed(client: Client, mobiles: Sequence[str]) -> filing.Filed:
    """Needs ``client.accounts`` loaded."""
    return filing.Filed(
        client_id=client.id,
        name=client.name,
        owner=client.owner,
        branch=client.branch,
        status=client.status,
        accounts=tuple(account.account for account in client.accounts),
        mobiles=tuple(mobiles),
    )


async def reindex(session: AsyncSession, client_id: int) -> None:
    """Make the search keys of a client follow what was changed."""
    await session.flush()
    await filing.mend(session, [client_id])


async def set_personal(
    session: AsyncSession, client_id: int, kind: PersonalKind, values: Sequence[str]
) -> None:
    """Replace what is known of one kind. ``reindex`` afterwards where it is the mobile."""
    await session.execute(
        delete(Personal).where(Personal.client_id == client_id, Personal.kind == kind)
    )
    rows = _personal_rows(session, client_id, kind, values)
    if rows:
        await session.execute(insert(Personal), rows)


async def personal_values(
    session: AsyncSession, client_id: int, kind: PersonalKind
) -> Sequence[str]:
    """In the clear: the caller masks."""
    rows = await session.scalars(
        select(Personal.value)
        .where(Personal.client_id == client_id, Personal.kind == kind)
        .order_by(Personal.position)
    )
    return rows.all()


_FIRST_OF_EACH = select(Personal.kind, Personal.value).where(
    Personal.client_id == bindparam("client"), Personal.position == 0
)


async def personal(session: AsyncSession, client_id: int) -> dict[PersonalKind, str]:
    """The first value of each kind, in the clear: the caller masks."""
    rows = await session.execute(_FIRST_OF_EACH, {"client": client_id})
    return dict(rows.all())


async def move(session: AsyncSession, which: ColumnElement[bool], to: str | None) -> list[int]:
    """Give clients to another manager, their search keys too. Gives their numbers."""
    await takes_long(session)
    ids = list(
        await session.scalars(
            update(Client)
            .where(which)
            .values(owner=to, version=Client.version + 1)
            .returning(Client.id)
        )
    )
    await filing.move(session, ids, to)
    return ids


@cache
def _in_reach(scope: Scope, action: Action) -> Select[Client]:
    return (
        select(Client)
        .where(Client.id == bindparam("client"), visible_to(scope, action))
        .options(
            selectinload(Client.accounts),
            selectinload(Client.permissions),
            selectinload(Client.tags),
        )
    )


async def see(session: AsyncSession, person: Person, client_id: int) -> Client:
    """The whole file of a client in reach; the look is put on record. Raises NotYours."""
    client = await _reach(session, person, client_id, Action.LOOK_UP)
    audit.note(session, person.id, "client.see", f"client:{client_id}")
    await dealt_with(session, person, client_id)
    return client


async def _reach(session: AsyncSession, person: Person, client_id: int, action: Action) -> Client:
    """Raises NotYours."""
    asked = {"client": client_id, **reader(person, now(session))}
    client = await session.scalar(_in_reach(person.scope(action), action), asked)
    if client is None:
        raise NotYours
    return client


PERSONAL_WORDS: Mapping[PersonalKind, str] = {
    PersonalKind.MOBILE: "手机",
    PersonalKind.ID_NUMBER: "证件号码",
    PersonalKind.BANK_CARD: "银行卡",
    PersonalKind.ADDRESS: "地址",
    PersonalKind.CONTACT: "其他电话",
    PersonalKind.BIRTHDAY: "生日",
}


async def reveal(
    session: AsyncSession, person: Person, client_id: int, kind: PersonalKind, *, reason: str
) -> str:
    """One personal datum in the clear: audited, with a reason, ``REVEALS_A_DAY`` times a day.

    Raises NotYours, ReasonNeeded, TooManyReveals or NothingToReveal.
    """
    person.must(Action.REVEAL)
    client = await _reach(session, person, client_id, Action.REVEAL)
    if not reason.strip():
        raise ReasonNeeded
    if await _reveals_today(session, person) >= REVEALS_A_DAY:
        raise TooManyReveals(limit=REVEALS_A_DAY)
    values = await personal_values(session, client_id, kind)
    if not values:
        raise NothingToReveal(name=client.name, what=PERSONAL_WORDS[kind])
    audit.note(
        session, person.id, "client.reveal", f"client:{client_id}", field=kind.value, reason=reason
    )
    return values[0]


async def reveals_left(session: AsyncSession, person: Person) -> int:
    """How many more personal data this person may have shown today."""
    return max(0, REVEALS_A_DAY - await _reveals_today(session, person))


async def _reveals_today(session: AsyncSession, person: Person) -> int:
    midnight = now(session).astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    count = await session.scalar(
        select(func.count())
        .select_from(AuditRow)
        .where(
            AuditRow.actor == person.id,
            AuditRow.action == "client.reveal",
            AuditRow.at >= midnight,
        )
    )
    return count or 0


def set_status(client: Client, status: ClientStatus, today: date) -> None:
    """With the day up to which the law wants the file of a client who left; none for who is here.
    A day that was set before stays."""
    client.status = status
    if status is not ClientStatus.CLOSED:
        client.keep_until = None
    elif client.keep_until is None:
        client.keep_until = years_later(today, KEEP_YEARS)
