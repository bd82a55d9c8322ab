"""待办: what was promised, when its owner is reminded, and how it ends."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm.access import NotYours, may_see
from crm.kernel import audit
from crm.kernel.clock import SHANGHAI
from crm.kernel.db import now
from crm.kernel.errors import UnknownPerson, UserError
from crm.models import Staff, Task, TaskState
from crm.people import Action, Person


class NoSuchTask(UserError):
    say = "没有这条待办，它可能已被撤销"


class NotYourTask(UserError):
    say = "这是别人的待办"


class TaskEnded(UserError):
    say = "这条待办已经{word}"


class InThePast(UserError):
    say = "提醒时间 {when} 已经过去，请换一个时间"


STATE_WORDS = {
    TaskState.OPEN: "进行中",
    TaskState.DONE: "完成",
    TaskState.CANCELLED: "取消",
    TaskState.MOOT: "解除，无需处理",
}


async def add(
    session: AsyncSession,
    person: Person,
    *,
    text: str,
    due_at: datetime,
    client_id: int | None = None,
    interaction_id: int | None = None,
    source: str,
) -> Task:
    """A new task of ``person``. Raises NotYours, InThePast or UnknownPerson."""
    if client_id is None:
        await _still_here(session, person)
    elif not await may_see(session, person, client_id, Action.LOG):
        raise NotYours
    if due_at <= now(session):
        raise InThePast(when=f"{due_at.astimezone(SHANGHAI):%m-%d %H:%M}")
    task = Task(
        staff=person.id,
        client_id=client_id,
        interaction_id=interaction_id,
        text=text,
        due_at=due_at,
        state=TaskState.OPEN,
        source=source,
        created_at=now(session),
        version=1,
    )
    session.add(task)
    await session.flush()
    audit.note(session, person.id, "task.add", f"task:{task.id}", client=client_id)
    return task


async def _still_here(session: AsyncSession, person: Person) -> None:
    """Holds the person's row, so that whoever takes over waits for the task or is seen. Raises
    UnknownPerson."""
    here = select(Staff.id).where(Staff.id == person.id, Staff.disabled_at.is_(None))
    if await session.scalar(here.with_for_update(read=True)) is None:
        raise UnknownPerson


async def give(
    session: AsyncSession,
    staff_id: str,
    *,
    text: str,
    due_at: datetime,
    client_id: int | None,
    source: str,
) -> Task:
    """A task that the desk gives to somebody, whoever looks after the client."""
    task = Task(
        staff=staff_id,
        client_id=client_id,
        text=text,
        due_at=due_at,
        state=TaskState.OPEN,
        source=source,
        created_at=now(session),
        version=1,
    )
    session.add(task)
    await session.flush()
    audit.note(session, "system", "task.give", f"task:{task.id}", to=staff_id, client=client_id)
    return task


async def no_longer(session: AsyncSession, task_id: int) -> None:
    """What a task was for has come about by itself: nobody did it, and nobody need."""
    task = await session.get(Task, task_id, with_for_update=True, populate_existing=True)
    if task is None or task.state is not TaskState.OPEN:
        return
    task.state, task.ended_at = TaskState.MOOT, now(session)
    task.version += 1
    audit.note(session, "system", "task.moot", f"task:{task.id}")
    await session.flush()


async def end(
    session: AsyncSession,
    person: Person,
    task_id: int,
    how: TaskState,
) -> Task:
    """Raises NoSuchTask, NotYourTask or TaskEnded."""
    task = await _open(session, person, task_id)
    task.state, task.ended_at = how, now(session)
    task.version += 1
    audit.note(session, person.id, f"task.{how.value}", f"task:{task.id}")
    await session.flush()
    return task


async def move(session: AsyncSession, person: Person, task_id: int, due_at: datetime) -> Task:
    """Another moment, with a reminder of its own. Raises NoSuchTask, NotYourTask, TaskEnded or
    InThePast."""
    task = await _open(session, person, task_id)
    if due_at <= now(session):
        raise InThePast(when=f"{due_at.astimezone(SHANGHAI):%m-%d %H:%M}")
    before, task.due_at, task.reminded_at = task.due_at, due_at, None
    task.version += 1
    audit.note(session, person.id, "task.move", f"task:{task.id}", before=before, after=due_at)
    await session.flush()
    return task


async def pass_on(session: AsyncSession, ids: Collection[int], giver: str, to: str) -> None:
    """Those of ``giver`` among these that are open are ``to``'s from now on."""
    await session.execute(
        update(Task)
        .where(Task.id.in_(ids), Task.staff == giver, Task.state == TaskState.OPEN)
        .values(staff=to, version=Task.version + 1)
    )


async def _open(session: AsyncSession, person: Person, task_id: int) -> Task:
    task = await session.get(Task, task_id, populate_existing=True)
    if task is None:
        raise NoSuchTask
    if not await concerns(session, person, task):
        raise NotYourTask
    if task.state is not TaskState.OPEN:
        raise TaskEnded(word=STATE_WORDS[task.state])
    return task


async def concerns(session: AsyncSession, person: Person, task: Task) -> bool:
    """Its owner, and whoever stands in for one who is away."""
    return person.id in (task.staff, await stand_in(session, task.staff))


async def stand_in(session: AsyncSession, staff_id: str) -> str | None:
    found: str | None = await session.scalar(select(Staff.deputy).where(Staff.id == staff_id))
    return found


async def open_of(session: AsyncSession, person: Person, limit: int = 20) -> tuple[list[Task], int]:
    """The next open tasks by due moment, also of those whom one stands in for, and how many there
    are in all."""
    mine = (_is_for(person), Task.state == TaskState.OPEN)
    count = await session.scalar(select(func.count()).select_from(Task).where(*mine))
    rows = await session.scalars(select(Task).where(*mine).order_by(Task.due_at).limit(limit))
    return list(rows), count or 0


def _is_for(person: Person) -> ColumnElement[bool]:
    absent = select(Staff.id).where(Staff.deputy == person.id)
    return or_(Task.staff == person.id, Task.staff.in_(absent))


_NEXT = (
    select(Task)
    .where(
        Task.client_id == bindparam("client"),
        Task.staff == bindparam("staff"),
        Task.state == TaskState.OPEN,
    )
    .order_by(Task.due_at)
    .limit(1)
)


async def next_of_client(session: AsyncSession, person: Person, client_id: int) -> Task | None:
    found: Task | None = await session.scalar(_NEXT, {"client": client_id, "staff": person.id})
    return found


async def of_client(
    session: AsyncSession, client_id: int, person: Person, limit: int = 20
) -> list[Task]:
    """One's own open tasks for a client, and those of whom one stands in for."""
    rows = await session.scalars(
        select(Task)
        .where(Task.client_id == client_id, _is_for(person), Task.state == TaskState.OPEN)
        .order_by(Task.due_at)
        .limit(limit)
    )
    return list(rows)


async def of_interaction(session: AsyncSession, interaction_id: int) -> list[Task]:
    rows = await session.scalars(
        select(Task).where(Task.interaction_id == interaction_id).order_by(Task.due_at)
    )
    return list(rows)


async def any_due(session: AsyncSession) -> bool:
    found = await session.scalar(select(Task.id).where(*_is_due(session)).limit(1))
    return found is not None


def _is_due(session: AsyncSession) -> tuple[ColumnElement[bool], ...]:
    return (
        Task.state == TaskState.OPEN,
        Task.reminded_at.is_(None),
        Task.due_at <= now(session),
    )


async def due(session: AsyncSession, limit: int = 200) -> list[Task]:
    """Open tasks whose moment has come and whose owner was not reminded yet, now marked so."""
    ids = list(
        await session.scalars(
            select(Task.id)
            .where(*_is_due(session))
            .order_by(Task.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )
    if not ids:
        return []
    await session.execute(update(Task).where(Task.id.in_(ids)).values(reminded_at=now(session)))
    rows = await session.scalars(
        select(Task).where(Task.id.in_(ids)).execution_options(populate_existing=True)
    )
    return list(rows)
