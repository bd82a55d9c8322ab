"""Somebody leaves: what was owned is handed over, what is on the screens ends with the access."""

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from bot.models import Conversation, LiveCard
from crm import handover
from crm.handover import Leaving


async def leave(session: AsyncSession, staff_id: str, *, by: str) -> Leaving:
    """Access ends with the commit; cards that are still shown answer no click and are not drawn
    anew. Raises NoSuchStaff."""
    left = await handover.leave(session, staff_id, by=by)
    await session.execute(delete(LiveCard).where(LiveCard.receiver == staff_id))
    await session.execute(delete(Conversation).where(Conversation.staff == staff_id))
    return left
