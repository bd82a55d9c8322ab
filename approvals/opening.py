"""What an approved opening leads to: the client's file and the return visit."""

from datetime import date, datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from approvals import history
from approvals.cases import dossier, personal_kind, same_identity, today
from approvals.documents import Field
from approvals.history import SYSTEM
from approvals.models import Application, Deed
from crm import clients, people, tasks
from crm.changes import announce
from crm.clients import NewClient
from crm.kernel.calendar import Calendar, NoCalendar
from crm.kernel.clock import SHANGHAI
from crm.models import Client, ClientKind, ClientStatus, ClientTag, PersonalKind
from crm.people import Action

MARK = "新开户"  # until the fund account comes by file
VISIT = "安排 {name} 的开户回访（由客户经理以外的同事完成）"
VISIT_AT = time(10)


async def open_client(session: AsyncSession, row: Application, calendar: Calendar) -> int:
    """The file of the client, and the task for who looks after the application; a client who had
    left gets the old file back. Gives its number."""
    found = await dossier(session, row.id)
    personal = {
        kind: [value]
        for field, value in found.values.items()
        if (kind := personal_kind(field)) is not None
    }
    if (birth := _birthday(found.values.get(Field.ID_NUMBER))) is not None:
        personal[PersonalKind.BIRTHDAY] = [birth]
    identity = personal.get(PersonalKind.ID_NUMBER, [""])[0]
    before = await same_identity(session, identity)
    if before:
        client_id = await _reopen(session, row, before[0], personal)
    else:
        [client_id] = await clients.add_many(
            session,
            [
                NewClient(
                    name=row.name,
                    accounts=(),
                    kind=ClientKind.COMPANY if row.papers == "company" else ClientKind.PERSON,
                    branch=row.branch,
                    owner=row.owner,
                    opened_on=today(session),
                    tags=(MARK,),
                    personal=personal,
                )
            ],
            by=SYSTEM,
        )
    row.client_id = client_id
    await announce(session, "clients")
    await _plan_visit(session, row, client_id, calendar)
    await history.add(session, row, SYSTEM, Deed.OPENED, whom=f"client:{client_id}")
    return client_id


async def _reopen(
    session: AsyncSession, row: Application, client: Client, personal: dict[PersonalKind, list[str]]
) -> int:
    clients.set_status(client, ClientStatus.ACTIVE, today(session))
    client.owner, client.branch = row.owner, row.branch
    client.version += 1
    await session.merge(ClientTag(client_id=client.id, tag=MARK))
    for kind, values in personal.items():
        await clients.set_personal(session, client.id, kind, values)
    await clients.reindex(session, client.id)
    return client.id


async def _plan_visit(
    session: AsyncSession, row: Application, client_id: int, calendar: Calendar
) -> None:
    owner = await people.get(session, row.owner)
    if not owner.may(Action.LOG):  # has changed roles since: the client is seen by the head
        return
    day = _next_day(today(session), calendar)
    await tasks.add(
        session,
        owner,
        text=VISIT.format(name=row.name),
        due_at=datetime.combine(day, VISIT_AT, SHANGHAI),
        client_id=client_id,
        source=f"application:{row.id}",
    )


def _next_day(day: date, calendar: Calendar) -> date:
    """The next trading day; past the calendar's end any day will do."""
    try:
        return calendar.shift(day, 1)
    except NoCalendar:
        return day + timedelta(days=1)


def _birthday(id_number: str | None) -> str | None:
    """From the identity number, which was checked when it came."""
    if id_number is None:
        return None
    return f"{id_number[6:10]}-{id_number[10:12]}-{id_number[12:14]}"
