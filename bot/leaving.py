"""Somebody leaves, or an account of his does: what was owned is handed over, what is on the screens
ends with the access."""

from collections.abc import Iterable

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from bot.chat.message import Place
from bot.holdings import OF_OTHERS
from bot.models import Conversation, LiveCard
from crm import binding, handover
from crm.handover import Leaving


async def leave(session: AsyncSession, staff_id: str, *, by: str) -> Leaving:
    """Access ends with the commit; cards that are still shown answer no click and are not drawn
    anew. Raises NoSuchStaff."""
    left = await handover.leave(session, staff_id, by=by)
    if left.to is not None:
        for holding in OF_OTHERS.values():
            await holding.move(session, staff_id, left.to.id, by=by)
    await session.execute(delete(LiveCard).where(LiveCard.receiver == staff_id))
    await session.execute(delete(Conversation).where(Conversation.staff == staff_id))
    return left


async def bind(session: AsyncSession, staff_id: str, platform: str, user: str, *, by: str) -> None:
    """Give a person an account, in the place of any other on the same platform. Raises
    NoSuchStaff or TakenLogin."""
    before = await binding.accounts(session, staff_id, platform)
    await binding.bind(session, staff_id, platform, user, by=by)
    await close_screens(session, platform, set(before) - {user})


async def unbind(session: AsyncSession, staff_id: str, platform: str, *, by: str) -> list[str]:
    """Take a person's accounts on a platform away; gives them. Raises NoLogin."""
    users = await binding.unbind(session, staff_id, platform, by=by)
    await close_screens(session, platform, users)
    return users


async def close_screens(session: AsyncSession, platform: str, users: Iterable[str]) -> None:
    """Private chats with accounts that are nobody's now: their cards end."""
    for table, private in ((LiveCard, (LiveCard.place == Place.PRIVATE,)), (Conversation, ())):
        here = (table.platform == platform, table.chat.in_(set(users)))
        await session.execute(delete(table).where(*here, *private))
