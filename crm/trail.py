"""审计: who looked at or changed what, read from the trail without any personal number."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crm import people
from crm.kernel import audit, masks
from crm.kernel.audit import AuditRow
from crm.kernel.db import takes_long
from crm.models import Client, FundAccount, Interaction, Staff, Task
from crm.people import Action, Person

EVERYTHING = "all:0"  # the key of a question about nobody in particular
_TOLD = ("reason", "field", "before", "after", "to", "whom", "roles", "about", "lines", "level")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whom a question to the trail is about: a member of staff, a client, or everybody."""

    key: str  # staff:wangqiang, client:17, all:0
    name: str
    more: str  # branch or account, to tell namesakes apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    seq: int
    at: datetime
    actor: str
    action: str
    object: str
    detail: Mapping[str, Any]  # what people ask for of it, with whatever looks like a number masked


async def named(session: AsyncSession, words: str) -> list[About]:
    """Everybody of exactly this name, id or account."""
    staff = await session.execute(
        select(Staff.id, Staff.name, Staff.branch)
        .where(or_(Staff.id == words, Staff.name == words))
        .order_by(Staff.id)
    )
    of_account = select(FundAccount.client_id).where(FundAccount.account == words)
    clients = await session.execute(
        select(Client.id, Client.name, func.min(FundAccount.account))
        .outerjoin(FundAccount, FundAccount.client_id == Client.id)
        .where(or_(Client.name == words, Client.id.in_(of_account)))
        .group_by(Client.id, Client.name)
        .order_by(Client.id)
    )
    return [
        *(About(key=f"staff:{i}", name=name, more=f"员工 {i}") for i, name, _ in staff),
        *(About(key=f"client:{i}", name=name, more=f"客户 {a or ''}") for i, name, a in clients),
    ]


async def about(session: AsyncSession, key: str) -> About:
    """The same by its key."""
    if key == EVERYTHING:
        return About(key=key, name="全部操作", more="")
    kind, _, number = key.partition(":")
    if kind == "client" and number.isdecimal():
        client = await session.get(Client, int(number))
        return About(key=key, name=client.name if client else number, more="客户")
    names = await people.names(session, [number])
    return About(key=key, name=names.get(number, number), more="员工")


async def read(
    session: AsyncSession,
    person: Person,
    key: str,
    since: datetime,
    *,
    until: datetime | None = None,
    before: int | None = None,
    limit: int,
    related: Sequence[Select[str]] = (),
) -> tuple[list[Entry], int | None]:
    """What somebody did, or what was done to a client or to somebody; the newest first, with how
    many there are in all, which nobody counts of everything. ``related`` are further objects that
    belong to a client, each of them given by ``keys_of``. The look itself is put on record.
    Raises NotAllowed."""
    person.must(Action.AUDIT)
    await takes_long(session)
    which = [AuditRow.at >= since]
    if until is not None:
        which.append(AuditRow.at <= until)
    count = None
    if key != EVERYTHING:
        handed = AuditRow.seq.in_(await _handed_over(session, key, which))
        which.append(or_(_touching(key, related), handed))
        count = await session.scalar(select(func.count()).select_from(AuditRow).where(*which))
    if before is not None:
        which.append(AuditRow.seq < before)
    rows = await session.scalars(
        select(AuditRow).where(*which).order_by(AuditRow.seq.desc()).limit(limit)
    )
    found = [_entry(row) for row in rows]
    audit.note(session, person.id, "audit.read", key, since=since.isoformat())
    return found, count


def keys_of(
    kind: str, number: InstrumentedAttribute[int], owner: ColumnElement[bool]
) -> Select[str]:
    """Objects of a kind as the trail spells them: interaction:5."""
    return select(literal(f"{kind}:") + cast(number, String)).where(owner)


async def _handed_over(
    session: AsyncSession, key: str, which: Sequence[ColumnElement[bool]]
) -> list[int]:
    """Rows of those handovers that moved this client among others: one row tells of all."""
    kind, _, number = key.partition(":")
    if kind != "client":
        return []
    rows = await session.execute(
        select(AuditRow.seq, AuditRow.detail).where(AuditRow.action == "handover", *which)
    )
    return [seq for seq, detail in rows if int(number) in _clients_moved(json.loads(detail))]


def _clients_moved(detail: Mapping[str, Any]) -> Collection[int]:
    """As ``crm.handover`` notes them."""
    moved: Collection[int] = detail.get("clients") or detail.get("moved", {}).get("clients", ())
    return moved


def _touching(key: str, related: Sequence[Select[str]]) -> ColumnElement[bool]:
    kind, _, number = key.partition(":")
    done_to = AuditRow.object == key
    if kind == "staff":
        return or_(done_to, AuditRow.actor == number)
    if kind != "client":
        return done_to
    owned = (
        keys_of("interaction", Interaction.id, Interaction.client_id == int(number)),
        keys_of("task", Task.id, Task.client_id == int(number)),
        *related,
    )
    return or_(done_to, *(AuditRow.object.in_(each) for each in owned))


def _entry(row: AuditRow) -> Entry:
    detail = json.loads(row.detail)
    return Entry(
        seq=row.seq,
        at=row.at,
        actor=row.actor,
        action=row.action,
        object=row.object,
        detail={key: _masked(detail[key]) for key in _TOLD if detail.get(key)},
    )


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return masks.numbers(value) if isinstance(value, str) else value


def _mentioned(entry: Entry) -> Iterator[str]:
    """What may be ids of staff."""
    yield entry.actor
    for key in ("to", "whom", "before", "after", "about"):
        value = entry.detail.get(key, ())
        for each in value if isinstance(value, list) else (value,):
            yield str(each).rpartition(":")[2]


async def names(session: AsyncSession, entries: Collection[Entry]) -> dict[str, str]:
    """What people call whatever the entries mention: clients and staff as the trail spells them,
    staff and branches by their ids too."""
    keys = {entry.object for entry in entries}
    clients = [int(key[7:]) for key in keys if key.startswith("client:") and key[7:].isdecimal()]
    staff = {key[6:] for key in keys if key.startswith("staff:")}
    staff |= {each for entry in entries for each in _mentioned(entry)}
    found = select(Client.id, Client.name).where(Client.id.in_(clients))
    rows = (await session.execute(found)).all() if clients else ()
    called = await people.names(session, staff)
    return {
        **{f"client:{number}": name for number, name in rows},
        **{f"staff:{number}": name for number, name in called.items()},
        **await people.branch_names(session),
        **called,
    }
