"""Reminds people of what is due."""

from bot.cards import task as draw
from bot.desk import Desk
from bot.outbox.outbox import Priority
from crm import people, tasks
from crm.kernel.db import Store, now
from crm.models import Client


async def remind(store: Store, desk: Desk) -> None:
    """Each due task once, to its owner and whoever stands in, in the same transaction that marks
    it."""
    async with store.reading() as session:
        if not await tasks.any_due(session):
            return
    async with store.writing() as session:
        for task in await tasks.due(session):
            client = await session.get(Client, task.client_id) if task.client_id else None
            name = client.name if client else ""
            await desk.refresh(session, f"task:{task.id}", why="remind")
            card = draw.task_card(task, name, now(session), title="提醒")
            await desk.tell(session, task.staff, card, why="remind", priority=Priority.DIGEST)
            deputy = await tasks.stand_in(session, task.staff)
            if deputy:
                owner = (await people.names(session, [task.staff]))[task.staff]
                card = draw.task_card(task, name, now(session), title=f"提醒（代 {owner}）")
                await desk.tell(session, deputy, card, why="remind", priority=Priority.DIGEST)
