"""我的待办: everything that is open, on one page, where a card has room for eight."""

from html import escape
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import text
from bot.pages import html
from crm import people, tasks
from crm.kernel.db import now
from crm.models import Client, Task
from crm.people import Action, Person

MOST: Final = 500


async def todo(session: AsyncSession, person: Person) -> tuple[str, list[str]]:
    """Title and body. Raises NotAllowed."""
    person.must(Action.TASK)
    listed, total = await tasks.open_of(session, person, MOST)
    names = await _names(session, listed)
    absent = await people.names(session, {task.staff for task in listed} - {person.id})
    if not listed:
        return "没有待办", ["<p>新建请在会话里发：待办 张三 周五 回访</p>"]
    late = sum(task.due_at <= now(session) for task in listed)
    words = f"{person.name}，{late} 条已到期" if late else person.name
    hidden = f"<p>还有 {total - MOST} 条更晚的没有列出</p>" if total > MOST else ""
    lines = [_line(task, names, absent, session) for task in listed]
    return f"{total} 条待办", [f"<p>{escape(words)}</p>", html.rows(lines), hidden]


def _line(task: Task, names: dict[int, str], absent: dict[str, str], session: AsyncSession) -> str:
    at = now(session)
    is_late = task.due_at <= at
    when = ("到期 " if is_late else "") + text.soon(task.due_at, at)
    client = f"<b>{escape(names[task.client_id])}</b> " if task.client_id in names else ""
    mark = ' class="when late"' if is_late else ' class="when"'
    for_whom = f"代 {escape(absent[task.staff])} · " if task.staff in absent else ""
    return f"{for_whom}{client}{escape(task.text)}<span{mark}>{escape(when)}</span>"


async def _names(session: AsyncSession, listed: list[Task]) -> dict[int, str]:
    ids = {task.client_id for task in listed if task.client_id is not None}
    rows = await session.execute(select(Client.id, Client.name).where(Client.id.in_(ids)))
    return dict(rows.all())
