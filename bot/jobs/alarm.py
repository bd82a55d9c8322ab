"""Tells the system admins what only they can mend."""

from bot import metrics
from bot.cards import notice
from bot.desk import Desk
from bot.outbox.outbox import Priority
from crm import people
from crm.kernel.db import Store
from crm.models import Role


async def alarm(store: Store, desk: Desk, part: str, title: str, text: str) -> None:
    """Each of them in private, by the outbox. ``part`` is the one of ``/readyz``."""
    metrics.ALARMS.labels(part).inc()
    async with store.writing() as session:
        for admin in await people.with_role(session, Role.SYSTEM_ADMIN):
            card = notice.sentence(title, text)
            await desk.tell(session, admin.id, card, why="alarm", priority=Priority.URGENT)
