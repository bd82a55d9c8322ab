"""离职交接: what a person owned goes to the head of the branch."""

from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from crm import clients, people
from crm.changes import announce
from crm.kernel import audit
from crm.kernel.db import now
from crm.models import Client, Role, Staff, Task, TaskState, ViewGrant
from crm.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """``to`` is None where the branch has no other head: the clients are nobody's then, which
    heads and the desks see."""

    person: Person
    to: Person | None
    clients: int
    tasks: int
    again: bool  # had left before; what was assigned to the person since has moved too


async def leave(session: AsyncSession, staff_id: str, *, by: str) -> Leaving:
    """Take a person's access away and hand everything over. Raises NoSuchStaff."""
    person = await people.get(session, staff_id)
    fresh = await people.disable(session, staff_id, by=by)
    heir = await _heir(session, person)
    to = heir.id if heir else None
    moved = await clients.move(session, Client.owner == person.id, to)
    tasks = await _give_tasks(session, person.id, to)
    await session.execute(update(Staff).where(Staff.deputy == person.id).values(deputy=None))
    await session.execute(
        update(ViewGrant)
        .where(ViewGrant.staff == person.id, ViewGrant.until > now(session))
        .values(until=now(session))
    )
    if fresh or moved or tasks:
        thing = f"staff:{person.id}"
        audit.note(session, by, "handover", thing, to=to, clients=moved, tasks=tasks)
        await announce(session, "staff")
        await announce(session, "clients")
    return Leaving(person=person, to=heir, clients=len(moved), tasks=len(tasks), again=not fresh)


async def _heir(session: AsyncSession, person: Person) -> Person | None:
    if person.branch is None:
        return None
    heads = await people.with_role(session, Role.HEAD, person.branch)
    return next((head for head in heads if head.id != person.id), None)


async def _give_tasks(session: AsyncSession, staff_id: str, to: str | None) -> list[int]:
    """What was promised is still owed; without an heir it waits for one."""
    if to is None:
        return []
    moved = await session.scalars(
        update(Task)
        .where(Task.staff == staff_id, Task.state == TaskState.OPEN)
        .values(staff=to, version=Task.version + 1)
        .returning(Task.id)
    )
    return list(moved)
