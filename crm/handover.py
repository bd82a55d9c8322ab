"""交接: what is in a person's name goes to another, all of it in one transaction.

Whoever leaves is followed by the head of the branch. Other parts of the house keep things in
people's names too: each says so as a ``Holding``, and the shell brings them together.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crm import clients, people
from crm.changes import announce
from crm.kernel import audit
from crm.kernel.db import now, takes_long
from crm.kernel.errors import UserError
from crm.models import Client, FundAccount, Role, Staff, Task, TaskState, ViewGrant
from crm.people import Action, Person, Scope


class NotTwo(UserError):
    say = "交接要写两个不同的人，例如：/交接 王强 → 李敏"


class CannotTakeOver(UserError):
    say = "{name} 不在职或不服务客户，不能接手"


class Holding(Protocol):
    """One kind of thing that is in people's names."""

    @property
    def word(self) -> str:
        """As counted: 位客户"""
        ...

    async def listed(
        self, session: AsyncSession, staff_id: str, only: Collection[int] | None = None
    ) -> Sequence[str]:
        """All of it or ``only`` these, each in a few words without personal numbers."""
        ...

    async def move(
        self,
        session: AsyncSession,
        staff_id: str,
        to: str,
        *,
        by: str,
        only: Collection[int] | None = None,
    ) -> list[int]:
        """All of it, or ``only`` these; gives the numbers of what moved."""
        ...


def _among(number: InstrumentedAttribute[int], only: Collection[int] | None) -> ColumnElement[bool]:
    """``only`` these, or all."""
    return true() if only is None else number.in_(only)


class Clients:
    word = "位客户"

    async def listed(
        self, session: AsyncSession, staff_id: str, only: Collection[int] | None = None
    ) -> Sequence[str]:
        rows = await session.execute(
            select(Client.id, Client.name, FundAccount.account)
            .outerjoin(FundAccount, FundAccount.client_id == Client.id)
            .where(Client.owner == staff_id, _among(Client.id, only))
            .order_by(Client.id, FundAccount.account)
        )
        found: dict[int, str] = {}
        for number, name, account in rows:
            found.setdefault(number, f"{name} {account or ''}".strip())
        return list(found.values())

    async def move(
        self,
        session: AsyncSession,
        staff_id: str,
        to: str,
        *,
        by: str,  # noqa: ARG002  the whole handover is noted once
        only: Collection[int] | None = None,
    ) -> list[int]:
        which = (Client.owner == staff_id) & _among(Client.id, only)
        return await clients.move(session, which, to)


class Tasks:
    word = "条待办"

    async def listed(
        self, session: AsyncSession, staff_id: str, only: Collection[int] | None = None
    ) -> Sequence[str]:
        rows = await session.scalars(
            select(Task)
            .where(Task.staff == staff_id, Task.state == TaskState.OPEN, _among(Task.id, only))
            .order_by(Task.due_at)
        )
        return [task.text for task in rows]

    async def move(
        self,
        session: AsyncSession,
        staff_id: str,
        to: str,
        *,
        by: str,  # noqa: ARG002  the whole handover is noted once
        only: Collection[int] | None = None,
    ) -> list[int]:
        return await _give_tasks(session, staff_id, to, only)


Moved = Mapping[str, list[int]]
"""The numbers of what moved, by the holding's name."""


async def two(session: AsyncSession, giver: str, heir: str) -> tuple[Person, Person]:
    """Both, locked until the commit, so that neither leaves meanwhile. Raises NotTwo,
    NoSuchStaff or CannotTakeOver."""
    if giver == heir:
        raise NotTwo
    rows = await session.scalars(
        select(Staff)
        .where(Staff.id.in_((giver, heir)))
        .order_by(Staff.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    active = {row.id for row in rows if row.disabled_at is None}
    from_, to = await people.get(session, giver), await people.get(session, heir)
    if heir not in active or to.scope(Action.LOG) < Scope.OWN:
        raise CannotTakeOver(name=to.name)
    return from_, to


async def give(
    session: AsyncSession,
    giver: str,
    heir: str,
    holdings: Mapping[str, Holding],
    *,
    by: str,
    only: Mapping[str, Collection[int]] | None = None,
) -> Moved:
    """Everything that is in ``giver``'s name now, or ``only`` what an earlier handover moved.

    Raises what ``two`` does.
    """
    await two(session, giver, heir)
    await takes_long(session)
    moved = {
        name: await holding.move(
            session, giver, heir, by=by, only=None if only is None else only.get(name, ())
        )
        for name, holding in holdings.items()
    }
    audit.note(session, by, "handover", f"staff:{giver}", trace="", to=heir, moved=moved)
    await announce(session, "clients")
    return moved


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


async def _give_tasks(
    session: AsyncSession, staff_id: str, to: str | None, only: Collection[int] | None = None
) -> list[int]:
    """What was promised is still owed; without an heir it waits for one."""
    if to is None:
        return []
    statement = (
        update(Task)
        .where(Task.staff == staff_id, Task.state == TaskState.OPEN, _among(Task.id, only))
        .values(staff=to, version=Task.version + 1)
        .returning(Task.id)
    )
    return list(await session.scalars(statement))
